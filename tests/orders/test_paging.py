"""Senders and blocked numbers: the wire in all its forms, pages, windows of time, and lost answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

import httpx
import pytest
from canned import Canned, never_left, ok, refusal
from faults import FAULTS
from frames import everything_of
from waiting import OFTEN, READS_SOON, give_up_once

from iletimerkezi_async import (
    AsyncClient,
    BlacklistError,
    DateRangeError,
    IletimerkeziError,
    OutcomeUnknownError,
    RecipientError,
    Retry,
    TransportError,
)
from iletimerkezi_async.sandbox import Sandbox, Style

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"
LOST = httpx.ReadError("lost")
TRT = timezone(timedelta(hours=3))
MakeClient = Callable[..., AsyncClient]
NOTHING: list[object] = [[], {}, "", None]


def operations(canned: Canned) -> list[str]:
    return [request.url.path.split("/")[2] for request in canned.requests]


# Senders.


async def test_the_senders_of_the_account(sandbox: Sandbox, client: AsyncClient) -> None:
    """In the service's order."""
    assert await client.get_senders() == ("APITEST", "FIRMA")


async def test_get_senders_sends_the_credentials_alone() -> None:
    """As documented."""
    canned = Canned(ok(senders={"sender": ["FIRMA"]}))
    await canned.client.get_senders()
    assert operations(canned) == ["get-sender"]
    assert canned.bodies == [{"authentication": {"key": "demo", "hash": "demo"}}]


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        (["FIRMA", "Firma A.S."], ("FIRMA", "Firma A.S.")),
        (["FIRMA"], ("FIRMA",)),
        ("FIRMA", ("FIRMA",)),
        (" Firma", (" Firma",)),
        (8503020000, ("8503020000",)),
        (["FIRMA", 8503020000], ("FIRMA", "8503020000")),
        *((nothing, ()) for nothing in NOTHING),
    ],
)
async def test_senders_in_every_form(sender: object, expected: tuple[str, ...]) -> None:
    """A list, the one sender alone, or nothing; spelt exactly as they came."""
    assert await Canned(ok(senders={"sender": sender})).client.get_senders() == expected


@pytest.mark.parametrize("payload", [{"senders": {}}, {}, *({"senders": nothing} for nothing in NOTHING)])
async def test_no_senders_in_every_form(payload: dict[str, object]) -> None:
    """An account that has none yet."""
    assert await Canned(ok(**payload)).client.get_senders() == ()


@pytest.mark.parametrize("senders", [5, "FIRMA", ["FIRMA"], {"sender": [None]}, {"sender": [{}]}, {"sender": [True]}])
async def test_senders_in_no_known_form_are_no_answer(senders: object) -> None:
    """Rather an error than a wrong list."""
    with pytest.raises(TransportError):
        await Canned(ok(senders=senders), retry=Retry(attempts=1)).client.get_senders()


# The blacklist.


async def test_get_blacklist_sends_the_documented_request() -> None:
    """Page from 1, a thousand rows, no filter where none was asked for."""
    canned = Canned(ok(blacklist={"count": 0, "number": []}))
    assert [number async for number in canned.client.get_blacklist()] == []
    assert operations(canned) == ["get-blacklist"]
    assert canned.bodies[0]["blacklist"] == {"page": 1, "rowCount": 1000}


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000, 2500])
async def test_all_blocked_numbers(count: int) -> None:
    """Each once; a full page that reaches the count has one more look."""
    numbers = [f"+90{5301230000 + index}" for index in range(count)]
    sandbox = Sandbox(blocked=numbers)
    async with sandbox.client() as client:
        assert await client.get_blacklist().collect() == numbers
    assert len(sandbox.requests) == count // 1000 + 1


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("style", [
    *(Style(numbers=form, scalars="str", single="value") for form in ("e164", "national", "integer")),
    *(Style(empty=form, http_status="200") for form in ("object", "string", "null", "absent")),
])  # fmt: skip
async def test_blocked_numbers_in_every_style(style: Style, count: int) -> None:
    """They come back in E.164, and can be unblocked one by one."""
    numbers = ["+905301234567", "+905301234568"][:count]
    sandbox = Sandbox(blocked=numbers, style=style)
    async with sandbox.client() as client:
        assert [number async for number in client.get_blacklist()] == numbers
        for number in numbers:
            await client.delete_blacklist(number)
        assert [number async for number in client.get_blacklist()] == []


@pytest.mark.parametrize("blacklist", [*NOTHING, {"count": 0}, {"count": "0", "number": None}, {"number": ""}])
async def test_nobody_is_blocked_in_every_form(blacklist: object) -> None:
    """One request, no number."""
    canned = Canned(ok(blacklist=blacklist))
    assert [number async for number in canned.client.get_blacklist()] == []
    assert len(canned.requests) == 1


