//! An EVM ledger in this process: the same contracts and the same JSON-RPC as any chain, kept in one file.
//!
//! One writer makes the blocks. A block is one atomic transaction of the store and is on disk before a sender hears
//! of it; what arrives meanwhile goes into the next one. Gas is free. Only the latest state is kept, with all blocks,
//! transactions, receipts and logs, from which [`verify`] makes the state anew.

mod block;
mod jsonrpc;
mod replay;
mod rpc;
mod server;
mod state;
mod status;
mod store;
mod submit;
mod transport;
mod verify;
mod view;

pub use server::ServeLimits;
pub use status::EmbeddedStatus;
pub use transport::EmbeddedTransport;
pub use verify::{Damage, Verification, verify};

use crate::LedgerError;
use block::SealedBlock;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use store::{BlockWriter, Store, StoreError};
use submit::Submission;
use view::View;

/// The chain id of the embedded ledger.
pub const EMBEDDED_CHAIN_ID: u64 = 1_337_000;
/// The file inside the ledger's folder.
const FILE: &str = "ledger.redb";

/// Where block times come from: Unix seconds.
pub trait Clock: Send + Sync + 'static {
    /// The time now, Unix seconds.
    fn now(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Clock for F {
    fn now(&self) -> u64 {
        self()
    }
}

/// The embedded ledger. Clones share it; the last one closes the file.
#[derive(Clone)]
pub struct EmbeddedLedger {
    inner: Arc<Inner>,
}

struct Inner {
    file: PathBuf,
    clock: Box<dyn Clock>,
    /// Arrived, not yet in a block.
    arrived: Mutex<Vec<Submission>>,
    /// Held by whoever makes blocks.
    making: Mutex<()>,
    /// The latest block. It is dropped before the store, of which it holds a snapshot.
    view: RwLock<Arc<View>>,
    store: Store,
}

impl std::fmt::Debug for EmbeddedLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedLedger").finish_non_exhaustive()
    }
}

impl EmbeddedLedger {
    /// Opens the ledger in a folder, or makes a new one there.
    ///
    /// # Errors
    /// [`LedgerError::AlreadyOpen`] if another process or handle has it; [`LedgerError::Format`] if another version
    /// wrote it; [`LedgerError::Corrupt`], [`LedgerError::Storage`] if the folder cannot be used.
    pub fn open(folder: &Path, clock: impl Clock) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(folder).map_err(|error| LedgerError::Storage(error.to_string()))?;
        let file = folder.join(FILE);
        let store = Store::open(&file)?;
        if store.snapshot()?.latest_number()?.is_none() {
            let transaction = store.begin()?;
            BlockWriter::open(&transaction)?.put(&SealedBlock::genesis(clock.now())?)?;
            store::commit(transaction)?;
        }
        let view = RwLock::new(Arc::new(View::of(&store)?));
        let (arrived, making) = (Mutex::default(), Mutex::default());
        let ledger = Self {
            inner: Arc::new(Inner { file, clock: Box::new(clock), arrived, making, view, store }),
        };
        ledger.make_blocks_of_queued()?;
        Ok(ledger)
    }

    /// Whether a folder holds an embedded ledger.
    pub fn exists(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// The latest block.
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.inner.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sees what was written last.
    fn renew_view(&self) -> Result<Arc<View>, StoreError> {
        let view = Arc::new(View::of(&self.inner.store)?);
        *self.inner.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&view);
        Ok(view)
    }

    fn now(&self) -> u64 {
        self.inner.clock.now()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
