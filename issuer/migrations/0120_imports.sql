-- Files of credentials that are to be issued, one job each.
CREATE TABLE imports (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    -- csv, ndjson or fhir.
    form TEXT NOT NULL,
    -- Of a table: id * 65536 + version, and the line that names its columns.
    schema BIGINT,
    header TEXT,
    state TEXT NOT NULL
        CHECK (state IN ('receiving', 'waiting', 'running', 'finished', 'cancelled', 'failed')),
    -- Who asked for it, and by which request.
    actor TEXT NOT NULL,
    request_id TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- The worker that has it, and until when; of what is being received, when it is given up.
    worker TEXT,
    leased_until BIGINT NOT NULL,
    -- How often it broke off since a record was last done.
    failures BIGINT NOT NULL,
    -- Records, and what became of their rows.
    records BIGINT NOT NULL,
    done BIGINT NOT NULL,
    issued BIGINT NOT NULL,
    renewed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX imports_by_time ON imports (tenant, created_at, id);
CREATE INDEX imports_open ON imports (tenant, created_at)
    WHERE state IN ('receiving', 'waiting', 'running');

-- SHA-256 of a caller's key and of the file that it came with.
CREATE TABLE import_requests (
    tenant TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    import_id TEXT NOT NULL,
    PRIMARY KEY (tenant, key_hash),
    FOREIGN KEY (tenant, import_id) REFERENCES imports (tenant, id)
);
CREATE INDEX import_requests_by_import ON import_requests (tenant, import_id);

-- Records as they were sent. One is destroyed when it is done, or, if a row of it failed, some
-- time after its import has ended.
CREATE TABLE import_records (
    tenant TEXT NOT NULL,
    import_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    line BIGINT NOT NULL,
    content TEXT NOT NULL,
    -- 1: it is done, and a row of it failed.
    failed BIGINT NOT NULL,
    PRIMARY KEY (tenant, import_id, number),
    FOREIGN KEY (tenant, import_id) REFERENCES imports (tenant, id)
);
CREATE INDEX import_records_open ON import_records (tenant, import_id, number) WHERE failed = 0;

-- What became of each row: a record has one, or several if it stands for several credentials.
CREATE TABLE import_rows (
    tenant TEXT NOT NULL,
    import_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    item BIGINT NOT NULL,
    line BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('issued', 'renewed', 'unchanged', 'failed')),
    -- Of a failed row: column or path, and the rule that it breaks.
    place TEXT,
    rule TEXT,
    credential_id TEXT,
    PRIMARY KEY (tenant, import_id, number, item),
    FOREIGN KEY (tenant, import_id) REFERENCES imports (tenant, id),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE INDEX import_rows_failed ON import_rows (tenant, import_id, number, item)
    WHERE outcome = 'failed';

-- What a row of any roster has become: SHA-256 of what names the row and of what it states.
CREATE TABLE imported (
    tenant TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    PRIMARY KEY (tenant, key_hash),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE INDEX imported_by_credential ON imported (tenant, credential_id);
