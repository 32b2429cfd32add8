"""The lists and reports that searches for lost orders share: each page and each report is read once.

Searches that run at the same time use the same pages. If one is being read, the others wait for it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.lowlevel
from attrs import define, frozen

from iletimerkezi_async.clocks import Days, Stopwatch
from iletimerkezi_async.errors import DateRangeError, IletimerkeziError
from iletimerkezi_async.wire.reports import get_report, get_reports

from .known import KnownIds
from .paging import Blacklist
from .rules import Listed, Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container
    from datetime import datetime

    from iletimerkezi_async.clocks import Moment
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.models import OrderReport

#: Orders on a page of the list, as seen in public code; the documentation does not tell.
LISTED = 30
# Rows of a report that are read first: most reports differ from the wanted one at their first number.
_FEW = 50
_MAX_ROWS = 1000
# Seconds for which new searches use what earlier ones have read.
_CACHE_SECONDS = 30.0
# Requests of searches at once; the other connections are left to sends.
_AT_ONCE = 8
# Pages of a list that are read at most: 60,000 orders in three days.
_MAX_PAGES = 2000
# Numbers of a blacklist that are read at most.
_MAX_BLOCKED = 100_000
# Pages without a new order after which a list counts as ended: some services repeat their last page for ever.
_STALE_PAGES = 3


@define
class Budget:
    """The requests that are left to searches that run together. Each search adds its own."""

    left: float = 0.0
    users: int = 0

    def join(self, requests: float) -> None:
        """Add a search with its requests."""
        self.left += requests
        self.users += 1

    def leave(self) -> None:
        """Remove a search with its share of the requests that are left."""
        self.left -= max(self.left, 0.0) / self.users
        self.users -= 1

    def spend(self) -> bool:
        """Take one request; `False` if none was left."""
        self.left -= 1
        return self.left >= 0


@frozen(eq=False, repr=False)
class ReadReport:
    """The first rows of an order's report.

    Attributes:
        rows: The rows.
        total: The total by the report itself.
        at: The time of reading, by the monotonic clock.
    """

    rows: Rows
    total: int | None
    at: float


@frozen(eq=False, repr=False)
class ListPage:
    """A page of the list.

    Attributes:
        orders: The orders on it.
        count: The number of orders in the whole list, if the service tells it.
        at: The time of reading, by the monotonic clock.
        had: Whether the page could be read.
    """

    orders: tuple[OrderReport, ...]
    count: int | None
    at: float
    had: bool = True


R = TypeVar("R", ListPage, ReadReport)


class ReportCache:
    """The list of some days and the reports of its orders, as far as they were read.

    Args:
        lookups: The shared state of the client's searches.
        days: The days.
    """

    def __init__(self, lookups: Lookups, days: Days) -> None:
        self._known = lookups.known
        self._transport = lookups.transport
        self._days = days
        #: The days that were asked for.
        self.days = days
        #: The requests of live searches.
        self.budget = Budget()
        #: The cache's age; a machine's sleep counts.
        self.watch = Stopwatch()
        #: Whether the service refused the last day, which then was left out.
        self.clipped = False
        #: The orders that were listed, by id.
        self.listed: dict[int, Listed] = {}
        #: The ids of orders that other processes know as theirs.
        self.known: set[int] = set()
        self._pages: dict[int, ListPage] = {}
        self._reports: dict[int, ReadReport] = {}
        self._reading: ListReading | None = None
        self._under_way: dict[tuple[int, int], anyio.Event] = {}
        self._places = anyio.Semaphore(_AT_ONCE)
        self._blocked: set[str] | None = None
        self._blacklist_lock = anyio.Lock()

    async def blacklist(self) -> set[str]:
        """Read the account's blacklist, once; if a page fails, give the numbers before it."""
        async with self._blacklist_lock:
            if self._blocked is None:
                blocked: set[str] = set()
                with suppress(IletimerkeziError):
                    async for number in Blacklist(self._transport, None):
                        blocked.add(number)
                        if len(blocked) >= _MAX_BLOCKED:
                            break
                self._blocked = blocked
            return self._blocked

    # The list.

    async def page(self, number: int, newer_than: float, budget: Budget) -> ListPage | None:
        """Give a page of the list (from 1) that was read after a moment; `None` over budget."""
        return await self._share(self._pages, number, newer_than, self._read_shared_page, budget)

    async def _read_shared_page(self, number: int) -> ListPage:
        page = await self.read_page(number)
        self.known |= await self._known.known_to_others([order.id for order in page.orders])
        return page

    async def read_page(self, number: int) -> ListPage:
        """Read a page of the list now."""
        at = time.monotonic()
        try:
            orders, count = await self._transport.call(get_reports(self._days.first, self._days.last, number))
        except DateRangeError:
            return await self._clip(number, at)
        except IletimerkeziError:
            return ListPage((), None, at, had=False)
        for order in orders:
            if order.id not in self.listed:
                times = _seconds(order.submitted_at), _seconds(order.sent_at)
                self.listed[order.id] = Listed(order.id, order.total, *times, order.sender)
        return ListPage(tuple(orders), count, at)

    async def _clip(self, number: int, at: float) -> ListPage:
        """Leave out the last day, which the service refuses if it has not begun yet."""
        if self.clipped or self._days.last <= self._days.first:
            return ListPage((), None, at, had=False)
        self.clipped = True
        self._days = Days(self._days.first, self._days.last - timedelta(days=1))
        return await self.read_page(number)

    def reading(self, newer_than: float) -> ListReading:
        """Give the reading of the whole list that all share; a new one if the last began before, or failed."""
        if self._reading is None or self._reading.began < newer_than or self._reading.failed:
            self._reading = ListReading(self, self._transport.clocks.now())
        return self._reading

    # Reports.

    async def head(self, order_id: int, newer_than: float, budget: Budget) -> ReadReport | None:
        """Give the first rows of a report that were read after a moment; `None` over budget."""
        return await self._share(self._reports, order_id, newer_than, self._read_head, budget)

    async def _read_head(self, order_id: int) -> ReadReport:
        return await self._read_rows(order_id, 1, _FEW)

    def cached_head(self, order_id: int) -> ReadReport | None:
        """Give the first rows of a report if they were read before."""
        return self._reports.get(order_id)

    async def whole(self, order_id: int, wanted: Container[str], recipients: int, budget: Budget) -> Rows | None:
        """Read all rows of a report, or as many as show that it is another order's; `None` over budget."""
        numbers: list[str] = []
        for number in range(1, _MAX_PAGES):
            if not budget.spend():
                return None
            async with self._places:
                page = await self._read_rows(order_id, number, _MAX_ROWS)
            rows = page.rows
            if not rows.had:
                return rows
            numbers += rows.numbers
            is_short = len(rows.numbers) < _MAX_ROWS
            is_whole = rows.whole or (is_short and page.total is not None and len(numbers) >= page.total)
            if is_whole or any(each not in wanted for each in rows.numbers) or len(numbers) > 2 * recipients:
                return Rows(numbers, is_whole)
        return None

    async def _read_rows(self, order_id: int, number: int, limit: int) -> ReadReport:
        at = time.monotonic()
        try:
            page = await self._transport.call(get_report(order_id, number, limit))
        except IletimerkeziError:
            return ReadReport(Rows(had=False), None, at)
        numbers = [delivery.number for delivery in page]
        total = page.order.total
        # A page may be shorter than asked for: only the total or an empty page shows that it was the last.
        whole = not numbers or (number == 1 and len(numbers) < limit and total is not None and len(numbers) >= total)
        return ReadReport(Rows(numbers, whole), total, at)

    async def _share(
        self,
        cache: dict[int, R],
        number: int,
        newer_than: float,
        read: Callable[[int], Awaitable[R]],
        budget: Budget,
    ) -> R | None:
        """Give a value that was read after a moment, wait for it if it is being read, or read it."""
        key = id(cache), number
        while (value := cache.get(number)) is None or value.at < newer_than:
            if key in self._under_way:
                await self._under_way[key].wait()
                continue
            if not budget.spend():
                return None
            done = self._under_way[key] = anyio.Event()
            try:
                async with self._places:
                    cache[number] = value = await read(number)
                return value
            finally:
                del self._under_way[key]
                done.set()
        return value


