"""Reading a campaign's recipients from any iterable, some at a time and no further than needed."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sized
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from iletimerkezi_async.errors import RecipientError
from iletimerkezi_async.filling import FilledRows
from iletimerkezi_async.models import Message
from iletimerkezi_async.numbers import clean_number, find_flaw, is_one, write_out
from iletimerkezi_async.orders.pieces import TimeSlice
from iletimerkezi_async.text import read_text

if TYPE_CHECKING:
    from iletimerkezi_async.models import Number

__all__ = ["Reader", "Recipients", "Source"]

T = TypeVar("T")
Source: TypeAlias = Iterable[T] | AsyncIterable[T]

# Values read at once. One odd value among them makes the cleaning of all of them slower.
_PIECE = 400
# Seconds that one read may take; a slower source is asked for fewer values.
_SLOW = 0.002


class Recipients(Generic[T]):
    """The caller's recipients, in an object whose `repr` shows none of them.

    Attributes:
        source: An iterable of them.
        total: Their number, if it is known.
        complaint: The error, if this is neither a recipient nor an iterable.
    """

    def __init__(self, given: Source[T] | Number) -> None:
        alone = is_one(given)
        self.complaint = _source_complaint(given) if alone else None
        self.source: Source[T] = cast("Source[T]", (given,) if alone else given)
        self.total = _length(self.source)

    def __repr__(self) -> str:
        return "<Recipients>"


def _source_complaint(given: object) -> RecipientError | None:
    if isinstance(given, Message) or read_text(given) is not None or clean_number(given) is not None:
        return None
    message = f"one recipient, or an iterable of them, is expected: {find_flaw(given)}"
    return RecipientError(452, message, "send-sms", numbers=(write_out(given),))


def _length(source: object) -> int | None:
    # An asynchronous source may have to query a database for its length, which is impossible here.
    if isinstance(source, AsyncIterable) or not isinstance(source, Sized):
        return None
    try:
        return len(source)
    except Exception:  # noqa: BLE001 - a length that cannot be read is unknown
        return None


class Reader(Generic[T]):
    """Reads values, some at a time; values read before a cancellation are kept.

    Args:
        source: The iterable.
        weigh: Counts a value's recipients; `None` where each value is one.

    Attributes:
        is_over: Whether the source has ended.
    """

    def __init__(self, source: Source[T], weigh: Callable[[T], int] | None = None) -> None:
        self._async: AsyncIterator[T] | None = None
        self._sync: Iterator[T] = iter(())
        if isinstance(source, AsyncIterable):
            self._async = aiter(source)
        else:
            self._sync = iter(source)
        self._weigh = weigh
        self.is_over = False
        self._piece: list[T] = []
        # Limit of values read at once. It begins with one where a value may take long, and grows while reads are quick.
        self._size = _PIECE if isinstance(source, (list, tuple)) else 1
        self._slice = TimeSlice()

    async def read(self, limit: int) -> list[T]:
        """Read the next values, of at most about `limit` recipients; at least one, unless the source ends."""
        began = time.perf_counter()
        # Read in place: what came before an exception of the source is kept, and no variable shows it.
        if self._async is not None:
            await self._read_async(self._async, limit)
        elif self._weigh is None:
            size = min(limit, self._size)
            self._piece.extend(islice(self._sync, size))
            self.is_over = len(self._piece) < size
        else:
            self._read_weighed(limit, self._weigh)
        is_slow = time.perf_counter() - began > _SLOW
        self._size = max(1, self._size // 2) if is_slow else min(_PIECE, 4 * self._size)
        return self.left()

    async def _read_async(self, source: AsyncIterator[T], limit: int) -> None:
        while limit > 0:
            try:
                self._piece.append(await anext(source))
            except StopAsyncIteration:
                self.is_over = True
                break
            limit -= self._weigh(self._piece[-1]) if self._weigh else 1
            # A generator that never waits would block the event loop.
            await self._slice.end()

    def _read_weighed(self, limit: int, weigh: Callable[[T], int]) -> None:
        for _ in range(self._size):
            try:
                self._piece.append(next(self._sync))
            except StopIteration:
                self.is_over = True
                break
            limit -= weigh(self._piece[-1])
            if limit <= 0:
                break

    async def aclose(self) -> None:
        """Close a generator, which may have a connection open, and release the source."""
        source, self._sync, self._async = self._async or self._sync, iter(()), None
        if isinstance(source, AsyncIterator):
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()
        elif inspect.isgenerator(source) or isinstance(source, FilledRows):
            source.close()

    def left(self) -> list[T]:
        """Values that were read and not given out."""
        piece, self._piece = self._piece, []
        return piece
