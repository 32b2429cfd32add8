"""Packing of texts and numbers into drafts.

Packing the up to 50,000 texts of an order takes some tenths of a second: in an event loop, `orders.pieces` does that
work in a thread. All loops here run in Python, not in C, and `in_turns`, so that the loop's thread gets its turn.

Numbers are sorted within an order, so that the same recipients give the same order if the service compares them in
sequence.
"""

from __future__ import annotations

import time
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from attrs import evolve

from iletimerkezi_async.errors import ApiError, RecipientError
from iletimerkezi_async.models import Message
from iletimerkezi_async.numbers import NO_NUMBER, clean_number, clean_numbers, find_flaw, write_out
from iletimerkezi_async.results import Refusal

from .arguments import MAX_RECIPIENTS, is_iterable, name_type
from .draft import Draft, message_complaint, text_complaint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence


T = TypeVar("T")
#: A number, and the text that it gets.
Pair: TypeAlias = tuple[str, str]
#: A recipient of a message: its text, the number as it was given, and the flaw of the message, if it has one.
Recipient: TypeAlias = tuple[str, object, ApiError | None]

_OPERATION = "send-sms"
# Flaws named in one error.
_MOST_FLAWS = 3
# Recipients that are cleaned together: few enough that one unusual value does not slow down many others.
_PIECE = 400
# Messages whose recipients are counted before the work begins: those alone are enough work for a thread.
_MOST_COUNTED = 2000
# Seconds between two turns of other threads.
_SLICE = 0.002
# Characters of a number by which numbers are sorted at first.
_PREFIX = len("+905301")


def give_way() -> None:
    """Let another thread have its turn.

    Python itself makes a thread wait for 5 ms, and an event loop's thread waits several times in one turn of the loop.
    """
    # A pause of 0 is over before another thread has woken up.
    time.sleep(1e-6)


def in_turns(values: Iterable[T]) -> Iterator[T]:
    """Give values one by one, and let other threads have their turn in between."""
    # A generator of the values themselves would take several times as long.
    return chain.from_iterable(pieces(values))


def pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """Give values some hundred at a time, and let other threads have their turn in between."""
    left, since = iter(values), time.perf_counter()
    while piece := [*islice(left, _PIECE)]:
        yield piece
        if time.perf_counter() - since > _SLICE:
            give_way()
            since = time.perf_counter()


def pack_pairs(template: Draft, pairs: Sequence[Pair]) -> Draft:
    """Sort pairs, and make a draft of them. They must be clean, and each occur once."""
    text_of = dict(in_turns(pairs))
    if len(text_of) == len(pairs):
        return group(template, [(number, text_of[number]) for number in in_turns(sort_numbers(text_of))])
    texts_of: dict[str, list[str]] = {}
    for number, text in in_turns(pairs):
        texts_of.setdefault(number, []).append(text)
    # Sorting pairs would take three times as long, and block other threads meanwhile.
    numbers = sort_numbers(texts_of)
    return group(template, [(number, text) for number in in_turns(numbers) for text in sorted(texts_of[number])])


def sort_numbers(numbers: Collection[str]) -> list[str]:
    """Sort numbers; many in small parts, so that other threads get their turn."""
    if len(numbers) <= _PIECE:
        return sorted(numbers)
    parts: dict[str, list[str]] = {}
    for number in in_turns(numbers):
        parts.setdefault(number[:_PREFIX], []).append(number)
    return [*in_turns(chain.from_iterable(sorted(parts[prefix]) for prefix in sorted(parts)))]


def group(template: Draft, pairs: Sequence[Pair]) -> Draft:
    """Make a draft of pairs, in their order."""
    # Without a list for each text: many lists make the garbage collector scan all objects of the process.
    if len({text for _, text in in_turns(pairs)}) == len(pairs):
        messages: dict[str, tuple[str, ...]] = {text: (number,) for number, text in in_turns(pairs)}
    else:
        numbers_of: dict[str, list[str]] = {}
        for number, text in in_turns(pairs):
            numbers_of.setdefault(text, []).append(number)
        messages = {text: tuple(numbers) for text, numbers in numbers_of.items()}
    return Draft(template.sender, template.iys, messages, template.send_at, len(pairs))


