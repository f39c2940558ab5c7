//! The drill for keys in other hands: end an epoch, say what is to be done, reissue.

use super::OfIssuer;
use super::unlock::Unlocked;
use crate::governance::load_accounts;
use crate::output;
use anyhow::{Context, Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_issuer::keys::{Epoch, KeyError, KeyProvider};
use attestry_issuer::{EndReason, Issuer, IssuerError, Reissuable};
use attestry_ledger::{Account, EntryState};
use attestry_service::Actor;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Credentials that are reissued before the next line of progress.
const PART: u32 = 100;

#[derive(Args)]
pub(crate) struct Compromise {
    #[command(flatten)]
    of: OfIssuer,
    /// The epoch whose keys are, or may be, in other hands.
    #[arg(long, value_parser = parse_epoch)]
    epoch: Epoch,
    /// key-compromise, suspected-compromise or key-lost.
    #[arg(long, value_parser = parse_reason)]
    reason: EndReason,
    /// A key file of a member of the consortium, who suspends the epoch's entries at once.
    #[arg(long)]
    member_key_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Reissue {
    #[command(flatten)]
    of: OfIssuer,
    /// The epoch whose credentials get successors under a later one.
    #[arg(long, value_parser = parse_epoch)]
    epoch: Epoch,
}

/// Ends an epoch. What can be done is done even if something else cannot; the exit code tells.
pub(crate) async fn end(arguments: &Compromise) -> Result<ExitCode> {
    let Compromise { of, epoch, reason, .. } = arguments;
    let unlocked = Unlocked::find(&of.place, &of.passphrase)?;
    let mut complete = true;
    // Status lists go on being signed, so there is always a later epoch.
    let keeps_later = |keys: &dyn KeyProvider| keys.epochs().iter().any(|keys| keys.epoch > *epoch);
    let mut file = unlocked.file()?;
    if !keeps_later(file.keys()) {
        file.add_epoch(&mut OsRng)?;
    }
    drop(file);

    let issuer = of.open(&unlocked).await?;
    let actor = Actor::operator();
    let ended = issuer.end_epoch(&actor, *epoch, *reason).await;
    match &ended {
        Err(IssuerError::Ledger(error)) => {
            complete = false;
            output::error(&format!("the DID document still has the keys: {error}"));
        }
        Err(_) => ended?,
        Ok(()) => {}
    }
    match unlocked.file()?.remove_epoch(*epoch, &mut OsRng) {
        Err(KeyError::UnknownEpoch(_)) | Ok(()) => {}
        Err(error) => return Err(error.into()),
    }
    output::json(&json!({"type": "epoch", "epoch": epoch.number(), "reason": reason.word()}));

    if let Some(path) = &arguments.member_key_file {
        let member = load_accounts(path)?.pop().context("the member's key file has no key")?;
        if let Err(error) = issuer.suspend_entries(&Account::from(&member), *epoch).await {
            complete = false;
            output::error(&format!("the registry still has the entries: {error}"));
        }
    }
    complete &= report_entries(&issuer, *epoch).await;

    let mut after = None;
    loop {
        let page = issuer.reissuable(&actor, *epoch, after).await?;
        page.iter().for_each(report_credential);
        after = page.last().map(|last| last.id);
        if after.is_none() {
            break;
        }
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what the consortium is to do. Returns whether nothing is left to do at once.
async fn report_entries(issuer: &Issuer, epoch: Epoch) -> bool {
    let entries = match issuer.entries_of(epoch).await {
        Ok(entries) => entries,
        Err(error) => {
            output::error(&format!("the registry could not be asked: {error}"));
            return false;
        }
    };
    for entry in &entries {
        let index = entry.index.as_u32();
        let command = (entry.state == EntryState::Active)
            .then(|| format!("attestry ledger suspend --entry {index}"));
        output::json(&json!({
            "type": "entry",
            "entry": index,
            "state": entry.state,
            "command": command,
        }));
    }
    entries.iter().all(|entry| entry.state != EntryState::Active)
}

fn report_credential(credential: &Reissuable) {
    output::json(&json!({
        "type": "credential",
        "id": credential.id.to_string(),
        "schema": credential.schema.map(|schema| schema.versioned_name()),
        "state": credential.state.word(),
        "holder": credential.holder.map(|holder| holder.to_string()),
        "validUntil": credential.valid_until,
    }));
}

/// Reissues what an epoch signed, as far as it is active. Broken off, it is begun again.
pub(crate) async fn reissue(arguments: &Reissue) -> Result<ExitCode> {
    let Reissue { of, epoch } = arguments;
    if of.public_url.is_none() {
        bail!("--public-url: the new credentials name their status list by it");
    }
    let unlocked = Unlocked::find(&of.place, &of.passphrase)?;
    let issuer = of.open(&unlocked).await?;
    let (mut after, mut left) = (None, 0);
    loop {
        let part = issuer.reissue(&Actor::operator(), *epoch, after, PART, &mut OsRng).await?;
        for (old, new) in &part.reissued {
            output::json(&json!({"id": old.to_string(), "successor": new.to_string()}));
        }
        for (id, error) in &part.left {
            output::json(&json!({"id": id.to_string(), "left": error.to_string()}));
        }
        left += part.left.len();
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse_epoch(text: &str) -> Result<Epoch, String> {
    let epoch = text.parse().ok().and_then(Epoch::new);
    epoch.ok_or_else(|| "is not a number from 1 on".to_owned())
}

fn parse_reason(word: &str) -> Result<EndReason, String> {
    EndReason::from_word(word)
        .ok_or_else(|| "is not key-compromise, suspected-compromise or key-lost".to_owned())
}
