"""A store in an SQLite file: for all processes of one machine. It needs nothing beside Python."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.redaction import forgetful

from .base import KNOWN_SECONDS
from .claims import NUMBERS_MARK, RIVAL_SECONDS, Claim, Resolved, Rivals, Ticket, Verdict
from .files import choose_path, claim, make_private, spell_path
from .journals import StoreJournal
from .rows import make_send, read_id, seconds_since, spell
from .slots import FAR, next_slot, room_at, scale
from .sql import SCHEMA, Dialect, SqlStore
from .sql import spell as spell_sql
from .sqlite_journals import TABLES, SqliteJournals

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Mapping, Sequence

    from iletimerkezi_async.models import Send, SendState

    # Fingerprint, state, token, end of the lease, first attempt, order id, recipients.
    _Row: TypeAlias = tuple[str, str, str, float, float | None, str | None, int]

__all__ = ["SqliteStore"]

# Says whose file it is ("IMst"), and which edition of its tables.
_APPLICATION = 0x494D7374
_VERSION = 2
_DIALECT = Dialect(now=":now", text="TEXT", real="REAL", blob="BLOB", by_key=" WITHOUT ROWID")
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS sends (
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        recipients INTEGER NOT NULL,
        state TEXT NOT NULL,
        token TEXT NOT NULL,
        lease_until REAL NOT NULL,
        first_attempt REAL,
        order_id TEXT,
        expires_at REAL NOT NULL,
        PRIMARY KEY (account, key)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS sends_expire ON sends (expires_at)",
    "CREATE TABLE IF NOT EXISTS rates (account TEXT PRIMARY KEY, slots TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS known (
        account TEXT NOT NULL,
        order_id TEXT NOT NULL,
        expires_at REAL NOT NULL,
        PRIMARY KEY (account, order_id)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS known_expire ON known (expires_at)",
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

    # Once, under a key.

    def _claim(self, ticket: Ticket, recipients: int, lease: float) -> Claim:
        # What a power cut may undo here was not begun yet.
        with self._transaction(durable=False) as database:
            now = time.time()
            if self._is_sweep_due():
                self._sweep(database, now)
            row = database.execute(
                "SELECT fingerprint, state, token, lease_until, first_attempt, order_id, recipients FROM sends "
                "WHERE account = ? AND key = ? AND expires_at > ?",
                (ticket.account, ticket.key, now),
            ).fetchone()
            refusal = _refuse(row, ticket, now)
            if refusal is not None:
                return refusal
            state, first = ("claimed", None) if row is None or row[1] == "claimed" else (row[1], row[4])
            database.execute(
                "INSERT OR REPLACE INTO sends VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
                (
                    ticket.account, ticket.key, ticket.fingerprint, recipients,
                    state, ticket.token, now + lease, first, now + self._keep,
                ),
            )  # fmt: skip
            return Claim(Verdict.GRANTED, None if first is None else seconds_since(first, now))

    def _sweep(self, database: sqlite3.Connection, now: float) -> None:
        database.execute("DELETE FROM sends WHERE expires_at <= ?", (now,))
        database.execute("DELETE FROM known WHERE expires_at <= ?", (now,))
        database.execute("DELETE FROM journals WHERE lease_until <= ?", (now - self._keep,))

    def _begin(self, ticket: Ticket, lease: float, first: bool) -> bool:
        with self._transaction() as database:
            now = time.time()
            # An earlier owner may have had its answer meanwhile.
            changed = database.execute(
                "UPDATE sends SET state = 'begun', lease_until = ?, expires_at = ?, "
                "first_attempt = CASE WHEN ? THEN ? ELSE coalesce(first_attempt, ?) END "
                "WHERE account = ? AND key = ? AND token = ? AND state <> 'sent'",
                (now + lease, now + self._keep, first, now, now, ticket.account, ticket.key, ticket.token),
            )
            return changed.rowcount == 1

    def _settle(self, ticket: Ticket, state: SendState, order_id: int | None, is_known: bool) -> bool:
        with self._transaction() as database:
            now = time.time()
            # That it was taken is true whoever says it, and an id that is there stays.
            changed = database.execute(
                "UPDATE sends SET state = ?1, order_id = coalesce(order_id, ?2), lease_until = ?3, expires_at = ?4 "
                "WHERE account = ?5 AND key = ?6 AND fingerprint = ?7 "
                "AND (?1 = 'sent' OR (token = ?8 AND state <> 'sent'))",
                (
                    state.value, spell(order_id), now, now + self._keep,
                    ticket.account, ticket.key, ticket.fingerprint, ticket.token,
                ),
            )  # fmt: skip
            if order_id is not None and is_known:
                _note(database, ticket.account, (order_id,), now)
            return changed.rowcount == 1

    def _withdraw(self, ticket: Ticket) -> bool:
        with self._transaction() as database:
            changed = database.execute(
                "DELETE FROM sends WHERE account = ? AND key = ? AND token = ? AND state <> 'sent'",
                (ticket.account, ticket.key, ticket.token),
            )
            return changed.rowcount == 1

    def _find(self, account: str, key: str) -> Send | None:
        with self._transaction(durable=False) as database:
            row = database.execute(
                "SELECT state, order_id, recipients, first_attempt FROM sends "
                "WHERE account = ? AND key = ? AND expires_at > ?",
                (account, key, time.time()),
            ).fetchone()
        return None if row is None else make_send(key, *row)

    def _rivals(self, ticket: Ticket, elapsed: float) -> Rivals:
        began = time.time() - elapsed
        with self._transaction(durable=False) as database:
            rows: list[tuple[str | None]] = database.execute(
                "SELECT order_id FROM sends WHERE account = ? AND key <> ? AND substr(fingerprint, ?) = ? "
                "AND state IN ('begun', 'unknown', 'sent') AND first_attempt BETWEEN ? AND ?",
                (
                    ticket.account, ticket.key, -NUMBERS_MARK, ticket.fingerprint[-NUMBERS_MARK:],
                    began - RIVAL_SECONDS, began + RIVAL_SECONDS,
                ),
            ).fetchall()  # fmt: skip
        return Rivals.of(read_id(order_id) for (order_id,) in rows)

    def _resolve(self, account: str, key: str, order_id: int | None) -> tuple[Resolved, Send | None]:
        with self._transaction() as database:
            now = time.time()
            row = database.execute(
                "SELECT state, order_id, recipients, first_attempt, lease_until FROM sends "
                "WHERE account = ? AND key = ? AND expires_at > ?",
                (account, key, now),
            ).fetchone()
            if row is None:
                return Resolved.UNUSED, None
            *known, lease_until = row
            send = make_send(key, *known)
            if lease_until > now:
                return Resolved.BUSY, send
            if send.order_id not in {None, order_id}:
                return Resolved.SENT, send
            if order_id is None:
                database.execute("DELETE FROM sends WHERE account = ? AND key = ?", (account, key))
            else:
                database.execute(
                    "UPDATE sends SET state = 'sent', order_id = ?, expires_at = ? WHERE account = ? AND key = ?",
                    (spell(order_id), now + self._keep, account, key),
                )
                _note(database, account, (order_id,), now)
            return Resolved.DONE, send

    # One rate, and known ids. A power cut may undo the last of these: nobody is texted twice for it.

    def _reserve(self, account: str, n: int, extra: int, rate: float, pause: float = 0.0) -> tuple[float, int]:
        window, most = scale(rate)
        with self._transaction(durable=False) as database:
            row = database.execute("SELECT slots FROM rates WHERE account = ?", (account,)).fetchone()
            now = time.time()
            slots: list[tuple[float, int]] = [] if row is None else json.loads(row[0])
            slots = [(slot, count) for slot, count in slots if now - window < slot < now + FAR]
            moment = next_slot(slots, now + pause, n, window, most)
            extra = min(extra, room_at(moment, slots, window, most) - n)
            slots.append((moment, n + extra))
            database.execute("INSERT OR REPLACE INTO rates VALUES (?, ?)", (account, json.dumps(slots)))
            return moment - now, extra

    def _note(self, account: str, order_ids: tuple[int, ...]) -> None:
        with self._transaction(durable=False) as database:
            _note(database, account, order_ids, time.time())

    def _known(self, account: str, order_ids: tuple[int, ...]) -> frozenset[int]:
        with self._transaction(durable=False) as database:
            rows = database.execute(
                "SELECT order_id FROM known WHERE account = ? AND order_id IN (SELECT value FROM json_each(?))",
                (account, json.dumps([str(order_id) for order_id in order_ids])),
            ).fetchall()
        return frozenset(int(order_id) for (order_id,) in rows)

    def journal(self, name: str) -> StoreJournal:
        """A campaign's journal in this store; see `Store.journal`."""
        return StoreJournal(self, SqliteJournals(self._transaction), name)

    # The log.

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


def _refuse(row: _Row | None, ticket: Ticket, now: float) -> Claim | None:
    """Why a claim is not granted."""
    if row is None:
        return None
    fingerprint, state, token, lease_until, _, order_id, recipients = row
    is_free = lease_until <= now or token == ticket.token
    if fingerprint != ticket.fingerprint:
        # What was only claimed was not sent, and so the key is not used.
        return None if state == "claimed" and is_free else Claim(Verdict.CONFLICT)
    if state == "sent":
        return Claim(Verdict.SENT, order_id=read_id(order_id), recipients=recipients)
    return None if is_free else Claim(Verdict.BUSY, lease_left=lease_until - now)


def _note(database: sqlite3.Connection, account: str, order_ids: tuple[int, ...], now: float) -> None:
    database.executemany(
        "INSERT OR REPLACE INTO known VALUES (?, ?, ?)",
        [(account, str(order_id), now + KNOWN_SECONDS) for order_id in order_ids],
    )
