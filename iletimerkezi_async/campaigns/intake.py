"""What a campaign reads: recipients of any source, cleaned, each once, in drafts of a given size.

Reading is done in time slices. What else grows with a campaign is a plain function, fit to be called in a thread; it
changes nothing before it is done, or all at once, so that a cancellation loses nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from attrs import evolve, field, frozen

from iletimerkezi_async.models import Message, Number
from iletimerkezi_async.numbers import clean_numbers, find_flaw, write_out
from iletimerkezi_async.orders.pieces import TimeSlice
from iletimerkezi_async.results import Refusal, Refusals
from iletimerkezi_async.stores.log import Row, State
from iletimerkezi_async.wire.packing import Pair, Unfolded, count_recipients, group, pack_pairs

from .records import DONE, fingerprint, unpack
from .seen import Seen, SeenKeys, digits_of, without_last
from .sources import Reader, Recipients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iletimerkezi_async.wire.draft import Draft

__all__ = ["Intake", "MessageIntake", "NumberIntake", "Recipients"]

T = TypeVar("T")

# Recipients that are looked at in one go.
_PIECE = 400
# The mark of a text, with this bit set, makes keys that are large enough for `SeenKeys`.
_TOP = 1 << 63
# Changed texts after which a campaign that has to stop reads no further.
_MOST_CHANGED = 50_000
# States of orders that nobody got.
_NOT_TEXTED = frozenset({State.REFUSED, State.DUPLICATE})


class Intake(ABC, Generic[T]):
    """Reads a source and hands out drafts.

    Attributes:
        total: How many recipients there are, where that is known.
        read: Recipients read so far.
        duplicates: … of these, left out since they had occurred before.
        refused: Those left out as bad, with the reason, and those whom the service refuses.
        missing: Recipients of an earlier run that have not been read again (yet).
        changed: Those that were, or may have been, texted by an earlier run, and came with another text instead.
    """

    #: Integers that stand for a recipient in the journal; the first has the number's digits.
    ENTRY_SIZE: ClassVar[int]

    def __init__(
        self, reader: Reader[T], held: list[T] | Unfolded, total: int | None, template: Draft, batch_size: int
    ) -> None:
        self._reader = reader
        self._slice = TimeSlice()
        self._template = template
        self._batch_size = batch_size
        #: Values that were read and not taken in yet; and what was taken in and is in no draft yet.
        self._held: Any = held
        self._fresh: list[Any] = []
        #: What is in none as its text has changed.
        self._kept_back: list[Any] = []
        self.total = total
        self.read = 0
        self.duplicates = 0
        self.refused = Refusals()
        self.missing = 0
        self.changed = 0

    @property
    def waiting(self) -> int:
        """About how many recipients the next orders are of."""
        return len(self._fresh) + self.missing

    async def aclose(self) -> None:
        """Let go of the source."""
        await self._reader.aclose()

    async def prepare(self) -> None:
        """Once the earlier runs are remembered: look through the source, where that has to be done before."""

    async def fill(self) -> bool:
        """Read until there is a full draft, or the source has ended; whether there is any."""
        # No further than that: the source may wait for what its last values led to.
        while (room := self._batch_size - len(self._fresh)) > 0 and self.changed < _MOST_CHANGED:
            await self._slice.end()
            if not self._held:
                # No variable holds values while the source is waited for, and may raise.
                self._held.extend(await self._reader.read(min(room, _PIECE)))
            if not self._held:
                break
            self._take_in(min(room, _PIECE))
        return bool(self._fresh)

    def take(self) -> Draft:
        """The next draft, for which there is something."""
        draft = self._draft(self._fresh[: self._batch_size])
        del self._fresh[: self._batch_size]
        return draft

    def rest(self) -> Draft | None:
        """All that was read and is not in any draft."""
        self._held.extend(self._reader.left())
        while self._held:
            self._take_in(_PIECE)
        rest = self._fresh + self._kept_back
        return self._draft(rest) if rest else None

    def numbers(self, row: Row) -> list[str]:
        """The recipients of an earlier run's order."""
        return [f"+{digits}" for digits in _entries(row)[:: self.ENTRY_SIZE]]

    def take_earlier(self, *, unread: bool) -> list[tuple[Row, Draft]]:
        """Orders of an earlier run whose texts have been read again, so that they can be settled; each once.

        Args:
            unread: Whether to take the others, too; an empty text stands for one that was not read again.
        """
        del unread
        return []

    @abstractmethod
    def remember(self, row: Row) -> Draft | None:
        """Leave the recipients of an earlier run's order out; its draft, where it is needed and can be told already."""

    @abstractmethod
    def entries(self, draft: Draft) -> Sequence[int]:
        """A draft's recipients, as the journal keeps them."""

    @abstractmethod
    def _take_in(self, limit: int) -> None:
        """Take in some recipients of those that were read, at most so many."""

    @abstractmethod
    def _draft(self, fresh: list[Any]) -> Draft: ...


