//! A ledger, a board, a nurse and a verifier, all under one clock that the test moves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};
use attestry_circuits::registry::{RegistryLeaf, RegistryPath, RegistryRoot};
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::StatusList;
use attestry_circuits::{
    Credential, Header, HolderSecret, IssuerId, Scope, WithdrawalKey, Witness,
};
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{
    ClientId, Digest, Identifier, Presentation, PresentationRequest, PresentationResponse, Query,
    ScopeParts, StatementParts, disclosed_by, rebuild_statement, sign,
};
use attestry_credential::schema::{Schema, Subject};
use attestry_keys::interop::solidity;
use attestry_keys::{KeyStore, Prover};
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{
    Account, Accreditation, ClientOptions, EntryIndex, LedgerClient, RegistryClient,
};
use attestry_service::outbound::{HostRule, Outbound, OutboundConfig};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, TenantId};
use attestry_verifier::webhooks::{SealingKey, Webhooks};
use attestry_verifier::{
    AcceptedCircuits, Decision, NewSession, PolicyCatalogue, ReceiptKey, Refusal, Reply, Session,
    Storage, Verifier, VerifierConfig, VerifierParts,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// 2027-01-15T08:00:00Z.
pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const STUDY: &str = "a study";
/// A URL at which nobody listens.
pub(crate) const HOOK: &str = "http://127.0.0.1:9/hook";
const PURPOSE: &str = "May you practise here?";

pub(crate) struct DevelopmentKeys {
    store: KeyStore,
    prover: Prover,
}

/// Made once for all runs: set-up takes a while.
pub(crate) static KEYS: LazyLock<DevelopmentKeys> = LazyLock::new(|| {
    let (root, mut rng) = (env!("CARGO_TARGET_TMPDIR"), StdRng::seed_from_u64(1));
    let store = KeyStore::insecure_development_keys_below(root, &mut rng).unwrap();
    let prover = Prover::new(store.proving_key().unwrap()).unwrap();
    DevelopmentKeys { store, prover }
});

impl DevelopmentKeys {
    pub(crate) fn verifying_key(&self) -> attestry_keys::VerifyingKey {
        self.store.verifying_key().unwrap()
    }

    /// The verifying key as the contract that checks presentations has it.
    pub(crate) fn verifying_key_words(&self) -> Vec<u8> {
        solidity::verifying_key_words(&self.store.verifying_key().unwrap())
    }
}

pub(crate) fn circuits() -> AcceptedCircuits {
    let circuit_id = KEYS.store.manifest().unwrap().circuit_id;
    AcceptedCircuits::none().with(&circuit_id, KEYS.store.verifying_key().unwrap()).unwrap()
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) database: TestDatabase,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) ledger: EmbeddedLedger,
    pub(crate) registry: RegistryClient,
    pub(crate) member: Account,
    pub(crate) board: Account,
    pub(crate) entry: EntryIndex,
    pub(crate) verifier: Verifier,
    /// The verifier's DID, of [`account`].
    pub(crate) client: ClientId,
    issuer_key: SigningKey,
    rng: Mutex<StdRng>,
}

