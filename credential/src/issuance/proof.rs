//! The proof that a wallet holds a key, as a wallet of ours makes it.

use attestry_circuits::HolderCommitment;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use super::IssuerIdentifier;

/// The `typ` of key proofs.
pub const PROOF_TYP: &str = "openid4vci-proof+jwt";
/// The claim that has the holder's commitment: `0x` and 64 lower-case hexadecimal digits.
pub const HOLDER_CLAIM: &str = "attestry_holder_commitment";

/// What a key proof states.
#[derive(Clone, Debug)]
pub struct ProofClaims<'a> {
    /// For which issuer it is.
    pub audience: &'a IssuerIdentifier,
    /// When it was made, Unix seconds.
    pub issued_at: u64,
    /// The issuer's nonce, if it gives any.
    pub nonce: Option<&'a str>,
    /// Whom the credential is to be bound to.
    pub holder: HolderCommitment,
}

impl ProofClaims<'_> {
    /// The proof as a JWT, signed by an Ed25519 key that its header has as JWK. There is no `iss`:
    /// the wallet is anonymous.
    pub fn sign(&self, key: &SigningKey) -> String {
        let mut claims = json!({
            "aud": self.audience,
            "iat": self.issued_at,
            HOLDER_CLAIM: self.holder,
        });
        if let Some(nonce) = self.nonce {
            claims["nonce"] = json!(nonce);
        }
        let header = json!({
            "typ": PROOF_TYP,
            "alg": "EdDSA",
            "jwk": {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
            },
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }
}
