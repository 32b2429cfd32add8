"""Lists of recipients: the file, its layout, and its rows one after another."""

import codecs
import io
import os
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeAlias, TypeVar

import anyio

from iletimerkezi_async.numbers import clean_numbers, find_flaw
from iletimerkezi_async.results import Refusal

from .display import working
from .layouts import Layout, Wishes, find_delimiter, find_layout, is_nearly_number
from .messages import CommandError, WrongUsageError
from .sheets import MAGIC, OLD_MAGIC, Sheet
from .tables import DELIMITERS, SEPARATOR_LINE, Row, RowReader, describe_encoding, guess_encoding

__all__ = ["RecipientList", "open_list"]

T = TypeVar("T")
#: Converts rows that fit the layout.
Read: TypeAlias = Callable[[Sequence[Row]], Iterable[T]]

_PIECE = 1 << 16
# Rows to detect the layout from.
_SAMPLE = 200
# Rows of a pipe to wait for while none of them has a number.
_ENOUGH = 20
# Other kinds of files that may hold numbers, by their first bytes.
_OTHERS = {
    b"begin:vcard": "a vCard of contacts",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<table": "a web page",
    b"<?xml": "an XML file",
    b"%pdf": "a PDF",
    b"{\\rtf": "a document with formatted text",
    b'{"': "a JSON file",
    b"[{": "a JSON file",
}
_BEFORE = codecs.BOM_UTF8 + b" \t\r\n"
_DELIMITER_NAMES = {"\t": "tab"}
_SWAPPED = str.maketrans(",.", ".,")


class RecipientList(ABC):
    """An open list of recipients.

    Attributes:
        name: Its name in errors.
        layout: Its layout.
        total: The number of rows; `None` for a pipe, which can be read only once.
        place: The word before a row's number: line or row.
    """

    name: str
    layout: Layout
    total: int | None = None
    place = "line"

    @abstractmethod
    def describe(self) -> Mapping[str, str]:
        """The layout, as names and values for the user."""

    @abstractmethod
    def pieces(self) -> Iterator[list[Row]]:
        """All rows, in chunks.

        Raises:
            CommandError: The file cannot be read to its end.
        """

    def count(self) -> None:
        """Count the rows. Each is parsed, so that a broken one is reported before anything is sent.

        Raises:
            CommandError: The file cannot be read to its end.
        """
        self.total = sum(map(len, self.pieces())) - self.layout.skipped

    def rows(self, read: Read[T]) -> Iterable[T | Refusal] | AsyncIterable[T | Refusal]:
        """All rows, converted by `read` in chunks; asynchronous if the source may have to be waited for."""
        return self._read_all(read)

    def _read_all(self, read: Read[T]) -> Iterator[T | Refusal]:
        begun = 0
        for rows in self.pieces():
            yield from self.read_piece(read, rows, begun)
            begun += len(rows)

    def number(self, row: Row) -> str:
        """The number in a row, as written."""
        index = self.layout.numbers
        return row.cells[index].strip() if index < len(row.cells) else ""

    def where(self, row: Row) -> str:
        """The place of a row, as text for the user."""
        return f"{self.place} {row.line}"

    def numbers(self, rows: Sequence[Row]) -> Iterable[str | Refusal]:
        """The numbers in rows; instead of a bad one a refusal with its place."""
        written = [self.number(row) for row in rows]
        for row, each, number in zip(rows, written, clean_numbers(written)):
            yield number or Refusal(each, f"{self.where(row)}: {find_flaw(each)}")

    def describe_layout(self) -> dict[str, str]:
        """The part of `describe` that all lists share."""
        layout = self.layout
        header = f"{self.place} {layout.header_line}" if layout.header else "none"
        return {"column": layout.column, "header": header}

    def read_piece(self, read: Read[T], rows: Sequence[Row], begun: int) -> Iterator[T | Refusal]:
        """Convert rows; instead of a row whose layout differs from the header's, give a refusal.

        Args:
            read: Converts rows.
            rows: Consecutive rows.
            begun: The number of rows before these.
        """
        good: list[Row] = []
        for row in rows[max(0, self.layout.skipped - begun) :]:
            if flaw := self.find_flaw(row):
                yield from read(good)
                good = []
                yield Refusal(self.number(row), f"{self.where(row)}: {flaw}")
            else:
                good.append(row)
        yield from read(good)

    def find_flaw(self, row: Row) -> str | None:
        """The reason to leave a row out before its cells are read."""
        if self.layout.is_shifted(row.cells):
            return f"{len(row.cells)} values in {self.layout.width} columns: it is unknown which is which"
        return None


