"""Pacing: in no second more than `rate`, in the order of asking, and nobody waits without need."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import TypeVar

import anyio
import anyio.lowlevel
import httpx
import jumping
import pytest
from attrs import define
from canned import Canned, ok, refusal
from frames import everything_of
from hypothesis import given, settings
from hypothesis import strategies as st

from iletimerkezi_async import (
    AsyncClient,
    ConfigurationError,
    IletimerkeziError,
    Iys,
    OutcomeUnknownError,
    Retry,
    TokenBucket,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.sandbox import Sandbox

T = TypeVar("T")
NUMBER = "5301234567"
TAKEN = ok(order={"id": 1})


class VirtualLoop(jumping._JumpingLoop):
    """Its time passes in sleeps alone, so that what is computed meanwhile takes none."""

    def time(self) -> float:
        return self._jumping.ahead


def run(backend: str, main: Callable[[], Awaitable[T]]) -> T:
    import trio.testing

    clock = {"clock": trio.testing.MockClock(autojump_threshold=0)}
    return anyio.run(
        main, backend=backend, backend_options=clock if backend == "trio" else {"loop_factory": VirtualLoop}
    )


@define
class Caller:
    """One who asks, and what came of it."""

    after: float
    n: int
    patience: float | None
    asked: float = 0.0
    passed: float | None = None
    gave_up: float | None = None


def walk(backend: str, rate: float, callers: list[Caller]) -> None:
    """Let the callers come, each so many seconds after the one before; who has no patience left gives up."""
    bucket = TokenBucket(rate)

    async def come(caller: Caller) -> None:
        caller.asked = anyio.current_time()
        with anyio.move_on_after(caller.patience):
            await bucket.acquire(caller.n)
            caller.passed = anyio.current_time()
        caller.gave_up = anyio.current_time() if caller.passed is None else None

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for caller in callers:
                await anyio.sleep(caller.after)
                tasks.start_soon(come, caller)
                # It asks before the next one comes, also on trio, which runs tasks in any order.
                await anyio.wait_all_tasks_blocked() if not caller.after else await anyio.lowlevel.checkpoint()

    run(backend, main)


def assert_exact(rate: float, callers: Iterable[Caller]) -> None:
    """No second with too many, no one before their turn, no wait without need."""
    second, size = max(1.0, 1 / rate), max(1, int(rate))
    in_order = sorted(callers, key=lambda caller: caller.asked)
    passed: list[tuple[float, int]] = []
    free_since = 0.0
    for caller in in_order:
        if caller.passed is not None:
            assert not passed or caller.passed >= passed[-1][0], "out of turn"
            if caller.n <= size:
                recent = [each for each in passed if each[0] > caller.passed - second]
                assert sum(n for _, n in recent) + caller.n <= size, "too many in a second"
                # The earliest moment: it has asked, nobody is before it, and enough have been gone for a second.
                earliest = max(caller.asked, free_since)
                room, since = size - caller.n, 0
                for moment, n in reversed(passed):
                    since += n
                    if since > room:
                        earliest = max(earliest, moment + second)
                        break
                assert caller.passed <= earliest + 1e-4, "waited without need"
                passed.append((caller.passed, caller.n))
        free_since = max(free_since, caller.passed or 0, caller.gave_up or 0)


gaps = st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.37, 0.5, 1.0, 2.5])
patience = st.sampled_from([None, None, None, 0.0, 0.05, 0.3, 1.0, 1.7])


@given(
    st.sampled_from([0.5, 1, 2, 3, 7, 10]),
    st.lists(st.builds(Caller, gaps, st.integers(1, 10), patience), max_size=40),
    st.sampled_from(["asyncio", "trio"]),
)
@settings(deadline=None)
def test_no_second_has_too_many_and_nobody_waits_without_need(rate: float, callers: list[Caller], backend: str) -> None:
    """Whoever comes when, for how many, and gives up when."""
    for caller in callers:
        caller.n = min(caller.n, max(1, int(rate)))
    walk(backend, rate, callers)
    assert_exact(rate, callers)


@pytest.mark.parametrize("seed", [1, 2])
def test_thousands_of_callers_in_a_rush(anyio_backend: str, seed: int) -> None:
    """More than may pass, a third of them with a deadline."""
    draw = random.Random(seed)
    callers = [
        Caller(draw.expovariate(60), draw.choice([1, 1, 1, 2, 5, 40]), draw.choice([None, None, draw.uniform(0, 9)]))
        for _ in range(2000)
    ]
    walk(anyio_backend, 100, callers)
    assert_exact(100, callers)
    assert any(caller.gave_up for caller in callers)
    assert sum(caller.passed is not None for caller in callers) > 1000


def test_all_that_wait_give_up_at_once(anyio_backend: str) -> None:
    """And whoever comes next waits for those alone who have passed."""
    callers = [Caller(0, 10, None), *(Caller(0, 10, 0.5) for _ in range(500)), Caller(0.6, 10, None)]
    walk(anyio_backend, 10, callers)
    assert callers[-1].passed == pytest.approx(callers[0].asked + 1, abs=1e-4)


def test_a_big_order_that_gives_up_lets_the_small_ones_behind_it_through(anyio_backend: str) -> None:
    """At once, where there is room for them."""
    callers = [Caller(0, 5, None), Caller(0, 10, 0.25), *(Caller(0.01, 1, None) for _ in range(5))]
    walk(anyio_backend, 10, callers)
    assert [caller.passed for caller in callers[2:]] == pytest.approx([callers[1].asked + 0.25] * 5, abs=1e-4)


def test_bulk_orders_pass_unpaced(anyio_backend: str) -> None:
    """An order larger than the rate is none of its business, also where others wait."""
    callers = [Caller(0, 10, None), Caller(0, 10, None), *(Caller(0, 11, None) for _ in range(100))]
    walk(anyio_backend, 10, callers)
    assert {caller.passed for caller in callers[2:]} == {callers[0].passed}


def test_ten_thousand_can_wait(anyio_backend: str) -> None:
    """Each costs the same, however many there are."""
    bucket = TokenBucket(5_000)
    passed: list[float] = []

    async def come() -> None:
        await bucket.acquire(1)
        passed.append(anyio.current_time())

    async def main() -> float:
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for _ in range(10_000):
                tasks.start_soon(come)
        return anyio.current_time() - began

    assert run(anyio_backend, main) == pytest.approx(1, abs=1e-4)
    assert len(passed) == 10_000


def test_loops_in_threads_share_one_rate() -> None:
    """One of asyncio and one of trio: together no more in any second, and none waits for the other's pleasure."""
    bucket = TokenBucket(40)
    passed: list[float] = []

    async def one() -> None:
        await bucket.acquire(1)
        passed.append(time.monotonic())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(one)

    began = time.monotonic()
    threads = [
        threading.Thread(target=anyio.run, args=(main,), kwargs={"backend": each}) for each in ("asyncio", "trio")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    passed.sort()
    assert len(passed) == 60
    # What a thread does after it has passed takes its time, too.
    assert all(later - earlier > 0.8 for earlier, later in zip(passed, passed[40:]))
    assert time.monotonic() - began < 5


def test_a_loop_that_was_ended_around_its_waiters_holds_up_nobody() -> None:
    """Neither those who were next nor those who were let go already."""
    bucket = TokenBucket(10)
    loop = asyncio.new_event_loop()
    waiting = [loop.create_task(bucket.acquire(10)) for _ in range(3)]  # type: ignore[var-annotated]  # of None
    loop.run_until_complete(asyncio.sleep(0.01))
    assert [task.done() for task in waiting] == [True, False, False]
    loop.close()

    async def main() -> None:
        with anyio.fail_after(3):
            await bucket.acquire(10)

    anyio.run(main)
    for task in waiting[1:]:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # that it never ended is the point
    del waiting, task
    gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_does_not_wait_for_its_parent_s_waiters() -> None:
    """They are not there."""
    bucket = TokenBucket(1)

    async def child() -> None:
        with anyio.fail_after(5):
            await bucket.acquire(1)

    async def main() -> int:
        await bucket.acquire(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bucket.acquire, 1)
            await anyio.sleep(0.01)
            process = os.fork()
            if not process:
                code = 1
                try:
                    thread = threading.Thread(target=anyio.run, args=(child,))
                    thread.start()
                    thread.join(10)
                    code = 0 if bucket._window._used else 2
                finally:
                    os._exit(code)
            tasks.cancel_scope.cancel()
        return process

    assert os.waitstatus_to_exitcode(os.waitpid(anyio.run(main), 0)[1]) == 0


@pytest.mark.parametrize("rate", [0, -1, "100", True, float("nan"), float("inf"), None, [], 10**400])
def test_a_rate_that_is_none_is_refused(rate: object) -> None:
    """When the bucket is made."""
    with pytest.raises(ConfigurationError, match="rate"):
        TokenBucket(rate)  # type: ignore[arg-type]  # the point of the test


# 429.


def test_a_429_holds_everybody_back(anyio_backend: str) -> None:
    """Nobody sends before the pause that it asks for is over, be it a paced order or one in bulk; reads go on."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "429", retry_after=5)
    ended: dict[str, float] = {}

    async def main() -> None:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=10) as client:

            async def send(name: str, count: int) -> None:
                await client.send_sms("Kodunuz 1234", [5301234567 + each for each in range(count)])
                ended[name] = anyio.current_time() - began

            began = anyio.current_time()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send, "refused", 1)
                await anyio.sleep(1)
                tasks.start_soon(send, "paced", 2)
                tasks.start_soon(send, "bulk", 30)
                await client.get_balance()
                ended["read"] = anyio.current_time() - began

    jumping.run(anyio_backend, main, sandbox)
    assert ended["read"] < 4
    assert all(5 <= ended[name] < 7 for name in ("refused", "paced", "bulk"))


def test_a_429_holds_back_those_who_wait_for_a_pacer_of_the_caller_s(anyio_backend: str) -> None:
    """Whoever got a turn meanwhile asks for another one."""
    asked: list[float] = []

    class Everybody:
        async def acquire(self, n: int, /) -> None:
            asked.append(anyio.current_time())

    sandbox = Sandbox()
    sandbox.fail("send-sms", "429", retry_after=5)

    async def main() -> None:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=Everybody()) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.send_sms, "Bir", NUMBER)
                await anyio.sleep(1)
                tasks.start_soon(client.send_sms, "Iki", NUMBER)
            assert len(sandbox.orders) == 2

    jumping.run(anyio_backend, main, sandbox)
    assert len(asked) == 3
    assert asked[1] - asked[0] >= 4.9


def test_nobody_is_held_back_for_longer_than_the_policy_allows(anyio_backend: str) -> None:
    """A pause of an hour is an error for whoever got it, and no hour for the others."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "429", retry_after=3600)

    async def main() -> float:
        retry = Retry(wait_max=3)
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=10, retry=retry) as client:
            with pytest.raises(UnavailableError):
                await client.send_sms("Bir", NUMBER)
            began = anyio.current_time()
            await client.send_sms("Iki", NUMBER)
            return anyio.current_time() - began

    assert 2.9 < jumping.run(anyio_backend, main, sandbox) < 4


