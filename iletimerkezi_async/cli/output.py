"""The streams: results on standard output, messages on standard error."""

from __future__ import annotations

import logging
import os
import select
import shutil
import stat
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TextIO, TypeVar, cast

import anyio
import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Mapping, Sequence
    from io import TextIOWrapper

__all__ = [
    "Rows", "complain", "end_line", "is_terminal", "note", "one_line", "open_streams", "say", "settle_stdout",
    "show_log", "to_json", "write", "write_json", "write_pairs",
]  # fmt: skip

T = TypeVar("T")

_LOGGER = "iletimerkezi_async"
# As many bytes as a pipe that is ready takes without blocking.
_PIECE = getattr(select, "PIPE_BUF", 512)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a stream (default: standard output) is a terminal that can move its cursor."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def one_line(text: str) -> str:
    """A text without control characters and line ends: it may come from a file or the network."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def write(text: str) -> None:
    """Write lines to standard output, at once, without control characters."""
    sys.stdout.write("\n".join(map(one_line, text.split("\n"))))
    sys.stdout.flush()


def to_json(fields: Mapping[str, object]) -> bytes:
    """One JSON object on a line of its own, in UTF-8; control characters are written as escapes."""
    text = orjson.dumps(fields).decode()
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else _escape(letter) for letter in text)
    return f"{text}\n".encode()


def _escape(letter: str) -> str:
    units = letter.encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def write_json(fields: Mapping[str, object]) -> None:
    """Write one JSON object, as `to_json` makes it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(to_json(fields))
    sys.stdout.buffer.flush()


def write_pairs(pairs: Mapping[str, object]) -> None:
    """Write names and values in two columns; in a terminal, wrap lines at words."""
    width = max(map(len, pairs))
    rows = (_fold(one_line(str(value)), f"{name:<{width}}  ", sys.stdout) for name, value in pairs.items())
    write("".join(f"{row}\n" for row in rows))


def note(text: str) -> None:
    """Write one line to standard error, without control characters."""
    say(" ".join(one_line(text).split()))


def say(text: str, label: str = "", end: str = "\n") -> None:
    """Write to standard error; in a terminal, wrap lines at words.

    Args:
        text: The text.
        label: A label before the text; further lines are indented by its width.
        end: The end of the last line.
    """
    sys.stderr.write(_fold(text, label, sys.stderr) + end)
    sys.stderr.flush()


def _fold(text: str, label: str, stream: TextIO) -> str:
    """A label and a text; in a terminal, further lines are wrapped and indented by the label's width."""
    if not stream.isatty():
        return label + text
    return textwrap.fill(
        text,
        shutil.get_terminal_size().columns,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


def complain(text: str) -> None:
    """Write one line of error or warning."""
    note(f"iletimerkezi: {text}")


def end_line() -> None:
    """Begin a new line after the `^C` that the terminal has echoed."""
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def open_streams() -> None:
    """Prepare the standard streams.

    A stream that was closed before the start (`None` in Python) is replaced by the null device. A file or a pipe as
    standard input is read as UTF-8 in every locale: a text read in another encoding would be sent garbled. Characters
    that standard output cannot encode are written as escapes.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it is used to the end
    if not sys.stdin.isatty():
        # Some programs write a byte order mark first. In a text it would halve what an SMS holds.
        cast("TextIOWrapper", sys.stdin).reconfigure(encoding="utf-8-sig", errors="strict")
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")


def settle_stdout() -> None:
    """Flush standard output. If its reader is gone, redirect it, so that the interpreter's last flush cannot fail."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # The work continues without a reader.
        with suppress(OSError):
            complain(record.getMessage())


def show_log(level: int, name: str = _LOGGER) -> None:
    """Show the library's log, or another, from this level on, one record per line; a later call changes the level."""
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(_Lines())
        # Hide the driver's log of each attempt: the store's error sums them up.
        logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Rows(Generic[T]):
    """Many lines for standard output, whose reader may be slow.

    Ctrl-C must work even if the reader has stopped reading, so data is written to a pipe only when it is ready, and
    only as much as it takes.

    Args:
        fields: Gives the object of a JSON line.
        plain: Gives the fields of a plain line, which are separated by tabs.
        as_json: Whether to write JSON.
    """

    def __init__(
        self, fields: Callable[[T], Mapping[str, object]], plain: Callable[[T], Sequence[str]], *, as_json: bool
    ) -> None:
        self._fields, self._plain, self._as_json = fields, plain, as_json
        self._waiting = bytearray()
        self._fd = sys.stdout.fileno()
        mode = os.fstat(self._fd).st_mode
        self._may_block = os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))

    async def add_all(self, source: AsyncIterable[T]) -> int:
        """Write a line for each item as it comes; return their number."""
        seen = 0
        async for each in source:
            seen += 1
            await self.add(each)
        await self.flush()
        return seen

    async def add(self, each: T) -> None:
        """Buffer a line, and write if the buffer is full."""
        if self._as_json:
            self._waiting += to_json(self._fields(each))
        else:
            self._waiting += ("\t".join(map(one_line, self._plain(each))) + "\n").encode(errors="replace")
        if len(self._waiting) >= _PIECE:
            await self._write_piece()

    async def flush(self) -> None:
        """Write the rest of the buffer."""
        while self._waiting:
            await self._write_piece()

    async def _write_piece(self) -> None:
        if self._may_block:
            await anyio.wait_writable(self._fd)
        written = os.write(self._fd, self._waiting[:_PIECE])
        del self._waiting[:written]
