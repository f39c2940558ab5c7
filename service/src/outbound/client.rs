//! The requests themselves.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};

use super::config::{OutboundConfig, OutboundConfigError, Rules};
use super::resolver::{Checked, NoAddress, Resolver, System};
use super::target::{Rule, Target};
use crate::time::read_http_date;

const USER_AGENT: HeaderValue = HeaderValue::from_static("attestry");

/// Why a request has no answer. None repeats what was sent or where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The host has an address that may not be reached. Nothing was sent.
    #[error("the host has an address that is not public")]
    Address,
    /// The host has no address.
    #[error("the host was not found")]
    NotFound,
    /// A header has a character that no header has. Nothing was sent.
    #[error("a header would have a character that is not allowed")]
    Header,
    /// Nobody takes the connection.
    #[error("the host takes no connection")]
    NoConnection,
    /// The host does not show a certificate that is valid for it.
    #[error("TLS failed: the certificate is not valid for the host, or there is none")]
    Tls,
    /// It took too long.
    #[error("the host did not answer in time")]
    Timeout,
    /// The answer is no HTTP, or broke off.
    #[error("the answer broke off, or is no HTTP")]
    Broken,
    /// The answer is larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is compressed, which nobody asked for.
    #[error("the answer has a content encoding")]
    Encoded,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status: any, also of a redirect, which is not followed.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; empty if none was wanted.
    pub body: Vec<u8>,
}

impl Answer {
    /// Seconds from now, Unix seconds, after which the answerer wishes to be asked again, if it says
    /// so (`Retry-After`): as a number of them, or as a time. None of what is neither.
    pub fn retry_after(&self, now: u64) -> Option<u64> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        text.parse().ok().or_else(|| Some(read_http_date(text)?.saturating_sub(now)))
    }
}

/// What asks URLs that somebody else gave. Clones share everything.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    checked: Checked,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("rules", &self.checked.rules).finish_non_exhaustive()
    }
}

impl Outbound {
    /// Asks as configured, by the addresses that the system knows.
    ///
    /// # Errors
    /// [`OutboundConfigError`].
    pub fn new(config: &OutboundConfig) -> Result<Self, OutboundConfigError> {
        Self::with_resolver(config, Arc::new(System))
    }

    /// Asks as configured, by the addresses that a resolver knows.
    ///
    /// # Errors
    /// [`OutboundConfigError`].
    pub fn with_resolver(
        config: &OutboundConfig,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, OutboundConfigError> {
        let rules: Arc<Rules> = Arc::new(config.rules()?);
        let checked = Checked { resolver, rules: rules.clone() };
        let client = Client::builder()
            .dns_resolver(checked.clone())
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            // Each request is sent to an address that was checked for it.
            .pool_max_idle_per_host(0)
            .connect_timeout(rules.connect_timeout)
            .timeout(rules.timeout)
            .user_agent(USER_AGENT)
            .tls_certs_merge(config.extra_roots()?);
        let client = client.build().map_err(|_| OutboundConfigError::Tls)?;
        Ok(Self { client, checked })
    }

    /// How long a request takes at most.
    pub fn timeout(&self) -> Duration {
        self.checked.rules.timeout
    }

    /// Reads a URL that may be asked. Nothing is asked of anybody for it.
    ///
    /// # Errors
    /// The [`Rule`] that it breaks.
    pub fn target(&self, url: &str) -> Result<Target, Rule> {
        self.checked.rules.target(url)
    }

    /// Reads a URL of a document, which is asked by http if its host is listed so.
    pub(super) fn document_target(&self, url: &str) -> Result<Target, Rule> {
        let target = self.target(url)?;
        let rule = self.checked.rules.hosts.get(target.host());
        match url.strip_prefix("https:") {
            Some(rest) if rule.is_some_and(|rule| rule.http) => {
                self.target(&format!("http:{rest}"))
            }
            _ => Ok(target),
        }
    }

    /// Whether the host of a URL is where it may be, now. It is checked again for each request.
    ///
    /// # Errors
    /// [`Rule::Address`].
    pub async fn check_address(&self, target: &Target) -> Result<(), Rule> {
        if target.host().trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        // Whether a name exists in a network of our own is not for everybody to know.
        let looking = self.checked.addresses(target.host());
        let found = tokio::time::timeout(self.checked.rules.connect_timeout, looking).await;
        found.map_err(|_| Rule::Address)?.map(|_| ()).map_err(|_| Rule::Address)
    }

    /// Fetches a document of at most so many bytes.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn get(
        &self,
        target: &Target,
        headers: &[(HeaderName, &str)],
        limit: usize,
    ) -> Result<Answer, OutboundError> {
        let mut response = self.send(Method::GET, target, headers, Vec::new()).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(OutboundError::Encoded);
        }
        let declared = response.content_length().unwrap_or_default();
        if declared > limit as u64 {
            return Err(OutboundError::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| judge(&error))? {
            if body.len() + part.len() > limit {
                return Err(OutboundError::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, headers, body })
    }

    /// Sends a body. Of the answer, nothing is read but status and headers.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(HeaderName, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, OutboundError> {
        let response = self.send(Method::POST, target, headers, body).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: Vec::new() })
    }

    async fn send(
        &self,
        method: Method,
        target: &Target,
        headers: &[(HeaderName, &str)],
        body: Vec<u8>,
    ) -> Result<Response, OutboundError> {
        let mut all = HeaderMap::new();
        all.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| OutboundError::Header)?;
            all.insert(name.clone(), value);
        }
        // A target is one by the rules of whoever made it: those here count.
        self.target(target.as_str()).map_err(|_| OutboundError::Address)?;
        let request = self.client.request(method, target.0.clone()).headers(all).body(body);
        request.send().await.map_err(|error| judge(&error))
    }
}

/// What an error of the client says.
fn judge(error: &reqwest::Error) -> OutboundError {
    let mut source = std::error::Error::source(error);
    let mut is_tls = false;
    while let Some(inner) = source {
        match inner.downcast_ref::<NoAddress>() {
            Some(NoAddress::NotFound) => return OutboundError::NotFound,
            Some(NoAddress::NotPublic) => return OutboundError::Address,
            None => {}
        }
        // Errors of TLS are wrapped in errors of input, which do not tell of each other.
        let mut io = inner.downcast_ref::<io::Error>();
        while let Some(error) = io {
            is_tls |= error.kind() == io::ErrorKind::InvalidData;
            io = error.get_ref().and_then(|inner| inner.downcast_ref());
        }
        source = inner.source();
    }
    if error.is_timeout() {
        OutboundError::Timeout
    } else if error.is_connect() && is_tls {
        OutboundError::Tls
    } else if error.is_connect() {
        OutboundError::NoConnection
    } else {
        OutboundError::Broken
    }
}
