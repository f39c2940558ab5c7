//! What a person or a program reads: lines on standard output, messages on standard error.

use std::io::Write;

/// A line on standard output. A reader that has gone away ends the program quietly.
pub(crate) fn line(text: &str) {
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// A JSON value on a line of its own.
pub(crate) fn json(value: &serde_json::Value) {
    line(&value.to_string());
}

/// A message for people on standard error.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// What went wrong, on standard error.
pub(crate) fn error(text: &str) {
    note(&format!("error: {text}"));
}
