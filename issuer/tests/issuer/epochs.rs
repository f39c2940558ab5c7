//! Rotation of the signing keys, and the drill for keys in other hands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::{OsRng, StdRng};
use attestry_credential::schema::Schema;
use attestry_credential::vcdm::{Attestation, Document};
use attestry_credential::w3c::{
    ProofPolicy, VerificationPolicy, verify_status_list, verify_strict,
};
use attestry_issuer::keys::{DEVELOPMENT_KEY_FILE, Epoch, KeyFile};
use attestry_issuer::{
    CredentialId, CredentialRecord, EndReason, IssueRequest, Issuer, IssuerError, Reason, Source,
    State, Storage, Validity,
};
use attestry_ledger::{DidKey, EntryState};
use attestry_service::audit::{self, Filter};
use attestry_service::{Actor, TenantId};
use serde_json::Value;

use crate::world::{PUBLIC_URL, Resolver, START, World, consent, holder, licence_for};

const LICENCES: Schema = Schema::ProviderCredential;

fn second() -> Epoch {
    Epoch::FIRST.next()
}

/// Adds an epoch to the keys of the next opening.
fn rotate(world: &mut World) {
    let path = world.data().join(DEVELOPMENT_KEY_FILE);
    let mut file = KeyFile::open_insecure_development(&path).unwrap();
    file.add_epoch(&mut world.rng).unwrap();
}

/// The consortium gives the latest epoch an entry for licences, and the office configures it.
async fn accredit(world: &mut World) {
    let entry = world.accredit(&world.keys(), LICENCES).await;
    world.entries.insert(LICENCES, entry);
}

/// An issuer in its second epoch, and a licence of the first.
async fn rotated(world: &mut World) -> (Issuer, CredentialRecord) {
    let before = world.open().await;
    let old = world.issue(&before).await;
    rotate(world);
    accredit(world).await;
    (world.open().await, old)
}

fn document(credential: &CredentialRecord) -> &Value {
    &credential.content().unwrap().verifiable_credential
}

/// What a verifier of plain credentials says, who has nothing but the ledger and the status list.
async fn verify(
    world: &World,
    issuer: &Issuer,
    credential: &CredentialRecord,
) -> Result<(), String> {
    let now = world.clock.load(Ordering::SeqCst);
    let resolver = Resolver(&world.registry, now);
    let list = issuer.status_list(credential.list).await.unwrap();
    let list = verify_status_list(&list, &ProofPolicy::at(now), &resolver).await;
    let list = list.map_err(|error| error.to_string())?;
    let policy = VerificationPolicy { proof: ProofPolicy::at(now), status_list: &list };
    let verified = verify_strict(document(credential), &policy, &resolver).await;
    verified.map(|_| ()).map_err(|error| error.to_string())
}

/// Whether the attestation is by the key of the registry entry that it names, and the entry counts.
async fn is_provable(world: &World, credential: &CredentialRecord) -> bool {
    let attestation = Attestation::from_json(&credential.attested().unwrap().attestation).unwrap();
    attestation.verify(&Document::from_json(document(credential)).unwrap()).unwrap();
    let entry = world.registry.entry(attestation.registry_index().into()).await.unwrap();
    let in_tree = entry.tree_leaf() == entry.leaf.hash();
    in_tree && entry.leaf.key == attestation.issuer_key()
}

async fn actions(issuer: &Issuer, storage: &Storage) -> Vec<String> {
    let pool = storage.database().pool();
    let page = audit::page(pool, issuer.tenant(), &Filter::default(), None, 500).await.unwrap();
    page.entries.into_iter().rev().map(|entry| entry.action).collect()
}

