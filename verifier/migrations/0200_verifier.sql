-- Times are Unix seconds; hashes and field elements are hexadecimal text; documents are JSON.

-- id is the asking party's handle, request_id the wallet's: who knows the one does not know the other.
CREATE TABLE sessions (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    request TEXT NOT NULL,
    -- 1: a holder is accepted once in the request's scope.
    count_once BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- 0 once it is answered or has ended.
    is_open BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, request_id)
);

-- Those whose time may pass.
CREATE INDEX sessions_open ON sessions (tenant, expires_at) WHERE is_open = 1;

-- Challenges that have been answered. A row is never changed.
CREATE TABLE challenges (
    tenant TEXT NOT NULL,
    nonce TEXT NOT NULL,
    consumed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, nonce)
);

-- One answer for each session, with its signed receipt.
CREATE TABLE decisions (
    tenant TEXT NOT NULL,
    request_id TEXT NOT NULL,
    -- NULL if it was accepted, else the reason.
    refused TEXT,
    receipt TEXT NOT NULL,
    -- What an accepted holder was asked to disclose, by query and claim.
    disclosed TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, request_id),
    FOREIGN KEY (tenant, request_id) REFERENCES sessions (tenant, request_id)
);

-- Those that keep what is to be destroyed.
CREATE INDEX decisions_disclosed ON decisions (tenant, decided_at) WHERE disclosed <> '{}';

-- Holders that have been counted, by scope.
CREATE TABLE nullifiers (
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    nullifier TEXT NOT NULL,
    -- The request that was answered, in which the receipt is found.
    request_id TEXT NOT NULL,
    counted_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, scope, nullifier)
);

-- Holders who have withdrawn. A nullifier belongs to one scope.
CREATE TABLE withdrawals (
    tenant TEXT NOT NULL,
    nullifier TEXT NOT NULL,
    withdrawn_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, nullifier)
);
