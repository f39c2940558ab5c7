//! The wallet: what it holds, and how it is sealed and opened.

use crate::held::Held;
use crate::log::LogEntry;
use crate::prepare::Prepared;
use crate::secret::{SecretBytes, to_json};
use crate::vault::{KeyDerivation, Vault};
use crate::{CredentialId, VaultError, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{HolderCommitment, HolderSecret, Scope};
use serde::{Deserialize, Serialize};

const FORMAT: u32 = 1;

/// What is sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    holder_secret: SecretBytes,
    credentials: Vec<StoredCredential>,
    pool: Vec<Prepared>,
    withdrawn: Vec<Scope>,
    log: Vec<LogEntry>,
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
/// It lives in memory; [`Wallet::seal`] gives the encrypted bytes to store or to back up. `Debug`
/// shows nothing, and secrets are zeroized when it is dropped.
pub struct Wallet {
    vault: Vault,
    holder_secret: HolderSecret,
    content: Content,
    /// `content.credentials`, decoded.
    held: Vec<Held>,
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
            pool: Vec::new(),
            withdrawn: Vec::new(),
            log: Vec::new(),
        };
        Ok(Self { vault, holder_secret, content, held: Vec::new() })
    }

    /// Opens the bytes that were sealed last. For bytes from a backup, see [`Wallet::restore`].
    ///
    /// # Errors
    /// [`WalletError::Vault`] telling a wrong passphrase from damage; [`WalletError::Content`] if
    /// the content is not a wallet's.
    pub fn open(sealed: &[u8], passphrase: &str) -> Result<Self, WalletError> {
        let (vault, text) = Vault::open(sealed, passphrase)?;
        let content: Content = serde_json::from_slice(&text)
            .map_err(|_| WalletError::Content("not in the form of this version"))?;
        if content.format != FORMAT {
            return Err(WalletError::Content("another version"));
        }
        let holder_secret = HolderSecret::from_bytes(content.holder_secret.expose())
            .map_err(|_| WalletError::Content("the holder secret is not canonical"))?;
        let held = content.credentials.iter().map(StoredCredential::decode);
        let held = held.collect::<Result<_, WalletError>>()?;
        Ok(Self { vault, holder_secret, content, held })
    }

    /// Opens sealed bytes that may be older than what was stored last, as a backup is. The
    /// prepared proofs are dropped: their one-time keys may have been used since.
    ///
    /// # Errors
    /// Those of [`Wallet::open`].
    pub fn restore(backup: &[u8], passphrase: &str) -> Result<Self, WalletError> {
        let mut wallet = Self::open(backup, passphrase)?;
        wallet.content.pool.clear();
        Ok(wallet)
    }

    /// The encrypted bytes of the wallet: to store, and to keep as a backup.
    ///
    /// # Errors
    /// [`VaultError::TooLong`].
    pub fn seal(&self, rng: &mut (impl RngCore + CryptoRng)) -> Result<Vec<u8>, WalletError> {
        let text = to_json(&self.content).map_err(|_| WalletError::Content("has no encoding"))?;
        Ok(self.vault.seal(&text, rng)?)
    }

    /// Seals the wallet under another passphrase from now on.
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

    pub(crate) fn pool(&self) -> &[Prepared] {
        &self.content.pool
    }

    pub(crate) fn pool_mut(&mut self) -> &mut Vec<Prepared> {
        &mut self.content.pool
    }

    pub(crate) fn log_mut(&mut self) -> &mut Vec<LogEntry> {
        &mut self.content.log
    }

    pub(crate) fn withdrawn_mut(&mut self) -> &mut Vec<Scope> {
        &mut self.content.withdrawn
    }

    pub(crate) fn check_not_withdrawn(&self, scope: &Scope) -> Result<(), WalletError> {
        if self.content.withdrawn.contains(scope) { Err(WalletError::Withdrawn) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wallet(redacted)")
    }
}
