use super::*;
use crate::{form, schema::Schema};
use attestry_circuits::HolderSecret;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use proptest::prelude::*;
use serde_json::{Value, json};

const ISSUER: &str = "https://board.example/t/texas";

fn issuer() -> IssuerIdentifier {
    ISSUER.parse().unwrap()
}

fn offer() -> CredentialOffer {
    CredentialOffer {
        credential_issuer: issuer(),
        credential_configuration_ids: vec!["ProviderCredential/1".to_owned()],
        grant: PreAuthorized {
            code: "adhjhdjajkdkhjhdj".to_owned(),
            tx_code: Some(TxCode {
                input_mode: InputMode::Numeric,
                length: Some(6),
                description: Some("Sent to you by letter".to_owned()),
            }),
            authorization_server: None,
        },
    }
}

fn bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn metadata() -> IssuerMetadata {
    let display = vec![Display { name: "Board".to_owned(), locale: None }];
    IssuerMetadata::of_issuer(&issuer(), Schema::ALL, display).unwrap()
}

/// The metadata with a member changed.
fn metadata_with(pointer: &str, value: Value) -> Result<IssuerMetadata, IssuanceError> {
    let mut json = json!(metadata());
    *json.pointer_mut(pointer).unwrap() = value;
    IssuerMetadata::from_json(&bytes(&json), &issuer())
}

#[test]
fn well_known_stands_between_host_and_path() {
    for (identifier, metadata, server) in [
        (
            "https://issuer.example.com/tenant",
            "https://issuer.example.com/.well-known/openid-credential-issuer/tenant",
            "https://issuer.example.com/.well-known/oauth-authorization-server/tenant",
        ),
        (
            "https://tenant.issuer.example.com",
            "https://tenant.issuer.example.com/.well-known/openid-credential-issuer",
            "https://tenant.issuer.example.com/.well-known/oauth-authorization-server",
        ),
        (
            "http://127.0.0.1:8081/",
            "http://127.0.0.1:8081/.well-known/openid-credential-issuer",
            "http://127.0.0.1:8081/.well-known/oauth-authorization-server",
        ),
    ] {
        let identifier: IssuerIdentifier = identifier.parse().unwrap();
        assert_eq!(identifier.metadata_url(), metadata);
        assert_eq!(identifier.server_metadata_url(), server);
    }
    for wrong in ["http://board.example", "https://board.example?x", "https://b#x", "board"] {
        assert!(wrong.parse::<IssuerIdentifier>().is_err(), "{wrong}");
    }
    assert_eq!(issuer().path(), "/t/texas");
}

#[test]
fn an_offer_and_its_links_read_back() {
    let offer = offer();
    assert_eq!(CredentialOffer::from_json(&bytes(&offer)).unwrap(), offer);
    let by_value = OfferLink::Value(offer.into());
    assert_eq!(by_value.to_string().parse::<OfferLink>().unwrap(), by_value);
    let by_reference = OfferLink::Reference("https://board.example/o/1".parse().unwrap());
    assert_eq!(
        by_reference.to_string(),
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fboard.example%2Fo%2F1"
    );
    assert_eq!(by_reference.to_string().parse::<OfferLink>().unwrap(), by_reference);
    for secret in [format!("{by_value:?}"), format!("{by_reference:?}")] {
        assert!(secret.ends_with("(redacted)"), "{secret}");
    }
}

#[test]
fn the_offers_of_the_specification_are_read() {
    let link = "openid-credential-offer://?credential_offer=%7B%22credential_issuer%22:%22https://credential-issuer.example.com%22,%22credential_configuration_ids%22:%5B%22org.iso.18013.5.1.mDL%22%5D,%22grants%22:%7B%22urn:ietf:params:oauth:grant-type:pre-authorized_code%22:%7B%22pre-authorized_code%22:%22oaKazRN8I0IbtZ0C7JuMn5%22,%22tx_code%22:%7B%22input_mode%22:%22text%22,%22description%22:%22Please%20enter%20the%20serial%20number%20of%20your%20physical%20drivers%20license%22%7D%7D%7D%7D";
    let OfferLink::Value(offer) = link.parse().unwrap() else { unreachable!() };
    let tx_code = offer.grant.tx_code.unwrap();
    assert_eq!((tx_code.input_mode, tx_code.length), (InputMode::Text, None));

    let empty = json!({
        "credential_issuer": ISSUER, "credential_configuration_ids": ["a"], "new": 1,
        "grants": { PRE_AUTHORIZED_CODE: { "pre-authorized_code": "x", "tx_code": {} } },
    });
    let offer = CredentialOffer::from_json(&bytes(&empty)).unwrap();
    assert_eq!(offer.grant.tx_code, Some(TxCode::default()), "an empty object asks for a code");

    let link = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fserver%2Eexample%2Ecom%2Fcredential-offer%2FGkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM";
    let OfferLink::Reference(url) = link.parse().unwrap() else { unreachable!() };
    let expected =
        "https://server.example.com/credential-offer/GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM";
    assert_eq!(url.as_str(), expected);
}

