"""What a campaign reads: recipients of any source, cleaned, each once, in drafts of a given size.

Work that grows with a campaign is a generator, done in pieces between which others get their turn: see `packing`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from iletimerkezi_async.models import Message, Number
from iletimerkezi_async.numbers import clean_numbers, find_flaw, write_out
from iletimerkezi_async.orders.pieces import Breath, in_pieces
from iletimerkezi_async.results import Refusal, Refusals
from iletimerkezi_async.stores.log import Row, State
from iletimerkezi_async.wire.draft import Draft
from iletimerkezi_async.wire.packing import Pair, Steps, Unfolded, group, pack_pairs, sort

from .records import DONE, fingerprint, unpack
from .seen import Seen, SeenKeys, digits_of, without_last
from .sources import Reader, Recipients, count_recipients

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Intake", "MessageIntake", "NumberIntake", "Recipients"]

T = TypeVar("T")

# Recipients that are looked at in one go.
_PIECE = 400
# Recipients that were looked at before, or integers that stand for them.
_ENTRIES = 2000
# The mark of a text, with this bit set, makes keys that are large enough for `SeenKeys`.
_TOP = 1 << 63
# Changed texts after which a campaign that has to stop reads no further.
_MOST_CHANGED = 50_000
# States of orders that nobody got.
_NOT_TEXTED = frozenset({State.REFUSED, State.DUPLICATE})


class Intake(ABC, Generic[T]):
    """Reads a source and hands out drafts.

    Attributes:
        read: Recipients read so far.
        duplicates: … of these, left out since they had occurred before.
        refused: Those left out as bad, with the reason, and those whom the service refuses.
        missing: Recipients of an earlier run that have not been read again (yet).
        changed: Those that were, or may have been, texted by an earlier run, and came with another text instead.
    """

    def __init__(self, reader: Reader[T], total: int | None, template: Draft, batch_size: int) -> None:
        self._reader = reader
        self._breath = Breath()
        #: How many recipients there are, where that is known.
        self.total = total
        self._template = template
        self._batch_size = batch_size
        self.read = 0
        self.duplicates = 0
        self.refused = Refusals()
        self.missing = 0
        self.changed = 0

    @property
    def sender(self) -> str:
        """The header that everything is sent under."""
        return self._template.sender

    async def aclose(self) -> None:
        """Let go of the source."""
        await self._reader.aclose()

    async def next(self) -> Draft | None:
        """The next draft: a full one, the last one, or `None` at the end."""
        # No further than that: the source may wait for what its last values led to.
        while (room := self._batch_size - self._waiting()) > 0 and self.changed < _MOST_CHANGED:
            if not await self._read_on(room):
                break
        return await in_pieces(self._draft(self._batch_size))

    async def _read_on(self, most: int) -> bool:
        """Take in the next recipients; whether there were any."""
        await self._breath.take()
        # In a function of its own: no variable holds values while the source is waited for, and may raise.
        if not self._is_holding():
            self._hold(await self._reader.read(most))
        if not self._is_holding():
            return False
        self._take(min(most, _PIECE))
        return True

    def rest(self) -> Steps[Draft | None]:
        """All that was read and is not in any draft."""
        self._hold(self._reader.left())
        while self._is_holding():
            self._take(_PIECE)
            yield
        self._let_out()
        return (yield from self._draft(self._waiting()))

    @abstractmethod
    def remember(self, record: Row) -> Steps[Draft | None]:
        """Leave the recipients of an earlier run's order out; its draft, where it is needed and can be told already."""

    @abstractmethod
    def entries(self, draft: Draft) -> Steps[Sequence[int]]:
        """A draft's recipients, as the journal keeps them."""

    @abstractmethod
    def numbers(self, record: Row) -> Sequence[int]:
        """The digits of an earlier run's recipients."""

    @abstractmethod
    def take_ready(self) -> Steps[list[tuple[Row, Draft]]]:
        """Orders of an earlier run whose texts have been read again, so that they can be settled; each once."""

    @abstractmethod
    def take_unmet(self) -> Steps[list[tuple[Row, Draft]]]:
        """At the end: the orders of an earlier run that were not (all) read again, without the texts missing; once."""

    @abstractmethod
    def _hold(self, values: list[T]) -> None:
        """Keep what was read, to be taken in."""

    @abstractmethod
    def _is_holding(self) -> bool: ...

    @abstractmethod
    def _take(self, most: int) -> None:
        """Take in some recipients of those that were read, at most so many."""

    def _let_out(self) -> None:
        """Name those, too, who are kept back."""

    @abstractmethod
    def _waiting(self) -> int: ...

    @abstractmethod
    def _draft(self, size: int) -> Steps[Draft | None]: ...


