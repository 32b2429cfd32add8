"""Takes in a campaign's recipients: reads and cleans them, drops repeated ones, and packs drafts of a given size.

Reading runs in time slices. Everything else that grows with the campaign is a plain function that may run in a thread,
and always runs to its end, so that a cancellation loses nothing.
"""

from __future__ import annotations

import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar, cast

import anyio
from attrs import evolve

from iletimerkezi_async.errors import RecipientError
from iletimerkezi_async.filling import FilledRows
from iletimerkezi_async.models import Message
from iletimerkezi_async.numbers import Number, clean_number, clean_numbers, find_flaw, is_one, write_out
from iletimerkezi_async.orders.pieces import TimeSlice
from iletimerkezi_async.results import Refusal, Refusals
from iletimerkezi_async.stores.log import State
from iletimerkezi_async.text import read_text
from iletimerkezi_async.wire.arguments import MAX_RECIPIENTS
from iletimerkezi_async.wire.packing import Pair, Recipient, group, in_turns, pack_pairs, pieces, sort_numbers

from .journal import DONE, fingerprint, unpack
from .seen import Seen, SeenKeys, digits_of, without_last

if TYPE_CHECKING:
    from typing_extensions import Self

    from iletimerkezi_async.stores.log import Row
    from iletimerkezi_async.wire.draft import Draft

T = TypeVar("T")
Source: TypeAlias = Iterable[T] | AsyncIterable[T]

# Recipients that are read and cleaned at once. One unusual value among them slows down the cleaning of all.
_PIECE = 400
# Seconds that one read may take; a slower source is asked for fewer values.
_SLOW = 0.002
# Seconds that the caller's generator may take to close.
_CLOSING = 10.0
# The bit set in every key, as `SeenKeys` needs large keys.
_TOP = 1 << 63
# Limit of changed texts that are counted before the campaign stops.
_MOST_CHANGED = 50_000
# States of orders whose recipients surely were not texted.
_NOT_TEXTED = frozenset({State.REFUSED, State.DUPLICATE})


