"""Campaigns that were broken off, and what becomes of them when their journal was damaged meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import anyio

from iletimerkezi_async import AsyncClient, BulkError, BulkResult, Iys, JournalError, Message, Progress, Retry
from iletimerkezi_async.sandbox import Sandbox

#: More than are of any use, so that a recipient that is lost from the journal is noticed.
EVERYBODY = [f"+9053012345{index:02}" for index in range(30)]


class Broken(Exception):  # noqa: N818 - it stands for a power cut
    pass


class Campaign:
    """A campaign with its journal and its sandbox.

    Args:
        path: The journal.
        several: Whether everybody gets a text of their own.
    """

    def __init__(self, path: Path, *, several: bool) -> None:
        self.path = path
        self.several = several
        self.sandbox = Sandbox(blocked=EVERYBODY[7:8])

    def run(self, minutes: float = 0, on_progress: Callable[[Progress], object] | None = None) -> BulkResult:
        """Run it, so many minutes later than it is."""
        self.sandbox.advance(minutes=minutes)
        real = time.time
        with patch("time.time", lambda: real() + 60 * minutes):
            return anyio.run(self._run, on_progress)

    async def _run(self, on_progress: Callable[[Progress], object] | None) -> BulkResult:
        retry = Retry(attempts=2, wait_initial=0)
        async with self.sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=retry, rate=None) as client:
            return await self._send(client, on_progress)

    async def _send(self, client: AsyncClient, on_progress: Callable[[Progress], object] | None) -> BulkResult:
        options = {"batch_size": 4, "concurrency": 1, "journal": self.path, "on_progress": on_progress}
        if self.several:
            messages = [Message(f"Sayin {number[-1]}", number) for number in EVERYBODY]
            return await client.send_bulk_messages(messages, **options)  # type: ignore[arg-type]  # of all types
        return await client.send_bulk("Kampanya", EVERYBODY, **options)  # type: ignore[arg-type]  # of all types

    def break_off(self, orders: int) -> dict[str, bytes]:
        """Run it until so many orders were answered; the files of that moment, as after a power cut."""
        files: dict[str, bytes] = {}
        self.sandbox.fail("send-sms", "close-idle", times=2)
        self.sandbox.fail("send-sms", "drop-answer", times=2)

        def copy(_: Progress) -> None:
            nonlocal orders
            orders -= 1
            if not orders:
                for file in self.path.parent.iterdir():
                    files[file.name.removeprefix(self.path.name)] = file.read_bytes()
                raise Broken

        try:
            self.run(on_progress=copy)
        except Broken:
            return files
        return {"": self.path.read_bytes()}

    def put_back(self, files: dict[str, bytes]) -> None:
        """Let these be the journal's files, and no others."""
        for file in self.path.parent.iterdir():
            file.unlink()
        for suffix, content in files.items():
            self.path.with_name(self.path.name + suffix).write_bytes(content)

    def resume(self, minutes: float) -> BulkResult | None:
        """Run it again; nothing where the journal is refused. Nobody is texted twice either way."""
        before = len(self.sandbox.requests)
        result: BulkResult | None = None
        try:
            result = self.run(minutes)
        except JournalError:
            assert len(self.sandbox.requests) == before
        except BulkError as error:
            result = error.result
        assert set(self.sandbox.deliveries.values()) <= {1}
        assert self.sandbox.deliveries.keys() <= set(EVERYBODY)
        return result
