"""Files that the command reads, as one call for the property tests and for atheris."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import cast

from iletimerkezi_async.cli import app
from iletimerkezi_async.cli.messages import CommandError
from iletimerkezi_async.cli.tables import UTF_8, Row, RowReader

# Behind the names of those who were refused, or would be.
_IN_VAIN = (
    "iletimerkezi: no recipient was texted: every number was refused\n",
    "iletimerkezi: no recipient is left: every number is refused\n",
)
_ERROR = re.compile(r"iletimerkezi: [^\n]+\n")


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command in this process: its exit code and what it wrote."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            app(arguments, prog_name="iletimerkezi")
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    written = []
    for stream in (out, err):
        stream.flush()
        written.append(cast("io.BytesIO", stream.buffer).getvalue().decode())
    return code, written[0], written[1]


def expand(content: bytes) -> bytes:
    """Write the long fields out, which stand in short so that a failure can be shown."""
    return content.replace(b"<long>", b"x" * 140_000)


def read_file(path: Path, content: bytes, *arguments: str) -> str:
    """Have the command read a file: what it shows of it, or nothing where it refuses it with one line of error."""
    path.write_bytes(expand(content))
    code, out, err = run(*arguments)
    if code == 0 or (code == 1 and err.endswith(_IN_VAIN)):
        return out
    assert code in {1, 2}
    assert "a bug" not in err
    assert _ERROR.fullmatch(err), err
    return ""


def read_rows(pieces: list[bytes], delimiter: str | None, encoding: str = UTF_8) -> list[Row] | None:
    """The rows of a list that comes in pieces; nothing where it is refused."""
    reader = RowReader("list", delimiter, encoding)
    try:
        return [row for piece in [*filter(None, pieces), b""] for row in reader.feed(piece)]
    except CommandError:
        return None
