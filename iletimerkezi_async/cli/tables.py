"""Rows out of bytes: their encoding; plain lists, a number a line; and comma-separated values."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from .messages import CommandError, WrongUsageError

__all__ = [
    "DELIMITERS", "QUOTE", "SEPARATOR_LINE", "UTF_8", "WINDOWS", "Row", "RowReader",
    "describe_encoding", "guess_encoding", "read_encoding",
]  # fmt: skip

UTF_8 = "utf-8"
#: What spreadsheets write in Turkey when they are not told otherwise.
WINDOWS = "cp1254"

_MARKS = {codecs.BOM_UTF8: UTF_8, codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Bytes that UTF-8 does not have, as `surrogateescape` decodes them; and letters beyond ASCII.
_STRAY = re.compile("[\udc80-\udcff]")
_LETTER = re.compile("[^\x00-\x7f\udc80-\udcff]")
# Enough to see that every other byte is empty.
_LOOK = 64

DELIMITERS = (",", ";", "\t", "|")
QUOTE = '"'
#: What Excel reads the delimiter from; it is no row.
SEPARATOR_LINE = re.compile('"?sep=(.)"?[,;\t ]*', re.IGNORECASE)

# Longer lines are none, but a file of another kind.
_LONGEST_LINE = 1 << 20
_MARK = "\ufeff"


class Row(NamedTuple):
    """A row of a list.

    Attributes:
        line: Its number; where it goes over several lines, that of the first.
        cells: Its cells.
    """

    line: int
    cells: list[str]


class RowReader:
    """Turns bytes into rows as they come, so that a file of any size takes little memory.

    Args:
        name: Its name in errors.
        delimiter: The separator of the columns; `None` for a plain list.
        encoding: The encoding of the bytes.
        strict: Whether broken quotes, which swallow the rows behind them, are an error.
    """

    def __init__(self, name: str, delimiter: str | None, encoding: str = UTF_8, *, strict: bool = True) -> None:
        self._name = name
        self._encoding = encoding
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
        self._decoded_lines = 0
        self._incomplete = ""
        self._delimiter = delimiter
        self._strict = strict
        self._begun = False
        self._line = 0
        self._pending: list[str] = []

    def feed(self, data: bytes) -> list[Row]:
        """The rows that are complete with these bytes; blank ones are left out. No bytes: the end.

        Raises:
            CommandError: The bytes are not such a file; the error names the line.
        """
        text = self._incomplete + self._decode(data)
        whole, newline, self._incomplete = text.rpartition("\n") if data else (text, "", "")
        if len(self._incomplete) > _LONGEST_LINE:
            raise self._complain(self._decoded_lines + 1, "the line is too long for a list of recipients")
        lines = whole + newline
        if lines and not self._begun:
            self._begun = True
            lines = self._begin(lines)
        return self._split(lines) if self._delimiter is None else self._parse(lines, not data)

    @staticmethod
    def _begin(lines: str) -> str:
        """The first lines without marks in front, of which some programs write two, and without Excel's own line."""
        lines = lines.lstrip(_MARK)
        first, newline, rest = lines.partition("\n")
        # A blank line stands in for it, so that the others keep their numbers.
        return newline + rest if SEPARATOR_LINE.fullmatch(first) else lines

    def _decode(self, data: bytes) -> str:
        line = 0
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            # Up to and with the bad byte, which is of no line end.
            line = self._decoded_lines + len(error.object[: error.start + 1].splitlines())
            text = ""
        if line:
            # Outside of the handler, as the error holds the bytes.
            raise self._complain(line, _undecodable(self._encoding))
        if "\0" in text:
            line = self._decoded_lines + text[: text.index("\0")].count("\n") + 1
            raise self._complain(
                line, 'there is a NUL byte, which no text has; in a spreadsheet, save the file as "CSV UTF-8"'
            )
        self._decoded_lines += text.count("\n")
        return text

    def _split(self, text: str) -> list[Row]:
        lines = text.split("\n")
        rows = [Row(line, [cell]) for line, each in enumerate(lines, self._line + 1) if (cell := each.strip())]
        self._line += len(lines) - 1
        return rows

    def _parse(self, text: str, is_end: bool) -> list[Row]:
        assert self._delimiter is not None
        if text:
            self._pending += [f"{line}\n" for line in text.removesuffix("\n").split("\n")]
        records = csv.reader(self._give(is_end), delimiter=self._delimiter, strict=self._strict, skipinitialspace=True)
        rows: list[Row] = []
        taken = 0
        complaint = ""
        try:
            for cells in records:
                if any(map(str.strip, cells)):
                    rows.append(Row(self._line + taken + 1, cells))
                taken = records.line_num
        except _StarvedError:
            # The lines of an incomplete record are read again once more are there.
            pass
        except csv.Error as error:
            complaint = _broken(str(error))
        if complaint:
            raise self._complain(self._line + taken + 1, f"the quotes or columns are broken: {complaint}")
        self._line += taken
        del self._pending[:taken]
        return rows

    def _give(self, is_end: bool) -> Iterator[str]:
        yield from self._pending
        if not is_end:
            raise _StarvedError

    def _complain(self, line: int, what: str) -> CommandError:
        return CommandError(f"{self._name}, line {line}: {what}")


