//! Where a database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::DatabaseError;

/// Where a database is: `sqlite:PATH`, or `postgres://USER@HOST/NAME` with whatever libpq's URLs
/// take. A password in it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of this machine, made if it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self, DatabaseError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            // What else SQLite reads in a URL would be read as such in a path.
            if path.is_empty() || path.contains(['?', '#', '%']) {
                return Err(DatabaseError::Url);
            }
            return Ok(Self::Sqlite(path.into()));
        }
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_postgres { Ok(Self::Postgres(text.to_owned())) } else { Err(DatabaseError::Url) }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(redacted)"),
        }
    }
}

impl<'de> serde::Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_scheme_decides() {
        let file = DatabaseUrl::Sqlite("data/a.sqlite".into());
        assert_eq!("sqlite:data/a.sqlite".parse::<DatabaseUrl>().unwrap(), file);
        let absolute = DatabaseUrl::Sqlite("/data/a.sqlite".into());
        assert_eq!("sqlite:///data/a.sqlite".parse::<DatabaseUrl>().unwrap(), absolute);
        assert!(matches!("postgres://h/d".parse(), Ok(DatabaseUrl::Postgres(_))));
        for wrong in ["", "sqlite:", "mysql://h/d", "data/a.sqlite", "sqlite:a?mode=ro"] {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let url: DatabaseUrl = "postgres://user:geheim@host/name".parse().unwrap();
        assert!(!format!("{url:?}").contains("geheim"));
    }
}
