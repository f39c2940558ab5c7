//! Checks against a snapshot of the registry, in a file.

use ark_std::rand::rngs::OsRng;
use attestry_keys::interop::solidity::verifying_key_words;
use attestry_service::Actor;
use attestry_verifier::{OfflineVerifier, Refusal, Snapshot, SnapshotError};
use serde_json::Value;

use crate::world::{KEYS, World, circuits, only};

async fn offline(world: &World) -> OfflineVerifier {
    let taken = Snapshot::take(&world.registry, world.now()).await.unwrap();
    // Through its file.
    let snapshot = Snapshot::from_json(&serde_json::to_vec(&taken).unwrap()).unwrap();
    assert_eq!(snapshot, taken);
    let mut config = world.verifier.config().clone();
    config.checks.max_ledger_lag_s = Some(3_600);
    OfflineVerifier::new(config, circuits(), snapshot, Box::new(OsRng))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_answers_as_the_ledger_did() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    let before = offline(&world).await;
    let verified = before.check(&session.request, &answer, world.now()).await.unwrap();
    let live = world.verifier.check(&session.request, &answer, world.now()).await.unwrap();
    assert_eq!((verified.block(), verified.nullifier()), (live.block(), live.nullifier()));

    let mut changed = answer.clone();
    only(&mut changed).signature[0] ^= 1;
    let refused = before.check(&session.request, &changed, world.now()).await;
    assert_eq!(refused.err(), Some(Refusal::WrongChallenge));

    world.registry.suspend(&world.member, world.entry).await.unwrap();
    let after = offline(&world).await;
    let mut request = session.request.clone();
    request.expires_at = u64::MAX;
    assert!(after.check(&request, &answer, world.now() + 600).await.is_ok(), "within the grace");
    let refused = after.check(&request, &answer, world.now() + 601).await;
    assert!(matches!(refused, Err(Refusal::StaleRoot { .. })));
    let unknown = before.check(&request, &answer, world.now() + 601).await;
    assert!(unknown.is_ok(), "the snapshot of before does not know of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_snapshot_is_no_yes() {
    let world = World::new().await;
    let session = world.session().await;
    let answer = world.answer(&world.nurse(4), &session.request).await;
    let verifier = offline(&world).await;
    let mut request = session.request.clone();
    (request.expires_at, request.max_age_s) = (u64::MAX, 10_000);
    assert!(verifier.check(&request, &answer, world.now() + 3_600).await.is_ok());
    let refused = verifier.check(&request, &answer, world.now() + 3_601).await;
    assert_eq!(refused.err(), Some(Refusal::LedgerLagging));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_knows_who_withdrew_on_the_ledger_and_no_one_else() {
    let mut world = World::new().await;
    let key = verifying_key_words(&KEYS.verifying_key());
    world.registry =
        world.registry.deploy_presentation_verifier(&world.member, &key).await.unwrap();
    let nurse = world.nurse(4);
    let session = world.session().await;
    let answer = world.answer(&nurse, &session.request).await;
    let key = nurse.withdrawal_key(&session.request.scope());
    world.verifier.withdraw(&Actor::wallet("r1"), &key).await.unwrap();
    let known_here_alone = offline(&world).await;
    assert!(known_here_alone.check(&session.request, &answer, world.now()).await.is_ok());
    world.registry.withdraw(&world.member, &key).await.unwrap();
    let refused = offline(&world).await.check(&session.request, &answer, world.now()).await;
    assert_eq!(refused.err(), Some(Refusal::Withdrawn));
}

#[tokio::test]
async fn what_is_no_snapshot_is_refused() {
    let world = World::new().await;
    let taken = Snapshot::take(&world.registry, world.now()).await.unwrap();
    let honest = serde_json::to_value(&taken).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut changed = honest.clone();
        change(&mut changed);
        changed.to_string()
    };
    for text in [
        String::new(),
        "{}".to_owned(),
        changed(&|value| value["format"] = "attestry-registry-snapshot/2".into()),
        changed(&|value| value["current_root"] = "0x1".into()),
        changed(&|value| value["comment"] = "hello".into()),
        changed(&|value| value["block"] = (-1).into()),
    ] {
        assert_eq!(Snapshot::from_json(text.as_bytes()), Err(SnapshotError), "{text}");
    }
}
