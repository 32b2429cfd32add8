"""The lists and reports that searches for lost orders share: each page and each report is read once.

Searches that run at the same time use the same pages. If one is being read, the others wait for it.
"""

from __future__ import annotations

import math
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
from .rules import Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from iletimerkezi_async.clocks import Moment
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.models import OrderReport

    from .known import OrderMemory
    from .rules import OpenOrder

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
#: The orders of the list, the time when its reading began, and whether these are all.
FullList: TypeAlias = "tuple[Sequence[OrderReport], Moment, bool]"


class ReportCache:
    """The list of some days and the reports of its orders, as far as they were read.

    Args:
        lookups: The shared state of the client's searches.
        days: The days.
    """

    def __init__(self, lookups: Lookups, days: Days) -> None:
        self._known = lookups.known
        self._transport = lookups.transport
        #: The days that were asked for; and the days that are requested, without one that the service refuses.
        self.days = self._days = days
        #: The requests of live searches.
        self.budget = Budget()
        #: The cache's age; a machine's sleep counts.
        self.watch = Stopwatch()
        #: Whether the whole list could not be read; later searches read it again.
        self.has_failed = False
        #: The orders that were listed, by id.
        self.listed: dict[int, OrderReport] = {}
        #: The ids of orders that other processes know as theirs.
        self.known: set[int] = set()
        #: The rows of reports that were read, the first or all, by id, with the time of reading by the monotonic clock.
        self.heads: dict[int, tuple[float, Rows]] = {}
        # Pages of the list, the whole list and the blacklist, likewise.
        self._pages: dict[int, tuple[float, Page | None]] = {}
        self._lists: dict[int, tuple[float, FullList]] = {}
        self._blacklists: dict[int, tuple[float, set[str]]] = {}
        self._under_way: dict[tuple[int, int], anyio.Event] = {}
        self._places = anyio.Semaphore(_AT_ONCE)

    async def blacklist(self) -> set[str]:
        """Read the account's blacklist, once; if a page fails, give the numbers before it."""
        return await self._share(self._blacklists, 0, -math.inf, self._read_blacklist) or set()

    async def _read_blacklist(self) -> set[str]:
        blocked: set[str] = set()
        with suppress(IletimerkeziError):
            async for number in Blacklist(self._transport, None):
                blocked.add(number)
                if len(blocked) >= _MAX_BLOCKED:
                    break
        return blocked

    # The list.

    async def page(self, number: int, newer_than: float, budget: Budget) -> Page | None:
        """Give a page of the list (from 1) that was read after a moment; `None` over budget, or if reading failed."""
        return await self._share(self._pages, number, newer_than, partial(self._read_shared_page, number), budget)

    async def _read_shared_page(self, number: int) -> Page | None:
        page = await self._read_page(number)
        if page is not None:
            self.known |= await self._known.known_to_others([order.id for order in page[0]])
        return page

    async def _read_page(self, number: int) -> Page | None:
        """Read a page of the list now; `None` if it cannot be read."""
        try:
            orders, count = await self._transport.call(get_reports(self._days.first, self._days.last, number))
        except DateRangeError:
            return await self._clip(number)
        except IletimerkeziError:
            return None
        for order in orders:
            self.listed.setdefault(order.id, order)
        return orders, count

    async def _clip(self, number: int) -> Page | None:
        """Leave out the last day, which the service refuses if it has not begun yet."""
        if self._days != self.days or self._days.last <= self._days.first:
            return None
        self._days = Days(self._days.first, self._days.last - timedelta(days=1))
        return await self._read_page(number)

    async def full_list(self, newer_than: float) -> FullList:
        """Give the whole list, all pages of which were read after a moment."""
        found = await self._share(self._lists, 0, newer_than, self._read_list)
        assert found is not None
        return found

    async def _read_list(self) -> FullList:
        """Read the list from its first page on: new orders push older ones to later pages, so none is missed."""
        at = self._transport.clocks.now()
        seen: dict[int, OrderReport] = {}
        count, stale = None, 0
        for number in range(1, _MAX_PAGES + 1):
            page = await self._read_page(number)
            if page is None:
                break
            orders, told = page
            # Orders added after this count would be on pages that were already read.
            count = told if number == 1 else count
            before = len(seen)
            seen |= {order.id: order for order in orders}
            stale = stale + 1 if len(seen) == before else 0
            has_all = count is not None and len(seen) >= count
            if not orders or (stale and has_all) or stale >= _STALE_PAGES:
                return [*seen.values()], at, (has_all or count is None) and self._days == self.days
        self.has_failed = True
        return [*seen.values()], at, False

    # Reports.

    async def head(self, order_id: int, newer_than: float, budget: Budget) -> Rows | None:
        """Give the first rows of a report that were read after a moment; `None` over budget."""
        return await self._share(self.heads, order_id, newer_than, partial(self._read_rows, order_id, 1, _FEW), budget)

    async def read_whole(self, order_id: int, wanted: OpenOrder, budget: Budget) -> None:
        """Read all rows of a report, or as many as show that it is another order's, and put them into `heads`."""
        at = time.monotonic()
        numbers: list[str] = []
        for number in range(1, _MAX_PAGES):
            if not budget.spend():
                return
            async with self._places:
                page = await self._read_rows(order_id, number, _MAX_ROWS, len(numbers))
            if not page.had:
                # The rows that are known stay, as other searches use them.
                return
            numbers += page.numbers
            is_another = any(each not in wanted.numbers for each in page.numbers)
            if page.whole or is_another or len(numbers) > 2 * wanted.draft.recipients:
                self.heads[order_id] = at, Rows(numbers, page.whole)
                return

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
        budget: Budget | None = None,
    ) -> V | None:
        """Give a cached value that was read after a moment; otherwise wait for the task that reads it, or read it."""
        key = id(cache), number
        while number not in cache or cache[number][0] < newer_than:
            if key in self._under_way:
                await self._under_way[key].wait()
                continue
            if budget is not None and not budget.spend():
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


class Lookups:
    """The shared state of a client's searches.

    Args:
        transport: The client's transport.
        known: The client's memory of its orders.
    """

    def __init__(self, transport: Transport, known: OrderMemory) -> None:
        self.transport = transport
        self.known = known
        self._caches: dict[object, ReportCache] = {}

    def reports(self, days: Days) -> ReportCache:
        """Give the shared cache of some days, if it is not too old; otherwise a new one."""
        # Drop a cache even if searches follow without a break, as a cache only grows.
        for key, each in tuple(self._caches.items()):
            if each.has_failed or each.watch.elapsed > _CACHE_SECONDS:
                del self._caches[key]
        # One cache for each event loop, as its events and locks cannot be awaited in another one.
        key = (anyio.lowlevel.current_token(), days)
        if key not in self._caches:
            self._caches[key] = ReportCache(self, days)
        return self._caches[key]
