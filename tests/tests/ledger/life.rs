//! From the first contract to the last withdrawal.

use crate::deployment::World;
use crate::leaks::Personal;
use crate::now;
use ark_std::rand::rngs::OsRng;
use attestry_circuits::{Fr, Scope, policy::OperandSource};
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{PresentationResponse, Query, ScopeParts};
use attestry_credential::schema::Schema;
use attestry_credential::vcdm::{Attestation, Document};
use attestry_issuer::{CredentialRecord, IssuerKeys, Reason, Source};
use attestry_keys::Proof;
use attestry_keys::interop::solidity::proof_words;
use attestry_ledger::{
    Account, DidKey, EntryState, EvidenceBatch, LedgerError, LedgerPolicy, RegistryClient,
};
use attestry_service::Actor;
use attestry_tests::{Office, Person, prover, verifier};
use attestry_verifier::{Decision, NewSession, Reply, Session, Verifier};
use attestry_wallet_core::{CircuitProver, LedgerAnswer, LedgerCall, WalletError};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const PRACTITIONER: &str = include_str!("../../../examples/practitioner.json");
const CONSENT: &str = include_str!("../../../examples/consent.json");
const LICENSED: &str = include_str!("../../../examples/policies/licensed-in-state.json");
const CONSENTED: &str = include_str!("../../../examples/policies/consented-to-study.json");
const YEAR_S: u64 = 365 * 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_lives_and_tells_nothing_of_anybody() {
    let world = World::deployed().await;
    identities_change_their_keys(&world).await;
    members_decide_together(&world).await;
    evidence_is_anchored_once(&world).await;

    let board = world.office("board", Schema::ProviderCredential).await;
    let site = world.office("site", Schema::ConsentGrant).await;
    let (mut clinician, mut patient) = (Person::new(), Person::new());
    let licence = board.issue(resource(PRACTITIONER), &mut clinician).await;
    let consent = site.issue(resource(CONSENT), &mut patient).await;
    let prover = prover(&world.keys);
    let clinic = verifier(&world.registry, &world.keys, &world.folder("clinic"), now).await;
    let sponsor = verifier(&world.registry, &world.keys, &world.folder("sponsor"), now).await;

    a_proof_is_accepted_once_off_the_ledger(&world, &clinic, &mut clinician, &prover).await;
    let policy =
        a_proof_is_accepted_once_on_the_ledger(&world, &clinic, &mut clinician, &prover).await;
    a_suspension_ends_proofs_and_lifting_it_does_not_bring_old_roots_back(
        &world,
        &board,
        &clinic,
        &mut clinician,
        &prover,
    )
    .await;
    a_revocation_is_proven_from_the_ledger_alone(
        &world,
        &board,
        &licence,
        &clinic,
        &mut clinician,
        &prover,
    )
    .await;
    a_rotated_key_signs_what_the_old_one_no_longer_does(&world, &board, &clinic, &prover).await;
    a_withdrawal_needs_no_issuer_and_anyone_may_carry_it(&world, &sponsor, &mut patient, &prover)
        .await;
    everything_is_rebuilt_from_events(&world, &board, &site).await;

    // What was put on the ledger, by whomever, names nobody.
    let documents: Vec<Value> = [PRACTITIONER, CONSENT]
        .into_iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .chain([
            licence.attested().unwrap().subject.clone(),
            consent.attested().unwrap().subject.clone(),
        ])
        .collect();
    let fixed = policy.template.operands.iter().filter_map(|source| match source {
        OperandSource::Fixed(operand) => Some(*operand),
        _ => None,
    });
    let mut personal = Personal::of(&documents, &fixed.collect::<Vec<_>>());
    for record in [&licence, &consent] {
        for element in elements(record) {
            personal = personal.with_element(element);
        }
    }
    let published = world.chain.published().await;
    assert!(published.len() > 40, "{} pieces were read", published.len());
    assert_eq!(personal.found_in(&published), 0, "the ledger tells something personal");

    // The search finds what is there to be found.
    let member = &world.members[0];
    let name_hash = Sha256::digest(b"Reyes").into();
    let batch = EvidenceBatch { kind: [7; 32], policy_version: 1, root: name_hash, leaf_count: 1 };
    world.registry.anchor_evidence(member, &batch).await.unwrap();
    assert!(personal.found_in(&world.chain.published().await) > 0);
}