#[test]
fn an_offer_that_breaks_a_rule_is_refused() {
    let grant = format!("/grants/{PRE_AUTHORIZED_CODE}");
    for (pointer, value, words) in [
        ("/credential_issuer", json!("http://board.example"), "credential_issuer is not an https"),
        ("/credential_configuration_ids", json!([]), "does not have 1 to 16 items"),
        ("/credential_configuration_ids", json!(["a", "a"]), "stands there twice"),
        ("/grants", json!({ "authorization_code": {} }), "has no pre-authorized code"),
        (&format!("{grant}/pre-authorized_code"), json!(""), "is not 1 to 1024 visible"),
        (&format!("{grant}/tx_code/input_mode"), json!("digits"), "is not numeric or text"),
        (&format!("{grant}/tx_code/length"), json!(0), "is not 1 to 64"),
        (&format!("{grant}/tx_code/description"), json!("x".repeat(301)), "longer than 300"),
        (&format!("{grant}/tx_code/description"), json!("\u{1b}[2J"), "control characters"),
    ] {
        let mut changed = json!(offer());
        *changed.pointer_mut(pointer).unwrap() = value;
        let error = CredentialOffer::from_json(&bytes(&changed)).unwrap_err().to_string();
        assert!(error.contains(words), "{pointer}: {error}");
    }
    let long = vec![b' '; MAX_OFFER + 1];
    assert!(matches!(CredentialOffer::from_json(&long), Err(IssuanceError::TooLong { .. })));
    let value = form::encode(&[("credential_offer", &json!(offer()).to_string())]);
    for link in [
        "https://board.example".to_owned(),
        "openid-credential-offer://?".to_owned(),
        "openid-credential-offer://?credential_offer_uri=http%3A%2F%2Fboard.example".to_owned(),
        format!("openid-credential-offer://?{value}&credential_offer_uri=https%3A%2F%2Fb"),
        format!("openid-credential-offer://?{value}&{value}"),
    ] {
        assert!(link.parse::<OfferLink>().is_err(), "{link}");
    }
}

#[test]
fn a_transaction_code_has_the_form_that_the_offer_says() {
    let form = offer().grant.tx_code.unwrap();
    assert_eq!(form.check("493536"), Ok(()));
    for wrong in ["", "49353", "4935366", "49353a", "٤٩٣٥٣٦"] {
        assert!(form.check(wrong).is_err(), "{wrong}");
    }
    let text = TxCode { input_mode: InputMode::Text, length: None, description: None };
    assert_eq!(text.check("é x"), Ok(()));
    assert!(text.check(&"x".repeat(65)).is_err());
}

#[test]
fn our_metadata_is_what_the_profile_has_and_reads_back() {
    let metadata = metadata();
    let json = json!(metadata);
    assert_eq!(json["credential_issuer"], ISSUER);
    assert_eq!(json["credential_endpoint"], format!("{ISSUER}/oid4vci/credential"));
    let configuration = &json["credential_configurations_supported"]["ProviderCredential/1"];
    assert_eq!(
        configuration,
        &json!({
            "format": "ldp_vc",
            "scope": "ProviderCredential/1",
            "credential_signing_alg_values_supported": ["eddsa-rdfc-2022"],
            "cryptographic_binding_methods_supported": ["jwk", "did:key"],
            "proof_types_supported":
                { "jwt": { "proof_signing_alg_values_supported": ["EdDSA", "ES256"] } },
            "credential_definition": {
                "@context": [
                    "https://www.w3.org/ns/credentials/v2",
                    "https://attestry.example/credentials/v1",
                ],
                "type": ["VerifiableCredential", "ProviderCredential"],
            },
            "credential_metadata": { "display": [{ "name": "Provider credential", "locale": "en" }] },
        })
    );
    let read = IssuerMetadata::from_json(&bytes(&metadata), &issuer()).unwrap();
    assert_eq!(read, metadata);
    for schema in Schema::ALL {
        let found = read.wallet_configuration(&schema.versioned_name()).unwrap();
        assert_eq!(found.0, schema);
    }
    let server = ServerMetadata::of_issuer(&issuer()).unwrap();
    let json = json!(server);
    assert_eq!(json["pre-authorized_grant_anonymous_access_supported"], true);
    let read = ServerMetadata::from_json(&bytes(&server), &issuer()).unwrap();
    assert_eq!(read.token_endpoint.as_str(), format!("{ISSUER}/oid4vci/token"));
}

