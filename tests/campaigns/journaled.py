"""What the tests of campaigns with a journal share: clients, runs and recipients."""

from __future__ import annotations

from pathlib import Path

from iletimerkezi_async import AsyncClient, BulkResult, Iys, Retry
from iletimerkezi_async.sandbox import Sandbox

TEXT = "Kampanyamiz basladi"
ONCE, TWICE = Retry(attempts=1), Retry(attempts=2, wait_initial=0)


def numbers(count: int) -> list[str]:
    return [f"+9053012{index:05}" for index in range(count)]


def client_of(sandbox: Sandbox, retry: Retry = TWICE, **options: object) -> AsyncClient:
    return sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=retry, rate=None, **options)  # type: ignore[arg-type]  # of all types


async def run(sandbox: Sandbox, path: Path, count: int = 100, *, retry: Retry = TWICE, **options: object) -> BulkResult:
    settings: dict[str, object] = {"batch_size": 20, "concurrency": 1, "journal": path}
    async with client_of(sandbox, retry) as client:
        return await client.send_bulk(TEXT, numbers(count), **(settings | options))  # type: ignore[arg-type]  # of all types
