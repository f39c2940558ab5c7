use attestry_circuits::status::StatusList;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    did::Purpose,
    proof::{Options, check_signature, options, sign_with},
    *,
};
use crate::{
    CredentialError,
    schema::Subject,
    vcdm::{
        Document,
        tests::{ISSUER, document, subjects},
    },
};

const NOW: u64 = 1_800_000_000;
const LIST: &str = "https://board.example/status/1";

fn board_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn method() -> String {
    format!("{ISSUER}#delegate-1")
}

/// A ledger that knows one DID document, or cannot be asked.
struct Ledger(Option<Value>);

impl DidEthr for Ledger {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let document = self.0.as_ref().ok_or(ResolveError::Unavailable)?;
        if document["id"] == did { Ok(document.clone()) } else { Err(ResolveError::NotFound) }
    }
}

fn did_document() -> Value {
    json!({
        "id": ISSUER,
        "verificationMethod": [{
            "id": method(),
            "type": "Ed25519VerificationKey2018",
            "controller": ISSUER,
            "publicKeyHex": hex::encode(board_key().verifying_key().as_bytes()),
        }],
        "assertionMethod": [method()],
    })
}

fn ledger() -> Ledger {
    Ledger(Some(did_document()))
}

fn licence() -> Document {
    let [provider, _] = subjects();
    document(provider)
}

async fn signed_licence() -> Value {
    sign(&licence(), &board_key(), &method(), NOW - 10).await.unwrap()
}

/// The issuer's list, in which these entries are revoked.
async fn list_with(revoked: &[u32]) -> VerifiedStatusList {
    let mut list = StatusList::new();
    for index in revoked {
        list.set(*index, true).unwrap();
    }
    let credential = StatusListCredential {
        url: LIST,
        issuer: ISSUER,
        valid_from: NOW - 100,
        valid_until: NOW + 100,
        list: &list,
    };
    let signed = credential.sign(&board_key(), &method(), NOW - 10).await.unwrap();
    let verified = verify_status_list(&signed, &ProofPolicy::at(NOW), &ledger()).await.unwrap();
    assert_eq!(verified.list().root(), list.root());
    verified
}

async fn verdict(credential: &Value, ledger: &Ledger) -> Result<Document, CredentialError> {
    let status_list = list_with(&[]).await;
    let policy = VerificationPolicy { proof: ProofPolicy::at(NOW), status_list: &status_list };
    verify_strict(credential, &policy, ledger).await
}

async fn refusal(credential: &Value) -> Refusal {
    match verdict(credential, &ledger()).await {
        Err(CredentialError::Proof(refusal)) => refusal,
        other => panic!("not a refusal of the proof: {other:?}"),
    }
}

/// Signs the licence with changed proof options.
async fn signed_with(change: impl FnOnce(&mut Options)) -> Value {
    let mut options = options(&method(), NOW - 10).unwrap();
    change(&mut options);
    let unsigned = licence().to_json().unwrap();
    sign_with(&unsigned, &board_key(), options).await.unwrap()
}

/// What is not enough.
async fn assert_signature_holds(credential: &Value) {
    let key = *board_key().verifying_key().as_bytes();
    assert_eq!(check_signature(credential, &key).await, Ok(()));
}

#[tokio::test]
async fn accepts_what_the_issuer_signed() {
    for subject in subjects() {
        let document = document(subject);
        let signed = sign(&document, &board_key(), &method(), NOW - 10).await.unwrap();
        assert_eq!(signed["proof"]["cryptosuite"], "eddsa-rdfc-2022");
        assert_eq!(verdict(&signed, &ledger()).await, Ok(document));
    }
}

/// The keeper of the board's key, who answers with something else.
struct Keeper(Result<[u8; 64], NotSigned>);

impl DocumentSigner for Keeper {
    fn public_key(&self) -> [u8; 32] {
        board_key().verifying_key().to_bytes()
    }

    fn sign_message<'a>(&'a self, _: &'a [u8]) -> Signing<'a> {
        Box::pin(async move { self.0 })
    }
}

#[tokio::test]
async fn a_signature_that_is_not_given_or_does_not_hold_is_told_from_a_document_refused() {
    let other = SigningKey::from_bytes(&[8; 32]).sign(b"another text").to_bytes();
    for answer in [Err(NotSigned), Ok([0; 64]), Ok(other)] {
        let signed = sign(&licence(), &Keeper(answer), &method(), NOW - 10).await;
        assert_eq!(signed, Err(CredentialError::Signer));
    }
}

