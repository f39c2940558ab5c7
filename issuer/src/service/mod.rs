//! What an issuer does. Knows neither HTTP nor SQL.

mod issue;
mod standing;

pub use issue::Issued;
pub(crate) use issue::{DRAWS, Order};

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use attestry_credential::schema::Schema;
use attestry_ledger::embedded::Clock;
use attestry_ledger::{EntryIndex, EthrDid, RegistryClient};
use attestry_service::{Actor, Database, TenantId, audit};

use crate::epochs::EpochEntry;
use crate::identity::Published;
use crate::record::{CredentialId, CredentialRecord, ListId};
use crate::storage::Storage;
use crate::{IssuerError, IssuerKeys, identity};

const DEFAULT_PADDING: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// How an issuer is set up.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// Where this service is reached from outside, without a slash at the end; status lists are
    /// named by it, so it never changes.
    pub public_url: String,
    /// The registry entry under which each schema is issued: that of the latest epoch of the keys
    /// to which the consortium gave one. Those of earlier epochs are remembered.
    pub entries: BTreeMap<Schema, EntryIndex>,
    /// Validity of a credential that does not itself say when it ends.
    pub default_validity_s: u64,
    /// Length of a publication window; windows are counted from 1970.
    pub publication_interval_s: u64,
    /// The flips of a publication are made up to a multiple of this by decoys, so that the ledger
    /// does not tell how many credentials changed. 1: no decoys.
    pub publication_padding: NonZeroU32,
    /// How long a verifier may rely on a published status list.
    pub status_list_validity_s: u64,
    /// How long the keys stand in the DID document.
    pub did_key_validity_s: u64,
    /// The issuer's name as wallets show it.
    pub display_name: Option<String>,
}

impl IssuerConfig {
    /// Validity of one year, windows of ten minutes, flips by eight, lists for a day, keys for ten
    /// years.
    pub fn new(public_url: impl Into<String>, entries: BTreeMap<Schema, EntryIndex>) -> Self {
        const DAY_S: u64 = 86_400;
        const YEAR_S: u64 = 365 * DAY_S;
        Self {
            public_url: public_url.into(),
            entries,
            default_validity_s: YEAR_S,
            publication_interval_s: 600,
            publication_padding: DEFAULT_PADDING,
            status_list_validity_s: DAY_S,
            did_key_validity_s: 10 * YEAR_S,
            display_name: None,
        }
    }
}

