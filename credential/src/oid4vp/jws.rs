//! Signed requests: request objects (RFC 9101) as JWS in compact form, by a key of the verifier's
//! DID.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{AuthorizationRequest, Oid4vpError, request::client_id};
use crate::{
    did::{VerifyingKey, verification_key},
    json::{self, Node},
    presentation::{ClientId, MAX_REQUEST, time},
};

/// The `typ` of signed requests.
pub const REQUEST_TYP: &str = "oauth-authz-req+jwt";
/// The media type of signed requests.
pub const REQUEST_CONTENT_TYPE: &str = "application/oauth-authz-req+jwt";
/// The audience of requests to whatever wallet gets them.
pub const SELF_ISSUED: &str = "https://self-issued.me/v2";
/// Bytes of a signed request, at most.
pub const MAX_SIGNED_REQUEST: usize = 2 * MAX_REQUEST;

/// How far a verifier's clock may be ahead, seconds.
const SKEW_S: u64 = 60;

/// The algorithms that requests are signed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on secp256k1 with SHA-256: by an account of the ledger, or a key in the document.
    Es256k,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256k => "ES256K",
        }
    }
}

/// A request object that waits for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedRequest(String);

impl UnsignedRequest {
    /// What is signed: header and payload.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The SHA-256 of what is signed, which ES256K signs.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// The signed request: with an EdDSA signature, or with r and s of an ES256K one, each 32 bytes
    /// big-endian.
    pub fn with_signature(self, signature: &[u8; 64]) -> String {
        format!("{}.{}", self.0, URL_SAFE_NO_PAD.encode(signature))
    }
}

impl AuthorizationRequest {
    /// The request object for a signature by a verification method of the client's DID. `kid` is
    /// the method's URL.
    pub fn unsigned(&self, algorithm: Algorithm, kid: &str) -> UnsignedRequest {
        let header = json!({ "typ": REQUEST_TYP, "alg": algorithm.name(), "kid": kid });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        UnsignedRequest(format!("{}.{}", part(header), part(self.to_claims())))
    }
}

/// What a wallet holds a request against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The verifier that it was told of.
    pub client_id: &'a ClientId,
    /// Itself: [`SELF_ISSUED`], unless the verifier knows the wallet.
    pub audience: &'a str,
    /// Unix seconds.
    pub now: u64,
}

/// A signed request as it came. Nothing in it is authentic before [`SignedRequest::verify`].
#[derive(Clone, Debug)]
pub struct SignedRequest {
    signing_input: String,
    header: Value,
    claims: Value,
    signature: [u8; 64],
}

