"""One rate for all processes: exact, in the order of asking, and used."""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from engines import Engine
from hypothesis import given
from hypothesis import strategies as st
from servers import PYTHON
from worlds import World

from iletimerkezi_async import Retry, StoreError, UnavailableError
from iletimerkezi_async.http.pacing import TokenBucket
from iletimerkezi_async.stores import Store
from iletimerkezi_async.stores.pacing import StorePacer
from iletimerkezi_async.stores.slots import WINDOW, next_slot, room_at, scale

HERE = Path(__file__).parent
_ATTEMPTS = 5


def busiest(passed: list[tuple[float, int]], seconds: float = 1.0) -> int:
    """The most recipients in any such time."""
    passed = sorted(passed)
    most, total, first = 0, 0, 0
    for moment, n in passed:
        total += n
        while passed[first][0] <= moment - seconds:
            total -= passed[first][1]
            first += 1
        most = max(most, total)
    return most


def used(passed: list[tuple[float, int]], rate: float, seconds: int) -> float:
    """The part of the rate that was used, in so many seconds from the first on."""
    first = min(moment for moment, _ in passed)
    return sum(n for moment, n in passed if moment < first + seconds) / (seconds * rate)


class Alone:
    """What paces where the store is away: here it only counts."""

    def __init__(self) -> None:
        self.asked = 0

    async def acquire(self, n: int, /) -> None:
        self.asked += n


@given(
    st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 100)), min_size=1, max_size=60), st.sampled_from([100, 250.5])
)
def test_the_rule_is_exact(asked: list[tuple[float, int]], rate: float) -> None:
    """In no second are more than the rate let through, moments never go back, and none is later than it must be."""
    window, most = scale(rate)
    slots: list[tuple[float, int]] = []
    now = 0.0
    for pause, n in asked:
        now += pause
        slot = next_slot(slots, now, n, window, most)
        assert slot >= now
        assert not slots or slot >= slots[-1][0]
        if slot > now and (not slots or slot > slots[-1][0]):
            # A moment earlier there was no room.
            assert sum(count for moment, count in slots if moment > slot - window - 1e-9) + n > most
        slots.append((slot, n))
    assert busiest(slots) <= rate


@pytest.mark.anyio
async def test_below_one_a_second_each_waits_for_longer(store: Store, account: str) -> None:
    """A rate of a half lets one pass in two seconds."""
    given = [await store.reserve(account, 1, 0.5) for _ in range(3)]
    assert [wait for wait, _ in given] == [pytest.approx(each, abs=0.2) for each in (0, 2 * WINDOW, 4 * WINDOW)]


@pytest.mark.anyio
async def test_nobody_gets_more_than_was_asked_for(store: Store, account: str) -> None:
    """There is room for others at the same moment, who may not come."""
    assert [more for _, more in [await store.reserve(account, 1, 100) for _ in range(3)]] == [0, 0, 0]


@pytest.mark.anyio
@pytest.mark.parametrize("sizes", [(2,), (3, 1, 7, 2), (100, 1), (80, *[1] * 40), (60, 60)])
async def test_every_engine_keeps_the_rule(engine: Engine, store: Store, account: str, sizes: tuple[int, ...]) -> None:
    """The moments that an engine gave are those that the rule gives for the same moments of asking."""
    rate, asked, more = 100.0, list(itertools.islice(itertools.cycle(sizes), 60)), []
    for place, n in enumerate(asked):
        more.append((await store.reserve(account, n, rate, extra=place % 7))[1])
    slots = engine.slots(account)
    assert [n for _, n in slots] == [n + extra for n, extra in zip(asked, more)]
    assert busiest(slots) <= rate
    window, most = scale(rate)
    for place, (slot, n) in enumerate(slots):
        before = slots[:place]
        expected = next_slot(before, 0, asked[place], window, most)
        # What could be given at once depends on when it was asked for.
        if expected > slots[0][0] + window:
            assert slot == pytest.approx(expected, abs=1e-5)
            assert n == asked[place] + min(place % 7, room_at(slot, before, window, most) - asked[place])


