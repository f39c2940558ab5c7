-- Against threshold search. A question is known by hashes: its shape without values, and with them.

-- With which values a question was asked, and when last.
CREATE TABLE questions (
    tenant TEXT NOT NULL,
    shape TEXT NOT NULL,
    question TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, shape, question)
);

-- With which values a holder answered it yes, and when last.
CREATE TABLE answered_questions (
    tenant TEXT NOT NULL,
    nullifier TEXT NOT NULL,
    shape TEXT NOT NULL,
    question TEXT NOT NULL,
    answered_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, nullifier, shape, question)
);

CREATE INDEX answered_questions_by_time ON answered_questions (tenant, answered_at);
