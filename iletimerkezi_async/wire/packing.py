"""Texts and numbers packed into drafts, a piece of the work at a time.

An order holds up to 50,000 texts; to check, sort and group so many at one go would block the event loop. So the
functions here are generators: they yield every few milliseconds at the latest, and return their result. In an event
loop, `orders.pieces` runs them and lets other tasks run in between; `finish` runs them at one go.

Numbers are sorted within an order, so that the same set of recipients is the same order to a service that compares in
sequence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from itertools import chain, islice
from operator import eq, itemgetter
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from iletimerkezi_async.errors import ApiError, RecipientError
from iletimerkezi_async.models import Message
from iletimerkezi_async.numbers import NO_NUMBER, clean_number, clean_numbers, find_flaw, write_out
from iletimerkezi_async.results import Refusal

from .arguments import MAX_RECIPIENTS, is_iterable, name_type
from .draft import Draft, are_plain, message_complaint, text_complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from iletimerkezi_async.models import Number

T = TypeVar("T")
#: Work in pieces, which returns its result.
Steps: TypeAlias = Generator[None, None, T]
#: A number, and the text that it gets.
Pair: TypeAlias = tuple[str, str]

_OPERATION = "send-sms"
# Flaws named in one error.
_MOST_FLAWS = 3
# Texts that are handled at one go; numbers or pairs that are.
_TEXTS = 400
_NUMBERS = 4000


def finish(steps: Steps[T]) -> T:
    """Do all of the work at one go."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("T", end.value)


def sort(values: list[T], key: Callable[[T], Any] | None = None) -> Steps[None]:
    """Sort a list in place, and stably."""
    sort_key = cast("Callable[[T], Any]", key)
    for start in range(0, len(values), _NUMBERS):
        values[start : start + _NUMBERS] = sorted(values[start : start + _NUMBERS], key=sort_key)
        yield
    # Python's sort finds the sorted pieces, and only merges them.
    values.sort(key=sort_key)


def pack_pairs(template: Draft, pairs: list[Pair]) -> Steps[Draft]:
    """Sort pairs in place, and make a draft of them. They are taken as they are: clean, and each once."""
    yield from sort(pairs, itemgetter(0))
    numbers = [number for number, _ in pairs]
    yield
    if any(map(eq, numbers, islice(numbers, 1, None))):
        # Where a number has several texts, by the texts as well.
        yield from sort(pairs)
    return (yield from group(template, pairs))


def group(template: Draft, pairs: Sequence[Pair]) -> Steps[Draft]:
    """Make a draft of pairs in the order in which they are."""
    distinct: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(pairs), _NUMBERS):
        piece = pairs[start : start + _NUMBERS]
        distinct.update(zip([text for _, text in piece], zip([number for number, _ in piece])))
        yield
        if len(distinct) < start + len(piece):
            # Some have a text in common.
            distinct = yield from _group(pairs)
            break
    return Draft(template.sender, template.iys, distinct, template.send_at, len(pairs))


def _group(pairs: Sequence[Pair]) -> Steps[dict[str, tuple[str, ...]]]:
    numbers_of: dict[str, list[str]] = {}
    for start in range(0, len(pairs), _NUMBERS):
        for number, text in pairs[start : start + _NUMBERS]:
            numbers_of.setdefault(text, []).append(number)
        yield
    messages: dict[str, tuple[str, ...]] = {}
    for count, (text, numbers) in enumerate(numbers_of.items(), 1):
        messages[text] = tuple(numbers)
        if count % _NUMBERS == 0:
            yield
    return messages


def slices(draft: Draft, size: int) -> Steps[list[Draft]]:
    """Split a draft into drafts of `size` recipients each; the last one has the rest."""
    parts: list[Draft] = []
    messages: dict[str, tuple[str, ...]] = {}
    room = size

    def close() -> None:
        nonlocal messages, room
        parts.append(Draft(draft.sender, draft.iys, messages, draft.send_at, size - room))
        messages, room = {}, size

    for count, (text, numbers) in enumerate(draft.messages.items(), 1):
        start = 0
        while start < len(numbers):
            messages[text] = numbers[start : start + room]
            start += room
            room -= len(messages[text])
            if not room:
                close()
        if count % _NUMBERS == 0:
            yield
    if messages:
        close()
    return parts


class Unfolded:
    """Messages as pairs of text and number, some at a time, also of a message to a million recipients.

    Attributes:
        refused: The recipients of bad messages: before which of the numbers that were taken last, the value, and the
            complaint.
        complaint: The first of the complaints, also about a message without recipients.
    """

    __slots__ = ("_flaw", "_messages", "_start", "complaint", "refused")

    def __init__(self) -> None:
        self._messages: deque[object] = deque()
        # Where to go on in the first message, and that message's flaw.
        self._start = 0
        self._flaw: ApiError | None = None
        self.complaint: ApiError | None = None
        self.refused: list[tuple[int, object, ApiError]] = []

    def __bool__(self) -> bool:
        return bool(self._messages)

    def add(self, messages: Iterable[object]) -> None:
        """Add messages at the end."""
        self._messages.extend(messages)

    def take(self, most: int) -> tuple[list[str], list[Number]]:
        """The next recipients, at most so many: the text of each, and the number as it was given."""
        self.refused = []
        texts, numbers = self._take_plain(most)
        room = most - len(numbers)
        while self._messages and room > 0:
            message = self._messages[0]
            if not self._start:
                self._flaw = message_complaint(message)
                self.complaint = self.complaint or self._flaw
            recipients: tuple[object, ...] = message.to if isinstance(message, Message) else (_alone(message),)
            piece = recipients[self._start : self._start + room]
            if self._flaw is not None:
                self.refused += [(len(numbers), value, self._flaw) for value in piece]
            elif isinstance(message, Message):
                texts += (message.text,) * len(piece)
                numbers += cast("tuple[Number, ...]", piece)
            room -= len(piece)
            self._start += len(piece)
            if self._start >= len(recipients):
                self._messages.popleft()
                self._start = 0
        return texts, numbers

    def _take_plain(self, most: int) -> tuple[list[str], list[Number]]:
        """The next messages at one go, where each has one recipient and no flaw: the usual case of long lists."""
        piece = cast("list[Message]", [*islice(self._messages, 0 if self._start else most)])
        if set(map(type, piece)) != {Message}:
            return [], []
        texts = [message.text for message in piece]
        recipients = [message.to for message in piece]
        if set(map(len, recipients)) != {1} or not are_plain(texts):
            return [], []
        for _ in piece:
            self._messages.popleft()
        return texts, [*chain.from_iterable(recipients)]