async fn storage(world: &World) -> Storage {
    Storage::open(&world.database(), TenantId::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_credentials_go_under_the_latest_accredited_epoch_and_earlier_ones_stay_good() {
    let mut world = World::new().await;
    let before = world.open().await;
    let old = world.issue(&before).await;
    rotate(&mut world);
    let waiting = world.open().await;
    let still = world.issue(&waiting).await;
    assert_eq!((old.epoch, still.epoch), (Epoch::FIRST, Epoch::FIRST), "not accredited yet");
    assert_eq!(waiting.epochs().await.unwrap().len(), 2, "but published");

    accredit(&mut world).await;
    let issuer = world.open().await;
    let new = world.issue(&issuer).await;
    assert_eq!(new.epoch, second());
    assert_ne!(new.list, old.list);
    let status = Document::from_json(document(&new)).unwrap().status().clone();
    assert_eq!(status.list, format!("{PUBLIC_URL}/status-lists/{}", new.list));
    assert_ne!(
        document(&old)["proof"]["verificationMethod"],
        document(&new)["proof"]["verificationMethod"]
    );
    for credential in [&old, &still, &new] {
        assert_eq!(verify(&world, &issuer, credential).await, Ok(()));
        assert!(is_provable(&world, credential).await);
    }
    let request = IssueRequest {
        source: Source::Resource { resource: consent(), item: None },
        ..licence_for(holder())
    };
    let consent = issuer.issue(&Actor::operator(), request, &mut OsRng).await.unwrap().credential;
    assert_eq!(consent.epoch, Epoch::FIRST, "the second epoch has no entry for consents");

    issuer.revoke(&Actor::operator(), old.id, Reason::Lapsed).await.unwrap();
    issuer.publish(&mut OsRng).await.unwrap();
    assert!(verify(&world, &issuer, &old).await.is_err());
    assert_eq!(verify(&world, &issuer, &still).await, Ok(()));
    assert_eq!(verify(&world, &issuer, &new).await, Ok(()));
    assert_eq!(world.barred_on_ledger().await, [0; 0], "another list");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_an_ended_epoch_are_refused_and_those_of_a_healthy_one_are_not() {
    let mut world = World::new().await;
    let (issuer, old) = rotated(&mut world).await;
    let new = world.issue(&issuer).await;
    issuer.publish(&mut OsRng).await.unwrap();

    let actor = Actor::operator();
    issuer.end_epoch(&actor, second(), EndReason::KeyCompromise).await.unwrap();
    let suspended = issuer.suspend_entries(&world.member, second()).await.unwrap();
    assert_eq!(suspended, [world.entry()]);
    assert!(verify(&world, &issuer, &new).await.is_err());
    assert!(!is_provable(&world, &new).await);
    assert_eq!(verify(&world, &issuer, &old).await, Ok(()));
    assert!(is_provable(&world, &old).await);

    let next = world.issue(&issuer).await;
    assert_eq!(next.epoch, Epoch::FIRST, "the latest that may sign");
    assert_eq!(verify(&world, &issuer, &next).await, Ok(()));

    // Neither again nor after a start does a key of the epoch come back.
    issuer.end_epoch(&actor, second(), EndReason::KeyLost).await.unwrap();
    assert!(issuer.suspend_entries(&world.member, second()).await.unwrap().is_empty());
    let issuer = world.open().await;
    assert_eq!(world.issue(&issuer).await.epoch, Epoch::FIRST);
    let ended = &issuer.epochs().await.unwrap()[1];
    assert_eq!(ended.ended.unwrap().reason, EndReason::KeyCompromise);
    let did = issuer.did().parse().unwrap();
    let resolved = world.registry.identities().resolve(&did, START).await.unwrap().document;
    let keys = ended.keys;
    for key in [DidKey::Ed25519(keys.credential), DidKey::BabyJubJub(keys.attestation)] {
        assert_eq!(resolved.assertion_method_of(&key), None);
    }
    let unknown = issuer.end_epoch(&actor, second().next(), EndReason::KeyLost).await;
    assert!(matches!(unknown, Err(IssuerError::UnknownEpoch(_))));

    let actions = actions(&issuer, &storage(&world).await).await;
    let count = |action: &str| actions.iter().filter(|known| *known == action).count();
    assert_eq!((count("key-epoch.open"), count("key-epoch.end")), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_ends_at_once_while_the_ledger_is_away() {
    let mut world = World::new().await;
    let (issuer, _) = rotated(&mut world).await;
    let keys = issuer.epochs().await.unwrap()[1].keys;
    let cut_off = world.open_on(world.unreachable()).await.unwrap();
    let ended = cut_off.end_epoch(&Actor::operator(), second(), EndReason::KeyCompromise).await;
    assert!(matches!(ended, Err(IssuerError::Ledger(error)) if error.is_absence()));
    for replica in [&issuer, &cut_off] {
        assert_eq!(world.issue(replica).await.epoch, Epoch::FIRST);
    }
    issuer.end_epoch(&Actor::operator(), second(), EndReason::KeyCompromise).await.unwrap();
    let did = issuer.did().parse().unwrap();
    let resolved = world.registry.identities().resolve(&did, START).await.unwrap().document;
    assert_eq!(resolved.assertion_method_of(&DidKey::Ed25519(keys.credential)), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_replica_keeps_what_an_ended_epoch_signs() {
    let mut world = World::new().await;
    let (issuer, _) = rotated(&mut world).await;
    let other = world.open().await;
    let busy = (0..4).map(|seed| {
        let replica = other.clone();
        tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(100 + seed);
            for _ in 0..12 {
                let request = licence_for(holder());
                replica.issue(&Actor::operator(), request, &mut rng).await.unwrap();
            }
        })
    });
    let busy: Vec<_> = busy.collect();
    issuer.issue(&Actor::operator(), licence_for(holder()), &mut OsRng).await.unwrap();
    issuer.end_epoch(&Actor::operator(), second(), EndReason::KeyCompromise).await.unwrap();
    for task in busy {
        task.await.unwrap();
    }
    let storage = storage(&world).await;
    let pool = storage.database().pool();
    let page = audit::page(pool, issuer.tenant(), &Filter::default(), None, 500).await.unwrap();
    let end = page.entries.iter().find(|entry| entry.action == "key-epoch.end").unwrap().sequence;
    let mut after = 0;
    for issued in page.entries.iter().filter(|entry| entry.action == "credential.issue") {
        let id: CredentialId = issued.object.as_ref().unwrap().parse().unwrap();
        let epoch = issuer.credential(id).await.unwrap().epoch;
        after += usize::from(issued.sequence > end);
        assert!(issued.sequence < end || epoch == Epoch::FIRST);
    }
    assert!(after > 0, "the end came while they issued");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_signed_anew_when_the_key_that_signed_it_ends() {
    let mut world = World::new().await;
    let (issuer, old) = rotated(&mut world).await;
    let method = async || {
        let list = issuer.status_list(old.list).await.unwrap();
        list["proof"]["verificationMethod"].as_str().unwrap().to_owned()
    };
    let epochs = issuer.epochs().await.unwrap();
    assert_eq!(method().await, epochs[1].vc_key_id);
    issuer.end_epoch(&Actor::operator(), second(), EndReason::KeyCompromise).await.unwrap();
    assert_eq!(method().await, epochs[0].vc_key_id);
    assert_eq!(verify(&world, &issuer, &old).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_is_broken_off_is_taken_up_and_reissues_nothing_twice() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let actor = Actor::operator();
    let mut old = Vec::new();
    for _ in 0..7 {
        old.push(world.issue(&issuer).await);
    }
    issuer.suspend(&actor, old[0].id, Reason::Investigation).await.unwrap();
    issuer.revoke(&actor, old[1].id, Reason::Lapsed).await.unwrap();
    let short = IssueRequest {
        validity: Validity { from: None, until: Some(START + 10) },
        ..licence_for(holder())
    };
    let short = issuer.issue(&actor, short, &mut world.rng).await.unwrap().credential;
    world.advance(100);

    rotate(&mut world);
    let waiting = world.open().await;
    waiting.end_epoch(&actor, Epoch::FIRST, EndReason::KeyCompromise).await.unwrap();
    waiting.suspend_entries(&world.member, Epoch::FIRST).await.unwrap();
    let unready = waiting.reissue(&actor, Epoch::FIRST, None, 100, &mut OsRng).await.unwrap();
    assert!(unready.reissued.is_empty(), "the second epoch has no entry yet");
    assert_eq!(unready.left.len(), 6);

    accredit(&mut world).await;
    let issuer = world.open().await;
    let listed = issuer.reissuable(&actor, Epoch::FIRST, None).await.unwrap();
    let ids = |of: &[CredentialRecord]| {
        of.iter().map(|credential| credential.id.to_string()).collect::<BTreeSet<_>>()
    };
    let listed_ids: Vec<String> = listed.iter().map(|listed| listed.id.to_string()).collect();
    let expected = [&old[..1], &old[2..]].concat();
    assert!(listed_ids.is_sorted());
    assert_eq!(listed_ids.into_iter().collect::<BTreeSet<_>>(), ids(&expected));
    assert!(!ids(&expected).contains(&short.id.to_string()), "it has expired");
    assert!(listed.iter().all(|listed| listed.holder == Some(holder())));

    let mut successors = BTreeMap::new();
    let first = issuer.reissue(&actor, Epoch::FIRST, None, 3, &mut OsRng).await.unwrap();
    assert!(first.next.is_some());
    successors.extend(first.reissued.iter().map(|(old, new)| (old.to_string(), *new)));
    drop((issuer, waiting, first));

    let issuer = world.open().await;
    let mut after = None;
    loop {
        let part = issuer.reissue(&actor, Epoch::FIRST, after, 2, &mut OsRng).await.unwrap();
        successors.extend(part.reissued.iter().map(|(old, new)| (old.to_string(), *new)));
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(successors.keys().cloned().collect::<BTreeSet<_>>(), ids(&old[2..]));
    for before in &old[2..] {
        let replaced = issuer.credential(before.id).await.unwrap();
        assert_eq!(replaced.state, State::Superseded);
        assert_eq!(replaced.superseded_by, Some(successors[&before.id.to_string()]));
        let after = issuer.credential(successors[&before.id.to_string()]).await.unwrap();
        assert_eq!((after.epoch, after.state), (second(), State::Active));
        assert_eq!(after.valid_until, before.valid_until);
        let (new, old) = (after.attested().unwrap(), before.attested().unwrap());
        assert_eq!((&new.subject, new.holder), (&old.subject, old.holder));
        assert_ne!(new.salt, old.salt);
        assert_eq!(verify(&world, &issuer, &after).await, Ok(()));
        assert!(is_provable(&world, &after).await);
    }
    let again = issuer.reissue(&actor, Epoch::FIRST, None, 100, &mut OsRng).await.unwrap();
    assert!(again.reissued.is_empty());
    let [(left, IssuerError::NotPossible { .. })] = again.left.as_slice() else {
        panic!("{again:?}");
    };
    assert_eq!(*left, old[0].id, "it is suspended");

    // What was superseded is told to the entry, suspended as it is.
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(issuer.pending().await.unwrap(), 0);
    let entries = issuer.entries_of(Epoch::FIRST).await.unwrap();
    assert!(entries.iter().all(|entry| entry.state == EntryState::Suspended));
    let list = entries.iter().find(|entry| old[0].list == entry.index.into()).unwrap().index;
    assert_eq!(world.registry.status_list(list).await.unwrap().set_indices().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_takes_no_more_for_an_ended_entry_is_not_waited_for() {
    let mut world = World::new().await;
    let (issuer, old) = rotated(&mut world).await;
    let entry = issuer.entries_of(Epoch::FIRST).await.unwrap();
    let entry = entry.iter().find(|entry| old.list == entry.index.into()).unwrap().index;
    world.registry.end(&[&world.member], entry).await.unwrap();
    issuer.revoke(&Actor::operator(), old.id, Reason::Lapsed).await.unwrap();
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(issuer.pending().await.unwrap(), 0);
    assert!(verify(&world, &issuer, &old).await.is_err(), "its document says so");
    assert!(world.open().await.ready().await.is_ok());
}
