//! The ledger: the embedded one for other processes, deployment, accreditation.

use crate::governance::{self, Members};
use crate::place::{DEPLOYMENT, DeploymentFile, LedgerPlace, Place, read_input, write_new_json};
use crate::{clock, keys, output, service};
use anyhow::{Context, Result, anyhow, bail};
use attestry_circuits::schnorr::VerifyingKey;
use attestry_circuits::{WithdrawalKey, field};
use attestry_credential::schema::Schema;
use attestry_keys::interop::solidity::verifying_key_words;
use attestry_ledger::embedded::{self, EmbeddedLedger, ServeLimits};
use attestry_ledger::{
    Accreditation, Address, ClientOptions, EntryIndex, LedgerClient, LedgerUrl, RegistryClient,
};
use attestry_verifier::Snapshot;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use zeroize::Zeroizing;

const SECONDS_PER_DAY: u64 = 86_400;
/// The embedded ledger in the data directory.
const FOLDER: &str = "ledger";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the embedded ledger to other processes over JSON-RPC.
    Serve(Serve),
    /// Deploy the contracts and make the consortium's development keys.
    Init(Init),
    /// Have the consortium accredit an issuer's key for a schema.
    Accredit(Accredit),
    /// Have a member suspend an entry of the registry.
    Suspend(OfEntry),
    /// Have the consortium lift an entry's suspension.
    Lift(OfEntry),
    /// Put a verifier of presentations with the data directory's keys beside the contracts of the
    /// deployment: after a ceremony, or for a new circuit.
    Upgrade(Upgrade),
    /// Carry a holder's withdrawal to the ledger; anyone may.
    Withdraw(Withdraw),
    /// Write what checks need of the ledger to a file, for `attestry verifier check`.
    Snapshot(TakeSnapshot),
    /// Say what the ledger and the registry on it hold.
    Status(Status),
    /// Replay the embedded ledger from its first block and compare every row of its file. Nobody may have it open.
    Verify(Verify),
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    place: Place,
    /// Where to listen. There is no authentication: keep it on loopback.
    #[arg(long, default_value = "127.0.0.1:8545")]
    listen: SocketAddr,
    /// Let it be an address that other machines reach. Whoever reaches it can use the ledger.
    #[arg(long)]
    expose: bool,
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    /// Address of a member of the consortium, once for each; without any, members with development
    /// keys are made.
    #[arg(long = "member")]
    named: Vec<Address>,
    /// Members to make, if none is named.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Approvals that an act needs.
    #[arg(long, default_value_t = 2)]
    threshold: u16,
}

#[derive(Args)]
pub(crate) struct Upgrade {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
}

#[derive(Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    /// What `attestry wallet withdraw` prints; `-` for standard input.
    withdrawal: PathBuf,
}

/// A withdrawal as it is handed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    withdrawal_key: WithdrawalKey,
}

#[derive(Args)]
pub(crate) struct Accredit {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    /// The issuer's address.
    #[arg(long)]
    issuer: Address,
    /// `ProviderCredential/1` or `ConsentGrant/1`.
    #[arg(long)]
    schema: String,
    /// The issuer's BabyJubJub key: x and y, 128 hexadecimal digits.
    #[arg(long, value_parser = parse_key)]
    key: VerifyingKey,
    /// Days of accreditation from today.
    #[arg(long, default_value_t = 365)]
    days: u64,
}

#[derive(Args)]
pub(crate) struct OfEntry {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    /// The entry's place in the registry.
    #[arg(long)]
    entry: u32,
}

