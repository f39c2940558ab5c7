//! The issuer service, its keys, and previews of what it would issue.

mod compromise;
mod configured;
mod keys;
mod unlock;

use crate::import::{self, Import};
use crate::passphrase::PassphraseSource;
use crate::place::{DatabasePlace, LedgerPlace, Place, ServiceName, read_file};
use crate::{access, clock, output, service};
use anyhow::{Result, bail};
use attestry_credential::fhir;
use attestry_credential::schema::Schema;
use attestry_issuer::config::ServiceConfig;
use attestry_issuer::{Issuer, IssuerConfig, Storage, http};
use attestry_ledger::EntryIndex;
use attestry_service::access::Guard;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use unlock::{Unlocked, service_keys};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the issuer's development keys; prints what the consortium needs to accredit it.
    Init(Init),
    /// Run the service.
    Serve(Serve),
    /// The configuration of the service.
    #[command(subcommand)]
    Config(crate::configured::Command),
    /// The API keys of the service.
    #[command(subcommand)]
    ApiKey(access::Command),
    /// Say what FHIR R4 resources would be issued as, or why not: one JSON object a resource.
    Preview(Preview),
    /// The signing keys: make, encrypt, show and rotate them.
    #[command(subcommand)]
    Keys(keys::Command),
    /// End an epoch of the signing keys at once; prints what the consortium is to do and what is to
    /// be reissued, one JSON object a line. Doing it again does what could not be done.
    Compromise(compromise::Compromise),
    /// Put new credentials in the place of an epoch's active ones. Broken off, it is begun again.
    Reissue(compromise::Reissue),
    /// Send a roster or Bundle to a running issuer, and wait for its import.
    Import(Import),
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseSource,
}

/// For one tenant, what is said here is enough; a configuration says all there is.
#[derive(Args)]
pub(crate) struct Serve {
    /// The configuration, in place of all else: see `attestry issuer config generate`. Variables
    /// ATTESTRY_ISSUER__SECTION__FIELD go over it.
    #[arg(long, conflicts_with_all = ["listen", "public_url", "provider_entry", "consent_entry",
        "open", "publication_interval_s", "publication_padding"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Where the service is reached from outside; http:// and the listening address if not given.
    #[arg(long)]
    public_url: Option<String>,
    #[command(flatten)]
    entries: Entries,
    #[command(flatten)]
    database: DatabasePlace,
    /// Let everybody do everything: for development, on loopback only. Without it callers show API
    /// keys.
    #[arg(long)]
    open: bool,
    /// Seconds between publications of status changes.
    #[arg(long, default_value_t = 600)]
    publication_interval_s: u64,
    /// Status changes are published in multiples of this; decoys make up the number.
    #[arg(long, default_value = "8")]
    publication_padding: NonZeroU32,
}

/// The entries that the consortium gave the issuer.
#[derive(Args)]
struct Entries {
    /// Registry entry under which ProviderCredential/1 is issued.
    #[arg(long)]
    provider_entry: Option<u32>,
    /// Registry entry under which ConsentGrant/1 is issued.
    #[arg(long)]
    consent_entry: Option<u32>,
}

/// An issuer whose service may be running beside the command.
#[derive(Args)]
pub(crate) struct OfIssuer {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Where the service is reached from outside, as it is told itself.
    #[arg(long)]
    public_url: Option<String>,
    #[command(flatten)]
    entries: Entries,
    #[command(flatten)]
    database: DatabasePlace,
}

#[derive(Args)]
pub(crate) struct Preview {
    /// FHIR R4 resources or Bundles, as JSON.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(crate) async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Init(arguments) => {
            let keys = service_keys(&arguments.place, &arguments.passphrase)?;
            output::json(&json!({
                "issuer": keys.address(),
                "key": hex::encode(keys.attestation_key().to_bytes()),
            }));
        }
        Command::Serve(Serve { config: Some(file), .. }) => {
            configured::serve(&crate::configured::load(&file)?).await?;
        }
        Command::Serve(arguments) => serve(arguments).await?,
        Command::Config(command) => crate::configured::run::<ServiceConfig>(command).await?,
        Command::ApiKey(command) => access::run(command, ServiceName::Issuer).await?,
        Command::Preview(arguments) => {
            for file in &arguments.files {
                preview(file)?;
            }
        }
        Command::Keys(command) => keys::run(command).await?,
        Command::Compromise(arguments) => return compromise::end(&arguments).await,
        Command::Reissue(arguments) => return compromise::reissue(&arguments).await,
        Command::Import(arguments) => return import::run(&arguments).await,
    }
    Ok(ExitCode::SUCCESS)
}

impl Entries {
    fn by_schema(&self) -> BTreeMap<Schema, EntryIndex> {
        let given = [
            (Schema::ProviderCredential, self.provider_entry),
            (Schema::ConsentGrant, self.consent_entry),
        ];
        given.into_iter().filter_map(|(schema, entry)| Some((schema, entry?.into()))).collect()
    }
}

impl OfIssuer {
    /// Opens the issuer on its database, with a connection to the ledger of its own.
    async fn open(&self, unlocked: &Unlocked) -> Result<Issuer> {
        let public_url = self.public_url.clone().unwrap_or_default();
        Ok(Issuer::open(
            IssuerConfig::new(public_url, self.entries.by_schema()),
            unlocked.keys()?,
            self.ledger.open(&self.place).await?,
            storage(&self.database, &self.place).await?,
            clock::now,
        )
        .await?)
    }

    /// The schemas for which entries are given; all if none is.
    fn schemas(&self) -> Vec<Schema> {
        let given: Vec<_> = self.entries.by_schema().into_keys().collect();
        if given.is_empty() { Schema::ALL.to_vec() } else { given }
    }
}

/// Opens the issuer's records; a file that is not there is made.
async fn storage(database: &DatabasePlace, place: &Place) -> Result<Storage> {
    let url = database.url(place, ServiceName::Issuer);
    Ok(Storage::open(&url, database.tenant().clone()).await?)
}

async fn serve(arguments: Serve) -> Result<()> {
    let listener = service::bind(arguments.listen).await?;
    let public_url = service::public_url(arguments.public_url, &listener)?;
    let entries = arguments.entries.by_schema();
    if entries.is_empty() {
        bail!("give --provider-entry or --consent-entry: an issuer has at least one");
    }
    let config = IssuerConfig {
        publication_interval_s: arguments.publication_interval_s,
        publication_padding: arguments.publication_padding,
        ..IssuerConfig::new(public_url, entries)
    };
    let outbox = arguments.place.folder("issuer/outbox.redb");
    let issuer = Issuer::open(
        config,
        service_keys(&arguments.place, &arguments.passphrase)?,
        arguments.ledger.open_with_outbox(&arguments.place, &outbox).await?,
        storage(&arguments.database, &arguments.place).await?,
        clock::now,
    )
    .await?;
    let access = if arguments.open {
        http::Access::Open
    } else {
        http::Access::Guarded(Guard::new(issuer.database().clone(), None))
    };
    service::announce(&listener)?;
    http::serve(listener, http::Service::new(vec![issuer], access), service::shutdown()).await?;
    Ok(())
}

fn preview(file: &Path) -> Result<()> {
    for preview in fhir::preview(&read_file(file)?) {
        let mut line = Map::from_iter([("file".to_owned(), json!(file))]);
        if let Value::Object(members) = serde_json::to_value(&preview)? {
            line.extend(members);
        }
        output::json(&line.into());
    }
    Ok(())
}
