"""Event loops whose clock jumps ahead while nobody has anything to do, so that no test waits for real.

The monotonic clock goes with that of the loop.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import trio.testing

from iletimerkezi_async.sandbox import Sandbox

T = TypeVar("T")

_monotonic = time.monotonic


class _Jumping(selectors.DefaultSelector):
    """Does not wait for a file as long as there is a timer to jump to."""

    ahead = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(None if timeout is None else 0)
        if not events and timeout is not None:
            self.ahead += max(timeout, 0)
        return events


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        # What the machine takes does not count, as with trio's clock.
        return self._jumping.ahead


@contextmanager
def monotonic_as(now: Callable[[], float]) -> Iterator[None]:
    """Have the monotonic clock tell another time."""
    time.monotonic = now
    try:
        yield
    finally:
        time.monotonic = _monotonic


def run(backend: str, main: Callable[[], Awaitable[T]], *sandboxes: Sandbox) -> T:
    """Run a test with nothing but timers in it; the clocks of the sandboxes go with that of the loop."""
    began = time.time()

    mock = trio.testing.MockClock(autojump_threshold=0)

    async def start() -> T:
        now = mock.current_time if backend == "trio" else asyncio.get_running_loop().time
        zero = now()
        for sandbox in sandboxes:
            sandbox._service.clock._source = lambda: began + now() - zero
        with monotonic_as(now):
            return await main()

    options = {"clock": mock} if backend == "trio" else {"loop_factory": _JumpingLoop}
    return anyio.run(start, backend=backend, backend_options=options)
