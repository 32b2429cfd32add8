"""An engine of each kind, and stores on it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engines import ENGINES, Engine, PostgresEngine, RedisEngine, SqliteEngine
from servers import Postgres, Redis, named_or_own, own_postgres, own_redis
from worlds import World

from iletimerkezi_async.stores import Store


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out trio with PostgreSQL and Redis but for the contract.

    Each store is asked in worker threads, which the event loop does not tell apart; with SQLite all run on both.
    """
    kept, left_out = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        is_served = params.get("anyio_backend") == "trio" and params.get("engine") in {"postgres", "redis"}
        (left_out if is_served and item.path.name != "test_store_contract.py" else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server that the environment names, or one of our own."""
    with named_or_own(Postgres, tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Likewise."""
    with named_or_own(Redis, tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Engine:
    return SqliteEngine(tmp_path / "store.sqlite")


@pytest.fixture
def postgres_engine(postgres_url: str) -> Engine:
    return PostgresEngine(postgres_url)


@pytest.fixture
def redis_engine(redis_url: str) -> Engine:
    return RedisEngine(redis_url)


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    async with engine.store() as store:
        yield store


@pytest.fixture
def account() -> str:
    """An account that no other test has."""
    return uuid.uuid4().hex


class OwnServers:
    """Starts servers that a test may stop, freeze or fill."""

    @staticmethod
    @contextmanager
    def engine(name: str, folder: Path) -> Iterator[tuple[Engine, Postgres | Redis]]:
        kind = {"postgres": Postgres, "redis": Redis}[name]
        reason = kind.reason_to_skip()
        if reason:
            pytest.skip(reason)
        if name == "postgres":
            with own_postgres(folder) as postgres:
                yield PostgresEngine(postgres.url), postgres
        else:
            with own_redis(folder) as redis:
                yield RedisEngine(redis.url), redis


@pytest.fixture(scope="module", params=["postgres", "redis"])
def own_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Postgres | Redis]]:
    with OwnServers.engine(str(request.param), tmp_path_factory.mktemp("own")) as started:
        yield started


@pytest.fixture
def world(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(engine, monkeypatch)
    with world.sandbox.serve() as url:
        world.url = url
        yield world
