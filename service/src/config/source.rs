//! The file, and the environment over it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use toml::{Table, Value};

use super::section::{Section, Shared};
use super::{ConfigError, Mistake};

/// Reads a configuration from the text of a TOML file and the variables that begin with a prefix.
/// `PREFIX__SECTION__KEY=value` sets `section.key`; the value is TOML if it reads as such, else it
/// is a text. What is in neither form of use, or is asked for by nobody, is a mistake.
///
/// # Errors
/// All mistakes that are found.
pub fn read<T>(
    text: &str,
    prefix: &str,
    environment: impl IntoIterator<Item = (String, String)>,
    read: impl FnOnce(&mut Section<'_>) -> Option<T>,
) -> Result<T, ConfigError> {
    let mut table = text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let at = format!("line {}", before.matches('\n').count() + 1);
        ConfigError(vec![Mistake { at, rule: "is not TOML".to_owned() }])
    })?;
    let shared = Shared { mistakes: RefCell::default(), variables: BTreeMap::new() };
    let shared = overlay(&mut table, shared, prefix, environment);
    let value = {
        let mut root = Section::root(table, &shared);
        read(&mut root)
    };
    let mistakes = shared.mistakes.into_inner();
    match value {
        Some(value) if mistakes.is_empty() => Ok(value),
        _ => Err(ConfigError(mistakes)),
    }
}

fn overlay(
    table: &mut Table,
    mut shared: Shared,
    prefix: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Shared {
    let prefix = format!("{prefix}__");
    for (variable, text) in environment {
        let Some(path) = variable.strip_prefix(&prefix) else { continue };
        let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        if !set(table, &path, value_of(text)) {
            let rule = "names no field: a part of it is no section".to_owned();
            shared.mistakes.get_mut().push(Mistake { at: variable, rule });
            continue;
        }
        shared.variables.insert(path.join("."), variable);
    }
    shared
}

/// A number, a truth value, a list and so on if it reads as one, else a text.
fn value_of(text: String) -> Value {
    let line = format!("value = {text}");
    let parsed = line.parse::<Table>().ok().filter(|table| table.len() == 1);
    parsed.and_then(|mut table| table.remove("value")).unwrap_or(Value::String(text))
}

/// Whether there was a place for the value.
fn set(table: &mut Table, path: &[String], value: Value) -> bool {
    match path {
        [] => false,
        [key] => {
            table.insert(key.clone(), value);
            true
        }
        [section, rest @ ..] => {
            let section =
                table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            section.as_table_mut().is_some_and(|section| set(section, rest, value))
        }
    }
}
