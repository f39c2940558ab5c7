use attestry_service::TenantId;
use attestry_service::config::{AccessConfig, ConfigError, Kept, KeysConfig};

use super::{EXAMPLE, ServiceConfig, VerifierConfig};

const LEAST: &str = "[tenants.default]";
const CLIENT: &str = "did:ethr:0x00000000000000000000000000000000000000aa";

fn parse(text: &str) -> Result<ServiceConfig, ConfigError> {
    ServiceConfig::read(text, [])
}

fn mistakes(text: &str) -> Vec<String> {
    parse(text).unwrap_err().0.into_iter().map(|mistake| mistake.at).collect()
}

/// The example with all that is commented out in use, but for what excludes something else.
fn everything() -> String {
    let left_out = ["# url_file", "# deployment ", "# provider", "# file =", "# passphrase_file"];
    let line = |line: &str| {
        let is_field = line.contains(" = ") || line.starts_with("# [");
        let is_used = is_field && !left_out.iter().any(|start| line.starts_with(start));
        line.strip_prefix("# ").filter(|_| is_used).unwrap_or(line).to_owned()
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_says_the_defaults() {
    assert_eq!(parse(EXAMPLE).unwrap(), parse(LEAST).unwrap());
}

#[test]
fn every_field_that_is_commented_out_in_the_example_is_known() {
    let all = parse(&everything()).unwrap();
    assert_eq!(all.http.public_url.as_deref(), Some("https://verifier.example"));
    assert_eq!(all.checks.max_ledger_lag_s, Some(60));
    assert!(matches!(all.access, AccessConfig::Guarded(Some(_))));
    assert!(all.tenants[&TenantId::default()].policies.is_some());
    let sealed =
        "[tenants.default.keys]\nprovider = \"file\"\nfile = \"a\"\npassphrase_file = \"b\"";
    let sealed = parse(sealed).unwrap();
    assert!(matches!(sealed.tenants[&TenantId::default()].keys, KeysConfig::File { .. }));
    let files = "[database]\nurl_file = \"a\"\n[ledger]\nurl_file = \"b\"\n[tenants.default]";
    assert!(matches!(parse(files).unwrap().database, Kept::InFile(_)));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "[http]\nlisten = 7\n[checks]\nmax_age_s = 0\nmax_age = 1\n[access]\nmode = \"all\"";
    let mut found = mistakes(text);
    found.sort();
    assert_eq!(
        found,
        ["access.mode", "checks.max_age", "checks.max_age_s", "http.listen", "tenants"]
    );
    assert_eq!(
        mistakes("[http]\nlisten = \"0.0.0.0:1\"\n[access]\nmode = \"open\"\n[tenants.default]"),
        ["access.mode"]
    );
}

#[test]
fn each_tenant_has_a_url_of_its_own_and_the_strictness_of_all() {
    let text = "[checks]\nregistry_grace_s = 5\n[tenants.default]\n[tenants.sponsor]";
    let config = parse(text).unwrap();
    let of = |tenant: &str| {
        let tenant = tenant.parse().unwrap();
        config.verifier(&tenant, CLIENT.parse().unwrap(), "https://v.example").unwrap()
    };
    assert_eq!(of("default").public_url.as_str(), "https://v.example");
    assert_eq!(of("sponsor").public_url.as_str(), "https://v.example/t/sponsor");
    assert_eq!(of("sponsor").checks.registry_grace_s, 5);
    let usual = VerifierConfig::new(CLIENT.parse().unwrap(), "https://v.example".parse().unwrap());
    let plain = parse(LEAST).unwrap();
    let plain = plain.verifier(&TenantId::default(), usual.client_id.clone(), "https://v.example");
    assert_eq!(format!("{:?}", plain.unwrap()), format!("{usual:?}"));
}

#[test]
fn the_environment_goes_over_the_file() {
    let variables = [("ATTESTRY_VERIFIER__CHECKS__MAX_AGE_S", "7"), ("ATTESTRY_DATA", "elsewhere")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(ServiceConfig::read(LEAST, variables).unwrap().checks.max_age_s, 7);
}
