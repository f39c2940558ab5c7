//! Heads of the log on the ledger: from then on nobody can be shown another past.

use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Entry, Head, hash};
use crate::database::{seconds, unsigned};
use crate::{Database, DatabaseError, TenantId};

const KIND_DOMAIN: &[u8] = b"attestry-audit-log\n";
const LEAF_DOMAIN: &[u8] = b"attestry-audit-leaf\n";

/// What goes to the ledger's evidence anchor for a head. The leaf of a head is the whole batch, so
/// that whoever holds the log needs nothing else to find it there. Both hashes are over others that
/// nobody guesses, so they say of whom they are only to who holds the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The kind of evidence, different for each log, so that its batches are numbered by
    /// themselves and none can be left out: see [`kind`].
    pub kind: [u8; 32],
    /// Version of what an entry holds.
    pub policy_version: u32,
    /// See [`root`].
    pub root: [u8; 32],
    /// How many leaves the root stands for.
    pub leaf_count: u32,
}

/// The kind of evidence that a log's heads are: SHA-256 over `attestry-audit-log`, a line feed and
/// the 32 bytes of the hash of the log's first entry.
pub fn kind(first: &[u8; 32]) -> [u8; 32] {
    hash_of(KIND_DOMAIN, first)
}

/// The root that stands for a head: SHA-256 over `attestry-audit-leaf`, a line feed, and the tenant,
/// a colon and the head as text.
pub fn root(tenant: &TenantId, head: &Head) -> [u8; 32] {
    hash_of(LEAF_DOMAIN, format!("{tenant}:{head}").as_bytes())
}

fn hash_of(domain: &[u8], content: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(domain);
    hash.update(content);
    hash.finalize().into()
}

/// A head that stands on the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The head.
    pub head: Head,
    /// The root under which it stands there.
    pub root: [u8; 32],
    /// The batch's number there, among those of the submitter and kind.
    pub batch: u64,
    /// When, as the ledger says, Unix seconds.
    pub anchored_at: u64,
}

/// Where the ledger has a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The batch's number, among those of the submitter and kind.
    pub batch: u64,
    /// When it was anchored, as the ledger says, Unix seconds.
    pub anchored_at: u64,
}

/// Anchors the head of a tenant's log, unless it stands on the ledger already. `ensure` puts a batch
/// there, unless it is there: so a head that was anchored and not noted, because the service was
/// stopped between the two, is noted only.
///
/// # Errors
/// Those of `ensure`; [`DatabaseError::Sql`], [`DatabaseError::Corrupt`].
pub async fn anchor_head<E: From<DatabaseError>, F: Future<Output = Result<Place, E>>>(
    database: &Database,
    tenant: &TenantId,
    ensure: impl FnOnce(Batch) -> F,
) -> Result<Option<Anchor>, E> {
    // No connection is kept while the ledger is waited for.
    let Some((head, batch)) = unanchored(database, tenant).await? else { return Ok(None) };
    let Place { batch: number, anchored_at } = ensure(batch).await?;
    let anchor = Anchor { head, root: batch.root, batch: number, anchored_at };
    record(database, tenant, &anchor).await?;
    Ok(Some(anchor))
}

/// The head of a tenant's log and the batch for it, if it is further than what stands on the
/// ledger. Anchoring is not recorded in the log: that would make a head that is not anchored.
async fn unanchored(
    database: &Database,
    tenant: &TenantId,
) -> Result<Option<(Head, Batch)>, DatabaseError> {
    let select = "SELECT heads.sequence AS sequence, heads.hash AS hash, entries.hash AS first
        FROM audit_heads heads
        JOIN audit_entries entries ON entries.tenant = heads.tenant AND entries.sequence = 1
        WHERE heads.tenant = $1 AND heads.sequence >
            (SELECT COALESCE(MAX(sequence), 0) FROM audit_anchors WHERE tenant = $1)";
    let query = sqlx::query(select).bind(tenant.as_str());
    let row = query.fetch_optional(database.pool()).await?;
    let Some(row) = row else { return Ok(None) };
    let head = Head::from_row(&row)?;
    let batch = Batch {
        kind: kind(&hash(row.try_get("first")?)?),
        policy_version: Entry::FORMAT,
        root: root(tenant, &head),
        leaf_count: 1,
    };
    Ok(Some((head, batch)))
}

/// Records that a head stands on the ledger; nothing happens if that is recorded already.
async fn record(
    database: &Database,
    tenant: &TenantId,
    anchor: &Anchor,
) -> Result<(), DatabaseError> {
    let insert = "INSERT INTO audit_anchors (tenant, sequence, hash, root, batch, anchored_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, sequence) DO NOTHING";
    sqlx::query(insert)
        .bind(tenant.as_str())
        .bind(seconds(anchor.head.sequence))
        .bind(hex::encode(anchor.head.hash))
        .bind(hex::encode(anchor.root))
        .bind(seconds(anchor.batch))
        .bind(seconds(anchor.anchored_at))
        .execute(database.pool())
        .await?;
    Ok(())
}

/// The last anchors of a tenant's log, the last one first.
///
/// # Errors
/// [`DatabaseError::Sql`], [`DatabaseError::Corrupt`].
pub async fn anchors(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    limit: u32,
) -> Result<Vec<Anchor>, DatabaseError> {
    let select = "SELECT sequence, hash, root, batch, anchored_at FROM audit_anchors
        WHERE tenant = $1 ORDER BY sequence DESC LIMIT $2";
    let query = sqlx::query(select).bind(tenant.as_str()).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(Anchor::from_row).collect()
}

impl Anchor {
    fn from_row(row: &AnyRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            head: Head::from_row(row)?,
            root: hash(row.try_get("root")?)?,
            batch: unsigned(row.try_get("batch")?, "batch of the audit log")?,
            anchored_at: unsigned(row.try_get("anchored_at")?, "time of the audit log")?,
        })
    }
}