def _undecodable(encoding: str) -> str:
    if encoding == UTF_8:
        return (
            'there is a letter that is not UTF-8; in a spreadsheet, save the file as "CSV UTF-8", or say --encoding, '
            "such as windows-1254"
        )
    if encoding == WINDOWS:
        return 'it is neither UTF-8 nor Windows-1254; in a spreadsheet, save the file as "CSV UTF-8"'
    return f'there is a letter that is not {encoding}; in a spreadsheet, save the file as "CSV UTF-8"'


def _broken(problem: str) -> str:
    """What is wrong with the quotes, in plain words."""
    if "unexpected end" in problem:
        return "a quotation mark is opened here and never closed"
    if "expected after" in problem:
        return "behind a closing quotation mark the next column must begin; within a value it is written twice"
    if "field larger" in problem:
        return "a value is too long for a list of recipients; a quotation mark may never be closed"
    return problem


class _StarvedError(Exception):
    """The lines ran out, and more may come."""


def guess_encoding(pieces: Iterable[bytes]) -> str:
    """The encoding of bytes that come in pieces, by the name that Python has for it.

    A mark in front tells it. Without one, what is UTF-8 is read as such; what is not, and has more bytes that no UTF-8
    has than letters of it, as Windows-1254. A few bad bytes among good letters are damage, which is told where they
    are read.
    """
    decoder = codecs.getincrementaldecoder(UTF_8)("surrogateescape")
    head, letters, strays = b"", 0, 0
    for piece in chain(pieces, [b""]):
        head = (head + piece[:_LOOK])[:_LOOK]
        text = decoder.decode(piece, final=not piece)
        if not text.isascii():
            letters += len(_LETTER.findall(text))
            strays += len(_STRAY.findall(text))
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if _is_mostly_empty(head[1::2]) and all(head[::2]):
        return "utf-16-le"
    if _is_mostly_empty(head[::2]) and all(head[1::2]):
        return "utf-16-be"
    return WINDOWS if strays > letters else UTF_8


def _is_mostly_empty(data: bytes) -> bool:
    """As is one half of the bytes of a text in UTF-16, whose Latin letters need the other half alone."""
    return len(data) > 1 and 2 * data.count(0) > len(data)


def read_encoding(typed: str | None) -> str | None:
    """The encoding that was typed.

    Raises:
        WrongUsageError: There is none of this name.
    """
    if typed is None:
        return None
    try:
        codec = codecs.lookup(typed)
        # Some codecs are of bytes alone.
        codecs.decode(b"", typed)
        "".encode(typed)
    except (LookupError, ValueError, TypeError):
        codec = None
    if codec is None:
        raise WrongUsageError(f"--encoding {typed!r} is not an encoding such as utf-8, utf-16 or windows-1254")
    return UTF_8 if codec.name in {"utf-8", "utf-8-sig"} else codec.name


def describe_encoding(encoding: str) -> str:
    """The name that spreadsheets have for it."""
    return {UTF_8: "UTF-8", WINDOWS: "Windows-1254"}.get(encoding, encoding.upper())
