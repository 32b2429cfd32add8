"""Lists that come in pages, as async iterators over their rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import anyio

from iletimerkezi_async.errors import IletimerkeziError, TransportError
from iletimerkezi_async.models import Delivery, OrderReport
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.account import get_blacklist
from iletimerkezi_async.wire.reports import REPORTS_DAYS, ReportPage, get_report, get_reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iletimerkezi_async.http.transport import Transport


T = TypeVar("T")

#: The most rows of one page of a report (source: the provider's `get-report` page).
MAX_ROWS = 1000
# Limit of pages of a list, as some servers never end it. No order is as large.
_MAX_PAGES = 100_000
# Limit of pages without a new row, as some servers repeat rows while their total promises more.
_MAX_STALE = 10
# The page size of `get-reports` as seen in public code; the documentation does not tell.
_ORDERS_PAGE = 30


def _may_be_a_limit(rows: int) -> bool:
    """Whether the server's own limit may have cut off a page: limits are round numbers."""
    return rows % 5 == 0


class Cursor:
    """A position in a list whose page size the reader chooses.

    A server may give fewer rows than it was asked for, and its total may be too small or too large. Two rules make sure
    that no row is missed:

    - The next page begins with the next row. So its size divides the number of rows that were read.
    - No page is larger than the first one. If a server limits its pages, it is not known whether their offsets count
      the rows asked for or the rows given; up to the limit both are the same.

    Attributes:
        read: The number of rows that were read.
        total: The number of all rows, by the largest total of any page; `None` if no page told one.
        ended: Whether there are no further rows, as far as pages and total tell.
    """

    def __init__(self, size: int) -> None:
        self.read = 0
        self.total: int | None = None
        self.ended = False
        self._limit = size
        self._was_short = False

    @property
    def size(self) -> int:
        """The size of the next page."""
        return next(size for size in range(self._limit, 0, -1) if self.read % size == 0)

    @property
    def page(self) -> int:
        """The number of the page of this size that begins with the next row."""
        return self.read // self.size + 1

    @property
    def lacks_rows(self) -> bool:
        """Whether fewer rows were read than the total promises."""
        return self.total is not None and self.read < self.total

    def may_be_beyond(self, rows: int) -> bool:
        """Whether the next page, with so many rows, may be beyond the end, where some servers repeat another page."""
        return self._was_short or (self.total is not None and self.read + rows > self.total)

    def due(self, limit: int) -> range:
        """Give the numbers of the next pages to read at once: at most `limit`, as far as the total promises rows."""
        size, page = self.size, self.page
        missing = self.total - self.read if self.total is not None else 0
        # Small pages are read one at a time, only to reach a position where a large one can begin.
        ahead = min(limit, -(-missing // size)) if size > self._limit // 2 else 1
        return range(page, page + max(1, ahead))

    def hear(self, total: int | None) -> None:
        """Take in the total of a page."""
        self.total = max((each for each in (self.total, total) if each is not None), default=None)

    def take(self, rows: int) -> None:
        """Advance by a page of the present `size`.

        Args:
            rows: The number of its rows.
        """
        self._was_short = rows < self.size
        is_first = not self.read
        if is_first and rows:
            self._limit = rows
        self.read += rows
        if not rows:
            # If rows are missing, the next request asks for them again.
            self.ended = not self.lacks_rows
        elif self._was_short:
            # A total below the number of rows is wrong, and does not show the end.
            self.ended = self.read == self.total
            if self.total is None:
                self.ended = not (is_first and _may_be_a_limit(rows))


class ServiceCursor(Cursor):
    """A position in a list whose page size the service chooses; repeated rows count as read, too."""

    def __init__(self) -> None:
        super().__init__(_ORDERS_PAGE)
        self._page = 1
        self._largest = 0

    @property
    def page(self) -> int:
        """The number of the next page."""
        return self._page

    def take(self, rows: int) -> None:
        """Advance by a page.

        Args:
            rows: The number of its rows.
        """
        # A full page may not be the last, even at the total, which may lag, or be that of the page alone.
        is_full = rows >= _ORDERS_PAGE or (rows >= self._largest if self._largest else _may_be_a_limit(rows))
        self._largest = max(self._largest, rows)
        self.read += rows
        self._page += 1
        self.ended = not rows or (self.read == self.total and not is_full)


class _Rows(AsyncIterator[T], ABC, Generic[T]):
    """An async iterator over rows that are fetched by pages.

    Pages are fetched only within `__anext__`, so that a reader may stop at any row without cleaning up. Several tasks
    may share an iterator: each row goes to one of them.
    """

    _operation: ClassVar[str]

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._rows: Iterator[T] = iter(())
        self._collected: list[T] = []
        self._finished = False
        self._pages = 0
        self._lock: anyio.Lock | None = None

    @abstractmethod
    async def _fetch(self) -> Iterable[Iterable[T]]:
        """Fetch the next pages, possibly without rows; set `_finished` with the last of them."""

    def _count_pages(self, count: int) -> None:
        if self._pages >= _MAX_PAGES:
            raise self._broken(f"the list has no end after {_MAX_PAGES} pages")
        self._pages += count

    def _broken(self, reason: str) -> TransportError:
        return TransportError(reason, self._operation, host=self._transport.address)

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

    async def collect(self) -> list[T]:
        """Read all remaining rows into a list.

        After an error, a second call continues from there, and returns the rows of both.
        """
        async for row in self:
            # A page at a time.
            self._collected += [row, *self._rows]
        collected, self._collected = self._collected, []
        return collected

    @forgetful
    async def _refill(self, exhausted: Iterator[T]) -> None:
        if self._lock is None:
            # Not in the constructor, which may run outside an event loop.
            self._lock = anyio.Lock()
        async with self._lock:
            # Another task may have refilled it meanwhile.
            if self._rows is exhausted and not self._finished:
                self._rows = chain.from_iterable(await self._fetch())


class Report(_Rows[Delivery]):
    """The rows of one order's report, in the service's order: `async for delivery in report`.

    Made by `AsyncClient.get_report`; `await report.collect()` gives the rest as a list. (Source: the provider's
    `get-report` page: 1 to 1000 rows a page, pages from 1 on.) The first page is read alone. If it tells the order's
    total, the next ones are read several at once, otherwise one at a time until a short one. If a page fails after all
    repetitions, its error is raised when its rows are due. The next row is then read from that page again, so that no
    row is lost or doubled.

    If a report ends before its total, `TransportError` is raised after the last row. Asking for the next row then
    continues the reading.
    """

    _operation = "get-report"

    def __init__(self, transport: Transport, order_id: int, *, page_size: int = MAX_ROWS, read_ahead: int = 8) -> None:
        super().__init__(transport)
        self._order_id = order_id
        self._told = set[int]()
        self._read_ahead = read_ahead
        self._place = Cursor(page_size)
        self._first: list[str] = []
        self._last: list[str] = []
        self._order: OrderReport | None = None

    @property
    def order(self) -> OrderReport | None:
        """The order's state and counters on the first page; `None` before it was read."""
        return self._order

    def __repr__(self) -> str:
        return f"<Report of order {self._order_id}>"

    async def _fetch(self) -> list[ReportPage]:
        place = self._place
        size, due = place.size, place.due(self._read_ahead)
        self._count_pages(len(due))
        pages: list[ReportPage] = []
        fetched = await self._fetch_pages(due, size)
        for page in fetched:
            # Use the totals of all pages, also of those that are dropped below.
            place.hear(page.order.total)
        for page in fetched:
            self._order = self._order or page.order
            rows = 0 if self._is_repeated(page) else len(page)
            place.take(rows)
            if rows:
                pages.append(page)
                self._remember(page)
            if rows != size:
                # The following pages do not begin with the next row.
                break
        self._finished = place.ended
        if not pages and place.lacks_rows:
            error = self._broken(f"the report ends after {place.read} rows of {place.total}")
            # The total may be too large: take that of the next page.
            place.total = None
            raise error
        return pages

    def _is_repeated(self, page: ReportPage) -> bool:
        """Whether a page that may be beyond the end repeats the rows of the first or the last one."""
        count = len(page)
        return self._place.may_be_beyond(count) and page.numbers in (self._first[:count], self._last[-count:])

    def _remember(self, page: ReportPage) -> None:
        self._first = self._first or page.numbers
        self._last = [*self._last, *page.numbers][-MAX_ROWS:]

    async def _fetch_pages(self, due: range, size: int) -> list[ReportPage]:
        """Read pages, and give those before the first failure; raise the failure if there are none."""
        if len(due) == 1:
            return [await self._fetch_page(due[0], size)]
        results: dict[int, ReportPage | IletimerkeziError] = {}

        async def fetch(number: int) -> None:
            try:
                results[number] = await self._fetch_page(number, size)
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

    async def _fetch_page(self, number: int, size: int) -> ReportPage:
        # A first page may be larger than the server's limit for a request.
        return await self._transport.call(get_report(self._order_id, number, min(size, MAX_ROWS), self._told))


class _Listing(_Rows[T], Generic[T]):
    """A list that gives each row once, although it may change while it is read.

    Added rows move others to later pages, where they are read twice. Removed rows move others to earlier pages, where
    they are missed. So the rows are counted at the end. If some are missing, the list is read once more from its
    beginning; if some are still missing, an error is raised.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._given: set[Hashable] = set()
        self._is_second_reading = False
        self._lacking: TransportError | None = None
        self._begin()

    @abstractmethod
    def _start(self) -> Cursor:
        """Give the position of the first row."""

    @abstractmethod
    async def _ask(self) -> tuple[Sequence[T], int | None]:
        """Read the page at the present position; give its rows and the list's total."""

    @abstractmethod
    def _key(self, row: T) -> Hashable:
        """Give a value that identifies a row."""

    def _next_part(self) -> bool:
        """Go on to the next part of the list, if there is one."""
        return False

    def _begin(self) -> None:
        self._place = self._start()
        self._met: set[Hashable] = set()
        self._promised: int | None = None
        self._stale = 0

    async def _fetch(self) -> list[list[T]]:
        if self._lacking is not None:
            # The next request reads the list again.
            error, self._lacking = self._lacking, None
            raise error
        self._count_pages(1)
        rows, total = await self._ask()
        place, read_before, met_before = self._place, self._place.read, len(self._met)
        if not read_before:
            self._promised = total
        self._met.update(map(self._key, rows))
        self._stale = 0 if len(self._met) > met_before else self._stale + 1
        place.hear(total)
        place.take(len(rows))
        if place.ended or not rows or (self._stale and self._is_enough()):
            self._end()
        return [self._choose_new(rows)]

    def _is_enough(self) -> bool:
        """Whether a page without a new row is the end: a service may repeat pages for ever."""
        place = self._place
        return place.total is None or place.read > place.total or self._stale >= _MAX_STALE

    def _choose_new(self, rows: Sequence[T]) -> list[T]:
        new = {self._key(row): row for row in rows if self._key(row) not in self._given}
        self._given.update(new)
        return list(new.values())

    def _end(self) -> None:
        met, promised = len(self._met), self._promised
        if promised is None or met >= promised:
            self._is_second_reading = False
            self._finished = not self._next_part()
        elif self._is_second_reading:
            self._is_second_reading = False
            self._lacking = self._broken(f"the list ends after {met} rows of {promised}")
        else:
            self._is_second_reading = True
        self._begin()


class Orders(_Listing[OrderReport]):
    """The orders submitted in a range of days, each once: `async for order in orders`.

    Made by `AsyncClient.get_reports`. If the list ends before its count, `TransportError` is raised after the last
    order. Asking for the next one then reads the list again.
    """

    _operation = "get-reports"

    def __init__(self, transport: Transport, start: date, end: date) -> None:
        self._ranges = split_days(start, end)
        self._range = next(self._ranges)
        super().__init__(transport)

    def __repr__(self) -> str:
        return "<Orders in a range of days>"

    def _start(self) -> Cursor:
        return ServiceCursor()

    async def _ask(self) -> tuple[list[OrderReport], int | None]:
        return await self._transport.call(get_reports(*self._range, self._place.page))

    def _key(self, row: OrderReport) -> int:
        return row.id

    def _next_part(self) -> bool:
        following = next(self._ranges, None)
        self._range = following or self._range
        return following is not None


class Blacklist(_Listing[str]):
    """The blocked numbers, each once: `async for number in blacklist`.

    Made by `AsyncClient.get_blacklist`. If the list ends before its count, `TransportError` is raised after the last
    number. Asking for the next one then reads the list again.
    """

    _operation = "get-blacklist"

    def __init__(self, transport: Transport, window: Mapping[str, str] | None) -> None:
        self._window = window
        super().__init__(transport)

    def __repr__(self) -> str:
        return "<Blacklist>"

    def _start(self) -> Cursor:
        return Cursor(MAX_ROWS)

    async def _ask(self) -> tuple[list[str], int | None]:
        call = get_blacklist(self._place.page, min(self._place.size, MAX_ROWS), self._window)
        numbers, count = await self._transport.call(call)
        # The count is that of the whole list, even if only a part was asked for.
        return numbers, count if self._window is None else None

    def _key(self, row: str) -> str:
        return row


def split_days(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Split days into ranges that the service accepts.

    The documentation does not say whether its 10 days include both ends: these ranges fit either way.
    """
    while (end - start).days >= REPORTS_DAYS:
        yield start, start + timedelta(days=REPORTS_DAYS - 1)
        start += timedelta(days=REPORTS_DAYS)
    yield start, end
