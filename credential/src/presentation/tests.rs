use super::*;
use crate::{
    policy::{Disclosed, PolicyDocument},
    schema::{Schema, Subject},
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::{
    Context, Credential, Fr, Header, HolderSecret, IssuerId, Scope, policy::SlotOperator,
    registry::RegistryRoot,
};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: u64 = 1_767_225_600;
const ISSUER: [u8; 20] = [0xa1; 20];

fn id(text: &str) -> Identifier {
    text.parse().unwrap()
}

/// Active and unexpired in a state of the verifier's choice; licence type and issuer disclosed.
fn policy() -> Value {
    json!({
        "id": "licensed-and-known", "version": 1, "title": "A licence, its type and its board",
        "schema": "ProviderCredential/1",
        "require": [
            { "claim": "status", "op": "eq", "value": "active" },
            { "claim": "expires_on", "op": "ge", "value": "$today" },
            { "claim": "jurisdiction", "op": "eq", "value": "$state" },
            { "claim": "licence_type", "op": "eq", "reveal": true },
            { "claim": "issuer", "op": "eq", "reveal": true },
        ],
    })
}

pub(crate) fn request_json() -> Value {
    json!({
        "request_id": "r-1",
        "client_id": "did:ethr:0x7a69:0x00112233445566778899aabbccddeeff00112233",
        "response_uri": "https://clinic.example/presentations/r-1",
        "nonce": "AAECAwQFBgcICQoLDA0ODw",
        "scope": { "purpose": "shift cover", "epoch": 3 },
        "queries": [{ "id": "licence", "policy": policy(), "parameters": { "state": "CA" } }],
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

pub(crate) fn request() -> PresentationRequest {
    PresentationRequest::from_json(request_json().to_string().as_bytes()).unwrap()
}

fn licence() -> (Credential, Subject) {
    let licence = json!({
        "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456", "name": "Alma Reyes",
        "jurisdiction": "CA", "authority": "single-state", "licenceType": "MD",
        "status": "active", "standing": ["unencumbered"], "issuedOn": "2015-07-01", "expiresOn": "2027-06-30",
    });
    let subject = Subject::from_json(Schema::ProviderCredential, &licence).unwrap();
    let header = Header {
        schema: Schema::ProviderCredential.id(),
        issuer_id: IssuerId::from_address(ISSUER),
        holder: HolderSecret::from_bytes(&[7; 32]).unwrap().commitment(),
        status_index: 5,
        valid_from: 0,
        valid_until: 1 << 39,
        salt: [5; 16],
    };
    (Credential { header, claims: subject.claims(&[5; 16]).unwrap() }, subject)
}

fn one_time_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A signed presentation of the licence; the proof's bytes stand for one.
pub(crate) fn presentation(request: &PresentationRequest) -> Presentation {
    let query = &request.queries[0];
    let (credential, subject) = licence();
    let secret = HolderSecret::from_bytes(&[7; 32]).unwrap();
    let mut presentation = Presentation {
        circuit_id: Digest::from_bytes([0x11; 32]),
        parts: StatementParts {
            registry_root: RegistryRoot::from_field(Fr::from(3u64)),
            now: NOW,
            nullifier: secret.withdrawal_key(&request.scope()).nullifier(),
            disclosed: disclosed_by(query, &credential, &subject).unwrap(),
            presentation_key: one_time_key().verifying_key().to_bytes(),
        },
        proof: [4; 128],
        signature: [0; 64],
    };
    sign(&mut presentation, request, query, &one_time_key()).unwrap();
    presentation
}

#[test]
fn a_request_reads_back_as_it_was_written() {
    let request = request();
    let written = serde_json::to_value(&request).unwrap();
    assert_eq!(written, request_json());
    assert_eq!(serde_json::from_value::<PresentationRequest>(written).unwrap(), request);
    assert_eq!(
        request.scope(),
        Scope::new("did:ethr:0x7a69:0x00112233445566778899aabbccddeeff00112233", "shift cover", 3)
    );
    assert!(request.system_of(&Digest::from_bytes([0x11; 32])).is_some());
    assert!(request.system_of(&Digest::from_bytes([0x22; 32])).is_none());
}

#[test]
fn a_request_with_a_wrong_element_is_refused_by_the_elements_name() {
    let cases = [
        ("/request_id", json!("r 1"), "request.request_id"),
        ("/client_id", json!("did:web:clinic.example"), "request.client_id"),
        (
            "/client_id",
            json!("did:ethr:0x00112233445566778899AABBCCDDEEFF00112233"),
            "request.client_id",
        ),
        ("/response_uri", json!("ftp://clinic.example/"), "request.response_uri"),
        ("/response_uri", json!("https://wallet@clinic.example/"), "request.response_uri"),
        ("/nonce", json!("AAECAwQFBgcICQoLDA0O"), "request.nonce"),
        ("/nonce", json!("AAECAwQFBgcICQoLDA0ODw=="), "request.nonce"),
        ("/scope/purpose", json!(""), "request.scope.purpose"),
        ("/scope/epoch", json!(-1), "request.scope.epoch"),
        ("/queries", json!([]), "request.queries"),
        ("/queries/0/parameters", json!({}), "query.parameters"),
        (
            "/queries/0/parameters",
            json!({ "state": "CA", "today": "2020-01-01" }),
            "query.parameters",
        ),
        ("/expires_at", json!(1u64 << 40), "request.expires_at"),
        ("/max_age_s", Value::Null, "request.max_age_s"),
        ("/purpose", json!("two\nlines"), "request.purpose"),
        ("/format", json!("ldp_vc"), "request.format"),
        ("/zk_system_type/0/system", json!("longfellow"), "request.zk_system_type[0].system"),
        (
            "/zk_system_type/0/params/vk_hash",
            json!("ab"),
            "request.zk_system_type[0].params.vk_hash",
        ),
        ("/scope", json!({ "purpose": "x", "epoch": 0, "more": 1 }), "request.scope"),
    ];
    for (pointer, value, path) in cases {
        let mut changed = request_json();
        *changed.pointer_mut(pointer).unwrap() = value;
        let error = PresentationRequest::try_from(changed).unwrap_err().to_string();
        assert!(error.starts_with(path), "{pointer}: {error}");
    }
    let mut more = request_json();
    more["callback"] = json!("x");
    assert!(PresentationRequest::try_from(more).is_err());

    let mut twice = request_json();
    let query = twice["queries"][0].clone();
    twice["queries"] = json!([query, query]);
    assert!(PresentationRequest::try_from(twice).is_err());
}

#[test]
fn a_presentation_reads_back_from_json_and_from_bytes() {
    let presentation = presentation(&request());
    let text = serde_json::to_vec(&presentation).unwrap();
    assert_eq!(Presentation::from_json(&text).unwrap(), presentation);
    assert_eq!(Presentation::from_bytes(&presentation.to_bytes()).unwrap(), presentation);
    let shown: Vec<_> = presentation.parts.disclosed.iter().collect();
    let issuer = json!(format!("0x{}", "a1".repeat(20)));
    assert_eq!(shown, [("issuer", &issuer), ("licence_type", &json!("MD"))]);
}

#[test]
fn the_compact_form_without_disclosed_values_is_below_500_bytes() {
    let mut presentation = presentation(&request());
    presentation.parts.disclosed = Disclosed::none();
    assert_eq!(presentation.to_bytes().len(), 330);
    assert!(presentation.to_bytes().len() <= 500);
}

#[test]
fn every_changed_or_missing_member_of_the_json_is_refused_or_breaks_the_signature() {
    let request = request();
    let query = &request.queries[0];
    let whole = serde_json::to_value(presentation(&request)).unwrap();
    let members = whole.as_object().unwrap();
    assert_eq!(members.len(), 8);
    for name in members.keys() {
        let mut missing = whole.clone();
        missing.as_object_mut().unwrap().remove(name);
        assert!(Presentation::try_from(missing).is_err(), "{name}");
    }
    let hex = |byte: &str, length| json!(byte.repeat(length));
    let element = json!(format!("0x{}", "01".repeat(32)));
    let changes = [
        ("circuit_id", hex("12", 32)),
        ("registry_root", element.clone()),
        ("now", json!(NOW + 1)),
        ("nullifier", element),
        ("disclosed", json!({ "issuer": members["disclosed"]["issuer"], "licence_type": "DO" })),
        ("presentation_key", json!(hex::encode(SigningKey::from_bytes(&[8; 32]).verifying_key()))),
        ("proof", hex("05", 128)),
        ("signature", hex("06", 64)),
    ];
    for (name, value) in changes {
        let mut changed = whole.clone();
        changed[name] = value;
        let changed = Presentation::try_from(changed).unwrap();
        let checked = verify_signature(&changed, &request, query);
        assert_eq!(checked, Err(PresentationError::Signature), "{name}");
    }
    let mut more = whole.clone();
    more["holder"] = json!("x");
    assert!(Presentation::try_from(more).is_err());
}

#[test]
fn the_signature_belongs_to_one_query_of_one_request_of_one_verifier() {
    let request = request();
    let presentation = presentation(&request);
    let query = &request.queries[0];
    assert_eq!(verify_signature(&presentation, &request, query), Ok(()));

    let changes: [fn(&mut PresentationRequest); 5] = [
        |request| request.nonce = "AAECAwQFBgcICQoLDA0OEA".parse().unwrap(),
        |request| {
            request.client_id =
                "did:ethr:0x7a69:0x00112233445566778899aabbccddeeff00112234".parse().unwrap();
        },
        |request| request.response_uri = "https://other.example/".parse().unwrap(),
        |request| request.request_id = id("r-2"),
        |request| request.queries[0].id = id("other"),
    ];
    for change in changes {
        let mut other = request.clone();
        change(&mut other);
        assert_eq!(
            verify_signature(&presentation, &other, &other.queries[0]),
            Err(PresentationError::Signature)
        );
    }
}

#[test]
fn signs_only_with_the_key_that_the_proof_is_bound_to() {
    let request = request();
    let mut presentation = presentation(&request);
    let other_key = SigningKey::from_bytes(&[8; 32]);
    let signed = sign(&mut presentation, &request, &request.queries[0], &other_key);
    assert_eq!(signed, Err(PresentationError::Signature));
}

#[test]
fn a_key_of_small_order_signs_nothing() {
    let request = request();
    let mut presentation = presentation(&request);
    // The neutral point, under which a signature (neutral point, 0) verifies without strictness.
    presentation.parts.presentation_key = [0; 32];
    presentation.parts.presentation_key[0] = 1;
    presentation.signature = [0; 64];
    presentation.signature[0] = 1;
    assert_eq!(
        verify_signature(&presentation, &request, &request.queries[0]),
        Err(PresentationError::Signature)
    );
}

#[test]
fn the_statement_is_rebuilt_from_the_request() {
    let request = request();
    let query = &request.queries[0];
    let presentation = presentation(&request);
    let statement = rebuild_statement(&request, query, &presentation.parts).unwrap();
    assert_eq!(statement.scope, request.scope());
    let key = one_time_key().verifying_key().to_bytes();
    assert_eq!(statement.context, Context::of_presentation_key(&key));
    assert_eq!(statement.now, NOW);
    assert_eq!(statement.policy.schema, Schema::ProviderCredential.id());
    let used = |slot: &&attestry_circuits::policy::Slot| slot.operator != SlotOperator::Unused;
    assert_eq!(statement.policy.slots.iter().filter(used).count(), 5);
    assert_eq!(statement.policy.evaluate(&licence().0), Ok(()));

    // A disclosed value that the credential does not have is another statement.
    let mut parts = presentation.parts.clone();
    parts.disclosed = parts.disclosed.with("licence_type", "DO");
    let changed = rebuild_statement(&request, query, &parts).unwrap();
    assert!(changed.policy.evaluate(&licence().0).is_err());

    // So is another day, through `$today`.
    let mut parts = presentation.parts.clone();
    parts.now += 2 * 365 * 86_400;
    let later = rebuild_statement(&request, query, &parts).unwrap();
    assert!(later.policy.evaluate(&licence().0).is_err());
}

#[test]
fn discloses_exactly_what_is_asked_in_one_form() {
    let request = request();
    let parts = presentation(&request).parts;
    let issuer = parts.disclosed.get("issuer").unwrap().clone();
    let upper = issuer.as_str().unwrap().replace('a', "A");
    let both = || Disclosed::none().with("licence_type", "MD").with("issuer", issuer.clone());
    let cases = [
        Disclosed::none(),
        Disclosed::none().with("licence_type", "MD"),
        both().with("npi", "1234567893"),
        both().with("licence_type", "no-such-type"),
        both().with("issuer", upper),
        both().with("issuer", format!("did:ethr:elsewhere:{}", issuer.as_str().unwrap())),
    ];
    for disclosed in cases {
        let parts = StatementParts { disclosed, ..parts.clone() };
        let rebuilt = rebuild_statement(&request, &request.queries[0], &parts);
        assert_eq!(rebuilt.err(), Some(PresentationError::Disclosure));
    }
}

#[test]
fn a_credential_that_does_not_state_a_claim_cannot_disclose_it() {
    let request = request();
    let (mut credential, subject) = licence();
    let slot = Schema::ProviderCredential.claim("licence_type").unwrap().slot;
    credential.claims.0[slot] = Fr::from(0u64);
    let disclosed = disclosed_by(&request.queries[0], &credential, &subject);
    assert_eq!(disclosed.err(), Some(PresentationError::Disclosure));
}

#[test]
fn a_time_that_does_not_fit_is_refused() {
    let request = request();
    let mut parts = presentation(&request).parts;
    parts.now = 1 << 40;
    let rebuilt = rebuild_statement(&request, &request.queries[0], &parts);
    assert_eq!(rebuilt.err(), Some(PresentationError::Now));
}

#[test]
fn a_hashed_claim_is_disclosed_in_one_form() {
    let form = "ab".repeat(32);
    let consent = json!({
        "scope": "research", "defaultDecision": "deny", "study": "NCT09000016",
        "protocolVersion": "3.1", "formVersion": "2.1", "formHash": form,
        "purposes": ["HRESCH"], "data": ["observations"], "actions": ["collect", "use"],
        "recipients": ["Organization/b", "Organization/a"], "dataFrom": "2026-01-10",
        "dataTo": "2031-01-09", "performer": "self", "signature": "part-11", "sequence": 0,
    });
    let subject = Subject::from_json(Schema::ConsentGrant, &consent).unwrap();
    let mut credential = licence().0;
    credential.claims = subject.claims(&[5; 16]).unwrap();
    let policy = json!({
        "id": "form", "version": 1, "title": "Which form", "schema": "ConsentGrant/1",
        "require": [
            { "claim": "form_hash", "op": "eq", "reveal": true },
            { "claim": "recipients", "op": "eq", "reveal": true },
        ],
    });
    let policy = PolicyDocument::from_json(policy.to_string().as_bytes()).unwrap();
    let query = Query::new(id("form"), policy, Default::default()).unwrap();
    let disclosed = disclosed_by(&query, &credential, &subject).unwrap();
    assert_eq!(disclosed.get("form_hash"), Some(&json!(form)));
    assert_eq!(disclosed.get("recipients"), Some(&json!(["Organization/a", "Organization/b"])));

    let request = request();
    let mut parts = presentation(&request).parts;
    parts.disclosed = disclosed.clone();
    rebuild_statement(&request, &query, &parts).unwrap();
    for recipients in [
        json!(["Organization/b", "Organization/a"]),
        json!(["Organization/a", "Organization/b", "Organization/b"]),
        json!(["Organization/a\0Organization/b"]),
    ] {
        parts.disclosed = disclosed.clone().with("recipients", recipients);
        let rebuilt = rebuild_statement(&request, &query, &parts);
        assert_eq!(rebuilt, Err(PresentationError::Disclosure));
    }
}

#[test]
fn a_response_answers_each_query_once_for_one_holder() {
    let mut asked = request_json();
    asked["queries"] = json!([
        { "id": "a", "policy": policy(), "parameters": { "state": "CA" } },
        { "id": "b", "policy": policy(), "parameters": { "state": "TX" } },
    ]);
    let request = PresentationRequest::try_from(asked).unwrap();
    let one = presentation(&request);
    let response = PresentationResponse {
        request_id: id("r-1"),
        presentations: [(id("a"), one.clone()), (id("b"), one.clone())].into(),
    };
    assert_eq!(response.check_complete(&request), Ok(()));
    let text = serde_json::to_vec(&response).unwrap();
    assert_eq!(PresentationResponse::from_json(&text).unwrap(), response);
    let compact = response.to_compact_json();
    let text = compact.to_string();
    assert_eq!(PresentationResponse::from_json(text.as_bytes()).unwrap(), response);
    for spoilt in ["=", " ", "A", "AAAA"] {
        let mut compact = compact.clone();
        let spoilt = format!("{}{spoilt}", compact["presentations"]["a"].as_str().unwrap());
        compact["presentations"]["a"] = json!(spoilt);
        assert!(PresentationResponse::try_from(compact).is_err());
    }

    let with = |change: &dyn Fn(&mut PresentationResponse)| {
        let mut changed = response.clone();
        change(&mut changed);
        changed.check_complete(&request).unwrap_err()
    };
    let other = with(&|r| r.request_id = id("r-2"));
    assert_eq!(other, PresentationError::OtherRequest);
    let missing = with(&|r| drop(r.presentations.remove(&id("b"))));
    assert_eq!(missing, PresentationError::Unanswered);
    let unknown = with(&|r| drop(r.presentations.insert(id("c"), one.clone())));
    assert_eq!(unknown, PresentationError::UnknownQuery);
    let other_circuit = with(&|r| {
        r.presentations.get_mut(&id("a")).unwrap().circuit_id = Digest::from_bytes([0x12; 32]);
    });
    assert_eq!(other_circuit, PresentationError::OtherCircuit);
    let another_holder = with(&|r| {
        let secret = HolderSecret::from_bytes(&[6; 32]).unwrap();
        let nullifier = secret.withdrawal_key(&request.scope()).nullifier();
        r.presentations.get_mut(&id("b")).unwrap().parts.nullifier = nullifier;
    });
    assert_eq!(another_holder, PresentationError::DifferentHolders);
}

#[test]
fn what_is_too_long_is_refused_unread() {
    let long = vec![b' '; MAX_REQUEST + 1];
    let error = PresentationRequest::from_json(&long).unwrap_err();
    assert_eq!(error, PresentationError::TooLong { what: "request", limit: MAX_REQUEST });
    let long = vec![1; MAX_COMPACT + 1];
    assert!(matches!(Presentation::from_bytes(&long), Err(PresentationError::TooLong { .. })));
    let long = vec![b' '; MAX_RESPONSE + 1];
    assert!(PresentationResponse::from_json(&long).is_err());
    assert!(Presentation::from_json(&long).is_err());
}

#[test]
fn debug_shows_the_names_of_disclosed_claims_alone() {
    let shown = format!("{:?}", presentation(&request()));
    assert!(shown.contains("licence_type") && !shown.contains("MD"), "{shown}");
}

#[test]
fn a_random_nonce_reads_back() {
    let nonce = Nonce::random(&mut StdRng::seed_from_u64(1));
    assert_eq!(nonce.to_string().parse(), Ok(nonce));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes in any::<Vec<u8>>()) {
        prop_assert!(PresentationRequest::from_json(&bytes).is_err());
        prop_assert!(PresentationResponse::from_json(&bytes).is_err());
        prop_assert!(Presentation::from_json(&bytes).is_err());
        prop_assert!(Presentation::from_bytes(&bytes).is_err());
    }

    #[test]
    fn compact_bytes_are_read_whole_or_refused(
        position in 0usize..400, byte in any::<u8>(), length in 0usize..400,
    ) {
        let mut bytes = presentation(&request()).to_bytes();
        if let Some(place) = bytes.get_mut(position) {
            *place = byte;
        }
        bytes.truncate(length.max(1));
        if let Ok(read) = Presentation::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn changed_text_is_read_or_refused(position in 0usize..2000, byte in any::<u8>()) {
        let mut text = request_json().to_string().into_bytes();
        if let Some(place) = text.get_mut(position) {
            *place = byte;
        }
        let _ = PresentationRequest::from_json(&text);
        let mut text = serde_json::to_vec(&presentation(&request())).unwrap();
        if let Some(place) = text.get_mut(position) {
            *place = byte;
        }
        if let Ok(read) = Presentation::from_json(&text) {
            prop_assert_eq!(Presentation::from_bytes(&read.to_bytes()), Ok(read));
        }
    }
}
