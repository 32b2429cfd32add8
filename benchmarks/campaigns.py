"""`send_bulk` of a million mixed spellings, beside the floor and the blocking way; and its memory.

The floor posts bodies of already clean numbers with plain httpx and orjson; the blocking way cleans with a regular
expression and opens a connection a request. Memory is measured in processes of their own: a peak cannot be undone.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable

import anyio
import httpx
import orjson

from iletimerkezi_async.numbers import clean_numbers

from .harness import (
    OURS,
    Findings,
    Goal,
    Panel,
    Row,
    client,
    in_child,
    in_turn,
    peak_megabytes,
    ratios,
    send_body,
    server,
)
from .spellings import spelled

_COUNT = 1_000_000
_BATCH = 50_000
_TEXT = "Kampanyamiz basladi"
_FLOOR, _BLOCKING = "clean bodies, httpx", "re, json, urllib"


def campaign() -> Findings:
    """A million mixed spellings."""
    with server() as served:
        seconds = in_child("campaigns", served.url)
        small = in_child("campaigns", served.url, str(_COUNT))["megabytes"]
        large = in_child("campaigns", served.url, str(10 * _COUNT))["megabytes"]
    of = "send_bulk, 1,000,000 mixed spellings: time, as a multiple of"
    rows = [
        Row(f"{of} posting clean bodies", ratios(seconds[OURS], seconds[_FLOOR]), goal=Goal(10)),
        Row(f"{of} the blocking way", ratios(seconds[OURS], seconds[_BLOCKING]), goal=Goal(0.33)),
        Row("send_bulk, 1,000,000 from a generator: memory added", small, "MB", Goal(60)),
        Row("send_bulk, 10,000,000 from a generator: memory added", large, "MB", Goal(200)),
    ]
    return Findings(rows, [Panel("campaign of 1,000,000 mixed spellings", "s", seconds)])


def _ours(url: str, values: Iterable[str]) -> None:
    async def main() -> None:
        async with client(url) as sms:
            await sms.send_bulk(_TEXT, values)

    anyio.run(main)


def _floor(url: str, numbers: list[str]) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as http:
            for start in range(0, len(numbers), _BATCH):
                document = send_body(*numbers[start : start + _BATCH], text=_TEXT)
                await http.post(f"{url}/send-sms/json", content=orjson.dumps(document))

    anyio.run(main)


def _blocking(url: str, values: list[str]) -> None:
    pattern = re.compile(r"^(?:\+90|0090|90|0)?(5\d{9})$")
    separators = re.compile(r"[\s()./-]+")
    seen: set[str] = set()
    batch: list[str] = []

    def post() -> None:
        data = json.dumps(send_body(*batch, text=_TEXT)).encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}/send-sms/json", data), timeout=30).read()
        batch.clear()

    for value in values:
        match = pattern.match(separators.sub("", value))
        if match is None or match[1] in seen:
            continue
        seen.add(match[1])
        batch.append("+90" + match[1])
        if len(batch) == _BATCH:
            post()
    if batch:
        post()


def _times(url: str) -> dict[str, list[float]]:
    values = list(spelled(_COUNT))
    numbers = [number for number in clean_numbers(values) if number]

    def timed(way: Callable[[str, list[str]], None], given: list[str]) -> Callable[[], float]:
        def run() -> float:
            began = time.perf_counter()
            way(url, given)
            return time.perf_counter() - began

        return run

    return in_turn({OURS: timed(_ours, values), _FLOOR: timed(_floor, numbers), _BLOCKING: timed(_blocking, values)})


def _memory(url: str, count: int) -> dict[str, list[float]]:
    before = peak_megabytes()
    # No two are the same.
    _ours(url, (f"0{5 * 10**9 + number * 7919 % 10**9}" for number in range(count)))
    return {"megabytes": [peak_megabytes() - before]}


if __name__ == "__main__":
    address, *counts = sys.argv[1:]
    print(json.dumps(_memory(address, int(counts[0])) if counts else _times(address)))