class NumberIntake(Intake[Number]):
    """Numbers that all get the same text."""

    def __init__(self, recipients: Recipients[Number], template: Draft, batch_size: int, message: Message) -> None:
        super().__init__(Reader(recipients.source), recipients.total, template, batch_size)
        self._message = message
        self._held: list[Number] = []
        self._seen = Seen()
        self._earlier = Seen()
        self._numbers: list[str] = []

    def remember(self, record: Row) -> Steps[Draft | None]:
        """See `Intake`; the text is known."""
        numbers: list[str] = []
        is_done = record.state in DONE
        for piece in _pieces(_entries(record)):
            spelled = [f"+{digits}" for digits in piece]
            self.missing += len(self._earlier.add(spelled))
            numbers += () if is_done else spelled
            yield
        return self._of(numbers) if numbers else None

    def entries(self, draft: Draft) -> Steps[Sequence[int]]:
        """The digits of each number."""
        entries = array("Q")
        for numbers in draft.messages.values():
            for piece in _pieces(numbers):
                entries.extend(digits_of(piece))
                yield
        return entries

    def numbers(self, record: Row) -> Sequence[int]:
        """See `Intake`."""
        return _entries(record)

    def take_ready(self) -> Steps[list[tuple[Row, Draft]]]:
        """None: their text is known."""
        yield from ()
        return []

    def take_unmet(self) -> Steps[list[tuple[Row, Draft]]]:
        """None: their text is known."""
        yield from ()
        return []

    def _hold(self, values: list[Number]) -> None:
        self._held += values

    def _is_holding(self) -> bool:
        return bool(self._held)

    def _take(self, most: int) -> None:
        values, self._held = self._held[:most], self._held[most:]
        self.read += len(values)
        numbers = clean_numbers(values)
        good = cast("Sequence[str]", numbers)
        if not all(numbers):
            good = [number for number in numbers if number is not None]
            self.refused.extend(_refuse(value) for value, number in zip(values, numbers) if number is None)
        fresh = self._seen.add(good)
        self.duplicates += len(good) - len(fresh)
        self._numbers += self._without_earlier(fresh) if self.missing else fresh

    def _without_earlier(self, numbers: Sequence[str]) -> Sequence[str]:
        known = self._earlier.known(numbers)
        self.missing -= len(known)
        return [number for number in numbers if number not in known] if known else numbers

    def _waiting(self) -> int:
        return len(self._numbers)

    def _draft(self, size: int) -> Steps[Draft | None]:
        numbers = self._numbers[:size]
        yield from sort(numbers)
        # Not before: what is cancelled in between is still there.
        del self._numbers[:size]
        return self._of(numbers) if numbers else None

    def _of(self, numbers: list[str]) -> Draft:
        template = self._template
        return Draft(
            template.sender, template.iys, {self._message.text: tuple(numbers)}, template.send_at, len(numbers)
        )