class TextList(RecipientList):
    """A text file: one number per line, or a table.

    Args:
        fd: The file.
        name: Its name in errors.
        head: Its first bytes.
        wishes: The parts of the layout that options set.
    """

    def __init__(self, fd: int, name: str, head: bytes, wishes: Wishes) -> None:
        self.name = name
        self._fd = fd
        mode = os.fstat(fd).st_mode
        self._start = os.lseek(fd, 0, os.SEEK_CUR) - len(head) if stat.S_ISREG(mode) else None
        self._may_wait = os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd))
        # A pipe cannot be read again.
        self._head = head
        self._encoding = wishes.encoding or ""
        if not self._encoding and self._start is not None:
            self._encoding = guess_encoding(self._bytes())
        sample = self._read_sample(wishes)
        delimiter = wishes.delimiter or self._stated_delimiter() or find_delimiter(sample)
        self.layout = find_layout(name, sample[delimiter], delimiter, wishes)

    def count(self) -> None:
        """See `RecipientList`."""
        if self._start is not None:
            super().count()

    def describe(self) -> Mapping[str, str]:
        """See `RecipientList`."""
        delimiter = self.layout.delimiter
        shown = "none" if delimiter is None else _DELIMITER_NAMES.get(delimiter, delimiter)
        return {**self.describe_layout(), "delimiter": shown, "encoding": describe_encoding(self._encoding)}

    def rows(self, read: Read[T]) -> Iterable[T | Refusal] | AsyncIterable[T | Refusal]:
        """See `RecipientList`."""
        return self._stream(read) if self._may_wait else super().rows(read)

    async def _stream(self, read: Read[T]) -> AsyncGenerator[T | Refusal]:
        """The rows of a pipe or a terminal, read without blocking the event loop while no data comes."""
        reader, data, begun = self._reader(), self._head, 0
        while data:
            rows = reader.feed(data)
            for each in self.read_piece(read, rows, begun):
                yield each
            begun += len(rows)
            await anyio.wait_readable(self._fd)
            data = self._read()
        for each in self.read_piece(read, reader.feed(b""), begun):
            yield each

    def _reader(self) -> RowReader:
        return RowReader(self.name, self.layout.delimiter, self._encoding)

    def pieces(self) -> Iterator[list[Row]]:
        """See `RecipientList`."""
        reader = self._reader()
        for data in self._bytes():
            yield reader.feed(data)
        yield reader.feed(b"")

    def _bytes(self) -> Iterator[bytes]:
        data = self._head
        if self._start is not None:
            os.lseek(self._fd, self._start, os.SEEK_SET)
            data = self._read()
        while data:
            yield data
            data = self._read()

    def _read(self) -> bytes:
        return _read(self._fd, self.name)

    def _stated_delimiter(self) -> str | None:
        """The delimiter in a first line for Excel (`sep=;`), if there is one."""
        first = self._head.decode(self._encoding, "ignore").lstrip("\ufeff").splitlines()[:1]
        stated = SEPARATOR_LINE.fullmatch(first[0]) if first else None
        return stated[1] if stated else None

    def _read_sample(self, wishes: Wishes) -> dict[str | None, list[Row]]:
        """See `_sample`."""
        if self._start is not None:
            os.lseek(self._fd, self._start + len(self._head), os.SEEK_SET)
        data = self._head
        while True:
            encoding = self._encoding or guess_encoding([self._head])
            sample = _sample(self.name, self._head, encoding, wishes, is_all=not data)
            # A pipe may give less than a row at a time, and a header alone does not show the layout.
            is_enough = len(sample[None]) >= _ENOUGH or any(is_nearly_number(row.cells[0]) for row in sample[None])
            if self._head and all(sample.values()) and (is_enough or not data):
                self._encoding = encoding
                return sample
            if not data:
                raise CommandError(f"{self.name} is empty")
            data = self._read()
            self._head += data


