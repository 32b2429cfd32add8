"""A process that is killed while it sends: each of its keys hangs at another point, and then nothing is left of it.

Prints the points that are reached, one a line.
"""

from __future__ import annotations

import functools
import sys
import threading

import anyio
import anyio.to_thread
from asking import phase_of
from engines import ENGINES

from iletimerkezi_async import AsyncClient, Iys
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore, postgres, redis, threads
from iletimerkezi_async.stores.log import Change

NUMBERS = {
    point: 5301234500 + place * 10
    for place, point in enumerate(["before-claim", "claim", "before-begin", "begin", "request", "answer", "settle"])
}


def hang(point: str, key: str) -> None:
    if key.startswith(f"{point} "):
        print(point, flush=True)  # noqa: T201 - what it is for
        threading.Event().wait()


AROUND = {"claim": ("before-claim", "claim"), "begin": ("before-begin", "begin"), "settle": ("answer", "settle")}


def hang_around_writes(kind: type) -> None:
    real = kind._write  # type: ignore[attr-defined]  # of each store

    @functools.wraps(real)
    def patched(self: object, old: object, change: Change, fence: object) -> object:
        before, after = AROUND[phase_of(change)]
        hang(before, change.row.name.name)
        result = real(self, old, change, fence)
        hang(after, change.row.name.name)
        return result

    kind._write = patched  # type: ignore[attr-defined]  # likewise


async def main(name: str, address: str, url: str, api_key: str, times: str) -> None:
    # What hangs keeps a thread and a connection.
    threads.CALLS = postgres.CALLS = redis.CALLS = 64
    for kind in (SqliteStore, PostgresStore, RedisStore):
        hang_around_writes(kind)
    store = ENGINES[name](address).store(timeout=60)  # type: ignore[arg-type]  # an address of this engine
    client = AsyncClient(api_key, "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, rate=None, store=store)
    async with anyio.create_task_group() as tasks:
        # The service does not answer those that come first.
        for point in sorted(NUMBERS, key=lambda point: point != "request"):
            for time in range(int(times)):
                number = NUMBERS[point] + time
                send = functools.partial(client.send_sms, "Siparisiniz yolda", number, key=f"{point} {time}")
                tasks.start_soon(send)
            if point == "request":
                await anyio.to_thread.run_sync(sys.stdin.readline)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
