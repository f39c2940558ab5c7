//! What the holder sends.

use std::collections::BTreeMap;

use attestry_circuits::{Context, Nullifier, registry::RegistryRoot};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Digest, Identifier, MAX_QUERIES, PresentationError, PresentationRequest, disclosed,
    read::{as_hex, bytes, document, element, time},
};
use crate::{error::Rule, json::Node, policy::Disclosed};

/// Bytes of a presentation in JSON, at most.
pub const MAX_PRESENTATION_JSON: usize = 16 * 1024;
/// Bytes of a response in JSON, at most.
pub const MAX_RESPONSE: usize = MAX_QUERIES * MAX_PRESENTATION_JSON;

/// The holder's share of the statement: all that the verifier cannot take from its own request.
///
/// The verifier checks each part: the root against the ledger, the time against its clock, the
/// nullifier for replay; the proof covers them all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatementParts {
    /// The registry root that the proof is against.
    pub registry_root: RegistryRoot,
    /// The Unix time, in seconds, at which everything is valid.
    pub now: u64,
    /// The holder's nullifier under the request's scope.
    pub nullifier: Nullifier,
    /// Values of the claims that the policy asks to disclose, written as policies write values.
    #[serde(serialize_with = "disclosed::serialize")]
    pub disclosed: Disclosed,
    /// The one-time Ed25519 key: 32 bytes, 64 lower-case hexadecimal digits in JSON.
    #[serde(serialize_with = "as_hex")]
    pub presentation_key: [u8; 32],
}

impl StatementParts {
    /// What binds the proof to the one-time key.
    pub fn context(&self) -> Context {
        Context::of_presentation_key(&self.presentation_key)
    }
}

/// One query's answer: the holder's share of the statement, its proof, and the one-time key's
/// signature over both and the request's challenge.
///
/// Read from JSON: an object with every member required and no other admitted, or the unpadded
/// base64url text of the compact bytes of [`Presentation::to_bytes`]. Reading checks the form
/// alone; see
/// [`verify_signature`](super::verify_signature) and [`rebuild_statement`](super::rebuild_statement).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Presentation {
    /// The circuit that the proof is of.
    pub circuit_id: Digest,
    /// The holder's share of the statement.
    #[serde(flatten)]
    pub parts: StatementParts,
    /// The Groth16 proof: 128 bytes, in JSON as lower-case hexadecimal digits.
    #[serde(serialize_with = "as_hex")]
    pub proof: [u8; 128],
    /// The Ed25519 signature: 64 bytes, in JSON as lower-case hexadecimal digits.
    #[serde(serialize_with = "as_hex")]
    pub signature: [u8; 64],
}

impl Presentation {
    const MEMBERS: [&str; 8] = [
        "circuit_id",
        "registry_root",
        "now",
        "nullifier",
        "disclosed",
        "presentation_key",
        "proof",
        "signature",
    ];

    /// Reads JSON text.
    ///
    /// # Errors
    /// [`PresentationError::TooLong`] above [`MAX_PRESENTATION_JSON`];
    /// [`PresentationError::Malformed`] naming the element and the rule.
    pub fn from_json(text: &[u8]) -> Result<Self, PresentationError> {
        document("presentation", text, MAX_PRESENTATION_JSON)?.try_into()
    }

    fn read(node: &Node<'_>) -> Result<Self, PresentationError> {
        if let Value::String(compact) = node.value {
            let bytes = URL_SAFE_NO_PAD.decode(compact);
            let bytes = bytes.map_err(|_| node.refuse("is not unpadded base64url"))?;
            return Self::from_bytes(&bytes);
        }
        let object = node.object()?;
        object.only(&Self::MEMBERS)?;
        Ok(Self {
            circuit_id: object.require("circuit_id")?.parse()?,
            parts: StatementParts {
                registry_root: element(&object.require("registry_root")?)?,
                now: time(&object.require("now")?)?,
                nullifier: element(&object.require("nullifier")?)?,
                disclosed: disclosed::read(&object.require("disclosed")?)?,
                presentation_key: bytes(&object.require("presentation_key")?)?,
            },
            proof: bytes(&object.require("proof")?)?,
            signature: bytes(&object.require("signature")?)?,
        })
    }
}

