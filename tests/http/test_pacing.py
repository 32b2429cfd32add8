"""Pacing: in no second more than `rate`, in the order of asking, and everything is sent in the end."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import os
import pickle
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TypeVar

import anyio
import anyio.lowlevel
import httpx
import jumping
import pytest
import trio
import trio.testing
from arrivals import watched
from attrs import define
from canned import Canned, ok, refusal
from frames import everything_of
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import PATIENCE

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
    """Its time passes in sleeps, and by what its turns are said to take."""

    def __init__(self, turns: Iterator[float]) -> None:
        super().__init__()
        self._turns = turns

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]  # of the standard library, which does not tell its type
        self._jumping.ahead += next(self._turns)


class Turns(trio.abc.Instrument):
    """The same on trio."""

    def __init__(self, clock: trio.testing.MockClock, turns: Iterator[float]) -> None:
        self._clock = clock
        self._turns = turns

    def before_io_wait(self, timeout: float) -> None:
        self._clock.jump(next(self._turns))


def run(backend: str, main: Callable[[], Awaitable[T]], turns: Sequence[float] = (0.0,)) -> T:
    """Run a test in a time of its own, whose turns of the event loop take so many seconds, over and over."""
    seconds = itertools.cycle(turns)
    clock = trio.testing.MockClock(autojump_threshold=0)

    async def start() -> T:
        with jumping.monotonic_as(anyio.current_time if backend == "asyncio" else clock.current_time):
            return await main()

    options: dict[str, object] = {"clock": clock, "instruments": [Turns(clock, seconds)]}
    if backend == "asyncio":
        options = {"loop_factory": lambda: VirtualLoop(seconds)}
    return anyio.run(start, backend=backend, backend_options=options)


@define
class Caller:
    """One who asks, and what came of it."""

    after: float
    n: int
    patience: float | None = None
    asked: float = 0.0
    passed: float | None = None


def walk(backend: str, rate: float, callers: list[Caller], turns: Sequence[float] = (0.0,)) -> None:
    """Let the callers come, each so many seconds after the one before; who has no patience left gives up."""
    bucket = TokenBucket(rate)

    async def come(caller: Caller) -> None:
        caller.asked = anyio.current_time()
        with anyio.move_on_after(caller.patience):
            await bucket.acquire(caller.n)
            caller.passed = anyio.current_time()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for caller in callers:
                await anyio.sleep(caller.after)
                tasks.start_soon(come, caller)
                # It asks before the next one comes, also on trio, which runs tasks in any order.
                await anyio.lowlevel.checkpoint()

    run(backend, main, turns)


def plain(rate: float, callers: list[Caller]) -> list[float]:
    """When they pass by the algorithm alone: after a quiet time a tenth of the rate at once, then nine tenths of it."""
    free, passed = -math.inf, []
    for caller in callers:
        free = max(free, caller.asked - 0.1)
        passed.append(max(free, caller.asked))
        # Of a rate like 2.5 the half is not used, as it fits into no second.
        free += caller.n / (0.9 * (int(rate) or rate))
    return passed


def assert_paced(rate: float, callers: Iterable[Caller]) -> None:
    """In no second more than the rate, and an order of n more."""
    second = max(1.0, 1 / rate)
    passed = sorted((caller.passed, caller.n) for caller in callers if caller.passed is not None)
    for moment, _ in passed:
        recent = [n for other, n in passed if moment - second < other <= moment]
        assert sum(recent) - max(recent) < max(1, int(rate))


gaps = st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.37, 0.5, 1.0, 2.5])
patience = st.sampled_from([None, None, None, 0.0, 0.05, 0.3, 1.0, 1.7])
backends = st.sampled_from(["asyncio", "trio"])
rates = st.sampled_from([0.5, 1, 2.5, 3, 7, 10])


def drawn(counts: st.SearchStrategy[int], patience: st.SearchStrategy[float | None]) -> st.SearchStrategy[list[Caller]]:
    return st.lists(st.builds(Caller, gaps, counts, patience), max_size=40)


@given(rates, drawn(st.integers(1, 10), st.none()), backends)
@settings(deadline=None)
def test_they_pass_when_the_algorithm_says(rate: float, callers: list[Caller], backend: str) -> None:
    """Where all have patience and the event loop has time; larger orders pass at once."""
    walk(backend, rate, callers)
    paced = [caller for caller in callers if caller.n <= max(1, int(rate))]
    assert [caller.passed for caller in paced] == pytest.approx(plain(rate, paced))
    assert all(caller.passed == caller.asked for caller in callers if caller.n > max(1, int(rate)))


@given(
    rates, drawn(st.just(1), patience), backends, st.lists(st.sampled_from([0.0, 0.01, 0.03, 0.05, 0.1]), min_size=1)
)
@settings(deadline=None)
def test_no_second_has_more_than_the_rate(rate: float, callers: list[Caller], backend: str, turns: list[float]) -> None:
    """However long the turns of the event loop take, up to a tenth of a second, and whoever gives up when."""
    walk(backend, rate, callers, turns)
    assert_paced(rate, callers)
    assert all(caller.passed is not None for caller in callers if caller.patience is None)
    passed = [caller.passed for caller in callers if caller.passed is not None]
    assert passed == sorted(passed), "out of turn"


@given(st.sampled_from([3, 7, 10]), drawn(st.integers(1, 10), patience), backends, st.integers(0, 60))
@settings(deadline=None)
def test_one_long_stall(rate: float, callers: list[Caller], backend: str, when: int) -> None:
    """Those whose moments are over ask once more, and do not all go at once; an order of n adds n to its second."""
    for caller in callers:
        caller.n = min(caller.n, int(rate))
    walk(backend, rate, callers, [*[0.03] * when, 2.0, *[0.03] * 10_000])
    assert_paced(rate, callers)
    assert all(caller.passed is not None for caller in callers if caller.patience is None)


def rush(backend: str, rate: float, count: int, turn: float) -> float:
    """How long it takes until so many callers who come at once have passed."""
    bucket = TokenBucket(rate)

    async def main() -> float:
        began = anyio.current_time()
        with anyio.fail_after(100):
            async with anyio.create_task_group() as tasks:
                for _ in range(count):
                    tasks.start_soon(bucket.acquire, 1)
        return anyio.current_time() - began

    return run(backend, main, [turn])


def test_slow_turns_cost_nothing(anyio_backend: str) -> None:
    """Several pass in each turn of the event loop; some turns come before the first and after the last."""
    assert rush(anyio_backend, 100, 270, 0.05) == pytest.approx(270 / 90 - 0.1, abs=0.25)


def test_everything_is_sent_however_slow_the_event_loop_is(anyio_backend: str) -> None:
    """Each turn takes longer than an order may be late: it asks once more, and then goes."""
    assert rush(anyio_backend, 10, 50, 0.3) < 20


@pytest.mark.parametrize(("seed", "turn"), [(1, 0.0), (2, 0.05)])
def test_thousands_of_callers_in_a_rush(anyio_backend: str, seed: int, turn: float) -> None:
    """More than may pass, a third of them with a deadline."""
    draw = random.Random(seed)
    callers = [
        Caller(draw.expovariate(60), draw.choice([1, 1, 1, 2, 5, 40]), draw.choice([None, None, draw.uniform(0, 9)]))
        for _ in range(1000)
    ]
    walk(anyio_backend, 100, callers, [turn])
    assert_paced(100, callers)
    assert None not in [caller.passed for caller in callers if caller.patience is None]


def test_those_who_give_up_have_reserved_nothing(anyio_backend: str) -> None:
    """But the next few: of five hundred who wait for their turn none holds up who comes after them."""
    callers = [*(Caller(0, 1, 0.5) for _ in range(500)), Caller(0.6, 1)]
    walk(anyio_backend, 10, callers)
    last = callers[-1]
    assert last.passed is not None
    assert last.passed < last.asked + 0.5


def test_two_thousand_can_wait(anyio_backend: str) -> None:
    """A tenth of the rate goes at once, the rest evenly at nine tenths of it."""
    callers = [Caller(0, 1) for _ in range(2_000)]
    walk(anyio_backend, 1_000, callers)
    assert sum(caller.passed == 0 for caller in callers) == pytest.approx(100, rel=0.11)
    assert callers[-1].passed == pytest.approx(2_000 / 900 - 0.1, abs=0.002)


def test_loops_in_threads_share_one_rate() -> None:
    """One of asyncio and one of trio: sixty in two loops take more than a second, at a rate of forty."""
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
        thread.join()
    assert len(passed) == 60
    assert max(passed) - began >= 1


def test_a_loop_that_was_ended_around_its_waiters_holds_up_nobody() -> None:
    """They waited in a line of its own."""
    bucket = TokenBucket(0.01)
    loop = asyncio.new_event_loop()
    waiting = [loop.create_task(bucket.acquire(1)) for _ in range(5)]  # type: ignore[var-annotated]  # of None
    loop.run_until_complete(asyncio.sleep(0.01))
    assert [task.done() for task in waiting] == [True, False, False, False, False]
    loop.close()

    async def main() -> None:
        await bucket.acquire(1)

    run("asyncio", main)
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
        await bucket.acquire(1)

    async def main() -> int:
        await bucket.acquire(1)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(bucket.acquire, 1)
            await anyio.wait_all_tasks_blocked()
            process = os.fork()
            if not process:
                code = 1
                try:
                    thread = threading.Thread(target=anyio.run, args=(child,))
                    thread.start()
                    thread.join(PATIENCE)
                    code = 1 if thread.is_alive() else 0
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


# By what the sandbox saw.


async def be_busy(seconds: float, *, pause: float) -> None:
    """Hold up the event loop."""
    while True:
        time.sleep(seconds)  # noqa: ASYNC251 - what it is for
        await anyio.sleep(pause)


@pytest.mark.anyio
@pytest.mark.parametrize(("seconds", "pause"), [(0.0, 1.0), (0.03, 0.1), (0.05, 0.0)], ids=["quiet", "stalls", "turns"])
async def test_the_service_sees_no_more_than_the_rate(seconds: float, pause: float) -> None:
    """Also where the event loop is stalled for 30 ms now and then, or each turn takes 50 ms; everything is sent."""
    rate, sandbox = 40, Sandbox()
    with sandbox.serve() as url:
        async with watched() as watch:
            client = AsyncClient(
                "demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, rate=rate, http_client=watch.http
            )
            async with anyio.create_task_group() as others:
                others.start_soon(partial(be_busy, seconds, pause=pause))
                async with anyio.create_task_group() as tasks:
                    for place in range(60):
                        tasks.start_soon(client.send_sms, f"Kodunuz {place}", NUMBER)
                    tasks.start_soon(client.send_sms, "Kodlariniz", [int(NUMBER) + place for place in range(20)])
                others.cancel_scope.cancel()
    assert len(sandbox.orders) == 61
    watch.assert_paced(sandbox, rate, most=20)


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


def test_after_two_pauses_in_a_row_they_go_one_by_one(anyio_backend: str) -> None:
    """Also those that were let through when each of them began."""
    bucket = TokenBucket(20)
    passed: list[float] = []

    async def come() -> None:
        await bucket.acquire(1)
        passed.append(anyio.current_time() - began)

    began = 0.0

    async def main() -> None:
        nonlocal began
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(come)
            await anyio.sleep(0.01)
            bucket.hold_back(1)
            await anyio.sleep(1.02)
            bucket.hold_back(1)
            bucket.hold_back(0.5)

    run(anyio_backend, main)
    passed = [moment for moment in passed if moment > 1.1]
    assert len(passed) > 25
    assert min(passed) == pytest.approx(2.03)
    assert all(later - earlier > 0.05 for earlier, later in itertools.pairwise(passed))


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


def test_a_503_holds_back_its_own_call_alone(anyio_backend: str) -> None:
    """Only a 429 is about the account's pace."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "503", retry_after=3600)

    async def main() -> float:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=10) as client:
            with pytest.raises(UnavailableError):
                await client.send_sms("Bir", NUMBER)
            began = anyio.current_time()
            await client.send_sms("Iki", NUMBER)
            return anyio.current_time() - began

    assert jumping.run(anyio_backend, main, sandbox) < 1


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
async def test_a_pacer_without_a_rate_of_its_own_is_asked() -> None:
    """Its `rate` says only what a bulk order is."""
    pacer = Broken(ValueError("the quota is used up"))
    pacer.rate = None  # type: ignore[attr-defined]  # as callers write it
    canned = Canned(TAKEN, rate=pacer)
    with pytest.raises(TransportError, match="not sent"):
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert canned.requests == []


