//! Proposals, and what they do when they are approved.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_service::access::Principal;
use attestry_service::approval::{self, NewProposal, Proposal};
use attestry_service::database::seconds;
use attestry_service::{Actor, TenantId};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection};

use super::Storage;
use super::conditions::{Conditions, Value};
use super::credentials::{Change, Standing, apply};
use super::erasure::{erase, held_with};
use crate::IssuerError;
use crate::proposals::{MOST_REVOKED, Payload, Selection};
use crate::record::State;

impl Storage {
    pub(crate) async fn connection(&self) -> Result<PoolConnection<Any>, IssuerError> {
        Ok(self.pool().acquire().await?)
    }

    pub(crate) async fn propose(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        new: &NewProposal<'_>,
        now: u64,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Proposal, IssuerError> {
        let mut transaction = self.write().await?;
        let proposal =
            approval::propose(&mut transaction, now, principal, request_id, new, rng).await?;
        transaction.commit().await?;
        Ok(proposal)
    }

    pub(crate) async fn reject(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        id: &str,
        now: u64,
    ) -> Result<Proposal, IssuerError> {
        let mut transaction = self.write().await?;
        let proposal = approval::reject(&mut transaction, now, principal, request_id, id).await?;
        transaction.commit().await?;
        Ok(proposal)
    }

    /// Approves a proposal and does what it says: all of it, or nothing. Returns how many
    /// credentials it changed.
    pub(crate) async fn approve(
        &self,
        principal: &Principal,
        request_id: Option<&str>,
        id: &str,
        now: u64,
    ) -> Result<(Proposal, usize), IssuerError> {
        let mut transaction = self.write().await?;
        let proposal = approval::approve(&mut transaction, now, principal, request_id, id).await?;
        let payload: Payload = serde_json::from_value(proposal.payload)
            .map_err(|_| IssuerError::corrupt("a proposal"))?;
        let kind = payload.kind();
        let proposal =
            approval::execute(&mut transaction, now, principal, request_id, id, kind).await?;
        let work = Work { tenant: &self.tenant, actor: &principal.actor(request_id), now };
        let count = work.perform(&mut transaction, payload).await?;
        transaction.commit().await?;
        Ok((proposal, count))
    }

    /// How many credentials a selection would revoke now; of more than can be, one more.
    pub(crate) async fn selected(&self, selection: &Selection) -> Result<usize, IssuerError> {
        let mut connection = self.connection().await?;
        Ok(select(&mut connection, &self.tenant, selection).await?.len())
    }
}

/// On whose behalf, for whom and when something approved is done.
struct Work<'a> {
    tenant: &'a TenantId,
    actor: &'a Actor,
    now: u64,
}

impl Work<'_> {
    async fn perform(
        &self,
        connection: &mut AnyConnection,
        payload: Payload,
    ) -> Result<usize, IssuerError> {
        if let Payload::Erase { credential_id } = &payload {
            let found = held_with(connection, self.tenant, credential_id.parse()?).await?;
            for id in &found {
                erase(connection, self.tenant, self.actor, *id, self.now).await?;
            }
            return Ok(found.len());
        }
        let Some(revocation) = payload.revocation()? else { return Ok(0) };
        let selected = select(connection, self.tenant, &revocation.selection).await?;
        if selected.len() > MOST_REVOKED {
            return Err(IssuerError::request("$", "selects more than 20000 credentials"));
        }
        let change = Change {
            action: "credential.revoke",
            to: State::Revoked,
            reason: revocation.reason,
            actor: self.actor,
            at: self.now,
            superseded_by: None,
        };
        for credential in &selected {
            apply(connection, self.tenant, credential, &change).await?;
        }
        Ok(selected.len())
    }
}

/// What a selection would revoke now, at most one more than can be.
async fn select(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    selection: &Selection,
) -> Result<Vec<Standing>, IssuerError> {
    let mut conditions = Conditions::of_tenant(tenant);
    conditions.and("state IN ('active', 'suspended')", []);
    if let Some(schema) = selection.schema {
        conditions.and("schema = ?", [Value::Number(i64::from(schema.id().as_u32()))]);
    }
    if let Some(list) = selection.list {
        conditions.and("list_id = ?", [Value::Text(list.to_string())]);
    }
    if let Some(time) = selection.issued_from {
        conditions.and("issued_at >= ?", [Value::Number(seconds(time))]);
    }
    if let Some(time) = selection.issued_until {
        conditions.and("issued_at <= ?", [Value::Number(seconds(time))]);
    }
    if let Some(ids) = &selection.ids {
        let places = vec!["?"; ids.len()].join(", ");
        let values = ids.iter().map(|id| Value::Text(id.to_string()));
        conditions.and(&format!("id IN ({places})"), values);
    }
    let columns = Standing::COLUMNS;
    let select = format!("SELECT {columns} FROM credentials");
    let rows = conditions
        .fetch(connection, &select, &format!("ORDER BY id LIMIT {}", MOST_REVOKED + 1))
        .await?;
    rows.iter().map(Standing::read).collect()
}
