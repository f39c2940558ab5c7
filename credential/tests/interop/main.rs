//! Our credentials, presentations and status lists by the W3C reference libraries of npm, and
//! theirs by ours. Skips, visibly, without node.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod node;

use std::collections::BTreeMap;

use attestry_circuits::status::StatusList;
use attestry_credential::{
    vcdm::{ATTESTRY_CONTEXT, ATTESTRY_CONTEXT_DOCUMENT, StatusEntry},
    w3c::{
        DidEthr, DidKey, ForeignIssuer, Issuance, ProofPolicy, ResolveError, StatusListCredential,
        StatusSource, StatusUnavailable, Verdict, issue, sign_presentation, verify_credential,
        verify_presentation,
    },
};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const NOW_TEXT: &str = "2027-01-15T08:00:00Z";
const BOARD: &str = "did:ethr:0x539:0x1111111111111111111111111111111111111111";
const LIST: &str = "https://board.example/status/1";
const EXAMPLES: &str = "https://www.w3.org/ns/credentials/examples/v2";

fn board_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn board_method() -> String {
    format!("{BOARD}#delegate-1")
}

fn holder_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn holder_method() -> String {
    DidKey::Ed25519(holder_key().verifying_key().to_bytes()).method()
}

fn holder() -> String {
    holder_method().split_once('#').unwrap().0.to_owned()
}

/// The key that the peer's library holds, in its own published test form.
const PEER_METHOD: &str = "did:key:z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj\
                           #z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj";
const PEER_SECRET: &str = "zrv1a6V2qqSGkBz7QPw4yJedKc8X9dEdug7c3MEzNUDVEmkyVcXtTWNLQLArgKXzN7Lb\
                           GMTVjqE2CbdrqpnxqtxmY1M";

/// The controller document and the method document of a key.
fn controller(method: &str, key: &str) -> [(String, Value); 2] {
    let did = method.split_once('#').unwrap().0;
    let entry = json!({
        "@context": "https://w3id.org/security/multikey/v1",
        "id": method,
        "type": "Multikey",
        "controller": did,
        "publicKeyMultibase": key,
    });
    let document = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [entry],
        "assertionMethod": [method],
        "authentication": [method],
    });
    [(did.to_owned(), document), (method.to_owned(), entry)]
}

/// What the peer may load.
fn documents(lists: &Lists) -> Value {
    let multikey = |method: &str| method.split_once('#').unwrap().1.to_owned();
    let board = multikey(&DidKey::Ed25519(board_key().verifying_key().to_bytes()).method());
    let mut documents: BTreeMap<String, Value> = lists.0.clone();
    documents.extend(controller(&board_method(), &board));
    documents.extend(controller(&holder_method(), &multikey(&holder_method())));
    documents.extend(controller(PEER_METHOD, &multikey(PEER_METHOD)));
    let own = serde_json::from_str(ATTESTRY_CONTEXT_DOCUMENT).unwrap();
    documents.insert(ATTESTRY_CONTEXT.to_owned(), own);
    let examples = json!({ "@context": { "@vocab":
        "https://www.w3.org/ns/credentials/examples#" } });
    documents.insert(EXAMPLES.to_owned(), examples);
    json!(documents)
}

fn peer(task: &str, lists: &Lists, input: Value) -> Value {
    let mut request = json!({
        "task": task,
        "documents": documents(lists),
        "now": NOW_TEXT,
        "created": "2027-01-15T07:59:50Z",
        "method": PEER_METHOD,
        "secret": PEER_SECRET,
    });
    request.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    node::run(&request)
}

struct Ledger;

impl DidEthr for Ledger {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        let key = DidKey::Ed25519(board_key().verifying_key().to_bytes()).method();
        let [(known, document), _] = controller(&board_method(), key.split_once('#').unwrap().1);
        if did == known { Ok(document) } else { Err(ResolveError::NotFound) }
    }
}

#[derive(Default)]
struct Lists(BTreeMap<String, Value>);

impl StatusSource for Lists {
    async fn status_list(&self, url: &str) -> Result<Value, StatusUnavailable> {
        self.0.get(url).cloned().ok_or(StatusUnavailable)
    }
}

async fn our_lists(set: &[u32]) -> Lists {
    let mut list = StatusList::new();
    for index in set {
        list.set(*index, true).unwrap();
    }
    // The peer holds lists against the clock of its machine.
    let credential = StatusListCredential {
        url: LIST,
        issuer: BOARD,
        valid_from: 1_700_000_000,
        valid_until: 4_000_000_000,
        list: &list,
    };
    let signed = credential.sign(&board_key(), &board_method(), NOW - 10).await.unwrap();
    Lists(BTreeMap::from([(LIST.to_owned(), signed)]))
}

