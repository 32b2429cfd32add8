"""Waiting for an order: the pauses, what ends it, and what does not. The clocks jump, no test waits."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import anyio
import httpx
import pytest
from canned import QUICK, Canned, ok, refusal
from hypothesis import given
from hypothesis import strategies as st
from jumping import run

from iletimerkezi_async import AsyncClient, Iys, OrderNotFoundError, OrderStatus, Retry, TransportError
from iletimerkezi_async.orders.several import pause_after
from iletimerkezi_async.sandbox import Sandbox

NUMBER = "+905301234567"
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def report(status: object) -> dict[str, object]:
    return ok(order={"id": 428, "status": status, "message": []})


SENDING, COMPLETED, FAILED = report(113), report(114), report(115)
NOT_FOUND, NOT_DUE = refusal(455), refusal(456)


# The pauses.


@given(st.integers(1, 10_000))
def test_pauses_grow_from_one_second_to_thirty(look: int) -> None:
    """Evenly drawn from between a bound and one and a half times as much."""
    bound = min(20.0, 1.5 ** min(look - 1, 50))
    assert 1 <= bound <= pause_after(look, math.inf) <= 1.5 * bound <= 30


def test_pauses_are_not_the_same_for_all() -> None:
    """A thousand workers that wait for one order do not ask in step."""
    assert len({pause_after(20, math.inf) for _ in range(100)}) > 50


@given(st.integers(1, 100), st.floats(-1, 100))
def test_no_pause_is_longer_than_what_is_left(look: int, left: float) -> None:
    """The last look comes half a second before the end, unless the one before was hardly earlier."""
    pause = pause_after(look, left)
    assert 0 <= pause <= max(0, left)
    assert pause >= min(0.5, max(0, left))
    assert pause == max(0, left) or pause <= left - 0.5


# The service as it is.


def connect(sandbox: Sandbox) -> AsyncClient:
    return sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=QUICK, rate=None)


@BACKENDS
def test_an_order_is_waited_for(backend: str) -> None:
    """It comes back finished, soon after it is, and the service is asked seldom."""
    sandbox = Sandbox(delivery_seconds=100)

    async def main() -> None:
        async with connect(sandbox) as client:
            began = anyio.current_time()
            order = await client.send_sms("Kodunuz 1234", NUMBER)
            done = await client.wait_for_order(order.id)
            assert (done.id, done.status, done.delivered) == (order.id, OrderStatus.COMPLETED, 1)
            assert 100 <= anyio.current_time() - began <= 131
            assert 6 <= len(sandbox.requests) - 1 <= 12

    run(backend, main, sandbox)


@BACKENDS
def test_a_finished_order_comes_at_once(backend: str) -> None:
    """One request, no pause."""
    sandbox = Sandbox(delivery_seconds=0)

    async def main() -> None:
        async with connect(sandbox) as client:
            order = await client.send_sms("Kodunuz 1234", NUMBER)
            began = anyio.current_time()
            assert (await client.wait_for_order(order.id, timeout=5)).status is OrderStatus.COMPLETED
            assert anyio.current_time() - began < 1
        assert len(sandbox.requests) == 2

    run(backend, main, sandbox)


@BACKENDS
def test_a_scheduled_order_is_waited_for_as_well(backend: str) -> None:
    """456 is "not yet"; an hour of it is some 150 requests, not thousands."""
    sandbox = Sandbox()

    async def main() -> None:
        async with connect(sandbox) as client:
            due = datetime.now(timezone.utc) + timedelta(hours=1)
            order = await client.send_sms("Birazdan", NUMBER, send_at=due)
            assert (await client.wait_for_order(order.id)).status is OrderStatus.COMPLETED
        assert 120 <= len(sandbox.requests) <= 190
        assert sandbox.requests[1] == ("get-report", 456)

    run(backend, main, sandbox)


@BACKENDS
def test_a_cancelled_order_is_the_end_of_waiting(backend: str) -> None:
    """115 is an answer, not an error."""
    sandbox = Sandbox()

    async def main() -> None:
        async with connect(sandbox) as client:
            due = datetime.now(timezone.utc) + timedelta(hours=1)
            order = await client.send_sms("Birazdan", NUMBER, send_at=due)
            async with anyio.create_task_group() as tasks:

                async def wait() -> None:
                    assert (await client.wait_for_order(order.id)).status is OrderStatus.FAILED

                tasks.start_soon(wait)
                await anyio.sleep(60)
                await client.cancel_order(order.id)

    run(backend, main, sandbox)


@BACKENDS
@pytest.mark.parametrize("fault", ["drop-request", "drop-answer", "half-answer", "html-502", "empty-503", "429"])
def test_passing_failures_are_waited_out(backend: str, fault: str) -> None:
    """Every look may have its trouble."""
    sandbox = Sandbox(delivery_seconds=10)

    async def main() -> None:
        async with connect(sandbox) as client:
            order = await client.send_sms("Kodunuz 1234", NUMBER)
            sandbox.fail("get-report", fault, times=2)
            assert (await client.wait_for_order(order.id)).status is OrderStatus.COMPLETED

    run(backend, main, sandbox)


# The time that there is.


@BACKENDS
@pytest.mark.parametrize(
    ("timeout", "looks"), [(0.3, [1]), (0.9, [1]), (1.2, [2]), (10, [5, 6, 7]), (100, range(8, 14))]
)
def test_the_time_is_up(backend: str, timeout: float, looks: list[int]) -> None:
    """`TimeoutError` after that time and not after the pause under way, which tells neither text nor number."""
    canned = Canned(SENDING)

    async def main() -> None:
        began = anyio.current_time()
        with pytest.raises(TimeoutError, match=f"after {timeout:g} s") as caught:
            await canned.client.wait_for_order(428, timeout=timeout)
        assert anyio.current_time() - began == pytest.approx(timeout, abs=0.1)
        assert caught.value.__context__ is None
        assert len(canned.requests) in looks

    run(backend, main)


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_finished_order_comes_without_time_to_wait(
    sandbox: Sandbox, client: AsyncClient, seconds: float
) -> None:
    """One look is made all the same: a finished order is not told to be unfinished."""
    order = await client.send_sms("Kodunuz 1234", NUMBER)
    sandbox.advance(minutes=10)
    assert (await client.wait_for_order(order, timeout=seconds)).status is OrderStatus.COMPLETED
    assert sandbox.request_counts["get-report"] == 1


@BACKENDS
@pytest.mark.parametrize("timeout", [0, -1])
def test_no_time_at_all(backend: str, timeout: float) -> None:
    """The time is up at once, and there is no second look."""
    canned = Canned(SENDING)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await canned.client.wait_for_order(428, timeout=timeout)
        assert len(canned.requests) <= 1

    run(backend, main)


@BACKENDS
def test_the_last_look_is_shortly_before_the_end(backend: str) -> None:
    """An order that is finished meanwhile is not missed over a long pause."""
    sandbox = Sandbox(delivery_seconds=58)

    async def main() -> None:
        async with connect(sandbox) as client:
            order = await client.send_sms("Kodunuz 1234", NUMBER)
            assert (await client.wait_for_order(order.id, timeout=60)).status is OrderStatus.COMPLETED

    run(backend, main, sandbox)


@BACKENDS
def test_a_service_that_says_nothing_does_not_keep_its_caller(backend: str) -> None:
    """The time is up also in the middle of a look."""
    sandbox = Sandbox()

    async def main() -> None:
        async with connect(sandbox) as client:
            sandbox.fail("get-report", "stall", times=math.inf)
            with pytest.raises(TimeoutError):
                await client.wait_for_order(428, timeout=7)

    run(backend, main, sandbox)


@BACKENDS
def test_a_caller_who_gives_up_is_out_at_once(backend: str) -> None:
    """In a pause, and nothing goes on behind."""
    canned = Canned(SENDING)

    async def main() -> None:
        with anyio.move_on_after(50) as scope:
            await canned.client.wait_for_order(428)
        assert scope.cancelled_caught
        looks = len(canned.requests)
        await anyio.sleep(500)
        assert len(canned.requests) == looks

    run(backend, main)


# Answers of the moment.


@BACKENDS
@pytest.mark.parametrize(
    "answers",
    [
        [NOT_DUE, NOT_FOUND, SENDING, COMPLETED],
        [NOT_DUE, NOT_FOUND, NOT_FOUND, NOT_FOUND, COMPLETED],
        [NOT_DUE, NOT_FOUND, NOT_DUE, NOT_FOUND, NOT_FOUND, FAILED],
        [SENDING, NOT_FOUND, COMPLETED],
        [report("113"), report("120"), report("114")],
    ],
)
def test_what_is_not_yet(backend: str, answers: list[object]) -> None:
    """An order that was there may be on the move for some looks; an unknown state is not the end."""
    canned = Canned(*answers)

    async def main() -> None:
        done = await canned.client.wait_for_order(428)
        assert done.status in {OrderStatus.COMPLETED, OrderStatus.FAILED}
        assert len(canned.requests) == len(answers)

    run(backend, main)


@BACKENDS
@pytest.mark.parametrize(("answers", "looks"), [([NOT_FOUND], 1), ([NOT_DUE, NOT_FOUND], 5), ([SENDING, NOT_FOUND], 5)])
def test_an_order_that_is_not_there(backend: str, answers: list[object], looks: int) -> None:
    """At once where it never was; after some looks where it was."""
    canned = Canned(*answers)

    async def main() -> None:
        with pytest.raises(OrderNotFoundError):
            await canned.client.wait_for_order(428)
        assert len(canned.requests) == looks

    run(backend, main)


@BACKENDS
def test_a_failure_that_stays_is_told(backend: str) -> None:
    """After all repetitions of one look."""
    canned = Canned(SENDING, httpx.ReadError("lost"), retry=Retry(attempts=3))

    async def main() -> None:
        with pytest.raises(TransportError):
            await canned.client.wait_for_order(428)
        assert len(canned.requests) == 4

    run(backend, main)
