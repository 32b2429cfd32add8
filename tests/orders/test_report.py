"""Reports: every row once, in order, however many pages, whatever happens on the way."""

from __future__ import annotations

import gc
from datetime import date, datetime, timedelta, timezone

import anyio
import anyio.lowlevel
import httpx
import pytest
from canned import Canned, ok, refusal
from waiting import give_up_once

from iletimerkezi_async import (
    AsyncClient,
    DateRangeError,
    Delivery,
    MessageStatus,
    OrderNotDueError,
    OrderNotFoundError,
    OrderStatus,
    Report,
    Retry,
    TransportError,
)
from iletimerkezi_async.orders.paging import split_days
from iletimerkezi_async.sandbox import Sandbox, Style

pytestmark = pytest.mark.anyio


class Pages:
    """A report of `rows` rows, with or without its total; notes the pages asked for."""

    def __init__(self, rows: int, *, total: object = True, page_limit: int = 1000) -> None:
        self.rows = rows
        self.total = rows if total is True else total
        self.page_limit = page_limit
        self.asked: list[int] = []
        self.under_way = self.most_under_way = 0
        self.failing: dict[int, list[httpx.Response]] = {}
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        self.client = AsyncClient("demo", "demo", http_client=http, retry=Retry(attempts=3, wait_initial=0))

    @staticmethod
    def number(index: int) -> str:
        return f"+9053{index:08}"

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        import json

        order = json.loads(request.content)["request"]["order"]
        page, count = order["page"], order["rowCount"]
        self.asked.append(page)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await anyio.lowlevel.checkpoint()
        self.under_way -= 1
        if self.failing.get(page):
            return self.failing[page].pop(0)
        first = (page - 1) * count
        rows = [{"number": self.number(i), "status": 111} for i in range(first, min(first + count, self.rows))]
        fields = {} if self.total is False else {"total": self.total}
        return httpx.Response(200, json=ok(order={"id": 1, "status": 114, "message": rows, **fields}))

    def expected(self) -> list[str]:
        return [self.number(index) for index in range(self.rows)]


SIZES = [0, 1, 999, 1000, 1001, 2000, 7300]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("rows", SIZES)
async def test_every_row_once_and_in_order(rows: int, total: bool) -> None:
    """With and without the total, at the edges of pages; a full page that reaches the total has one more look."""
    pages = Pages(rows, total=total)
    assert [delivery.number async for delivery in pages.client.get_report(1)] == pages.expected()
    assert len(pages.asked) == rows // 1000 + 1
    assert len(set(pages.asked)) == len(pages.asked)


STYLES = [
    Style(),
    Style(late_fields=False),
    Style(scalars="str", numbers="integer", single="value", empty="null"),
]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("rows", [1, 1000, 1001, 7300])
async def test_reports_of_the_sandbox(rows: int, style: Style) -> None:
    """Over the whole way, in the wire's different dresses."""
    sandbox = Sandbox(style=style)
    numbers = [Pages.number(index) for index in range(rows)]
    async with sandbox.client(sender="FIRMA", iys="OFF") as client:
        order = await client.send_sms("Kampanya", numbers)
        sandbox.advance(minutes=1)
        report = client.get_report(order.id)
        assert [row async for row in report] == [(number, MessageStatus.DELIVERED) for number in numbers]
        assert report.order is not None
        assert report.order.status is OrderStatus.COMPLETED


@pytest.mark.parametrize(("page_size", "read_ahead"), [(1, 1), (7, 3), (100, 8), (1000, 100)])
async def test_pages_and_read_ahead_of_any_size(page_size: int, read_ahead: int) -> None:
    """Never more requests at once than asked for."""
    pages = Pages(250)
    report = pages.client.get_report(1, page_size=page_size, read_ahead=read_ahead)
    assert [row.number async for row in report] == pages.expected()
    assert pages.most_under_way <= read_ahead


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("total", [1, 999, 1000, 1500, 2000, "0", -1, None])
async def test_a_total_that_lags_loses_no_row(total: object) -> None:
    """It is a hint; the rows decide where the end is."""
    pages = Pages(2300, total=total)
    assert [row.number async for row in pages.client.get_report(1)] == pages.expected()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("rows", [0, 1, 1000, 2300])
