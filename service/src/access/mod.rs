//! Who may use a service: API keys of its own, and bearer tokens of an identity provider.
//!
//! Nothing of this is kept in memory but the provider's public keys: a key that is revoked is
//! refused from then on by every replica.

pub mod http;
pub mod key;
pub mod oidc;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{Actor, Database, DatabaseError, Role, TenantId};
use key::KeyText;
use oidc::Oidc;

/// Somebody who showed who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// For whom they act: nothing of another tenant is theirs to see.
    pub tenant: TenantId,
    /// Who, as the audit log names them: see [`Actor::name`].
    pub name: String,
    /// What they may do.
    pub roles: BTreeSet<Role>,
}

impl Principal {
    /// Refuses those who have none of the roles.
    ///
    /// # Errors
    /// [`AccessError::WrongRole`].
    pub fn require(&self, any_of: &[Role]) -> Result<(), AccessError> {
        let may = any_of.iter().any(|role| self.roles.contains(role));
        if may { Ok(()) } else { Err(AccessError::WrongRole) }
    }

    /// Who they are in the audit log, with the request that they made.
    pub fn actor(&self, request_id: Option<&str>) -> Actor {
        Actor { name: self.name.clone(), request_id: request_id.map(str::to_owned) }
    }
}

/// Why somebody may not use a service.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// They showed nothing.
    #[error("an API key or a token is needed, as a bearer token")]
    Missing,
    /// What they showed is not good, or no more: what exactly is for nobody to try out.
    #[error("the API key or token is not accepted")]
    Invalid,
    /// It was good once.
    #[error("the API key or token has expired")]
    Expired,
    /// It is good for another tenant.
    #[error("the API key or token is of another tenant")]
    WrongTenant,
    /// It is good, but not for this.
    #[error("the API key or token does not have the role that this needs")]
    WrongRole,
    /// The identity provider's keys cannot be had, so its tokens cannot be checked.
    #[error("the identity provider's keys cannot be had now")]
    ProviderAway,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Who may use a service.
#[derive(Clone, Debug)]
pub enum Access {
    /// Whoever shows an API key or a token.
    Guarded(Guard),
    /// Everybody who reaches the listener, in every role: for development, on loopback only.
    Open,
}

impl Access {
    /// Who it is that shows a bearer token, if they act for this tenant.
    ///
    /// # Errors
    /// [`AccessError`], all but [`AccessError::WrongRole`].
    pub async fn authenticate(
        &self,
        tenant: &TenantId,
        token: Option<&str>,
        now: u64,
    ) -> Result<Principal, AccessError> {
        match self {
            Self::Guarded(guard) => guard.authenticate(tenant, token, now).await,
            Self::Open => Ok(Principal {
                tenant: tenant.clone(),
                name: "anybody".to_owned(),
                roles: Role::ALL.into(),
            }),
        }
    }
}

/// What keys and tokens are checked by.
#[derive(Clone, Debug)]
pub struct Guard {
    database: Database,
    oidc: Option<Arc<Oidc>>,
}

impl Guard {
    /// Takes the API keys of a database and, if a provider is given, its tokens.
    pub fn new(database: Database, oidc: Option<Oidc>) -> Self {
        Self { database, oidc: oidc.map(Arc::new) }
    }

    async fn authenticate(
        &self,
        tenant: &TenantId,
        token: Option<&str>,
        now: u64,
    ) -> Result<Principal, AccessError> {
        let token = token.ok_or(AccessError::Missing)?;
        let principal = if KeyText::is_meant(token) {
            key::authenticate(&self.database, token, now).await?
        } else {
            let oidc = self.oidc.as_ref().ok_or(AccessError::Invalid)?;
            oidc.authenticate(token, now).await?
        };
        if principal.tenant != *tenant {
            return Err(AccessError::WrongTenant);
        }
        Ok(principal)
    }
}
