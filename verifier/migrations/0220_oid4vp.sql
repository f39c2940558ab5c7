-- How a wallet is asked in a session, and how it answers.

-- The request object as wallets fetch it, signed when the session was opened.
ALTER TABLE sessions ADD COLUMN signed_request TEXT NOT NULL DEFAULT '';
-- The key that the answer is encrypted to, until there is one; NULL if it comes in the clear.
ALTER TABLE sessions ADD COLUMN answer_key TEXT;
-- Where the holder's browser goes after the answer, and the code that it brings along: who shows it
-- may read the outcome.
ALTER TABLE sessions ADD COLUMN redirect_uri TEXT;
ALTER TABLE sessions ADD COLUMN response_code TEXT;
-- How it ended without an answer: 'cancelled' by who opened it, 'declined' by the wallet, 'expired'.
ALTER TABLE sessions ADD COLUMN ended TEXT;
ALTER TABLE sessions ADD COLUMN ended_at BIGINT;
CREATE INDEX sessions_ended ON sessions (tenant, expires_at) WHERE ended IS NOT NULL;
-- 1: it asks for credentials as they are, and request has the claims of the request object.
ALTER TABLE sessions ADD COLUMN plain BIGINT NOT NULL DEFAULT 0;
