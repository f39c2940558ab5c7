//! Who did what and when: a chain of entries for each tenant, to which is only ever added.
//!
//! Entry *n* holds the hash of entry *n − 1*, so that its own hash stands for everything before
//! it: nobody who knows the hash of a later entry, such as from the ledger, can be shown another
//! past. Their order is their sequence; the time is what the clock said, which may jump.
//!
//! Entries hold ids that name no person, and codes. So they stay when a subject is erased, and the
//! chain stays whole.
//!
//! The hash of an entry is SHA-256 over `attestry-audit-entry`, a line feed, and the entry in
//! canonical JSON (RFC 8785): the members that an export in JSON shows, without `hash`.

mod anchor;
mod entry;
mod export;
pub(crate) mod guard;
pub mod http;
mod read;
mod verify;

pub use anchor::{Anchor, Batch, Place, anchor_head, anchors, kind, root};
pub use entry::{Entry, Head, HeadError};
pub use export::{Export, Format, FormatError};
pub use read::{Filter, LONGEST_PAGE, Page, page};
pub use verify::{Fault, Known, Verified, VerifyError, verify};

use sqlx::{Any, AnyConnection, Row, Transaction};

use crate::database::{Kind, seconds, unsigned};
use crate::{Actor, Database, DatabaseError, TenantId};

/// Something that was done.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Who did it.
    pub actor: &'a Actor,
    /// What: thing and verb, such as `credential.issue`.
    pub action: &'static str,
    /// To what: an id that names no person.
    pub object: Option<&'a str>,
    /// What else is to be known: codes, numbers and ids under names of letters and digits, each
    /// name once. Never what a person said or what is said of one.
    pub details: &'a [(&'static str, String)],
}

/// Appends an entry to the tenant's chain, in the transaction that does what the entry tells of.
/// From here to the transaction's end all others wait who append for this tenant, so it is best
/// called last.
///
/// # Errors
/// [`DatabaseError::NotForAudit`] if a text is empty, longer than 512 bytes or not printable ASCII,
/// or if there are more than 16 details or two of one name; [`DatabaseError::Sql`],
/// [`DatabaseError::Corrupt`].
pub async fn append(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    at: u64,
    event: &Event<'_>,
) -> Result<u64, DatabaseError> {
    let head = match advance(connection, tenant).await? {
        Some(head) => head,
        None => {
            begin(connection, tenant).await?;
            advance(connection, tenant)
                .await?
                .ok_or(DatabaseError::Corrupt("head of the audit log"))?
        }
    };
    let entry = Entry::following(&head, tenant, at, event)?;
    let insert = "INSERT INTO audit_entries
        (tenant, sequence, at, actor, request_id, action, object, details, previous, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let (sequence, hash) = (seconds(entry.sequence), hex::encode(entry.hash));
    sqlx::query(insert)
        .bind(tenant.as_str())
        .bind(sequence)
        .bind(seconds(entry.at))
        .bind(&entry.actor)
        .bind(entry.request_id.as_deref())
        .bind(&entry.action)
        .bind(entry.object.as_deref())
        .bind(entry.details_json())
        .bind(hex::encode(entry.previous))
        .bind(&hash)
        .execute(&mut *connection)
        .await?;
    let update = "UPDATE audit_heads SET hash = $1 WHERE tenant = $2 AND sequence = $3";
    sqlx::query(update)
        .bind(&hash)
        .bind(tenant.as_str())
        .bind(sequence)
        .execute(&mut *connection)
        .await?;
    Ok(entry.sequence)
}

/// A transaction in which the records of a tenant are changed, by one at a time: until its end all
/// others wait who append for this tenant. All that change rows before they append take their locks
/// in one order so, and none waits for another that waits for it.
///
/// # Errors
/// [`DatabaseError::Sql`].
pub async fn transaction(
    database: &Database,
    tenant: &TenantId,
) -> Result<Transaction<'static, Any>, DatabaseError> {
    let mut transaction = database.write().await?;
    // SQLite's writers wait for each other from their beginning.
    if database.kind() == Kind::Postgres {
        lock(&mut transaction, tenant).await?;
    }
    Ok(transaction)
}

async fn lock(connection: &mut AnyConnection, tenant: &TenantId) -> Result<(), DatabaseError> {
    let update = "UPDATE audit_heads SET sequence = sequence WHERE tenant = $1";
    let locked = sqlx::query(update).bind(tenant.as_str()).execute(&mut *connection).await?;
    if locked.rows_affected() == 0 {
        // A chain without entries has no row yet. Of several who make it, one does; the others
        // wait for that one's end, and lock the row then.
        begin(connection, tenant).await?;
        sqlx::query(update).bind(tenant.as_str()).execute(connection).await?;
    }
    Ok(())
}

/// Takes the next sequence; with it the hash of the entry before.
async fn advance(
    connection: &mut AnyConnection,
    tenant: &TenantId,
) -> Result<Option<Head>, DatabaseError> {
    let update = "UPDATE audit_heads SET sequence = sequence + 1 WHERE tenant = $1
        RETURNING sequence - 1 AS sequence, hash";
    let row = sqlx::query(update).bind(tenant.as_str()).fetch_optional(connection).await?;
    row.map(|row| Head::from_row(&row)).transpose()
}

/// Makes an empty chain, unless there is one.
async fn begin(connection: &mut AnyConnection, tenant: &TenantId) -> Result<(), DatabaseError> {
    let insert = "INSERT INTO audit_heads (tenant, sequence, hash) VALUES ($1, 0, $2)
        ON CONFLICT (tenant) DO NOTHING";
    let hash = hex::encode(Head::EMPTY.hash);
    sqlx::query(insert).bind(tenant.as_str()).bind(hash).execute(connection).await?;
    Ok(())
}

/// The end of a tenant's chain; that of the empty chain if nothing was ever done.
///
/// # Errors
/// [`DatabaseError::Sql`], [`DatabaseError::Corrupt`].
pub async fn head(
    connection: &mut AnyConnection,
    tenant: &TenantId,
) -> Result<Head, DatabaseError> {
    let select = "SELECT sequence, hash FROM audit_heads WHERE tenant = $1";
    let row = sqlx::query(select).bind(tenant.as_str()).fetch_optional(connection).await?;
    row.map_or(Ok(Head::EMPTY), |row| Head::from_row(&row))
}

/// Bytes of a hash as the database has them.
fn hash(text: &str) -> Result<[u8; 32], DatabaseError> {
    entry::read_hash(text).ok_or(DatabaseError::Corrupt("hash of the audit log"))
}

impl Head {
    fn from_row(row: &sqlx::any::AnyRow) -> Result<Self, DatabaseError> {
        let sequence = unsigned(row.try_get("sequence")?, "sequence of the audit log")?;
        Ok(Self { sequence, hash: hash(row.try_get("hash")?)? })
    }
}
