//! What DID documents say of keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use k256::ecdsa::{RecoveryId, Signature, signature::hazmat::PrehashVerifier};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sha3::Keccak256;

use crate::base58::from_base58;

/// Multicodec prefix of an Ed25519 public key.
pub(crate) const ED25519: [u8; 2] = [0xed, 0x01];

/// A DID URL that may be written as its fragment alone.
pub(crate) fn absolute(did: &str, url: &str) -> String {
    if url.starts_with('#') { format!("{did}{url}") } else { url.to_owned() }
}

/// The Ed25519 key of a verification method, in any of the forms that DID documents use.
pub(crate) fn ed25519_key(method: &Value) -> Option<[u8; 32]> {
    let member = |name: &str| method[name].as_str();
    let bytes = if let Some(text) = member("publicKeyMultibase") {
        let bytes = from_base58(text.strip_prefix('z')?)?;
        match bytes.strip_prefix(&ED25519) {
            Some(key) => key.to_vec(),
            None => bytes,
        }
    } else if let Some(text) = member("publicKeyHex") {
        hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()?
    } else if let Some(text) = member("publicKeyBase58") {
        from_base58(text)?
    } else if method["publicKeyJwk"]["crv"] == "Ed25519" {
        URL_SAFE_NO_PAD.decode(method["publicKeyJwk"]["x"].as_str()?).ok()?
    } else {
        return None;
    };
    bytes.try_into().ok()
}

/// A key that signs, by what a DID document says of it.
#[derive(Clone, Debug)]
pub(crate) enum VerifyingKey {
    /// An Ed25519 key.
    Ed25519([u8; 32]),
    /// A point of secp256k1.
    Secp256k1(Box<k256::ecdsa::VerifyingKey>),
    /// The address of an account, which is of the key that its signatures give.
    Account([u8; 20]),
}

impl VerifyingKey {
    /// Whether the key is an account's: its signatures by ES256K hold for the one.
    pub(crate) fn is_of_account(&self, address: &[u8; 20]) -> bool {
        match self {
            Self::Ed25519(_) => false,
            Self::Secp256k1(key) => address_of(key) == *address,
            Self::Account(account) => account == address,
        }
    }

    /// Whether a signature of a message holds: EdDSA for Ed25519 keys, ES256K for the others.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            Self::Ed25519(key) => ed25519_dalek::VerifyingKey::from_bytes(key).is_ok_and(|key| {
                let signature = ed25519_dalek::Signature::from_bytes(signature);
                key.verify_strict(message, &signature).is_ok()
            }),
            Self::Secp256k1(key) => lower_half(signature)
                .is_some_and(|signature| key.verify_prehash(&digest(message), &signature).is_ok()),
            Self::Account(address) => lower_half(signature).is_some_and(|signature| {
                [0, 1].into_iter().filter_map(RecoveryId::from_byte).any(|parity| {
                    let hash = digest(message);
                    let key =
                        k256::ecdsa::VerifyingKey::recover_from_prehash(&hash, &signature, parity);
                    key.is_ok_and(|key| address_of(&key) == *address)
                })
            }),
        }
    }
}

fn digest(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// The signature with the lower of the two values of s: RFC 8812 admits both.
fn lower_half(signature: &[u8; 64]) -> Option<Signature> {
    let signature = Signature::from_slice(signature).ok()?;
    Some(signature.normalize_s().unwrap_or(signature))
}

fn address_of(key: &k256::ecdsa::VerifyingKey) -> [u8; 20] {
    let point = key.to_encoded_point(false);
    let hash = Keccak256::digest(&point.as_bytes()[1..]);
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    address
}

/// The key of a verification method that a DID document lists for authentication or assertions.
/// `did:ethr` DIDs are the same in any case of their letters; fragments are not.
pub(crate) fn verification_key(document: &Value, did: &str, kid: &str) -> Option<VerifyingKey> {
    let (kid_did, fragment) = kid.split_once('#')?;
    let is_did = |text: &str| text.eq_ignore_ascii_case(did);
    let is_kid = |url: &str| {
        absolute(did, url).split_once('#').is_some_and(|(of, name)| is_did(of) && name == fragment)
    };
    if !is_did(kid_did) || !document["id"].as_str().is_some_and(is_did) {
        return None;
    }
    let entries = |member: &str| document[member].as_array().into_iter().flatten();
    let is_listed = |member: &str| entries(member).any(|entry| entry.as_str().is_some_and(is_kid));
    if !is_listed("authentication") && !is_listed("assertionMethod") {
        return None;
    }
    let is_method = |method: &&Value| method["id"].as_str().is_some_and(is_kid);
    let method = entries("verificationMethod").find(is_method)?;
    if !method["controller"].as_str().is_some_and(is_did) {
        return None;
    }
    match method["type"].as_str()? {
        "EcdsaSecp256k1RecoveryMethod2020" => account(method).map(VerifyingKey::Account),
        "EcdsaSecp256k1VerificationKey2019" => {
            let point = hex::decode(method["publicKeyHex"].as_str()?).ok()?;
            let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
            Some(VerifyingKey::Secp256k1(Box::new(key)))
        }
        "Ed25519VerificationKey2018"
        | "Ed25519VerificationKey2020"
        | "Multikey"
        | "JsonWebKey2020" => ed25519_key(method).map(VerifyingKey::Ed25519),
        _ => None,
    }
}

/// The address of `eip155:<chain>:0x<address>`.
fn account(method: &Value) -> Option<[u8; 20]> {
    let account = method["blockchainAccountId"].as_str()?.strip_prefix("eip155:")?;
    let (_, address) = account.split_once(":0x")?;
    hex::decode(address).ok()?.try_into().ok()
}
