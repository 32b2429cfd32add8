"""Waits for what happens, and not for time, of which a busy machine takes any amount."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio
import httpx

from iletimerkezi_async import Retry

#: Seconds after which a test counts as stuck: more than anything takes on a machine that is busy with other work.
PATIENCE = 120.0
#: For an answer that never comes. Another one that a busy machine makes late is asked for again.
READS_SOON = httpx.Timeout(PATIENCE, read=0.3)
OFTEN = Retry(attempts=50, wait_initial=0.001, wait_max=0.01)


async def until(holds: Callable[[], object]) -> None:
    """Wait for something to come true, in this or another thread, and not for ever."""
    with anyio.fail_after(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a thread may make it so
            await anyio.sleep(0.001)


async def until_told(asks: Callable[[], Awaitable[object]]) -> None:
    """Ask again and again, until the answer is yes, and not for ever."""
    with anyio.fail_after(PATIENCE):
        while not await asks():  # noqa: ASYNC110 - a thread or another process may make it so
            await anyio.sleep(0.01)


def wait_until(holds: Callable[[], object]) -> None:
    """Wait for the same without an event loop."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.005)


async def give_up_once(happened: Callable[[], object], call: Callable[[], Awaitable[object]]) -> bool:
    """Make a call, and cancel it as soon as something has happened; whether it was under way until then."""

    async def make() -> None:
        await call()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(make)
        await until(happened)
        tasks.cancel_scope.cancel()
    return tasks.cancel_scope.cancelled_caught
