//! What an office finds again: the register, chains, ends that are near, consents to be asked for
//! anew, and what takes two people.

use std::collections::BTreeSet;

use ark_std::rand::rngs::OsRng;
use attestry_circuits::{HolderCommitment, HolderSecret};
use attestry_credential::schema::Schema;
use attestry_issuer::{
    CredentialRecord, IssueRequest, Issuer, IssuerConfig, IssuerError, Reason, RenewRequest,
    Revocation, Search, Selection, Source, State, Storage, Term, Validity,
};
use attestry_service::access::Principal;
use attestry_service::approval::{self, ApprovalError};
use attestry_service::audit;
use attestry_service::{Actor, Role, TenantId};

use serde_json::Value;

use crate::world::{NAME, NPI, START, World, consent, holder, licence_for};

const DAY_S: u64 = 86_400;

fn other_holder() -> HolderCommitment {
    HolderSecret::from_bytes(&[6; 32]).unwrap().commitment()
}

fn person(name: &str, role: Role) -> Principal {
    Principal { tenant: TenantId::default(), name: name.to_owned(), roles: [role].into() }
}

async fn found(issuer: &Issuer, search: Search) -> Vec<String> {
    let page = issuer.search(&Actor::operator(), &search, None, 50).await.unwrap();
    page.items.iter().map(|item| item.id.to_string()).collect()
}

