"""Lists of recipients: which file, how it is laid out, and its rows one after another."""

import os
import stat
import sys
from collections import deque
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import anyio
from attrs import frozen

from iletimerkezi_async.numbers import clean_number

from .messages import CommandError, WrongUsageError
from .tables import DELIMITERS, QUOTE, RowReader

__all__ = ["RecipientList", "open_list"]

T = TypeVar("T")

_KNOWN_NAMES = frozenset({"telefon", "tel", "gsm", "cep", "numara", "number", "phone", "msisdn"})
_PIECE = 1 << 16
# To tell the layout by.
_SAMPLE = 20


@frozen
class _Layout:
    """How a list is written.

    Attributes:
        delimiter: What separates the columns; `None` in a plain list.
        header: The columns' names; none where the first row is a recipient.
        numbers: The index of the column with the numbers.
    """

    delimiter: str | None
    header: tuple[str, ...]
    numbers: int


class RecipientList:
    """An open list of recipients.

    Args:
        fd: The file.
        name: What errors call it.
        column: The column with the numbers, as typed; `None` to find it.
    """

    def __init__(self, fd: int, name: str, column: str | None) -> None:
        self.name = name
        self._fd = fd
        mode = os.fstat(fd).st_mode
        self._start = os.lseek(fd, 0, os.SEEK_CUR) if stat.S_ISREG(mode) else None
        self._may_wait = os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd))
        # What a pipe has given cannot be read again.
        self._head = b""
        self._layout = _find_layout(name, self._read_sample(), column)

    def count(self) -> int | None:
        """How many rows there are, all looked at once, so that a bad one is told before anything is sent.

        Returns:
            `None` for a pipe, which can only be read once.

        Raises:
            CommandError: The file is not what it seemed.
        """
        return None if self._start is None else sum(map(len, self._pieces()))

    def find(self, name: str) -> int:
        """The index of a column.

        Raises:
            WrongUsageError: There is none of this name.
        """
        return _find(self.name, self._layout.header, name)

    def rows(self, read: Callable[[list[str]], T]) -> Iterable[T] | AsyncIterable[T]:
        """All rows, as `read` makes them; asynchronous where they may have to be waited for."""
        return _Stream(self._read, self._fd, self._head, self._reader(), read) if self._may_wait else self._map(read)

    def number(self, row: list[str]) -> str:
        """The number in a row, as it is written."""
        index = self._layout.numbers
        return row[index].strip() if index < len(row) else ""

    def _reader(self) -> RowReader:
        return RowReader(self.name, self._layout.delimiter, skip=bool(self._layout.header))

    def _map(self, read: Callable[[list[str]], T]) -> Iterator[T]:
        for rows in self._pieces():
            yield from map(read, rows)

    def _pieces(self) -> Iterator[list[list[str]]]:
        reader = self._reader()
        data = self._head
        if self._start is not None:
            os.lseek(self._fd, self._start, os.SEEK_SET)
            data = self._read()
        while data:
            yield reader.feed(data)
            data = self._read()
        yield reader.feed(b"")

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _PIECE)
        except OSError as error:
            raise CommandError(f"{self.name}: {error.strerror}") from None

    def _read_sample(self) -> dict[str | None, list[list[str]]]:
        """See `_sample`."""
        while True:
            data = self._read()
            self._head += data
            sample = _sample(self.name, self._head, is_all=not data)
            # A pipe may give less than a row at a time.
            if all(sample.values()):
                return sample
            if not data:
                raise CommandError(f"{self.name} is empty")


class _Stream(AsyncIterable[T], Generic[T]):
    """The rows of a pipe or a terminal, which must not stop everything else while nothing comes."""

    def __init__(
        self, pull: Callable[[], bytes], fd: int, head: bytes, reader: RowReader, read: Callable[[list[str]], T]
    ) -> None:
        self._pull = pull
        self._fd = fd
        self._head = head
        self._reader = reader
        self._read = read
        self._rows: deque[list[str]] = deque()
        self._ended = False

    def __aiter__(self) -> "_Stream[T]":
        return self

    async def __anext__(self) -> T:
        while not self._rows:
            if self._ended:
                raise StopAsyncIteration
            await self._fetch()
        return self._read(self._rows.popleft())

    async def _fetch(self) -> None:
        data, self._head = self._head, b""
        if not data:
            await anyio.wait_readable(self._fd)
            data = self._pull()
        self._ended = not data
        self._rows.extend(self._reader.feed(data))


