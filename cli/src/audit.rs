//! The audit log: exporting it, and checking an exported file offline.

use crate::place::{DatabasePlace, LedgerPlace, Place, ServiceName, create_private};
use crate::{clock, output};
use anyhow::{Context, Result, bail};
use attestry_ledger::{Address, AnchoredBatch, LedgerUrl};
use attestry_service::audit::{self, Export, Format, Head, Known, Verified};
use attestry_service::{Actor, TenantId};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write the log to a file or to standard output. That is recorded in the log, and in the file.
    Export(ExportArguments),
    /// Check that an exported file is the log that was kept: nothing changed, lost, added or moved.
    /// Needs no database and, unless its heads are looked up there, no ledger.
    Verify(Verify),
}

#[derive(Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: DatabasePlace,
    /// Whose log.
    #[arg(long, value_enum, default_value = "issuer")]
    service: ServiceName,
    /// json, csv or fhir.
    #[arg(long, default_value = "json")]
    format: Format,
    /// Only the entries after this one.
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// A file that is not there yet; standard output if not given.
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
    /// The exported file, of any format.
    file: PathBuf,
    /// Whose log it should be.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// A head that the log had at some time, SEQUENCE:HASH; once for each.
    #[arg(long = "head")]
    heads: Vec<Head>,
    /// The ledger on which the log's heads were anchored: see `attestry ledger --help`.
    #[arg(long, requires = "issuer")]
    ledger: Option<LedgerUrl>,
    /// The address under which they were anchored.
    #[arg(long, requires = "ledger")]
    issuer: Option<Address>,
    /// Address of the deployment's address book; `deployment.json` in the data directory if not
    /// given.
    #[arg(long, requires = "ledger")]
    deployment: Option<Address>,
}

pub(crate) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Export(arguments) => export(arguments).await,
        Command::Verify(arguments) => verify(arguments).await,
    }
}

async fn export(arguments: ExportArguments) -> Result<()> {
    let database = arguments.database.open(&arguments.place, arguments.service).await?;
    let (tenant, actor) = (arguments.database.tenant(), Actor::operator());
    let mut to: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(create_private(path)?),
        None => Box::new(std::io::stdout().lock()),
    };
    let (format, after) = (arguments.format, arguments.after);
    let export = Export::on_record(&database, tenant, format, after, &actor, clock::now());
    let mut export = export.await?;
    while let Some(piece) = export.next().await? {
        to.write_all(piece.as_bytes())?;
    }
    to.flush()?;
    if let Some(head) = export.head() {
        output::note(&format!("head {head}: who keeps it can tell later that nothing is missing"));
    }
    Ok(())
}

async fn verify(arguments: Verify) -> Result<()> {
    let known = Known { tenant: arguments.tenant.clone(), heads: arguments.heads.clone() };
    let mut kind = None;
    let verified = read(&arguments.file, &known, |entry| {
        if entry.sequence == 1 {
            kind = Some(audit::kind(&entry.hash));
        }
    })?;
    let mut report = json!({
        "format": verified.format.word(),
        "tenant": verified.tenant.as_ref().map(TenantId::as_str),
        "entries": verified.entries,
        "head": verified.head.to_string(),
        "knownHeads": verified.heads,
    });
    match (&arguments.ledger, arguments.issuer) {
        (Some(url), Some(issuer)) => {
            let Some(kind) = kind else {
                bail!("the ledger knows a log by its first entry, which the file does not have")
            };
            let ledger = LedgerPlace::of(url.clone(), arguments.deployment);
            let registry = ledger.open(&arguments.place).await?;
            let anchored = registry.evidence_batches(issuer, &kind).await?;
            report["ledger"] = compare(&arguments.file, &known, &anchored)?;
        }
        _ if arguments.heads.is_empty() => {
            output::note(
                "no head was given: entries that are missing at the end would not be missed",
            );
        }
        _ => {}
    }
    output::json(&report);
    Ok(())
}

fn read(path: &Path, known: &Known, each: impl FnMut(&audit::Entry)) -> Result<Verified> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(audit::verify(BufReader::new(file), known, each)?)
}

/// Looks for every head that the ledger has in the file.
fn compare(path: &Path, known: &Known, anchored: &[AnchoredBatch]) -> Result<Value> {
    let mut wanted: HashMap<_, _> = anchored.iter().map(|batch| (batch.root, batch)).collect();
    let mut last = None;
    read(path, known, |entry| {
        if let Some(batch) = wanted.remove(&audit::root(&entry.tenant, &entry.head())) {
            last = Some((entry.sequence, batch.block));
        }
    })?;
    if let Some(first) = wanted.values().map(|batch| batch.sequence).min() {
        bail!(
            "anchor {first} of {} on the ledger is of no entry of the file: it ends before, or is \
             not the log that was kept",
            anchored.len()
        );
    }
    let Some((sequence, block)) = last else { bail!("the ledger has no head of this log") };
    Ok(json!({ "anchors": anchored.len(), "upTo": sequence, "block": block }))
}