/// A holder and what the board issued to it.
pub(crate) struct Nurse {
    secret: HolderSecret,
    credential: Credential,
    subject: Subject,
    status_index: u32,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(START));
        let ledger = EmbeddedLedger::open(&folder.path().join("ledger"), {
            let clock = Arc::clone(&clock);
            move || clock.load(Ordering::SeqCst)
        });
        let ledger = ledger.unwrap();
        let client = LedgerClient::embedded(&ledger, ClientOptions::default());
        let mut rng = StdRng::seed_from_u64(7);
        let member = Account::random(&mut rng);
        let board = Account::random(&mut rng);
        let registry =
            RegistryClient::deploy(client, &member, &[member.address()], 1).await.unwrap();
        let issuer_key = SigningKey::random(&mut rng);
        let accreditation = Accreditation {
            issuer: board.address(),
            schema: Schema::ProviderCredential.id(),
            key: issuer_key.verifying_key(),
            accredited_until: START + 10_000_000,
        };
        let entry = registry.accredit(&[&member], &accreditation).await.unwrap();
        let database = TestDatabase::configured().await;
        let client = registry.identities().did(account().address()).await.unwrap();
        let client: ClientId = client.to_string().to_lowercase().parse().unwrap();
        let verifier = verifier(&database, &clock, registry.clone(), &client, |_| {}).await;
        let rng = Mutex::new(rng);
        Self {
            folder,
            ledger,
            database,
            clock,
            registry,
            member,
            board,
            entry,
            verifier,
            client,
            issuer_key,
            rng,
        }
    }

    /// The webhooks of a tenant, which may lead to [`HOOK`].
    pub(crate) async fn webhooks(&self, tenant: &TenantId) -> Webhooks {
        let hosts = vec![HostRule {
            host: "127.0.0.1".to_owned(),
            ports: [9].into_iter().collect(),
            http: true,
            internal: true,
        }];
        let config = OutboundConfig { hosts, ..OutboundConfig::default() };
        let storage = Storage::open(&self.database.url, tenant.clone()).await.unwrap();
        let (key, clock) = (SealingKey::derive(&[7; 32]), self.clock.clone());
        let clock = Arc::new(move || clock.load(Ordering::SeqCst));
        Webhooks::new(storage, key, Outbound::new(&config).unwrap(), clock)
    }

    /// Another verifier process on the same database, configured otherwise.
    pub(crate) async fn verifier_with(
        &self,
        registry: RegistryClient,
        change: impl FnOnce(&mut VerifierParts),
    ) -> Verifier {
        verifier(&self.database, &self.clock, registry, &self.client, change).await
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Flips a bit of the board's status list.
    pub(crate) async fn flip(&self, index: u32) {
        let list = self.registry.status_list(self.entry).await.unwrap();
        self.registry.publish_status(&self.board, self.entry, &list, &[index]).await.unwrap();
    }

    pub(crate) fn nurse(&self, status_index: u32) -> Nurse {
        let value = json!({
            "kind": "licence", "npi": "1003310905", "licenceNumber": "RN 700100",
            "name": "Ines Ortega", "jurisdiction": "TX", "authority": "single-state",
            "licenceType": "RN", "status": "active", "standing": ["unencumbered"],
            "issuedOn": "2018-03-01", "expiresOn": "2027-02-28"
        });
        let subject = Subject::from_json(Schema::ProviderCredential, &value).unwrap();
        let secret = HolderSecret::random(&mut *self.rng.lock().unwrap());
        let salt = [5; 16];
        let header = Header {
            schema: subject.schema().id(),
            issuer_id: IssuerId::from_address(self.board.address().into_array()),
            holder: secret.commitment(),
            status_index,
            valid_from: START - 1_000,
            valid_until: START + 1_000_000,
            salt,
        };
        let credential = Credential { header, claims: subject.claims(&salt).unwrap() };
        Nurse { secret, credential, subject, status_index }
    }

    /// An answer as an honest wallet gives it, against the registry as it is.
    pub(crate) async fn answer(
        &self,
        nurse: &Nurse,
        request: &PresentationRequest,
    ) -> PresentationResponse {
        self.answer_changed(nurse, request, request, |_| {}).await
    }

    /// An answer that proves for one request, is changed, and signed for another.
    pub(crate) async fn answer_changed(
        &self,
        nurse: &Nurse,
        proven: &PresentationRequest,
        signed: &PresentationRequest,
        change: impl Fn(&mut Presentation),
    ) -> PresentationResponse {
        let tree = self.registry.registry_tree().await.unwrap();
        let leaf = self.registry.entry(self.entry).await.unwrap().leaf;
        let list = self.registry.status_list(self.entry).await.unwrap();
        let witness =
            self.witness(nurse, leaf, tree.path(self.entry.as_u32() as usize).unwrap(), &list);
        let mut presentations = BTreeMap::new();
        for query in &proven.queries {
            let rng = &mut *self.rng.lock().unwrap();
            let (mut presentation, key) =
                present(nurse, &witness, proven, query, tree.root(), self.now(), rng);
            change(&mut presentation);
            sign(&mut presentation, signed, query, &key).unwrap();
            presentations.insert(query.id.clone(), presentation);
        }
        PresentationResponse { request_id: signed.request_id.clone(), presentations }
    }

    fn witness(
        &self,
        nurse: &Nurse,
        leaf: RegistryLeaf,
        registry_path: RegistryPath,
        list: &StatusList,
    ) -> Witness {
        Witness {
            holder_secret: nurse.secret.clone(),
            credential: nurse.credential.clone(),
            signature: self.issuer_key.sign(&nurse.credential).unwrap(),
            leaf,
            registry_path,
            status_path: list.path(nurse.status_index).unwrap(),
        }
    }

    /// A session that asks for the state in which the nurse is licensed.
    pub(crate) async fn session(&self) -> Session {
        self.session_of(&self.verifier, 0, false).await
    }

    pub(crate) async fn session_of(
        &self,
        verifier: &Verifier,
        epoch: u64,
        count_once: bool,
    ) -> Session {
        verifier
            .open_session(&Actor::operator(), asked(vec![reveals_state("q1")], epoch, count_once))
            .await
            .unwrap()
    }

    pub(crate) async fn decide(
        &self,
        session: &Session,
        response: &PresentationResponse,
    ) -> Decision {
        self.verifier
            .respond(&Actor::wallet("test"), &session.request.request_id, response)
            .await
            .unwrap()
    }
}

