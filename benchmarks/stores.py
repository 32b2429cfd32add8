"""What a store costs: a key for `send_sms`, and the rate. SQLite, and the servers that the environment names."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import anyio

from iletimerkezi_async import AsyncClient, Iys, Retry
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore, Store

from .harness import TEXT, Findings, Goal, Row, in_turn, server
from .rivals import Served

_CALLS = 100
_CALLERS = 100
_NUMBER = 5301234567
# A way there and back to a server on the same machine, three times, with what happens there.
_GOAL = Goal(2.0)


@contextmanager
def _stores() -> Iterator[dict[str, str]]:
    """The addresses of the stores that there are."""
    named = {
        "PostgreSQL": os.environ.get("ILETIMERKEZI_TEST_POSTGRES", ""),
        "Redis": os.environ.get("ILETIMERKEZI_TEST_REDIS", ""),
    }
    with tempfile.TemporaryDirectory() as folder:
        yield {"SQLite": str(Path(folder) / "store")} | {name: url for name, url in named.items() if url}


def _store(name: str, address: str) -> Store:
    kinds: dict[str, type[SqliteStore | PostgresStore | RedisStore]] = {
        "SQLite": SqliteStore,
        "PostgreSQL": PostgresStore,
        "Redis": RedisStore,
    }
    return kinds[name](address)


@asynccontextmanager
async def _client(served: Served, store: Store | None) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(
        "key", "hash", sender="FIRMA", iys=Iys.OFF, base_url=served.url, rate=None, retry=Retry(attempts=1),
        http_client=None, store=store,
    ) as client:  # fmt: skip
        yield client


def keys() -> Findings:
    """What a key adds to a call, one at a time; how many calls with keys a hundred callers get done."""
    rows: list[Row] = []
    with _stores() as addresses, server() as served:
        ways = {"bare": partial(anyio.run, _sequence, served, None)} | {
            name: partial(_with, _sequence, served, name, address) for name, address in addresses.items()
        }
        seconds = in_turn(ways)
        for name, address in addresses.items():
            added = [1000 * (keyed - bare) for keyed, bare in zip(seconds[name], seconds["bare"])]
            rows.append(Row(f"send_sms: what a key adds, {name}", added, "ms", None if name == "SQLite" else _GOAL))
            rates = in_turn({name: partial(_with, _crowd, served, name, address)})[name]
            rows.append(Row(f"send_sms with keys, {_CALLERS} callers, {name}", rates, "calls a second"))
            times = in_turn({name: partial(_with, _reserve, served, name, address)})[name]
            rows.append(Row(f"a moment of the rate reserved, {name}", [1000 * each for each in times], "ms"))
    return Findings(rows, [])


def _with(
    measure: Callable[[Served, Store], Coroutine[object, object, float]], served: Served, name: str, address: str
) -> float:
    """Measure with a store that connects anew."""
    return anyio.run(measure, served, _store(name, address))


async def _sequence(served: Served, store: Store | None) -> float:
    run = uuid.uuid4().hex
    async with _client(served, store) as client:
        for place in range(10):
            await client.send_sms(TEXT, _NUMBER, key=None if store is None else f"{run} warm {place}")
        began = time.perf_counter()
        for place in range(_CALLS):
            await client.send_sms(TEXT, _NUMBER, key=None if store is None else f"{run} {place}")
        seconds = (time.perf_counter() - began) / _CALLS
    if store is not None:
        await store.aclose()
    return seconds


async def _crowd(served: Served, store: Store) -> float:
    run, places = uuid.uuid4().hex, itertools.count()
    async with store, _client(served, store) as client:

        async def call() -> None:
            for _ in range(5):
                await client.send_sms(TEXT, _NUMBER, key=f"{run} {next(places)}")

        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(_CALLERS):
                tasks.start_soon(call)
        return _CALLERS * 5 / (time.perf_counter() - began)


async def _reserve(_served: Served, store: Store) -> float:
    async with store:
        account = uuid.uuid4().hex
        await store.reserve(account, 1e-6, 0.0)
        began = time.perf_counter()
        for _ in range(_CALLS):
            await store.reserve(account, 1e-6, 0.0)
        return (time.perf_counter() - began) / _CALLS
