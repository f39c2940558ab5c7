//! Receipts, checked offline.

use crate::output;
use crate::place::read_input;
use anyhow::{Context, Result, bail};
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{Digest, PresentationResponse};
use attestry_verifier::{Receipt, SignedReceipt};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check a receipt by the verifier's key alone, and print what it says. Needs no network.
    Verify(Verify),
}

#[derive(Args)]
pub(crate) struct Verify {
    /// The receipt as the verifier gave it, a JWS; `-` for standard input.
    receipt: PathBuf,
    /// The verifier's key: 64 hexadecimal digits.
    #[arg(long, required_unless_present = "jwk", conflicts_with = "jwk")]
    key: Option<String>,
    /// A file with the verifier's key as a JWK, as it serves it at /receipt-key.
    #[arg(long)]
    jwk: Option<PathBuf>,
    /// A policy that the receipt should be about.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// The holder's answer that the receipt should be about, as JSON.
    #[arg(long)]
    response: Option<PathBuf>,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let Command::Verify(arguments) = command;
    let text = String::from_utf8(read_input(&arguments.receipt)?).context("it is no receipt")?;
    let key = match (&arguments.key, &arguments.jwk) {
        (Some(digits), _) => key_of_hex(digits)?,
        (None, Some(file)) => key_of_jwk(file)?,
        (None, None) => bail!("--key or --jwk is required"),
    };
    let receipt = match SignedReceipt::from_text(text.trim()).verify(&key) {
        Ok(receipt) => receipt,
        Err(error) => {
            output::json(&json!({ "valid": false, "error": error.to_string() }));
            return Ok(ExitCode::FAILURE);
        }
    };
    let is_of_policy = match &arguments.policy {
        Some(file) => Some(names_policy(&receipt, file)?),
        None => None,
    };
    let is_of_response = match &arguments.response {
        Some(file) => Some(names_response(&receipt, file)?),
        None => None,
    };
    let valid = is_of_policy.unwrap_or(true) && is_of_response.unwrap_or(true);
    let mut said = json!({ "valid": valid, "receipt": receipt });
    let found = [("policyMatches", is_of_policy), ("responseMatches", is_of_response)];
    for (name, holds) in found {
        if let Some(holds) = holds {
            said[name] = holds.into();
        }
    }
    output::json(&said);
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn key_of_hex(digits: &str) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    hex::decode_to_slice(digits, &mut key).context("--key is not 64 hexadecimal digits")?;
    Ok(key)
}

fn key_of_jwk(file: &Path) -> Result<[u8; 32]> {
    let wrong = || format!("{} is no JWK of an Ed25519 key", file.display());
    let jwk: Value = serde_json::from_slice(&read_input(file)?).with_context(wrong)?;
    if jwk["kty"] != "OKP" || jwk["crv"] != "Ed25519" {
        bail!(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().with_context(wrong)?);
    bytes.with_context(wrong)?.try_into().ok().with_context(wrong)
}

fn names_policy(receipt: &Receipt, file: &Path) -> Result<bool> {
    let policy = PolicyDocument::from_json(&read_input(file)?)
        .with_context(|| file.display().to_string())?;
    let hash = Digest::from_bytes(policy.hash());
    Ok(receipt.checks.iter().any(|check| check.policy_hash == hash))
}

/// Whether each proof of the answer is the one that was checked.
fn names_response(receipt: &Receipt, file: &Path) -> Result<bool> {
    let response = PresentationResponse::from_json(&read_input(file)?)
        .with_context(|| file.display().to_string())?;
    let is_same = response.presentations.iter().all(|(query, presentation)| {
        let hash = hex::encode(Sha256::digest(presentation.proof));
        let check = receipt.checks.iter().find(|check| check.query == *query);
        check.is_some_and(|check| check.proof_hash.as_deref() == Some(&*hash))
    });
    Ok(is_same && response.presentations.len() == receipt.checks.len())
}