impl SignedRequest {
    /// Takes a JWS apart. White space around it is passed over.
    ///
    /// # Errors
    /// [`Oid4vpError::TooLong`]; [`Oid4vpError::Request`] if it is no JWS of a request, is of
    /// another algorithm than those of [`Algorithm`], or has a member twice.
    pub fn parse(text: &[u8]) -> Result<Self, Oid4vpError> {
        const SHAPE: Oid4vpError = Oid4vpError::Request("is not a JWS in compact form");
        if text.len() > MAX_SIGNED_REQUEST {
            return Err(Oid4vpError::TooLong { what: "request object", limit: MAX_SIGNED_REQUEST });
        }
        let text = std::str::from_utf8(text).map_err(|_| SHAPE)?.trim_ascii();
        let (signing_input, signature) = text.rsplit_once('.').ok_or(SHAPE)?;
        let (header, payload) = signing_input.split_once('.').ok_or(SHAPE)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| SHAPE);
        let json = |part: &str| {
            let value = json::parse_unique(&decode(part)?).ok().filter(Value::is_object);
            value.ok_or(Oid4vpError::Request("is not of JSON objects without repeated members"))
        };
        let (header, claims) = (json(header)?, json(payload)?);
        check_header(&header)?;
        let signature = decode(signature)?.try_into();
        let signature =
            signature.map_err(|_| Oid4vpError::Signature("has no signature of 64 bytes"))?;
        Ok(Self { signing_input: signing_input.to_owned(), header, claims, signature })
    }

    /// Whom the request names as the verifier, which anybody can write: whose document to fetch.
    ///
    /// # Errors
    /// [`Oid4vpError::Malformed`] if it is no DID of a ledger after its prefix.
    pub fn claimed_client_id(&self) -> Result<ClientId, Oid4vpError> {
        client_id(&Node::root(&self.claims, "").object()?.require("client_id")?)
    }

    /// The claims, which anybody can write: for who signed them itself.
    pub fn unverified_claims(&self) -> &Value {
        &self.claims
    }

    /// Checks that the request is of the expected verifier, signed by a key that the DID document
    /// lists for authentication or assertions, for this audience and of now.
    ///
    /// # Errors
    /// [`Oid4vpError::Signature`], [`Oid4vpError::Request`], [`Oid4vpError::Malformed`] or
    /// [`Oid4vpError::Unsupported`].
    pub fn verify(
        &self,
        expected: &Expected<'_>,
        document: &Value,
    ) -> Result<AuthorizationRequest, Oid4vpError> {
        if self.claimed_client_id()? != *expected.client_id {
            return Err(Oid4vpError::Signature("is of another verifier than was expected"));
        }
        let kid = self.header["kid"].as_str().ok_or(Oid4vpError::Signature("kid is required"))?;
        let key = key_of(expected.client_id, document, kid)?;
        let bytes = self.signing_input.as_bytes();
        let holds = match (&key, self.header["alg"].as_str()) {
            (VerifyingKey::Ed25519(_), Some("EdDSA")) => key.verifies(bytes, &self.signature),
            (VerifyingKey::Secp256k1(_) | VerifyingKey::Account(_), Some("ES256K")) => {
                key.verifies(bytes, &self.signature)
            }
            _ => return Err(Oid4vpError::Signature("alg is not that of the key")),
        };
        if !holds {
            return Err(Oid4vpError::Signature("the signature does not hold for the key"));
        }
        self.check_now(expected)?;
        AuthorizationRequest::from_claims(&self.claims)
    }

    fn check_now(&self, expected: &Expected<'_>) -> Result<(), Oid4vpError> {
        let object = Node::root(&self.claims, "").object()?;
        if object.require("aud")?.text()? != expected.audience {
            return Err(Oid4vpError::Request("is for another audience"));
        }
        let latest = expected.now.saturating_add(SKEW_S);
        let not_before = object.get("nbf").map(|node| time(&node)).transpose()?;
        if time(&object.require("iat")?)? > latest || not_before.is_some_and(|at| at > latest) {
            return Err(Oid4vpError::Request("is of the future"));
        }
        if time(&object.require("exp")?)? <= expected.now {
            return Err(Oid4vpError::Request("has expired"));
        }
        Ok(())
    }
}

/// Checks that wallets would take what an account signs as a verifier with this verification method:
/// that the DID document lists the method, and it is the account's.
///
/// # Errors
/// [`Oid4vpError::Signature`].
pub fn check_account(
    client_id: &ClientId,
    document: &Value,
    kid: &str,
    address: &[u8; 20],
) -> Result<(), Oid4vpError> {
    if key_of(client_id, document, kid)?.is_of_account(address) {
        return Ok(());
    }
    Err(Oid4vpError::Signature("kid is a key of another account"))
}

/// The key of a verification method that a verifier's DID document lists.
fn key_of(client_id: &ClientId, document: &Value, kid: &str) -> Result<VerifyingKey, Oid4vpError> {
    verification_key(document, client_id.as_str(), kid)
        .ok_or(Oid4vpError::Signature("kid is not a key of the verifier's DID document"))
}

fn check_header(header: &Value) -> Result<(), Oid4vpError> {
    if header["typ"] != REQUEST_TYP {
        return Err(Oid4vpError::Request("typ is not oauth-authz-req+jwt"));
    }
    if !matches!(header["alg"].as_str(), Some("EdDSA" | "ES256K")) {
        return Err(Oid4vpError::Signature("alg is not EdDSA or ES256K"));
    }
    // The key is the document's, never the sender's.
    if ["crit", "jwk", "jku", "x5c", "x5u"].iter().any(|name| !header[*name].is_null()) {
        return Err(Oid4vpError::Signature(
            "the header names a key other than by kid, or has crit",
        ));
    }
    Ok(())
}
