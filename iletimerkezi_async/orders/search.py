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
from iletimerkezi_async.stores.log import KNOWN_SECONDS
from iletimerkezi_async.wire.reports import get_reports

from .known import ALIKE_SECONDS, LiveSend, hash_content
from .lookup import LISTED, Budget, ReportCache
from .pieces import in_thread
from .rules import (
    NEAR,
    Conclusion,
    Fate,
    Identity,
    Knowledge,
    Known,
    Listing,
    Place,
    Verdict,
    Wanted,
    conclude_earlier,
    conclude_live,
    days,
    find_place,
    gap,
    judge,
    order_by_nearness,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from iletimerkezi_async.clocks import Stopwatch
    from iletimerkezi_async.stores.log import Log, Row
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import ListReading, Lookups, Page
    from .rules import Listed

# Reports that are read at once.
_AT_ONCE = 8
# Of a live search: its seconds and requests at most.
_SECONDS, _REQUESTS = 10.0, 56
# … its looks at least: a look that shows no order, or too many, may have come too soon.
_LOOKS = 2
# … the nearest orders that are judged before one of them counts as the only one.
_NEAREST = 24
# … the orders of other times that are judged; they can only be candidates.
_FAR_ONES = 16
# Of an earlier search: its requests for pages of the list, and for reports. Beyond that the order stays unknown.
_MAX_PAGES, _MAX_REPORTS = 2000, 1000
_TOO_LONG_AGO = "the days on which it may have been taken are more than a list can have"


class Judge:
    """Judges the orders of a list and their reports, the likeliest first.

    Args:
        reports: The list and the reports.
        wanted: The wanted order.
        budget: The requests that may be made.
    """

    def __init__(self, reports: ReportCache, wanted: Wanted, budget: Budget) -> None:
        self.wanted = wanted
        #: The verdicts by id, the likeliest first.
        self.verdicts: dict[int, Verdict] = {}
        #: The expected time of the wanted order.
        self.place = Place()
        self._knowledge = Knowledge()
        self._reports = reports
        self._budget = budget

    def learn(self, listing: Listing, knowledge: Knowledge) -> None:
        """Take in the list and the other evidence."""
        self._knowledge = knowledge
        self.place = find_place(self.wanted.span, listing, knowledge)

    @property
    def its(self) -> list[int]:
        """The ids of the orders that were found to be the wanted one."""
        return [id for id, each in self.verdicts.items() if each.identity is Identity.IT]

    def is_near(self, listed: Listed) -> bool:
        """Whether an order was submitted within a minute of an attempt, or may have been."""
        likely = self.place.likely
        return likely is None or listed.submitted_at is None or gap(listed.submitted_at, likely) <= NEAR

    async def look_at(
        self,
        orders: Iterable[Listed],
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
        waiting = deque(order_by_nearness(self.wanted, orders, self.place))
        looked = 0
        while waiting and looked < limit and self._budget.left >= 0:
            batch: list[Listed] = []
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

    def _judge(self, listed: Listed, newer_than: float) -> bool:
        """Judge an order by what was read; tell whether that is enough, without (more of) its report."""
        read_at, rows = self._reports.heads.get(listed.id, (-math.inf, None))
        verdict = judge(self.wanted, listed, rows, self.place, self._knowledge)
        known = self.verdicts.get(listed.id)
        if known is not None and verdict.open and not known.open:
            # Keep the verdict by the whole report, which was read before.
            verdict = known
        self.verdicts[listed.id] = verdict
        if verdict.identity is not Identity.CANNOT_TELL:
            return True
        return not verdict.open and read_at >= newer_than

    async def _look(self, listed: Listed, newer_than: float) -> None:
        """Judge an order by its report: by the first rows and, if these fit, by all rows."""
        head = await self._reports.head(listed.id, newer_than, self._budget)
        if head is None or self._judge(listed, newer_than) or not self.verdicts[listed.id].open:
            return
        numbers, recipients = self.wanted.numbers, self.wanted.recipients
        rows = await self._reports.whole(listed.id, numbers, recipients, self._budget)
        if rows is not None:
            self.verdicts[listed.id] = judge(self.wanted, listed, rows, self.place, self._knowledge)


def _wanted(send: LiveSend, span: Span) -> Wanted:
    draft = send.draft
    send_at = None if draft.send_at is None else draft.send_at.timestamp()
    return Wanted(send.numbers, draft.recipients, span, send_at, draft.sender)


# Orders that were lost a moment ago.


class LiveSearch:
    """A search for the id of an order that was lost a moment ago.

    Args:
        lookups: The shared state of the client's searches.
        send: The order.
        first: A stopwatch, started with the first attempt that may have been taken.
        last: Likewise, started at the end of the last one.
    """

    _reports: ReportCache
    _judge: Judge

    def __init__(self, lookups: Lookups, send: LiveSend, first: Stopwatch, last: Stopwatch) -> None:
        self._lookups = lookups
        self._known = lookups.known
        self._send = send
        self._first, self._last = first, last
        now = time.monotonic()
        self._began, self._ended = now - first.elapsed, now - last.elapsed

    async def find(self) -> Conclusion:
        """Look until the order is found, or the requests or the time are used up."""
        now, span = self._measure()
        of_days = days(span, now)
        if of_days is None:
            return Conclusion(Fate.TAKEN, _TOO_LONG_AGO)
        self._reports = self._lookups.reports(of_days)
        self._judge = Judge(self._reports, _wanted(self._send, span), self._reports.budget)
        self._reports.budget.join(_REQUESTS)
        try:
            with anyio.move_on_after(_SECONDS):
                await self._look_again_and_again()
        finally:
            self._reports.budget.leave()
        verdicts = {id: each for id, each in self._judge.verdicts.items() if not self._is_known(id)}
        return conclude_live(verdicts, 1 + self._count_alike())

    def _find_its(self) -> list[int]:
        """Give the orders that were found to be the wanted one, and have not become known as another one since."""
        return [id for id in self._judge.its if not self._is_known(id)]

    def _is_known(self, order_id: int) -> bool:
        return order_id in self._reports.known or self._known.is_of_another(order_id, self._send.content)

    def _measure(self) -> tuple[Moment, Span]:
        """Give now and the times of the attempts by one clock: the service's, or if that is unknown this machine's.

        The seconds since the attempts are measured, so the other clock plays no part.
        """
        now = _by_one_clock(self._lookups.transport.clocks.now())
        first, last = (now.local - each.elapsed for each in (self._first, self._last))
        return now, Span(Moment(first, first), Moment(last, last))

    def _count_alike(self) -> int:
        """Count the client's other orders without an id that reports cannot distinguish from this one."""
        send = self._send
        began = time.time() - self._first.elapsed if send.began is None else send.began
        return self._known.sends.count_alike(self._judge.wanted, send.content, began)

    async def _look_again_and_again(self) -> None:
        retry = self._lookups.transport.retry
        newer_than = self._ended
        for look in range(1, max(_LOOKS, retry.attempts) + 1):
            await self._look(newer_than)
            its = len(self._find_its())
            if (its and look >= _LOOKS) or (its == 1 and not self._count_alike()) or self._reports.budget.left < 0:
                return
            pause = retry.pause(look)
            # In the middle of the pause, so that a page that another search reads in its second half is used.
            newer_than = time.monotonic() + pause / 2
            await anyio.sleep(pause)

    async def _look(self, newer_than: float) -> None:
        """Read pages from the likeliest one on, until the order is found."""
        judge, reports = self._judge, self._reports
        sequence = PageSequence(self._known.rank(self._began, self._ended) // LISTED + 1)
        for number in sequence:
            page = await reports.page(number, newer_than, reports.budget)
            if page is None:
                break
            self._learn()
            listed = (reports.listed[order.id] for order in page[0])
            await judge.look_at(filter(judge.is_near, listed), self._is_enough, newer_than)
            if self._find_its():
                return
            likely = judge.place.likely
            sequence.note(number, page, None if likely is None else likely[0] - NEAR)
        # Orders of another time can only be candidates.
        self._learn()
        far = [each for each in reports.listed.values() if not judge.is_near(each)]
        await judge.look_at(far, self._is_enough, newer_than, _FAR_ONES)

    def _is_enough(self, looked: int) -> bool:
        return looked >= _NEAREST and bool(self._find_its())

    def _learn(self) -> None:
        judge, reports = self._judge, self._reports
        # The answer with the list may have told the service's time.
        now, span = self._measure()
        judge.wanted = evolve(judge.wanted, span=span)
        known = {id: Known() for id in reports.known}
        known |= self._known.others(reports.listed, self._send.content, _by_one_clock)
        judge.learn(Listing([*reports.listed.values()], reports.days, now), Knowledge(known))


def _by_one_clock(moment: Moment) -> Moment:
    time = moment.local if moment.service is None else moment.service
    return Moment(time, time)


class PageSequence:
    """The sequence in which a live search reads pages: from the likeliest one on, alternately deeper and shallower.

    The list is taken to begin with the newest order, until a page shows that it begins with the oldest.

    Args:
        start: The likeliest page.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._deeper, self._shallower = start, start - 1
        self._deepest = math.inf
        #: The last page, if the list begins with the oldest order.
        self._last: int | None = None

    def __iter__(self) -> Iterator[int]:
        deeper = True
        while self._deeper <= self._deepest or self._shallower >= 1:
            if (deeper and self._deeper <= self._deepest) or self._shallower < 1:
                number, self._deeper = self._deeper, self._deeper + 1
            else:
                number, self._shallower = self._shallower, self._shallower - 1
            deeper = not deeper
            yield number if self._last is None else self._last + 1 - number

    def note(self, number: int, page: Page, earliest: float | None) -> None:
        """Learn the direction of the list, and its end, from a page.

        Args:
            number: The page's number.
            page: The page.
            earliest: The time before which no order can be the wanted one; `None` if it is not known.
        """
        orders, count = page
        if not orders:
            self._deepest = 0
            return
        times = [order.submitted_at for order in orders if order.submitted_at is not None]
        if len(times) < len(orders) or self._last is not None:
            return
        first, last = (times[0], orders[0].id), (times[-1], orders[-1].id)
        if first < last and count is not None:
            self._last = self._deepest = end = -(-count // len(orders))
            self._deeper = min(self._start, end)
            self._shallower = self._deeper - 1
        elif earliest is not None and times[-1].timestamp() < earliest:
            # Deeper pages are older still.
            self._deepest = min(self._deepest, number)


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

    _send: LiveSend
    _wanted: Wanted
    _reports: ReportCache

    def __init__(self, lookups: Lookups, log: Log, row: Row, draft: Draft, *, ahead: float) -> None:
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
            return Conclusion(Fate.UNKNOWN, _TOO_LONG_AGO)
        self._send = LiveSend(
            self._draft, await in_thread(self._draft.recipients, hash_content, self._draft), self._log
        )
        self._wanted = _wanted(self._send, self._span)
        self._reports = self._lookups.reports(of_days)
        conclusion, is_outdated = await self._conclude(self._reports.reading(-math.inf))
        if conclusion.fate is Fate.UNKNOWN and is_outdated:
            conclusion, _ = await self._conclude(self._reports.reading(time.monotonic()))
        return conclusion

    async def _conclude(self, reading: ListReading) -> tuple[Conclusion, bool]:
        """Conclude by a reading of the list; also tell whether an order has been answered since."""
        listing = await reading.read(Budget(_MAX_PAGES))
        listing = evolve(listing, at=self._by_log(listing.at))
        # After the list was read, as its orders may have become known meanwhile.
        known, open_rows = await self._ask_log(listing)
        knowledge = Knowledge(known, listing.at.local - KNOWN_SECONDS)
        alike, verdicts = await self._judge(listing, knowledge, open_rows)
        if any(each.lacks_numbers for each in verdicts.values()):
            knowledge = evolve(knowledge, blacklist=await self._reports.blacklist())
            alike, verdicts = await self._judge(listing, knowledge, open_rows)
        answered = (each.answered for each in known.values() if each.answered is not None)
        is_outdated = any(each.local > listing.at.local for each in answered)
        return conclude_earlier(self._wanted, listing, verdicts, knowledge, alike), is_outdated

    async def _judge(self, listing: Listing, knowledge: Knowledge, open_rows: int) -> tuple[int, dict[int, Verdict]]:
        """Count the look-alikes, the order included, and judge the orders of the list."""
        # Look-alikes of this process that the log does not count.
        others = self._lookups.known.sends.count_alike(
            self._wanted,
            self._send.content,
            self._span.first.local - self._ahead,
            owner=self._log,
            blacklist=knowledge.blacklist,
        )
        alike = open_rows + 1 + others
        judge = Judge(self._reports, self._wanted, Budget(_MAX_REPORTS))
        judge.learn(listing, knowledge)
        await judge.look_at(listing.orders, lambda _: len(judge.its) >= alike)
        return alike, judge.verdicts

    async def _ask_log(self, listing: Listing) -> tuple[dict[int, Known], int]:
        """Give the orders that the log and this process know, and the number of look-alikes in the log."""
        first, last = self._span.first.local, self._span.last.local
        listed = (each.id for each in listing.orders)
        known = self._lookups.known.others(listed, self._send.content, self._by_log)
        found = await self._log.alike(self._row, first - ALIKE_SECONDS, last + ALIKE_SECONDS)
        ids = await self._log.known_between(self._row.name.account, listing.days.begin, listing.days.end)
        known |= {each.order_id: Known(each.at, each.scheduled) for each in ids}
        known |= {order_id: Known() for order_id in found if order_id is not None and order_id not in known}
        return known, found.count(None)

    def _by_log(self, moment: Moment) -> Moment:
        return Moment(moment.local + self._ahead, moment.service)
