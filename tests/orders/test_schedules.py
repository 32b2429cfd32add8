"""A schedule is looked at before every attempt: what was to be sent later is never sent at once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import anyio
import httpx
import pytest
from canned import QUICK, Canned, ok, refusal

from iletimerkezi_async import (
    AsyncClient,
    DateRangeError,
    Iys,
    OrderNotFoundError,
    OutcomeUnknownError,
    RecipientError,
    Retry,
    ScheduleError,
    UnavailableError,
)
from iletimerkezi_async.errors import ApiError
from iletimerkezi_async.sandbox import Sandbox, Weather

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"


class Clock:
    """This machine's clock, which a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import time

        real, self.late = time.time, 0.0
        monkeypatch.setattr("time.time", lambda: real() + self.late)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def soon() -> datetime:
    return datetime.now(timezone.utc) + timedelta(minutes=5)


async def test_a_time_that_comes_while_waiting_for_the_pacer(clock: Clock) -> None:
    """Nothing is sent."""
    sandbox = Sandbox()

    class Slow:
        async def acquire(self, n: int, /) -> None:
            clock.late += 600

    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=QUICK, rate=Slow()) as client:
        with pytest.raises(ScheduleError, match="past") as caught:
            await client.send_sms("Yarin", NUMBER, send_at=soon())
    assert caught.value.http_status is None
    assert not sandbox.requests


async def test_a_time_that_comes_while_a_connection_is_made(clock: Clock) -> None:
    """The last look is right before the request goes out."""
    sent: list[httpx.Request] = []

    class Late(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            clock.late += 600
            # As a connection does it, which asks for the body when it is to be written.
            sent.extend([request async for _ in request.stream])  # type: ignore[union-attr]  # an async one
            return httpx.Response(200, json=ok(order={"id": 1}))

    http = httpx.AsyncClient(transport=Late())
    client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, http_client=http, retry=QUICK, rate=None)
    with pytest.raises(ScheduleError, match="past"):
        await client.send_sms("Yarin", NUMBER, send_at=soon())
    assert not sent


@pytest.mark.parametrize("taken", [True, False])
async def test_after_a_lost_answer_the_reports_decide(clock: Clock, taken: bool) -> None:
    """Its time has come before it could be sent again: it is found there, or nobody knows."""
    sandbox = Sandbox()
    turns = 0

    class Slow:
        async def acquire(self, n: int, /) -> None:
            nonlocal turns
            turns += 1
            if turns == 2:
                clock.late += 600
                sandbox.advance(minutes=10)

    sandbox.fail("send-sms", "drop-answer" if taken else "drop-request")
    # The first answer has told the service's time.
    async with sandbox.client(
        sender="FIRMA", iys=Iys.OFF, retry=Retry(attempts=2, wait_initial=0), rate=Slow()
    ) as client:
        if taken:
            order = await client.send_sms("Yarin", NUMBER, send_at=soon())
            assert order.id == sandbox.orders[0].id
        else:
            with pytest.raises(OutcomeUnknownError):
                await client.send_sms("Yarin", NUMBER, send_at=soon())
    assert sandbox.request_counts["send-sms"] == 1


async def test_a_457_after_a_lost_answer_never_says_surely_not_taken() -> None:
    """The order was taken, and the list lags behind."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(minutes=2)))
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", "457")
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=Retry(attempts=2, wait_initial=0)) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Yarin", NUMBER, send_at=soon())
    assert len(sandbox.orders) == 1


async def test_a_refusal_of_the_service_is_told_as_such(clock: Clock) -> None:
    """Also where the time to send at comes while it is under way."""

    def answer(_: httpx.Request) -> object:
        clock.late += 600
        return refusal(402)

    canned = Canned(answer)
    with pytest.raises(ApiError, match="402"):
        await canned.client.send_sms("Yarin", NUMBER, send_at=soon())


async def test_a_time_that_has_come_is_not_waited_past(clock: Clock) -> None:
    """No attempt could follow the pause."""

    def answer(_: httpx.Request) -> object:
        clock.late += 600
        return refusal(503)

    canned = Canned(answer, retry=Retry(wait_initial=60, wait_max=60))
    with anyio.fail_after(30), pytest.raises(UnavailableError):
        await canned.client.send_sms("Yarin", NUMBER, send_at=soon())


@pytest.mark.parametrize("code", [400, 466])
async def test_a_content_refusal_after_a_lost_answer_to_unblocking_or_cancelling(code: int) -> None:
    """What is wrong with the request was wrong at the first attempt: the refusal itself comes out."""
    canned = Canned(httpx.ReadError("lost"), refusal(code))
    with pytest.raises(RecipientError if code == 466 else ApiError, match=str(code)):
        await canned.client.delete_blacklist(NUMBER)
    canned = Canned(httpx.ReadError("lost"), refusal(code))
    with pytest.raises(ApiError, match=str(code)) as caught:
        await canned.client.cancel_order(7)
    assert not isinstance(caught.value, OrderNotFoundError)


async def test_a_missing_time_of_a_table_is_no_schedule() -> None:
    """The NaT of pandas says that it is a datetime; it must not pass for "now", nor end in an error of its own."""
    missing = pytest.importorskip("pandas").NaT
    sandbox = Sandbox()
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
        with pytest.raises(ScheduleError, match="must be an aware datetime, not NaTType"):
            await client.send_sms("Yarin", NUMBER, send_at=missing)
        with pytest.raises(DateRangeError, match="must be an aware datetime, not NaTType"):
            await client.get_reports(missing, missing).collect()
    assert not sandbox.requests
