"""Stores: what the processes of one account share, and what outlives them.

A queue delivers at least once, a web service runs in many processes, a container has no disk. A store keeps their
common data on an engine that you already run:

```python
import anyio

from iletimerkezi_async import AsyncClient, Iys
from iletimerkezi_async.stores import SqliteStore  # or PostgresStore("postgresql://…"), RedisStore("redis://…")


async def main() -> None:
    async with SqliteStore("sends.db") as store, AsyncClient(iys=Iys.OFF, store=store) as client:
        for _ in range(2):  # delivered twice, sent once
            order = await client.send_sms("Siparisiniz yolda", to="0530 123 45 67", key="siparis-1234-kargoda")
            print(order)


anyio.run(main)
```

## Once, under a key

Give a key (an idempotency key) to a send that may be asked for twice. It is then sent at most once in 30 days
(`keep=`), even if a process crashes, a task is delivered again or two workers run it. A call that finds it sent returns
the same `Order`, with `replayed=True`. The text must be fixed when the task is queued: another text under the same key
is a `KeyConflictError`. Put no phone number into a key, as the store keeps keys in plain text.

Queues and engines for durable execution (Temporal, DBOS, Celery and the like) run a step again if they do not know its
outcome, and would text twice. With a key their step is safe.

| state | means | the same call again |
|---|---|---|
| `SendState.CLAIMED` | about to be sent; nothing has left | waits, then `SendInProgressError`; sends after the lease |
| `SendState.BEGUN` | being sent, or its process died meanwhile | the same, but looks it up after the lease |
| `SendState.SENT` | taken | returns the same order, without a request |
| `SendState.UNKNOWN` | may or may not have been taken | looks it up again |

An order that may have been taken is sent again within 9 minutes of its first attempt, by this machine's clock and by
the service's: if the service has it, it refuses the repetition as a duplicate. After 9 minutes the service's list of
orders decides (see `iletimerkezi_async.orders.rules`). The order is sent again only if the list is complete, by all ids
that the store knows, and has only other orders. That takes ten minutes if the list shows a newer order, otherwise an
hour. The assumptions are in `iletimerkezi_async.orders`.

If it stays unknown (`OutcomeUnknownError`), look into the panel and decide: `iletimerkezi sent KEY --order ID` or
`--not-sent`, or `mark_sent` and `mark_not_sent`. `find_send` returns a `Send` with the time of the first attempt and
the number of recipients. Give that `Send` in place of the key: the decision is then refused if anything has changed.

While the store is away, nothing is sent under a key (`StoreError`). If the store goes away after the order has left,
the call returns the order, and the next call updates the store.

## Which store

- `SqliteStore(path)`, for the processes of one machine, needs nothing.
- `PostgresStore(url)` (extra `postgres`) is for any number of machines. It works behind PgBouncer in transaction mode.
  If its role may not create tables, run the statements that
  `python -c "from iletimerkezi_async.stores import PostgresStore; print(PostgresStore.SCHEMA)"` prints, and grant
  SELECT, INSERT, UPDATE and DELETE.
- `RedisStore(url)` (extra `redis`), on Redis or Valkey: set `appendonly yes` and `maxmemory-policy noeviction`. A crash
  may lose the writes of its last second, and a failover those that had not reached the replica. A key that is lost so
  is safe for 10 minutes, as the service refuses duplicates, and counts as new after that. A Redis that evicts keys
  forgets what was sent.

A store may be made before a process forks (gunicorn, Celery) and used in the children: each child opens its own
connections. On Windows a file's mode has no effect, so keep the file in a folder that other users cannot read; a file
in use cannot be removed there.

## One rate

With a store, `rate` is that of all clients of the account together. The store keeps the moment at which the next
recipient is free, and each process reserves a quarter of a second ahead at the most. An interval that was reserved by a
process that died, or by a call that was cancelled, is lost. After a quiet time a twentieth of the rate goes at once,
the rest evenly at nine tenths of it. The pace is as exact as the store's answers are even.

A 429 in any process holds back the paced orders of all processes for its `Retry-After`, two minutes at the most. Bulk
orders of other processes are not held back, as each would have to ask the store. While the store is away each process
paces by itself, with a warning, and asks the store again after five seconds.

## What is kept

A hash of the API key and of the service's address, the keys, keyed fingerprints, states, times and order ids, for 30
days: no number, no text, no credential. With another `base_url` nothing of it is found, as it is another service. Each
order has two fingerprints, of the whole order and of its numbers alone. By the second, orders to the same people are
noticed: if two of them were lost and the list shows one, both stay unknown until you decide. Times are by the store's
clock, and by the service's clock if an answer has told it.

A campaign's journal in a store (`journal=store.journal("kis-2026")`, PostgreSQL and SQLite) holds the recipients'
numbers, for 30 days after its last use. One run has it at a time. If a run dies, another one may take over two minutes
later, on any machine. Keys and campaigns of one store take each other into account; a campaign with its journal in a
file asks the client's store, too.

A store that is restored from a backup has lost what was sent since. A send that is asked for again is then sent again.

## The files

For those who work on it. `log` has the record of an order and the protocol of a log. `base` is common to all stores,
`sql` to those on SQL engines; `sqlite`, `postgres` and `redis` are the engines. `threads` runs the blocking drivers,
and `files` keeps files private.

A store keeps rows, and does not know what may become of an order (`iletimerkezi_async.orders.life` does), nor HTTP.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Store as Store
    from .base import StoreJournal as StoreJournal
    from .postgres import PostgresStore as PostgresStore
    from .redis import RedisStore as RedisStore
    from .sqlite import SqliteStore as SqliteStore

__all__ = ["PostgresStore", "RedisStore", "SqliteStore", "Store", "StoreJournal"]

_MODULE_OF = {
    "PostgresStore": "postgres",
    "RedisStore": "redis",
    "SqliteStore": "sqlite",
    "Store": "base",
    "StoreJournal": "base",
}


def __getattr__(name: str) -> object:
    # Loaded on first use: a client without a store needs neither SQLite nor threads.
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
