"""Looking for a lost order in lists and reports of every temper: which requests are made, and what they come to."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest
from attrs import define, field
from canned import QUICK, ok, refusal

from iletimerkezi_async import (
    AsyncClient,
    Iys,
    OrderAcceptedError,
    OrderReport,
    OrderStatus,
    OutcomeUnknownError,
    RecipientError,
    Retry,
    StoreError,
)
from iletimerkezi_async.clocks import Days, Moment, Span
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.orders import search
from iletimerkezi_async.orders.lookup import Budget
from iletimerkezi_async.orders.rules import Evidence, OpenOrder
from iletimerkezi_async.orders.search import Judge, hear_clock
from iletimerkezi_async.stores import SqliteStore
from iletimerkezi_async.wire.draft import Draft

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 5, 1, 12, 0, 30, tzinfo=TURKISH_TIME)
DATE = {"Date": "Fri, 01 May 2026 09:00:30 GMT"}
NUMBER, STRANGER = "+905301234567", "+905309999999"
DAYS = Days(date(2026, 4, 30), date(2026, 5, 2))
#: Orders on a page of the list.
LISTED = 30


def listed(id: int, minutes: float = 0, **told: object) -> dict[str, object]:
    """An order as the list has it, submitted so many minutes ago."""
    at = (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")
    return {"id": id, "status": 113, "total": 1, "sender": "FIRMA", "submitAt": at, **told}


@define
class Service:
    """A fake service: it takes the first order, loses its answer, and refuses the repetition as a duplicate.

    Attributes:
        orders: The list, in its sequence.
        numbers: The numbers of an order's report, by id; other orders have a stranger's number.
        refusal: The code of the refusal.
        rows: The limit of rows on a page of a report.
        broken_page: The page of a report that is refused.
        lag: How many times a report is asked for before it has rows.
        headers: Of every answer.
        last_day: The last day of the list that is not refused as one to come.
        beyond: What pages behind the last one have.
        shown: How many orders the list says that it has; below 0 it does not say.
        page: How many orders a page of the list has.
        asked: What was asked, in words.
        sizes: How many rows of a report were asked for.
        after_loss: Called when the first order has been taken, and its answer is about to be lost.
    """

    orders: list[dict[str, object]]
    numbers: dict[int, list[str]] = field(factory=dict)
    refusal: int = 451
    rows: int = 1000
    broken_page: int = 0
    lag: int = 0
    headers: dict[str, str] = DATE
    last_day: str = "2999"
    beyond: list[dict[str, object]] = field(factory=list)
    shown: int | None = None
    page: int = LISTED
    asked: list[str] = field(factory=list)
    sizes: set[int] = field(factory=set)
    sent: int = 0
    after_loss: Callable[[], None] = lambda: None

    def client(self, **options: Any) -> AsyncClient:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.handle))
        settings = {"sender": "FIRMA", "iys": Iys.OFF, "retry": QUICK, "rate": None, **options}
        return AsyncClient("demo", "demo", http_client=http, **settings)

    async def send(self, to: list[str] | str = NUMBER, **options: Any) -> int:
        """Send an order, and lose it; its id."""
        async with self.client(**options) as client:
            order = await client.send_sms("Kodunuz 1234", to)
        assert order.id is not None
        return order.id

    def handle(self, request: httpx.Request) -> httpx.Response:
        operation, body = request.url.path.split("/")[-2], json.loads(request.content)["request"]
        answer = {"send-sms": self._send, "get-reports": self._list, "get-report": self._report}.get(operation)
        return httpx.Response(200, json=answer(body) if answer else refusal(400), headers=self.headers)

    def _send(self, body: dict[str, Any]) -> dict[str, object]:
        self.sent += 1
        if self.sent == 1:
            self.after_loss()
            raise httpx.ReadError("lost")
        return refusal(self.refusal)

    def _list(self, body: dict[str, Any]) -> dict[str, object]:
        where = body["filter"]
        self.asked.append(f"list {where['page']}")
        if where["end"] > self.last_day:
            return refusal(458)
        begin = (where["page"] - 1) * self.page
        count = len(self.orders) if self.shown is None else self.shown
        told = {} if count < 0 else {"count": count}
        return ok(**told, orders=self.orders[begin : begin + self.page] or self.beyond)

    def _report(self, body: dict[str, Any]) -> dict[str, object]:
        id, page, size = (body["order"][name] for name in ("id", "page", "rowCount"))
        self.asked.append(f"report {id}, page {page}")
        self.sizes.add(size)
        if page == self.broken_page:
            return refusal(400)
        numbers = self.numbers.get(id, [STRANGER])
        size = min(size, self.rows)
        if len([each for each in self.asked if each.startswith("report")]) <= self.lag:
            numbers = []
        rows = [{"number": number, "status": 110} for number in numbers[(page - 1) * size : page * size]]
        return ok(order={"id": id, "status": 113, "total": len(numbers), "message": rows})


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("count", [1, 30, 31, 95])
async def test_a_list_is_read_from_its_newest_end(oldest_first: bool, count: int) -> None:
    """Which end that is, its first page shows: where it begins with the oldest, the last page is the next one."""
    orders = [listed(1000 + count - index, minutes=10 * index) for index in range(count)]
    service = Service(orders[::-1] if oldest_first else orders, {1000 + count: [NUMBER]})
    assert await service.send() == 1000 + count
    pages = [asked for asked in service.asked if asked.startswith("list")]
    last = -(-count // LISTED)
    assert pages == (["list 1", f"list {last}"] if oldest_first and last > 1 else ["list 1"])


async def test_behind_newer_orders_a_lost_one_is_found_and_none_behind_it_is_looked_at() -> None:
    """Others go on sending: page after page, until the orders are older than the attempt."""
    orders = [listed(2000 - index, minutes=-5) for index in range(70)]
    orders += [listed(100, minutes=0), *[listed(99 - index, minutes=60) for index in range(90)]]
    service = Service(orders, {100: [NUMBER]})
    assert await service.send() == 100
    pages = [asked for asked in service.asked if asked.startswith("list")]
    assert pages == ["list 1", "list 2", "list 3"]


async def pages_of(rank: int, orders: list[dict[str, object]], *, count: bool = True) -> list[int]:
    """The pages, of two orders each, that are read if so many orders came after the lost one, which no page has."""
    service = Service(orders, shown=None if count else -1, page=2)
    async with service.client(retry=Retry(attempts=2, wait_initial=0.001)) as client:

        def note_own() -> None:
            for id in range(9000, 9000 + rank):
                client._session.lookups.known.note(id, 0, Moment(NOW.timestamp()))

        service.after_loss = note_own
        with pytest.raises(OrderAcceptedError):
            await client.send_sms("Kodunuz 1234", NUMBER)
    pages = [int(asked.removeprefix("list ")) for asked in service.asked if asked.startswith("list")]
    return pages[: len(pages) // 2]


async def test_a_look_up_begins_where_the_order_most_likely_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The likeliest page is read first, then those around it, as long as they may have the order."""
    monkeypatch.setattr(search, "LISTED", 2)
    near = [listed(1000 - index) for index in range(10)]
    assert await pages_of(0, near[:6]) == [1, 2, 3, 4]
    assert await pages_of(4, near) == [3, 2, 4, 1, 5, 6]
    assert await pages_of(4, near[:4]) == [3, 2, 1]
    old = [listed(500 - index, minutes=9) for index in range(4)]
    assert await pages_of(2, near[:3] + old) == [2, 1]
    assert await pages_of(2, near[:4] + old) == [2, 1, 3]


