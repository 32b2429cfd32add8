"""The lists and reports that searches for lost orders share: each page and each report is read once.

Searches that run at the same time use the same pages. If one is being read, the others wait for it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import anyio
import anyio.lowlevel
from attrs import define

from iletimerkezi_async.clocks import Days, Stopwatch
from iletimerkezi_async.errors import DateRangeError, IletimerkeziError
from iletimerkezi_async.wire.reports import get_report, get_reports

from .paging import Blacklist
from .rules import Listed, Listing, Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Sequence

    from iletimerkezi_async.clocks import Moment
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.models import OrderReport

    from .known import KnownIds

#: Orders on a page of the list, as seen in public code; the documentation does not tell.
LISTED = 30
# Rows of a report that are read first: most reports differ from the wanted one at their first number.
_FEW = 50
_MAX_ROWS = 1000
# Seconds for which new searches use what earlier ones have read.
_CACHE_SECONDS = 30.0
# Requests of searches at once; the other connections are left to sends.
_AT_ONCE = 8
# Limit of pages read from a list: 60,000 orders in three days.
_MAX_PAGES = 2000
# Limit of numbers read from a blacklist.
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


V = TypeVar("V")
#: The orders on a page of the list, and the number of orders in the whole list, if the service tells it.
Page: TypeAlias = "tuple[Sequence[OrderReport], int | None]"


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
        #: The first rows of reports that were read, by id, each with the time of reading, by the monotonic clock.
        self.heads: dict[int, tuple[float, Rows]] = {}
        # Pages of the list, likewise.
        self._pages: dict[int, tuple[float, Page | None]] = {}
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

    async def page(self, number: int, newer_than: float, budget: Budget) -> Page | None:
        """Give a page of the list (from 1) that was read after a moment; `None` over budget, or if reading failed."""
        return await self._share(self._pages, number, newer_than, partial(self._read_shared_page, number), budget)

    async def _read_shared_page(self, number: int) -> Page | None:
        page = await self.read_page(number)
        if page is not None:
            self.known |= await self._known.known_to_others([order.id for order in page[0]])
        return page

    async def read_page(self, number: int) -> Page | None:
        """Read a page of the list now; `None` if it cannot be read."""
        try:
            orders, count = await self._transport.call(get_reports(self._days.first, self._days.last, number))
        except DateRangeError:
            return await self._clip(number)
        except IletimerkeziError:
            return None
        for order in orders:
            if order.id not in self.listed:
                submitted_at = None if order.submitted_at is None else order.submitted_at.timestamp()
                sent_at = None if order.sent_at is None else order.sent_at.timestamp()
                self.listed[order.id] = Listed(order.id, order.total, submitted_at, sent_at, order.sender)
        return orders, count

    async def _clip(self, number: int) -> Page | None:
        """Leave out the last day, which the service refuses if it has not begun yet."""
        if self.clipped or self._days.last <= self._days.first:
            return None
        self.clipped = True
        self._days = Days(self._days.first, self._days.last - timedelta(days=1))
        return await self.read_page(number)

    def reading(self, newer_than: float) -> ListReading:
        """Give the shared reading of the whole list; begin a new one if it began before a moment, or failed."""
        if self._reading is None or self._reading.began < newer_than or self._reading.failed:
            self._reading = ListReading(self, self._transport.clocks.now())
        return self._reading

    # Reports.

    async def head(self, order_id: int, newer_than: float, budget: Budget) -> Rows | None:
        """Give the first rows of a report that were read after a moment; `None` over budget."""
        return await self._share(self.heads, order_id, newer_than, partial(self._read_rows, order_id, 1, _FEW), budget)

    async def whole(self, order_id: int, wanted: Container[str], recipients: int, budget: Budget) -> Rows | None:
        """Read all rows of a report, or as many as show that it is another order's; `None` over budget."""
        numbers: list[str] = []
        for number in range(1, _MAX_PAGES):
            if not budget.spend():
                return None
            async with self._places:
                rows = await self._read_rows(order_id, number, _MAX_ROWS, len(numbers))
            if not rows.had:
                return rows
            numbers += rows.numbers
            if rows.whole or any(each not in wanted for each in rows.numbers) or len(numbers) > 2 * recipients:
                return Rows(numbers, rows.whole)
        return None

    async def _read_rows(self, order_id: int, number: int, limit: int, before: int = 0) -> Rows:
        """Read a page of a report; its `whole` tells that no rows follow.

        Args:
            order_id: The order.
            number: The page's number.
            limit: Limit of rows of a page.
            before: The rows of the pages before it.
        """
        try:
            page = await self._transport.call(get_report(order_id, number, limit))
        except IletimerkeziError:
            return Rows(had=False)
        count, total = len(page), page.order.total
        # A page may be shorter than asked for: only the total or an empty page shows that it was the last.
        is_last = not count or (count < limit and total is not None and before + count >= total)
        return Rows(page.numbers, is_last)

    async def _share(
        self,
        cache: dict[int, tuple[float, V]],
        number: int,
        newer_than: float,
        read: Callable[[], Awaitable[V]],
        budget: Budget,
    ) -> V | None:
        """Give a cached value that was read after a moment; otherwise wait for the task that reads it, or read it."""
        key = id(cache), number
        while number not in cache or cache[number][0] < newer_than:
            if key in self._under_way:
                await self._under_way[key].wait()
                continue
            if not budget.spend():
                return None
            done = self._under_way[key] = anyio.Event()
            try:
                async with self._places:
                    at = time.monotonic()
                    value = await read()
                    cache[number] = at, value
                return value
            finally:
                del self._under_way[key]
                done.set()
        return cache[number][1]


