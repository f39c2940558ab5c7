//! Dock crypto: a BBS signature over 24 attributes, one of them bounded, one in an accumulator.
//! Prints one JSON object.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Instant,
};

use ark_bls12_381::{Bls12_381, Fr, G1Affine};
use ark_serialize::CanonicalSerialize;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use bbs_plus::prelude::{KeypairG2, Signature23G1, SignatureParams23G1};
use blake2::Blake2b512;
use proof_system::{
    prelude::{EqualWitnesses, MetaStatements, ProofSpec, ProverConfig, Witness, Witnesses},
    proof::Proof,
    prover::OldLegoGroth16Proof,
    statement::{
        Statements,
        accumulator::cdh::{VBAccumulatorMembershipCDHProver, VBAccumulatorMembershipCDHVerifier},
        bbs_23::{PoKBBSSignature23G1Prover, PoKBBSSignature23G1Verifier},
        bound_check_legogroth16::{BoundCheckLegoGroth16Prover, BoundCheckLegoGroth16Verifier},
    },
    sub_protocols::bound_check_legogroth16::generate_snark_srs_bound_check,
    witness::{Membership, PoKBBSSignature23G1},
};
use vb_accumulator::{
    persistence::State,
    positive::{Accumulator, PositiveAccumulator},
    setup::{Keypair, SetupParams},
};

const ATTRIBUTES: u64 = 24;
const EXPIRES_ON: usize = 1;
const REVOCATION_ID: usize = 2;
const TODAY: u64 = 46_347;
const LAST_DAY: u64 = 1 << 17;
const CREDENTIALS: u64 = 5;
const RUNS: usize = 25;

/// The elements of an accumulator.
#[derive(Default)]
struct Elements(HashSet<Fr>);

