//! Configuration of a service: a TOML file, and variables of the environment over it. It is read
//! as a whole: every mistake is told at once, each with its path, none with a value.

pub mod common;
mod section;
mod source;

pub use common::{AccessConfig, HttpConfig, Kept, KeysConfig, LedgerConfig};
pub use section::Section;
pub use source::read;

use std::fmt;

/// A mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Path of the field, with the variable that set it if one did.
    pub at: String,
    /// The rule that it breaks, worded to follow the path.
    pub rule: String,
}

/// A configuration has mistakes: all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Mistake>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Mistake { at, rule }) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { "\n" };
            write!(f, "{before}{at} {rule}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
