//! Publication of status flips: from the outbox to the ledger.
//!
//! The ledger's list is the truth about what is published; the outbox says what is still to be
//! told. A bit is set whenever the credential is barred here and not there; it is cleared only for
//! a reinstatement that waits in the outbox. So neither a crash, nor an answer that never came,
//! nor an old backup of the database can bring a revoked credential back.

use std::collections::BTreeMap;
use std::time::Duration;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::status::{LIST_SIZE, StatusList, StatusRoot};
use attestry_ledger::{EntryIndex, EntryState, LedgerError};
use attestry_service::{Actor, audit};

use crate::record::ListId;
use crate::service::Issuer;
use crate::storage::{Flip, Pending, PublishedList};
use crate::{IssuerError, document};

/// Flips that the contract takes in one transaction (`IssuerRegistry.MAX_FLIPS`).
const MAX_FLIPS: usize = 1024;
/// Entries of a list that decoys may take: from then on flips are published as they are, and the
/// list is due to be replaced.
const MAX_DECOYS: usize = LIST_SIZE / 4;
/// How often to start again when another replica published meanwhile.
const ATTEMPTS: usize = 4;
/// First and longest pause before a failed publication is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What a publication did to one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The list.
    pub list: ListId,
    /// Its root now, here and, if it is a registry entry's, on the ledger.
    pub root: StatusRoot,
    /// Bits flipped for credentials.
    pub flips: usize,
    /// Bits of no credential, flipped to hide how many credentials changed.
    pub decoys: usize,
    /// Transactions sent.
    pub transactions: usize,
    /// Bits that the ledger has set although no credential here is barred by them. They are left
    /// set; there are none unless the database was put back to an older state, or a transaction
    /// was mined long after we gave it up. Suspending and reinstating the credential clears one.
    pub unexplained: usize,
}