#[test]
fn metadata_of_another_issuer_is_not_used() {
    let other: IssuerIdentifier = "https://board.example/t/Texas".parse().unwrap();
    let refused = IssuerMetadata::from_json(&bytes(&metadata()), &other);
    assert_eq!(refused, Err(IssuanceError::OtherIssuer("issuer metadata")));
    let server = bytes(&ServerMetadata::of_issuer(&issuer()).unwrap());
    let refused = ServerMetadata::from_json(&server, &other);
    assert_eq!(refused, Err(IssuanceError::OtherIssuer("authorization server metadata")));
}

#[test]
fn metadata_that_breaks_a_rule_is_refused() {
    let insecure = metadata_with("/credential_endpoint", json!("http://board.example/c"));
    assert!(matches!(insecure, Err(IssuanceError::Malformed(_))));
    let name = metadata_with("/display/0/name", json!("\u{202e}\u{7}"));
    assert!(matches!(name, Err(IssuanceError::Malformed(_))));
    let mut many = json!({});
    for index in 0..257 {
        many[format!("c{index}")] = json!({ "format": "ldp_vc" });
    }
    assert!(metadata_with("/credential_configurations_supported", many).is_err());
    let long = vec![b' '; MAX_METADATA + 1];
    let refused = IssuerMetadata::from_json(&long, &issuer());
    assert!(matches!(refused, Err(IssuanceError::TooLong { .. })));
}

#[test]
fn a_wallet_takes_our_credentials_by_proof_of_an_ed25519_key_only() {
    let id = "ProviderCredential/1";
    let of = |member: &str, value| {
        let pointer =
            format!("/credential_configurations_supported/ProviderCredential~11/{member}");
        let metadata = metadata_with(&pointer, value).unwrap();
        metadata.wallet_configuration(id).map(|(schema, _)| schema).unwrap_err()
    };
    for (member, value) in [
        ("format", json!("dc+sd-jwt")),
        ("credential_definition/type", json!(["VerifiableCredential"])),
        ("credential_definition/@context", json!(["https://www.w3.org/ns/credentials/v2"])),
        ("proof_types_supported", json!({ "di_vp": {} })),
        ("proof_types_supported/jwt/proof_signing_alg_values_supported", json!(["ES256"])),
        ("cryptographic_binding_methods_supported", json!(["did:key"])),
    ] {
        assert!(matches!(of(member, value), IssuanceError::Unsupported(_)), "{member}");
    }
    let unknown = metadata().wallet_configuration("Other").unwrap_err();
    assert!(matches!(unknown, IssuanceError::NotInMetadata(_)));
    let mut encrypted = json!(metadata());
    encrypted["credential_response_encryption"] = json!({ "encryption_required": true });
    let encrypted = IssuerMetadata::from_json(&bytes(&encrypted), &issuer()).unwrap();
    assert!(encrypted.wallet_configuration(id).is_err());
}

#[test]
fn configurations_of_other_formats_are_passed_over() {
    let mut json = json!(metadata());
    json["credential_configurations_supported"]["mdl"] = json!({
        "format": "mso_mdoc", "doctype": "org.iso.18013.5.1.mDL",
        "credential_signing_alg_values_supported": [-7, -9],
    });
    let read = IssuerMetadata::from_json(&bytes(&json), &issuer()).unwrap();
    assert!(read.wallet_configuration("ConsentGrant/1").is_ok());
    let other = read.wallet_configuration("mdl").unwrap_err();
    assert!(matches!(other, IssuanceError::Unsupported(_)));
}

