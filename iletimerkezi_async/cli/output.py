"""The streams: results on standard output, everything said about them on standard error."""

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
from typing import TYPE_CHECKING, TextIO, cast

import anyio
import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import TextIOWrapper

__all__ = [
    "Rows",
    "complain",
    "end_line",
    "is_terminal",
    "note",
    "one_line",
    "open_streams",
    "say",
    "settle_stdout",
    "show_log",
    "to_json",
    "write",
    "write_json",
    "write_pairs",
]

_LOGGER = "iletimerkezi_async"
# As much as a pipe that is ready takes without blocking.
_PIECE = getattr(select, "PIPE_BUF", 512)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a stream, standard output if not told otherwise, is a terminal that can move its cursor."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def one_line(text: str) -> str:
    """A text without anything that could move the cursor or begin a line: it may have come from anywhere."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def write(text: str) -> None:
    """Write lines to standard output, at once. What could move the cursor is taken out."""
    sys.stdout.write("\n".join(map(one_line, text.split("\n"))))
    sys.stdout.flush()


def to_json(fields: Mapping[str, object]) -> bytes:
    """One JSON object on a line of its own, in UTF-8; what could move the cursor is written as its code."""
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
    """Write names and values, in two columns."""
    width = max(map(len, pairs))
    write("".join(f"{name:<{width}}  {one_line(str(value))}\n" for name, value in pairs.items()))


def note(text: str) -> None:
    """Write one line to standard error; whatever could move the cursor is taken out."""
    say(" ".join(one_line(text).split()))


def say(text: str, label: str = "", end: str = "\n") -> None:
    """Write to standard error; in a terminal in lines that are broken between words.

    Args:
        text: What to write.
        label: What stands in front, and is as wide as what the other lines begin with.
        end: What comes after it.
    """
    if sys.stderr.isatty():
        lines = textwrap.TextWrapper(
            shutil.get_terminal_size().columns,
            initial_indent=label,
            subsequent_indent=" " * len(label),
            break_long_words=False,
            break_on_hyphens=False,
        )
        text = lines.fill(text)
    else:
        text = label + text
    sys.stderr.write(text + end)
    sys.stderr.flush()


def complain(text: str) -> None:
    """Write one line of error or warning."""
    note(f"iletimerkezi: {text}")


def end_line() -> None:
    """Leave the line on which the terminal has echoed `^C`."""
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def open_streams() -> None:
    """Make the streams fit for use.

    One that was closed before the start, which Python has as `None`, is replaced: nobody is there. A file or a pipe is
    read as UTF-8, whatever the locale says: a text in any other guise would be sent like that. Letters that standard
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
    """Write out what is left; where nobody takes it, keep the interpreter from trying again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # What is logged about must not end because nobody reads it.
        with suppress(OSError):
            complain(record.getMessage())


def show_log(level: int, name: str = _LOGGER) -> None:
    """Show the library's log, or another, from this level on, a line each; a later call changes the level."""
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(_Lines())
        # What a driver says of each attempt is told once, as the store's error.
        logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Rows:
    """Many lines for standard output, which a reader may take slowly.

    A reader that stands still must not keep the command from being interrupted, so a pipe is only written to once it
    is ready, and no more than it takes.
    """

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._fd = sys.stdout.fileno()
        mode = os.fstat(self._fd).st_mode
        self._may_block = os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))

    async def add(self, *fields: str) -> None:
        """Write a line, soon: fields with tabs between them, without whatever else could move the cursor."""
        await self._add(("\t".join(map(one_line, fields)) + "\n").encode(errors="replace"))

    async def add_json(self, fields: Mapping[str, object]) -> None:
        """Write a line, soon: one JSON object."""
        await self._add(to_json(fields))

    async def _add(self, line: bytes) -> None:
        self._waiting += line
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
