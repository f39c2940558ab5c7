//! From a configuration to a running service.

use crate::configured::{Configured, LedgerConfig, hosting, open_database, open_registry};
use crate::{clock, service};
use anyhow::{Context, Result, anyhow};
use ark_std::rand::rngs::OsRng;
use attestry_issuer::config::{EXAMPLE, KeysConfig, ServiceConfig};
use attestry_issuer::keys::{Passphrase, SoftwareKeys};
use attestry_issuer::{Issuer, IssuerKeys, Storage, http};
use attestry_service::config::{ConfigError, Kept};
use attestry_service::{DatabaseUrl, TenantId};
use std::sync::Arc;

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
        open_keys(keys).map(drop)
    }
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