impl Issuer {
    /// Publishes all pending flips of all lists now. A list that fails does not hold up the others.
    ///
    /// # Errors
    /// The first list's error. Nothing is lost then: the flips stay pending.
    pub async fn publish(
        &self,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Vec<Publication>, IssuerError> {
        let mut done = Vec::new();
        let mut failed = None;
        for list in self.lists().await? {
            match self.publish_list(list, rng).await {
                Ok(publication) => done.push(publication),
                Err(error) => {
                    tracing::warn!(%list, %error, "a status list could not be published");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(done), Err)
    }

    /// Publishes at the end of each window of the configured length, until dropped. What fails is
    /// tried again without waiting for the next window. Then anchors the head of the audit log; if
    /// that fails, the next window's is anchored, which stands for this one, too.
    pub async fn publish_in_windows(&self, rng: &mut (impl RngCore + CryptoRng + Send)) {
        loop {
            let interval = self.config().publication_interval_s.max(1);
            tokio::time::sleep(Duration::from_secs(interval - self.now() % interval)).await;
            let mut pause = RETRY.0;
            while self.publish(rng).await.is_err() {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY.1);
            }
            if let Err(error) = self.anchor_log().await {
                tracing::warn!(%error, "the head of the audit log could not be anchored");
            }
        }
    }

    /// The signed W3C BitstringStatusListCredential of a list, as last published.
    ///
    /// # Errors
    /// [`IssuerError::UnknownList`]; [`IssuerError::Signing`]; [`IssuerError::Database`].
    pub async fn status_list(&self, list: ListId) -> Result<serde_json::Value, IssuerError> {
        if !self.lists().await?.contains(&list) || self.signer_of(list).await?.is_none() {
            return Err(IssuerError::UnknownList);
        }
        if !matches!(list, ListId::Entry(_)) {
            // Nobody else has to be told: what was decided shows at once.
            if !self.storage().pending(list).await?.is_empty() {
                let _publisher = self.publishing().await;
                self.publish_off_ledger(list).await?;
            }
        }
        if let Some(published) = self.storage().published_list(list).await?
            && self.is_reliable(&published)
        {
            return Ok(published.document);
        }
        let bits = self.storage().published_bits(list).await?;
        Ok(self.renew_list_document(list, &bits).await?.document)
    }

    async fn publish_list(
        &self,
        list: ListId,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Publication, IssuerError> {
        // One sender for the issuer's key in this process; the contract's compare-and-set guards
        // against others.
        let _sender = self.publishing().await;
        let mut attempt = 1;
        loop {
            let outcome = match list {
                ListId::Entry(entry) => self.publish_entry(entry, rng).await,
                ListId::Plain | ListId::PlainByKey(_) => self.publish_off_ledger(list).await,
            };
            match outcome {
                Err(IssuerError::Ledger(LedgerError::Reverted { name }))
                    if name == "StatusRootMismatch" && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Publishes a list that the ledger does not know, or takes no more: its document is all there is
    /// of it.
    async fn publish_off_ledger(&self, list: ListId) -> Result<Publication, IssuerError> {
        let pending = self.storage().pending(list).await?;
        let own = self.storage().own_list(list).await?;
        let published = self.storage().published_bits(list).await?;
        let plan = Plan::new(&published, &own, &pending);
        let flips: Vec<Flip> = plan.flips().collect();
        let told: Vec<&Pending> = pending.iter().collect();
        // A did:key whose epoch has ended can tell nothing more.
        let root = match self.signer_of(list).await? {
            Some(_) => self.renew_if_changed(list, &own).await?,
            None => own.root(),
        };
        // Only now: what is not told any more must stand in the document.
        self.storage().mark_published(list, &flips, &told, self.now()).await?;
        Ok(Publication {
            list,
            root,
            flips: flips.len(),
            decoys: 0,
            transactions: 0,
            unexplained: 0,
        })
    }

    async fn publish_entry(
        &self,
        entry: EntryIndex,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Publication, IssuerError> {
        let list = ListId::Entry(entry);
        if self.registry().entry(entry).await?.state == EntryState::Ended {
            return self.publish_off_ledger(list).await;
        }
        let mut bits = self.reconcile(entry).await?;
        let pending = self.storage().pending(list).await?;
        let own = self.storage().own_list(list).await?;
        let mut plan = Plan::new(&bits, &own, &pending);
        let decoys = self.add_decoys(list, &mut plan, rng).await?;

        let (settled, waiting): (Vec<&Pending>, Vec<&Pending>) =
            pending.iter().partition(|change| !plan.flips.contains_key(&change.status_index));
        self.storage().mark_published(list, &[], &settled, self.now()).await?;

        let flips: Vec<Flip> = plan.flips().collect();
        let mut transactions = 0;
        for part in flips.chunks(MAX_FLIPS) {
            let indices: Vec<u32> = part.iter().map(|flip| flip.status_index).collect();
            let account = self.keys().account();
            bits = self.registry().publish_status(account, entry, &bits, &indices).await?;
            transactions += 1;
            let told: Vec<&Pending> = waiting
                .iter()
                .copied()
                .filter(|change| indices.binary_search(&change.status_index).is_ok())
                .collect();
            self.storage().mark_published(list, part, &told, self.now()).await?;
        }

        let root = self.renew_if_changed(list, &bits).await?;
        if plan.unexplained > 0 {
            let count = plan.unexplained;
            tracing::error!(%list, count, "the ledger bars credentials that are not barred here");
        }
        if transactions > 0 {
            tracing::info!(%list, flips = flips.len(), %root, "status list published");
            let details = [("flips", flips.len().to_string()), ("root", root.to_string())];
            let (actor, object) = (Actor::service(), list.to_string());
            let action = "status-list.publish";
            let event =
                audit::Event { actor: &actor, action, object: Some(&object), details: &details };
            self.storage().note(self.now(), &event).await?;
        }
        let unexplained = plan.unexplained;
        let flips = flips.len() - decoys;
        Ok(Publication { list, root, flips, decoys, transactions, unexplained })
    }

    /// Makes the flips up to a multiple of the padding with free entries of the list, which from
    /// then on are set and never issued. Returns how many of the flips are of no credential; some
    /// may be left from a publication that failed.
    async fn add_decoys(
        &self,
        list: ListId,
        plan: &mut Plan,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<usize, IssuerError> {
        if plan.flips.is_empty() {
            return Ok(0);
        }
        let taken = self.storage().without_credential(list).await?;
        let mut decoys = taken.iter().filter(|index| plan.flips.contains_key(index)).count();
        let padding = self.config().publication_padding.get() as usize;
        let missing = plan.flips.len().next_multiple_of(padding) - plan.flips.len();
        if taken.len() + missing > MAX_DECOYS {
            tracing::warn!(%list, "no entries are left for decoys");
            return Ok(decoys);
        }
        for _ in 0..missing {
            match self.storage().reserve_decoy(list, rng).await {
                Ok(index) => plan.flips.insert(index, true),
                // To publish matters more than to hide how much.
                Err(IssuerError::ListFull) => break,
                Err(error) => return Err(error),
            };
            decoys += 1;
        }
        Ok(decoys)
    }

    /// The list as the ledger has it. If that is not as we noted it last (a transaction was mined
    /// whose answer we did not see), it is read again from the ledger's events.
    pub(crate) async fn reconcile(&self, entry: EntryIndex) -> Result<StatusList, IssuerError> {
        let list = ListId::Entry(entry);
        let noted = self.storage().published_bits(list).await?;
        if self.registry().entry(entry).await?.leaf.status_root == noted.root() {
            return Ok(noted);
        }
        tracing::warn!(%list, "the ledger's status list differs from the one noted here");
        let on_ledger = self.registry().status_list(entry).await?;
        self.storage().adopt_published(list, &on_ledger).await?;
        Ok(on_ledger)
    }

    /// Whether the document has at least half of its validity before it.
    fn is_reliable(&self, published: &PublishedList) -> bool {
        let age_s = self.now().saturating_sub(published.published_at);
        age_s <= self.config().status_list_validity_s / 2
    }

    /// Signs the list's document anew if its bits have changed or verifiers will soon not rely on
    /// it any more. Returns the list's root.
    async fn renew_if_changed(
        &self,
        list: ListId,
        bits: &StatusList,
    ) -> Result<StatusRoot, IssuerError> {
        let root = bits.root();
        let known = self.storage().published_list(list).await?;
        if !known.is_some_and(|known| known.root == root && self.is_reliable(&known)) {
            self.renew_list_document(list, bits).await?;
        }
        Ok(root)
    }

    async fn renew_list_document(
        &self,
        list: ListId,
        bits: &StatusList,
    ) -> Result<PublishedList, IssuerError> {
        let now = self.now();
        let epoch = self.signer_of(list).await?.ok_or(IssuerError::UnknownList)?;
        let document = document::sign_status_list(self, &epoch, list, bits, now).await?;
        let (root, epoch) = (bits.root(), epoch.keys.epoch);
        let published = PublishedList { root, document, published_at: now, epoch };
        self.storage().set_published_list(list, &published).await?;
        Ok(published)
    }
}

/// What has to be flipped to get from the ledger's list to ours.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// Index and the bit after the flip.
    flips: BTreeMap<u32, bool>,
    unexplained: usize,
}

impl Plan {
    fn new(on_ledger: &StatusList, own: &StatusList, pending: &[Pending]) -> Self {
        let barred = own.set_indices();
        let is_set = |list: &StatusList, index| list.get(index) == Ok(true);
        let mut flips: BTreeMap<u32, bool> = barred
            .into_iter()
            .filter(|&index| !is_set(on_ledger, index))
            .map(|index| (index, true))
            .collect();
        let reinstated = pending.iter().filter(|change| !change.bit);
        flips.extend(
            reinstated
                .map(|change| change.status_index)
                .filter(|&index| is_set(on_ledger, index) && !is_set(own, index))
                .map(|index| (index, false)),
        );
        let on_ledger_only =
            on_ledger.set_indices().into_iter().filter(|&index| !is_set(own, index));
        let unexplained = on_ledger_only.filter(|index| !flips.contains_key(index)).count();
        Self { flips, unexplained }
    }

    fn flips(&self) -> impl Iterator<Item = Flip> {
        self.flips.iter().map(|(&status_index, &bit)| Flip { status_index, bit })
    }
}
