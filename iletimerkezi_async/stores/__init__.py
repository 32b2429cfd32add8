"""Where several processes and machines of one account meet: `SqliteStore`, `PostgresStore`, `RedisStore`.

A store is given to each client of the account: `AsyncClient(store=store)`. It keeps what became of each send with a
key, when the next recipients may be let through, and which order ids are known: no number and no text.
"""

from .base import Store
from .postgres import PostgresStore
from .redis import RedisStore
from .sqlite import SqliteStore

__all__ = ["PostgresStore", "RedisStore", "SqliteStore", "Store"]
