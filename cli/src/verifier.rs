//! The verifier service and its keys.

mod check;
mod configured;
mod keys;

use crate::governance::load_or_create_account;
use crate::place::{DatabasePlace, LedgerPlace, Place, ServiceName};
use crate::{access, clock, keys as circuit_keys, output, service};
use anyhow::Result;
use ark_std::rand::rngs::OsRng;
use attestry_circuits::r1cs::CircuitId;
use attestry_credential::presentation::ClientId;
use attestry_keys::KeyStore;
use attestry_ledger::{Account, AccountKey, DidKey, EthrDid, RegistryClient};
use attestry_service::access::Guard;
use attestry_service::outbound::{Outbound, OutboundConfig, OutboundConfigError};
use attestry_verifier::config::ServiceConfig;
use attestry_verifier::webhooks::{SealingKey, Webhooks};
use attestry_verifier::{
    AcceptedCircuits, ChecksConfig, PolicyCatalogue, ReceiptKey, Storage, Verifier, VerifierConfig,
    VerifierParts, http,
};
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

const YEAR_S: u64 = 365 * 86_400;
/// Name of the development key file. Its content is not encrypted.
const ACCOUNT_FILE: &str = "verifier-keys.insecure-development.json";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the development key and publish the key of its receipts in the DID document; prints
    /// what is public.
    Init(Init),
    /// Run the service.
    Serve(Serve),
    /// Check holders' answers in files, against a snapshot of the registry. Needs no network. It
    /// cannot tell whether a challenge was answered or a holder counted before.
    Check(check::Check),
    /// The configuration of the service.
    #[command(subcommand)]
    Config(crate::configured::Command),
    /// The account key, which signs requests and receipts: make it encrypted, show what is public.
    #[command(subcommand)]
    Keys(keys::Command),
    /// The API keys of the service.
    #[command(subcommand)]
    ApiKey(access::Command),
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The configuration, in place of all else: see `attestry verifier config generate`. Variables
    /// ATTESTRY_VERIFIER__SECTION__FIELD go over it.
    #[arg(long, conflicts_with_all = ["listen", "public_url", "policies", "open",
        "registry_grace_s"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    #[command(flatten)]
    database: DatabasePlace,
    /// Let everybody do everything: for development, on loopback only. Without it callers show API
    /// keys.
    #[arg(long)]
    open: bool,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
    /// Where the service is reached from outside; http:// and the listening address if not given.
    #[arg(long)]
    public_url: Option<String>,
    /// A folder of policies that sessions may name.
    #[arg(long)]
    policies: Option<PathBuf>,
    /// Seconds for which a replaced registry root is still accepted.
    #[arg(long, default_value_t = 600)]
    registry_grace_s: u64,
}

pub(crate) async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Init(arguments) => init(&arguments).await?,
        Command::Serve(Serve { config: Some(file), .. }) => {
            configured::serve(&crate::configured::load(&file)?).await?;
        }
        Command::Serve(arguments) => serve(arguments).await?,
        Command::Check(arguments) => return check::run(arguments).await,
        Command::Config(command) => crate::configured::run::<ServiceConfig>(command).await?,
        Command::Keys(command) => keys::run(&command)?,
        Command::ApiKey(command) => access::run(command, ServiceName::Verifier).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn init(arguments: &Init) -> Result<()> {
    let place = &arguments.place;
    let registry = arguments.ledger.open(place).await?;
    let account = load_or_create_account(&place.folder("verifier").join(ACCOUNT_FILE))?;
    let did = publish_receipt_key(&registry, &account).await?;
    output::json(&keys::public(&account, Some(&did)));
    Ok(())
}

