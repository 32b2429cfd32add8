"""The statements of stores on SQL engines, shared by all engines.

`{now}` and the types differ between engines. Values are always bound, as `:name`. Columns are always named, so that
processes of an older version can work beside a newer one.
"""

# ruff: noqa: S608 - statements are made of constants, and values are bound

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.redaction import forgetful

from .base import FAR, Store, StoreJournal
from .log import KNOWN_SECONDS, Answer, KnownId, columns_of, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .log import Change, Fence, Name, Row


_KEPT = (
    "account", "scope", "name", "part", "version", "token", "state", "content", "mark", "recipients",
    "first_at", "first_service", "last_at", "last_service", "order_id", "lease_until", "expires_at",
)  # fmt: skip
_COLUMNS = ", ".join(_KEPT)
# The columns of a result; the entries only if they were selected.
_SELECTED: tuple[str, ...] = (*_KEPT, "now", "entries")
_NAME = "account = :account AND scope = :scope AND name = :name"
_FENCED = (
    "EXISTS (SELECT 1 FROM iletimerkezi_rows f WHERE f.account = :account AND f.scope = :scope AND f.name = :name "
    "AND f.part = 0 AND f.token = :fence)"
)
_BLANKS = {"first_at": "{first}", "last_at": "{last}", "lease_until": "{now} + :lease", "expires_at": "{now} + :keep"}
_SPELT = {column: _BLANKS.get(column, f":{column}") for column in _KEPT}
_VALUES = ", ".join(_SPELT.values())
# All columns but the first four, which identify the row.
_SET = ", ".join(f"{column} = {_SPELT[column]}" for column in _KEPT[4:])
# Seconds for which known ids, and rows from their expiry on, are kept: a late INSERT could bring back a version that
# others have read.
_KEPT_SECONDS = int(KNOWN_SECONDS)
# A campaign's rows do not wait for this, as their `keep` is as long.
_OVER = f"expires_at <= {{now}} AND (state = 'free' OR scope = 'campaign' OR expires_at <= {{now}} - {_KEPT_SECONDS})"

