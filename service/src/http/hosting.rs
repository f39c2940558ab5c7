//! How a service is hosted: who may use it, what connections and requests may use, and where its
//! metrics are.

use std::io;

use axum::Router;
use tokio::net::TcpListener;

use super::health::{health_routes, metrics_route};
use super::{ConnectionLimits, RequestLimits, Vitals, finish, serve};
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

    /// Routes with those of health and of the metrics, for a caller that has its own server.
    pub fn router(&self, app: Router, vitals: &impl Vitals) -> Router {
        let app = app.merge(health_routes(vitals)).merge(metrics_route(vitals));
        finish(app, self.requests, vitals.metrics())
    }

    /// Serves routes and those of health, and the metrics beside them or on a listener of their
    /// own, until `shutdown` ends. Requests that have begun are finished first.
    pub async fn serve(
        self,
        listener: TcpListener,
        app: Router,
        vitals: &impl Vitals,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) {
        let (connections, requests) = (self.connections, self.requests);
        let metrics = vitals.metrics();
        let app = app.merge(health_routes(vitals));
        let (app, beside) = match self.metrics {
            None => (app.merge(metrics_route(vitals)), None),
            Some(own) => {
                let routes = finish(metrics_route(vitals), requests, metrics);
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
