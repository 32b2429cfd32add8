"""Reading the reports for those who look for lost orders: together, each page and each report once.

Look-ups that go on at the same time meet here. What one of them asks for, the others wait for.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.lowlevel
from attrs import define, evolve, frozen

from iletimerkezi_async.clocks import Days, Stopwatch
from iletimerkezi_async.errors import DateRangeError, IletimerkeziError, OrderNotDueError
from iletimerkezi_async.wire.reports import get_report, get_reports

from .known import KnownIds
from .paging import Blacklist
from .rules import Listed, Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Generator, Sequence
    from datetime import datetime

    from iletimerkezi_async.clocks import Moment
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.wire.reports import ReportPage


T = TypeVar("T")

#: Orders on a page of the list, as seen in public code; the documentation does not tell.
LISTED = 30
# Rows of a report that are asked for first: most reports are another order's, and differ at their first number.
_FEW = 50
_MAX_ROWS = 1000
# What a single live look-up may cost.
_LIVE_REQUESTS = 56
# Seconds for which new look-ups join those that went before.
_CATALOGUE_LIFE = 30.0
# Requests of look-ups under way at once, so that others find connections.
_AT_ONCE = 8
# A list of more pages is not read to its end: 60,000 orders in three days.
_MAX_PAGES = 2000
# Of a longer blacklist the first numbers are used.
_MOST_BLOCKED = 100_000
# A service that repeats its last page for ever has told everything.
_STALE_PAGES = 3


@define
class Budget:
    """The requests that are left to the look-ups that go on together. Each adds what a single one may make."""

    left: float = 0.0
    users: int = 0

    def join(self, requests: float) -> None:
        """One more looks."""
        self.left += requests
        self.users += 1

    def leave(self) -> None:
        """One has ended; its share of what is left goes with it."""
        self.left -= max(self.left, 0.0) / self.users
        self.users -= 1

    def spend(self) -> bool:
        """Take one request; whether one was left."""
        self.left -= 1
        return self.left >= 0


@frozen(eq=False, repr=False)
class ReadReport:
    """What was read of an order's own report.

    Attributes:
        pages: The numbers, page by page.
        whole: Whether these are all.
        total: The total that the report itself tells.
        due: Whether its time has come (not 456).
        had: Whether there was a report at all.
        at: When it was read, by the monotonic clock.
    """

    pages: tuple[tuple[str, ...], ...] = ()
    whole: bool = False
    total: int | None = None
    due: bool = True
    had: bool = True
    at: float = 0.0

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(map(len, self.pages))

    @property
    def rows(self) -> Rows:
        """What the rules go by."""
        return Rows([*chain.from_iterable(self.pages)], self.whole, self.had and self.due)


@frozen(eq=False, repr=False)
class ListPage:
    """A page of the list.

    Attributes:
        orders: The orders on it, as they stand there.
        count: How many orders the list has in all, where the service says so.
        at: When it was read, by the monotonic clock.
        had: Whether it could be read.
    """

    orders: tuple[OrderReport, ...]
    count: int | None
    at: float
    had: bool = True


class Catalogue:
    """The orders of some days, as far as they were read, and their reports.

    Args:
        lookups: What reads, and knows ids.
        days: The days.
    """

    def __init__(self, lookups: Lookups, days: Days) -> None:
        self._lookups = lookups
        self._transport = lookups.transport
        self._days = days
        #: The days that were asked for.
        self.days = days
        #: Since when it is used; a machine's sleep counts.
        self.watch = Stopwatch()
        #: Whether the service refused the last of the days, which then was left out.
        self.clipped = False
        #: The orders that were listed, by their ids.
        self.listed: dict[int, Listed] = {}
        #: Those of which other processes have told that they are theirs.
        self.known: set[int] = set()
        self._pages: dict[int, ListPage] = {}
        self._reports: dict[int, ReadReport] = {}
        self._walk: Walk | None = None
        self._under_way: dict[tuple[str, int], anyio.Event] = {}
        self._places = anyio.Semaphore(_AT_ONCE)
        self._blocked: set[str] | None = None
        self._one_reader = anyio.Lock()

    async def blacklist(self) -> set[str]:
        """The numbers on the account's blacklist, read once; where it cannot be read to its end, those that were."""
        async with self._one_reader:
            if self._blocked is None:
                blocked: set[str] = set()
                with suppress(IletimerkeziError):
                    async for number in Blacklist(self._transport, None):
                        blocked.add(number)
                        if len(blocked) >= _MOST_BLOCKED:
                            break
                self._blocked = blocked
            return self._blocked

    async def page(self, number: int, fresh: float, budget: Budget) -> ListPage | None:
        """A page of the list (from 1), read after `fresh`; `None` over budget."""

        def cached() -> ListPage | None:
            page = self._pages.get(number)
            return page if page is not None and page.at >= fresh else None

        async def fetch() -> ListPage:
            page = await self.fetch(number)
            self.known |= await self._lookups.known.known_to_others([order.id for order in page.orders])
            self._pages[number] = page
            return page

        return await self._share(("page", number), cached, fetch, budget)

    async def fetch(self, number: int) -> ListPage:
        """A page of the list, read now."""
        at = time.monotonic()
        try:
            page = await self._transport.call(get_reports(self._days.first, self._days.last, number))
        except DateRangeError:
            return await self._clip(number, at)
        except IletimerkeziError:
            return ListPage((), None, at, had=False)
        self._take_in(page.orders)
        return ListPage(tuple(page.orders), page.count, at)

    def _take_in(self, orders: Sequence[OrderReport]) -> None:
        for order in orders:
            if order.id not in self.listed:
                self.listed[order.id] = Listed(
                    order.id, order.total, _seconds(order.submitted_at), _seconds(order.sent_at), order.sender
                )

    async def _clip(self, number: int, at: float) -> ListPage:
        """Leave out the last day, which may be one to come and so is refused."""
        if self.clipped or self._days.last <= self._days.first:
            return ListPage((), None, at, had=False)
        self.clipped = True
        self._days = Days(self._days.first, self._days.last - timedelta(days=1))
        return await self.fetch(number)

    async def head(self, order_id: int, fresh: float, budget: Budget) -> ReadReport | None:
        """The first rows of an order's report; `None` where the budget does not allow it.

        Args:
            order_id: The order.
            fresh: Rows that were read before this moment are asked for again; with minus infinity, none are.
            budget: What pays for it.
        """

        def cached() -> ReadReport | None:
            report = self._reports.get(order_id)
            return report if report is not None and report.at >= fresh else None

        async def fetch() -> ReadReport:
            self._reports[order_id] = report = await self._read_rows(order_id, 1, _FEW)
            return report

        return await self._share(("head", order_id), cached, fetch, budget)

    def cached_head(self, order_id: int) -> ReadReport | None:
        """The first rows of an order's report, where somebody has read them."""
        return self._reports.get(order_id)

    async def whole(self, order_id: int, wanted: Container[str], recipients: int, budget: Budget) -> ReadReport | None:
        """All rows of an order's report, or as many as show that it is another; `None` over budget."""
        read = ReadReport()
        for number in range(1, _MAX_PAGES):
            if not budget.spend():
                return None
            async with self._places:
                rows = await self._read_rows(order_id, number, _MAX_ROWS)
            if not (rows.due and rows.had):
                return rows
            read = evolve(rows, pages=(*read.pages, *filter(None, rows.pages)))
            over = rows.whole or (rows.count < _MAX_ROWS and rows.total is not None and read.count >= rows.total)
            strange = any(number not in wanted for number in read.pages[-1]) if read.pages else False
            if over or strange or read.count > 2 * recipients:
                return evolve(read, whole=over)
        return None

    async def _read_rows(self, order_id: int, number: int, most: int) -> ReadReport:
        at = time.monotonic()
        page: ReportPage
        try:
            page = await self._transport.call(get_report(order_id, number, most))
        except OrderNotDueError:
            return ReadReport(due=False, at=at)
        except IletimerkeziError:
            return ReadReport(had=False, at=at)
        numbers = tuple(delivery.number for delivery in page)
        total = page.order.total
        # A page may be shorter than asked for: the total, or an empty page, tells that it was the last.
        whole = not numbers or (number == 1 and len(numbers) < most and total is not None and len(numbers) >= total)
        return ReadReport((numbers,), whole, total, at=at)

    def walk(self, fresh: float) -> Walk:
        """One reading of the whole list that all share; a new one where the last began before `fresh`, or failed."""
        if self._walk is None or self._walk.began < fresh or self._walk.failed:
            self._walk = Walk(self, self._transport.clocks.now())
        return self._walk

    async def _share(
        self,
        key: tuple[str, int],
        cached: Callable[[], T | None],
        fetch: Callable[[], Awaitable[T | None]],
        budget: Budget,
    ) -> T | None:
        """What is there, or is under way, or is asked for now."""
        while (value := cached()) is None and key in self._under_way:
            await self._under_way[key].wait()
        if value is not None or not budget.spend():
            return value
        done = self._under_way[key] = anyio.Event()
        try:
            async with self._places:
                return await fetch()
        finally:
            del self._under_way[key]
            done.set()


