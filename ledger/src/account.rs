//! Accounts: the secp256k1 keys that send transactions.

use crate::LedgerError;
use alloy::primitives::{Address, B256, Signature, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use ark_std::rand::{CryptoRng, RngCore};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A secp256k1 signature in the making.
pub type DigestSigning<'a> = Pin<Box<dyn Future<Output = Result<[u8; 64], NotSigned>> + Send + 'a>>;

/// The keeper of an account's key gave no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keeper of the account's key gave no signature")]
pub struct NotSigned;

/// A secp256k1 key that is kept elsewhere, for instance in a device that never lets it out.
pub trait DigestSigner: Send + Sync {
    /// The ECDSA signature of a 32-byte digest, as it stands: r and s, each 32 bytes big-endian.
    /// Either of the two values of s will do.
    fn sign_digest<'a>(&'a self, digest: &'a [u8; 32]) -> DigestSigning<'a>;
}

/// A key that signs transactions; its address is the identity on the ledger.
#[derive(Clone)]
pub struct Account {
    address: Address,
    signer: Arc<dyn DigestSigner>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl From<&AccountKey> for Account {
    fn from(key: &AccountKey) -> Self {
        Self::kept_elsewhere(key.address(), Arc::new(key.clone()))
    }
}

impl Account {
    /// A new key, kept in memory and nowhere else.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self::from(&AccountKey::random(rng))
    }

    /// The account of this address, whose key somebody else keeps. A signature under another key
    /// is refused when it is made.
    pub fn kept_elsewhere(address: Address, signer: Arc<dyn DigestSigner>) -> Self {
        Self { address, signer }
    }

    /// The account with this scalar, 32 bytes big-endian, kept in memory.
    ///
    /// # Errors
    /// [`LedgerError::InvalidAccountKey`] if it is 0 or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, LedgerError> {
        AccountKey::from_bytes(bytes).map(|key| Self::from(&key))
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The ECDSA signature of a 32-byte digest by the account's key: r and s, each 32 bytes
    /// big-endian, with s in the lower half. Never of a digest that somebody else chose: it could
    /// be that of a transaction.
    ///
    /// # Errors
    /// [`LedgerError::NotSigned`].
    pub async fn sign_digest(&self, digest: &[u8; 32]) -> Result<[u8; 64], LedgerError> {
        let signature = self.sign(&B256::from(*digest)).await?;
        let mut bytes = [0; 64];
        bytes.copy_from_slice(&signature.as_bytes()[..64]);
        Ok(bytes)
    }

    /// The signature of a digest, in the form that the ledger takes: s in the lower half, and
    /// which of the two points belongs to r.
    pub(crate) async fn sign(&self, digest: &B256) -> Result<Signature, LedgerError> {
        let bytes = self.signer.sign_digest(&digest.0).await.map_err(|_| LedgerError::NotSigned)?;
        let (r, s) = bytes.split_at(32);
        let (r, s) = (U256::from_be_slice(r), U256::from_be_slice(s));
        [false, true]
            .map(|parity| Signature::new(r, s, parity).normalized_s())
            .into_iter()
            .find(|signature| {
                signature.recover_address_from_prehash(digest).ok() == Some(self.address)
            })
            .ok_or(LedgerError::NotSigned)
    }
}

/// An account's key in memory. Zeroized on drop, never printed.
#[derive(Clone)]
pub struct AccountKey(PrivateKeySigner);

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKey").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl AccountKey {
    /// A new key.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(bytes.as_mut());
            if let Ok(key) = Self::from_bytes(&bytes) {
                return key;
            }
        }
    }

    /// The key with this scalar, 32 bytes big-endian.
    ///
    /// # Errors
    /// [`LedgerError::InvalidAccountKey`] if it is 0 or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, LedgerError> {
        PrivateKeySigner::from_bytes(&B256::from(*bytes))
            .map(Self)
            .map_err(|_| LedgerError::InvalidAccountKey)
    }

    /// The secret scalar, 32 bytes big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().0)
    }

    /// The public point: x and y, 32 bytes big-endian each.
    pub fn public_key(&self) -> [u8; 64] {
        self.0.public_key().0
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.0.address()
    }
}

impl DigestSigner for AccountKey {
    fn sign_digest<'a>(&'a self, digest: &'a [u8; 32]) -> DigestSigning<'a> {
        Box::pin(async move {
            let signature = self.0.sign_hash_sync(&B256::from(*digest)).map_err(|_| NotSigned)?;
            let mut bytes = [0; 64];
            bytes.copy_from_slice(&signature.as_bytes()[..64]);
            Ok(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    /// A device that gives the upper of the two values of s, as many do half of the time.
    struct UpperHalf(AccountKey);

    impl DigestSigner for UpperHalf {
        fn sign_digest<'a>(&'a self, digest: &'a [u8; 32]) -> DigestSigning<'a> {
            Box::pin(async move {
                let order = U256::from_str_radix(
                    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
                    16,
                );
                let mut bytes = self.0.sign_digest(digest).await?;
                let upper = order.unwrap() - U256::from_be_slice(&bytes[32..]);
                bytes[32..].copy_from_slice(&upper.to_be_bytes::<32>());
                Ok(bytes)
            })
        }
    }

    fn key(seed: u64) -> AccountKey {
        AccountKey::random(&mut StdRng::seed_from_u64(seed))
    }

    #[tokio::test]
    async fn the_accounts_signatures_are_those_of_its_key() {
        let key = key(1);
        let account = Account::from(&key);
        for byte in 0..32 {
            let digest = B256::repeat_byte(byte);
            let expected = key.0.sign_hash_sync(&digest).unwrap();
            assert_eq!(account.sign(&digest).await.unwrap(), expected);
            let bytes = account.sign_digest(&digest.0).await.unwrap();
            assert_eq!(bytes[..], expected.as_bytes()[..64]);
        }
    }

    #[tokio::test]
    async fn a_device_may_give_either_s_and_the_ledger_gets_the_lower() {
        let key = key(1);
        let device = Account::kept_elsewhere(key.address(), Arc::new(UpperHalf(key.clone())));
        let digest = B256::repeat_byte(7);
        assert_eq!(device.sign(&digest).await.unwrap(), key.0.sign_hash_sync(&digest).unwrap());
    }

    #[tokio::test]
    async fn a_signature_under_another_key_is_not_handed_out() {
        let account = Account::kept_elsewhere(key(1).address(), Arc::new(key(2)));
        let signed = account.sign(&B256::repeat_byte(7)).await;
        assert!(matches!(signed, Err(LedgerError::NotSigned)));
    }
}
