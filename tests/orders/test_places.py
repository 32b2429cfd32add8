"""Lists in pages, from servers of every temper: each row exactly once, or an error."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from typing import TypeVar

import anyio
import httpx
import pytest
from canned import ok
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import AsyncClient, Delivery, OrderReport, Retry, TransportError
from iletimerkezi_async.orders.paging import Cursor, ServiceCursor

T = TypeVar("T")
DAY = date(2026, 4, 1)
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def connect(handle: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> AsyncClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return AsyncClient("demo", "demo", http_client=http, retry=Retry(attempts=1))


async def read_out(rows: AsyncIterator[T], into: list[T]) -> bool:
    """Put all rows into a list, where an error leaves them; whether they came to their end."""
    while True:
        try:
            into.append(await anext(rows))
        except StopAsyncIteration:
            return True
        except TransportError:
            return False


# Reports.


class ReportServer:
    """A report whose server cuts pages short, tells totals that are wrong, and grows while it is read.

    Attributes:
        rows: How many rows there are at each request; the last one from then on.
        totals: What each answer tells as the total.
        limit: How many rows a page has at the most, however many were asked for.
        counts_given: Whether a page's beginning is counted in rows given, and not in rows asked for.
        cuts: By how many rows each page is shorter still; one row stays.
    """

    def __init__(
        self, rows: list[int], totals: list[int | None], *, limit: int, counts_given: bool, cuts: list[int]
    ) -> None:
        self.rows, self.totals, self.limit, self.counts_given, self.cuts = rows, totals, limit, counts_given, cuts
        self.requests = 0
        self.client = connect(self._handle)

    @property
    def visible(self) -> int:
        return self.rows[min(self.requests, len(self.rows)) - 1]

    @property
    def largest_total(self) -> int | None:
        return max((total for total in self.totals[: self.requests] if total is not None), default=None)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        order = json.loads(request.content)["request"]["order"]
        self.requests += 1
        size = min(order["rowCount"], self.limit)
        first = (order["page"] - 1) * (size if self.counts_given else order["rowCount"])
        cut = self.cuts.pop() if self.cuts else 0
        last = min(first + max(1, size - cut), self.visible)
        rows = [{"number": f"+9053{index:08}", "status": 111} for index in range(first, last)]
        told = self.totals[min(self.requests, len(self.totals)) - 1]
        fields = {} if told is None else {"total": told}
        return httpx.Response(200, json=ok(order={"id": 1, "status": 113, "message": rows, **fields}))

    def read(self, page_size: int, read_ahead: int = 3, backend: str = "asyncio") -> tuple[int, bool]:
        """How many rows came, and whether the report came to its end; each row must be the next one."""
        rows: list[Delivery] = []

        async def main() -> bool:
            return await read_out(self.client.get_report(1, page_size=page_size, read_ahead=read_ahead), rows)

        ended = anyio.run(main, backend=backend)
        assert [row.number for row in rows] == [f"+9053{index:08}" for index in range(len(rows))]
        return len(rows), ended


LIMITS = st.integers(1, 12) | st.just(1000)
CUTS = st.lists(st.integers(0, 10), max_size=12)


@given(st.integers(0, 60), st.integers(1, 30), st.integers(1, 9), LIMITS, st.booleans(), CUTS)
def test_with_a_right_total_every_row_comes(
    rows: int, page_size: int, read_ahead: int, limit: int, counts_given: bool, cuts: list[int]
) -> None:
    """Once and in order, without an error, however the server cuts its pages."""
    server = ReportServer([rows], [rows], limit=limit, counts_given=counts_given, cuts=cuts)
    assert server.read(page_size, read_ahead) == (rows, True)
    assert server.requests <= 9 * (rows + len(cuts) + 2)


@given(
    st.lists(st.integers(0, 15), min_size=1, max_size=6),
    st.lists(st.integers(0, 60) | st.none(), min_size=1, max_size=6),
    st.integers(1, 30),
    st.integers(1, 9),
    LIMITS,
    st.booleans(),
    CUTS,
)
def test_with_any_total_a_row_is_lost_only_with_an_error(
    growth: list[int], totals: list[int | None], page_size: int, read_ahead: int, limit: int, counts_given: bool,
    cuts: list[int],
) -> None:  # fmt: skip
    """It lags, promises too much, comes and goes, and rows are added meanwhile: every row comes once, in order.

    Two ends cannot be told from the right one: a page that is short without need and reaches the very total told, and
    a short page where no total was told.
    """
    rows = [sum(growth[: count + 1]) for count in range(len(growth))]
    server = ReportServer(rows, totals, limit=limit, counts_given=counts_given, cuts=cuts)
    count, ended = server.read(page_size, read_ahead)
    assert count <= rows[-1]
    if ended:
        assert count == server.visible or server.largest_total in {None, count}
        assert count >= (server.largest_total or 0)


@given(st.integers(0, 200), st.integers(1, 30))
def test_without_a_total_a_short_page_is_the_end(rows: int, page_size: int) -> None:
    """As documented; every row comes, and the last page is not asked for twice."""
    server = ReportServer([rows], [None], limit=1000, counts_given=False, cuts=[])
    assert server.read(page_size) == (rows, True)
    look_again = 0 < rows < page_size and rows % 5 == 0
    assert server.requests == rows // page_size + 1 + look_again


@pytest.mark.parametrize("limit", [5, 10, 25, 30, 50, 100, 250, 500])
@pytest.mark.parametrize("counts_given", [True, False])
@BACKENDS
def test_without_a_total_a_server_s_own_limit_is_noticed(limit: int, counts_given: bool, backend: str) -> None:
    """Limits are round numbers: where the first page has a round number of rows there is a second look."""
    server = ReportServer([1003], [None], limit=limit, counts_given=counts_given, cuts=[])
    assert server.read(1000, backend=backend) == (1003, True)


@BACKENDS
def test_a_limit_costs_no_request_too_many(backend: str) -> None:
    """The first page shows it; the others are asked for in that size, several at once."""
    server = ReportServer([2350], [2350], limit=100, counts_given=True, cuts=[])
    assert server.read(1000, backend=backend) == (2350, True)
    assert server.requests == 24


@pytest.mark.parametrize("shown", ["first", "last"])
@pytest.mark.parametrize("total", [2000, 1999, 1, 2300])
@BACKENDS
def test_a_server_that_answers_beyond_the_end(shown: str, total: int, backend: str) -> None:
    """With its first or last page again: no row is doubled, and one that is lacking is told."""

    async def handle(request: httpx.Request) -> httpx.Response:
        order = json.loads(request.content)["request"]["order"]
        pages = -(-2000 // order["rowCount"])
        page = order["page"] if order["page"] <= pages else (1 if shown == "first" else pages)
        indexes = range((page - 1) * order["rowCount"], min(page * order["rowCount"], 2000))
        rows = [{"number": f"+9053{index:08}", "status": 111} for index in indexes]
        return httpx.Response(200, json=ok(order={"id": 1, "status": 114, "total": total, "message": rows}))

    async def main() -> None:
        rows: list[Delivery] = []
        assert await read_out(connect(handle).get_report(1), rows) == (total <= 2000)
        assert [row.number for row in rows] == [f"+9053{index:08}" for index in range(2000)]

    anyio.run(main, backend=backend)


@given(st.integers(1, 1000), st.lists(st.integers(1, 1000), max_size=8))
def test_each_page_begins_with_the_next_row(size: int, pages: list[int]) -> None:
    """And is never larger than the first one was."""
    place = Cursor(size)
    place.hear(10**9)
    for rows in pages:
        assert (place.page - 1) * place.size == place.read
        assert 1 <= place.size <= (min(size, pages[0]) if place.read else size)
        place.take(min(rows, place.size))


@pytest.mark.parametrize(("rows", "total", "ended"), [
    (31, 31, False), (30, 30, False), (29, 29, True), (29, 30, False), (20, 20, False), (0, 9, True),
])  # fmt: skip
def test_a_first_page_that_may_be_full_is_not_the_last(rows: int, total: int, ended: bool) -> None:
    """Though it has as many orders as the service counts, which may be those of the page alone."""
    place = ServiceCursor()
    place.hear(total)
    place.take(rows)
    assert place.ended is ended


# Orders and blocked numbers: the list changes while it is read.


class OrdersServer:
    """Orders, the newest first or last, some of which come and go between two requests.

    Attributes:
        steps: Before each request but the first: how many orders arrive, and which place's order goes away.
        count: Whether answers tell the number of orders.
    """

    def __init__(
        self, orders: int, size: int, steps: list[tuple[int, int | None]], *, newest_first: bool, count: bool
    ) -> None:
        self.orders = list(range(1, orders + 1))
        self.size, self.steps, self.newest_first, self.count = size, steps, newest_first, count
        self.requests = 0
        self.stayed = set(self.orders)
        self.next_id = orders + 1
        self.client = connect(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if self.requests and self.steps:
            self._change(*self.steps.pop())
        self.requests += 1
        page = json.loads(request.content)["request"]["filter"]["page"]
        listed = self.orders[::-1] if self.newest_first else self.orders
        orders = [{"id": id, "status": 113} for id in listed[(page - 1) * self.size : page * self.size]]
        return httpx.Response(200, json=ok(orders=orders, **({"count": len(self.orders)} if self.count else {})))

    def _change(self, arrivals: int, gone: int | None) -> None:
        if gone is not None and gone < len(self.orders):
            self.stayed.discard(self.orders.pop(gone))
        self.orders += range(self.next_id, self.next_id + arrivals)
        self.next_id += arrivals

    def read(self) -> tuple[list[int], bool]:
        """The ids that came, and whether the list came to its end."""
        orders: list[OrderReport] = []

        async def main() -> bool:
            return await read_out(self.client.get_reports(DAY, DAY), orders)

        ended = anyio.run(main)
        return [order.id for order in orders], ended


@given(
    st.integers(0, 60),
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60) | st.none()), max_size=8),
)
def test_orders_that_come_and_go_hide_none(orders: int, size: int, steps: list[tuple[int, int | None]]) -> None:
    """Newest first: every order that was there all the time comes once, or there is an error."""
    server = OrdersServer(orders, size, steps, newest_first=True, count=True)
    ids, ended = server.read()
    assert len(ids) == len(set(ids))
    if ended:
        assert server.stayed <= set(ids)


@given(st.integers(0, 60), st.integers(1, 40), st.lists(st.integers(0, 5), max_size=8), st.booleans(), st.booleans())
def test_orders_that_arrive_hide_none(
    orders: int, size: int, arrivals: list[int], newest_first: bool, count: bool
) -> None:
    """Newest first or last, with the count or without: every order comes once, and there is no error."""
    steps = [(min(number, size - 1), None) for number in arrivals]
    server = OrdersServer(orders, size, steps, newest_first=newest_first, count=count)
    ids, ended = server.read()
    assert ended
    assert len(ids) == len(set(ids))
    assert server.stayed <= set(ids)


class BlacklistServer:
    """Blocked numbers, of which a page has no more than a limit, while numbers are blocked and unblocked."""

    def __init__(self, numbers: int, limit: int, steps: list[tuple[int, int | None]], *, counts_given: bool) -> None:
        self.numbers = list(range(numbers))
        self.limit, self.steps, self.counts_given = limit, steps, counts_given
        self.requests = 0
        self.stayed = set(self.numbers)
        self.client = connect(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if self.requests and self.steps:
            arrivals, gone = self.steps.pop()
            if gone is not None and gone < len(self.numbers):
                self.stayed.discard(self.numbers.pop(gone))
            self.numbers[:0] = range(1000 + 10 * self.requests, 1000 + 10 * self.requests + arrivals)
        self.requests += 1
        asked = json.loads(request.content)["request"]["blacklist"]
        size = min(asked["rowCount"], self.limit)
        first = (asked["page"] - 1) * (size if self.counts_given else asked["rowCount"])
        numbers = [f"+9053{number:08}" for number in self.numbers[first : first + size]]
        return httpx.Response(200, json=ok(blacklist={"count": len(self.numbers), "number": numbers}))


@given(
    st.integers(0, 60),
    LIMITS,
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60) | st.none()), max_size=8),
    st.booleans(),
)
def test_numbers_that_are_blocked_and_unblocked_hide_none(
    count: int, limit: int, steps: list[tuple[int, int | None]], counts_given: bool
) -> None:
    """Every number that was blocked all the time comes once, or there is an error; also where pages have a limit."""
    server = BlacklistServer(count, limit, steps, counts_given=counts_given)
    numbers: list[str] = []
    quiet = not steps

    async def main() -> bool:
        return await read_out(server.client.get_blacklist(), numbers)

    if anyio.run(main):
        assert {f"+9053{number:08}" for number in server.stayed} <= set(numbers)
    assert len(numbers) == len(set(numbers))
    if quiet:
        assert numbers == [f"+9053{number:08}" for number in range(count)]
