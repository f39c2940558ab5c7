//! Reading the audit log.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use super::{Entry, hash};
use crate::database::{seconds, unsigned};
use crate::{DatabaseError, TenantId};

const COLUMNS: &str =
    "tenant, sequence, at, actor, request_id, action, object, details, previous, hash";
/// Most entries of a page.
pub const LONGEST_PAGE: u32 = 500;

/// Which entries are meant: those to which everything applies that is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct Filter {
    /// What was done.
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// To what.
    pub object: Option<String>,
    /// No earlier than this, Unix seconds.
    pub from: Option<u64>,
    /// Earlier than this, Unix seconds.
    pub until: Option<u64>,
}

/// Some entries, the last ones first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Before which sequence the next page begins, if there is more.
    pub next: Option<u64>,
}

/// A page of the entries that are meant, the last ones first, those before a sequence if one is
/// given. A page has 1 to [`LONGEST_PAGE`] entries; a limit outside that is moved into it.
///
/// # Errors
/// [`DatabaseError::Sql`], [`DatabaseError::Corrupt`].
pub async fn page(
    pool: &AnyPool,
    tenant: &TenantId,
    filter: &Filter,
    before: Option<u64>,
    limit: u32,
) -> Result<Page, DatabaseError> {
    let limit = limit.clamp(1, LONGEST_PAGE);
    let texts = [("action", &filter.action), ("actor", &filter.actor), ("object", &filter.object)];
    let numbers = [
        ("at >=", filter.from.map(seconds)),
        ("at <", filter.until.map(seconds)),
        ("sequence <", before.map(seconds)),
    ];
    // The text of the query depends on which conditions there are, never on what they say.
    let mut sql = format!("SELECT {COLUMNS} FROM audit_entries WHERE tenant = $1");
    let mut parameters = 1;
    let mut condition = |left: &str| {
        parameters += 1;
        sql.push_str(&format!(" AND {left} ${parameters}"));
    };
    for (column, value) in texts {
        if value.is_some() {
            condition(&format!("{column} ="));
        }
    }
    for (left, value) in numbers {
        if value.is_some() {
            condition(left);
        }
    }
    sql.push_str(&format!(" ORDER BY sequence DESC LIMIT {}", limit + 1));
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_str());
    for (_, value) in texts {
        if let Some(value) = value {
            query = query.bind(value.as_str());
        }
    }
    for (_, value) in numbers {
        if let Some(value) = value {
            query = query.bind(value);
        }
    }
    let rows = query.fetch_all(pool).await?;
    let mut entries: Vec<Entry> = rows.iter().map(Entry::from_row).collect::<Result<_, _>>()?;
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next = entries.last().filter(|_| has_more).map(|entry| entry.sequence);
    Ok(Page { entries, next })
}

/// The entries after one sequence and up to another, in order, no more than [`LONGEST_PAGE`].
pub(super) async fn chunk(
    pool: &AnyPool,
    tenant: &TenantId,
    after: u64,
    up_to: u64,
) -> Result<Vec<Entry>, DatabaseError> {
    let select = format!(
        "SELECT {COLUMNS} FROM audit_entries WHERE tenant = $1 AND sequence > $2 AND sequence <= $3
         ORDER BY sequence LIMIT {LONGEST_PAGE}"
    );
    let query = sqlx::query(AssertSqlSafe(select)).bind(tenant.as_str());
    let rows = query.bind(seconds(after)).bind(seconds(up_to)).fetch_all(pool).await?;
    rows.iter().map(Entry::from_row).collect()
}

impl Entry {
    fn from_row(row: &AnyRow) -> Result<Self, DatabaseError> {
        let corrupt = |_| DatabaseError::Corrupt("details of the audit log");
        let details: &str = row.try_get("details")?;
        let details: BTreeMap<String, String> = serde_json::from_str(details).map_err(corrupt)?;
        let tenant: &str = row.try_get("tenant")?;
        Ok(Self {
            tenant: tenant.parse().map_err(|_| DatabaseError::Corrupt("tenant"))?,
            sequence: unsigned(row.try_get("sequence")?, "sequence of the audit log")?,
            at: unsigned(row.try_get("at")?, "time of the audit log")?,
            actor: row.try_get("actor")?,
            request_id: row.try_get("request_id")?,
            action: row.try_get("action")?,
            object: row.try_get("object")?,
            details,
            previous: hash(row.try_get("previous")?)?,
            hash: hash(row.try_get("hash")?)?,
        })
    }
}
