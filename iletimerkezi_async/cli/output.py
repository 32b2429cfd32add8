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
# As much as a pipe that is ready takes without blocking.
_PIECE = getattr(select, "PIPE_BUF", 512)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a stream, standard output if not told otherwise, is a terminal that can move its cursor."""
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
    """Write names and values, in two columns; in a terminal in lines that are broken between words."""
    width = max(map(len, pairs))
    rows = (_fold(one_line(str(value)), f"{name:<{width}}  ", sys.stdout) for name, value in pairs.items())
    write("".join(f"{row}\n" for row in rows))


def note(text: str) -> None:
    """Write one line to standard error; control characters are taken out."""
    say(" ".join(one_line(text).split()))


def say(text: str, label: str = "", end: str = "\n") -> None:
    """Write to standard error; in a terminal in lines that are broken between words.

    Args:
        text: The text.
        label: A label in front, by whose width the other lines are indented.
        end: The end of the last line.
    """
    sys.stderr.write(_fold(text, label, sys.stderr) + end)
    sys.stderr.flush()


def _fold(text: str, label: str, stream: TextIO) -> str:
    """A text behind a label, which the other lines are indented by; unbroken where it is for no terminal."""
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
    """Begin a new line behind the `^C` that the terminal has echoed."""
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def open_streams() -> None:
    """Make the streams fit for use.

    A stream that was closed before the start, which Python has as `None`, is replaced by the null device. A file or a
    pipe is read as UTF-8 in every locale: a text in another encoding would be sent garbled. Letters that standard
    output has no code for are written as escapes.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it is used to the end
    if not sys.stdin.isatty():
        # Some programs write a mark in front; with it in a text, an SMS would hold half as much.
        cast("TextIOWrapper", sys.stdin).reconfigure(encoding="utf-8-sig", errors="strict")
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")


def settle_stdout() -> None:
    """Flush standard output; where its reader is gone, keep the interpreter from trying again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Without a reader the work goes on.
        with suppress(OSError):
            complain(record.getMessage())


def show_log(level: int, name: str = _LOGGER) -> None:
    """Show the library's log, or another, from this level on, a line each; a later call changes the level."""
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(_Lines())
        # A driver's log of each attempt is summed up in the store's error.
        logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Rows(Generic[T]):
    """Many lines for standard output, which a reader may take slowly.

    A reader that stands still must not keep the command from being interrupted, so a pipe is only written to once it
    is ready, and no more than it takes.

    Args:
        fields: The object of a line of JSON.
        plain: The fields of a plain line, to be separated by tabs.
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
        """Write a line for each, as they come; returns their number."""
        seen = 0
        async for each in source:
            seen += 1
            await self.add(each)
        await self.flush()
        return seen

    async def add(self, each: T) -> None:
        """Write a line, soon."""
        if self._as_json:
            self._waiting += to_json(self._fields(each))
        else:
            self._waiting += ("\t".join(map(one_line, self._plain(each))) + "\n").encode(errors="replace")
        if len(self._waiting) >= _PIECE:
            await self._write_piece()

    async def flush(self) -> None:
        """Write what is left."""
        while self._waiting:
            await self._write_piece()

    async def _write_piece(self) -> None:
        if self._may_block:
            await anyio.wait_writable(self._fd)
        written = os.write(self._fd, self._waiting[:_PIECE])
        del self._waiting[:written]
