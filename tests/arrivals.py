"""Whether orders came to the sandbox at the rate that was promised."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from iletimerkezi_async.sandbox import Sandbox


@asynccontextmanager
async def noted() -> AsyncIterator[tuple[httpx.AsyncClient, list[float]]]:
    """An HTTP client, and when each of its requests was handed over to it."""
    handed: list[float] = []

    async def note(_: httpx.Request) -> None:
        handed.append(time.time())

    async with httpx.AsyncClient(event_hooks={"request": [note]}, trust_env=False) as http:
        yield http, handed


def assert_paced(sandbox: Sandbox, handed: list[float], rate: float, most: int = 1) -> None:
    """In no second more than the rate, and one order of `most`.

    What came to the sandbox within a time was handed over within that time and what the slowest was on its way, which
    is the machine's matter. So this looks at all times that make a second with it.
    """
    came = sorted((order.submitted_at.timestamp(), order.recipients) for order in sandbox.orders)
    assert len(came) == len(handed)
    on_the_way = max(moment - other for (moment, _), other in zip(came, sorted(handed)))
    for moment, _ in came:
        recent = [n for other, n in came if moment - 1 + on_the_way < other <= moment]
        assert sum(recent, 0) <= rate + most
