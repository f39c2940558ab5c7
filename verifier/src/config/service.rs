//! The configuration of the service as its operator writes it: a TOML file, with the environment
//! over it (`ATTESTRY_VERIFIER__SECTION__KEY=value`). Secrets never stand in it, only the files
//! that hold them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attestry_credential::presentation::ClientId;
use attestry_ledger::{Address, LedgerUrl};
use attestry_service::config::common;
use attestry_service::config::{
    AccessConfig, ConfigError, HttpConfig, Kept, KeysConfig, LedgerConfig, Section,
};
use attestry_service::outbound::OutboundConfig;
use attestry_service::{DatabaseUrl, TenantId};

use super::checks::checks;
use super::{ChecksConfig, VerifierConfig};
use crate::VerifierError;

/// What the names of variables begin with.
pub const ENVIRONMENT: &str = "ATTESTRY_VERIFIER";

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
    pub ledger: LedgerConfig<LedgerUrl, Address>,
    /// Who may use it.
    pub access: AccessConfig,
    /// How often the heads of the audit logs go to the ledger, seconds; never if none.
    pub audit_anchor_interval_s: Option<u64>,
    /// Where webhooks may lead.
    pub webhooks: OutboundConfig,
    /// Hosts whose DID documents, contexts and status lists are fetched.
    pub documents: OutboundConfig,
    /// The folder of the circuit's verifying key.
    pub circuit_keys: PathBuf,
    /// How strict all tenants are.
    pub checks: ChecksConfig,
    /// The clinics and sponsors that it serves.
    pub tenants: BTreeMap<TenantId, TenantConfig>,
}

/// A clinic or a sponsor.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantConfig {
    /// A folder of policies that sessions may name.
    pub policies: Option<PathBuf>,
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
        attestry_service::config::read(text, ENVIRONMENT, environment, service)
    }

    /// How a tenant's verifier is set up, for a service that is reached at this URL.
    ///
    /// # Errors
    /// [`VerifierError::Request`] if the URL is no base of a URL of wallets.
    pub fn verifier(
        &self,
        tenant: &TenantId,
        client_id: ClientId,
        public_url: &str,
    ) -> Result<VerifierConfig, VerifierError> {
        let url = tenant.url(public_url).parse().map_err(|_| VerifierError::Request {
            field: "http.public_url",
            rule: "is no base of a URL",
        })?;
        Ok(VerifierConfig { client_id, public_url: url, checks: self.checks.clone() })
    }
}

fn service(root: &mut Section<'_>) -> Option<ServiceConfig> {
    let http = common::http(&mut root.section("http"), 8082);
    let database =
        common::database(&mut root.section("database"), "sqlite:data/verifier/verifier.sqlite");
    let ledger = common::ledger(&mut root.section("ledger"), "data/verifier/outbox.redb");
    let access = common::access(&mut root.section("access"));
    let audit_anchor_interval_s = common::audit_anchor_interval_s(&mut root.section("audit"));
    let mut circuit = root.section("circuit");
    let circuit_keys = circuit.or("keys", "data/keys".into(), common::NO_PATH);
    drop(circuit);
    let checks = checks(&mut root.section("checks"));
    let webhooks = root.section("webhooks").rest().unwrap_or_default();
    let documents = root.section("documents").rest().unwrap_or_default();
    let tenants = common::tenants(root, |section, name| {
        Some(TenantConfig {
            policies: section.optional("policies", common::NO_PATH),
            keys: common::keys(&mut section.section("keys"), "data/verifier", name)?,
        })
    });
    common::check_open(root, access.as_ref(), &http);
    Some(ServiceConfig {
        http,
        database: database?,
        ledger: ledger?,
        access: access?,
        audit_anchor_interval_s,
        webhooks,
        documents,
        circuit_keys,
        checks,
        tenants,
    })
}
