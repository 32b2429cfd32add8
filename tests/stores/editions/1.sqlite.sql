CREATE TABLE IF NOT EXISTS iletimerkezi_rows (
        account TEXT NOT NULL,
        scope TEXT NOT NULL,
        name TEXT NOT NULL,
        part INTEGER NOT NULL,
        version TEXT NOT NULL,
        token TEXT NOT NULL,
        state TEXT NOT NULL,
        content TEXT NOT NULL,
        mark TEXT NOT NULL,
        recipients INTEGER NOT NULL,
        first_at REAL,
        first_service REAL,
        last_at REAL,
        last_service REAL,
        order_id TEXT,
        lease_until REAL NOT NULL,
        expires_at REAL NOT NULL,
        entries BLOB,
        PRIMARY KEY (account, scope, name, part)
    ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS iletimerkezi_rows_alike ON iletimerkezi_rows (account, mark, first_at)
    WHERE first_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS iletimerkezi_rows_expire ON iletimerkezi_rows (expires_at) WHERE part = 0;
CREATE TABLE IF NOT EXISTS iletimerkezi_ids (
        account TEXT NOT NULL,
        order_id TEXT NOT NULL,
        known_at REAL NOT NULL,
        known_service REAL,
        scheduled INTEGER NOT NULL,
        cancelled INTEGER NOT NULL,
        PRIMARY KEY (account, order_id)
    ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS iletimerkezi_ids_time ON iletimerkezi_ids (known_at);
CREATE TABLE IF NOT EXISTS iletimerkezi_pace (
        account TEXT PRIMARY KEY,
        free_at REAL NOT NULL
    ) WITHOUT ROWID;
