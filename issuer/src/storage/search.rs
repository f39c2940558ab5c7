//! The register page by page, and what it is searched by.

use attestry_circuits::SchemaId;
use attestry_credential::schema::Schema;
use attestry_service::TenantId;
use attestry_service::database::{seconds, unsigned};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use super::conditions::{Conditions, Value};
use crate::IssuerError;
use crate::record::{CredentialId, State};
use crate::search::{Cursor, Page, Search, Summary, Term};

/// The columns of a [`Summary`].
pub(super) const SUMMARY: &str =
    "id, schema, list_id, valid_from, valid_until, issued_at, state, superseded_by,
    CASE WHEN document IS NULL THEN 1 ELSE 0 END AS erased";

impl Storage {
    /// A page of what is looked for, newest first, of at most `limit` entries.
    pub(crate) async fn search(
        &self,
        search: &Search,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, IssuerError> {
        let mut conditions = self.conditions(search);
        if let Some(cursor) = after {
            let values =
                [Value::Number(seconds(cursor.issued_at)), Value::Text(cursor.id.to_string())];
            conditions.and("(issued_at, id) < (?, ?)", values);
        }
        let select = format!("SELECT {SUMMARY} FROM credentials");
        let rest = format!("ORDER BY issued_at DESC, id DESC LIMIT {}", u64::from(limit) + 1);
        let rows = conditions.fetch(&mut *self.connection().await?, &select, &rest).await?;
        let mut items: Vec<Summary> = rows.iter().map(summary).collect::<Result<_, _>>()?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let last = items.last().filter(|_| more);
        let next = last.map(|last| Cursor { issued_at: last.issued_at, id: last.id });
        Ok(Page { items, next })
    }

    fn conditions(&self, search: &Search) -> Conditions {
        let mut conditions = Conditions::of_tenant(&self.tenant);
        if let Some(schema) = search.schema {
            conditions.and("schema = ?", [Value::Number(i64::from(schema.id().as_u32()))]);
        }
        if let Some(state) = search.state {
            conditions.and("state = ?", [Value::Text(state.word().to_owned())]);
        }
        if let Some(holder) = search.holder {
            conditions.and("holder = ?", [Value::Text(holder.to_string())]);
        }
        if let Some(time) = search.ends_by {
            conditions.and("valid_until <= ?", [Value::Number(seconds(time))]);
        }
        if let Some(time) = search.ends_from {
            conditions.and("valid_until >= ?", [Value::Number(seconds(time))]);
        }
        if let Some(time) = search.issued_from {
            conditions.and("issued_at >= ?", [Value::Number(seconds(time))]);
        }
        for term in &search.terms {
            let values = [
                Value::Text(self.tenant.as_str().to_owned()),
                Value::Text(term.kind.to_owned()),
                Value::Text(term.value.clone()),
            ];
            let found = "id IN (SELECT credential_id FROM search_terms
                         WHERE tenant = ? AND kind = ? AND value = ?)";
            conditions.and(found, values);
        }
        conditions
    }
}

/// Keeps what a credential is found by.
pub(super) async fn insert_terms(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    id: CredentialId,
    terms: &[Term],
) -> Result<(), IssuerError> {
    for term in terms {
        let sql = "INSERT INTO search_terms (tenant, kind, value, credential_id)
                   VALUES ($1, $2, $3, $4)";
        sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(term.kind)
            .bind(&term.value)
            .bind(id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The schema that a column holds.
pub(super) fn schema(row: &AnyRow) -> Result<Option<Schema>, IssuerError> {
    let corrupt = || IssuerError::corrupt("a schema");
    let schema = row.try_get::<Option<i64>, _>("schema")?;
    let schema = schema.map(|schema| {
        let id = SchemaId::from_u32(unsigned(schema, "a schema")?);
        Schema::from_id(id).ok_or_else(corrupt)
    });
    schema.transpose()
}

pub(super) fn summary(row: &AnyRow) -> Result<Summary, IssuerError> {
    let corrupt = IssuerError::corrupt;
    let text = |column: &str| row.try_get::<String, _>(column);
    let time = |column: &str| -> Result<u64, IssuerError> {
        Ok(unsigned(row.try_get(column)?, "a time")?)
    };
    let successor: Option<String> = row.try_get("superseded_by")?;
    let successor = successor.map(|id| id.parse().map_err(|_| corrupt("an id")));
    Ok(Summary {
        id: text("id")?.parse().map_err(|_| corrupt("an id"))?,
        schema: schema(row)?,
        list: text("list_id")?.parse().map_err(|_| corrupt("a list"))?,
        valid_from: time("valid_from")?,
        valid_until: time("valid_until")?,
        issued_at: time("issued_at")?,
        state: State::from_word(&text("state")?).ok_or(corrupt("a state"))?,
        superseded_by: successor.transpose()?,
        erased: row.try_get::<i64, _>("erased")? != 0,
    })
}