@pytest.mark.parametrize("total", [2301, 10**9])
async def test_rows_that_are_lacking_are_no_silent_loss(rows: int, total: int) -> None:
    """All that are there come; then an error tells how many there should be, and the next step looks again."""
    pages = Pages(rows, total=total)
    report = pages.client.get_report(1)
    came: list[str] = []
    with pytest.raises(TransportError, match=rf"the report ends after {rows} rows of {total} \(.+\): try again later"):
        async for row in report:
            came.append(row.number)  # noqa: PERF401 - they are to be there after the error
    assert came == pages.expected()
    assert len(pages.asked) < 50
    pages.rows = pages.total = 2301
    assert came + [row.number async for row in report] == pages.expected()


async def test_collect_gives_a_list() -> None:
    """Of what was not read yet; after an error the same call goes on, and no row is missing."""
    pages = Pages(2300)
    report = pages.client.get_report(1)
    assert (await anext(report)).number == pages.number(0)
    assert [row.number for row in await report.collect()] == pages.expected()[1:]
    assert await report.collect() == []
    pages = Pages(2300, total=2301)
    report = pages.client.get_report(1)
    with pytest.raises(TransportError):
        await report.collect()
    pages.rows = 2301
    assert [row.number for row in await report.collect()] == pages.expected()


async def test_leaving_early_asks_for_nothing_more() -> None:
    """No further page, no task, nothing to clean up."""
    pages = Pages(100_000)
    async for delivery in pages.client.get_report(1):
        assert delivery.number == Pages.number(0)
        break
    gc.collect()
    await anyio.sleep(0.01)
    assert pages.asked == [1]


async def test_rows_stream() -> None:
    """Of a hundred thousand rows, only what was read ahead is in memory."""
    pages = Pages(100_000)
    seen = 0
    most_alive = 0
    async for _ in pages.client.get_report(1):
        if seen % 30_000 == 5000:
            most_alive = max(most_alive, sum(isinstance(each, Delivery) for each in gc.get_objects()))
        seen += 1
    assert seen == 100_000
    assert most_alive <= 10_000


async def test_two_iterations_at_once_do_not_meet() -> None:
    """Each report has its own place."""
    pages = Pages(3500)
    one, two = pages.client.get_report(1), pages.client.get_report(1)
    rows: list[list[str]] = [[], []]
    for _ in range(3500):
        rows[0].append((await anext(one)).number)
        rows[1].append((await anext(two)).number)
    assert rows == [pages.expected(), pages.expected()]


async def test_tasks_may_share_one_report() -> None:
    """Each row goes to one of them."""
    pages = Pages(7300)
    report = pages.client.get_report(1)
    rows: list[str] = []

    async def work() -> None:
        async for delivery in report:
            rows.append(delivery.number)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(work)
    assert sorted(rows) == pages.expected()
    assert sorted(pages.asked) == list(range(1, 9))


@pytest.mark.parametrize("total", [True, False])
async def test_faults_on_the_way_lose_and_double_nothing(total: bool) -> None:
    """Every page fails twice before it comes."""
    pages = Pages(7300, total=total)
    pages.failing = {page: [httpx.Response(502), httpx.Response(503, json=refusal(503))] for page in range(1, 10)}
    assert [row.number async for row in pages.client.get_report(1)] == pages.expected()


async def test_after_an_error_the_iteration_goes_on_where_it_was() -> None:
    """A page that cannot be had raises when its rows are due, and is tried again by the next step."""
    pages = Pages(7300)
    pages.failing = {4: [httpx.Response(502) for _ in range(6)]}
    report = pages.client.get_report(1)
    rows: list[str] = []
    errors = 0
    while True:
        try:
            rows.append((await anext(report)).number)
        except StopAsyncIteration:
            break
        except TransportError:
            errors += 1
            assert len(rows) == 3000
    assert rows == pages.expected()
    assert errors == 1


