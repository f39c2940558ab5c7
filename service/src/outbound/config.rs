//! What an operator allows, beyond public hosts by https.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Url};
use serde::Deserialize;

/// Where requests may go to URLs that somebody else gave.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// Ports that are asked, for hosts that are not listed with ports of their own.
    pub ports: BTreeSet<u16>,
    /// Hosts of which more is allowed.
    pub hosts: Vec<HostRule>,
    /// Whether no other hosts than those are asked at all.
    pub listed_only: bool,
    /// Certificates of authorities that are trusted besides those of the system, PEM.
    pub extra_roots_file: Option<PathBuf>,
    /// Until a connection is there, names looked up and TLS agreed, seconds.
    pub connect_timeout_s: u64,
    /// Until the answer is there as a whole, seconds.
    pub timeout_s: u64,
}

impl Default for OutboundConfig {
    /// Public hosts, by https on port 443.
    fn default() -> Self {
        Self {
            ports: BTreeSet::from([443]),
            hosts: Vec::new(),
            listed_only: false,
            extra_roots_file: None,
            connect_timeout_s: 5,
            timeout_s: 15,
        }
    }
}

/// What is allowed of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostRule {
    /// The host as URLs have it: a name, or an address if it is internal, too.
    pub host: String,
    /// Its ports; those of all hosts if none is given.
    #[serde(default)]
    pub ports: BTreeSet<u16>,
    /// Whether it may be asked by http, which anybody on the way reads and changes.
    #[serde(default)]
    pub http: bool,
    /// Whether it is in a network of one's own or on this machine, and may be named by its address.
    /// Link-local addresses and the metadata of clouds are not reached even so.
    #[serde(default)]
    pub internal: bool,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboundConfigError {
    /// A field breaks a rule.
    #[error("{field} {rule}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule, worded to follow its name.
        rule: &'static str,
    },
    /// The file of certificates cannot be read.
    #[error("extra_roots_file cannot be read: {}", .0.kind())]
    Roots(std::io::Error),
    /// The system has no certificates of authorities, and no file names others.
    #[error("no certificate authority is known: install those of the system")]
    Tls,
}

/// The configuration, checked.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) ports: BTreeSet<u16>,
    pub(super) hosts: BTreeMap<String, HostRule>,
    pub(super) listed_only: bool,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
}

impl OutboundConfig {
    pub(super) fn rules(&self) -> Result<Rules, OutboundConfigError> {
        let invalid = |field, rule| OutboundConfigError::Invalid { field, rule };
        if self.connect_timeout_s == 0 || self.timeout_s < self.connect_timeout_s {
            return Err(invalid("connect_timeout_s", "is not between 1 and timeout_s"));
        }
        let mut hosts = BTreeMap::new();
        for rule in &self.hosts {
            let url = Url::parse(&format!("https://{}/", rule.host));
            let host = url.as_ref().ok().and_then(Url::host_str);
            if host != Some(rule.host.as_str()) {
                return Err(invalid("hosts", "has one that is no host as URLs have it"));
            }
            if hosts.insert(rule.host.clone(), rule.clone()).is_some() {
                return Err(invalid("hosts", "has one twice"));
            }
        }
        Ok(Rules {
            ports: self.ports.clone(),
            hosts,
            listed_only: self.listed_only,
            connect_timeout: Duration::from_secs(self.connect_timeout_s),
            timeout: Duration::from_secs(self.timeout_s),
        })
    }

    pub(super) fn extra_roots(&self) -> Result<Vec<Certificate>, OutboundConfigError> {
        let Some(path) = &self.extra_roots_file else { return Ok(Vec::new()) };
        let pem = std::fs::read(path).map_err(OutboundConfigError::Roots)?;
        let roots = Certificate::from_pem_bundle(&pem).ok().filter(|roots| !roots.is_empty());
        let rule = "has no certificate in PEM";
        roots.ok_or(OutboundConfigError::Invalid { field: "extra_roots_file", rule })
    }
}