class NumberIntake(Intake[Number]):
    """Numbers that all get the same text."""

    ENTRY_SIZE = 1

    def __init__(self, recipients: Recipients[Number], template: Draft, batch_size: int, message: Message) -> None:
        super().__init__(Reader(recipients.source), [], recipients.total, template, batch_size)
        self._message = message
        self._seen = Seen()
        self._earlier = Seen()

    def remember(self, row: Row) -> Draft | None:
        """See `Intake`; the text is known."""
        numbers = self.numbers(row)
        self.missing += len(self._earlier.add(numbers))
        return None if row.state in DONE or not numbers else self._draft(numbers)

    def entries(self, draft: Draft) -> Sequence[int]:
        """The digits of each number."""
        return [digits for numbers in draft.messages.values() for digits in digits_of(numbers)]

    def _take_in(self, limit: int) -> None:
        values, self._held = self._held[:limit], self._held[limit:]
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
        return evolve(self._template, messages={self._message.text: tuple(sorted(fresh))}, recipients=len(fresh))


@frozen(eq=False, repr=False)
class _Earlier:
    """An earlier run's order, whose texts are to be read again.

    Attributes:
        row: As the journal has it.
        found: Those of its recipients that were read again, by their keys.
    """

    row: Row
    found: dict[int, Pair] = field(factory=dict[int, Pair])

    @property
    def is_complete(self) -> bool:
        """Whether all of them were."""
        return len(self.found) == self.row.recipients


