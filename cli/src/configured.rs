//! What every service does with its configuration: find it, check it, and open the places that it
//! names.

use crate::place::{DeploymentFile, open_or_recall, read_file, read_json};
use crate::{clock, output, service};
use anyhow::{Context, Result, anyhow};
use attestry_ledger::{
    Address, ClientOptions, FileOutbox, LedgerClient, LedgerUrl, RegistryClient,
};
use attestry_service::access::oidc::Oidc;
use attestry_service::access::{Access, Guard};
use attestry_service::config::{AccessConfig, ConfigError, HttpConfig, Kept, KeysConfig};
use attestry_service::http::Hosting;
use attestry_service::{Database, DatabaseUrl, TenantId};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The ledger of a service.
pub(crate) type LedgerConfig = attestry_service::config::LedgerConfig<LedgerUrl, Address>;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say all mistakes of a configuration and of the variables over it.
    Check {
        /// The configuration.
        file: PathBuf,
        /// Try what it names, too: database, ledger and contracts, keys.
        #[arg(long)]
        connect: bool,
    },
    /// Print a complete configuration, everything at its default, with comments.
    Generate,
}

/// The configuration of a service, as far as the commands of every service know it.
pub(crate) trait Configured: Sized {
    /// A complete one, with everything at its default and comments.
    const EXAMPLE: &'static str;

    /// Reads the text of a file and the variables over it.
    ///
    /// # Errors
    /// All mistakes.
    fn parse(text: &str, environment: Vec<(String, String)>) -> Result<Self, ConfigError>;

    fn database(&self) -> &Kept<DatabaseUrl>;

    fn ledger(&self) -> &LedgerConfig;

    /// The tenants, and where the keys of each are.
    fn keys(&self) -> impl Iterator<Item = (&TenantId, &KeysConfig)>;

    /// Opens a tenant's keys. Says what fails.
    fn try_keys(keys: &KeysConfig) -> Result<()>;

    /// Tries what only this service has. Says what fails.
    fn try_more(&self) -> Result<()> {
        Ok(())
    }
}

/// Checks the configuration of a service, or prints a complete one.
pub(crate) async fn run<C: Configured>(command: Command) -> Result<()> {
    match command {
        Command::Check { file, connect } => {
            let config: C = load(&file)?;
            if connect {
                try_places(config.database(), config.ledger()).await?;
                config.try_more()?;
                for (tenant, keys) in config.keys() {
                    // Development keys are made by the service itself.
                    if let KeysConfig::File { .. } = keys {
                        C::try_keys(keys).with_context(|| format!("keys of tenant {tenant}"))?;
                    }
                }
            }
            let tenants: Vec<_> = config.keys().map(|(tenant, _)| tenant.to_string()).collect();
            output::json(&json!({ "valid": true, "connected": connect, "tenants": tenants }));
        }
        Command::Generate => output::line(C::EXAMPLE.trim_end()),
    }
    Ok(())
}

/// Reads a configuration and the variables over it.
pub(crate) fn load<C: Configured>(file: &Path) -> Result<C> {
    let text = String::from_utf8(read_file(file)?)
        .with_context(|| format!("{} is not UTF-8", file.display()))?;
    // What is not UTF-8 is no field of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    C::parse(&text, environment.collect())
        .map_err(|mistakes| anyhow!("{} has mistakes:\n{mistakes}", file.display()))
}

/// Opens the ledger for a service that sends.
pub(crate) async fn open_registry(config: &LedgerConfig) -> Result<RegistryClient> {
    make_folder_of(&config.outbox_file)?;
    let outbox = FileOutbox::open(&config.outbox_file)?;
    let client = connect(config)?.with_outbox(Arc::new(outbox));
    open_or_recall(client, address_book(config)?, &config.outbox_file).await.context("ledger")
}

/// Tries the database, and the ledger with its contracts. Says what fails.
async fn try_places(database: &Kept<DatabaseUrl>, ledger: &LedgerConfig) -> Result<()> {
    let database = open_database(database).await?;
    database.ping().await.context("database")?;
    database.close().await;
    RegistryClient::open(connect(ledger)?, address_book(ledger)?).await.context("ledger")?;
    Ok(())
}

/// Opens the database; a file that is not there is made.
pub(crate) async fn open_database(config: &Kept<DatabaseUrl>) -> Result<Database> {
    let url: DatabaseUrl = match config {
        Kept::Here(url) => url.clone(),
        Kept::InFile(file) => first_line(file)?,
    };
    if let DatabaseUrl::Sqlite(file) = &url {
        make_folder_of(file)?;
    }
    Database::open(&url).await.context("database")
}

/// How the service is hosted.
pub(crate) async fn hosting(
    http: &HttpConfig,
    access: &AccessConfig,
    database: &Database,
) -> Result<Hosting> {
    let access = match access {
        AccessConfig::Open => Access::Open,
        AccessConfig::Guarded(provider) => {
            let provider = provider.clone().map(Oidc::new).transpose()?;
            Access::Guarded(Guard::new(database.clone(), provider))
        }
    };
    let metrics = match http.metrics_listen {
        Some(address) => Some(service::bind(address).await?),
        None => None,
    };
    Ok(Hosting { access, connections: http.connections, requests: http.requests, metrics })
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
