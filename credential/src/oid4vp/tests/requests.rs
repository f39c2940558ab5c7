use super::*;

#[test]
fn a_request_of_our_format_and_its_request_object_are_made_of_each_other() {
    let key = EncryptionSecret::random(&mut rng()).public();
    for mode in [ResponseMode::DirectPost, ResponseMode::encrypted(key)] {
        let asked = AuthorizationRequest::of(&request(), mode, NOW);
        let read = AuthorizationRequest::from_claims(&asked.to_claims()).unwrap();
        assert_eq!(read, asked);
        assert_eq!(read.presentation_request().unwrap(), request());
    }
}

#[test]
fn a_request_object_has_the_members_that_the_specification_names() {
    let key = EncryptionSecret::random(&mut rng()).public();
    let claims =
        AuthorizationRequest::of(&request(), ResponseMode::encrypted(key), NOW).to_claims();
    assert_eq!(claims["client_id"], format!("decentralized_identifier:{DID}"));
    assert_eq!(claims["response_type"], "vp_token");
    assert_eq!(claims["response_mode"], "direct_post.jwt");
    assert_eq!(claims["aud"], "https://self-issued.me/v2");
    assert_eq!(claims["state"], "r-1");
    assert_eq!(claims["exp"], NOW + 300);
    let metadata = &claims["client_metadata"];
    let jwk = &metadata["jwks"]["keys"][0];
    assert_eq!(
        (&jwk["kty"], &jwk["alg"], &jwk["use"]),
        (&json!("EC"), &json!("ECDH-ES"), &json!("enc"))
    );
    assert_eq!(metadata["encrypted_response_enc_values_supported"], json!(["A256GCM", "A128GCM"]));
    assert!(metadata["vp_formats_supported"][crate::presentation::FORMAT].is_object());
    let credential = &claims["dcql_query"]["credentials"][0];
    assert_eq!(credential["id"], "licence");
    assert_eq!(credential["meta"]["scope"], json!({ "purpose": "shift cover", "epoch": 3 }));
    assert_eq!(credential["meta"]["zk_system_type"][0]["system"], "groth16-bn254");
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = asked().to_claims();
    change(&mut claims);
    AuthorizationRequest::from_claims(&claims).unwrap_err().to_string()
}

#[test]
fn a_request_that_would_be_misread_is_refused() {
    let with = |member: &str, value: Value| refused(|claims| claims[member] = value);
    assert!(with("response_type", json!("code")).starts_with("response_type"));
    assert!(with("response_mode", json!("fragment")).starts_with("response_mode"));
    assert!(with("response_mode", json!("direct_post.jwt")).starts_with("client_metadata.jwks"));
    for other in [DID, "redirect_uri:https://a.example", "x509_san_dns:a.example"] {
        assert!(with("client_id", json!(other)).starts_with("client_id"), "{other}");
    }
    assert!(with("redirect_uri", json!("https://a.example")).starts_with("redirect_uri"));
    assert!(with("request_uri", json!("https://a.example")).starts_with("request_uri"));
    assert!(with("scope", json!("licence")).starts_with("scope"));
    assert!(with("transaction_data", json!(["e30"])).starts_with("transaction_data"));
    assert!(with("presentation_definition", json!({})).starts_with("presentation_definition"));
    assert!(with("nonce", json!("short")).starts_with("nonce"));
    assert!(with("state", json!(null)).starts_with("state"));
    assert!(with("purpose", json!("a\u{202e}\n")).starts_with("purpose"));
    assert!(with("dcql_query", json!(null)).starts_with("dcql_query"));
}

#[test]
fn members_that_are_not_known_are_passed_over() {
    let mut claims = asked().to_claims();
    claims["verifier_info"] = json!([]);
    claims["iss"] = json!("anybody");
    claims["dcql_query"]["credentials"][0]["hint"] = json!(1);
    assert_eq!(AuthorizationRequest::from_claims(&claims).unwrap(), asked());
}

#[test]
fn a_query_that_asks_another_question_than_is_served_is_refused() {
    let with = |member: &str, value: Value| {
        refused(|claims| claims["dcql_query"]["credentials"][0][member] = value)
    };
    assert!(with("multiple", json!(true)).contains("multiple"));
    assert!(with("require_cryptographic_holder_binding", json!(false)).contains("holder binding"));
    assert!(with("trusted_authorities", json!([])).contains("trusted_authorities"));
    assert!(with("claim_sets", json!([["a"]])).contains("claim_sets"));
    assert!(with("claims", json!([{ "path": ["npi"] }])).contains("claims"));
    assert!(with("format", json!("dc+sd-jwt")).contains("format"));
    assert!(with("id", json!("a b")).contains("credentials[0].id"));
    let meta = |member: &str, value: Value| {
        refused(|claims| claims["dcql_query"]["credentials"][0]["meta"][member] = value)
    };
    assert!(meta("issuer", json!("0x00")).contains("meta has a member that is not defined"));
    assert!(meta("policy", json!({})).contains("is required"));
    assert!(meta("parameters", json!({ "county": "CA" })).contains("parameters"));
    let twice = |claims: &mut Value| {
        let credentials = claims["dcql_query"]["credentials"].as_array_mut().unwrap();
        credentials.push(credentials[0].clone());
    };
    assert!(refused(twice).contains("has an id twice"));
}

