//! Peak memory of proving alone, measured in a process of its own.

use anyhow::{Context, Result, ensure};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::sample::Sample;
use attestry_keys::{KeyStore, Prover};
use std::path::Path;
use std::process::Command;

/// Argument that makes the binary the child process.
pub const CHILD: &str = "--child";
/// What the child does.
pub const PROVE: &str = "prove";

const PROOFS: u64 = 5;

/// Starts this binary as a child that loads the keys in `keys` and proves; its peak resident set
/// in megabytes (10^6 bytes).
///
/// # Errors
/// If the child cannot be started, fails, or answers with something else.
pub fn peak_of_proving(keys: &Path) -> Result<f64> {
    let program = std::env::current_exe().context("finding this program")?;
    let output = Command::new(program).args([CHILD, PROVE]).arg(keys).output()?;
    ensure!(output.status.success(), "child: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?.trim().parse().context("reading the child's answer")
}

/// The child's work: proves a few statements and says its own peak.
///
/// # Errors
/// If the keys cannot be loaded or the peak not be read.
pub fn prove_and_read_peak(keys: &Path) -> Result<f64> {
    let prover = Prover::with_tables(KeyStore::for_presentations(keys).proving_key()?)?;
    for seed in 0..PROOFS {
        let sample = Sample::new(seed);
        let mut rng = StdRng::seed_from_u64(seed);
        prover.prove_statement(&sample.statement, &sample.witness, &mut rng)?;
    }
    own_peak()
}

/// VmHWM of this process in megabytes.
fn own_peak() -> Result<f64> {
    status_mb("VmHWM:")
}

/// What this process holds in memory now, in megabytes (10^6 bytes).
///
/// # Errors
/// If the system does not tell.
pub fn resident_mb() -> Result<f64> {
    status_mb("VmRSS:")
}

fn status_mb(line: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("reading the memory")?;
    let kibibytes: f64 = status
        .lines()
        .find_map(|found| found.strip_prefix(line))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .context("the memory is not told by this system")?
        .trim()
        .parse()?;
    Ok((kibibytes * 1024.0 / 1e5).round() / 10.0)
}
