//! One Data Integrity proof: made, and checked together with what surrounds it.

use serde_json::Value;
use ssi::{
    claims::{
        SignatureEnvironment, SignatureError, VerificationParameters,
        chrono::{DateTime, Utc},
        data_integrity::{
            AnyInputSuiteOptions, AnySuite, CryptographicSuite, DataIntegrity,
            DataIntegrityDocument, ProofOptions,
        },
    },
    dids::DIDResolver,
    verification_methods::{AnyMethod, ProofPurpose},
};

use super::{
    Boxed, Refusal, contexts,
    did::{DidEthr, Method, Purpose},
    graph::directed,
    signer::{Checked, DocumentSigner},
};
use crate::{
    base58::from_base58,
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
    sign_with(credential, key, did, options(method, now)?).await
}

pub(super) type Options = ProofOptions<AnyMethod, AnyInputSuiteOptions>;

/// The options of a plain proof for assertions.
pub(super) fn options(method: &str, now: u64) -> Result<Options, CredentialError> {
    let method = serde_json::from_value(Value::from(method)).map_err(|_| Refusal::Controller)?;
    let created = write_time(now).map_err(|rule| rule.at("proof.created"))?;
    let created = serde_json::from_value(Value::from(created)).map_err(|_| Refusal::Created)?;
    let mut options = Options::from_method(method);
    options.created = Some(created);
    Ok(options)
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
    options.proof_purpose = ProofPurpose::Authentication;
    options.challenge = policy.challenge.clone();
    options.domains = policy.domain.iter().cloned().collect();
    sign_with(presentation, key, did, options).await
}

/// Signs under any options, with a key that `did` is taken to have under the options' method.
pub(super) async fn sign_with(
    credential: &Value,
    key: &dyn DocumentSigner,
    did: &str,
    options: Options,
) -> Result<Value, CredentialError> {
    let unsigned: DataIntegrityDocument =
        serde_json::from_value(directed(credential)).map_err(|_| Refusal::JsonLd)?;
    let method = options.verification_method.as_ref().ok_or(Refusal::Controller)?;
    let method = method.id().to_string();
    let resolver = Method::of_key(did, &method, &key.public_key());
    let environment = SignatureEnvironment { json_ld_loader: contexts()?, eip712_loader: () };
    let signing: Boxed<'_, _> = Box::pin(AnySuite::EdDsaRdfc2022.sign_with(
        environment,
        unsigned,
        resolver.into_vm_resolver::<AnyMethod>(),
        Checked(key),
        options,
        Default::default(),
    ));
    let signed = signing.await.map_err(unsigned_because)?;
    // The document stays as it is: `ssi` would write some of its numbers in another way.
    let proofs = serde_json::to_value(&signed.proofs).map_err(|_| Refusal::JsonLd)?;
    let mut credential = credential.clone();
    credential["proof"] = proofs;
    Ok(credential)
}

fn unsigned_because(error: SignatureError) -> CredentialError {
    match error {
        // See the signer.
        SignatureError::InvalidSecretKey => CredentialError::Signer,
        _ => Refusal::JsonLd.into(),
    }
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
    let resolver = Method::resolve(issuer(credential)?, method, Purpose::Assertion, ledger).await?;
    Ok(check_signature(credential, resolver, policy.now).await?)
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
        let resolver = Method::resolve(signer, method, purpose, ledger).await?;
        let mut alone = document.clone();
        alone["proof"] = node.value.clone();
        check_signature(&alone, resolver, policy.now).await?;
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

/// What `ssi` checks: JSON-LD under the embedded contexts, and the signature.
pub(super) async fn check_signature(
    credential: &Value,
    resolver: Method,
    now: u64,
) -> Result<(), Refusal> {
    let signed: DataIntegrity<DataIntegrityDocument, AnySuite> =
        serde_json::from_value(directed(credential)).map_err(|_| Refusal::JsonLd)?;
    let seconds = i64::try_from(now).map_err(|_| Refusal::Created)?;
    let now: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).ok_or(Refusal::Created)?;
    let parameters =
        VerificationParameters::from_resolver(resolver.into_vm_resolver::<AnyMethod>())
            .with_json_ld_loader(contexts()?)
            .with_date_time(now);
    let verifying: Boxed<'_, _> = Box::pin(signed.verify(parameters));
    let verdict = verifying.await.map_err(|_| Refusal::JsonLd)?;
    verdict.map_err(|_| Refusal::Signature)
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
    text("proofValue").filter(|value| is_signature(value)).ok_or(Refusal::Signature)?;
    text("verificationMethod").ok_or(Refusal::Controller)
}

/// Whether a text is 64 bytes in base 58 as multibase, the one form of an Ed25519 signature.
fn is_signature(text: &str) -> bool {
    let bytes = text.strip_prefix('z').and_then(from_base58);
    bytes.is_some_and(|bytes| bytes.len() == 64)
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
