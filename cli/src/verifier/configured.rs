//! From a configuration to a running service.

use super::{ACCOUNT_FILE, Parts, accepted_circuits, client_id, keys, outbound, verifier};
use crate::configured::{
    self, Command, generate, hosting, open_database, open_registry, try_places,
};
use crate::governance::load_or_create_account;
use crate::{output, service};
use anyhow::{Context, Result};
use attestry_issuer::keys::Passphrase;
use attestry_keys::KeyStore;
use attestry_ledger::AccountKey;
use attestry_service::config::KeysConfig;
use attestry_service::outbound::Documents;
use attestry_verifier::config::{EXAMPLE, ServiceConfig};
use attestry_verifier::{Storage, http};
use serde_json::json;
use std::path::Path;

pub(super) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Check { file, connect } => {
            let config = load(&file)?;
            if connect {
                try_places(&config.database, &config.ledger).await?;
                accepted_circuits(&KeyStore::for_presentations(&config.circuit_keys))?;
                for (tenant, body) in &config.tenants {
                    // Development keys are made by the service itself.
                    if let KeysConfig::File { .. } = body.keys {
                        open_key(&body.keys).with_context(|| format!("keys of {tenant}"))?;
                    }
                }
            }
            let tenants: Vec<_> = config.tenants.keys().map(ToString::to_string).collect();
            output::json(&json!({ "valid": true, "connected": connect, "tenants": tenants }));
        }
        Command::Generate => generate(EXAMPLE),
    }
    Ok(())
}

/// Reads a configuration and the variables over it.
pub(super) fn load(file: &Path) -> Result<ServiceConfig> {
    configured::load(file, ServiceConfig::read)
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
