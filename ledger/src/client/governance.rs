//! What the consortium decides: each act is proposed, approved and executed by members.

use super::registry::{Accreditation, EntryIndex, RegistryClient, word};
use crate::contracts::{BabyJubJub, Consortium, IssuerRegistry};
use crate::{Account, LedgerError};
use alloy::primitives::{Address, Bytes, U256, aliases::U40};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::{SolCall, SolEvent};
use ark_ff::Field;
use attestry_circuits::jubjub::{Point, Scalar};
use attestry_circuits::schnorr::VerifyingKey;

/// An open proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalId(U256);

impl RegistryClient {
    /// Proposes a call of a contract; the proposer has then approved it.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] with `NotMember`; those of sending.
    pub async fn propose(
        &self,
        member: &Account,
        target: Address,
        data: Bytes,
    ) -> Result<ProposalId, LedgerError> {
        let call = Consortium::proposeCall { target, data };
        let receipt = self.client.send(member, self.deployment.consortium, call).await?;
        let proposed = find_event::<Consortium::Proposed>(&receipt, self.deployment.consortium);
        Ok(ProposalId(proposed.ok_or(LedgerError::Malformed("a proposal without its event"))?.id))
    }

    /// Approves a proposal.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] with `NotMember`, `ProposalVoid`, `ProposalExpired`, `AlreadyApproved` or
    /// `AlreadyExecuted`; those of sending.
    pub async fn approve(&self, member: &Account, proposal: ProposalId) -> Result<(), LedgerError> {
        let call = Consortium::approveCall { id: proposal.0 };
        self.client.send(member, self.deployment.consortium, call).await.map(|_| ())
    }

    /// Takes an approval back, while the proposal is open.
    ///
    /// # Errors
    /// As [`RegistryClient::approve`], with `NotApproved`.
    pub async fn revoke_approval(
        &self,
        member: &Account,
        proposal: ProposalId,
    ) -> Result<(), LedgerError> {
        let call = Consortium::revokeApprovalCall { id: proposal.0 };
        self.client.send(member, self.deployment.consortium, call).await.map(|_| ())
    }

    /// Performs an approved proposal.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] with `NotEnoughApprovals`, `ProposalVoid`, `AlreadyExecuted` or the error of the
    /// call itself; those of sending.
    pub async fn execute(&self, member: &Account, proposal: ProposalId) -> Result<(), LedgerError> {
        self.execute_proposal(member, proposal).await.map(|_| ())
    }

    async fn execute_proposal(
        &self,
        member: &Account,
        proposal: ProposalId,
    ) -> Result<TransactionReceipt, LedgerError> {
        self.client
            .send(member, self.deployment.consortium, Consortium::executeCall { id: proposal.0 })
            .await
    }

    /// Proposes, approves and executes with as many of the given members as the threshold asks for.
    async fn decide(
        &self,
        members: &[&Account],
        target: Address,
        call: impl SolCall,
    ) -> Result<TransactionReceipt, LedgerError> {
        let needed =
            self.client.read(self.deployment.consortium, Consortium::thresholdCall {}).await?;
        let signers = members.get(..usize::from(needed)).filter(|signers| !signers.is_empty());
        let [first, others @ ..] = signers.unwrap_or_default() else {
            return Err(LedgerError::NotEnoughSigners { needed, given: members.len() });
        };
        let proposal = self.propose(first, target, call.abi_encode().into()).await?;
        for member in others {
            self.approve(member, proposal).await?;
        }
        self.execute_proposal(first, proposal).await
    }

    /// Accredits an issuer's key for a schema and returns the entry. Its status list is empty.
    ///
    /// # Errors
    /// [`LedgerError::NotEnoughSigners`]; [`LedgerError::Reverted`] with `KeyAlreadyAccredited`,
    /// `AccreditationInPast`, `RegistryFull` or one of the consortium's errors; those of sending.
    pub async fn accredit(
        &self,
        members: &[&Account],
        accreditation: &Accreditation,
    ) -> Result<EntryIndex, LedgerError> {
        let (key, eighth) = key_with_eighth(&accreditation.key)?;
        let request = IssuerRegistry::Accreditation {
            issuer: accreditation.issuer,
            schema: accreditation.schema.as_u32(),
            accreditedUntil: unix_time(accreditation.accredited_until)?,
            key,
            eighthOfKey: eighth,
        };
        let call = IssuerRegistry::accreditCall { request };
        let receipt = self.decide(members, self.deployment.issuer_registry, call).await?;
        let changed =
            find_event::<IssuerRegistry::EntryChanged>(&receipt, self.deployment.issuer_registry);
        EntryIndex::from_word(
            changed.ok_or(LedgerError::Malformed("an accreditation without its event"))?.index,
        )
    }

