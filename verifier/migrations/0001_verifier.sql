-- Times are Unix seconds; hashes and field elements are hexadecimal text; documents are JSON.

-- id is the asking party's handle, request_id the wallet's: who knows the one does not know the other.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    -- 1: a holder is accepted once in the request's scope.
    count_once SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Challenges that have been answered. A row is never changed.
CREATE TABLE nonces (
    nonce TEXT PRIMARY KEY,
    consumed_at BIGINT NOT NULL
);

-- One answer for each session, with its signed receipt.
CREATE TABLE decisions (
    request_id TEXT PRIMARY KEY REFERENCES sessions (request_id),
    -- NULL if it was accepted, else the reason.
    refused TEXT,
    receipt TEXT NOT NULL,
    -- What an accepted holder was asked to disclose, by query and claim.
    disclosed TEXT NOT NULL,
    decided_at BIGINT NOT NULL
);

-- Holders that have been counted, by scope.
CREATE TABLE nullifiers (
    scope TEXT NOT NULL,
    nullifier TEXT NOT NULL,
    request_id TEXT NOT NULL REFERENCES sessions (request_id),
    counted_at BIGINT NOT NULL,
    PRIMARY KEY (scope, nullifier)
);

-- Holders who have withdrawn. A nullifier belongs to one scope.
CREATE TABLE withdrawals (
    nullifier TEXT PRIMARY KEY,
    withdrawn_at BIGINT NOT NULL
);