#[derive(Args)]
pub(crate) struct TakeSnapshot {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
    /// A file that is not there yet; standard output if not given.
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    ledger: LedgerPlace,
}

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(arguments) => serve(arguments).await?,
        Command::Init(arguments) => init(arguments).await?,
        Command::Accredit(arguments) => accredit(arguments).await?,
        Command::Suspend(arguments) => {
            let registry = arguments.ledger.open(&arguments.place).await?;
            let members = Members::load(&arguments.place)?;
            let member = *members.accounts().first().context("the consortium has no members")?;
            registry.suspend(member, arguments.entry.into()).await?;
            report_entry(&registry, arguments.entry.into()).await?;
        }
        Command::Lift(arguments) => {
            let registry = arguments.ledger.open(&arguments.place).await?;
            let members = Members::load(&arguments.place)?;
            registry.lift(&members.accounts(), arguments.entry.into()).await?;
            report_entry(&registry, arguments.entry.into()).await?;
        }
        Command::Upgrade(arguments) => upgrade(&arguments).await?,
        Command::Withdraw(arguments) => withdraw(&arguments).await?,
        Command::Snapshot(arguments) => take_snapshot(&arguments).await?,
        Command::Status(arguments) => status(&arguments).await?,
        Command::Verify(arguments) => return verify(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}

async fn take_snapshot(arguments: &TakeSnapshot) -> Result<()> {
    let registry = arguments.ledger.open(&arguments.place).await?;
    let snapshot = Snapshot::take(&registry, clock::now()).await?;
    match &arguments.output {
        Some(file) => {
            write_new_json(file, &snapshot)?;
            output::json(&json!({ "file": file, "block": snapshot.block() }));
        }
        None => output::json(&serde_json::to_value(&snapshot)?),
    }
    Ok(())
}

async fn serve(arguments: Serve) -> Result<()> {
    let exposed = !arguments.listen.ip().is_loopback();
    if exposed && !arguments.expose {
        bail!(
            "{} is not a loopback address, and there is no authentication: add --expose if others shall reach it",
            arguments.listen
        );
    }
    let ledger = EmbeddedLedger::open(&arguments.place.folder(FOLDER), clock::now)?;
    let listener = service::bind(arguments.listen).await?;
    if exposed {
        output::note("warning: whoever reaches this address can use the ledger");
    }
    service::announce(&listener)?;
    Ok(ledger.serve_until(listener, ServeLimits::default(), service::shutdown()).await?)
}

