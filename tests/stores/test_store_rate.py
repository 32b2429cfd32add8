"""One rate for all processes: in no second more, in the order of asking, and everything is sent in the end."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from arrivals import watched
from engines import Engine
from forked import python
from waiting import PATIENCE
from worlds import World

from iletimerkezi_async import Retry, StoreError, UnavailableError
from iletimerkezi_async.http.pacing import StorePacer
from iletimerkezi_async.stores import Store, redis
from iletimerkezi_async.stores.base import FAR

HERE = Path(__file__).parent
NUMBER = 5301234567


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that a busy machine makes slow is waited for all the same, and Redis keeps what a test looks for late."""
    for limit in ("_PATIENCE", "_PATIENCE_AWAY"):
        monkeypatch.setattr(f"iletimerkezi_async.http.pacing.{limit}", PATIENCE)
    kept = redis._RESERVE.replace(" + 1)\n", f" + {PATIENCE:.0f})\n")
    assert kept != redis._RESERVE
    monkeypatch.setattr(redis, "_RESERVE", kept)


@pytest.mark.anyio
async def test_each_stretch_begins_where_the_one_before_it_ends(engine: Engine, store: Store, account: str) -> None:
    """A quiet account's first one may have begun a little ago; no time of it is given twice."""
    asked = time.time()
    await store.reserve(account, 10.0, -0.05)
    first = engine.free_at(account)
    assert first >= asked + 10 - 0.05
    for seconds in (0.25, 3.0, 0.011):
        await store.reserve(account, seconds, -0.05)
    assert engine.free_at(account) == pytest.approx(first + 3.261, abs=1e-5)


@pytest.mark.anyio
async def test_a_stretch_begins_when_it_was_said(store: Store, account: str) -> None:
    """By the monotonic clock of this process, however long the answer takes."""
    before = time.monotonic()
    first = await store.reserve(account, 10.0, 0.0)
    between = time.monotonic()
    second = await store.reserve(account, 1.0, 0.0)
    after = time.monotonic()
    # An engine may round to millionths.
    assert before - 0.001 <= first <= between + 0.001
    assert before - 0.001 <= second - 10 <= after + 0.001


@pytest.mark.anyio
async def test_many_stores_reserve_at_once(engine: Engine, account: str) -> None:
    """None of what four stores reserve is lost or given twice."""
    async with engine.store() as a, engine.store() as b, engine.store() as c, engine.store() as d:
        await a.reserve(account, 100.0, 0.0)
        first = engine.free_at(account)
        async with anyio.create_task_group() as tasks:
            for store in (a, b, c, d) * 30:
                tasks.start_soon(store.reserve, account, 0.01, 0.0)
    assert engine.free_at(account) == pytest.approx(first + 1.2, abs=1e-3)


@pytest.mark.anyio
async def test_a_clock_that_was_set_back_holds_nobody_up(engine: Engine, account: str) -> None:
    """A moment far ahead is left of another clock."""
    async with engine.store() as store:
        await store.reserve(account, FAR + 60.0, 0.0)
        assert await store.reserve(account, 1.0, 0.0) <= time.monotonic()


@pytest.mark.anyio
async def test_a_pause_is_everybody_s(engine: Engine, account: str) -> None:
    """No moment is given before its end, to whichever process; a shorter one later does not end it."""
    async with engine.store() as one, engine.store() as other:
        await one.reserve(account, 0.1, 0.0)
        began = time.monotonic()
        await one.reserve(account, 0.0, 20.0)
        await one.reserve(account, 0.0, 5.0)
        assert await other.reserve(account, 0.6, -0.05) >= began + 20
        assert await other.reserve(f"{account}x", 0.1, 0.0) <= time.monotonic()


@pytest.mark.anyio
async def test_a_bulk_order_passes(engine: Engine, account: str) -> None:
    """What is larger than the rate is not paced, and needs no store."""
    store = engine.store()
    await store.aclose()
    pacer = StorePacer(100, store, account)
    for _ in range(5):
        await pacer.acquire(101)


