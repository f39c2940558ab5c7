//! Destroys what credentials say.

use attestry_service::{Actor, TenantId, audit};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::credentials::{Change, Standing, apply};
use crate::IssuerError;
use crate::record::{CredentialId, Reason, State};

/// What else of a credential says something of its subject. The hash of a request could be tried
/// against guesses of what was asked.
const DETAILS: [&str; 4] = [
    "DELETE FROM search_terms WHERE tenant = $1 AND credential_id = $2",
    "DELETE FROM imported WHERE tenant = $1 AND credential_id = $2",
    "DELETE FROM consents WHERE tenant = $1 AND credential_id = $2",
    "UPDATE idempotency_keys SET request_hash = 'erased' WHERE tenant = $1 AND credential_id = $2",
];

/// The credentials of the holder of one, that one included.
pub(super) async fn held_with(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    id: CredentialId,
) -> Result<Vec<CredentialId>, IssuerError> {
    let sql = "SELECT id FROM credentials WHERE tenant = $1 AND (id = $2 OR holder =
                   (SELECT holder FROM credentials WHERE tenant = $1 AND id = $2))
               ORDER BY id";
    let rows =
        sqlx::query(sql).bind(tenant.as_str()).bind(id.to_string()).fetch_all(connection).await?;
    let id = |row: &AnyRow| {
        let id: String = row.try_get("id")?;
        id.parse().map_err(|_| IssuerError::corrupt("an id"))
    };
    rows.iter().map(id).collect()
}

/// Destroys what a credential says, its salt and what it is found by, and bars it if it was not
/// barred.
pub(super) async fn erase(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    actor: &Actor,
    id: CredentialId,
    at: u64,
) -> Result<(), IssuerError> {
    let object = id.to_string();
    let erased = sqlx::query(
        "UPDATE credentials SET document = NULL, subject = NULL, holder = NULL, salt = NULL,
             attestation = NULL
         WHERE tenant = $1 AND id = $2 AND document IS NOT NULL
         RETURNING id, list_id, status_index, state, version",
    )
    .bind(tenant.as_str())
    .bind(&object)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = erased else { return Ok(()) };
    for sql in DETAILS {
        sqlx::query(sql).bind(tenant.as_str()).bind(&object).execute(&mut *connection).await?;
    }
    let standing = Standing::read(&row)?;
    if !standing.state.is_barred() {
        let change = Change {
            action: "credential.revoke",
            to: State::Revoked,
            reason: Reason::HolderRequest,
            actor,
            at,
            superseded_by: None,
        };
        apply(connection, tenant, &standing, &change).await?;
    }
    let action = "credential.erase";
    let event = audit::Event { actor, action, object: Some(&object), details: &[] };
    audit::append(connection, tenant, at, &event).await?;
    Ok(())
}
