"""Campaigns' journals in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .journals import Entry, JournalRows, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["TABLES", "PostgresJournals"]

TABLES = """
CREATE TABLE IF NOT EXISTS iletimerkezi_journals (
    account text NOT NULL,
    name text NOT NULL,
    token text NOT NULL,
    holder text NOT NULL,
    lease_until timestamptz NOT NULL,
    terms text NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE TABLE IF NOT EXISTS iletimerkezi_journal_orders (
    account text NOT NULL,
    name text NOT NULL,
    id bigint NOT NULL,
    state text NOT NULL,
    began double precision NOT NULL,
    began_there double precision,
    entries bytea NOT NULL,
    order_id text,
    seal text NOT NULL,
    PRIMARY KEY (account, name, id),
    FOREIGN KEY (account, name) REFERENCES iletimerkezi_journals ON DELETE CASCADE
);
""".strip()

_TAKE = """
INSERT INTO iletimerkezi_journals AS j (account, name, token, holder, lease_until, terms)
VALUES (%(account)s, %(name)s, %(token)s, %(holder)s, clock_timestamp() + make_interval(secs => %(lease)s), '')
ON CONFLICT (account, name) DO UPDATE SET token = excluded.token, holder = excluded.holder,
    lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE j.lease_until <= clock_timestamp() OR j.token = excluded.token;
SELECT holder || token, terms FROM iletimerkezi_journals WHERE account = %(account)s AND name = %(name)s
"""
# Locks the row, so that nobody takes the journal over before what follows is done.
_HELD = """
WITH held AS (
    UPDATE iletimerkezi_journals SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
    WHERE account = %(account)s AND name = %(name)s AND token = %(token)s
    RETURNING account, name
)
"""
_RELEASE = f"{_HELD} SELECT 1 FROM held"  # noqa: S608 - constants
_DESCRIBE = """
UPDATE iletimerkezi_journals
SET terms = %(terms)s, lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE account = %(account)s AND name = %(name)s AND token = %(token)s
RETURNING 1
"""
_READ = """
SELECT id, state, began, began_there, entries, order_id, seal FROM iletimerkezi_journal_orders
WHERE account = %(account)s AND name = %(name)s AND id > %(after)s ORDER BY id LIMIT 50
"""
_INSERT = f"""
{_HELD}
INSERT INTO iletimerkezi_journal_orders (account, name, id, state, began, began_there, entries, order_id, seal)
SELECT account, name, %(id)s, %(state)s, %(here)s, %(there)s, %(entries)s::bytea, %(order_id)s, %(seal)s FROM held
ON CONFLICT (account, name, id) DO UPDATE SET state = excluded.state
RETURNING 1
"""  # noqa: S608 - constants
_CHANGE = f"""
{_HELD}, changed AS (
    UPDATE iletimerkezi_journal_orders o
    SET state = %(state)s, began = %(here)s, began_there = %(there)s, order_id = %(order_id)s, seal = %(seal)s
    FROM held WHERE o.account = held.account AND o.name = held.name AND o.id = %(id)s
)
SELECT 1 FROM held
"""  # noqa: S608 - constants
_DELETE = f"""
{_HELD}, struck AS (
    DELETE FROM iletimerkezi_journal_orders o USING held
    WHERE o.account = held.account AND o.name = held.name AND o.id = %(id)s
)
SELECT 1 FROM held
"""  # noqa: S608 - constants


class PostgresJournals(JournalRows):
    """Journals in tables.

    Args:
        ask: Runs statements as one transaction; the rows of the last one that gives rows.
    """

    def __init__(self, ask: Callable[[str, Mapping[str, object]], list[tuple[Any, ...]]]) -> None:
        self._ask = ask

    def take(self, place: Place, holder: str, lease: float) -> tuple[str, str]:
        """See `JournalRows`."""
        [(held, terms)] = self._ask(_TAKE, place._asdict() | {"holder": holder, "lease": lease})
        return held, terms

    def release(self, place: Place) -> object:
        """See `JournalRows`."""
        return self._ask(_RELEASE, place._asdict() | {"lease": 0})

    def describe(self, place: Place, lease: float, terms: str) -> bool:
        """See `JournalRows`."""
        return bool(self._ask(_DESCRIBE, place._asdict() | {"lease": lease, "terms": terms}))

    def read(self, place: Place, after: int) -> list[Entry]:
        """See `JournalRows`."""
        return [Entry(*row) for row in self._ask(_READ, place._asdict() | {"after": after})]

    def insert(self, place: Place, lease: float, entry: Entry) -> bool:
        """See `JournalRows`."""
        return bool(self._ask(_INSERT, _values(place, lease, entry) | {"entries": entry.entries}))

    def change(self, place: Place, lease: float, entry: Entry) -> bool:
        """See `JournalRows`."""
        return bool(self._ask(_CHANGE, _values(place, lease, entry)))

    def delete(self, place: Place, lease: float, id: int) -> bool:
        """See `JournalRows`."""
        return bool(self._ask(_DELETE, place._asdict() | {"lease": lease, "id": id}))


def _values(place: Place, lease: float, entry: Entry) -> dict[str, Any]:
    return place._asdict() | {
        "lease": lease,
        "id": entry.id,
        "state": entry.state,
        "here": entry.here,
        "there": entry.there,
        "order_id": entry.order_id,
        "seal": entry.seal,
    }
