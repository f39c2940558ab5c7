//! A ceremony run by snarkjs on our circuit, and keys out of it.

use crate::node::{self, snarkjs_does};
use crate::scene::ROUNDS;
use crate::toy::Toy;
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::r1cs::{Assignment, CircuitId, ConstraintMatrices, assign, matrices};
use attestry_circuits::sample::Sample;
use attestry_keys::interop::zkey::{Imported, import_for};
use attestry_keys::interop::{r1cs, snarkjs};
use attestry_keys::{KeyError, KeyStore, Origin, PreparedVerifyingKey, Prover};
use std::fs;
use std::path::Path;

/// Powers of tau for domains of 2^`power`, with one contribution, as `phase1.ptau`.
fn powers_of_tau(folder: &Path, power: usize) {
    snarkjs_does(folder, &format!("powersoftau new bn128 {power} new.ptau"));
    snarkjs_does(folder, "powersoftau contribute new.ptau one.ptau --name=one -e=entropy");
    snarkjs_does(folder, "powersoftau prepare phase2 one.ptau phase1.ptau");
}

/// The circuit's own phase with one contribution, as `final.zkey`.
fn circuit_phase(folder: &Path, circuit: &ConstraintMatrices) {
    fs::write(folder.join("circuit.r1cs"), r1cs::write(circuit)).unwrap();
    snarkjs_does(folder, "groth16 setup circuit.r1cs phase1.ptau initial.zkey");
    snarkjs_does(folder, "zkey contribute initial.zkey final.zkey --name=two -e=entropy");
}

fn import(file: &Path, circuit: &ConstraintMatrices) -> Result<Imported, KeyError> {
    let mut rng = StdRng::seed_from_u64(1);
    import_for("circuit", circuit, &fs::read(file).unwrap(), &mut rng)
}

/// The assignment as snarkjs' `.wtns` file, version 2.
fn witness_file(z: &[Fr]) -> Vec<u8> {
    let le = |element: &Fr| element.into_bigint().to_bytes_le();
    let section = |id: u32, content: &[u8]| {
        [&id.to_le_bytes()[..], &(content.len() as u64).to_le_bytes(), content].concat()
    };
    let count = (z.len() as u32).to_le_bytes();
    let header = [&32u32.to_le_bytes()[..], &Fr::MODULUS.to_bytes_le(), &count].concat();
    let values: Vec<u8> = z.iter().flat_map(le).collect();
    [b"wtns\x02\0\0\0\x02\0\0\0", &section(1, &header)[..], &section(2, &values)].concat()
}

/// Proves with the imported keys; our verifier and snarkjs accept our proof, and both accept
/// snarkjs' own.
fn both_provers_convince_both_verifiers(folder: &Path, keys: &Imported, assignment: &Assignment) {
    let inputs = &assignment.z[1..=keys.keys.verifying.public_inputs()];
    let verifier = PreparedVerifyingKey::new(keys.keys.verifying.clone());
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();

    snarkjs_does(folder, "zkey export verificationkey final.zkey vk.json");
    let exported = snarkjs::read_verification_key(&text("vk.json")).unwrap();
    assert_eq!(exported, keys.keys.verifying);

    let mut rng = StdRng::seed_from_u64(2);
    let prover = Prover::new(keys.keys.proving.clone()).unwrap();
    let proof = prover.prove(assignment, &mut rng).unwrap();
    assert_eq!(verifier.verify(inputs, &proof), Ok(()));
    fs::write(folder.join("public.json"), snarkjs::write_public_signals(inputs).unwrap()).unwrap();
    fs::write(folder.join("proof.json"), snarkjs::write_proof(&proof).unwrap()).unwrap();
    snarkjs_does(folder, "groth16 verify vk.json public.json proof.json");

    fs::write(folder.join("witness.wtns"), witness_file(&assignment.z)).unwrap();
    snarkjs_does(folder, "groth16 prove final.zkey witness.wtns theirs.json signals.json");
    let theirs = snarkjs::read_proof(&text("theirs.json")).unwrap();
    let signals = snarkjs::read_public_signals(&text("signals.json")).unwrap();
    assert_eq!(signals, inputs);
    assert_eq!(verifier.verify(&signals, &theirs), Ok(()));
}

#[test]
fn keys_of_a_ceremony_on_a_small_circuit_prove_and_verify() {
    if !node::is_there("keys_of_a_ceremony_on_a_small_circuit_prove_and_verify") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let toy = Toy::new(ROUNDS, 1);
    powers_of_tau(folder, 4);
    circuit_phase(folder, &toy.matrices);
    if std::env::var_os("ATTESTRY_BLESS").is_some() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/toy.zkey");
        fs::copy(folder.join("final.zkey"), fixture).unwrap();
    }
    snarkjs_does(folder, "zkey verify circuit.r1cs phase1.ptau final.zkey");

    let imported = import(&folder.join("final.zkey"), &toy.matrices).unwrap();
    assert_eq!(imported.contributions, 1);
    assert_eq!(imported.keys.origin, Origin::Imported);
    both_provers_convince_both_verifiers(folder, &imported, &toy.assignment());

    // Without a contribution, δ is known to be 1.
    let error = import(&folder.join("initial.zkey"), &toy.matrices).unwrap_err();
    assert!(error.to_string().contains("nobody contributed"), "{error}");

    let store = KeyStore::for_circuit(folder.join("keys"), "circuit");
    store.save(&imported.keys).unwrap();
    assert_eq!(store.manifest().unwrap().origin, Origin::Imported);
    assert_eq!(store.proving_key().unwrap(), imported.keys.proving);
}

/// Minutes long, hence apart: `just ceremony`.
#[test]
#[ignore = "takes minutes; run by `just ceremony`"]
fn keys_of_a_ceremony_on_the_presentation_circuit_prove_and_verify() {
    if !node::is_there("keys_of_a_ceremony_on_the_presentation_circuit_prove_and_verify") {
        return;
    }
    // The first phase does not depend on the circuit, so it is kept.
    let folder = &Path::new(env!("CARGO_TARGET_TMPDIR")).join("ceremony");
    fs::create_dir_all(folder).unwrap();
    if !folder.join("phase1.ptau").exists() {
        powers_of_tau(folder, 13);
    }
    circuit_phase(folder, matrices());
    let imported = import(&folder.join("final.zkey"), matrices()).unwrap();
    let sample = Sample::new(1);
    let assignment = assign(&sample.statement, &sample.witness).unwrap();
    both_provers_convince_both_verifiers(folder, &imported, &assignment);

    let error = import(&folder.join("final.zkey"), &Toy::new(ROUNDS, 1).matrices).unwrap_err();
    assert!(matches!(error, KeyError::CircuitMismatch(_)), "{error}");
    assert_eq!(CircuitId::presentation().to_bytes(), matrices().sha256());
}
