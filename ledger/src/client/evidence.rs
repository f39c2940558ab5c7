//! Roots of batches of evidence: heads of audit logs, consent artefacts, custody, trial events.

use super::rebuild::decode;
use super::registry::RegistryClient;
use crate::contracts::EvidenceAnchor as Contract;
use crate::{Account, LedgerError};
use alloy::primitives::{Address, B256};
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;

/// A batch of evidence. Nothing here may be guessed from a person: leaves are salted hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvidenceBatch {
    /// What the evidence is: the hash of its kind's name, not zero.
    pub kind: [u8; 32],
    /// Version of the policy under which it was gathered.
    pub policy_version: u32,
    /// Merkle root over the leaves, not zero.
    pub root: [u8; 32],
    /// How many leaves, 1 to 2^20.
    pub leaf_count: u32,
}

/// When and as what a batch was anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvidenceRecord {
    /// Unix seconds.
    pub anchored_at: u64,
    /// The batch's number among its submitter's of its kind, from 1.
    pub sequence: u64,
    /// As it was given.
    pub policy_version: u32,
    /// As it was given.
    pub leaf_count: u32,
}

/// A batch as the ledger tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchoredBatch {
    /// The batch's number among its submitter's of its kind, from 1.
    pub sequence: u64,
    /// Merkle root over the leaves.
    pub root: [u8; 32],
    /// The block in which it was anchored.
    pub block: u64,
}

impl RegistryClient {
    /// Anchors a batch under the account's address.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] with `AlreadyAnchored`, `ZeroKind`, `ZeroRoot`, `NoLeaves` or
    /// `TooManyLeaves`; those of sending.
    pub async fn anchor_evidence(
        &self,
        account: &Account,
        batch: &EvidenceBatch,
    ) -> Result<(), LedgerError> {
        let batch = Contract::Batch {
            kind: B256::from(batch.kind),
            policyVersion: batch.policy_version,
            root: B256::from(batch.root),
            leafCount: batch.leaf_count,
        };
        let call = Contract::anchorCall { batch };
        self.client.send(account, self.deployment.evidence_anchor, call).await.map(|_| ())
    }

    /// The same, and what the ledger says of it then. A batch that was anchored before is not anchored again.
    ///
    /// # Errors
    /// As [`anchor_evidence`](Self::anchor_evidence), but for `AlreadyAnchored`; those of reading.
    pub async fn ensure_evidence(
        &self,
        account: &Account,
        batch: &EvidenceBatch,
    ) -> Result<EvidenceRecord, LedgerError> {
        match self.anchor_evidence(account, batch).await {
            Err(LedgerError::Reverted { name }) if name == "AlreadyAnchored" => {}
            outcome => outcome?,
        }
        let record = self.evidence(account.address(), &batch.kind, &batch.root).await?;
        record.ok_or(LedgerError::Malformed("evidence that was anchored is not"))
    }

    /// When and as what a root was anchored, if it was.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn evidence(
        &self,
        submitter: Address,
        kind: &[u8; 32],
        root: &[u8; 32],
    ) -> Result<Option<EvidenceRecord>, LedgerError> {
        let (kind, root) = (B256::from(*kind), B256::from(*root));
        let call = Contract::anchorOfCall { submitter, kind, root };
        let anchor = self.client.read(self.deployment.evidence_anchor, call).await?;
        let anchored_at = anchor.anchoredAt.to::<u64>();
        Ok((anchored_at != 0).then_some(EvidenceRecord {
            anchored_at,
            sequence: anchor.sequence,
            policy_version: anchor.policyVersion,
            leaf_count: anchor.leafCount,
        }))
    }

    /// All batches of a kind that an account anchored, in the order of their numbers, of which none is missing.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn evidence_batches(
        &self,
        submitter: Address,
        kind: &[u8; 32],
    ) -> Result<Vec<AnchoredBatch>, LedgerError> {
        let contract = self.deployment.evidence_anchor;
        let latest = self.client.block_number().await?;
        let from = self.client.read(contract, Contract::deploymentBlockCall {}).await?;
        let from = u64::try_from(from).map_err(|_| LedgerError::Malformed("a block number"))?;
        let filter = Filter::new()
            .address(contract)
            .event_signature(Contract::EvidenceAnchored::SIGNATURE_HASH)
            .topic1(submitter.into_word())
            .topic2(B256::from(*kind));
        let mut batches = Vec::new();
        for (expected, log) in (1..).zip(&self.client.logs(&filter, from, latest).await?) {
            let anchored = decode::<Contract::EvidenceAnchored>(log)?;
            if anchored.sequence != expected {
                return Err(LedgerError::Malformed("evidence before its predecessor"));
            }
            let block = log.block_number.ok_or(LedgerError::Malformed("a log of no block"))?;
            batches.push(AnchoredBatch { sequence: expected, root: anchored.root.into(), block });
        }
        Ok(batches)
    }
}
