//! The statements that the database is given, as its driver logs them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// All that were given to any database of this process.
#[derive(Clone, Default)]
pub(crate) struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl Statements {
    /// Those that read or change rows.
    pub(crate) fn all(&self) -> Vec<String> {
        let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE"];
        let all = self.0.lock().unwrap();
        let begins = |statement: &&String| verbs.iter().any(|verb| statement.starts_with(verb));
        all.iter().filter(begins).cloned().collect()
    }
}

impl Visit for Statements {
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        // A statement of few words is its own summary.
        if ["db.statement", "summary"].contains(&field.name()) && !value.ends_with('…') {
            self.0.lock().unwrap().insert(value.trim().to_owned());
        }
    }
}

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
