"""What a campaign reads: recipients of any source, cleaned, each once, in drafts of a given size."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

import anyio.lowlevel

from iletimerkezi_async.errors import RecipientError
from iletimerkezi_async.models import Message, Number
from iletimerkezi_async.numbers import clean_number, clean_numbers, find_flaw, is_one, spell
from iletimerkezi_async.results import Refusal
from iletimerkezi_async.stores.records import Record, State, fingerprint
from iletimerkezi_async.text import read_text
from iletimerkezi_async.wire.draft import Draft, message_complaint

from .seen import Seen, SeenKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Intake", "MessageIntake", "NumberIntake", "Recipients", "Source"]

T = TypeVar("T")
Source: TypeAlias = Iterable[T] | AsyncIterable[T]

# Values cleaned at once: enough to be quick, few enough that one odd value does not cost many others a closer look.
_PIECE = 400
# Between pauses for other tasks, some milliseconds of work.
_PIECES_AT_A_TIME = 8


class Recipients(Generic[T]):
    """What the caller gives, held so that no variable of a frame shows it.

    Attributes:
        total: How many recipients there are, where that is known.
        complaint: What is wrong where it is neither a recipient nor several of them.
    """

    def __init__(self, given: Source[T] | Number) -> None:
        alone = is_one(given)
        self.complaint = _source_complaint(given) if alone else None
        self.source: Source[T] = cast("Source[T]", (given,) if alone else given)
        # What is read asynchronously may have to ask a database for its length, which it cannot do here.
        has_length = isinstance(self.source, Sized) and not isinstance(self.source, AsyncIterable)
        self.total = len(cast("Sized", self.source)) if has_length else None


def _source_complaint(given: object) -> RecipientError | None:
    if isinstance(given, Message) or read_text(given) is not None or clean_number(given) is not None:
        return None
    message = f"one recipient, or an iterable of them, is expected: {find_flaw(given)}"
    return RecipientError(452, message, "send-sms", numbers=(spell(given),))


class _Reader(Generic[T]):
    """Values of a source, some at a time. What was read before a cancellation is not lost."""

    def __init__(self, source: Source[T]) -> None:
        self._async: AsyncIterator[T] | None = None
        self._sync: Iterator[T] = iter(())
        if isinstance(source, AsyncIterable):
            self._async = aiter(source)
        else:
            self._sync = iter(source)
        self._piece: list[T] = []
        self._pieces = 0

    async def read(self, most: int) -> list[T]:
        """The next values, at least one and at most so many; none at the end."""
        size = min(most, _PIECE)
        if self._async is None:
            self._pieces += 1
            if self._pieces % _PIECES_AT_A_TIME == 0:
                await anyio.lowlevel.checkpoint()
            # In place: what came before an exception of the source stays.
            self._piece.extend(islice(self._sync, size))
            return self.left()
        while len(self._piece) < size:
            try:
                self._piece.append(await anext(self._async))
            except StopAsyncIteration:
                break
        return self.left()

    def left(self) -> list[T]:
        """What was read and not handed out."""
        piece, self._piece = self._piece, []
        return piece


class Intake(ABC, Generic[T]):
    """Reads a source and hands out drafts.

    Attributes:
        read: Recipients read so far.
        duplicates: … of these, left out since they had occurred before.
        refused: … left out as bad, with the reason.
    """

    def __init__(self, recipients: Recipients[T], template: Draft, batch_size: int) -> None:
        self._reader = _Reader(recipients.source)
        #: How many recipients there are, where that is known.
        self.total = recipients.total
        self._template = template
        self._batch_size = batch_size
        self.read = 0
        self.duplicates = 0
        self.refused: list[Refusal] = []
        self._ready: list[tuple[Record, Draft]] = []

    @property
    def sender(self) -> str:
        """The header that everything is sent under."""
        return self._template.sender

    async def next(self) -> Draft | None:
        """The next draft: a full one, the last one, or `None` at the end."""
        # No further than that: the source may wait for what its last values led to.
        while (room := self._batch_size - self._waiting()) > 0 and await self._read_on(room):
            pass
        return self._draft(self._batch_size)

    async def _read_on(self, most: int) -> bool:
        """Take in the next values; whether there were any."""
        # No variable holds values while the source is waited for, and may raise, nor while they are taken in.
        return self._take_in(await self._reader.read(most))

    def _take_in(self, values: list[T]) -> bool:
        self._take(values)
        return bool(values)

    def rest(self) -> Draft | None:
        """All that was read and is not in any draft."""
        self._take(self._reader.left())
        return self._draft(self._waiting())

    def take_ready(self) -> list[tuple[Record, Draft]]:
        """Orders of an earlier run whose texts have been read again, so that they can be settled; each once."""
        ready, self._ready = self._ready, []
        return ready

    @abstractmethod
    def remember(self, record: Record) -> Draft | None:
        """Leave the recipients of an earlier run's order out; its draft, where it can be told already."""

    @abstractmethod
    def entries(self, draft: Draft) -> list[int]:
        """A draft's recipients, as the journal keeps them."""

    @abstractmethod
    def report_key(self, order: Draft | Record) -> int | None:
        """What two orders share whose reports look the same; `None` where no two of them do."""

    @abstractmethod
    def size(self, record: Record) -> int:
        """How many recipients an earlier run's order has."""

    @abstractmethod
    def take_unmet(self) -> list[tuple[Record, Draft]]:
        """At the end: the orders of an earlier run that were not (all) read again, without the texts missing; once."""

    @property
    @abstractmethod
    def missing(self) -> int:
        """Recipients of an earlier run that have not been read again (yet)."""

    @abstractmethod
    def _take(self, values: list[T]) -> None: ...

    @abstractmethod
    def _waiting(self) -> int: ...

    @abstractmethod
    def _draft(self, size: int) -> Draft | None: ...


