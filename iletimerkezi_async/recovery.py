"""Finding the id of an order whose answer was lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import anyio

from .errors import IletimerkeziError, OrderAcceptedError
from .models import TURKISH_TIME, Order, OrderReport
from .paging import Orders, Report

if TYPE_CHECKING:
    from .draft import Draft
    from .transport import Taken, Transport

__all__ = ["find_order"]

# `Date` and `submitAt` have whole seconds.
_SLACK = timedelta(seconds=2)
# Without a `Date` this machine's clock must do, and may be wrong.
_SKEW = timedelta(minutes=2)


async def find_order(transport: Transport, draft: Draft, taken: Taken) -> Order:
    """Find the order that was taken though its answer was lost.

    Among the orders submitted since the first attempt began, with the same sender and the same count, it is the only
    one whose own report has the very same numbers. The reports may lag behind, so they are looked at several times.

    Raises:
        OrderAcceptedError: No order, or more than one, can be told to be it.
    """
    search = _Search(transport, draft, *_submitted_between(taken))
    matches: list[int] = []
    for attempt in range(1, transport.retry.attempts + 1):
        matches = await search.matches()
        if matches:
            break
        await anyio.sleep(transport.retry.pause(attempt))
    if len(matches) == 1:
        return Order(matches[0], draft.recipients)
    raise OrderAcceptedError(tuple(matches or search.candidates))


def _submitted_between(taken: Taken) -> tuple[datetime, datetime]:
    """The earliest and latest time, by the service's clock, at which the order can have been submitted."""
    now, doubt = (taken.date, _SLACK) if taken.date else (datetime.now(timezone.utc), _SKEW)
    now = now.astimezone(TURKISH_TIME)
    return now - timedelta(seconds=taken.elapsed) - doubt, now + doubt


class _Search:
    """Looks through the reports for one order."""

    def __init__(self, transport: Transport, draft: Draft, since: datetime, until: datetime) -> None:
        self._transport = transport
        self._draft = draft
        self._since = since
        self._until = until
        self._numbers = Counter(number for numbers in draft.messages.values() for number in numbers)
        #: Ids of the orders that cannot be told apart from it without their report.
        self.candidates: list[int] = []

    async def matches(self) -> list[int]:
        """Ids of the orders that have the draft's very numbers."""
        try:
            self.candidates = await self._find_candidates()
        except IletimerkeziError:
            # Whatever kept us from finding the id, what counts is that the order was taken.
            return []
        return [id for id in self.candidates if await self._has_its_numbers(id)]

    async def _find_candidates(self) -> list[int]:
        candidates: list[int] = []
        newest_first = _NewestFirst()
        async for order in Orders(self._transport, self._since.date(), self._until.date()):
            if self._may_be_it(order):
                candidates.append(order.id)
            if newest_first.so_far(order) and self._is_older(order):
                break
        return candidates

    def _may_be_it(self, order: OrderReport) -> bool:
        if order.submitted_at is None or self._is_older(order):
            return False
        if order.sender not in {None, self._draft.sender}:
            return False
        return order.total in {None, self._draft.recipients}

    def _is_older(self, order: OrderReport) -> bool:
        if order.submitted_at is None:
            return False
        # A time without seconds may stand for any second of its minute.
        since = self._since if order.submitted_at.second else self._since.replace(second=0, microsecond=0)
        return order.submitted_at < since

    async def _has_its_numbers(self, order_id: int) -> bool:
        missing = self._numbers.copy()
        try:
            async for delivery in Report(self._transport, order_id):
                if not missing[delivery.number]:
                    return False
                missing[delivery.number] -= 1
        except IletimerkeziError:
            # Not due, or just moving to being sent: it cannot be told yet.
            return False
        return not any(missing.values())


class _NewestFirst:
    """Whether orders have come newest first so far, so that the first that is too old ends the search.

    The documentation does not tell the order; a page's worth of evidence is asked for.
    """

    _EVIDENCE = 30

    def __init__(self) -> None:
        self._last: datetime | None = None
        self._steps = 0
        self._broken = False

    def so_far(self, order: OrderReport) -> bool:
        """Take note of the next order, and tell."""
        if order.submitted_at is None or (self._last and order.submitted_at > self._last):
            self._broken = True
        self._last = order.submitted_at
        self._steps += 1
        return self._steps > self._EVIDENCE and not self._broken
