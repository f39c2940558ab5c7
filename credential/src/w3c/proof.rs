//! One Data Integrity proof: made, and checked together with what surrounds it.

use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    Refusal,
    did::{DidEthr, Purpose, resolve_key},
    graph::{canonical_graph, unsecured},
    signer::{DocumentSigner, checked_signature},
};
use crate::{
    base58::{from_base58, to_base58},
    error::CredentialError,
    json::{Node, Object},
    vcdm::{
        Instant,
        conforming::{check_presentation, each, identifier},
        read_instant, write_time,
    },
};

/// What a proof is held against.
#[derive(Clone, Debug)]
pub struct ProofPolicy {
    /// The verifier's clock, Unix seconds.
    pub now: u64,
    /// The challenge that the verifier sent; none if it sent none.
    pub challenge: Option<String>,
    /// The verifier's domain; none if proofs are not bound to one.
    pub domain: Option<String>,
}

impl ProofPolicy {
    /// A proof that is bound to no challenge and no domain: that of an issued credential.
    pub fn at(now: u64) -> Self {
        Self { now, challenge: None, domain: None }
    }
}

/// Adds a proof to a credential. `method` is a DID URL of the credential's issuer whose key is
/// `key`; `now` is the proof's creation, Unix seconds.
///
/// # Errors
/// [`Refusal::Controller`] if the method is not the issuer's; [`Refusal::JsonLd`] if the
/// credential cannot be canonicalized under the embedded contexts; [`CredentialError::Signer`] if
/// the key's keeper gives no signature that holds.
pub async fn sign_json(
    credential: &Value,
    key: &dyn DocumentSigner,
    method: &str,
    now: u64,
) -> Result<Value, CredentialError> {
    let did = issuer(credential)?;
    if method.split_once('#').map(|(did, _)| did) != Some(did) {
        return Err(Refusal::Controller.into());
    }
    sign_with(credential, key, options(method, now)?).await
}

/// What a proof states besides its suite and its signature.
pub(super) struct Options {
    pub(super) method: String,
    pub(super) purpose: Purpose,
    pub(super) created: String,
    pub(super) expires: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) domain: Option<String>,
}

/// The options of a plain proof for assertions.
pub(super) fn options(method: &str, now: u64) -> Result<Options, CredentialError> {
    let created = write_time(now).map_err(|rule| rule.at("proof.created"))?;
    Ok(Options {
        method: method.to_owned(),
        purpose: Purpose::Assertion,
        created,
        expires: None,
        challenge: None,
        domain: None,
    })
}

/// Adds a proof of its holder to a presentation, bound to what a verifier asked for. `method` is
/// a DID URL of the holder whose key is `key`; `now` is the proof's creation, Unix seconds.
///
/// # Errors
/// The first rule of a presentation that is broken; [`Refusal::Holder`] if the method is not that
/// of the holder that the presentation names; [`Refusal::JsonLd`].
pub async fn sign_presentation(
    presentation: &Value,
    key: &dyn DocumentSigner,
    method: &str,
    policy: &ProofPolicy,
) -> Result<Value, CredentialError> {
    check_presentation(presentation)?;
    let (did, _) = method.split_once('#').ok_or(Refusal::Controller)?;
    let holder = presentation.get("holder").map(|holder| identifier(&Node::root(holder, "holder")));
    if holder.transpose()?.is_some_and(|holder| holder != did) {
        return Err(Refusal::Holder.into());
    }
    let mut options = options(method, policy.now)?;
    options.purpose = Purpose::Authentication;
    options.challenge = policy.challenge.clone();
    options.domain = policy.domain.clone();
    sign_with(presentation, key, options).await
}

/// Signs under any options.
pub(super) async fn sign_with(
    document: &Value,
    key: &dyn DocumentSigner,
    options: Options,
) -> Result<Value, CredentialError> {
    let mut proof = Map::new();
    let stated = [
        ("type", Some(TYPE.to_owned())),
        ("cryptosuite", Some(CRYPTOSUITE.to_owned())),
        ("created", Some(options.created)),
        ("expires", options.expires),
        ("verificationMethod", Some(options.method)),
        ("proofPurpose", Some(options.purpose.name().to_owned())),
        ("challenge", options.challenge),
        ("domain", options.domain),
    ];
    for (name, value) in stated {
        proof.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    }
    let message = hash_data(document, &proof).await?;
    let signature = checked_signature(key, &message).await.map_err(|_| CredentialError::Signer)?;
    let value = format!("z{}", to_base58(&signature));
    proof.insert("proofValue".to_owned(), Value::from(value));
    let mut document = document.clone();
    document["proof"] = Value::Object(proof);
    Ok(document)
}

