//! The configuration of the service as its operator writes it: a TOML file, with the environment
//! over it (`ATTESTRY_ISSUER__SECTION__KEY=value`). Secrets never stand in it, only the files that
//! hold them.

mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use attestry_credential::schema::Schema;
use attestry_ledger::{Address, LedgerUrl};
use attestry_service::config::ConfigError;
use attestry_service::{DatabaseUrl, TenantId};

pub use attestry_service::config::{AccessConfig, HttpConfig, Kept, KeysConfig};

use crate::IssuerConfig;

/// What the names of variables begin with.
pub const ENVIRONMENT: &str = "ATTESTRY_ISSUER";

/// A complete configuration, with everything at its default, and a comment on each field.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The configuration of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceConfig {
    /// Where it listens, and what callers may use.
    pub http: HttpConfig,
    /// Where records are kept.
    pub database: Kept<DatabaseUrl>,
    /// The ledger.
    pub ledger: LedgerConfig,
    /// Who may use it.
    pub access: AccessConfig,
    /// How often the heads of the audit logs go to the ledger, seconds; never if none.
    pub audit_anchor_interval_s: Option<u64>,
    /// What all tenants have in common.
    pub issuing: IssuingConfig,
    /// The credentialing bodies that it serves.
    pub tenants: BTreeMap<TenantId, TenantConfig>,
}

/// The ledger.
pub type LedgerConfig = attestry_service::config::LedgerConfig<LedgerUrl, Address>;

/// How credentials are issued and their status is published.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuingConfig {
    /// Length of a publication window, seconds.
    pub publication_interval_s: u64,
    /// Flips of a publication are made up to a multiple of this.
    pub publication_padding: NonZeroU32,
    /// How long a status list may be relied on, seconds.
    pub status_list_validity_s: u64,
    /// Validity of a credential that does not itself say when it ends, seconds.
    pub default_validity_s: u64,
    /// How long the keys stand in the DID document, seconds.
    pub did_key_validity_s: u64,
}

/// A credentialing body.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantConfig {
    /// Its name as wallets show it.
    pub display_name: Option<String>,
    /// The registry entry under which each schema is issued.
    pub entries: BTreeMap<Schema, u32>,
    /// Where its keys are.
    pub keys: KeysConfig,
}

impl ServiceConfig {
    /// Reads a configuration from the text of its file and from the environment.
    ///
    /// # Errors
    /// All mistakes.
    pub fn read(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        attestry_service::config::read(text, ENVIRONMENT, environment, read::service)
    }

    /// How a tenant's issuer is set up, for a service that is reached at this URL.
    pub fn issuer(&self, tenant: &TenantId, public_url: &str) -> Option<IssuerConfig> {
        let body = self.tenants.get(tenant)?;
        let entries = body.entries.iter().map(|(schema, entry)| (*schema, (*entry).into()));
        Some(IssuerConfig {
            default_validity_s: self.issuing.default_validity_s,
            publication_interval_s: self.issuing.publication_interval_s,
            publication_padding: self.issuing.publication_padding,
            status_list_validity_s: self.issuing.status_list_validity_s,
            did_key_validity_s: self.issuing.did_key_validity_s,
            display_name: body.display_name.clone(),
            ..IssuerConfig::new(tenant.url(public_url), entries.collect())
        })
    }
}