@pytest.mark.parametrize("payload", [{}, {"blacklist": 5}, {"blacklist": {"number": [None]}}, {"blacklist": [NUMBER]}])
async def test_a_list_in_no_known_form_is_no_answer(payload: dict[str, object]) -> None:
    """Rather an error than a number left out."""
    with pytest.raises(TransportError):
        await anext(Canned(ok(**payload), retry=Retry(attempts=1)).client.get_blacklist())


def page(first: int, last: int, count: object = None) -> dict[str, object]:
    return ok(blacklist={"count": count, "number": [5301230000 + index for index in range(first, last)]})


@pytest.mark.parametrize(
    ("count", "window"),
    [
        *((count, {}) for count in (None, "", "x", 1000)),
        *((count, {"start": date(2026, 5, 1)}) for count in (None, 5000)),
    ],
)
async def test_a_service_that_takes_no_notice_of_the_page(count: object, window: dict[str, date]) -> None:
    """The same thousand again are the end, not the beginning of an endless list."""
    canned = Canned(page(0, 1000, count))
    numbers = [number async for number in canned.client.get_blacklist(**window)]
    assert len(numbers) == len(set(numbers)) == 1000
    assert len(canned.requests) == 2


@pytest.mark.parametrize("count", [5000, "5000"])
async def test_numbers_that_are_lacking_are_no_silent_loss(count: object) -> None:
    """Those that are there come; the list is read twice, then an error tells how many there should be."""
    canned = Canned(page(0, 1000, count))
    blacklist = canned.client.get_blacklist()
    assert len({await anext(blacklist) for _ in range(1000)}) == 1000
    with pytest.raises(TransportError, match="the list ends after 1000 rows of 5000"):
        await anext(blacklist)
    assert len(canned.requests) < 50


async def test_a_service_that_invents_numbers_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an end to what its reader bears."""
    monkeypatch.setattr("iletimerkezi_async.orders.paging._MAX_PAGES", 5)
    canned = Canned(*(page(start, start + 1000) for start in range(0, 9000, 1000)))
    with pytest.raises(TransportError, match="no end after 5 pages"):
        assert [number async for number in canned.client.get_blacklist()]
    assert len(canned.requests) == 5


async def test_without_a_count_a_short_page_is_the_end() -> None:
    """Also an empty one."""
    for pages in ([page(0, 1000), page(1000, 1003)], [page(0, 1000), page(0, 0)]):
        canned = Canned(*pages)
        assert len([number async for number in canned.client.get_blacklist()]) in {1000, 1003}
        assert len(canned.requests) == 2


async def test_pages_that_are_shorter_than_asked_for_hide_nobody() -> None:
    """The count says that there are more; they are asked for in pages of the size that the service gives."""
    canned = Canned(page(0, 100, 250), page(100, 200, 250), page(200, 250, 250))
    assert len([number async for number in canned.client.get_blacklist()]) == 250
    asked = [body["blacklist"] for body in canned.bodies]
    assert asked == [{"page": 1, "rowCount": 1000}, {"page": 2, "rowCount": 100}, {"page": 3, "rowCount": 100}]


async def test_within_a_window_the_count_tells_nothing() -> None:
    """It is the account's: neither do 3 of 5,000 call for another page, nor is 1,000 the end of 1,000 and some."""
    canned = Canned(page(0, 3, 5000))
    assert len([number async for number in canned.client.get_blacklist(date(2026, 5, 1))]) == 3
    assert len(canned.requests) == 1
    canned = Canned(page(0, 1000, 1000), page(1000, 1001, 1000))
    assert len([number async for number in canned.client.get_blacklist(date(2026, 5, 1))]) == 1001


async def test_numbers_that_move_to_the_next_page_come_once() -> None:
    """Somebody is blocked between two pages."""
    canned = Canned(page(0, 1000, 1500), page(999, 1500, 1501))
    numbers = [number async for number in canned.client.get_blacklist()]
    assert len(numbers) == len(set(numbers)) == 1500


async def test_a_failed_page_loses_nobody(sandbox: Sandbox) -> None:
    """Asking on tries that page again."""
    sandbox = Sandbox(blocked=[f"+90{5301230000 + index}" for index in range(1500)])
    async with sandbox.client(retry=Retry(attempts=1)) as client:
        blacklist = client.get_blacklist()
        first = [await anext(blacklist) for _ in range(1000)]
        sandbox.fail("get-blacklist", "drop-answer")
        with pytest.raises(TransportError):
            await anext(blacklist)
        assert len({*first, *[number async for number in blacklist]}) == 1500