/// Publishes the key of an account's receipts in its DID document, for a year.
pub(crate) async fn publish_receipt_key(
    registry: &RegistryClient,
    account: &AccountKey,
) -> Result<ClientId> {
    let key = DidKey::Ed25519(ReceiptKey::from_seed(&account.to_bytes()).verifying_key());
    let (account, identities) = (Account::from(account), registry.identities());
    identities.publish_key(&account, account.address(), &key, YEAR_S).await?;
    client_id(&identities.did(account.address()).await?)
}

async fn serve(arguments: Serve) -> Result<()> {
    let place = &arguments.place;
    let registry = arguments.ledger.open(place).await?;
    let account = load_or_create_account(&place.folder("verifier").join(ACCOUNT_FILE))?;
    let did = registry.identities().did(account.address()).await?;
    let listener = service::bind(arguments.listen).await?;
    let public_url = service::public_url(arguments.public_url.clone(), &listener)?;
    let registry_grace_s = arguments.registry_grace_s;
    let config = VerifierConfig {
        client_id: client_id(&did)?,
        public_url: public_url.parse()?,
        checks: ChecksConfig { registry_grace_s, ..ChecksConfig::default() },
    };
    let url = arguments.database.url(place, ServiceName::Verifier);
    let verifier = verifier(Parts {
        config,
        circuits: accepted_circuits(&circuit_keys::development_keys(place)?)?,
        policies: arguments.policies.as_deref(),
        registry,
        storage: Storage::open(&url, arguments.database.tenant().clone()).await?,
        account: &account,
        outbound: outbound(&OutboundConfig::default())?,
    })?;
    service::announce(&listener)?;
    let access = if arguments.open {
        http::Access::Open
    } else {
        http::Access::Guarded(Guard::new(verifier.database().clone(), None))
    };
    http::serve(listener, http::Service::new(vec![verifier], access), service::shutdown()).await?;
    Ok(())
}

/// What differs between the verifiers of a service.
struct Parts<'a> {
    config: VerifierConfig,
    circuits: AcceptedCircuits,
    /// A folder of policies that sessions may name.
    policies: Option<&'a Path>,
    registry: RegistryClient,
    storage: Storage,
    account: &'a AccountKey,
    /// Where webhooks may lead; none are sent without.
    outbound: Option<Outbound>,
}

fn verifier(parts: Parts<'_>) -> Result<Verifier> {
    let policies = match parts.policies {
        Some(folder) => PolicyCatalogue::from_folder(folder)?,
        None => PolicyCatalogue::none(),
    };
    let seed = parts.account.to_bytes();
    let storage = parts.storage.clone();
    let verifier = Verifier::new(VerifierParts {
        config: parts.config,
        circuits: parts.circuits,
        policies,
        registry: parts.registry,
        storage: parts.storage,
        receipt_key: ReceiptKey::from_seed(&seed),
        account: Account::from(parts.account),
        clock: Arc::new(clock::now),
        rng: Box::new(OsRng),
    });
    Ok(match parts.outbound {
        None => verifier,
        Some(outbound) => {
            let (key, clock) = (SealingKey::derive(&seed), Arc::new(clock::now));
            verifier.telling(Webhooks::new(storage, key, outbound, clock))
        }
    })
}

/// The client of webhooks; none, with a warning, where no certificate authority is known.
fn outbound(config: &OutboundConfig) -> Result<Option<Outbound>> {
    match Outbound::new(config) {
        Ok(outbound) => Ok(Some(outbound)),
        Err(error @ OutboundConfigError::Tls) => {
            tracing::warn!(%error, "there are no webhooks");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// A verifier's DID as requests carry it: with the address in lower case.
pub(crate) fn client_id(did: &EthrDid) -> Result<ClientId> {
    Ok(did.to_string().to_lowercase().parse()?)
}

/// The presentation circuit with the stored verifying key.
pub(crate) fn accepted_circuits(store: &KeyStore) -> Result<AcceptedCircuits> {
    let circuit_id = CircuitId::presentation().to_string();
    Ok(AcceptedCircuits::none().with(&circuit_id, store.verifying_key()?)?)
}