# A caller's own pacer.


class Broken:
    """A pacer that cannot say when, from the second time on."""

    def __init__(self, error: Exception, works: int = 0) -> None:
        self._error = error
        self._works = works

    async def acquire(self, n: int, /) -> None:
        self._works -= 1
        if self._works < 0:
            raise self._error


@pytest.mark.anyio
@pytest.mark.parametrize("error", [ValueError("redis is away"), TimeoutError(), LookupError(NUMBER)])
async def test_what_a_pacer_raises_means_not_sent(error: Exception) -> None:
    """One of our errors, with the caller's as its cause; and no request."""
    canned = Canned(TAKEN, rate=Broken(error))
    with pytest.raises(TransportError, match="not sent") as caught:
        await canned.client.send_sms("Kodunuz 987654", NUMBER)
    assert type(caught.value) is TransportError
    assert caught.value.__cause__ is error
    assert canned.requests == []
    caught.value.__cause__ = None
    shown = everything_of(caught.value)
    assert "987654" not in shown
    assert NUMBER not in shown
    assert pickle.loads(pickle.dumps(caught.value)).operation == "send-sms"


@pytest.mark.anyio
async def test_an_error_of_ours_that_a_pacer_raises_stays_what_it_is() -> None:
    """As that of a store which cannot be reached."""
    with pytest.raises(ConfigurationError, match="mine"):
        await Canned(TAKEN, rate=Broken(ConfigurationError("mine"))).client.send_sms("Bir", NUMBER)