#[test]
fn a_token_request_reads_back_and_is_answered_by_the_codes_of_oauth() {
    let request = TokenRequest {
        code: "a+b".to_owned(),
        tx_code: Some("493536".to_owned()),
        configurations: vec!["ProviderCredential/1".to_owned()],
    };
    assert_eq!(TokenRequest::from_form(request.to_form().as_bytes()).unwrap(), request);
    assert_eq!(format!("{request:?}"), "TokenRequest(redacted)");
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code";
    let plain = TokenRequest::from_form(format!("{grant}&pre-authorized_code=x&new=1").as_bytes());
    assert_eq!(plain.unwrap().tx_code, None);
    for (body, code) in [
        ("", ErrorCode::InvalidRequest),
        ("{}", ErrorCode::InvalidRequest),
        ("grant_type=authorization_code&code=x", ErrorCode::UnsupportedGrantType),
        (grant, ErrorCode::InvalidRequest),
        (&format!("{grant}&pre-authorized_code="), ErrorCode::InvalidRequest),
        (
            &format!("{grant}&pre-authorized_code=x&pre-authorized_code=x"),
            ErrorCode::InvalidRequest,
        ),
        (
            &format!("{grant}&pre-authorized_code=x&authorization_details=[]"),
            ErrorCode::InvalidAuthorizationDetails,
        ),
        (
            &format!("{grant}&pre-authorized_code=x&authorization_details=[{{}}]"),
            ErrorCode::InvalidAuthorizationDetails,
        ),
        (&format!("{grant}&pre-authorized_code={}", "x".repeat(1025)), ErrorCode::InvalidRequest),
    ] {
        assert_eq!(TokenRequest::from_form(body.as_bytes()).unwrap_err().error, code, "{body}");
    }
}

#[test]
fn a_token_response_reads_back_and_is_of_a_bearer_token() {
    let datasets = ("ProviderCredential/1".to_owned(), vec!["one".to_owned()]);
    let response = TokenResponse {
        access_token: "eyJ".to_owned(),
        expires_in: Some(600),
        identifiers: [datasets].into(),
    };
    assert_eq!(TokenResponse::from_json(&bytes(&response)).unwrap(), response);
    assert!(!format!("{response:?}").contains("eyJ"));
    let mut changed = json!(response);
    changed["token_type"] = json!("DPoP");
    let refused = TokenResponse::from_json(&bytes(&changed));
    assert!(matches!(refused, Err(IssuanceError::Unsupported(_))));
    changed["token_type"] = json!("bearer");
    changed["authorization_details"][0]["credential_identifiers"] = json!([]);
    assert!(TokenResponse::from_json(&bytes(&changed)).is_err());
}

