//! An issuer by `did:ethr`, a holder by `did:key`, a ledger, and where status lists are.

use std::collections::BTreeMap;

use attestry_credential::{
    CredentialError,
    vcdm::StatusEntry,
    w3c::{
        DidEthr, DidKey, ForeignIssuer, Issuance, ProofPolicy, ResolveError, StatusSource,
        StatusUnavailable, Verdict, issue, verify_credential, verify_presentation,
    },
};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const BOARD: &str = "did:ethr:0x539:0x1111111111111111111111111111111111111111";
pub(crate) const EXAMPLES: &str = "https://www.w3.org/ns/credentials/examples/v2";
pub(crate) const BASE: &str = "https://www.w3.org/ns/credentials/v2";
pub(crate) const LIST: &str = "https://board.example/status/1";

pub(crate) fn board_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn board_method() -> String {
    format!("{BOARD}#delegate-1")
}

pub(crate) fn holder_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

pub(crate) fn holder_method() -> String {
    DidKey::Ed25519(holder_key().verifying_key().to_bytes()).method()
}

pub(crate) fn holder() -> String {
    holder_method().split_once('#').unwrap().0.to_owned()
}

/// A ledger with the board's DID document, whose key is for assertions alone.
pub(crate) struct Ledger;

impl DidEthr for Ledger {
    async fn did_document(&self, did: &str) -> Result<Value, ResolveError> {
        if did != BOARD {
            return Err(ResolveError::NotFound);
        }
        Ok(json!({
            "id": BOARD,
            "verificationMethod": [{
                "id": board_method(),
                "type": "Ed25519VerificationKey2018",
                "controller": BOARD,
                "publicKeyHex": hex::encode(board_key().verifying_key().as_bytes()),
            }],
            "assertionMethod": [board_method()],
        }))
    }
}

/// Status list credentials by URL.
#[derive(Default)]
pub(crate) struct Lists(pub(crate) BTreeMap<String, Value>);

impl StatusSource for Lists {
    async fn status_list(&self, url: &str) -> Result<Value, StatusUnavailable> {
        self.0.get(url).cloned().ok_or(StatusUnavailable)
    }
}

/// The smallest credential there is.
pub(crate) fn credential() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": BOARD,
        "credentialSubject": { "id": "did:example:subject" },
    })
}

/// The credential with members replaced; null takes a member away.
pub(crate) fn with(mut credential: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("an object of changes") };
    let members = credential.as_object_mut().unwrap();
    for (name, value) in changes {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    credential
}

/// The board issues, with a status entry if asked.
pub(crate) async fn issued_with(
    credential: &Value,
    status: Option<&StatusEntry>,
) -> Result<Value, CredentialError> {
    let key = board_key();
    let method = board_method();
    let issuance = Issuance {
        key: &key,
        method: &method,
        now: NOW - 10,
        status,
        foreign_issuer: ForeignIssuer::Refuse,
    };
    issue(credential, &issuance).await
}

pub(crate) async fn issued(credential: &Value) -> Result<Value, CredentialError> {
    issued_with(credential, None).await
}

pub(crate) async fn verified(credential: &Value) -> Verdict {
    verify_credential(credential, &ProofPolicy::at(NOW), &Ledger, &Lists::default()).await
}

/// What a verifier asks of a presentation.
pub(crate) fn asked() -> ProofPolicy {
    ProofPolicy {
        now: NOW,
        challenge: Some("c-1".to_owned()),
        domain: Some("clinic.example".to_owned()),
    }
}

pub(crate) async fn presented(presentation: &Value) -> Verdict {
    verify_presentation(presentation, &asked(), &Ledger, &Lists::default()).await
}

/// The first error's words.
pub(crate) fn words(verdict: &Verdict) -> String {
    verdict.errors.first().map(|finding| finding.error.to_string()).unwrap_or_default()
}

/// Issues the credential with each change; what is issued also verifies.
pub(crate) async fn accepts(changes: impl IntoIterator<Item = Value>) {
    for change in changes {
        let signed = issued(&with(credential(), change.clone())).await;
        let signed = signed.unwrap_or_else(|error| panic!("{change}: {error}"));
        let verdict = verified(&signed).await;
        assert!(verdict.verified(), "{change}: {:?}", verdict.errors);
    }
}

/// Refuses to issue the credential with each change, and says where it is wrong.
pub(crate) async fn refuses(changes: impl IntoIterator<Item = (Value, &'static str)>) {
    for (change, expected) in changes {
        let error = issued(&with(credential(), change.clone())).await.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{change}: {error}");
    }
}
