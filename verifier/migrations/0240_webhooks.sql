-- Who is told of what. Times are Unix seconds.
CREATE TABLE webhooks (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    -- Words with a space between.
    events TEXT NOT NULL,
    -- Sealed; hexadecimal.
    secret TEXT NOT NULL,
    -- The secret before, which signs as well until a time; sealed, too.
    old_secret TEXT,
    old_secret_until BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    -- Since when nothing is sent, as the receiver wished.
    disabled_at BIGINT,
    PRIMARY KEY (tenant, id)
);

-- What is to be told, or was. No foreign key: who tells of something must not fail because a
-- receiver goes at the same moment.
CREATE TABLE webhook_deliveries (
    tenant TEXT NOT NULL,
    -- As receivers see it, the same at each attempt.
    id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- pending, delivered or failed.
    state TEXT NOT NULL,
    -- Attempts that have begun.
    attempts BIGINT NOT NULL,
    -- When the next attempt begins; during one, from when on another sender takes it for lost.
    due_at BIGINT NOT NULL,
    -- What the last attempt met.
    status BIGINT,
    error TEXT,
    finished_at BIGINT,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX webhook_deliveries_by_state
    ON webhook_deliveries (tenant, state, webhook_id, due_at, created_at);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (tenant, finished_at)
    WHERE finished_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (tenant, webhook_id, created_at);