impl State<Fr> for Elements {
    fn add(&mut self, element: Fr) {
        self.0.insert(element);
    }
    fn remove(&mut self, element: &Fr) {
        self.0.remove(element);
    }
    fn has(&self, element: &Fr) -> bool {
        self.0.contains(element)
    }
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

/// The median time of `run` in milliseconds, after one run that is not counted; the results.
fn median_ms<T>(mut run: impl FnMut(usize) -> T) -> (f64, Vec<T>) {
    run(0);
    let mut times = Vec::new();
    let mut results = Vec::new();
    for index in 0..RUNS {
        let start = Instant::now();
        results.push(run(index));
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    (times[RUNS / 2], results)
}

fn main() {
    let mut rng = StdRng::seed_from_u64(1);
    let params = SignatureParams23G1::<Bls12_381>::generate_using_rng(&mut rng, ATTRIBUTES as u32);
    let issuer = KeypairG2::<Bls12_381>::generate_using_rng_and_bbs23_params(&mut rng, &params);
    let snark = generate_snark_srs_bound_check::<Bls12_381, _>(&mut rng).unwrap();

    let accumulator_params = SetupParams::<Bls12_381>::generate_using_rng(&mut rng);
    let manager = Keypair::<Bls12_381>::generate_using_rng(&mut rng, &accumulator_params);
    let mut elements = Elements::default();
    let mut accumulator: PositiveAccumulator<G1Affine> =
        PositiveAccumulator::initialize(&accumulator_params);
    let claims = |credential: u64| -> Vec<Fr> {
        let mut claims: Vec<Fr> =
            (0..ATTRIBUTES).map(|i| Fr::from(1000 * credential + i + 1)).collect();
        claims[EXPIRES_ON] = Fr::from(TODAY + 100 + credential);
        claims
    };
    for credential in 0..CREDENTIALS {
        let element = claims(credential)[REVOCATION_ID];
        accumulator = accumulator.add(element, &manager.secret_key, &mut elements).unwrap();
    }

    let prover_statements = || {
        let mut statements = Statements::new();
        statements.add(PoKBBSSignature23G1Prover::new_statement_from_params(
            params.clone(),
            BTreeMap::new(),
        ));
        let bound = (TODAY, LAST_DAY, snark.clone());
        statements.add(
            BoundCheckLegoGroth16Prover::new_statement_from_params(bound.0, bound.1, bound.2)
                .unwrap(),
        );
        statements.add(VBAccumulatorMembershipCDHProver::new(*accumulator.value()));
        statements
    };
    let mut verifier_statements = Statements::new();
    verifier_statements.add(PoKBBSSignature23G1Verifier::new_statement_from_params(
        params.clone(),
        issuer.public_key.clone(),
        BTreeMap::new(),
    ));
    verifier_statements.add(
        BoundCheckLegoGroth16Verifier::new_statement_from_params(
            TODAY,
            LAST_DAY,
            snark.vk.clone(),
        )
        .unwrap(),
    );
    verifier_statements.add(VBAccumulatorMembershipCDHVerifier::new_statement_from_params(
        accumulator_params.clone(),
        manager.public_key.clone(),
        *accumulator.value(),
    ));
    let mut equal = MetaStatements::new();
    for pair in [[(0, EXPIRES_ON), (1, 0)], [(0, REVOCATION_ID), (2, 0)]] {
        equal.add_witness_equality(EqualWitnesses(BTreeSet::from(pair)));
    }
    let prover_spec = ProofSpec::new(prover_statements(), equal.clone(), vec![], None);
    let verifier_spec = ProofSpec::new(verifier_statements, equal, vec![], None);

    let held: Vec<Witnesses<Bls12_381>> = (0..CREDENTIALS)
        .map(|credential| {
            let claims = claims(credential);
            let signature =
                Signature23G1::new(&mut rng, &claims, &issuer.secret_key, &params).unwrap();
            let element = claims[REVOCATION_ID];
            let member = accumulator
                .get_membership_witness(&element, &manager.secret_key, &elements)
                .unwrap();
            let expires_on = claims[EXPIRES_ON];
            let mut witnesses = Witnesses::new();
            witnesses.add(PoKBBSSignature23G1::new_as_witness(
                signature,
                claims.into_iter().enumerate().collect(),
            ));
            witnesses.add(Witness::BoundCheckLegoGroth16(expires_on));
            witnesses.add(Membership::new_as_witness(element, member));
            witnesses
        })
        .collect();
    let nonce = |run: usize| Some(run.to_be_bytes().to_vec());

    let mut prove = |run: usize, config: ProverConfig<Bls12_381>| {
        Proof::new::<StdRng, Blake2b512>(
            &mut rng,
            prover_spec.clone(),
            held[run % held.len()].clone(),
            nonce(run),
            config,
        )
        .unwrap()
    };
    let (prove_ms, fresh) = median_ms(|run| prove(run, ProverConfig::default()));
    // Shown again: the SNARK of the bound is re-randomised, the rest is made anew.
    let (show_ms, shown) = median_ms(|run| {
        let (proof, randomness) = &fresh[run];
        let old = OldLegoGroth16Proof(randomness[&1], proof.get_legogroth16_proof(1).unwrap().clone());
        let config = ProverConfig {
            reuse_saver_proofs: None,
            reuse_legogroth16_proofs: Some(BTreeMap::from([(1, old)])),
        };
        prove(run, config)
    });
    let mut rng = StdRng::seed_from_u64(2);
    let (verify_ms, _) = median_ms(|run| {
        let proof = shown[run].0.clone();
        let spec = verifier_spec.clone();
        proof
            .verify::<StdRng, Blake2b512>(&mut rng, spec, nonce(run), Default::default())
            .unwrap();
    });
    println!(
        "{}",
        serde_json::json!({
            "system": "Dock crypto (proof_system 0.34.0)",
            "statement": "24 attributes: BBS signature, one bound, in an accumulator (not revoked)",
            "prove_ms": prove_ms,
            "show_ms": show_ms,
            "verify_ms": verify_ms,
            "sent_bytes": fresh[0].0.compressed_size(),
            "artefact_bytes": snark.compressed_size(),
        })
    );
}
