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

use super::VerifierConfig;
use crate::{Quota, VerifierError};

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

/// How strict the checks are: see [`VerifierConfig`] for each.
#[derive(Clone, Debug, PartialEq)]
pub struct ChecksConfig {
    /// How long a session waits for its answer.
    pub session_lifetime_s: u64,
    /// How old the time of a proof may be.
    pub max_age_s: u64,
    /// How far the time of a proof may be ahead.
    pub clock_skew_s: u64,
    /// How long a replaced registry root is still accepted.
    pub registry_grace_s: u64,
    /// How old the ledger's latest block may be.
    pub max_ledger_lag_s: Option<u64>,
    /// How long what holders disclosed is kept.
    pub disclosed_retention_s: u64,
    /// For how long a ledger that gives no answer may be decided without.
    pub ledger_grace_s: u64,
    /// Answers that may wait for their check.
    pub max_waiting_checks: usize,
    /// How many values one question may be asked with.
    pub quota: Quota,
}

/// A clinic or a sponsor.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantConfig {
    /// A folder of policies that sessions may name.
    pub policies: Option<PathBuf>,
    /// Where its keys are.
    pub keys: KeysConfig,
}

impl Default for ChecksConfig {
    fn default() -> Self {
        Self {
            session_lifetime_s: 600,
            max_age_s: 900,
            clock_skew_s: 30,
            registry_grace_s: 600,
            max_ledger_lag_s: None,
            disclosed_retention_s: 86_400,
            ledger_grace_s: 0,
            max_waiting_checks: 1024,
            quota: Quota::default(),
        }
    }
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
        let base = public_url.trim_end_matches('/');
        let is_default = *tenant == TenantId::default();
        let url = if is_default { base.to_owned() } else { format!("{base}/t/{tenant}") };
        let url = url.parse().map_err(|_| VerifierError::Request {
            field: "http.public_url",
            rule: "is no base of a URL",
        })?;
        let ChecksConfig {
            session_lifetime_s,
            max_age_s,
            clock_skew_s,
            registry_grace_s,
            max_ledger_lag_s,
            disclosed_retention_s,
            ledger_grace_s,
            max_waiting_checks,
            quota,
        } = self.checks;
        Ok(VerifierConfig {
            session_lifetime_s,
            max_age_s,
            clock_skew_s,
            registry_grace_s,
            max_ledger_lag_s,
            disclosed_retention_s,
            ledger_grace_s,
            max_waiting_checks,
            quota,
            ..VerifierConfig::new(client_id, url)
        })
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

fn checks(section: &mut Section<'_>) -> ChecksConfig {
    let usual = ChecksConfig::default();
    let whole = "is not a whole number of seconds";
    let count = "is not a whole number below 2^32";
    ChecksConfig {
        session_lifetime_s: common::seconds(
            section,
            "session_lifetime_s",
            usual.session_lifetime_s,
        ),
        max_age_s: common::seconds(section, "max_age_s", usual.max_age_s),
        clock_skew_s: section.or("clock_skew_s", usual.clock_skew_s, whole),
        registry_grace_s: section.or("registry_grace_s", usual.registry_grace_s, whole),
        max_ledger_lag_s: section.optional("max_ledger_lag_s", whole),
        disclosed_retention_s: section.or(
            "disclosed_retention_s",
            usual.disclosed_retention_s,
            whole,
        ),
        ledger_grace_s: section.or("ledger_grace_s", usual.ledger_grace_s, whole),
        max_waiting_checks: section.checked(
            "max_waiting_checks",
            usual.max_waiting_checks,
            common::NO_NUMBER,
            |number| *number > 0,
        ),
        quota: Quota {
            values_per_holder: section.or(
                "values_per_holder",
                usual.quota.values_per_holder,
                count,
            ),
            values_per_question: section.or(
                "values_per_question",
                usual.quota.values_per_question,
                count,
            ),
            window_s: section.or("quota_window_s", usual.quota.window_s, whole),
        },
    }
}
