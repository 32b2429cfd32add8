"""Looking for an order that an earlier call began to send, so long ago that sending it again would not tell.

What is read is decided here, and what it proves by `rules`.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.clocks import Moment, Span

from .lookup import Budget, Catalogue
from .rules import (
    Conclusion,
    Fate,
    Identity,
    Knowledge,
    Known,
    Listed,
    Listing,
    Rows,
    Verdict,
    Wanted,
    conclude_earlier,
    days,
    find_place,
    judge,
    order_by_nearness,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.stores.log import Evidence, Row
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups
    from .rules import Place

__all__ = ["find_earlier", "hear_clock", "now_by"]

#: Seconds: orders whose attempts are farther apart are told from each other by the times in the list.
ALIKE_SECONDS = 3600.0
# Requests that one search may make: for pages of the list, and for reports. Beyond that it stays unknown.
_MOST_PAGES, _MOST_REPORTS = 2000, 1000
# Reports read at once.
_AT_ONCE = 8
# Seconds for which logs keep known ids: of earlier days they do not have all.
_KNOWN_SECONDS = 11 * 86_400.0


def now_by(lookups: Lookups, ahead: float) -> Moment:
    """The present moment.

    Args:
        lookups: What knows the service's clock.
        ahead: Seconds by which the log's clock is ahead of this machine's.
    """
    now = lookups.transport.clocks.now()
    return Moment(now.here + ahead, now.there)


async def hear_clock(lookups: Lookups, now: Moment, since: float) -> None:
    """Ask for the beginning of a list, where no answer has told the service's time since then: this one does.

    Args:
        lookups: What asks.
        now: The present moment.
        since: By the monotonic clock, which stands still while a machine sleeps.
    """
    if now.service is None or lookups.transport.clocks.heard_at < since:
        found = days(Span(now, now), now)
        assert found is not None
        await Catalogue(lookups, (found.first, found.last)).fetch(1)


async def find_earlier(lookups: Lookups, log: Evidence, row: Row, draft: Draft, ahead: float) -> Conclusion:
    """Find out what became of an order.

    Args:
        lookups: What reads lists and reports.
        log: What knows of other orders.
        row: The order, which may have been taken.
        draft: What it carries.
        ahead: Seconds by which the log's clock is ahead of this machine's.

    Raises:
        StoreError: The log is away.
    """
    assert row.first is not None
    assert row.last is not None
    span = Span(row.first, row.last)
    at = now_by(lookups, ahead)
    of_days = days(span, at)
    if of_days is None:
        return Conclusion(Fate.UNKNOWN, "its time is not known to the days that a list can have")
    catalogue = Catalogue(lookups, (of_days.first, of_days.last))
    walk, budget = catalogue.walk(-math.inf), Budget(_MOST_PAGES)
    entries: list[OrderReport] = []
    count: int | None = None
    index = 0
    while (page := await walk.page(index, budget)) is not None:
        count = page.count if count is None else count
        entries += page.orders
        index += 1
    listing = Listing([*map(_listed, entries)], of_days, at, count, ended=walk.whole)
    # After the list was read: what is known by then is left out of it.
    alike = await log.alike(row, span.first.local - ALIKE_SECONDS, span.last.local + ALIKE_SECONDS)
    ids = await log.known_between(row.name.account, of_days.begin, of_days.end)
    known = {each.order_id: Known(each.at, each.scheduled, each.cancelled) for each in ids}
    known |= {order_id: Known() for order_id in alike.order_ids if order_id not in known}
    knowledge = Knowledge(known, at.local - _KNOWN_SECONDS)
    wanted = Wanted(
        Counter(chain.from_iterable(draft.messages.values())), draft.recipients, span, _seconds(draft.send_at),
        draft.sender,
    )  # fmt: skip
    judging = _Judging(catalogue, wanted, find_place(span, listing, knowledge), knowledge, alike.open + 1)
    await judging.judge_all(listing.orders)
    return conclude_earlier(wanted, listing, judging.verdicts, knowledge, alike.open + 1)


def _listed(order: OrderReport) -> Listed:
    return Listed(order.id, order.total, _seconds(order.submitted_at), _seconds(order.sent_at), order.sender)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


class _Judging:
    """Judges the orders of a list, the likeliest first, by the list and by their own reports."""

    def __init__(self, catalogue: Catalogue, wanted: Wanted, place: Place, knowledge: Knowledge, alike: int) -> None:
        self.catalogue, self.wanted, self.place = catalogue, wanted, place
        self.knowledge, self.alike = knowledge, alike
        self.verdicts: dict[int, Verdict] = {}
        self.budget = Budget(_MOST_REPORTS)

    async def judge_all(self, orders: Sequence[Listed]) -> None:
        """Judge all, until as many are found as there are that look alike."""
        batch: list[Listed] = []
        for listed in order_by_nearness(self.wanted, orders, self.place):
            verdict = judge(self.wanted, listed, None, self.place, self.knowledge)
            self.verdicts[listed.id] = verdict
            if verdict.open:
                batch.append(listed)
            if len(batch) == _AT_ONCE:
                await self._look_at(batch)
                batch.clear()
                if self._is_found() or self.budget.left < 0:
                    return
        await self._look_at(batch)

    def _is_found(self) -> bool:
        its = sum(each.identity is Identity.IT for each in self.verdicts.values())
        return its >= self.alike

    async def _look_at(self, batch: list[Listed]) -> None:
        async with anyio.create_task_group() as tasks:
            for listed in batch:
                tasks.start_soon(self._look, listed)

    async def _look(self, listed: Listed) -> None:
        head = await self.catalogue.head(listed.id, -math.inf, self.budget)
        if head is None:
            return
        rows = Rows([*chain.from_iterable(head.pages)], head.whole, head.had and head.due)
        verdict = judge(self.wanted, listed, rows, self.place, self.knowledge)
        if verdict.open:
            whole = await self.catalogue.whole(listed.id, self.wanted.numbers, self.wanted.recipients, self.budget)
            if whole is not None:
                rows = Rows([*chain.from_iterable(whole.pages)], whole.whole, whole.had and whole.due)
                verdict = judge(self.wanted, listed, rows, self.place, self.knowledge)
        self.verdicts[listed.id] = verdict
