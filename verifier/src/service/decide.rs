//! Decides about answers: checks them, and has the decision recorded with its receipt.

use attestry_credential::presentation::{
    Digest, Identifier, PresentationRequest, PresentationResponse, Query, verify_signature,
};
use attestry_service::Actor;

use super::Shared;
use crate::check::{Lane, Ledger, Trust};
use crate::receipt::{checks, request_hash};
use crate::session::{Decision, Session, Shown};
use crate::storage::{Check, Verdict};
use crate::watch::Change;
use crate::{Receipt, ReceiptResult, Refusal, VerifiedPresentation, Verifier, VerifierError};

impl Verifier {
    /// Decides about an answer to the request of this id. A session takes one answer.
    ///
    /// # Errors
    /// [`VerifierError::UnknownSession`]; those of storage, and then nothing is decided.
    pub async fn respond(
        &self,
        actor: &Actor,
        request_id: &Identifier,
        response: &PresentationResponse,
    ) -> Result<Decision, VerifierError> {
        let session = self.session(request_id).await?;
        self.respond_in(actor, session, response).await
    }

    pub(crate) async fn respond_in(
        &self,
        actor: &Actor,
        session: Session,
        response: &PresentationResponse,
    ) -> Result<Decision, VerifierError> {
        let request_id = session.request.request_id.clone();
        self.parts.watch.tell(&request_id, Change::Received);
        let decision = self.decide(actor, session, response).await?;
        self.parts.watch.tell(&request_id, Change::Ended);
        match &decision {
            Decision::Accepted { .. } => tracing::info!(%request_id, "accepted"),
            Decision::Refused { refusal, .. } => {
                tracing::info!(%request_id, reason = refusal.reason(), "refused");
            }
        }
        Ok(decision)
    }

    async fn decide(
        &self,
        actor: &Actor,
        session: Session,
        response: &PresentationResponse,
    ) -> Result<Decision, VerifierError> {
        if let Some(ending) = session.ended {
            return Ok(Decision::Refused { refusal: ending.refusal(), receipt: None });
        }
        if self.parts.storage.is_answered(&session).await? {
            return Ok(Decision::Refused { refusal: Refusal::Replayed, receipt: None });
        }
        let now = self.now();
        let checked = match self.misdirected(&session, response).await? {
            Some(refusal) => Err(refusal),
            None => self.check(&session.request, response, now).await,
        };
        let block = match &checked {
            Ok(verified) => Some(verified.block()),
            Err(refusal) if refusal.is_decision() => refusal.block(),
            Err(refusal) => {
                return Ok(Decision::Refused { refusal: refusal.clone(), receipt: None });
            }
        };
        let mut receipt = self.receipt(&session.request, response, block, now)?;
        receipt.ledger_grace = checked.as_ref().is_ok_and(VerifiedPresentation::in_grace);
        let (checked, actor) = (checked.map(Shown::Proven), actor.clone());
        let queries = session.request.queries.iter();
        let questions = queries.map(|query| query.policy.question(&query.parameters)).collect();
        let quota = self.config().checks.quota;
        self.record_verdict(Verdict { session, checked, questions, quota, receipt, actor }).await
    }

    /// Records what an answer is worth, with those that come at the same time.
    pub(crate) async fn record_verdict(&self, verdict: Verdict) -> Result<Decision, VerifierError> {
        self.parts.sessions.record(verdict).await
    }

    /// Checks an answer to a request that this verifier made, at a time by its clock: everything
    /// but what only storage knows. Nothing is recorded.
    ///
    /// # Errors
    /// The [`Refusal`], cheapest checks first.
    pub async fn check(
        &self,
        request: &PresentationRequest,
        response: &PresentationResponse,
        now: u64,
    ) -> Result<VerifiedPresentation, Refusal> {
        self.check_in(Lane::Interactive, request, response, now).await
    }

    pub(crate) async fn check_in(
        &self,
        lane: Lane,
        request: &PresentationRequest,
        response: &PresentationResponse,
        now: u64,
    ) -> Result<VerifiedPresentation, Refusal> {
        let Shared { config, circuits, ledger, engine, .. } = &*self.parts;
        let trust = Trust { config, circuits, ledger: Ledger::Live(ledger), engine };
        trust.check(request, response, now, lane).await
    }

    /// Records a direct check, with those that come at the same time.
    pub(crate) async fn record_check(&self, check: Check) -> Result<Decision, VerifierError> {
        self.parts.checks.record(check).await
    }

    /// Records direct checks in one transaction.
    pub(crate) async fn record_checks(
        &self,
        checks: &[&Check],
    ) -> Result<Vec<Decision>, VerifierError> {
        self.parts.storage.record_checks(checks, &self.parts.receipt_key).await
    }

    /// Why an answer that names another request came here.
    async fn misdirected(
        &self,
        session: &Session,
        response: &PresentationResponse,
    ) -> Result<Option<Refusal>, VerifierError> {
        if response.request_id == session.request.request_id {
            return Ok(None);
        }
        let Some(meant) = self.parts.storage.session(&response.request_id).await? else {
            return Ok(Some(Refusal::WrongAudience));
        };
        let is_signed = |query: &Query| {
            let presentation = response.presentations.get(&query.id);
            presentation.is_some_and(|presentation| {
                verify_signature(presentation, &meant.request, query).is_ok()
            })
        };
        let other_scope = meant.request.scope() != session.request.scope();
        Ok(Some(if other_scope && meant.request.queries.iter().all(is_signed) {
            Refusal::WrongScope
        } else {
            Refusal::WrongChallenge
        }))
    }

    /// The receipt of an acceptance.
    fn receipt(
        &self,
        request: &PresentationRequest,
        response: &PresentationResponse,
        block: Option<u64>,
        now: u64,
    ) -> Result<Receipt, VerifierError> {
        let hash =
            request_hash(request).map_err(|_| VerifierError::corrupt("a receipt has no JSON"))?;
        Ok(self.receipt_of(request, hash, response, block, now))
    }

    /// The receipt of an acceptance, for a request of this hash.
    pub(crate) fn receipt_of(
        &self,
        request: &PresentationRequest,
        request_hash: Digest,
        response: &PresentationResponse,
        block: Option<u64>,
        now: u64,
    ) -> Receipt {
        Receipt {
            verifier: self.config().client_id.clone(),
            request_id: request.request_id.clone(),
            request_hash,
            scope: request.scope(),
            checks: checks(request, response),
            registry_block: block,
            ledger_grace: false,
            decided_at: now,
            result: ReceiptResult::Accepted,
            reason: None,
        }
    }
}