async def test_a_cancelled_step_loses_nothing(sandbox: Sandbox, client: AsyncClient) -> None:
    """The same report goes on after a step was given up."""
    order = await client.send_sms("Kampanya", [Pages.number(index) for index in range(2500)])
    report = client.get_report(order.id)
    rows = [(await anext(report)).number for _ in range(1000)]
    sandbox.fail("get-report", "stall", times=2)
    asked = sandbox.request_counts["get-report"]
    assert await give_up_once(lambda: sandbox.request_counts["get-report"] > asked, lambda: anext(report))
    rows += [row.number async for row in report]
    assert rows == [Pages.number(index) for index in range(2500)]


@pytest.mark.parametrize("options", [{"page_size": 0}, {"page_size": 1001}, {"read_ahead": 0}])
async def test_impossible_pages_are_refused(options: dict[str, int]) -> None:
    """Before any request."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Pages(1).client.get_report(1, **options)


async def test_an_unknown_order(client: AsyncClient) -> None:
    """The first row raises; making the report does not."""
    report = client.get_report(5)
    with pytest.raises(OrderNotFoundError):
        await anext(report)
    with pytest.raises(OrderNotFoundError):
        await client.get_order(5)


async def test_an_order_that_is_not_due(sandbox: Sandbox, client: AsyncClient) -> None:
    """456 until its time has come."""
    order = await client.send_sms("Yarin", "5301234567", send_at=datetime.now(timezone.utc) + timedelta(hours=1))
    with pytest.raises(OrderNotDueError):
        await client.get_order(order.id)
    sandbox.advance(hours=2)
    assert (await client.get_order(order.id)).status is OrderStatus.COMPLETED


def test_a_report_shows_its_order_alone() -> None:
    """In a log, without rows."""
    report = Pages(1).client.get_report(428)
    assert isinstance(report, Report)
    assert repr(report) == "<Report of order 428>"


# get-reports


@pytest.mark.parametrize("orders", [0, 1, 29, 30, 31, 60, 95])
async def test_all_orders_of_a_day(sandbox: Sandbox, client: AsyncClient, orders: int) -> None:
    """Thirty a page, each once."""
    ids = {(await client.send_sms(f"Metin {index}", "5301234567")).id for index in range(orders)}
    today = datetime.now(timezone.utc)
    found = [order.id async for order in client.get_reports(today - timedelta(days=1), today + timedelta(days=1))]
    assert len(found) == orders
    assert set(found) == ids


async def test_ranges_longer_than_ten_days_are_split() -> None:
    """Without a gap and without an overlap; an order that both sides of a seam tell appears once."""
    seam = {"id": 7, "status": 114}
    canned = Canned(ok(count=1, orders=seam))
    found = [order.id async for order in canned.client.get_reports(date(2026, 4, 1), date(2026, 4, 25))]
    assert found == [7]
    assert [body["filter"] for body in canned.bodies] == [
        {"start": "2026-04-01", "end": "2026-04-10", "page": 1},
        {"start": "2026-04-11", "end": "2026-04-20", "page": 1},
        {"start": "2026-04-21", "end": "2026-04-25", "page": 1},
    ]


@pytest.mark.parametrize("days", [0, 1, 9, 10, 11, 19, 20, 21, 365])
def test_split_days_has_every_day_once(days: int) -> None:
    """Each range fits into what the service takes."""
    start = date(2026, 1, 30)
    ranges = list(split_days(start, start + timedelta(days=days)))
    every = [first + timedelta(days=n) for first, last in ranges for n in range((last - first).days + 1)]
    assert every == [start + timedelta(days=n) for n in range(days + 1)]
    assert all((last - first).days < 10 for first, last in ranges)
    assert list(split_days(date.max - timedelta(days=11), date.max))[-1][1] == date.max


async def test_orders_that_arrive_meanwhile_hide_none() -> None:
    """New orders push the old ones on to later pages; a page of old acquaintances is not the end."""

    def page(*ids: int, count: int) -> dict[str, object]:
        return ok(count=count, orders=[{"id": id, "status": 114} for id in ids])

    canned = Canned(page(4, 3, count=4), page(4, 3, count=6), page(2, 1, count=6))
    day = date(2026, 4, 1)
    assert [order.id async for order in canned.client.get_reports(day, day)] == [4, 3, 2, 1]


@pytest.mark.parametrize("count", [None, "", 2])
async def test_a_service_that_repeats_itself_comes_to_an_end(count: object) -> None:
    """Without a count, or with the right one."""
    canned = Canned(ok(count=count, orders=[{"id": 1, "status": 114}, {"id": 2, "status": 114}]))
    day = date(2026, 4, 1)
    assert [order.id async for order in canned.client.get_reports(day, day)] == [1, 2]


async def test_orders_without_an_end_come_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that invents full pages for ever is not followed for ever."""
    monkeypatch.setattr("iletimerkezi_async.orders.paging._MAX_PAGES", 5)
    pages = [ok(orders=[{"id": 100 * page + each, "status": 114} for each in range(30)]) for page in range(1, 10)]
    canned = Canned(*pages)
    with pytest.raises(TransportError, match="no end after 5 pages"):
        assert [order async for order in canned.client.get_reports(date(2026, 4, 1), date(2026, 4, 1))]
    assert len(canned.requests) == 5