DAY = date(2026, 5, 6)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (DAY, DAY, ("2026-05-06 00:00:00", "2026-05-06 23:59:59")),
        (DAY, datetime(2026, 5, 6, 12, tzinfo=TRT), ("2026-05-06 00:00:00", "2026-05-06 12:00:00")),
        (datetime(2026, 5, 5, 22, tzinfo=timezone.utc), DAY, ("2026-05-06 01:00:00", "2026-05-06 23:59:59")),
        (datetime(2026, 5, 6, 1, 2, 3, 999, tzinfo=TRT), None, ("2026-05-06 01:02:03", "2099-12-31 23:59:59")),
        (None, DAY, ("2000-01-01 00:00:00", "2026-05-06 23:59:59")),
        (datetime(2026, 5, 6, tzinfo=TRT), datetime(2026, 5, 6, tzinfo=TRT), ("2026-05-06 00:00:00",) * 2),
    ],
)
async def test_windows_of_time(start: date | None, end: date | None, expected: tuple[str, str]) -> None:
    """Turkish time in whole seconds; a date is its whole day, an open side is far away."""
    canned = Canned(ok(blacklist=[]))
    assert [number async for number in canned.client.get_blacklist(start, end)] == []
    asked = canned.bodies[0]["blacklist"]
    assert asked["filter"] == {"start": expected[0], "end": expected[1]}  # type: ignore[index]  # parsed JSON


async def test_a_window_of_the_sandbox(sandbox: Sandbox, client: AsyncClient) -> None:
    """Only those that were blocked within it."""
    numbers = ["+905301234567", "+905301234568", "+905301234569"]
    times: list[datetime] = []
    for number in numbers:
        times.append(datetime.now(timezone.utc) + timedelta(hours=2 * len(times)))
        await client.add_blacklist(number)
        sandbox.advance(hours=2)
    hour = timedelta(hours=1)

    async def kept(start: datetime | None, end: datetime | None) -> list[str]:
        return [number async for number in client.get_blacklist(start, end)]

    assert await kept(times[1] - hour, times[1] + hour) == numbers[1:2]
    assert await kept(times[1] - hour, None) == numbers[1:]
    assert await kept(None, times[1] + hour) == numbers[:2]
    assert await kept(times[0] - 2 * hour, times[0] - hour) == []


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    """By the class of the service's own refusal, without asking it."""
    canned = Canned(ok())
    for start, end in ((DAY, DAY - timedelta(days=1)), (datetime(2026, 5, 6, 1, tzinfo=TRT), DAY - timedelta(days=1))):
        with pytest.raises(DateRangeError) as caught:
            canned.client.get_blacklist(start, end)
        assert (caught.value.code, caught.value.http_status) == (458, None)
    with pytest.raises(DateRangeError):
        canned.client.get_blacklist(datetime.max.replace(tzinfo=timezone.utc))
    assert not canned.requests


def test_a_naive_datetime_is_not_guessed_at() -> None:
    """On either side."""
    naive = datetime(2026, 5, 6, 1)  # noqa: DTZ001 - the point
    for start, end in ((naive, None), (None, naive)):
        with pytest.raises(ValueError, match="time zone"):
            Canned(ok()).client.get_blacklist(start, end)


# Blocking and unblocking.

SPELLINGS = ["0530 123 45 67", "+90 (530) 123-45-67", 5301234567, "905301234567"]


@pytest.mark.parametrize(("operation", "method"), [("add-blacklist", "add"), ("delete-blacklist", "delete")])
async def test_the_documented_requests(operation: str, method: str) -> None:
    """The number in E.164, whatever its spelling; the answer has nothing beside its status."""
    for number in SPELLINGS:
        canned = Canned(ok())
        await getattr(canned.client, f"{method}_blacklist")(number)
        assert operations(canned) == [operation]
        assert canned.bodies[0]["blacklist"] == {"number": NUMBER}


async def test_blocking_and_unblocking(sandbox: Sandbox, client: AsyncClient) -> None:
    """Twice blocked is once blocked; what is not blocked cannot be unblocked."""
    await client.add_blacklist("0530 123 45 67")
    await client.add_blacklist(5301234567)
    assert [number async for number in client.get_blacklist()] == [NUMBER]
    await client.delete_blacklist(NUMBER)
    assert [number async for number in client.get_blacklist()] == []
    with pytest.raises(BlacklistError) as caught:
        await client.delete_blacklist(NUMBER)
    assert (caught.value.code, caught.value.http_status) == (474, 474)


