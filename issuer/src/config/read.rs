//! Each section of the file, field by field.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use attestry_credential::schema::Schema;
use attestry_service::TenantId;
use attestry_service::config::Section;
use attestry_service::http::{ConnectionLimits, RequestLimits};

use super::{
    AccessConfig, HttpConfig, IssuingConfig, Kept, KeysConfig, LedgerConfig, ServiceConfig,
    TenantConfig,
};
use crate::IssuerConfig;

const NO_PATH: &str = "is not a path";
const NO_SECONDS: &str = "is not a whole number of seconds from 1 on";
const NO_NUMBER: &str = "is not a whole number from 1 on";

pub(super) fn service(root: &mut Section<'_>) -> Option<ServiceConfig> {
    let http = http(&mut root.section("http"));
    let database = kept(
        &mut root.section("database"),
        "url",
        "sqlite:data/issuer/issuer.sqlite",
        "is not sqlite:PATH or postgres://USER@HOST/NAME without a password, which goes into url_file",
    );
    let ledger = ledger(&mut root.section("ledger"));
    let access = access(&mut root.section("access"));
    let interval = root.section("audit").or("anchor_interval_s", 3600, "is not a whole number");
    let issuing = issuing(root);
    let tenants = tenants(&mut root.section("tenants"));
    if tenants.is_empty() {
        root.refuse("tenants", "has nobody: name at least one, such as [tenants.default]");
    }
    if access == Some(AccessConfig::Open) && !http.listen.ip().is_loopback() {
        root.refuse("access.mode", "is open, which is served on loopback only");
    }
    Some(ServiceConfig {
        http,
        database: database?,
        ledger: ledger?,
        access: access?,
        audit_anchor_interval_s: (interval > 0).then_some(interval),
        issuing,
        tenants,
    })
}

fn http(section: &mut Section<'_>) -> HttpConfig {
    let (connections, requests) = (ConnectionLimits::default(), RequestLimits::default());
    let rule = "is not an address and port";
    let listen = SocketAddr::from(([127, 0, 0, 1], 8081));
    let some = |number: &usize| *number > 0;
    let header = "is not a whole number from 8192 on";
    HttpConfig {
        listen: section.or("listen", listen, rule),
        public_url: text(
            section,
            "public_url",
            "is not a URL of https, or http, without query",
            is_url,
        ),
        metrics_listen: section.optional("metrics_listen", rule),
        connections: ConnectionLimits {
            connections: section.checked(
                "max_connections",
                connections.connections,
                NO_NUMBER,
                some,
            ),
            header_bytes: section.checked(
                "max_header_bytes",
                connections.header_bytes,
                header,
                |bytes| *bytes >= 8192,
            ),
            header_time: time(section, "header_time_s", connections.header_time),
            read_time: time(section, "read_time_s", connections.read_time),
            stop_time: time(section, "stop_time_s", connections.stop_time),
        },
        requests: RequestLimits {
            body_bytes: section.checked("max_body_bytes", requests.body_bytes, NO_NUMBER, some),
            time: time(section, "request_time_s", requests.time),
            body_time: time(section, "body_time_s", requests.body_time),
        },
    }
}

fn ledger(section: &mut Section<'_>) -> Option<LedgerConfig> {
    let rule = "is not embedded:PATH or URLs of nodes without a password, which goes into url_file";
    let url = kept(section, "url", "embedded:data/ledger", rule);
    let address = section.optional::<String>("deployment", "is not an address");
    let file = section.optional::<PathBuf>("deployment_file", NO_PATH);
    let deployment = match (address, file) {
        (Some(_), Some(_)) => {
            section.refuse("deployment_file", "is given beside deployment: one of them is needed");
            None
        }
        (Some(address), None) => match address.parse() {
            Ok(address) => Some(Kept::Here(address)),
            Err(_) => {
                section.refuse("deployment", "is not an address");
                None
            }
        },
        (None, file) => Some(Kept::InFile(file.unwrap_or("data/deployment.json".into()))),
    };
    Some(LedgerConfig {
        quorum: section.optional("quorum", NO_NUMBER),
        confirmations: section.or("confirmations", 0, "is not a whole number"),
        outbox_file: section.or("outbox_file", "data/issuer/outbox.redb".into(), NO_PATH),
        url: url?,
        deployment: deployment?,
    })
}

fn access(section: &mut Section<'_>) -> Option<AccessConfig> {
    let mode = section.or("mode", "keys".to_owned(), "is not open or keys");
    let has_provider = section.has("oidc");
    let oidc = section.section("oidc").rest();
    match mode.as_str() {
        "open" if has_provider => {
            section.refuse("oidc", "is given beside open access");
            None
        }
        "open" => Some(AccessConfig::Open),
        "keys" => Some(AccessConfig::Guarded(oidc)),
        _ => {
            section.refuse("mode", "is not open or keys");
            None
        }
    }
}

