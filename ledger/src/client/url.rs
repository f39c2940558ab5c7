//! Where a ledger is.

use crate::LedgerError;
use alloy::transports::http::reqwest::Url;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerUrl {
    /// `embedded:PATH`: in this process, in that folder.
    Embedded(PathBuf),
    /// `http://…` or `https://…`, one or more between commas: the JSON-RPC of nodes of one chain.
    Http(Vec<String>),
}

impl FromStr for LedgerUrl {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        if let Some(path) = text.strip_prefix("embedded:").filter(|path| !path.is_empty()) {
            return Ok(Self::Embedded(path.into()));
        }
        let nodes: Vec<String> = text.split(',').map(str::to_owned).collect();
        for node in &nodes {
            parse(node)?;
        }
        Ok(Self::Http(nodes))
    }
}

impl std::fmt::Display for LedgerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(path) => write!(f, "embedded:{}", path.display()),
            Self::Http(nodes) => f.write_str(&nodes.join(",")),
        }
    }
}

/// The URL of one node.
pub(super) fn parse(text: &str) -> Result<Url, LedgerError> {
    let url = Url::parse(text).map_err(|_| LedgerError::InvalidUrl)?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(LedgerError::InvalidUrl) }
}
