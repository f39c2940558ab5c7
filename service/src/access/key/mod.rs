//! API keys: made by an admin, for one tenant and some roles, for a time; ended at any moment.

mod text;

pub use text::KeyText;

use std::collections::BTreeSet;

use ark_std::rand::{CryptoRng, RngCore};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{AccessError, Principal};
use crate::audit::{self, Event};
use crate::database::{seconds, unsigned};
use crate::time::{self, SECONDS_A_DAY};
use crate::{Actor, Database, DatabaseError, Role, TenantId};

/// Longest name of a key, bytes.
const LONGEST_NAME: usize = 64;
const COLUMNS: &str = "tenant, id, name, roles, created_at, created_by, expires_at, revoked_at,
    last_used_day";

/// An API key, as an admin sees it. JSON shows times in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Its public part.
    pub id: String,
    /// What it is called; in the audit log with `key:` before.
    pub name: String,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// When it was made, Unix seconds.
    #[serde(with = "time::json")]
    pub created_at: u64,
    /// Who made it.
    pub created_by: String,
    /// From when on it is not taken, Unix seconds.
    #[serde(with = "time::json")]
    pub expires_at: u64,
    /// Since when it is ended, Unix seconds.
    #[serde(serialize_with = "time::json::if_any")]
    pub revoked_at: Option<u64>,
    /// The day on which it was last used, as the number of days since 1970.
    #[serde(serialize_with = "time::json::day")]
    pub last_used_day: Option<u64>,
}

/// What a key is to be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewKey {
    /// 1 to 64 lower-case letters, digits, dots, hyphens and underscores; no other key of the tenant
    /// has or had it. The audit log shows it: it names a desk or a program, not a person's life.
    pub name: String,
    /// At least one.
    pub roles: BTreeSet<Role>,
    /// From when on it is not taken, Unix seconds; in the future.
    #[serde(with = "time::json")]
    pub expires_at: u64,
}

/// What can go wrong with API keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A field of the key breaks a rule.
    #[error("{field} {rule}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule, worded to follow its name.
        rule: &'static str,
    },
    /// There is or was a key of this name.
    #[error("there is or was an API key of this name")]
    NameTaken,
    /// The tenant has no key of this id that is not ended already.
    #[error("there is no such API key")]
    Unknown,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for KeyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Makes a key. Its text is in no other place: who loses it needs another.
///
/// # Errors
/// [`KeyError::Invalid`], [`KeyError::NameTaken`], [`KeyError::Database`].
pub async fn create(
    database: &Database,
    tenant: &TenantId,
    new: &NewKey,
    actor: &Actor,
    now: u64,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<(KeyText, ApiKey), KeyError> {
    check(new, now)?;
    let text = KeyText::random(rng);
    let key = ApiKey {
        id: text.id().to_owned(),
        name: new.name.clone(),
        roles: new.roles.clone(),
        created_at: now,
        created_by: actor.name.clone(),
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_day: None,
    };
    let mut transaction = database.write().await?;
    let insert = "INSERT INTO api_keys
        (tenant, id, name, roles, hash, created_at, created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, name) DO NOTHING";
    let inserted = sqlx::query(insert)
        .bind(tenant.as_str())
        .bind(&key.id)
        .bind(&key.name)
        .bind(write_roles(&key.roles))
        .bind(hex::encode(text.hash()))
        .bind(seconds(key.created_at))
        .bind(&key.created_by)
        .bind(seconds(key.expires_at))
        .execute(&mut *transaction)
        .await?;
    if inserted.rows_affected() == 0 {
        return Err(KeyError::NameTaken);
    }
    let details = [
        ("name", key.name.clone()),
        ("roles", write_roles(&key.roles)),
        ("expiresAt", key.expires_at.to_string()),
    ];
    let event = Event { actor, action: "api-key.create", object: Some(&key.id), details: &details };
    audit::append(&mut transaction, tenant, now, &event).await?;
    transaction.commit().await?;
    Ok((text, key))
}

/// All keys of a tenant, those that ended too, by name.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(database: &Database, tenant: &TenantId) -> Result<Vec<ApiKey>, DatabaseError> {
    let select = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM api_keys WHERE tenant = $1 ORDER BY name"
    ));
    let rows = sqlx::query(select).bind(tenant.as_str()).fetch_all(database.pool()).await?;
    rows.iter().map(ApiKey::from_row).collect()
}