class Walk:
    """The list from its first page to its last, read one after the other and as far as anybody needs.

    In this direction nothing is missed: orders that arrive meanwhile push others on to later pages.
    """

    def __init__(self, catalogue: Catalogue, at: Moment) -> None:
        self._catalogue = catalogue
        #: When it was begun, by the monotonic clock, and by those that orders are compared with.
        self.began, self.at = time.monotonic(), at
        #: Whether a page could not be read.
        self.failed = False
        #: Whether the list was read to its end.
        self.whole = False
        self._pages: list[ListPage] = []
        self._over = False
        self._seen: set[int] = set()
        self._stale = 0
        self._lock = anyio.Lock()

    async def page(self, index: int, budget: Budget) -> ListPage | None:
        """A page (from 0); `None` behind the last one."""
        async with self._lock:
            while len(self._pages) <= index and not self._over:
                await self._read_on(budget)
        return self._pages[index] if index < len(self._pages) else None

    async def read(self, budget: Budget) -> tuple[list[OrderReport], int | None]:
        """All that can be read of it, and how many orders it says that it has."""
        index = 0
        while await self.page(index, budget) is not None:
            index += 1
        return [order for page in self._pages for order in page.orders], self._pages[0].count if self._pages else None

    async def _read_on(self, budget: Budget) -> None:
        number = len(self._pages) + 1
        page = await self._catalogue.fetch(number) if number <= _MAX_PAGES and budget.spend() else None
        if page is None or not page.had:
            self.failed = self._over = True
            return
        before = len(self._seen)
        self._seen.update(order.id for order in page.orders)
        self._stale = self._stale + 1 if len(self._seen) == before else 0
        if page.orders:
            self._pages.append(page)
        promised = self._pages[0].count if self._pages else page.count
        all_seen = promised is not None and len(self._seen) >= promised
        if not page.orders or (self._stale and all_seen) or self._stale >= _STALE_PAGES:
            self._over = True
            # As many as there were when it began: the orders that arrived since stand on pages that were read before.
            self.whole = (promised is None or all_seen) and not self._catalogue.clipped


