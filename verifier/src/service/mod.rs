//! The verifier: what it is made of, and what it says of itself.

mod decide;
mod open;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{Nullifier, WithdrawalKey};
use attestry_credential::presentation::Identifier;
use attestry_ledger::{Account, LedgerError, RegistryClient};
use attestry_service::outbound::Documents;
use attestry_service::{Actor, Database, TenantId};

use crate::check::{Engine, LedgerView};
use crate::recorder::Recorder;
use crate::session::{Session, SessionStatus};
use crate::storage::{Check, Verdict};
use crate::studies::Followed;
use crate::watch::Watch;
use crate::webhooks::Webhooks;
use crate::{
    AcceptedCircuits, PolicyCatalogue, ReceiptKey, Storage, VerifierConfig, VerifierError,
};

/// Unix seconds, from whoever runs the verifier.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A cryptographic source of randomness that may move between threads.
pub trait SecureRng: RngCore + CryptoRng + Send {}

impl<R: RngCore + CryptoRng + Send> SecureRng for R {}

/// What a verifier is made of.
pub struct VerifierParts {
    /// Who it is, and how strict.
    pub config: VerifierConfig,
    /// The circuits whose proofs it accepts.
    pub circuits: AcceptedCircuits,
    /// The policies that [`Verifier::load_policies`] publishes.
    pub policies: PolicyCatalogue,
    /// The root of trust.
    pub registry: RegistryClient,
    /// Sessions, nonces, nullifiers, decisions.
    pub storage: Storage,
    /// The account of the client id's DID, which signs requests.
    pub account: Account,
    /// Signs the receipts.
    pub receipt_key: ReceiptKey,
    /// The time.
    pub clock: Clock,
    /// Challenges and ids.
    pub rng: Box<dyn SecureRng>,
}

/// A verifier. Clones share everything.
#[derive(Clone)]
pub struct Verifier {
    parts: Arc<Shared>,
    documents: Option<Documents>,
    webhooks: Option<Webhooks>,
}

struct Shared {
    config: VerifierConfig,
    circuits: AcceptedCircuits,
    policies: PolicyCatalogue,
    ledger: LedgerView,
    engine: Engine,
    storage: Storage,
    account: Account,
    receipt_key: Arc<ReceiptKey>,
    sessions: Recorder<Verdict>,
    checks: Recorder<Check>,
    watch: Watch,
    followed: Followed,
    clock: Clock,
    rng: Mutex<Box<dyn SecureRng>>,
}

