"""Results that come in pages, as flat async iterators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

import anyio

from iletimerkezi_async.errors import IletimerkeziError, TransportError
from iletimerkezi_async.models import Delivery, OrderReport
from iletimerkezi_async.wire.blacklist import BlacklistPage, get_blacklist
from iletimerkezi_async.wire.reports import REPORTS_DAYS, OrdersPage, ReportPage, get_report, get_reports

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.wire.dates import Window

__all__ = ["Blacklist", "Orders", "Report"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_MAX_ROWS = 1000
# As seen in public code; the documentation does not tell.
_ORDERS_PAGE = 30
# No order is so large; a server that never ends its report must not keep its reader for ever.
_MAX_PAGES = 100_000
# Nor must one whose pages bring nothing (new), while its total or count promises more.
_MOST_EMPTY_FETCHES = 100


class _Page(Protocol[T_co]):
    """Some rows."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[T_co]: ...


class _Rows(AsyncIterator[T], ABC, Generic[T]):
    """An async iterator over rows that are fetched some at a time.

    All fetching happens within one `__anext__`, so that it may be left at any row without anything to clean up. Several
    tasks may share one: each row goes to one of them.
    """

    _operation: ClassVar[str]

    def __init__(self) -> None:
        self._rows: Iterator[T] = iter(())
        self._finished = False
        self._empty_fetches = 0
        self._lock: anyio.Lock | None = None

    @abstractmethod
    async def _fetch(self) -> Sequence[_Page[T]]:
        """The next pages, possibly without rows; sets `_finished` with the last of them."""

    def _check_page(self, page: int) -> None:
        if page > _MAX_PAGES:
            raise TransportError(f"the list has no end after {_MAX_PAGES} pages", self._operation)

    async def __anext__(self) -> T:
        rows = self._rows
        for row in rows:
            return row
        while not (self._finished and rows is self._rows):
            await self._refill(rows)
            rows = self._rows
            for row in rows:
                return row
        raise StopAsyncIteration

    async def _refill(self, exhausted: Iterator[T]) -> None:
        if self._lock is None:
            # Not in the constructor, which may run outside an event loop.
            self._lock = anyio.Lock()
        async with self._lock:
            # Another task may have refilled it meanwhile.
            if self._rows is exhausted and not self._finished:
                pages = await self._fetch()
                self._rows = chain.from_iterable(pages)
                self._empty_fetches = 0 if any(map(len, pages)) or self._finished else self._empty_fetches + 1
                if self._empty_fetches > _MOST_EMPTY_FETCHES:
                    raise TransportError("page after page brings nothing, and there should be more", self._operation)


