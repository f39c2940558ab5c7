-- What consents are about, for the queue of those to be asked again. Version: major * 256 + minor.
CREATE TABLE consents (
    tenant TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    study TEXT NOT NULL,
    form_version BIGINT NOT NULL,
    PRIMARY KEY (tenant, credential_id),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE INDEX consents_by_study ON consents (tenant, study, form_version);

-- The consent form that a study requires.
CREATE TABLE consent_forms (
    tenant TEXT NOT NULL,
    study TEXT NOT NULL,
    form_version BIGINT NOT NULL,
    announced_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, study, form_version)
);

-- Credentials whose end is near: one row for each mark that they passed, in days before the end.
CREATE TABLE expiry_notices (
    tenant TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    days BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    acknowledged_by TEXT,
    PRIMARY KEY (tenant, credential_id, days),
    FOREIGN KEY (tenant, credential_id) REFERENCES credentials (tenant, id)
);
CREATE INDEX expiry_notices_open ON expiry_notices (tenant, noticed_at) WHERE acknowledged_at IS NULL;
