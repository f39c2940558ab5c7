//! Reading of foreign JSON: every error knows the path of the element that it is about.

use std::{fmt, str::FromStr};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{CredentialError, Rule};

/// Parses one JSON text.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, CredentialError> {
    serde_json::from_slice(bytes)
        .map_err(|error| CredentialError::NotJson { line: error.line(), column: error.column() })
}

/// Parses one JSON text in which no object has a member twice: readers would differ about its value.
pub(crate) fn parse_unique(bytes: &[u8]) -> Result<Value, CredentialError> {
    let unique: Result<Unique, _> = serde_json::from_slice(bytes);
    unique
        .map(|Unique(value)| value)
        .map_err(|error| CredentialError::NotJson { line: error.line(), column: error.column() })
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

/// What serde_json hands a number over as, where it keeps all its digits.
const NUMBER: &str = "$serde_json::private::Number";

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == NUMBER {
                let digits: String = map.next_value()?;
                return digits.parse::<Number>().map(Value::Number).map_err(A::Error::custom);
            }
            let Unique(value) = map.next_value()?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is repeated"));
            }
        }
        Ok(Value::Object(members))
    }
}

/// A JSON text in canonical form: keys sorted, no white space. Numbers are integers throughout.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (position, (key, value)) in entries.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// A value and where it stands.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) path: String,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value, path: &str) -> Self {
        Self { value, path: path.to_owned() }
    }

    /// The error that this element breaks a rule.
    pub(crate) fn refuse(&self, words: &'static str) -> CredentialError {
        CredentialError::invalid(&self.path, words)
    }

    pub(crate) fn object(&self) -> Result<Object<'a>, CredentialError> {
        let map = self.value.as_object();
        Ok(Object {
            map: map.ok_or_else(|| self.refuse("is not an object"))?,
            path: self.path.clone(),
        })
    }

    pub(crate) fn text(&self) -> Result<&'a str, CredentialError> {
        let text = self.value.as_str();
        text.ok_or_else(|| self.refuse("is not a string"))
    }

    pub(crate) fn boolean(&self) -> Result<bool, CredentialError> {
        let boolean = self.value.as_bool();
        boolean.ok_or_else(|| self.refuse("is not true or false"))
    }

    pub(crate) fn integer(&self) -> Result<u64, CredentialError> {
        let integer = self.value.as_u64();
        integer.ok_or_else(|| self.refuse("is not a whole number"))
    }

    /// A whole number below 2^32.
    pub(crate) fn u32(&self) -> Result<u32, CredentialError> {
        u32::try_from(self.integer()?).map_err(|_| self.refuse("is not below 2^32"))
    }

    /// The text in the form of its type.
    pub(crate) fn parse<T: FromStr<Err = Rule>>(&self) -> Result<T, CredentialError> {
        self.text()?.parse().map_err(|rule: Rule| rule.at(&self.path))
    }

    pub(crate) fn items(&self) -> Result<Vec<Node<'a>>, CredentialError> {
        let items = self.value.as_array();
        let items = items.ok_or_else(|| self.refuse("is not an array"))?;
        let numbered = items.iter().enumerate();
        Ok(numbered
            .map(|(index, value)| Node { value, path: format!("{}[{index}]", self.path) })
            .collect())
    }
}

/// An object and where it stands.
#[derive(Clone)]
pub(crate) struct Object<'a> {
    map: &'a Map<String, Value>,
    pub(crate) path: String,
}

impl<'a> Object<'a> {
    /// The member, if it is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        Some(Node { value, path: self.member(name) })
    }

    pub(crate) fn require(&self, name: &str) -> Result<Node<'a>, CredentialError> {
        self.get(name).ok_or_else(|| self.missing(name))
    }

    /// The member in the form of its type, if it is there.
    pub(crate) fn optional<T: FromStr<Err = Rule>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, CredentialError> {
        self.get(name).map(|node| node.parse()).transpose()
    }

    /// The items of a member; none if it is absent.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<Node<'a>>, CredentialError> {
        self.get(name).map_or(Ok(Vec::new()), |member| member.items())
    }

    pub(crate) fn missing(&self, name: &str) -> CredentialError {
        CredentialError::invalid(self.member(name), "is required")
    }

    /// The path of a member, present or not.
    pub(crate) fn member(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.iter()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a String> {
        self.map.keys()
    }

    /// Refuses members that nobody reads.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), CredentialError> {
        match self.names().find(|name| !known.contains(&name.as_str())) {
            Some(_) => Err(CredentialError::invalid(
                if self.path.is_empty() { "$" } else { &self.path },
                "has a member that is not defined",
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canonical_form_does_not_depend_on_order_or_white_space() {
        let one = parse(br#"{"b":[1, {"d":null,"c":"x"}], "a":true}"#).unwrap();
        let two = parse(br#"{"a":true,"b":[1,{"c":"x","d":null}]}"#).unwrap();
        assert_eq!(canonical(&one), canonical(&two));
        assert_eq!(canonical(&one), r#"{"a":true,"b":[1,{"c":"x","d":null}]}"#);
    }

    #[test]
    fn errors_name_the_path_and_not_the_value() {
        let value = parse(br#"{"a":[{"b":"secret"}]}"#).unwrap();
        let items = Node::root(&value, "Root").object().unwrap().list("a");
        let inner = items.unwrap()[0].object().unwrap();
        let error = inner.require("b").unwrap().integer().unwrap_err();
        assert_eq!(error.to_string(), "Root.a[0].b is not a whole number");
        assert_eq!(inner.require("c").err().unwrap().to_string(), "Root.a[0].c is required");
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_wherever_it_is() {
        let text = br#"{"a":[1,-2,1.5,null,true,{"b":"x"}],"c":{"a":{}},"d":18446744073709551615}"#;
        assert_eq!(parse_unique(text).unwrap(), parse(text).unwrap());
        for twice in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"b":{"a":1,"a":2}}]"#] {
            assert!(parse_unique(twice.as_bytes()).is_err(), "{twice}");
        }
        for hostile in [r#"{"$serde_json::private::Number":"x"}"#, "{} {}", &"[".repeat(10_000)] {
            assert!(parse_unique(hostile.as_bytes()).is_err());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_parsed_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }
    }
}
