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

    /// Checks the proofs and signatures of an answer.
    ///
    /// # Errors
    /// [`Refusal::BadProof`], then the first query's [`Refusal::WrongChallenge`],
    /// [`Refusal::NotProven`] or [`Refusal::Altered`]; [`Refusal::Overloaded`],
    /// [`Refusal::Interrupted`].
    pub(crate) async fn prove(&self, lane: Lane, candidates: Vec<Candidate>) -> Answer {
        let lanes = &self.0.0;
        let room = lanes.room(lane).await?;
        let (answer, answered) = oneshot::channel();
        lanes.push(lane, Job { candidates, answer, _room: room });
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
        jobs.into_iter().map(|job| ((job.answer, job._room), job.candidates)).unzip();
    let results = prove_all(candidates, rng);
    for ((answer, room), result) in answers.into_iter().zip(results) {
        drop(room);
        // Whoever has gone needs no answer.
        drop(answer.send(result));
    }
}

/// Answers, in order.
fn prove_all(jobs: Vec<Vec<Candidate>>, rng: &mut StdRng) -> Vec<Answer> {
    let looked_at: Vec<&Candidate> = jobs.iter().flatten().collect();
    let seen: Vec<Seen> = match looked_at.as_slice() {
        // To wake another thread takes longer than it would save.
        [one] => vec![one.look()],
        many => many.par_iter().map(|one| one.look()).collect(),
    };
    let mut proven = prove_statements(&looked_at, &seen, rng).into_iter();
    let mut seen = seen.into_iter();
    jobs.into_iter()
        .map(|job| {
            let count = job.len();
            let seen: Vec<Seen> = seen.by_ref().take(count).collect();
            let proven: Vec<_> = proven.by_ref().take(count).collect();
            if seen.iter().any(|seen| seen.proof.is_none()) {
                return Err(Refusal::BadProof);
            }
            let parts = job.into_iter().zip(seen).zip(proven);
            parts.map(|((one, seen), proven)| one.concluded(seen.is_signed, proven)).collect()
        })
        .collect()
}

/// The statements that hold, one batch a key.
fn prove_statements(
    candidates: &[&Candidate],
    seen: &[Seen],
    rng: &mut StdRng,
) -> Vec<Option<VerifiedStatement>> {
    let mut proven: Vec<Option<VerifiedStatement>> = candidates.iter().map(|_| None).collect();
    let mut keys: Vec<&Arc<PreparedVerifyingKey>> = Vec::new();
    for candidate in candidates {
        if !keys.iter().any(|key| Arc::ptr_eq(key, &candidate.key)) {
            keys.push(&candidate.key);
        }
    }
    for key in keys {
        let (places, items): (Vec<usize>, Vec<(Statement, &Proof)>) = candidates
            .iter()
            .zip(seen)
            .enumerate()
            .filter(|(_, (one, _))| Arc::ptr_eq(&one.key, key))
            .filter_map(|(i, (one, seen))| Some((i, (one.statement.clone(), seen.proof.as_ref()?))))
            .unzip();
        for (place, answer) in places.into_iter().zip(key.verify_statements(items, rng)) {
            proven[place] = answer.ok();
        }
    }
    proven
}

impl Candidate {
    /// Decodes the proof with its subgroup checks, and checks the signature.
    fn look(&self) -> Seen {
        let proof = Proof::from_bytes(&self.proof).ok();
        Seen { proof, is_signed: self.signature.verify().is_ok() }
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
