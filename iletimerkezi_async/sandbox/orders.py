"""The accepted orders and the states of their messages."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import chain, repeat
from typing import Final

import attrs

__all__ = ["Counters", "MessageState", "OrderBook", "OrderState", "SandboxOrder", "first_id_at"]

# Public clients read ids into signed 32-bit integers: orders use the lower half of the ids, messages the upper half.
_HALF: Final = 1_000_000_000

_ID: Final = re.compile(r"[0-9]{1,18}")


def first_id_at(now: datetime) -> int:
    """Return a first id made from the clock's milliseconds, so that a later sandbox repeats no id of an earlier one.

    A store, or a table of webhook calls, may still contain the earlier ids. The ids repeat after 11 days.
    """
    return 1 + int(now.timestamp() * 1000) % _HALF


class MessageState(IntEnum):
    """The states of one message, from the provider's get-report page."""

    ON_ITS_WAY = 110
    DELIVERED = 111
    UNDELIVERED = 112


class OrderState(IntEnum):
    """The states of an order, from the provider's get-report page."""

    SENDING = 113
    FINISHED = 114
    NOT_SENT = 115


@attrs.frozen
class Counters:
    """The messages of an order, counted by state."""

    total: int
    delivered: int
    undelivered: int
    waiting: int


@attrs.frozen(kw_only=True, repr=False, eq=False)
class SandboxOrder:
    """An order that the service accepted.

    Attributes:
        id: As in the answer to send-sms.
        sender: The approved sender name.
        iys: ``"1"`` when the consent registry is to be checked, ``"0"`` when not.
        iys_list: ``"BIREYSEL"`` or ``"TACIR"`` with ``iys="1"``, else None.
        submitted_at: When it was accepted, in Turkish time on the sandbox's clock.
        send_at: When it is sent: the scheduled time, or ``submitted_at``.
        cancelled: Whether it was cancelled before it was sent.
        numbers: Its recipients as ``+905XXXXXXXXX``, in order, without blocked ones that were skipped.
        texts: Each text with the number of recipients it goes to, in the order of ``numbers``.
        cost: SMS charged for it.
        refund: SMS given back once it is finished, for its undelivered messages.
        seconds: The seconds that the delivery of all its messages takes.
        failing: Positions in ``numbers`` of the messages that end undelivered.
    """

    id: int
    sender: str
    iys: str
    iys_list: str | None
    submitted_at: datetime
    send_at: datetime
    cancelled: bool = False
    numbers: tuple[str, ...]
    texts: tuple[tuple[str, int], ...]
    cost: int
    refund: int
    seconds: float
    failing: tuple[int, ...]

    @property
    def recipients(self) -> int:
        """The number of messages; a phone number that was given twice counts twice."""
        return len(self.numbers)

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """Each message as (text, number), in order."""
        texts = chain.from_iterable(repeat(text, count) for text, count in self.texts)
        return tuple(zip(texts, self.numbers, strict=True))

    @property
    def finished_at(self) -> datetime:
        """The time when its last message becomes final, unless it is cancelled."""
        return self.send_at + timedelta(seconds=self.seconds)

    def final_at(self, position: int) -> datetime:
        """Return when the message at this position becomes final, unless the order is cancelled."""
        seconds = self.seconds * (position + 1) / self.recipients
        return min(self.send_at + timedelta(seconds=seconds), self.finished_at)

    def is_due(self, now: datetime) -> bool:
        """Tell whether its sending has begun."""
        return not self.cancelled and now >= self.send_at

    def state(self, now: datetime) -> OrderState:
        """Return the order's state; an order that waits for its schedule counts as being sent."""
        if self.cancelled:
            return OrderState.NOT_SENT
        return OrderState.FINISHED if now >= self.finished_at else OrderState.SENDING

    def counters(self, now: datetime) -> Counters:
        """Count its messages by state."""
        final = self._final(now)
        undelivered = final if self.cancelled else bisect_left(self.failing, final)
        return Counters(self.recipients, final - undelivered, undelivered, self.recipients - final)

    def rows(self, now: datetime, start: int, stop: int) -> tuple[Sequence[str], list[int]]:
        """Return the numbers and message states from position ``start`` to before ``stop``; compute only these."""
        numbers = self.numbers[start:stop]
        if self.cancelled:
            return numbers, [int(MessageState.UNDELIVERED)] * len(numbers)
        final = min(max(self._final(now) - start, 0), len(numbers))
        states = [int(MessageState.DELIVERED)] * final + [int(MessageState.ON_ITS_WAY)] * (len(numbers) - final)
        for position in self.failing[bisect_left(self.failing, start) : bisect_left(self.failing, start + final)]:
            states[position - start] = int(MessageState.UNDELIVERED)
        return numbers, states

    def rows_at(self, now: datetime, positions: Sequence[int]) -> tuple[list[str], list[int]]:
        """Return the numbers and the message states at any positions, in their order."""
        numbers, states = self.rows(now, 0, self.recipients)
        return [numbers[position] for position in positions], [states[position] for position in positions]

    def _final(self, now: datetime) -> int:
        """Count the messages in their final state, from the first on."""
        if self.cancelled or now >= self.finished_at:
            return self.recipients
        if now < self.send_at:
            return 0
        return int((now - self.send_at).total_seconds() / self.seconds * self.recipients)

    def __repr__(self) -> str:
        return f"<SandboxOrder {self.id}: {self.recipients} recipients, {len(self.texts)} texts>"