async def test_a_list_that_begins_with_the_oldest_is_read_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a page's orders are oldest first, and the first page gives the count, reading begins at the list's end."""
    monkeypatch.setattr(search, "LISTED", 2)
    orders = [listed(1000 + index, minutes=(10 - index) / 60) for index in range(10)]
    assert await pages_of(0, orders) == [1, 5, 4, 3, 2]
    assert await pages_of(2, orders) == [2, 1, 4, 5, 3]
    assert await pages_of(0, orders[:4], count=False) == [1, 2, 3]


async def test_an_order_before_a_short_last_page_is_found() -> None:
    """The last page of a list that begins with the oldest order is the likeliest, and does not tell the pages' size."""
    orders = [listed(100), *[listed(1000 + index) for index in range(35)]]
    service = Service(orders, {100: [NUMBER]})
    async with service.client(retry=Retry(attempts=2, wait_initial=0.001)) as client:

        def note_own() -> None:
            for order in orders[1:]:
                client._session.lookups.known.note(int(str(order["id"])), 0, Moment(NOW.timestamp()))

        service.after_loss = note_own
        assert (await client.send_sms("Kodunuz 1234", NUMBER)).id == 100
    assert [asked for asked in service.asked if asked.startswith("list")] == ["list 2", "list 1"]