async fn identities_change_their_keys(world: &World) {
    let account = world.chain.account().await;
    let identities = world.registry.identities();
    let did = identities.did(account.address()).await.unwrap();
    let keys = [DidKey::Ed25519([1; 32]), DidKey::Ed25519([2; 32])];
    for key in &keys {
        identities.publish_key(&account, account.address(), key, YEAR_S).await.unwrap();
    }
    let before = identities.resolve(&did, now()).await.unwrap();
    identities.revoke_key(&account, account.address(), &keys[0]).await.unwrap();
    let after = identities.resolve(&did, now()).await.unwrap();
    let methods =
        |resolution: &attestry_ledger::Resolution| resolution.document.verification_method.len();
    assert_eq!(methods(&after) + 1, methods(&before));
}

async fn members_decide_together(world: &World) {
    let [first, second, third] = world.members.as_slice() else { panic!("three members") };
    let registry = &world.registry;
    let stranger = world.chain.account().await;
    let consortium = registry.deployment().consortium;
    let nothing = || Vec::new().into();
    let refused = registry.propose(&stranger, consortium, nothing()).await;
    assert_reverts(refused.map(|_| ()), "NotMember");

    let proposal = registry.propose(first, consortium, nothing()).await.unwrap();
    assert_reverts(registry.execute(first, proposal).await, "NotEnoughApprovals");
    registry.approve(second, proposal).await.unwrap();
    // Who leaves takes along every vote that is open.
    let newcomer = world.chain.account().await;
    let (removed, added) = ([third.address()], [newcomer.address()]);
    registry.change_membership(&[first, second], &removed, &added, 2).await.unwrap();
    assert_reverts(registry.execute(first, proposal).await, "ProposalVoid");
    let (removed, added) = ([newcomer.address()], [third.address()]);
    registry.change_membership(&[first, second], &removed, &added, 2).await.unwrap();
}

async fn evidence_is_anchored_once(world: &World) {
    let auditor = world.chain.account().await;
    let batch = EvidenceBatch { kind: [1; 32], policy_version: 3, root: [2; 32], leaf_count: 5 };
    world.registry.anchor_evidence(&auditor, &batch).await.unwrap();
    assert_reverts(world.registry.anchor_evidence(&auditor, &batch).await, "AlreadyAnchored");
    let (by, kind) = (auditor.address(), &batch.kind);
    let record = world.registry.evidence(by, kind, &batch.root).await.unwrap().unwrap();
    assert_eq!((record.sequence, record.policy_version, record.leaf_count), (1, 3, 5));
    assert_eq!(world.registry.evidence(by, kind, &[3; 32]).await.unwrap(), None);
    let later = EvidenceBatch { root: [4; 32], ..batch };
    let other_kind = EvidenceBatch { kind: [9; 32], ..batch };
    for batch in [other_kind, later] {
        world.registry.anchor_evidence(&auditor, &batch).await.unwrap();
    }
    let batches = world.registry.evidence_batches(by, kind).await.unwrap();
    let told: Vec<_> = batches.iter().map(|batch| (batch.sequence, batch.root)).collect();
    assert_eq!(told, [(1, [2; 32]), (2, [4; 32])]);
    assert!(batches[0].block <= batches[1].block);
}

async fn a_proof_is_accepted_once_off_the_ledger(
    world: &World,
    clinic: &Verifier,
    clinician: &mut Person,
    prover: &CircuitProver,
) {
    let session = ask(clinic, LICENSED, &licensed_in("CA"), "shift cover").await;
    let public = world.registry.snapshot().await.unwrap();
    let answer = clinician.answer(&session.request, &public, prover, now()).unwrap();
    assert_eq!(decide(clinic, &session, &answer).await, "accepted");
    assert_eq!(decide(clinic, &session, &answer).await, "replayed");
}

/// The policy stands on the ledger for all to see; who presents is an address, and no more.
async fn a_proof_is_accepted_once_on_the_ledger(
    world: &World,
    clinic: &Verifier,
    clinician: &mut Person,
    prover: &CircuitProver,
) -> LedgerPolicy {
    let registry = &world.registry;
    let request = ask(clinic, LICENSED, &licensed_in("CA"), "a contract").await.request;
    let template = request.queries[0].policy.template(&licensed_in("CA")).unwrap();
    let policy =
        LedgerPolicy { scope: request.scope(), template, max_age_s: 3_600, root_grace_s: 600 };
    let account = world.chain.account().await;
    let public = registry.snapshot().await.unwrap();
    let call = LedgerCall {
        chain_id: registry.ledger().chain_id().await.unwrap(),
        contract: registry.deployment().presentation_verifier.unwrap().into_array(),
        caller: account.address().into_array(),
        subject: account.address().into_array(),
    };
    let answer = clinician.answer_contract(&request, &call, &public, prover, now()).unwrap();
    assert_reverts(present(registry, &account, &policy, &answer).await, "UnknownPolicy");
    let id = registry.register_policy(&account, &policy).await.unwrap();
    assert_eq!(registry.register_policy(&account, &policy).await.unwrap(), id);

    let thief = world.chain.account().await;
    assert_reverts(present(registry, &thief, &policy, &answer).await, "InvalidProof");
    let nullifier = answer.statement.nullifier;
    assert_eq!(registry.nullifier_status(nullifier).await.unwrap().presented, None);
    present(registry, &account, &policy, &answer).await.unwrap();
    let status = registry.nullifier_status(nullifier).await.unwrap();
    assert_eq!(status.presented.unwrap().1, account.address());
    assert_reverts(present(registry, &account, &policy, &answer).await, "NullifierAlreadyUsed");

    let mut elsewhere = answer.clone();
    elsewhere.statement.scope = Scope::new("did:example:other", "other", 0);
    let refused = present(registry, &account, &policy, &elsewhere).await;
    assert!(matches!(refused, Err(LedgerError::OtherPolicy)), "{refused:?}");
    policy
}

