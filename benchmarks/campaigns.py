"""A campaign of a million mixed spellings, beside the floor and the blocking way; and its memory.

    python benchmarks/bulk.py [--count N] [--repeat N]

Each way runs in a process of its own, in turn, against the bare server. The floor posts bodies of already clean numbers
with plain httpx and orjson; the blocking way cleans with a regular expression and opens a connection a request.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator

import anyio
import httpx
import orjson
from common import server, spelled

from iletimerkezi_async import AsyncClient, Iys
from iletimerkezi_async.numbers import clean_number, clean_numbers

BATCH = 50_000
TEXT = "Kampanyamiz basladi"


def body(numbers: list[str]) -> dict[str, object]:
    """A send-sms request."""
    order = {"sender": "FIRMA", "iys": "0", "message": {"text": TEXT, "receipents": {"number": numbers}}}
    return {"request": {"authentication": {"key": "k", "hash": "h"}, "order": order}}


def ours(url: str, values: Iterator[str] | list[str]) -> None:
    """`send_bulk`, as its users write it."""

    async def main() -> None:
        async with AsyncClient("k", "h", sender="FIRMA", iys=Iys.OFF, base_url=url) as client:
            await client.send_bulk(TEXT, values)

    anyio.run(main)


def floor(url: str, values: list[str]) -> None:
    """Post what is clean already."""

    async def main() -> None:
        async with httpx.AsyncClient() as client:
            for start in range(0, len(values), BATCH):
                await client.post(f"{url}/send-sms/json", content=orjson.dumps(body(values[start : start + BATCH])))

    anyio.run(main)


def blocking(url: str, values: list[str]) -> None:
    """The way without a library: `re`, `json`, `urllib`, a set."""
    pattern = re.compile(r"^(?:\+90|0090|90|0)?(5\d{9})$")
    separators = re.compile(r"[\s()./-]+")
    seen: set[str] = set()
    batch: list[str] = []

    def post() -> None:
        data = json.dumps(body(batch)).encode()
        request = urllib.request.Request(f"{url}/send-sms/json", data, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).read()
        batch.clear()

    for value in values:
        match = pattern.match(separators.sub("", value))
        if match is None or match[1] in seen:
            continue
        seen.add(match[1])
        batch.append("+90" + match[1])
        if len(batch) == BATCH:
            post()
    if batch:
        post()


def cleaning(_url: str, values: list[str]) -> None:
    """Clean them all, some hundred at a time, as a campaign does."""
    for start in range(0, len(values), 400):
        clean_numbers(values[start : start + 400])


def one_by_one(_url: str, values: list[str]) -> None:
    """Clean them with the way for a single number."""
    for value in values:
        clean_number(value)


def measure(way: str, url: str, count: int) -> dict[str, float]:
    """Run one way in this process; seconds, and megabytes added to the peak."""
    values: Iterator[str] | list[str]
    if way == "memory":
        values = (f"0{5 * 10**9 + number * 7919 % 10**9}" for number in range(count))
    else:
        values = list(spelled(count))
    if way == "floor":
        values = [number for number in clean_numbers(values) if number]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    WAYS[way](url, values)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "megabytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


WAYS: dict[str, Callable[..., None]] = {
    "ours": ours,
    "memory": ours,
    "floor": floor,
    "blocking": blocking,
    "cleaning": cleaning,
    "one by one": one_by_one,
}


def in_process(way: str, url: str, count: int) -> dict[str, float]:
    """Run one way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--url", url, "--count", str(count)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(shown)  # type: ignore[no-any-return]  # what `measure` gives


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--way")
    parser.add_argument("--url")
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.url, options.count)))
        return
    seconds: dict[str, list[float]] = {way: [] for way in WAYS if way != "memory"}
    with server() as (url, _):
        for _ in range(options.repeat):
            for way, times in seconds.items():
                times.append(in_process(way, url, options.count)["seconds"])
        small = in_process("memory", url, options.count)
        large = in_process("memory", url, 10 * options.count)
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    for way, times in seconds.items():
        print(f"{way:10} {medians[way]:7.3f} s   ({min(times):.3f} to {max(times):.3f})")
    print(f"ours / floor     {medians['ours'] / medians['floor']:5.2f}   (goal: 10 or less)")
    print(f"ours / blocking  {medians['ours'] / medians['blocking']:5.2f}   (goal: 0.33 or less)")
    print(f"numbers cleaned a second: {options.count / medians['cleaning']:,.0f} (goal: 2,500,000)")
    print(f"memory, {options.count:>11,} from a generator: {small['megabytes']:6.1f} MB (goal: 60 or less)")
    print(f"memory, {10 * options.count:>11,} from a generator: {large['megabytes']:6.1f} MB (goal: 200 or less)")


if __name__ == "__main__":
    main()
