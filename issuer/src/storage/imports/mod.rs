//! Imports: their life, their records, and what became of their rows.

mod intake;
mod rows;
mod work;

pub(super) use work::keep_row;
pub(crate) use work::{DoneRecord, DoneRow};

use attestry_circuits::SchemaId;
use attestry_credential::schema::Schema;
use attestry_service::Actor;
use attestry_service::database::{seconds, unsigned};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Storage;
use crate::IssuerError;
use crate::intake::{Counts, FileForm, Import, ImportId, ImportState};

impl Storage {
    pub(crate) async fn import(&self, id: ImportId) -> Result<Import, IssuerError> {
        sqlx::query("SELECT * FROM imports WHERE tenant = $1 AND id = $2")
            .bind(self.tenant.as_str())
            .bind(id.to_string())
            .fetch_optional(self.pool())
            .await?
            .ok_or(IssuerError::UnknownImport)
            .and_then(|row| read(&row))
    }

    /// Newest first, after this one if there is one.
    pub(crate) async fn imports(
        &self,
        after: Option<&Import>,
        limit: u32,
    ) -> Result<Vec<Import>, IssuerError> {
        let sql = "SELECT * FROM imports WHERE tenant = $1 AND (created_at, id) < ($2, $3)
                   ORDER BY created_at DESC, id DESC LIMIT $4";
        let (time, id) = match after {
            Some(import) => (seconds(import.created_at), import.id.to_string()),
            None => (i64::MAX, String::new()),
        };
        let rows = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(time)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read).collect()
    }
}

fn schema_number(schema: Option<Schema>) -> Option<i64> {
    schema.map(|schema| i64::from(schema.id().as_u32()))
}

fn read(row: &AnyRow) -> Result<Import, IssuerError> {
    let corrupt = IssuerError::corrupt;
    let text = |column: &str| row.try_get::<String, _>(column);
    let optional = |column: &str| row.try_get::<Option<String>, _>(column);
    let number = |column: &str| -> Result<u64, IssuerError> {
        Ok(unsigned(row.try_get(column)?, "an import")?)
    };
    let schema = match row.try_get::<Option<i64>, _>("schema")? {
        Some(id) => {
            let id = SchemaId::from_u32(unsigned(id, "a schema")?);
            Some(Schema::from_id(id).ok_or(corrupt("a schema"))?)
        }
        None => None,
    };
    Ok(Import {
        id: text("id")?.parse().map_err(|_| corrupt("an id"))?,
        form: FileForm::from_word(&text("form")?).ok_or(corrupt("a form"))?,
        schema,
        state: ImportState::from_word(&text("state")?).ok_or(corrupt("a state"))?,
        actor: Actor { name: text("actor")?, request_id: optional("request_id")? },
        created_at: number("created_at")?,
        ended_at: match row.try_get::<Option<i64>, _>("ended_at")? {
            Some(time) => Some(unsigned(time, "a time")?),
            None => None,
        },
        records: number("records")?,
        done: number("done")?,
        counts: Counts {
            issued: number("issued")?,
            renewed: number("renewed")?,
            unchanged: number("unchanged")?,
            failed: number("failed")?,
        },
        header: optional("header")?,
        failures: number("failures")?,
    })
}