class OrderBook:
    """Every order that was accepted, oldest first.

    Not thread-safe: the service holds the lock.

    Args:
        first_id: The id of the first order; the others count up from it. The ids of messages begin 1,000,000,000
            above it.
    """

    def __init__(self, first_id: int) -> None:
        self._first_id = first_id
        self._first_message_id = _HALF + first_id
        self._orders: dict[int, SandboxOrder] = {}
        # Parallel lists in order of acceptance. The clock never goes back, so they are sorted and can be bisected.
        self._times: list[datetime] = []
        self._ids: list[int] = []
        self._message_ids: dict[int, int] = {}
        self._next_message_id = self._first_message_id
        self._accepted_at: dict[int, datetime] = {}

    def next_id(self) -> int:
        """Return the id for the next order."""
        return self._first_id + len(self._ids)

    def place(self, order: SandboxOrder) -> int:
        """Return the position of an order; the first is 0."""
        return order.id - self._first_id

    def add(self, order: SandboxOrder, fingerprint: int) -> None:
        """Store a new order.

        Args:
            order: The order, with the id from ``next_id``.
            fingerprint: Equal for orders with the same texts to the same recipients.
        """
        self._orders[order.id] = order
        self._times.append(order.submitted_at)
        self._ids.append(order.id)
        self._message_ids[order.id] = self._next_message_id
        self._next_message_id += order.recipients
        self._accepted_at[fingerprint] = order.submitted_at

    def accepted_at(self, fingerprint: int) -> datetime | None:
        """Return when the latest order with this fingerprint was accepted."""
        return self._accepted_at.get(fingerprint)

    def find(self, id: object) -> SandboxOrder | None:
        """Return the order with this id, given as an integer or as a string of digits."""
        if isinstance(id, str) and _ID.fullmatch(id):
            return self._orders.get(int(id))
        if isinstance(id, int) and not isinstance(id, bool):
            return self._orders.get(id)
        return None

    def cancel(self, order: SandboxOrder) -> None:
        """Mark the order as cancelled."""
        self._orders[order.id] = attrs.evolve(order, cancelled=True)

    def between(self, start: datetime, end: datetime) -> Sequence[int]:
        """Return the ids of the orders submitted from ``start`` until before ``end``, oldest first."""
        return self._ids[bisect_left(self._times, start) : bisect_left(self._times, end)]

    def since(self, position: int) -> Sequence[int]:
        """Return the ids of the orders from this position on, oldest first; the first order has position 0."""
        return self._ids[position:]

    @property
    def message_count(self) -> int:
        """The number of messages of all orders."""
        return self._next_message_id - self._first_message_id

    def first_message_id(self, id: int) -> int:
        """Return the id of an order's first message; the others follow it one by one."""
        return self._message_ids[id]

    def __getitem__(self, id: int) -> SandboxOrder:
        return self._orders[id]

    def __iter__(self) -> Iterator[SandboxOrder]:
        return iter(self._orders.values())

    def __len__(self) -> int:
        return len(self._orders)

    def deliveries(self, now: datetime) -> Counter[str]:
        """Count the messages that went out to each number."""
        sent: Counter[str] = Counter()
        for order in self:
            if order.is_due(now):
                sent.update(order.numbers)
        return sent