class Reader(Generic[T]):
    """Reads the caller's recipients, some at a time and no further than needed. Its `repr` shows none of them.

    Values that were read before a cancellation are kept.

    Args:
        given: An iterable of recipients, or one recipient.
        unfold: Gives the values that each item stands for, if an item is not a value itself.

    Attributes:
        total: The number of recipients, if it is known.
        is_over: Whether the source has ended.
        slice: The time slice in which the values are read and taken in.

    Raises:
        RecipientError: `given` is neither a recipient nor an iterable.
    """

    def __init__(self, given: Source[Any] | Number, unfold: Callable[[Any], Iterator[T]] | None = None) -> None:
        alone = is_one(given)
        if alone:
            _check_one(given)
        self._source = cast("Source[Any]", (given,) if alone else given)
        self._unfold = unfold
        self.total = None if unfold else _length(self._source)
        #: The values of the last item that have not been read yet.
        self._item: Iterator[T] = iter(())
        self._async: AsyncIterator[Any] | None = None
        self._sync: Iterator[Any] | None = None
        self._values: Iterator[T] = iter(())
        self.is_over = False
        self._piece: list[T] = []
        # Limit of values read at once. It begins with one if a value may take long, and grows while reads are quick.
        self._size = _PIECE if isinstance(self._source, (list, tuple)) else 1
        self.slice = TimeSlice()

    async def read(self, limit: int) -> list[T]:
        """Read the next values, at most `limit`; at least one, unless the source ends."""
        began = time.perf_counter()
        if self._async is None and self._sync is None:
            self._begin()
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

    def again(self) -> Iterator[T] | None:
        """All values from the start, apart from `read`; `None` if they can be read only once."""
        if not isinstance(self._source, Sequence):
            return None
        return iter(self._source) if self._unfold is None else chain.from_iterable(map(self._unfold, self._source))

    def _begin(self) -> None:
        if isinstance(self._source, AsyncIterable):
            self._async = aiter(self._source)
        else:
            self._sync = iter(self._source)
            self._values = (
                self._sync if self._unfold is None else chain.from_iterable(map(self._begin_item, self._sync))
            )

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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Close a generator, which may have a connection open, and release the source. An earlier error is kept."""
        try:
            with anyio.move_on_after(_CLOSING, shield=True):
                await self._close()
        except BaseException:
            if error is None:
                raise

    async def _close(self) -> None:
        source, self._source = self._async or self._sync or self._source, ()
        self._sync, self._async, self._values = iter(()), None, iter(())
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


def _check_one(given: object) -> None:
    if not isinstance(given, Message) and read_text(given) is None and clean_number(given) is None:
        message = f"a recipient, or an iterable of recipients, is expected: {find_flaw(given)}"
        raise RecipientError(452, message, "send-sms", numbers=(write_out(given),))


def _length(source: object) -> int | None:
    # An asynchronous source may have to query a database for its length, which is impossible here.
    if isinstance(source, AsyncIterable) or not isinstance(source, Sized):
        return None
    try:
        return len(source)
    except Exception:  # noqa: BLE001 - a length that cannot be read is unknown
        return None


class Intake(ABC, Generic[T]):
    """Reads recipients and packs them into drafts.

    Attributes:
        reader: Reads the source.
        read: Recipients read so far.
        duplicates: Repeated recipients among them, which are left out.
        refused: Recipients left out, with the reason: bad numbers, and those that the service refuses.
        missing: Recipients of earlier runs that have not been read again yet.
        changed: Recipients of earlier runs who were texted, or may have been, and are now read with another text.
    """

    #: Integers for each recipient in the journal; the first is the number's digits.
    ENTRY_SIZE: ClassVar[int]

    def __init__(self, reader: Reader[T], template: Draft, batch_size: int) -> None:
        self.reader = reader
        self._template = template
        self._batch_size = batch_size
        #: Recipients that are in no draft yet; and those with changed texts.
        self._fresh: list[Any] = []
        self._kept_back: list[Any] = []
        self.read = 0
        self.duplicates = 0
        self.refused = Refusals()
        self.missing = 0
        self.changed = 0

    @property
    def known(self) -> int:
        """Recipients read so far, by this run or an earlier one."""
        return self.read + self.missing

    @property
    def waiting(self) -> int:
        """Limit of the recipients that the next drafts have."""
        return len(self._fresh)

    async def prepare(self) -> None:
        """Check the source, after all earlier orders are remembered and before anything is sent."""

    @property
    def is_over(self) -> bool:
        """Whether all recipients are in drafts."""
        return not self._fresh and self.reader.is_over

    async def fill(self) -> None:
        """Read until there are enough recipients for a full draft, or the source ends."""
        # Read no further: the source may wait until its last values have been sent.
        while (room := self._batch_size - len(self._fresh)) > 0:
            if self.reader.is_over or self.changed >= _MOST_CHANGED:
                return
            await self.reader.slice.end()
            # No variable may hold values here, as the source may raise and tracebacks show variables.
            self._take_in(await self.reader.read(min(room, _PIECE)))

    def take(self) -> Draft | None:
        """Pack the next draft; `None` if there are no recipients."""
        fresh = self._fresh[: self._batch_size]
        del self._fresh[: self._batch_size]
        return self._draft(fresh) if fresh else None

    def rest(self) -> list[Draft]:
        """Pack all recipients that were read and are in no draft; each draft fits into one order."""
        left = self.reader.left()
        # In pieces, as an item may have a million recipients.
        while piece := [*islice(left, _PIECE)]:
            self._take_in(piece)
        rest = self._fresh + self._kept_back
        return [self._draft(rest[start : start + MAX_RECIPIENTS]) for start in range(0, len(rest), MAX_RECIPIENTS)]

    def numbers(self, row: Row) -> list[str]:
        """The numbers of an earlier run's order."""
        return [f"+{digits}" for digits in unpack(row.entries or b"")[:: self.ENTRY_SIZE]]

    def take_earlier(self, *, unread: bool) -> list[tuple[Row, Draft]]:
        """Take earlier runs' orders that are to be settled and whose texts have all been read again.

        Args:
            unread: Whether to take the others, too, with an empty text for each missing one.
        """
        del unread
        return []

    @abstractmethod
    def remember(self, row: Row) -> Draft | None:
        """Leave out an earlier run's recipients from now on.

        Returns:
            The order's draft, if it is to be settled and its texts are known.
        """

    @abstractmethod
    def entries(self, draft: Draft) -> Sequence[int]:
        """A draft's recipients as integers, for the journal."""

    @abstractmethod
    def _take_in(self, values: list[T]) -> None:
        """Clean some recipients."""

    @abstractmethod
    def _draft(self, fresh: list[Any]) -> Draft: ...


