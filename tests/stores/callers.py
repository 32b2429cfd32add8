"""A process whose callers send, of whom half give up; it prints which of them were told their order."""

from __future__ import annotations

import sys

import anyio
import anyio.to_thread
from engines import ENGINES

from iletimerkezi_async import AsyncClient, Iys
from iletimerkezi_async.http import pacing

TEXT = "Kodunuz"
# A store that a busy machine makes slow is waited for all the same.
pacing._PATIENCE = pacing._PATIENCE_AWAY = 60.0


async def main(name: str, address: str, url: str, key: str, rate: str, large: str) -> None:
    engine = ENGINES[name](address)  # type: ignore[arg-type]  # an address of this engine
    async with (
        engine.store() as store,
        AsyncClient(key, "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, rate=float(rate), store=store) as client,
    ):

        async def call(place: int) -> None:
            to = [5301000000 + each for each in range(int(large) if place == 20 else 1)]
            with anyio.move_on_after(0.7 if place % 2 else None):
                await client.send_sms(f"{TEXT} {key} {large} {place}", to)
                print(place, flush=True)  # noqa: T201 - what it is for

        await client.get_balance()
        print("ready", flush=True)  # noqa: T201 - likewise
        await anyio.to_thread.run_sync(sys.stdin.readline)
        async with anyio.create_task_group() as tasks:
            for place in range(60):
                tasks.start_soon(call, place)


anyio.run(main, *sys.argv[1:])