/// What a proof signs (eddsa-rdfc-2022, section 3.2): the hash of the proof's own statements and
/// the hash of the document without its proofs, both as canonical graphs.
async fn hash_data(document: &Value, proof: &Map<String, Value>) -> Result<Vec<u8>, Refusal> {
    let mut configuration = proof.clone();
    configuration.remove("proofValue");
    configuration.insert("@context".to_owned(), document["@context"].clone());
    let configuration = canonical_graph(&Value::Object(configuration)).await?;
    let document = canonical_graph(&unsecured(document)).await?;
    Ok([Sha256::digest(configuration), Sha256::digest(document)].concat())
}

/// Checks a credential's one proof, its issuer's control of the key, its validity and its subject;
/// neither its status nor its schema.
///
/// # Errors
/// [`CredentialError::Proof`] with the first [`Refusal`].
pub async fn verify_proof(
    credential: &Value,
    policy: &ProofPolicy,
    ledger: &impl DidEthr,
) -> Result<(), CredentialError> {
    let root = Node::root(credential, "").object()?;
    let proof = root.get("proof").ok_or(Refusal::ProofCount)?;
    let proof = proof.object().map_err(|_| Refusal::ProofCount)?;
    let method = check_proof(&proof, Purpose::Assertion, policy)?;
    check_subject(&root)?;
    check_validity(&root, policy.now)?;
    let key = resolve_key(issuer(credential)?, method, Purpose::Assertion, ledger).await?;
    Ok(check_signature(credential, &key).await?)
}

/// Checks the proofs of a secured document, of which there may be several. `signer` must have
/// made all that this crate understands; if there is none, the first proof's own DID is taken.
/// Returns that DID, and the positions of proofs that are not understood.
///
/// # Errors
/// The first [`Refusal`]; [`Refusal::Cryptosuite`] if no proof is understood.
pub(super) async fn check_proofs(
    document: &Value,
    signer: Option<&str>,
    purpose: Purpose,
    policy: &ProofPolicy,
    ledger: &impl DidEthr,
) -> Result<(String, Vec<usize>), Refusal> {
    const MOST_PROOFS: usize = 8;
    let root = Node::root(document, "").object().map_err(|_| Refusal::JsonLd)?;
    let proofs = each(&root, "proof").map_err(|_| Refusal::ProofCount)?;
    if proofs.is_empty() || proofs.len() > MOST_PROOFS {
        return Err(Refusal::ProofCount);
    }
    let mut signer = signer.map(str::to_owned);
    let mut unknown = Vec::new();
    for (position, node) in proofs.iter().enumerate() {
        let proof = node.object().map_err(|_| Refusal::ProofCount)?;
        if proofs.len() > 1 && is_foreign(&proof) {
            unknown.push(position);
            continue;
        }
        let method = check_proof(&proof, purpose, policy)?;
        let (did, _) = method.split_once('#').ok_or(Refusal::Controller)?;
        let signer = signer.get_or_insert_with(|| did.to_owned());
        let key = resolve_key(signer, method, purpose, ledger).await?;
        let mut alone = document.clone();
        alone["proof"] = node.value.clone();
        check_signature(&alone, &key).await?;
    }
    let signer = signer.filter(|_| unknown.len() < proofs.len());
    Ok((signer.ok_or(Refusal::Cryptosuite)?, unknown))
}

/// Whether a proof of a set is plainly of another suite, and no part of a chain.
fn is_foreign(proof: &Object<'_>) -> bool {
    let text = |name: &str| proof.get(name).and_then(|node| node.value.as_str());
    let ours = text("type") == Some(TYPE) && text("cryptosuite") == Some(CRYPTOSUITE);
    !ours && text("type").is_some() && proof.get("previousProof").is_none()
}

