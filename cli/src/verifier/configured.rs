//! From a configuration to a running service.

use super::{ACCOUNT_FILE, Parts, accepted_circuits, client_id, keys, outbound, verifier};
use crate::configured::{Configured, LedgerConfig, hosting, open_database, open_registry};
use crate::governance::load_or_create_account;
use crate::service;
use anyhow::{Context, Result};
use attestry_issuer::keys::Passphrase;
use attestry_keys::KeyStore;
use attestry_ledger::AccountKey;
use attestry_service::config::{ConfigError, Kept, KeysConfig};
use attestry_service::outbound::Documents;
use attestry_service::{DatabaseUrl, TenantId};
use attestry_verifier::config::{EXAMPLE, ServiceConfig};
use attestry_verifier::{Storage, http};

impl Configured for ServiceConfig {
    const EXAMPLE: &'static str = EXAMPLE;

    fn parse(text: &str, environment: Vec<(String, String)>) -> Result<Self, ConfigError> {
        Self::read(text, environment)
    }

    fn database(&self) -> &Kept<DatabaseUrl> {
        &self.database
    }

    fn ledger(&self) -> &LedgerConfig {
        &self.ledger
    }

    fn keys(&self) -> impl Iterator<Item = (&TenantId, &KeysConfig)> {
        self.tenants.iter().map(|(tenant, body)| (tenant, &body.keys))
    }

    fn try_keys(keys: &KeysConfig) -> Result<()> {
        open_key(keys).map(drop)
    }

    fn try_more(&self) -> Result<()> {
        accepted_circuits(&KeyStore::for_presentations(&self.circuit_keys)).map(drop)
    }
}

/// Runs the service until it is told to stop.
pub(super) async fn serve(config: &ServiceConfig) -> Result<()> {
    let database = open_database(&config.database).await?;
    let registry = open_registry(&config.ledger).await?;
    let hosting = hosting(&config.http, &config.access, &database).await?;
    let circuits = accepted_circuits(&KeyStore::for_presentations(&config.circuit_keys))
        .context("the circuit's verifying key")?;
    let listener = service::bind(config.http.listen).await?;
    let public_url = service::public_url(config.http.public_url.clone(), &listener)?;
    let outbound = outbound(&config.webhooks).context("webhooks")?;
    let documents = match config.documents.hosts.is_empty() {
        true => None,
        false => Some(Documents::new(&config.documents).context("documents")?),
    };
    let mut verifiers = Vec::new();
    for (tenant, body) in &config.tenants {
        let account = open_key(&body.keys).with_context(|| format!("keys of tenant {tenant}"))?;
        let address = attestry_ledger::Account::from(&account).address();
        let did = registry.identities().did(address).await?;
        let verifier = verifier(Parts {
            config: config.verifier(tenant, client_id(&did)?, &public_url)?,
            circuits: circuits.clone(),
            policies: body.policies.as_deref(),
            registry: registry.clone(),
            storage: Storage::of(&database, tenant.clone()).await?,
            account: &account,
            outbound: outbound.clone(),
        })?;
        verifiers.push(match &documents {
            Some(documents) => verifier.fetching(documents.clone()),
            None => verifier,
        });
    }
    service::announce(&listener)?;
    let audit_anchor_interval_s = config.audit_anchor_interval_s;
    let served = http::Service { verifiers, hosting, audit_anchor_interval_s };
    http::serve(listener, served, service::shutdown()).await?;
    Ok(())
}

fn open_key(config: &KeysConfig) -> Result<AccountKey> {
    match config {
        KeysConfig::InsecureDevelopment { folder } => {
            load_or_create_account(&folder.join(ACCOUNT_FILE))
        }
        KeysConfig::File { file, passphrase_file } => {
            keys::open(file, &Passphrase::from_file(passphrase_file)?)
        }
    }
}