class NumberIntake(Intake[Number]):
    """Takes in numbers, which all get the same text."""

    ENTRY_SIZE = 1

    def __init__(self, reader: Reader[Number], template: Draft, batch_size: int, message: Message) -> None:
        super().__init__(reader, template, batch_size)
        self._message = message
        self._seen = Seen()
        self._earlier = Seen()

    def remember(self, row: Row) -> Draft | None:
        """See `Intake`; the text is known."""
        numbers = self.numbers(row)
        self.missing += len(self._earlier.add(numbers))
        return None if row.state in DONE else self._draft(numbers)

    def entries(self, draft: Draft) -> Sequence[int]:
        """The digits of each number."""
        return digits_of(draft.messages[self._message.text])

    def _take_in(self, values: list[Number]) -> None:
        self.read += len(values)
        numbers = clean_numbers(values)
        good = cast("Sequence[str]", numbers)
        if not all(numbers):
            good = [number for number in numbers if number is not None]
            self.refused.extend(_refuse(value) for value, number in zip(values, numbers) if number is None)
        fresh = self._seen.add(good)
        self.duplicates += len(good) - len(fresh)
        known = self._earlier.known(fresh) if self.missing else ()
        self.missing -= len(known)
        self._fresh += [number for number in fresh if number not in known] if known else fresh

    def _draft(self, fresh: list[str]) -> Draft:
        return evolve(self._template, messages={self._message.text: tuple(sort_numbers(fresh))}, recipients=len(fresh))


