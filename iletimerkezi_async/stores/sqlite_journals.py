"""Campaigns' journals in a store's SQLite file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .journals import Entry, JournalRows, Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from contextlib import AbstractContextManager

__all__ = ["TABLES", "SqliteJournals"]

TABLES = (
    """CREATE TABLE IF NOT EXISTS journals (
        account TEXT NOT NULL,
        name TEXT NOT NULL,
        token TEXT NOT NULL,
        holder TEXT NOT NULL,
        lease_until REAL NOT NULL,
        terms TEXT NOT NULL,
        PRIMARY KEY (account, name)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS journal_orders (
        account TEXT NOT NULL,
        name TEXT NOT NULL,
        id INTEGER NOT NULL,
        state TEXT NOT NULL,
        began REAL NOT NULL,
        began_there REAL,
        entries BLOB NOT NULL,
        order_id TEXT,
        seal TEXT NOT NULL,
        PRIMARY KEY (account, name, id),
        FOREIGN KEY (account, name) REFERENCES journals (account, name) ON DELETE CASCADE
    )""",
)
# Orders that are read at once: some have 50,000 recipients.
_PAGE = 50


class SqliteJournals(JournalRows):
    """Journals in a file.

    Args:
        transaction: Opens a transaction that has the file to itself and is on the disk when it ends.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._transaction = transaction

    def take(self, place: Place, holder: str, lease: float) -> tuple[str, str]:
        """See `JournalRows`."""
        with self._transaction() as database:
            now = time.time()
            database.execute(
                "INSERT INTO journals VALUES (?1, ?2, ?3, ?4, ?5, '') ON CONFLICT (account, name) DO UPDATE SET "
                "token = ?3, holder = ?4, lease_until = ?5 WHERE lease_until <= ?6 OR token = ?3",
                (place.account, place.name, place.token, holder, now + lease, now),
            )
            found: tuple[str, str] = database.execute(
                "SELECT holder || token, terms FROM journals WHERE account = ? AND name = ?", place[:2]
            ).fetchone()
            return found

    def release(self, place: Place) -> object:
        """See `JournalRows`."""
        with self._transaction() as database:
            return self._holds(database, place, 0)

    def describe(self, place: Place, lease: float, terms: str) -> bool:
        """See `JournalRows`."""
        with self._transaction() as database:
            holds = self._holds(database, place, lease)
            if holds:
                database.execute("UPDATE journals SET terms = ? WHERE account = ? AND name = ?", (terms, *place[:2]))
            return holds

    def read(self, place: Place, after: int) -> list[Entry]:
        """See `JournalRows`."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT id, state, began, began_there, entries, order_id, seal FROM journal_orders "
                "WHERE account = ? AND name = ? AND id > ? ORDER BY id LIMIT ?",
                (*place[:2], after, _PAGE),
            ).fetchall()
        return [Entry(*row) for row in rows]

    def insert(self, place: Place, lease: float, entry: Entry) -> bool:
        """See `JournalRows`."""
        with self._transaction() as database:
            holds = self._holds(database, place, lease)
            if holds:
                database.execute(
                    "INSERT OR REPLACE INTO journal_orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *place[:2], entry.id, entry.state, entry.here, entry.there, entry.entries, entry.order_id,
                        entry.seal,
                    ),
                )  # fmt: skip
            return holds

    def change(self, place: Place, lease: float, entry: Entry) -> bool:
        """See `JournalRows`."""
        with self._transaction() as database:
            holds = self._holds(database, place, lease)
            if holds:
                database.execute(
                    "UPDATE journal_orders SET state = ?, began = ?, began_there = ?, order_id = ?, seal = ? "
                    "WHERE account = ? AND name = ? AND id = ?",
                    (entry.state, entry.here, entry.there, entry.order_id, entry.seal, *place[:2], entry.id),
                )
            return holds

    def delete(self, place: Place, lease: float, id: int) -> bool:
        """See `JournalRows`."""
        with self._transaction() as database:
            holds = self._holds(database, place, lease)
            if holds:
                database.execute(
                    "DELETE FROM journal_orders WHERE account = ? AND name = ? AND id = ?", (*place[:2], id)
                )
            return holds

    @staticmethod
    def _holds(database: sqlite3.Connection, place: Place, lease: float) -> bool:
        """Renew the lease, where the run has it."""
        changed = database.execute(
            "UPDATE journals SET lease_until = ? WHERE account = ? AND name = ? AND token = ?",
            (time.time() + lease, *place),
        )
        return changed.rowcount == 1
