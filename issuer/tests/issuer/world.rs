//! A ledger governed by one member, and an issuer accredited for both schemas.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::{HolderCommitment, HolderSecret};
use attestry_credential::schema::Schema;
use attestry_credential::w3c::{DidEthr, ResolveError};
use attestry_issuer::{
    CredentialRecord, IssueRequest, Issuer, IssuerConfig, IssuerError, IssuerKeys, ListId, Source,
    Storage, Validity,
};
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{
    Account, Accreditation, ClientOptions, EntryIndex, EthrDid, LedgerClient, RegistryClient,
};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, DatabaseUrl, TenantId};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const START: u64 = 1_790_000_000;
pub(crate) const PUBLIC_URL: &str = "https://board.example";
/// What the bundled licence says of its subject.
pub(crate) const NAME: &str = "Reyes";
pub(crate) const NPI: &str = "1234567893";

pub(crate) struct World {
    folder: TempDir,
    database: TestDatabase,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) public_url: String,
    pub(crate) member: Account,
    pub(crate) registry: RegistryClient,
    pub(crate) entries: BTreeMap<Schema, EntryIndex>,
    pub(crate) rng: StdRng,
    pub(crate) publication_interval_s: u64,
    pub(crate) publication_padding: NonZeroU32,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(START));
        let time = Arc::clone(&clock);
        let ledger = EmbeddedLedger::open(&folder.path().join("ledger"), move || {
            time.load(Ordering::SeqCst)
        });
        let client = LedgerClient::embedded(&ledger.unwrap(), ClientOptions::default());
        let mut rng = StdRng::seed_from_u64(7);
        let member = Account::random(&mut rng);
        let registry =
            RegistryClient::deploy(client, &member, &[member.address()], 1).await.unwrap();
        let entries = BTreeMap::new();
        let mut world = Self {
            folder,
            database: TestDatabase::configured().await,
            clock,
            public_url: PUBLIC_URL.to_owned(),
            member,
            registry,
            entries,
            rng,
            publication_interval_s: 600,
            publication_padding: NonZeroU32::MIN,
        };
        // Somebody else's entry comes first.
        let stranger = IssuerKeys::random(&mut world.rng);
        world.accredit(&stranger, Schema::ProviderCredential).await;
        let keys = world.keys();
        for schema in Schema::ALL {
            let entry = world.accredit(&keys, schema).await;
            world.entries.insert(schema, entry);
        }
        world
    }

    pub(crate) async fn accredit(&self, keys: &IssuerKeys, schema: Schema) -> EntryIndex {
        let accreditation = Accreditation {
            issuer: keys.address(),
            schema: schema.id(),
            key: keys.attestation_key(),
            accredited_until: START + 100_000_000,
        };
        self.registry.accredit(&[&self.member], &accreditation).await.unwrap()
    }

    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn keys(&self) -> IssuerKeys {
        let mut rng = StdRng::seed_from_u64(11);
        IssuerKeys::load_or_create_insecure_development(self.data(), &mut rng).unwrap()
    }

    pub(crate) fn config(&self) -> IssuerConfig {
        let config = IssuerConfig::new(&*self.public_url, self.entries.clone());
        IssuerConfig {
            publication_interval_s: self.publication_interval_s,
            publication_padding: self.publication_padding,
            ..config
        }
    }

    pub(crate) async fn open(&self) -> Issuer {
        self.open_on(self.registry.clone()).await.unwrap()
    }

    pub(crate) async fn open_on(&self, registry: RegistryClient) -> Result<Issuer, IssuerError> {
        self.open_with(self.keys(), registry).await
    }

    pub(crate) async fn open_with(
        &self,
        keys: IssuerKeys,
        registry: RegistryClient,
    ) -> Result<Issuer, IssuerError> {
        let storage = Storage::open(&self.database(), TenantId::default()).await.unwrap();
        let clock = Arc::clone(&self.clock);
        let clock = move || clock.load(Ordering::SeqCst);
        Issuer::open(self.config(), keys, registry, storage, clock).await
    }

    /// Another body's issuer, with keys and an accreditation of its own, in the same database.
    pub(crate) async fn tenant(&mut self, name: &str) -> Issuer {
        let keys = IssuerKeys::random(&mut self.rng);
        let schema = Schema::ProviderCredential;
        let entries = [(schema, self.accredit(&keys, schema).await)].into();
        let config = IssuerConfig::new(format!("{PUBLIC_URL}/t/{name}"), entries);
        let storage = Storage::open(&self.database(), name.parse().unwrap()).await.unwrap();
        let clock = Arc::clone(&self.clock);
        let clock = move || clock.load(Ordering::SeqCst);
        Issuer::open(config, keys, self.registry.clone(), storage, clock).await.unwrap()
    }

    /// The same deployment where nobody answers.
    pub(crate) fn unreachable(&self) -> RegistryClient {
        let client = LedgerClient::http("http://127.0.0.1:1", ClientOptions::default()).unwrap();
        RegistryClient::at(client, *self.registry.deployment())
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn jump_to(&self, time: u64) {
        self.clock.store(time, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn database(&self) -> DatabaseUrl {
        self.database.url.clone()
    }

    pub(crate) fn entry(&self) -> EntryIndex {
        self.entries[&Schema::ProviderCredential]
    }

    /// The licences' list.
    pub(crate) fn list(&self) -> ListId {
        self.entry().into()
    }

    pub(crate) async fn issue(&mut self, issuer: &Issuer) -> CredentialRecord {
        issuer
            .issue(&Actor::operator(), licence_for(holder()), &mut self.rng)
            .await
            .unwrap()
            .credential
    }

    /// The indices that the ledger has set in the licences' list.
    pub(crate) async fn barred_on_ledger(&self) -> Vec<u32> {
        self.registry.status_list(self.entry()).await.unwrap().set_indices()
    }
}

pub(crate) fn practitioner() -> Value {
    serde_json::from_str(include_str!("../../../examples/practitioner.json")).unwrap()
}

pub(crate) fn consent() -> Value {
    serde_json::from_str(include_str!("../../../examples/consent.json")).unwrap()
}

pub(crate) fn holder() -> HolderCommitment {
    HolderSecret::from_bytes(&[5; 32]).unwrap().commitment()
}

pub(crate) fn licence_for(holder: HolderCommitment) -> IssueRequest {
    IssueRequest {
        source: Source::Resource { resource: practitioner(), item: None },
        holder,
        validity: Validity::default(),
        idempotency_key: None,
    }
}

/// Resolves did:ethr by the ledger, as a verifier does.
pub(crate) struct Resolver<'a>(pub(crate) &'a RegistryClient, pub(crate) u64);

impl DidEthr for Resolver<'_> {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let did: EthrDid = did.parse().map_err(|_| ResolveError::NotFound)?;
        let resolution = self.0.identities().resolve(&did, self.1).await;
        let resolution = resolution.map_err(|_| ResolveError::Unavailable)?;
        serde_json::to_value(resolution.document).map_err(|_| ResolveError::NotFound)
    }
}
