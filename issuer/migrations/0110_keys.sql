-- The generations of an issuer's signing keys: public keys, and the id of the Ed25519 key in the DID
-- document. The secrets are never here.
CREATE TABLE key_epochs (
    tenant TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    credential_key TEXT NOT NULL,
    attestation_key TEXT NOT NULL,
    vc_key_id TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    -- Since when its keys sign nothing any more, and why. None: they may.
    ended_at BIGINT,
    reason TEXT,
    PRIMARY KEY (tenant, epoch)
);
ALTER TABLE identity DROP COLUMN vc_key_id;

-- The registry entries that were given to an epoch's key, each with a status list of its own.
CREATE TABLE epoch_entries (
    tenant TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    schema BIGINT NOT NULL,
    entry BIGINT NOT NULL,
    PRIMARY KEY (tenant, epoch, schema),
    FOREIGN KEY (tenant, epoch) REFERENCES key_epochs (tenant, epoch)
);

-- Whose keys signed a credential, and a list's document.
ALTER TABLE credentials ADD COLUMN epoch BIGINT NOT NULL DEFAULT 1;
CREATE INDEX credentials_by_epoch ON credentials (tenant, epoch, id);
ALTER TABLE status_lists ADD COLUMN epoch BIGINT NOT NULL DEFAULT 1;
