//! Requests to URLs that somebody else gave, against real listeners.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod answers;
mod documents;
mod listener;
mod tls;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use attestry_service::outbound::{
    HostRule, Lookup, Outbound, OutboundConfig, OutboundError, Resolver,
};

const HOST: &str = "hooks.example";

/// A resolver that gives its answers one after the other; the last one again and again.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<(VecDeque<Vec<IpAddr>>, usize)>>);

impl Names {
    fn answering(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Self(Arc::new(Mutex::new((answers.iter().map(parse).collect(), 0))))
    }

    /// How often it was asked.
    fn asked(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Resolver for Names {
    fn lookup(&self, _: &str) -> Lookup {
        let (answers, asked) = &mut *self.0.lock().unwrap();
        *asked += 1;
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// A host that may be asked by http on a port.
fn plain(host: &str, port: u16) -> HostRule {
    HostRule { host: host.to_owned(), ports: [port].into(), http: true, internal: false }
}

/// The same, on this machine.
fn internal(host: &str, port: u16) -> HostRule {
    HostRule { internal: true, ..plain(host, port) }
}

fn config(host: HostRule) -> OutboundConfig {
    OutboundConfig {
        hosts: vec![host],
        connect_timeout_s: 1,
        timeout_s: 1,
        ..OutboundConfig::default()
    }
}

/// The answer to `GET /` of a host on a port, of at most 1,000 bytes.
async fn get(outbound: &Outbound, host: &str, port: u16) -> Result<Vec<u8>, OutboundError> {
    let target = outbound.target(&format!("http://{host}:{port}/")).unwrap();
    Ok(outbound.get(&target, &[], 1000).await?.body)
}
