-- API keys. Of a key's secret only a hash is kept; a key that ended stays, so that its name in the
-- audit log means one key for ever.
CREATE TABLE api_keys (
    tenant        TEXT NOT NULL,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    roles         TEXT NOT NULL,
    hash          TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    created_by    TEXT NOT NULL,
    expires_at    BIGINT NOT NULL,
    revoked_at    BIGINT,
    last_used_day BIGINT,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);
CREATE UNIQUE INDEX api_keys_by_name ON api_keys (tenant, name);
