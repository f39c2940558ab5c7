//! Which URLs may be asked at all.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::address::Reach;
use super::config::{HostRule, Rules};

/// Longest URL, bytes.
const LONGEST: usize = 2048;

/// The rule that a URL breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It is no URL, or one that only a lenient reader takes.
    NotAUrl,
    /// It is too long.
    TooLong,
    /// It is not https.
    Scheme,
    /// It has a user name or password.
    UserInfo,
    /// It has a fragment, which no server sees.
    Fragment,
    /// Its port is not an allowed one.
    Port,
    /// It names an address instead of a host.
    Literal,
    /// Its host is not among those listed.
    NotListed,
    /// Its host has no address, or one that is not public.
    Address,
}

impl Rule {
    /// The rule in words that follow the name of a field.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotAUrl => "is not a URL of printable ASCII",
            Self::TooLong => "is longer than 2048 bytes",
            Self::Scheme => "is not https",
            Self::UserInfo => "has a user name or password",
            Self::Fragment => "has a fragment",
            Self::Port => "has a port that is not allowed",
            Self::Literal => "names an address instead of a host",
            Self::NotListed => "is of a host that is not listed in the configuration",
            Self::Address => "is of a host that has no public address",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl std::error::Error for Rule {}

/// A URL that may be asked, if its host turns out to be where it may be.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(pub(super) Url);

impl Target {
    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its host.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

/// Path and query may be secrets of whoever gave the URL.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Rules {
    /// Reads a URL. Nothing is asked of anybody for it.
    pub(super) fn target(&self, text: &str) -> Result<Target, Rule> {
        if text.len() > LONGEST {
            return Err(Rule::TooLong);
        }
        // The reader of URLs leaves out line breaks and turns backslashes: not so here.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(Rule::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| Rule::NotAUrl)?;
        let host = url.host_str().ok_or(Rule::NotAUrl)?;
        let listed = self.hosts.get(host);
        if self.listed_only && listed.is_none() {
            return Err(Rule::NotListed);
        }
        let allows = |what: fn(&HostRule) -> bool| listed.is_some_and(what);
        if url.scheme() != "https" && !(url.scheme() == "http" && allows(|rule| rule.http)) {
            return Err(Rule::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Rule::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(Rule::Fragment);
        }
        let ports = listed.map(|rule| &rule.ports).filter(|ports| !ports.is_empty());
        let port = url.port_or_known_default().ok_or(Rule::Port)?;
        if !ports.unwrap_or(&self.ports).contains(&port) {
            return Err(Rule::Port);
        }
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            if !allows(|rule| rule.internal) {
                return Err(Rule::Literal);
            }
            if !self.may_reach(host, address) {
                return Err(Rule::Address);
            }
        }
        Ok(Target(url))
    }

    /// Whether a host may be at an address.
    pub(super) fn may_reach(&self, host: &str, address: IpAddr) -> bool {
        match Reach::of(address) {
            Reach::Public => true,
            Reach::Internal => self.hosts.get(host).is_some_and(|rule| rule.internal),
            Reach::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::OutboundConfig;
    use super::*;

    fn rules(hosts: &[HostRule], listed_only: bool) -> Rules {
        let config = OutboundConfig { hosts: hosts.to_vec(), listed_only, ..Default::default() };
        config.rules().unwrap()
    }

    fn refused(rules: &Rules, cases: &[(&str, Rule)]) {
        for (text, rule) in cases {
            assert_eq!(rules.target(text), Err(*rule), "{text}");
        }
    }

    #[test]
    fn only_hosts_by_name_on_the_port_of_https_are_taken() {
        let rules = rules(&[], false);
        for url in ["https://hooks.example/a?b=c", "https://hooks.example:443/", "https://EXAMPLE"]
        {
            rules.target(url).unwrap();
        }
        let long = format!("https://hooks.example/{}", "a".repeat(LONGEST));
        refused(
            &rules,
            &[
                ("", Rule::NotAUrl),
                ("hooks.example", Rule::NotAUrl),
                ("https://", Rule::NotAUrl),
                ("https://hooks.example/\r\nHost: other", Rule::NotAUrl),
                ("https://hooks.example/\t", Rule::NotAUrl),
                ("https:\\\\hooks.example", Rule::NotAUrl),
                ("https://hooks.exämple", Rule::NotAUrl),
                ("file:///etc/passwd", Rule::NotAUrl),
                (&long, Rule::TooLong),
                ("http://hooks.example/", Rule::Scheme),
                ("ftp://hooks.example/", Rule::Scheme),
                ("gopher://hooks.example:443/", Rule::Scheme),
                ("https://user@hooks.example/", Rule::UserInfo),
                ("https://:word@hooks.example/", Rule::UserInfo),
                ("https://hooks.example/#part", Rule::Fragment),
                ("https://hooks.example:8443/", Rule::Port),
                ("https://hooks.example:22/", Rule::Port),
            ],
        );
    }

    #[test]
    fn an_address_is_one_however_it_is_written() {
        let rules = rules(&[], false);
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "1.1.1.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "%31%32%37.0.0.1",
        ] {
            assert_eq!(rules.target(&format!("https://{host}/")), Err(Rule::Literal), "{host}");
        }
    }

    #[test]
    fn a_listed_host_is_excepted_from_what_is_said_of_it_alone() {
        let rule = |host: &str| HostRule { host: host.to_owned(), ..HostRule::default() };
        let rules = rules(
            &[
                HostRule { http: true, ports: [80].into(), ..rule("plain.example") },
                HostRule { internal: true, ..rule("10.0.0.7") },
                HostRule { internal: true, ..rule("169.254.169.254") },
                HostRule { ports: [8443].into(), ..rule("port.example") },
            ],
            true,
        );
        for url in ["http://plain.example/", "https://10.0.0.7/", "https://port.example:8443/"] {
            rules.target(url).unwrap();
        }
        refused(
            &rules,
            &[
                ("https://plain.example/", Rule::Port),
                ("http://10.0.0.7/", Rule::Scheme),
                ("https://169.254.169.254/", Rule::Address),
                ("https://port.example/", Rule::Port),
                ("https://plain.example./", Rule::NotListed),
                ("https://other.example/", Rule::NotListed),
                ("https://10.0.0.8/", Rule::NotListed),
            ],
        );
    }

    #[test]
    fn a_host_is_listed_as_urls_have_it() {
        for host in ["", "Plain.example", "plain.example:80", "a/b", "u@a", "127.1", "::1"] {
            let hosts = vec![HostRule { host: host.to_owned(), ..HostRule::default() }];
            let config = OutboundConfig { hosts, ..OutboundConfig::default() };
            assert!(config.rules().is_err(), "{host}");
        }
    }

    #[test]
    fn a_target_does_not_print_what_may_be_secret() {
        let target = rules(&[], false).target("https://hooks.example/geheim?token=geheim").unwrap();
        assert!(!format!("{target:?}").contains("geheim"));
    }
}
