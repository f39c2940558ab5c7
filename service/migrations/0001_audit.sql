-- The audit log: a chain of entries a tenant. Nothing but heads is ever updated, nothing deleted.

-- Where each chain ends. Whoever appends takes this row first: that orders writers.
CREATE TABLE audit_heads (
    tenant   TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    hash     TEXT NOT NULL
);

CREATE TABLE audit_entries (
    tenant     TEXT NOT NULL,
    sequence   BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    request_id TEXT,
    action     TEXT NOT NULL,
    object     TEXT,
    details    TEXT NOT NULL,
    previous   TEXT NOT NULL,
    hash       TEXT NOT NULL,
    PRIMARY KEY (tenant, sequence)
);

CREATE INDEX audit_entries_by_actor ON audit_entries (tenant, actor, sequence);
CREATE INDEX audit_entries_by_action ON audit_entries (tenant, action, sequence);
CREATE INDEX audit_entries_by_object ON audit_entries (tenant, object, sequence);

-- What of each chain stands on the ledger.
CREATE TABLE audit_anchors (
    tenant      TEXT NOT NULL,
    sequence    BIGINT NOT NULL,
    hash        TEXT NOT NULL,
    root        TEXT NOT NULL,
    batch       BIGINT NOT NULL,
    anchored_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, sequence)
);
