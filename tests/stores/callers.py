"""A process whose callers wait for the rate; it prints when each was let through, and for how many."""

from __future__ import annotations

import json
import random
import sys
import time

import anyio
import anyio.to_thread
from engines import ENGINES

from iletimerkezi_async.stores.pacing import StorePacer


class Alone:
    async def acquire(self, n: int, /) -> None:
        raise AssertionError("the store is there")


async def main(name: str, address: str, account: str, rate: str, large: str) -> None:
    async with ENGINES[name](address).store() as store:  # type: ignore[arg-type]  # an address of this engine
        pacer = StorePacer(store, account, float(rate), Alone())

        async def call(place: int) -> None:
            n = int(large) if place == 100 else random.randint(1, 3)
            with anyio.move_on_after(0.7 if place % 2 else 60):
                await pacer.acquire(n)
                print(json.dumps([time.time(), n]), flush=True)  # noqa: T201 - what it is for

        await store.reserve(account, 0, float(rate))
        print("ready", flush=True)  # noqa: T201 - likewise
        await anyio.to_thread.run_sync(sys.stdin.readline)
        async with anyio.create_task_group() as tasks:
            for place in range(250):
                tasks.start_soon(call, place)


anyio.run(main, *sys.argv[1:])
