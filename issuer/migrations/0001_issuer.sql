-- What the ledger knows about this issuer, kept so that issuing goes on while the ledger is away.
CREATE TABLE identity (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    did TEXT NOT NULL,
    vc_key_id TEXT NOT NULL
);

-- Times are Unix seconds; documents are JSON; salt is hexadecimal; schema is id * 65536 + version.
CREATE TABLE credentials (
    id TEXT PRIMARY KEY,
    schema BIGINT NOT NULL,
    subject TEXT NOT NULL,
    holder TEXT NOT NULL,
    salt TEXT NOT NULL,
    list_id BIGINT NOT NULL,
    status_index BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'revoked', 'superseded')),
    -- Raised by every change of state.
    version BIGINT NOT NULL,
    superseded_by TEXT REFERENCES credentials (id),
    verifiable_credential TEXT NOT NULL,
    attestation TEXT NOT NULL
);

-- One row for each allocated bit of a list. A row without a credential is a decoy, or a bit that the
-- ledger had set and this issuer does not know.
CREATE TABLE status_entries (
    list_id BIGINT NOT NULL,
    status_index BIGINT NOT NULL,
    credential_id TEXT REFERENCES credentials (id),
    -- 1: the credential shall not be accepted.
    bit SMALLINT NOT NULL,
    -- The bit as the ledger last had it.
    published SMALLINT NOT NULL,
    PRIMARY KEY (list_id, status_index)
);

-- Who changed what and why: one row for each change of state.
CREATE TABLE changes (
    credential_id TEXT NOT NULL REFERENCES credentials (id),
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (credential_id, version)
);

-- Status flips that the ledger is still to hear of, written with the change that causes them.
CREATE TABLE outbox (
    credential_id TEXT NOT NULL REFERENCES credentials (id),
    version BIGINT NOT NULL,
    list_id BIGINT NOT NULL,
    status_index BIGINT NOT NULL,
    bit SMALLINT NOT NULL,
    queued_at BIGINT NOT NULL,
    published_at BIGINT,
    PRIMARY KEY (credential_id, version)
);
CREATE INDEX outbox_pending ON outbox (list_id) WHERE published_at IS NULL;

-- Each list as last published: its root (0x and 64 hexadecimal digits) and the signed W3C document.
CREATE TABLE status_lists (
    list_id BIGINT PRIMARY KEY,
    root TEXT NOT NULL,
    document TEXT NOT NULL,
    published_at BIGINT NOT NULL
);

-- SHA-256 of a caller's key and of the request that it came with.
CREATE TABLE idempotency_keys (
    key_hash TEXT PRIMARY KEY,
    request_hash TEXT NOT NULL,
    credential_id TEXT NOT NULL REFERENCES credentials (id),
    used_at BIGINT NOT NULL
);
