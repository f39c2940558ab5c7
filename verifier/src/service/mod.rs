//! The verifier: opens sessions, checks answers, decides.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{Nullifier, WithdrawalKey};
use attestry_credential::CredentialError;
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{
    Digest, Format, Identifier, MAX_QUERIES, Nonce, PresentationRequest, PresentationResponse,
    Query, verify_signature,
};
use attestry_credential::schema::values::Day;
use attestry_ledger::{Account, LedgerError, RegistryClient};
use attestry_service::outbound::Documents;
use attestry_service::{Actor, Database, TenantId};

use crate::check::{Engine, Lane, Ledger, LedgerView, Trust};
use crate::receipt::{checks, request_hash};
use crate::recorder::Recorder;
use crate::session::{Decision, NewSession, Session, SessionStatus, Shown};
use crate::storage::{Check, Verdict};
use crate::studies::{Followed, SCOPE_PREFIX};
use crate::watch::{Change, Watch};
use crate::webhooks::Webhooks;
use crate::{
    AcceptedCircuits, PolicyCatalogue, Receipt, ReceiptKey, ReceiptResult, Refusal, Storage,
    VerifiedPresentation, VerifierConfig, VerifierError,
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

    /// Opens a session.
    ///
    /// # Errors
    /// [`VerifierError::Request`] or [`VerifierError::Presentation`] for what no wallet would
    /// read; [`VerifierError::Policy`] for a policy that cannot be asked with its parameters;
    /// [`VerifierError::Quota`]; those of storage.
    pub async fn open_session(
        &self,
        actor: &Actor,
        asked: NewSession,
    ) -> Result<Session, VerifierError> {
        if asked.scope.purpose.starts_with(SCOPE_PREFIX) {
            return Err(VerifierError::Request {
                field: "purpose",
                rule: "begins as the purposes of studies do",
            });
        }
        let session = self.prepare_session(asked).await?;
        self.parts.storage.add_session(&session, None, &self.config().checks.quota, actor).await?;
        Ok(session)
    }

    /// A session that is not kept yet.
    pub(crate) async fn prepare_session(
        &self,
        asked: NewSession,
    ) -> Result<Session, VerifierError> {
        if !(1..=MAX_QUERIES).contains(&asked.queries.len()) {
            return Err(VerifierError::Request { field: "queries", rule: "are not 1 to 8" });
        }
        let now = self.now();
        for query in &asked.queries {
            check_askable(query, now)?;
        }
        let config = self.config();
        let (id, request_id, nonce) = self.draw()?;
        let request = PresentationRequest {
            response_uri: self.endpoint("responses", &request_id)?,
            request_id,
            client_id: config.client_id.clone(),
            nonce,
            scope: asked.scope,
            queries: asked.queries,
            expires_at: now.saturating_add(config.checks.session_lifetime_s),
            max_age_s: config.checks.max_age_s,
            purpose: asked.purpose,
            format: Format::default(),
            zk_system_type: self.parts.circuits.systems(),
        };
        check_readable(&request)?;
        let delivery = self.delivery(&request, asked.reply, now).await?;
        let count_once = asked.count_once;
        let (created_at, ended, plain) = (now, None, None);
        Ok(Session { id, request, count_once, created_at, delivery, ended, plain })
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

    /// Whether the verifier can decide: a key is loaded, the database and the ledger answer.
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
        Ok(Readiness { ledger_grace: standing.in_grace() })
    }

    pub(crate) fn ledger(&self) -> &LedgerView {
        &self.parts.ledger
    }

    /// What is random about a session: its handle, the id of its request and its nonce.
    pub(crate) fn draw(&self) -> Result<(Identifier, Identifier, Nonce), VerifierError> {
        self.with_rng(|rng| Ok((random_id(rng)?, random_id(rng)?, Nonce::random(rng))))
    }

    /// 128 random bits in 32 hexadecimal digits.
    pub(crate) fn random_id(&self) -> Result<Identifier, VerifierError> {
        self.with_rng(random_id)
    }

    pub(crate) fn with_rng<T>(&self, work: impl FnOnce(&mut Box<dyn SecureRng>) -> T) -> T {
        work(&mut self.parts.rng.lock().unwrap_or_else(PoisonError::into_inner))
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

/// 128 random bits in 32 hexadecimal digits.
pub(crate) fn random_id(rng: &mut Box<dyn SecureRng>) -> Result<Identifier, VerifierError> {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    hex::encode(bytes).parse().map_err(|_| VerifierError::corrupt("an id"))
}

/// Checks that a query can be asked, as far as that is known before the holder fills in what it
/// discloses.
fn check_askable(query: &Query, now: u64) -> Result<(), VerifierError> {
    let today = Day::from_unix(now)
        .map_err(|_| VerifierError::Request { field: "clock", rule: "is past the calendar" })?;
    match query.policy.bind(&query.parameters_on(today), &Disclosed::none()) {
        Err(CredentialError::Invalid { path, .. }) if path.starts_with("disclosed.") => Ok(()),
        bound => Ok(bound.map(|_| ())?),
    }
}

/// Checks that wallets will read the request.
fn check_readable(request: &PresentationRequest) -> Result<(), VerifierError> {
    let json =
        serde_json::to_vec(request).map_err(|_| VerifierError::corrupt("a request has no JSON"))?;
    PresentationRequest::from_json(&json)?;
    Ok(())
}
