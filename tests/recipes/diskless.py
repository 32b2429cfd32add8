"""A campaign from a container without a disk, which may be killed at any time and started again anywhere.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    DATABASE_URL=postgresql://… python diskless.py kis-2026 list.txt

What is sent is written down in PostgreSQL. The container that is started in place of one that died waits until the
lease of the dead run is over, and goes on where it stopped: nobody is texted twice, nobody is left out.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from iletimerkezi_async import AsyncClient, Iys, JournalError
from iletimerkezi_async.stores import PostgresStore

DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql:///app")
BATCH_SIZE = int(os.environ.get("BATCH_SIZE", "50000"))
PAUSE_SECONDS = float(os.environ.get("PAUSE_SECONDS", "10"))


async def main(name: str, numbers: Iterable[str]) -> None:
    async with PostgresStore(DATABASE_URL) as store, AsyncClient(iys=Iys.OFF) as client:
        result = await client.send_bulk(
            "Kampanya başladı", numbers, batch_size=BATCH_SIZE, concurrency=2, journal=store.journal(name)
        )
    print(result)  # noqa: T201 - counts alone


if __name__ == "__main__":
    while True:
        try:
            with Path(sys.argv[2]).open(encoding="utf-8") as lines:
                asyncio.run(main(sys.argv[1], lines))
        except JournalError as error:
            # Another run has it: that one is alive, or its lease is over soon.
            if "in use" not in str(error):
                raise
            asyncio.run(asyncio.sleep(PAUSE_SECONDS))
        else:
            break
