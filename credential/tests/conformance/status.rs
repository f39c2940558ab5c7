//! Bitstring Status List: entries and lists.

use attestry_circuits::status::StatusList;
use attestry_credential::{
    vcdm::StatusEntry,
    w3c::{ProofPolicy, StatusListCredential, Verdict, verify_credential},
};
use serde_json::{Value, json};

use crate::parties::{
    BOARD, LIST, Ledger, Lists, NOW, board_key, board_method, credential, issued, issued_with,
    with, words,
};

async fn list_of(set: &[u32]) -> Value {
    let mut list = StatusList::new();
    for index in set {
        list.set(*index, true).unwrap();
    }
    let credential = StatusListCredential {
        url: LIST,
        issuer: BOARD,
        valid_from: NOW - 100,
        valid_until: NOW + 100,
        list: &list,
    };
    credential.sign(&board_key(), &board_method(), NOW - 10).await.unwrap()
}

async fn verdict(credential: &Value, list: Option<Value>) -> Verdict {
    let lists = Lists(list.map(|list| (LIST.to_owned(), list)).into_iter().collect());
    verify_credential(credential, &ProofPolicy::at(NOW), &Ledger, &lists).await
}

fn entry(changes: Value) -> Value {
    let entry = json!({
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": LIST,
    });
    with(entry, changes)
}

async fn with_status(status: Value) -> Value {
    issued(&with(credential(), json!({ "credentialStatus": status }))).await.unwrap()
}

/// The list with changes inside, signed again.
async fn other_list(changes: Value, subject: Value) -> Value {
    let mut list = list_of(&[7]).await;
    list = with(list, json!({ "proof": null }));
    list["credentialSubject"] = with(list["credentialSubject"].clone(), subject);
    issued(&with(list, changes)).await.unwrap()
}

#[tokio::test]
async fn a_status_is_looked_up_in_the_list_that_the_entry_names() {
    let entry = StatusEntry { list: LIST.to_owned(), index: 131_071 };
    let signed = issued_with(&credential(), Some(&entry)).await.unwrap();
    assert!(verdict(&signed, Some(list_of(&[0, 131_070]).await)).await.verified());
    let revoked = verdict(&signed, Some(list_of(&[131_071]).await)).await;
    assert_eq!(words(&revoked), "credentialStatus: revoked");
    let unavailable = verdict(&signed, None).await;
    assert_eq!(words(&unavailable), "credentialStatus: the status list could not be retrieved");
    assert_eq!(
        unavailable.to_json()["errors"][0]["type"],
        "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
    );
}

#[tokio::test]
async fn an_entry_is_well_formed() {
    for (change, expected) in [
        (json!({ "type": null }), "credentialStatus.type is required"),
        (json!({ "type": 2 }), "credentialStatus.type is not a string"),
        (json!({ "statusPurpose": null }), "credentialStatus.statusPurpose is required"),
        (json!({ "statusListIndex": null }), "credentialStatus.statusListIndex is required"),
        (json!({ "statusListIndex": 7 }), "credentialStatus.statusListIndex is not a string"),
        (json!({ "statusListIndex": true }), "credentialStatus.statusListIndex is not a string"),
        (json!({ "statusListIndex": "-1" }), "credentialStatus.statusListIndex is not a whole"),
        (json!({ "statusListIndex": "07" }), "credentialStatus.statusListIndex is not a whole"),
        (json!({ "statusListIndex": "0x7" }), "credentialStatus.statusListIndex is not a whole"),
        (json!({ "statusListIndex": "" }), "credentialStatus.statusListIndex is not a whole"),
        (json!({ "statusListCredential": "x" }), "credentialStatus.statusListCredential is not"),
        (json!({ "id": LIST }), "credentialStatus.id is the URL of the status list"),
        (json!({ "id": "not-a-url" }), "credentialStatus.id is not a single URL"),
        (json!({ "id": ["did:a:b", "did:a:c"] }), "credentialStatus.id is not a single URL"),
        (json!({ "statusSize": 0 }), "credentialStatus.statusSize is not above zero"),
        (json!({ "statusSize": "1" }), "credentialStatus.statusSize is not a whole number"),
        (json!({ "statusSize": 2 }), "credentialStatus.statusMessage is required"),
        (
            json!({ "statusMessage": [{ "status": "0x0", "message": "valid" }] }),
            "credentialStatus.statusMessage has not one message for each status",
        ),
        (
            json!({ "statusMessage": [{ "status": "0x0" }, { "message": "x" }] }),
            "credentialStatus.statusMessage[0].message is required",
        ),
        (json!({ "statusReference": "x" }), "credentialStatus.statusReference is not"),
    ] {
        let change = json!({ "credentialStatus": entry(change) });
        let error = issued(&with(credential(), change.clone())).await.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{change}: {error}");
    }
}

