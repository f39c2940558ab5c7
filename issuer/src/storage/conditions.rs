//! Queries whose conditions are put together as they are needed.

use attestry_service::TenantId;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::IssuerError;

/// A parameter of a query.
pub(super) enum Value {
    Number(i64),
    Text(String),
}

/// Conditions that must all hold, with their parameters. Only their texts, which are the code's
/// own, become part of a query.
pub(super) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    pub(super) fn of_tenant(tenant: &TenantId) -> Self {
        let values = vec![Value::Text(tenant.as_str().to_owned())];
        Self { sql: "tenant = $1".to_owned(), values }
    }

    /// Adds a condition in which each `?` stands for the next value.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        let mut values = values.into_iter();
        for part in condition.split_inclusive('?') {
            match (part.strip_suffix('?'), values.next()) {
                (Some(before), Some(value)) => {
                    self.values.push(value);
                    self.sql.push_str(&format!("{before}${}", self.values.len()));
                }
                _ => self.sql.push_str(part),
            }
        }
    }

    /// The rows of `select` that meet the conditions, as `rest` orders and limits them.
    pub(super) async fn fetch(
        self,
        connection: &mut AnyConnection,
        select: &str,
        rest: &str,
    ) -> Result<Vec<AnyRow>, IssuerError> {
        let sql = format!("{select} WHERE {} {rest}", self.sql);
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in self.values {
            query = match value {
                Value::Number(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
            };
        }
        Ok(query.fetch_all(connection).await?)
    }
}