class MessageIntake(Intake[Message | Refusal]):
    """Messages with texts of their own. A number may occur again with another text."""

    ENTRY_SIZE = 2

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
        reader = Reader(recipients.source, count_recipients)
        super().__init__(reader, Unfolded(), None, template, batch_size)
        source = cast("object", recipients.source)
        #: The messages, where they can be read twice.
        self._known = cast("Sequence[object]", source if isinstance(source, Sequence) else ())
        #: Empty where nobody has to recognise a text later, and Python's own hash is enough.
        self._salt = salt
        self._seen = SeenKeys(8, smallest=19)
        # Of an earlier run: who is done with; and whose texts are to be read again, for which order.
        self._done = SeenKeys(8, smallest=19)
        self._owner: dict[int, _Earlier] = {}
        self._open: list[_Earlier] = []
        self._allow_new_texts = allow_new_texts
        # Numbers that were texted, or may have been; and those of which an earlier text was read again.
        self._texted = SeenKeys(8, smallest=19)
        self._met = SeenKeys(8, smallest=19)

    async def prepare(self) -> None:
        """Count changed texts in a source that can be read twice."""
        if self._allow_new_texts or not self.missing or not self._known:
            return
        unfolded = Unfolded()
        unfolded.extend(self._known)
        strange: Counter[int] = Counter()
        while unfolded:
            await self._slice.end()
            self._compare(unfolded, strange)
        self.changed = sum(strange[number] for number in strange.keys() - self._met.known([*strange]))
        # All have been looked at.
        self._allow_new_texts = True

    def _compare(self, unfolded: Unfolded, strange: Counter[int]) -> None:
        """Take some recipients; note those who were texted and come with a strange text, and those with an earlier."""
        texts, given = unfolded.take(_PIECE)
        pairs = [(number, text) for number, text in zip(clean_numbers(given), texts) if number is not None]
        keys, numbers = self._keys(pairs)
        known, texted = self._done.known(keys), self._texted.known(numbers)
        met: set[int] = set()
        for key, number in zip(keys, numbers):
            if key in known or key in self._owner:
                met.add(number)
            elif number in texted:
                strange[number] += 1
        self._met.add([*met])

    def remember(self, row: Row) -> Draft | None:
        """See `Intake`; the texts are to be read again."""
        entries = _entries(row)
        keys = [number ^ mark | _TOP for number, mark in zip(entries[::2], entries[1::2])]
        self.missing += len(keys)
        if row.state not in _NOT_TEXTED:
            self._texted.add([number | _TOP for number in entries[::2]])
        if row.state in DONE:
            self._done.add(keys)
        else:
            self._open.append(_Earlier(row))
            self._owner.update(dict.fromkeys(keys, self._open[-1]))
        return None

    def entries(self, draft: Draft) -> Sequence[int]:
        """The digits of each number, and its text's fingerprint."""
        entries: list[int] = []
        for text, numbers in draft.messages.items():
            mark = fingerprint(text, self._salt)
            for digits in digits_of(numbers):
                entries += (digits, mark)
        return entries

    def take_earlier(self, *, unread: bool) -> list[tuple[Row, Draft]]:
        """See `Intake`."""
        ready = [each for each in self._open if unread or each.is_complete]
        self._open = [each for each in self._open if not (unread or each.is_complete)]
        return [(each.row, self._draft_again(each)) for each in ready]

    def _draft_again(self, earlier: _Earlier) -> Draft:
        """An order in its old sequence, so that the service recognises it."""
        entries, found = _entries(earlier.row), earlier.found
        numbers = zip(entries[::2], entries[1::2])
        pairs = [found.get(number ^ mark | _TOP, (f"+{number}", "")) for number, mark in numbers]
        return group(self._template, pairs)

    def _take_in(self, limit: int) -> None:
        texts, given = self._held.take(limit)
        refused = [(place, _refuse(value, flaw.message)) for place, value, flaw in self._held.refused]
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
        keys, _ = self._keys(pairs)
        repeated = self._seen.add(keys)
        if repeated:
            self.duplicates += len(repeated)
            pairs, keys = without_last(pairs, keys, repeated), without_last(keys, keys, repeated)
        self._fresh += self._without_earlier(pairs) if self.missing else pairs

    def _keys(self, pairs: list[Pair]) -> tuple[list[int], list[int]]:
        """What tells each number with its text from others, and what each number."""
        numbers = digits_of([number for number, _ in pairs])
        marks = self._marks([text for _, text in pairs])
        return [number ^ mark | _TOP for number, mark in zip(numbers, marks)], [number | _TOP for number in numbers]

    def _marks(self, texts: list[str]) -> Iterator[int]:
        """What tells each text from others."""
        if not self._salt:
            return (hash(text) & _TOP - 1 for text in texts)
        marks = {text: fingerprint(text, self._salt) for text in dict.fromkeys(texts)}
        return (marks[text] for text in texts)

    def _without_earlier(self, pairs: list[Pair]) -> list[Pair]:
        keys, numbers = self._keys(pairs)
        known, texted, met = self._done.known(keys), self._texted.known(numbers), self._met.known(numbers)
        fresh: list[Pair] = []
        for pair, key, number in zip(pairs, keys, numbers):
            earlier = self._owner.pop(key, None)
            if earlier is None and key not in known:
                # A text that follows one of an earlier run is a further one, and not a changed one.
                is_changed = not self._allow_new_texts and number in texted and number not in met
                (self._kept_back if is_changed else fresh).append(pair)
                self.changed += is_changed
                continue
            self.missing -= 1
            met.add(number)
            if earlier is not None:
                earlier.found[key] = pair
        self._met.add([*met])
        return fresh

    def _draft(self, fresh: list[Pair]) -> Draft:
        return pack_pairs(self._template, fresh)


def _refuse(value: object, reason: str | None = None) -> Refusal:
    """What is listed for a value, for the reason given or else for what is wrong with it as a number."""
    if isinstance(value, Refusal):
        # Who fills in values from rows has found out already what is wrong, and where.
        return value
    return Refusal(write_out(value), reason or find_flaw(value))


def _entries(row: Row) -> Sequence[int]:
    """Whom an order is for, as integers."""
    return () if row.entries is None else unpack(row.entries)
