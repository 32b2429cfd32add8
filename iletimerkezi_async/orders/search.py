"""Searches for lost orders: which lists and reports are read, in which sequence, and when a search ends.

`rules` judges what was read. A live search is for an order that the service has just refused as a duplicate: only its
id is open. An earlier search is for an order that an earlier call may have sent: it is sent again if the service surely
lacks it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from iletimerkezi_async.clocks import Moment, Span
from iletimerkezi_async.errors import IletimerkeziError
from iletimerkezi_async.stores.log import KNOWN_SECONDS, KnownId
from iletimerkezi_async.wire.reports import get_reports

from .known import ALIKE_SECONDS, hash_content
from .lookup import LISTED, Budget
from .pieces import in_thread
from .rules import (
    NEAR,
    Conclusion,
    Evidence,
    Identity,
    OpenOrder,
    Verdict,
    conclude_earlier,
    conclude_live,
    days,
    gap,
    judge,
    order_by_nearness,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from iletimerkezi_async.clocks import Days, Stopwatch
    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.stores.base import StoreLog
    from iletimerkezi_async.stores.log import Row
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups, Page, ReportCache

# Reports that are read at once.
_AT_ONCE = 8
# Limits of a live search: seconds and requests.
_SECONDS, _REQUESTS = 10.0, 56
# The least number of looks: a look that shows no order, or too many, may have come too soon.
_LOOKS = 2
# The nearest orders, which are all judged before one of them counts as the only one.
_NEAREST = 24
# The limit of orders of other times that are judged; these can only be candidates.
_FAR_ONES = 16
# The limit of an earlier search's requests for reports; beyond it the order stays unknown.
_MAX_REPORTS = 1000
_TOO_LONG_AGO = "the order may have been taken on more days than a list can have"


class Judge:
    """Judges the orders of a list and their reports, the likeliest first.

    Args:
        reports: The list and the reports.
        budget: The requests that may be made.
    """

    #: What is known, set before anything is judged.
    evidence: Evidence

    def __init__(self, reports: ReportCache, budget: Budget) -> None:
        #: The verdicts by id, the likeliest first.
        self.verdicts: dict[int, Verdict] = {}
        self._reports = reports
        self._budget = budget

    @property
    def its(self) -> list[int]:
        """The ids of the orders that were found to be the wanted one."""
        return [id for id, each in self.verdicts.items() if each.identity is Identity.IT]

    def is_near(self, listed: OrderReport) -> bool:
        """Whether an order was submitted within a minute of an attempt, or may have been."""
        likely = self.evidence.place.likely
        return likely is None or listed.submitted_at is None or gap(listed.submitted_at, likely) <= NEAR

    async def look_at(
        self,
        orders: Iterable[OrderReport],
        is_enough: Callable[[int], bool],
        newer_than: float = -math.inf,
        limit: float = math.inf,
    ) -> None:
        """Judge orders until there are enough.

        Args:
            orders: The orders.
            is_enough: Tells whether to stop, given the number of orders that were not ruled out at once.
            newer_than: A report that decides nothing, and was read before this moment, is read again.
            limit: The number of orders at most.
        """
        waiting = deque(order_by_nearness(self.evidence, orders))
        looked = 0
        while waiting and looked < limit and self._budget.left >= 0:
            batch: list[OrderReport] = []
            while waiting and len(batch) < _AT_ONCE:
                listed = waiting.popleft()
                # Another search may have read its report.
                is_decided = self._judge(listed, newer_than)
                looked += self.verdicts[listed.id].identity is not Identity.ANOTHER
                if not is_decided:
                    batch.append(listed)
            async with anyio.create_task_group() as tasks:
                for listed in batch:
                    tasks.start_soon(self._look, listed, newer_than)
            if waiting and is_enough(looked):
                return

    def _judge(self, listed: OrderReport, newer_than: float) -> bool:
        """Judge an order by what was read; tell whether that is enough, without (more of) its report."""
        read_at, rows = self._reports.heads.get(listed.id, (-math.inf, None))
        self.verdicts[listed.id] = verdict = judge(self.evidence, listed, rows)
        if verdict.identity is not Identity.CANNOT_TELL:
            return True
        return not verdict.open and read_at >= newer_than

    async def _look(self, listed: OrderReport, newer_than: float) -> None:
        """Judge an order by its report: by the first rows and, if these fit, by all rows."""
        head = await self._reports.head(listed.id, newer_than, self._budget)
        if head is None or self._judge(listed, newer_than) or not self.verdicts[listed.id].open:
            return
        await self._reports.read_whole(listed.id, self.evidence.wanted, self._budget)
        self._judge(listed, newer_than)


# Orders that were lost a moment ago.


class LiveSearch:
    """A search for the id of an order that was lost a moment ago.

    Args:
        lookups: The shared state of the client's searches.
        wanted: The order.
        first: A stopwatch, started with the first attempt that may have been taken.
        last: Likewise, started at the end of the last one.
    """

    _reports: ReportCache
    _judge: Judge

    def __init__(self, lookups: Lookups, wanted: OpenOrder, first: Stopwatch, last: Stopwatch) -> None:
        self._lookups = lookups
        self._known = lookups.known
        self._wanted = wanted
        self._first, self._last = first, last
        now = time.monotonic()
        self._began, self._ended = now - first.elapsed, now - last.elapsed

    async def find(self) -> Conclusion:
        """Look until the order is found, or the requests or the time are used up."""
        now, span = self._measure()
        of_days = days(span, now)
        if of_days is None:
            return Conclusion(True, _TOO_LONG_AGO)
        self._reports = self._lookups.reports(of_days)
        budget = self._reports.budget
        self._judge = Judge(self._reports, budget)
        budget.join(_REQUESTS)
        try:
            with anyio.move_on_after(_SECONDS):
                await self._look_again_and_again()
        finally:
            budget.leave()
        verdicts = {id: each for id, each in self._judge.verdicts.items() if not self._is_known(id)}
        return conclude_live(verdicts, 1 + self._known.count_alike(self._wanted))

    def _find_its(self) -> list[int]:
        """Give the orders that were found to be the wanted one, and have not become known as another one since."""
        return [id for id in self._judge.its if not self._is_known(id)]

    def _is_known(self, order_id: int) -> bool:
        return order_id in self._reports.known or self._known.is_of_another(order_id, self._wanted.content)

    def _measure(self) -> tuple[Moment, Span]:
        """Give now and the times of the attempts by one clock: the service's, or if that is unknown this machine's.

        The seconds since the attempts are measured, so the other clock plays no part.
        """
        now = _by_one_clock(self._lookups.transport.clocks.now())
        first, last = (now.local - each.elapsed for each in (self._first, self._last))
        return now, Span(Moment(first, first), Moment(last, last))

    async def _look_again_and_again(self) -> None:
        retry = self._lookups.transport.retry
        newer_than = self._ended
        for look in range(1, max(_LOOKS, retry.attempts) + 1):
            await self._look(newer_than)
            its = len(self._find_its())
            is_only = its == 1 and not self._known.count_alike(self._wanted)
            if (its and look >= _LOOKS) or is_only or self._reports.budget.left < 0:
                return
            pause = retry.pause(look)
            # In the middle of the pause, so that a page that another search reads in its second half is used.
            newer_than = time.monotonic() + pause / 2
            await anyio.sleep(pause)

    async def _look(self, newer_than: float) -> None:
        """Read the likeliest page, then the pages around it, the nearest first, until the order is found."""
        judge, reports = self._judge, self._reports
        start = self._known.rank(self._began, self._ended) // LISTED + 1
        first, likeliest = await self._judge_page(start, newer_than), start
        if self._find_its():
            return
        last = find_last(first)
        if last is not None and start > 1:
            # This page may be the last one, and short. The first one is full, so it tells how many there are.
            last = find_last(await reports.page(1, newer_than, reports.budget))
        deepest = math.inf if last is None else last
        start = start if last is None else min(start, last)
        for depth in _outwards(start):
            if depth > deepest:
                continue
            number = depth if last is None else last + 1 - depth
            page = first if number == likeliest else await self._judge_page(number, newer_than)
            if page is None:
                break
            if self._find_its():
                return
            if self._is_too_deep(page[0]):
                deepest = depth
        # Orders of another time can only be candidates.
        judge.evidence = self._gather()
        far = [each for each in reports.listed.values() if not judge.is_near(each)]
        await judge.look_at(far, self._is_enough, newer_than, _FAR_ONES)

    async def _judge_page(self, number: int, newer_than: float) -> Page | None:
        """Read a page, and judge its orders that may be near an attempt."""
        judge, reports = self._judge, self._reports
        page = await reports.page(number, newer_than, reports.budget)
        if page is not None:
            judge.evidence = self._gather()
            listed = (reports.listed[order.id] for order in page[0])
            await judge.look_at(filter(judge.is_near, listed), self._is_enough, newer_than)
        return page

    def _is_enough(self, looked: int) -> bool:
        return looked >= _NEAREST and bool(self._find_its())

    def _is_too_deep(self, orders: Sequence[OrderReport]) -> bool:
        """Whether no page after this one can have the order."""
        times = [order.submitted_at for order in orders if order.submitted_at is not None]
        likely = self._judge.evidence.place.likely
        if not orders or likely is None or len(times) < len(orders):
            return not orders
        return min(times[0], times[-1]).timestamp() < likely[0] - NEAR

    def _gather(self) -> Evidence:
        # The answer with the list may have told the service's time.
        now, span = self._measure()
        reports, wanted = self._reports, self._wanted
        known = {id: KnownId(id, scheduled=True) for id in reports.known}
        known |= self._known.others(reports.listed, wanted.content, _by_one_clock)
        return Evidence(wanted, span, [*reports.listed.values()], reports.days, now, known=known)


def _by_one_clock(moment: Moment) -> Moment:
    time = moment.local if moment.service is None else moment.service
    return Moment(time, time)


def _outwards(start: int) -> Iterator[int]:
    """Give a number, and then alternately the next lower one, from 1 on, and the next higher one."""
    yield start
    for apart in range(1, _REQUESTS):
        if apart < start:
            yield start - apart
        yield start + apart


def find_last(page: Page | None) -> int | None:
    """Give the number of the list's last page if a page shows that it begins with the oldest order, else `None`."""
    orders, count = page or ((), None)
    times = [order.submitted_at for order in orders if order.submitted_at is not None]
    if count is None or not orders or len(times) < len(orders):
        return None
    is_oldest_first = (times[0], orders[0].id) < (times[-1], orders[-1].id)
    return -(-count // len(orders)) if is_oldest_first else None


# Orders of earlier calls.


def now_by(lookups: Lookups, ahead: float) -> Moment:
    """Give the present moment, with a log's clock in place of this machine's.

    Args:
        lookups: The shared state of the client's searches; its transport knows the service's clock.
        ahead: Seconds by which the log's clock is ahead of this machine's.
    """
    now = lookups.transport.clocks.now()
    return Moment(now.local + ahead, now.service)


async def hear_clock(lookups: Lookups, since: float) -> None:
    """Read a page of the list to learn the service's time, unless an answer has told it since a moment.

    Args:
        lookups: The shared state of the client's searches.
        since: The moment by the monotonic clock, which stands still while a machine sleeps.
    """
    clocks = lookups.transport.clocks
    now = clocks.now()
    if now.service is None or clocks.heard_at < since:
        # By one clock: by both, the days may be more than a list can have.
        now = _by_one_clock(now)
        of_days = days(Span(now, now), now)
        assert of_days is not None
        # A refusal tells the service's time, too.
        with suppress(IletimerkeziError):
            await lookups.transport.call(get_reports(of_days.first, of_days.last, 1))


class EarlierSearch:
    """A search for an order that an earlier call may have sent.

    Args:
        lookups: The shared state of the client's searches.
        log: The log that has the order. It knows other orders, and counts its own orders of this process itself.
        row: The order's row.
        draft: The order.
        ahead: Seconds by which the log's clock is ahead of this machine's.
    """

    _wanted: OpenOrder
    _reports: ReportCache

    def __init__(self, lookups: Lookups, log: StoreLog, row: Row, draft: Draft, *, ahead: float) -> None:
        assert row.first is not None
        assert row.last is not None
        self._lookups = lookups
        self._log, self._row = log, row
        self._draft, self._ahead = draft, ahead
        self._span = Span(row.first, row.last)

    async def find(self) -> Conclusion:
        """Conclude the order's fate.

        Raises:
            StoreError: The log is away.
        """
        of_days = days(self._span, now_by(self._lookups, self._ahead))
        if of_days is None:
            return Conclusion(None, _TOO_LONG_AGO)
        content = await in_thread(self._draft.recipients, hash_content, self._draft)
        self._wanted = OpenOrder(self._draft, content, self._log, self._span.first.local - self._ahead)
        self._reports = self._lookups.reports(of_days)
        conclusion, is_outdated = await self._conclude(-math.inf)
        if conclusion.taken is None and is_outdated:
            conclusion, _ = await self._conclude(time.monotonic())
        return conclusion

    async def _conclude(self, newer_than: float) -> tuple[Conclusion, bool]:
        """Conclude by a reading of the list; also tell whether an order has been answered since."""
        orders, at, is_whole = await self._reports.full_list(newer_than)
        now, of_days = self._by_log(at), self._reports.days
        # After the list was read, as its orders may have become known meanwhile.
        known, open_rows = await self._ask_log(orders, of_days)
        since = now.local - KNOWN_SECONDS
        evidence = Evidence(self._wanted, self._span, orders, of_days, now, is_whole, known, since)
        alike, verdicts = await self._judge(evidence, open_rows)
        if any(each.lacks_numbers for each in verdicts.values()):
            evidence = evolve(evidence, blacklist=await self._reports.blacklist())
            alike, verdicts = await self._judge(evidence, open_rows)
        is_outdated = any(each.at.local > now.local for each in known.values())
        return conclude_earlier(evidence, verdicts, alike), is_outdated

    async def _judge(self, evidence: Evidence, open_rows: int) -> tuple[int, dict[int, Verdict]]:
        """Count the look-alikes, the order included, and judge the orders of the list."""
        # Look-alikes of this process that the log does not count.
        others = self._lookups.known.count_alike(self._wanted, owner=self._log, blacklist=evidence.blacklist)
        alike = open_rows + 1 + others
        judge = Judge(self._reports, Budget(_MAX_REPORTS))
        judge.evidence = evidence
        await judge.look_at(evidence.orders, lambda _: len(judge.its) >= alike)
        return alike, judge.verdicts

    async def _ask_log(self, orders: Iterable[OrderReport], of_days: Days) -> tuple[dict[int, KnownId], int]:
        """Give the orders that the log and this process know, and the number of look-alikes in the log."""
        first, last = self._span.first.local, self._span.last.local
        known = self._lookups.known.others((each.id for each in orders), self._wanted.content, self._by_log)
        found = await self._log.alike(self._row, first - ALIKE_SECONDS, last + ALIKE_SECONDS)
        ids = await self._log.known_between(self._row.name.account, of_days.begin, of_days.end)
        known |= {each.order_id: each for each in ids}
        known |= {id: KnownId(id, scheduled=True) for id in found if id is not None and id not in known}
        return known, found.count(None)

    def _by_log(self, moment: Moment) -> Moment:
        return Moment(moment.local + self._ahead, moment.service)