#[tokio::test]
async fn a_service_may_sign_and_verify_on_any_thread() {
    let task = tokio::spawn(async {
        let signed = signed_licence().await;
        verdict(&signed, &ledger()).await
    });
    assert!(task.await.unwrap().is_ok());
}

#[tokio::test]
async fn refuses_a_changed_claim() {
    let mut signed = signed_licence().await;
    signed["credentialSubject"]["jurisdiction"] = json!("NV");
    assert_eq!(refusal(&signed).await, Refusal::Signature);
}

#[tokio::test]
async fn refuses_a_standing_that_was_added_or_taken_away() {
    let [subject, _] = subjects();
    let Subject::Provider(mut silent) = subject else { panic!("a provider") };
    silent.standing = None;
    let silent = document(Subject::Provider(silent));
    let mut added = sign(&silent, &board_key(), &method(), NOW - 10).await.unwrap();
    added["credentialSubject"]["standing"] = json!(["unencumbered"]);
    assert_eq!(refusal(&added).await, Refusal::Signature);
    // An empty list leaves the signature as it is, so it must mean nothing.
    added["credentialSubject"]["standing"] = json!([]);
    assert_signature_holds(&added).await;
    assert!(verdict(&added, &ledger()).await.is_err());

    let mut taken = signed_licence().await;
    taken["credentialSubject"].as_object_mut().unwrap().remove("standing");
    assert_eq!(refusal(&taken).await, Refusal::Signature);
}

#[tokio::test]
async fn refuses_another_key_than_the_ledgers() {
    let other = SigningKey::from_bytes(&[8; 32]);
    let signed = sign(&licence(), &other, &method(), NOW - 10).await.unwrap();
    assert_eq!(refusal(&signed).await, Refusal::Signature);
}

#[tokio::test]
async fn refuses_an_issuer_that_does_not_control_the_method() {
    let mallory = "did:ethr:0x539:0xffffffffffffffffffffffffffffffffffffffff";
    let options = options(&format!("{mallory}#delegate-1"), NOW - 10).unwrap();
    let unsigned = licence().to_json().unwrap();
    let signed = sign_with(&unsigned, &board_key(), options).await.unwrap();
    let key = *board_key().verifying_key().as_bytes();
    assert_eq!(check_signature(&signed, &key).await, Ok(()));
    assert_eq!(refusal(&signed).await, Refusal::Controller);
    assert_eq!(
        sign(&licence(), &board_key(), &format!("{mallory}#delegate-1"), NOW).await,
        Err(Refusal::Controller.into())
    );
}

#[tokio::test]
async fn refuses_a_method_that_the_did_document_does_not_authorise() {
    let signed = signed_licence().await;
    for (member, to) in [
        ("/assertionMethod", json!([])),
        ("/verificationMethod/0/controller", json!("did:ethr:0x539:0x00")),
        ("/verificationMethod/0/publicKeyHex", json!("00")),
    ] {
        let mut document = did_document();
        *document.pointer_mut(member).unwrap() = to;
        let result = verdict(&signed, &Ledger(Some(document))).await;
        assert_eq!(result, Err(Refusal::Controller.into()), "{member}");
    }
}

#[tokio::test]
async fn refuses_an_expired_proof() {
    let expiring = |time: &'static str| {
        signed_with(move |options| {
            options.expires = Some(time.to_owned());
        })
    };
    let signed = expiring("2027-01-15T07:59:59Z").await;
    assert_signature_holds(&signed).await;
    assert_eq!(refusal(&signed).await, Refusal::ProofExpired);
    let later = expiring("2027-01-15T08:00:00Z").await;
    assert!(verdict(&later, &ledger()).await.is_ok());
}

#[tokio::test]
async fn refuses_a_proof_from_the_future() {
    let signed = sign(&licence(), &board_key(), &method(), NOW + 1).await.unwrap();
    assert_eq!(refusal(&signed).await, Refusal::Created);
}

#[tokio::test]
async fn refuses_another_purpose() {
    let signed = signed_with(|options| options.purpose = Purpose::Authentication).await;
    assert_signature_holds(&signed).await;
    assert_eq!(refusal(&signed).await, Refusal::Purpose);
}

