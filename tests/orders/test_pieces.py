"""Work that grows with the recipients: in a thread for many, and ended when the call ends."""

from __future__ import annotations

import asyncio
import threading

import anyio
import anyio.lowlevel
import pytest
from waiting import PATIENCE

from iletimerkezi_async.orders.pieces import TimeSlice, in_thread

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("recipients", "is_here"), [(0, True), (1000, True), (1001, False)])
async def test_work_for_many_is_done_in_a_thread(recipients: int, is_here: bool) -> None:
    """Up to a thousand recipients a thread would cost more than it spares."""
    assert (await in_thread(recipients, threading.get_ident) == threading.get_ident()) is is_here


async def test_what_the_work_raises_comes_out() -> None:
    """As it was raised."""
    with pytest.raises(ValueError, match="invalid literal"):
        await in_thread(5000, int, "x")


@pytest.mark.parametrize("natively", [0, 1, 2])
async def test_a_call_that_is_cancelled_does_not_end_before_its_work(natively: int, anyio_backend: str) -> None:
    """By a cancel scope or by asyncio itself, once and again: what the work changes is the caller's again behind it."""
    if natively and anyio_backend != "asyncio":
        pytest.skip("asyncio's own cancellation")
    begun, may_end = anyio.Event(), threading.Event()
    has_ended: list[bool] = []

    def work() -> None:
        anyio.from_thread.run_sync(begun.set)
        may_end.wait(PATIENCE)
        has_ended.append(True)

    async def call() -> None:
        try:
            await in_thread(5000, work)
        finally:
            assert has_ended

    if natively:
        task = asyncio.ensure_future(call())
        await begun.wait()
        task.cancel()
        await anyio.sleep(0.01)
        # The loop has gone on meanwhile.
        assert not has_ended
        if natively == 2:
            task.cancel()
            # From another thread, as the loop waits for the work now.
            threading.Timer(0.05, may_end.set).start()
        else:
            may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await begun.wait()
        tasks.cancel_scope.cancel()
        may_end.set()
    assert has_ended


async def test_work_whose_call_was_cancelled_before_it_began_is_not_done() -> None:
    """Nothing happens behind a call that has ended."""
    done: list[bool] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await in_thread(5000, done.append, True)
    await anyio.sleep(0.01)
    assert not done


async def test_a_time_slice_ends_when_it_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others have their turn then, and not before."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        monkeypatch.setattr("iletimerkezi_async.orders.pieces._SLICE", 3600.0)
        await TimeSlice().end()
        assert not turns
        monkeypatch.setattr("iletimerkezi_async.orders.pieces._SLICE", 0.0)
        # On trio the one that waited longer may come second, once.
        await TimeSlice().end()
        await TimeSlice().end()
        assert turns
        tasks.cancel_scope.cancel()
