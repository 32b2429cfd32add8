"""Two texts to the same numbers, both in doubt: a report shows no text, and no order is given to the wrong one."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import anyio
import pytest

from iletimerkezi_async import AsyncClient, Iys, Order, OrderAcceptedError, OutcomeUnknownError, Retry
from iletimerkezi_async.sandbox import Sandbox, Weather
from iletimerkezi_async.stores import SqliteStore

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"
ONCE = Retry(attempts=1)


def client_of(sandbox: Sandbox, **options: object) -> AsyncClient:
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": ONCE, "rate": None}
    return sandbox.client(**(settings | options))  # type: ignore[arg-type]  # settings of any type


@pytest.mark.parametrize("taken", [0, 1])
async def test_two_schedules_of_which_one_was_taken(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """Their time has come, so that neither is sent again, and the reports have one order: it may be either."""
    sandbox = Sandbox()
    real, late = time.time, 0.0
    monkeypatch.setattr("time.time", lambda: real() + late)
    turns = 0
    all_lost = anyio.Event()

    class Slow:
        async def acquire(self, n: int, /) -> None:
            nonlocal turns, late
            turns += 1
            if turns == 4:
                late += 600
                sandbox.advance(minutes=10)
                all_lost.set()
            if turns > 2:
                await all_lost.wait()

    for place in range(2):
        sandbox.fail("send-sms", "drop-answer" if place == taken else "drop-request")
    found: list[Order] = []
    unknown: list[str] = []
    due = datetime.now(timezone.utc) + timedelta(minutes=5)
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0), rate=Slow()) as client:
        await client.get_balance()

        async def send(text: str) -> None:
            try:
                found.append(await client.send_sms(text, NUMBER, send_at=due))
            except OutcomeUnknownError as error:
                unknown.append(str(error))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, "Bir")
            tasks.start_soon(send, "Iki")
    assert not found
    assert len(unknown) == 2
    assert all(f"it may be order {sandbox.orders[0].id}" in each for each in unknown)


async def test_an_order_listed_late_is_not_mistaken_for_its_rival() -> None:
    """Both were taken, and the list has one of them so far: both are told the ids it may be, and none is guessed."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(hours=1)))
    sandbox.fail("send-sms", "drop-answer")
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        with pytest.raises(OrderAcceptedError):
            await client.send_sms("Bir", NUMBER)
        (other,) = sandbox.add_orders(to=[NUMBER])
        sandbox.weather = Weather()
        sandbox.fail("send-sms", "drop-request")
        sandbox.fail("send-sms", "451")
        with pytest.raises(OrderAcceptedError) as caught:
            await client.send_sms("Iki", NUMBER)
    assert set(caught.value.candidates) == {sandbox.orders[0].id, other}


async def test_what_a_live_send_lost_is_no_order_of_a_campaign(
    tmp_path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """A campaign's order never arrived; one of this client to the same number did, and its id was never told."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-request")
    sandbox.fail("send-sms", "drop-answer")
    async with client_of(sandbox) as client:
        await client.send_bulk("Kampanya", [NUMBER], journal=tmp_path / "journal")
    async with client_of(sandbox) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Kodunuz 1234", NUMBER)
        pass_minutes(sandbox, 30)
        result = await client.send_bulk("Kampanya", [NUMBER], journal=tmp_path / "journal")
    assert (result.accepted, result.failures) == (0, 1)


async def test_a_campaign_finds_what_it_lost_itself(
    tmp_path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """By the same client: its own order of the earlier run is no other one."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    async with client_of(sandbox) as client:
        await client.send_bulk("Kampanya", [NUMBER], journal=tmp_path / "journal")
        pass_minutes(sandbox, 30)
        result = await client.send_bulk("Kampanya", [NUMBER], journal=tmp_path / "journal")
    assert (result.accepted, result.failures) == (1, 0)
    assert sandbox.deliveries == {NUMBER: 1}


async def test_what_was_settled_is_in_nobody_s_way() -> None:
    """Answered, refused, found, or never left: the next order that is lost is found by itself."""
    sandbox = Sandbox()
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_sms("Bir", NUMBER)
        sandbox.fail("send-sms", "402")
        with pytest.raises(Exception, match="402"):
            await client.send_sms("Iki", NUMBER)
        for text in ("Uc", "Dort"):
            sandbox.fail("send-sms", "drop-answer")
            assert (await client.send_sms(text, NUMBER)).id == sandbox.orders[-1].id


@pytest.mark.parametrize("kept", [False, True], ids=["one client", "two that share a store"])
async def test_an_order_lost_long_before_is_not_the_one_that_was_just_lost(
    tmp_path: Path, pass_minutes: Callable[[Sandbox, float], None], kept: bool
) -> None:
    """By `Date` and the list, both of which are minutes off, it fits; ours was taken, and is not listed yet."""
    weather = Weather(date_offset=timedelta(minutes=-14), queue=timedelta(minutes=5), list_lag=timedelta(seconds=90))
    sandbox = Sandbox(weather=weather)

    @asynccontextmanager
    async def another(attempts: int) -> AsyncIterator[AsyncClient]:
        async with SqliteStore(tmp_path / "store") as store:
            retry = Retry(attempts=attempts, wait_initial=0)
            async with client_of(sandbox, retry=retry, store=store if kept else None) as client:
                yield client

    async with another(1) as first, another(2) as second:
        sandbox.fail("send-sms", "drop-answer")
        with pytest.raises(OutcomeUnknownError):
            await first.send_sms("Bir", NUMBER, key="bir" if kept else None)
        pass_minutes(sandbox, 21)
        later = second if kept else first.with_options(retry=Retry(attempts=2, wait_initial=0))
        sandbox.fail("send-sms", "drop-answer")
        with pytest.raises(OrderAcceptedError) as caught:
            await later.send_sms("Iki", NUMBER, key="iki" if kept else None)
    assert caught.value.candidates == (sandbox.orders[0].id,)
    assert sandbox.deliveries == {NUMBER: 2}