@pytest.mark.parametrize("method", ["add", "delete"])
@pytest.mark.parametrize("number", ["0212 123 45 67", "", "musteri@example.com", 10**80, -5])
async def test_what_is_no_number_is_refused_at_once(method: str, number: str | int) -> None:
    """It is in `numbers`, and not in the text."""
    canned = Canned(ok())
    with pytest.raises(RecipientError) as caught:
        await getattr(canned.client, f"{method}_blacklist")(number)
    assert (caught.value.code, caught.value.http_status) == (466, None)
    assert len(caught.value.numbers) == 1
    assert "212" not in str(caught.value)
    assert not canned.requests


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_of_any_kind_changes_nothing(sandbox: Sandbox, client: AsyncClient, fault: str) -> None:
    """The number is blocked, and then it is not."""
    sandbox.fail("add-blacklist", fault)
    await client.add_blacklist(NUMBER)
    assert [number async for number in client.get_blacklist()] == [NUMBER]
    sandbox.fail("delete-blacklist", fault)
    await client.delete_blacklist(NUMBER)
    assert [number async for number in client.get_blacklist()] == []


async def test_a_read_timeout_after_it_was_unblocked(sandbox: Sandbox, make_client: MakeClient) -> None:
    """The service unblocks the number and then says nothing more."""
    async with make_client(timeout=READS_SOON, retry=OFTEN) as client:
        await client.add_blacklist(NUMBER)
        sandbox.fail("delete-blacklist", "stall")
        await client.delete_blacklist(NUMBER)
        assert [number async for number in client.get_blacklist()] == []


@pytest.mark.parametrize("fault", ["drop-answer", "half-answer", "html-502"])
async def test_when_all_answers_are_lost_the_outcome_is_unknown(
    sandbox: Sandbox, make_client: MakeClient, fault: str
) -> None:
    """Of unblocking; blocking is repeatable, so that its error is not one of doubt."""
    async with make_client(retry=Retry(attempts=3, wait_initial=0.001)) as client:
        await client.add_blacklist(NUMBER)
        sandbox.fail("delete-blacklist", fault, times=3)
        with pytest.raises(OutcomeUnknownError):
            await client.delete_blacklist(NUMBER)
        sandbox.fail("add-blacklist", fault, times=3)
        with pytest.raises(TransportError) as caught:
            await client.add_blacklist(NUMBER)
    assert type(caught.value) is TransportError


async def test_a_474_after_an_attempt_that_never_left_is_the_caller_s() -> None:
    """A failure to connect lost no answer."""
    canned = Canned(never_left(), refusal(474))
    with pytest.raises(BlacklistError):
        await canned.client.delete_blacklist(NUMBER)


async def test_a_caller_who_gives_up_can_ask_again(sandbox: Sandbox, client: AsyncClient) -> None:
    """The number was unblocked."""
    await client.add_blacklist(NUMBER)
    sandbox.fail("delete-blacklist", "stall")
    assert await give_up_once(
        lambda: sandbox.request_counts["delete-blacklist"], lambda: client.delete_blacklist(NUMBER)
    )
    with pytest.raises(BlacklistError):
        await client.delete_blacklist(NUMBER)


# Secrets.


@pytest.mark.parametrize("method", ["add", "delete"])
@pytest.mark.parametrize("answer", [LOST, refusal(401), refusal(466, f"{NUMBER} olmaz"), refusal(474), b"<html>"])
async def test_no_error_shows_the_number(method: str, answer: object, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in its text nor in a variable on the way, nor in the log."""
    caplog.set_level("DEBUG")
    canned = Canned(answer)
    with pytest.raises(IletimerkeziError) as caught:
        await getattr(canned.client, f"{method}_blacklist")("0530 123 45 67")
    shown = everything_of(caught.value) + caplog.text
    assert not [form for form in (NUMBER, "5301234567", "530 123") if form in shown]
    assert "+90530***4567" in caplog.text


@pytest.mark.parametrize("method", ["add", "delete"])
async def test_no_refusal_of_ours_shows_the_number(method: str) -> None:
    """The variables of the frames that check it are not in the traceback either."""
    with pytest.raises(RecipientError) as caught:
        await getattr(Canned(ok()).client, f"{method}_blacklist")("0212 123 45 67")
    assert caught.value.numbers == ("0212 123 45 67",)
    caught.value.numbers = ()
    assert "0212" not in everything_of(caught.value)


async def test_a_broken_list_shows_no_number() -> None:
    """What was read of it stays where it was read."""
    canned = Canned(ok(blacklist={"number": [NUMBER, None]}), retry=Retry(attempts=1))
    with pytest.raises(TransportError) as caught:
        await anext(canned.client.get_blacklist())
    assert NUMBER not in everything_of(caught.value)