@pytest.mark.anyio
@pytest.mark.parametrize("rate", ["100/s", float("nan"), lambda: 100])
async def test_a_pacer_whose_rate_is_something_else_paces_a_search_for_refused_numbers(rate: object) -> None:
    """The name is not taken: it may be a text or a method."""
    sandbox = Sandbox(blocked=[NUMBER])
    pacer = Broken(ValueError(), works=100)
    pacer.rate = rate  # type: ignore[attr-defined]  # as callers write it
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=pacer) as client:
        result = await client.send_bulk("Bir", [NUMBER, "5301234568"])
    assert (result.accepted, len(result.refused)) == (1, 1)


@pytest.mark.anyio
async def test_a_pacer_may_say_that_it_has_no_limit() -> None:
    """A refused order is then halved as without a pacer."""
    sandbox = Sandbox(blocked=[NUMBER])
    sandbox.fail("get-blacklist", "401")
    pacer = Broken(ValueError(), works=100)
    pacer.rate = math.inf  # type: ignore[attr-defined]  # as callers write it
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=pacer) as client:
        result = await client.send_bulk("Bir", [NUMBER, "5301234568", "5301234569"])
    assert (result.accepted, len(result.refused)) == (2, 1)


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


def test_a_refusal_of_the_moment_without_a_pause_holds_nobody_back(anyio_backend: str) -> None:
    """A 429 that asks for none."""

    async def main() -> float:
        canned = Canned(refusal(429), TAKEN, rate=100, retry=Retry(attempts=1))
        with pytest.raises(UnavailableError):
            await canned.client.send_sms("Bir", NUMBER)
        began = anyio.current_time()
        await canned.client.send_sms("Iki", NUMBER)
        return anyio.current_time() - began

    assert run(anyio_backend, main) < 0.1
