//! What an issuer does. Knows neither HTTP nor SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::HolderCommitment;
use attestry_credential::schema::Schema;
use attestry_ledger::embedded::Clock;
use attestry_ledger::{EntryIndex, EthrDid, RegistryClient};
use attestry_service::{Actor, Database, TenantId, audit};

use crate::document::{self, Draft};
use crate::epochs::EpochEntry;
use crate::identity::Published;
use crate::intake::Planned;
use crate::record::{
    Action, Attested, Content, CredentialId, CredentialRecord, ListId, Reason, State,
};
use crate::request::{Claims, IssueRequest, RenewRequest, Validity};
use crate::search::Term;
use crate::storage::{Change, Idempotency, Insertion, Standing, Storage, Stored};
use crate::{IssuerError, IssuerKeys, identity};

/// How often to draw another status index when another request took it first.
pub(crate) const DRAWS: usize = 16;
/// How often to read a credential again when another request changed it first.
const CHANGES: usize = 16;

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

/// A credential, and whether it was made by this request or by the same request before.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The credential.
    pub credential: CredentialRecord,
    /// Whether the idempotency key had been used with this request already.
    pub repeated: bool,
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

    /// Issues a credential on an actor's behalf. With an idempotency key, the same request gets the
    /// same credential.
    ///
    /// # Errors
    /// [`IssuerError::Credential`] and [`IssuerError::Request`] if the content or the period is
    /// refused; [`IssuerError::NotAccredited`]; [`IssuerError::IdempotencyKeyReused`];
    /// [`IssuerError::ListFull`]; [`IssuerError::Signing`]; [`IssuerError::Database`].
    pub async fn issue(
        &self,
        actor: &Actor,
        request: IssueRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Issued, IssuerError> {
        let idempotency = request.idempotency();
        let claims = request.source.read(self.did(), request.holder)?;
        let validity = request.validity.or(claims.validity);
        let holder = request.holder;
        let order = Order { claims, holder, validity, supersedes: None, idempotency, row: None };
        self.mint(actor, &order, rng).await
    }

    /// Issues a credential in the place of another, to the same holder: with the same claims
    /// unless others are given. The old one is superseded, and barred, in the same step.
    ///
    /// # Errors
    /// As [`Issuer::issue`]; [`IssuerError::UnknownCredential`]; [`IssuerError::NotPossible`]
    /// unless the old one is active.
    pub async fn renew(
        &self,
        actor: &Actor,
        id: CredentialId,
        request: RenewRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Issued, IssuerError> {
        let idempotency = request.idempotency(id);
        if let Some(before) = self.issued_before(idempotency.as_ref()).await? {
            return Ok(before);
        }
        let old = self.credential(id).await?;
        if old.state != State::Active {
            return Err(IssuerError::NotPossible { action: Action::Renew, state: old.state });
        }
        let (schema, attested) = (old.schema.ok_or(IssuerError::Plain)?, old.attested()?);
        let claims = match &request.source {
            Some(source) => source.read(self.did(), attested.holder)?,
            None => Claims::of_subject(schema, &attested.subject)?,
        };
        if claims.subject.schema() != schema {
            return Err(IssuerError::request(
                "subject",
                "is of another schema than what it renews",
            ));
        }
        let (holder, validity) = (attested.holder, request.validity.or(claims.validity));
        let supersedes = Some(&old);
        let order = Order { claims, holder, validity, supersedes, idempotency, row: None };
        self.mint(actor, &order, rng).await
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

    /// Bars a credential for a time, from the next publication on. Once more changes nothing.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::NotPossible`] unless it is active;
    /// [`IssuerError::Database`].
    pub async fn suspend(
        &self,
        actor: &Actor,
        id: CredentialId,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        self.change(actor, id, Action::Suspend, reason).await
    }

    /// Ends a suspension, from the next publication on. Once more changes nothing.
    ///
    /// # Errors
    /// As [`Issuer::suspend`], unless it is suspended: what is revoked stays revoked.
    pub async fn reinstate(
        &self,
        actor: &Actor,
        id: CredentialId,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        self.change(actor, id, Action::Reinstate, reason).await
    }

    /// Bars a credential for good, from the next publication on. Once more changes nothing.
    ///
    /// # Errors
    /// As [`Issuer::suspend`], unless it is active or suspended.
    pub async fn revoke(
        &self,
        actor: &Actor,
        id: CredentialId,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        self.change(actor, id, Action::Revoke, reason).await
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

    pub(crate) async fn mint(
        &self,
        actor: &Actor,
        order: &Order<'_>,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Issued, IssuerError> {
        if let Some(before) = self.issued_before(order.idempotency.as_ref()).await? {
            return Ok(before);
        }
        let (claims, now) = (&order.claims, self.now());
        let schema = claims.subject.schema();
        let (valid_from, valid_until) =
            order.validity.resolve(&claims.subject, now, self.config().default_validity_s)?;
        for _ in 0..DRAWS {
            let issuing = self.issuing(schema).await?;
            let list = ListId::Entry(issuing.entry);
            let mut salt = [0; 16];
            rng.fill_bytes(&mut salt);
            let draft = Draft {
                id: CredentialId::random(rng),
                subject: &claims.subject,
                holder: order.holder,
                salt,
                issuing: &issuing,
                status_index: self.storage().draw_free_index(list, rng).await?,
                valid_from,
                valid_until,
            };
            let signed = document::sign(self, &draft).await?;
            let attested = Attested {
                subject: claims.to_json()?,
                holder: order.holder,
                salt,
                attestation: signed.attestation,
            };
            let verifiable_credential = signed.verifiable_credential;
            let record = CredentialRecord {
                id: draft.id,
                schema: Some(schema),
                list,
                status_index: draft.status_index,
                epoch: issuing.keys.epoch,
                valid_from,
                valid_until,
                issued_at: now,
                state: State::Active,
                version: 0,
                superseded_by: None,
                content: Some(Content { verifiable_credential, attested: Some(attested) }),
            };
            let insertion = Insertion {
                record: &record,
                subject: Some(&claims.subject),
                terms: Term::of(&claims.subject),
                actor,
                supersedes: order.supersedes,
                idempotency: order.idempotency.as_ref(),
                row: order.row.as_ref(),
            };
            match self.storage().insert(&insertion).await? {
                Stored::New => {
                    tracing::info!(credential = %record.id, schema = schema.type_name(), "issued");
                    return Ok(Issued { credential: record, repeated: false });
                }
                Stored::Before(id) => {
                    return Ok(Issued { credential: self.credential(id).await?, repeated: true });
                }
                Stored::IndexTaken | Stored::EpochEnded => {}
                Stored::Elsewhere => return Err(IssuerError::ImportedElsewhere),
                Stored::Outdated => {
                    let id = order.supersedes.map_or(record.id, |old| old.id);
                    let state = self.credential(id).await?.state;
                    return Err(IssuerError::NotPossible { action: Action::Renew, state });
                }
            }
        }
        Err(IssuerError::ListFull)
    }

    pub(crate) async fn issued_before(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Issued>, IssuerError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let Some(id) = self.storage().issued_for(idempotency).await? else { return Ok(None) };
        Ok(Some(Issued { credential: self.credential(id).await?, repeated: true }))
    }

    async fn change(
        &self,
        actor: &Actor,
        id: CredentialId,
        action: Action,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        let mut record = self.credential(id).await?;
        for _ in 0..CHANGES {
            let Some(to) = next_state(record.state, action)? else { return Ok(record) };
            let (action_name, at) = (audited(action), self.now());
            let change = Change { action: action_name, to, reason, actor, at, superseded_by: None };
            let applied = self.storage().change(&Standing::of(&record), &change).await?;
            record = self.credential(id).await?;
            if applied {
                tracing::info!(credential = %id, %action, %reason, "state changed");
                return Ok(record);
            }
        }
        Err(IssuerError::NotPossible { action, state: record.state })
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

/// A credential that is to be made.
pub(crate) struct Order<'a> {
    pub(crate) claims: Claims,
    pub(crate) holder: HolderCommitment,
    pub(crate) validity: Validity,
    pub(crate) supersedes: Option<&'a CredentialRecord>,
    pub(crate) idempotency: Option<Idempotency>,
    /// The row of an import that it is for.
    pub(crate) row: Option<Planned<'a>>,
}

/// What the audit log calls an action.
fn audited(action: Action) -> &'static str {
    match action {
        Action::Suspend => "credential.suspend",
        Action::Reinstate => "credential.reinstate",
        Action::Revoke => "credential.revoke",
        Action::Renew => "credential.supersede",
    }
}

/// The state after an action; none if it is there already.
fn next_state(state: State, action: Action) -> Result<Option<State>, IssuerError> {
    match (action, state) {
        (Action::Suspend, State::Active) => Ok(Some(State::Suspended)),
        (Action::Reinstate, State::Suspended) => Ok(Some(State::Active)),
        (Action::Revoke, State::Active | State::Suspended) => Ok(Some(State::Revoked)),
        (Action::Suspend, State::Suspended)
        | (Action::Reinstate, State::Active)
        | (Action::Revoke, State::Revoked) => Ok(None),
        (action, state) => Err(IssuerError::NotPossible { action, state }),
    }
}

/// Whether the ledger did not answer, as opposed to answering no.
fn is_absence(error: &IssuerError) -> bool {
    matches!(error, IssuerError::Ledger(error) if error.is_absence())
}
