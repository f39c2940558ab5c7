//! Keys, proofs and the circuit for other tools.

use super::existing;
use crate::place::{Place, read_file};
use anyhow::{Context, Result, bail};
use attestry_circuits::r1cs::{CircuitId, matrices};
use attestry_credential::presentation::{
    PresentationRequest, PresentationResponse, rebuild_statement,
};
use attestry_keys::interop::{r1cs, snarkjs, solidity};
use attestry_keys::{PreparedVerifyingKey, Proof, VerifyingKey};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    place: Place,
    /// Whose format.
    #[arg(long)]
    format: Format,
    /// The folder to write to; files of the same names are replaced.
    #[arg(long)]
    out: PathBuf,
    /// With format snarkjs: a verifier's request, to export proof and public signals too.
    #[arg(long, requires = "presentation")]
    request: Option<PathBuf>,
    /// The answer to that request.
    #[arg(long, requires = "request")]
    presentation: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// `verification_key.json`; of a presentation `QUERY.proof.json` and `QUERY.public.json`.
    Snarkjs,
    /// `Groth16Verifier.sol`, a contract for the verifying key.
    Solidity,
    /// `presentation.r1cs`, the circuit, to run a ceremony on. Needs no keys.
    R1cs,
}

/// Writes the files and says which.
pub(super) fn run(arguments: &Export) -> Result<Vec<PathBuf>> {
    let files = files(arguments)?;
    let out = &arguments.out;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    files
        .into_iter()
        .map(|(name, content)| {
            let path = out.join(name);
            std::fs::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(path)
        })
        .collect()
}

fn files(arguments: &Export) -> Result<Vec<(String, Vec<u8>)>> {
    let paths = arguments.request.as_deref().zip(arguments.presentation.as_deref());
    if paths.is_some() && arguments.format != Format::Snarkjs {
        bail!("a presentation is exported with --format snarkjs");
    }
    if arguments.format == Format::R1cs {
        return Ok(vec![("presentation.r1cs".to_owned(), r1cs::write(matrices()))]);
    }
    let key = existing(&arguments.place).verifying_key()?;
    if arguments.format == Format::Solidity {
        let contract = solidity::verifier_contract(&key);
        return Ok(vec![("Groth16Verifier.sol".to_owned(), contract.into_bytes())]);
    }
    let text = snarkjs::write_verification_key(&key)?;
    let mut files = vec![("verification_key.json".to_owned(), text.into_bytes())];
    if let Some((request, presentation)) = paths {
        files.extend(proofs(key, &read_file(request)?, &read_file(presentation)?)?);
    }
    Ok(files)
}

/// Proof and public signals of each query, checked before they leave.
fn proofs(key: VerifyingKey, request: &[u8], response: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let request = PresentationRequest::from_json(request)?;
    let response = PresentationResponse::from_json(response)?;
    response.check_complete(&request)?;
    let verifier = PreparedVerifyingKey::new(key);
    let mut files = Vec::new();
    for query in &request.queries {
        let presentation =
            response.presentations.get(&query.id).context("a query has no answer")?;
        if presentation.circuit_id.to_bytes() != CircuitId::presentation().to_bytes() {
            bail!("{}: the proof is of another circuit", query.id.as_str());
        }
        let inputs = rebuild_statement(&request, query, &presentation.parts)?.public_inputs();
        let proof = Proof::from_bytes(&presentation.proof)?;
        verifier.verify(&inputs, &proof)?;
        let name = |kind: &str| format!("{}.{kind}.json", query.id.as_str());
        files.push((name("proof"), snarkjs::write_proof(&proof)?.into_bytes()));
        files.push((name("public"), snarkjs::write_public_signals(&inputs)?.into_bytes()));
    }
    Ok(files)
}
