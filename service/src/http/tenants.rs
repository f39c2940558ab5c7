//! Where each tenant's routes are, and what is said of where things are.

use std::fmt;

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::LOCATION;

use crate::TenantId;

/// Adds a tenant's routes to those of a service: at the root for the default tenant, below
/// [`TenantId::path`] for every other.
pub fn mount<S: Clone + Send + Sync + 'static>(
    service: Router<S>,
    tenant: &TenantId,
    routes: Router<S>,
) -> Router<S> {
    if *tenant == TenantId::default() {
        service.merge(routes)
    } else {
        service.nest(&tenant.path(), routes)
    }
}

/// The header that says where something of a tenant is. The path is the one within the tenant's
/// routes, with a slash at its beginning.
pub fn location(tenant: &TenantId, path: impl fmt::Display) -> [(HeaderName, String); 1] {
    [(LOCATION, format!("{}{path}", tenant.path()))]
}
