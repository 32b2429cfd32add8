"""Sends without a key beside a store that is away, or hangs: noting their ids delays nobody, and is made up for."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from waiting import PATIENCE, until, until_told
from worlds import World

from iletimerkezi_async import AsyncClient, Iys, Retry
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore, Store, base
from iletimerkezi_async.stores.base import StoreLog

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"
#: Seconds that these stores wait for an answer; so many sends that waited for one each would be given up.
LONG = 12.0
SENDS = int(PATIENCE / LONG) + 1


@contextmanager
def hanging_server() -> Iterator[int]:
    """Takes connections, and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@contextmanager
def hanging_redis(_: Path) -> Iterator[Store]:
    with hanging_server() as port:
        yield RedisStore(f"redis://127.0.0.1:{port}/0", timeout=LONG)


@contextmanager
def hanging_postgres(_: Path) -> Iterator[Store]:
    with hanging_server() as port:
        store = PostgresStore(f"postgresql://postgres@127.0.0.1:{port}/postgres", timeout=LONG)
        yield store
    # Its pool goes on trying to connect, and tells so; by now it is refused, and closes at once.
    store._close()


@contextmanager
def locked_file(folder: Path) -> Iterator[Store]:
    with closing(sqlite3.connect(folder / "store", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        store = SqliteStore(folder / "store", timeout=LONG)
        yield store
    # What waited for the file has it now; left open, it would be a warning in whichever test comes next.
    store._finish_and_close()


@contextmanager
def no_folder(folder: Path) -> Iterator[Store]:
    yield SqliteStore(folder / "missing" / "store", timeout=LONG)


@contextmanager
def refusing_redis(_: Path) -> Iterator[Store]:
    with hanging_server() as port:
        pass
    yield RedisStore(f"redis://127.0.0.1:{port}/0", timeout=LONG)


AWAY = [hanging_redis, hanging_postgres, locked_file, no_folder, refusing_redis]


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
@pytest.mark.parametrize("away", AWAY)
async def test_a_store_that_is_away_delays_no_send(
    away: Callable[[Path], Iterator[Store]], lost: bool, tmp_path: Path, sandbox: Sandbox, url: str
) -> None:
    """With a deadline of the caller's, too, orders that were taken are returned, also those whose answers were lost."""
    if lost:
        sandbox.fail("send-sms", "drop-answer")
    retry = Retry(wait_initial=0.001, wait_max=0.01)
    with away(tmp_path) as store:  # type: ignore[attr-defined]  # a context manager
        async with AsyncClient(
            "demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, retry=retry, rate=None, store=store
        ) as client:
            with anyio.fail_after(PATIENCE):
                orders = [await client.send_sms(f"Kodunuz {index}", NUMBER) for index in range(SENDS)]
    assert [order.id for order in orders] == [order.id for order in sandbox.orders]


async def test_what_was_answered_is_noted_at_the_latest_when_the_store_is_closed(world: World) -> None:
    """Another process then knows that these orders are no others."""
    async with world.engine.store() as store, world.client(store) as client:
        orders = [await client.send_sms(f"Kodunuz {index}", NUMBER) for index in range(30)]
        orders += (await client.send_bulk("Kampanya", [NUMBER])).orders
    async with world.engine.store() as store:
        ids = {order.id for order in orders}
        assert await StoreLog(store).known(world.account, ids) == ids


@pytest.mark.parametrize("how", ["noted later", "asked"])
async def test_what_is_old_is_deleted_every_ten_minutes(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with each question, or each id."""
    swept: list[int] = []
    monkeypatch.setattr(SqliteStore, "_sweep_rows", lambda _: swept.append(1))
    async with SqliteStore(tmp_path / "store") as store:
        for now, count in ((1000.0, 1), (1599.0, 1), (1600.0, 2), (2199.0, 2)):
            monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=lambda now=now: now))
            if how == "asked":
                await store._ask(list)
            else:
                store._note_late([])
            assert len(swept) == count


async def test_a_store_that_comes_back_is_told_what_it_missed(tmp_path: Path, sandbox: Sandbox, url: str) -> None:
    """By a later send, once it may be asked again."""
    path = tmp_path / "missing" / "store"
    settings = {"sender": "FIRMA", "iys": Iys.OFF, "base_url": url, "rate": None}
    async with SqliteStore(path) as store, AsyncClient("demo", "demo", store=store, **settings) as client:  # type: ignore[arg-type]  # settings
        log, account = StoreLog(store), client._session.sending._account
        first = await client.send_sms("Bir", NUMBER)
        await until(lambda: log.is_away)
        path.parent.mkdir()
        store._late_ids._paused_until = 0.0
        second = await client.send_sms("Iki", NUMBER)

        async def both_are_known() -> bool:
            return await log.known(account, [first.id, second.id]) == {first.id, second.id}

        await until_told(both_are_known)


async def test_closing_a_store_that_hangs_takes_no_longer_than_one_question(
    tmp_path: Path, sandbox: Sandbox, url: str
) -> None:
    """And raises nothing: what could not be noted, others have to find out."""
    with locked_file(tmp_path) as store:
        store._timeout = store._worker_threads._timeout = 1.0
        settings = {"sender": "FIRMA", "iys": Iys.OFF, "base_url": url, "rate": None}
        async with AsyncClient("demo", "demo", store=store, **settings) as client:  # type: ignore[arg-type]  # settings
            await client.send_sms("Bir", NUMBER)
        with anyio.fail_after(PATIENCE):
            await store.aclose()
