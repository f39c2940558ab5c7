//! Issuing, renewing, and the life of a credential.

use std::collections::BTreeSet;

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::{OsRng, StdRng};
use attestry_credential::schema::Schema;
use attestry_credential::schema::values::Day;
use attestry_credential::vcdm::{Attestation, Document};
use attestry_credential::w3c::{
    ProofPolicy, VerificationPolicy, verify_status_list, verify_strict,
};
use attestry_issuer::{
    IssueRequest, Issuer, IssuerError, IssuerKeys, Reason, RenewRequest, Source, State, Storage,
    Validity,
};
use attestry_service::{Actor, DatabaseUrl, TenantId};
use serde_json::json;

use crate::world::{
    PUBLIC_URL, Resolver, START, World, consent, holder, licence_for, practitioner,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_accepts_what_was_issued_until_it_is_revoked_and_published() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;

    let document =
        Document::from_json(&credential.content().unwrap().verifiable_credential).unwrap();
    let attestation = Attestation::from_json(&credential.attested().unwrap().attestation).unwrap();
    let attested = attestation.verify(&document).unwrap();
    let leaf = world.registry.entry(world.entry()).await.unwrap().leaf;
    assert_eq!(attestation.issuer_key(), leaf.key);
    assert_eq!(attestation.registry_index(), world.entry().as_u32());
    assert_eq!(attested.header.issuer_id, leaf.issuer_id);
    assert_eq!(attested.header.holder, holder());
    assert_eq!(attested.header.status_index, credential.status_index);
    assert_eq!(
        document.status().list,
        format!("{PUBLIC_URL}/status-lists/{}", world.entry().as_u32())
    );

    let verify = async || {
        let resolver = Resolver(&world.registry, START);
        let list = issuer.status_list(world.list()).await.unwrap();
        let list = verify_status_list(&list, &ProofPolicy::at(START), &resolver).await.unwrap();
        let policy = VerificationPolicy { proof: ProofPolicy::at(START), status_list: &list };
        verify_strict(&credential.content().unwrap().verifiable_credential, &policy, &resolver)
            .await
    };
    assert_eq!(verify().await.unwrap(), document);
    issuer.revoke(&Actor::operator(), credential.id, Reason::DisciplinaryAction).await.unwrap();
    assert!(verify().await.is_ok(), "nothing is told before the publication");
    issuer.publish(&mut OsRng).await.unwrap();
    assert!(verify().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn status_indices_are_unique_and_in_no_order() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let mut drawn = Vec::new();
    for _ in 0..12 {
        drawn.push(world.issue(&issuer).await.status_index);
    }
    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
    assert!(!drawn.is_sorted() && !drawn.iter().rev().is_sorted());
    assert!(drawn.iter().any(|index| *index > 65_536) && drawn.iter().any(|index| *index < 65_536));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_request_issue_once_and_another_request_is_refused() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let request =
        IssueRequest { idempotency_key: Some("roster-7/line-12".into()), ..licence_for(holder()) };
    let first = issuer.issue(&Actor::operator(), request.clone(), &mut world.rng).await.unwrap();
    world.advance(60);
    let again = issuer.issue(&Actor::operator(), request.clone(), &mut world.rng).await.unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!(first.credential.id, again.credential.id);
    assert_eq!(
        first.credential.content().unwrap().verifiable_credential,
        again.credential.content().unwrap().verifiable_credential
    );

    let other =
        IssueRequest { validity: Validity { until: Some(START + 1000), from: None }, ..request };
    let refused = issuer.issue(&Actor::operator(), other, &mut world.rng).await;
    assert!(matches!(refused, Err(IssuerError::IdempotencyKeyReused)));
    let another = world.issue(&issuer).await;
    assert_ne!(another.id, first.credential.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_issues_once() {
    let world = World::new().await;
    let issuer = world.open().await;
    let request = IssueRequest { idempotency_key: Some("line-1".into()), ..licence_for(holder()) };
    let requests: Vec<_> = (0..6)
        .map(|seed| {
            let (issuer, request) = (issuer.clone(), request.clone());
            tokio::spawn(async move {
                issuer
                    .issue(&Actor::operator(), request, &mut StdRng::seed_from_u64(seed))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut ids = Vec::new();
    let mut new = 0;
    for request in requests {
        let issued = request.await.unwrap();
        new += usize::from(!issued.repeated);
        ids.push(issued.credential.id);
    }
    assert_eq!(new, 1);
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn validity_ends_with_the_licence_and_never_after_it() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    assert_eq!((credential.valid_from, credential.valid_until), (START, START + 365 * 86_400));

    let last_day: Day = "2029-06-30".parse().unwrap();
    let expiry = last_day.start() + 86_399;
    let until = |until| Validity { from: None, until: Some(until) };
    let last = IssueRequest { validity: until(expiry), ..licence_for(holder()) };
    assert_eq!(
        issuer
            .issue(&Actor::operator(), last, &mut world.rng)
            .await
            .unwrap()
            .credential
            .valid_until,
        expiry
    );
    let late = IssueRequest { validity: until(expiry + 1), ..licence_for(holder()) };
    let refused = issuer.issue(&Actor::operator(), late, &mut world.rng).await.unwrap_err();
    assert_eq!(refused.to_string(), "validUntil is after the last day that the claims state");
    let empty = IssueRequest { validity: until(START - 1), ..licence_for(holder()) };
    let refused = issuer.issue(&Actor::operator(), empty, &mut world.rng).await.unwrap_err();
    assert_eq!(refused.to_string(), "validUntil is before validFrom");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_issued_under_its_own_entry() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let source = Source::Resource { resource: consent(), item: None };
    let request = IssueRequest { source, ..licence_for(holder()) };
    let credential =
        issuer.issue(&Actor::operator(), request, &mut world.rng).await.unwrap().credential;
    assert_eq!(credential.schema, Some(Schema::ConsentGrant));
    assert_eq!(credential.list, world.entries[&Schema::ConsentGrant].into());
    assert_ne!(credential.list, world.list());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_of_several_credentials_needs_a_choice() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let mut resource = practitioner();
    let mut second = resource["qualification"][0].clone();
    second["identifier"][0]["value"] = json!("B 654321");
    resource["qualification"].as_array_mut().unwrap().push(second);
    let mut issue = async |item| {
        let source = Source::Resource { resource: resource.clone(), item };
        let request = IssueRequest { source, ..licence_for(holder()) };
        issuer.issue(&Actor::operator(), request, &mut world.rng).await
    };
    assert!(issue(None).await.unwrap_err().to_string().starts_with("options.item is required"));
    assert!(issue(Some(2)).await.is_err());
    let credential = issue(Some(1)).await.unwrap().credential;
    assert_eq!(credential.attested().unwrap().subject["licenceNumber"], "B 654321");
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_supersedes_and_bars_the_old_credential() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let old = world.issue(&issuer).await;
    world.advance(100);
    let request =
        RenewRequest { idempotency_key: Some("renewal-1".into()), ..RenewRequest::default() };
    let new = issuer
        .renew(&Actor::operator(), old.id, request.clone(), &mut world.rng)
        .await
        .unwrap()
        .credential;
    let (after, before) = (new.attested().unwrap(), old.attested().unwrap());
    assert_eq!(new.state, State::Active);
    assert_eq!((after.holder, &after.subject), (before.holder, &before.subject));
    assert_ne!(
        (new.attested().unwrap().salt, new.status_index),
        (old.attested().unwrap().salt, old.status_index)
    );
    let old = issuer.credential(old.id).await.unwrap();
    assert_eq!((old.state, old.superseded_by), (State::Superseded, Some(new.id)));

    let again = issuer.renew(&Actor::operator(), old.id, request, &mut world.rng).await.unwrap();
    assert!(again.repeated && again.credential.id == new.id);
    let twice =
        issuer.renew(&Actor::operator(), old.id, RenewRequest::default(), &mut world.rng).await;
    assert!(matches!(twice, Err(IssuerError::NotPossible { state: State::Superseded, .. })));
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [old.status_index]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_ends_and_a_revocation_does_not() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    let id = credential.id;
    issuer.suspend(&Actor::operator(), id, Reason::Investigation).await.unwrap();
    assert_eq!(
        issuer.suspend(&Actor::operator(), id, Reason::Investigation).await.unwrap().version,
        1
    );
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [credential.status_index]);
    issuer.reinstate(&Actor::operator(), id, Reason::Resolved).await.unwrap();
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [] as [u32; 0]);

    issuer.suspend(&Actor::operator(), id, Reason::Investigation).await.unwrap();
    issuer.revoke(&Actor::operator(), id, Reason::DisciplinaryAction).await.unwrap();
    assert_eq!(issuer.pending().await.unwrap(), 1, "the bit was set by the suspension already");
    let refused = issuer.reinstate(&Actor::operator(), id, Reason::Resolved).await.unwrap_err();
    assert_eq!(refused.to_string(), "cannot reinstate a credential that is revoked");
    assert_eq!(
        issuer.revoke(&Actor::operator(), id, Reason::Unspecified).await.unwrap().state,
        State::Revoked
    );
    issuer.publish(&mut OsRng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [credential.status_index]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_are_published_once_and_another_issuer_is_refused() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let did = issuer.did().parse().unwrap();
    let resolve = async || world.registry.identities().resolve(&did, START).await.unwrap();
    let before = resolve().await;
    drop(issuer);
    world.open().await;
    assert_eq!(resolve().await, before, "opening again changes nothing");

    for registry in [world.registry.clone(), world.unreachable()] {
        let storage = Storage::open(&world.database(), TenantId::default()).await.unwrap();
        let stranger = IssuerKeys::random(&mut world.rng);
        let opened = Issuer::open(world.config(), stranger, registry, storage, || START).await;
        assert!(matches!(opened, Err(IssuerError::ForeignStorage)));
    }

    let mut config = world.config();
    config.entries.insert(Schema::ProviderCredential, 0.into());
    let storage =
        Storage::open(&DatabaseUrl::Sqlite(world.data().join("other.sqlite")), TenantId::default())
            .await
            .unwrap();
    let opened =
        Issuer::open(config, world.keys(), world.registry.clone(), storage, || START).await;
    assert!(matches!(opened, Err(IssuerError::ForeignEntry { what: "issuer", .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_without_an_entry_is_not_issued() {
    let mut world = World::new().await;
    world.entries.remove(&Schema::ConsentGrant);
    let issuer = world.open().await;
    let source = Source::Resource { resource: consent(), item: None };
    let request = IssueRequest { source, ..licence_for(holder()) };
    let refused = issuer.issue(&Actor::operator(), request, &mut world.rng).await.unwrap_err();
    assert_eq!(refused.to_string(), "this issuer is not accredited for ConsentGrant/1");
}
