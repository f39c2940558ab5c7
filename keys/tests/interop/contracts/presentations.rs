//! Proofs that a `PresentationVerifier` is to accept: kept with their verifying key, since neither
//! can be made twice. That the contract refuses everything else is its tests' to show.

use super::{is_blessed, key_words, read, write};
use ark_bn254::Fr;
use ark_ff::UniformRand;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::policy::{
    ClaimRef, CompiledPolicy, Operator, Policy, Predicate, SlotOperator,
};
use attestry_circuits::r1cs::CircuitId;
use attestry_circuits::registry::RegistryTree;
use attestry_circuits::sample::Sample;
use attestry_circuits::status::StatusList;
use attestry_circuits::{Context, Scope, field, time};
use attestry_keys::interop::solidity::{proof_words, verifying_key_words};
use attestry_keys::{
    PreparedVerifyingKey, Proof, Prover, VerifyingKey, insecure_development_setup,
};
use serde::{Deserialize, Serialize};

const FILE: &str = "presentations.json";

const CHAIN_ID: u64 = 31_337;
const CONTRACT: [u8; 20] = [0xa1; 20];
const ACCOUNT: [u8; 20] = [0xb2; 20];
const CONSUMER: [u8; 20] = [0xc3; 20];

/// The claim that holds a day, and those that are numbers of any size.
const DAY_CLAIM: usize = 10;
const WIDE_CLAIMS: std::ops::Range<usize> = 11..19;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Presentations {
    circuit_id: String,
    /// As `VerifyingKey::from_bytes` reads it.
    verifying_key: String,
    /// As the contract takes it.
    verifying_key_words: String,
    scene: Scene,
    presentations: Vec<Presentation>,
}

/// The registry with one issuer, and the contract's place.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scene {
    chain_id: u64,
    contract: String,
    issuer: String,
    schema: u32,
    accredited_until: u64,
    key: [String; 4],
    empty_status_root: String,
    registry_root: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Presentation {
    asked: Asked,
    /// As `Proof::from_bytes` reads it.
    proof: String,
    /// As the contract takes it.
    proof_words: String,
}

/// What is asked, of whom and by whom.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    what: String,
    caller: String,
    subject: String,
    now: u64,
    operands: Vec<String>,
    modes: Vec<u8>,
    disclosed: Vec<String>,
    withdrawal_key: String,
    inputs: Vec<String>,
}

/// How the contract comes by an operand.
#[derive(Clone, Copy)]
enum Mode {
    Disclosed = 1,
    Day = 2,
}

/// What the contract is asked about.
struct Case {
    what: &'static str,
    caller: [u8; 20],
    subject: [u8; 20],
    predicates: Vec<(ClaimRef, Operator, Option<Mode>)>,
    set: Vec<Fr>,
}