fn verify(arguments: &Verify) -> Result<ExitCode> {
    let found = embedded::verify(&arguments.place.folder(FOLDER))?;
    for damage in &found.damages {
        output::json(&json!({"block": damage.block, "damaged": damage.what}));
    }
    output::json(&json!({
        "blocks": found.blocks,
        "transactions": found.transactions,
        "accounts": found.accounts,
        "slots": found.slots,
        "whole": found.damages.is_empty(),
    }));
    Ok(if found.damages.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn status(arguments: &Status) -> Result<()> {
    let client = match arguments.ledger.url()? {
        LedgerUrl::Embedded(folder) => {
            if !EmbeddedLedger::exists(folder) {
                bail!("there is no embedded ledger in {}", folder.display());
            }
            let ledger = EmbeddedLedger::open(folder, clock::now)?;
            output::json(&serde_json::to_value(ledger.status()?)?);
            LedgerClient::embedded(&ledger, ClientOptions::default())
        }
        LedgerUrl::Http(_) => {
            let client = arguments.ledger.connect()?;
            output::json(&json!({
                "chain_id": client.chain_id().await?,
                "block": client.block_number().await?,
                "block_time": client.block_time().await?,
            }));
            client
        }
    };
    if arguments.ledger.names_deployment(&arguments.place) {
        let registry = arguments.ledger.open_over(client, &arguments.place).await?;
        for entry in registry.entries().await? {
            report_entry(&registry, entry.index).await?;
        }
        let block = registry.ledger().block_number().await?;
        output::json(&json!({"block": block, "registry_root": registry.root().await?}));
    }
    Ok(())
}

async fn init(arguments: Init) -> Result<()> {
    let place = &arguments.place;
    let client = arguments.ledger.connect()?;
    let members = if arguments.named.is_empty() {
        let made = Members::random(arguments.members);
        made.save(place)?;
        made.accounts().iter().map(|member| member.address()).collect()
    } else {
        arguments.named
    };
    let deployer = governance::sender(place)?;
    let registry = RegistryClient::deploy(client, &deployer, &members, arguments.threshold).await?;
    let registry = with_presentation_verifier(&registry, place).await?;
    let deployment = registry.deployment();
    let file = DeploymentFile { address_book: deployment.address_book };
    write_new_json(&place.folder(DEPLOYMENT), &file)?;
    output::json(&json!({"deployment": deployment, "members": members}));
    Ok(())
}

async fn with_presentation_verifier(
    registry: &RegistryClient,
    place: &Place,
) -> Result<RegistryClient> {
    let keys = keys::development_keys(place)?;
    let verifying_key = verifying_key_words(&keys.verifying_key()?);
    let deployer = governance::sender(place)?;
    Ok(registry.deploy_presentation_verifier(&deployer, &verifying_key).await?)
}

/// The new address book takes the old one's place in the data directory; the old one is kept under
/// its address.
async fn upgrade(arguments: &Upgrade) -> Result<()> {
    let place = &arguments.place;
    let registry = arguments.ledger.open(place).await?;
    let old = registry.deployment().address_book;
    let upgraded = with_presentation_verifier(&registry, place).await?;
    let deployment = upgraded.deployment();
    let file = place.folder(DEPLOYMENT);
    if file.exists() {
        std::fs::rename(&file, place.folder(&format!("deployment.{old}.json")))
            .context("the old deployment's file cannot be kept")?;
    }
    write_new_json(&file, &DeploymentFile { address_book: deployment.address_book })?;
    output::json(&json!({"deployment": deployment, "replaces": old}));
    Ok(())
}

async fn withdraw(arguments: &Withdraw) -> Result<()> {
    let registry = arguments.ledger.open(&arguments.place).await?;
    let text = Zeroizing::new(read_input(&arguments.withdrawal)?);
    let withdrawal: Withdrawal =
        serde_json::from_slice(&text).context("the withdrawal is not understood")?;
    let relayer = governance::sender(&arguments.place)?;
    let nullifier = registry.withdraw(&relayer, &withdrawal.withdrawal_key).await?;
    output::json(&json!({"withdrawn": nullifier}));
    Ok(())
}

async fn accredit(arguments: Accredit) -> Result<()> {
    let schema = [Schema::ProviderCredential, Schema::ConsentGrant]
        .into_iter()
        .find(|schema| schema.versioned_name() == arguments.schema)
        .ok_or_else(|| anyhow!("--schema: neither ProviderCredential/1 nor ConsentGrant/1"))?;
    let registry = arguments.ledger.open(&arguments.place).await?;
    let members = Members::load(&arguments.place)?;
    let accreditation = Accreditation {
        issuer: arguments.issuer,
        schema: schema.id(),
        key: arguments.key,
        accredited_until: clock::now() + arguments.days * SECONDS_PER_DAY,
    };
    let index = registry.accredit(&members.accounts(), &accreditation).await?;
    report_entry(&registry, index).await
}

async fn report_entry(registry: &RegistryClient, index: EntryIndex) -> Result<()> {
    let entry = registry.entry(index).await?;
    output::json(&json!({
        "entry": index,
        "issuer": entry.leaf.issuer_id.to_string(),
        "schema": Schema::from_id(entry.leaf.schema).map(|schema| schema.versioned_name()),
        "state": entry.state,
        "version": entry.leaf.version,
        "accredited_until": entry.leaf.accredited_until,
        "status_root": entry.leaf.status_root,
    }));
    Ok(())
}

fn parse_key(text: &str) -> Result<VerifyingKey> {
    if text.len() != 128 || !text.is_ascii() {
        bail!("the key is not 128 hexadecimal digits");
    }
    let (x, y) = text.split_at(64);
    let coordinate = |digits: &str| field::from_hex(&format!("0x{digits}"));
    Ok(VerifyingKey::from_coordinates(coordinate(x)?, coordinate(y)?)?)
}
