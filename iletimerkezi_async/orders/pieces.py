"""Work that takes long: in pieces between which others get their turn, or in a thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.wire.packing import Steps


T = TypeVar("T")

# Seconds of work at one go. There may be several of us at the same time, and each turn has its price.
_AT_ONE_GO = 0.001
# Recipients up to which a piece of work is done at once, and not in a thread.
_FEW = 1000


class Breath:
    """Lets others run now and then.

    On both backends a checkpoint lets everybody who is ready have a turn.
    """

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def take(self) -> None:
        """Let others run, if this task has worked for long enough."""
        if time.perf_counter() - self._since > _AT_ONE_GO:
            await anyio.lowlevel.checkpoint()
            self._since = time.perf_counter()


async def in_pieces(steps: Steps[T]) -> T:
    """Do a piece of work, and let others run in between."""
    since = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("T", end.value)
        if time.perf_counter() - since > _AT_ONE_GO:
            await anyio.lowlevel.checkpoint()
            since = time.perf_counter()


async def in_thread(recipients: int, work: Callable[..., T], *arguments: object) -> T:
    """Do work that grows with the recipients: of many in a thread."""
    if recipients <= _FEW:
        return work(*arguments)
    # Not in one of the threads that the application shares among its own work.
    return await anyio.to_thread.run_sync(work, *arguments, limiter=anyio.CapacityLimiter(1))
