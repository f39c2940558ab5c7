//! The holder's wallet in a file.

use crate::place::{Place, read_input};
use crate::{clock, output, present, receive, snapshot};
use anyhow::{Context, Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_credential::presentation::{
    ClientId, Digest, PresentationRequest, PresentationResponse, ScopeParts,
};
use attestry_keys::{KeyStore, Prover};
use attestry_ledger::RegistrySnapshot;
use attestry_wallet_core::{CircuitProver, FileStore, KeyDerivation, Session, VaultStore, Wallet};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use zeroize::Zeroizing;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a wallet; prints the holder commitment that issuers bind credentials to.
    Init(Vault),
    /// Take a credential: the issuer's answer, with the document and its attestation.
    Accept(Accept),
    /// Fetch a credential that an issuer offers.
    Receive(receive::Receive),
    /// Say what the wallet holds.
    List(Vault),
    /// Answer a verifier's request.
    Present(present::Present),
    /// Withdraw from a verifier's scope; prints the key that holds for the verifier and the ledger.
    Withdraw(Withdraw),
}

#[derive(Args)]
pub(crate) struct Vault {
    #[command(flatten)]
    place: Place,
    /// A file whose first line is the passphrase; else the environment's ATTESTRY_PASSPHRASE.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Accept {
    #[command(flatten)]
    vault: Vault,
    /// The issuer's answer as JSON; `-` for standard input.
    credential: PathBuf,
}

#[derive(Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    vault: Vault,
    /// The verifier's DID, as its requests named it.
    #[arg(long)]
    client_id: ClientId,
    /// What its requests were for, for instance a study: the scope's purpose.
    #[arg(long)]
    purpose: String,
    /// The scope's epoch.
    #[arg(long, default_value_t = 0)]
    epoch: u64,
}

pub(crate) async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Init(vault) => init(&vault),
        Command::Accept(arguments) => accept(&arguments),
        Command::Receive(arguments) => receive::run(&arguments).await,
        Command::List(vault) => list(&vault),
        Command::Present(arguments) => present::run(&arguments).await,
        Command::Withdraw(arguments) => withdraw(arguments),
    }
}

impl Vault {
    fn store(&self) -> Result<FileStore> {
        let folder = self.place.folder("wallet");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        FileStore::open(folder.join("vault")).context("the wallet's file cannot be opened")
    }

    fn passphrase(&self) -> Result<Zeroizing<String>> {
        let text = match &self.passphrase_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?,
            None => std::env::var("ATTESTRY_PASSPHRASE")
                .context("give --passphrase-file, or ATTESTRY_PASSPHRASE in the environment")?,
        };
        let text = Zeroizing::new(text);
        Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
    }

    /// The data directory.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn open(&self) -> Result<(Wallet, FileStore)> {
        let store = self.store()?;
        let sealed = store.load()?.context("there is no wallet yet: attestry wallet init")?;
        Ok((Wallet::open(&sealed, &self.passphrase()?)?, store))
    }
}

fn init(vault: &Vault) -> Result<ExitCode> {
    let mut store = vault.store()?;
    if store.load()?.is_some() {
        bail!("there is a wallet already in {}", store.path().display());
    }
    let mut wallet = Wallet::create(&vault.passphrase()?, KeyDerivation::RECOMMENDED, &mut OsRng)?;
    wallet.save(&mut store, &mut OsRng)?;
    output::json(&json!({"holder": wallet.holder_commitment()}));
    Ok(ExitCode::SUCCESS)
}

fn accept(arguments: &Accept) -> Result<ExitCode> {
    let (mut wallet, mut store) = arguments.vault.open()?;
    let received: Value = serde_json::from_slice(&read_input(&arguments.credential)?)
        .context("the credential is not JSON")?;
    let part = |name: &str| {
        received.get(name).map(Value::to_string).with_context(|| format!("it lacks {name}"))
    };
    let id = wallet.accept(&part("verifiableCredential")?, &part("attestation")?, None)?;
    wallet.save(&mut store, &mut OsRng)?;
    output::json(&json!({"accepted": id.to_string()}));
    Ok(ExitCode::SUCCESS)
}

fn list(vault: &Vault) -> Result<ExitCode> {
    let (wallet, _) = vault.open()?;
    for held in wallet.list(clock::now()) {
        output::json(&serde_json::to_value(&held)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn withdraw(arguments: Withdraw) -> Result<ExitCode> {
    let (mut wallet, mut store) = arguments.vault.open()?;
    let scope = ScopeParts { purpose: arguments.purpose, epoch: arguments.epoch };
    let now = clock::now();
    let key = wallet.withdraw(&arguments.client_id, &scope, now, &mut store, &mut OsRng)?;
    output::json(&json!({"withdrawal_key": key}));
    Ok(ExitCode::SUCCESS)
}

/// The prover with the stored proving key.
pub(crate) fn prover(store: &KeyStore) -> Result<CircuitProver> {
    let vk_hash = Digest::from_bytes(store.verifying_key()?.hash());
    Ok(CircuitProver::new(Prover::new(store.proving_key()?)?, vk_hash))
}

/// Answers a request with the first credentials that satisfy it.
pub(crate) fn answer(
    wallet: &mut Wallet,
    store: &mut impl VaultStore,
    request: &PresentationRequest,
    registry: &RegistrySnapshot,
    prover: &CircuitProver,
    now: u64,
) -> Result<PresentationResponse, attestry_wallet_core::WalletError> {
    let view = snapshot::view(registry);
    let chosen = wallet.choose(request, Some(&view), now)?.first()?;
    let session = Session { request, view: &view, prover, now };
    wallet.present(&session, &chosen, store, &mut OsRng)
}
