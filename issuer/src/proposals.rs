//! What takes two people: to revoke many credentials at once, and to erase a subject.
//!
//! One proposes; a reviewer who is somebody else approves, and with that it is done, all of it or
//! nothing. Erasure destroys what credentials say of a subject and their salts. What stays names
//! nobody: ids, states, times and status indices, so that the status lists, the ledger and the
//! audit log remain whole; and the ledger does not tell what was attested, whose salt is gone.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::SchemaId;
use attestry_credential::schema::Schema;
use attestry_service::access::Principal;
use attestry_service::approval::{self, NewProposal, Proposal};
use serde::{Deserialize, Serialize};

use crate::record::{CredentialId, ListId, Reason};
use crate::{Issuer, IssuerError};

/// Credentials that one proposal revokes, at most.
pub const MOST_REVOKED: usize = 20_000;
/// How long a proposal may be approved, seconds: a week.
const OPEN_FOR: u64 = 7 * 86_400;

/// Which credentials are to be revoked. What is left out is not looked at; what is there must all
/// hold. Of those, what is neither revoked nor superseded already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These.
    pub ids: Option<Vec<CredentialId>>,
    /// Of this schema.
    pub schema: Option<Schema>,
    /// In this list.
    pub list: Option<ListId>,
    /// Issued in this second or later, Unix.
    pub issued_from: Option<u64>,
    /// Issued in this second or earlier, Unix.
    pub issued_until: Option<u64>,
}

/// What a proposal to revoke says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub selection: Selection,
    /// Why.
    pub reason: Reason,
}

/// What a proposal says, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum Payload {
    Revoke {
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        credential_ids: Option<Vec<String>>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        schema: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        list: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        issued_from: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        issued_until: Option<u64>,
    },
    Erase {
        credential_id: String,
    },
}

impl Payload {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Revoke { .. } => "credentials.revoke",
            Self::Erase { .. } => "subject.erase",
        }
    }
}

impl From<&Revocation> for Payload {
    fn from(revocation: &Revocation) -> Self {
        let Selection { ids, schema, list, issued_from, issued_until } = &revocation.selection;
        Self::Revoke {
            reason: revocation.reason.word().to_owned(),
            credential_ids: ids.as_ref().map(|ids| ids.iter().map(ToString::to_string).collect()),
            schema: schema.map(|schema| schema.id().as_u32()),
            list: list.map(|list| list.to_string()),
            issued_from: *issued_from,
            issued_until: *issued_until,
        }
    }
}

impl Payload {
    /// What is to be revoked; none if it is something else.
    pub(crate) fn revocation(&self) -> Result<Option<Revocation>, IssuerError> {
        let Self::Revoke { reason, credential_ids, schema, list, issued_from, issued_until } = self
        else {
            return Ok(None);
        };
        let corrupt = || IssuerError::corrupt("a proposal");
        let parsed = |ids: &Vec<String>| ids.iter().map(|id| id.parse()).collect();
        let schema = schema.map(|id| Schema::from_id(SchemaId::from_u32(id)).ok_or_else(corrupt));
        let selection = Selection {
            ids: credential_ids.as_ref().map(parsed).transpose()?,
            schema: schema.transpose()?,
            list: list.as_ref().map(|list| list.parse()).transpose()?,
            issued_from: *issued_from,
            issued_until: *issued_until,
        };
        let reason = Reason::from_word(reason).ok_or_else(corrupt)?;
        Ok(Some(Revocation { selection, reason }))
    }
}

impl Issuer {
    /// Proposes to revoke many credentials. Returns the proposal and how many it would revoke now.
    ///
    /// # Errors
    /// [`IssuerError::Request`] if nothing is selected, or more than [`MOST_REVOKED`];
    /// [`IssuerError::Approval`] if it names too many ids; [`IssuerError::Database`].
    pub async fn propose_revocation(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        revocation: &Revocation,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<(Proposal, usize), IssuerError> {
        if revocation.selection == Selection::default() {
            return Err(IssuerError::request("$", "selects nothing"));
        }
        let selected = self.storage().selected(&revocation.selection).await?;
        if selected > MOST_REVOKED {
            return Err(IssuerError::request("$", "selects more than 20000 credentials"));
        }
        let proposal = self.propose(principal, request_id, &revocation.into(), rng).await?;
        Ok((proposal, selected))
    }

    /// Proposes to erase the subject of a credential: all credentials of its holder.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::Erased`]; [`IssuerError::Database`].
    pub async fn propose_erasure(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        id: CredentialId,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Proposal, IssuerError> {
        self.credential(id).await?.content()?;
        let payload = Payload::Erase { credential_id: id.to_string() };
        self.propose(principal, request_id, &payload, rng).await
    }

    /// Approves what somebody else proposed, and does it.
    ///
    /// # Errors
    /// [`IssuerError::Approval`] if it cannot be approved by this principal or at all;
    /// [`IssuerError::Request`] if it would revoke more than [`MOST_REVOKED`];
    /// [`IssuerError::Database`].
    pub async fn approve(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        id: &str,
    ) -> Result<Proposal, IssuerError> {
        let (proposal, count) =
            self.storage().approve(principal, request_id, id, self.now()).await?;
        tracing::info!(kind = proposal.kind, count, "a proposal was approved and done");
        Ok(proposal)
    }

    /// Rejects a proposal, or withdraws one's own.
    ///
    /// # Errors
    /// [`IssuerError::Approval`]; [`IssuerError::Database`].
    pub async fn reject(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        id: &str,
    ) -> Result<Proposal, IssuerError> {
        self.storage().reject(principal, request_id, id, self.now()).await
    }

    /// A proposal.
    ///
    /// # Errors
    /// [`IssuerError::Approval`] if there is none of this id; [`IssuerError::Database`].
    pub async fn proposal(&self, id: &str) -> Result<Proposal, IssuerError> {
        let mut connection = self.storage().connection().await?;
        Ok(approval::get(&mut connection, self.tenant(), id).await?)
    }

    /// The last proposals, the last one first.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn proposals(&self, limit: u32) -> Result<Vec<Proposal>, IssuerError> {
        let mut connection = self.storage().connection().await?;
        Ok(approval::list(&mut connection, self.tenant(), limit).await?)
    }

    async fn propose(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        payload: &Payload,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Proposal, IssuerError> {
        let kind = payload.kind();
        let payload =
            serde_json::to_value(payload).map_err(|_| IssuerError::corrupt("a proposal"))?;
        let new = NewProposal { kind, payload: &payload, time: OPEN_FOR };
        self.storage().propose(principal, request_id, &new, self.now(), rng).await
    }
}
