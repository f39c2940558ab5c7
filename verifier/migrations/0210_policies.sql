-- Policies that sessions may name. A version is never changed, and never deleted: what was asked
-- under it stays readable.
CREATE TABLE policies (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- SHA-256 of the document in canonical form.
    hash TEXT NOT NULL,
    document TEXT NOT NULL,
    -- Codes of dangers that the publisher said are meant, as a JSON array.
    acknowledged TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    -- Since when no session may name it, if ever.
    retired_at BIGINT,
    PRIMARY KEY (tenant, id, version)
);

CREATE UNIQUE INDEX policies_by_hash ON policies (tenant, hash);
