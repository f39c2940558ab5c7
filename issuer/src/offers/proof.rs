//! Verification of key proofs of type `jwt`.

use attestry_circuits::HolderCommitment;
use attestry_credential::issuance::{
    ErrorCode, ErrorResponse, HOLDER_CLAIM, IssuerIdentifier, PROOF_TYP,
};
use attestry_credential::w3c::DidKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::Value;

/// Bytes of a proof, at most.
const LONGEST: usize = 8 * 1024;
/// How old a proof may be, seconds.
const MAX_AGE_S: u64 = 300;
/// How far a wallet's clock may be ahead, seconds.
const SKEW_S: u64 = 60;

/// What a proof shows.
#[derive(Debug)]
pub(super) struct Proven {
    /// Whom the credential is to be bound to.
    pub(super) holder: HolderCommitment,
    /// The nonce, still to be looked up.
    pub(super) nonce: String,
}

/// Checks everything about a proof but its nonce.
pub(super) fn verify(
    jwt: &str,
    audience: &IssuerIdentifier,
    now: u64,
) -> Result<Proven, ErrorResponse> {
    if jwt.len() > LONGEST {
        return Err(refuse("the proof is longer than 8192 bytes"));
    }
    // An algorithm that is not known here, `none` among them, has no header.
    let header = jsonwebtoken::decode_header(jwt);
    let header = header.map_err(|_| refuse("the proof is no JWT of an algorithm that is taken"))?;
    if header.typ.as_deref() != Some(PROOF_TYP) {
        return Err(refuse("typ is not openid4vci-proof+jwt"));
    }
    if !matches!(header.alg, Algorithm::EdDSA | Algorithm::ES256) {
        return Err(refuse("alg is not EdDSA or ES256"));
    }
    if header.crit.is_some() {
        return Err(refuse("crit names what is not understood"));
    }
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    // Audience and times are checked below, by the clock that the issuer was given.
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) =
        (false, false, false);
    let verified = jsonwebtoken::decode::<Value>(jwt, &key(&header)?, &validation);
    let verified = verified.map_err(|_| refuse("the signature does not hold for the key"))?;
    check_claims(&verified.claims, audience, now)
}

fn check_claims(
    claims: &Value,
    audience: &IssuerIdentifier,
    now: u64,
) -> Result<Proven, ErrorResponse> {
    if claims["aud"] != audience.as_str() {
        return Err(refuse("aud is not this issuer"));
    }
    if !claims["iss"].is_null() {
        return Err(refuse("iss is to be left out by an anonymous wallet"));
    }
    let issued_at = seconds(&claims["iat"]).ok_or(refuse("iat is not a time"))?;
    if issued_at > now.saturating_add(SKEW_S) || issued_at < now.saturating_sub(MAX_AGE_S) {
        return Err(refuse("iat is not within the last five minutes"));
    }
    let expires_at = &claims["exp"];
    if !expires_at.is_null() && seconds(expires_at).is_none_or(|expires_at| expires_at <= now) {
        return Err(refuse("exp is past or not a time"));
    }
    let nonce = claims["nonce"].as_str().ok_or(refuse("nonce is required"))?;
    let holder = claims[HOLDER_CLAIM].as_str().and_then(|text| text.parse().ok());
    let holder = holder.ok_or(refuse("attestry_holder_commitment is not a holder commitment"))?;
    Ok(Proven { holder, nonce: nonce.to_owned() })
}

/// The key that the header names, of the kind that the algorithm takes.
fn key(header: &Header) -> Result<DecodingKey, ErrorResponse> {
    if header.x5c.is_some() || header.x5u.is_some() || header.jku.is_some() {
        return Err(refuse("the key is not named by jwk or by the kid of a did:key"));
    }
    let key = match (&header.jwk, &header.kid) {
        (Some(jwk), None) => key_of_jwk(header.alg, jwk),
        (None, Some(kid)) => match (header.alg, DidKey::from_url(kid)) {
            (Algorithm::EdDSA, Some(DidKey::Ed25519(key))) => Some(DecodingKey::from_ed_der(&key)),
            (Algorithm::ES256, Some(DidKey::P256(point))) => Some(DecodingKey::from_ec_der(&point)),
            _ => None,
        },
        _ => return Err(refuse("one of jwk and kid is to name the key")),
    };
    key.ok_or(refuse("the key is not one for the algorithm"))
}

