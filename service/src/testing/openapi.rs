//! Whether a service and its OpenAPI document say the same.

use std::collections::BTreeSet;

use axum::Router;
use axum::http::Method;
use serde_json::{Map, Value};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An OpenAPI document, to hold a service against.
#[derive(Debug)]
pub struct OpenApi(Value);

impl OpenApi {
    /// Reads a document.
    pub fn new(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    /// Checks that every route is described and every description is routed, each with its
    /// methods. `status` asks the routes, of which all parameters are made up.
    pub async fn assert_routed(
        &self,
        router: &Router,
        status: impl AsyncFn(Method, String) -> u16,
    ) {
        let paths = self.0["paths"].as_object().unwrap();
        let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
        let listed = format!("{router:?}");
        assert_eq!(routed(&listed), described);
        for (path, operations) in paths {
            let asked = match path.as_str() {
                FILES => "/docs/docs.js".to_owned(),
                path => path.replace('{', "x-").replace('}', ""),
            };
            for method in METHODS {
                let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let status = status(verb, asked.clone()).await;
                assert_eq!(operations[method].is_object(), status != 405, "{method} {path}");
            }
        }
    }

    /// Checks that every reference leads somewhere, every example is as its schema says, and every
    /// operation has a summary and its path's parameters.
    #[track_caller]
    pub fn assert_sound(&self, least_examples: usize) {
        let mut examples = 0;
        self.walk(&self.0, &mut examples);
        assert!(examples > least_examples, "only {examples} examples were found");
        assert_eq!(self.0["openapi"], "3.1.0");
        for (path, operations) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                let names = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let described: Vec<_> = parameters
                    .filter(|parameter| parameter["in"] == "path")
                    .map(|parameter| parameter["name"].as_str().unwrap())
                    .collect();
                assert_eq!(names.collect::<Vec<_>>(), described, "{method} {path}");
            }
        }
    }

    /// Checks that an answer in JSON is as the document says of the route and status.
    #[track_caller]
    pub fn assert_answer(&self, path: &str, method: &str, status: u16, answer: &Value) {
        let response = &self.0["paths"][path][method]["responses"][status.to_string()];
        let response = self.resolve(response);
        assert!(response.is_object(), "{method} {path} does not tell of status {status}: {answer}");
        let contents = response["content"].as_object().unwrap();
        let content = match answer["type"].as_str() {
            // A status may stand for an answer and for a problem.
            Some(kind) if kind.starts_with("urn:attestry:problem:") => {
                contents.get("application/problem+json")
            }
            _ => None,
        };
        let content = content.or_else(|| contents.values().next()).unwrap();
        assert_eq!(self.violation(&content["schema"], answer), None, "{method} {path}");
    }

    /// Checks that a value is as a schema of the document's components says.
    #[track_caller]
    pub fn assert_is(&self, schema: &str, value: &Value) {
        let described = &self.0["components"]["schemas"][schema];
        assert!(described.is_object(), "{schema}");
        assert_eq!(self.violation(described, value), None, "{schema}");
    }

    fn walk(&self, value: &Value, examples: &mut usize) {
        if let Some(reference) = value["$ref"].as_str() {
            let found = self.0.pointer(reference.trim_start_matches('#'));
            assert!(found.is_some(), "{reference} leads nowhere");
        }
        if let (Some(schema), Some(example)) = (value.get("schema"), value.get("example")) {
            assert_eq!(self.violation(schema, example), None, "{example}");
            *examples += 1;
        }
        match value {
            Value::Object(members) => {
                members.values().for_each(|member| self.walk(member, examples));
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, examples)),
            _ => {}
        }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    /// Where a value is not as a schema says: enough of JSON Schema for these documents.
    fn violation(&self, schema: &Value, value: &Value) -> Option<String> {
        let schema = self.resolve(schema);
        let is = |name: &str| match name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            _ => false,
        };
        let typed = match &schema["type"] {
            Value::Null => true,
            Value::String(name) => is(name),
            names => names.as_array().unwrap().iter().any(|name| is(name.as_str().unwrap())),
        };
        if !typed {
            return Some(format!("{value} is not of type {}", schema["type"]));
        }
        if schema["enum"].as_array().is_some_and(|words| !words.contains(value))
            || schema.get("const").is_some_and(|only| only != value)
        {
            return Some(format!("{value} is not allowed"));
        }
        if let Some(members) = value.as_object() {
            let none = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&none);
            for required in schema["required"].as_array().into_iter().flatten() {
                if !members.contains_key(required.as_str().unwrap()) {
                    return Some(format!("{required} is missing in {value}"));
                }
            }
            for (name, member) in members {
                let violation = match (properties.get(name), &schema["additionalProperties"]) {
                    (Some(schema), _) => self.violation(schema, member),
                    (None, Value::Bool(false)) => Some("is not described".to_owned()),
                    (None, others) => self.violation(others, member),
                };
                if let Some(violation) = violation {
                    return Some(format!("{name}: {violation}"));
                }
            }
        }
        let items = value.as_array().into_iter().flatten();
        schema
            .get("items")
            .and_then(|schema| items.into_iter().find_map(|item| self.violation(schema, item)))
    }
}

/// What documents name the files of the page by.
const FILES: &str = "/docs/{file}";

/// The paths that are routed, as a router lists them. Those of the page's own files are one.
fn routed(listed: &str) -> BTreeSet<&str> {
    let texts = listed.split('"').skip(1).step_by(2);
    texts
        .filter(|text| text.starts_with('/') && *text != "/" && !text.contains("__private"))
        .map(|path| if path.starts_with("/docs/") { FILES } else { path })
        .collect()
}