def slices(draft: Draft, size: int) -> list[Draft]:
    """Split a draft into drafts of `size` recipients each; the last one has the rest."""
    pairs = [*draft.pairs()]
    return [group(draft, pairs[start : start + size]) for start in range(0, len(pairs), size)]


def unfold(message: object) -> Iterator[Recipient]:
    """Unfold a message into its recipients, one at a time: it may have a million."""
    flaw = message_complaint(message)
    if isinstance(message, Message):
        return zip(repeat(message.text), message.to, repeat(flaw))
    # A refusal is listed as it is, anything else without a number.
    return iter([("", message if isinstance(message, Refusal) else "", flaw)])


def fill_one(template: Draft, message: Message) -> Draft | None:
    """Fill a template with a message to one recipient; `None` if it has more, or a flaw: see `Filling`."""
    number = clean_number(message.to[0]) if len(message.to) == 1 else None
    if number is None or text_complaint(message.text) is not None:
        return None
    return Draft(template.sender, template.iys, {message.text: (number,)}, template.send_at, 1)


class Filling:
    """The messages of one order, to be checked and put into a draft. Its `repr` shows none.

    Args:
        template: The order's terms.
        messages: The messages; they are read at once.

    Attributes:
        recipients: The approximate number of recipients; of very many messages, only the first are counted.

    Raises:
        ApiError: They cannot be read.
    """

    def __init__(self, template: Draft, messages: Iterable[Message]) -> None:
        if not is_iterable(messages):
            raise ApiError(422, f"`messages` must be an iterable of Message, not {name_type(messages)}", _OPERATION)
        self._template = template
        self._messages = tuple(messages)
        first = cast("tuple[object, ...]", self._messages[:_MOST_COUNTED])
        counts = (len(message.to) for message in first if isinstance(message, Message))
        self.recipients = max(len(self._messages), sum(counts))
        # A dictionary keeps each pair once, in order.
        self._pairs: dict[Pair, None] = {}
        self._bad: list[object] = []

    def draft(self) -> Draft:
        """Make the draft. A number that occurs twice with the same text is kept once.

        The texts stay in their order, and the numbers of each are sorted.

        Raises:
            ApiError: A text is empty or far too long, there is no recipient, there are more than 50,000, or some are
                not numbers (all of these are named).
        """
        for message in self._messages:
            flaw = message_complaint(message)
            if flaw is not None:
                raise flaw
        rows = chain.from_iterable(zip(message.to, repeat(message.text)) for message in self._messages)
        for piece in pieces(rows):
            numbers = clean_numbers([value for value, _ in piece])
            self._pairs |= {(number, text): None for number, (_, text) in zip(numbers, piece) if number is not None}
            self._bad += [value for number, (value, _) in zip(numbers, piece) if number is None]
        self._check_numbers()
        draft = group(self._template, [*self._pairs])
        texts = in_turns(draft.messages.items())
        return evolve(draft, messages={text: tuple(sort_numbers(numbers)) for text, numbers in texts})

    def _check_numbers(self) -> None:
        count = len(self._pairs)
        if self._bad:
            message = f"{len(self._bad)} of {count + len(self._bad)} recipients are not phone numbers (see `numbers`)"
            hints = [flaw for flaw in dict.fromkeys(map(find_flaw, self._bad)) if flaw != NO_NUMBER]
            if hints:
                message = f"{message}: {'; '.join(hints[:_MOST_FLAWS])}"
            raise RecipientError(452, message, _OPERATION, numbers=tuple(map(write_out, self._bad)))
        if not count:
            raise RecipientError(452, "there is no recipient", _OPERATION)
        if count > MAX_RECIPIENTS:
            message = f"{count} recipients are more than one order can have ({MAX_RECIPIENTS}): use send_bulk"
            raise RecipientError(452, message, _OPERATION)
