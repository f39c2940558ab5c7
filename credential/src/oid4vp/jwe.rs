//! Encrypted answers: JWE in compact form with ECDH-ES on P-256 (RFC 7516, RFC 7518 §4.6).

use aes_gcm::{
    Aes128Gcm, Aes256Gcm, Key, KeyInit,
    aead::{Aead, Payload},
};
use ark_std::rand::{CryptoRng, RngCore};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    EncryptionKey, EncryptionSecret, MAX_FORM, Oid4vpError,
    key::{ECDH_ES, point_from_jwk, point_to_jwk},
};
use crate::json;

/// Characters of an encrypted answer, at most.
pub const MAX_JWE: usize = MAX_FORM;

const MAX_HEADER: usize = 4096;
const TAG: usize = 16;

/// By what the answer is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncryption {
    /// AES-256 in GCM.
    A256Gcm,
    /// AES-128 in GCM.
    A128Gcm,
}

impl ContentEncryption {
    /// All that are known, the preferred first.
    pub const ALL: [Self; 2] = [Self::A256Gcm, Self::A128Gcm];

    /// The name in JWEs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::A256Gcm => "A256GCM",
            Self::A128Gcm => "A128GCM",
        }
    }

    /// The encryption of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    fn key_bytes(self) -> usize {
        match self {
            Self::A256Gcm => 32,
            Self::A128Gcm => 16,
        }
    }

    fn seal(self, key: &[u8], iv: &[u8; 12], payload: Payload<'_, '_>) -> Option<Vec<u8>> {
        match self {
            Self::A256Gcm => {
                Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key)).encrypt(iv.into(), payload)
            }
            Self::A128Gcm => {
                Aes128Gcm::new(Key::<Aes128Gcm>::from_slice(key)).encrypt(iv.into(), payload)
            }
        }
        .ok()
    }

    fn open(self, key: &[u8], iv: &[u8; 12], payload: Payload<'_, '_>) -> Option<Vec<u8>> {
        match self {
            Self::A256Gcm => {
                Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key)).decrypt(iv.into(), payload)
            }
            Self::A128Gcm => {
                Aes128Gcm::new(Key::<Aes128Gcm>::from_slice(key)).decrypt(iv.into(), payload)
            }
        }
        .ok()
    }
}

/// The key that RFC 7518 §4.6.2 derives of a shared secret, for direct use: one round of the
/// Concat KDF, which is enough for keys of up to 256 bits.
pub(super) fn derive(
    shared: &[u8; 32],
    encryption: ContentEncryption,
    apu: &[u8],
    apv: &[u8],
) -> Zeroizing<Vec<u8>> {
    let length = |bytes: &[u8]| (bytes.len() as u32).to_be_bytes();
    let mut hasher = Sha256::new();
    hasher.update(1_u32.to_be_bytes());
    hasher.update(shared);
    for part in [encryption.name().as_bytes(), apu, apv] {
        hasher.update(length(part));
        hasher.update(part);
    }
    hasher.update((8 * encryption.key_bytes() as u32).to_be_bytes());
    let mut hash = Zeroizing::new([0; 32]);
    hasher.finalize_into((&mut *hash).into());
    Zeroizing::new(hash[..encryption.key_bytes()].to_vec())
}

/// Encrypts to a key.
///
/// # Errors
/// [`Oid4vpError::Encryption`] if the text is too long for the cipher.
pub fn encrypt(
    plaintext: &[u8],
    key: &EncryptionKey,
    encryption: ContentEncryption,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<String, Oid4vpError> {
    let ephemeral = EncryptionSecret::random(rng);
    let mut header = json!({
        "alg": ECDH_ES,
        "enc": encryption.name(),
        "epk": point_to_jwk(&ephemeral.public().point),
    });
    if let Some(kid) = &key.kid {
        header["kid"] = json!(kid);
    }
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let content_key = derive(&ephemeral.agree(&key.point), encryption, &[], &[]);
    let mut iv = [0; 12];
    rng.fill_bytes(&mut iv);
    let sealed = encryption
        .seal(&content_key, &iv, Payload { msg: plaintext, aad: header.as_bytes() })
        .ok_or(Oid4vpError::Encryption("is too long"))?;
    let (text, tag) = sealed.split_at(sealed.len() - TAG);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(format!("{header}..{}.{}.{}", part(&iv), part(text), part(tag)))
}

/// Decrypts what was encrypted to a key. A compressed text is refused, however well encrypted.
///
/// # Errors
/// [`Oid4vpError::Encryption`], [`Oid4vpError::TooLong`].
pub fn decrypt(jwe: &str, secret: &EncryptionSecret) -> Result<Zeroizing<Vec<u8>>, Oid4vpError> {
    const SHAPE: Oid4vpError = Oid4vpError::Encryption("is not a JWE in compact form");
    if jwe.len() > MAX_JWE {
        return Err(Oid4vpError::TooLong { what: "encrypted response", limit: MAX_JWE });
    }
    let parts: Vec<&str> = jwe.splitn(6, '.').collect();
    let &[header, encrypted_key, iv, text, tag] = parts.as_slice() else { return Err(SHAPE) };
    if !encrypted_key.is_empty() {
        return Err(Oid4vpError::Encryption("has an encrypted key beside ECDH-ES"));
    }
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| SHAPE);
    let (encryption, content_key) = agreed_key(&decode(header)?, secret)?;
    let iv: [u8; 12] = decode(iv)?.try_into().map_err(|_| SHAPE)?;
    let mut sealed = decode(text)?;
    let tag = decode(tag)?;
    if tag.len() != TAG {
        return Err(SHAPE);
    }
    sealed.extend_from_slice(&tag);
    let payload = Payload { msg: &sealed, aad: header.as_bytes() };
    let opened = encryption.open(&content_key, &iv, payload);
    opened.map(Zeroizing::new).ok_or(Oid4vpError::Encryption("is not for this request's key"))
}

/// The encryption and the key that a header and our secret give.
fn agreed_key(
    header: &[u8],
    secret: &EncryptionSecret,
) -> Result<(ContentEncryption, Zeroizing<Vec<u8>>), Oid4vpError> {
    const HEADER: Oid4vpError = Oid4vpError::Encryption("has a header that cannot be read");
    if header.len() > MAX_HEADER {
        return Err(HEADER);
    }
    let header = json::parse_unique(header).map_err(|_| HEADER)?;
    if header["alg"] != ECDH_ES {
        return Err(Oid4vpError::Encryption("alg is not ECDH-ES"));
    }
    if !header["zip"].is_null() || !header["crit"].is_null() {
        return Err(Oid4vpError::Encryption("is compressed, or has what is not understood"));
    }
    let encryption = header["enc"].as_str().and_then(ContentEncryption::from_name);
    let encryption = encryption.ok_or(Oid4vpError::Encryption("enc is not A128GCM or A256GCM"))?;
    let ours = secret.public().kid;
    if !header["kid"].is_null() && header["kid"].as_str() != ours.as_deref() {
        return Err(Oid4vpError::Encryption("is not for this request's key"));
    }
    let point = point_from_jwk(&header["epk"]);
    let point = point.ok_or(Oid4vpError::Encryption("epk is not a point of P-256"))?;
    let info = |value: &Value| match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => URL_SAFE_NO_PAD.decode(text).map_err(|_| HEADER),
        _ => Err(HEADER),
    };
    let (apu, apv) = (info(&header["apu"])?, info(&header["apv"])?);
    Ok((encryption, derive(&secret.agree(&point), encryption, &apu, &apv)))
}
