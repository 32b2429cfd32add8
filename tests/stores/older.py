"""A process that sends what it is told to, line by line, and prints the orders' ids: also one of an earlier version."""

from __future__ import annotations

import sys

import anyio
import anyio.to_thread

from iletimerkezi_async import AsyncClient, IletimerkeziError, Iys
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore

STORES = {"sqlite": SqliteStore, "postgres": PostgresStore, "redis": RedisStore}


async def answer(client: AsyncClient, store: SqliteStore, what: str, name: str, count: int) -> str:
    """Send under a key, or a campaign of so many."""
    numbers = [5301000000 + each for each in range(count)]
    try:
        if what == "key":
            order = await client.send_sms(f"Metin {name}", numbers, key=name)
            return f"{order.id} {order.replayed}"
        journal = store.journal(name)
        result = await client.send_bulk(f"Metin {name}", numbers, batch_size=1, journal=journal, settle_for=0)
    except IletimerkeziError as error:
        return repr(error)
    return f"{result.accepted} {result.accepted_before}"


async def main(name: str, address: str, url: str, key: str) -> None:
    async with (
        STORES[name](address) as store,
        AsyncClient(key, "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, store=store) as client,
    ):
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            what, name, count = line.split()
            print(await answer(client, store, what, name, int(count)), flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
