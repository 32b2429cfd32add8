"""The delivery reports that are due, in the order in which they are posted; without any I/O."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from heapq import heappop, heappush, heapreplace
from itertools import accumulate
from typing import Final

import attrs
import orjson

from iletimerkezi_async.sandbox.orders import MessageState, OrderBook, SandboxOrder

__all__ = ["Outbox", "Report"]

_CODES: Final = {
    "accepted": int(MessageState.ON_ITS_WAY),
    "delivered": int(MessageState.DELIVERED),
    "undelivered": int(MessageState.UNDELIVERED),
}
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


@attrs.frozen
class Report:
    """One state change of one message, as it is posted.

    Attributes:
        message_id: The message.
        order_id: Its order.
        number: The recipient.
        status: ``"accepted"``, ``"delivered"`` or ``"undelivered"``.
        body: The JSON.
    """

    message_id: int
    order_id: int
    number: str
    status: str
    body: bytes = attrs.field(repr=False)


@attrs.define(repr=False, eq=False)
class _Stream:
    """The reports of one order, numbered in steps; each is created only when it is due."""

    order: SandboxOrder
    steps: int
    step: int = 0
    ends: Sequence[int] = ()

    def text(self, position: int) -> str:
        """Return the text of the message at this position."""
        if not self.ends:
            self.ends = tuple(accumulate(count for _, count in self.order.texts))
        return self.order.texts[bisect_right(self.ends, position)][0]


class Outbox:
    """The reports of all orders. Each message has two: accepted, and its final state.

    In order: all messages of an order are accepted when it is sent, and become final one after another. Shuffled: the
    reports of an order are held until it is finished, and then posted in a shuffled order, which begins with the final
    state of the last message and is the same in every run.

    Until its reports are taken, an order of 50,000 messages costs as much here as one of a single message.

    Not thread-safe: the service holds the lock.

    Args:
        orders: The orders.
        shuffled: Whether the reports of an order are shuffled.
        copies: How often each report is posted.
        codes: Whether a report contains the state as a code, rather than as a word.
    """

    def __init__(self, orders: OrderBook, *, shuffled: bool, copies: int, codes: bool) -> None:
        self._orders = orders
        self._shuffled = shuffled
        self._copies = copies
        self._codes = codes
        self._seen = 0
        self._waiting: list[tuple[datetime, int, _Stream]] = []
        self._returned: list[Report] = []

    def take(self, now: datetime) -> Report | None:
        """Take the next report that is due, if any."""
        if self._returned:
            return self._returned.pop()
        self._look_for_orders()
        while self._waiting and self._waiting[0][0] <= now:
            _, id, stream = self._waiting[0]
            if self._orders[id].cancelled:
                heappop(self._waiting)
                continue
            report = self._write(stream)
            self._move_on(stream)
            return report
        return None

    def put_back(self, report: Report) -> None:
        """Return a report that was taken but not posted; it becomes the next one."""
        self._returned.append(report)

    def _look_for_orders(self) -> None:
        for id in self._orders.since(self._seen):
            self._seen += 1
            order = self._orders[id]
            stream = _Stream(order, 2 * order.recipients * self._copies)
            heappush(self._waiting, (self._due(stream), id, stream))

    def _move_on(self, stream: _Stream) -> None:
        stream.step += 1
        if stream.step == stream.steps:
            heappop(self._waiting)
        else:
            heapreplace(self._waiting, (self._due(stream), stream.order.id, stream))

    def _due(self, stream: _Stream) -> datetime:
        order = stream.order
        if self._shuffled:
            return order.finished_at
        change = stream.step // self._copies
        return order.send_at if change < order.recipients else order.final_at(change - order.recipients)

    def _write(self, stream: _Stream) -> Report:
        order = stream.order
        step = _shuffle(stream.step, stream.steps) if self._shuffled else stream.step
        final, position = divmod(step // self._copies, order.recipients)
        message_id = self._orders.first_message_id(order.id) + position
        status = _final_word(order, position) if final else "accepted"
        report = {
            "id": message_id,
            "packet_id": order.id,
            "status": _CODES[status] if self._codes else status,
            "to": order.numbers[position],
            "body": stream.text(position),
        }
        return Report(message_id, order.id, order.numbers[position], status, orjson.dumps({"report": report}))


def _shuffle(step: int, steps: int) -> int:
    """Return a step's place in a fixed permutation: start at the last, and advance by the golden ratio of all steps."""
    stride = round(steps * _GOLDEN)
    while math.gcd(stride, steps) != 1:
        stride += 1
    return (steps - 1 + step * stride) % steps


def _final_word(order: SandboxOrder, position: int) -> str:
    at = bisect_left(order.failing, position)
    return "undelivered" if order.failing[at : at + 1] == (position,) else "delivered"
