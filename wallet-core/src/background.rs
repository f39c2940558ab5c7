//! Keeping the pool filled while the wallet does other things.

use crate::pool::{Prepared, Topic};
use crate::prepare::ProofTask;
use crate::{CircuitProver, RegistryView, VaultStore, Wallet, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// A thread that proves what the pool lacks.
///
/// The wallet and its store stay with the caller: [`Refiller::refill`] takes in what was proven
/// since and hands out what is missing, without waiting. On drop the proof under way is finished
/// and thrown away; its one-time key was never stored.
#[derive(Debug)]
pub struct Refiller {
    prover: Arc<CircuitProver>,
    /// None once it is dropped.
    tasks: Option<SyncSender<ProofTask>>,
    proofs: Receiver<Result<Prepared, WalletError>>,
    /// What the thread was given and has not been taken in, in order.
    under_way: VecDeque<Topic>,
    /// How much may be under way.
    queue: usize,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Refiller {
    /// Starts the thread. At most `queue` proofs, at least one, are under way at a time.
    ///
    /// # Errors
    /// [`WalletError::Thread`] if the system gives no thread.
    pub fn start(
        prover: Arc<CircuitProver>,
        queue: usize,
        mut rng: impl RngCore + CryptoRng + Send + 'static,
    ) -> Result<Self, WalletError> {
        let queue = queue.max(1);
        let (tasks, given) = sync_channel::<ProofTask>(queue);
        let (done, proofs) = sync_channel(queue);
        let ended = Arc::new(AtomicBool::new(false));
        let (end, with) = (Arc::clone(&ended), Arc::clone(&prover));
        let work = move || {
            for task in given {
                if end.load(Ordering::Relaxed) || done.send(task.prove(&with, &mut rng)).is_err() {
                    return;
                }
            }
        };
        let thread =
            Builder::new().name("refill".to_owned()).spawn(work).map_err(WalletError::Thread)?;
        let (tasks, thread) = (Some(tasks), Some(thread));
        Ok(Self { prover, tasks, proofs, under_way: VecDeque::new(), queue, ended, thread })
    }

    /// Stores the proofs that are done, drops stale ones and hands out what is missing. Does not
    /// wait for a proof; call it after each use of the wallet and from time to time.
    ///
    /// # Errors
    /// [`WalletError::Key`] if a proof failed; [`WalletError::Store`] if the store failed;
    /// [`WalletError::Thread`] if the thread is gone.
    pub fn refill(
        &mut self,
        wallet: &mut Wallet,
        store: &mut impl VaultStore,
        view: &RegistryView<'_>,
        now: u64,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        while let Ok(proof) = self.proofs.try_recv() {
            self.take_in(proof, wallet, store, rng)?;
        }
        wallet.drop_stale(view, now);
        while self.under_way.len() < self.queue {
            let under_way = self.under_way.make_contiguous();
            let missing = wallet.missing_proof(view, &self.prover, now, under_way, rng);
            let Some(task) = missing else { break };
            let topic = task.topic;
            let tasks = self.tasks.as_ref().ok_or_else(gone)?;
            tasks.send(task).map_err(|_| gone())?;
            self.under_way.push_back(topic);
        }
        Ok(())
    }

    /// Waits for the proofs that are under way and stores them.
    ///
    /// # Errors
    /// Those of [`Refiller::refill`].
    pub fn settle(
        &mut self,
        wallet: &mut Wallet,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        while !self.under_way.is_empty() {
            let proof = self.proofs.recv().map_err(|_| gone())?;
            self.take_in(proof, wallet, store, rng)?;
        }
        Ok(())
    }

    fn take_in(
        &mut self,
        proof: Result<Prepared, WalletError>,
        wallet: &mut Wallet,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        self.under_way.pop_front();
        wallet.put(proof?, store, rng)
    }
}

impl Drop for Refiller {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.tasks = None;
        // A thread that panicked is gone all the same.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn gone() -> WalletError {
    WalletError::Thread(std::io::ErrorKind::BrokenPipe.into())
}
