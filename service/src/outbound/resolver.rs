//! From a host to addresses that may be reached.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::config::Rules;

/// A look-up that is under way.
pub type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows the addresses of hosts.
pub trait Resolver: Send + Sync {
    /// Looks up all addresses of a host.
    fn lookup(&self, host: &str) -> Lookup;
}

/// The machine's own.
pub(super) struct System;

impl Resolver for System {
    fn lookup(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why no address of a host is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAddress {
    #[error("the host was not found")]
    NotFound,
    #[error("the host has an address that is not public")]
    NotPublic,
}

/// A resolver of which only addresses get out that may be reached: those are what is connected to.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) rules: Arc<Rules>,
}

impl Checked {
    /// The addresses of a host, if there is one and all may be reached. A host with one address
    /// outside and one inside is up to something.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NoAddress> {
        let addresses = self.resolver.lookup(host).await.map_err(|_| NoAddress::NotFound)?;
        if addresses.is_empty() {
            return Err(NoAddress::NotFound);
        }
        let may_all = addresses.iter().all(|address| self.rules.may_reach(host, *address));
        if may_all { Ok(addresses) } else { Err(NoAddress::NotPublic) }
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let checked = self.clone();
        Box::pin(async move {
            let addresses = checked.addresses(name.as_str()).await?;
            // The port is that of the URL.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
