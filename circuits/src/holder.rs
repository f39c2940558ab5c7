//! The holder's secret and what is derived from it.

use crate::field::{self, Fr, field_newtype};
use crate::poseidon;
use ark_ff::UniformRand;
use ark_std::rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

const COMMITMENT_TAG: u64 = 1;
const WITHDRAWAL_TAG: u64 = 2;
const SCOPE_DOMAIN: &str = "attestry/scope/v1";

/// What makes a wallet the holder of its credentials. Zeroized on drop, never printed.
#[derive(Clone)]
pub struct HolderSecret(Fr);

impl HolderSecret {
    /// A uniform secret.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self(Fr::rand(rng))
    }

    /// The secret with this encoding.
    ///
    /// # Errors
    /// [`field::FieldError::NonCanonical`] if the integer is not below the modulus.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, field::FieldError> {
        field::from_be_bytes(bytes).map(Self)
    }

    /// The encoding, for encrypted storage: 32 bytes, big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(field::to_be_bytes(&self.0))
    }

    /// What issuers sign in the secret's place.
    pub fn commitment(&self) -> HolderCommitment {
        HolderCommitment(poseidon::hash_tagged(COMMITMENT_TAG, &[self.0]))
    }

    /// The preimage of the nullifier under a scope: revealing it withdraws.
    pub fn withdrawal_key(&self, scope: &Scope) -> WithdrawalKey {
        WithdrawalKey(poseidon::hash_tagged(WITHDRAWAL_TAG, &[self.0, scope.0]))
    }

    #[cfg(feature = "r1cs")]
    pub(crate) fn as_field(&self) -> Fr {
        self.0
    }

    /// Nobody's secret, for recording the circuit.
    #[cfg(feature = "r1cs")]
    pub(crate) fn zero() -> Self {
        Self(Fr::default())
    }
}

impl Drop for HolderSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for HolderSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HolderSecret(redacted)")
    }
}

field_newtype! {
    /// H(holder secret), tag 1.
    HolderCommitment
}

field_newtype! {
    /// Whom and what a nullifier is for.
    Scope
}

field_newtype! {
    /// H(t) for the withdrawal key t of a holder and scope: the same for every presentation of
    /// one holder under one scope, unlinkable across scopes.
    Nullifier
}

/// t = H(holder secret, scope), tag 2. Secret until the holder withdraws by revealing it.
///
/// It is revealed through serde, as `0x` and 64 lower-case hexadecimal digits. Zeroized on drop,
/// never printed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct WithdrawalKey(#[serde(with = "field::serde_hex")] Fr);

impl WithdrawalKey {
    /// The encoding: 32 bytes, big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(field::to_be_bytes(&self.0))
    }

    /// The nullifier that it opens.
    pub fn nullifier(&self) -> Nullifier {
        Nullifier(poseidon::hash(&[self.0]))
    }
}

impl Drop for WithdrawalKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for WithdrawalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WithdrawalKey(redacted)")
    }
}

impl Scope {
    /// The scope of a verifier's purpose: SHA-256 over the length-prefixed parts.
    ///
    /// `purpose` is, for instance, a study; `epoch` starts a new count.
    pub fn new(verifier: &str, purpose: &str, epoch: u64) -> Self {
        let mut bytes = Vec::new();
        for part in [verifier, purpose] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes.extend_from_slice(&epoch.to_be_bytes());
        Self(field::hash_to_field(SCOPE_DOMAIN, &bytes))
    }
}

/// Tags of the holder's hashes, for the circuit.
#[cfg(feature = "r1cs")]
pub(crate) mod tags {
    pub(crate) const COMMITMENT: u64 = super::COMMITMENT_TAG;
    pub(crate) const WITHDRAWAL: u64 = super::WITHDRAWAL_TAG;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_do_not_run_parts_together() {
        assert_ne!(Scope::new("ab", "c", 0), Scope::new("a", "bc", 0));
        assert_ne!(Scope::new("a", "b", 0), Scope::new("a", "b", 1));
    }

    #[test]
    fn a_nullifier_is_the_same_within_a_scope_and_differs_across_scopes() {
        let secret = HolderSecret::from_bytes(&[7; 32]).unwrap();
        let one = Scope::new("did:ethr:0x1:0xaa", "study", 0);
        let two = Scope::new("did:ethr:0x1:0xaa", "study", 1);
        let nullifier = |scope| secret.withdrawal_key(scope).nullifier();
        assert_eq!(nullifier(&one), nullifier(&one));
        assert_ne!(nullifier(&one), nullifier(&two));
    }

    #[test]
    fn debug_does_not_print_the_secret() {
        let secret = HolderSecret::from_bytes(&[7; 32]).unwrap();
        assert_eq!(format!("{secret:?}"), "HolderSecret(redacted)");
    }

    #[test]
    fn a_withdrawal_key_is_revealed_by_serde_alone() {
        let secret = HolderSecret::from_bytes(&[7; 32]).unwrap();
        let key = secret.withdrawal_key(&Scope::new("did:ethr:0x1:0xaa", "study", 0));
        assert_eq!(format!("{key:?}"), "WithdrawalKey(redacted)");
        let revealed = serde_json::to_string(&key).unwrap();
        assert_eq!(revealed, format!("\"{}\"", field::to_hex(&key.0)));
        let read: WithdrawalKey = serde_json::from_str(&revealed).unwrap();
        assert_eq!(read.nullifier(), key.nullifier());
    }
}
