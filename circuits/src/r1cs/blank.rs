//! Arguments of the right shape for recording the circuit, where values do not matter.

use crate::credential::{Claims, Credential, Header, IssuerId, SchemaId};
use crate::field::Fr;
use crate::holder::{HolderCommitment, HolderSecret};
use crate::jubjub::{Point, Scalar};
use crate::policy::{CompiledPolicy, SET_SIZE, SLOTS, Slot};
use crate::registry::{ARITY, DEPTH, RegistryLeaf, RegistryPath};
use crate::schnorr::{Signature, VerifyingKey};
use crate::status::{ARITIES, StatusPath, StatusRoot};
use crate::witness::Witness;
use ark_ff::AdditiveGroup;

const SCHEMA: SchemaId = SchemaId { id: 0, version: 0 };

pub(super) fn policy() -> CompiledPolicy {
    CompiledPolicy { schema: SCHEMA, slots: [Slot::unused(); SLOTS], set: [Fr::ZERO; SET_SIZE] }
}

pub(super) fn witness() -> Witness {
    let issuer_id = IssuerId::from_address([0; 20]);
    Witness {
        holder_secret: HolderSecret::zero(),
        credential: Credential {
            header: Header {
                schema: SCHEMA,
                issuer_id,
                holder: HolderCommitment::from_field(Fr::ZERO),
                status_index: 0,
                valid_from: 0,
                valid_until: 0,
                salt: [0; 16],
            },
            claims: Claims::default(),
        },
        signature: Signature { r_x: Fr::ZERO, s: Scalar::ZERO },
        leaf: RegistryLeaf {
            key: VerifyingKey::of_point(Point::base()),
            issuer_id,
            status_root: StatusRoot::from_field(Fr::ZERO),
            schema: SCHEMA,
            version: 0,
            accredited_until: 0,
        },
        registry_path: RegistryPath { children: [[Fr::ZERO; ARITY]; DEPTH] },
        status_path: StatusPath { row: 0, children: ARITIES.map(|arity| vec![Fr::ZERO; arity]) },
    }
}
