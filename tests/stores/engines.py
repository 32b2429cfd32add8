"""The engines that the stores are tested on, and time travel in them: what is kept is made older.

The stores' clocks stay as they are, and nothing in the stores knows of it.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore, Store, postgres, redis


class Engine(ABC):
    name: str
    address: str

    @abstractmethod
    def store(self, **options: object) -> Store:
        """A store of its own, as another process would have it."""

    @abstractmethod
    def age(self, account: str, seconds: float) -> None:
        """Make all that is kept of an account older."""

    @abstractmethod
    def lose(self, account: str) -> None:
        """Lose all that is kept of an account's orders, as a server without a disk does that is started again."""

    def shift(self, patch: pytest.MonkeyPatch, seconds: float) -> None:  # noqa: B027 - see below
        """Have this process's stores find the engine's clock so far ahead; SQLite has that of the process."""

    @abstractmethod
    def dump(self, account: str) -> str:
        """All that is kept of an account."""

    @abstractmethod
    def free_at(self, account: str) -> float:
        """When the next recipient of the account is free, in seconds since 1970."""

    def damage(self, account: str) -> None:
        """Change a word in what is kept of a campaign's orders."""
        raise NotImplementedError


class SqliteEngine(Engine):
    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.address = os.fspath(path)

    def store(self, **options: object) -> Store:
        return SqliteStore(self.address, **options)  # type: ignore[arg-type]  # options of any type

    def age(self, account: str, seconds: float) -> None:
        with sqlite3.connect(self.address, timeout=10) as database:
            database.execute(
                "UPDATE iletimerkezi_rows SET lease_until = lease_until - ?1, first_at = first_at - ?1, "
                "last_at = last_at - ?1, expires_at = expires_at - ?1 WHERE account = ?2",
                (seconds, account),
            )
            database.execute(
                "UPDATE iletimerkezi_ids SET known_at = known_at - ? WHERE account = ?", (seconds, account)
            )
        database.close()

    def lose(self, account: str) -> None:
        with sqlite3.connect(self.address, timeout=10) as database:
            database.execute("DELETE FROM iletimerkezi_rows WHERE account = ?", (account,))
        database.close()

    def damage(self, account: str) -> None:
        with sqlite3.connect(self.address, timeout=10) as database:
            database.execute("UPDATE iletimerkezi_rows SET order_id = '1' WHERE account = ? AND part > 0", (account,))
        database.close()

    def dump(self, account: str) -> str:
        with sqlite3.connect(self.address) as database:
            found = "\n".join(database.iterdump())
        database.close()
        return found

    def free_at(self, account: str) -> float:
        with sqlite3.connect(self.address) as database:
            row = database.execute("SELECT free_at FROM iletimerkezi_pace WHERE account = ?", (account,)).fetchone()
        database.close()
        return float(row[0])


class PostgresEngine(Engine):
    name = "postgres"

    def __init__(self, url: str) -> None:
        self.address = url

    def store(self, **options: object) -> Store:
        return PostgresStore(self.address, **options)  # type: ignore[arg-type]  # options of any type

    def _ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            cursor = connection.execute(query, values)  # type: ignore[arg-type]  # a constant of this file
            return cursor.fetchall() if cursor.description else []

    def age(self, account: str, seconds: float) -> None:
        self._ask(
            "UPDATE iletimerkezi_rows SET lease_until = lease_until - %s, first_at = first_at - %s, "
            "last_at = last_at - %s, expires_at = expires_at - %s WHERE account = %s",
            seconds, seconds, seconds, seconds, account,
        )  # fmt: skip
        self._ask("UPDATE iletimerkezi_ids SET known_at = known_at - %s WHERE account = %s", seconds, account)

    def shift(self, patch: pytest.MonkeyPatch, seconds: float) -> None:
        now = f"(extract(epoch FROM clock_timestamp())::float8 + {seconds:f})"
        patch.setattr(postgres, "DIALECT", postgres.DIALECT._replace(now=now))

    def lose(self, account: str) -> None:
        self._ask("DELETE FROM iletimerkezi_rows WHERE account = %s", account)

    def damage(self, account: str) -> None:
        self._ask("UPDATE iletimerkezi_rows SET order_id = '1' WHERE account = %s AND part > 0", account)

    def dump(self, account: str) -> str:
        tables = ("rows", "pace", "ids")
        return "\n".join(
            str(self._ask(f"SELECT * FROM iletimerkezi_{table} WHERE account = %s", account)) for table in tables
        )

    def free_at(self, account: str) -> float:
        [(free_at,)] = self._ask("SELECT free_at FROM iletimerkezi_pace WHERE account = %s", account)
        return float(free_at)  # type: ignore[arg-type]  # a number


class RedisEngine(Engine):
    name = "redis"

    def __init__(self, url: str) -> None:
        self.address = url

    def store(self, **options: object) -> Store:
        return RedisStore(self.address, **options)  # type: ignore[arg-type]  # options of any type

    def shift(self, patch: pytest.MonkeyPatch, seconds: float) -> None:
        for script in ("_ROW", "_NOTE"):
            told = getattr(redis, script)
            late = re.sub(r"/ 1000000( \+ [0-9.]+)?\n", f"/ 1000000 + {seconds:f}\n", told)
            assert late != told
            patch.setattr(redis, script, late)

    def age(self, account: str, seconds: float) -> None:
        import redis

        with redis.Redis.from_url(self.address, decode_responses=True) as server:
            for key in server.scan_iter(f"iletimerkezi:{{{account}}}:key:*"):
                for field in ("lease_until", "expires_at", "first_at", "last_at"):
                    value = server.hget(key, field)
                    if value:
                        server.hset(key, field, f"{float(value) - seconds:.6f}")  # type: ignore[arg-type]  # not async
                left = int(server.pttl(key)) - int(seconds * 1000)  # type: ignore[arg-type]  # not async
                server.pexpire(key, max(1, left))
            for key in server.scan_iter(f"iletimerkezi:{{{account}}}:*"):
                if server.type(key) == "zset":
                    for member, score in server.zrange(key, 0, -1, withscores=True):  # type: ignore[union-attr]  # likewise
                        server.zadd(key, {member: score - seconds})
        time.sleep(0.002)

    def lose(self, account: str) -> None:
        import redis

        with redis.Redis.from_url(self.address) as server:
            server.delete(*server.scan_iter(f"iletimerkezi:{{{account}}}:*"))

    def dump(self, account: str) -> str:
        import redis

        found = []
        with redis.Redis.from_url(self.address, decode_responses=True) as server:
            for key in server.scan_iter(f"iletimerkezi:{{{account}}}:*"):
                read = {"hash": server.hgetall, "zset": lambda key: server.zrange(key, 0, -1)}
                found.append(f"{key} {read.get(str(server.type(key)), server.get)(key)}")
        return "\n".join(found)

    def free_at(self, account: str) -> float:
        import redis

        with redis.Redis.from_url(self.address) as server:
            return float(server.get(f"iletimerkezi:{{{account}}}:free_at"))  # type: ignore[arg-type]  # not async


ENGINES: dict[str, type[SqliteEngine | PostgresEngine | RedisEngine]] = {
    engine.name: engine for engine in (SqliteEngine, PostgresEngine, RedisEngine)
}
