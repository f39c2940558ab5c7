//! The audit log on the ledger, and after an erasure.

use attestry_issuer::Issuer;
use attestry_service::access::Principal;
use attestry_service::audit::{self, Export, Format, Head, Known, verify};
use attestry_service::{Actor, Role, TenantId};

use crate::world::{NAME, NPI, World};

async fn export(issuer: &Issuer, format: Format) -> String {
    let mut export = Export::begin(issuer.database(), issuer.tenant(), format, 0).await.unwrap();
    let mut file = String::new();
    while let Some(piece) = export.next().await.unwrap() {
        file.push_str(&piece);
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_anchored_and_found_by_who_holds_the_log() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    world.issue(&issuer).await;
    let first = issuer.anchor_log().await.unwrap().unwrap();
    assert_eq!(issuer.anchor_log().await.unwrap(), None, "nothing happened meanwhile");
    world.issue(&issuer).await;
    let second = issuer.anchor_log().await.unwrap().unwrap();
    assert_eq!((first.batch, second.batch), (1, 2));

    let file = export(&issuer, Format::Json).await;
    let (mut kind, mut roots) = (None, Vec::new());
    let known = Known { tenant: None, heads: vec![first.head, second.head] };
    verify(file.as_bytes(), &known, |entry| {
        kind.get_or_insert_with(|| audit::kind(&entry.hash));
        roots.push(audit::root(&entry.tenant, &entry.head()));
    })
    .unwrap();
    let address = world.keys().address();
    let batches = world.registry.evidence_batches(address, &kind.unwrap()).await.unwrap();
    let anchored: Vec<_> = batches.iter().map(|batch| batch.root).collect();
    let roots_of = |head: Head| roots[usize::try_from(head.sequence).unwrap() - 1];
    assert_eq!(anchored, [roots_of(first.head), roots_of(second.head)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_anchored_and_not_noted_is_noted() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    world.issue(&issuer).await;
    let anchor = issuer.anchor_log().await.unwrap().unwrap();
    // As if the service had been stopped before it could note it.
    let pool = issuer.database().pool();
    for statement in ["DROP TRIGGER audit_anchors_kept", "DELETE FROM audit_anchors"] {
        if sqlx::query(statement).execute(pool).await.is_err() {
            // PostgreSQL names the table, too.
            let drop = "DROP TRIGGER audit_anchors_unchanged ON audit_anchors";
            sqlx::query(drop).execute(pool).await.unwrap();
        }
    }
    assert_eq!(issuer.anchor_log().await.unwrap(), Some(anchor));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_whole_and_names_nobody_when_a_subject_is_erased() {
    let mut world = World::new().await;
    let issuer = world.open().await;
    let credential = world.issue(&issuer).await;
    issuer.read(&Actor::operator(), credential.id).await.unwrap();
    let before = issuer.anchor_log().await.unwrap().unwrap();
    let person = |name: &str, role| Principal {
        tenant: TenantId::default(),
        name: name.to_owned(),
        roles: [role].into(),
    };
    let (ann, bob) = (person("key:ann", Role::Registrar), person("key:bob", Role::Reviewer));
    let proposal = issuer.propose_erasure(&ann, None, credential.id, &mut world.rng).await;
    issuer.approve(&bob, None, &proposal.unwrap().id).await.unwrap();
    let after = issuer.anchor_log().await.unwrap().unwrap();
    for format in Format::ALL {
        let file = export(&issuer, format).await;
        let known = Known { tenant: None, heads: vec![before.head, after.head] };
        let mut actions = Vec::new();
        verify(file.as_bytes(), &known, |entry| actions.push(entry.action.clone())).unwrap();
        for action in ["credential.issue", "credential.read", "credential.erase"] {
            assert!(actions.iter().any(|known| known == action), "{action}");
        }
        for personal in [NAME, NPI] {
            assert!(!file.contains(personal));
        }
    }
}
