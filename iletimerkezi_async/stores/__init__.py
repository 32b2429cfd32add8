"""Workers, and many processes: where those of one account meet, and what outlives them.

A queue delivers at least once, a web service runs in many processes, a container has no disk. What they must share lies
in a store, on an engine that you run already:

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

Give a key (an idempotency key) where the same send may be asked for twice. It is then sent at most once in 30 days
(`keep=`), whatever crashes, is delivered again or runs twice; a call that finds it sent gives the same `Order`, with
`replayed=True`. The text must be whole when the task is queued: another text under the same key is a
`KeyConflictError`. Put no phone number into a key, as the store keeps it as it is.

Engines for durable execution and queues (Temporal, DBOS, Celery and the like) run a step again whose outcome they do
not know, and would text twice; with a key their step is safe.

| state | means | the same call again |
|---|---|---|
| `SendState.CLAIMED` | about to be sent; nothing went out | waits, then `SendInProgressError`; sends after the lease |
| `SendState.BEGUN` | being sent, or its process died meanwhile | likewise, then finds out |
| `SendState.SENT` | taken | the same order, without a request |
| `SendState.UNKNOWN` | nobody can tell yet | tries again to find out |

What may have been sent is sent again within 9 minutes of its first attempt, where the service's own clock says so,
too: it then refuses it as a duplicate if it has it. After that the list of orders decides (see
`iletimerkezi_async.orders.rules`): it goes out again only where the list has every id that the store knows, and surely
lacks it, which takes ten minutes where it shows a newer order, and an hour where it shows none. What is assumed in
that: the service refuses repetitions for ten minutes; ten minutes after taking an order its list has it, or its being
behind shows by other orders, or is over within the hour; the list shows all orders of the account's API; nobody without
the store texts the very same numbers within a minute of a lost attempt.

Where it stays unknown (`OutcomeUnknownError`), look into the panel, then decide: `iletimerkezi sent KEY --order ID` or
`--not-sent`, or `mark_sent` and `mark_not_sent`. The first attempt's time and the number of recipients are in
`find_send`; the `Send` that it gives, in place of the key, makes the decision one about what you saw.

Under a key nothing is sent while the store is away (`StoreError`); if it goes away afterwards you get the order, and
the next call settles it.

## Which store

- `SqliteStore(path)`, for the processes of one machine, needs nothing.
- `PostgresStore(url)` (extra `postgres`) is for any number of machines. It works behind PgBouncer in transaction mode.
  Where its role may not create tables, run what
  `python -c "from iletimerkezi_async.stores import PostgresStore; print(PostgresStore.SCHEMA)"` prints, and grant
  SELECT, INSERT, UPDATE and DELETE.
- `RedisStore(url)` (extra `redis`), on Redis or Valkey: set `appendonly yes` and `maxmemory-policy noeviction`. What a
  crash loses within its last second is safe for 10 minutes, as the service refuses duplicates, and new after that. So
  is a write that a failover to a replica loses; a Redis that evicts keys forgets what was sent.

All of them may be made before a process forks (gunicorn, Celery) and used in the children: each child connects by
itself, and draws its versions from the system. On Windows a file's mode says nothing, so keep it in a folder that is
yours alone; a file that is in use cannot be removed there.

## One rate

With a store, `rate` is that of all clients of the account together: the store keeps the moment at which the next
recipient is free, and each process reserves a quarter of a second ahead at the most. What a process that dies, or a
caller who gives up, had reserved is lost, and holds up others for no longer than that. A twentieth of the rate goes at
once after a quiet time, the rest evenly at nine tenths of it. How exact that is depends on how much the time differs
that the store takes to answer.

A 429 of any process holds back the paced orders of all of them for its `Retry-After`, but for two minutes at the most.
Bulk orders of other processes do not learn of it, as asking would cost each a request. While the store is away each
process paces by itself, with a warning, and asks it again after five seconds.

## What is kept

A hash of the API key, keys, keyed fingerprints, states, times and order ids, for 30 days: no number, no text, no
credential. Beside the fingerprint stands a keyed mark of the numbers, by which two keys that text the same people are
told apart: where both were lost and one order is found, both stay unknown until you decide. Times are the store's
clock, and the service's where it was heard.

A campaign's journal in it (`journal=store.journal("kis-2026")`, PostgreSQL and SQLite) holds the recipients' numbers,
for 30 days after its last use. One run has it at a time; a run that died is taken over two minutes later, on any
machine. Keys and campaigns of one store know of each other, and a campaign with its journal in a file asks the client's
store, too.

A store that is restored from a backup has forgotten what was sent since: what is asked for again then goes out again.

## The files

For those who work on it. `base` is what all stores do: `sqlite`, `postgres` (whose statements `pipeline` runs) and
`redis` are the three. `seals` makes what stands in a store for an account and for an order,
`threads` runs the blocking drivers.

`log` is what is kept of an order, and how it is asked for: `sql` has the statements for engines that know SQL,
`redis_rows` the scripts for Redis. What becomes of an order no log knows.

`files` sees that a file is its owner's alone.

No text and no credential is ever stored, and nothing here knows HTTP or how an order is settled.
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
    # Loaded when they are asked for: a client without a store needs neither SQLite nor threads.
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
