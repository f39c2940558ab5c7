//! Requests to URLs that somebody else gave: no way from there into the network that the service
//! stands in (server-side request forgery).
//!
//! A URL is https, on an allowed port, with a host by its name and without user info. The host is
//! resolved here, every address of it must be public, and the connection goes to an address that
//! was checked, not to what a second look-up says. There is no redirect, no proxy, no cookie, no
//! decompression; connecting, waiting and the size of an answer have limits. What an operator
//! lists by name is excepted, each host from what is said of it and from nothing else.

mod address;
mod client;
mod config;
mod documents;
mod resolver;
mod target;

pub use client::{Answer, Outbound, OutboundError};
pub use config::{HostRule, OutboundConfig, OutboundConfigError};
pub use documents::{DocumentError, Documents};
pub use resolver::{Lookup, Resolver};
pub use target::{Rule, Target};
