//! Keys that answers are encrypted to: P-256, made for one request each.

use std::fmt;

use ark_std::rand::{CryptoRng, RngCore};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{
    EncodedPoint, PublicKey, SecretKey,
    elliptic_curve::{
        point::AffineCoordinates,
        sec1::{FromEncodedPoint, ToEncodedPoint},
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The key agreement's name.
pub(super) const ECDH_ES: &str = "ECDH-ES";

/// A public key that answers are encrypted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionKey {
    pub(super) point: PublicKey,
    /// Its name, which the encrypted answer repeats.
    pub(super) kid: Option<String>,
}

/// The secret part of such a key. Zeroized on drop, never printed.
#[derive(Clone, PartialEq)]
pub struct EncryptionSecret(SecretKey);

impl fmt::Debug for EncryptionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionSecret(redacted)")
    }
}

impl EncryptionSecret {
    /// A fresh key.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self(SecretKey::random(rng))
    }

    /// The key with this scalar, 32 bytes big-endian; none if it is 0 or not below the order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        SecretKey::from_slice(bytes).ok().map(Self)
    }

    /// The scalar, 32 bytes big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// The public part, named by a hash of itself.
    pub fn public(&self) -> EncryptionKey {
        let point = self.0.public_key();
        let hash = Sha256::digest(point.to_encoded_point(false).as_bytes());
        EncryptionKey { point, kid: Some(URL_SAFE_NO_PAD.encode(&hash[..16])) }
    }

    /// The x coordinate of the shared point, 32 bytes big-endian.
    pub(super) fn agree(&self, other: &PublicKey) -> Zeroizing<[u8; 32]> {
        let shared = other.to_projective() * *self.0.to_nonzero_scalar();
        Zeroizing::new(shared.to_affine().x().into())
    }
}

impl EncryptionKey {
    /// The key as a JWK.
    pub fn to_jwk(&self) -> Value {
        let mut jwk = point_to_jwk(&self.point);
        jwk["use"] = json!("enc");
        jwk["alg"] = json!(ECDH_ES);
        if let Some(kid) = &self.kid {
            jwk["kid"] = json!(kid);
        }
        jwk
    }

    /// The key of a JWK; none if it is not a point of P-256 for ECDH-ES.
    pub(super) fn from_jwk(jwk: &Value) -> Option<Self> {
        let for_us = jwk["alg"] == ECDH_ES && (jwk["use"].is_null() || jwk["use"] == "enc");
        let kid = match &jwk["kid"] {
            Value::Null => None,
            Value::String(kid) if kid.len() <= 256 => Some(kid.clone()),
            _ => return None,
        };
        for_us.then(|| point_from_jwk(jwk)).flatten().map(|point| Self { point, kid })
    }
}

pub(super) fn point_to_jwk(point: &PublicKey) -> Value {
    let point = point.to_encoded_point(false);
    let part = |bytes: Option<&p256::FieldBytes>| bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    json!({ "kty": "EC", "crv": "P-256", "x": part(point.x()), "y": part(point.y()) })
}

/// The point of a JWK; none if it is not on P-256.
pub(super) fn point_from_jwk(jwk: &Value) -> Option<PublicKey> {
    if jwk["kty"] != "EC" || jwk["crv"] != "P-256" {
        return None;
    }
    let part = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok()?;
        <[u8; 32]>::try_from(bytes).ok()
    };
    let point =
        EncodedPoint::from_affine_coordinates(&part("x")?.into(), &part("y")?.into(), false);
    Option::from(PublicKey::from_encoded_point(&point))
}
