//! The configuration of the service: find it, check it, show it.

use super::configured;
use crate::{output, place};
use anyhow::{Context, Result, anyhow};
use attestry_issuer::config::{EXAMPLE, ServiceConfig};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say all mistakes of a configuration and of the variables over it.
    Check {
        /// The configuration.
        file: PathBuf,
        /// Try what it names, too: database, ledger and contracts, keys.
        #[arg(long)]
        connect: bool,
    },
    /// Print a complete configuration, everything at its default, with comments.
    Generate,
}

pub(super) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Check { file, connect } => {
            let config = load(&file)?;
            if connect {
                configured::try_places(&config).await?;
            }
            let tenants: Vec<_> = config.tenants.keys().map(ToString::to_string).collect();
            output::json(&json!({ "valid": true, "connected": connect, "tenants": tenants }));
        }
        Command::Generate => output::line(EXAMPLE.trim_end()),
    }
    Ok(())
}

/// Reads a configuration and the variables over it.
pub(super) fn load(file: &Path) -> Result<ServiceConfig> {
    let text = String::from_utf8(place::read_file(file)?)
        .with_context(|| format!("{} is not UTF-8", file.display()))?;
    // What is not UTF-8 is no field of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    ServiceConfig::read(&text, environment)
        .map_err(|mistakes| anyhow!("{} has mistakes:\n{mistakes}", file.display()))
}