#[tokio::test]
async fn refuses_another_challenge_or_domain() {
    let bound = signed_with(|options| {
        options.challenge = Some("c-1".to_owned());
        options.domain = Some("verifier.example".to_owned());
    })
    .await;
    assert_signature_holds(&bound).await;
    let check = |challenge: Option<&str>, domain: Option<&str>| {
        let policy = ProofPolicy {
            now: NOW,
            challenge: challenge.map(str::to_owned),
            domain: domain.map(str::to_owned),
        };
        let bound = bound.clone();
        async move { verify_proof(&bound, &policy, &ledger()).await }
    };
    let domain = Some("verifier.example");
    assert_eq!(check(Some("c-1"), domain).await, Ok(()));
    assert_eq!(check(Some("c-2"), domain).await, Err(Refusal::Challenge.into()));
    assert_eq!(check(None, domain).await, Err(Refusal::Challenge.into()));
    assert_eq!(check(Some("c-1"), Some("other")).await, Err(Refusal::Domain.into()));
    assert_eq!(check(Some("c-1"), None).await, Err(Refusal::Domain.into()));
    let unbound = signed_licence().await;
    let policy = ProofPolicy { challenge: Some("c-1".to_owned()), ..ProofPolicy::at(NOW) };
    assert_eq!(verify_proof(&unbound, &policy, &ledger()).await, Err(Refusal::Challenge.into()));
}

#[tokio::test]
async fn refuses_a_revoked_credential_and_a_list_that_is_not_its_own() {
    let signed = signed_licence().await;
    assert_signature_holds(&signed).await;
    let against = |list: VerifiedStatusList| {
        let signed = signed.clone();
        async move {
            let policy = VerificationPolicy { proof: ProofPolicy::at(NOW), status_list: &list };
            verify_strict(&signed, &policy, &ledger()).await.map(|_| ())
        }
    };
    assert_eq!(against(list_with(&[1, 94_566]).await).await, Ok(()));
    assert_eq!(against(list_with(&[94_567]).await).await, Err(Refusal::Revoked.into()));
    let list = list_with(&[]).await;
    let elsewhere =
        crate::vcdm::StatusEntry { list: "https://board.example/status/2".to_owned(), index: 0 };
    assert_eq!(list.check(ISSUER, &elsewhere), Err(Refusal::StatusList));
    let own = licence().status().clone();
    assert_eq!(list.check("did:ethr:0x00", &own), Err(Refusal::StatusList));
}