_TABLES = (
    """CREATE TABLE IF NOT EXISTS iletimerkezi_rows (
        account {text} NOT NULL,
        scope {text} NOT NULL,
        name {text} NOT NULL,
        part INTEGER NOT NULL,
        version {text} NOT NULL,
        token {text} NOT NULL,
        state {text} NOT NULL,
        content {text} NOT NULL,
        mark {text} NOT NULL,
        recipients INTEGER NOT NULL,
        first_at {real},
        first_service {real},
        last_at {real},
        last_service {real},
        order_id {text},
        lease_until {real} NOT NULL,
        expires_at {real} NOT NULL,
        entries {blob},
        PRIMARY KEY (account, scope, name, part)
    ){by_key}""",
    """CREATE INDEX IF NOT EXISTS iletimerkezi_rows_alike ON iletimerkezi_rows (account, mark, first_at)
    WHERE first_at IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS iletimerkezi_rows_expire ON iletimerkezi_rows (expires_at) WHERE part = 0",
    """CREATE TABLE IF NOT EXISTS iletimerkezi_ids (
        account {text} NOT NULL,
        order_id {text} NOT NULL,
        known_at {real} NOT NULL,
        known_service {real},
        scheduled INTEGER NOT NULL,
        cancelled INTEGER NOT NULL,
        PRIMARY KEY (account, order_id)
    ){by_key}""",
    "CREATE INDEX IF NOT EXISTS iletimerkezi_ids_time ON iletimerkezi_ids (known_at)",
    """CREATE TABLE IF NOT EXISTS iletimerkezi_pace (
        account {text} PRIMARY KEY,
        free_at {real} NOT NULL
    ){by_key}""",
)
#: The statements that make the tables, and those of each later edition. An edition adds columns with defaults, tables
#: or indexes, and changes nothing else, so that processes of the previous version can work beside it.
EDITIONS = (_TABLES,)
# SQLite needs a condition between a SELECT and its conflict clause: `{holds}`.
_INSERT = (
    f"INSERT INTO iletimerkezi_rows ({_COLUMNS}, entries) SELECT {_VALUES}, :entries WHERE {{holds}} "
    "ON CONFLICT DO NOTHING"
)
# Locks part 0 until the end of the transaction. The lease is renewed only if the part is going to be written.
_RENEW = (
    "UPDATE iletimerkezi_rows SET version = :renewed, lease_until = {now} + :fence_lease, "
    f"expires_at = {{now}} + :fence_keep WHERE {_NAME} AND part = 0 AND token = :fence AND :old = coalesce("
    "(SELECT p.version FROM iletimerkezi_rows p WHERE p.account = :account AND p.scope = :scope AND p.name = :name "
    "AND p.part = :part), '')"
)
_SWAP = (
    f"UPDATE iletimerkezi_rows SET {_SET}{{entries}} WHERE {_NAME} AND part = :part AND version = :old AND {{holds}}"
)
# `cancelled` is a column of the first edition, and always 0.
_NOTE = (
    "INSERT INTO iletimerkezi_ids (account, order_id, known_at, known_service, scheduled, cancelled) "
    "SELECT :account, :note, {now} - :age, :note_service, :scheduled, 0 WHERE {holds} ON CONFLICT DO NOTHING"
)
_NOTE_WRITTEN = _NOTE.replace(
    "{holds}", f"EXISTS (SELECT 1 FROM iletimerkezi_rows WHERE {_NAME} AND part = :part AND version = :version)"
)
_READ = (
    f"SELECT {_COLUMNS}, {{now}} FROM (SELECT 1 AS one) AS one_row LEFT JOIN iletimerkezi_rows "
    f"ON {_NAME} AND part IN (0, :part)"
)
_READ_ENTRIES = _READ.replace("{now}", "{now}, entries")
_PAGE = (
    f"SELECT {_COLUMNS}, {{now}}, entries FROM iletimerkezi_rows "
    f"WHERE {_NAME} AND part > :after ORDER BY part LIMIT :limit"
)
_ALIKE = (
    "SELECT order_id FROM iletimerkezi_rows WHERE account = :account AND mark = :mark AND first_at <= :until "
    "AND last_at >= :since AND state IN ('begun', 'sent', 'unknown') "
    "AND NOT (scope = :scope AND name = :name AND part = :part)"
)
_KNOWN = "SELECT order_id FROM iletimerkezi_ids WHERE account = :account AND order_id IN ({ids})"
_KNOWN_BETWEEN = (
    "SELECT order_id, known_at, known_service, scheduled FROM iletimerkezi_ids "
    "WHERE account = :account AND known_at >= :since AND known_at <= :until"
)
# Part 0 alone decides: the orders of a campaign are deleted together.
_SWEEP = (
    f"""DELETE FROM iletimerkezi_rows WHERE (account, scope, name) IN
    (SELECT account, scope, name FROM iletimerkezi_rows WHERE part = 0 AND {_OVER})""",
    f"DELETE FROM iletimerkezi_ids WHERE known_at <= {{now}} - {_KEPT_SECONDS}",
)
_RESERVE = (
    "INSERT INTO iletimerkezi_pace (account, free_at) VALUES (:account, {now} + :delay + :seconds) "
    "ON CONFLICT (account) DO UPDATE SET free_at = :seconds + CASE "
    f"WHEN iletimerkezi_pace.free_at BETWEEN {{now}} + :delay AND {{now}} + {FAR} + :seconds "
    "THEN iletimerkezi_pace.free_at ELSE {now} + :delay END"
)
_RESERVED = "SELECT free_at - :seconds - {now} FROM iletimerkezi_pace WHERE account = :account"
_PARTS_AT_ONCE = 50


class Dialect(NamedTuple):
    """An engine's values for the placeholders in the statements.

    Attributes:
        now: Its current time, in seconds since 1970.
        text: The type of text.
        real: The type of floating-point numbers of 64 bits.
        blob: The type of bytes.
        by_key: The clause for a table that is stored by its primary key.
    """

    now: str
    text: str
    real: str
    blob: str
    by_key: str = ""


@lru_cache(maxsize=512)
def spell(text: str, dialect: Dialect) -> str:
    """Fill in an engine's values; leave the names of bound values."""
    for name, word in dialect._asdict().items():
        text = text.replace(f"{{{name}}}", word)
    return text


@forgetful
class SqlStore(Store):
    """A store on an SQL engine."""

    def journal(self, name: str) -> StoreJournal:
        """Give a campaign's journal in this store; see `Store.journal`."""
        return StoreJournal(self, name)

    @abstractmethod
    def _transact(self, statements: Sequence[str], values: Mapping[str, object], durable: bool) -> list[Any]:
        """Run statements as one transaction; return the rows of the last one."""

    def _write(self, old: Row | None, change: Change, fence: Fence | None) -> Answer:
        if fence is not None:
            change = change._replace(row=evolve(change.row, token=fence.seal(change.row)))
        row = change.row
        values = {**row.name._asdict(), "part": row.part, **columns_of(change)}
        values |= {"lease": change.lease, "keep": change.keep, "entries": row.entries}
        # No row has an empty version.
        values["old"] = "" if old is None else old.version
        statement = _INSERT
        if old is not None:
            # Entries may be large, so write them only if they changed.
            statement = _SWAP.replace("{entries}", "" if row.entries == old.entries else ", entries = :entries")
        for name, is_now in (("first", change.first_now), ("last", change.last_now)):
            statement = statement.replace(f"{{{name}}}", "{now}" if is_now else f":{name}_at")
        statements = [statement.replace("{holds}", "1 = 1" if fence is None else _FENCED)]
        if fence is not None:
            statements.insert(0, _RENEW)
            values |= {"fence": fence.token, "renewed": fence.version}
            values |= {"fence_lease": fence.lease, "fence_keep": fence.keep}
        if change.note is not None:
            statements.append(_NOTE_WRITTEN)
            values |= _note(change.note)
        answer = _answer(self._transact([*statements, _READ], values, change.durable), row.part)
        if row.entries is not None and answer.row is not None and answer.has(row.version):
            return answer._replace(row=evolve(answer.row, entries=row.entries))
        return answer

    def _read(self, name: Name, part: int) -> Answer:
        return _answer(self._transact([_READ_ENTRIES], {**name._asdict(), "part": part}, False), part)

    def _page(self, name: Name, after: int) -> list[Row]:
        values = {**name._asdict(), "after": after, "limit": _PARTS_AT_ONCE}
        return [row_of(dict(zip(_SELECTED, found))) for found in self._transact([_PAGE], values, False)]

    def _alike(self, row: Row, since: float, until: float) -> list[int | None]:
        values = {**row.name._asdict(), "part": row.part, "mark": row.mark, "since": since, "until": until}
        found = self._transact([_ALIKE], values, False)
        return [None if order_id is None else int(order_id) for (order_id,) in found]

    def _known_ids(self, account: str, order_ids: Sequence[int]) -> frozenset[int]:
        values = {f"id{place}": str(each) for place, each in enumerate(order_ids)}
        statement = _KNOWN.replace("{ids}", ", ".join(f":{name}" for name in values))
        return frozenset(int(found[0]) for found in self._transact([statement], {"account": account, **values}, False))

    def _known_between(self, account: str, since: float, until: float) -> list[KnownId]:
        values = {"account": account, "since": since, "until": until}
        rows = self._transact([_KNOWN_BETWEEN], values, False)
        return [
            KnownId(int(order_id), Moment(known_at, service), bool(scheduled))
            for order_id, known_at, service, scheduled in rows
        ]

    def _note_ids(self, account: str, known: Sequence[KnownId]) -> None:
        for each in known:
            self._transact([_NOTE.replace("{holds}", "1 = 1")], {"account": account, **_note(each)}, False)

    def _reserve(self, account: str, seconds: float, delay: float) -> float:
        values = {"account": account, "seconds": seconds, "delay": delay}
        [(wait,)] = self._transact([_RESERVE, _RESERVED], values, False)
        return float(wait)

    def _sweep_rows(self) -> None:
        for statement in _SWEEP:
            self._transact([statement], {}, False)


def _note(known: KnownId) -> dict[str, object]:
    return {
        "note": str(known.order_id), "note_service": known.at.service,
        "scheduled": int(known.scheduled), "age": known.age,
    }  # fmt: skip


def _answer(found: Sequence[Sequence[Any]], part: int) -> Answer:
    """Read the rows of `_READ`: part 0 and the part that was asked for; if neither exists, a row of nulls."""
    parts = {values[3]: dict(zip(_SELECTED, values)) for values in found}
    now = float(found[0][len(_KEPT)])
    return Answer(row_of(parts[part]) if part in parts else None, now, parts[0]["token"] if 0 in parts else None)
