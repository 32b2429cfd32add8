"""A store in an SQLite file: for all processes of one machine. It needs nothing beside Python."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.redaction import forgetful

from .files import choose_path, claim, make_private, spell_path
from .journals import StoreJournal
from .sql import SCHEMA, Dialect, SqlStore
from .sql import spell as spell_sql
from .sqlite_journals import TABLES, SqliteJournals

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Mapping, Sequence


__all__ = ["SqliteStore"]

# Says whose file it is ("IMst"), and which edition of its tables.
_APPLICATION = 0x494D7374
_VERSION = 2
_DIALECT = Dialect(now=":now", text="TEXT", real="REAL", blob="BLOB", by_key=" WITHOUT ROWID")
_SCHEMA = (
    *TABLES,
    *(spell_sql(statement, _DIALECT) for statement in SCHEMA),
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
# Connections that a parent process opened: SQLite forbids a child to use them, and even to close them.
_inherited: list[sqlite3.Connection] = []


@forgetful
class SqliteStore(SqlStore):
    """A store in a file, for all processes of one machine (not for a network drive, where SQLite's locks fail).

    The file is made on first use, for its owner alone (mode 0600). What must not get lost is on the disk before a
    request leaves.

    Args:
        path: The file. Its folder must exist.
        keep: For how long a key is remembered after its last change; at least an hour.
        timeout: Seconds that one question to the store may take. After that it counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument cannot work.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, keep: timedelta = timedelta(days=30), timeout: float = 5.0
    ) -> None:
        super().__init__(keep=keep, timeout=timeout)
        self._path = choose_path(path, "path")
        self._spelt = spell_path(self._path)
        self._database: sqlite3.Connection | None = None
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"<SqliteStore {self._spelt!r}>"

    def journal(self, name: str) -> StoreJournal:
        """A campaign's journal in this store; see `Store.journal`."""
        return StoreJournal(self, SqliteJournals(self._transaction), name)

    # The log.

    def _sweep_rows(self) -> None:
        super()._sweep_rows()
        with self._transaction(durable=False) as database:
            database.execute("DELETE FROM journals WHERE lease_until <= ?", (time.time() - self._keep,))

    def _transact(self, statements: Sequence[str], values: Mapping[str, object], durable: bool) -> list[Any]:
        with self._transaction(durable=durable) as database:
            # Once the file is ours: what it is after the wait.
            bound = {**values, "now": time.time()}
            rows: list[Any] = []
            for statement in statements:
                rows = database.execute(spell_sql(statement, _DIALECT), bound).fetchall()
            return rows

    # The file.

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Generator[sqlite3.Connection]:
        """A transaction that has the file to itself; on the disk when it ends, if it is to be durable."""
        if not self._one_at_a_time.acquire(timeout=self._timeout):
            raise StoreError(f"{self._spelt} is in use for longer than {self._timeout:g} s")
        try:
            with self._complaints():
                database = self._connect()
                database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                with _begun(database):
                    yield database
        finally:
            self._one_at_a_time.release()

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError("the store has been closed")
        if self._database is None:
            self._database = self._open()
        return self._database

    def _open(self) -> sqlite3.Connection:
        real = claim(self._path)
        database = sqlite3.connect(real, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA foreign_keys = ON")
            with _begun(database):
                self._prepare(database)
            # Now that the file is known to be ours.
            make_private(real)
            self._use_log(database)
        except BaseException:
            database.close()
            raise
        return database

    def _use_log(self, database: sqlite3.Connection) -> None:
        """Have a write-ahead log; asked again, as SQLite does not wait here for others that have the file open."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                database.execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Make the tables, or see that they are of this edition."""
        is_new = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if is_new or 0 < database.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
            for statement in _SCHEMA:
                database.execute(statement)
        if database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise StoreError(f"{self._spelt} is not a store of this library")
        if database.execute("PRAGMA user_version").fetchone()[0] > _VERSION:
            raise StoreError(f"{self._spelt} was made by a newer version of this library")

    def _close(self) -> None:
        with self._one_at_a_time:
            database, self._database = self._database, None
            if database is not None:
                database.close()

    def leave_to_parent(self) -> None:
        """Forget the connection, which is the parent's."""
        if self._database is not None:
            _inherited.append(self._database)
        self._database = None
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def _complaints(self) -> Generator[None]:
        """Turn what SQLite and the system raise into a `StoreError`."""
        reason = ""
        try:
            yield
        except sqlite3.OperationalError as error:
            message = str(error)
            locked = "locked" in message
            reason = f"is in use for longer than {self._timeout:g} s" if locked else f"cannot be used: {message}"
        except sqlite3.DatabaseError:
            reason = "is damaged, or not a store"
        except OSError as error:
            reason = f"cannot be opened: {error.strerror or error}"
        if reason:
            raise StoreError(f"{self._spelt} {reason}")


@contextmanager
def _begun(database: sqlite3.Connection) -> Generator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        # Some failures, such as a full disk, have ended it already.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