/// Checks the signature of a document's one proof, and nothing else.
pub(super) async fn check_signature(document: &Value, key: &[u8; 32]) -> Result<(), Refusal> {
    let proof = document["proof"].as_object().ok_or(Refusal::ProofCount)?;
    let value = proof.get("proofValue").and_then(Value::as_str).and_then(signature);
    let value = value.ok_or(Refusal::Signature)?;
    let message = hash_data(document, proof).await?;
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(&message, &value))
        .map_err(|_| Refusal::Signature)
}

/// The issuer's identifier.
pub(super) fn issuer(credential: &Value) -> Result<&str, Refusal> {
    identifier(&Node::root(&credential["issuer"], "issuer")).map_err(|_| Refusal::Controller)
}

const TYPE: &str = "DataIntegrityProof";
const CRYPTOSUITE: &str = "eddsa-rdfc-2022";

const PROOF_MEMBERS: [&str; 11] = [
    "id",
    "nonce",
    "type",
    "cryptosuite",
    "created",
    "expires",
    "verificationMethod",
    "proofPurpose",
    "proofValue",
    "challenge",
    "domain",
];

/// Everything that the proof states besides its signature. Returns the verification method.
fn check_proof<'a>(
    proof: &Object<'a>,
    purpose: Purpose,
    policy: &ProofPolicy,
) -> Result<&'a str, Refusal> {
    let text = |name: &str| proof.get(name).and_then(|node| node.value.as_str());
    let is_text = |name: &str| proof.get(name).is_none_or(|node| node.value.is_string());
    if proof.only(&PROOF_MEMBERS).is_err()
        || text("type") != Some(TYPE)
        || text("cryptosuite") != Some(CRYPTOSUITE)
        || !is_text("nonce")
        || proof.get("id").is_some_and(|id| identifier(&id).is_err() || !id.value.is_string())
    {
        return Err(Refusal::Cryptosuite);
    }
    if text("proofPurpose") != Some(purpose.name()) {
        return Err(Refusal::Purpose);
    }
    let now = Instant::at(policy.now);
    if let Some(created) = proof.get("created")
        && read_instant(&created).map_or(true, |created| created.second() > now)
    {
        return Err(Refusal::Created);
    }
    if let Some(expires) = proof.get("expires")
        && read_instant(&expires).map_or(true, |expires| expires < now)
    {
        return Err(Refusal::ProofExpired);
    }
    let bound_to = |name: &str, expected: &Option<String>| {
        let stated = each(proof, name).ok()?;
        let stated: Option<Vec<_>> = stated.iter().map(|node| node.value.as_str()).collect();
        let stated = stated?;
        match expected {
            Some(expected) => stated.contains(&expected.as_str()).then_some(()),
            None => proof.get(name).is_none().then_some(()),
        }
    };
    if !is_text("challenge") || bound_to("challenge", &policy.challenge).is_none() {
        return Err(Refusal::Challenge);
    }
    if bound_to("domain", &policy.domain).is_none() {
        return Err(Refusal::Domain);
    }
    text("proofValue").and_then(signature).ok_or(Refusal::Signature)?;
    text("verificationMethod").ok_or(Refusal::Controller)
}

/// 64 bytes in base 58 as multibase, the one form of an Ed25519 signature.
fn signature(text: &str) -> Option<Signature> {
    let bytes = from_base58(text.strip_prefix('z')?)?;
    bytes.try_into().ok().map(|bytes: [u8; 64]| Signature::from_bytes(&bytes))
}

fn check_subject(root: &Object<'_>) -> Result<(), Refusal> {
    let subject = root.get("credentialSubject").ok_or(Refusal::EmptySubject)?;
    let stated = subject.value.as_object().is_some_and(|subject| {
        subject.iter().any(|(name, value)| name != "id" && !value.is_null())
    });
    if stated { Ok(()) } else { Err(Refusal::EmptySubject) }
}

pub(super) fn check_validity(root: &Object<'_>, now: u64) -> Result<(), Refusal> {
    let now = Instant::at(now);
    if let Some(from) = root.get("validFrom")
        && read_instant(&from).map_or(true, |from| from.second() > now)
    {
        return Err(Refusal::NotYetValid);
    }
    if let Some(until) = root.get("validUntil")
        && read_instant(&until).map_or(true, |until| until < now)
    {
        return Err(Refusal::Expired);
    }
    Ok(())
}