async fn consent_of(world: &mut World, issuer: &Issuer) -> CredentialRecord {
    let request = IssueRequest {
        source: Source::Resource { resource: consent(), item: None },
        ..licence_for(other_holder())
    };
    issuer.issue(&Actor::operator(), request, &mut world.rng).await.unwrap().credential
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_found_by_what_the_office_knows_of_it_and_by_nothing_else() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let licence = world.issue(&issuer).await;
    let consent = consent_of(&mut world, &issuer).await;
    let (licence, consent) = (licence.id.to_string(), consent.id.to_string());

    assert_eq!(found(&issuer, Search::default()).await.len(), 2);
    let by = |terms| Search { terms, ..Search::default() };
    let name = |text: &str| Term::name(&text.parse().unwrap());
    assert_eq!(found(&issuer, by(name(NAME))).await, [licence.as_str()]);
    assert_eq!(found(&issuer, by(name("alma reyes"))).await, [licence.as_str()]);
    assert_eq!(found(&issuer, by(name("alma other"))).await, [] as [&str; 0]);
    let npi = Term::npi(&NPI.parse().unwrap());
    assert_eq!(found(&issuer, by(vec![npi])).await, [licence.as_str()]);
    let number = Term::licence_number(&" a  123456".parse().unwrap());
    assert_eq!(found(&issuer, by(vec![number])).await, [licence.as_str()]);
    let study = Term::study(&"NCT09000016".parse().unwrap());
    assert_eq!(found(&issuer, by(vec![study])).await, [consent.as_str()]);
    let of_holder = Search { holder: Some(other_holder()), ..Search::default() };
    assert_eq!(found(&issuer, of_holder).await, [consent.as_str()]);
    let of_schema = Search { schema: Some(Schema::ConsentGrant), ..Search::default() };
    assert_eq!(found(&issuer, of_schema).await, [consent.as_str()]);
    let ends = Search { ends_by: Some(START + 400 * DAY_S), ..Search::default() };
    assert!(found(&issuer, ends).await.contains(&licence));
    let revoked = Search { state: Some(State::Revoked), ..Search::default() };
    assert_eq!(found(&issuer, revoked).await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_credential_once_also_if_more_are_issued_meanwhile() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let mut issued = BTreeSet::new();
    for _ in 0..7 {
        issued.insert(world.issue(&issuer).await.id.to_string());
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let search = Search::default();
        let page = issuer.search(&Actor::operator(), &search, cursor, 3).await.unwrap();
        seen.extend(page.items.iter().map(|item| item.id.to_string()));
        world.advance(1);
        world.issue(&issuer).await;
        match page.next {
            Some(next) => cursor = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), issued);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_renewals_is_followed_from_any_link() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let mut chain = vec![world.issue(&issuer).await];
    for _ in 0..2 {
        world.advance(60);
        let (last, request) = (chain.last().unwrap().id, RenewRequest::default());
        let renewed = issuer.renew(&Actor::operator(), last, request, &mut world.rng).await;
        chain.push(renewed.unwrap().credential);
    }
    issuer.suspend(&Actor::operator(), chain[2].id, Reason::Investigation).await.unwrap();
    let history = issuer.history(chain[1].id).await.unwrap();
    assert_eq!((history.predecessors.len(), history.successors.len()), (1, 1));
    assert_eq!(history.predecessors[0].id, chain[0].id);
    assert_eq!(history.successors[0].id, chain[2].id);
    assert_eq!(history.changes.len(), 1);
    assert_eq!(history.changes[0].state, State::Superseded);
    let history = issuer.history(chain[2].id).await.unwrap();
    let links: Vec<_> = history.predecessors.iter().map(|link| link.id).collect();
    assert_eq!(links, [chain[0].id, chain[1].id]);
    let change = &history.changes[0];
    assert_eq!((change.reason, change.actor.as_str()), (Reason::Investigation, "operator"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_near_is_noticed_once_at_each_mark_until_it_is_renewed() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let until = START + 100 * DAY_S;
    let validity = Validity { until: Some(until), ..Validity::default() };
    let request = IssueRequest { validity, ..licence_for(holder()) };
    let credential = issuer.issue(&Actor::operator(), request, &mut world.rng).await.unwrap();
    let id = credential.credential.id;
    world.issue(&issuer).await;

    assert_eq!(issuer.notice_expirables().await.unwrap(), 1, "of the marks passed, the last");
    assert_eq!(issuer.notice_expirables().await.unwrap(), 0);
    let noticed = issuer.expirables(10).await.unwrap();
    assert_eq!((noticed.len(), noticed[0].id, noticed[0].days), (1, id, 120));
    assert_eq!(noticed[0].valid_until, until);
    issuer.acknowledge_expiry(&Actor::operator(), id).await.unwrap();
    assert_eq!(issuer.expirables(10).await.unwrap(), []);

    world.advance(45 * DAY_S);
    assert_eq!(issuer.notice_expirables().await.unwrap(), 1);
    assert_eq!(issuer.expirables(10).await.unwrap()[0].days, 60);
    let renewed = RenewRequest::default();
    issuer.renew(&Actor::operator(), id, renewed, &mut world.rng).await.unwrap();
    assert_eq!(issuer.expirables(10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_under_an_older_form_are_queued_until_they_are_given_anew_or_withdrawn() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let (first, second) =
        (consent_of(&mut world, &issuer).await, consent_of(&mut world, &issuer).await);
    let study = "NCT09000016".parse().unwrap();
    assert!(matches!(issuer.reconsents(&study, None, 10).await, Err(IssuerError::UnknownStudy)));
    let queue = async |version: &str| {
        let version = version.parse().unwrap();
        issuer.require_form(&Actor::operator(), &study, version).await.unwrap();
        let (form, queue) = issuer.reconsents(&study, None, 10).await.unwrap();
        assert_eq!(form.version, version);
        queue.into_iter().map(|one| one.id).collect::<BTreeSet<_>>()
    };
    let same_form = queue("2.1").await;
    assert_eq!(same_form.len(), 0, "given under the form that is required");
    assert_eq!(queue("3.0").await, [first.id, second.id].into());
    let older = issuer.require_form(&Actor::operator(), &study, "2.9".parse().unwrap()).await;
    assert!(matches!(older, Err(IssuerError::Request { .. })));

    let mut resource = consent();
    let mut extensions = resource["extension"].as_array_mut().unwrap().iter_mut();
    let is_form = |one: &&mut Value| one["url"].as_str().unwrap().ends_with("/form-version");
    let form = extensions.find(is_form).unwrap();
    form["valueString"] = "3.0".into();
    let source = Some(Source::Resource { resource, item: None });
    let request = RenewRequest { source, ..RenewRequest::default() };
    issuer.renew(&Actor::operator(), first.id, request, &mut world.rng).await.unwrap();
    assert_eq!(queue("3.0").await, [second.id].into());
    issuer.revoke(&Actor::operator(), second.id, Reason::ConsentWithdrawn).await.unwrap();
    assert_eq!(queue("3.0").await, [].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_many_takes_a_second_person_and_is_done_once() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let mut indices = BTreeSet::new();
    for _ in 0..3 {
        indices.insert(world.issue(&issuer).await.status_index);
    }
    world.advance(60);
    let later = world.issue(&issuer).await;
    let selection = Selection { issued_until: Some(START), ..Selection::default() };
    let order = Revocation { selection, reason: Reason::IssuedInError };
    let (ann, bob) = (person("key:ann", Role::Registrar), person("key:bob", Role::Reviewer));
    let (proposal, selected) =
        issuer.propose_revocation(&ann, None, &order, &mut OsRng).await.unwrap();
    assert_eq!(selected, 3);

    let not_possible = |refused: Result<approval::Proposal, IssuerError>| match refused {
        Err(IssuerError::Approval(error)) => error,
        other => unreachable!("{other:?}"),
    };
    let own = not_possible(issuer.approve(&ann, None, &proposal.id).await);
    assert!(matches!(own, ApprovalError::SamePerson));
    let eve = person("key:eve", Role::Auditor);
    let auditor = not_possible(issuer.approve(&eve, None, &proposal.id).await);
    assert!(matches!(auditor, ApprovalError::NotReviewer));
    assert_eq!(issuer.pending().await.unwrap(), 0);

    let done = issuer.approve(&bob, Some("r-1"), &proposal.id).await.unwrap();
    assert_eq!(done.state, approval::State::Executed);
    assert_eq!(issuer.pending().await.unwrap(), 3);
    let again = not_possible(issuer.approve(&bob, None, &proposal.id).await);
    assert!(matches!(again, ApprovalError::NotPossible(approval::State::Executed)));
    issuer.publish(&mut OsRng).await.unwrap();
    let barred: BTreeSet<u32> = world.barred_on_ledger().await.into_iter().collect();
    assert_eq!(barred, indices);
    assert!(!barred.contains(&later.status_index));

    let nothing = Revocation { selection: Selection::default(), reason: Reason::Lapsed };
    let refused = issuer.propose_revocation(&ann, None, &nothing, &mut OsRng).await;
    assert!(matches!(refused, Err(IssuerError::Request { .. })));
    let ids = Selection { ids: Some(vec![later.id]), ..Selection::default() };
    let order = Revocation { selection: ids, reason: Reason::Lapsed };
    let (proposal, selected) =
        issuer.propose_revocation(&ann, None, &order, &mut OsRng).await.unwrap();
    assert_eq!(selected, 1);
    issuer.reject(&ann, None, &proposal.id).await.unwrap();
    assert!(issuer.approve(&bob, None, &proposal.id).await.is_err());
    assert_eq!(issuer.credential(later.id).await.unwrap().state, State::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_subject_is_gone_from_the_database_and_the_rest_stays_whole() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let first = world.issue(&issuer).await;
    let request = RenewRequest::default();
    let second = issuer.renew(&Actor::operator(), first.id, request, &mut world.rng).await;
    let second = second.unwrap().credential;
    let salt = hex::encode(second.attested().unwrap().salt);
    let consent = consent_of(&mut world, &issuer).await;
    let (ann, bob) = (person("key:ann", Role::Registrar), person("key:bob", Role::Reviewer));
    let proposal = issuer.propose_erasure(&ann, None, second.id, &mut OsRng).await.unwrap();
    issuer.approve(&bob, None, &proposal.id).await.unwrap();

    for id in [first.id, second.id] {
        let erased = issuer.credential(id).await.unwrap();
        assert!(erased.state.is_barred() && erased.content.is_none());
        assert!(matches!(erased.content(), Err(IssuerError::Erased)));
    }
    let renewal = RenewRequest::default();
    let refused = issuer.renew(&Actor::operator(), second.id, renewal, &mut world.rng).await;
    assert!(refused.is_err());
    let all = found(&issuer, Search::default()).await;
    assert_eq!(all.len(), 3, "the register still counts them");
    let by_name = Search { terms: Term::name(&NAME.parse().unwrap()), ..Search::default() };
    assert_eq!(found(&issuer, by_name).await, [] as [&str; 0]);
    assert!(issuer.credential(consent.id).await.unwrap().content.is_some());

    issuer.publish(&mut OsRng).await.unwrap();
    assert!(world.barred_on_ledger().await.contains(&second.status_index));
    let database = attestry_service::Database::open(&world.database()).await.unwrap();
    let everything = audit::Filter::default();
    let entries =
        audit::page(database.pool(), &TenantId::default(), &everything, None, 500).await.unwrap();
    assert!(entries.entries.iter().any(|entry| entry.action == "credential.erase"));
    if let attestry_service::DatabaseUrl::Sqlite(path) = world.database() {
        issuer.clone().publish(&mut OsRng).await.unwrap();
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(database.pool()).await.unwrap();
        let file = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        for gone in [NAME, "REYES", "A 123456", &salt] {
            assert!(!file.contains(gone), "{gone}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_see_nothing_of_each_other() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    let database = attestry_service::Database::open(&world.database()).await.unwrap();
    let storage = Storage::of(&database, "other".parse().unwrap()).await.unwrap();
    let config = IssuerConfig::new("https://board.example/t/other", world.entries.clone());
    let clock = || START;
    let other =
        Issuer::open(config, world.keys(), world.registry.clone(), storage, clock).await.unwrap();
    assert!(matches!(other.credential(credential.id).await, Err(IssuerError::UnknownCredential)));
    assert_eq!(found(&other, Search::default()).await, [] as [&str; 0]);
    let revoked = other.revoke(&Actor::operator(), credential.id, Reason::Lapsed).await;
    assert!(matches!(revoked, Err(IssuerError::UnknownCredential)));
    let ann = Principal { tenant: "other".parse().unwrap(), ..person("key:ann", Role::Registrar) };
    let ids = Selection { ids: Some(vec![credential.id]), ..Selection::default() };
    let order = Revocation { selection: ids, reason: Reason::Lapsed };
    let proposed = other.propose_revocation(&ann, None, &order, &mut OsRng).await;
    assert_eq!(proposed.unwrap().1, 0);
    assert_eq!(issuer.credential(credential.id).await.unwrap().state, State::Active);
}
