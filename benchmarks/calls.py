"""`send_sms`: one at a time, and from many callers at once."""

from __future__ import annotations

import asyncio
import statistics
import time

import anyio
from attrs import frozen

from .harness import OURS, Findings, Goal, Panel, Row, in_turn, ratios, server
from .rivals import FLOORS, RIVALS, OneCall, Served, Way

_CALLS = 300
_DELAY = 0.05
# Connections are opened, and Python's caches filled, before the clock starts.
_WARM_UP, _MEASURED = 0.6, 0.8


def one_at_a_time() -> Findings:
    """Each call waits for the one before it: the time is that of the work around the bytes."""
    with server() as served:
        seconds = in_turn({name: lambda way=way: asyncio.run(_sequence(way, served)) for name, way in RIVALS.items()})
    rows = [
        Row(
            "send_sms, one at a time: time, as a multiple of httpx",
            ratios(seconds[OURS], seconds["httpx"]),
            goal=Goal(0.95),
        )
    ]
    milliseconds = {name: [1000 * each for each in figures] for name, figures in seconds.items()}
    return Findings(rows, [Panel("one call at a time", "ms a call", milliseconds)])


async def _sequence(way: Way, served: Served) -> float:
    async with way(served, 1) as call:
        for _ in range(_CALLS // 10):
            await call(0)
        began = time.perf_counter()
        for _ in range(_CALLS):
            await call(0)
        return (time.perf_counter() - began) / _CALLS


def many_at_once(callers: int, goal: float) -> Findings:
    """As many callers, over TLS, each answered after 50 ms: how near to `callers / 0.05` a second."""
    ideal = callers / _DELAY
    latencies: list[float] = []
    with server("--tls", "--delay", str(_DELAY)) as served:
        rates = in_turn(
            {
                name: lambda name=name, way=way: _rate(name, way, served, callers, latencies)
                for name, way in RIVALS.items()
            }
        )
    of = f"send_sms, {callers} callers, TLS, answers after 50 ms"
    rows = [
        Row(
            f"{of}: calls a second, of the ideal {ideal:,.0f}",
            [rate / ideal for rate in rates[OURS]],
            goal=Goal(goal, at_least=True),
        ),
        Row(f"{of}: p99", latencies, "ms", Goal(90)),
    ]
    return Findings(
        rows, [Panel(f"{callers} callers, answers after 50 ms (ideal: {ideal:,.0f})", "calls a second", rates)]
    )


def _rate(name: str, way: Way, served: Served, callers: int, latencies: list[float]) -> float:
    crowd = asyncio.run(_crowd(way, served, callers))
    if name == OURS:
        latencies.append(1000 * statistics.quantiles(crowd.latencies, n=100)[98])
    return len(crowd.latencies) / crowd.elapsed


def cpu_a_call(callers: int) -> Findings:
    """The same without a delay: CPU time of this process a call, over each HTTP client and with nothing of ours."""
    with server("--tls") as served:
        seconds = in_turn(
            {name: lambda way=way: asyncio.run(_crowd(way, served, callers)).cpu_a_call for name, way in FLOORS.items()}
        )
    of = f"send_sms, {callers} callers, TLS: CPU time a call"
    rows = [
        Row(f"{of}, as a multiple of bare lanes", ratios(seconds[OURS], seconds["bare lanes"]), goal=Goal(1.15)),
        Row(
            f"{of}, over an aiohttp session, as a multiple of lanes",
            ratios(seconds["ours over aiohttp"], seconds[OURS]),
            goal=Goal(0.5),
        ),
    ]
    microseconds = {name: [1_000_000 * each for each in figures] for name, figures in seconds.items()}
    rows += [Row(f"{of}, {name}", figures, "µs") for name, figures in microseconds.items()]
    return Findings(rows, [Panel(f"CPU time a call, {callers} callers", "µs a call", microseconds)])


@frozen
class _Crowd:
    """What a crowd of callers met in the measured time.

    Attributes:
        latencies: Seconds that each call took.
        elapsed: Seconds that were measured.
        cpu: Seconds of this process's CPU time.
    """

    latencies: list[float]
    elapsed: float
    cpu: float

    @property
    def cpu_a_call(self) -> float:
        return self.cpu / len(self.latencies)


async def _crowd(way: Way, served: Served, callers: int) -> _Crowd:
    latencies: list[float] = []

    async def caller(number: int, call: OneCall) -> None:
        while True:
            began = time.perf_counter()
            await call(number)
            latencies.append(time.perf_counter() - began)

    async with way(served, callers) as call, anyio.create_task_group() as tasks:
        for number in range(callers):
            tasks.start_soon(caller, number, call)
        await anyio.sleep(_WARM_UP)
        latencies.clear()
        began, cpu = time.perf_counter(), time.process_time()
        await anyio.sleep(_MEASURED)
        measured = _Crowd(latencies.copy(), time.perf_counter() - began, time.process_time() - cpu)
        tasks.cancel_scope.cancel()
    return measured
