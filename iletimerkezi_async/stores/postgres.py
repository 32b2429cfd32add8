"""A store in PostgreSQL, for any number of machines.

Each request is one transaction in one round trip: all statements are sent before the first is answered (libpq's
pipeline mode). No session state is used, neither prepared statements nor session locks, so that it works behind
PgBouncer in transaction mode.
"""

from __future__ import annotations

import math
import os
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache, partial
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from iletimerkezi_async.errors import ConfigurationError, StoreError
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.credentials import Body

from .sql import EDITIONS, Dialect, SqlStore
from .sql import spell as spell_sql
from .threads import CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    import psycopg
    import psycopg_pool


#: The clock's time after the wait for a lock, and not that of the transaction's beginning.
DIALECT = Dialect(
    now="extract(epoch FROM clock_timestamp())::float8", text="text", real="double precision", blob="bytea"
)
_NOTED = "CREATE TABLE IF NOT EXISTS iletimerkezi_editions (edition integer PRIMARY KEY)"
_IS_NOTED = "SELECT to_regclass('iletimerkezi_editions') IS NOT NULL"
_NOTE = "INSERT INTO iletimerkezi_editions VALUES ({}) ON CONFLICT DO NOTHING"
_EDITION = "SELECT coalesce(max(edition), 0) FROM iletimerkezi_editions"
# "IMst" as a number. The lock ends with the transaction.
_LOCK = "SELECT pg_advisory_xact_lock(1229812596)"
_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)")


@forgetful
class PostgresStore(SqlStore):
    """A store in PostgreSQL (11 or newer), for any number of machines. It needs the extra `postgres`.

    The tables are made on first use, in the first schema of the role's `search_path`. If the role may not create
    tables, let their owner run the statements in `SCHEMA`, and grant the role SELECT, INSERT, UPDATE and DELETE.

    Args:
        url: A connection string as libpq takes it: `"postgresql://user:password@host/database"` or `"host=… dbname=…"`.
            SQLAlchemy's name of a driver (`"postgresql+asyncpg://…"`) is ignored.
        keep: Time for which a key is kept after its last change; at least an hour.
        timeout: Seconds that one request to the store may take. After that the store counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument is not valid, or psycopg is not installed.
    """

    SCHEMA: ClassVar[str] = ";\n".join(
        [_NOTED, *(spell_sql(each, DIALECT) for each in chain(*EDITIONS)), _NOTE.format(len(EDITIONS))]
    )
    """The statements that make the tables."""

    def __init__(self, url: str, *, keep: timedelta = timedelta(days=30), timeout: float = 5.0) -> None:
        super().__init__(keep=keep, timeout=timeout)
        self._url, self._where = _read_url(url)
        self._lock = threading.Lock()
        self._pool: psycopg_pool.ConnectionPool[psycopg.Connection] | None = None
        self._is_ready = False
        #: The reason why the last attempt to connect failed.
        self._trouble = ""
        #: The connection on which each thread waits for an answer.
        self._waiting: dict[int, psycopg.Connection] = {}

    def __repr__(self) -> str:
        return f"<PostgresStore {self._where}>"

    # The log.

    def _transact(self, statements: Sequence[str], values: Mapping[str, object], durable: bool) -> list[Any]:
        if not self._is_ready:
            self._repeated(_prepare)
            self._is_ready = True
        # Settings for this transaction only, both in one statement.
        settings = f"set_config('statement_timeout', '{int(self._timeout * 1000)}', true)"
        if not durable:
            settings += ", set_config('synchronous_commit', 'off', true)"
        spelt = [spell_sql(statement, DIALECT) for statement in statements]
        return self._repeated(partial(_run, statements=[f"SELECT {settings}", *spelt], values=values))

    # Asking.

    def _repeated(self, ask: Callable[[psycopg.Connection], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        import psycopg  # noqa: PLC0415 - an extra

        deadline = time.monotonic() + self._timeout
        standbys = 0
        while True:
            with self._complaints(), self._connection(deadline) as connection:
                try:
                    return ask(connection)
                except psycopg.OperationalError:
                    # The server was restarted while the connection was idle: try another one. Every transaction here
                    # can be repeated, with the same outcome.
                    if not connection.broken or time.monotonic() > deadline:
                        raise
                except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.FeatureNotSupported):
                    # The server is no longer the primary: the next connection may reach the new one. The pool drops
                    # closed connections; if all of them reach a standby, the error is raised.
                    connection.close()
                    standbys += 1
                    if standbys > CALLS:
                        raise

    @contextmanager
    def _connection(self, deadline: float) -> Generator[psycopg.Connection]:
        with self._here().connection(timeout=max(0.001, deadline - time.monotonic())) as connection:
            thread = threading.get_ident()
            self._waiting[thread] = connection
            try:
                yield connection
            finally:
                del self._waiting[thread]

    def _interrupt(self, thread: int) -> None:
        connection = self._waiting.get(thread)
        if connection is None:
            return
        # A server that hangs does not answer a request to cancel either. Shutting down the socket ends the wait.
        with suppress(OSError, ValueError):
            line = socket.socket(fileno=os.dup(connection.fileno()))
            line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _here(self) -> psycopg_pool.ConnectionPool[psycopg.Connection]:
        """The pool, made on first use."""
        with self._lock:
            if self._closed:
                raise StoreError("the store has been closed")
            if self._pool is None:
                self._pool = self._make_pool()
            return self._pool

    def _make_pool(self) -> psycopg_pool.ConnectionPool[psycopg.Connection]:
        import psycopg_pool  # noqa: PLC0415 - likewise

        seconds = max(1, math.ceil(self._timeout))
        pool: psycopg_pool.ConnectionPool[psycopg.Connection] = psycopg_pool.ConnectionPool(
            self._url.decode(),
            connection_class=self._connection_class(),
            min_size=0,
            max_size=CALLS,
            open=False,
            # After this time the next call connects again, without growing pauses.
            reconnect_timeout=self._timeout,
            kwargs={
                "autocommit": True,
                "prepare_threshold": None,
                "client_encoding": "utf8",
                "application_name": "iletimerkezi_async",
                "connect_timeout": seconds,
                "tcp_user_timeout": seconds * 1000,
                "keepalives_idle": seconds,
            },
        )
        pool.open()
        return pool

    def _explain_wait(self) -> str:
        return f"cannot be reached within {self._timeout:g} s: {self._trouble or 'all connections are in use'}"

    def _explain_silence(self) -> str:
        return f"{self!r} {self._explain_wait()}" if self._trouble else super()._explain_silence()

    def _connection_class(self) -> type[psycopg.Connection]:
        """Make a class of connections that keep the reason of a failure, which the pool only logs."""
        import psycopg  # noqa: PLC0415 - an extra

        store = self

        class Connection(psycopg.Connection):
            @classmethod
            def connect(cls, *args: Any, **kwargs: Any) -> Any:
                try:
                    connection = super().connect(*args, **kwargs)
                    store._trouble = ""
                    return connection  # noqa: TRY300 - it is about this
                except psycopg.Error as error:
                    store._trouble = _cause_of(error)
                    raise

        return Connection

    def _close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=self._timeout)

    def leave_to_parent(self) -> object:
        """Forget the connections, which are the parent's."""
        pool = self._pool
        self._lock, self._pool, self._waiting = threading.Lock(), None, {}
        return pool

    @contextmanager
    def _complaints(self) -> Generator[None]:
        """Turn what psycopg raises into a `StoreError`, which quotes no statement."""
        import psycopg  # noqa: PLC0415 - an extra
        import psycopg_pool  # noqa: PLC0415 - likewise

        reason = ""
        try:
            yield
        except psycopg_pool.PoolTimeout:
            reason = self._explain_wait()
        except psycopg.errors.QueryCanceled:
            reason = f"did not answer within {self._timeout:g} s"
        except psycopg.errors.InsufficientPrivilege:
            reason = (
                "does not allow this role to create, read or write its tables: ask its owner to run the statements in "
                "PostgresStore.SCHEMA, and grant SELECT, INSERT, UPDATE and DELETE on them"
            )
        except psycopg.errors.UndefinedTable:
            self._is_ready = False
            reason = "has lost its tables"
        except psycopg.Error as error:
            code = f" {error.sqlstate}" if error.sqlstate else ""
            reason = f"cannot be used: {type(error).__name__}{code}"
        if reason:
            raise StoreError(f"{self!r} {reason}")


