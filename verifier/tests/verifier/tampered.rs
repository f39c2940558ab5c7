//! Answers that were changed, or made for another request: each refused for its own reason.

use attestry_circuits::{Fr, Nullifier};
use attestry_credential::policy::Disclosed;
use attestry_credential::presentation::{ClientId, Digest, Presentation, PresentationError};
use attestry_verifier::{AcceptedCircuits, Refusal};

use crate::world::{World, is_accepted, only, refusal};

/// What an honest answer is refused for once it was changed after signing.
async fn refused_after(world: &World, change: impl FnOnce(&mut Presentation)) -> Refusal {
    let session = world.session().await;
    let mut answer = world.answer(&world.nurse(4), &session.request).await;
    change(only(&mut answer));
    refusal(world.decide(&session, &answer).await)
}

/// What an answer is refused for that its holder changed and then signed.
async fn refused_when_signed(world: &World, change: impl Fn(&mut Presentation)) -> Refusal {
    let session = world.session().await;
    let request = &session.request;
    let answer = world.answer_changed(&world.nurse(4), request, request, change).await;
    refusal(world.decide(&session, &answer).await)
}

fn say_florida(presentation: &mut Presentation) {
    presentation.parts.disclosed = Disclosed::none().with("jurisdiction", "FL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disclosed_value_changed_on_the_way_is_refused() {
    assert_eq!(refused_after(&World::new().await, say_florida).await, Refusal::Altered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disclosed_value_that_the_holder_invents_is_not_proven() {
    assert_eq!(refused_when_signed(&World::new().await, say_florida).await, Refusal::NotProven);
}

#[tokio::test(flavor = "multi_thread")]
async fn disclosed_claims_other_than_those_asked_for_are_refused() {
    let world = World::new().await;
    let none = refused_when_signed(&world, |p| p.parts.disclosed = Disclosed::none()).await;
    assert_eq!(none, Refusal::WrongDisclosure);
    let more = refused_when_signed(&world, |p| {
        p.parts.disclosed = p.parts.disclosed.clone().with("status", "active");
    });
    assert_eq!(more.await, Refusal::WrongDisclosure);
    let form = refused_when_signed(&world, |p| {
        p.parts.disclosed = Disclosed::none().with("jurisdiction", "Texas");
    });
    assert_eq!(form.await, Refusal::WrongDisclosure);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_the_proof_is_refused() {
    let world = World::new().await;
    // The coordinate is past the modulus: no point.
    assert_eq!(refused_after(&world, |p| p.proof[31] |= 0x3f).await, Refusal::BadProof);
    // The other point of that coordinate: a proof, but not of this.
    assert_eq!(refused_after(&world, |p| p.proof[31] ^= 0x80).await, Refusal::Altered);
    assert_eq!(refused_when_signed(&world, |p| p.proof[31] ^= 0x80).await, Refusal::NotProven);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_single_bit_of_the_proof_may_be_changed() {
    let world = World::new().await;
    let session = world.session().await;
    let honest = world.answer(&world.nurse(4), &session.request).await;
    for bit in (0..1024).step_by(37) {
        let mut changed = honest.clone();
        only(&mut changed).proof[bit / 8] ^= 1 << (bit % 8);
        let checked = world.verifier.check(&session.request, &changed, world.now()).await;
        assert!(matches!(checked, Err(Refusal::BadProof | Refusal::Altered)), "bit {bit}");
    }
    assert!(world.verifier.check(&session.request, &honest, world.now()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_nullifier_is_refused() {
    let world = World::new().await;
    let invent = |p: &mut Presentation| p.parts.nullifier = Nullifier::from_field(Fr::from(5u64));
    assert_eq!(refused_after(&world, invent).await, Refusal::Altered);
    assert_eq!(refused_when_signed(&world, invent).await, Refusal::NotProven);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_another_challenge_is_refused() {
    let world = World::new().await;
    let (mine, other) = (world.session().await, world.session().await);
    let mut answer = world.answer(&world.nurse(4), &other.request).await;
    assert_eq!(refusal(world.decide(&mine, &answer).await), Refusal::WrongChallenge);
    // Under a false name.
    let mine = world.session().await;
    answer.request_id = mine.request.request_id.clone();
    assert_eq!(refusal(world.decide(&mine, &answer).await), Refusal::WrongChallenge);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_another_verifier_is_refused() {
    let world = World::new().await;
    let session = world.session().await;
    let mut theirs = session.request.clone();
    theirs.request_id = "theirs".parse().unwrap();
    let client: ClientId = "did:ethr:0x00000000000000000000000000000000000000d2".parse().unwrap();
    theirs.client_id = client;
    let mut answer = world.answer(&world.nurse(4), &theirs).await;
    assert_eq!(refusal(world.decide(&session, &answer).await), Refusal::WrongAudience);
    // The verifier checks its own requests only.
    let checked = world.verifier.check(&theirs, &answer, world.now()).await;
    assert_eq!(checked.err(), Some(Refusal::WrongAudience));
    // Under a false name: the scope is the other verifier's too, so nothing holds.
    let session = world.session().await;
    answer.request_id = session.request.request_id.clone();
    assert_eq!(refusal(world.decide(&session, &answer).await), Refusal::Altered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_another_scope_is_refused() {
    let world = World::new().await;
    let nurse = world.nurse(4);
    let mine = world.session().await;
    let other = world.session_of(&world.verifier, 9, false).await;
    let answer = world.answer(&nurse, &other.request).await;
    assert_eq!(refusal(world.decide(&mine, &answer).await), Refusal::WrongScope);
    // Proven for another scope, but signed for this challenge.
    let mine = world.session().await;
    let answer = world.answer_changed(&nurse, &other.request, &mine.request, |_| {}).await;
    assert_eq!(refusal(world.decide(&mine, &answer).await), Refusal::NotProven);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_names_another_session_without_being_its_answer_says_nothing_of_its_scope() {
    let world = World::new().await;
    let mine = world.session().await;
    let other = world.session_of(&world.verifier, 9, false).await;
    let mut answer = world.answer(&world.nurse(4), &mine.request).await;
    answer.request_id = other.request.request_id.clone();
    assert_eq!(refusal(world.decide(&mine, &answer).await), Refusal::WrongChallenge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_that_is_not_on_the_list_is_refused() {
    let world = World::new().await;
    let unknown = refused_when_signed(&world, |p| p.circuit_id = Digest::from_bytes([9; 32]));
    assert_eq!(unknown.await, Refusal::UnknownCircuit);

    // The request names the circuit, but this process does not accept it any more.
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    let strict = world.verifier_with(world.registry.clone(), |parts| {
        parts.circuits = AcceptedCircuits::none();
    });
    let checked = strict.await.check(&session.request, &answer, world.now()).await;
    assert_eq!(checked.err(), Some(Refusal::UnknownCircuit));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_too_old_or_of_the_future_is_refused() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    let mut request = session.request.clone();
    request.expires_at = u64::MAX;
    let at = async |now| world.verifier.check(&request, &answer, now).await.err();
    let made = world.now();
    assert_eq!(at(made + 900).await, None);
    assert_eq!(at(made + 901).await, Some(Refusal::Clock));
    assert_eq!(at(made - 30).await, None);
    assert_eq!(at(made - 31).await, Some(Refusal::Clock));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_leaves_a_query_out_is_malformed_and_the_session_stays_open() {
    let world = World::new().await;
    let session = world.session().await;
    let honest = world.answer(&world.nurse(4), &session.request).await;
    let mut empty = honest.clone();
    empty.presentations.clear();
    let malformed = Refusal::Malformed(PresentationError::Unanswered);
    assert_eq!(refusal(world.decide(&session, &empty).await), malformed);
    assert!(is_accepted(&world.decide(&session, &honest).await));
}