class Report(_Rows[Delivery]):
    """The rows of one order's report, in the service's order: `async for delivery in report`.

    Made by `AsyncClient.get_report`. The first page is asked for alone; where it tells the order's total, the next ones
    are asked for several at once, else one at a time until a short one. A page that fails after all repetitions raises
    when its rows are due; asking for the next row then tries that page again, so that no row is lost or doubled.
    """

    _operation = "get-report"

    def __init__(self, transport: Transport, order_id: int, *, page_size: int = _MAX_ROWS, read_ahead: int = 8) -> None:
        if not 1 <= page_size <= _MAX_ROWS:
            raise ValueError(f"page_size must be from 1 to {_MAX_ROWS}")
        if read_ahead < 1:
            raise ValueError("read_ahead must be at least 1")
        super().__init__()
        self._transport = transport
        self._order_id = order_id
        self._page_size = page_size
        self._read_ahead = read_ahead
        self._next_page = 1
        self._seen = 0
        self._order: OrderReport | None = None

    @property
    def order(self) -> OrderReport | None:
        """The order's state and counters as the first page told them; `None` before iteration has begun."""
        return self._order

    def __repr__(self) -> str:
        return f"<Report of order {self._order_id}>"

    async def _fetch(self) -> list[ReportPage]:
        self._check_page(self._next_page)
        pages: list[ReportPage] = []
        for page in await self._fetch_pages(self._due_pages()):
            pages.append(page)
            self._order = self._order or page.order
            self._next_page += 1
            self._seen += len(page)
            # Before the page that the total tells to be the last, a short one is not the end.
            short = len(page) < self._page_size and self._next_page > self._known_pages
            if short or self._seen == self._order.total:
                self._finished = True
                break
        return pages

    @property
    def _known_pages(self) -> int:
        """How many pages there are, as far as the total tells."""
        total = self._order.total if self._order else None
        return -(-total // self._page_size) if total else 0

    def _due_pages(self) -> range:
        ahead = min(self._read_ahead, self._known_pages - self._next_page + 1)
        return range(self._next_page, self._next_page + max(1, ahead))

    async def _fetch_pages(self, due: range) -> list[ReportPage]:
        """The pages from the first on that could be had; the first one's failure is raised."""
        if len(due) == 1:
            return [await self._fetch_page(due[0])]
        results: dict[int, ReportPage | IletimerkeziError] = {}

        async def fetch(number: int) -> None:
            try:
                results[number] = await self._fetch_page(number)
            except IletimerkeziError as error:
                results[number] = error

        async with anyio.create_task_group() as tasks:
            for number in due:
                tasks.start_soon(fetch, number)
        pages: list[ReportPage] = []
        for number in due:
            result = results[number]
            if isinstance(result, ReportPage):
                pages.append(result)
            elif pages:
                break
            else:
                raise result
        return pages

    async def _fetch_page(self, number: int) -> ReportPage:
        return await self._transport.call(get_report(self._order_id, number, self._page_size))


class Orders(_Rows[OrderReport]):
    """The orders submitted in a range of days, each once. Made by `AsyncClient.get_reports`."""

    _operation = "get-reports"

    def __init__(self, transport: Transport, start: date, end: date) -> None:
        super().__init__()
        self._transport = transport
        self._ranges = split_days(start, end)
        self._range = next(self._ranges)
        self._page = 1
        self._seen_here = 0
        self._seen: set[int] = set()

    async def _fetch(self) -> list[list[OrderReport]]:
        self._check_page(self._page)
        page = await self._transport.call(get_reports(*self._range, self._page))
        self._page += 1
        self._seen_here += len(page.orders)
        fresh = [order for order in page.orders if order.id not in self._seen]
        self._seen.update(order.id for order in fresh)
        if self._is_last(page, fresh):
            self._next_range()
        return [fresh]

    def _is_last(self, page: OrdersPage, fresh: list[OrderReport]) -> bool:
        """Whether a page ends its range.

        Orders that arrive meanwhile push others on to a later page, so that one may bring nothing new before the end.
        """
        if not page.orders:
            return True
        # A full page is never the last for certain: the count might be the page's own.
        if len(page.orders) < _ORDERS_PAGE and (page.count is None or self._seen_here >= page.count):
            return True
        return not fresh and (page.count is None or self._seen_here > page.count)

    def _next_range(self) -> None:
        following = next(self._ranges, None)
        if following is None:
            self._finished = True
            return
        self._range = following
        self._page = 1
        self._seen_here = 0


class Blacklist(_Rows[str]):
    """The blocked numbers, each once. Made by `AsyncClient.get_blacklist`."""

    _operation = "get-blacklist"

    def __init__(self, transport: Transport, window: Window | None) -> None:
        super().__init__()
        self._transport = transport
        self._window = window
        self._page = 1
        self._seen: set[str] = set()
        self._seen_rows = 0

    async def _fetch(self) -> list[list[str]]:
        self._check_page(self._page)
        page = await self._transport.call(get_blacklist(self._page, _MAX_ROWS, self._window))
        self._page += 1
        self._seen_rows += len(page.numbers)
        fresh = [number for number in dict.fromkeys(page.numbers) if number not in self._seen]
        self._seen.update(fresh)
        self._finished = self._is_last(page, fresh)
        return [fresh]

    def _is_last(self, page: BlacklistPage, fresh: list[str]) -> bool:
        """Whether a page ends the list.

        A page of old acquaintances ends it too: a service that takes no notice of the page would repeat itself for
        ever. The count is that of the whole list, so that it tells nothing about a part of it.
        """
        if not fresh:
            return True
        if self._window is None and page.count is not None:
            return self._seen_rows >= page.count
        return len(page.numbers) < _MAX_ROWS


def split_days(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Ranges that the service takes, which together have every day from `start` to `end` once.

    The documentation does not say whether 10 days from start to end are counted with both ends: these fit either way.
    """
    while (end - start).days >= REPORTS_DAYS:
        yield start, start + timedelta(days=REPORTS_DAYS - 1)
        start += timedelta(days=REPORTS_DAYS)
    yield start, end
