CREATE TABLE IF NOT EXISTS iletimerkezi_rows (
        account text NOT NULL,
        scope text NOT NULL,
        name text NOT NULL,
        part INTEGER NOT NULL,
        version text NOT NULL,
        token text NOT NULL,
        state text NOT NULL,
        content text NOT NULL,
        mark text NOT NULL,
        recipients INTEGER NOT NULL,
        first_at double precision,
        first_service double precision,
        last_at double precision,
        last_service double precision,
        order_id text,
        lease_until double precision NOT NULL,
        expires_at double precision NOT NULL,
        entries bytea,
        PRIMARY KEY (account, scope, name, part)
    );
CREATE INDEX IF NOT EXISTS iletimerkezi_rows_alike ON iletimerkezi_rows (account, mark, first_at)
    WHERE first_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS iletimerkezi_rows_expire ON iletimerkezi_rows (expires_at) WHERE part = 0;
CREATE TABLE IF NOT EXISTS iletimerkezi_ids (
        account text NOT NULL,
        order_id text NOT NULL,
        known_at double precision NOT NULL,
        known_service double precision,
        scheduled INTEGER NOT NULL,
        cancelled INTEGER NOT NULL,
        PRIMARY KEY (account, order_id)
    );
CREATE INDEX IF NOT EXISTS iletimerkezi_ids_time ON iletimerkezi_ids (known_at);
CREATE TABLE IF NOT EXISTS iletimerkezi_pace (
        account text PRIMARY KEY,
        free_at double precision NOT NULL
    );
