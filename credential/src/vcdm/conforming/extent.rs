//! What holds for every value of a document, wherever it stands: sizes, and what JSON-LD would
//! drop without a word.

use serde_json::{Number, Value};

use super::context;
use crate::{error::CredentialError, json::Node};

/// Objects and arrays inside one another.
const DEEPEST: usize = 24;
/// Members and items in all.
const MOST_VALUES: usize = 8192;
/// Bytes of all texts and names together.
const MOST_TEXT: usize = 1 << 20;

/// The keywords that may stand in a document; all others change the graph in ways that no
/// credential needs, or leave nothing in it.
const KEYWORDS: [&str; 8] =
    ["@context", "@value", "@language", "@direction", "@type", "@id", "@set", "@none"];

/// Checks every value of a document.
pub(super) fn check_extent(root: &Value) -> Result<(), CredentialError> {
    let mut left = Left { values: MOST_VALUES, text: MOST_TEXT };
    left.visit(&Node::root(root, "$"), DEEPEST, false)
}

struct Left {
    values: usize,
    text: usize,
}

impl Left {
    fn visit(
        &mut self,
        node: &Node<'_>,
        depth: usize,
        in_context: bool,
    ) -> Result<(), CredentialError> {
        let depth = depth.checked_sub(1).ok_or_else(|| node.refuse("is nested too deeply"))?;
        let values = self.values.checked_sub(1);
        self.values = values.ok_or_else(|| node.refuse("has too many members"))?;
        match node.value {
            // What null means in a context is the context's affair.
            Value::Null if in_context => Ok(()),
            Value::Null => Err(node.refuse("is null")),
            Value::Bool(_) => Ok(()),
            Value::Number(number) if is_unambiguous(number) => Ok(()),
            Value::Number(_) => Err(node.refuse("is a number that not all parties read alike")),
            Value::String(text) => {
                self.read(node, text)?;
                if text.starts_with("_:") {
                    return Err(node.refuse("is a blank node"));
                }
                Ok(())
            }
            Value::Array(items) if items.is_empty() && !in_context => {
                Err(node.refuse("is an empty array"))
            }
            Value::Array(_) => {
                for item in node.items()? {
                    self.visit(&item, depth, in_context)?;
                }
                Ok(())
            }
            Value::Object(members) => {
                for (name, value) in members {
                    let inner = Node { value, path: format!("{}.{}", node.path, shown(name)) };
                    self.read(node, name)?;
                    if name.starts_with("_:") {
                        return Err(node.refuse("names a blank node"));
                    }
                    if !in_context && name.starts_with('@') && !KEYWORDS.contains(&name.as_str()) {
                        return Err(node.refuse("has a keyword that credentials have no use for"));
                    }
                    let context = in_context || name == "@context";
                    self.visit(&inner, depth, context)?;
                    if name == "@context" && !in_context {
                        context::check_contexts(&inner)?;
                    }
                }
                if !in_context && members.contains_key("@value") {
                    check_value_object(node)?;
                }
                Ok(())
            }
        }
    }

    fn read(&mut self, node: &Node<'_>, text: &str) -> Result<(), CredentialError> {
        let left = self.text.checked_sub(text.len());
        self.text = left.ok_or_else(|| node.refuse("has too much text"))?;
        Ok(())
    }
}

/// Whether every party reads, and JSON-LD writes, a number in one way: whole numbers that a double
/// holds exactly, and other numbers of a middling size and up to sixteen digits. `1.0` is two numbers
/// to JSON-LD.
fn is_unambiguous(number: &Number) -> bool {
    const BOUND: i64 = 1 << 53;
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => -BOUND < whole && whole < BOUND,
        (None, Some(real)) => {
            let size = real.abs();
            let written = format!("{real:.15e}").parse() == Ok(real);
            number.is_f64() && real.fract() != 0.0 && (1e-4..1e15).contains(&size) && written
        }
        _ => false,
    }
}

/// A name as paths show it: a stranger's names are shown if they are plain.
pub(super) fn shown(name: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@_-".contains(&byte);
    if !name.is_empty() && name.len() <= 40 && name.bytes().all(plain) { name } else { "?" }
}

/// A value object (Language and Base Direction): a string with a language and a direction, or a
/// value with a datatype.
fn check_value_object(node: &Node<'_>) -> Result<(), CredentialError> {
    let object = node.object()?;
    object.only(&["@value", "@language", "@direction", "@type"])?;
    if let Some(language) = object.get("@language") {
        object.require("@value")?.text()?;
        let subtag = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !language.text()?.split('-').all(subtag) {
            return Err(language.refuse("is not a language tag"));
        }
    }
    if let Some(direction) = object.get("@direction") {
        object.require("@value")?.text()?;
        if !matches!(direction.text()?, "ltr" | "rtl") {
            return Err(direction.refuse("is not ltr or rtl"));
        }
    }
    if let Some(datatype) = object.get("@type") {
        datatype.text()?;
        if object.get("@language").or(object.get("@direction")).is_some() {
            return Err(node.refuse("has a language and a datatype"));
        }
    }
    Ok(())
}