fn issuing(root: &mut Section<'_>) -> IssuingConfig {
    let usual = IssuerConfig::new("", BTreeMap::new());
    let seconds = |section: &mut Section<'_>, key: &str, default: u64| {
        section.checked(key, default, NO_SECONDS, |seconds| *seconds > 0)
    };
    let mut publication = root.section("publication");
    let mut credentials = root.section("credentials");
    let padding: NonZeroU32 = publication.or("padding", usual.publication_padding, NO_NUMBER);
    IssuingConfig {
        publication_interval_s: seconds(
            &mut publication,
            "interval_s",
            usual.publication_interval_s,
        ),
        publication_padding: padding,
        status_list_validity_s: seconds(
            &mut publication,
            "list_validity_s",
            usual.status_list_validity_s,
        ),
        default_validity_s: seconds(&mut credentials, "validity_s", usual.default_validity_s),
        did_key_validity_s: seconds(
            &mut credentials,
            "did_key_validity_s",
            usual.did_key_validity_s,
        ),
    }
}

fn tenants(section: &mut Section<'_>) -> BTreeMap<TenantId, TenantConfig> {
    let mut tenants = BTreeMap::new();
    for (name, mut body) in section.sections() {
        let config = tenant(&mut body, &name);
        match name.parse::<TenantId>() {
            Ok(id) => tenants.extend(config.map(|config| (id, config))),
            Err(error) => section.refuse(&name, &error.to_string()),
        }
    }
    tenants
}

fn tenant(section: &mut Section<'_>, name: &str) -> Option<TenantConfig> {
    let mut given = section.section("entries");
    let rule = "is not the number of a registry entry";
    let entries: BTreeMap<_, _> = [
        (Schema::ProviderCredential, "provider_credential"),
        (Schema::ConsentGrant, "consent_grant"),
    ]
    .into_iter()
    .filter_map(|(schema, key)| Some((schema, given.optional::<u32>(key, rule)?)))
    .collect();
    drop(given);
    if entries.is_empty() {
        section.refuse("entries", "has none: give provider_credential or consent_grant");
    }
    let keys = keys(&mut section.section("keys"), name);
    let display_name = text(section, "display_name", "is not 1 to 128 characters", |name| {
        (1..=128).contains(&name.chars().count())
    });
    Some(TenantConfig { display_name, entries, keys: keys? })
}

fn keys(section: &mut Section<'_>, tenant: &str) -> Option<KeysConfig> {
    let provider = section.or("provider", "insecure-development".to_owned(), "is not a text");
    match provider.as_str() {
        "insecure-development" => {
            let folder = match tenant {
                "default" => "data/issuer".into(),
                other => format!("data/issuer/{other}").into(),
            };
            Some(KeysConfig::InsecureDevelopment { folder: section.or("folder", folder, NO_PATH) })
        }
        "file" => {
            let file = section.required("file", NO_PATH);
            let passphrase_file = section.required("passphrase_file", NO_PATH);
            Some(KeysConfig::File { file: file?, passphrase_file: passphrase_file? })
        }
        _ => {
            section.refuse("provider", "is not insecure-development or file");
            None
        }
    }
}

/// Something that is given as `key`, or in the file `key_file` because it holds a secret.
fn kept<T: FromStr>(
    section: &mut Section<'_>,
    key: &str,
    default: &str,
    rule: &str,
) -> Option<Kept<T>> {
    let file_key = format!("{key}_file");
    let here = section.optional::<String>(key, rule);
    let file = section.optional::<PathBuf>(&file_key, NO_PATH);
    match (here, file) {
        (Some(_), Some(_)) => {
            section.refuse(&file_key, &format!("is given beside {key}: one of them is needed"));
            None
        }
        (None, Some(file)) => Some(Kept::InFile(file)),
        (here, None) => {
            let text = here.as_deref().unwrap_or(default);
            let parsed = text.parse().ok().filter(|_| !has_password(text));
            if parsed.is_none() {
                section.refuse(key, rule);
            }
            parsed.map(Kept::Here)
        }
    }
}

/// Whether one of the URLs in a text has a password.
fn has_password(text: &str) -> bool {
    text.split(',').any(|url| {
        let authority = url.split_once("://").map(|(_, rest)| rest);
        let authority = authority.and_then(|rest| rest.split(['/', '?']).next());
        let user = authority.and_then(|authority| authority.rsplit_once('@'));
        user.is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
    })
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.ends_with('/')
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
            && !rest.contains(['?', '#', '@'])
    })
}

fn text(
    section: &mut Section<'_>,
    key: &str,
    rule: &str,
    is_good: impl FnOnce(&str) -> bool,
) -> Option<String> {
    let text = section.optional::<String>(key, rule)?;
    if is_good(&text) {
        return Some(text);
    }
    section.refuse(key, rule);
    None
}

fn time(section: &mut Section<'_>, key: &str, default: Duration) -> Duration {
    let seconds = section.checked(key, default.as_secs(), NO_SECONDS, |seconds| *seconds > 0);
    Duration::from_secs(seconds)
}