class Lookups:
    """What the look-ups of one client share.

    Args:
        transport: What reads.
        known: What the client remembers of its orders.
    """

    def __init__(self, transport: Transport, known: KnownIds | None = None) -> None:
        self.transport = transport
        self.known = KnownIds() if known is None else known
        self._open: dict[object, tuple[Catalogue, Budget]] = {}

    def catalogue(self, days: Days) -> Catalogue:
        """The catalogue of the look-ups that go on now, or did a moment ago."""
        return self._shared(days)[0]

    @contextmanager
    def live(self, days: Days) -> Generator[tuple[Catalogue, Budget]]:
        """The same for a look-up that may take but so many requests."""
        catalogue, budget = self._shared(days)
        budget.join(_LIVE_REQUESTS)
        try:
            yield catalogue, budget
        finally:
            budget.leave()

    def _shared(self, days: Days) -> tuple[Catalogue, Budget]:
        # Those of another event loop cannot be waited for.
        key = (anyio.lowlevel.current_token(), days)
        self._drop_old()
        if key not in self._open:
            self._open[key] = Catalogue(self, days), Budget()
        return self._open[key]

    def _drop_old(self) -> None:
        """Begin anew after a while, also where look-ups never end: a catalogue only grows."""
        for key in [key for key, (each, _) in self._open.items() if each.watch.elapsed > _CATALOGUE_LIFE]:
            del self._open[key]


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
