-- What takes two: proposed by one, approved by another, done once.
CREATE TABLE proposals (
    tenant      TEXT NOT NULL,
    id          TEXT NOT NULL,
    kind        TEXT NOT NULL,
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    decided_by  TEXT,
    decided_at  BIGINT,
    executed_at BIGINT,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX proposals_by_time ON proposals (tenant, proposed_at, id);