@pytest.mark.anyio
async def test_a_pacer_that_fails_after_a_lost_answer_leaves_that_open() -> None:
    """The first attempt may have been taken."""
    canned = Canned(httpx.ReadError("lost"), rate=Broken(ValueError(), works=1))
    with pytest.raises(OutcomeUnknownError):
        await canned.client.send_sms("Bir", NUMBER)
    assert len(canned.requests) == 1


@pytest.mark.anyio
async def test_who_is_cancelled_while_waiting_for_a_pacer_is_cancelled() -> None:
    """And gets no error of ours."""

    class Never:
        async def acquire(self, n: int, /) -> None:
            await anyio.sleep_forever()

    canned = Canned(TAKEN, rate=Never())
    with anyio.move_on_after(0.01) as scope:
        await canned.client.send_sms("Bir", NUMBER)
    assert scope.cancelled_caught
    assert canned.requests == []


class Blocking:
    """As the semaphore of the standard library's threads has it."""

    def acquire(self, n: int, /) -> bool:
        return True


@pytest.mark.anyio
async def test_a_pacer_that_cannot_be_awaited_means_not_sent() -> None:
    """Only asking tells."""
    canned = Canned(TAKEN, rate=Blocking())
    with pytest.raises(IletimerkeziError, match="not sent"):
        await canned.client.send_sms("Bir", NUMBER)
    assert canned.requests == []


