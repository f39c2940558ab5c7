//! Epochs of the issuer's keys: which signs, which has ended, and what is to be reissued.
//!
//! Each epoch has its own keys and, for each schema, its own registry entry, and so its own status
//! list. New credentials are issued under the latest epoch that has an entry for their schema;
//! those of earlier ones stay provable until they are revoked or their accreditation ends.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::HolderCommitment;
use attestry_credential::schema::Schema;
use attestry_credential::w3c;
use attestry_ledger::{Account, DidKey, Entry, EntryIndex, EntryState};
use attestry_service::Actor;

use crate::keys::{Epoch, EpochKeys, KeyError};
use crate::record::{CredentialId, EndReason, ListId, State};
use crate::request::{RenewRequest, Validity};
use crate::{Issuer, IssuerError, LONGEST_PAGE};

/// An epoch whose keys were published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEpoch {
    /// Its public keys.
    pub keys: EpochKeys,
    /// Id of the Ed25519 key in the DID document.
    pub vc_key_id: String,
    /// Its end, if it has one: its keys sign nothing any more.
    pub ended: Option<EpochEnd>,
}

/// The end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// When, Unix seconds.
    pub at: u64,
    /// Why.
    pub reason: EndReason,
}

/// The registry entry under which an epoch's key issues a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// The epoch.
    pub epoch: Epoch,
    /// The schema.
    pub schema: Schema,
    /// The entry.
    pub entry: EntryIndex,
}

/// A credential of an epoch that is good or may become so again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reissuable {
    /// Its id.
    pub id: CredentialId,
    /// The schema that was attested; none of a plain W3C credential.
    pub schema: Option<Schema>,
    /// Active or suspended.
    pub state: State,
    /// Whose it is, if it was attested.
    pub holder: Option<HolderCommitment>,
    /// Last second of validity, Unix.
    pub valid_until: u64,
}

/// What became of some credentials of an epoch that were to be reissued.
#[derive(Debug, Default)]
pub struct Reissue {
    /// The old one and the one that has taken its place.
    pub reissued: Vec<(CredentialId, CredentialId)>,
    /// What could not be reissued, and why: suspended ones among them.
    pub left: Vec<(CredentialId, IssuerError)>,
    /// Where to go on; none if these were the last.
    pub next: Option<CredentialId>,
}

/// With what a credential of a schema is issued.
pub(crate) struct Issuing {
    pub(crate) keys: EpochKeys,
    pub(crate) vc_key_id: String,
    pub(crate) entry: EntryIndex,
}

impl KeyEpoch {
    /// The Ed25519 key as an identifier of its own.
    pub fn did_key(&self) -> w3c::DidKey {
        w3c::DidKey::Ed25519(self.keys.credential)
    }
}

