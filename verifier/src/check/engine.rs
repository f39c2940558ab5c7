//! The work on proofs: checks that wait at the same time are done as one batch.
//!
//! One thread takes what waits and has rayon's threads work on it; while they do, the next batch
//! gathers. A check that comes alone is done at once, without a batch's overhead. What a batch
//! answers is what each check alone would: see [`PreparedVerifyingKey::verify_statements`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};
use attestry_circuits::Statement;
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{Identifier, UncheckedSignature};
use attestry_keys::{PreparedVerifyingKey, Proof, VerifiedStatement};
use rayon::prelude::*;
use tokio::sync::oneshot;

use super::lanes::{BatchSizes, Lane, Lanes, Room};
use crate::Refusal;
use crate::service::SecureRng;

const SIZES: BatchSizes = BatchSizes { interactive: 64, bulk: 64, bulk_share: 16 };

/// A query's answer whose form and time hold, ready for the pairing.
pub(crate) struct Candidate {
    pub(crate) query: Identifier,
    pub(crate) key: Arc<PreparedVerifyingKey>,
    pub(crate) statement: Statement,
    pub(crate) proof: [u8; Proof::LEN],
    pub(crate) signature: UncheckedSignature,
    pub(crate) disclosed: Disclosed,
}

/// A query's verified answer.
#[derive(Clone)]
pub(crate) struct VerifiedAnswer {
    pub(crate) query: Identifier,
    pub(crate) statement: VerifiedStatement,
    pub(crate) disclosed: Disclosed,
}

type Answer = Result<Vec<VerifiedAnswer>, Refusal>;

struct Job {
    candidates: Vec<Candidate>,
    /// Why the answer is refused already, unless one of its proofs is none.
    refused: Option<Refusal>,
    answer: oneshot::Sender<Answer>,
    _room: Room,
}

/// Handles share the thread, which ends with the last of them.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Handle>);

struct Handle(Arc<Lanes<Job>>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Closes the lanes when the thread ends, however it does.
struct Dispatcher(Arc<Lanes<Job>>);

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Engine {
    /// An engine that has room for so many checks in each lane. The weights of the batches come
    /// from a generator that `rng` seeds, which must be unpredictable.
    pub(crate) fn start(room: usize, rng: &mut Box<dyn SecureRng>) -> Self {
        let lanes = Arc::new(Lanes::new(room, SIZES));
        let dispatcher = Dispatcher(Arc::clone(&lanes));
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let mut rng = StdRng::from_seed(seed);
        let named = thread::Builder::new().name("attestry-checks".into());
        let started = named.spawn(move || {
            while let Some(jobs) = dispatcher.0.take() {
                // What a panic leaves unanswered is interrupted; the next batch is not.
                if catch_unwind(AssertUnwindSafe(|| work(jobs, &mut rng))).is_err() {
                    tracing::error!("a batch of checks panicked");
                }
            }
        });
        if let Err(error) = started {
            // The dispatcher is dropped, and with it the lanes are closed.
            tracing::error!(%error, "the thread of the checks could not be started");
        }
        Self(Arc::new(Handle(lanes)))
    }

    /// Checks the proofs and signatures of an answer, unless `refused` says why it is refused
    /// already; even then proofs that are none come first.
    ///
    /// # Errors
    /// [`Refusal::BadProof`], `refused`, then the first query's [`Refusal::WrongChallenge`],
    /// [`Refusal::NotProven`] or [`Refusal::Altered`]; [`Refusal::Overloaded`],
    /// [`Refusal::Interrupted`].
    pub(crate) async fn prove(
        &self,
        lane: Lane,
        candidates: Vec<Candidate>,
        refused: Option<Refusal>,
    ) -> Answer {
        let lanes = &self.0.0;
        let room = lanes.room(lane).await?;
        let (answer, answered) = oneshot::channel();
        lanes.push(lane, Job { candidates, refused, answer, _room: room });
        answered.await.unwrap_or(Err(Refusal::Interrupted))
    }
}

/// What the parallel part finds out about a candidate.
struct Seen {
    proof: Option<Proof>,
    is_signed: bool,
}

fn work(mut jobs: Vec<Job>, rng: &mut StdRng) {
    // Nobody waits for these any more.
    jobs.retain(|job| !job.answer.is_closed());
    let (answers, candidates): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|job| ((job.answer, job.refused, job._room), job.candidates)).unzip();
    let refused: Vec<bool> = answers.iter().map(|(_, refused, _)| refused.is_some()).collect();
    let results = prove_all(candidates, &refused, rng);
    for ((answer, refused, room), result) in answers.into_iter().zip(results) {
        drop(room);
        let result = match (result, refused) {
            (Err(Refusal::BadProof), _) => Err(Refusal::BadProof),
            (_, Some(refusal)) => Err(refusal),
            (result, None) => result,
        };
        // Whoever has gone needs no answer.
        drop(answer.send(result));
    }
}

