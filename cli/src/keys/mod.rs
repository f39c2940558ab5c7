//! Proving and verifying keys on disk.

mod export;

use crate::output;
use crate::place::{Place, read_file};
use anyhow::{Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_keys::interop::zkey;
use attestry_keys::{KeyStore, Progress, Saved};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make development keys, which must never be used for anything real.
    Develop(Arguments),
    /// Say which keys there are: circuit, origin, fingerprints.
    Show(Arguments),
    /// Write the verifying key, a proof or the circuit in another tool's format.
    Export(export::Export),
    /// Take the keys that a ceremony on the exported circuit left.
    Import(Import),
}

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    place: Place,
    /// The `.zkey` file after the last contribution.
    #[arg(long)]
    zkey: PathBuf,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Develop(arguments) => {
            let store = development_keys(&arguments.place)?;
            output::json(&json!({"folder": store.folder(), "manifest": store.manifest()?}));
        }
        Command::Show(arguments) => {
            let store = existing(&arguments.place);
            output::json(&json!({"folder": store.folder(), "manifest": store.manifest()?}));
        }
        Command::Export(arguments) => {
            output::json(&json!({"files": export::run(arguments)?}));
        }
        Command::Import(arguments) => import(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn import(arguments: &Import) -> Result<()> {
    let imported = zkey::import(&read_file(&arguments.zkey)?, &mut OsRng)?;
    let store = existing(&arguments.place);
    if store.save(&imported.keys)? == Saved::KeptExisting {
        bail!("there are keys already in {}", store.folder().display());
    }
    output::note(
        "the file's points agree with each other and with the circuit; whether the ceremony was \
         the one that was announced, snarkjs zkey verify tells",
    );
    output::json(&json!({
        "folder": store.folder(),
        "manifest": store.manifest()?,
        "contributions": imported.contributions,
    }));
    Ok(())
}

/// The keys in the data directory, which are there.
pub(crate) fn existing(place: &Place) -> KeyStore {
    KeyStore::for_presentations(place.folder("keys"))
}

/// The keys in the data directory; development keys are made, with a progress bar, if there are
/// none.
pub(crate) fn development_keys(place: &Place) -> Result<KeyStore> {
    let store = existing(place);
    let mut bar: Option<ProgressBar> = None;
    store.ensure_insecure_development_keys(&mut OsRng, |progress| {
        let bar = bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg:28} {wide_bar} {percent:>3} %");
            let bar = ProgressBar::new(Progress::PARTS.into());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_message(progress.step.description());
        bar.set_position(progress.done.into());
    })?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
        output::note("made insecure development keys: anyone who made them can forge proofs");
    }
    Ok(store)
}