/// How a verifier that can decide does so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the ledger gives no answer, and what it said last is decided by.
    pub ledger_grace: bool,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("config", &self.parts.config).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier of these parts. Nothing is contacted; the thread of the checks is started.
    pub fn new(parts: VerifierParts) -> Self {
        let VerifierParts {
            config,
            circuits,
            policies,
            registry,
            storage,
            account,
            receipt_key,
            clock,
            mut rng,
        } = parts;
        let receipt_key = Arc::new(receipt_key);
        let sessions = Recorder::new(storage.clone(), Arc::clone(&receipt_key));
        let checks = Recorder::new(storage.clone(), Arc::clone(&receipt_key));
        let ledger = LedgerView::new(registry, &config.checks, Arc::clone(&clock));
        let engine = Engine::start(config.checks.max_waiting_checks, &mut rng);
        let rng = Mutex::new(rng);
        let watch = Watch::default();
        let shared = Shared {
            config,
            circuits,
            policies,
            ledger,
            engine,
            storage,
            account,
            receipt_key,
            sessions,
            checks,
            watch,
            followed: Followed::default(),
            clock,
            rng,
        };
        Self { parts: Arc::new(shared), documents: None, webhooks: None }
    }

    /// The same verifier, which has the documents of `did:web` and the contexts of W3C credentials
    /// fetched that are of listed hosts. Without this, none is fetched.
    #[must_use]
    pub fn fetching(self, documents: Documents) -> Self {
        Self { documents: Some(documents), ..self }
    }

    /// The same verifier, with webhooks that tell of what it decides. Without this, nobody is told.
    #[must_use]
    pub fn telling(self, webhooks: Webhooks) -> Self {
        Self { webhooks: Some(webhooks), ..self }
    }

    /// Who is told of what it decides.
    pub(crate) fn webhooks(&self) -> Option<&Webhooks> {
        self.webhooks.as_ref()
    }

    /// What fetches documents, if any may be fetched.
    pub(crate) fn documents(&self) -> Option<&Documents> {
        self.documents.as_ref()
    }

    /// Who the verifier is, and how strict.
    pub fn config(&self) -> &VerifierConfig {
        &self.parts.config
    }

    /// The policies that it publishes when it starts.
    pub(crate) fn catalogue(&self) -> &PolicyCatalogue {
        &self.parts.policies
    }

    /// For whom it works.
    pub fn tenant(&self) -> &TenantId {
        self.parts.storage.tenant()
    }

    /// The database, which other tenants may share.
    pub fn database(&self) -> &Database {
        self.parts.storage.database()
    }

    pub(crate) fn registry(&self) -> &RegistryClient {
        self.parts.ledger.registry()
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.parts.storage
    }

    pub(crate) fn account(&self) -> &Account {
        &self.parts.account
    }

    pub(crate) fn followed(&self) -> &Followed {
        &self.parts.followed
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.parts.watch
    }

    /// The Ed25519 key, 32 bytes, that its receipts are checked with.
    pub fn receipt_verifying_key(&self) -> [u8; 32] {
        self.parts.receipt_key.verifying_key()
    }

    /// The time by the verifier's clock, Unix seconds.
    pub fn now(&self) -> u64 {
        (self.parts.clock)()
    }

    /// The session in which a wallet was sent this request.
    ///
    /// # Errors
    /// [`VerifierError::UnknownSession`]; those of storage.
    pub async fn session(&self, request_id: &Identifier) -> Result<Session, VerifierError> {
        let session = self.parts.storage.session(request_id).await?;
        session.ok_or(VerifierError::UnknownSession)
    }

    /// What became of the session of this handle.
    ///
    /// # Errors
    /// [`VerifierError::UnknownSession`]; those of storage.
    pub async fn outcome(
        &self,
        id: &Identifier,
    ) -> Result<(Session, SessionStatus), VerifierError> {
        let outcome = self.parts.storage.outcome(id, self.now()).await?;
        outcome.ok_or(VerifierError::UnknownSession)
    }

    /// Takes a withdrawal: whoever reveals the key withdraws its holder from its scope, for good.
    /// It may be relayed and repeated.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn withdraw(
        &self,
        actor: &Actor,
        key: &WithdrawalKey,
    ) -> Result<Nullifier, VerifierError> {
        let nullifier = key.nullifier();
        self.parts.storage.withdraw(&nullifier, actor, self.now()).await?;
        Ok(nullifier)
    }

    /// Whether the verifier can ask and decide: a key is loaded, the database and the ledger answer,
    /// and wallets take what its account signs. Whose the account's DID is cannot be known while
    /// the ledger is decided without.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check_ready(&self) -> Result<Readiness, VerifierError> {
        if self.parts.circuits.systems().is_empty() {
            return Err(VerifierError::NoCircuit);
        }
        self.database().ping().await?;
        let standing = self.parts.ledger.as_of_now().await;
        let standing = standing.map_err(|_| LedgerError::Unreachable)?;
        if !standing.in_grace() {
            self.check_account().await?;
        }
        Ok(Readiness { ledger_grace: standing.in_grace() })
    }

    pub(crate) fn ledger(&self) -> &LedgerView {
        &self.parts.ledger
    }

    /// 128 random bits in 32 hexadecimal digits.
    pub(crate) fn random_id(&self) -> Result<Identifier, VerifierError> {
        self.with_rng(random_id)
    }

    pub(crate) fn with_rng<T>(&self, work: impl FnOnce(&mut Box<dyn SecureRng>) -> T) -> T {
        work(&mut self.parts.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// 128 random bits in 32 hexadecimal digits.
pub(crate) fn random_id(rng: &mut Box<dyn SecureRng>) -> Result<Identifier, VerifierError> {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    hex::encode(bytes).parse().map_err(|_| VerifierError::corrupt("an id"))
}