class ListReading:
    """A reading of the list from its first page on, one page after the other, as far as needed.

    In this direction no order is missed: new orders push older ones to later pages.
    """

    def __init__(self, reports: ReportCache, at: Moment) -> None:
        self._reports = reports
        #: Its beginning, by the monotonic clock, and by the clocks that orders are compared with.
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

    async def read(self, budget: Budget) -> tuple[list[OrderReport], int | None]:
        """Read the list to its end; give its orders, and their number by the list's own count."""
        async with self._lock:
            while not self._over:
                await self._read_on(budget)
        return [order for page in self._pages for order in page.orders], self._pages[0].count if self._pages else None

    async def _read_on(self, budget: Budget) -> None:
        number = len(self._pages) + 1
        page = await self._reports.read_page(number) if number <= _MAX_PAGES and budget.spend() else None
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
            # By the count at its beginning: newer orders stand on pages that were read before they came.
            self.whole = (promised is None or all_seen) and not self._reports.clipped


class Lookups:
    """The shared state of a client's searches.

    Args:
        transport: The client's transport.
        known: The client's memory of its orders.
    """

    def __init__(self, transport: Transport, known: KnownIds | None = None) -> None:
        self.transport = transport
        self.known = KnownIds() if known is None else known
        self._caches: dict[object, ReportCache] = {}

    def reports(self, days: Days) -> ReportCache:
        """Give the cache of some days that searches share now."""
        # Also while searches never end: a cache only grows.
        for key in [key for key, each in self._caches.items() if each.watch.elapsed > _CACHE_SECONDS]:
            del self._caches[key]
        # Each event loop has its own: its events and locks cannot be waited for in another one.
        key = (anyio.lowlevel.current_token(), days)
        if key not in self._caches:
            self._caches[key] = ReportCache(self, days)
        return self._caches[key]


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
