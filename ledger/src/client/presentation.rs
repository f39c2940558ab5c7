//! Presentations on the ledger, and withdrawals.

use super::registry::{RegistryClient, word};
use crate::contracts::PresentationVerifier as Contract;
use crate::{Account, LedgerError};
use alloy::primitives::{Address, B256, I256, U256, aliases::U40, keccak256};
use alloy::sol_types::SolValue;
use attestry_circuits::policy::{OperandSource, PolicyTemplate, SLOTS};
use attestry_circuits::{Nullifier, Scope, Statement, WithdrawalKey, time};

/// Modes of an operand, as the contract numbers them.
const FIXED: u8 = 0;
const DISCLOSED: u8 = 1;
const DAY: u8 = 2;

/// Bytes of a proof as the contract takes it: A, B and C, uncompressed.
const PROOF_BYTES: usize = 256;

/// What a contract asks, of whom it is counted, and how old proofs and roots may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerPolicy {
    /// What the nullifier is for.
    pub scope: Scope,
    /// What is asked.
    pub template: PolicyTemplate,
    /// Age of a proof in seconds, at most, by the ledger's clock; not 0.
    pub max_age_s: u32,
    /// For how long after its replacement a registry root is taken, in seconds.
    pub root_grace_s: u32,
}

/// keccak256 of a policy's ABI encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PolicyId(B256);

impl std::fmt::Display for PolicyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What has become of a nullifier on the ledger. Times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NullifierStatus {
    /// When and for whom it was presented.
    pub presented: Option<(u64, Address)>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<u64>,
}

impl LedgerPolicy {
    /// The name under which the contract knows it.
    pub fn id(&self) -> PolicyId {
        PolicyId(keccak256(self.encode().abi_encode()))
    }

    fn encode(&self) -> Contract::Policy {
        let mut operands = [U256::ZERO; SLOTS];
        let mut modes = [FIXED; SLOTS];
        for ((operand, mode), source) in
            operands.iter_mut().zip(&mut modes).zip(&self.template.operands)
        {
            (*operand, *mode) = match source {
                OperandSource::Fixed(value) => (word(*value), FIXED),
                OperandSource::Disclosed => (U256::ZERO, DISCLOSED),
                OperandSource::Day { offset } => (I256::unchecked_from(*offset).into_raw(), DAY),
            };
        }
        Contract::Policy {
            scope: word(self.scope.as_field()),
            word: word(self.template.word),
            operands,
            modes,
            set: self.template.set.map(word),
            maxAge: self.max_age_s,
            rootGrace: self.root_grace_s,
        }
    }

    /// The contract's arguments for a proven statement.
    fn presentation(
        &self,
        subject: Address,
        statement: &Statement,
        proof: &[u8; PROOF_BYTES],
    ) -> Result<Contract::Presentation, LedgerError> {
        let day = u32::try_from(time::day_of(statement.now)).ok();
        let disclosed = day.and_then(|day| self.template.disclosed(&statement.policy, day));
        let disclosed = disclosed.filter(|_| statement.scope == self.scope);
        let mut words = [U256::ZERO; _];
        for (word, bytes) in words.iter_mut().zip(proof.as_chunks::<32>().0) {
            *word = U256::from_be_bytes(*bytes);
        }
        Ok(Contract::Presentation {
            policyId: self.id().0,
            registryRoot: word(statement.registry_root.as_field()),
            nullifier: word(statement.nullifier.as_field()),
            now_: U40::try_from(statement.now).map_err(|_| LedgerError::OtherPolicy)?,
            subject,
            disclosed: disclosed.ok_or(LedgerError::OtherPolicy)?.into_iter().map(word).collect(),
            proof: words,
        })
    }
}

impl RegistryClient {
    /// Makes a policy known to the contract; anyone may, and doing so again changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::NotADeployment`] if no contract takes presentations; [`LedgerError::Reverted`]
    /// with `MaxAgeIsZero`, `OperandOutOfRange` or another rule of the contract; those of sending.
    pub async fn register_policy(
        &self,
        account: &Account,
        policy: &LedgerPolicy,
    ) -> Result<PolicyId, LedgerError> {
        let call = Contract::registerPolicyCall { policy: policy.encode() };
        self.client.send(account, self.presentation_verifier()?, call).await?;
        Ok(policy.id())
    }

    /// Presents a statement that was proven under the context of this call: by `account`, for
    /// `subject`. `proof` is A, B and C in eight words, as
    /// `attestry_keys::interop::solidity::proof_words` gives them. The nullifier
    /// is then used up.
    ///
    /// # Errors
    /// [`LedgerError::OtherPolicy`] if the statement is not one of the policy;
    /// [`LedgerError::Reverted`] with `UnknownPolicy`, `PresentationTooOld`,
    /// `PresentationInFuture`, `StaleRoot`, `NullifierAlreadyUsed`, `NullifierWithdrawn` or
    /// `InvalidProof`; those of [`RegistryClient::register_policy`].
    pub async fn present(
        &self,
        account: &Account,
        policy: &LedgerPolicy,
        subject: Address,
        statement: &Statement,
        proof: &[u8; PROOF_BYTES],
    ) -> Result<(), LedgerError> {
        let presentation = policy.presentation(subject, statement, proof)?;
        let call = Contract::presentCall { presentation };
        self.client.send(account, self.presentation_verifier()?, call).await.map(|_| ())
    }

    /// Withdraws: from then on nothing is accepted under the key's nullifier. Anyone who has been
    /// given the key may send it, and doing so again changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::NotADeployment`] if no contract takes withdrawals; those of sending.
    pub async fn withdraw(
        &self,
        relayer: &Account,
        key: &WithdrawalKey,
    ) -> Result<Nullifier, LedgerError> {
        let call = Contract::withdrawCall { key: U256::from_be_bytes(*key.to_bytes()) };
        self.client.send(relayer, self.presentation_verifier()?, call).await?;
        Ok(key.nullifier())
    }

    /// What has become of a nullifier.
    ///
    /// # Errors
    /// [`LedgerError::NotADeployment`] if no contract takes presentations; those of reading.
    pub async fn nullifier_status(
        &self,
        nullifier: Nullifier,
    ) -> Result<NullifierStatus, LedgerError> {
        let call = Contract::statusOfCall { nullifier: word(nullifier.as_field()) };
        let status = self.client.read(self.presentation_verifier()?, call).await?;
        let time = |at: U40| Some(at.to::<u64>()).filter(|at| *at != 0);
        Ok(NullifierStatus {
            presented: time(status.presentedAt).map(|at| (at, status.subject)),
            withdrawn_at: time(status.withdrawnAt),
        })
    }

    fn presentation_verifier(&self) -> Result<Address, LedgerError> {
        self.deployment
            .presentation_verifier
            .ok_or(LedgerError::NotADeployment("it takes no presentations"))
    }
}
