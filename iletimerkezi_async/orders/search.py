"""Looking for an order in lists and reports: which are read, in which sequence, and until when.

What they prove, `rules` tell. A live look-up is about an order that was just refused as a duplicate: only its id is at
stake. What an earlier call may have sent is sent again where it surely is not there. Both read and judge alike.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from iletimerkezi_async.clocks import Moment, Span
from iletimerkezi_async.stores.log import KNOWN_SECONDS
from iletimerkezi_async.wire.call import MEMORY

from .known import ALIKE_SECONDS, LiveSend, hash_content
from .lookup import LISTED, Budget, Catalogue
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
    judge,
    order_by_nearness,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from iletimerkezi_async.clocks import Stopwatch
    from iletimerkezi_async.stores.log import Evidence, Row
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import ListPage, Lookups, Walk
    from .rules import Listed


# Reports read at once.
_AT_ONCE = 8
# Of a live look-up: seconds, beside the requests that it may make.
_SECONDS = 10.0
# … looks: one that shows nothing, or too much, may have come too soon.
_LOOKS = 2
# … how many of the nearest orders are looked at before one that is it is taken for the only one.
_NEAREST = 24
# … how many of those that can be no more than candidates.
_FAR_ONES = 16
# Of an earlier order: requests for pages of the list, and for reports. Beyond that it stays unknown.
_MOST_PAGES, _MOST_REPORTS = 2000, 1000


class Search:
    """Judges the orders of a catalogue, the likeliest first, by the list and by their own reports.

    Args:
        catalogue: The orders.
        wanted: What is looked for.
        budget: What pays for reports.
        is_known: Whether an order was known to be another one since `learn`.
    """

    def __init__(
        self, catalogue: Catalogue, wanted: Wanted, budget: Budget, is_known: Callable[[int], bool] | None = None
    ) -> None:
        self.catalogue = catalogue
        self.wanted = wanted
        self.place = Place()
        self.knowledge = Knowledge()
        #: What orders are, by their ids, the likeliest first.
        self.verdicts: dict[int, Verdict] = {}
        self._budget = budget
        self._is_known = is_known

    def learn(self, listing: Listing, knowledge: Knowledge) -> None:
        """Take in what was listed, and what is known by now."""
        self.knowledge = knowledge
        self.place = find_place(self.wanted.span, listing, knowledge)

    @property
    def its(self) -> list[int]:
        """The orders that are it."""
        its = (id for id, each in self.verdicts.items() if each.identity is Identity.IT)
        return [id for id in its if self._is_known is None or not self._is_known(id)]

    def is_near(self, listed: Listed) -> bool:
        """Whether an order was submitted within a minute of an attempt, or may have been."""
        return self.place.likely is None or listed.submitted_at is None or self.place.gap(listed.submitted_at) <= NEAR

    async def look_at(
        self,
        orders: Iterable[Listed],
        is_enough: Callable[[int], bool],
        fresh: float = -math.inf,
        limit: float = math.inf,
    ) -> None:
        """Judge orders until there are enough.

        Args:
            orders: The orders.
            is_enough: Whether to stop, where so many were looked at.
            fresh: A report that does not tell, and was read before that moment, is read again.
            limit: How many are looked at, at the most.
        """
        waiting = deque(order_by_nearness(self.wanted, orders, self.place))
        looked = 0
        while waiting and looked < limit and self._budget.left >= 0:
            batch: list[Listed] = []
            while waiting and len(batch) < _AT_ONCE:
                listed = waiting.popleft()
                # Others may have found theirs among them meanwhile, or read what tells.
                is_told = self._judge(listed, fresh)
                looked += self.verdicts[listed.id].identity is not Identity.ANOTHER
                if not is_told:
                    batch.append(listed)
            async with anyio.create_task_group() as tasks:
                for listed in batch:
                    tasks.start_soon(self._look, listed, fresh)
            if waiting and is_enough(looked):
                return

    def _judge(self, listed: Listed, fresh: float) -> bool:
        """Judge an order by what is there; whether there is no need to read (more of) its report."""
        if self._is_known is not None and self._is_known(listed.id):
            self.verdicts[listed.id] = Verdict(Identity.ANOTHER, "its id is known to be another order's")
            return True
        report = self.catalogue.cached_head(listed.id)
        rows = None if report is None else report.rows
        verdict = judge(self.wanted, listed, rows, self.place, self.knowledge)
        known = self.verdicts.get(listed.id)
        if known is not None and verdict.open and not known.open:
            # The whole of its report was read before.
            verdict = known
        self.verdicts[listed.id] = verdict
        if verdict.identity is not Identity.CANNOT_TELL:
            return True
        return not verdict.open and report is not None and report.at >= fresh

    async def _look(self, listed: Listed, fresh: float) -> None:
        """Judge an order by its report: its first rows, and the others where these fit."""
        report = await self.catalogue.head(listed.id, -math.inf, self._budget)
        if report is None or self._judge(listed, fresh):
            return
        if report.at < fresh:
            report = await self.catalogue.head(listed.id, fresh, self._budget)
            if report is None or self._judge(listed, fresh):
                return
        if not self.verdicts[listed.id].open:
            return
        numbers, recipients = self.wanted.numbers, self.wanted.recipients
        whole = await self.catalogue.whole(listed.id, numbers, recipients, self._budget)
        if whole is not None:
            self.verdicts[listed.id] = judge(self.wanted, listed, whole.rows, self.place, self.knowledge)


def _wanted(send: LiveSend, span: Span) -> Wanted:
    draft = send.draft
    send_at = None if draft.send_at is None else draft.send_at.timestamp()
    return Wanted(send.numbers, draft.recipients, span, send_at, draft.sender)


# What was just lost.


async def find_live(lookups: Lookups, send: LiveSend, first: Stopwatch, last: Stopwatch) -> Conclusion:
    """Find out which order it is that was lost a moment ago.

    Args:
        lookups: What reads lists and reports.
        send: The order.
        first: Runs since its first attempt that may have been taken began.
        last: Runs since the last one ended.
    """
    now, span = _measure(lookups, first, last)
    of_days = days(span, now)
    if of_days is None:
        return Conclusion(Fate.TAKEN, "its time is not known to the days that a list can have")
    with lookups.live(of_days) as (catalogue, budget):

        def is_known(order_id: int) -> bool:
            return order_id in catalogue.known or lookups.known.is_of_another(order_id, send.content)

        search = Search(catalogue, _wanted(send, span), budget, is_known)
        live = _Live(lookups, search, send, budget, first=first, last=last)
        with anyio.move_on_after(_SECONDS):
            await live.find()
        verdicts = {id: each for id, each in search.verdicts.items() if not is_known(id)}
    conclusion = conclude_live(verdicts, 1 + live.count_alike())
    if conclusion.order_id is not None and await send.count_elsewhere():
        # Which of two orders of ours it is, nothing tells.
        return evolve(conclusion, order_id=None)
    return conclusion


def _measure(lookups: Lookups, first: Stopwatch, last: Stopwatch) -> tuple[Moment, Span]:
    """Now, and when it may have been taken: by the service's clock alone, or by this machine's where that is not known.

    What passed since is measured, so that the other clock plays no part in it.
    """
    now = _by_one_clock(lookups.transport.clocks.now())
    times = (now.local - each.elapsed for each in (first, last))
    return now, Span(*(Moment(each, each) for each in times))


def _by_one_clock(moment: Moment) -> Moment:
    time = moment.local if moment.service is None else moment.service
    return Moment(time, time)


class _Live:
    """One live look-up.

    Args:
        lookups: What it shares with others.
        search: What judges.
        send: The order.
        budget: What pays for it.
        first: As for `find_live`.
        last: As for `find_live`.
    """

    def __init__(
        self, lookups: Lookups, search: Search, send: LiveSend, budget: Budget, *, first: Stopwatch, last: Stopwatch
    ) -> None:
        self._lookups = lookups
        self._search = search
        self._send = send
        self._budget = budget
        self._first, self._last = first, last
        now = time.monotonic()
        self._began = now - min(first.elapsed, MEMORY)
        self._ended = now - last.elapsed

    def count_alike(self) -> int:
        """How many orders of this process may be in the reports that cannot be told from this one."""
        send = self._send
        began = time.time() - self._first.elapsed if send.began is None else send.began
        return self._lookups.known.sends.count_alike(self._search.wanted, send.content, began)

    async def find(self) -> None:
        """Look until it is found, or the requests are used up."""
        retry = self._lookups.transport.retry
        fresh = self._ended
        for look in range(1, max(_LOOKS, retry.attempts) + 1):
            await self._look(fresh)
            its = len(self._search.its)
            if (its and look >= _LOOKS) or (its == 1 and not self.count_alike()) or self._budget.left < 0:
                return
            pause = retry.pause(look)
            # What another look-up reads by then is fresh enough.
            fresh = time.monotonic() + pause / 2
            await anyio.sleep(pause)

    async def _look(self, fresh: float) -> None:
        """Read pages from where it most likely stands, until it is found."""
        search, known = self._search, self._lookups.known
        # An attempt that was given up late was most likely taken early.
        rank = known.count_since(min(self._ended, self._began + known.slowest))
        tour = Tour(rank // LISTED + 1)
        for number in tour:
            page = await search.catalogue.page(number, fresh, self._budget)
            if page is None or not page.had:
                break
            self._learn()
            listed = (search.catalogue.listed[order.id] for order in page.orders)
            await search.look_at(filter(search.is_near, listed), self._is_enough, fresh)
            if search.its:
                return
            likely = search.place.likely
            tour.note(number, page, None if likely is None else likely[0] - NEAR)
        # At another time than it says, it is a candidate at the best.
        self._learn()
        far = [each for each in search.catalogue.listed.values() if not search.is_near(each)]
        await search.look_at(far, self._is_enough, fresh, _FAR_ONES)

    def _is_enough(self, looked: int) -> bool:
        return looked >= _NEAREST and bool(self._search.its)

    def _learn(self) -> None:
        search = self._search
        # The list itself may have told the service's time.
        now, span = _measure(self._lookups, self._first, self._last)
        search.wanted = evolve(search.wanted, span=span)
        others = self._lookups.known.others(search.catalogue.listed, self._send.content)
        known = {
            id: each if each.answered is None else evolve(each, answered=_by_one_clock(each.answered))
            for id, each in others.items()
        }
        known |= {id: Known() for id in search.catalogue.known if id not in known}
        listing = Listing([*search.catalogue.listed.values()], search.catalogue.days, now)
        search.learn(listing, Knowledge(known))


class Tour:
    """In which sequence the pages of a list are read: from the likeliest one on, deeper and shallower in turn.

    It takes the list for one that begins with the newest, until a page shows that it begins with the oldest.

    Args:
        start: The likeliest one.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._deeper, self._shallower = start, start - 1
        self._deepest = math.inf
        #: The last page, where the list begins with the oldest.
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

    def note(self, number: int, page: ListPage, earliest: float | None) -> None:
        """Take note of what a page shows of the list.

        Args:
            number: The page's.
            page: The page.
            earliest: What was submitted before that cannot be it; `None` where nothing tells.
        """
        if not page.orders:
            self._deepest = 0
            return
        times = [order.submitted_at for order in page.orders if order.submitted_at is not None]
        if len(times) < len(page.orders) or self._last is not None:
            return
        first, last = (times[0], page.orders[0].id), (times[-1], page.orders[-1].id)
        if first < last and page.count is not None:
            self._turn(-(-page.count // len(page.orders)))
        elif earliest is not None and times[-1].timestamp() < earliest:
            # Whatever is deeper is older still.
            self._deepest = min(self._deepest, number)

    def _turn(self, last: int) -> None:
        self._last = self._deepest = last
        self._deeper = min(self._start, last)
        self._shallower = self._deeper - 1


# What an earlier call may have sent.


def now_by(lookups: Lookups, ahead: float) -> Moment:
    """The present moment.

    Args:
        lookups: What knows the service's clock.
        ahead: Seconds by which the log's clock is ahead of this machine's.
    """
    return _by_log(lookups.transport.clocks.now(), ahead)


def _by_log(moment: Moment, ahead: float) -> Moment:
    return Moment(moment.local + ahead, moment.service)


async def hear_clock(lookups: Lookups, now: Moment, since: float) -> None:
    """Ask for the beginning of a list, where no answer has told the service's time since then: this one does.

    Args:
        lookups: What asks.
        now: The present moment.
        since: By the monotonic clock, which stands still while a machine sleeps.
    """
    if now.service is None or lookups.transport.clocks.heard_at < since:
        of_days = days(Span(now, now), now)
        assert of_days is not None
        # Not one that look-ups share: what is lost after this would not be in it.
        await Catalogue(lookups, of_days).fetch(1)


async def find_earlier(
    lookups: Lookups, log: Evidence, row: Row, draft: Draft, *, ahead: float, owner: object
) -> Conclusion:
    """Find out what became of an order that an earlier call began to send.

    Args:
        lookups: What reads lists and reports.
        log: What knows of other orders.
        row: The order, which may have been taken.
        draft: What it carries.
        ahead: Seconds by which the log's clock is ahead of this machine's.
        owner: Where the order is kept: what is on its way in this process and kept there is counted there.

    Raises:
        StoreError: The log is away.
    """
    assert row.first is not None
    assert row.last is not None
    span = Span(row.first, row.last)
    of_days = days(span, now_by(lookups, ahead))
    if of_days is None:
        return Conclusion(Fate.UNKNOWN, "its time is not known to the days that a list can have")
    send = LiveSend(draft, await in_thread(draft.recipients, hash_content, draft))
    catalogue = lookups.catalogue(of_days)
    send.owner = owner
    earlier = _Earlier(lookups, catalogue, log, row, send, ahead=ahead)
    conclusion = await earlier.conclude(catalogue.walk(-math.inf))
    if conclusion.fate is Fate.UNKNOWN and earlier.is_outdated:
        return await earlier.conclude(catalogue.walk(time.monotonic()))
    return conclusion


class _Earlier:
    """One look-up of an earlier order.

    Args:
        lookups: As for `find_earlier`.
        catalogue: The orders of the days in question.
        log: As for `find_earlier`.
        row: Likewise.
        send: The order.
        ahead: As for `find_earlier`.
    """

    def __init__(
        self, lookups: Lookups, catalogue: Catalogue, log: Evidence, row: Row, send: LiveSend, *, ahead: float
    ) -> None:
        assert row.first is not None
        assert row.last is not None
        self._lookups, self._catalogue = lookups, catalogue
        self._log, self._row = log, row
        self._send, self._ahead = send, ahead
        self._wanted = _wanted(send, Span(row.first, row.last))
        #: Whether an order has been answered since the list was read that it went by.
        self.is_outdated = False

    async def conclude(self, walk: Walk) -> Conclusion:
        """Conclude by what a list and reports tell, and by what is known after the list was read."""
        wanted, of_days = self._wanted, self._catalogue.days
        orders, count = await walk.read(Budget(_MOST_PAGES))
        listed = [self._catalogue.listed[order.id] for order in orders]
        listing = Listing(listed, of_days, _by_log(walk.at, self._ahead), count, ended=walk.whole)
        known, elsewhere = await self._ask(listing)
        answered = (each.answered for each in known.values() if each.answered is not None)
        self.is_outdated = any(each.local > listing.at.local for each in answered)
        knowledge = Knowledge(known, listing.at.local - KNOWN_SECONDS)
        alike = elsewhere + self._count_alike(knowledge)
        verdicts = await self._judge(listing, knowledge, alike)
        if any(each.lacks_numbers for each in verdicts.values()):
            knowledge = evolve(knowledge, blacklist=await self._catalogue.blacklist())
            alike = elsewhere + self._count_alike(knowledge)
            verdicts = await self._judge(listing, knowledge, alike)
        return conclude_earlier(wanted, listing, verdicts, knowledge, alike)

    async def _judge(self, listing: Listing, knowledge: Knowledge, alike: int) -> dict[int, Verdict]:
        search = Search(self._catalogue, self._wanted, Budget(_MOST_REPORTS))
        search.learn(listing, knowledge)
        await search.look_at(listing.orders, lambda _: len(search.its) >= alike)
        return search.verdicts

    async def _ask(self, listing: Listing) -> tuple[dict[int, Known], int]:
        """The orders that are known to this process and to the log, and how many of the log's look like this one."""
        first, last = self._wanted.span.first.local, self._wanted.span.last.local
        content, here = self._send.content, self._lookups.known
        known = {
            id: each if each.answered is None else evolve(each, answered=_by_log(each.answered, self._ahead))
            for id, each in here.others((each.id for each in listing.orders), content).items()
        }
        found = await self._log.alike(self._row, first - ALIKE_SECONDS, last + ALIKE_SECONDS)
        ids = await self._log.known_between(self._row.name.account, listing.days.begin, listing.days.end)
        known |= {each.order_id: Known(each.at, each.scheduled, each.cancelled) for each in ids}
        known |= {order_id: Known() for order_id in found.order_ids if order_id not in known}
        return known, found.open

    def _count_alike(self, knowledge: Knowledge) -> int:
        """How many orders of this process look like it, itself included, beside those that the log has counted."""
        sends, began = self._lookups.known.sends, self._wanted.span.first.local - self._ahead
        return 1 + sends.count_alike(
            self._wanted, self._send.content, began, owner=self._send.owner, blacklist=knowledge.blacklist
        )