/// Ends a key, from the next request on.
///
/// # Errors
/// [`KeyError::Unknown`], [`KeyError::Database`].
pub async fn revoke(
    database: &Database,
    tenant: &TenantId,
    id: &str,
    actor: &Actor,
    now: u64,
) -> Result<(), KeyError> {
    let mut transaction = database.write().await?;
    let update = "UPDATE api_keys SET revoked_at = $1
        WHERE tenant = $2 AND id = $3 AND revoked_at IS NULL RETURNING name";
    let query = sqlx::query(update).bind(seconds(now)).bind(tenant.as_str()).bind(id);
    let row = query.fetch_optional(&mut *transaction).await?.ok_or(KeyError::Unknown)?;
    let details = [("name", row.try_get("name")?)];
    let event = Event { actor, action: "api-key.revoke", object: Some(id), details: &details };
    audit::append(&mut transaction, tenant, now, &event).await?;
    Ok(transaction.commit().await?)
}

/// Whose key it is that somebody shows.
pub(super) async fn authenticate(
    database: &Database,
    token: &str,
    now: u64,
) -> Result<Principal, AccessError> {
    let text = KeyText::parse(token).ok_or(AccessError::Invalid)?;
    let select = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS}, hash FROM api_keys WHERE id = $1"));
    let query = sqlx::query(select).bind(text.id());
    let row = query.fetch_optional(database.pool()).await.map_err(DatabaseError::from)?;
    let row = row.ok_or(AccessError::Invalid)?;
    let column = |name| row.try_get::<String, _>(name).map_err(DatabaseError::from);
    let mut hash = [0; 32];
    hex::decode_to_slice(column("hash")?, &mut hash)
        .map_err(|_| DatabaseError::Corrupt("hash of an API key"))?;
    if !text.has_hash(&hash) {
        return Err(AccessError::Invalid);
    }
    let tenant: TenantId =
        column("tenant")?.parse().map_err(|_| DatabaseError::Corrupt("tenant"))?;
    let key = ApiKey::from_row(&row)?;
    if key.revoked_at.is_some() {
        return Err(AccessError::Invalid);
    }
    if now >= key.expires_at {
        return Err(AccessError::Expired);
    }
    let today = now / SECONDS_A_DAY;
    if key.last_used_day.is_none_or(|day| day < today) {
        let update = "UPDATE api_keys SET last_used_day = $1 WHERE tenant = $2 AND id = $3";
        let query = sqlx::query(update).bind(seconds(today)).bind(tenant.as_str()).bind(text.id());
        query.execute(database.pool()).await.map_err(DatabaseError::from)?;
    }
    Ok(Principal { tenant, name: format!("key:{}", key.name), roles: key.roles })
}

fn check(new: &NewKey, now: u64) -> Result<(), KeyError> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let invalid = |field, rule| Err(KeyError::Invalid { field, rule });
    let is_name = (1..=LONGEST_NAME).contains(&new.name.len()) && new.name.bytes().all(allowed);
    if !is_name {
        let rule = "is not 1 to 64 lower-case letters, digits, dots, hyphens and underscores";
        return invalid("name", rule);
    }
    if new.roles.is_empty() {
        return invalid("roles", "has no role");
    }
    if new.expires_at <= now {
        return invalid("expiresAt", "is not in the future");
    }
    Ok(())
}

fn write_roles(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(" ")
}

impl ApiKey {
    fn from_row(row: &AnyRow) -> Result<Self, DatabaseError> {
        let time = |name| unsigned(row.try_get(name)?, "time of an API key");
        let time_or_none = |name| {
            let time: Option<i64> = row.try_get(name)?;
            time.map(|time| unsigned(time, "time of an API key")).transpose()
        };
        let roles: &str = row.try_get("roles")?;
        let roles = roles.split(' ').map(Role::from_word).collect::<Option<_>>();
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            roles: roles.ok_or(DatabaseError::Corrupt("roles of an API key"))?,
            created_at: time("created_at")?,
            created_by: row.try_get("created_by")?,
            expires_at: time("expires_at")?,
            revoked_at: time_or_none("revoked_at")?,
            last_used_day: time_or_none("last_used_day")?,
        })
    }
}
