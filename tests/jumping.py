"""Event loops whose clock jumps ahead while nobody has anything to do, so that no test waits for real."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import trio.testing

from iletimerkezi_async.sandbox import Sandbox

T = TypeVar("T")


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
        return super().time() + self._jumping.ahead


def run(backend: str, main: Callable[[], Awaitable[T]], *sandboxes: Sandbox) -> T:
    """Run a test with nothing but timers in it; the clocks of the sandboxes go with that of the loop."""
    began = time.time()

    async def start() -> T:
        zero = anyio.current_time()
        for sandbox in sandboxes:
            sandbox._service._clock._source = lambda: began + anyio.current_time() - zero
        return await main()

    clock = {"clock": trio.testing.MockClock(autojump_threshold=0)}
    options = clock if backend == "trio" else {"loop_factory": _JumpingLoop}
    return anyio.run(start, backend=backend, backend_options=options)
