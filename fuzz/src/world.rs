//! One board, one holder and one clinic: a document with its attestation, a request, an answer.

use std::sync::LazyLock;

use attestry_circuits::{HolderSecret, Nullifier, registry::RegistryRoot, schnorr::SigningKey};
use attestry_credential::{
    policy::Disclosed,
    presentation::{FORMAT, Presentation, PresentationRequest, Query, StatementParts, sign},
    schema::{Schema, Subject},
    vcdm::{Attestation, Document, StatusEntry},
};
use ed25519_dalek::SigningKey as OneTimeKey;
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
pub const NOW: u64 = 1_767_225_600;

const ISSUER: &str = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const STUDY: &str = "NCT04280705";

/// A credential's content by its schema.
pub fn subject(schema: Schema) -> Value {
    match schema {
        Schema::ProviderCredential => json!({
            "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456",
            "name": "Alma Reyes", "jurisdiction": "CA", "authority": "single-state",
            "licenceType": "MD", "status": "active", "standing": ["unencumbered"],
            "issuedOn": "2015-07-01", "expiresOn": "2027-06-30",
        }),
        Schema::ConsentGrant => json!({
            "scope": "research", "defaultDecision": "deny", "study": STUDY,
            "protocolVersion": "3.1", "formVersion": "2.1", "formHash": "1f".repeat(32),
            "purposes": ["HRESCH"], "data": ["observations"], "actions": ["collect", "use"],
            "recipients": ["Organization/a", "Organization/b"], "dataFrom": "2026-01-10",
            "dataTo": "2031-01-09", "performer": "self", "signature": "part-11",
            "language": "en", "withdrawalTerms": ["stop-future-use"], "sequence": 0,
        }),
    }
}

/// The document of a schema and its attestation.
pub fn issued(schema: Schema) -> (Document, Attestation) {
    let holder = HolderSecret::from_bytes(&[7; 32]).unwrap().commitment();
    let document = Document::new(
        "urn:uuid:0b3d2f6c-4a2e-4d55-9b1e-2f8a6d1c7e90".to_owned(),
        format!("did:ethr:0x7a69:{ISSUER}"),
        holder,
        (NOW - 1000, NOW + 1000),
        StatusEntry { list: "https://board.example/status/1".to_owned(), index: 4711 },
        Subject::from_json(schema, &subject(schema)).unwrap(),
    )
    .unwrap();
    let key = SigningKey::from_bytes(&[1; 32]).unwrap();
    let attestation = Attestation::sign(&document, [8; 16], 7, &key).unwrap();
    (document, attestation)
}

/// A request of two queries that disclose a claim of each kind that can be disclosed.
pub fn request_json() -> Value {
    let reveal = |claim: &str| json!({ "claim": claim, "op": "eq", "reveal": true });
    json!({
        "request_id": "r-1",
        "client_id": "did:ethr:0x7a69:0x00112233445566778899aabbccddeeff00112233",
        "response_uri": "https://clinic.example/presentations/r-1",
        "nonce": "AAECAwQFBgcICQoLDA0ODw",
        "scope": { "purpose": "shift cover", "epoch": 3 },
        "queries": [
            {
                "id": "licence",
                "policy": {
                    "id": "licensed-and-known", "version": 1, "title": "A licence and its board",
                    "schema": "ProviderCredential/1",
                    "require": [
                        { "claim": "status", "op": "eq", "value": "active" },
                        { "claim": "expires_on", "op": "ge", "value": "$today" },
                        { "claim": "jurisdiction", "op": "eq", "value": "$state" },
                        reveal("licence_type"), reveal("standing_mask"), reveal("issued_on"),
                        reveal("npi"), reveal("issuer"),
                    ],
                },
                "parameters": { "state": "CA" },
            },
            {
                "id": "consent",
                "policy": {
                    "id": "consented", "version": 1, "title": "A consent and its terms",
                    "schema": "ConsentGrant/1",
                    "require": [
                        reveal("study"), reveal("recipients"), reveal("language"),
                        reveal("form_version"), reveal("form_hash"), reveal("action_mask"),
                        reveal("scope"),
                    ],
                },
            },
        ],
        "expires_at": NOW + 300,
        "max_age_s": 600,
        "purpose": "To let you take a shift",
        "format": FORMAT,
        "zk_system_type": [{
            "zkSystemId": "main",
            "system": "groth16-bn254",
            "params": { "circuit_hash": "11".repeat(32), "vk_hash": "22".repeat(32) },
        }],
    })
}

/// [`request_json`], read.
pub static REQUEST: LazyLock<PresentationRequest> =
    LazyLock::new(|| PresentationRequest::try_from(request_json()).unwrap());

/// The signed answer to a query of [`REQUEST`]; its proof is no proof.
pub fn answer(query: &Query) -> Presentation {
    let key = OneTimeKey::from_bytes(&[9; 32]);
    let disclosed = match query.policy.schema() {
        Schema::ProviderCredential => Disclosed::none()
            .with("licence_type", "MD")
            .with("standing_mask", vec!["unencumbered"])
            .with("issued_on", "2015-07-01")
            .with("npi", "1234567893")
            .with("issuer", ISSUER),
        Schema::ConsentGrant => Disclosed::none()
            .with("study", STUDY)
            .with("recipients", vec!["Organization/a", "Organization/b"])
            .with("language", "en")
            .with("form_version", "2.1")
            .with("form_hash", "1f".repeat(32))
            .with("action_mask", vec!["collect", "use"])
            .with("scope", "research:deny"),
    };
    let parts = StatementParts {
        registry_root: RegistryRoot::from_bytes(&[3; 32]).unwrap(),
        now: NOW,
        nullifier: Nullifier::from_bytes(&[4; 32]).unwrap(),
        disclosed,
        presentation_key: key.verifying_key().to_bytes(),
    };
    let mut presentation = Presentation {
        circuit_id: REQUEST.zk_system_type[0].params.circuit_hash,
        parts,
        proof: [5; 128],
        signature: [0; 64],
    };
    sign(&mut presentation, &REQUEST, query, &key).unwrap();
    presentation
}

/// The answers to both queries, as a response.
pub fn response_json() -> Value {
    let answers = REQUEST
        .queries
        .iter()
        .map(|query| (query.id.to_string(), serde_json::to_value(answer(query)).unwrap()));
    json!({ "request_id": "r-1", "presentations": answers.collect::<serde_json::Map<_, _>>() })
}
