"""For how long the loop stands still: a task that sleeps for a millisecond ticks beside the work.

The longest gap between two ticks is what another user of the loop would have waited. Each work runs in a process of its
own, so that what one leaves behind is not another's burden, and against the bare server, so that nothing but ours works
in that loop.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import anyio

from iletimerkezi_async import AsyncClient, Message

from .harness import REPEATS, Findings, Goal, Row, client, in_child, server

_MILLION = 1_000_000
_TEXT = "Kampanyamiz basladi"
_GOAL = Goal(25)

Work: TypeAlias = Callable[[AsyncClient], Awaitable[object]]


def stalls() -> Findings:
    """Everything that is large."""
    with server("--total", str(_MILLION)) as served:
        found = {name: in_child("stalls", served.url, name) for name in WORKS}
    rows = [Row(f"longest gap: {name}", figures["gap"], "ms", _GOAL) for name, figures in found.items()]
    distinct = found["send_bulk_messages, 200,000 distinct texts"]
    rows.append(Row("send_bulk_messages, 200,000 distinct texts: time", distinct["seconds"], "s", Goal(0.8)))
    return Findings(rows)


def _numbers(count: int) -> list[str]:
    # All over the range, as the numbers of a campaign are.
    return [f"0{5 * 10**9 + number * 7919 * 104_729 % 10**9}" for number in range(count)]


def _texts(count: int) -> list[Message]:
    return [
        Message(f"Sayin musterimiz {index}, {index * 37 % 5000} TL borcunuzun son odeme gunu yarindir.", number)
        for index, number in enumerate(_numbers(count))
    ]


def _large(count: int, size: int) -> list[Message]:
    numbers = _numbers(count * size)
    return [Message(f"{_TEXT} {index}", numbers[index * size : (index + 1) * size]) for index in range(count)]


def _bulk(count: int) -> Work:
    numbers = _numbers(count)
    return lambda sms: sms.send_bulk(_TEXT, numbers)


def _bulk_of_bad_ones(count: int) -> Work:
    bad = [f"0212{number:07}" for number in range(count)]
    return lambda sms: sms.send_bulk(_TEXT, bad)


def _bulk_of_generator(count: int) -> Work:
    numbers = _numbers(count)

    async def source() -> AsyncIterator[str]:
        for number in numbers:
            yield number

    return lambda sms: sms.send_bulk(_TEXT, source())


def _bulk_messages(messages: list[Message]) -> Work:
    return lambda sms: sms.send_bulk_messages(messages)


def _resumption(count: int) -> Work:
    numbers, path = _numbers(count), _path()

    async def send(sms: AsyncClient) -> object:
        return await sms.send_bulk(_TEXT, numbers, journal=path)

    return _twice(send)


def _resumption_of_messages(count: int) -> Work:
    messages, path = _texts(count), _path()

    async def send(sms: AsyncClient) -> object:
        return await sms.send_bulk_messages(messages, journal=path)

    return _twice(send)


def _path() -> Path:
    return Path(tempfile.mkdtemp()) / "journal"


def _twice(send: Work) -> Work:
    """The first of all times is the one that is gone on with; it is not measured."""
    address = sys.argv[1]

    async def first() -> None:
        async with client(address) as sms:
            await send(sms)

    anyio.run(first)
    return send


def _order(count: int) -> Work:
    numbers = _numbers(count)
    return lambda sms: sms.send_sms(_TEXT, numbers)


def _order_of_messages(count: int) -> Work:
    messages = _texts(count)
    return lambda sms: sms.send_messages(messages)


async def _report(sms: AsyncClient) -> None:
    async for _ in sms.get_report(428):
        pass


#: Each makes its work ready, and gives what is to be measured.
WORKS: dict[str, Callable[[], Work]] = {
    "send_bulk, a million numbers": lambda: _bulk(_MILLION),
    "send_bulk, a million from an async generator": lambda: _bulk_of_generator(_MILLION),
    "send_bulk, half a million that are no numbers": lambda: _bulk_of_bad_ones(_MILLION // 2),
    "send_bulk, a million gone on with": lambda: _resumption(_MILLION),
    "send_bulk_messages, 200,000 distinct texts": lambda: _bulk_messages(_texts(200_000)),
    "send_bulk_messages, 10 of 10,000 numbers": lambda: _bulk_messages(_large(10, 10_000)),
    "send_bulk_messages, 200 of 10,000 numbers": lambda: _bulk_messages(_large(200, 10_000)),
    "send_bulk_messages, one of a million numbers": lambda: _bulk_messages(_large(1, _MILLION)),
    "send_bulk_messages, a million gone on with": lambda: _resumption_of_messages(_MILLION),
    "send_sms, 50,000 numbers": lambda: _order(50_000),
    "send_messages, 50,000 texts": lambda: _order_of_messages(50_000),
    "get_report, a million rows": lambda: _report,
}


async def _longest_gap(work: Work, url: str) -> tuple[float, float]:
    """Milliseconds of the longest gap between two ticks, and seconds that the work took."""
    gaps: list[float] = []

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await anyio.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    async with client(url) as sms, anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await anyio.sleep(0.01)
        began = time.perf_counter()
        await work(sms)
        seconds = time.perf_counter() - began
        await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    return 1000 * max(gaps), seconds


def _measure(url: str, name: str, repeats: int) -> Iterator[tuple[float, float]]:
    work = WORKS[name]()
    for _ in range(repeats):
        # What the source holds is the caller's, and so is the time that looking through it takes.
        gc.collect()
        yield anyio.run(_longest_gap, work, url)


if __name__ == "__main__":
    address, wanted = sys.argv[1:]
    measured = list(_measure(address, wanted, REPEATS))
    print(json.dumps({"gap": [gap for gap, _ in measured], "seconds": [seconds for _, seconds in measured]}))
    print(f"{wanted}: {statistics.median(gap for gap, _ in measured):.0f} ms", file=sys.stderr)
