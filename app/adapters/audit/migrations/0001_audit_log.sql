-- The audit log: chained records, and the signed heads over all chains.
-- Plain SQL that SQLite and PostgreSQL both read; a statement ends with ";" at the end of a line.

CREATE TABLE audit_records (
    writer TEXT NOT NULL,
    seq BIGINT NOT NULL,
    previous TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    kind TEXT NOT NULL,
    request_id TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    status INTEGER NOT NULL,
    duration_us BIGINT NOT NULL,
    address TEXT NOT NULL,
    subject TEXT,
    problem TEXT,
    detail TEXT,
    model TEXT,
    version TEXT,
    digest TEXT,
    n_rows BIGINT,
    inputs TEXT,
    outputs TEXT,
    hash TEXT NOT NULL,
    PRIMARY KEY (writer, seq)
);

CREATE INDEX audit_records_by_time ON audit_records (at_us);

CREATE TABLE audit_heads (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    writer TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    total_bytes BIGINT NOT NULL,
    detail TEXT,
    key TEXT NOT NULL,
    previous TEXT NOT NULL,
    signature TEXT NOT NULL
);

CREATE INDEX audit_heads_by_writer ON audit_heads (writer, seq);
