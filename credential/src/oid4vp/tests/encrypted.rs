//! Encryption of answers.

use super::*;
use crate::oid4vp::{jwe::derive, key::point_from_jwk};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

fn secret(d: &str) -> EncryptionSecret {
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(d).unwrap().try_into().unwrap();
    EncryptionSecret::from_bytes(&bytes).unwrap()
}

/// RFC 7518, Appendix C.
#[test]
fn the_key_agreement_is_that_of_rfc_7518() {
    let alice = secret("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo");
    let bob = secret("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw");
    let alice_public = json!({
        "kty": "EC", "crv": "P-256",
        "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
    });
    let bob_public = json!({
        "kty": "EC", "crv": "P-256",
        "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
    });
    let (alice_public, bob_public) =
        (point_from_jwk(&alice_public).unwrap(), point_from_jwk(&bob_public).unwrap());
    for shared in [alice.agree(&bob_public), bob.agree(&alice_public)] {
        let key = derive(&shared, ContentEncryption::A128Gcm, b"Alice", b"Bob");
        assert_eq!(URL_SAFE_NO_PAD.encode(&key), "VqqN6vgjbSBcIijNcacQGg");
    }
}

fn jwe() -> (String, EncryptionSecret) {
    let secret = EncryptionSecret::random(&mut rng());
    let jwe = encrypt(b"{}", &secret.public(), ContentEncryption::A256Gcm, &mut rng()).unwrap();
    (jwe, secret)
}

#[test]
fn both_encryptions_open_under_the_key_and_no_other() {
    let secret = EncryptionSecret::random(&mut rng());
    let other = EncryptionSecret::from_bytes(&[1; 32]).unwrap();
    for encryption in ContentEncryption::ALL {
        let jwe = encrypt(b"plain", &secret.public(), encryption, &mut rng()).unwrap();
        assert_eq!(&**decrypt(&jwe, &secret).unwrap(), b"plain");
        assert!(matches!(decrypt(&jwe, &other), Err(Oid4vpError::Encryption(_))));
    }
    let stored = EncryptionSecret::from_bytes(&secret.to_bytes()).unwrap();
    assert_eq!(stored.public(), secret.public());
    assert_eq!(format!("{secret:?}"), "EncryptionSecret(redacted)");
}

/// The same JWE under a header that was changed.
fn with_header(jwe: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, rest) = jwe.split_once('.').unwrap();
    let mut header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    change(&mut header);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn another_key_agreement_encryption_or_compression_is_refused() {
    let (jwe, secret) = jwe();
    let words = |jwe: &str| decrypt(jwe, &secret).unwrap_err().to_string();
    let with = |member: &str, value: Value| words(&with_header(&jwe, |h| h[member] = value));
    for alg in ["ECDH-ES+A128KW", "dir", "RSA-OAEP", "none"] {
        assert!(with("alg", json!(alg)).contains("alg"), "{alg}");
    }
    assert!(with("enc", json!("A128CBC-HS256")).contains("enc"));
    assert!(with("zip", json!("DEF")).contains("compressed"));
    assert!(with("crit", json!(["exp"])).contains("compressed"));
    assert!(with("kid", json!("another")).contains("not for this request's key"));
    assert!(with("apu", json!("QWxpY2U")).contains("not for this request's key"));
    assert!(with("epk", json!({})).contains("epk"));
    // A point that is not on the curve would give the secret away bit by bit.
    let off_curve = words(&with_header(&jwe, |header| {
        header["epk"]["y"] = json!(URL_SAFE_NO_PAD.encode([1; 32]));
    }));
    assert!(off_curve.contains("epk is not a point"));
    let (header, rest) = jwe.split_once('.').unwrap();
    assert!(words(&format!("{header}.AAAA{rest}")).contains("encrypted key"));
    for wrong in ["", "a.b", "....", &format!("{jwe}.a"), &"a".repeat(MAX_JWE + 1)] {
        assert!(decrypt(wrong, &secret).is_err());
    }
}

#[test]
fn a_key_for_another_use_or_curve_is_not_taken() {
    let jwk = EncryptionSecret::random(&mut rng()).public().to_jwk();
    assert!(EncryptionKey::from_jwk(&jwk).is_some());
    for (member, value) in [
        ("alg", json!("ECDH-ES+A256KW")),
        ("alg", Value::Null),
        ("use", json!("sig")),
        ("crv", json!("P-384")),
        ("kty", json!("OKP")),
        ("x", json!("AA")),
        ("y", json!(URL_SAFE_NO_PAD.encode([1; 32]))),
        ("kid", json!(1)),
    ] {
        let mut jwk = jwk.clone();
        jwk[member] = value;
        assert!(EncryptionKey::from_jwk(&jwk).is_none(), "{member}");
    }
}

proptest! {
    #[test]
    fn whatever_is_encrypted_reads_back(text in any::<Vec<u8>>(), seed in any::<u64>()) {
        let mut rng = StdRng::seed_from_u64(seed);
        let secret = EncryptionSecret::random(&mut rng);
        let jwe = encrypt(&text, &secret.public(), ContentEncryption::A128Gcm, &mut rng).unwrap();
        prop_assert_eq!(&**decrypt(&jwe, &secret).unwrap(), &text);
    }

    #[test]
    fn a_jwe_of_which_a_byte_has_changed_is_refused(at in any::<prop::sample::Index>(), to in any::<char>()) {
        let (jwe, secret) = jwe();
        let mut characters: Vec<char> = jwe.chars().collect();
        let at = at.index(characters.len());
        prop_assume!(characters[at] != to);
        characters[at] = to;
        let changed: String = characters.into_iter().collect();
        prop_assert!(decrypt(&changed, &secret).is_err());
    }
}
