//! Signed receipts: what was decided, when and by what, without any claim of anybody.

use attestry_circuits::Scope;
use attestry_circuits::registry::RegistryRoot;
use attestry_credential::presentation::{
    ClientId, Digest, Identifier, PresentationRequest, PresentationResponse,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::{Refusal, text};

/// The media type of a receipt, in its header.
const TYPE: &str = "attestry-receipt+jwt";
/// Bytes of a receipt, at most.
const MAX_RECEIPT: usize = 16 * 1024;

/// What a verifier says that it decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Who decided.
    #[serde(with = "text")]
    pub verifier: ClientId,
    /// Which request was answered.
    #[serde(with = "text")]
    pub request_id: Identifier,
    /// SHA-256 of the request in our own JSON form, or of the signed request object if it asks for
    /// credentials as they are: it fixes what was asked and the challenge.
    #[serde(with = "text")]
    pub request_hash: Digest,
    /// The scope of the nullifier, a hash.
    pub scope: Scope,
    /// What was checked, by query.
    pub checks: Vec<ReceiptCheck>,
    /// Block at which the registry was read; `None` if it was refused before.
    pub registry_block: Option<u64>,
    /// Whether the ledger gave no answer, and what it said last was decided by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ledger_grace: bool,
    /// Unix seconds by the verifier's clock.
    pub decided_at: u64,
    /// What was decided.
    pub result: ReceiptResult,
    /// Why it was refused: the name of a [`Refusal`](crate::Refusal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Receipt {
    /// The receipt of this outcome.
    pub(crate) fn of(self, outcome: Result<(), &Refusal>) -> Self {
        Self {
            result: match outcome {
                Ok(()) => ReceiptResult::Accepted,
                Err(_) => ReceiptResult::Refused,
            },
            reason: outcome.err().map(|refusal| refusal.reason().to_owned()),
            ..self
        }
    }
}

/// One query of a receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptCheck {
    /// The query.
    #[serde(with = "text")]
    pub query: Identifier,
    /// SHA-256 of the policy in canonical form.
    #[serde(with = "text")]
    pub policy_hash: Digest,
    /// The registry root that the proof names; `None` if the query was not answered.
    pub registry_root: Option<RegistryRoot>,
    /// SHA-256 of the proof, hexadecimal; `None` if the query was not answered.
    pub proof_hash: Option<String>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptResult {
    /// The answer was accepted.
    Accepted,
    /// It was not, for the receipt's reason.
    Refused,
}

/// Why a receipt does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// It is not a receipt in its one form.
    #[error("receipt: {0}")]
    Malformed(&'static str),
    /// The signature is not the verifier's.
    #[error("receipt: the signature is not that of this key")]
    Signature,
}

/// A receipt with the verifier's signature: a JWS in compact form (RFC 7515, `EdDSA` of RFC
/// 8037), which any JOSE library checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignedReceipt(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
}

impl SignedReceipt {
    /// Takes over text that claims to be a receipt; [`SignedReceipt::verify`] tells.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The compact form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks the signature under a verifier's key, 32 bytes, and reads the receipt. Needs
    /// nothing but the key.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify(&self, key: &[u8; 32]) -> Result<Receipt, ReceiptError> {
        if self.0.len() > MAX_RECEIPT {
            return Err(ReceiptError::Malformed("it is longer than 16 KiB"));
        }
        let parts: Vec<&str> = self.0.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            return Err(ReceiptError::Malformed("it has not three parts"));
        };
        let decode = |text: &str| {
            URL_SAFE_NO_PAD.decode(text).map_err(|_| ReceiptError::Malformed("it is not base64url"))
        };
        let found: Header = serde_json::from_slice(&decode(header)?)
            .map_err(|_| ReceiptError::Malformed("its header is not that of a receipt"))?;
        if found.alg != "EdDSA" || found.typ != TYPE {
            return Err(ReceiptError::Malformed("its header is not that of a receipt"));
        }
        let signature = Signature::from_slice(&decode(signature)?)
            .map_err(|_| ReceiptError::Malformed("its signature has not 64 bytes"))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| ReceiptError::Signature)?;
        let signed = format!("{header}.{payload}");
        key.verify_strict(signed.as_bytes(), &signature).map_err(|_| ReceiptError::Signature)?;
        serde_json::from_slice(&decode(payload)?)
            .map_err(|_| ReceiptError::Malformed("its payload is not a receipt"))
    }
}