fn address(bytes: &[u8; 20]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// An issuer that is the registry's first entry, as a contract has it right after accreditation.
fn sample() -> Sample {
    let mut rng = StdRng::seed_from_u64(3);
    let mut sample = Sample::new(3);
    sample.status = StatusList::new();
    sample.registry = RegistryTree::new();
    sample.leaf_index = 0;
    sample.witness.leaf.version = 0;
    let claims = &mut sample.witness.credential.claims.0;
    claims[DAY_CLAIM] = Fr::from(time::day_of(sample.statement.now));
    claims[WIDE_CLAIMS].iter_mut().for_each(|claim| *claim = Fr::rand(&mut rng));
    sample.reissue();
    sample
}

fn cases(sample: &Sample) -> Vec<Case> {
    let claims = &sample.witness.credential.claims.0;
    let today = time::day_of(sample.statement.now);
    let claim = |slot| ClaimRef::claim(slot).unwrap();
    let eq = |slot: usize, mode| (claim(slot), Operator::Eq(claims[slot]), mode);
    let since = |days| (claim(DAY_CLAIM), Operator::Ge(today - days), Some(Mode::Day));
    let issuer = sample.witness.credential.header.issuer_id.as_field();
    vec![
        Case {
            what: "an account presents for itself: a state, a set of issuers, a day",
            caller: ACCOUNT,
            subject: ACCOUNT,
            predicates: vec![eq(11, None), (ClaimRef::ISSUER, Operator::InSet, None), since(120)],
            set: vec![Fr::from(99u64), issuer],
        },
        Case {
            what: "a contract presents for its caller, and a value is disclosed",
            caller: CONSUMER,
            subject: ACCOUNT,
            predicates: vec![eq(12, Some(Mode::Disclosed)), since(0)],
            set: vec![],
        },
        Case {
            what: "every operand is disclosed",
            caller: ACCOUNT,
            subject: ACCOUNT,
            predicates: WIDE_CLAIMS.map(|slot| eq(slot, Some(Mode::Disclosed))).collect(),
            set: vec![],
        },
    ]
}

impl Case {
    fn compile(&self, sample: &Sample) -> CompiledPolicy {
        let clauses = self
            .predicates
            .iter()
            .map(|&(claim, operator, _)| vec![vec![Predicate { claim, operator }]]);
        let schema = sample.witness.credential.header.schema;
        let policy = Policy { schema, set: self.set.clone(), clauses: clauses.collect() };
        policy.compile().unwrap()
    }

    /// Makes the sample's statement the case's.
    fn ask(&self, sample: &mut Sample) -> Asked {
        let statement = &mut sample.statement;
        statement.scope = Scope::new("did:ethr:0x7a69:0xa1", self.what, 0);
        statement.context =
            Context::of_ledger_call(CHAIN_ID, &CONTRACT, &self.caller, &self.subject);
        let key = sample.witness.holder_secret.withdrawal_key(&statement.scope);
        statement.nullifier = key.nullifier();
        let now = statement.now;
        let policy = self.compile(sample);
        let mut asked = Asked {
            what: self.what.to_owned(),
            caller: address(&self.caller),
            subject: address(&self.subject),
            now,
            operands: vec![],
            modes: vec![],
            disclosed: vec![],
            withdrawal_key: serde_json::from_value(serde_json::to_value(&key).unwrap()).unwrap(),
            inputs: vec![],
        };
        for slot in &policy.slots {
            let mode = self.predicates.iter().find_map(|(claim, _, mode)| {
                mode.filter(|_| *claim == slot.claim && slot.operator != SlotOperator::Unused)
            });
            let operand = match mode {
                None => field::to_hex(&slot.operand),
                Some(Mode::Disclosed) => {
                    asked.disclosed.push(field::to_hex(&slot.operand));
                    field::to_hex(&Fr::from(0u64))
                }
                Some(Mode::Day) => {
                    let day = field::to_u64(&slot.operand).unwrap();
                    twos_complement(day as i64 - time::day_of(now) as i64)
                }
            };
            asked.modes.push(mode.map_or(0, |mode| mode as u8));
            asked.operands.push(operand);
        }
        sample.statement.policy = policy;
        asked.inputs = sample.statement.public_inputs().iter().map(field::to_hex).collect();
        asked
    }
}

/// A Solidity `int256` as a word.
fn twos_complement(value: i64) -> String {
    let high = if value < 0 { "f" } else { "0" };
    format!("0x{}{value:016x}", high.repeat(48))
}

fn scene(sample: &Sample) -> Scene {
    let leaf = &sample.witness.leaf;
    Scene {
        chain_id: CHAIN_ID,
        contract: address(&CONTRACT),
        issuer: address(&leaf.issuer_id.address()),
        schema: leaf.schema.as_u32(),
        accredited_until: leaf.accredited_until,
        key: key_words(&leaf.key),
        empty_status_root: StatusList::new().root().to_string(),
        registry_root: sample.statement.registry_root.to_string(),
    }
}

/// Proves everything under a new key.
fn make() -> Presentations {
    let mut rng = StdRng::seed_from_u64(4);
    let keys = insecure_development_setup(&mut rng, |_| {}).unwrap();
    let prover = Prover::new(keys.proving).unwrap();
    let mut sample = sample();
    let cases = cases(&sample);
    let presentations = cases.iter().map(|case| {
        let asked = case.ask(&mut sample);
        let proof = prover.prove_statement(&sample.statement, &sample.witness, &mut rng).unwrap();
        let proof_words = hex::encode(proof_words(&proof));
        Presentation { asked, proof: hex::encode(proof.to_bytes()), proof_words }
    });
    Presentations {
        presentations: presentations.collect(),
        scene: scene(&sample),
        circuit_id: CircuitId::presentation().to_string(),
        verifying_key: hex::encode(keys.verifying.to_bytes()),
        verifying_key_words: hex::encode(verifying_key_words(&keys.verifying)),
    }
}

fn is_current(kept: &Presentations) -> bool {
    let mut sample = sample();
    let asked: Vec<Asked> = cases(&sample).iter().map(|case| case.ask(&mut sample)).collect();
    kept.circuit_id == CircuitId::presentation().to_string()
        && kept.scene == scene(&sample)
        && kept.presentations.iter().map(|presentation| &presentation.asked).eq(&asked)
}

#[test]
fn the_proofs_for_the_contract_are_of_the_current_circuit_and_hold() {
    let is_there = super::file(FILE).exists();
    if is_blessed() && !(is_there && is_current(&read(FILE))) {
        write(FILE, &make());
    }
    let kept: Presentations = read(FILE);
    assert!(is_current(&kept), "these are other statements: ATTESTRY_BLESS=1 proves them anew");
    let key = VerifyingKey::from_bytes(&hex::decode(&kept.verifying_key).unwrap()).unwrap();
    assert_eq!(kept.verifying_key_words, hex::encode(verifying_key_words(&key)));
    let key = PreparedVerifyingKey::new(key);
    for Presentation { asked, proof, proof_words: words } in &kept.presentations {
        let proof = Proof::from_bytes(&hex::decode(proof).unwrap()).unwrap();
        assert_eq!(*words, hex::encode(proof_words(&proof)), "{}", asked.what);
        let inputs: Vec<Fr> =
            asked.inputs.iter().map(|input| field::from_hex(input).unwrap()).collect();
        key.verify(&inputs, &proof).unwrap();
    }
}