@pytest.mark.anyio
async def test_without_its_store_a_process_paces_by_itself(
    engine: Engine, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With one warning for all; the store is asked again after a while."""
    store = engine.store()
    await store.aclose()
    pacer = StorePacer(10, store, account)
    began = time.monotonic()
    with caplog.at_level(logging.INFO, "iletimerkezi_async"):
        for _ in range(8):
            await pacer.acquire(1)
    # Seven ninths of a second, less the tenth that is free after a quiet time.
    assert time.monotonic() - began >= 7 / 9 - 0.11
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.anyio
@pytest.mark.usefixtures("patient")
async def test_a_store_that_is_back_is_asked_again(
    engine: Engine, store: Store, account: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Some seconds later, and this is told."""
    pacer = StorePacer(100, store, account)

    def away(self: Store, *arguments: object) -> float:
        raise StoreError("it is away")

    with monkeypatch.context() as patch, caplog.at_level(logging.INFO, "iletimerkezi_async"):
        patch.setattr(type(store), "_reserve", away)
        await pacer.acquire(1)
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 6)
    with caplog.at_level(logging.INFO, "iletimerkezi_async"):
        await pacer.acquire(1)
    told = [
        record.levelname for record in caplog.records if "store is back" in record.message or "away" in record.message
    ]
    assert told == ["WARNING", "INFO"]
    assert engine.free_at(account)