class MessageIntake(Intake[Recipient]):
    """Takes in messages with texts of their own. A number may occur again with another text."""

    ENTRY_SIZE = 2

    def __init__(
        self,
        reader: Reader[Recipient],
        template: Draft,
        batch_size: int,
        salt: bytes,
        *,
        allow_new_texts: bool = True,
    ) -> None:
        super().__init__(reader, template, batch_size)
        #: Empty without a journal.
        self._salt = salt
        self._seen = SeenKeys(8, smallest=19)
        # Keys of earlier runs' finished orders.
        self._done = SeenKeys(8, smallest=19)
        #: Earlier runs' orders that are to be settled, each with its recipients that have been read again, by key; and
        #: for the key of each other recipient, where it will belong.
        self._open: list[tuple[Row, dict[int, Pair]]] = []
        self._owner: dict[int, dict[int, Pair]] = {}
        self._allow_new_texts = allow_new_texts
        # Numbers that were texted, or may have been; and those whose earlier text has been read again.
        self._texted = Seen()
        self._met = Seen()

    @property
    def waiting(self) -> int:
        """See `Intake`; with those of earlier orders that are to be settled."""
        return super().waiting + sum(row.recipients for row, _ in self._open)

    async def prepare(self) -> None:
        """Count changed texts, if the messages can be read twice; their sequence then does not matter."""
        rows = None if self._allow_new_texts or not self.missing else self.reader.again()
        if rows is None:
            return
        strange: dict[int, str] = {}
        while piece := [*islice(rows, _PIECE)]:
            await self.reader.slice.end()
            self._compare(piece, strange)
        numbers = iter(strange.values())
        while part := [*islice(numbers, _PIECE)]:
            await self.reader.slice.end()
            met = self._met.known(part)
            self.changed += sum(number not in met for number in part)
        # No further check is needed while they are sent.
        self._allow_new_texts = True

    def _compare(self, rows: list[Recipient], strange: dict[int, str]) -> None:
        """Compare some recipients with earlier runs: note those with an earlier text, and those with a new one."""
        pairs = _clean(rows)[0]
        keys = self._keys(pairs)
        known = self._done.known(keys).union(self._owner.keys() & keys)
        numbers = {key: number for key, (number, _) in zip(keys, pairs)}
        self._met.add([numbers.pop(key) for key in known])
        texted = self._texted.known([*numbers.values()])
        strange.update((key, number) for key, number in numbers.items() if number in texted)

    def remember(self, row: Row) -> Draft | None:
        """See `Intake`; the texts are to be read again."""
        entries = unpack(row.entries or b"")
        found: dict[int, Pair] = {}
        if row.state not in DONE:
            self._open.append((row, found))
        for piece in pieces(zip(entries[::2], entries[1::2])):
            self.missing += len(piece)
            keys = [number ^ mark | _TOP for number, mark in piece]
            if row.state not in _NOT_TEXTED:
                self._texted.add([f"+{number}" for number, _ in piece])
            if row.state in DONE:
                self._done.add(keys)
            else:
                self._owner.update(dict.fromkeys(keys, found))
        return None

    def entries(self, draft: Draft) -> Sequence[int]:
        """The digits of each number, and its text's fingerprint."""
        marks = {text: fingerprint(text, self._salt) for text in in_turns(draft.messages)}
        numbers = digits_of([number for number, _ in in_turns(draft.pairs())])
        pairs = in_turns(zip(numbers, draft.pairs()))
        return [value for number, (_, text) in pairs for value in (number, marks[text])]

    def rest(self) -> list[Draft]:
        """See `Intake`."""
        rest = super().rest()
        self._seen.release()
        self._done.release()
        return rest

    def take_earlier(self, *, unread: bool) -> list[tuple[Row, Draft]]:
        """See `Intake`."""
        ready: list[tuple[Row, Draft]] = []
        earlier, self._open = self._open, []
        for row, found in earlier:
            if unread or len(found) == row.recipients:
                ready.append((row, self._draft_again(row, found)))
            else:
                self._open.append((row, found))
        return ready

    def _draft_again(self, row: Row, found: Mapping[int, Pair]) -> Draft:
        """Pack an earlier order in its old sequence, so that the service recognises the duplicate."""
        entries = unpack(row.entries or b"")
        numbers = zip(entries[::2], entries[1::2])
        pairs = [found.get(number ^ mark | _TOP, (f"+{number}", "")) for number, mark in numbers]
        return group(self._template, pairs)

    def _take_in(self, values: list[Recipient]) -> None:
        self.read += len(values)
        pairs, refused = _clean(values)
        self.refused.extend(refused)
        keys = self._keys(pairs)
        repeated = self._seen.add(keys)
        if repeated:
            self.duplicates += len(repeated)
            pairs = without_last(pairs, keys, repeated)
            keys = without_last(keys, keys, repeated)
        self._fresh += self._without_earlier(pairs, keys) if self.missing else pairs

    def _keys(self, pairs: list[Pair]) -> list[int]:
        """A key for each number with its text."""
        numbers = digits_of([number for number, _ in pairs])
        texts = {text for _, text in pairs}
        # Without a journal Python's own hash tells texts apart.
        marks = {text: fingerprint(text, self._salt) if self._salt else hash(text) & _TOP - 1 for text in texts}
        return [number ^ marks[text] | _TOP for number, (_, text) in zip(numbers, pairs)]

    def _without_earlier(self, pairs: list[Pair], keys: list[int]) -> list[Pair]:
        # Not needed if all new texts are allowed, or were compared before.
        numbers = [] if self._allow_new_texts else [number for number, _ in pairs]
        known, texted, met = self._done.known(keys), self._texted.known(numbers), self._met.known(numbers)
        fresh: list[Pair] = []
        for pair, key in zip(pairs, keys):
            number = pair[0]
            found = self._owner.pop(key, None)
            if found is None and key not in known:
                # If the number's earlier text was read, too, this text is an additional one, not a changed one.
                is_changed = number in texted and number not in met
                (self._kept_back if is_changed else fresh).append(pair)
                self.changed += is_changed
                continue
            self.missing -= 1
            met.add(number)
            if found is not None:
                found[key] = pair
        if numbers:
            self._met.add([*met])
        return fresh

    def _draft(self, fresh: list[Pair]) -> Draft:
        return pack_pairs(self._template, fresh)


def _clean(rows: list[Recipient]) -> tuple[list[Pair], list[Refusal]]:
    """Clean some recipients; give the valid ones, and refusals of the others."""
    pairs: list[Pair] = []
    refused: list[Refusal] = []
    numbers = clean_numbers([value for _, value, _ in rows])
    for (text, value, flaw), number in zip(rows, numbers):
        if flaw is not None:
            refused.append(_refuse(value, flaw.message))
        elif number is None:
            refused.append(_refuse(value))
        else:
            pairs.append((number, text))
    return pairs, refused


def _refuse(value: object, reason: str | None = None) -> Refusal:
    """Make the refusal of a value, for the given reason or because it is no valid number."""
    if isinstance(value, Refusal):
        # `fill_template` has made one already, which names the row.
        return value
    return Refusal(write_out(value), reason or find_flaw(value))
