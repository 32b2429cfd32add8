"""How many requests it takes to find what was lost: counted at the sandbox, and so the same on every machine.

What counts is everything beside one `send-sms` for each order: repetitions, pages of the list, reports.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import anyio

from iletimerkezi_async import AsyncClient, Iys, Retry
from iletimerkezi_async.sandbox import Sandbox

from .harness import TEXT, Findings, Goal, Row

_QUICK = Retry(wait_initial=0.01, wait_max=0.1)
_ORDERS = 1000
_A_SECOND = 90


def client_of(sandbox: Sandbox, retry: Retry = _QUICK, rate: float | None = None) -> AsyncClient:
    """A client of a sandbox, in process."""
    return sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=retry, rate=rate)


def number(index: int) -> str:
    """One recipient of many."""
    return f"+9053{index:08}"


async def send_all(client: AsyncClient, count: int) -> dict[str, int]:
    """Send to so many recipients at once, an order each; the ids that came back."""
    ids: dict[str, int] = {}

    async def send(to: str) -> None:
        ids[to] = (await client.send_sms(TEXT, to)).id

    async with anyio.create_task_group() as tasks:
        for index in range(count):
            tasks.start_soon(send, number(index))
    return ids


def lose(sandbox: Sandbox, good: int, lost: int = 1) -> None:
    """Let so many orders go well, and lose the answers of the next ones."""
    if good:
        sandbox.fail("send-sms", "close-idle", times=good)
    sandbox.fail("send-sms", "drop-answer", times=lost)


def check(sandbox: Sandbox, ids: dict[str, int]) -> None:
    """See that each id is the right one, and that nobody was texted twice."""
    orders = {order.id: order.numbers for order in sandbox.orders}
    assert all(orders[id] == (to,) for to, id in ids.items())
    assert len(set(ids.values())) == len(ids)
    assert set(sandbox.deliveries.values()) == {1}


async def beside_own(good: int) -> int:
    """One lost answer beside 1,000 like orders of this client, sent at once: after `good` of them."""
    sandbox = Sandbox()
    lose(sandbox, good)
    async with client_of(sandbox) as client:
        ids = await send_all(client, _ORDERS + 1)
    check(sandbox, ids)
    return len(sandbox.requests) - len(ids)


async def beside_others(earlier: int) -> int:
    """One lost answer beside 1,000 like orders of others, `earlier` of them before it and within the same minutes."""
    sandbox = Sandbox()
    for _ in range(10):
        sandbox.add_orders(earlier // 10)
        sandbox.advance(seconds=10)
    sandbox.fail("send-sms", "drop-answer")
    async with client_of(sandbox, Retry(wait_initial=0.5)) as client, anyio.create_task_group() as tasks:
        ids: dict[str, int] = {}

        async def send() -> None:
            ids[number(1)] = (await client.send_sms(TEXT, number(1))).id

        tasks.start_soon(send)
        await anyio.sleep(0.05)
        if earlier < _ORDERS:
            sandbox.add_orders(_ORDERS - earlier)
    check(sandbox, ids)
    return len(sandbox.requests) - 1


async def among_traffic() -> tuple[int, float]:
    """20 answers lost at once among 90 messages a second; the requests, and how long the slowest of the 20 took."""
    sandbox = Sandbox()
    ids: dict[str, int] = {}
    slowest = 0.0

    async def send(to: str) -> None:
        nonlocal slowest
        began = time.perf_counter()
        ids[to] = (await client.send_sms(TEXT, to)).id
        slowest = max(slowest, time.perf_counter() - began)

    async with client_of(sandbox, Retry()) as client, anyio.create_task_group() as tasks:
        for index in range(4 * _A_SECOND):
            if index == 2 * _A_SECOND:
                sandbox.fail("send-sms", "drop-answer", times=20)
            tasks.start_soon(send, number(index))
            await anyio.sleep(1 / _A_SECOND)
    check(sandbox, ids)
    return len(sandbox.requests) - len(ids), slowest


async def together(lost: int) -> int:
    """So many answers lost together."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer", times=lost)
    async with client_of(sandbox) as client:
        ids = await send_all(client, lost)
    check(sandbox, ids)
    return len(sandbox.requests) - lost


async def resumed(fault: str, orders: int = 400, size: int = 10) -> int:
    """A journal of so many orders, half of which were lost, resumed half an hour later."""
    sandbox = Sandbox()
    retry = Retry(attempts=2, wait_initial=0)
    everybody = [number(index) for index in range(orders * size)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        async with client_of(sandbox, retry) as client:
            sandbox.fail("send-sms", "close-idle", times=orders // 2)
            sandbox.fail("send-sms", fault, times=orders)
            first = await client.send_bulk(TEXT, everybody, batch_size=size, concurrency=1, journal=path)
            assert first.failures == orders // 2 * size
        sandbox.advance(minutes=30)
        real = time.time
        with patch("time.time", lambda: real() + 1800):
            async with client_of(sandbox, retry) as client:
                # Without a newer order the list may be behind, and nothing is sent again before an hour has passed.
                await client.send_sms(TEXT, number(orders * size))
                before = len(sandbox.requests)
                result = await client.send_bulk(TEXT, everybody, batch_size=size, journal=path)
    assert (result.accepted, len(result.orders)) == (len(everybody), orders)
    assert set(sandbox.deliveries.values()) == {1}
    return len(sandbox.requests) - before


def _row(measure: str, work: Callable[[], Awaitable[int]], bound: float) -> Row:
    return Row(measure, [float(anyio.run(work))], "requests", Goal(bound))


def lost_answers() -> Findings:
    """Everything that the design has a figure for."""
    requests, seconds = anyio.run(among_traffic)
    rows = [
        _row("1 lost, the first of 1,000 of this client at once", partial(beside_own, 0), 10),
        _row("1 lost, in the middle of 1,000 of this client at once", partial(beside_own, 500), 10),
        _row("1 lost, the last of 1,000 of this client at once", partial(beside_own, 1000), 10),
        _row("1 lost after 1,000 of others", partial(beside_others, 1000), 60),
        _row("1 lost before the last 20 of 1,000 of others", partial(beside_others, 980), 60),
        Row("20 lost at once among 90 a second", [float(requests)], "requests", Goal(160)),
        Row("20 lost at once among 90 a second, the slowest", [seconds], "s", Goal(8)),
        _row("25 lost together", partial(together, 25), 125),
        _row("200 lost together", partial(together, 200), 1000),
        _row("journal of 400 orders, half of the answers lost", partial(resumed, "drop-answer"), 1500),
        _row("journal of 400 orders, half of the orders lost", partial(resumed, "drop-request"), 1500),
    ]
    return Findings(rows)