async fn a_suspension_ends_proofs_and_lifting_it_does_not_bring_old_roots_back(
    world: &World,
    board: &Office,
    clinic: &Verifier,
    clinician: &mut Person,
    prover: &CircuitProver,
) {
    let registry = &world.registry;
    let before = registry.root().await.unwrap();
    registry.suspend(&world.members[2], board.entry).await.unwrap();
    let session = ask(clinic, LICENSED, &licensed_in("CA"), "during a suspension").await;
    let public = registry.snapshot().await.unwrap();
    let refused = clinician.answer(&session.request, &public, prover, now());
    assert!(matches!(refused, Err(WalletError::Unmet { .. })), "{refused:?}");
    registry.lift(&world.signers(), board.entry).await.unwrap();
    assert_eq!(registry.entry(board.entry).await.unwrap().state, EntryState::Active);
    assert_ne!(registry.root().await.unwrap(), before);

    let public = registry.snapshot().await.unwrap();
    let answer = clinician.answer(&session.request, &public, prover, now()).unwrap();
    assert_eq!(decide(clinic, &session, &answer).await, "accepted");
}

/// The wallet hears nothing from the issuer: it reads the list from the ledger's events.
async fn a_revocation_is_proven_from_the_ledger_alone(
    world: &World,
    board: &Office,
    licence: &CredentialRecord,
    clinic: &Verifier,
    clinician: &mut Person,
    prover: &CircuitProver,
) {
    // Somebody else's revocation changes the list, and the clinician proves against the new one.
    let mut colleague = Person::new();
    let other = board.issue(resource(PRACTITIONER), &mut colleague).await;
    board.issuer.revoke(&Actor::operator(), other.id, Reason::Lapsed).await.unwrap();
    board.issuer.publish(&mut OsRng).await.unwrap();
    let session = ask(clinic, LICENSED, &licensed_in("CA"), "after another's revocation").await;
    let public = world.registry.snapshot().await.unwrap();
    let answer = clinician.answer(&session.request, &public, prover, now()).unwrap();
    assert_eq!(decide(clinic, &session, &answer).await, "accepted");
    let refused = colleague.answer(&session.request, &public, prover, now());
    assert!(matches!(refused, Err(WalletError::Unmet { .. })), "{refused:?}");

    board.issuer.revoke(&Actor::operator(), licence.id, Reason::DisciplinaryAction).await.unwrap();
    board.issuer.publish(&mut OsRng).await.unwrap();
    let session = ask(clinic, LICENSED, &licensed_in("CA"), "after the revocation").await;
    let public = world.registry.snapshot().await.unwrap();
    let refused = clinician.answer(&session.request, &public, prover, now());
    assert!(matches!(refused, Err(WalletError::Unmet { .. })), "{refused:?}");
}

async fn a_rotated_key_signs_what_the_old_one_no_longer_does(
    world: &World,
    board: &Office,
    clinic: &Verifier,
    prover: &CircuitProver,
) {
    let registry = &world.registry;
    let mut nurse = Person::new();
    board.issue(resource(PRACTITIONER), &mut nurse).await;
    let next = IssuerKeys::random(&mut OsRng);
    registry.rotate(&world.signers(), board.entry, &next.attestation_key()).await.unwrap();
    let session = ask(clinic, LICENSED, &licensed_in("CA"), "after a rotation").await;
    let public = registry.snapshot().await.unwrap();
    let refused = nurse.answer(&session.request, &public, prover, now());
    assert!(matches!(refused, Err(WalletError::Unmet { .. })), "{refused:?}");
    // A key serves once for a schema, for good.
    let again = registry.rotate(&world.signers(), board.entry, &next.attestation_key()).await;
    assert_reverts(again, "KeyAlreadyAccredited");
}

