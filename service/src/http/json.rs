//! JSON as a service takes it: of limited depth, and without a member that occurs twice.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Objects and arrays within each other, at most.
pub const DEEPEST_NESTING: usize = 64;

/// A text is not taken as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is no JSON.
    #[error("line {line}, column {column}: not JSON")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Objects and arrays stand too deep within each other.
    #[error("is nested deeper than {DEEPEST_NESTING} levels")]
    TooDeep,
    /// It is JSON, and not of the form that is asked for.
    #[error("line {line}, column {column}: not of the right form")]
    Form {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Readers would differ about the value of such a member.
    #[error("has an object with a member that occurs twice")]
    DuplicateMember,
}

/// Reads a JSON text.
///
/// # Errors
/// [`JsonError`].
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let colons = outline(text)?;
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| JsonError::Syntax { line: error.line(), column: error.column() })?;
    // Of members of one name, only the last is in the value.
    if members(&value) == colons { Ok(value) } else { Err(JsonError::DuplicateMember) }
}

/// Reads a JSON text of a certain form. The error says where it is wrong and does not quote it.
pub(super) fn parse_as<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    parse(text)?;
    serde_json::from_slice(text)
        .map_err(|error| JsonError::Form { line: error.line(), column: error.column() })
}

/// The number of colons between a name and a value. Refuses deep nesting before anything recurses.
fn outline(text: &[u8]) -> Result<usize, JsonError> {
    let (mut depth, mut colons) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > DEEPEST_NESTING {
                    return Err(JsonError::TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' => colons += 1,
            _ => {}
        }
    }
    Ok(colons)
}

fn members(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len() + map.values().map(members).sum::<usize>(),
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_read_with_colons_and_braces_in_its_texts() {
        let value = json!({ "a:{[\\\"": [{ "b\"": "c:}{" }, 1.50, "\\"], "é": { "": null } });
        assert_eq!(parse(value.to_string().as_bytes()), Ok(value));
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_however_it_is_spelled() {
        let twice = [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":{"x":1},"a":{}}}]"#,
            // What serde_json keeps a number in.
            r#"{"$serde_json::private::Number":"1"}"#,
        ];
        for text in twice {
            assert_eq!(parse(text.as_bytes()), Err(JsonError::DuplicateMember), "{text}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEEPEST_NESTING).as_bytes()).is_ok());
        assert_eq!(parse(nested(DEEPEST_NESTING + 1).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(parse("[".repeat(1_000_000).as_bytes()), Err(JsonError::TooDeep));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for text in ["", "{", "{\"a\":1,}", "nul", "\"\u{1}\"", "{} {}", "\"\\", "]"] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonError::Syntax { .. })), "{text}");
        }
        assert_eq!(parse(b"{\n  x"), Err(JsonError::Syntax { line: 2, column: 3 }));
        assert!(matches!(parse(b"\"\xff\""), Err(JsonError::Syntax { .. })));
    }
}