/// The verifier's Ed25519 key for receipts. Zeroized on drop, never printed.
pub struct ReceiptKey(SigningKey);

impl std::fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReceiptKey(redacted)")
    }
}

impl ReceiptKey {
    /// The key of a secret seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public key: what receipts are checked with.
    pub fn verifying_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a receipt.
    pub(crate) fn sign(&self, receipt: &Receipt) -> Result<SignedReceipt, serde_json::Error> {
        let header = Header { alg: "EdDSA".to_owned(), typ: TYPE.to_owned() };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(receipt)?);
        let signature = self.0.sign(format!("{header}.{payload}").as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        Ok(SignedReceipt(format!("{header}.{payload}.{signature}")))
    }
}

/// What a receipt says of request and answer, whatever is decided.
pub(crate) fn checks(
    request: &PresentationRequest,
    response: &PresentationResponse,
) -> Vec<ReceiptCheck> {
    let check = |query: &attestry_credential::presentation::Query| {
        let answer = response.presentations.get(&query.id);
        ReceiptCheck {
            query: query.id.clone(),
            policy_hash: Digest::from_bytes(query.policy.hash()),
            registry_root: answer.map(|answer| answer.parts.registry_root),
            proof_hash: answer.map(|answer| hex::encode(sha2::Sha256::digest(answer.proof))),
        }
    };
    request.queries.iter().map(check).collect()
}

/// SHA-256 of the request as it is served.
pub(crate) fn request_hash(request: &PresentationRequest) -> Result<Digest, serde_json::Error> {
    let json = serde_json::to_vec(request)?;
    Ok(Digest::from_bytes(sha2::Sha256::digest(json).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn receipt() -> Receipt {
        Receipt {
            verifier: "did:ethr:0x00000000000000000000000000000000000000aa".parse().unwrap(),
            request_id: "r1".parse().unwrap(),
            request_hash: Digest::from_bytes([7; 32]),
            scope: Scope::new("did:ethr:0xaa", "study", 1),
            checks: Vec::new(),
            registry_block: Some(12),
            ledger_grace: false,
            decided_at: 1_800_000_000,
            result: ReceiptResult::Refused,
            reason: Some("stale-root".to_owned()),
        }
    }

    #[test]
    fn a_receipt_is_checked_with_the_key_alone() {
        let key = ReceiptKey::from_seed(&[3; 32]);
        let signed = key.sign(&receipt()).unwrap();
        assert_eq!(signed.verify(&key.verifying_key()), Ok(receipt()));
        let other = ReceiptKey::from_seed(&[4; 32]);
        assert_eq!(signed.verify(&other.verifying_key()), Err(ReceiptError::Signature));
    }

    #[test]
    fn a_receipt_of_another_algorithm_is_refused() {
        let key = ReceiptKey::from_seed(&[3; 32]);
        let signed = key.sign(&receipt()).unwrap();
        let rest = signed.as_str().split_once('.').unwrap().1;
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"attestry-receipt+jwt"}"#);
        let forged = SignedReceipt::from_text(format!("{header}.{rest}"));
        assert!(matches!(forged.verify(&key.verifying_key()), Err(ReceiptError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn a_changed_character_is_noticed(at in 0usize..400, to in "[A-Za-z0-9_-]") {
            let key = ReceiptKey::from_seed(&[3; 32]);
            let signed = key.sign(&receipt()).unwrap();
            let at = at % signed.as_str().len();
            let mut text = signed.as_str().to_owned();
            text.replace_range(at..=at, &to);
            if text != signed.as_str() {
                let verified = SignedReceipt::from_text(text).verify(&key.verifying_key());
                prop_assert!(verified.is_err());
            }
        }

        #[test]
        fn arbitrary_text_is_refused(text in ".*") {
            prop_assert!(SignedReceipt::from_text(text).verify(&[9; 32]).is_err());
        }
    }
}