fn key_of_jwk(algorithm: Algorithm, jwk: &Jwk) -> Option<DecodingKey> {
    match (algorithm, &jwk.algorithm) {
        (Algorithm::EdDSA, AlgorithmParameters::OctetKeyPair(key))
            if key.curve == EllipticCurve::Ed25519 =>
        {
            DecodingKey::from_ed_components(&key.x).ok()
        }
        (Algorithm::ES256, AlgorithmParameters::EllipticCurve(key))
            if key.curve == EllipticCurve::P256 =>
        {
            DecodingKey::from_ec_components(&key.x, &key.y).ok()
        }
        _ => None,
    }
}

/// A NumericDate in whole seconds.
fn seconds(value: &Value) -> Option<u64> {
    let fraction = || value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds));
    value.as_u64().or_else(|| fraction().map(|seconds| seconds as u64))
}

const fn refuse(words: &'static str) -> ErrorResponse {
    ErrorResponse::new(ErrorCode::InvalidProof, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attestry_circuits::HolderSecret;
    use attestry_credential::issuance::ProofClaims;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use ed25519_dalek::{Signer, SigningKey};
    use jsonwebtoken::EncodingKey;
    use serde_json::json;

    const NOW: u64 = 1_790_000_000;
    /// Test vector of the did:key method's specification.
    const P256_DID: &str = "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169";

    /// Two P-256 keys, PKCS #8 in Base64, and the public point of the first.
    const P256_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguNWszmH5sfSqJSyDJpHgevy8Ua20QcYYAPj7LtB9RQmhRANCAARvF7CpJMKDtGUUjsMWAXnBwG0ENfdUUG7xj89CqwDn7KO0oRX7Snd5+dMV6//AOcQtPdFerEI9NC0QF3sltLGW";
    const OTHER_P256_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgL7oAxUm/foZj6ej9ISQXPgZn0hTWEMvFuIJBK4LDJT6hRANCAASvYW48aukVRkNBaISquaDCx1xLj5/HKYAT4+gHSStlxMsuR2SEaRZQA/6UZ4QTN+KmjWuq35mOne3+KF6d30Zg";
    const P256_POINT: [u8; 33] = [
        0x02, 0x6f, 0x17, 0xb0, 0xa9, 0x24, 0xc2, 0x83, 0xb4, 0x65, 0x14, 0x8e, 0xc3, 0x16, 0x01,
        0x79, 0xc1, 0xc0, 0x6d, 0x04, 0x35, 0xf7, 0x54, 0x50, 0x6e, 0xf1, 0x8f, 0xcf, 0x42, 0xab,
        0x00, 0xe7, 0xec,
    ];

    fn p256_key(pkcs8: &str) -> EncodingKey {
        let pkcs8 = base64::engine::general_purpose::STANDARD.decode(pkcs8).unwrap();
        EncodingKey::from_ec_der(&pkcs8)
    }

    fn issuer() -> IssuerIdentifier {
        "https://board.example/t/texas".parse().unwrap()
    }

    fn holder() -> HolderCommitment {
        HolderSecret::from_bytes(&[5; 32]).unwrap().commitment()
    }

    fn wallet_key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn header() -> Value {
        let x = URL_SAFE_NO_PAD.encode(wallet_key().verifying_key().as_bytes());
        json!({
            "typ": PROOF_TYP, "alg": "EdDSA",
            "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x },
        })
    }

    fn claims() -> Value {
        json!({ "aud": issuer(), "iat": NOW, "nonce": "n", HOLDER_CLAIM: holder() })
    }

    fn sign(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = wallet_key().sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn words(jwt: &str) -> String {
        let error = verify(jwt, &issuer(), NOW).unwrap_err();
        assert_eq!(error.error, ErrorCode::InvalidProof);
        error.error_description.unwrap().into_owned()
    }

    #[test]
    fn a_wallets_own_proof_holds() {
        let audience = issuer();
        let claims =
            ProofClaims { audience: &audience, issued_at: NOW, nonce: Some("n"), holder: holder() };
        let proven = verify(&claims.sign(&wallet_key()), &issuer(), NOW).unwrap();
        assert_eq!((proven.holder, proven.nonce.as_str()), (holder(), "n"));
    }

    #[test]
    fn a_header_that_breaks_a_rule_is_refused() {
        let with = |name: &str, value: Value| {
            let mut header = header();
            header[name] = value;
            words(&sign(&header, &claims()))
        };
        assert!(with("typ", json!("JWT")).starts_with("typ"));
        assert!(with("typ", Value::Null).starts_with("typ"));
        assert!(with("alg", json!("none")).starts_with("the proof is no JWT"));
        assert!(with("alg", json!("HS256")).starts_with("alg"));
        assert!(with("alg", json!("RS256")).starts_with("alg"));
        assert!(with("alg", json!("ES256")).starts_with("the key is not one"));
        assert!(with("crit", json!(["b64"])).starts_with("crit"));
        assert!(with("kid", json!("did:key:z6Mk#z6Mk")).starts_with("one of jwk and kid"));
        assert!(with("jwk", Value::Null).starts_with("one of jwk and kid"));
        assert!(with("x5c", json!(["MIID"])).starts_with("the key is not named"));
        let mut other = header();
        other["jwk"]["x"] = json!(URL_SAFE_NO_PAD.encode([9; 32]));
        assert!(words(&sign(&other, &claims())).starts_with("the signature"));
        assert!(words("a.b.c").starts_with("the proof is no JWT"));
        assert!(words(&"a".repeat(LONGEST + 1)).starts_with("the proof is longer"));
    }

    #[test]
    fn an_unsigned_proof_is_refused() {
        let mut none = header();
        none["alg"] = json!("none");
        let jwt = sign(&none, &claims());
        let unsigned = format!("{}.", jwt.rsplit_once('.').unwrap().0);
        assert!(words(&unsigned).starts_with("the proof is no JWT"));
        let jwt = sign(&header(), &claims());
        let unsigned = format!("{}.", jwt.rsplit_once('.').unwrap().0);
        assert!(words(&unsigned).starts_with("the signature"));
    }

    #[test]
    fn claims_that_break_a_rule_are_refused() {
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            words(&sign(&header(), &claims))
        };
        assert!(with("aud", json!("https://board.example")).starts_with("aud"));
        assert!(with("aud", json!([issuer()])).starts_with("aud"));
        assert!(with("iss", json!("wallet")).starts_with("iss"));
        for iat in [json!(NOW + 61), json!(NOW - 301), json!("now"), Value::Null, json!(-1)] {
            assert!(with("iat", iat).starts_with("iat"));
        }
        assert!(with("exp", json!(NOW)).starts_with("exp"));
        assert!(with("nonce", Value::Null).starts_with("nonce"));
        assert!(with(HOLDER_CLAIM, Value::Null).starts_with("attestry_holder_commitment"));
        assert!(with(HOLDER_CLAIM, json!("0x01")).starts_with("attestry_holder_commitment"));
        for iat in [json!(NOW + 60), json!(NOW - 300), json!(NOW as f64 + 0.5)] {
            let mut claims = claims();
            claims["iat"] = iat;
            assert!(verify(&sign(&header(), &claims), &issuer(), NOW).is_ok());
        }
    }

    #[test]
    fn a_did_key_names_its_key() {
        let key = wallet_key().verifying_key().to_bytes();
        let did = DidKey::Ed25519(key).to_string();
        let fragment = did.strip_prefix("did:key:").unwrap();
        let header = |kid: &str| json!({ "typ": PROOF_TYP, "alg": "EdDSA", "kid": kid });
        let jwt = sign(&header(&format!("{did}#{fragment}")), &claims());
        assert!(verify(&jwt, &issuer(), NOW).is_ok());
        for kid in [&did, &format!("{did}#z6Mk"), "did:web:board.example#k", P256_DID] {
            assert!(words(&sign(&header(kid), &claims())).starts_with("the key is not one"));
        }
    }

    /// By aws-lc, with the key as JWK and as did:key.
    #[test]
    fn proofs_by_p256_keys_hold() {
        let did = DidKey::P256(P256_POINT).to_string();
        let fragment = did.strip_prefix("did:key:").unwrap().to_owned();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(PROOF_TYP.to_owned());
        header.kid = Some(format!("{did}#{fragment}"));
        let key = p256_key(P256_KEY);
        let jwt = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert!(verify(&jwt, &issuer(), NOW).is_ok());
        header.kid = None;
        header.jwk = Some(Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap());
        let jwt = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert!(verify(&jwt, &issuer(), NOW).is_ok());
        let forged = jsonwebtoken::encode(&header, &claims(), &p256_key(OTHER_P256_KEY)).unwrap();
        assert!(words(&forged).starts_with("the signature"));
    }
}
