"""Stores: the data that the processes of one account share, and that survives them.

A queue delivers at least once, a web service runs in many processes, a container has no disk. A store keeps the common
data in a database that you already run:

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

Give a key (an idempotency key) to a send that may be requested twice. It is then sent at most once in 30 days
(`keep=`), even if a process crashes, a task is delivered again or two workers run it. If it was sent already, the call
returns the same `Order`, with `replayed=True`. The text must be fixed when the task is queued: another text under the
same key raises `KeyConflictError`. Put no phone number into a key, as the store keeps keys in plain text.

Queues and engines for durable execution (Temporal, DBOS, Celery and the like) run a step again if they do not know its
outcome, and would text twice. With a key such a step is safe.

| state | means | the same call again |
|---|---|---|
| `SendState.CLAIMED` | about to be sent; nothing has left | waits, then `SendInProgressError`; sends after the lease |
| `SendState.BEGUN` | being sent, or its process died meanwhile | the same, but looks it up after the lease |
| `SendState.SENT` | taken | returns the same order, without a request |
| `SendState.UNKNOWN` | may or may not have been taken | looks it up again |

An order that may have been taken is sent again within 9 minutes of its first attempt, by this machine's clock and by
the service's: if the service has the order, it refuses the repetition as a duplicate. After 9 minutes the service's
list of orders decides (see `iletimerkezi_async.orders.rules`). The order is sent again only if the list is complete
(judged by all ids that the store knows) and has only other orders. This is certain after ten minutes if the list shows
a newer order, otherwise after an hour. The assumptions are in `iletimerkezi_async.orders`.

If the outcome stays unknown (`OutcomeUnknownError`), look into the panel and decide: `iletimerkezi sent KEY --order ID`
or `--not-sent`, or `mark_sent` and `mark_not_sent`. `find_send` returns a `Send` with the time of the first attempt and
the number of recipients. If you pass that `Send` instead of the key, the decision is refused if anything has changed.

While the store is away, nothing is sent under a key (`StoreError`). If the store goes away after the order has left,
the call returns the order, and the next call updates the store.

## Which store

- `SqliteStore(path)` is for the processes of one machine, and needs nothing else.
- `PostgresStore(url)` (extra `postgres`) is for any number of machines. It works behind PgBouncer in transaction mode.
  If its role may not create tables, run the statements that
  `python -c "from iletimerkezi_async.stores import PostgresStore; print(PostgresStore.SCHEMA)"` prints, and grant
  SELECT, INSERT, UPDATE and DELETE.
- `RedisStore(url)` (extra `redis`) is for Redis or Valkey: set `appendonly yes` and `maxmemory-policy noeviction`. A
  crash may lose the writes of its last second, and a failover those that had not reached the replica. A key lost in
  this way is safe for 10 minutes, as the service refuses duplicates; after that it counts as new. If Redis evicts keys,
  sends are forgotten.

A store may be made before a process forks (gunicorn, Celery) and used in the children: each child opens its own
connections. On Windows a file's mode has no effect, so keep the file in a folder that other users cannot read; a file
in use cannot be removed there.

## One rate

With a store, `rate` limits all clients of the account together. The store keeps the time at which the next recipient
may be sent, and each process reserves at most a quarter of a second ahead. If a process dies or a call is cancelled,
the interval that it reserved is lost. After an idle time a twentieth of the rate goes out at once, the rest evenly at
nine tenths of the rate. The pace is only as even as the store's response times.

A 429 in any process delays the paced orders of all processes by its `Retry-After`, at most two minutes. Bulk orders of
other processes are not delayed, as each would have to ask the store. While the store is away each process paces by
itself, with a warning, and asks the store again after five seconds.

## What is kept

A store keeps, for 30 days, a hash of the API key and of the service's address, the keys, keyed fingerprints, states,
times and order ids: no number, no text, no credential. With another `base_url` none of this is found, as that counts as
another service. Each order has two fingerprints, of the whole order and of its numbers alone. The second one detects
orders to the same people: if two of them were lost and the list shows one, both stay unknown until you decide. Times
are by the store's clock, and by the service's clock if an answer has told it.

A campaign's journal in a store (`journal=store.journal("kis-2026")`, PostgreSQL and SQLite) holds the recipients'
numbers, for 30 days after its last use. Only one run at a time can use it. If a run dies, another one may take over two
minutes later, on any machine. Keys and campaigns of one store take each other into account; a campaign with its journal
in a file asks the client's store, too.

A store that is restored from a backup lacks the sends since the backup. If one of them is requested again, it is sent
again.

## The files

For those who work on it. `log` has the record of an order. `base` is common to all stores (`StoreLog` is a store as a
log), `sql` to those on SQL engines; `sqlite` (also for journal files), `postgres` and `redis` are the engines.
`threads` runs the blocking drivers.

A store only keeps rows. The rules about orders are in `iletimerkezi_async.orders.life`. No store uses HTTP.
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