@pytest.mark.anyio
async def test_many_stores_share_a_rate(engine: Engine, account: str) -> None:
    """What four stores reserve at once is in no second more than the rate, and leaves nothing unused."""
    rate = 100.0

    async def ask(store: Store, name: str) -> None:
        for n in (1, 2, 3, 1, 1, 4, 2, 1):
            await store.reserve(name, n, rate)

    most = 0.0
    for attempt in range(_ATTEMPTS):
        name = f"{account}{attempt}"
        async with engine.store() as a, engine.store() as b, engine.store() as c, engine.store() as d:
            async with anyio.create_task_group() as tasks:
                for store in (a, b, c, d) * 8:
                    tasks.start_soon(ask, store, name)
        slots = engine.slots(name)
        assert busiest(slots) <= rate
        assert slots == sorted(slots, key=lambda slot: slot[0])
        most = max(most, used(slots, rate, 4))
        # How much is used tells of the machine as well: it is enough to show it once.
        if most >= 0.95:
            return
    raise AssertionError(most)


@pytest.mark.anyio
async def test_a_large_order_is_not_starved(store: Store, account: str) -> None:
    """It gets its moment behind those who asked before it, and those who ask later come after it."""
    before = [(await store.reserve(account, 1, 100))[0] for _ in range(100)]
    began = time.monotonic()
    large, _ = await store.reserve(account, 80, 100)
    after = [(await store.reserve(account, 1, 100))[0] + time.monotonic() - began for _ in range(100)]
    assert max(before) <= large <= 2 * WINDOW
    assert min(after) >= large - 0.01


