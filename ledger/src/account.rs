//! Accounts: the secp256k1 keys that send transactions.

use crate::LedgerError;
use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use ark_std::rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

/// A key that signs transactions; its address is the identity on the ledger.
#[derive(Clone)]
pub struct Account {
    signer: PrivateKeySigner,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Account {
    /// A new key.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(bytes.as_mut());
            if let Ok(account) = Self::from_bytes(&bytes) {
                return account;
            }
        }
    }

    /// The key with this scalar, 32 bytes big-endian.
    ///
    /// # Errors
    /// [`LedgerError::InvalidAccountKey`] if it is 0 or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, LedgerError> {
        PrivateKeySigner::from_bytes(&B256::from(*bytes))
            .map(|signer| Self { signer })
            .map_err(|_| LedgerError::InvalidAccountKey)
    }

    /// The secret scalar, 32 bytes big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signer.to_bytes().0)
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    pub(crate) fn signer(&self) -> &PrivateKeySigner {
        &self.signer
    }
}