class MessageIntake(Intake[Message | Refusal]):
    """Messages with texts of their own. A number may occur again with another text."""

    def __init__(
        self,
        recipients: Recipients[Message | Refusal],
        template: Draft,
        batch_size: int,
        salt: bytes,
        *,
        allow_new_texts: bool = True,
    ) -> None:
        # Each message may have several recipients.
        super().__init__(Reader(recipients.source, count_recipients), None, template, batch_size)
        #: Empty where nobody has to recognise a text later, and Python's own hash is enough.
        self._salt = salt
        self._unfolded = Unfolded()
        self._seen = SeenKeys(8, smallest=19)
        self._pairs: list[Pair] = []
        # Of an earlier run: who is done with; and whose texts are to be read again, for which order.
        self._earlier = SeenKeys(8, smallest=19)
        self._owner: dict[int, Row] = {}
        # With other texts than the journal has of them.
        self._allow_new_texts = allow_new_texts
        self._kept_back: list[Pair] = []
        # Numbers that were texted, or may have been; and those of which an earlier text was read again.
        self._texted = SeenKeys(8, smallest=19)
        self._met = SeenKeys(8, smallest=19)
        self._found: dict[int, dict[int, Pair]] = {}
        self._unmet: dict[int, Row] = {}
        self._complete: list[Row] = []

    def remember(self, record: Row) -> Steps[Draft | None]:
        """See `Intake`; the texts are to be read again."""
        is_done = record.state in DONE
        if not is_done:
            self._found[record.part] = {}
            self._unmet[record.part] = record
        for entries in _pieces(_entries(record)):
            keys = _keys(entries)
            self.missing += len(keys)
            if record.state not in _NOT_TEXTED:
                self._texted.add([number | _TOP for number in entries[::2]])
            if is_done:
                self._earlier.add(keys)
            else:
                self._owner.update(dict.fromkeys(keys, record))
            yield
        return None

    def entries(self, draft: Draft) -> Steps[Sequence[int]]:
        """The digits of each number, and its text's fingerprint."""
        entries = array("Q")
        count = 0
        for text, numbers in draft.messages.items():
            mark = fingerprint(text, self._salt)
            for piece in _pieces(numbers):
                for digits in digits_of(piece):
                    entries.append(digits)
                    entries.append(mark)
                count += len(piece)
                if count >= _PIECE:
                    count = 0
                    yield
        return entries

    def numbers(self, record: Row) -> Sequence[int]:
        """See `Intake`."""
        return _entries(record)[::2]

    def take_ready(self) -> Steps[list[tuple[Row, Draft]]]:
        """See `Intake`."""
        ready = yield from self._drafts_of(self._complete)
        # Not before: what is cancelled in between is still there.
        self._complete.clear()
        return ready

    def take_unmet(self) -> Steps[list[tuple[Row, Draft]]]:
        """See `Intake`; an empty text stands for a missing one."""
        unmet = yield from self._drafts_of(self._unmet.values())
        self._unmet.clear()
        return unmet

    def _drafts_of(self, records: Iterable[Row]) -> Steps[list[tuple[Row, Draft]]]:
        drafts: list[tuple[Row, Draft]] = []
        for record in records:
            draft = yield from self._draft_of(record)
            drafts.append((record, draft))
        return drafts

    def _draft_of(self, record: Row) -> Steps[Draft]:
        """An order in its old sequence, so that the service recognises it."""
        found = self._found[record.part]
        pairs: list[Pair] = []
        for entries in _pieces(_entries(record)):
            pairs += [found.get(key, (f"+{number}", "")) for number, key in zip(entries[::2], _keys(entries))]
            yield
        return (yield from group(self._template, pairs))

    def _hold(self, values: list[Message | Refusal]) -> None:
        self._unfolded.add(values)

    def _is_holding(self) -> bool:
        return bool(self._unfolded)

    def _take(self, most: int) -> None:
        texts, given = self._unfolded.take(most)
        refused = [(place, _refuse(value, flaw.message)) for place, value, flaw in self._unfolded.refused]
        self.read += len(given) + len(refused)
        numbers = clean_numbers(given)
        if not all(numbers):
            refused += [(place, _refuse(given[place])) for place, number in enumerate(numbers) if number is None]
            texts = [text for text, number in zip(texts, numbers) if number is not None]
            numbers = [number for number in numbers if number is not None]
        # In the order in which they came.
        self.refused.extend(refusal for _, refusal in sorted(refused, key=itemgetter(0)))
        self._take_pairs([*zip(cast("Sequence[str]", numbers), texts)])

    def _take_pairs(self, pairs: list[Pair]) -> None:
        numbers = digits_of([number for number, _ in pairs])
        keys = [number ^ mark | _TOP for number, mark in zip(numbers, self._marks([text for _, text in pairs]))]
        repeated = self._seen.add(keys)
        if repeated:
            self.duplicates += len(repeated)
            pairs, keys = without_last(pairs, keys, repeated), without_last(keys, keys, repeated)
        self._pairs += self._without_earlier(pairs, keys) if self.missing else pairs

    def _marks(self, texts: list[str]) -> Iterator[int]:
        """What tells each text from others."""
        if not self._salt:
            return (hash(text) & _TOP - 1 for text in texts)
        marks = {text: fingerprint(text, self._salt) for text in dict.fromkeys(texts)}
        return (marks[text] for text in texts)

    def _without_earlier(self, pairs: list[Pair], keys: list[int]) -> list[Pair]:
        numbers = [number | _TOP for number in digits_of([number for number, _ in pairs])]
        known, texted, met = self._earlier.known(keys), self._texted.known(numbers), self._met.known(numbers)
        fresh: list[Pair] = []
        found = 0
        for pair, key, number in zip(pairs, keys, numbers):
            record = self._owner.pop(key, None)
            if record is None and key not in known:
                # A text that follows one of an earlier run is a further one, and not a changed one.
                is_changed = not self._allow_new_texts and number in texted and number not in met
                (self._kept_back if is_changed else fresh).append(pair)
                self.changed += is_changed
                continue
            found += 1
            met.add(number)
            if record is not None:
                self._find(record, key, pair)
        self._met.add([*met])
        self.missing -= found
        return fresh

    def _let_out(self) -> None:
        self._pairs += self._kept_back
        self._kept_back.clear()

    def _find(self, record: Row, key: int, pair: Pair) -> None:
        """Take up a recipient of an earlier run's order, whose text is known now."""
        found = self._found[record.part]
        found[key] = pair
        if len(found) == record.recipients:
            del self._unmet[record.part]
            self._complete.append(record)

    def _waiting(self) -> int:
        return len(self._pairs)

    def _draft(self, size: int) -> Steps[Draft | None]:
        pairs = self._pairs[:size]
        draft = yield from pack_pairs(self._template, pairs)
        # Not before: what is cancelled in between is still there.
        del self._pairs[:size]
        return draft if pairs else None


def _refuse(value: object, reason: str | None = None) -> Refusal:
    """What is listed for a value, for the reason given or else for what is wrong with it as a number."""
    if isinstance(value, Refusal):
        # Who fills in values from rows has found out already what is wrong, and where.
        return value
    return Refusal(write_out(value), reason or find_flaw(value))


def _entries(record: Row) -> Sequence[int]:
    """Whom an order is for, as integers."""
    return () if record.entries is None else unpack(record.entries)


def _pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Some values at a time; of entries that come in pairs, whole pairs."""
    return (values[start : start + _ENTRIES] for start in range(0, len(values), _ENTRIES))


def _keys(entries: Sequence[int]) -> list[int]:
    return [number ^ mark | _TOP for number, mark in zip(entries[::2], entries[1::2])]
