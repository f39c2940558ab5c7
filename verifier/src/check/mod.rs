//! The check of one answer, from its form to its proofs.
//!
//! Its form and time are checked where it arrives, its root and nullifier against the ledger's
//! [view], its proofs and signatures in the [engine], together with those of others.

mod engine;
mod lanes;
mod view;

use std::fmt;

use attestry_circuits::registry::RegistryRoot;
use attestry_circuits::{Nullifier, Scope, Statement};
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{
    Identifier, Nonce, Presentation, PresentationError, PresentationRequest, PresentationResponse,
    Query, UncheckedSignature, rebuild_statement,
};

use crate::{AcceptedCircuits, Refusal, Snapshot, VerifierConfig};
use engine::{Candidate, VerifiedAnswer};

pub(crate) use engine::Engine;
pub(crate) use lanes::Lane;
pub(crate) use view::{LedgerView, WithdrawalsSeen};

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
    in_grace: bool,
    answers: Vec<VerifiedAnswer>,
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

    /// Whether the ledger gave no answer and this was decided by what it said last, as
    /// [`crate::ChecksConfig::ledger_grace_s`] allows.
    pub fn in_grace(&self) -> bool {
        self.in_grace
    }

    /// The verifier's clock at the check, Unix seconds.
    pub fn checked_at(&self) -> u64 {
        self.checked_at
    }

    /// What the holder disclosed and proved, by query.
    pub fn disclosed(&self) -> impl Iterator<Item = (&Identifier, &Disclosed)> {
        self.answers.iter().map(|answer| (&answer.query, &answer.disclosed))
    }

    /// The statements that were proven, by query.
    pub fn statements(&self) -> impl Iterator<Item = (&Identifier, &Statement)> {
        self.answers.iter().map(|answer| (&answer.query, answer.statement.statement()))
    }
}

/// What roots and nullifiers are looked up in.
#[derive(Clone, Copy)]
pub(crate) enum Ledger<'a> {
    /// The ledger, as it is when the check begins.
    Live(&'a LedgerView),
    /// What a file says of it.
    Snapshot(&'a Snapshot),
}

/// What the ledger is asked about.
struct Anchors {
    roots: Vec<RegistryRoot>,
    nullifier: Option<Nullifier>,
}

impl Anchors {
    fn of(candidates: &[Candidate]) -> Self {
        let mut roots = Vec::new();
        for root in candidates.iter().map(|candidate| candidate.statement.registry_root) {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        // A complete answer has one nullifier.
        Self { roots, nullifier: candidates.first().map(|one| one.statement.nullifier) }
    }
}

/// What the check rests on besides request and answer.
pub(crate) struct Trust<'a> {
    pub(crate) config: &'a VerifierConfig,
    pub(crate) circuits: &'a AcceptedCircuits,
    pub(crate) ledger: Ledger<'a>,
    pub(crate) engine: &'a Engine,
}

impl Trust<'_> {
    /// Checks an answer to a request that this verifier made.
    pub(crate) async fn check(
        &self,
        request: &PresentationRequest,
        response: &PresentationResponse,
        now: u64,
        lane: Lane,
    ) -> Result<VerifiedPresentation, Refusal> {
        if request.client_id != self.config.client_id {
            return Err(Refusal::WrongAudience);
        }
        if now > request.expires_at {
            return Err(Refusal::Expired);
        }
        response.check_complete(request)?;
        let (candidates, refused) = self.prepare_all(request, response, now);
        if candidates.is_empty() {
            return Err(refused.unwrap_or(Refusal::Interrupted));
        }
        let anchors = Anchors::of(&candidates);
        let standing = async {
            match refused {
                None => self.look_up(&anchors, now).await,
                Some(refusal) => Err(refusal),
            }
        };
        // The ledger is asked while the proofs are checked.
        let (standing, proven) = tokio::join!(standing, self.engine.prove(lane, candidates));
        let ((block, in_grace), answers) = match (standing, proven) {
            (Ok(standing), Ok(answers)) => (standing, answers),
            // What is no proof, or was not looked at, is not judged by its standing.
            (
                _,
                Err(refusal @ (Refusal::BadProof | Refusal::Overloaded | Refusal::Interrupted)),
            ) => return Err(refusal),
            (Err(refusal), _) | (_, Err(refusal)) => return Err(refusal),
        };
        // A complete answer has one nullifier.
        let first = answers.first().ok_or(Refusal::Interrupted)?;
        Ok(VerifiedPresentation {
            request_id: request.request_id.clone(),
            nonce: request.nonce.clone(),
            scope: request.scope(),
            nullifier: first.statement.statement().nullifier,
            block,
            checked_at: now,
            in_grace,
            answers,
        })
    }

    /// The queries' answers up to the first that is refused for its form or time, and why it is.
    fn prepare_all(
        &self,
        request: &PresentationRequest,
        response: &PresentationResponse,
        now: u64,
    ) -> (Vec<Candidate>, Option<Refusal>) {
        let mut candidates = Vec::with_capacity(request.queries.len());
        for query in &request.queries {
            let presentation = response.presentations.get(&query.id);
            let presentation = presentation.ok_or(PresentationError::Unanswered.into());
            match presentation.and_then(|found| self.prepare(request, query, found, now)) {
                Ok(candidate) => candidates.push(candidate),
                Err(refusal) => return (candidates, Some(refusal)),
            }
        }
        (candidates, None)
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
        let newest = now.saturating_add(self.config.checks.clock_skew_s);
        if !(oldest..=newest).contains(&presentation.parts.now) {
            return Err(Refusal::Clock);
        }
        Ok(Candidate {
            query: query.id.clone(),
            key,
            statement: rebuild_statement(request, query, &presentation.parts)?,
            proof: presentation.proof,
            signature: UncheckedSignature::of(presentation, request, query),
            disclosed: presentation.parts.disclosed.clone(),
        })
    }

    /// Checks roots and nullifier against the ledger. Says at which block, and whether that was
    /// read within the grace of an outage.
    async fn look_up(&self, anchors: &Anchors, now: u64) -> Result<(u64, bool), Refusal> {
        let Anchors { roots, nullifier } = anchors;
        match self.ledger {
            Ledger::Live(view) => {
                let standing = view.as_of_now().await?;
                for root in roots {
                    standing.check_root(*root, now).await?;
                }
                if let Some(nullifier) = nullifier {
                    standing.check_not_withdrawn(*nullifier)?;
                }
                Ok((standing.block(), standing.in_grace()))
            }
            Ledger::Snapshot(snapshot) => {
                for root in roots {
                    snapshot.check_root(*root, now, &self.config.checks)?;
                }
                if let Some(nullifier) = nullifier {
                    snapshot.check_not_withdrawn(*nullifier)?;
                }
                Ok((snapshot.block(), false))
            }
        }
    }
}