/// Credentials with what canonicalization has to get right.
fn credentials(issuer: &str) -> Vec<Value> {
    let base = |rest: Value| {
        let mut credential = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", EXAMPLES],
            "type": ["VerifiableCredential"],
            "issuer": issuer,
            "credentialSubject": { "id": "did:example:subject" },
        });
        credential.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        credential
    };
    vec![
        base(json!({ "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33" })),
        base(json!({
            "issuer": { "id": issuer, "name": "Board of \"N\u{fc}rsing\"\\ \u{1f3e5}" },
            "name": [{ "@value": "Licence", "@language": "en-GB" },
                { "@value": "L1", "@direction": "ltr" },
                { "@value": "\u{631}\u{62e}\u{635}\u{629}", "@language": "ar",
                  "@direction": "rtl" }],
            "validFrom": "2023-02-25T19:10:39.5-06:00",
            "validUntil": "2099-01-01T00:00:00Z",
        })),
        base(json!({ "credentialSubject": [
            { "name": "a", "number": 7, "real": [1.5, -0.0001, 12345678901234.5],
              "large": 9007199254740991u64, "negative": -7, "yes": true },
            { "set": { "@set": [1, "two", { "name": "three\tfour\nfive" }] } },
            { "type": "JsonSchema", "jsonSchema": { "b": [true, "\u{e9}\u{1}"], "a": 1.5 } },
            { "typed": { "@value": "7", "@type": "https://example.org/#datatype" } },
            { "alike": [{ "name": "x" }, { "name": "x" }, { "name": "x" }] },
            { "twin": { "name": "y" } },
            { "twin": { "name": "y" } },
        ] })),
        base(json!({
            "type": ["https://example.org/#Own", "VerifiableCredential"],
            "@context": ["https://www.w3.org/ns/credentials/v2", {
                "@protected": true,
                "ex": "https://example.org/#",
                "own": { "@id": "ex:own", "@type": "ex:datatype" },
            }],
            "evidence": [{ "type": "ex:Evidence", "own": "text" }, { "type": "ex:Evidence" }],
            "termsOfUse": { "type": "ex:Terms", "id": "did:example:terms" },
            "relatedResource": { "id": "https://www.w3.org/ns/credentials/v2",
                "digestMultibase": "uWZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ" },
            "credentialSchema": { "type": "JsonSchema", "id": "https://example.org/s.json" },
        })),
    ]
}

/// The same document with something changed, in ways that a signature must notice.
fn changed(document: &Value) -> Vec<Value> {
    let changes = [
        ("/credentialSubject", json!({ "id": "did:example:other" })),
        ("/description", json!("added")),
        ("/proof/created", json!("2027-01-15T07:59:49Z")),
        ("/proof/proofPurpose", json!("authentication")),
        ("/proof/cryptosuite", json!("ecdsa-rdfc-2019")),
    ];
    let apply = |(pointer, value): (&str, Value)| {
        let mut changed = document.clone();
        match pointer.strip_prefix("/proof/") {
            Some(member) => changed["proof"][member] = value,
            None => changed[&pointer[1..]] = value,
        }
        changed
    };
    changes.into_iter().map(apply).collect()
}

async fn verdict(credential: &Value, lists: &Lists) -> Verdict {
    verify_credential(credential, &ProofPolicy::at(NOW), &Ledger, lists).await
}

fn verdicts_of_peer(credentials: &[Value], lists: &Lists) -> Vec<(bool, String)> {
    let outcomes = peer("verify", lists, json!({ "credentials": credentials }));
    let outcome = |outcome: &Value| {
        (outcome["verified"] == true, outcome["error"].as_str().unwrap_or_default().to_owned())
    };
    outcomes.as_array().unwrap().iter().map(outcome).collect()
}

#[tokio::test]
async fn the_peer_verifies_what_we_issue_and_refuses_it_changed() {
    if !node::is_there("the_peer_verifies_what_we_issue_and_refuses_it_changed") {
        return;
    }
    let lists = our_lists(&[8]).await;
    let by_key = DidKey::Ed25519(board_key().verifying_key().to_bytes()).method();
    let key = board_key();
    let mut signed = Vec::new();
    for (position, method) in [board_method(), by_key].iter().enumerate() {
        let status = StatusEntry { list: LIST.to_owned(), index: 7 };
        let issuance = Issuance {
            key: &key,
            method,
            now: NOW - 10,
            status: Some(&status).filter(|_| position == 0),
            foreign_issuer: ForeignIssuer::Replace,
        };
        for credential in credentials(BOARD) {
            signed.push(issue(&credential, &issuance).await.unwrap());
        }
    }
    let mut lists_and_keys = Lists(lists.0.clone());
    let by_key = DidKey::Ed25519(board_key().verifying_key().to_bytes()).method();
    lists_and_keys.0.extend(controller(&by_key, by_key.split_once('#').unwrap().1));
    for (credential, outcome) in signed.iter().zip(verdicts_of_peer(&signed, &lists_and_keys)) {
        assert_eq!(outcome, (true, String::new()), "{credential}");
        assert!(verdict(credential, &lists).await.verified());
    }
    let changed: Vec<Value> = signed.iter().flat_map(changed).collect();
    for (credential, outcome) in changed.iter().zip(verdicts_of_peer(&changed, &lists_and_keys)) {
        assert!(!outcome.0, "{credential}");
        assert!(!verdict(credential, &lists).await.verified(), "{credential}");
    }
}

