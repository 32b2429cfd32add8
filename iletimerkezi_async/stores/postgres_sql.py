"""The statements of the PostgreSQL store. All times are `clock_timestamp()`: what it is once a lock was waited for."""

from __future__ import annotations

from .sql import SCHEMA as ROWS
from .sql import Dialect, spell

__all__ = ["DIALECT", "EDITION", "IS_THERE", "LOCK", "SCHEMA", "VERSION"]

EDITION = 2

#: How PostgreSQL writes what `sql` leaves open. The time is what it is once a lock was waited for.
DIALECT = Dialect(
    now="extract(epoch FROM clock_timestamp())::float8", text="text", real="double precision", blob="bytea"
)

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS iletimerkezi_schema (version integer PRIMARY KEY);
{";".join(spell(statement, DIALECT) for statement in ROWS)};
INSERT INTO iletimerkezi_schema VALUES (2) ON CONFLICT DO NOTHING
""".strip()  # noqa: S608 - constants

IS_THERE = "SELECT to_regclass('iletimerkezi_schema') IS NOT NULL"
VERSION = "SELECT max(version) FROM iletimerkezi_schema"
# "IMst". It ends with the transaction.
LOCK = "SELECT pg_advisory_xact_lock(1229812596)"