/// An issuer. Clones share it.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    config: IssuerConfig,
    keys: IssuerKeys,
    did: String,
    entries: Vec<EpochEntry>,
    registry: RegistryClient,
    storage: Storage,
    clock: Box<dyn Clock>,
    publishing: tokio::sync::Mutex<()>,
    importing: tokio::sync::Notify,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("did", &self.did()).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Opens an issuer: publishes its keys in its DID document if they are not there, checks its
    /// registry entries, and compares the ledger's status lists with its own. If the ledger does
    /// not answer, an issuer that was open on it before starts all the same.
    ///
    /// # Errors
    /// [`IssuerError::ForeignEntry`] if an entry is not of this issuer, key and schema;
    /// [`IssuerError::ForeignStorage`]; [`IssuerError::Ledger`]; [`IssuerError::Database`].
    pub async fn open(
        config: IssuerConfig,
        keys: IssuerKeys,
        registry: RegistryClient,
        storage: Storage,
        clock: impl Clock,
    ) -> Result<Self, IssuerError> {
        let (known, now) = (storage.did().await?, clock.now());
        let ended = storage.epochs().await?.into_iter().filter(|epoch| epoch.ended.is_some());
        let ended: Vec<_> = ended.map(|epoch| epoch.keys.epoch).collect();
        let published =
            identity::publish(&registry, &keys, &ended, config.did_key_validity_s, now).await;
        let (did, reached) = match (published, known) {
            (Ok(Published { did, .. }), Some(known)) if known != did => {
                return Err(IssuerError::ForeignStorage);
            }
            (Ok(Published { did, epochs }), _) => {
                storage.set_did(&did).await?;
                for (keys, vc_key_id) in &epochs {
                    storage.note_epoch(keys, vc_key_id, now).await?;
                }
                (did, true)
            }
            (Err(error), Some(known)) if is_absence(&error) => {
                let did = known.parse::<EthrDid>();
                if did.is_ok_and(|did| did.address() != keys.address()) {
                    return Err(IssuerError::ForeignStorage);
                }
                tracing::warn!(%error, "starting without the ledger");
                (known, false)
            }
            (Err(error), _) => return Err(error),
        };
        if reached {
            note_entries(&config, &keys, &registry, &storage).await?;
        }
        let entries = storage.epoch_entries().await?;
        let publishing = tokio::sync::Mutex::new(());
        let clock = Box::new(clock);
        let importing = tokio::sync::Notify::new();
        let inner =
            Inner { config, keys, did, entries, registry, storage, clock, publishing, importing };
        let issuer = Self { inner: Arc::new(inner) };
        if reached {
            for entry in issuer.entries() {
                issuer.reconcile(entry).await?;
            }
        }
        Ok(issuer)
    }

    /// The issuer's did:ethr identifier.
    pub fn did(&self) -> &str {
        &self.inner.did
    }

    /// Whose issuer this is.
    pub fn tenant(&self) -> &TenantId {
        self.storage().tenant()
    }

    /// The database, in which the API keys and the audit log are, too.
    pub fn database(&self) -> &Database {
        self.storage().database()
    }

    /// The registry entry under which a schema is issued now.
    ///
    /// # Errors
    /// [`IssuerError::NotAccredited`]; [`IssuerError::Database`].
    pub async fn entry(&self, schema: Schema) -> Result<EntryIndex, IssuerError> {
        Ok(self.issuing(schema).await?.entry)
    }

    /// A credential, for somebody: that they read it is noted.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::Database`].
    pub async fn read(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<CredentialRecord, IssuerError> {
        let credential = self.credential(id).await?;
        let object = id.to_string();
        let action = "credential.read";
        let event = audit::Event { actor, action, object: Some(&object), details: &[] };
        self.storage().note(self.now(), &event).await?;
        Ok(credential)
    }

    /// A credential, for the service's own use.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::Database`].
    pub async fn credential(&self, id: CredentialId) -> Result<CredentialRecord, IssuerError> {
        self.storage().credential(id).await
    }

    /// Changes of status that the ledger is still to hear of.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn pending(&self) -> Result<u64, IssuerError> {
        self.storage().pending_count().await
    }

    /// Checks that the database and the ledger answer.
    ///
    /// # Errors
    /// [`IssuerError::Database`], [`IssuerError::Ledger`].
    pub async fn ready(&self) -> Result<(), IssuerError> {
        self.storage().database().ping().await?;
        self.registry().ledger().block_number().await?;
        Ok(())
    }

    pub(crate) fn config(&self) -> &IssuerConfig {
        &self.inner.config
    }

    pub(crate) fn keys(&self) -> &IssuerKeys {
        &self.inner.keys
    }

    pub(crate) fn registry(&self) -> &RegistryClient {
        &self.inner.registry
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// The time by the issuer's clock, Unix seconds.
    pub fn now(&self) -> u64 {
        self.inner.clock.now()
    }

    /// The registry entries of all epochs.
    pub(crate) fn epoch_entries(&self) -> &[EpochEntry] {
        &self.inner.entries
    }

    /// The registry entries, whose lists stand on the ledger; each once.
    pub(crate) fn entries(&self) -> impl Iterator<Item = EntryIndex> {
        let entries = self.inner.entries.iter().map(|entry| entry.entry);
        entries.collect::<BTreeSet<_>>().into_iter()
    }

    /// All status lists.
    pub(crate) async fn lists(&self) -> Result<Vec<ListId>, IssuerError> {
        let by_key = self.epochs().await?.into_iter();
        let by_key = by_key.map(|epoch| ListId::PlainByKey(epoch.keys.epoch));
        Ok(self.entries().map(ListId::Entry).chain([ListId::Plain]).chain(by_key).collect())
    }

    /// Where workers wait for imports.
    pub(crate) fn importing(&self) -> &tokio::sync::Notify {
        &self.inner.importing
    }

    pub(crate) async fn publishing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.publishing.lock().await
    }
}

/// Notes to which epoch each configured entry belongs: the one whose key it has.
async fn note_entries(
    config: &IssuerConfig,
    keys: &IssuerKeys,
    registry: &RegistryClient,
    storage: &Storage,
) -> Result<(), IssuerError> {
    let epochs = storage.epochs().await?;
    for (&schema, &entry) in &config.entries {
        let leaf = registry.entry(entry).await?.leaf;
        let foreign = |what| IssuerError::ForeignEntry { entry: entry.as_u32(), what };
        if leaf.issuer_id != keys.issuer_id() {
            return Err(foreign("issuer"));
        }
        let epoch = epochs.iter().find(|epoch| epoch.keys.attestation == leaf.key);
        let epoch = epoch.ok_or_else(|| foreign("key"))?.keys.epoch;
        if leaf.schema != schema.id() {
            return Err(foreign("schema"));
        }
        storage.note_entry(&EpochEntry { epoch, schema, entry }).await?;
    }
    Ok(())
}

/// Whether the ledger did not answer, as opposed to answering no.
fn is_absence(error: &IssuerError) -> bool {
    matches!(error, IssuerError::Ledger(error) if error.is_absence())
}