async def test_a_day_to_come_that_the_list_refuses_is_left_out() -> None:
    """The days around the attempt have the next one among them, in whatever time zone the list is written."""
    service = Service([listed(7)], {7: [NUMBER]}, last_day="2026-05-01")
    assert await service.send() == 7
    assert service.asked[:2] == ["list 1", "list 1"]


@pytest.mark.parametrize(("shown", "beyond", "last_day", "pages", "is_whole"), [
    (None, [], "2999", [1, 2, 3], True), (-1, [], "2999", [1, 2, 3], True), (32, [], "2999", [1, 2, 3], False),
    (31, [31], "2999", [1, 2, 3], True), (30, [31], "2999", [1, 2, 3], True),
    (32, [31], "2999", [1, 2, 3, 4, 5], False), (-1, [31], "2999", [1, 2, 3, 4, 5], True),
    (None, [], "2026-05-01", [1, 1, 2, 3], False),
    (None, [], "2026-04-01", [1, 1], False),
])  # fmt: skip
async def test_how_far_a_whole_list_is_read(
    shown: int | None, beyond: list[int], last_day: str, pages: list[int], is_whole: bool
) -> None:
    """To an empty page; where pages are repeated, to one, or to three where it should have more. Then it lacks some."""
    orders = [listed(id) for id in range(1, 32)]
    service = Service(orders, shown=shown, beyond=[listed(id) for id in beyond], last_day=last_day)
    async with service.client() as client:
        reports = client._session.lookups.reports(DAYS)
        _, _, found = await reports.full_list(-math.inf)
    assert [asked.removeprefix("list ") for asked in service.asked] == [*map(str, pages)]
    assert found is is_whole


async def test_a_refusal_as_past_its_time_gives_the_order_that_was_taken_before() -> None:
    """The first attempt came in time, as the reports show; where they do not, nobody knows."""
    assert await Service([listed(7)], {7: [NUMBER]}, refusal=457).send() == 7
    with pytest.raises(OutcomeUnknownError, match="457"):
        await Service([listed(7)], refusal=457).send()


async def test_a_list_that_refuses_every_day_tells_nothing() -> None:
    """It was taken, which is said; and the list is not asked without end."""
    service = Service([listed(7)], {7: [NUMBER]}, last_day="2000")
    with pytest.raises(OrderAcceptedError):
        await service.send(retry=Retry(attempts=2, wait_initial=0.001))
    assert len(service.asked) <= 8


@pytest.mark.parametrize("rows", [7, 30, 49, 50, 1000])
async def test_a_report_in_pages_shorter_than_asked_for_is_read_to_its_end(rows: int) -> None:
    """As its total tells: a hundred numbers of ours are all there, and one too many at the end is not overlooked."""
    ours = [f"+9053012{index:05}" for index in range(100)]
    service = Service([listed(7, total=100)], {7: ours}, rows=rows)
    assert await service.send(ours) == 7
    # The service's limit for a page.
    assert service.sizes == {50, 1000}
    other = Service([listed(7, total=100)], {7: [*ours, STRANGER]}, rows=rows)
    with pytest.raises(OrderAcceptedError) as caught:
        await other.send(ours, retry=Retry(attempts=2, wait_initial=0.001))
    assert caught.value.candidates == ()


