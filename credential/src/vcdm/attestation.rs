//! The attestation: what makes a document provable in zero knowledge.

use attestry_circuits::{
    Credential, Fr, field,
    registry::CAPACITY,
    schnorr::{Signature, SigningKey, VerifyingKey},
};
use serde_json::{Value, json};

use super::Document;
use crate::{
    error::{CredentialError, Rule},
    json::{self, Node, Object},
};

/// The issuer's BabyJubJub signature on a document's header and claims, and what a holder needs
/// beside it. `Debug` does not show the salt.
#[derive(Clone, PartialEq, Eq)]
pub struct Attestation {
    issuer_key: VerifyingKey,
    signature: Signature,
    salt: [u8; 16],
    status_index: u32,
    registry_index: u32,
}

impl std::fmt::Debug for Attestation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attestation")
            .field("issuer_key", &self.issuer_key)
            .field("registry_index", &self.registry_index)
            .finish_non_exhaustive()
    }
}

impl Attestation {
    /// Signs what a document encodes to. `salt` must be fresh and random; `registry_index` is the
    /// issuer's leaf in the registry.
    ///
    /// # Errors
    /// If the document's claims or header break a rule, or the index is past the registry.
    pub fn sign(
        document: &Document,
        salt: [u8; 16],
        registry_index: u32,
        key: &SigningKey,
    ) -> Result<Self, CredentialError> {
        let signature = key
            .sign(&document.credential(salt)?)
            .map_err(|error| Rule::worded(format!("cannot be signed: {error}")).at("$"))?;
        Self::of_signature(document, salt, registry_index, key.verifying_key(), signature)
    }

    /// The attestation with a signature that was made elsewhere, over what the document encodes to
    /// with this salt ([`Document::credential`]).
    ///
    /// # Errors
    /// As [`Attestation::sign`]; [`CredentialError::Attestation`] if the signature does not hold.
    pub fn of_signature(
        document: &Document,
        salt: [u8; 16],
        registry_index: u32,
        issuer_key: VerifyingKey,
        signature: Signature,
    ) -> Result<Self, CredentialError> {
        check_registry_index(registry_index).map_err(|rule| rule.at("registryIndex"))?;
        let status_index = document.status().index;
        let attestation = Self { issuer_key, signature, salt, status_index, registry_index };
        attestation.verify(document)?;
        Ok(attestation)
    }

    /// The credential that the document encodes to, if the issuer's signature holds for it.
    ///
    /// # Errors
    /// [`CredentialError::Attestation`] if it does not; those of [`Document::credential`].
    pub fn verify(&self, document: &Document) -> Result<Credential, CredentialError> {
        let credential = document.credential(self.salt)?;
        if self.status_index != document.status().index {
            return Err(CredentialError::Attestation);
        }
        self.issuer_key
            .verify(&credential, &self.signature)
            .map_err(|_| CredentialError::Attestation)?;
        Ok(credential)
    }

    /// The key that signed; it must be the one of the registry's leaf.
    pub fn issuer_key(&self) -> VerifyingKey {
        self.issuer_key
    }

    /// The signature.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// The credential's bit in the issuer's status list.
    pub fn status_index(&self) -> u32 {
        self.status_index
    }

    /// The issuer's leaf in the registry.
    pub fn registry_index(&self) -> u32 {
        self.registry_index
    }

    /// The attestation as JSON. It holds the salt: keep it as secret as the document.
    pub fn to_json(&self) -> Value {
        let signature = self.signature.to_bytes();
        json!({
            "issuerKey": {
                "x": field::to_hex(&self.issuer_key.x()),
                "y": field::to_hex(&self.issuer_key.y()),
            },
            "signature": {
                "rX": field::to_hex(&self.signature.r_x),
                "s": format!("0x{}", hex::encode(&signature[32..])),
            },
            "salt": format!("0x{}", hex::encode(self.salt)),
            "statusIndex": self.status_index,
            "registryIndex": self.registry_index,
        })
    }

    /// Reads an attestation's bytes: see [`Attestation::from_json`].
    ///
    /// # Errors
    /// Those of [`Attestation::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, CredentialError> {
        Self::from_json(&json::parse(bytes)?)
    }

    /// Reads what [`Attestation::to_json`] writes and nothing else.
    ///
    /// # Errors
    /// The first member that is unknown, missing or not canonical; a key that is not a point of
    /// the prime-order subgroup.
    pub fn from_json(value: &Value) -> Result<Self, CredentialError> {
        let root = Node::root(value, "").object()?;
        root.only(&["issuerKey", "signature", "salt", "statusIndex", "registryIndex"])?;
        let key = root.require("issuerKey")?;
        let coordinates = key.object()?;
        coordinates.only(&["x", "y"])?;
        let issuer_key = VerifyingKey::from_coordinates(
            element(&coordinates, "x")?,
            element(&coordinates, "y")?,
        )
        .map_err(|_| key.refuse("is not a point of the prime-order subgroup"))?;

        let node = root.require("signature")?;
        let parts = node.object()?;
        parts.only(&["rX", "s"])?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&field::to_be_bytes(&element(&parts, "rX")?));
        bytes[32..].copy_from_slice(&fixed_hex::<32>(&parts.require("s")?)?);
        let signature =
            Signature::from_bytes(&bytes).map_err(|_| node.refuse("is not canonical"))?;

        let status = root.require("statusIndex")?;
        if status.u32()? as usize >= attestry_circuits::status::LIST_SIZE {
            return Err(status.refuse("is not below 131072"));
        }
        let registry = root.require("registryIndex")?;
        check_registry_index(registry.u32()?).map_err(|rule| rule.at("registryIndex"))?;
        Ok(Self {
            issuer_key,
            signature,
            salt: fixed_hex(&root.require("salt")?)?,
            status_index: status.u32()?,
            registry_index: registry.u32()?,
        })
    }
}

fn check_registry_index(index: u32) -> Result<(), Rule> {
    if (index as usize) < CAPACITY {
        Ok(())
    } else {
        Err(Rule::worded(format!("is not below {CAPACITY}")))
    }
}

fn element(object: &Object<'_>, name: &str) -> Result<Fr, CredentialError> {
    let node = object.require(name)?;
    field::from_hex(node.text()?).map_err(|_| node.refuse("is not a canonical field element"))
}

/// `0x` and lower-case digits of a fixed number of bytes.
fn fixed_hex<const N: usize>(node: &Node<'_>) -> Result<[u8; N], CredentialError> {
    let mut bytes = [0; N];
    let text = node.text()?;
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    let digits = text.strip_prefix("0x").filter(|_| lower);
    match digits.map(|digits| hex::decode_to_slice(digits, &mut bytes)) {
        Some(Ok(())) => Ok(bytes),
        _ => Err(node.refuse("is not 0x and lower-case digits of its length")),
    }
}