async def test_orders_that_are_lacking_are_no_silent_loss() -> None:
    """Those that are there come; the list is read twice, then an error tells how many there should be."""
    canned = Canned(ok(count=10**9, orders={"id": 1, "status": 114}))
    orders = canned.client.get_reports(date(2026, 4, 1), date(2026, 4, 1))
    assert (await anext(orders)).id == 1
    with pytest.raises(TransportError, match="the list ends after 1 rows of 1000000000"):
        await anext(orders)
    assert len(canned.requests) < 50
    canned.answers = [ok(count=2, orders=[{"id": 1, "status": 114}, {"id": 2, "status": 114}])]
    assert [order.id for order in await orders.collect()] == [2]


async def test_an_order_that_slipped_to_an_earlier_page_is_read_after_all() -> None:
    """One was removed between two pages, so that all behind it moved up: the list is read a second time."""

    def page(*ids: int, count: int) -> dict[str, object]:
        return ok(count=count, orders=[{"id": id, "status": 114} for id in ids])

    canned = Canned(
        page(9, 8, 7, count=6), page(5, 4, count=5), page(count=5), page(8, 7, 6, count=5), page(5, 4, count=5)
    )
    day = date(2026, 4, 1)
    assert [order.id async for order in canned.client.get_reports(day, day)] == [9, 8, 7, 5, 4, 6]
    assert len(canned.requests) == 5


def test_a_range_that_ends_before_it_starts_is_refused(client_without_server: AsyncClient) -> None:
    """By the class of the service's own refusal, without asking it."""
    with pytest.raises(DateRangeError) as caught:
        client_without_server.get_reports(date(2026, 4, 2), date(2026, 4, 1))
    assert (caught.value.code, caught.value.http_status) == (458, None)


def test_a_naive_datetime_is_not_guessed_at(client_without_server: AsyncClient) -> None:
    """Which day it is depends on where."""
    with pytest.raises(ValueError, match="time zone"):
        client_without_server.get_reports(datetime(2026, 4, 2, 1), date(2026, 4, 3))  # noqa: DTZ001 - the point


async def test_the_turkish_day_of_an_aware_time_counts() -> None:
    """Ten in the evening in London is tomorrow in Istanbul."""
    canned = Canned(ok(count=0, orders=[]))
    late = datetime(2026, 4, 1, 22, tzinfo=timezone.utc)
    assert [order async for order in canned.client.get_reports(late, late)] == []
    assert canned.bodies[0]["filter"] == {"start": "2026-04-02", "end": "2026-04-02", "page": 1}


@pytest.fixture
def client_without_server() -> AsyncClient:
    return Canned(ok()).client