async def test_a_report_whose_later_page_cannot_be_had_leaves_it_open() -> None:
    """Its first rows are ours, the others nobody knows."""
    ours = [f"+9053012{index:05}" for index in range(100)]
    service = Service([listed(7, total=100)], {7: ours}, rows=30, broken_page=2)
    with pytest.raises(OrderAcceptedError) as caught:
        await service.send(ours, retry=Retry(attempts=2, wait_initial=0.001))
    assert caught.value.candidates == (7,)


async def test_a_report_that_has_no_rows_yet_is_read_again() -> None:
    """At the second look; within a look each is read once."""
    service = Service([listed(7)], {7: [NUMBER]}, lag=1)
    assert await service.send(retry=Retry(attempts=2, wait_initial=0.001)) == 7
    assert [asked for asked in service.asked if asked != "list 2"] == ["list 1", "report 7, page 1"] * 2


@pytest.mark.parametrize(("second", "found"), [(1, False), (23, False), (24, True)])
async def test_the_two_dozen_nearest_are_looked_at_before_one_is_the_only_one(second: int, found: bool) -> None:
    """Another one with the very numbers may be among them; of those farther away none is asked for."""
    orders = [listed(1000 - index, minutes=index / 60) for index in range(29)]
    service = Service(orders, {1000: [NUMBER], 1000 - second: [NUMBER]})
    if found:
        assert await service.send() == 1000
        assert len(service.asked) == 1 + 24
        return
    with pytest.raises(OrderAcceptedError) as caught:
        await service.send()
    assert set(caught.value.candidates) == {1000, 1000 - second}


@pytest.mark.parametrize(("seconds", "is_near"), [
    (-60.0, True), (-60.5, False), (120.0, True), (120.5, False), (None, True),
])  # fmt: skip
def test_what_is_within_a_minute_of_an_attempt_is_looked_at_first(seconds: float | None, is_near: bool) -> None:
    """And what may be; all of it where no place in the list is known."""
    now = NOW.timestamp()
    submitted_at = None if seconds is None else NOW + timedelta(seconds=seconds)
    entry = OrderReport(7, OrderStatus.SENDING, submitted_at=submitted_at)
    wanted = OpenOrder(Draft("FIRMA", Iys.OFF, {"Kodunuz 1234": (NUMBER,)}, None, 1))
    judge = Judge(None, Budget())  # type: ignore[arg-type]  # nothing is read
    for service, expected in ((now, is_near), (None, True)):
        first, last = Moment(now, service), Moment(now + 60, service and service + 60)
        judge.evidence = Evidence(wanted, Span(first, last), [entry], DAYS, last)
        assert judge.is_near(entry) is expected


@pytest.mark.parametrize(("its", "beside", "attempts", "looks"), [
    ([7], False, 5, 1), ([7], True, 5, 2), ([7, 8], False, 5, 2), ([], False, 2, 2), ([], False, 4, 4),
])  # fmt: skip
async def test_how_often_a_lost_order_is_looked_for(its: list[int], beside: bool, attempts: int, looks: int) -> None:
    """Twice where one is there that may not be the only one, and as often as it would be sent where none is."""
    service = Service([listed(8), listed(7)], {key: [NUMBER] for key in its})
    async with service.client(retry=Retry(attempts=attempts, wait_initial=0.001)) as client:
        if beside:
            client._session.lookups.known.add(OpenOrder(Draft("FIRMA", Iys.OFF, {"Baska": (NUMBER,)}, None, 1)))
        with suppress(OrderAcceptedError):
            await client.send_sms("Kodunuz 1234", NUMBER)
    assert service.asked.count("list 1") == looks


