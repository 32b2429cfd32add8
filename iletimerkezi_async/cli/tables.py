"""Rows out of bytes: plain lists, a number a line, and comma-separated values."""

import codecs
import csv
import io
from collections import deque
from typing import TYPE_CHECKING

from .messages import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DELIMITERS", "QUOTE", "RowReader"]

DELIMITERS = (",", ";", "\t", "|")
QUOTE = '"'

# Longer lines are none, but a file of another kind.
_LONGEST_LINE = 1 << 20


class RowReader:
    """Turns bytes into rows as they come, so that a file of any size takes little memory.

    Args:
        name: The file's name, for errors.
        delimiter: What separates the columns; `None` for a plain list.
        skip: How many rows to leave out at the start: the header.
        strict: Whether broken quotes are an error. They would swallow the rows that follow.
    """

    def __init__(self, name: str, delimiter: str | None, *, skip: int = 0, strict: bool = True) -> None:
        self._name = name
        self._skip = skip
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
        self._decoded_lines = 0
        self._incomplete = ""
        self._lines = _Lines()
        self._line = 0
        self._records: Iterator[list[str]] | None = None
        if delimiter is not None:
            self._records = csv.reader(self._lines, delimiter=delimiter, strict=strict, skipinitialspace=True)

    def feed(self, data: bytes) -> list[list[str]]:
        """The rows that are complete with these bytes; blank ones are left out. No bytes: the end.

        Raises:
            CommandError: The bytes are not such a file; the error names the line.
        """
        text = self._incomplete + self._decode(data)
        whole, newline, self._incomplete = text.rpartition("\n") if data else (text, "", "")
        if len(self._incomplete) > _LONGEST_LINE:
            raise self._complain(self._decoded_lines + 1, "the line is too long for a list of recipients")
        rows = self._split(whole + newline) if self._records is None else self._parse(whole + newline, not data)
        skipped = min(self._skip, len(rows))
        self._skip -= skipped
        return rows[skipped:]

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
            raise self._complain(line, 'it is not UTF-8; in a spreadsheet, save it as "CSV UTF-8"')
        if "\0" in text:
            line = self._decoded_lines + text[: text.index("\0")].count("\n") + 1
            raise self._complain(line, "there is a NUL byte, which no text has")
        self._decoded_lines += text.count("\n")
        return text

    @staticmethod
    def _split(text: str) -> list[list[str]]:
        return [[cell] for line in text.split("\n") if (cell := line.strip())]

    def _parse(self, text: str, is_end: bool) -> list[list[str]]:
        assert self._records is not None
        self._lines.add(text, is_end)
        rows: list[list[str]] = []
        complaint = ""
        try:
            for row in self._records:
                self._line += self._lines.accept()
                if any(map(str.strip, row)):
                    rows.append(row)
        except _StarvedError:
            self._lines.put_back()
        except csv.Error as error:
            complaint = str(error)
        if complaint:
            raise self._complain(self._line + 1, f"the quotes or columns are broken: {complaint}")
        return rows

    def _complain(self, line: int, what: str) -> CommandError:
        return CommandError(f"{self._name}, line {line:,}: {what}")


class _StarvedError(Exception):
    """The lines ran out, and more may come."""


class _Lines:
    """Lines for `csv.reader`, which may end within a record: then its lines are read again once more are there."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._taken: list[str] = []
        self._ended = False

    def add(self, text: str, is_end: bool) -> None:
        """Have more lines; whole ones."""
        if text:
            self._waiting.extend(f"{line}\n" for line in text.removesuffix("\n").split("\n"))
        self._ended = is_end

    def accept(self) -> int:
        """Forget the lines of a complete record; how many they were."""
        count = len(self._taken)
        self._taken.clear()
        return count

    def put_back(self) -> None:
        """Keep the lines of an incomplete record."""
        self._waiting.extendleft(reversed(self._taken))
        self._taken.clear()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if not self._waiting:
            raise StopIteration if self._ended else _StarvedError
        line = self._waiting.popleft()
        self._taken.append(line)
        return line
