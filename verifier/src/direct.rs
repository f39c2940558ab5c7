//! Direct checks: of answers to requests that the caller made and sent itself.
//!
//! The caller owns the challenge: nothing is consumed, and nothing is counted unless it is asked
//! for. All else is checked as in a session, and no yes is given that is not in the audit log.

use std::sync::Arc;

use attestry_credential::policy::Question;
use attestry_credential::presentation::{Digest, PresentationRequest, PresentationResponse};
use attestry_service::Actor;

use crate::check::Lane;
use crate::receipt::request_hash;
use crate::session::Decision;
use crate::storage::Check;
use crate::studies::SCOPE_PREFIX;
use crate::{Refusal, VerifiedPresentation, Verifier, VerifierError};

/// A request that a caller made in this verifier's name.
#[derive(Debug)]
pub(crate) struct Asked {
    request: PresentationRequest,
    hash: Digest,
    questions: Arc<[Question]>,
}

impl Asked {
    pub(crate) fn new(request: PresentationRequest) -> Result<Self, VerifierError> {
        let hash =
            request_hash(&request).map_err(|_| VerifierError::corrupt("a request has no JSON"))?;
        if request.scope.purpose.starts_with(SCOPE_PREFIX) {
            let rule = "begins as the purposes of studies do";
            return Err(VerifierError::Request { field: "scope.purpose", rule });
        }
        let queries = request.queries.iter();
        let questions = queries.map(|query| query.policy.question(&query.parameters)).collect();
        Ok(Self { request, hash, questions })
    }
}

impl Verifier {
    /// Decides about an answer to a request that the caller made and sent itself, in this
    /// verifier's name. Nothing is consumed or counted.
    ///
    /// # Errors
    /// Those of storage, and then nothing is decided.
    pub async fn decide_directly(
        &self,
        actor: &Actor,
        request: PresentationRequest,
        response: &PresentationResponse,
    ) -> Result<Decision, VerifierError> {
        let asked = Asked::new(request)?;
        match self.examine(&asked, response, false, actor, Lane::Interactive).await {
            Ok(check) => self.record_check(*check).await,
            Err(refusal) => Ok(Decision::Refused { refusal, receipt: None }),
        }
    }

    /// Checks an answer, up to what only storage knows: what is to be recorded.
    ///
    /// # Errors
    /// A refusal that says nothing about the answer.
    pub(crate) async fn examine(
        &self,
        asked: &Asked,
        response: &PresentationResponse,
        count_once: bool,
        actor: &Actor,
        lane: Lane,
    ) -> Result<Box<Check>, Refusal> {
        let now = self.now();
        let checked = self.check_in(lane, &asked.request, response, now).await;
        let block = match &checked {
            Ok(verified) => Some(verified.block()),
            Err(refusal) if refusal.is_decision() => refusal.block(),
            Err(refusal) => return Err(refusal.clone()),
        };
        let mut receipt = self.receipt_of(&asked.request, asked.hash, response, block, now);
        receipt.ledger_grace = checked.as_ref().is_ok_and(VerifiedPresentation::in_grace);
        Ok(Box::new(Check {
            checked,
            count_once,
            questions: Arc::clone(&asked.questions),
            quota: self.config().checks.quota,
            receipt,
            actor: actor.clone(),
        }))
    }
}
