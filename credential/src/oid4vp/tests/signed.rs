//! Signed requests, and what must not pass for one.

use super::*;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use k256::ecdsa::signature::hazmat::PrehashSigner;
use sha2::{Digest, Sha256};
use sha3::Keccak256;

fn account() -> k256::ecdsa::SigningKey {
    k256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The clinic's DID, of its account, in lower case.
fn clinic() -> ClientId {
    let point = account().verifying_key().to_encoded_point(false);
    let address = hex::encode(&Keccak256::digest(&point.as_bytes()[1..])[12..]);
    format!("did:ethr:0x7a69:0x{address}").parse().unwrap()
}

/// Its document, as the ledger gives it: with a checksummed address, here all in upper case.
fn document() -> Value {
    let address = clinic().as_str().rsplit_once("0x").unwrap().1.to_uppercase();
    let did = format!("did:ethr:0x7a69:0x{address}");
    let point = account().verifying_key().to_encoded_point(true);
    json!({
        "id": did,
        "verificationMethod": [
            { "id": format!("{did}#controller"), "type": "EcdsaSecp256k1RecoveryMethod2020",
              "controller": did, "blockchainAccountId": format!("eip155:31337:0x{address}") },
            { "id": format!("{did}#delegate-1"), "type": "Ed25519VerificationKey2018",
              "controller": did, "publicKeyHex": hex::encode(key().verifying_key()) },
            { "id": format!("{did}#delegate-2"), "type": "EcdsaSecp256k1VerificationKey2019",
              "controller": did, "publicKeyHex": hex::encode(point.as_bytes()) },
            { "id": format!("{did}#delegate-3"), "type": "Ed25519VerificationKey2018",
              "controller": did, "publicKeyHex": hex::encode(key().verifying_key()) },
        ],
        "authentication": [format!("{did}#controller")],
        "assertionMethod": [
            format!("{did}#controller"), format!("{did}#delegate-1"), format!("{did}#delegate-2"),
        ],
    })
}

fn asked() -> AuthorizationRequest {
    AuthorizationRequest { client_id: clinic(), ..super::asked() }
}

fn kid(fragment: &str) -> String {
    format!("{}#{fragment}", clinic())
}

fn by_account(unsigned: UnsignedRequest) -> String {
    let signature: k256::ecdsa::Signature = account().sign_prehash(&unsigned.digest()).unwrap();
    unsigned.with_signature(&signature.to_bytes().into())
}

fn by_key(unsigned: UnsignedRequest) -> String {
    let signature = key().sign(unsigned.as_bytes()).to_bytes();
    unsigned.with_signature(&signature)
}

/// The account's signature over any header and claims.
fn jws(header: &Value, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let input = format!("{}.{}", part(&header.to_string()), part(claims));
    let signature: k256::ecdsa::Signature =
        account().sign_prehash(&Sha256::digest(&input)).unwrap();
    format!("{input}.{}", part_of(&signature.to_bytes()))
}

fn part_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn header() -> Value {
    json!({ "typ": REQUEST_TYP, "alg": "ES256K", "kid": kid("controller") })
}

fn verify_by(jws: &str, document: &Value, now: u64) -> Result<AuthorizationRequest, Oid4vpError> {
    let clinic = clinic();
    let expected = Expected { client_id: &clinic, audience: SELF_ISSUED, now };
    SignedRequest::parse(jws.as_bytes())?.verify(&expected, document)
}

fn verify(jws: &str) -> Result<AuthorizationRequest, Oid4vpError> {
    verify_by(jws, &document(), NOW)
}

fn words(jws: &str) -> String {
    verify(jws).unwrap_err().to_string()
}

#[test]
fn requests_signed_by_the_account_and_by_published_keys_hold() {
    let asked = asked();
    for signed in [
        by_account(asked.unsigned(Algorithm::Es256k, &kid("controller"))),
        by_account(asked.unsigned(Algorithm::Es256k, &kid("delegate-2"))),
        by_key(asked.unsigned(Algorithm::EdDsa, &kid("delegate-1"))),
    ] {
        assert_eq!(verify(&signed).unwrap(), asked);
        assert_eq!(verify(&format!("{signed}\n")).unwrap(), asked);
        let claimed = SignedRequest::parse(signed.as_bytes()).unwrap().claimed_client_id();
        assert_eq!(claimed.unwrap(), clinic());
    }
}

#[test]
fn the_upper_of_the_two_signatures_of_an_account_holds_as_well() {
    let unsigned = asked().unsigned(Algorithm::Es256k, &kid("controller"));
    let signature: k256::ecdsa::Signature = account().sign_prehash(&unsigned.digest()).unwrap();
    let (r, s) = signature.split_scalars();
    let upper = k256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    assert!(verify(&unsigned.with_signature(&upper.to_bytes().into())).is_ok());
}

#[test]
fn a_key_that_is_not_the_verifiers_is_refused() {
    let asked = asked();
    let other_did = kid("controller").replace("0x7a69", "0x1");
    let cases = [
        // Another DID's key, a fragment that is not there, no fragment at all.
        by_account(asked.unsigned(Algorithm::Es256k, &other_did)),
        by_account(asked.unsigned(Algorithm::Es256k, &kid("delegate-9"))),
        by_account(asked.unsigned(Algorithm::Es256k, clinic().as_str())),
        // It is in the document, and not for this.
        by_key(asked.unsigned(Algorithm::EdDsa, &kid("delegate-3"))),
    ];
    for case in cases {
        assert!(words(&case).contains("kid is not a key of the verifier"), "{}", words(&case));
    }
    // The right name over another's signature, and a key under another's algorithm.
    let forged = asked.unsigned(Algorithm::Es256k, &kid("controller"));
    let signature = key().sign(forged.as_bytes()).to_bytes();
    assert!(words(&forged.with_signature(&signature)).contains("does not hold"));
    let crossed = by_key(asked.unsigned(Algorithm::EdDsa, &kid("controller")));
    assert!(words(&crossed).contains("alg is not that of the key"));
    let crossed = by_account(asked.unsigned(Algorithm::Es256k, &kid("delegate-1")));
    assert!(words(&crossed).contains("alg is not that of the key"));
}

#[test]
fn an_account_signs_by_the_methods_that_are_its_own_and_listed() {
    let address = |key: &k256::ecdsa::SigningKey| {
        let point = key.verifying_key().to_encoded_point(false);
        <[u8; 20]>::try_from(&Keccak256::digest(&point.as_bytes()[1..])[12..]).unwrap()
    };
    let own = address(&account());
    let check = |document: &Value, fragment: &str, address: &[u8; 20]| {
        check_account(&clinic(), document, &kid(fragment), address)
    };
    for fragment in ["controller", "delegate-2"] {
        assert_eq!(check(&document(), fragment, &own), Ok(()), "{fragment}");
        let other = address(&k256::ecdsa::SigningKey::from_slice(&[4; 32]).unwrap());
        assert!(check(&document(), fragment, &other).is_err(), "{fragment}");
    }
    // A key that is no account's, one that is not listed, none.
    for fragment in ["delegate-1", "delegate-3", "delegate-4"] {
        assert!(check(&document(), fragment, &own).is_err(), "{fragment}");
    }
    let mut deactivated = document();
    deactivated["verificationMethod"] = json!([]);
    assert!(check(&deactivated, "controller", &own).is_err());
}

#[test]
fn a_document_of_another_did_or_controller_is_refused() {
    let signed = by_account(asked().unsigned(Algorithm::Es256k, &kid("controller")));
    for (pointer, value) in [
        ("/id", json!(DID)),
        ("/verificationMethod/0/controller", json!(DID)),
        ("/verificationMethod/0/id", json!(format!("{DID}#controller"))),
        ("/verificationMethod/0/type", json!("Unknown2030")),
        ("/verificationMethod/0/blockchainAccountId", json!("eip155:1:0x00")),
        ("/verificationMethod", json!([])),
    ] {
        let mut document = document();
        *document.pointer_mut(pointer).unwrap() = value;
        assert!(verify_by(&signed, &document, NOW).is_err(), "{pointer}");
    }
    let mut unlisted = document();
    unlisted["authentication"] = json!([]);
    unlisted["assertionMethod"] = json!([]);
    assert!(verify_by(&signed, &unlisted, NOW).is_err());
    let mut other_account = document();
    other_account["verificationMethod"][0]["blockchainAccountId"] =
        json!(format!("eip155:31337:0x{}", "11".repeat(20)));
    let error = verify_by(&signed, &other_account, NOW).unwrap_err().to_string();
    assert!(error.contains("does not hold"));
}

#[test]
fn a_header_of_another_kind_is_refused() {
    let claims = asked().to_claims().to_string();
    let with = |member: &str, value: Value| {
        let mut header = header();
        header[member] = value;
        words(&jws(&header, &claims))
    };
    assert!(verify(&jws(&header(), &claims)).is_ok());
    assert!(with("typ", json!("JWT")).contains("typ"));
    assert!(with("typ", Value::Null).contains("typ"));
    for alg in ["none", "HS256", "RS256", "ES256", "ES256K-R", ""] {
        assert!(with("alg", json!(alg)).contains("alg is not EdDSA or ES256K"), "{alg}");
    }
    assert!(with("kid", Value::Null).contains("kid is required"));
    for name in ["crit", "jwk", "jku", "x5c", "x5u"] {
        assert!(with(name, json!(["exp"])).contains("the header names a key"), "{name}");
    }
}

#[test]
fn no_algorithm_is_no_signature() {
    let signed = by_account(asked().unsigned(Algorithm::Es256k, &kid("controller")));
    let (input, _) = signed.rsplit_once('.').unwrap();
    assert!(words(&format!("{input}.")).contains("signature of 64 bytes"));
    // The public key as the key of a MAC is never tried: its algorithm is not on the list.
    let mut header = header();
    header["alg"] = json!("HS256");
    assert!(words(&jws(&header, &asked().to_claims().to_string())).contains("alg is not"));
}

#[test]
fn a_request_for_another_or_of_another_time_is_refused() {
    let with = |member: &str, value: Value| {
        let mut claims = asked().to_claims();
        claims[member] = value;
        words(&jws(&header(), &claims.to_string()))
    };
    assert!(with("aud", json!("https://wallet.example")).contains("another audience"));
    assert!(with("aud", json!([SELF_ISSUED])).contains("aud is not a string"));
    assert!(with("aud", Value::Null).contains("aud is required"));
    assert!(with("exp", json!(NOW)).contains("expired"));
    assert!(with("exp", Value::Null).contains("exp is required"));
    assert!(with("iat", json!(NOW + 61)).contains("of the future"));
    assert!(with("nbf", json!(NOW + 61)).contains("of the future"));
    assert!(
        with("client_id", json!(format!("{CLIENT_ID_PREFIX}{DID}"))).contains("another verifier")
    );
    assert!(with("client_id", json!(clinic())).contains("client_id"));
    assert!(with("client_id", json!("redirect_uri:https://a.example")).contains("client_id"));
    let late = by_account(asked().unsigned(Algorithm::Es256k, &kid("controller")));
    assert!(verify_by(&late, &document(), NOW + 299).is_ok());
    assert!(verify_by(&late, &document(), NOW + 300).is_err());
}

#[test]
fn a_member_that_occurs_twice_is_refused() {
    let claims = asked().to_claims().to_string();
    let twice = claims.replacen('{', r#"{"nonce":"AAAAAAAAAAAAAAAAAAAAAA","#, 1);
    assert!(words(&jws(&header(), &twice)).contains("repeated members"));
    let deep = claims.replacen(r#""epoch":3"#, r#""epoch":4,"epoch":3"#, 1);
    assert_ne!(deep, claims);
    assert!(words(&jws(&header(), &deep)).contains("repeated members"));
    let signed = jws(&header(), &claims);
    let (_, rest) = signed.split_once('.').unwrap();
    let doubled = header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    assert!(words(&format!("{}.{rest}", part_of(doubled.as_bytes()))).contains("repeated members"));
}

#[test]
fn what_is_no_request_object_is_refused() {
    let signed = by_account(asked().unsigned(Algorithm::Es256k, &kid("controller")));
    for wrong in ["", "a.b.c", "..", &signed[1..], &format!("{signed}=="), &signed.replace('.', "")]
    {
        assert!(verify(wrong).is_err());
    }
    let long = vec![b'a'; MAX_SIGNED_REQUEST + 1];
    assert!(matches!(SignedRequest::parse(&long), Err(Oid4vpError::TooLong { .. })));
}

proptest! {
    #[test]
    fn a_request_of_which_a_byte_has_changed_is_refused(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let signed = by_account(asked().unsigned(Algorithm::Es256k, &kid("controller")));
        let mut bytes = signed.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to && !(at + 1 == bytes.len() && to.is_ascii_whitespace()));
        bytes[at] = to;
        let clinic = clinic();
        let expected = Expected { client_id: &clinic, audience: SELF_ISSUED, now: NOW };
        let read = SignedRequest::parse(&bytes).and_then(|read| read.verify(&expected, &document()));
        prop_assert!(read.is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = SignedRequest::parse(&bytes);
    }
}
