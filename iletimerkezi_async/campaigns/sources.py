"""Reading a campaign's recipients from any iterable, some at a time and no further than needed."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sized
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

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

# Values read at once. One unusual value among them slows down the cleaning of all.
_PIECE = 400
# Seconds that one read may take; a slower source is asked for fewer values.
_SLOW = 0.002


class Recipients(Generic[T]):
    """The caller's recipients, in an object whose `repr` shows none of them.

    Args:
        given: An iterable of them, or one.

    Attributes:
        source: An iterable of them.
        total: Their number, if it is known.

    Raises:
        RecipientError: This is neither a recipient nor an iterable.
    """

    def __init__(self, given: Source[T] | Number) -> None:
        alone = is_one(given)
        if alone:
            _check_one(given)
        self.source: Source[T] = cast("Source[T]", (given,) if alone else given)
        self.total = _length(self.source)

    def __repr__(self) -> str:
        return "<Recipients>"


def _check_one(given: object) -> None:
    if not isinstance(given, Message) and read_text(given) is None and clean_number(given) is None:
        message = f"one recipient, or an iterable of them, is expected: {find_flaw(given)}"
        raise RecipientError(452, message, "send-sms", numbers=(write_out(given),))


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
        unfold: Gives the values that each item stands for, if an item is not a value itself.

    Attributes:
        is_over: Whether the source has ended.
        slice: The time slice in which the values are read and taken in.
    """

    def __init__(self, source: Source[Any], unfold: Callable[[Any], Iterator[T]] | None = None) -> None:
        self._unfold = unfold
        #: The values of the last item that have not been read yet.
        self._item: Iterator[T] = iter(())
        self._async: AsyncIterator[Any] | None = None
        self._sync: Iterator[Any] = iter(())
        if isinstance(source, AsyncIterable):
            self._async = aiter(source)
        else:
            self._sync = iter(source)
        self._values = self._sync if unfold is None else chain.from_iterable(map(self._begin_item, self._sync))
        self.is_over = False
        self._piece: list[T] = []
        # Limit of values read at once. It begins with one if a value may take long, and grows while reads are quick.
        self._size = _PIECE if isinstance(source, (list, tuple)) else 1
        self.slice = TimeSlice()

    async def read(self, limit: int) -> list[T]:
        """Read the next values, at most `limit`; at least one, unless the source ends."""
        began = time.perf_counter()
        # Read in place: values before an exception of the source are kept, and no variable shows them.
        if self._async is not None:
            await self._read_async(self._async, limit)
        else:
            size = min(limit, self._size)
            self._piece.extend(islice(self._values, size))
            self.is_over = len(self._piece) < size
        is_slow = time.perf_counter() - began > _SLOW
        self._size = max(1, self._size // 2) if is_slow else min(_PIECE, 4 * self._size)
        piece, self._piece = self._piece, []
        return piece

    async def _read_async(self, source: AsyncIterator[Any], limit: int) -> None:
        self._piece.extend(islice(self._item, limit))
        while (room := limit - len(self._piece)) > 0 and not self.is_over:
            try:
                self._piece.extend(islice(self._begin_item(await anext(source)), room))
            except StopAsyncIteration:
                self.is_over = True
            # A generator that never waits would block the event loop.
            await self.slice.end()

    def _begin_item(self, item: Any) -> Iterator[T]:
        self._item = iter((item,)) if self._unfold is None else self._unfold(item)
        return self._item

    async def aclose(self) -> None:
        """Close a generator, which may have a connection open, and release the source."""
        source, self._sync, self._async, self._values = self._async or self._sync, iter(()), None, iter(())
        if isinstance(source, AsyncIterator):
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()
        elif inspect.isgenerator(source) or isinstance(source, FilledRows):
            source.close()

    def left(self) -> Iterator[T]:
        """Values that were read, or whose item was read, and that were not returned yet."""
        piece, self._piece = self._piece, []
        return chain(piece, self._item)
