"""A campaign's journal: which orders were begun, and what became of them, in an SQLite file that outlives a crash.

An order is written down before it is sent and after it was answered. The file holds phone numbers, so it is created
for its owner alone (mode 0600); it holds no credential and no text, only fingerprints with a salt of its own.

What was written down must not get lost, or somebody is texted twice. So SQLite's write-ahead log is carried over into
the file with each order, and emptied: it can be damaged, left behind when the file is copied, or lie beside a newer
copy, which it would undo, without a trace. And each order has a seal, as SQLite notices damage to its own structures
alone.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from array import array
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from iletimerkezi_async.results import JournalError
from iletimerkezi_async.wire.credentials import Body

from .records import Moment, Record, State, fingerprint

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.wire.draft import Draft

__all__ = ["Journal", "open_journal"]

T = TypeVar("T")

# Says whose file it is, and which edition ("IMz2").
_APPLICATION = 0x494D7A32
_SCHEMA = (
    "CREATE TABLE campaign (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        state TEXT NOT NULL,
        began REAL NOT NULL,
        began_there REAL,
        entries BLOB NOT NULL,
        order_id INTEGER,
        seal TEXT NOT NULL
    )""",
    f"PRAGMA application_id = {_APPLICATION}",
)


class Journal:
    """An open journal, with the file to itself. All that touches the file runs in a worker thread.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        #: Makes the fingerprints of this journal its own; known once it is open.
        self.salt = b""
        self._database: sqlite3.Connection | None = None
        self._closed = False
        # asyncio's own cancellation leaves a thread running that nobody waits for; the next must not meet it.
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"<Journal {self._path!r}>"

    async def open(self, campaign: Mapping[str, str], message: Message | None) -> list[Record]:
        """Open the file, or make it, and read what it holds.

        Args:
            campaign: What tells the campaign from others, with the words that name each; kept as it is.
            message: Holds the campaign's text, of which a fingerprint is kept.

        Raises:
            JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
        """
        return await self._in_thread(self._open, dict(campaign), message)

    async def begin(self, entries: Sequence[int], moment: Moment) -> int:
        """Write down that an order is about to be sent; its number in the journal."""
        query = (
            "INSERT INTO orders (state, began, began_there, entries, seal) "
            "VALUES (?1, ?2, ?3, ?4, seal(?1, ?2, ?3, ?4, NULL))"
        )
        blob = Body(array("Q", entries).tobytes())
        # Error trackers print the variables of the frames that an error passes.
        del entries
        return await self._in_thread(self._execute, query, (State.BEGUN.value, moment.here, moment.there, blob))

    async def begin_again(self, record: int, moment: Moment) -> None:
        """Write down that an order which was surely not taken is about to be sent."""
        query = (
            "UPDATE orders SET began = ?1, began_there = ?2, seal = seal(state, ?1, ?2, entries, order_id) "
            "WHERE id = ?3"
        )
        await self._in_thread(self._execute, query, (moment.here, moment.there, record))

    async def settle(self, record: int, state: State, order_id: int | None = None) -> None:
        """Write down what became of an order."""
        query = (
            "UPDATE orders SET state = ?1, order_id = ?2, seal = seal(?1, began, began_there, entries, ?2) "
            "WHERE id = ?3"
        )
        await self._in_thread(self._execute, query, (state.value, order_id, record))

    async def withdraw(self, record: int) -> None:
        """Strike out an order that was surely not taken."""
        await self._in_thread(self._execute, "DELETE FROM orders WHERE id = ?", (record,))

    async def aclose(self) -> None:
        """Close the file, whatever happens."""
        await self._in_thread(self._close)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        # Shielded: what was begun on the file is ended, and an answer that came is noted, also when cancelled.
        results: list[T] = []
        with anyio.CancelScope(shield=True):
            results.append(await anyio.to_thread.run_sync(self._locked, partial(work, *arguments)))
        return results[0]

    def _locked(self, work: Callable[[], T]) -> T:
        with self._one_at_a_time:
            return work()

    # In the worker thread.

    def _open(self, campaign: dict[str, str], message: Message | None) -> list[Record]:
        with self._complaints():
            # Created here, as SQLite would let others read it. Its own companion files take over the mode. A file that
            # is there is not touched: closing it again would drop the lock of another run of this process.
            with suppress(FileExistsError):
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            if self._closed:
                raise JournalError(f"{self._path} was closed before it was open")
            database = self._database = sqlite3.connect(
                self._path, timeout=0, isolation_level=None, check_same_thread=False
            )
            database.create_function("seal", 5, self._seal, deterministic=True)
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            with self._transaction(database):
                self._check_owner(database)
            for setting in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
                database.execute(f"PRAGMA {setting}")
            self._check_campaign(database, campaign, message)
            self._empty_log(database)
            self._check_seals(database)
            rows = database.execute("SELECT id, state, began, began_there, entries, order_id FROM orders ORDER BY id")
            return [
                Record(id, State(state), Moment(here, there), _unpack(blob), order)
                for id, state, here, there, blob, order in rows
            ]

    def _check_owner(self, database: sqlite3.Connection) -> None:
        """Make the tables in a new file, and see that an old one is a journal, and whole."""
        if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _SCHEMA:
                database.execute(statement)
        if database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise JournalError(f"{self._path} is not a journal of this library")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError

    def _check_campaign(self, database: sqlite3.Connection, campaign: dict[str, str], message: Message | None) -> None:
        """See that an old journal is of this campaign; a new one is made out to it."""
        kept: dict[str, str] = dict(database.execute("SELECT name, value FROM campaign").fetchall())
        self.salt = bytes.fromhex(kept.get("salt", secrets.token_hex(16)))
        mark = fingerprint(message.text if message else "", self.salt)
        campaign |= {"text": f"{mark:016x}", "salt": self.salt.hex()}
        if not kept:
            if database.execute("SELECT count(*) FROM orders").fetchone()[0]:
                raise sqlite3.DatabaseError
            with self._transaction(database):
                database.executemany("INSERT INTO campaign VALUES (?, ?)", campaign.items())
            return
        others = [name for name in campaign if kept.get(name) != campaign[name]]
        if others:
            raise JournalError(f"{self._path} was made for another {' and another '.join(others)}")

    @staticmethod
    def _check_seals(database: sqlite3.Connection) -> None:
        query = "SELECT count(*) FROM orders WHERE seal IS NOT seal(state, began, began_there, entries, order_id)"
        if database.execute(query).fetchone()[0]:
            raise sqlite3.DatabaseError

    def _seal(self, *values: object) -> str:
        """What an order's values come to, in words that nothing but these values would have."""
        return f"{fingerprint(repr(values), self.salt):016x}"

    def _execute(self, query: str, values: Iterable[object]) -> int:
        if self._database is None:
            raise JournalError(f"{self._path} is closed")
        with self._complaints():
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
        except (sqlite3.DatabaseError, ValueError, TypeError):
            reason = "is damaged, or not a journal"
        except OSError as error:
            reason = f"cannot be opened: {error.strerror}"
        if reason:
            raise JournalError(f"{self._path} {reason}")


@asynccontextmanager
async def open_journal(
    path: str | os.PathLike[str], template: Draft, message: Message | None
) -> AsyncGenerator[tuple[Journal, list[Record]]]:
    """Open a campaign's journal; what it holds of earlier runs comes along.

    Args:
        path: The file.
        template: The campaign's terms.
        message: Its text, where it has a single one.

    Raises:
        JournalError: As `Journal.open`.
    """
    campaign = {
        "kind of campaign": "one text" if message else "several texts",
        "sender": template.sender,
        "consent choice": template.iys.value,
        "schedule": template.send_at.isoformat() if template.send_at else "at once",
    }
    journal = Journal(path)
    try:
        yield journal, await journal.open(campaign, message)
    finally:
        await journal.aclose()


def _unpack(blob: bytes) -> Sequence[int]:
    entries = array("Q")
    entries.frombytes(blob)
    return entries