async fn a_withdrawal_needs_no_issuer_and_anyone_may_carry_it(
    world: &World,
    sponsor: &Verifier,
    patient: &mut Person,
    prover: &CircuitProver,
) {
    let registry = &world.registry;
    let study = Map::from_iter([("study".to_owned(), json!("NCT09000016"))]);
    let session = ask(sponsor, CONSENTED, &study, "participation").await;
    let public = registry.snapshot().await.unwrap();
    let before = patient.answer(&session.request, &public, prover, now()).unwrap();

    let (client, scope) = (&session.request.client_id, &session.request.scope);
    let (store, rng) = (&mut patient.store, &mut OsRng);
    let key = patient.wallet.withdraw(client, scope, now(), store, rng).unwrap();
    let relayer = world.chain.account().await;
    let nullifier = registry.withdraw(&relayer, &key).await.unwrap();
    let withdrawn_at = registry.nullifier_status(nullifier).await.unwrap().withdrawn_at;
    assert!(withdrawn_at.is_some());
    // Again, by another: nothing changes.
    registry.withdraw(&world.members[0], &key).await.unwrap();
    assert_eq!(registry.nullifier_status(nullifier).await.unwrap().withdrawn_at, withdrawn_at);
    // What was proven before is refused, without a word from the patient to the sponsor.
    assert_eq!(decide(sponsor, &session, &before).await, "withdrawn");
}

/// Another client, which knows the book alone, has the same lists as the issuers.
async fn everything_is_rebuilt_from_events(world: &World, board: &Office, site: &Office) {
    let book = world.registry.deployment().address_book;
    let auditor = RegistryClient::open(world.chain.client.clone(), book).await.unwrap();
    let snapshot = auditor.snapshot().await.unwrap();
    assert_eq!(snapshot.tree.root(), world.registry.root().await.unwrap());
    for office in [board, site] {
        let published = auditor.status_list(office.entry).await.unwrap();
        let (entry, rebuilt) = &snapshot.entries[office.entry.as_u32() as usize];
        assert_eq!(rebuilt.as_ref().unwrap().root(), published.root());
        assert_eq!(entry.leaf.status_root, published.root());
    }
    // Two were revoked; decoys hide how many.
    let list = snapshot.entries[board.entry.as_u32() as usize].1.as_ref().unwrap();
    assert_eq!(list.set_indices().len(), 16);
}

fn resource(text: &str) -> Source {
    Source::Resource { resource: serde_json::from_str(text).unwrap(), item: None }
}

fn licensed_in(state: &str) -> Map<String, Value> {
    Map::from_iter([("state".to_owned(), json!(state))])
}

async fn ask(
    verifier: &Verifier,
    policy: &str,
    parameters: &Map<String, Value>,
    purpose: &str,
) -> Session {
    let policy = PolicyDocument::from_json(policy.as_bytes()).unwrap();
    let query = Query::new("q1".parse().unwrap(), policy, parameters.clone()).unwrap();
    let asked = NewSession {
        queries: vec![query],
        scope: ScopeParts { purpose: purpose.into(), epoch: 0 },
        purpose: purpose.into(),
        count_once: false,
        reply: Reply::default(),
        acknowledged: Vec::new(),
    };
    verifier.open_session(&Actor::operator(), asked).await.unwrap()
}

/// `accepted`, or the reason of the refusal.
async fn decide(verifier: &Verifier, session: &Session, answer: &PresentationResponse) -> String {
    match verifier
        .respond(&Actor::wallet("test"), &session.request.request_id, answer)
        .await
        .unwrap()
    {
        Decision::Accepted { .. } => "accepted".to_owned(),
        Decision::Refused { refusal, .. } => refusal.reason().to_owned(),
    }
}

async fn present(
    registry: &RegistryClient,
    account: &Account,
    policy: &LedgerPolicy,
    answer: &LedgerAnswer,
) -> Result<(), LedgerError> {
    let proof = proof_words(&Proof::from_bytes(&answer.proof).unwrap());
    registry.present(account, policy, account.address(), &answer.statement, &proof).await
}

/// The field elements that a credential consists of, and its holder's commitment.
fn elements(record: &CredentialRecord) -> Vec<Fr> {
    let document = Document::from_json(&record.content().unwrap().verifiable_credential).unwrap();
    let attestation = Attestation::from_json(&record.attested().unwrap().attestation).unwrap();
    let credential = attestation.verify(&document).unwrap();
    let signature = attestation.signature();
    let holder = credential.header.holder.as_field();
    credential.claims.0.into_iter().chain([holder, signature.r_x]).collect()
}

fn assert_reverts(outcome: Result<(), LedgerError>, expected: &str) {
    match outcome {
        Err(LedgerError::Reverted { name }) => assert_eq!(name, expected),
        other => panic!("{expected} was expected: {other:?}"),
    }
}
