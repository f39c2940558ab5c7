//! A section of a configuration, of which fields are taken one by one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::Mistake;

/// What all sections of a configuration share.
pub(super) struct Shared {
    pub(super) mistakes: RefCell<Vec<Mistake>>,
    /// The variable that set a field, by its path.
    pub(super) variables: BTreeMap<String, String>,
}

/// A section of a configuration. What is left in it when it is dropped is a mistake.
pub struct Section<'a> {
    path: String,
    table: Table,
    shared: &'a Shared,
}

impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> Section<'a> {
    pub(super) fn root(table: Table, shared: &'a Shared) -> Self {
        Self { path: String::new(), table, shared }
    }

    /// A field, if it is there. The rule says what it has to be, worded to follow its name.
    pub fn optional<T: DeserializeOwned>(&mut self, key: &str, rule: &str) -> Option<T> {
        let value = self.table.remove(key)?;
        let read = value.try_into();
        if read.is_err() {
            self.refuse(key, rule);
        }
        read.ok()
    }

    /// A field that has a default.
    pub fn or<T: DeserializeOwned>(&mut self, key: &str, default: T, rule: &str) -> T {
        self.optional(key, rule).unwrap_or(default)
    }

    /// A field that has a default and a rule of its own.
    pub fn checked<T: DeserializeOwned + Clone>(
        &mut self,
        key: &str,
        default: T,
        rule: &str,
        is_good: impl FnOnce(&T) -> bool,
    ) -> T {
        match self.optional(key, rule) {
            Some(value) if is_good(&value) => value,
            Some(_) => {
                self.refuse(key, rule);
                default
            }
            None => default,
        }
    }

    /// A field that has to be there.
    pub fn required<T: DeserializeOwned>(&mut self, key: &str, rule: &str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.refuse(key, "is required");
        }
        self.optional(key, rule)
    }

    /// A section within this one; empty if it is not there.
    pub fn section(&mut self, key: &str) -> Section<'a> {
        let path = self.path_of(key);
        let table = match self.table.remove(key) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.refuse(key, "is not a section");
                Table::new()
            }
        };
        Section { path, table, shared: self.shared }
    }

    /// Whether a field or section is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The sections within this one, by name.
    pub fn sections(&mut self) -> Vec<(String, Section<'a>)> {
        let names: Vec<String> = self.table.keys().cloned().collect();
        names.into_iter().map(|name| (name.clone(), self.section(&name))).collect()
    }

    /// All that is left, as a value of its own; nothing if the section is empty.
    pub fn rest<T: DeserializeOwned>(&mut self) -> Option<T> {
        let table = std::mem::take(&mut self.table);
        if table.is_empty() {
            return None;
        }
        let read = Value::Table(table).try_into::<T>();
        if let Err(error) = &read {
            // Its own words, of which only the first line has no value of the file.
            let message = error.message().split(['`', '"']).next().unwrap_or_default();
            let unknown = message.starts_with("unknown field") || message.starts_with("missing");
            let rule = if unknown { error.message() } else { "has a field of another type" };
            self.note(self.path.clone(), rule);
        }
        read.ok()
    }

    /// Notes that a field breaks a rule, which is worded to follow its name.
    pub fn refuse(&self, key: &str, rule: &str) {
        self.note(self.path_of(key), rule);
    }

    fn note(&self, path: String, rule: &str) {
        let at = match self.shared.variables.get(&path) {
            Some(variable) => format!("{path} ({variable})"),
            None => path,
        };
        self.shared.mistakes.borrow_mut().push(Mistake { at, rule: rule.to_owned() });
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        for key in self.table.keys() {
            self.refuse(key, "is not a known field");
        }
    }
}