impl Issuer {
    /// All epochs whose keys were published, ascending.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn epochs(&self) -> Result<Vec<KeyEpoch>, IssuerError> {
        self.storage().epochs().await
    }

    /// The registry entries of an epoch, as the ledger has them.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`].
    pub async fn entries_of(&self, epoch: Epoch) -> Result<Vec<Entry>, IssuerError> {
        let mut entries = Vec::new();
        for known in self.epoch_entries().iter().filter(|entry| entry.epoch == epoch) {
            let entry = self.registry().entry(known.entry).await?;
            // An entry may have been given another key in place.
            if self.is_of(&entry, epoch).await? {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// Ends an epoch whose keys may be in other hands. From the return on none of its keys signs
    /// anything in any replica, and they are revoked in the DID document. Doing it again does what
    /// was left undone, as when the ledger was away.
    ///
    /// The registry is for the consortium: until it suspends or ends the epoch's entries, its
    /// credentials can be proven, and forged. See [`Issuer::suspend_entries`].
    ///
    /// # Errors
    /// [`IssuerError::UnknownEpoch`]; [`IssuerError::Ledger`] once the end is noted here;
    /// [`IssuerError::Database`].
    pub async fn end_epoch(
        &self,
        actor: &Actor,
        epoch: Epoch,
        reason: EndReason,
    ) -> Result<(), IssuerError> {
        let known = self.epochs().await?.into_iter().find(|known| known.keys.epoch == epoch);
        let keys = known.ok_or(IssuerError::UnknownEpoch(epoch))?.keys;
        if self.storage().end_epoch(actor, epoch, reason, self.now()).await? {
            tracing::warn!(%epoch, %reason, "an epoch of the signing keys has ended");
        }
        let (identities, account) = (self.registry().identities(), self.keys().account());
        let did = identities.did(account.address()).await?;
        for key in [DidKey::Ed25519(keys.credential), DidKey::BabyJubJub(keys.attestation)] {
            let document = identities.resolve(&did, self.now()).await?.document;
            if document.assertion_method_of(&key).is_some() {
                identities.revoke_key(account, account.address(), &key).await?;
            }
        }
        Ok(())
    }

    /// Has a member of the consortium suspend the entries of an epoch that are active. From then on
    /// its credentials cannot be proven; that they are revoked is still published. Returns the
    /// entries that were suspended now.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`].
    pub async fn suspend_entries(
        &self,
        member: &Account,
        epoch: Epoch,
    ) -> Result<Vec<EntryIndex>, IssuerError> {
        let mut suspended = Vec::new();
        for entry in self.entries_of(epoch).await? {
            if entry.state == EntryState::Active {
                self.registry().suspend(member, entry.index).await?;
                suspended.push(entry.index);
            }
        }
        Ok(suspended)
    }

    /// Credentials of an epoch that are good or may become so again, in the order of their ids, at
    /// most [`LONGEST_PAGE`].
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn reissuable(
        &self,
        actor: &Actor,
        epoch: Epoch,
        after: Option<CredentialId>,
    ) -> Result<Vec<Reissuable>, IssuerError> {
        self.storage().reissuable(actor, epoch, after, LONGEST_PAGE, self.now()).await
    }

    /// Puts new credentials under a later epoch in the place of an epoch's active ones: the same
    /// claims and holder, until the same time. At most `limit` are looked at, in the order of their
    /// ids. Each is replaced in one step, so that it can be broken off anywhere and begun again.
    ///
    /// # Errors
    /// [`IssuerError::Signing`], [`IssuerError::Keys`], [`IssuerError::ListFull`],
    /// [`IssuerError::Database`]. What a credential itself stands in the way of is in
    /// [`Reissue::left`].
    pub async fn reissue(
        &self,
        actor: &Actor,
        epoch: Epoch,
        after: Option<CredentialId>,
        limit: u32,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Reissue, IssuerError> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        let page = self.storage().reissuable(actor, epoch, after, limit, self.now()).await?;
        let mut done = Reissue::default();
        for old in &page {
            match self.reissue_one(actor, epoch, old, rng).await {
                Ok(new) => done.reissued.push((old.id, new)),
                Err(
                    error @ (IssuerError::Signing
                    | IssuerError::Keys(_)
                    | IssuerError::ListFull
                    | IssuerError::Database(_)),
                ) => return Err(error),
                Err(error) => done.left.push((old.id, error)),
            }
        }
        let whole = page.len() == limit as usize;
        done.next = page.last().filter(|_| whole).map(|last| last.id);
        Ok(done)
    }

    async fn reissue_one(
        &self,
        actor: &Actor,
        epoch: Epoch,
        old: &Reissuable,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<CredentialId, IssuerError> {
        let schema = old.schema.ok_or(IssuerError::Plain)?;
        if self.issuing(schema).await?.keys.epoch <= epoch {
            return Err(IssuerError::NotAccredited(schema));
        }
        let record = self.credential(old.id).await?;
        let begins_later = record.valid_from > self.now();
        let request = RenewRequest {
            source: None,
            validity: Validity {
                from: begins_later.then_some(record.valid_from),
                until: Some(record.valid_until),
            },
            idempotency_key: Some(format!("reissue {}", old.id)),
        };
        Ok(self.renew(actor, old.id, request, rng).await?.credential.id)
    }

    /// The latest epoch that may sign and has an entry for the schema.
    pub(crate) async fn issuing(&self, schema: Schema) -> Result<Issuing, IssuerError> {
        if !self.config().entries.contains_key(&schema) {
            return Err(IssuerError::NotAccredited(schema));
        }
        for epoch in self.signing_epochs().await? {
            let of_epoch =
                |entry: &&EpochEntry| entry.epoch == epoch.keys.epoch && entry.schema == schema;
            if let Some(entry) = self.epoch_entries().iter().find(of_epoch) {
                let KeyEpoch { keys, vc_key_id, .. } = epoch;
                return Ok(Issuing { keys, vc_key_id, entry: entry.entry });
            }
        }
        Err(IssuerError::NotAccredited(schema))
    }

    /// The latest epoch that may sign, accredited or not: for what needs no accreditation.
    pub(crate) async fn signing(&self) -> Result<KeyEpoch, IssuerError> {
        let latest = self.signing_epochs().await?.into_iter().next();
        latest.ok_or(IssuerError::Keys(KeyError::NoKeys))
    }

    /// The epoch whose key signs a list's document: none for the did:key of one that has ended.
    pub(crate) async fn signer_of(&self, list: ListId) -> Result<Option<KeyEpoch>, IssuerError> {
        let ListId::PlainByKey(epoch) = list else { return self.signing().await.map(Some) };
        let epochs = self.signing_epochs().await?;
        Ok(epochs.into_iter().find(|known| known.keys.epoch == epoch))
    }

    /// The epochs that have not ended and whose keys are kept, the latest first.
    async fn signing_epochs(&self) -> Result<Vec<KeyEpoch>, IssuerError> {
        let kept = self.keys().epochs();
        let mut epochs = self.epochs().await?;
        epochs.retain(|epoch| epoch.ended.is_none() && kept.contains(&epoch.keys));
        epochs.reverse();
        Ok(epochs)
    }

    async fn is_of(&self, entry: &Entry, epoch: Epoch) -> Result<bool, IssuerError> {
        let epochs = self.epochs().await?;
        let keys = epochs.into_iter().map(|known| known.keys).find(|keys| keys.epoch == epoch);
        Ok(keys.is_some_and(|keys| keys.attestation == entry.leaf.key))
    }
}
