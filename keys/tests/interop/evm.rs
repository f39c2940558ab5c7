//! The verifier contract in a real EVM.

use crate::node;
use crate::scene::SCENE;
use ark_bn254::{Fq, Fr};
use ark_ff::{BigInteger, PrimeField};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::sample::Sample;
use attestry_keys::interop::solidity::{calldata, verifier_contract};
use attestry_keys::{Proof, Prover, VerifyingKey, insecure_development_setup};
use revm::context::TxEnv;
use revm::context_interface::result::{ExecutionResult, Output};
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, TxKind, keccak256};
use revm::{Context, ExecuteCommitEvm, MainBuilder, MainContext};

const WORD: usize = 32;
/// Words of a proof in calldata, before the inputs.
const PROOF: usize = 8;

/// A contract in an EVM with London's rules.
struct Contract {
    execute: Box<dyn FnMut(TxKind, Vec<u8>) -> ExecutionResult>,
    address: Address,
    selector: [u8; 4],
}

impl Contract {
    fn deploy(key: &VerifyingKey) -> Self {
        let bytecode = node::solc(&verifier_contract(key), "Groth16Verifier");
        let mut evm = Context::mainnet()
            .with_db(CacheDB::new(EmptyDB::default()))
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::LONDON);
                cfg.disable_nonce_check = true;
            })
            .build_mainnet();
        let mut execute = move |kind, data: Vec<u8>| {
            let transaction =
                TxEnv { kind, data: data.into(), gas_limit: 5_000_000, ..TxEnv::default() };
            evm.transact_commit(transaction).unwrap()
        };
        let deployed = execute(TxKind::Create, bytecode);
        let ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } = deployed
        else {
            unreachable!("the contract is deployed: {deployed:?}");
        };
        let inputs = key.public_inputs();
        let signature =
            format!("verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[{inputs}])");
        let selector = keccak256(signature)[..4].try_into().unwrap();
        Self { execute: Box::new(execute), address, selector }
    }

    /// The answer to these words, and the gas that the whole transaction took.
    fn verify(&mut self, words: &[u8]) -> (bool, u64) {
        let data = [self.selector.as_slice(), words].concat();
        let result = (self.execute)(TxKind::Call(self.address), data);
        assert!(result.is_success(), "{result:?}");
        let gas = result.tx_gas_used();
        let answer = result.into_output().unwrap();
        assert_eq!(answer.len(), WORD);
        (answer[WORD - 1] == 1, gas)
    }

    fn accepts(&mut self, words: &[u8]) -> bool {
        self.verify(words).0
    }
}

/// The words with one of them replaced.
fn with_word(words: &[u8], index: usize, value: &[u8]) -> Vec<u8> {
    let mut changed = words.to_vec();
    changed[index * WORD..][..WORD].copy_from_slice(value);
    changed
}

/// A word plus the modulus: the same residue, if it does not overflow.
fn raised<F: PrimeField>(word: &[u8]) -> Option<Vec<u8>> {
    let element = F::from_be_bytes_mod_order(word);
    let mut number = element.into_bigint();
    (!number.add_with_carry(&F::MODULUS)).then(|| number.to_bytes_be())
}

#[test]
fn the_contract_accepts_our_proof_and_refuses_changed_ones() {
    if !node::is_there("the_contract_accepts_our_proof_and_refuses_changed_ones") {
        return;
    }
    let mut contract = Contract::deploy(&SCENE.keys.verifying);
    let words = calldata(&SCENE.proof, &SCENE.inputs);
    assert!(contract.accepts(&words));
    assert!(contract.accepts(&calldata(&SCENE.again, &SCENE.inputs)));

    for index in 0..words.len() / WORD {
        for value in [[0; WORD], [0xff; WORD]] {
            assert!(!contract.accepts(&with_word(&words, index, &value)), "word {index}");
        }
        let mut changed = words.clone();
        changed[index * WORD + WORD - 1] ^= 1;
        assert!(!contract.accepts(&changed), "word {index}");

        // The same residue in another form.
        let word = &words[index * WORD..][..WORD];
        let other = if index < PROOF { raised::<Fq>(word) } else { raised::<Fr>(word) };
        if let Some(other) = other {
            assert!(!contract.accepts(&with_word(&words, index, &other)), "word {index}");
        }
    }
    let again = calldata(&SCENE.again, &SCENE.inputs);
    for part in [0..2, 2..6, 6..8] {
        let bytes = part.start * WORD..part.end * WORD;
        let mut mixed = words.clone();
        mixed[bytes.clone()].copy_from_slice(&again[bytes]);
        assert!(!contract.accepts(&mixed));
    }
}

#[test]
fn the_contract_counts_an_input_of_zero_as_zero() {
    if !node::is_there("the_contract_counts_an_input_of_zero_as_zero") {
        return;
    }
    let mut rng = StdRng::seed_from_u64(4);
    let keys = insecure_development_setup(&mut rng, |_| {}).unwrap();
    let sample = Sample::new(4);
    let prover = Prover::new(keys.proving).unwrap();
    let proof = prover.prove_statement(&sample.statement, &sample.witness, &mut rng).unwrap();
    let inputs = sample.statement.public_inputs();
    assert!(inputs.contains(&Fr::from(0u64)), "an operand is not used");

    let mut contract = Contract::deploy(&keys.verifying);
    let words = calldata(&Proof::from_bytes(&proof.to_bytes()).unwrap(), &inputs);
    let (accepted, gas) = contract.verify(&words);
    assert!(accepted);
    assert!(gas < 400_000, "verification took {gas} gas");
    for index in PROOF..words.len() / WORD {
        let mut changed = words.clone();
        changed[index * WORD + WORD - 1] ^= 1;
        assert!(!contract.accepts(&changed), "input {}", index - PROOF);
    }
    // Not a proof at all: refused, and the pairing does not take the caller's gas with it.
    let (accepted, gas) = contract.verify(&vec![1; words.len()]);
    assert!(!accepted);
    assert!(gas < 450_000, "a refusal took {gas} gas");
}
