//! The issuer service, and previews of what it would issue.

use crate::place::{LedgerPlace, Place, read_file};
use crate::{clock, output, service};
use anyhow::{Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_credential::fhir;
use attestry_credential::schema::Schema;
use attestry_issuer::{Issuer, IssuerConfig, IssuerKeys, Storage, http};
use attestry_service::access::Guard;
use attestry_service::{DatabaseUrl, TenantId};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the issuer's development keys; prints what the consortium needs to accredit it.
    Init(Init),
    /// Run the service.
    Serve(Serve),
    /// Say what FHIR R4 resources would be issued as, or why not: one JSON object a resource.
    Preview(Preview),
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Where the service is reached from outside; http:// and the listening address if not given.
    #[arg(long)]
    public_url: Option<String>,
    /// Registry entry under which ProviderCredential/1 is issued.
    #[arg(long)]
    provider_entry: Option<u32>,
    /// Registry entry under which ConsentGrant/1 is issued.
    #[arg(long)]
    consent_entry: Option<u32>,
    /// Let everybody do everything: for development, on loopback only.
    #[arg(long)]
    open: bool,
    /// Seconds between publications of status changes.
    #[arg(long, default_value_t = 600)]
    publication_interval_s: u64,
    /// Status changes are published in multiples of this; decoys make up the number.
    #[arg(long, default_value = "8")]
    publication_padding: NonZeroU32,
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
            let keys = issuer_keys(&arguments.place)?;
            output::json(&json!({
                "issuer": keys.address(),
                "key": hex::encode(keys.attestation_key().to_bytes()),
            }));
        }
        Command::Serve(arguments) => serve(arguments).await?,
        Command::Preview(arguments) => {
            for file in &arguments.files {
                preview(file)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn issuer_keys(place: &Place) -> Result<IssuerKeys> {
    Ok(IssuerKeys::load_or_create_insecure_development(&place.folder("issuer"), &mut OsRng)?)
}

async fn serve(arguments: Serve) -> Result<()> {
    let listener = service::bind(arguments.listen).await?;
    let public_url = service::public_url(arguments.public_url, &listener)?;
    let entries: BTreeMap<_, _> = [
        (Schema::ProviderCredential, arguments.provider_entry),
        (Schema::ConsentGrant, arguments.consent_entry),
    ]
    .into_iter()
    .filter_map(|(schema, entry)| Some((schema, entry?.into())))
    .collect();
    if entries.is_empty() {
        bail!("give --provider-entry or --consent-entry: an issuer has at least one");
    }
    let config = IssuerConfig {
        publication_interval_s: arguments.publication_interval_s,
        publication_padding: arguments.publication_padding,
        ..IssuerConfig::new(public_url, entries)
    };
    let outbox = arguments.place.folder("issuer/outbox.redb");
    let database = DatabaseUrl::Sqlite(arguments.place.folder("issuer/issuer.sqlite"));
    let issuer = Issuer::open(
        config,
        issuer_keys(&arguments.place)?,
        arguments.ledger.open_with_outbox(&arguments.place, &outbox).await?,
        Storage::open(&database, TenantId::default()).await?,
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
