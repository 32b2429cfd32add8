"""Where several processes and machines of one account meet, and what outlives a process.

`SqliteStore`, `PostgresStore` and `RedisStore` are given to each client of the account: `AsyncClient(store=store)`.
They keep what became of each send with a key, when the next recipients may be let through, and which order ids are
known.

`base` is what all stores do: `sqlite`, `postgres` (with its statements in `postgres_sql`) and `redis` (with its scripts
in `redis_scripts`) are the three. `claims` is what is asked and answered about a keyed send, `rows` reads what engines
answer, `slots` is the rule of the rate and `pacing` keeps to it, `threads` runs the blocking drivers.

`records` is what is written down of a campaign, as pure values; `journal` keeps them in a file, `journals` in a
store (`sqlite_journals`, `postgres_journals`), `opening` opens either; `files` sees that a file is its owner's alone.

No text and no credential is ever stored, and nothing here knows HTTP or how an order is settled.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Store as Store
    from .journals import StoreJournal as StoreJournal
    from .postgres import PostgresStore as PostgresStore
    from .redis import RedisStore as RedisStore
    from .sqlite import SqliteStore as SqliteStore

__all__ = ["PostgresStore", "RedisStore", "SqliteStore", "Store", "StoreJournal"]

_MODULE_OF = {
    "PostgresStore": "postgres",
    "RedisStore": "redis",
    "SqliteStore": "sqlite",
    "Store": "base",
    "StoreJournal": "journals",
}


def __getattr__(name: str) -> object:
    # Loaded when they are asked for: a client without a store needs neither SQLite nor threads.
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
