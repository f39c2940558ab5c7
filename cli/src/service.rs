//! What every service does around its own work: listen, say where, stop when asked.

use crate::output;
use anyhow::{Context, Result};
use serde_json::json;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Listens on an address.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Where a service is reached from outside: http:// and the listening address if not given.
pub(crate) fn public_url(given: Option<String>, listener: &TcpListener) -> Result<String> {
    Ok(match given {
        Some(url) => url,
        None => format!("http://{}", listener.local_addr()?),
    })
}

/// Says on standard output where a service listens, for people and for programs.
pub(crate) fn announce(listener: &TcpListener) -> Result<()> {
    output::json(&json!({"listening": format!("http://{}", listener.local_addr()?)}));
    Ok(())
}

/// Resolves when the process is asked to stop: interrupted, or terminated.
pub(crate) async fn shutdown() {
    // A handler that cannot be set leaves the default action, which stops the process.
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