def _alone(value: object) -> object:
    """The entry for a value that is no message: a refusal is listed as it is, anything else without a number."""
    return value if isinstance(value, Refusal) else ""


def fill_one(template: Draft, message: Message) -> Draft | None:
    """Fill a template with a message to one recipient; `None` where there are more, or a flaw: see `fill`."""
    number = clean_number(message.to[0]) if len(message.to) == 1 else None
    if number is None or text_complaint(message.text) is not None:
        return None
    return Draft(template.sender, template.iys, {message.text: (number,)}, template.send_at, 1)


def fill(template: Draft, messages: Iterable[Message]) -> Steps[Draft]:
    """Fill a template with messages, each checked. The same number twice for the same text is kept once.

    Raises:
        ApiError: A text is empty or far too long, there is no recipient, there are more than 50,000, or some are no
            numbers (all are named).
    """
    if not is_iterable(messages):
        raise ApiError(422, f"`messages` must be an iterable of Message, not {name_type(messages)}", _OPERATION)
    # Read by an object and not here: a generator's frame, which would hold the messages, cannot be cleared.
    return _fill(template, _Messages(messages))


def _fill(template: Draft, given: _Messages) -> Steps[Draft]:
    while given.read():
        given.take()
        yield
    complaint = given.complaint or given.number_complaint()
    if complaint is not None:
        raise complaint
    draft = yield from group(template, [*given.pairs])
    return draft if len(draft.messages) == draft.recipients else (yield from _sort_numbers(draft))


def _sort_numbers(draft: Draft) -> Steps[Draft]:
    """The same draft with each text's numbers sorted; the texts stay in the order in which they were given."""
    messages: dict[str, tuple[str, ...]] = {}
    for count, (text, numbers) in enumerate(draft.messages.items(), 1):
        ordered = [*numbers]
        yield from sort(ordered)
        messages[text] = tuple(ordered)
        if count % _NUMBERS == 0:
            yield
    return Draft(draft.sender, draft.iys, messages, draft.send_at, draft.recipients)


class _Messages:
    """The messages of an order read so far, and the complaint about them, if any."""

    __slots__ = ("_bad", "_flaws", "_messages", "_piece", "_unfolded", "complaint", "pairs")

    def __init__(self, messages: Iterable[object]) -> None:
        self._messages = iter(messages)
        self._piece: list[object] = []
        self._unfolded = Unfolded()
        self._bad: list[str] = []
        self._flaws: dict[str, None] = {}
        #: Kept in a dictionary, so that each is there once.
        self.pairs: dict[Pair, None] = {}
        self.complaint: ApiError | None = None

    def read(self) -> bool:
        """Read on where nothing is left to take in. Returns whether there is something, without a complaint so far."""
        if not self._unfolded:
            # In place: where the caller's iterator raises, no variable of this frame holds its earlier values.
            self._piece.extend(islice(self._messages, _TEXTS))
            self._unfolded.add(self._piece)
            self._piece.clear()
        return bool(self._unfolded) and self.complaint is None

    def take(self) -> None:
        """Take in some recipients."""
        texts, given = self._unfolded.take(_TEXTS)
        self.complaint = self.complaint or self._unfolded.complaint
        numbers = clean_numbers(given)
        if all(numbers):
            self.pairs.update(dict.fromkeys(zip(cast("Sequence[str]", numbers), texts)))
        else:
            self.pairs.update({(number, text): None for number, text in zip(numbers, texts) if number is not None})
            bad = [value for value, number in zip(given, numbers) if number is None]
            self._bad += map(write_out, bad)
            self._flaws.update(dict.fromkeys(map(find_flaw, bad)))

    def number_complaint(self) -> RecipientError | None:
        """The complaint about the numbers."""
        count = len(self.pairs)
        if self._bad:
            message = f"{len(self._bad)} of {count + len(self._bad)} recipients are not phone numbers (see `numbers`)"
            hints = [flaw for flaw in self._flaws if flaw != NO_NUMBER]
            if hints:
                message = f"{message}: {'; '.join(hints[:_MOST_FLAWS])}"
            return RecipientError(452, message, _OPERATION, numbers=tuple(self._bad))
        if not count:
            return RecipientError(452, "there is no recipient", _OPERATION)
        if count > MAX_RECIPIENTS:
            message = f"{count} recipients are more than the {MAX_RECIPIENTS} that one order holds: use send_bulk"
            return RecipientError(452, message, _OPERATION)
        return None
