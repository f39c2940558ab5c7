//! Sessions that ask for W3C credentials as they are: `ldp_vc`.
//!
//! The holder shows each credential in a presentation of its own, with a proof for
//! `authentication` over the session's challenge and for this verifier as the domain. All of them
//! are of one holder, about whom every credential is. Nothing is counted: there is no nullifier.
//! Which issuers to trust is for who asks to say, by the values of the claim `issuer`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use attestry_credential::CredentialError;
use attestry_credential::oid4vp::{
    Asked, AuthorizationRequest, AuthorizationResponse, CLIENT_ID_PREFIX, DcqlQuery, PlainQuery,
};
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{
    Digest, Format, Identifier, PresentationError, PresentationRequest, ScopeParts,
};
use attestry_credential::w3c::{
    DidEthr, ProofPolicy, Refusal as W3cRefusal, ResolveError, Verdict as W3cVerdict,
    expanded_types, verify_presentation,
};
use attestry_service::Actor;
use serde_json::Value;
use sha2::Digest as _;

use crate::delivery::Reply;
use crate::receipt::{Receipt, ReceiptCheck, ReceiptResult};
use crate::session::{Decision, Session, Shown};
use crate::storage::Verdict;
use crate::watch::Change;
use crate::{Refusal, Verifier, VerifierError};

/// What a clinic wants to see.
#[derive(Clone, Debug)]
pub struct NewPlainSession {
    /// The credentials, all in `ldp_vc`.
    pub query: DcqlQuery,
    /// Why it is asked, in words for the holder.
    pub purpose: String,
    /// How the answer is to come.
    pub reply: Reply,
}

/// What a request for plain credentials has in common with one for proofs: all but its queries.
pub(crate) fn envelope(asked: &AuthorizationRequest) -> PresentationRequest {
    PresentationRequest {
        request_id: asked.state.clone(),
        client_id: asked.client_id.clone(),
        response_uri: asked.response_uri.clone(),
        nonce: asked.nonce.clone(),
        scope: ScopeParts { purpose: asked.purpose.clone(), epoch: 0 },
        queries: Vec::new(),
        expires_at: asked.expires_at,
        max_age_s: 0,
        purpose: asked.purpose.clone(),
        format: Format::default(),
        zk_system_type: Vec::new(),
    }
}

impl Verifier {
    /// Opens a session that asks for credentials as they are.
    ///
    /// # Errors
    /// [`VerifierError::Posted`] for what no wallet would read; those of storage.
    pub async fn open_plain_session(
        &self,
        actor: &Actor,
        asked: NewPlainSession,
    ) -> Result<Session, VerifierError> {
        if asked.query.credentials.iter().any(|query| !matches!(query.asked, Asked::Plain(_))) {
            let rule =
                "asks for proofs beside credentials: nothing shows that they are of one holder";
            return Err(VerifierError::Request { field: "dcql_query", rule });
        }
        let now = self.now();
        let (id, request_id, nonce) = self.draw()?;
        let (answer_key, redirect, mode) = self.reply(asked.reply)?;
        let request = AuthorizationRequest {
            client_id: self.config().client_id.clone(),
            response_uri: self.endpoint("responses", &request_id)?,
            response_mode: mode,
            nonce,
            state: request_id,
            issued_at: now,
            expires_at: now.saturating_add(self.config().checks.session_lifetime_s),
            purpose: asked.purpose,
            dcql_query: asked.query,
        };
        AuthorizationRequest::from_claims(&request.to_claims())?;
        let session = Session {
            id,
            request: envelope(&request),
            count_once: false,
            created_at: now,
            delivery: self.signed(&request, answer_key, redirect).await?,
            ended: None,
            plain: Some(request.dcql_query.clone()),
        };
        self.storage().add_session(&session, None, &[], &self.config().checks.quota, actor).await?;
        Ok(session)
    }

    /// Decides about an answer with credentials as they are.
    pub(crate) async fn respond_plainly(
        &self,
        actor: &Actor,
        session: Session,
        query: &DcqlQuery,
        answer: &AuthorizationResponse,
    ) -> Result<Decision, VerifierError> {
        let request_id = session.request.request_id.clone();
        if self.storage().is_answered(&session).await? {
            return Ok(Decision::Refused { refusal: Refusal::Replayed, receipt: None });
        }
        self.watch().tell(&request_id, Change::Received);
        let now = self.now();
        let checked = self.check_plainly(&session, query, answer, now).await;
        if let Err(refusal) = &checked
            && !refusal.is_decision()
        {
            return Ok(Decision::Refused { refusal: refusal.clone(), receipt: None });
        }
        let receipt = self.plain_receipt(&session, query, answer, now)?;
        let checked = checked.map(Shown::Plain);
        // Nothing to count: a claim that could be searched by its values is shown to who asks for it.
        let (questions, quota, actor) = (Vec::new(), self.config().checks.quota, actor.clone());
        let verdict = Verdict { session, checked, questions, quota, receipt, actor };
        let decision = self.record_verdict(verdict).await?;
        self.watch().tell(&request_id, Change::Ended);
        Ok(decision)
    }

