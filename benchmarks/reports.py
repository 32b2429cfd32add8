"""`get_report`: as fast as its pages can be had."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import time
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
import anyio
import httpx
import orjson

from iletimerkezi_async.http.clients import HttpClient

from .harness import OURS, Findings, Goal, Panel, Row, Served, client, in_turn, ratios, server

_PAGES, _ROWS = 100, 1000
_READ_AHEAD = 8
_DELAY = 0.02
_BARE = "bare lanes and orjson"


def without_delay() -> Findings:
    """100,000 rows that are there at once: what our reading adds to lanes and `orjson`."""
    with server("--total", str(_PAGES * _ROWS)) as served:
        seconds = in_turn(_ways(served))
    measure = "report of 100,000 rows: rows a second, of bare lanes and orjson"
    rows = [Row(measure, ratios(seconds[_BARE], seconds[OURS]), goal=Goal(0.6, at_least=True))]
    rates = {way: [_PAGES * _ROWS / each for each in figures] for way, figures in seconds.items()}
    return Findings(rows, [Panel("report of 100,000 rows", "rows a second", rates)])


def with_delay() -> Findings:
    """100 pages that take 20 ms each: eight are asked for at once, after the first one."""
    ideal = (1 + math.ceil((_PAGES - 1) / _READ_AHEAD)) * _DELAY
    with server("--total", str(_PAGES * _ROWS), "--delay", str(_DELAY)) as served:
        seconds = in_turn(_ways(served, _OVER))
    measure = f"report of 100 pages, 20 ms each: speed, of the ideal {1000 * ideal:.0f} ms"
    rows = [
        Row(measure, [ideal / each for each in seconds[OURS]], goal=Goal(0.8, at_least=True)),
        *(Row(f"the same, {way}", [ideal / each for each in seconds[way]]) for way in (*_OVER, _BARE)),
    ]
    return Findings(rows)


def _ways(
    served: Served, others: Mapping[str, Callable[[Served], Awaitable[int]]] | None = None
) -> dict[str, Callable[[], float]]:
    ways = {OURS: _ours, **(others or {}), _BARE: _bare}
    return {name: lambda read=read: asyncio.run(_timed(read, served)) for name, read in ways.items()}


async def _timed(read: Callable[[Served], Awaitable[int]], served: Served) -> float:
    began = time.perf_counter()
    count = await read(served)
    elapsed = time.perf_counter() - began
    assert count == _PAGES * _ROWS
    return elapsed


async def _ours(served: Served, http_client: HttpClient | None = None) -> int:
    count = 0
    async with client(served.url, http_client) as sms:
        async for delivery in sms.get_report(428):
            count += delivery.status == 111
    return count


async def _over_aiohttp(served: Served) -> int:
    async with aiohttp.ClientSession() as session:
        return await _ours(served, session)


async def _over_httpx2(served: Served) -> int:
    # Nothing is encrypted here, and a context for it would take longer than the pages.
    async with httpx2.AsyncClient(verify=False) as http:
        return await _ours(served, http)


async def _over_httpx(served: Served) -> int:
    async with httpx.AsyncClient(verify=False) as http:
        return await _ours(served, http)


_OVER = {"ours over aiohttp": _over_aiohttp, "ours over httpx": _over_httpx}
# There is none for Python 3.10.
if importlib.util.find_spec("httpx2"):
    import httpx2

    _OVER["ours over httpx2"] = _over_httpx2


async def _bare(served: Served) -> int:
    """The same pages over as many clients of one connection each, and nothing done with them but `orjson.loads`."""
    counts: list[int] = []
    pages = iter(range(_PAGES))

    async def lane() -> None:
        # Nothing is encrypted here, and a context for it would take longer than the pages.
        async with httpx.AsyncClient(verify=False) as http:
            for page in pages:
                order = {"id": 428, "page": page + 1, "rowCount": _ROWS}
                document = {"request": {"authentication": {"key": "k", "hash": "h"}, "order": order}}
                response = await http.post(f"{served.url}/get-report/json", content=orjson.dumps(document))
                counts.append(len(orjson.loads(response.content)["response"]["order"]["message"]))

    async with anyio.create_task_group() as tasks:
        for _ in range(_READ_AHEAD):
            tasks.start_soon(lane)
    return sum(counts)
