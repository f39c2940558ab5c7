//! From a configuration to a running service.

use crate::place::{DeploymentFile, open_or_recall, read_file, read_json};
use crate::{clock, service};
use anyhow::{Context, Result, anyhow};
use ark_std::rand::rngs::OsRng;
use attestry_issuer::config::{AccessConfig, Kept, KeysConfig, LedgerConfig, ServiceConfig};
use attestry_issuer::keys::{Passphrase, SoftwareKeys};
use attestry_issuer::{Issuer, IssuerKeys, Storage, http};
use attestry_ledger::{Address, ClientOptions, FileOutbox, LedgerClient, RegistryClient};
use attestry_service::access::Guard;
use attestry_service::access::oidc::Oidc;
use attestry_service::http::Hosting;
use attestry_service::{Database, DatabaseUrl};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Runs the service until it is told to stop.
pub(super) async fn serve(config: &ServiceConfig) -> Result<()> {
    let database = open_database(config).await?;
    make_folder_of(&config.ledger.outbox_file)?;
    let outbox = FileOutbox::open(&config.ledger.outbox_file)?;
    let client = connect(&config.ledger)?.with_outbox(Arc::new(outbox));
    let book = address_book(&config.ledger)?;
    let registry =
        open_or_recall(client, book, &config.ledger.outbox_file).await.context("ledger")?;
    let access = match &config.access {
        AccessConfig::Open => http::Access::Open,
        AccessConfig::Guarded(provider) => {
            let provider = provider.clone().map(Oidc::new).transpose()?;
            http::Access::Guarded(Guard::new(database.clone(), provider))
        }
    };
    let listener = service::bind(config.http.listen).await?;
    let metrics = match config.http.metrics_listen {
        Some(address) => Some(service::bind(address).await?),
        None => None,
    };
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
    let service = http::Service {
        issuers,
        hosting: Hosting {
            access,
            connections: config.http.connections,
            requests: config.http.requests,
            metrics,
        },
        audit_anchor_interval_s: config.audit_anchor_interval_s,
    };
    http::serve(listener, service, service::shutdown()).await?;
    Ok(())
}

/// Tries the database, the ledger with its contracts, and the keys. Says what fails.
pub(super) async fn try_places(config: &ServiceConfig) -> Result<()> {
    let database = open_database(config).await?;
    database.ping().await.context("database")?;
    database.close().await;
    let client = connect(&config.ledger)?;
    RegistryClient::open(client, address_book(&config.ledger)?).await.context("ledger")?;
    for (tenant, body) in &config.tenants {
        // Development keys are made by the service itself.
        if let KeysConfig::File { .. } = body.keys {
            open_keys(&body.keys).with_context(|| format!("keys of tenant {tenant}"))?;
        }
    }
    Ok(())
}

async fn open_database(config: &ServiceConfig) -> Result<Database> {
    let url: DatabaseUrl = match &config.database {
        Kept::Here(url) => url.clone(),
        Kept::InFile(file) => first_line(file)?,
    };
    if let DatabaseUrl::Sqlite(file) = &url {
        make_folder_of(file)?;
    }
    Database::open(&url).await.context("database")
}

fn connect(config: &LedgerConfig) -> Result<LedgerClient> {
    let url = match &config.url {
        Kept::Here(url) => url.clone(),
        Kept::InFile(file) => first_line(file)?,
    };
    let options = ClientOptions {
        quorum: config.quorum,
        confirmations: config.confirmations,
        ..ClientOptions::default()
    };
    Ok(LedgerClient::connect(&url, clock::now, options)?)
}

fn address_book(config: &LedgerConfig) -> Result<Address> {
    Ok(match &config.deployment {
        Kept::Here(address) => *address,
        Kept::InFile(file) => read_json::<DeploymentFile>(file)?.address_book,
    })
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

/// What the first line of a file says. It may be a secret: no error shows it.
fn first_line<T: FromStr>(file: &Path) -> Result<T> {
    let bytes = Zeroizing::new(read_file(file)?);
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.lines().next());
    let parsed = text.and_then(|line| line.trim().parse().ok());
    parsed.ok_or_else(|| anyhow!("the first line of {} is not understood", file.display()))
}

fn make_folder_of(file: &Path) -> Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