#[tokio::test]
async fn refuses_another_schema_and_a_subject_that_breaks_it() {
    for (pointer, to, expected) in [
        (
            "/credentialSchema/id",
            json!("https://elsewhere.example/schema"),
            "credentialSchema.id is not the one that this schema has",
        ),
        (
            "/credentialSubject/npi",
            json!("1234567890"),
            "credentialSubject.npi is not an NPI: the check digit is wrong",
        ),
    ] {
        let mut unsigned = licence().to_json().unwrap();
        *unsigned.pointer_mut(pointer).unwrap() = to;
        let signed = sign_json(&unsigned, &board_key(), &method(), NOW - 10).await.unwrap();
        assert_signature_holds(&signed).await;
        let error = verdict(&signed, &ledger()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn refuses_a_subject_that_states_nothing() {
    for empty in [json!({}), json!({"id": "urn:uuid:1"}), json!([]), json!(null)] {
        let mut signed = signed_licence().await;
        signed["credentialSubject"] = empty;
        assert_eq!(refusal(&signed).await, Refusal::EmptySubject);
    }
}

#[tokio::test]
async fn refuses_outside_the_validity_period() {
    let signed = signed_licence().await;
    let status_list = list_with(&[]).await;
    for (now, expected) in [(1_830_000_001, Refusal::Expired), (1_779_999_999, Refusal::Created)] {
        let policy = VerificationPolicy { proof: ProofPolicy::at(now), status_list: &status_list };
        let result = verify_strict(&signed, &policy, &ledger()).await;
        assert_eq!(result, Err(expected.into()));
    }
    let early = sign(&licence(), &board_key(), &method(), 1_700_000_000).await.unwrap();
    let result = verify_proof(&early, &ProofPolicy::at(1_779_999_999), &ledger()).await;
    assert_eq!(result, Err(Refusal::NotYetValid.into()));
}

#[tokio::test]
async fn resolves_only_allowed_did_methods_and_only_by_the_ledger() {
    let signed = signed_licence().await;
    assert_eq!(verdict(&signed, &Ledger(None)).await, Err(Refusal::Unresolved.into()));
    for (did, expected) in [
        ("did:web:board.example", Refusal::WebHost),
        ("did:web:127.0.0.1", Refusal::Unresolved),
        ("did:jwk:abc", Refusal::DidMethod),
        ("did:pkh:abc", Refusal::DidMethod),
    ] {
        let mut foreign = signed.clone();
        foreign["issuer"] = json!(did);
        foreign["proof"]["verificationMethod"] = json!(format!("{did}#0"));
        assert_eq!(refusal(&foreign).await, expected, "{did}");
    }
}

#[tokio::test]
async fn accepts_a_list_of_a_did_key_issuer() {
    let jwk = ssi::JWK::from(board_key().verifying_key());
    let method = ssi::dids::DIDKey::generate_url(&jwk).unwrap().to_string();
    let (did, _) = method.split_once('#').unwrap();
    let list = StatusList::new();
    let credential = StatusListCredential {
        url: LIST,
        issuer: did,
        valid_from: NOW - 100,
        valid_until: NOW + 100,
        list: &list,
    };
    let signed = credential.sign(&board_key(), &method, NOW - 10).await.unwrap();
    let verified = verify_status_list(&signed, &ProofPolicy::at(NOW), &Ledger(None)).await;
    assert_eq!(verified.unwrap().issuer(), did);
}

#[tokio::test]
async fn refuses_proof_sets_and_other_suites() {
    let signed = signed_licence().await;
    let mut set = signed.clone();
    set["proof"] = json!([signed["proof"], signed["proof"]]);
    assert_eq!(refusal(&set).await, Refusal::ProofCount);
    let mut none = signed.clone();
    none.as_object_mut().unwrap().remove("proof");
    assert_eq!(refusal(&none).await, Refusal::ProofCount);
    for (member, to) in [
        ("cryptosuite", json!("ecdsa-rdfc-2019")),
        ("type", json!("Ed25519Signature2020")),
        ("previousProof", json!("urn:uuid:1")),
    ] {
        let mut other = signed.clone();
        other["proof"][member] = to;
        assert_eq!(refusal(&other).await, Refusal::Cryptosuite, "{member}");
    }
}

#[tokio::test]
async fn fetches_no_context() {
    let mut unsigned = licence().to_json().unwrap();
    unsigned["@context"][1] = json!("https://elsewhere.example/context");
    assert_eq!(
        sign_json(&unsigned, &board_key(), &method(), NOW).await,
        Err(Refusal::JsonLd.into())
    );
    let mut signed = signed_licence().await;
    signed["@context"][1] = json!("https://elsewhere.example/context");
    assert!(matches!(refusal(&signed).await, Refusal::JsonLd | Refusal::Signature));
}

#[tokio::test]
async fn refuses_a_list_of_another_size_or_purpose() {
    let list = StatusList::new();
    let credential = StatusListCredential {
        url: LIST,
        issuer: ISSUER,
        valid_from: NOW - 100,
        valid_until: NOW + 100,
        list: &list,
    };
    let signed = credential.sign(&board_key(), &method(), NOW - 10).await.unwrap();
    for (member, to) in [
        ("encodedList", json!("uH4sIAAAAAAAAA2NgAAAAAgABAAAA")),
        ("encodedList", json!("not a list")),
        ("statusPurpose", json!("suspension")),
    ] {
        let mut unsigned = signed.clone();
        unsigned.as_object_mut().unwrap().remove("proof");
        unsigned["credentialSubject"][member] = to;
        let signed = sign_json(&unsigned, &board_key(), &method(), NOW - 10).await.unwrap();
        let result = verify_status_list(&signed, &ProofPolicy::at(NOW), &ledger()).await;
        assert_eq!(result.err(), Some(Refusal::EncodedList.into()), "{member}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn changed_credentials_are_refused_without_a_panic(
        inside in 0usize..4, member in any::<prop::sample::Index>(),
        replacement in prop_oneof![
            Just(Value::Null), Just(json!([])), Just(json!({})), Just(json!([{}])),
            any::<u64>().prop_map(Value::from), ".*".prop_map(Value::from),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let signed = signed_licence().await;
            let mut changed = signed.clone();
            let object = match inside {
                0 => &mut changed,
                1 => &mut changed["proof"],
                2 => &mut changed["credentialSubject"],
                _ => &mut changed["credentialStatus"],
            };
            let object = object.as_object_mut().unwrap();
            let name = object.keys().nth(member.index(object.len())).unwrap().clone();
            object.insert(name, replacement);
            if changed != signed {
                assert!(verdict(&changed, &ledger()).await.is_err());
            }
        });
    }
}
