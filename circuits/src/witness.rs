//! Everything that the holder supplies, and the relation itself in plain Rust.

use crate::credential::Credential;
use crate::holder::HolderSecret;
use crate::policy::PolicyViolation;
use crate::registry::{RegistryLeaf, RegistryPath};
use crate::schnorr::Signature;
use crate::statement::Statement;
use crate::status::StatusPath;
use crate::time::TIME_BITS;

/// The holder's side of a statement. Never printed.
#[derive(Clone)]
pub struct Witness {
    /// The holder's secret.
    pub holder_secret: HolderSecret,
    /// The credential.
    pub credential: Credential,
    /// The issuer's signature on it.
    pub signature: Signature,
    /// The issuer's accreditation.
    pub leaf: RegistryLeaf,
    /// The leaf's path in the registry.
    pub registry_path: RegistryPath,
    /// The credential's row in the issuer's status list.
    pub status_path: StatusPath,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness(redacted)")
    }
}

/// Which property of the statement does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The credential is of another schema than the policy asks for.
    #[error("schema: the credential is of another schema")]
    Schema,
    /// The credential belongs to another holder secret.
    #[error("holder binding: the credential belongs to another holder")]
    HolderBinding,
    /// The issuer's signature does not hold.
    #[error("issuer signature: it does not belong to this credential and key")]
    IssuerSignature,
    /// The issuer's leaf is not in the registry.
    #[error("accreditation: the issuer is not in the registry")]
    Accreditation,
    /// The accreditation has ended.
    #[error("accreditation: it has ended")]
    AccreditationEnded,
    /// The status path does not lead to the leaf's status root.
    #[error("non-revocation: the status list is not the one the issuer published")]
    StatusList,
    /// The credential's bit is set.
    #[error("non-revocation: the credential is revoked")]
    Revoked,
    /// `now` is before the credential's period.
    #[error("validity: the credential is not yet valid")]
    NotYetValid,
    /// `now` is after the credential's period.
    #[error("validity: the credential has expired")]
    Expired,
    /// A claim does not fit the comparison or mask that reads it.
    #[error("policy: a claim does not fit its comparison or mask")]
    ClaimRange,
    /// The claims do not satisfy the policy.
    #[error("policy: the claims do not satisfy it")]
    Policy,
    /// The nullifier is another holder's or another scope's.
    #[error("nullifier: it is not this holder's under this scope")]
    Nullifier,
    /// The statement's time does not fit 40 bits.
    #[error("now: not below 2^40 seconds")]
    Now,
}

impl Statement {
    /// Whether the witness satisfies the statement: the relation that the circuit enforces.
    ///
    /// # Errors
    /// The [`Violation`] of the first property that does not hold.
    pub fn check(&self, witness: &Witness) -> Result<(), Violation> {
        ensure(self.now >> TIME_BITS == 0, Violation::Now)?;
        let header = &witness.credential.header;
        let leaf = &witness.leaf;

        // Holder binding, Nullifier
        let secret = &witness.holder_secret;
        ensure(secret.commitment() == header.holder, Violation::HolderBinding)?;
        let nullifier = secret.withdrawal_key(&self.scope).nullifier();
        ensure(nullifier == self.nullifier, Violation::Nullifier)?;

        // Issuer signature
        ensure(header.schema == self.policy.schema, Violation::Schema)?;
        leaf.key
            .verify(&witness.credential, &witness.signature)
            .map_err(|_| Violation::IssuerSignature)?;

        // Non-revocation
        let root = witness.status_path.root(header.status_index).ok().flatten();
        ensure(root == Some(leaf.status_root), Violation::StatusList)?;
        ensure(!witness.status_path.bit(header.status_index), Violation::Revoked)?;

        // Accreditation
        let accredited = leaf.issuer_id == header.issuer_id && leaf.schema == header.schema;
        let root = witness.registry_path.root(leaf.hash()).filter(|_| accredited);
        ensure(root == Some(self.registry_root), Violation::Accreditation)?;
        ensure(self.now <= leaf.accredited_until, Violation::AccreditationEnded)?;

        // Validity
        ensure(header.valid_from <= self.now, Violation::NotYetValid)?;
        ensure(self.now <= header.valid_until, Violation::Expired)?;

        // Policy
        self.policy.evaluate(&witness.credential).map_err(|violation| match violation {
            PolicyViolation::ClaimRange => Violation::ClaimRange,
            PolicyViolation::Clause => Violation::Policy,
        })
    }
}

fn ensure(holds: bool, violation: Violation) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(violation) }
}
