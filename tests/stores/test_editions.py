"""Tables and keys of earlier versions of this library, and its processes beside those of this one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from older import answer
from worlds import World

from iletimerkezi_async import Iys
from iletimerkezi_async.stores import PostgresStore, SqliteStore, sql
from iletimerkezi_async.stores.log import account_of, fingerprint
from iletimerkezi_async.wire.credentials import Body, Credentials
from iletimerkezi_async.wire.draft import Draft

FOLDER = Path(__file__).parent / "editions"
NEWEST = len(sql.EDITIONS)
KEPT = range(1, NEWEST + 1)
#: What an edition to come may add.
ADDED = (
    "ALTER TABLE iletimerkezi_rows ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX iletimerkezi_rows_attempts ON iletimerkezi_rows (attempts)",
)

pytestmark = pytest.mark.anyio

Ask = Callable[[str], str]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_what_a_later_version_finds_a_row_by_stays_the_same() -> None:
    """With other fingerprints each key would belong to other content, and no look-alike would be found."""
    messages = {"Kodunuz 1234": ("+905301234567", "+905301234568"), "Merhaba": ("+905301234569",)}
    send_at = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
    found = fingerprint(Draft("FIRMA", Iys.OFF, messages, send_at, 3), Body(b"seal"))
    assert found == ("0a8f69a29a459fa27eba24a7c47722f41cbe2e87", "e162e08e4a6a8ee222cb772d53e93218")
    assert account_of(Credentials("key", "hash", "https://api.example/v1")) == "096c22835210e1c3aaad741a2d8e52f1"


@contextmanager
def older_process(world: World, edition: int) -> Iterator[Ask]:
    """A process of the version that made an edition."""
    command = [sys.executable, os.fspath(FOLDER.parent / "older.py")]
    with subprocess.Popen(
        [*command, world.engine.name, world.engine.address, world.url, world.key],
        env={**os.environ, "PYTHONPATH": os.fspath(FOLDER / f"{edition}.zip")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(line: str) -> str:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield ask
        process.stdin.close()


async def ask(world: World, line: str) -> str:
    """The same of this version."""
    what, name, count = line.split()
    async with world.engine.store() as store, world.client(store) as client:
        return await answer(client, store, what, name, int(count))  # type: ignore[arg-type]  # a store with journals


@pytest.mark.parametrize("edition", KEPT)
async def test_an_older_version_goes_on_beside_one_that_adds_to_the_tables(
    world: World, edition: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finds what the other has sent, and an older one may still be started."""
    with ExitStack() as stack:
        older = stack.enter_context(older_process(world, edition))
        first = await anyio.to_thread.run_sync(older, "key bir 3")
        monkeypatch.setattr("iletimerkezi_async.stores.sql.EDITIONS", (*sql.EDITIONS, ADDED))
        for module in ("sqlite", "postgres"):
            monkeypatch.setattr(f"iletimerkezi_async.stores.{module}.EDITIONS", (*sql.EDITIONS,))
        assert first.split()[0].isdigit()
        assert await ask(world, "key bir 3") == first.replace("False", "True")
        second = await ask(world, "key iki 3")
        assert await anyio.to_thread.run_sync(older, "key iki 3") == second.replace("False", "True")
        third = await anyio.to_thread.run_sync(older, "key uc 3")
        assert await ask(world, "key uc 3") == third.replace("False", "True")
        restarted = stack.enter_context(older_process(world, edition))
        assert await anyio.to_thread.run_sync(restarted, "key iki 3") == second.replace("False", "True")
        if world.engine.name != "redis":
            assert await anyio.to_thread.run_sync(older, "campaign a 3") == "3 0"
            assert await ask(world, "campaign a 3") == "3 3"
            assert await ask(world, "campaign b 3") == "3 0"
            assert await anyio.to_thread.run_sync(restarted, "campaign b 3") == "3 3"
    assert set(world.sandbox.deliveries.values()) == {3 if world.engine.name == "redis" else 5}


def test_the_tables_are_those_that_are_kept(tmp_path: Path) -> None:
    """What changes them is a new edition, and has its own file there."""
    path = tmp_path / "store"

    async def make() -> None:
        async with SqliteStore(path) as store:
            await store.reserve("account", 1.0, 0.0)

    anyio.run(make)
    with closing(sqlite3.connect(path)) as made, closing(sqlite3.connect(":memory:")) as kept:
        kept.executescript((FOLDER / f"{NEWEST}.sqlite.sql").read_text())
        tables = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        assert made.execute(tables).fetchall() == kept.execute(tables).fetchall()
        assert made.execute("PRAGMA user_version").fetchone()[0] == NEWEST
    kept_there = (FOLDER / f"{NEWEST}.postgres.sql").read_text().replace(";\n", "").split("CREATE ")
    assert all(statement in PostgresStore.SCHEMA for statement in kept_there)
