"""Whether orders came to the sandbox at the rate that was promised, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx

from iletimerkezi_async.sandbox import Sandbox


class Watch:
    """An HTTP client that notes when each request was handed over to it, and how long its event loop was busy."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.began = time.time()
        self.handed: list[float] = []
        self._busy = 0.0

    async def note(self, _: httpx.Request) -> None:
        self.handed.append(time.time())

    async def measure(self) -> None:
        while True:
            before = time.monotonic()
            await anyio.sleep(0.001)
            self._busy = max(self._busy, time.monotonic() - before)

    def assert_paced(self, sandbox: Sandbox, rate: float, most: int = 1, slower: float = 0.0) -> None:
        """In no second more than the rate, and one order of `most` recipients.

        What came within some time was handed over within that time and what the slowest was on its way. Who wakes up
        late goes late, by two turns of the event loop at the most: the moments of those that were handed over within a
        second lie within that and a second, which the steady nine tenths make up for up to a ninth of a second. So this
        looks at all times that make a second with both.

        Args:
            sandbox: What they came to.
            rate: Recipients a second.
            most: Recipients of the largest order.
            slower: By how many seconds an answer of the store took longer than another one.
        """
        came = sorted((order.submitted_at.timestamp(), order.recipients) for order in sandbox.orders)
        assert len(came) == len(self.handed)
        on_the_way = max(moment - other for (moment, _), other in zip(came, sorted(self.handed)))
        seconds = min(1.0, 10 / 9 - 2 * self._busy - slower)
        for moment, _ in came:
            assert sum(n for other, n in came if moment - seconds + on_the_way < other <= moment) <= rate + most
        for moment in self.handed:
            assert sum(moment - seconds < other <= moment for other in self.handed) <= rate + most
        # What holds on any machine: the last of them cannot have come sooner.
        assert came[-1][0] - self.began >= (sum(n for _, n in came) - most) / rate - 1


@asynccontextmanager
async def watched() -> AsyncIterator[Watch]:
    """An HTTP client of the caller's, watched."""
    async with httpx.AsyncClient(trust_env=False) as http, anyio.create_task_group() as tasks:
        watch = Watch(http)
        http.event_hooks = {"request": [watch.note]}
        tasks.start_soon(watch.measure)
        yield watch
        tasks.cancel_scope.cancel()
