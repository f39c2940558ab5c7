use super::*;

const LEAST: &str = "[tenants.default.entries]\nprovider_credential = 0";

fn parse(text: &str) -> Result<ServiceConfig, ConfigError> {
    ServiceConfig::read(text, [])
}

fn mistakes(text: &str) -> Vec<String> {
    parse(text).unwrap_err().0.into_iter().map(|mistake| mistake.at).collect()
}

#[test]
fn the_example_says_the_defaults() {
    assert_eq!(parse(EXAMPLE).unwrap(), parse(LEAST).unwrap());
}

/// The example with some of its commented fields in use, and some of the others left out.
fn with(used: &[&str], left_out: &[&str]) -> String {
    let starts = |line: &str, name: &str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(" = "))
    };
    let line = |line: &str| {
        let commented = line.strip_prefix("# ").filter(|field| {
            *field == "[access.oidc]" && used.contains(&"jwks")
                || used.iter().any(|name| starts(field, name))
        });
        let kept = !left_out.iter().any(|name| starts(line, name));
        commented.map(str::to_owned).or_else(|| kept.then(|| line.to_owned()))
    };
    EXAMPLE.lines().filter_map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_field_that_is_commented_out_in_the_example_is_known() {
    let plain = ["public_url", "metrics_listen", "quorum", "display_name", "consent_grant"];
    let provider = [
        "issuer",
        "audience",
        "jwks",
        "tenant_claim",
        "roles_claim",
        "skew_s",
        "refresh_s",
        "stale_s",
        "roles",
    ];
    let more = parse(&with(&[&plain[..], &provider].concat(), &[])).unwrap();
    assert!(matches!(more.access, AccessConfig::Guarded(Some(_))));
    assert_eq!(more.http.public_url.as_deref(), Some("https://issuer.example"));
    let files = parse(&with(&["url_file", "deployment"], &["url", "deployment_file"])).unwrap();
    assert!(
        matches!(files.database, Kept::InFile(_)) && matches!(files.ledger.url, Kept::InFile(_))
    );
    assert!(matches!(files.ledger.deployment, Kept::Here(_)));
    let keys = ["file", "passphrase_file"];
    let sealed = with(&keys, &["folder"]).replace("= \"insecure-development\"", "= \"file\"");
    let sealed = parse(&sealed).unwrap();
    assert!(matches!(sealed.tenants[&TenantId::default()].keys, KeysConfig::File { .. }));

    let known = [&plain[..], &provider, &keys, &["url_file", "deployment", "provider"]].concat();
    for line in EXAMPLE.lines().filter_map(|line| line.strip_prefix("# ")) {
        let name = line.split_once(" = ").map(|(name, _)| name);
        assert!(name.is_none_or(|name| known.contains(&name)), "{line}");
    }
}

#[test]
fn the_environment_goes_over_the_file() {
    let variables = [
        ("ATTESTRY_ISSUER__HTTP__LISTEN", "127.0.0.1:9"),
        ("ATTESTRY_ISSUER__TENANTS__DEFAULT__ENTRIES__CONSENT_GRANT", "7"),
        ("ATTESTRY_ISSUER__ACCESS__MODE", "open"),
        ("ATTESTRY_DATA", "elsewhere"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = ServiceConfig::read(LEAST, variables).unwrap();
    assert_eq!(config.http.listen.port(), 9);
    assert_eq!(config.access, AccessConfig::Open);
    let tenant = &config.tenants[&TenantId::default()];
    assert_eq!(tenant.entries[&Schema::ConsentGrant], 7);
}

#[test]
fn mistakes_are_told_together() {
    let text = "
        [http]
        listen = \"8081\"
        public_url = \"ftp://a\"
        max_connections = 0
        lisen = 1
        [database]
        url = \"postgres://user:secret@host/name\"
        [ledger]
        url = \"https://user:secret@node.example\"
        [access]
        mode = \"ajar\"
        [publication]
        interval_s = 0
        [tenants.Default.entries]
        [tenants.default.keys]
        provider = \"file\"
    ";
    let expected = [
        "http.listen",
        "http.public_url",
        "http.max_connections",
        "http.lisen",
        "database.url",
        "ledger.url",
        "access.mode",
        "publication.interval_s",
        "tenants.Default.entries",
        "tenants.Default",
        "tenants.default.entries",
        "tenants.default.keys.file",
        "tenants.default.keys.passphrase_file",
    ];
    let mut told = mistakes(text);
    told.retain(|at| at != "tenants");
    assert_eq!(told.len(), expected.len(), "{told:?}");
    assert!(expected.iter().all(|at| told.contains(&(*at).to_owned())), "{told:?}");
    assert!(!parse(text).unwrap_err().to_string().contains("secret"));
}

#[test]
fn open_access_is_for_loopback_and_for_nobody_of_a_provider() {
    let open = format!("[access]\nmode = \"open\"\n[http]\nlisten = \"0.0.0.0:1\"\n{LEAST}");
    assert_eq!(mistakes(&open), ["access.mode"]);
    let both = format!("[access]\nmode = \"open\"\noidc = {{ issuer = \"a\" }}\n{LEAST}");
    assert!(mistakes(&both).contains(&"access.oidc".to_owned()));
    let unknown = format!(
        "[access.oidc]\nissuer = \"a\"\naudience = \"b\"\njwks = {{ url = \"c\" }}\nx = 1\n{LEAST}"
    );
    assert_eq!(mistakes(&unknown), ["access.oidc"]);
}

#[test]
fn other_tenants_are_reached_below_their_names() {
    let text = format!("{LEAST}\n[tenants.texas.entries]\nconsent_grant = 4");
    let config = parse(&text).unwrap();
    let texas: TenantId = "texas".parse().unwrap();
    let issuer = config.issuer(&texas, "https://a.example").unwrap();
    assert_eq!(issuer.public_url, "https://a.example/t/texas");
    assert_eq!(issuer.entries[&Schema::ConsentGrant].as_u32(), 4);
    assert!(config.issuer(&"ohio".parse().unwrap(), "https://a.example").is_none());
    let default = config.issuer(&TenantId::default(), "https://a.example").unwrap();
    assert_eq!(default.public_url, "https://a.example");
}