/// The verifier's account.
pub(crate) fn account() -> Account {
    Account::from_bytes(&[0xc1; 32]).unwrap()
}

async fn verifier(
    database: &TestDatabase,
    clock: &Arc<AtomicU64>,
    registry: RegistryClient,
    client: &ClientId,
    change: impl FnOnce(&mut VerifierParts),
) -> Verifier {
    let clock = Arc::clone(clock);
    let mut parts = VerifierParts {
        config: VerifierConfig::new(client.clone(), "http://verifier.example".parse().unwrap()),
        circuits: circuits(),
        policies: PolicyCatalogue::from_folder(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies"),
        )
        .unwrap(),
        registry,
        storage: Storage::open(&database.url, TenantId::default()).await.unwrap(),
        account: account(),
        receipt_key: ReceiptKey::from_seed(&[3; 32]),
        clock: Arc::new(move || clock.load(Ordering::SeqCst)),
        rng: Box::new(ark_std::rand::rngs::OsRng),
    };
    change(&mut parts);
    Verifier::new(parts)
}

fn present(
    nurse: &Nurse,
    witness: &Witness,
    request: &PresentationRequest,
    query: &Query,
    registry_root: RegistryRoot,
    now: u64,
    rng: &mut StdRng,
) -> (Presentation, ed25519_dalek::SigningKey) {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    let parts = StatementParts {
        registry_root,
        now,
        nullifier: nurse.secret.withdrawal_key(&request.scope()).nullifier(),
        disclosed: disclosed_by(query, &nurse.credential, &nurse.subject).unwrap(),
        presentation_key: key.verifying_key().to_bytes(),
    };
    let statement = rebuild_statement(request, query, &parts).unwrap();
    let proof = KEYS.prover.prove_statement(&statement, witness, rng).unwrap().to_bytes();
    let circuit_id: Digest = KEYS.store.manifest().unwrap().circuit_id.parse().unwrap();
    (Presentation { circuit_id, parts, proof, signature: [0; 64] }, key)
}

pub(crate) fn asked(queries: Vec<Query>, epoch: u64, count_once: bool) -> NewSession {
    NewSession {
        queries,
        scope: ScopeParts { purpose: STUDY.to_owned(), epoch },
        purpose: PURPOSE.to_owned(),
        count_once,
        reply: Reply::default(),
        acknowledged: Vec::new(),
    }
}

/// A policy by which the nurse discloses the state.
pub(crate) fn reveals_state(id: &str) -> Query {
    let document = json!({
        "id": "which-state", "version": 1, "title": "Licensed, and where",
        "schema": "ProviderCredential/1",
        "require": [
            { "claim": "status", "op": "eq", "value": "active" },
            { "claim": "jurisdiction", "op": "eq", "reveal": true }
        ]
    });
    query(id, &document, Map::new())
}

pub(crate) fn query(id: &str, document: &Value, parameters: Map<String, Value>) -> Query {
    let policy = PolicyDocument::from_json(document.to_string().as_bytes()).unwrap();
    Query::new(id.parse().unwrap(), policy, parameters).unwrap()
}

pub(crate) fn q1() -> Identifier {
    "q1".parse().unwrap()
}

/// The one presentation of an answer to one query.
pub(crate) fn only(response: &mut PresentationResponse) -> &mut Presentation {
    response.presentations.get_mut(&q1()).unwrap()
}

/// Why an answer was refused.
pub(crate) fn refusal(decision: Decision) -> Refusal {
    match decision {
        Decision::Refused { refusal, .. } => refusal,
        Decision::Accepted { .. } => panic!("it was accepted"),
    }
}

pub(crate) fn is_accepted(decision: &Decision) -> bool {
    matches!(decision, Decision::Accepted { .. })
}

impl Nurse {
    /// What the nurse reveals to withdraw from a scope.
    pub(crate) fn withdrawal_key(&self, scope: &Scope) -> WithdrawalKey {
        self.secret.withdrawal_key(scope)
    }
}
