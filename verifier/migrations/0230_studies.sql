-- Studies, and who takes part. A participant is a nullifier in the scope of one study and epoch.

CREATE TABLE studies (
    tenant TEXT NOT NULL,
    -- Random. It stands for the study in scopes, logs and messages; the name does not.
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Why it is asked, in words for the participant.
    purpose TEXT NOT NULL,
    -- A new epoch starts a new count.
    epoch BIGINT NOT NULL,
    policy_id TEXT NOT NULL,
    policy_version BIGINT NOT NULL,
    parameters TEXT NOT NULL,
    -- Counts the policies that the study has had, from 1.
    revision BIGINT NOT NULL,
    -- 1: an export may have fewer participants than a published table.
    exports_few BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (tenant, id)
);

-- What a study asks in a session.
CREATE TABLE study_sessions (
    tenant TEXT NOT NULL,
    request_id TEXT NOT NULL,
    study TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    -- What the participant is called if this session is the first that counts it.
    participant TEXT NOT NULL,
    PRIMARY KEY (tenant, request_id),
    FOREIGN KEY (tenant, request_id) REFERENCES sessions (tenant, request_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, study) REFERENCES studies (tenant, id)
);

CREATE TABLE participants (
    tenant TEXT NOT NULL,
    study TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    nullifier TEXT NOT NULL,
    -- Random: what exports call the participant.
    participant TEXT NOT NULL,
    -- The study's policy that was proven last.
    revision BIGINT NOT NULL,
    -- The request that was answered last, in which the receipt is found.
    request_id TEXT NOT NULL,
    -- Height of the ledger at which that answer was checked.
    block BIGINT NOT NULL,
    counted_at BIGINT NOT NULL,
    proven_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    -- Last entry of the audit log before it was counted. By this, participants come in the order in
    -- which they are committed.
    counted_after BIGINT NOT NULL,
    PRIMARY KEY (tenant, study, epoch, nullifier),
    FOREIGN KEY (tenant, study) REFERENCES studies (tenant, id)
);

CREATE INDEX participants_by_nullifier ON participants (tenant, nullifier);
CREATE INDEX participants_in_order ON participants (tenant, counted_after);
CREATE INDEX participants_by_id ON participants (tenant, study, epoch, participant);
