//! Checks of answers in files, against a snapshot of the registry: no network, no records.

use super::accepted_circuits;
use crate::place::{Place, read_input};
use crate::{clock, keys, output};
use anyhow::{Context, Result};
use ark_std::rand::rngs::OsRng;
use attestry_credential::presentation::{ClientId, PresentationRequest, PresentationResponse};
use attestry_verifier::{ChecksConfig, OfflineVerifier, Refusal, Snapshot, VerifierConfig};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    place: Place,
    /// The registry as it was: what `attestry ledger snapshot` wrote.
    #[arg(long)]
    snapshot: PathBuf,
    /// The request that the answers are to, as JSON.
    #[arg(long)]
    request: PathBuf,
    /// The verifier that they have to be for; the one that the request names if not given.
    #[arg(long)]
    client_id: Option<ClientId>,
    /// The time by which they are judged, Unix seconds; now if not given.
    #[arg(long)]
    at: Option<u64>,
    /// Seconds for which a replaced registry root is still accepted.
    #[arg(long, default_value_t = 600)]
    registry_grace_s: u64,
    /// How old the snapshot may be, seconds.
    #[arg(long, default_value_t = 86_400)]
    max_snapshot_age_s: u64,
    /// Holders' answers, as JSON; `-` for standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) async fn run(arguments: Check) -> Result<ExitCode> {
    let file = &arguments.snapshot;
    let snapshot = Snapshot::from_json(&read_input(file)?)
        .with_context(|| format!("snapshot {}", file.display()))?;
    let request = PresentationRequest::from_json(&read_input(&arguments.request)?)?;
    let client_id = arguments.client_id.unwrap_or_else(|| request.client_id.clone());
    let checks = ChecksConfig {
        registry_grace_s: arguments.registry_grace_s,
        max_ledger_lag_s: Some(arguments.max_snapshot_age_s),
        ..ChecksConfig::default()
    };
    let public_url = request.response_uri.clone();
    let config = VerifierConfig { client_id, public_url, checks };
    let circuits = accepted_circuits(&keys::existing(&arguments.place))?;
    let verifier = OfflineVerifier::new(config, circuits, snapshot, Box::new(OsRng));
    let now = arguments.at.unwrap_or_else(clock::now);
    let mut all_hold = true;
    for file in &arguments.files {
        let response = PresentationResponse::from_json(&read_input(file)?);
        let checked = match response.map_err(Refusal::Malformed) {
            Ok(response) => verifier.check(&request, &response, now).await,
            Err(refusal) => Err(refusal),
        };
        let mut said = json!({ "file": file, "verified": checked.is_ok() });
        match checked {
            Ok(verified) => said["registryBlock"] = verified.block().into(),
            Err(refusal) => {
                all_hold = false;
                said["reason"] = refusal.reason().into();
                said["detail"] = refusal.to_string().into();
            }
        }
        output::json(&said);
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
