//! `ledger [--json]`: the embedded ledger under load.

use anyhow::{Result, bail};
use attestry_benches::ledger;
use std::io::Write;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        [] => ledger::run()?.to_string(),
        ["--json"] => serde_json::to_string(&ledger::run()?)?,
        _ => bail!("usage: ledger [--json]"),
    };
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(())
}
