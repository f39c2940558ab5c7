//! `verifier [--json]`: the verifier's HTTP service beside a bare loop of verifications.

use anyhow::{Result, bail};
use attestry_benches::verifier;
use std::io::Write;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        [] => verifier::run()?.to_string(),
        ["--json"] => serde_json::to_string(&verifier::run()?)?,
        _ => bail!("usage: verifier [--json]"),
    };
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(())
}
