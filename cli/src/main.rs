//! The `attestry` binary: the services, the wallet and the demonstration.

mod access;
mod audit;
mod clock;
mod configured;
mod demo;
mod fetch;
mod governance;
mod import;
mod issuer;
mod keys;
mod ledger;
mod output;
mod passphrase;
mod place;
mod policy;
mod present;
mod receipt;
mod receive;
mod service;
mod snapshot;
mod verifier;
mod wallet;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Zero-knowledge credential and consent verifier for healthcare.
#[derive(Parser)]
#[command(name = "attestry", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The main job, end to end: issue, prove, verify, and refuse what must be refused.
    Demo(demo::Arguments),
    /// The ledger: serve the embedded one, deploy the contracts, accredit issuers.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// The issuer service, and previews of what it would issue.
    #[command(subcommand)]
    Issuer(issuer::Command),
    /// The audit log: export it, and check an exported file offline.
    #[command(subcommand)]
    Audit(audit::Command),
    /// The wallet: hold credentials and present them.
    #[command(subcommand)]
    Wallet(wallet::Command),
    /// The verifier service.
    #[command(subcommand)]
    Verifier(verifier::Command),
    /// Receipts of verifiers: check them offline.
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// Policies before they are asked: what is wrong with them, and what they say.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Proving and verifying keys.
    #[command(subcommand)]
    Keys(keys::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The demonstration causes the warnings of a service on purpose.
    let level = if matches!(arguments.command, Command::Demo(_)) { "error" } else { "warn" };
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)),
        )
        .with_writer(std::io::stderr)
        .init();
    let outcome = match arguments.command {
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Ledger(command) => ledger::run(command).await,
        Command::Issuer(command) => issuer::run(command).await,
        Command::Audit(command) => audit::run(command).await.map(|()| ExitCode::SUCCESS),
        Command::Wallet(command) => wallet::run(command).await,
        Command::Verifier(command) => verifier::run(command).await,
        Command::Receipt(command) => receipt::run(&command),
        Command::Policy(command) => policy::run(command),
        Command::Keys(command) => keys::run(&command),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            output::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
