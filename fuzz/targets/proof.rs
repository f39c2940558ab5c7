//! A proof's bytes, after three bytes that change the public inputs: canonical or refused, and
//! never a proof of other inputs. One by one, in a batch and by stock arkworks the answer is one.
#![no_main]

use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_snark::SNARK;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_fuzz::toy::KEYS;
use attestry_keys::Proof;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((changes, bytes)) = data.split_first_chunk::<3>() else { return };
    let Ok(proof) = Proof::from_bytes(bytes) else { return };
    assert_eq!(proof.to_bytes(), bytes);
    let mut inputs = KEYS.inputs;
    for (input, change) in inputs.iter_mut().zip(changes) {
        *input += Fr::from(*change);
    }
    let answer = KEYS.prepared.verify(&inputs, &proof);
    if inputs != KEYS.inputs {
        assert!(answer.is_err());
    }
    let pairs = [(inputs.as_slice(), &proof), (KEYS.inputs.as_slice(), &KEYS.proof)];
    let batch = KEYS.prepared.verify_batch(&pairs, &mut StdRng::seed_from_u64(2));
    assert_eq!(batch, [answer, Ok(())]);
    let key = KEYS.set.verifying.as_inner();
    let stock = Groth16::<Bn254>::verify(key, &inputs, proof.as_inner());
    assert_eq!(stock.unwrap(), answer.is_ok());
});
