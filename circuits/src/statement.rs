//! The typed public claim, and its encoding as public inputs.

use crate::field::{self, Fr, field_newtype};
use crate::holder::{Nullifier, Scope};
use crate::policy::{CompiledPolicy, SET_SIZE, SLOTS};
use crate::registry::RegistryRoot;

/// Number of public inputs: six and the policy's operands and set.
pub const PUBLIC_INPUTS: usize = 6 + SLOTS + SET_SIZE;

const CONTEXT_DOMAIN: &str = "attestry/presentation-key/v1";
const LEDGER_CALL_DOMAIN: &str = "attestry/ledger-call/v1";

field_newtype! {
    /// What a proof is bound to besides its statement.
    Context
}

impl Context {
    /// The context of a one-time Ed25519 presentation key.
    pub fn of_presentation_key(key: &[u8; 32]) -> Self {
        Self(field::hash_to_field(CONTEXT_DOMAIN, key))
    }

    /// The context of a presentation that `caller` makes to a `PresentationVerifier` contract for
    /// `subject`: the chain id in 32 bytes, big-endian, then the three addresses. An account
    /// presents for itself; a contract for its own caller, so that nobody else can take the proof.
    pub fn of_ledger_call(
        chain_id: u64,
        contract: &[u8; 20],
        caller: &[u8; 20],
        subject: &[u8; 20],
    ) -> Self {
        let chain_id = u128::from(chain_id).to_be_bytes();
        let bytes = [&[0; 16], &chain_id[..], contract, caller, subject].concat();
        Self(field::hash_to_field(LEDGER_CALL_DOMAIN, &bytes))
    }
}

/// What a presentation proves, in public-input order.
///
/// Reordering or extending this is a new circuit id. See `docs/statement.md`, section 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Root of the issuer registry; the verifier takes it from the ledger.
    pub registry_root: RegistryRoot,
    /// The holder's nullifier under the scope.
    pub nullifier: Nullifier,
    /// Whom and what the nullifier is for.
    pub scope: Scope,
    /// Binds the presentation to a one-time key.
    pub context: Context,
    /// Unix seconds, 40 bits: the time at which everything is valid.
    pub now: u64,
    /// What is asked of the claims.
    pub policy: CompiledPolicy,
}

impl Statement {
    /// Names of the public inputs, in order.
    pub const INPUT_NAMES: [&'static str; PUBLIC_INPUTS] = [
        "registry_root",
        "nullifier",
        "scope",
        "context",
        "now",
        "policy_word",
        "operand_0",
        "operand_1",
        "operand_2",
        "operand_3",
        "operand_4",
        "operand_5",
        "operand_6",
        "operand_7",
        "set_0",
        "set_1",
        "set_2",
        "set_3",
        "set_4",
        "set_5",
        "set_6",
        "set_7",
    ];

    /// The public inputs, in order.
    pub fn public_inputs(&self) -> [Fr; PUBLIC_INPUTS] {
        let head = [
            self.registry_root.as_field(),
            self.nullifier.as_field(),
            self.scope.as_field(),
            self.context.as_field(),
            Fr::from(self.now),
            self.policy.word(),
        ];
        let operands = self.policy.slots.iter().map(|slot| slot.operand);
        let mut inputs = [Fr::default(); PUBLIC_INPUTS];
        let values = head.into_iter().chain(operands).chain(self.policy.set);
        inputs.iter_mut().zip(values).for_each(|(input, value)| *input = value);
        inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_of_a_call_is_pinned_and_depends_on_every_part() {
        let of = |chain_id, contract, caller, subject| {
            Context::of_ledger_call(chain_id, &[contract; 20], &[caller; 20], &[subject; 20])
        };
        let context = of(31_337, 0xaa, 0xbb, 0xcc);
        assert_eq!(
            context.to_string(),
            "0x00d4a230f6c96e6795127d3aa96eb54ee590854da5c831224707fc8fba86a951"
        );
        for other in [
            of(31_338, 0xaa, 0xbb, 0xcc),
            of(31_337, 0xab, 0xbb, 0xcc),
            of(31_337, 0xaa, 0xbc, 0xcc),
            of(31_337, 0xaa, 0xbb, 0xcd),
            of(31_337, 0xaa, 0xcc, 0xbb),
        ] {
            assert_ne!(other, context);
        }
    }
}
