"""Waits for what happens, and not for time, of which a busy machine takes any amount."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio


async def until(holds: Callable[[], object]) -> None:
    """Wait for something to come true, in this or another thread, and not for ever."""
    with anyio.fail_after(20):
        while not holds():  # noqa: ASYNC110 - a thread may make it so
            await anyio.sleep(0.001)


async def give_up_once(happened: Callable[[], object], call: Callable[[], Awaitable[object]]) -> bool:
    """Make a call, and cancel it as soon as something has happened; whether it was under way until then."""

    async def make() -> None:
        await call()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(make)
        await until(happened)
        tasks.cancel_scope.cancel()
    return tasks.cancel_scope.cancelled_caught
