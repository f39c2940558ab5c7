//! The check of one answer, from its form to its proofs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use attestry_circuits::registry::RegistryRoot;
use attestry_circuits::{Nullifier, Scope, Statement};
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{
    Identifier, Nonce, Presentation, PresentationError, PresentationRequest, PresentationResponse,
    Query, rebuild_statement, verify_signature,
};
use attestry_keys::{PreparedVerifyingKey, Proof, VerifiedStatement};
use attestry_ledger::RegistryClient;

use crate::root::{check_not_withdrawn, check_root};
use crate::{AcceptedCircuits, Refusal, VerifierConfig};

/// An answer of which everything holds but what only storage knows: whether its challenge has
/// been answered, and whether its holder has withdrawn or been counted. Only
/// [`Verifier::check`](crate::Verifier::check) makes one, and storage accepts nothing else.
#[derive(Clone)]
pub struct VerifiedPresentation {
    request_id: Identifier,
    nonce: Nonce,
    scope: Scope,
    nullifier: Nullifier,
    block: u64,
    checked_at: u64,
    answers: BTreeMap<Identifier, VerifiedAnswer>,
}

/// One query's verified answer.
#[derive(Clone)]
struct VerifiedAnswer {
    statement: VerifiedStatement,
    disclosed: Disclosed,
}

impl fmt::Debug for VerifiedPresentation {
    /// Without the statements, whose operands include what the holder disclosed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedPresentation")
            .field("request_id", &self.request_id)
            .field("block", &self.block)
            .field("checked_at", &self.checked_at)
            .finish_non_exhaustive()
    }
}

impl VerifiedPresentation {
    /// The request that was answered.
    pub fn request_id(&self) -> &Identifier {
        &self.request_id
    }

    /// The request's challenge.
    pub fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// What the nullifier is for.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The holder under this scope.
    pub fn nullifier(&self) -> Nullifier {
        self.nullifier
    }

    /// Block at which the registry was read.
    pub fn block(&self) -> u64 {
        self.block
    }

    /// The verifier's clock at the check, Unix seconds.
    pub fn checked_at(&self) -> u64 {
        self.checked_at
    }

    /// What the holder disclosed and proved, by query.
    pub fn disclosed(&self) -> impl Iterator<Item = (&Identifier, &Disclosed)> {
        self.answers.iter().map(|(query, answer)| (query, &answer.disclosed))
    }

    /// The statements that were proven, by query.
    pub fn statements(&self) -> impl Iterator<Item = (&Identifier, &Statement)> {
        self.answers.iter().map(|(query, answer)| (query, answer.statement.statement()))
    }
}

/// What the check reads besides request and answer.
pub(crate) struct Trust<'a> {
    pub(crate) config: &'a VerifierConfig,
    pub(crate) circuits: &'a AcceptedCircuits,
    pub(crate) registry: &'a RegistryClient,
}

/// An answer whose form and time hold, ready for the pairing.
struct Candidate {
    query: Identifier,
    key: Arc<PreparedVerifyingKey>,
    statement: Statement,
    proof: Proof,
    disclosed: Disclosed,
    is_signed: bool,
}

impl Trust<'_> {
    /// Checks an answer to a request that this verifier made.
    pub(crate) async fn check(
        &self,
        request: &PresentationRequest,
        response: &PresentationResponse,
        now: u64,
    ) -> Result<VerifiedPresentation, Refusal> {
        if request.client_id != self.config.client_id {
            return Err(Refusal::WrongAudience);
        }
        if now > request.expires_at {
            return Err(Refusal::Expired);
        }
        response.check_complete(request)?;
        let mut candidates = Vec::new();
        for query in &request.queries {
            let presentation = response.presentations.get(&query.id);
            let presentation = presentation.ok_or(PresentationError::Unanswered)?;
            candidates.push(self.prepare(request, query, presentation, now)?);
        }

        let mut roots: Vec<RegistryRoot> = Vec::new();
        let mut block = u64::MAX;
        for root in candidates.iter().map(|candidate| candidate.statement.registry_root) {
            if !roots.contains(&root) {
                block = block.min(check_root(self.registry, root, self.config, now).await?);
                roots.push(root);
            }
        }

        // A complete answer has one nullifier.
        if let Some(candidate) = candidates.first() {
            check_not_withdrawn(self.registry, candidate.statement.nullifier).await?;
        }

        let proven = tokio::task::spawn_blocking(move || prove_all(candidates));
        let answers = proven.await.map_err(|_| Refusal::Interrupted)??;
        let first = answers.values().next().ok_or(Refusal::Interrupted)?;
        Ok(VerifiedPresentation {
            request_id: request.request_id.clone(),
            nonce: request.nonce.clone(),
            scope: request.scope(),
            nullifier: first.statement.statement().nullifier,
            block,
            checked_at: now,
            answers,
        })
    }

    fn prepare(
        &self,
        request: &PresentationRequest,
        query: &Query,
        presentation: &Presentation,
        now: u64,
    ) -> Result<Candidate, Refusal> {
        let circuit = &presentation.circuit_id;
        let key = request.system_of(circuit).and_then(|_| self.circuits.key(circuit));
        let key = key.ok_or(Refusal::UnknownCircuit)?;

        let oldest = now.saturating_sub(request.max_age_s);
        let newest = now.saturating_add(self.config.clock_skew_s);
        if !(oldest..=newest).contains(&presentation.parts.now) {
            return Err(Refusal::Clock);
        }
        Ok(Candidate {
            query: query.id.clone(),
            key,
            statement: rebuild_statement(request, query, &presentation.parts)?,
            proof: Proof::from_bytes(&presentation.proof).map_err(|_| Refusal::BadProof)?,
            disclosed: presentation.parts.disclosed.clone(),
            is_signed: verify_signature(presentation, request, query).is_ok(),
        })
    }
}

/// The pairings: milliseconds of work, off the async threads.
fn prove_all(candidates: Vec<Candidate>) -> Result<BTreeMap<Identifier, VerifiedAnswer>, Refusal> {
    candidates.into_iter().map(Candidate::prove).collect()
}

impl Candidate {
    fn prove(self) -> Result<(Identifier, VerifiedAnswer), Refusal> {
        let proven = self.key.verify_statement(self.statement, &self.proof);
        match (self.is_signed, proven) {
            (true, Ok(statement)) => {
                Ok((self.query, VerifiedAnswer { statement, disclosed: self.disclosed }))
            }
            (false, Ok(_)) => Err(Refusal::WrongChallenge),
            (true, Err(_)) => Err(Refusal::NotProven),
            (false, Err(_)) => Err(Refusal::Altered),
        }
    }
}