@pytest.mark.anyio
async def test_a_store_that_hangs_is_not_waited_for(
    store: Store, account: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Until its own limit: the process paces by itself, and says so."""
    ended = anyio.Event()

    async def hang(self: Store, *arguments: object) -> float:
        try:
            return await anyio.sleep_forever()  # type: ignore[func-returns-value]  # it never returns
        finally:
            ended.set()

    monkeypatch.setattr(type(store), "reserve", hang)
    monkeypatch.setattr("iletimerkezi_async.http.pacing._PATIENCE", 0.1)
    await StorePacer(100, store, account).acquire(1)
    assert ended.is_set()
    assert "slow" in caplog.text


@pytest.mark.anyio
async def test_who_gives_up_while_the_store_is_asked_holds_up_nobody(
    sqlite_engine: Engine, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next in the line asks."""
    asked = anyio.Event()
    async with sqlite_engine.store() as store, anyio.create_task_group() as tasks:
        real = store.reserve

        async def reserve(*arguments: float) -> float:
            if not asked.is_set():
                asked.set()
                await anyio.sleep_forever()
            return await real(*arguments)  # type: ignore[arg-type]  # as they were given

        monkeypatch.setattr(store, "reserve", reserve)
        pacer = StorePacer(100, store, account)

        async def give_up() -> None:
            with leaving:
                await pacer.acquire(1)

        leaving = anyio.CancelScope()
        tasks.start_soon(give_up)
        await asked.wait()
        for _ in range(3):
            tasks.start_soon(pacer.acquire, 1)
        await anyio.wait_all_tasks_blocked()
        leaving.cancel()


def answering(store: Store, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[float]:
    """Let a kind of store take so long in each direction; how long each answer takes."""
    real: Callable[..., float] = type(store)._reserve
    took: list[float] = []

    def late(self: Store, *arguments: float) -> float:
        began = time.monotonic()
        time.sleep(seconds)
        wait = real(self, *arguments)
        time.sleep(seconds)
        took.append(time.monotonic() - began)
        return wait

    monkeypatch.setattr(type(store), "_reserve", late)
    return took


@pytest.mark.anyio
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_two_clients_send_no_more_than_the_rate(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """By what the sandbox saw, also where the store is 100 ms away; everything is sent, by the store's moments."""
    rate, count = 40, 60
    took = answering(store, monkeypatch, seconds)
    async with world.engine.store() as other_store, watched() as watch:
        one = world.client(store, rate=rate, http_client=watch.http)
        other = world.client(other_store, rate=rate, http_client=watch.http)
        async with anyio.create_task_group() as tasks:
            for place in range(count):
                tasks.start_soon((one, other)[place % 2].send_sms, f"Kodunuz {place}", NUMBER)
        free_at = world.engine.free_at(world.account)
    assert len(world.sandbox.orders) == count
    watch.assert_paced(world.sandbox, rate, slower=max(took) - min(took))
    assert free_at >= watch.began + count / (0.9 * rate) - 0.06


def start_callers(world: World, rate: int, large: int) -> subprocess.Popen[str]:
    engine = world.engine
    command = [*python(), HERE / "callers.py", engine.name, engine.address, world.url, world.key, str(rate), str(large)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process


def test_four_processes_share_a_rate(world: World) -> None:
    """Of 240 callers half give up, and one process is killed: the others send everything, at the rate of one."""
    rate = 80
    processes = [start_callers(world, rate, large) for large in (1, 50, 2, 3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
    began = time.time()
    for process in processes:
        process.stdin.write("\n")  # type: ignore[union-attr]  # as seen above
        process.stdin.flush()  # type: ignore[union-attr]  # likewise
    assert processes[0].stdout is not None
    processes[0].stdout.readline()
    processes[0].kill()
    told = [set(process.communicate(timeout=PATIENCE)[0].split()) for process in processes]
    # Those with patience were told their order.
    assert all(each >= {str(place) for place in range(0, 60, 2)} for each in told[1:])
    orders = sorted(order.submitted_at.timestamp() for order in world.sandbox.orders)
    largest = max(order.recipients for order in world.sandbox.orders)
    assert largest == 50
    sent = sum(order.recipients for order in world.sandbox.orders)
    # No second may have more than the rate, but for the large order; how late each came is the machine's matter.
    assert orders[-1] - began >= (sent - largest) / rate - 1


@pytest.mark.anyio
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("retry", [Retry(attempts=1), Retry(attempts=2, wait_initial=0)])
async def test_a_429_holds_the_other_processes_back(world: World, store: Store, retry: Retry) -> None:
    """Also where its own caller gives up at once: the next order of another client on another store waits."""
    async with world.engine.store() as other_store:
        async with world.client(store, rate=100, retry=retry) as one, world.client(other_store, rate=100) as other:
            await other.send_sms("Once", "+905301234560")
            began = time.monotonic()
            async with anyio.create_task_group() as tasks:
                shared = anyio.Event()

                async def send() -> None:
                    with suppress(UnavailableError):
                        await one.send_sms("Bir", "+905301234561")

                real = store.reserve

                async def reserve(account: str, seconds: float, delay: float) -> float:
                    moment = await real(account, seconds, delay)
                    if not seconds:
                        shared.set()
                    return moment

                store.reserve = reserve  # type: ignore[method-assign]  # to know when the others are told
                world.sandbox.fail("send-sms", "429", retry_after=1)
                tasks.start_soon(send)
                await shared.wait()
                await other.send_sms("Iki", "+905301234562")
            assert time.monotonic() - began >= 1


@pytest.mark.anyio
async def test_a_pause_while_the_store_is_away(engine: Engine, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process keeps it by itself: what it has reserved before is given up, and a bulk order waits as well."""

    def away(self: Store, *arguments: object) -> float:
        raise StoreError("it is away")

    async with engine.store() as store:
        pacer = StorePacer(100, store, account)
        await pacer.acquire(1)
        monkeypatch.setattr(type(store), "_reserve", away)
        began = time.monotonic()
        pacer.hold_back(0.3)
        await pacer.share_pause(0.3)
        await pacer.acquire(1)
        assert time.monotonic() - began >= 0.3
        began = time.monotonic()
        pacer.hold_back(0.2)
        await pacer.acquire(1000)
        assert time.monotonic() - began >= 0.2


@pytest.mark.anyio
@pytest.mark.parametrize(("seconds", "shared"), [(30.0, 30.0), (120.0, 120.0), (500.0, 120.0)])
async def test_a_pause_is_shared_for_two_minutes_at_the_most(seconds: float, shared: float) -> None:
    """Others are told of the rest by the service itself."""
    told: list[tuple[float, float]] = []

    class Told:
        async def reserve(self, account: str, seconds: float, delay: float) -> float:
            told.append((seconds, delay))
            return 0.0

    await StorePacer(100, Told(), "account").share_pause(seconds)  # type: ignore[arg-type]  # a stand-in
    assert told == [(0.0, shared)]
