//! The wallet: what it holds, and how it is opened.

use crate::held::Held;
use crate::log::LogEntry;
use crate::pool::Pool;
use crate::refill::KeptTopic;
use crate::secret::SecretBytes;
use crate::{CredentialId, VaultError, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{HolderCommitment, HolderSecret, Scope};
use attestry_vault::{KeyDerivation, Opened, Position, Tail, Vault, to_json};
use serde::{Deserialize, Serialize};

const FORMAT: u32 = 2;

/// What is sealed as a whole. The pool is not: each of its proofs is a record of the
/// [journal](crate::journal), so that a backup has no one-time keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    format: u32,
    holder_secret: SecretBytes,
    credentials: Vec<StoredCredential>,
    pub(crate) kept_topics: Vec<KeptTopic>,
    pub(crate) withdrawn: Vec<Scope>,
    pub(crate) log: Vec<LogEntry>,
}

/// A credential as it was received.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredCredential {
    pub(crate) document: String,
    pub(crate) attestation: String,
}

/// A holder's secret, credentials, prepared proofs and consent log.
///
/// It lives in memory; [`Wallet::save`] stores it, encrypted. `Debug` shows nothing, and secrets
/// are zeroized when it is dropped.
pub struct Wallet {
    pub(crate) vault: Vault,
    holder_secret: HolderSecret,
    pub(crate) content: Content,
    /// `content.credentials`, decoded.
    held: Vec<Held>,
    pub(crate) pool: Pool,
    /// Where the store takes the next record; unknown if it may not have what was stored last.
    pub(crate) journal: Option<Position>,
}

impl Wallet {
    /// A new wallet with a fresh holder secret.
    ///
    /// # Errors
    /// [`VaultError::Passphrase`] if the passphrase is too short.
    pub fn create(
        passphrase: &str,
        cost: KeyDerivation,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, WalletError> {
        let vault = Vault::create(passphrase, cost, rng)?;
        let holder_secret = HolderSecret::random(rng);
        let content = Content {
            format: FORMAT,
            holder_secret: SecretBytes::new(*holder_secret.to_bytes()),
            credentials: Vec::new(),
            kept_topics: Vec::new(),
            withdrawn: Vec::new(),
            log: Vec::new(),
        };
        let (held, pool) = (Vec::new(), Pool::default());
        Ok(Self { vault, holder_secret, content, held, pool, journal: None })
    }

    /// Opens the bytes that the store keeps. For bytes from a backup, see [`Wallet::restore`].
    ///
    /// A record that a crash cut off while it was being stored is left out: nothing had left the
    /// wallet for it. The prepared proofs are then dropped, for the record may have been of more.
    ///
    /// # Errors
    /// [`WalletError::Vault`] telling a wrong passphrase from damage; [`WalletError::Content`] if
    /// the content is not a wallet's.
    pub fn open(stored: &[u8], passphrase: &str) -> Result<Self, WalletError> {
        Self::of_stored(Vault::open(stored, passphrase)?)
    }

    pub(crate) fn of_stored(opened: Opened) -> Result<Self, WalletError> {
        let tail = opened.tail;
        let mut wallet = Self::read(opened)?;
        match tail {
            Tail::Clean(position) => wallet.journal = Some(position),
            Tail::Torn => wallet.pool = Pool::default(),
            Tail::Damaged => return Err(VaultError::Damaged("the journal").into()),
        }
        Ok(wallet)
    }

    /// Opens bytes that may be older than what was stored last, as a backup or a copy of the file
    /// is, or whose journal is damaged. The prepared proofs are dropped: their one-time keys may
    /// have been used since.
    ///
    /// # Errors
    /// Those of [`Wallet::open`], a damaged journal apart.
    pub fn restore(backup: &[u8], passphrase: &str) -> Result<Self, WalletError> {
        let mut wallet = Self::read(Vault::open(backup, passphrase)?)?;
        wallet.pool = Pool::default();
        Ok(wallet)
    }

    fn read(opened: Opened) -> Result<Self, WalletError> {
        let content: Content = serde_json::from_slice(&opened.content).map_err(unknown_form)?;
        if content.format != FORMAT {
            return Err(WalletError::Content("another version"));
        }
        let holder_secret = HolderSecret::from_bytes(content.holder_secret.expose())
            .map_err(|_| WalletError::Content("the holder secret is not canonical"))?;
        let held = content.credentials.iter().map(StoredCredential::decode);
        let held = held.collect::<Result<_, WalletError>>()?;
        let (vault, pool) = (opened.vault, Pool::default());
        let mut wallet = Self { vault, holder_secret, content, held, pool, journal: None };
        for record in &opened.records {
            wallet.replay(serde_json::from_slice(record).map_err(unknown_form)?);
        }
        Ok(wallet)
    }

    /// The encrypted bytes of the wallet without its prepared proofs, for [`Wallet::restore`].
    ///
    /// # Errors
    /// [`VaultError::TooLong`].
    pub fn backup(&self, rng: &mut (impl RngCore + CryptoRng)) -> Result<Vec<u8>, WalletError> {
        self.seal_content(rng).map(|(sealed, _)| sealed)
    }

    pub(crate) fn seal_content(
        &self,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Vec<u8>, Position), WalletError> {
        let text = to_json(&self.content).map_err(|_| WalletError::Content("has no encoding"))?;
        Ok(self.vault.seal(&text, rng)?)
    }

    /// Seals the wallet under another passphrase from now on. Save it to keep it so.
    ///
    /// # Errors
    /// [`VaultError::Passphrase`] if the passphrase is too short.
    pub fn change_passphrase(
        &mut self,
        passphrase: &str,
        cost: KeyDerivation,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), VaultError> {
        self.vault = Vault::create(passphrase, cost, rng)?;
        self.journal = None;
        Ok(())
    }

    /// What issuers bind credentials to. The same for every issuer.
    pub fn holder_commitment(&self) -> HolderCommitment {
        self.holder_secret.commitment()
    }

    /// Who asked for what, and what the holder did, oldest first.
    pub fn log(&self) -> &[LogEntry] {
        &self.content.log
    }

    /// The W3C document of a credential, as received.
    ///
    /// # Errors
    /// [`WalletError::UnknownCredential`].
    pub fn document(&self, id: &CredentialId) -> Result<&str, WalletError> {
        let position = self.held.iter().position(|held| held.id == *id);
        let stored = position.and_then(|position| self.content.credentials.get(position));
        stored.map(|stored| stored.document.as_str()).ok_or(WalletError::UnknownCredential)
    }

    pub(crate) fn add(&mut self, held: Held, stored: StoredCredential) {
        self.held.push(held);
        self.content.credentials.push(stored);
    }

    pub(crate) fn held(&self) -> &[Held] {
        &self.held
    }

    pub(crate) fn holder_secret(&self) -> &HolderSecret {
        &self.holder_secret
    }

    pub(crate) fn check_not_withdrawn(&self, scope: &Scope) -> Result<(), WalletError> {
        if self.content.withdrawn.contains(scope) { Err(WalletError::Withdrawn) } else { Ok(()) }
    }
}

fn unknown_form(_: serde_json::Error) -> WalletError {
    WalletError::Content("not in the form of this version")
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wallet(redacted)")
    }
}
