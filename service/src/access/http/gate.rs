//! Who may use which routes.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::Response;

use super::super::{Access, AccessError, Principal};
use crate::http::{Problem, RequestId};
use crate::{Actor, Role, TenantId};

/// What the routes of one tenant are guarded by.
#[derive(Clone)]
pub struct Gate {
    access: Access,
    tenant: TenantId,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gate = f.debug_struct("Gate");
        gate.field("access", &self.access).field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Gate {
    /// The gate of a tenant. The clock gives Unix seconds.
    pub fn new(
        access: Access,
        tenant: TenantId,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { access, tenant, clock: Arc::new(clock) }
    }

    /// Lets only those use routes who act for the tenant in one of the roles. Handlers find who it
    /// is as a [`Principal`] and as an [`Actor`] with the request's id: both are extractors.
    pub fn guard<S: Clone + Send + Sync + 'static>(
        &self,
        any_of: &'static [Role],
        routes: Router<S>,
    ) -> Router<S> {
        routes.route_layer(middleware::from_fn_with_state((self.clone(), any_of), check))
    }

    /// Whose gate it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The time by the gate's clock.
    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    async fn admit(&self, headers: &HeaderMap, any_of: &[Role]) -> Result<Principal, AccessError> {
        let token = bearer_token(headers)?;
        let principal = self.access.authenticate(&self.tenant, token, self.now()).await?;
        principal.require(any_of)?;
        Ok(principal)
    }
}

async fn check(
    State((gate, any_of)): State<(Gate, &'static [Role])>,
    id: RequestId,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let principal = match gate.admit(request.headers(), any_of).await {
        Ok(principal) => principal,
        Err(error) => {
            tracing::info!(%error, tenant = %gate.tenant, "not admitted");
            return Err(error.into());
        }
    };
    request.extensions_mut().insert(principal.actor(Some(id.as_str())));
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

/// The bearer token of a request (RFC 6750, section 2.1), if it has one.
///
/// # Errors
/// [`AccessError::Invalid`] if it shows something else, or several.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, AccessError> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = given.next() else { return Ok(None) };
    let header = header.to_str().map_err(|_| AccessError::Invalid)?;
    let (scheme, token) = header.split_once(' ').ok_or(AccessError::Invalid)?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && given.next().is_none();
    if is_bearer { Ok(Some(token.trim_matches(' '))) } else { Err(AccessError::Invalid) }
}

/// Who made a request, on a route that is guarded.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(not_guarded)
    }
}

/// Who made a request, on a route that is guarded.
impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(not_guarded)
    }
}

/// A route that asks who made a request and is not guarded is refused.
fn not_guarded() -> Problem {
    Problem::internal(&AccessError::Missing)
}