#[tokio::test]
async fn the_peer_finds_our_revocations() {
    if !node::is_there("the_peer_finds_our_revocations") {
        return;
    }
    let key = board_key();
    let mut signed = Vec::new();
    for index in [0, 7, 8, 131_071] {
        let status = StatusEntry { list: LIST.to_owned(), index };
        let issuance = Issuance {
            key: &key,
            method: &board_method(),
            now: NOW - 10,
            status: Some(&status),
            foreign_issuer: ForeignIssuer::Refuse,
        };
        signed.push(issue(&credentials(BOARD)[0], &issuance).await.unwrap());
    }
    let lists = our_lists(&[0, 8, 131_071]).await;
    let outcomes = verdicts_of_peer(&signed, &lists);
    for (position, credential) in signed.iter().enumerate() {
        let valid = position == 1;
        assert_eq!(outcomes[position].0, valid, "{}", outcomes[position].1);
        assert_eq!(verdict(credential, &lists).await.verified(), valid);
    }
}

#[tokio::test]
async fn we_verify_what_the_peer_issues_and_refuse_it_changed() {
    if !node::is_there("we_verify_what_the_peer_issues_and_refuse_it_changed") {
        return;
    }
    let issuer = PEER_METHOD.split_once('#').unwrap().0;
    let list = peer("list", &Lists::default(), json!({ "id": LIST, "set": [7] }));
    let lists = Lists(BTreeMap::from([(LIST.to_owned(), list)]));
    let with_status = |index: &str| {
        let mut credential = credentials(issuer)[0].clone();
        credential["credentialStatus"] = json!({
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": index,
            "statusListCredential": LIST,
        });
        credential
    };
    let mut unsigned = credentials(issuer);
    unsigned.push(with_status("6"));
    unsigned.push(with_status("7"));
    let signed = peer("issue", &lists, json!({ "credentials": unsigned }));
    let signed = signed.as_array().unwrap();
    let (revoked, valid) = signed.split_last().unwrap();
    for credential in valid {
        let verdict = verdict(credential, &lists).await;
        assert!(verdict.verified(), "{credential}: {:?}", verdict.errors);
        for changed in changed(credential) {
            assert!(!self::verdict(&changed, &lists).await.verified(), "{changed}");
        }
    }
    let verdict = verdict(revoked, &lists).await;
    assert_eq!(verdict.errors.len(), 1);
    assert_eq!(verdict.errors[0].error.to_string(), "credentialStatus: revoked");
}

#[tokio::test]
async fn presentations_go_both_ways() {
    if !node::is_there("presentations_go_both_ways") {
        return;
    }
    let key = board_key();
    let issuance = Issuance {
        key: &key,
        method: &board_method(),
        now: NOW - 10,
        status: None,
        foreign_issuer: ForeignIssuer::Refuse,
    };
    let mut signed = Vec::new();
    for credential in credentials(BOARD) {
        signed.push(issue(&credential, &issuance).await.unwrap());
    }
    let presentation = |holder: &str| {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": holder,
            "verifiableCredential": signed,
        })
    };
    let asked = ProofPolicy {
        now: NOW,
        challenge: Some("c-1".to_owned()),
        domain: Some("clinic.example".to_owned()),
    };
    let lists = Lists::default();
    let ask = |challenge: &str, presentation: &Value| {
        json!({ "challenge": challenge, "domain": "clinic.example",
            "presentation": presentation })
    };

    let ours = sign_presentation(
        &presentation(&holder()),
        &holder_key(),
        &holder_method(),
        &ProofPolicy { now: NOW - 5, ..asked.clone() },
    )
    .await
    .unwrap();
    let outcome = peer("verifyPresentation", &lists, ask("c-1", &ours));
    assert_eq!(outcome, json!({ "verified": true, "error": "" }));
    let outcome = peer("verifyPresentation", &lists, ask("c-2", &ours));
    assert_eq!(outcome["verified"], false);

    let holder = PEER_METHOD.split_once('#').unwrap().0;
    let theirs = peer("present", &lists, ask("c-1", &presentation(holder)));
    let verdict = verify_presentation(&theirs, &asked, &Ledger, &lists).await;
    assert!(verdict.verified(), "{:?}", verdict.errors);
    let other = ProofPolicy { challenge: Some("c-2".to_owned()), ..asked.clone() };
    assert!(!verify_presentation(&theirs, &other, &Ledger, &lists).await.verified());
    let mut fewer = theirs.clone();
    fewer["verifiableCredential"].as_array_mut().unwrap().pop();
    assert!(!verify_presentation(&fewer, &asked, &Ledger, &lists).await.verified());
}