class NumberIntake(Intake[Number]):
    """Numbers that all get the same text."""

    def __init__(self, recipients: Recipients[Number], template: Draft, batch_size: int, message: Message) -> None:
        super().__init__(recipients, template, batch_size)
        self._message = message
        self._seen = Seen()
        self._earlier = Seen()
        self._missing = 0
        self._numbers: list[str] = []

    def remember(self, record: Record) -> Draft | None:
        """See `Intake`; the text is known."""
        numbers = [f"+{digits}" for digits in record.entries]
        self._missing += len(self._earlier.add(numbers))
        return self._of(numbers)

    def entries(self, draft: Draft) -> list[int]:
        """The digits of each number."""
        return [int(number) for _, number in draft.pairs()]

    def report_key(self, order: Draft | Record) -> int | None:
        """None: each number is in one order alone."""

    def size(self, record: Record) -> int:
        """See `Intake`."""
        return len(record.entries)

    def take_unmet(self) -> list[tuple[Record, Draft]]:
        """None: their text is known."""
        return []

    @property
    def missing(self) -> int:
        """See `Intake`."""
        return self._missing

    def _take(self, values: list[Number]) -> None:
        self.read += len(values)
        numbers = clean_numbers(values)
        good = cast("Sequence[str]", numbers)
        if not all(numbers):
            good = [number for number in numbers if number is not None]
            bad = [value for value, number in zip(values, numbers) if number is None]
            self.refused += map(_refuse, bad)
        fresh = self._seen.add(good)
        self.duplicates += len(good) - len(fresh)
        if self._missing:
            fresh = self._without_earlier(fresh)
        self._numbers += fresh

    def _without_earlier(self, numbers: Sequence[str]) -> Sequence[str]:
        fresh = [number for number in numbers if number not in self._earlier]
        self._missing -= len(numbers) - len(fresh)
        return fresh

    def _waiting(self) -> int:
        return len(self._numbers)

    def _draft(self, size: int) -> Draft | None:
        numbers = self._numbers[:size]
        del self._numbers[:size]
        return self._of(numbers) if numbers else None

    def _of(self, numbers: list[str]) -> Draft:
        template = self._template
        # As `Draft.of` does it, for a single text.
        messages = {self._message.text: tuple(sorted(numbers))}
        return Draft(template.sender, template.iys, messages, template.send_at, len(numbers))


