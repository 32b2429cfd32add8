"""The statements of the PostgreSQL store. All times are `clock_timestamp()`: what it is once a lock was waited for."""

from __future__ import annotations

from .postgres_journals import TABLES
from .sql import SCHEMA as ROWS
from .sql import Dialect, spell

__all__ = ["DIALECT", "EDITION", "IS_THERE", "LOCK", "SCHEMA", "SWEEP_JOURNALS", "VERSION"]

EDITION = 2

#: How PostgreSQL writes what `sql` leaves open. The time is what it is once a lock was waited for.
DIALECT = Dialect(
    now="extract(epoch FROM clock_timestamp())::float8", text="text", real="double precision", blob="bytea"
)

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS iletimerkezi_schema (version integer PRIMARY KEY);
{TABLES}
{";".join(spell(statement, DIALECT) for statement in ROWS)};
INSERT INTO iletimerkezi_schema VALUES (2) ON CONFLICT DO NOTHING
""".strip()  # noqa: S608 - constants

IS_THERE = "SELECT to_regclass('iletimerkezi_schema') IS NOT NULL"
VERSION = "SELECT max(version) FROM iletimerkezi_schema"
# "IMst". It ends with the transaction.
LOCK = "SELECT pg_advisory_xact_lock(1229812596)"

SWEEP_JOURNALS = """
DELETE FROM iletimerkezi_journals WHERE lease_until <= clock_timestamp() - make_interval(secs => %(keep)s)
"""
