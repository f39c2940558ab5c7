//! How the answer is to be sent, and what the verifier takes.

use serde_json::{Map, Value, json};

use super::{Asked, ContentEncryption, DcqlQuery, EncryptionKey, LDP_VC, Oid4vpError};
use crate::{
    json::Node,
    presentation::{FORMAT, SYSTEM},
};

const DIRECT_POST: &str = "direct_post";
const DIRECT_POST_JWT: &str = "direct_post.jwt";
const MAX_KEYS: usize = 16;

/// How the answer is sent to the response URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// As a form.
    DirectPost,
    /// As a form with the encrypted answer.
    DirectPostJwt {
        /// Whom it is encrypted to.
        key: EncryptionKey,
        /// By what it may be encrypted, at least one; the first is preferred.
        encryptions: Vec<ContentEncryption>,
    },
}

impl ResponseMode {
    /// Encrypted to a key, by whatever is known here.
    pub fn encrypted(key: EncryptionKey) -> Self {
        Self::DirectPostJwt { key, encryptions: ContentEncryption::ALL.to_vec() }
    }

    /// The mode as requests name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DirectPost => DIRECT_POST,
            Self::DirectPostJwt { .. } => DIRECT_POST_JWT,
        }
    }

    pub(super) fn read(mode: &Node<'_>, metadata: Option<Node<'_>>) -> Result<Self, Oid4vpError> {
        match mode.text()? {
            DIRECT_POST => return Ok(Self::DirectPost),
            DIRECT_POST_JWT => {}
            _ => return Err(Oid4vpError::Unsupported("response_mode: is not one that is served")),
        }
        let missing = || mode.refuse("needs client_metadata with a key");
        let metadata = metadata.ok_or_else(missing)?.object()?;
        let keys = metadata.require("jwks")?.object()?.list("keys")?;
        if keys.len() > MAX_KEYS {
            return Err(metadata.require("jwks")?.refuse("has more than 16 keys").into());
        }
        let key = keys.iter().find_map(|key| EncryptionKey::from_jwk(key.value));
        let key = key.ok_or(Oid4vpError::Unsupported(
            "client_metadata.jwks: has no P-256 key for ECDH-ES",
        ))?;
        let named = metadata.list("encrypted_response_enc_values_supported")?;
        let encryptions = if named.is_empty() {
            vec![ContentEncryption::A128Gcm]
        } else {
            let known = named.iter().filter_map(|node| node.text().ok());
            known.filter_map(ContentEncryption::from_name).collect()
        };
        if encryptions.is_empty() {
            let rule = "client_metadata: names no content encryption that is known here";
            return Err(Oid4vpError::Unsupported(rule));
        }
        Ok(Self::DirectPostJwt { key, encryptions })
    }
}

/// The verifier's metadata for a request.
pub(super) fn to_json(query: &DcqlQuery, mode: &ResponseMode) -> Value {
    let formats = query.credentials.iter().map(|credential| match credential.asked {
        Asked::Zk(_) => (FORMAT.to_owned(), json!({ "system_values": [SYSTEM] })),
        Asked::Plain(_) => (
            LDP_VC.to_owned(),
            json!({
                "proof_type_values": ["DataIntegrityProof"],
                "cryptosuite_values": ["eddsa-rdfc-2022"],
            }),
        ),
    });
    let mut metadata = json!({ "vp_formats_supported": formats.collect::<Map<_, _>>() });
    if let ResponseMode::DirectPostJwt { key, encryptions } = mode {
        metadata["jwks"] = json!({ "keys": [key.to_jwk()] });
        metadata["encrypted_response_enc_values_supported"] =
            encryptions.iter().map(ContentEncryption::name).collect();
    }
    metadata
}