async def test_of_those_of_other_times_so_many_are_looked_at_and_no_more() -> None:
    """They can only be candidates."""
    orders = [listed(1000 - index, minutes=120) for index in range(29)]
    service = Service(orders, {key: [] for key in range(1000, 971, -1)})
    with pytest.raises(OrderAcceptedError):
        await service.send(retry=Retry(attempts=2, wait_initial=0.001))
    assert len({asked for asked in service.asked if asked.startswith("report")}) == 16


async def test_of_two_that_may_be_it_one_may_become_known_as_another() -> None:
    """By its own answer, before a second look: the other one is ours then."""

    class Answering(Service):
        def _list(self, body: dict[str, Any]) -> dict[str, object]:
            if "list 1" in self.asked:
                client._session.lookups.known.note(8, 0, Moment(NOW.timestamp()))
            return super()._list(body)

    service = Answering([listed(8), listed(7)], {8: [NUMBER], 7: [NUMBER]})
    async with service.client() as client:
        assert (await client.send_sms("Kodunuz 1234", NUMBER)).id == 7


def test_requests_are_shared_by_those_who_look() -> None:
    """Each brings some along, and whoever has found it takes its share of what is left."""
    budget = Budget()
    budget.join(10)
    budget.join(10)
    assert [budget.spend() for _ in range(4)] == [True] * 4
    budget.leave()
    assert (budget.left, budget.users) == (8, 1)
    assert [budget.spend() for _ in range(9)] == [True] * 8 + [False]
    budget.leave()
    assert (budget.left, budget.users) == (-1, 0)
    budget.join(5)
    assert budget.left == 4


async def test_a_look_up_ends_after_some_sixty_requests() -> None:
    """Where hundreds of orders may be it, and each would have to be looked at."""
    service = Service([listed(1000 - index) for index in range(300)], {1: [NUMBER]})
    with pytest.raises(OrderAcceptedError):
        await service.send()
    assert 50 <= len(service.asked) <= 60


async def test_a_page_of_old_orders_ends_the_look_up() -> None:
    """Whatever is deeper is older still; where the clocks may differ by two minutes, these are read past."""
    orders = [listed(1000 - index, minutes=3) for index in range(31)]
    service = Service(orders, {970: [NUMBER]})
    with pytest.raises(OrderAcceptedError):
        await service.send(retry=Retry(attempts=2, wait_initial=0.001))
    assert "list 2" not in service.asked
    near = [listed(1000 - index, minutes=1) for index in range(31)]
    service = Service(near, {970: [NUMBER]})
    assert await service.send() == 970
    assert "list 2" in service.asked


async def test_without_the_service_s_time_a_blacklist_proves_nothing() -> None:
    """Nobody knows whether the number was blocked before the first attempt."""
    with pytest.raises(OutcomeUnknownError, match="452") as caught:
        await Service([], refusal=452, headers={}).send()
    assert not isinstance(caught.value, RecipientError)


async def test_the_service_s_time_is_asked_for_where_it_was_not_heard_since() -> None:
    """By one page of the list, and by none where an answer has told it."""
    service = Service([])
    async with service.client() as client:
        lookups = client._session.lookups
        for _ in range(2):
            await hear_clock(lookups, -math.inf)
            assert service.asked == ["list 1"]
        heard_at = lookups.transport.clocks.heard_at
        await hear_clock(lookups, heard_at)
        assert service.asked == ["list 1"]
        await hear_clock(lookups, heard_at + 0.001)
        assert service.asked == ["list 1"] * 2


async def test_where_the_store_is_away_ids_of_others_are_looked_at(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What other processes know is not to be had, which a WARNING tells; the order is found by its numbers."""

    def away(self: object, *arguments: object) -> frozenset[int]:
        raise StoreError("it is away")

    monkeypatch.setattr(SqliteStore, "_known_ids", away)
    service = Service([listed(8), listed(7)], {7: [NUMBER]})
    async with SqliteStore(f"{tmp_path}/store") as store:
        with caplog.at_level(logging.WARNING, "iletimerkezi_async"):
            assert await service.send(store=store) == 7
    assert "ids of other processes" in caplog.text