    /// Suspends an entry; any one member may. Its leaf leaves the tree at once.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] with `NotMember` or `EntryNotActive`; those of sending.
    pub async fn suspend(&self, member: &Account, index: EntryIndex) -> Result<(), LedgerError> {
        let call = IssuerRegistry::suspendCall { index: index.as_word() };
        self.client.send(member, self.deployment.issuer_registry, call).await.map(|_| ())
    }

    /// Ends a suspension. The leaf comes back with a new version, so no earlier root does.
    ///
    /// # Errors
    /// As [`RegistryClient::accredit`], with `EntryNotSuspended`.
    pub async fn lift(&self, members: &[&Account], index: EntryIndex) -> Result<(), LedgerError> {
        self.decide_on_registry(members, IssuerRegistry::liftCall { index: index.as_word() }).await
    }

    /// Ends an accreditation for good.
    ///
    /// # Errors
    /// As [`RegistryClient::accredit`], with `EntryHasEnded`.
    pub async fn end(&self, members: &[&Account], index: EntryIndex) -> Result<(), LedgerError> {
        self.decide_on_registry(members, IssuerRegistry::endCall { index: index.as_word() }).await
    }

    /// Replaces an entry's key. Credentials signed with the old one no longer prove accreditation.
    ///
    /// # Errors
    /// As [`RegistryClient::accredit`], with `EntryHasEnded`.
    pub async fn rotate(
        &self,
        members: &[&Account],
        index: EntryIndex,
        key: &VerifyingKey,
    ) -> Result<(), LedgerError> {
        let (key, eighth) = key_with_eighth(key)?;
        let call = IssuerRegistry::rotateCall { index: index.as_word(), key, eighthOfKey: eighth };
        self.decide_on_registry(members, call).await
    }

    /// Sets until when an entry is accredited, Unix seconds.
    ///
    /// # Errors
    /// As [`RegistryClient::accredit`], with `EntryHasEnded`.
    pub async fn renew(
        &self,
        members: &[&Account],
        index: EntryIndex,
        accredited_until: u64,
    ) -> Result<(), LedgerError> {
        let until = unix_time(accredited_until)?;
        let call = IssuerRegistry::renewCall { index: index.as_word(), accreditedUntil: until };
        self.decide_on_registry(members, call).await
    }

    /// Changes who governs. Open proposals and the votes on them are void from then on.
    ///
    /// # Errors
    /// As [`RegistryClient::accredit`], with `AlreadyMember`, `NotMember`, `InvalidMember`, `TooManyMembers` or
    /// `InvalidThreshold`.
    pub async fn change_membership(
        &self,
        members: &[&Account],
        removed: &[Address],
        added: &[Address],
        threshold: u16,
    ) -> Result<(), LedgerError> {
        let call = Consortium::changeMembershipCall {
            removed: removed.to_vec(),
            added: added.to_vec(),
            newThreshold: threshold,
        };
        self.decide(members, self.deployment.consortium, call).await.map(|_| ())
    }

    /// The members, in no particular order.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn members(&self) -> Result<Vec<Address>, LedgerError> {
        self.client.read(self.deployment.consortium, Consortium::membersCall {}).await
    }

    /// Approvals that an act needs.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn threshold(&self) -> Result<u16, LedgerError> {
        self.client.read(self.deployment.consortium, Consortium::thresholdCall {}).await
    }

    async fn decide_on_registry(
        &self,
        members: &[&Account],
        call: impl SolCall,
    ) -> Result<(), LedgerError> {
        self.decide(members, self.deployment.issuer_registry, call).await.map(|_| ())
    }
}

fn find_event<E: SolEvent>(receipt: &TransactionReceipt, from: Address) -> Option<E> {
    let logs = receipt.inner.logs().iter();
    logs.filter(|log| log.address() == from)
        .find_map(|log| E::decode_log(&log.inner).ok().map(|log| log.data))
}

fn unix_time(seconds: u64) -> Result<U40, LedgerError> {
    U40::try_from(seconds).map_err(|_| LedgerError::Malformed("a time of more than 40 bits"))
}

/// The key, and the point that shows the contract that the key is in the prime-order subgroup.
fn key_with_eighth(
    key: &VerifyingKey,
) -> Result<(BabyJubJub::Point, BabyJubJub::Point), LedgerError> {
    let invalid = |_| LedgerError::InvalidIssuerKey;
    let point = Point::from_coordinates(key.x(), key.y()).map_err(invalid)?;
    let inverse = Scalar::from(8u64).inverse().ok_or(LedgerError::InvalidIssuerKey)?;
    let eighth = point.multiply(&inverse).map_err(invalid)?;
    let encode = |point: &Point| BabyJubJub::Point { x: word(point.x()), y: word(point.y()) };
    Ok((encode(&point), encode(&eighth)))
}
