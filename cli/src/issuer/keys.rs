//! The issuer's signing keys: made, encrypted, shown and rotated.

use super::OfIssuer;
use super::unlock::{Unlocked, paths};
use crate::output;
use crate::passphrase::PassphraseSource;
use crate::place::Place;
use anyhow::{Context, Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_credential::schema::Schema;
use attestry_issuer::keys::{
    EpochKeys, KeyDerivation, KeyFile, KeyProvider, PublicKeys, SoftwareKeys,
};
use attestry_ledger::Address;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the issuer's keys, encrypted under a passphrase; prints what the consortium needs.
    Create(InPlace),
    /// Put development keys into an encrypted file, and remove the open one.
    Encrypt(InPlace),
    /// Change the passphrase.
    Passphrase(ChangePassphrase),
    /// Show the public keys; nothing secret is opened.
    Show(InPlace),
    /// Make keys for the next epoch, publish them in the DID document, and print what the
    /// consortium is to accredit.
    Rotate(OfIssuer),
}

#[derive(Args)]
pub(crate) struct InPlace {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseSource,
}

#[derive(Args)]
pub(crate) struct ChangePassphrase {
    #[command(flatten)]
    at: InPlace,
    /// A file that only its owner may read; its first line is the new passphrase.
    #[arg(long)]
    new_passphrase_file: Option<PathBuf>,
}

pub(crate) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Create(at) => create(&at),
        Command::Encrypt(at) => encrypt(&at),
        Command::Passphrase(arguments) => change_passphrase(&arguments),
        Command::Show(at) => show(&at),
        Command::Rotate(of) => rotate(&of).await,
    }
}

fn create(at: &InPlace) -> Result<()> {
    let (encrypted, development) = paths(&at.place);
    if development.try_exists()? {
        bail!("{} has keys already: attestry issuer keys encrypt", development.display());
    }
    let keys = SoftwareKeys::random(&mut OsRng);
    let passphrase = at.passphrase.read_new()?;
    let cost = KeyDerivation::RECOMMENDED;
    let file = KeyFile::create(&encrypted, keys, &passphrase, cost, &mut OsRng)?;
    print(file.keys().address(), &file.keys().epochs());
    Ok(())
}

fn encrypt(at: &InPlace) -> Result<()> {
    let (encrypted, development) = paths(&at.place);
    let open = KeyFile::open_insecure_development(&development)?;
    let keys = SoftwareKeys::open_insecure_development(&development)?;
    let passphrase = at.passphrase.read_new()?;
    let cost = KeyDerivation::RECOMMENDED;
    let file = KeyFile::create(&encrypted, keys, &passphrase, cost, &mut OsRng)?;
    // Read back before the only other copy goes.
    SoftwareKeys::open(&encrypted, &passphrase)?;
    std::fs::remove_file(&development)
        .with_context(|| format!("cannot remove {}", development.display()))?;
    drop(open);
    output::note(
        "The open file is removed, but the disk and its copies may still have its content.",
    );
    print(file.keys().address(), &file.keys().epochs());
    Ok(())
}

fn change_passphrase(arguments: &ChangePassphrase) -> Result<()> {
    let (encrypted, _) = paths(&arguments.at.place);
    let mut file = KeyFile::open(&encrypted, &arguments.at.passphrase.read()?)?;
    let new = PassphraseSource::of_file(arguments.new_passphrase_file.clone()).read_new()?;
    file.change_passphrase(&new, KeyDerivation::RECOMMENDED, &mut OsRng)?;
    output::note("Copies of the key file still open with the old passphrase.");
    Ok(())
}

fn show(at: &InPlace) -> Result<()> {
    let (encrypted, development) = paths(&at.place);
    if encrypted.try_exists()? {
        let public = PublicKeys::read(&encrypted)?;
        print(public.address, &public.epochs);
    } else {
        let keys = SoftwareKeys::open_insecure_development(&development)?;
        print(keys.address(), &keys.epochs());
    }
    Ok(())
}

async fn rotate(of: &OfIssuer) -> Result<()> {
    let unlocked = Unlocked::find(&of.place, &of.passphrase)?;
    let made = unlocked.file()?.add_epoch(&mut OsRng)?;
    let issuer = of.open(&unlocked).await?;
    let address = unlocked.keys()?.address();
    let published = issuer.epochs().await?.iter().any(|epoch| epoch.keys == made);
    let accredit = of.schemas().into_iter().map(|schema| accreditation(address, &made, schema));
    let accredit: Vec<Value> = accredit.collect();
    output::json(&json!({
        "epoch": made.epoch.number(),
        "issuer": address,
        "key": hex::encode(made.attestation.to_bytes()),
        "published": published,
        "accredit": accredit,
    }));
    if !published {
        output::note("The ledger is away: the service publishes the keys when it starts.");
    }
    Ok(())
}

/// What the consortium does for an epoch's key.
fn accreditation(address: Address, keys: &EpochKeys, schema: Schema) -> Value {
    let key = hex::encode(keys.attestation.to_bytes());
    let schema = schema.versioned_name();
    json!({
        "schema": schema,
        "command":
            format!("attestry ledger accredit --issuer {address} --schema {schema} --key {key}"),
    })
}

fn print(address: Address, epochs: &[EpochKeys]) {
    for keys in epochs {
        output::json(&json!({
            "issuer": address,
            "epoch": keys.epoch.number(),
            "key": hex::encode(keys.attestation.to_bytes()),
            "credentialKey": hex::encode(keys.credential),
        }));
    }
}
