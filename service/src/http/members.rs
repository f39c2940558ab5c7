//! The members of a JSON object and the parameters of a query, read by name, with errors that name
//! field and rule and never repeat what was sent.

use std::borrow::Cow;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde_json::{Map, Value};

use super::problem::Problem;

/// A field of a request breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct FieldError {
    /// Path of the field.
    pub field: Cow<'static, str>,
    /// The rule, worded to follow the name of the field.
    pub rule: &'static str,
}

impl FieldError {
    /// A field that breaks a rule.
    pub fn new(field: impl Into<Cow<'static, str>>, rule: &'static str) -> Self {
        Self { field: field.into(), rule }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid_request().detail(error.to_string()).field(error.field, error.rule)
    }
}

/// The members of an object and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    map: &'a Map<String, Value>,
    path: &'static str,
}

impl<'a> Members<'a> {
    /// The members of an object that has no others than the known ones. The path is that of the
    /// object, `$` for the body. An unknown member is not named: a name can be a value, too.
    ///
    /// # Errors
    /// If it is no object, or has another member.
    pub fn of(value: &'a Value, path: &'static str, known: &[&str]) -> Result<Self, FieldError> {
        let map = value.as_object().ok_or(FieldError::new(path, "is not an object"))?;
        if map.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(FieldError::new(path, "has a member that is not defined"));
        }
        Ok(Self { map, path })
    }

    /// A member, if it is there.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    /// A member.
    ///
    /// # Errors
    /// If it is not there.
    pub fn require(&self, name: &str) -> Result<&'a Value, FieldError> {
        self.get(name).ok_or_else(|| self.refuse(name, "is required"))
    }

    /// A member that is a text, if it is there.
    ///
    /// # Errors
    /// If it is no text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        self.typed(name, Value::as_str, "is not a string")
    }

    /// A member that is a text.
    ///
    /// # Errors
    /// If it is not there or no text.
    pub fn require_text(&self, name: &str) -> Result<&'a str, FieldError> {
        self.text(name)?.ok_or_else(|| self.refuse(name, "is required"))
    }

    /// A member that is a whole number from 0 on, if it is there.
    ///
    /// # Errors
    /// If it is none.
    pub fn number(&self, name: &str) -> Result<Option<u64>, FieldError> {
        self.typed(name, Value::as_u64, "is not a whole number from 0 on")
    }

    /// A member that is true or false, if it is there.
    ///
    /// # Errors
    /// If it is neither.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, FieldError> {
        self.typed(name, Value::as_bool, "is not true or false")
    }

    /// A member that is an array, if it is there.
    ///
    /// # Errors
    /// If it is none.
    pub fn array(&self, name: &str) -> Result<Option<&'a [Value]>, FieldError> {
        self.typed(name, |value| value.as_array().map(Vec::as_slice), "is not an array")
    }

    fn typed<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
        rule: &'static str,
    ) -> Result<Option<T>, FieldError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.refuse(name, rule))
    }

    /// The error that a member breaks a rule.
    pub fn refuse(&self, name: &str, rule: &'static str) -> FieldError {
        let path = if self.path == "$" { name.to_owned() } else { format!("{}.{name}", self.path) };
        FieldError::new(path, rule)
    }
}

/// The parameters of a query, each given at most once.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = query.map_err(|_| FieldError::new("query", "is malformed"))?;
        let twice = |(at, (name, _)): (usize, &(String, String))| {
            pairs.iter().take(at).any(|(earlier, _)| earlier == name)
        };
        if pairs.len() > MOST_PARAMETERS || pairs.iter().enumerate().any(twice) {
            let rule = "has too many parameters, or one that is given twice";
            return Err(FieldError::new("query", rule).into());
        }
        Ok(Self(pairs))
    }
}

const MOST_PARAMETERS: usize = 32;

impl Parameters {
    /// Refuses parameters that are not known. They are not named: a name can be a value, too.
    ///
    /// # Errors
    /// If there is another.
    pub fn only(self, known: &[&str]) -> Result<Self, FieldError> {
        if self.0.iter().all(|(name, _)| known.contains(&name.as_str())) {
            Ok(self)
        } else {
            Err(FieldError::new("query", "has a parameter that is not defined"))
        }
    }

    /// A parameter, if it is there.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// A parameter that is a whole number from 0 on, if it is there.
    ///
    /// # Errors
    /// If it is none.
    pub fn number(&self, name: &'static str) -> Result<Option<u64>, FieldError> {
        let rule = "is not a whole number from 0 on";
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = Some(text).filter(digits).and_then(|text| text.parse().ok());
        number.map(Some).ok_or(FieldError::new(name, rule))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use axum::http::Request;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_read_by_type_and_refused_by_path() {
        let body = json!({ "options": { "text": "a", "number": 3, "flag": true, "list": [1] } });
        let known = ["text", "number", "flag", "list"];
        let options = Members::of(&body["options"], "options", &known).unwrap();
        assert_eq!(options.require_text("text").unwrap(), "a");
        assert_eq!(options.number("number").unwrap(), Some(3));
        assert_eq!(options.boolean("flag").unwrap(), Some(true));
        assert_eq!(options.array("list").unwrap().unwrap().len(), 1);
        assert_eq!(options.number("text").unwrap_err().field, "options.text");
        assert_eq!(options.text("flag").unwrap_err().to_string(), "options.flag is not a string");
        assert_eq!(options.require("none").unwrap_err().rule, "is required");
        assert!(Members::of(&body["options"], "options", &known[1..]).is_err());
        assert!(Members::of(&json!([]), "$", &[]).is_err());
    }

    #[tokio::test]
    async fn parameters_are_known_and_given_once() {
        async fn of(query: &str) -> Result<Parameters, Problem> {
            let request = Request::get(format!("/a?{query}")).body(()).unwrap();
            Parameters::from_request_parts(&mut request.into_parts().0, &()).await
        }
        let parameters = of("limit=20&after=a%20b").await.unwrap();
        let parameters = parameters.only(&["limit", "after"]).unwrap();
        assert_eq!(parameters.number("limit"), Ok(Some(20)));
        assert_eq!(parameters.text("after"), Some("a b"));
        assert_eq!(parameters.number("after").unwrap_err().field, "after");
        assert_eq!(parameters.number("none"), Ok(None));
        assert!(parameters.only(&["limit"]).is_err());
        assert!(of("a=1&b=2&a=1").await.is_err());
        assert!(of(&"x=1&".repeat(MOST_PARAMETERS + 1)).await.is_err());
        for wrong in ["-1", "+1", "1.0", "", "99999999999999999999"] {
            assert!(of(&format!("n={wrong}")).await.unwrap().number("n").is_err(), "{wrong}");
        }
    }
}
