//! did:ethr documents from events.

use crate::world::{START, World, refusal};
use alloy::primitives::B256;
use attestry_ledger::{
    Account, DelegateRole, DidKey, EthrDid, Identities, LedgerError, Resolution,
};
use serde_json::json;

const DAY: u64 = 86_400;
const ED25519: DidKey = DidKey::Ed25519([9; 32]);

fn name(text: &str) -> B256 {
    let mut padded = [0; 32];
    padded[..text.len()].copy_from_slice(text.as_bytes());
    padded.into()
}

/// Fragments of the verification methods, in order.
fn fragments(resolution: &Resolution) -> Vec<String> {
    let methods = resolution.document.verification_method.iter();
    methods.map(|method| method.id.split_once('#').unwrap().1.to_owned()).collect()
}

async fn resolve(identities: &Identities, did: &EthrDid) -> Resolution {
    identities.resolve(did, START).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_events_controls_itself() {
    let mut world = World::new().await;
    let account = world.account();
    let identities = world.registry.identities();
    let did = identities.did(account.address()).await.unwrap();
    let resolution = resolve(&identities, &did).await;
    let address = account.address().to_checksum(None);
    assert_eq!(did.to_string(), format!("did:ethr:0x1466a8:{address}"));
    let reference = format!("{did}#controller");
    assert_eq!(
        serde_json::to_value(&resolution.document).unwrap(),
        json!({
            "@context": [
                "https://www.w3.org/ns/did/v1",
                "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
                "https://w3id.org/security/v3-unstable",
            ],
            "id": did.to_string(),
            "verificationMethod": [{
                "id": reference,
                "type": "EcdsaSecp256k1RecoveryMethod2020",
                "controller": did.to_string(),
                "blockchainAccountId": format!("eip155:1337000:{address}"),
            }],
            "authentication": [reference],
            "assertionMethod": [reference],
        })
    );
    assert!(!resolution.deactivated);
    assert_eq!(resolution.updated, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn published_keys_are_found_by_the_id_that_the_document_gives_them() {
    let mut world = World::new().await;
    let issuer = world.account();
    let proof_key = DidKey::BabyJubJub(world.key());
    let identities = world.registry.identities();
    let did = identities.did(issuer.address()).await.unwrap();
    identities.publish_key(&issuer, issuer.address(), &ED25519, DAY).await.unwrap();
    identities.publish_key(&issuer, issuer.address(), &proof_key, DAY).await.unwrap();

    let document = resolve(&identities, &did).await.document;
    let (first, second) = (&document.verification_method[1], &document.verification_method[2]);
    assert_eq!(
        (first.r#type.as_str(), second.r#type.as_str()),
        ("Ed25519VerificationKey2018", "BabyJubJub")
    );
    assert!(first.public_key_base58.is_some() && second.public_key_hex.is_some());
    assert_eq!(document.assertion_method_of(&ED25519), Some(first.id.as_str()));
    assert_eq!(document.assertion_key(&format!("{did}#delegate-1")), Some(ED25519));
    assert_eq!(document.assertion_key(&format!("{did}#delegate-2")), Some(proof_key));
    assert_eq!(document.assertion_key(&format!("{did}#delegate-3")), None);
    assert_eq!(document.assertion_key(&format!("{did}#controller")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_keys_count_in_the_numbering() {
    let mut world = World::new().await;
    let issuer = world.account();
    let later = DidKey::BabyJubJub(world.key());
    let identities = world.registry.identities();
    let did = identities.did(issuer.address()).await.unwrap();
    let identity = issuer.address();
    identities.publish_key(&issuer, identity, &ED25519, DAY).await.unwrap();
    identities.revoke_key(&issuer, identity, &ED25519).await.unwrap();
    identities.publish_key(&issuer, identity, &later, DAY).await.unwrap();
    assert_eq!(fragments(&resolve(&identities, &did).await), ["controller", "delegate-3"]);
    identities.publish_key(&issuer, identity, &ED25519, DAY).await.unwrap();
    let resolution = resolve(&identities, &did).await;
    assert_eq!(fragments(&resolution), ["controller", "delegate-3", "delegate-4"]);
    let block = world.client.block_number().await.unwrap();
    assert_eq!(resolution.updated, Some((block, START)));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_expire() {
    let mut world = World::new().await;
    let issuer = world.account();
    let identities = world.registry.identities();
    let did = identities.did(issuer.address()).await.unwrap();
    identities.publish_key(&issuer, issuer.address(), &ED25519, DAY).await.unwrap();
    let at = async |now| fragments(&identities.resolve(&did, now).await.unwrap());
    assert_eq!(at(START + DAY).await, ["controller", "delegate-1"]);
    assert_eq!(at(START + DAY + 1).await, ["controller"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn delegates_sign_and_some_authenticate() {
    let mut world = World::new().await;
    let (issuer, clerk, officer) = (world.account(), world.account(), world.account());
    let identities = world.registry.identities();
    let did = identities.did(issuer.address()).await.unwrap();
    let identity = issuer.address();
    identities
        .add_delegate(&issuer, identity, DelegateRole::Sign, clerk.address(), DAY)
        .await
        .unwrap();
    identities
        .add_delegate(&issuer, identity, DelegateRole::Authenticate, officer.address(), DAY)
        .await
        .unwrap();
    let document = resolve(&identities, &did).await.document;
    let id = |fragment: &str| format!("{did}#{fragment}");
    assert_eq!(document.assertion_method, [id("controller"), id("delegate-1"), id("delegate-2")]);
    assert_eq!(document.authentication, [id("controller"), id("delegate-2")]);

    identities
        .revoke_delegate(&issuer, identity, DelegateRole::Sign, clerk.address())
        .await
        .unwrap();
    world.advance(1);
    let resolution = identities.resolve(&did, START + 1).await.unwrap();
    assert_eq!(fragments(&resolution), ["controller", "delegate-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_takes_over_and_the_old_one_is_refused() {
    let mut world = World::new().await;
    let (old, new) = (world.account(), world.account());
    let identities = world.registry.identities();
    let did = identities.did(old.address()).await.unwrap();
    identities.change_owner(&old, old.address(), new.address()).await.unwrap();
    let published = identities.publish_key(&old, old.address(), &ED25519, DAY).await;
    assert_eq!(refusal(published), "bad_actor");
    identities.publish_key(&new, old.address(), &ED25519, DAY).await.unwrap();
    let document = resolve(&identities, &did).await.document;
    let controller = document.verification_method[0].blockchain_account_id.as_deref().unwrap();
    assert!(controller.ends_with(&new.address().to_checksum(None)));
    assert_eq!(document.verification_method[1].key(), Some(ED25519));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_identity_has_no_keys() {
    let mut world = World::new().await;
    let issuer = world.account();
    let identities = world.registry.identities();
    let did = identities.did(issuer.address()).await.unwrap();
    identities.publish_key(&issuer, issuer.address(), &ED25519, DAY).await.unwrap();
    identities.deactivate(&issuer, issuer.address()).await.unwrap();
    let resolution = resolve(&identities, &did).await;
    assert!(resolution.deactivated);
    assert!(fragments(&resolution).is_empty());
    assert!(resolution.document.assertion_method.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_changes_of_one_block_are_all_read() {
    let mut world = World::new().await;
    let issuer = world.account_key();
    let identities = world.registry.identities();
    let did = identities.did(issuer.address()).await.unwrap();
    let account = Account::from(&issuer);
    identities.publish_key(&account, issuer.address(), &ED25519, DAY).await.unwrap();
    let before = world.client.block_number().await.unwrap();
    // Later nonces first: they wait, and one block takes them all.
    let raw = |nonce: u64, key: u8| {
        world.raw_set_attribute(&issuer, nonce, "did/pub/Ed25519/veriKey/hex", key)
    };
    for (nonce, key) in [(3, 13), (2, 12), (1, 11)] {
        let answer = world.ledger.dispatch(&raw(nonce, key));
        assert!(!String::from_utf8(answer).unwrap().contains("error"));
    }
    assert_eq!(world.client.block_number().await.unwrap(), before + 1);
    let resolution = resolve(&identities, &did).await;
    assert_eq!(
        fragments(&resolution),
        ["controller", "delegate-1", "delegate-2", "delegate-3", "delegate-4"]
    );
    let keys: Vec<_> =
        resolution.document.verification_method.iter().filter_map(|m| m.key()).collect();
    assert_eq!(
        keys,
        [ED25519, DidKey::Ed25519([11; 32]), DidKey::Ed25519([12; 32]), DidKey::Ed25519([13; 32])]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_become_keys_and_services_by_their_names() {
    let mut world = World::new().await;
    let issuer = world.account();
    let identities = world.registry.identities();
    let did = identities.did(issuer.address()).await.unwrap();
    for (attribute, value) in [
        ("did/pub/Secp256k1/veriKey/hex", &b"\x02\x01"[..]),
        ("did/pub/Ed25519/sigAuth/base64", b"abc"),
        ("did/pub/X25519/enc/base58", b"\x00\x01"),
        ("did/pub/RSA/veriKey/pem", b"-----BEGIN"),
        ("did/pub/New/veriKey/other", b"\xff"),
        ("did/svc/Status", b"https://registry.example/status"),
        ("did/svc/Hub", br#"{"uri":"https://hub.example"}"#),
        ("not/a/did/attribute", b"ignored"),
    ] {
        let value = value.to_vec().into();
        identities
            .set_attribute(&issuer, issuer.address(), name(attribute), value, DAY)
            .await
            .unwrap();
    }
    let document = serde_json::to_value(resolve(&identities, &did).await.document).unwrap();
    let method = |number: usize, r#type: &str, encoding: &str, key: &str| {
        json!({
            "id": format!("{did}#delegate-{number}"),
            "type": r#type,
            "controller": did.to_string(),
            encoding: key,
        })
    };
    assert_eq!(
        document["verificationMethod"][1],
        method(1, "EcdsaSecp256k1VerificationKey2019", "publicKeyHex", "0201")
    );
    assert_eq!(
        document["verificationMethod"][2],
        method(2, "Ed25519VerificationKey2018", "publicKeyBase64", "YWJj")
    );
    assert_eq!(
        document["verificationMethod"][3],
        method(3, "X25519KeyAgreementKey2019", "publicKeyBase58", "12")
    );
    assert_eq!(
        document["verificationMethod"][4],
        method(4, "RSAVerificationKey2018", "publicKeyPem", "-----BEGIN")
    );
    assert_eq!(document["verificationMethod"][5], method(5, "New", "value", "ff"));
    assert_eq!(document["keyAgreement"], json!([format!("{did}#delegate-3")]));
    assert_eq!(document["authentication"][1], format!("{did}#delegate-2"));
    assert_eq!(
        document["service"],
        json!([
            {
                "id": format!("{did}#service-1"),
                "type": "Status",
                "serviceEndpoint": "https://registry.example/status",
            },
            {
                "id": format!("{did}#service-2"),
                "type": "Hub",
                "serviceEndpoint": { "uri": "https://hub.example" },
            },
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_did_of_another_chain_is_not_resolved() {
    let mut world = World::new().await;
    let elsewhere = EthrDid::new(1, world.account().address());
    let resolution = world.registry.identities().resolve(&elsewhere, START).await;
    assert!(matches!(resolution, Err(LedgerError::InvalidDid)), "{resolution:?}");
}

#[test]
fn dids_are_read_strictly_and_written_in_one_form() {
    let lower = "did:ethr:0x1466A8:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
    let did: EthrDid = lower.parse().unwrap();
    assert_eq!(did.to_string(), "did:ethr:0x1466a8:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
    assert_eq!(did.to_string().parse::<EthrDid>().unwrap(), did);
    for text in [
        "did:ethr:0xb9c5714089478a327f09197987f16f9e5d936e8a",
        "did:ethr:goerli:0xb9c5714089478a327f09197987f16f9e5d936e8a",
        "did:ethr:0x:0xb9c5714089478a327f09197987f16f9e5d936e8a",
        "did:ethr:0x1:0xb9c5714089478a327f09197987f16f9e5d936e",
        "did:ethr:0x1:0xb9c5714089478a327f09197987f16f9e5d936e8a#controller",
        "did:ethr:0x+1:0xb9c5714089478a327f09197987f16f9e5d936e8a",
        "did:web:0x1:0xb9c5714089478a327f09197987f16f9e5d936e8a",
    ] {
        assert!(matches!(text.parse::<EthrDid>(), Err(LedgerError::InvalidDid)), "{text}");
    }
}