#[test]
fn credential_sets_are_taken_if_they_leave_no_choice() {
    let with = |sets: Value| {
        let mut claims = asked().to_claims();
        claims["dcql_query"]["credential_sets"] = sets;
        AuthorizationRequest::from_claims(&claims)
    };
    assert_eq!(with(json!([{ "options": [["licence"]] }])).unwrap(), asked());
    assert_eq!(with(json!([{ "options": [["licence"]], "required": true }])).unwrap(), asked());
    for sets in [
        json!([{ "options": [["licence"]], "required": false }]),
        json!([{ "options": [["licence"], ["licence"]] }]),
        json!([{ "options": [["other"]] }]),
        json!([{ "options": [[]] }]),
        json!([]),
    ] {
        assert!(with(sets).is_err());
    }
}

#[test]
fn queries_under_several_scopes_are_not_one_request() {
    let mut asked = asked();
    let mut other = asked.dcql_query.credentials[0].clone();
    other.id = id("second");
    if let Asked::Zk(query) = &mut other.asked {
        query.scope.epoch += 1;
    }
    asked.dcql_query.credentials.push(other);
    assert!(matches!(asked.presentation_request(), Err(Oid4vpError::Unsupported(_))));
}

#[test]
fn a_plain_query_reads_back_and_selects_what_it_asks_for() {
    let query = json!({ "credentials": [{
        "id": "licence", "format": "ldp_vc",
        "meta": { "type_values": [["ProviderCredential"], ["A", "B"]] },
        "claims": [
            { "id": "state", "path": ["credentialSubject", "jurisdiction"], "values": ["TX", "CA"] },
            { "path": ["credentialSubject", "standing", null] },
            { "path": ["credentialSubject", "standing", 1] },
        ],
    }] });
    let read = DcqlQuery::from_value(&query).unwrap();
    assert_eq!(read.to_json(), query);
    let Asked::Plain(plain) = &read.credentials[0].asked else { unreachable!() };
    let credential =
        json!({ "credentialSubject": { "jurisdiction": "CA", "standing": ["a", "b"] } });
    let selected = |claim: usize| plain.claims[claim].select(&credential);
    assert_eq!(selected(0), [&json!("CA")]);
    assert_eq!(selected(1), [&json!("a"), &json!("b")]);
    assert_eq!(selected(2), [&json!("b")]);
    assert_eq!(plain.claims[1].pointer(), "credentialSubject.standing.*");
    let other = json!({ "credentialSubject": { "jurisdiction": "NY", "standing": "a" } });
    assert!(plain.claims.iter().all(|claim| claim.select(&other).is_empty()));
    for (pointer, wrong) in [
        ("/credentials/0/meta/type_values", json!([])),
        ("/credentials/0/meta/type_values/0", json!([])),
        ("/credentials/0/claims/0/path", json!([])),
        ("/credentials/0/claims/0/path/0", json!(-1)),
        ("/credentials/0/claims/0/values", json!([{}])),
    ] {
        let mut query = query.clone();
        *query.pointer_mut(pointer).unwrap() = wrong;
        assert!(DcqlQuery::from_value(&query).is_err(), "{pointer}");
    }
}

#[test]
fn a_link_reads_back_and_names_verifier_and_place() {
    let link = RequestLink {
        client_id: DID.parse().unwrap(),
        request_uri: "https://clinic.example/t/a/oid4vp/requests/r-1".parse().unwrap(),
    };
    let text = link.to_string();
    assert!(text.starts_with("openid4vp://?client_id=decentralized_identifier%3Adid%3Aethr%3A"));
    assert_eq!(text.parse::<RequestLink>().unwrap(), link);
    assert_eq!(format!("{text}&request_uri_method=post").parse::<RequestLink>().unwrap(), link);
    let authorize = text.replace("openid4vp://", "openid4vp://authorize");
    assert_eq!(authorize.parse::<RequestLink>().unwrap(), link);
    for wrong in [
        text.replace("openid4vp", "https"),
        text.replace("decentralized_identifier%3A", ""),
        text.replace("decentralized_identifier", "redirect_uri"),
        text.replace("https", "file"),
        format!("{text}&request_uri_method=put"),
        format!("{text}&client_id=again"),
        format!("{text}&request=e30"),
        "openid4vp://?client_id=a".to_owned(),
        format!("{text}&{}", "x".repeat(5000)),
    ] {
        assert!(wrong.parse::<RequestLink>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn requests_of_any_scope_and_purpose_read_back(
        purpose in "[^\\p{Cc}]{1,60}", study in "[^\\p{Cc}]{1,60}", epoch in any::<u64>(),
        state in "[A-Za-z0-9_-]{1,64}", expires_at in 0u64..1 << 40, max_age_s in 0u64..1 << 40,
    ) {
        let mut request = request();
        request.purpose = purpose;
        request.scope.purpose = study;
        request.scope.epoch = epoch;
        request.request_id = id(&state);
        (request.expires_at, request.max_age_s) = (expires_at, max_age_s);
        let asked = AuthorizationRequest::of(&request, ResponseMode::DirectPost, NOW);
        let text = asked.to_claims().to_string();
        let read = AuthorizationRequest::from_claims(&serde_json::from_str(&text).unwrap());
        prop_assert_eq!(read.unwrap().presentation_request().unwrap(), request);
    }

    #[test]
    fn any_link_is_read_or_refused(text in "(openid4vp://\\?)?.*") {
        let _ = text.parse::<RequestLink>();
    }
}
