"""The statements of the PostgreSQL store. All times are `clock_timestamp()`: what it is once a lock was waited for."""

from __future__ import annotations

from .sql import SCHEMA as ROWS
from .sql import Dialect, spell

__all__ = ["DIALECT", "EDITION", "IS_THERE", "LOCK", "RESERVE", "SCHEMA", "VERSION"]

EDITION = 2

#: How PostgreSQL writes what `sql` leaves open. The time is what it is once a lock was waited for.
DIALECT = Dialect(
    now="extract(epoch FROM clock_timestamp())::float8", text="text", real="double precision", blob="bytea"
)

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS iletimerkezi_schema (version integer PRIMARY KEY);
CREATE UNLOGGED TABLE IF NOT EXISTS iletimerkezi_rates (
    account text PRIMARY KEY,
    slots double precision[] NOT NULL,
    counts double precision[] NOT NULL
);
{";".join(spell(statement, DIALECT) for statement in ROWS)};
INSERT INTO iletimerkezi_schema VALUES (2) ON CONFLICT DO NOTHING
""".strip()  # noqa: S608 - constants

IS_THERE = "SELECT to_regclass('iletimerkezi_schema') IS NOT NULL"
VERSION = "SELECT max(version) FROM iletimerkezi_schema"
# "IMst". It ends with the transaction.
LOCK = "SELECT pg_advisory_xact_lock(1229812596)"

RESERVE = """
INSERT INTO iletimerkezi_rates AS r (account, slots, counts)
VALUES (
    %(account)s, ARRAY[extract(epoch FROM clock_timestamp())::float8 + %(pause)s], ARRAY[(%(n)s + %(extra)s)::float8]
)
ON CONFLICT (account) DO UPDATE SET (slots, counts) = (
    WITH present AS (
        SELECT extract(epoch FROM clock_timestamp())::float8 AS now
    ), past AS (
        SELECT u.slot, u.n, u.place, sum(u.n) OVER (ORDER BY u.place DESC) AS total
        FROM unnest(r.slots, r.counts) WITH ORDINALITY AS u (slot, n, place), present
        WHERE u.slot > present.now - %(window)s AND u.slot < present.now + %(far)s
    ), next AS (
        SELECT greatest(
            (SELECT now + %(pause)s FROM present),
            (SELECT max(slot) FROM past),
            (SELECT max(slot) + %(window)s FROM past WHERE total + %(n)s > %(most)s)
        ) AS slot
    ), room AS (
        SELECT floor(%(most)s) - coalesce(sum(past.n), 0) AS n
        FROM next LEFT JOIN past ON past.slot > next.slot - %(window)s
    )
    SELECT array_agg(slot ORDER BY place), array_agg(n ORDER BY place) FROM (
        SELECT slot, n, place FROM past
        UNION ALL SELECT next.slot, least(%(n)s + %(extra)s, room.n), 9223372036854775807 FROM next, room
    ) AS all_of_them
)
RETURNING slots[array_upper(slots, 1)] - extract(epoch FROM clock_timestamp())::float8, counts[array_upper(counts, 1)]
"""