#[test]
fn a_credential_request_is_answered_by_the_codes_of_the_specification() {
    use ErrorCode::*;
    for wanted in [Wanted::Configuration("a".to_owned()), Wanted::Identifier("b".to_owned())] {
        let request = CredentialRequest { wanted, proofs: vec!["x.y.z".to_owned()] };
        assert_eq!(CredentialRequest::from_json(&bytes(&request)).unwrap(), request);
    }
    for (body, code) in [
        ("", InvalidCredentialRequest),
        ("[]", InvalidCredentialRequest),
        (r#"{"proofs":{"jwt":["x"]}}"#, InvalidCredentialRequest),
        (r#"{"credential_configuration_id":1,"proofs":{"jwt":["x"]}}"#, InvalidCredentialRequest),
        (
            r#"{"credential_configuration_id":"a","credential_configuration_id":"a"}"#,
            InvalidCredentialRequest,
        ),
        (
            r#"{"credential_configuration_id":"a","credential_identifier":"b"}"#,
            InvalidCredentialRequest,
        ),
        (r#"{"credential_configuration_id":"a"}"#, InvalidProof),
        (r#"{"credential_configuration_id":"a","proof":{"jwt":"x"}}"#, InvalidProof),
        (r#"{"credential_configuration_id":"a","proofs":{}}"#, InvalidProof),
        (r#"{"credential_configuration_id":"a","proofs":{"jwt":[]}}"#, InvalidProof),
        (r#"{"credential_configuration_id":"a","proofs":{"jwt":[1]}}"#, InvalidProof),
        (r#"{"credential_configuration_id":"a","proofs":{"di_vp":[{}]}}"#, InvalidProof),
        (
            r#"{"credential_configuration_id":"a","proofs":{"jwt":["x"],"di_vp":[{}]}}"#,
            InvalidProof,
        ),
        (
            r#"{"credential_configuration_id":"a","credential_response_encryption":{}}"#,
            InvalidEncryptionParameters,
        ),
    ] {
        let error = CredentialRequest::from_json(body.as_bytes()).unwrap_err();
        assert_eq!(error.error, code, "{body}");
        assert!(error.error_description.as_deref().is_none_or(error::is_plain), "{error}");
    }
}

#[test]
fn deferred_requests_and_notifications_read_back() {
    let deferred = DeferredRequest { transaction_id: "8xLOxBtZp8".to_owned() };
    assert_eq!(DeferredRequest::from_json(&bytes(&deferred)).unwrap(), deferred);
    for wrong in ["", "{}", r#"{"transaction_id":1}"#] {
        let error = DeferredRequest::from_json(wrong.as_bytes()).unwrap_err().error;
        assert_eq!(error, ErrorCode::InvalidCredentialRequest, "{wrong}");
    }
    let event = NotificationEvent::CredentialAccepted;
    let notification = Notification { notification_id: "3f0e98js".to_owned(), event };
    assert_eq!(Notification::from_json(&bytes(&notification)).unwrap(), notification);
    for wrong in [
        "",
        r#"{"event":"credential_accepted"}"#,
        r#"{"notification_id":"a"}"#,
        r#"{"notification_id":"a","event":"Credential_Accepted"}"#,
        r#"{"notification_id":"a","event":"credential_failure","event_description":"\u00e9"}"#,
        r#"{"notification_id":"a","event":"credential_failure","event_description":"\""}"#,
    ] {
        let error = Notification::from_json(wrong.as_bytes()).unwrap_err().error;
        assert_eq!(error, ErrorCode::InvalidNotificationRequest, "{wrong}");
    }
}

#[test]
fn credential_responses_read_back() {
    let issued = CredentialResponse::Issued {
        credentials: vec![IssuedCredential { credential: json!({}), attestation: json!({}) }],
        notification_id: Some("3f0e98js".to_owned()),
    };
    let deferred =
        CredentialResponse::Deferred { transaction_id: "8xLOxBtZp8".to_owned(), interval: 5 };
    for response in [&issued, &deferred] {
        assert_eq!(&CredentialResponse::from_json(&bytes(response)).unwrap(), response);
    }
    let mut both = json!(issued);
    both["transaction_id"] = json!("8xLOxBtZp8");
    for wrong in [
        both,
        json!({}),
        json!({ "credentials": [] }),
        json!({ "credentials": [{ "credential": {} }] }),
        json!({ "transaction_id": "a" }),
        json!({ "transaction_id": "a", "interval": 0 }),
    ] {
        assert!(CredentialResponse::from_json(&bytes(&wrong)).is_err(), "{wrong}");
    }
    let patient = json!({ "transaction_id": "a", "interval": u64::MAX });
    let patient = CredentialResponse::from_json(&bytes(&patient)).unwrap();
    assert!(matches!(patient, CredentialResponse::Deferred { interval: 604_800, .. }));
}

#[test]
fn an_error_answer_keeps_no_words_that_are_not_allowed() {
    let error = ErrorResponse::new(ErrorCode::InvalidNonce, "fetch another");
    assert_eq!(error.to_string(), "invalid_nonce: fetch another");
    assert_eq!(ErrorResponse::from_json(&bytes(&error)).unwrap(), error);
    let read = |value: Value| ErrorResponse::from_json(&bytes(&value));
    let loud = read(json!({ "error": "slow_down", "error_description": "\u{1b}[2J" })).unwrap();
    assert_eq!(loud.error, ErrorCode::Other("slow_down".to_owned()));
    assert_eq!(loud.error_description, None);
    assert!(read(json!({ "error": "not a code" })).is_err());
    assert!(read(json!({})).is_err());
}

#[test]
fn a_proof_is_signed_by_the_key_in_its_header() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let holder = HolderSecret::from_bytes(&[5; 32]).unwrap().commitment();
    let audience = issuer();
    let claims =
        ProofClaims { audience: &audience, issued_at: 1_701_960_444, nonce: Some("n"), holder };
    let jwt = claims.sign(&key);
    let parts: Vec<&str> = jwt.split('.').collect();
    let json = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let header = json(parts[0]);
    assert_eq!((&header["typ"], &header["alg"]), (&json!(PROOF_TYP), &json!("EdDSA")));
    let x: [u8; 32] =
        URL_SAFE_NO_PAD.decode(header["jwk"]["x"].as_str().unwrap()).unwrap().try_into().unwrap();
    assert_eq!(
        json(parts[1]),
        json!({ "aud": ISSUER, "iat": 1_701_960_444, "nonce": "n", HOLDER_CLAIM: holder.to_string() })
    );
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
    let signed = jwt.rsplit_once('.').unwrap().0;
    VerifyingKey::from_bytes(&x).unwrap().verify_strict(signed.as_bytes(), &signature).unwrap();
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), text in ".*") {
        let _ = CredentialOffer::from_json(&bytes);
        let _ = IssuerMetadata::from_json(&bytes, &issuer());
        let _ = ServerMetadata::from_json(&bytes, &issuer());
        let _ = TokenRequest::from_form(&bytes);
        let _ = TokenResponse::from_json(&bytes);
        let _ = CredentialRequest::from_json(&bytes);
        let _ = CredentialResponse::from_json(&bytes);
        let _ = Notification::from_json(&bytes);
        let _ = ErrorResponse::from_json(&bytes);
        let _ = format!("openid-credential-offer://?{text}").parse::<OfferLink>();
    }
}