class SheetList(RecipientList):
    """A list that is a sheet of a workbook.

    Args:
        content: The workbook.
        name: Its name in errors.
        wishes: The parts of the layout that options set.
    """

    place = "row"

    def __init__(self, content: bytes, name: str, wishes: Wishes) -> None:
        self.name = name
        self._sheet = Sheet(io.BytesIO(content), name, wishes.sheet, comma=not wishes.point)
        rows = self._sheet.sample(_SAMPLE)
        if not rows:
            raise CommandError(f"{name}: the sheet {self._sheet.title!r} is empty")
        self.layout = find_layout(name, rows, None, wishes)

    def describe(self) -> Mapping[str, str]:
        """See `RecipientList`."""
        decimals = "with a comma: 1,5" if self._sheet.comma else "with a point: 1.5"
        return {**self.describe_layout(), "sheet": repr(self._sheet.title), "decimals": decimals}

    def number(self, row: Row) -> str:
        """See `RecipientList`; thousands are separated by points, as in 5.301.234.567."""
        number = super().number(row)
        return number if self._sheet.comma else number.translate(_SWAPPED)

    def find_flaw(self, row: Row) -> str | None:
        """See `RecipientList`; hidden rows are left out, as a filter hides the rows that the user does not want."""
        return self._sheet.flaws.get(row.line) or super().find_flaw(row)

    def pieces(self) -> Iterator[list[Row]]:
        """See `RecipientList`."""
        return self._sheet.pieces()


@contextmanager
def open_list(path: str, wishes: Wishes) -> Generator[RecipientList]:
    """Open a list of recipients, and detect its layout.

    Args:
        path: The file, or `-` for standard input.
        wishes: The parts of the layout that options set.

    Raises:
        CommandError: The file cannot be read.
        WrongUsageError: The column of numbers does not exist or is unclear, or an option is for another kind of file.
    """
    name = "standard input" if path == "-" else path
    try:
        fd = sys.stdin.fileno() if path == "-" else os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        # Draw no spinner for standard input: numbers may be typed there.
        with nullcontext() if path == "-" else working(f"reading {name}"):
            recipients = _open(fd, name, wishes)
            recipients.count()
        yield recipients
    finally:
        if path != "-":
            os.close(fd)


def _open(fd: int, name: str, wishes: Wishes) -> RecipientList:
    head = _read(fd, name)
    if head.startswith(OLD_MAGIC):
        raise CommandError(
            f"{name}: it has a password, or is of an Excel before 2007 (.xls); save it as .xlsx without a password, "
            "or as CSV UTF-8"
        )
    kind = next((kind for mark, kind in _OTHERS.items() if head.lstrip(_BEFORE).lower().startswith(mark)), None)
    if kind:
        raise CommandError(f"{name}: it is {kind}, and no list; save it as .xlsx or CSV UTF-8")
    is_book = head.startswith(MAGIC)
    what = "a workbook (.xlsx), and no text" if is_book else "a text, and no workbook (.xlsx)"
    of_texts = {"--delimiter": wishes.delimiter, "--encoding": wishes.encoding}
    of_books = {"--sheet": wishes.sheet, "--decimal-point": wishes.point or None}
    for option, given in (of_texts if is_book else of_books).items():
        if given is not None:
            raise WrongUsageError(f"{name} is {what}: leave out {option}")
    if not is_book:
        return TextList(fd, name, head, wishes)
    pieces = [head]
    while pieces[-1]:
        pieces.append(_read(fd, name))
    return SheetList(b"".join(pieces), name, wishes)


def _read(fd: int, name: str) -> bytes:
    try:
        return os.read(fd, _PIECE)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from None


def _sample(name: str, head: bytes, encoding: str, wishes: Wishes, *, is_all: bool) -> dict[str | None, list[Row]]:
    """The first rows, split by each delimiter, and as a plain list (key `None`)."""
    sample: dict[str | None, list[Row]] = {}
    # Excel's `sep=` line may name any delimiter, and so may the option.
    stated = SEPARATOR_LINE.match(head.decode(encoding, "ignore").lstrip("\ufeff"))
    for delimiter in dict.fromkeys([None, *DELIMITERS, wishes.delimiter, stated[1] if stated else None]):
        # Not strict: broken rows are reported later, when the layout is known.
        reader = RowReader(name, delimiter, encoding, strict=False)
        rows = reader.feed(head) if head else []
        sample[delimiter] = [*rows, *(reader.feed(b"") if is_all else [])][:_SAMPLE]
    return sample
