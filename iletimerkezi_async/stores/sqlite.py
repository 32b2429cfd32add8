"""A store in an SQLite file: for all processes of one machine. It needs nothing beside Python."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.redaction import forgetful

from .files import choose_path, claim, identify, make_private, spell_path
from .sql import EDITIONS, Dialect, SqlStore
from .sql import spell as spell_sql

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence


__all__ = ["JournalFile", "SqliteStore"]

# For good, as far as a file is concerned: its owner removes it.
_FOR_EVER = timedelta(days=36_500)
DIALECT = Dialect(now=":now", text="TEXT", real="REAL", blob="BLOB", by_key=" WITHOUT ROWID")
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

    #: Says whose file it is: "IMsr".
    _APPLICATION: ClassVar[int] = 0x494D7372
    _KIND: ClassVar[str] = "a store"

    def __init__(
        self, path: str | os.PathLike[str], *, keep: timedelta = timedelta(days=30), timeout: float = 5.0
    ) -> None:
        super().__init__(keep=keep, timeout=timeout)
        self._path = choose_path(path, "path")
        self._spelt = spell_path(self._path)
        self._database: sqlite3.Connection | None = None
        #: Where the file is, without links, and which file that is.
        self._real = ""
        self._identity: tuple[int, int] | None = None
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"<SqliteStore {self._spelt!r}>"

    # The log.

    def _transact(self, statements: Sequence[str], values: Mapping[str, object], durable: bool) -> list[Any]:
        with self._transaction(durable=durable) as database:
            # Once the file is ours: what it is after the wait.
            bound = {**values, "now": time.time()}
            rows: list[Any] = []
            for statement in statements:
                rows = database.execute(spell_sql(statement, DIALECT), bound).fetchall()
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
                if identify(self._real) != self._identity:
                    # SQLite would go on writing where nobody looks, and other processes into a new file.
                    raise StoreError(f"{self._spelt} was moved, replaced or removed while it was in use")
                database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                with _begun(database):
                    yield database
                self._empty_log(database)
        finally:
            self._one_at_a_time.release()

    def _connect(self) -> sqlite3.Connection:
        if self._database is None:
            if self._closed:
                raise StoreError("the store has been closed")
            self._database = self._open()
        return self._database

    def _open(self) -> sqlite3.Connection:
        self._real = real = claim(self._path)
        database = sqlite3.connect(real, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            self._identity = identify(real)
            self._lock_out_others(database)
            with _begun(database):
                self._prepare(database)
            # Now that the file is known to be ours.
            make_private(real)
            self._use_log(database)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def _patience(self) -> float:
        """Seconds to wait for other processes."""
        return self._timeout

    def _lock_out_others(self, database: sqlite3.Connection) -> None:
        """Have the file alone, where it is not to be shared."""

    def _empty_log(self, database: sqlite3.Connection) -> None:
        """Carry the write-ahead log over into the file, where SQLite does not see to it."""

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
        """Make the tables, or see that they are whole; add what this version's editions add."""
        is_new = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if is_new:
            database.execute(f"PRAGMA application_id = {self._APPLICATION}")
        elif database.execute("PRAGMA application_id").fetchone()[0] != self._APPLICATION:
            raise StoreError(f"{self._spelt} is not {self._KIND}, or one of another version of this library")
        edition = database.execute("PRAGMA user_version").fetchone()[0]
        for statements in EDITIONS[edition:]:
            for statement in statements:
                database.execute(spell_sql(statement, DIALECT))
        if edition < len(EDITIONS):
            database.execute(f"PRAGMA user_version = {len(EDITIONS)}")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError

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

    @property
    def _in_use(self) -> str:
        return f"is in use for longer than {self._timeout:g} s"

    @contextmanager
    def _complaints(self) -> Generator[None]:
        """Turn what SQLite and the system raise into a `StoreError`."""
        reason = ""
        try:
            yield
        except sqlite3.OperationalError as error:
            message = str(error)
            reason = self._in_use if "locked" in message else f"cannot be written: {message}"
        except (sqlite3.Error, ValueError, TypeError):
            reason = f"is damaged, or not {self._KIND}"
        except OSError as error:
            reason = f"cannot be opened: {error.strerror or error}"
        if reason:
            raise StoreError(f"{self._spelt} {reason}")


class JournalFile(SqliteStore):
    """A campaign's journal in a file, which the process has to itself as long as it is open.

    What was written down must not get lost, or somebody is texted twice. So SQLite's write-ahead log is carried over
    into the file with each write, and emptied: it can be damaged, left behind when the file is copied, or lie beside a
    newer copy, which it would undo, without a trace.

    Args:
        path: The file.

    Raises:
        ConfigurationError: It is no path.
    """

    # "IMjr".
    _APPLICATION = 0x494D6A72
    _KIND = "a journal"

    def __init__(self, path: str) -> None:
        super().__init__(path, keep=_FOR_EVER, timeout=30.0)

    @property
    def path(self) -> str:
        """The absolute path."""
        return self._path

    @property
    def spelt(self) -> str:
        """The path, fit to be printed."""
        return self._spelt

    @property
    def _patience(self) -> float:
        return 0.0

    @property
    def _in_use(self) -> str:
        return "is in use by another run"

    def _sweep_rows(self) -> None:
        """Keep all: whose journal it is removes it."""

    def _lock_out_others(self, database: sqlite3.Connection) -> None:
        for setting in ("locking_mode = EXCLUSIVE", "temp_store = MEMORY", "fullfsync = ON", "wal_autocheckpoint = 0"):
            database.execute(f"PRAGMA {setting}")

    def _empty_log(self, database: sqlite3.Connection) -> None:
        # By a question of its own, which raises where SQLite by itself would put it off in silence.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


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
