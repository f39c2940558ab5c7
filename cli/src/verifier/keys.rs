//! The verifier's account key in an encrypted file.

use crate::output;
use crate::passphrase::PassphraseSource;
use crate::place::{create_private, read_file};
use anyhow::{Context, Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_credential::presentation::ClientId;
use attestry_issuer::keys::Passphrase;
use attestry_ledger::{Account, AccountKey};
use attestry_vault::{KeyDerivation, Vault};
use attestry_verifier::ReceiptKey;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key, encrypted under a passphrase, and print what is public of it.
    Create(InFile),
    /// Print what is public of a key.
    Show(InFile),
}

#[derive(Args)]
pub(crate) struct InFile {
    /// The encrypted file.
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseSource,
}

pub(super) fn run(command: &Command) -> Result<()> {
    let account = match command {
        Command::Create(at) => create(&at.file, &at.passphrase.read_new()?)?,
        Command::Show(at) => open(&at.file, &at.passphrase.read()?)?,
    };
    output::json(&public(&account, None));
    Ok(())
}

/// What is public of a key; with the identifier that wallets know it by, if that is known.
pub(super) fn public(account: &AccountKey, client_id: Option<&ClientId>) -> Value {
    let receipts = ReceiptKey::from_seed(&account.to_bytes());
    let mut public = json!({
        "address": Account::from(account).address(),
        "receiptKey": hex::encode(receipts.verifying_key()),
    });
    if let Some(client_id) = client_id {
        public["clientId"] = client_id.as_str().into();
    }
    public
}

fn create(file: &Path, passphrase: &Passphrase) -> Result<AccountKey> {
    if file.try_exists()? {
        bail!("{} is there already", file.display());
    }
    let account = AccountKey::random(&mut OsRng);
    let vault = Vault::create(passphrase.expose(), KeyDerivation::RECOMMENDED, &mut OsRng)?;
    let (sealed, _) = vault.seal(&*account.to_bytes(), &mut OsRng)?;
    let mut to = create_private(file)?;
    to.write_all(&sealed)?;
    to.sync_all()?;
    Ok(account)
}

/// The key in an encrypted file.
pub(super) fn open(file: &Path, passphrase: &Passphrase) -> Result<AccountKey> {
    let opened = Vault::open(&read_file(file)?, passphrase.expose())
        .with_context(|| file.display().to_string())?;
    let content: &[u8; 32] = opened
        .content
        .as_slice()
        .try_into()
        .with_context(|| format!("{} has no key", file.display()))?;
    Ok(AccountKey::from_bytes(&Zeroizing::new(*content))?)
}