def _read_url(url: str) -> tuple[Body, str]:
    """Check a connection string, which may hold a password; give it, and the part of it that may be shown.

    Raises:
        ConfigurationError: It cannot be read, or psycopg is not installed.
    """
    reason = "the URL of a PostgreSQL store must be a connection string, such as postgresql://user@host/database"
    try:
        import psycopg.conninfo  # noqa: PLC0415 - an extra

        import_module("psycopg_pool")
    except ImportError:
        reason = "PostgresStore needs psycopg and its pool: pip install 'iletimerkezi-async[postgres]'"
    else:
        with suppress(psycopg.ProgrammingError, TypeError, AttributeError, UnicodeError):
            # Without SQLAlchemy's name of a driver.
            url = _DRIVER.sub(r"\1", url)
            parts = psycopg.conninfo.conninfo_to_dict(url)
            port = f":{parts['port']}" if parts.get("port") else ""
            return Body(url.encode()), f"{parts.get('host', '')}{port}/{parts.get('dbname', '')}"
    raise ConfigurationError(reason)


def _cause_of(error: Exception) -> str:
    """Tell why connecting failed, without parts of the connection string."""
    first, _, _ = str(error).partition("\n")
    told = re.search(r".*(?:FATAL: +|failed: |\[Errno -?\d+\] )(.+)", first)
    return told[1] if told else type(error).__name__


def _run(
    connection: psycopg.Connection, statements: Sequence[str], values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Run statements as one transaction; return the rows of the last one.

    Values are bound, and not written into the statements, which the server may log.
    """
    import psycopg  # noqa: PLC0415 - an extra

    with connection.pipeline():
        psycopg.Cursor(connection).execute(b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        cursor = psycopg.Cursor(connection)
        for statement in statements:
            cursor = psycopg.Cursor(connection)
            cursor.execute(_spell_names(statement), values)
        psycopg.Cursor(connection).execute(b"COMMIT")
    return cursor.fetchall() if cursor.description else []


@lru_cache(maxsize=512)
def _spell_names(statement: str) -> bytes:
    """Spell the names of bound values as psycopg does; leave the type after `::`."""
    return re.sub(r"(?<!:):([a-z_0-9]+)", r"%(\1)s", statement).encode()


def _prepare(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Make the tables, or apply newer editions."""
    if _edition_of(connection) < len(EDITIONS):
        with connection.transaction():
            connection.execute(_LOCK)
            connection.execute(_NOTED)
            for statement in chain(*EDITIONS[_edition_of(connection) :]):
                connection.execute(spell_sql(statement, DIALECT).encode())
            connection.execute(_NOTE.format(len(EDITIONS)).encode())
    return []


def _edition_of(connection: psycopg.Connection) -> int:
    """Read the edition of the tables; 0 if there are none."""
    [(is_noted,)] = connection.execute(_IS_NOTED)
    if not is_noted:
        return 0
    [(edition,)] = connection.execute(_EDITION)
    return int(edition)
