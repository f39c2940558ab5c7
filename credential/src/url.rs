//! The URLs that wire messages name: checked for what they may contain, never normalized.

use std::net::{Ipv4Addr, Ipv6Addr};

const LONGEST: usize = 1024;

/// An `http` or `https` URL of at most 1024 visible ASCII characters without user information or
/// fragment, in its parts.
#[derive(Clone, Copy)]
pub(crate) struct HttpUrl<'a> {
    /// Whether the scheme is `https`.
    pub(crate) secure: bool,
    /// Host and port.
    pub(crate) authority: &'a str,
    /// Path and query; empty, or with a slash or a question mark first.
    pub(crate) rest: &'a str,
}

impl<'a> HttpUrl<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (secure, rest) = match text.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("http://")?),
        };
        let visible = rest.bytes().all(|b| b.is_ascii_graphic() && b != b'#' && b != b'\\');
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let well_formed =
            text.len() <= LONGEST && visible && !authority.is_empty() && !authority.contains('@');
        well_formed.then_some(Self { secure, authority, rest })
    }

    /// Whether what is sent there is protected on the way: by TLS, or by not leaving the machine.
    pub(crate) fn is_protected(&self) -> bool {
        self.secure || self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        if let Some(rest) = self.authority.strip_prefix('[') {
            let host = rest.split(']').next().unwrap_or_default();
            return host.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback());
        }
        let host = self.authority.split(':').next().unwrap_or_default();
        host == "localhost" || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_apart_where_its_authority_ends() {
        for (text, authority, rest) in [
            ("https://a.example", "a.example", ""),
            ("https://a.example/t/x?y=1", "a.example", "/t/x?y=1"),
            ("http://localhost:1?y", "localhost:1", "?y"),
        ] {
            let url = HttpUrl::parse(text).unwrap();
            assert_eq!((url.authority, url.rest), (authority, rest), "{text}");
        }
        let long = format!("https://{}", "a".repeat(LONGEST));
        for wrong in
            ["", "ftp://a", "https://", "https:///x", "https://u@a", "https://a#x", "https://a b"]
                .into_iter()
                .chain(["https://a\\b", "https://é.example", "HTTPS://a", &long])
        {
            assert!(HttpUrl::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn plain_http_is_protected_on_the_machine_itself_only() {
        let protected = |text| HttpUrl::parse(text).unwrap().is_protected();
        for safe in ["https://a.example", "http://localhost:8081/x", "http://127.0.0.1"] {
            assert!(protected(safe), "{safe}");
        }
        assert!(protected("http://[::1]:80/"));
        for unsafe_url in [
            "http://a.example",
            "http://127.0.0.1.a.example",
            "http://localhost.a.example",
            "http://[2001:db8::1]",
            "http://0.0.0.0",
        ] {
            assert!(!protected(unsafe_url), "{unsafe_url}");
        }
    }
}
