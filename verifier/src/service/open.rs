//! Opens sessions: what wallets are asked, and with which request.

use attestry_credential::CredentialError;
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{
    Format, Identifier, MAX_QUERIES, Nonce, PresentationRequest, Query,
};
use attestry_credential::schema::values::Day;
use attestry_service::Actor;

use super::random_id;
use crate::session::{NewSession, Session};
use crate::studies::SCOPE_PREFIX;
use crate::{Verifier, VerifierError};

impl Verifier {
    /// Opens a session.
    ///
    /// # Errors
    /// [`VerifierError::Request`] or [`VerifierError::Presentation`] for what no wallet would
    /// read; [`VerifierError::Policy`] for a policy that cannot be asked with its parameters;
    /// [`VerifierError::Quota`]; those of storage.
    pub async fn open_session(
        &self,
        actor: &Actor,
        asked: NewSession,
    ) -> Result<Session, VerifierError> {
        if asked.scope.purpose.starts_with(SCOPE_PREFIX) {
            return Err(VerifierError::Request {
                field: "purpose",
                rule: "begins as the purposes of studies do",
            });
        }
        let acknowledged = asked.acknowledged.clone();
        let session = self.prepare_session(asked).await?;
        let quota = &self.config().checks.quota;
        self.parts.storage.add_session(&session, None, &acknowledged, quota, actor).await?;
        Ok(session)
    }

    /// A session that is not kept yet.
    pub(crate) async fn prepare_session(
        &self,
        asked: NewSession,
    ) -> Result<Session, VerifierError> {
        if !(1..=MAX_QUERIES).contains(&asked.queries.len()) {
            return Err(VerifierError::Request { field: "queries", rule: "are not 1 to 8" });
        }
        let now = self.now();
        for query in &asked.queries {
            check_askable(query, now)?;
        }
        let config = self.config();
        let (id, request_id, nonce) = self.draw()?;
        let request = PresentationRequest {
            response_uri: self.endpoint("responses", &request_id)?,
            request_id,
            client_id: config.client_id.clone(),
            nonce,
            scope: asked.scope,
            queries: asked.queries,
            expires_at: now.saturating_add(config.checks.session_lifetime_s),
            max_age_s: config.checks.max_age_s,
            purpose: asked.purpose,
            format: Format::default(),
            zk_system_type: self.parts.circuits.systems(),
        };
        check_readable(&request)?;
        let delivery = self.delivery(&request, asked.reply, now).await?;
        let count_once = asked.count_once;
        let (created_at, ended, plain) = (now, None, None);
        Ok(Session { id, request, count_once, created_at, delivery, ended, plain })
    }

    /// What is random about a session: its handle, the id of its request and its nonce.
    pub(crate) fn draw(&self) -> Result<(Identifier, Identifier, Nonce), VerifierError> {
        self.with_rng(|rng| Ok((random_id(rng)?, random_id(rng)?, Nonce::random(rng))))
    }
}

/// Checks that a query can be asked, as far as that is known before the holder fills in what it
/// discloses.
fn check_askable(query: &Query, now: u64) -> Result<(), VerifierError> {
    let today = Day::from_unix(now)
        .map_err(|_| VerifierError::Request { field: "clock", rule: "is past the calendar" })?;
    match query.policy.bind(&query.parameters_on(today), &Disclosed::none()) {
        Err(CredentialError::Invalid { path, .. }) if path.starts_with("disclosed.") => Ok(()),
        bound => Ok(bound.map(|_| ())?),
    }
}

/// Checks that wallets will read the request.
fn check_readable(request: &PresentationRequest) -> Result<(), VerifierError> {
    let json =
        serde_json::to_vec(request).map_err(|_| VerifierError::corrupt("a request has no JSON"))?;
    PresentationRequest::from_json(&json)?;
    Ok(())
}
