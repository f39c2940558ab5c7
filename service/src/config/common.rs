//! The sections that the configuration of every service has.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::Section;
use crate::access::oidc::OidcConfig;
use crate::http::{ConnectionLimits, RequestLimits};
use crate::{DatabaseUrl, TenantId};

/// What a field that names a file has to be.
pub const NO_PATH: &str = "is not a path";
/// What a field that is a time has to be.
pub const NO_SECONDS: &str = "is not a whole number of seconds from 1 on";
/// What a field that is a number has to be.
pub const NO_NUMBER: &str = "is not a whole number from 1 on";

/// Where a service listens, and what callers may use.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it is reached from outside; `http://` and the listening address if none.
    pub public_url: Option<String>,
    /// Where metrics are served, if not beside everything else.
    pub metrics_listen: Option<SocketAddr>,
    /// What connections may use.
    pub connections: ConnectionLimits,
    /// What requests may use.
    pub requests: RequestLimits,
}

/// Something that stands in the configuration, or in a file because it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept<T> {
    /// It stands there.
    Here(T),
    /// It is the first line of this file.
    InFile(PathBuf),
}

/// The ledger: where it is, and the address of its contracts, as types of the ledger's client.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerConfig<Url, Address> {
    /// Where it is.
    pub url: Kept<Url>,
    /// How many of several nodes must agree; more than half if none.
    pub quorum: Option<usize>,
    /// Blocks on top of a transaction's block before it counts.
    pub confirmations: u64,
    /// Where the contracts are.
    pub deployment: Kept<Address>,
    /// Transactions under way, for the time after a crash.
    pub outbox_file: PathBuf,
}

/// Who may use the service.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessConfig {
    /// Everybody who reaches the listener, on loopback only.
    Open,
    /// Whoever has an API key or a token of the provider.
    Guarded(Option<OidcConfig>),
}

/// Where a tenant's keys are.
#[derive(Clone, Debug, PartialEq)]
pub enum KeysConfig {
    /// Unencrypted, in a folder; made there on first use.
    InsecureDevelopment {
        /// The folder.
        folder: PathBuf,
    },
    /// In an encrypted file.
    File {
        /// The file.
        file: PathBuf,
        /// The file whose first line is its passphrase.
        passphrase_file: PathBuf,
    },
}

/// Reads `[http]`.
pub fn http(section: &mut Section<'_>, port: u16) -> HttpConfig {
    let (connections, requests) = (ConnectionLimits::default(), RequestLimits::default());
    let rule = "is not an address and port";
    let listen = SocketAddr::from(([127, 0, 0, 1], port));
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

/// Reads `[database]`.
pub fn database(section: &mut Section<'_>, default: &str) -> Option<Kept<DatabaseUrl>> {
    let rule = "is not sqlite:PATH or postgres://USER@HOST/NAME without a password, which goes into url_file";
    kept(section, "url", default, rule)
}

/// Reads `[ledger]`.
pub fn ledger<Url: FromStr, Address: FromStr>(
    section: &mut Section<'_>,
    outbox: &str,
) -> Option<LedgerConfig<Url, Address>> {
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
        outbox_file: section.or("outbox_file", outbox.into(), NO_PATH),
        url: url?,
        deployment: deployment?,
    })
}

/// Reads `[access]`.
pub fn access(section: &mut Section<'_>) -> Option<AccessConfig> {
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

/// Reads `[audit]`: how often the heads of the audit logs go to the ledger, seconds; never if none.
pub fn audit_anchor_interval_s(section: &mut Section<'_>) -> Option<u64> {
    let interval = section.or("anchor_interval_s", 3600, "is not a whole number");
    (interval > 0).then_some(interval)
}

/// Reads a tenant's `keys`; the default is a folder below `base`.
pub fn keys(section: &mut Section<'_>, base: &str, tenant: &str) -> Option<KeysConfig> {
    let provider = section.or("provider", "insecure-development".to_owned(), "is not a text");
    match provider.as_str() {
        "insecure-development" => {
            let folder = match tenant {
                "default" => base.into(),
                other => format!("{base}/{other}").into(),
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

/// Reads `[tenants]`: each by its name, at least one.
pub fn tenants<T>(
    root: &mut Section<'_>,
    read: impl Fn(&mut Section<'_>, &str) -> Option<T>,
) -> BTreeMap<TenantId, T> {
    let mut section = root.section("tenants");
    let mut tenants = BTreeMap::new();
    for (name, mut body) in section.sections() {
        let config = read(&mut body, &name);
        match name.parse::<TenantId>() {
            Ok(id) => tenants.extend(config.map(|config| (id, config))),
            Err(error) => section.refuse(&name, &error.to_string()),
        }
    }
    if tenants.is_empty() {
        root.refuse("tenants", "has nobody: name at least one, such as [tenants.default]");
    }
    tenants
}

/// Refuses access for everybody on a listener that is not loopback.
pub fn check_open(root: &Section<'_>, access: Option<&AccessConfig>, http: &HttpConfig) {
    if access == Some(&AccessConfig::Open) && !http.listen.ip().is_loopback() {
        root.refuse("access.mode", "is open, which is served on loopback only");
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

/// A text that has a rule of its own, if it is there.
pub fn text(
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

/// A number of seconds from 1 on.
pub fn seconds(section: &mut Section<'_>, key: &str, default: u64) -> u64 {
    section.checked(key, default, NO_SECONDS, |seconds| *seconds > 0)
}

fn time(section: &mut Section<'_>, key: &str, default: Duration) -> Duration {
    Duration::from_secs(seconds(section, key, default.as_secs()))
}