class ListReading:
    """A reading of the list from its first page on, one page after the other, as far as needed.

    In this direction no order is missed: new orders push older ones to later pages.
    """

    def __init__(self, reports: ReportCache, at: Moment) -> None:
        self._reports = reports
        #: Its beginning, by the monotonic clock.
        self.began = time.monotonic()
        self._at = at
        #: Whether a page could not be read.
        self.failed = False
        self._orders: list[Listed] = []
        # The list's count when the reading began. Orders that came later are on pages that had been read by then.
        self._count: int | None = None
        self._is_whole = self._is_over = False
        self._seen: set[int] = set()
        self._page = self._stale = 0
        self._lock = anyio.Lock()

    async def read(self, budget: Budget) -> Listing:
        """Read the list to its end, and give it; its time is when the reading began, by this machine's clock."""
        async with self._lock:
            while not self._is_over:
                await self._read_on(budget)
        return Listing(self._orders, self._reports.days, self._at, self._count, ended=self._is_whole)

    async def _read_on(self, budget: Budget) -> None:
        self._page += 1
        page = await self._reports.read_page(self._page) if self._page <= _MAX_PAGES and budget.spend() else None
        if page is None:
            self.failed = self._is_over = True
            return
        orders, count = page
        if self._page == 1:
            self._count = count
        before = len(self._seen)
        self._seen.update(order.id for order in orders)
        self._stale = self._stale + 1 if len(self._seen) == before else 0
        self._orders += [self._reports.listed[order.id] for order in orders]
        all_seen = self._count is not None and len(self._seen) >= self._count
        if not orders or (self._stale and all_seen) or self._stale >= _STALE_PAGES:
            self._is_over = True
            self._is_whole = (self._count is None or all_seen) and not self._reports.clipped


class Lookups:
    """The shared state of a client's searches.

    Args:
        transport: The client's transport.
        known: The client's memory of its orders.
    """

    def __init__(self, transport: Transport, known: KnownIds) -> None:
        self.transport = transport
        self.known = known
        self._caches: dict[object, ReportCache] = {}

    def reports(self, days: Days) -> ReportCache:
        """Give the shared cache of some days, if it is not too old; otherwise a new one."""
        # Drop a cache even if searches follow without a break, as a cache only grows.
        for key in [key for key, each in self._caches.items() if each.watch.elapsed > _CACHE_SECONDS]:
            del self._caches[key]
        # One cache for each event loop, as its events and locks cannot be awaited in another one.
        key = (anyio.lowlevel.current_token(), days)
        if key not in self._caches:
            self._caches[key] = ReportCache(self, days)
        return self._caches[key]
