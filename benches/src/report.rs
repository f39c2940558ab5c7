//! The figures, as one JSON object or as a table.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Figures of one run. "Stock" is `ark_groth16` 0.6 as published, on the same circuit.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Constraints of the circuit.
    pub constraints: usize,
    /// Constraints by paragraph of the circuit.
    pub sections: BTreeMap<&'static str, usize>,
    /// Public inputs, the constant one not counted.
    pub public_inputs: usize,
    /// Size of the proving key on disk.
    pub pk_bytes: u64,
    /// Reading the proving key and checking its fingerprint.
    pub pk_load_ms: f64,
    /// From statement and witness to a proof.
    pub prove_ms: f64,
    /// The same with the stock prover.
    pub prove_stock_ms: f64,
    /// From a proof's bytes and public inputs to the answer.
    pub verify_us: f64,
    /// The same with the stock verifier and a prepared key.
    pub verify_stock_us: f64,
    /// The same in a batch of 64, for each proof.
    pub verify_batch64_us: f64,
    /// Peak resident set of a process that loads the key and proves, in 10^6 bytes.
    pub peak_rss_mb: f64,
    /// Filling in the assignment.
    pub witness_ms: f64,
    /// The prover's FFTs, alone.
    pub fft_ms: f64,
    /// The prover's sums in G1, alone.
    pub msm_g1_ms: f64,
    /// The prover's sum in G2, alone.
    pub msm_g2_ms: f64,
    /// As `prove_ms`, on one thread.
    pub prove_1thread_ms: f64,
    /// As `prove_ms`, without lanes: what a processor without AVX-512 IFMA would do.
    pub prove_without_lanes_ms: f64,
    /// Four bare transforms of the circuit's size, by ark-poly, two at a time.
    pub bare_fft_ms: f64,
    /// Bare multi-scalar multiplications in G1 of the prover's sizes, by ark-ec.
    pub bare_msm_g1_ms: f64,
    /// A bare multi-scalar multiplication in G2 of the prover's size, by ark-ec.
    pub bare_msm_g2_ms: f64,
    /// From a request that the holder has agreed to, to an answer from the pool; the answer's
    /// record is by then durable in the wallet's file.
    pub show_ms: f64,
    /// Bytes of that answer's presentation, which discloses nothing.
    pub presentation_bytes: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "circuit")?;
        writeln!(f, "  {:<28}{:>12}", "constraints", self.constraints)?;
        for (section, constraints) in &self.sections {
            writeln!(f, "    {section:<26}{constraints:>12}")?;
        }
        writeln!(f, "  {:<28}{:>12}", "public inputs", self.public_inputs)?;
        writeln!(f, "proving key")?;
        writeln!(f, "  {:<28}{:>12} bytes", "size", self.pk_bytes)?;
        writeln!(f, "  {:<28}{:>12.2} ms", "load, fingerprint checked", self.pk_load_ms)?;
        writeln!(f, "prove")?;
        let faster = self.prove_stock_ms / self.prove_ms;
        writeln!(f, "  {:<28}{:>12.1} ms  ({faster:.2} times stock)", "whole", self.prove_ms)?;
        writeln!(f, "  {:<28}{:>12.1} ms", "stock", self.prove_stock_ms)?;
        writeln!(f, "  {:<28}{:>12.1} ms", "on one thread", self.prove_1thread_ms)?;
        writeln!(f, "  {:<28}{:>12.1} ms", "without lanes", self.prove_without_lanes_ms)?;
        writeln!(f, "    {:<26}{:>12.2} ms", "witness", self.witness_ms)?;
        for (part, ms, bare) in [
            ("FFT", self.fft_ms, self.bare_fft_ms),
            ("sums in G1", self.msm_g1_ms, self.bare_msm_g1_ms),
            ("sum in G2", self.msm_g2_ms, self.bare_msm_g2_ms),
        ] {
            let share = ms / bare;
            writeln!(
                f,
                "    {part:<26}{ms:>12.2} ms  ({share:.2} of arkworks' bare {bare:.1} ms)"
            )?;
        }
        writeln!(f, "  {:<28}{:>12.1} MB", "peak memory", self.peak_rss_mb)?;
        writeln!(f, "show, from the pool")?;
        writeln!(f, "  {:<28}{:>12.2} ms", "whole, stored durably", self.show_ms)?;
        writeln!(f, "  {:<28}{:>12} bytes", "sent", self.presentation_bytes)?;
        writeln!(f, "verify, a proof")?;
        for (what, us) in [
            ("alone", self.verify_us),
            ("in a batch of 64", self.verify_batch64_us),
            ("stock", self.verify_stock_us),
        ] {
            let share = us / self.verify_stock_us;
            writeln!(f, "  {what:<28}{us:>12.1} µs  ({share:.2} of stock)")?;
        }
        Ok(())
    }
}
