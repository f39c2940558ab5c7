//! What a verifier needs before it can ask and decide.

use attestry_ledger::Account;
use attestry_verifier::VerifierError;
use reqwest::StatusCode;

use crate::http::{Service, named, problem};
use crate::world::{World, account};

/// Gives the verifier's DID from one account to another.
async fn hand_over(world: &World, from: &Account, to: &Account) {
    let identities = world.registry.identities();
    identities.change_owner(from, account().address(), to.address()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_whose_account_lost_its_did_is_not_ready_until_it_has_it_back() {
    let service = Service::new().await;
    let heir = Account::from_bytes(&[0xc7; 32]).unwrap();
    assert_eq!(service.get("/readyz").await.status(), StatusCode::OK);

    hand_over(&service.world, &account(), &heir).await;
    let (status, not_ready) = problem(service.get("/readyz").await).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(not_ready["type"], named("not-ready"));
    assert_eq!(not_ready["check"], "account");
    let metrics = service.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("ready{tenant=\"default\"} 0"), "{metrics}");

    hand_over(&service.world, &heir, &account()).await;
    assert_eq!(service.get("/readyz").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_of_anothers_did_is_not_ready() {
    let world = World::new().await;
    let stranger = world
        .verifier_with(world.registry.clone(), |parts| {
            parts.account = Account::from_bytes(&[0xc7; 32]).unwrap();
        })
        .await;
    assert!(matches!(stranger.check_ready().await, Err(VerifierError::ForeignAccount)));
    let elsewhere = world
        .verifier_with(world.registry.clone(), |parts| {
            let did = parts.config.client_id.as_str().replacen("did:ethr:0x", "did:ethr:0x9", 1);
            parts.config.client_id = did.parse().unwrap();
        })
        .await;
    assert!(matches!(elsewhere.check_ready().await, Err(VerifierError::ForeignAccount)));
    assert!(world.verifier.check_ready().await.is_ok());
}