#[tokio::test]
async fn every_entry_counts() {
    let list = list_of(&[7]).await;
    let two = json!([entry(json!({ "statusListIndex": "6" })), entry(json!({}))]);
    let signed = with_status(two).await;
    assert_eq!(words(&verdict(&signed, Some(list)).await), "credentialStatus: revoked");
}

#[tokio::test]
async fn a_purpose_means_what_it_says() {
    for (purpose, expected) in [
        ("revocation", "credentialStatus: revoked"),
        ("suspension", "credentialStatus: suspended"),
        ("refresh", ""),
    ] {
        let list = other_list(json!({}), json!({ "statusPurpose": [purpose, "other"] })).await;
        let signed = with_status(entry(json!({ "statusPurpose": purpose }))).await;
        let verdict = verdict(&signed, Some(list)).await;
        assert_eq!(words(&verdict), expected, "{purpose}");
        assert_eq!(verdict.warnings.len(), usize::from(expected.is_empty()), "{purpose}");
    }
}

#[tokio::test]
async fn a_status_that_is_not_understood_refuses_the_credential() {
    let list = list_of(&[]).await;
    let not_understood = "credentialStatus: is of a type or purpose that cannot be looked up";
    let messages = json!([{ "status": "0x0", "message": "a" }, { "status": "0x1", "message": "b" },
        { "status": "0x2", "message": "c" }, { "status": "0x3", "message": "d" }]);
    for status in [
        json!({ "type": "https://example.org/#Status" }),
        entry(json!({ "statusPurpose": "message" })),
        entry(json!({ "statusPurpose": "suspension" })),
        entry(json!({ "statusSize": 2, "statusMessage": messages })),
    ] {
        let signed = with_status(status.clone()).await;
        let verdict = verdict(&signed, Some(list.clone())).await;
        assert_eq!(words(&verdict), not_understood, "{status}");
    }
}

#[tokio::test]
async fn an_index_past_the_end_is_a_range_error() {
    let list = list_of(&[]).await;
    for index in ["131072", "99999999999999999999999999"] {
        let signed = with_status(entry(json!({ "statusListIndex": index }))).await;
        let verdict = verdict(&signed, Some(list.clone())).await;
        assert!(words(&verdict).starts_with("credentialStatus.statusListIndex"), "{index}");
        let problem = &verdict.to_json()["errors"][0]["type"];
        assert_eq!(problem, "https://www.w3.org/TR/vc-data-model#RANGE_ERROR");
    }
}

#[tokio::test]
async fn a_list_is_vouched_for_by_the_credentials_issuer_and_valid() {
    let signed = with_status(entry(json!({ "statusListIndex": "6" }))).await;
    assert!(verdict(&signed, Some(list_of(&[7]).await)).await.verified());
    let not_vouched = "credentialStatus: the status list is not one that its issuer vouches for";
    let mut changed = list_of(&[7]).await;
    changed["credentialSubject"]["encodedList"] =
        list_of(&[]).await["credentialSubject"]["encodedList"].clone();
    let unsecured = with(list_of(&[7]).await, json!({ "proof": null }));
    let past = other_list(json!({ "validUntil": "2027-01-15T07:59:00Z" }), json!({})).await;
    let own_status = other_list(json!({ "credentialStatus": entry(json!({})) }), json!({})).await;
    for (list, expected) in [
        (changed, not_vouched),
        (unsecured, not_vouched),
        (past, not_vouched),
        (own_status, not_vouched),
        (json!("x"), not_vouched),
        (
            other_list(json!({ "id": "https://board.example/status/2" }), json!({})).await,
            "credentialStatus: the status list is not the one that the credential names",
        ),
    ] {
        assert_eq!(words(&verdict(&signed, Some(list.clone())).await), expected, "{list}");
    }
}

#[tokio::test]
async fn a_list_has_its_types_and_at_least_16_kib() {
    let signed = with_status(entry(json!({ "statusListIndex": "6" }))).await;
    let refused = "encodedList: is not a revocation list of 131072 bits";
    for (changes, subject) in [
        (json!({ "type": "VerifiableCredential" }), json!({})),
        (json!({}), json!({ "encodedList": "uH4sIAAAAAAAAA2NgAAAAAgABAAAA" })),
        (json!({}), json!({ "encodedList": "not a list" })),
        (json!({}), json!({ "encodedList": "zH4sI" })),
    ] {
        let list = other_list(changes.clone(), subject.clone()).await;
        let verdict = verdict(&signed, Some(list)).await;
        assert_eq!(words(&verdict), refused, "{changes} {subject}");
    }
}