/// Answers, in order; of those that are refused already only whether their proofs are proofs.
fn prove_all(jobs: Vec<Vec<Candidate>>, refused: &[bool], rng: &mut StdRng) -> Vec<Answer> {
    let looked_at: Vec<(&Candidate, bool)> = jobs
        .iter()
        .zip(refused)
        .flat_map(|(job, refused)| job.iter().map(move |candidate| (candidate, *refused)))
        .collect();
    let seen: Vec<Seen> = looked_at.par_iter().map(|(one, refused)| one.look(*refused)).collect();
    let mut proven = prove_statements(&looked_at, &seen, rng).into_iter();
    let mut seen = seen.into_iter();
    jobs.into_iter()
        .zip(refused)
        .map(|(job, refused)| {
            let count = job.len();
            let seen: Vec<Seen> = seen.by_ref().take(count).collect();
            let proven: Vec<_> = proven.by_ref().take(count).collect();
            if seen.iter().any(|seen| seen.proof.is_none()) {
                return Err(Refusal::BadProof);
            }
            if *refused {
                return Err(Refusal::Interrupted);
            }
            let parts = job.into_iter().zip(seen).zip(proven);
            parts.map(|((one, seen), proven)| one.concluded(seen.is_signed, proven)).collect()
        })
        .collect()
}

/// The statements that hold, of the candidates that are to be proven, one batch a key.
fn prove_statements(
    candidates: &[(&Candidate, bool)],
    seen: &[Seen],
    rng: &mut StdRng,
) -> Vec<Option<VerifiedStatement>> {
    let mut proven: Vec<Option<VerifiedStatement>> = candidates.iter().map(|_| None).collect();
    let mut keys: Vec<&Arc<PreparedVerifyingKey>> = Vec::new();
    for (candidate, _) in candidates {
        if !keys.iter().any(|key| Arc::ptr_eq(key, &candidate.key)) {
            keys.push(&candidate.key);
        }
    }
    for key in keys {
        let (places, items): (Vec<usize>, Vec<(Statement, &Proof)>) = candidates
            .iter()
            .zip(seen)
            .enumerate()
            .filter(|(_, ((one, refused), _))| !refused && Arc::ptr_eq(&one.key, key))
            .filter_map(|(i, ((one, _), seen))| {
                Some((i, (one.statement.clone(), seen.proof.as_ref()?)))
            })
            .unzip();
        for (place, answer) in places.into_iter().zip(key.verify_statements(items, rng)) {
            proven[place] = answer.ok();
        }
    }
    proven
}

impl Candidate {
    /// Decodes the proof with its subgroup checks, and checks the signature where that matters.
    fn look(&self, refused: bool) -> Seen {
        let (proof, is_signed) = rayon::join(
            || Proof::from_bytes(&self.proof).ok(),
            || !refused && self.signature.verify().is_ok(),
        );
        Seen { proof, is_signed }
    }

    fn concluded(
        self,
        is_signed: bool,
        proven: Option<VerifiedStatement>,
    ) -> Result<VerifiedAnswer, Refusal> {
        match (is_signed, proven) {
            (true, Some(statement)) => {
                let Self { query, disclosed, .. } = self;
                Ok(VerifiedAnswer { query, statement, disclosed })
            }
            (false, Some(_)) => Err(Refusal::WrongChallenge),
            (true, None) => Err(Refusal::NotProven),
            (false, None) => Err(Refusal::Altered),
        }
    }
}
