"""Read rows from bytes: their encoding, plain lists (one number per line), comma-separated values."""

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
#: The default encoding of spreadsheets in Turkey.
WINDOWS = "cp1254"

_MARKS = {codecs.BOM_UTF8: UTF_8, codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Invalid bytes in UTF-8, as `surrogateescape` decodes them; and letters that are not ASCII.
_STRAY = re.compile("[\udc80-\udcff]")
_LETTER = re.compile("[^\x00-\x7f\udc80-\udcff]")
# Bytes that show whether every second one is 0.
_LOOK = 64

DELIMITERS = (",", ";", "\t", "|")
QUOTE = '"'
#: The line from which Excel reads the delimiter; it is not a row.
SEPARATOR_LINE = re.compile('"?sep=(.)"?[,;\t ]*', re.IGNORECASE)

# A file with a longer line is not a list.
_LONGEST_LINE = 1 << 20
_MARK = "\ufeff"


class Row(NamedTuple):
    """A row of a list.

    Attributes:
        line: Its line number; of a row over several lines, the first.
        cells: Its cells.
    """

    line: int
    cells: list[str]


class RowReader:
    """Converts bytes to rows as they come, so that a file of any size needs little memory.

    Args:
        name: Its name in errors.
        delimiter: The separator of the columns; `None` for a plain list.
        encoding: The encoding of the bytes.
        strict: Whether broken quotes are an error. They would swallow the rows after them.
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
        """Take more bytes, and return the rows that are now complete, without blank ones. No bytes mark the end.

        Raises:
            CommandError: The bytes cannot be decoded or parsed; the error names the line.
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
        """The first lines without byte order marks (some programs write two) and without Excel's `sep=` line."""
        lines = lines.lstrip(_MARK)
        first, newline, rest = lines.partition("\n")
        # A blank line replaces it, so that the other lines keep their numbers.
        return newline + rest if SEPARATOR_LINE.fullmatch(first) else lines

    def _decode(self, data: bytes) -> str:
        line = 0
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            # Count lines up to the bad byte, which is not part of a line end.
            line = self._decoded_lines + len(error.object[: error.start + 1].splitlines())
            text = ""
        if line:
            # Raise outside the handler, as the decoding error holds the bytes.
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
            # The lines of an incomplete record are read again when there are more.
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
    """The problem with the quotes, in plain words."""
    if "unexpected end" in problem:
        return "a quotation mark is opened here and never closed"
    if "expected after" in problem:
        return "after a closing quotation mark the next column must begin; inside a value, write the mark twice"
    if "field larger" in problem:
        return "a value is too long for a list of recipients; a quotation mark may never be closed"
    return problem


class _StarvedError(Exception):
    """There are no more lines now, but more may come."""


def guess_encoding(pieces: Iterable[bytes]) -> str:
    """Guess the encoding of bytes; return Python's name for it.

    A byte order mark decides. Without one: UTF-16 if every second byte is mostly 0; Windows-1254 if there are more
    invalid UTF-8 bytes than non-ASCII letters in UTF-8; else UTF-8. So a few invalid bytes among valid letters count as
    damage, which is reported when they are read.
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
    """Whether most bytes are 0, as is every second byte of Latin text in UTF-16."""
    return len(data) > 1 and 2 * data.count(0) > len(data)


def read_encoding(typed: str | None) -> str | None:
    """The encoding that was typed.

    Raises:
        WrongUsageError: There is no encoding of this name.
    """
    if typed is None:
        return None
    try:
        codec = codecs.lookup(typed)
        # Some codecs convert only bytes to bytes.
        codecs.decode(b"", typed)
        "".encode(typed)
    except (LookupError, ValueError, TypeError):
        codec = None
    if codec is None:
        raise WrongUsageError(f"--encoding {typed!r} is not an encoding such as utf-8, utf-16 or windows-1254")
    return UTF_8 if codec.name in {"utf-8", "utf-8-sig"} else codec.name


def describe_encoding(encoding: str) -> str:
    """The encoding's name, as spreadsheets show it."""
    return {UTF_8: "UTF-8", WINDOWS: "Windows-1254"}.get(encoding, encoding.upper())
