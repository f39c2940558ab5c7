//! `register [--json]`: an office's register of 1,000 and of 100,000 credentials.

use anyhow::{Result, bail};
use attestry_benches::register;
use std::io::Write;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        [] => register::run()?.to_string(),
        ["--json"] => serde_json::to_string(&register::run()?)?,
        _ => bail!("usage: register [--json]"),
    };
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(())
}
