//! What the issuer asks of the place where its keys are kept.

use std::fmt;
use std::num::NonZeroU32;
use std::pin::Pin;

use attestry_circuits::Credential;
use attestry_circuits::schnorr::{Signature, VerifyingKey};
use attestry_ledger::Address;
use attestry_vault::VaultError;

/// Which generation of an issuer's signing keys, from 1. The account outlives them all: it is the
/// issuer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(NonZeroU32);

impl Epoch {
    /// The first one.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The epoch of this number; none for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// The one after it.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The public keys of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochKeys {
    /// The epoch.
    pub epoch: Epoch,
    /// The Ed25519 key that W3C documents are verified with.
    pub credential: [u8; 32],
    /// The BabyJubJub key to be accredited, which attestations are verified with.
    pub attestation: VerifyingKey,
}

/// A signature, or something else from a key's keeper, in the making.
pub type Signing<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyError>> + Send + 'a>>;

/// Keeps an issuer's keys and signs with them. Secrets need not leave it; what is public it tells
/// without being asked for a secret. What it signs is checked under the public keys before it is
/// used.
pub trait KeyProvider: Send + Sync {
    /// The account's address.
    fn address(&self) -> Address;

    /// The epochs whose keys are kept, ascending.
    fn epochs(&self) -> Vec<EpochKeys>;

    /// The Ed25519 signature (RFC 8032) of a message.
    fn sign_message<'a>(&'a self, epoch: Epoch, message: &'a [u8]) -> Signing<'a, [u8; 64]>;

    /// The attestation's signature on a credential.
    fn sign_credential<'a>(
        &'a self,
        epoch: Epoch,
        credential: &'a Credential,
    ) -> Signing<'a, Signature>;

    /// The account's ECDSA signature of a 32-byte digest: r and s, each 32 bytes big-endian; either
    /// of the two values of s.
    fn sign_digest<'a>(&'a self, digest: &'a [u8; 32]) -> Signing<'a, [u8; 64]>;
}

/// Why keys cannot be kept, read or used. Carries nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no such file.
    #[error("there is no key file of that name")]
    NoFile,
    /// A file is there that is not to be replaced.
    #[error("there is a key file of that name already")]
    Exists,
    /// Another process changes the keys.
    #[error("the key file is being changed by another process")]
    InUse,
    /// Others than the owner may read the file.
    #[error("the {0} may be read or written by others than its owner")]
    Exposed(&'static str),
    /// The file is of another kind.
    #[error("the key file is not one of this kind")]
    OtherFile,
    /// A later or earlier format.
    #[error("the key file has format {0}, which this software does not read")]
    Format(u32),
    /// The file was changed or cut.
    #[error("the key file is damaged: {0}")]
    Damaged(&'static str),
    /// The passphrase is wrong or too short, or what it seals is damaged.
    #[error(transparent)]
    Sealed(#[from] VaultError),
    /// No passphrase could be read.
    #[error("the passphrase {0}")]
    Passphrase(&'static str),
    /// The keys of this epoch are not kept, or not any more.
    #[error("the keys of epoch {0} are not kept here")]
    UnknownEpoch(Epoch),
    /// No epoch has keys.
    #[error("there are no signing keys")]
    NoKeys,
    /// The device did not do what was asked of it.
    #[error("the key device {0}")]
    Device(&'static str),
    /// The credential cannot be signed as it is.
    #[error("the credential's header breaks a rule")]
    Refused,
    /// The file system failed.
    #[error("the key file cannot be read or written: {}", .0.kind())]
    Io(#[from] std::io::Error),
}
