-- Every table begins with the tenant, and no query leaves it out. Times are Unix seconds; documents
-- are JSON; bytes are hexadecimal; truth is 0 or 1.

-- What the ledger knows about an issuer, kept so that issuing goes on while the ledger is away.
CREATE TABLE identity (
    tenant TEXT PRIMARY KEY,
    did TEXT NOT NULL,
    vc_key_id TEXT NOT NULL
);

CREATE TABLE credentials (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    -- The schema that was attested: id * 65536 + version. None: a plain W3C credential.
    schema BIGINT,
    list_id TEXT NOT NULL,
    status_index BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'revoked', 'superseded')),
    -- Raised by every change of state.
    version BIGINT NOT NULL,
    superseded_by TEXT,
    -- What erasure destroys: the signed document and, of what was attested, subject, holder, salt
    -- and attestation.
    document TEXT,
    subject TEXT,
    holder TEXT,
    salt TEXT,
    attestation TEXT,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, superseded_by) REFERENCES credentials (tenant, id)
);
-- The order in which credentials are listed, and what lists are narrowed by.
CREATE INDEX credentials_by_time ON credentials (tenant, issued_at, id);
CREATE INDEX credentials_by_state ON credentials (tenant, state, issued_at, id);
CREATE INDEX credentials_by_end ON credentials (tenant, valid_until, id);
CREATE INDEX credentials_by_holder ON credentials (tenant, holder);
CREATE INDEX credentials_by_successor ON credentials (tenant, superseded_by);

-- What a credential is found by: its kind and the value in the form that is compared.
CREATE TABLE search_terms (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, value, credential_id),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE INDEX search_terms_by_credential ON search_terms (tenant, credential_id);

-- One row for each allocated bit of a list. A row without a credential is a decoy, or a bit that the
-- ledger had set and this issuer does not know.
CREATE TABLE status_entries (
    tenant TEXT NOT NULL,
    list_id TEXT NOT NULL,
    status_index BIGINT NOT NULL,
    credential_id TEXT,
    -- 1: the credential shall not be accepted.
    bit BIGINT NOT NULL,
    -- The bit as last published.
    published BIGINT NOT NULL,
    PRIMARY KEY (tenant, list_id, status_index),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE INDEX status_entries_barred ON status_entries (tenant, list_id) WHERE bit = 1 OR published = 1;
CREATE INDEX status_entries_unowned ON status_entries (tenant, list_id) WHERE credential_id IS NULL;

-- Who changed what and why: one row for each change of state.
CREATE TABLE changes (
    tenant TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, credential_id, version),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);

-- Status flips that are still to be published, written with the change that causes them.
CREATE TABLE outbox (
    tenant TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    list_id TEXT NOT NULL,
    status_index BIGINT NOT NULL,
    bit BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    published_at BIGINT,
    PRIMARY KEY (tenant, credential_id, version),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE INDEX outbox_pending ON outbox (tenant, list_id) WHERE published_at IS NULL;

-- Each list as last published: its root (0x and 64 hexadecimal digits) and the signed W3C document.
CREATE TABLE status_lists (
    tenant TEXT NOT NULL,
    list_id TEXT NOT NULL,
    root TEXT NOT NULL,
    document TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, list_id)
);

-- SHA-256 of a caller's key and of the request that it came with.
CREATE TABLE idempotency_keys (
    tenant TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, key_hash),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
