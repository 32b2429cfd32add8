"""Long work: in time slices between which other tasks run, or in a thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread
from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    from collections.abc import Callable


T = TypeVar("T")

# Seconds of a time slice. It is short, as several tasks may work at the same time; but each switch has a cost.
_SLICE = 0.001
# Limit of recipients for work that is done at once, and not in a thread.
_FEW = 1000
# Seconds between two checks whether a cancelled call's thread has ended.
_POLL = 0.001
# A limiter belongs to an event loop.
_limiters: RunVar[anyio.CapacityLimiter] = RunVar("work for many recipients")


class TimeSlice:
    """Lets other tasks run when a task has worked for long enough."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def end(self) -> None:
        """Let other tasks run, if the slice is used up; a new one begins then."""
        if time.perf_counter() - self._since > _SLICE:
            # On both backends a checkpoint gives each task that is ready a turn.
            await anyio.lowlevel.checkpoint()
            self._since = time.perf_counter()


def _limiter() -> anyio.CapacityLimiter:
    limiter = _limiters.get(None)
    if limiter is None:
        # One thread at a time, as each working thread may delay every turn of the event loop by one of its own.
        limiter = anyio.CapacityLimiter(1)
        _limiters.set(limiter)
    return limiter


async def in_thread(recipients: int, work: Callable[..., T], *arguments: object) -> T:
    """Do work whose time grows with the number of recipients; for many recipients, in a thread.

    A cancelled call does not end before the work has ended.
    """
    if recipients <= _FEW:
        return work(*arguments)
    lock, cancelled = threading.Lock(), threading.Event()

    def run() -> T | None:
        with lock:
            return None if cancelled.is_set() else work(*arguments)

    try:
        # A limiter of its own, so that it takes no thread from the application's work.
        return cast("T", await anyio.to_thread.run_sync(run, limiter=_limiter()))
    except BaseException:
        # asyncio's own cancellation does not wait for the thread, which may still use the caller's objects.
        try:
            with anyio.CancelScope(shield=True):
                while lock.locked():  # noqa: ASYNC110 - the thread may be unable to reach the loop
                    await anyio.sleep(_POLL)
        finally:
            # A second cancellation ends this wait; then block the event loop instead.
            with lock:
                cancelled.set()
        raise
