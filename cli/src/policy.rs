//! Policies before they are asked: what is wrong with them, and what they say.

use crate::output;
use crate::place::read_file;
use anyhow::{Context, Result};
use attestry_credential::policy::{PolicyDocument, Severity};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Look for questions that identify, defame, single out, can be searched, or forget something:
    /// a line for each finding. Fails if one is a danger.
    Lint(Arguments),
    /// Say in plain English what each policy asks, and what it discloses.
    Explain(Arguments),
}

#[derive(Args)]
pub(crate) struct Arguments {
    /// Policy files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// A parameter whose value is known, NAME=VALUE; once for each. VALUE is JSON, or else text.
    #[arg(long = "parameter", value_parser = parameter)]
    parameters: Vec<(String, Value)>,
}

pub(crate) fn run(command: Command) -> Result<ExitCode> {
    let (Command::Lint(arguments) | Command::Explain(arguments)) = &command;
    let parameters: Map<String, Value> = arguments.parameters.iter().cloned().collect();
    let mut is_dangerous = false;
    for file in &arguments.files {
        let policy = read(file)?;
        if let Command::Explain(_) = command {
            output::json(&explained(&policy, &parameters));
            continue;
        }
        for finding in policy.lint(&parameters) {
            is_dangerous |= finding.severity() == Severity::Danger;
            let mut line = json!(finding);
            line["policy"] = policy.id().into();
            line["file"] = file.display().to_string().into();
            output::json(&line);
        }
    }
    Ok(if is_dangerous { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(file: &Path) -> Result<PolicyDocument> {
    let document = read_file(file)?;
    PolicyDocument::from_json(&document).with_context(|| format!("{}", file.display()))
}

fn explained(policy: &PolicyDocument, parameters: &Map<String, Value>) -> Value {
    json!({
        "policy": policy.id(),
        "version": policy.version(),
        "hash": hex::encode(policy.hash()),
        "words": policy.in_words(parameters),
        "parameters": policy.parameters(),
        "disclosed": policy.disclosed_names(),
    })
}

fn parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("is not NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}
