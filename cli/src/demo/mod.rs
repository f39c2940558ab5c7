//! The main job, end to end: issue, prove, verify, and refuse what must be refused.

mod contract;
mod party;
mod refusals;
mod report;
mod world;

use crate::place::{Place, read_file};
use crate::{keys, output};
use anyhow::{Context, Result};
use attestry_keys::Origin;
use attestry_ledger::LedgerUrl;
use clap::Args;
use report::{Expected, Found, Report};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use world::World;

const PRACTITIONER: &str = include_str!("../../../examples/practitioner.json");
const CONSENT: &str = include_str!("../../../examples/consent.json");

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// A ledger to use instead of a new embedded one: `embedded:PATH`, or a node's JSON-RPC URL.
    #[arg(long, env = "ATTESTRY_LEDGER_URL")]
    ledger: Option<LedgerUrl>,
    /// A FHIR R4 Practitioner to license instead of the bundled one.
    #[arg(long)]
    practitioner: Option<PathBuf>,
    /// A FHIR R4 research Consent instead of the bundled one.
    #[arg(long)]
    consent: Option<PathBuf>,
    /// The state in which the clinic asks whether the clinician may practise.
    #[arg(long, default_value = "CA")]
    state: String,
    /// The study that the sponsor asks about; the consent's own if not given.
    #[arg(long)]
    study: Option<String>,
    /// Print one JSON object a step.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let practitioner = resource(arguments.practitioner.as_deref(), PRACTITIONER)?;
    let consent = resource(arguments.consent.as_deref(), CONSENT)?;
    if !arguments.json {
        output::line("Attestry: who may practise, who consented, and what is refused\n");
    }
    let mut report = Report::new(arguments.json);

    let since = Instant::now();
    let store = keys::development_keys(&arguments.place)?;
    let manifest = store.manifest()?;
    let origin = match manifest.origin {
        Origin::InsecureDevelopment => "insecure development keys",
        Origin::Imported => "imported keys",
    };
    let found = Found::done(format!("{origin}, fingerprints checked"));
    report.step("load proving and verifying keys", Expected::Done, &found, since);

    let mut world = World::open(arguments.ledger.as_ref(), &store, &mut report).await?;
    let sizes = if world.issue(&practitioner, &consent, &mut report).await? {
        let study = match arguments.study {
            Some(study) => study,
            None => world.study_of_consent().context("the consent names no study")?,
        };
        refusals::show(&mut world, &arguments.state, &study, &mut report).await?
    } else {
        Value::Null
    };

    let sizes = json!({
        "answer": sizes,
        "proving_key": manifest.proving_key.bytes,
        "verifying_key": manifest.verifying_key.bytes,
    });
    Ok(if report.finish(&sizes) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn resource(file: Option<&Path>, bundled: &str) -> Result<Value> {
    match file {
        Some(path) => serde_json::from_slice(&read_file(path)?)
            .with_context(|| format!("{} is not JSON", path.display())),
        None => Ok(serde_json::from_str(bundled)?),
    }
}
