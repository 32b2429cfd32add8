"""The statements of the PostgreSQL store. All times are `clock_timestamp()`: what it is once a lock was waited for."""

from __future__ import annotations

from .postgres_journals import TABLES
from .sql import SCHEMA as ROWS
from .sql import Dialect, spell

__all__ = [
    "BEGIN",
    "CLAIM",
    "DIALECT",
    "EDITION",
    "FIND",
    "IS_THERE",
    "KNOWN",
    "LOCK",
    "NOTE",
    "RESERVE",
    "RESOLVE",
    "RIVALS",
    "SCHEMA",
    "SETTLE",
    "SWEEP",
    "VERSION",
    "WITHDRAW",
]

EDITION = 2

#: How PostgreSQL writes what `sql` leaves open. The time is what it is once a lock was waited for.
DIALECT = Dialect(
    now="extract(epoch FROM clock_timestamp())::float8", text="text", real="double precision", blob="bytea"
)

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS iletimerkezi_schema (version integer PRIMARY KEY);
CREATE TABLE IF NOT EXISTS iletimerkezi_sends (
    account text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    recipients integer NOT NULL,
    state text NOT NULL,
    token text NOT NULL,
    lease_until timestamptz NOT NULL,
    first_attempt timestamptz,
    order_id text,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account, key)
);
CREATE INDEX IF NOT EXISTS iletimerkezi_sends_expire ON iletimerkezi_sends (expires_at);
CREATE UNLOGGED TABLE IF NOT EXISTS iletimerkezi_rates (
    account text PRIMARY KEY,
    slots double precision[] NOT NULL,
    counts double precision[] NOT NULL
);
CREATE TABLE IF NOT EXISTS iletimerkezi_known (
    account text NOT NULL,
    order_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account, order_id)
);
CREATE INDEX IF NOT EXISTS iletimerkezi_known_expire ON iletimerkezi_known (expires_at);
{TABLES}
{";".join(spell(statement, DIALECT) for statement in ROWS)};
INSERT INTO iletimerkezi_schema VALUES (2) ON CONFLICT DO NOTHING
""".strip()  # noqa: S608 - constants

IS_THERE = "SELECT to_regclass('iletimerkezi_schema') IS NOT NULL"
VERSION = "SELECT max(version) FROM iletimerkezi_schema"
# "IMst". It ends with the transaction.
LOCK = "SELECT pg_advisory_xact_lock(1229812596)"

SWEEP = """
DELETE FROM iletimerkezi_sends WHERE expires_at <= clock_timestamp();
DELETE FROM iletimerkezi_known WHERE expires_at <= clock_timestamp();
DELETE FROM iletimerkezi_journals WHERE lease_until <= clock_timestamp() - make_interval(secs => %(keep)s)
"""

# The row is locked by the first statement, whether it changes it or not, and so the second sees what is.
CLAIM = """
INSERT INTO iletimerkezi_sends AS s
    (account, key, fingerprint, recipients, state, token, lease_until, expires_at)
VALUES (%(account)s, %(key)s, %(fingerprint)s, %(recipients)s, 'claimed', %(token)s,
    clock_timestamp() + make_interval(secs => %(lease)s), clock_timestamp() + make_interval(secs => %(keep)s))