@contextmanager
def open_list(path: str, column: str | None) -> Generator[RecipientList]:
    """Open a list of recipients, and find out how it is laid out.

    Args:
        path: The file, or `-` for standard input.
        column: The column with the numbers, as typed; `None` to find it.

    Raises:
        CommandError: It cannot be read.
        WrongUsageError: There is no such column, or none that would be it.
    """
    if path == "-":
        yield RecipientList(sys.stdin.fileno(), "standard input", column)
        return
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        yield RecipientList(fd, path, column)
    finally:
        os.close(fd)


def _sample(name: str, head: bytes, *, is_all: bool) -> dict[str | None, list[list[str]]]:
    """The first rows as each delimiter makes them, and as a plain list."""
    sample: dict[str | None, list[list[str]]] = {}
    for delimiter in (None, *DELIMITERS):
        # Not strict: what is broken is told once it is known what it should be.
        reader = RowReader(name, delimiter, strict=False)
        rows = reader.feed(head) if head else []
        sample[delimiter] = [*rows, *(reader.feed(b"") if is_all else [])][:_SAMPLE]
    return sample


def _find_layout(name: str, sample: dict[str | None, list[list[str]]], column: str | None) -> _Layout:
    delimiter = _find_delimiter(sample)
    first = [cell.strip() for cell in sample[delimiter][0]]
    header = tuple(first) if _is_header(first, column) else ()
    return _Layout(delimiter, header, _find_numbers(name, header, len(first), column))


def _find_delimiter(sample: dict[str | None, list[list[str]]]) -> str | None:
    """The delimiter that makes columns, the same number of them in all rows, and most of them."""
    quoted = any(QUOTE in row[0] for row in sample[None])
    best: str | None = "," if quoted else None
    best_score = (False, 1)
    for delimiter, rows in sample.items():
        if delimiter is None:
            continue
        score = (len({len(row) for row in rows}) == 1, len(rows[0]))
        if score[1] > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def _is_header(first: list[str], column: str | None) -> bool:
    names = {cell.casefold() for cell in first}
    if names & _KNOWN_NAMES or (column is not None and column.casefold() in names):
        return True
    if len(first) == 1:
        # A mistyped number must not pass for a title, as nobody would hear of it.
        return not any(letter.isdigit() for letter in first[0])
    return all(clean_number(cell) is None for cell in first)


def _find_numbers(name: str, header: tuple[str, ...], columns: int, column: str | None) -> int:
    if column is not None:
        is_position = column.isascii() and column.isdigit() and column not in header and 1 <= int(column) <= columns
        return int(column) - 1 if is_position else _find(name, header, column)
    if columns == 1:
        return 0
    known = [index for index, title in enumerate(header) if title.casefold() in _KNOWN_NAMES]
    # Of two, one is the landline, or another person's.
    if len(known) == 1:
        return known[0]
    choices = ", ".join(header) if header else f"1 to {columns}, as there is no header"
    raise WrongUsageError(f"{name} has {columns} columns; say which has the numbers, with --column: {choices}")


def _find(name: str, header: tuple[str, ...], title: str) -> int:
    if not header:
        raise WrongUsageError(f"{name} has no header, and so no column {title!r}")
    found = [index for index, each in enumerate(header) if each == title]
    found = found or [index for index, each in enumerate(header) if each.casefold() == title.casefold()]
    if len(found) == 1:
        return found[0]
    problem = "two columns" if found else "no column"
    raise WrongUsageError(f"{name} has {problem} {title!r}; there are: {', '.join(header)}")
