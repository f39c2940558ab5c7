//! From a configuration to a running service.

use crate::configured::{
    self, Command, generate, hosting, open_database, open_registry, try_places,
};
use crate::{clock, output, service};
use anyhow::{Context, Result, anyhow};
use ark_std::rand::rngs::OsRng;
use attestry_issuer::config::{EXAMPLE, KeysConfig, ServiceConfig};
use attestry_issuer::keys::{Passphrase, SoftwareKeys};
use attestry_issuer::{Issuer, IssuerKeys, Storage, http};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

pub(super) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Check { file, connect } => {
            let config = load(&file)?;
            if connect {
                try_places(&config.database, &config.ledger).await?;
                try_keys(&config)?;
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
    let listener = service::bind(config.http.listen).await?;
    let public_url = service::public_url(config.http.public_url.clone(), &listener)?;
    let mut issuers = Vec::new();
    for (tenant, body) in &config.tenants {
        let storage = Storage::of(&database, tenant.clone()).await?;
        let issuer_config =
            config.issuer(tenant, &public_url).ok_or_else(|| anyhow!("no tenant {tenant}"))?;
        let keys = open_keys(&body.keys).with_context(|| format!("keys of tenant {tenant}"))?;
        let issuer = Issuer::open(issuer_config, keys, registry.clone(), storage, clock::now);
        issuers.push(issuer.await.with_context(|| format!("tenant {tenant}"))?);
    }
    service::announce(&listener)?;
    let audit_anchor_interval_s = config.audit_anchor_interval_s;
    let service = http::Service { issuers, hosting, audit_anchor_interval_s };
    http::serve(listener, service, service::shutdown()).await?;
    Ok(())
}

/// Opens the keys that are files. Development keys are made by the service itself.
fn try_keys(config: &ServiceConfig) -> Result<()> {
    for (tenant, body) in &config.tenants {
        if let KeysConfig::File { .. } = body.keys {
            open_keys(&body.keys).with_context(|| format!("keys of tenant {tenant}"))?;
        }
    }
    Ok(())
}

fn open_keys(config: &KeysConfig) -> Result<IssuerKeys> {
    Ok(match config {
        KeysConfig::InsecureDevelopment { folder } => {
            IssuerKeys::load_or_create_insecure_development(folder, &mut OsRng)?
        }
        KeysConfig::File { file, passphrase_file } => {
            let passphrase = Passphrase::from_file(passphrase_file)?;
            IssuerKeys::new(Arc::new(SoftwareKeys::open(file, &passphrase)?))?
        }
    })
}