ON CONFLICT (account, key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    recipients = excluded.recipients,
    state = CASE WHEN s.expires_at <= clock_timestamp() THEN 'claimed' ELSE s.state END,
    first_attempt = CASE WHEN s.expires_at <= clock_timestamp() OR s.state = 'claimed'
        THEN NULL ELSE s.first_attempt END,
    order_id = NULL,
    token = excluded.token,
    lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
    expires_at = clock_timestamp() + make_interval(secs => %(keep)s)
WHERE s.expires_at <= clock_timestamp()
    OR s.token = excluded.token
    OR s.lease_until <= clock_timestamp()
        AND (s.state = 'claimed' OR s.state <> 'sent' AND s.fingerprint = excluded.fingerprint);
SELECT token = %(token)s, fingerprint = %(fingerprint)s, state,
    extract(epoch FROM clock_timestamp() - first_attempt)::float8, order_id, recipients,
    extract(epoch FROM lease_until - clock_timestamp())::float8
FROM iletimerkezi_sends WHERE account = %(account)s AND key = %(key)s
"""

# An earlier owner may have had its answer meanwhile.
BEGIN = """
UPDATE iletimerkezi_sends SET state = 'begun',
    first_attempt = CASE WHEN %(first)s THEN clock_timestamp() ELSE coalesce(first_attempt, clock_timestamp()) END,
    lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
    expires_at = clock_timestamp() + make_interval(secs => %(keep)s)
WHERE account = %(account)s AND key = %(key)s AND token = %(token)s AND state <> 'sent'
RETURNING 1
"""

# That it was taken is true whoever says it, and an id that is there stays.
SETTLE = """
INSERT INTO iletimerkezi_known
SELECT %(account)s, %(order_id)s::text, clock_timestamp() + make_interval(secs => %(known)s)
WHERE %(order_id)s::text IS NOT NULL AND %(is_known)s
ON CONFLICT (account, order_id) DO NOTHING;
UPDATE iletimerkezi_sends SET state = %(state)s, order_id = coalesce(order_id, %(order_id)s::text),
    lease_until = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => %(keep)s)
WHERE account = %(account)s AND key = %(key)s AND fingerprint = %(fingerprint)s
    AND (%(state)s = 'sent' OR token = %(token)s AND state <> 'sent')
RETURNING 1
"""

WITHDRAW = """
DELETE FROM iletimerkezi_sends
WHERE account = %(account)s AND key = %(key)s AND token = %(token)s AND state <> 'sent'
RETURNING 1
"""

FIND = """
SELECT state, order_id, recipients, extract(epoch FROM first_attempt)::float8 FROM iletimerkezi_sends
WHERE account = %(account)s AND key = %(key)s AND expires_at > clock_timestamp()
"""

RIVALS = """
SELECT order_id FROM iletimerkezi_sends
WHERE account = %(account)s AND key <> %(key)s AND right(fingerprint, length(%(mark)s::text)) = %(mark)s::text
    AND state IN ('begun', 'unknown', 'sent')
    AND first_attempt BETWEEN clock_timestamp() - make_interval(secs => %(oldest)s)
        AND clock_timestamp() - make_interval(secs => %(newest)s)
"""

RESOLVE = """
WITH row AS (
    SELECT *, CASE WHEN lease_until > clock_timestamp() THEN 'busy'
        WHEN order_id IS NOT NULL AND order_id IS DISTINCT FROM %(order_id)s::text THEN 'sent'
        ELSE 'done' END AS verdict
    FROM iletimerkezi_sends
    WHERE account = %(account)s AND key = %(key)s AND expires_at > clock_timestamp()
    FOR UPDATE
), struck AS (
    DELETE FROM iletimerkezi_sends s USING row
    WHERE s.account = row.account AND s.key = row.key AND row.verdict = 'done' AND %(order_id)s::text IS NULL
), noted AS (
    UPDATE iletimerkezi_sends s SET state = 'sent', order_id = %(order_id)s::text,
        expires_at = clock_timestamp() + make_interval(secs => %(keep)s)
    FROM row
    WHERE s.account = row.account AND s.key = row.key AND row.verdict = 'done' AND %(order_id)s::text IS NOT NULL
    RETURNING s.account, s.order_id
), known AS (
    INSERT INTO iletimerkezi_known
    SELECT account, order_id, clock_timestamp() + make_interval(secs => %(known)s) FROM noted
    ON CONFLICT (account, order_id) DO NOTHING
)
SELECT verdict, state, order_id, recipients, extract(epoch FROM first_attempt)::float8 FROM row
"""

# `slots.next_slot` in SQL. The row is locked, so that they go one after the other.
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

NOTE = """
INSERT INTO iletimerkezi_known
SELECT %(account)s, id, clock_timestamp() + make_interval(secs => %(known)s) FROM unnest(%(ids)s::text[]) AS id
ON CONFLICT (account, order_id) DO NOTHING
"""

KNOWN = """
SELECT array_agg(order_id) FROM iletimerkezi_known WHERE account = %(account)s AND order_id = ANY(%(ids)s::text[])
"""