@pytest.mark.anyio
async def test_a_clock_that_was_set_back_holds_nobody_up(
    engine: Engine, store: Store, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moments far ahead are left of another clock (shown where the clock is ours to set)."""
    if engine.name != "sqlite":
        pytest.skip("a server's clock is not ours to set")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 7200)
    await store.reserve(account, 100, 100)
    monkeypatch.undo()
    assert (await store.reserve(account, 1, 100))[0] < 1


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_who_gives_up_makes_room(store: Store, account: str) -> None:
    """Of 400 callers 300 give up while they wait: the others do not wait for them."""
    pacer = StorePacer(store, account, 100, Alone())
    passed: list[float] = []
    began = time.monotonic()

    async def stay() -> None:
        await pacer.acquire(1)
        passed.append(time.monotonic())

    async with anyio.create_task_group() as others:
        for _ in range(50):
            others.start_soon(stay)
        async with anyio.create_task_group() as leaving:
            for _ in range(300):
                leaving.start_soon(pacer.acquire, 1)
            await anyio.sleep(0.1)
            for _ in range(100):
                others.start_soon(stay)
            leaving.cancel_scope.cancel()
    assert len(passed) == 150
    # Some of those who left had passed already: 50 of them. All 350 would have taken two and a half seconds more.
    assert time.monotonic() - began < 2.9


@pytest.mark.anyio
async def test_a_bulk_order_passes(store: Store, account: str) -> None:
    """What is larger than the rate is not paced."""
    pacer = StorePacer(store, account, 100, Alone())
    with anyio.fail_after(1):
        for _ in range(5):
            await pacer.acquire(101)


@pytest.mark.anyio
async def test_without_its_store_a_process_paces_by_itself(
    engine: Engine, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With one warning for all."""
    store = engine.store()
    await store.aclose()
    alone = Alone()
    pacer = StorePacer(store, account, 100, alone)
    with caplog.at_level(logging.INFO, "iletimerkezi_async"):
        for _ in range(3):
            await pacer.acquire(2)
    assert alone.asked == 6
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def start_callers(engine: Engine, account: str, rate: int, large: int) -> subprocess.Popen[str]:
    command = [PYTHON, str(HERE / "callers.py"), engine.name, engine.address, account, str(rate), str(large)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process


def read_passed(process: subprocess.Popen[str]) -> list[tuple[float, int]]:
    output, _ = process.communicate(timeout=60)
    return [tuple(json.loads(line)) for line in output.splitlines() if line.endswith("]")]


def share_among_processes(engine: Engine, account: str, rate: int) -> list[tuple[float, int]]:
    """When recipients were let through, by four processes with 250 callers each, one of which is killed."""
    processes = [start_callers(engine, account, rate, large) for large in (1, 80, 1, 1)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    time.sleep(0.4)
    processes[0].kill()
    return [each for process in processes for each in read_passed(process)]


def test_four_processes_share_a_rate(engine: Engine, account: str) -> None:
    """A thousand callers of whom half give up, and one process killed in the middle: exact, and used."""
    rate = 400
    most = [0.0, 0.0]
    # How much is used tells of the machine as well: it is enough to show it once.
    for attempt in range(_ATTEMPTS):
        passed = share_among_processes(engine, f"{account}{attempt}", rate)
        assert busiest(engine.slots(f"{account}{attempt}")) <= rate
        # Processes wake up a little late on a busy machine.
        assert busiest(passed, 0.9) <= rate
        assert 80 in {n for _, n in passed}
        most = [max(most[0], used(passed, rate, 1)), max(most[1], used(passed, rate, 2))]
        if most[0] >= 0.95 and most[1] >= 0.8:
            return
    # In the second one, the large order had to wait for a second of its own, with those behind it.
    raise AssertionError(most)


@pytest.mark.anyio
async def test_a_pause_is_everybody_s(engine: Engine, account: str) -> None:
    """No moment is given before its end, to whichever process; a shorter one later does not end it."""
    async with engine.store() as one, engine.store() as other:
        await one.reserve(account, 10, 100)
        await one.hold_back(account, 20.0, 100)
        await one.hold_back(account, 5.0, 100)
        waits = [(await other.reserve(account, 60, 100))[0] for _ in range(2)]
        assert 19 < waits[0] <= 20.1
        assert 20 < waits[1] <= 21.2
        assert (await other.reserve(f"{account}x", 1, 100))[0] < 1


@pytest.mark.anyio
@pytest.mark.parametrize("retry", [Retry(attempts=1), Retry(attempts=2, wait_initial=0)])
async def test_a_429_holds_the_other_processes_back(world: World, store: Store, retry: Retry) -> None:
    """Also where its own caller gives up at once: the next order of another client on another store waits."""
    async with world.engine.store() as other_store:
        async with world.client(store, rate=100, retry=retry) as one, world.client(other_store, rate=100) as other:
            await other.send_sms("Once", "+905301234560")
            began = time.monotonic()
            async with anyio.create_task_group() as tasks:

                async def send() -> None:
                    with suppress(UnavailableError):
                        await one.send_sms("Bir", "+905301234561")

                world.sandbox.fail("send-sms", "429", retry_after=1)
                tasks.start_soon(send)
                while world.asked() < 2:  # noqa: ASYNC110 - until it was refused
                    await anyio.sleep(0.001)
                await anyio.sleep(0.1)
                await other.send_sms("Iki", "+905301234562")
            assert time.monotonic() - began >= 1


@pytest.mark.anyio
async def test_a_pause_while_the_store_is_away(engine: Engine, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process keeps it by itself: what it has reserved before is given up, and a bulk order waits as well."""

    def away(self: Store, *arguments: object) -> tuple[float, int]:
        raise StoreError("it is away")

    async with engine.store() as store:
        pacer = StorePacer(store, account, 100, TokenBucket(100))
        await pacer.acquire(1)
        monkeypatch.setattr(type(store), "_reserve", away)
        began = time.monotonic()
        pacer.hold_back(0.3)
        await pacer.share_pause()
        await pacer.acquire(1)
        assert time.monotonic() - began >= 0.29
        pacer.hold_back(0.2)
        began = time.monotonic()
        await pacer.acquire(1000)
        assert time.monotonic() - began >= 0.19