@pytest.mark.parametrize(
    "rate", ["100", True, [], object(), TokenBucket, threading.Lock, b"1", {}, asyncio.Lock, SimpleNamespace(acquire=5)]
)
def test_what_is_no_rate_is_refused(rate: object) -> None:
    """When the client is made, and not after an SMS has gone out."""
    with pytest.raises(ConfigurationError, match="rate"):
        AsyncClient("demo", "demo", rate=rate)  # type: ignore[arg-type]  # the point of the test


class Unsigned:
    """As a function that is written in C: how it can be called is not to be seen."""

    @property
    def __signature__(self) -> object:
        raise ValueError

    async def __call__(self, n: int, /) -> None:
        pass


@pytest.mark.anyio
async def test_a_pacer_whose_acquire_does_not_tell_its_parameters_is_taken() -> None:
    """Only one that surely takes no count is refused."""
    canned = Canned(TAKEN, rate=SimpleNamespace(acquire=Unsigned()))
    assert (await canned.client.send_sms("Bir", NUMBER)).id == 1


@pytest.mark.anyio
async def test_a_pacer_whose_acquire_takes_no_count_is_refused() -> None:
    """A semaphore is none."""
    with pytest.raises(ConfigurationError, match="rate"):
        AsyncClient("demo", "demo", rate=anyio.Semaphore(1))  # type: ignore[arg-type]  # the point of the test


@pytest.mark.anyio
async def test_a_refusal_of_the_moment_without_a_pause_holds_nobody_back() -> None:
    """A 429 that asks for none."""
    canned = Canned(refusal(429), TAKEN, rate=100, retry=Retry(attempts=1))
    with pytest.raises(UnavailableError):
        await canned.client.send_sms("Bir", NUMBER)
    with anyio.fail_after(0.5):
        await canned.client.send_sms("Iki", NUMBER)
