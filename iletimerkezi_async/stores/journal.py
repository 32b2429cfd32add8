"""A campaign's journal: which orders were begun, and what became of them, in an SQLite file that outlives a crash.

An order is written down before it is sent and after it was answered. The file holds phone numbers, so that it is for
its owner alone (see `files`). It holds no credential and no text: the marks of texts, which tell one from another, are
made with a secret that the account's API key gives, and the salt that stands in the file.

What was written down must not get lost, or somebody is texted twice. So SQLite's write-ahead log is carried over into
the file with each order, and emptied: it can be damaged, left behind when the file is copied, or lie beside a newer
copy, which it would undo, without a trace. And each order has a seal, as SQLite notices damage to its own structures
alone.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import anyio.to_thread

from iletimerkezi_async.results import JournalError

from .files import claim, identify, make_private, spell_path
from .records import Journal, Records, State, checksum, describe_sealed, find_misfit, pack, seal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

    from .records import Moment, Row

__all__ = ["FileJournal", "open_journal"]

T = TypeVar("T")

# Says whose file it is, and which edition ("IMz3").
_APPLICATION = 0x494D7A33
_SCHEMA = (
    "CREATE TABLE campaign (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # SQLite's integers end at 2^63; the service's ids need not.
    """CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        state TEXT NOT NULL,
        began REAL NOT NULL,
        began_there REAL,
        entries BLOB NOT NULL,
        order_id TEXT,
        seal TEXT NOT NULL
    )""",
    f"PRAGMA application_id = {_APPLICATION}",
)
# What is committed has reached the disk: in the log first, and in the file before anybody relies on it.
_DURABLE = ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "wal_autocheckpoint = 0")


class FileJournal(Journal):
    """A journal in a file, which it has to itself. All that touches the file runs in a worker thread of its own.

    Args:
        path: The file's absolute path.
        credentials: The account's.
    """

    def __init__(self, path: str, credentials: Credentials) -> None:
        self._path = path
        self._credentials = credentials
        #: Known once it is open.
        self.salt = b""
        self._database: sqlite3.Connection | None = None
        self._closed = False
        #: Where it is, without links, and which file that is.
        self._real = ""
        self._identity: tuple[int, int] | None = None
        # Not one of those that the application shares among its own work: if that waits for the campaign, all would.
        self._thread = anyio.CapacityLimiter(1)
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"<FileJournal {self._path!r}>"

    async def open(self, template: Draft, message: Message | None) -> Records:
        """Open the file, or make it, and read what it holds.

        Args:
            template: The campaign's terms.
            message: Its text, where it has a single one.

        Raises:
            JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
        """
        return await self._in_thread(self._open, template, message)

    async def begin(self, entries: Sequence[int], moment: Moment) -> int:
        """See `Journal`."""
        query = (
            "INSERT INTO orders (state, began, began_there, entries, seal) "
            "VALUES (?1, ?2, ?3, ?4, seal(?1, ?2, ?3, ?4, NULL))"
        )
        blob = pack(entries)
        # Error trackers print the variables of the frames that an error passes.
        del entries
        return await self._in_thread(self._execute, query, (State.BEGUN.value, moment.here, moment.there, blob))

    async def begin_again(self, record: int, moment: Moment) -> None:
        """See `Journal`."""
        query = (
            "UPDATE orders SET began = ?1, began_there = ?2, seal = seal(state, ?1, ?2, entries, order_id) "
            "WHERE id = ?3"
        )
        await self._in_thread(self._execute, query, (moment.here, moment.there, record))

    async def settle(self, record: int, state: State, order_id: int | None = None) -> None:
        """See `Journal`."""
        query = (
            "UPDATE orders SET state = ?1, order_id = ?2, seal = seal(?1, began, began_there, entries, ?2) "
            "WHERE id = ?3"
        )
        id = None if order_id is None else str(order_id)
        await self._in_thread(self._execute, query, (state.value, id, record))

    async def withdraw(self, record: int) -> None:
        """See `Journal`."""
        await self._in_thread(self._execute, "DELETE FROM orders WHERE id = ?", (record,))

    async def aclose(self) -> None:
        """Close the file, whatever happens."""
        await self._in_thread(self._close)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        """Do a piece of work to its end, whatever cancels: it is ended, and an answer that came is noted."""
        piece = _Piece(partial(work, *arguments), self._one_at_a_time)
        cancelled: BaseException | None = None
        with anyio.CancelScope(shield=True):
            while not piece.done:
                try:
                    await anyio.to_thread.run_sync(piece.run, limiter=self._thread)
                except anyio.get_cancelled_exc_class() as error:
                    # asyncio's own cancellation heeds no shield. A thread that runs goes on; the next waits for it.
                    cancelled = error
        if cancelled is not None:
            raise cancelled
        return piece.result()

    # In the worker thread.

    def _open(self, template: Draft, message: Message | None) -> Records:
        with self._complaints():
            if self._closed:
                raise JournalError(f"{spell_path(self._path)} was closed before it was open")
            self._real = claim(self._path)
            database = self._database = sqlite3.connect(
                self._real, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._identity = identify(self._real)
            database.create_function("seal", 5, self._seal, deterministic=True)
            for setting in ("locking_mode = EXCLUSIVE", "temp_store = MEMORY"):
                database.execute(f"PRAGMA {setting}")
            with self._transaction(database):
                self._check_owner(database)
            # Not before it is known to be a journal, and to be nobody else's at the moment.
            make_private(self._real)
            for setting in _DURABLE:
                database.execute(f"PRAGMA {setting}")
            self._check_campaign(database, template, message)
            self._empty_log(database)
            return Records(list(self._read(database)))

    def _check_owner(self, database: sqlite3.Connection) -> None:
        """Make the tables in a new file, and see that an old one is a journal, and whole."""
        if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _SCHEMA:
                database.execute(statement)
        if database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise JournalError(f"{spell_path(self._path)} is not a journal, or one of another version of this library")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError

    def _check_campaign(self, database: sqlite3.Connection, template: Draft, message: Message | None) -> None:
        """See that an old journal is of this campaign; a new one is made out to it."""
        kept: dict[str, str] = dict(database.execute("SELECT name, value FROM campaign").fetchall())
        if kept and kept.pop("checksum", "") != checksum(kept):
            raise sqlite3.DatabaseError
        self.salt, campaign = describe_sealed(kept, template, message, self._credentials)
        if kept:
            misfit = find_misfit(kept, campaign)
            if misfit:
                raise JournalError(f"{spell_path(self._path)} {misfit}")
            return
        if database.execute("SELECT count(*) FROM orders").fetchone()[0]:
            raise sqlite3.DatabaseError
        campaign["checksum"] = checksum(campaign)
        with self._transaction(database):
            database.executemany("INSERT INTO campaign VALUES (?, ?)", campaign.items())

    def _read(self, database: sqlite3.Connection) -> Generator[Row]:
        query = "SELECT id, state, began, began_there, entries, order_id, seal FROM orders ORDER BY id"
        states = {state.value for state in State}
        for values in database.execute(query):
            row: Row = values[:-1]
            if values[-1] != seal(self.salt, *row[1:]) or row[1] not in states:
                raise sqlite3.DatabaseError
            yield row

    def _seal(self, state: str, here: float, there: float | None, entries: bytes, order_id: str | None) -> str:
        # The salt is known only when the journal is open.
        return seal(self.salt, state, here, there, entries, order_id)

    def _execute(self, query: str, values: Iterable[object]) -> int:
        with self._complaints():
            if self._database is None:
                raise JournalError(f"{spell_path(self._path)} is closed")
            if identify(self._real) != self._identity:
                # SQLite would go on writing where nobody looks.
                raise JournalError(f"{spell_path(self._path)} was moved, replaced or removed during the campaign")
            with self._transaction(self._database):
                record = self._database.execute(query, tuple(values)).lastrowid or 0
            self._empty_log(self._database)
        return record

    def _close(self) -> None:
        self._closed = True
        if self._database is not None:
            self._database.close()
            self._database = None

    @staticmethod
    def _empty_log(database: sqlite3.Connection) -> None:
        """Carry the write-ahead log over into the file; raises where SQLite by itself would put it off in silence."""
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @staticmethod
    @contextmanager
    def _transaction(database: sqlite3.Connection) -> Generator[None]:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    @contextmanager
    def _complaints(self) -> Generator[None]:
        """Turn what SQLite and the system raise into a `JournalError` that says what to do."""
        reason = ""
        try:
            yield
        except sqlite3.OperationalError as error:
            message = str(error)
            reason = "is in use by another run" if "locked" in message else f"cannot be written: {message}"
        except (sqlite3.Error, ValueError, TypeError):
            reason = "is damaged, or not a journal"
        except OSError as error:
            reason = f"cannot be opened: {error.strerror}"
        if reason:
            raise JournalError(f"{spell_path(self._path)} {reason}")


class _Piece(Generic[T]):
    """A piece of work that is done once, in whichever thread comes first.

    Args:
        work: What is to be done.
        one_at_a_time: Held meanwhile.
    """

    def __init__(self, work: Callable[[], T], one_at_a_time: threading.Lock) -> None:
        self._work = work
        self._one_at_a_time = one_at_a_time
        self._results: list[T] = []
        self._error: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether there is a result, or an error."""
        return bool(self._results) or self._error is not None

    def run(self) -> None:
        """Do it, or wait until it is done."""
        with self._one_at_a_time:
            if self.done:
                return
            try:
                self._results.append(self._work())
            except Exception as error:  # noqa: BLE001 - raised by `result`
                self._error = error

    def result(self) -> T:
        """What it gave, or raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]


@asynccontextmanager
async def open_journal(
    path: str, template: Draft, message: Message | None, credentials: Credentials
) -> AsyncGenerator[tuple[Journal, Records]]:
    """Open a campaign's journal; what it holds of earlier runs comes along.

    Args:
        path: The file's absolute path.
        template: The campaign's terms.
        message: Its text, where it has a single one.
        credentials: The account's.

    Raises:
        JournalError: As `FileJournal.open`.
    """
    journal = FileJournal(path, credentials)
    try:
        yield journal, await journal.open(template, message)
    finally:
        await journal.aclose()
