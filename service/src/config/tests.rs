#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{ConfigError, Section, read};

#[derive(Debug, PartialEq)]
struct Place {
    port: u16,
    name: String,
    inner: Option<bool>,
}

fn place(root: &mut Section<'_>) -> Option<Place> {
    let port = root.checked("port", 80, "is not a port above 0", |port| *port > 0);
    let name = root.required("name", "is not a text");
    let inner = root.section("inner").optional("flag", "is not true or false");
    Some(Place { port, name: name?, inner })
}

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Place, ConfigError> {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    read(text, "HOUSE", environment, place)
}

#[test]
fn a_file_is_read_and_the_environment_goes_over_it() {
    let found = parse("name = \"a\"\nport = 81", &[("HOUSE__INNER__FLAG", "true"), ("HOME", "/")]);
    assert_eq!(found.unwrap(), Place { port: 81, name: "a".into(), inner: Some(true) });
    let variables = [("HOUSE__NAME", "plain text"), ("HOUSE__PORT", "82")];
    let found = parse("name = \"a\"\nport = 81", &variables);
    assert_eq!(found.unwrap(), Place { port: 82, name: "plain text".into(), inner: None });
    let quoted = parse("", &[("HOUSE__NAME", "\"82\"")]).unwrap();
    assert_eq!(quoted.name, "82");
}

#[test]
fn every_mistake_is_told_at_once_with_its_path_and_without_its_value() {
    let text = "port = \"secret\"\ntypo = 1\n[inner]\nflag = \"secret\"\n[inner.more]\nx = 1";
    let variables = [("HOUSE__INNER__OTHER", "secret"), ("HOUSE__PORT__NUMBER", "1")];
    let error = parse(text, &variables).unwrap_err();
    let told: Vec<&str> = error.0.iter().map(|mistake| mistake.at.as_str()).collect();
    let inner = ["inner.flag", "inner.more", "inner.other (HOUSE__INNER__OTHER)"];
    let expected = [&["HOUSE__PORT__NUMBER", "port", "name"], &inner[..], &["typo"]].concat();
    assert_eq!(told, expected, "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn what_is_no_toml_is_told_by_its_line() {
    let error = parse("name = \"a\"\nport = = 3", &[]).unwrap_err();
    assert_eq!(error.to_string(), "line 2 is not TOML");
    assert!(parse("port = 0\nname = \"a\"", &[]).is_err());
}