    /// Checks an answer: the values of the claims that were asked for, by query.
    async fn check_plainly(
        &self,
        session: &Session,
        query: &DcqlQuery,
        answer: &AuthorizationResponse,
        now: u64,
    ) -> Result<BTreeMap<Identifier, Disclosed>, Refusal> {
        let request = &session.request;
        if answer.state != request.request_id {
            return Err(Refusal::WrongChallenge);
        }
        if now > request.expires_at {
            return Err(Refusal::Expired);
        }
        if answer.vp_token.keys().any(|id| query.credential(id).is_none()) {
            return Err(PresentationError::UnknownQuery.into());
        }
        let policy = ProofPolicy {
            challenge: Some(request.nonce.to_string()),
            domain: Some(format!("{CLIENT_ID_PREFIX}{}", request.client_id)),
            ..ProofPolicy::at(now)
        };
        let mut one_holder = None;
        let mut shown = BTreeMap::new();
        for credential in &query.credentials {
            let Asked::Plain(asked) = &credential.asked else { continue };
            let presentation = answer.presentation(&credential.id);
            let presentation = presentation.map_err(|_| PresentationError::Unanswered)?;
            self.check_presentation(presentation, &policy).await?;
            let holder = presentation["holder"].as_str().ok_or(Refusal::DifferentHolders)?;
            if *one_holder.get_or_insert(holder) != holder {
                return Err(Refusal::DifferentHolders);
            }
            let credential_shown = only_credential(presentation)?;
            if credential_shown["credentialSubject"]["id"] != holder {
                return Err(Refusal::DifferentHolders);
            }
            let types = expanded_types(credential_shown).await;
            let types = types.map_err(|_| Refusal::WrongCredential)?;
            shown.insert(credential.id.clone(), matching(asked, credential_shown, &types)?);
        }
        Ok(shown)
    }

    async fn check_presentation(
        &self,
        presentation: &Value,
        policy: &ProofPolicy,
    ) -> Result<(), Refusal> {
        let ledger = Ledger { verifier: self, away: AtomicBool::new(false) };
        let verdict = Box::pin(verify_presentation(presentation, policy, &ledger, self)).await;
        if ledger.away.load(Ordering::Relaxed) {
            return Err(Refusal::LedgerUnreachable);
        }
        refusal_of(&verdict).map_or(Ok(()), Err)
    }

    fn plain_receipt(
        &self,
        session: &Session,
        query: &DcqlQuery,
        answer: &AuthorizationResponse,
        now: u64,
    ) -> Result<Receipt, VerifierError> {
        let request = &session.request;
        let hash = |bytes: &[u8]| sha2::Sha256::digest(bytes);
        let checks = query.credentials.iter().map(|credential| ReceiptCheck {
            query: credential.id.clone(),
            policy_hash: Digest::from_bytes(credential.hash()),
            registry_root: None,
            proof_hash: answer
                .presentation(&credential.id)
                .ok()
                .map(|presentation| hex::encode(hash(presentation.to_string().as_bytes()))),
        });
        Ok(Receipt {
            verifier: self.config().client_id.clone(),
            request_id: request.request_id.clone(),
            request_hash: Digest::from_bytes(
                hash(session.delivery.signed_request.as_bytes()).into(),
            ),
            scope: request.scope(),
            checks: checks.collect(),
            registry_block: None,
            ledger_grace: false,
            decided_at: now,
            result: ReceiptResult::Accepted,
            reason: None,
        })
    }
}

/// The one credential of a presentation.
fn only_credential(presentation: &Value) -> Result<&Value, Refusal> {
    match &presentation["verifiableCredential"] {
        Value::Array(credentials) => match credentials.as_slice() {
            [one] => Ok(one),
            _ => Err(Refusal::WrongCredential),
        },
        one @ Value::Object(_) => Ok(one),
        _ => Err(Refusal::WrongCredential),
    }
}

/// The values of the claims that are asked for, if the credential is of the types and has them all.
fn matching(
    asked: &PlainQuery,
    credential: &Value,
    types: &[String],
) -> Result<Disclosed, Refusal> {
    let has_all = |set: &Vec<String>| set.iter().all(|wanted| types.contains(wanted));
    if !asked.type_values.iter().any(has_all) {
        return Err(Refusal::WrongCredential);
    }
    asked.claims.iter().try_fold(Disclosed::none(), |disclosed, claim| {
        let value = match claim.select(credential).as_slice() {
            [] => return Err(Refusal::WrongCredential),
            [one] => (*one).clone(),
            several => several.iter().map(|value| (*value).clone()).collect(),
        };
        let name = claim.id.as_ref().map_or_else(|| claim.pointer(), ToString::to_string);
        Ok(disclosed.with(name, value))
    })
}

/// Why a presentation is refused, if it is.
fn refusal_of(verdict: &W3cVerdict) -> Option<Refusal> {
    let finding = verdict.errors.first()?;
    Some(match &finding.error {
        CredentialError::Proof(W3cRefusal::Challenge | W3cRefusal::Domain) => {
            Refusal::WrongChallenge
        }
        _ => Refusal::NotVerified,
    })
}

/// The ledger, and whether it failed to answer.
struct Ledger<'a> {
    verifier: &'a Verifier,
    away: AtomicBool,
}

impl DidEthr for Ledger<'_> {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let document = self.verifier.did_document(did).await;
        if document == Err(ResolveError::Unavailable) {
            self.away.store(true, Ordering::Relaxed);
        }
        document
    }
}
