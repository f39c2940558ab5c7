//! `compare [--json]`: our prover and verifier beside `ark_groth16`, in one run.

use anyhow::{Result, bail};
use attestry_benches::{compare, memory};
use std::io::Write;
use std::path::Path;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        [] => compare::run()?.to_string(),
        ["--json"] => serde_json::to_string(&compare::run()?)?,
        [memory::CHILD, memory::PROVE, keys] => {
            memory::prove_and_read_peak(Path::new(keys))?.to_string()
        }
        _ => bail!("usage: compare [--json]"),
    };
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(())
}
