"""Clients that come and go by the thousand, loops that follow one another, and a process that forks."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import anyio
import anyio.abc
import forking
import orjson
import pytest
from bad_servers import answer_well, body_of
from canned import http, ok
from census import live_objects, open_descriptors, resident_bytes
from fixture_types import ClientOf, Loop, NothingLeft, Serve

from iletimerkezi_async import AsyncClient

pytestmark = pytest.mark.stress

MEGABYTE = 2**20


@pytest.mark.anyio
async def test_five_thousand_clients(serve: Serve, client_of: ClientOf, nothing_left: NothingLeft, scale: int) -> None:
    """Made and closed, every fifth after a call: neither a descriptor, nor a task, nor memory is left of them.

    Without TLS: to read the authorities that are trusted takes 25 ms for each client. The next test has some with it.
    """
    url = serve(answer_well)

    async def live(lives: int) -> None:
        for life in range(lives):
            async with client_of(url) as client:
                if life % 5 == 0:
                    await client.get_balance()

    await live(1000)
    async with nothing_left():
        objects, memory = live_objects(), resident_bytes()
        await live(5000 * scale)
        assert live_objects() - objects < 1000
        assert resident_bytes() - memory < 10 * MEGABYTE


@pytest.mark.anyio
async def test_a_hundred_clients_with_tls(
    serve_tls: Serve, client_of: ClientOf, nothing_left: NothingLeft, scale: int
) -> None:
    """Each calls twice at the same time: the same holds of their contexts and sessions."""
    url = serve_tls(answer_well)

    async def live(lives: int) -> None:
        for _ in range(lives):
            async with client_of(url) as client, anyio.create_task_group() as tasks:
                tasks.start_soon(client.get_balance)
                tasks.start_soon(client.get_balance)

    await live(50)
    async with nothing_left():
        objects, memory = live_objects(), resident_bytes()
        await live(100 * scale)
        assert live_objects() - objects < 1000
        assert resident_bytes() - memory < 20 * MEGABYTE


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_loop_after_another(serve_either: Serve, client_of: ClientOf, scale: int, loops: list[Loop]) -> None:
    """One client in all of them, ten callers at a time, three of whom give up as a loop ends.

    The connections that are open as a loop ends are the interpreter's to close and to warn of; none is used again, and
    none stays open.
    """
    url = serve_either(answer_well)

    async def call_and_leave(client: AsyncClient) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(client.get_balance)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.get_balance)
            await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()

    def live(rounds: int) -> None:
        client = client_of(url)
        for _ in range(rounds):
            for backend, options in loops:
                anyio.run(call_and_leave, client, backend=backend, backend_options=options)
        anyio.run(client.aclose)

    # Loops open something once, for the life of the process.
    live(1)
    gc.collect()
    time.sleep(0.2)
    before = open_descriptors()
    live(5 * scale)
    gc.collect()
    # The server's ends of the connections close a moment later than the client's, in another thread.
    deadline = time.monotonic() + 10
    while open_descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_descriptors() <= before


class Numbered:
    """Answers each question with itself, and with the number of the connection that it came over."""

    def __init__(self) -> None:
        self._numbers: dict[anyio.abc.ByteStream, int] = {}

    async def answer(self, stream: anyio.abc.ByteStream, request: bytes) -> None:
        number = self._numbers.setdefault(stream, len(self._numbers))
        order = json.loads(body_of(request))["request"]["order"]["id"]
        # Long enough for both processes to have a request under way.
        await anyio.sleep(0.005)
        await stream.send(http(orjson.dumps(ok(order={"id": order, "status": 113, "total": number, "message": []}))))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("way", forking.WAYS)
def test_a_fork(serve_either: Serve, scale: int, way: str) -> None:
    """Parent and child share no connection, each gets its own answers, and the parent keeps what it had."""
    if "uvloop" in way:
        pytest.importorskip("uvloop")
    url = serve_either(Numbered().answer)
    for _ in range(scale):
        command = [sys.executable, str(Path(forking.__file__)), url, way]
        ended = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        used = {who: set(numbers) for who, numbers in json.loads(ended.stdout).items()}
        parents = used["before"] | used["beside"] | used["after"]
        assert used["child"]
        assert not used["child"] & parents
        if way != "between loops of trio":
            assert parents == used["before"]