class MessageIntake(Intake[Message | Refusal]):
    """Messages with texts of their own. A number may occur again with another text."""

    def __init__(
        self, recipients: Recipients[Message | Refusal], template: Draft, batch_size: int, salt: bytes
    ) -> None:
        super().__init__(recipients, template, batch_size)
        # Each message may have several recipients.
        self.total = None
        self._salt = salt or secrets.token_bytes(16)
        self._seen = SeenKeys(8, smallest=19)
        self._pairs: list[tuple[str, str]] = []
        # Of an earlier run: who is done with; and whose texts are to be read again, for which order.
        self._earlier = SeenKeys(8, smallest=19)
        self._missing = 0
        self._owner: dict[tuple[int, int], Record] = {}
        self._found: dict[int, dict[tuple[int, int], tuple[str, str]]] = {}

    def remember(self, record: Record) -> Draft | None:
        """See `Intake`; the texts are to be read again."""
        keys = _keys(record)
        self._missing += len(keys)
        if record.state in {State.TAKEN, State.REFUSED}:
            self._earlier.add([_mix(*key) for key in keys])
            return None
        self._owner.update(dict.fromkeys(keys, record))
        self._found[record.id] = {}
        return None

    def entries(self, draft: Draft) -> list[int]:
        """The digits of each number, and its text's fingerprint."""
        entries: list[int] = []
        for text, numbers in draft.messages.items():
            mark = fingerprint(text, self._salt)
            for number in numbers:
                entries += (int(number), mark)
        return entries

    def report_key(self, order: Draft | Record) -> int | None:
        """See `Intake`; a report shows the numbers, and not their texts."""
        numbers = order.entries[::2] if isinstance(order, Record) else [int(number) for _, number in order.pairs()]
        return hash(tuple(sorted(numbers)))

    def size(self, record: Record) -> int:
        """See `Intake`."""
        return len(record.entries) // 2

    def take_unmet(self) -> list[tuple[Record, Draft]]:
        """See `Intake`; an empty text stands for a missing one."""
        records = {record.id: record for record in self._owner.values()}
        self._owner.clear()
        unmet: list[tuple[Record, Draft]] = []
        for record in records.values():
            found = self._found[record.id]
            pairs = [found.get(key, ("", f"+{key[0]}")) for key in _keys(record)]
            unmet.append((record, self._template.of(pairs)))
        return unmet

    @property
    def missing(self) -> int:
        """See `Intake`."""
        return self._missing

    def _take(self, values: list[Message | Refusal]) -> None:
        for message in values:
            complaint = message_complaint(message)
            if complaint is not None:
                refused = _refuse_all(message, complaint.message)
                self.read += len(refused)
                self.refused += refused
            elif isinstance(message, Message):
                self.read += len(message.to)
                self._take_numbers(message)

    def _take_numbers(self, message: Message) -> None:
        mark = fingerprint(message.text, self._salt)
        for given, number in zip(message.to, clean_numbers(message.to)):
            if number is None:
                self.refused.append(_refuse(given))
            elif self._seen.add([_mix(int(number), mark)]):
                self.duplicates += 1
            elif not (self._missing and self._is_earlier((int(number), mark), (message.text, number))):
                self._pairs.append((message.text, number))

    def _is_earlier(self, key: tuple[int, int], pair: tuple[str, str]) -> bool:
        record = self._owner.pop(key, None)
        if record is None:
            done = _mix(*key) in self._earlier
            self._missing -= done
            return done
        self._missing -= 1
        found = self._found[record.id]
        found[key] = pair
        keys = _keys(record)
        if len(found) == len(keys):
            # In the old order, so that the service recognises it.
            self._ready.append((record, self._template.of([found[each] for each in keys])))
        return True

    def _waiting(self) -> int:
        return len(self._pairs)

    def _draft(self, size: int) -> Draft | None:
        pairs = self._pairs[:size]
        del self._pairs[:size]
        return self._template.of(pairs) if pairs else None


def _refuse(value: object) -> Refusal:
    # Who fills in values from rows has found out already what is wrong, and where.
    return value if isinstance(value, Refusal) else Refusal(spell(value), find_flaw(value))


def _refuse_all(message: object, reason: str) -> list[Refusal]:
    if isinstance(message, Message):
        return [Refusal(spell(number), reason) for number in message.to]
    # One that is none must not end a campaign of thousands.
    return [message if isinstance(message, Refusal) else Refusal("", reason)]


def _keys(record: Record) -> list[tuple[int, int]]:
    return list(zip(record.entries[::2], record.entries[1::2]))


def _mix(number: int, mark: int) -> int:
    """64 bits, the first of them set, that tell one number's text from another's."""
    return (number * 0x9E3779B97F4A7C15 ^ mark) % 2**64 | 2**63
