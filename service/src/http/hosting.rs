//! How a service is hosted: who may use it, what connections and requests may use, and where its
//! metrics are.

use std::io;

use axum::Router;
use tokio::net::TcpListener;

use super::{ConnectionLimits, Metrics, RequestLimits, finish, serve};
use crate::access::Access;

/// How a service is hosted.
#[derive(Debug)]
pub struct Hosting {
    /// Who may use it.
    pub access: Access,
    /// What connections may use.
    pub connections: ConnectionLimits,
    /// What requests may use.
    pub requests: RequestLimits,
    /// Where the metrics are served, if not beside everything else.
    pub metrics: Option<TcpListener>,
}

impl Hosting {
    /// The usual limits, and the metrics beside everything else.
    pub fn new(access: Access) -> Self {
        Self {
            access,
            connections: ConnectionLimits::default(),
            requests: RequestLimits::default(),
            metrics: None,
        }
    }

    /// Whether this may be hosted here: what is open to everybody is for loopback alone.
    ///
    /// # Errors
    /// Those of asking the listener for its address.
    pub fn is_allowed_on(&self, listener: &TcpListener) -> io::Result<bool> {
        let is_open = matches!(self.access, Access::Open);
        Ok(!is_open || listener.local_addr()?.ip().is_loopback())
    }

    /// Serves routes, and those of the metrics beside them or on a listener of their own, until
    /// `shutdown` ends. Requests that have begun are finished first.
    pub async fn serve(
        self,
        listener: TcpListener,
        (app, metrics_route): (Router, Router),
        metrics: &Metrics,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) {
        let (connections, requests) = (self.connections, self.requests);
        let (app, beside) = match self.metrics {
            None => (app.merge(metrics_route), None),
            Some(own) => {
                let routes = finish(metrics_route, requests, metrics);
                let serving = serve(own, routes, connections, std::future::pending());
                (app, Some(tokio::spawn(serving)))
            }
        };
        serve(listener, finish(app, requests, metrics), connections, shutdown).await;
        if let Some(beside) = beside {
            beside.abort();
        }
    }
}
