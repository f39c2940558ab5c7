//! Our prover and verifier beside the published ones, on the presentation circuit.

use crate::bare;
use crate::measure::{median, microseconds, milliseconds, time_each};
use crate::memory;
use crate::report::Report;
use crate::show;
use anyhow::{Result, anyhow, ensure};
use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use ark_snark::SNARK;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::r1cs::{PresentationCircuit, assign, matrices};
use attestry_circuits::sample::Sample;
use attestry_keys::{KeyStore, PreparedVerifyingKey, Proof, Prover};

type StockProof = ark_groth16::Proof<Bn254>;

/// Statements proven by us; as many are verified, alone and in one batch.
const PROOFS: u64 = 64;
/// Statements proven by the stock prover.
const STOCK_PROOFS: u64 = 21;
/// Statements proven on one thread.
const ONE_THREAD_PROOFS: u64 = 21;
/// Loads of the proving key, and batches.
const ROUNDS: u64 = 21;

/// Makes keys, and measures everything in [`Report`].
///
/// # Errors
/// If anything fails that should not; above all, if a verifier does not accept a proof.
pub fn run() -> Result<Report> {
    let mut rng = StdRng::seed_from_u64(PROOFS);
    let folder = tempfile::tempdir()?;
    let store = KeyStore::for_presentations(folder.path().join("keys"));
    store.ensure_insecure_development_keys(&mut rng, |_| {})?;
    let samples: Vec<Sample> = (0..PROOFS).map(Sample::new).collect();
    let inputs: Vec<_> = samples.iter().map(|sample| sample.statement.public_inputs()).collect();

    let (pk_load, _) = time_each(0..ROUNDS, |_| store.proving_key())?;
    let prover = Prover::with_tables(store.proving_key()?)?;
    let (witness, assignments) =
        time_each(&samples, |sample| assign(&sample.statement, &sample.witness))?;
    let mut prove =
        |sample: &Sample| prover.prove_statement(&sample.statement, &sample.witness, &mut rng);
    let (prove_all, proofs) = time_each(&samples, &mut prove)?;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let parts = assignments
        .iter()
        .map(|assignment| prover.time_parts(assignment))
        .collect::<Result<Vec<_>, _>>()?;

    let standard = store.standard_key()?;
    let (prove_stock, _) = time_each(&samples[..STOCK_PROOFS as usize], |sample| {
        let circuit = PresentationCircuit::with(assign(&sample.statement, &sample.witness)?);
        Groth16::<Bn254>::prove(&standard, circuit, &mut rng).map_err(|error| anyhow!("{error}"))
    })?;
    drop(standard);
    let (prove_one_thread, _) = time_each(&samples[..ONE_THREAD_PROOFS as usize], |sample| {
        let mut rng = StdRng::seed_from_u64(0);
        one_thread.install(|| prover.prove_statement(&sample.statement, &sample.witness, &mut rng))
    })?;
    let without_lanes = Prover::with_tables_without_lanes(store.proving_key()?)?;
    let (prove_without_lanes, _) = time_each(&samples[..STOCK_PROOFS as usize], |sample| {
        without_lanes.prove_statement(&sample.statement, &sample.witness, &mut rng)
    })?;
    drop(without_lanes);
    let bare = bare::measure(&prover.sizes(), &mut rng)?;
    drop(prover);

    let verifier = PreparedVerifyingKey::new(store.verifying_key()?);
    let encoded: Vec<_> = proofs.iter().map(Proof::to_bytes).collect();
    let items: Vec<(&[Fr], &[u8])> =
        inputs.iter().zip(&encoded).map(|(i, e)| (i.as_slice(), e.as_slice())).collect();
    let (verify, _) = time_each(&items, |(inputs, bytes)| {
        Proof::from_bytes(bytes).and_then(|proof| verifier.verify(inputs, &proof))
    })?;
    let stock_key = ark_groth16::prepare_verifying_key(verifier.key().as_inner());
    let (verify_stock, accepted) = time_each(&proofs_with_inputs(&proofs, &items)?, |item| {
        let proof = StockProof::deserialize_compressed(item.1.as_slice())?;
        Groth16::<Bn254>::verify_proof(&stock_key, &proof, item.0)
            .map_err(|error| anyhow!("{error}"))
    })?;
    ensure!(accepted.iter().all(|accepted| *accepted), "the stock verifier refuses a proof");
    let (batch, answers) = time_each(0..ROUNDS, |_| {
        Ok::<_, anyhow::Error>(verifier.verify_encoded_batch(&items, &mut rng))
    })?;
    ensure!(answers.iter().flatten().all(Result::is_ok), "a batch refuses a proof");

    let shown = show::run(&store, &mut rng)?;
    let matrices = matrices();
    Ok(Report {
        constraints: matrices.num_constraints(),
        sections: matrices.sections.iter().copied().collect(),
        public_inputs: verifier.key().public_inputs(),
        pk_bytes: store.manifest()?.proving_key.bytes,
        pk_load_ms: milliseconds(pk_load),
        prove_ms: milliseconds(prove_all),
        prove_stock_ms: milliseconds(prove_stock),
        verify_us: microseconds(verify),
        verify_stock_us: microseconds(verify_stock),
        verify_batch64_us: microseconds(batch / PROOFS as u32),
        peak_rss_mb: memory::peak_of_proving(store.folder())?,
        witness_ms: milliseconds(witness),
        fft_ms: milliseconds(median(parts.iter().map(|part| part.fft).collect())),
        msm_g1_ms: milliseconds(median(parts.iter().map(|part| part.msm_g1).collect())),
        msm_g2_ms: milliseconds(median(parts.iter().map(|part| part.msm_g2).collect())),
        prove_1thread_ms: milliseconds(prove_one_thread),
        prove_without_lanes_ms: milliseconds(prove_without_lanes),
        bare_fft_ms: milliseconds(bare.fft),
        bare_msm_g1_ms: milliseconds(bare.msm_g1),
        bare_msm_g2_ms: milliseconds(bare.msm_g2),
        show_ms: milliseconds(shown.time),
        presentation_bytes: shown.bytes,
    })
}

/// The proofs as the stock library encodes them, which must be as we do.
fn proofs_with_inputs<'a>(
    proofs: &[Proof],
    items: &[(&'a [Fr], &[u8])],
) -> Result<Vec<(&'a [Fr], Vec<u8>)>> {
    proofs
        .iter()
        .zip(items)
        .map(|(proof, (inputs, ours))| {
            let mut bytes = Vec::new();
            proof.as_inner().serialize_compressed(&mut bytes)?;
            ensure!(bytes == *ours, "a proof has another encoding");
            Ok((*inputs, bytes))
        })
        .collect()
}