impl TryFrom<Value> for Presentation {
    type Error = PresentationError;

    fn try_from(value: Value) -> Result<Self, PresentationError> {
        Self::read(&Node::root(&value, "presentation"))
    }
}

/// The answer to a request: a presentation for each of its queries.
///
/// Reading checks the form alone; see [`PresentationResponse::check_complete`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct PresentationResponse {
    /// The request that is answered.
    pub request_id: Identifier,
    /// The presentations, by query.
    pub presentations: BTreeMap<Identifier, Presentation>,
}

impl PresentationResponse {
    /// Reads JSON text.
    ///
    /// # Errors
    /// [`PresentationError::TooLong`] above [`MAX_RESPONSE`];
    /// [`PresentationError::Malformed`] naming the element and the rule.
    pub fn from_json(text: &[u8]) -> Result<Self, PresentationError> {
        document("response", text, MAX_RESPONSE)?.try_into()
    }

    /// The JSON with each presentation in its compact form, which is what a wallet sends.
    pub fn to_compact_json(&self) -> Value {
        let compact = |presentation: &Presentation| URL_SAFE_NO_PAD.encode(presentation.to_bytes());
        let presentations: BTreeMap<_, _> =
            self.presentations.iter().map(|(id, one)| (id.as_str(), compact(one))).collect();
        json!({ "request_id": self.request_id, "presentations": presentations })
    }

    /// Checks that the answer is to this request, answers every query and no other, uses circuits
    /// that the request accepts, and is of one holder: within one scope, one holder has one
    /// nullifier.
    ///
    /// # Errors
    /// [`PresentationError::OtherRequest`], [`PresentationError::Unanswered`],
    /// [`PresentationError::UnknownQuery`], [`PresentationError::OtherCircuit`] or
    /// [`PresentationError::DifferentHolders`].
    pub fn check_complete(&self, request: &PresentationRequest) -> Result<(), PresentationError> {
        if self.request_id != request.request_id {
            return Err(PresentationError::OtherRequest);
        }
        if self.presentations.keys().any(|id| request.query(id).is_none()) {
            return Err(PresentationError::UnknownQuery);
        }
        if request.queries.iter().any(|query| !self.presentations.contains_key(&query.id)) {
            return Err(PresentationError::Unanswered);
        }
        let mut circuits = self.presentations.values().map(|p| p.circuit_id);
        if circuits.any(|circuit| request.system_of(&circuit).is_none()) {
            return Err(PresentationError::OtherCircuit);
        }
        let mut nullifiers = self.presentations.values().map(|p| p.parts.nullifier);
        let first = nullifiers.next();
        if nullifiers.any(|nullifier| Some(nullifier) != first) {
            return Err(PresentationError::DifferentHolders);
        }
        Ok(())
    }
}

impl TryFrom<Value> for PresentationResponse {
    type Error = PresentationError;

    fn try_from(value: Value) -> Result<Self, PresentationError> {
        let object = Node::root(&value, "response").object()?;
        object.only(&["request_id", "presentations"])?;
        let answers = object.require("presentations")?;
        let answers = answers.object()?;
        if answers.names().count() > MAX_QUERIES {
            let rule = Rule::new("has more presentations than a request has queries");
            return Err(rule.at(&answers.path).into());
        }
        let presentations = answers.names().map(|name| {
            let id = name.parse().map_err(|rule: Rule| rule.at(&answers.path))?;
            Ok((id, Presentation::read(&answers.require(name)?)?))
        });
        Ok(Self {
            request_id: object.require("request_id")?.parse()?,
            presentations: presentations.collect::<Result<_, PresentationError>>()?,
        })
    }
}
