-- Credentials that wait to be fetched by a wallet (OpenID4VCI). Codes and tokens are SHA-256 hashes.
CREATE TABLE offers (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    -- id * 65536 + version.
    schema BIGINT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('open', 'claimed', 'issuing', 'issued', 'cancelled', 'expired', 'failed')),
    -- What is offered, destroyed when the offer ends.
    subject TEXT,
    valid_from BIGINT,
    valid_until BIGINT,
    code_hash TEXT NOT NULL,
    tx_code_hash TEXT,
    tx_code_length BIGINT NOT NULL,
    -- Transaction codes that were tried.
    attempts BIGINT NOT NULL,
    -- 1: what is offered may be issued; 0: not before it is released.
    ready BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    token_hash TEXT,
    token_expires_at BIGINT,
    -- 1: the wallet is to name the dataset, not the configuration.
    identified BIGINT NOT NULL,
    -- Credential requests that came with the token.
    requests BIGINT NOT NULL,
    -- Who asked for it, once somebody has; destroyed when the offer ends.
    holder TEXT,
    credential_id TEXT,
    -- The last event of which the wallet told.
    notified TEXT,
    -- The office's name for its request, and the request until the offer ends.
    key_hash TEXT,
    request_hash TEXT,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE UNIQUE INDEX offers_by_code ON offers (tenant, code_hash);
CREATE UNIQUE INDEX offers_by_token ON offers (tenant, token_hash);
CREATE UNIQUE INDEX offers_by_key ON offers (tenant, key_hash);
CREATE INDEX offers_by_end ON offers (tenant, expires_at) WHERE subject IS NOT NULL;

-- What nonces are authenticated by. Nonces themselves are kept only once they are used.
CREATE TABLE nonce_keys (
    tenant TEXT PRIMARY KEY,
    secret TEXT NOT NULL
);
CREATE TABLE used_nonces (
    tenant TEXT NOT NULL,
    nonce_hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, nonce_hash)
);
CREATE INDEX used_nonces_by_end ON used_nonces (tenant, expires_at);
