//! One Data Integrity proof: made, and checked together with what surrounds it.

use serde_json::Value;
use ssi::{
    claims::{
        SignatureEnvironment, SignatureError, VerificationParameters,
        chrono::{DateTime, Utc},
        data_integrity::{
            AnyInputSuiteOptions, AnySuite, CryptographicSuite, DataIntegrity, ProofOptions,
        },
        vc::v2::JsonCredential,
    },
    dids::DIDResolver,
    verification_methods::AnyMethod,
};

use super::{
    Refusal, contexts,
    did::{AssertionMethod, DidEthr},
    signer::{Checked, DocumentSigner},
};
use crate::{
    error::CredentialError,
    json::{Node, Object},
    vcdm::{read_time, write_time},
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

/// Signs under any options, with a key that `did` is taken to have under the options' method.
pub(super) async fn sign_with(
    credential: &Value,
    key: &dyn DocumentSigner,
    did: &str,
    options: Options,
) -> Result<Value, CredentialError> {
    let unsigned: JsonCredential =
        serde_json::from_value(credential.clone()).map_err(|_| Refusal::JsonLd)?;
    let method = options.verification_method.as_ref().ok_or(Refusal::Controller)?;
    let method = method.id().to_string();
    let resolver = AssertionMethod::of_key(did, &method, &key.public_key());
    let environment = SignatureEnvironment { json_ld_loader: contexts()?, eip712_loader: () };
    let signed = AnySuite::EdDsaRdfc2022
        .sign_with(
            environment,
            unsigned,
            resolver.into_vm_resolver::<AnyMethod>(),
            Checked(key),
            options,
            Default::default(),
        )
        .await
        .map_err(unsigned_because)?;
    Ok(serde_json::to_value(signed).map_err(|_| Refusal::JsonLd)?)
}

fn unsigned_because(error: SignatureError) -> CredentialError {
    match error {
        // See the signer.
        SignatureError::InvalidSecretKey => CredentialError::Signer,
        _ => Refusal::JsonLd.into(),
    }
}

/// Checks a credential's proof, its issuer's control of the key, its validity and its subject;
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
    let method = check_proof(&root, policy)?;
    check_subject(&root)?;
    check_validity(&root, policy.now)?;
    let resolver = AssertionMethod::resolve(issuer(credential)?, method, ledger).await?;
    Ok(check_signature(credential, resolver, policy.now).await?)
}

/// What `ssi` checks: JSON-LD under the embedded contexts, and the signature.
pub(super) async fn check_signature(
    credential: &Value,
    resolver: AssertionMethod,
    now: u64,
) -> Result<(), Refusal> {
    let signed: DataIntegrity<JsonCredential, AnySuite> =
        serde_json::from_value(credential.clone()).map_err(|_| Refusal::JsonLd)?;
    let seconds = i64::try_from(now).map_err(|_| Refusal::Created)?;
    let now: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).ok_or(Refusal::Created)?;
    let parameters =
        VerificationParameters::from_resolver(resolver.into_vm_resolver::<AnyMethod>())
            .with_json_ld_loader(contexts()?)
            .with_date_time(now);
    let verdict = signed.verify(parameters).await.map_err(|_| Refusal::JsonLd)?;
    verdict.map_err(|_| Refusal::Signature)
}

/// The issuer's identifier.
fn issuer(credential: &Value) -> Result<&str, Refusal> {
    let issuer = &credential["issuer"];
    issuer.as_str().or_else(|| issuer["id"].as_str()).ok_or(Refusal::Controller)
}

const PROOF_MEMBERS: [&str; 9] = [
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
fn check_proof<'a>(root: &Object<'a>, policy: &ProofPolicy) -> Result<&'a str, Refusal> {
    let node = root.get("proof").ok_or(Refusal::ProofCount)?;
    let proof = node.object().map_err(|_| Refusal::ProofCount)?;
    let text = |name: &str| proof.get(name).and_then(|node| node.value.as_str());
    if proof.only(&PROOF_MEMBERS).is_err()
        || text("type") != Some("DataIntegrityProof")
        || text("cryptosuite") != Some("eddsa-rdfc-2022")
    {
        return Err(Refusal::Cryptosuite);
    }
    if text("proofPurpose") != Some("assertionMethod") {
        return Err(Refusal::Purpose);
    }
    if let Some(created) = proof.get("created")
        && read_time(&created).map_or(true, |created| created > policy.now)
    {
        return Err(Refusal::Created);
    }
    if let Some(expires) = proof.get("expires")
        && read_time(&expires).map_or(true, |expires| expires < policy.now)
    {
        return Err(Refusal::ProofExpired);
    }
    let bound_to = |name: &str, expected: &Option<String>| {
        let stated = proof.get(name);
        stated.map(|node| node.value.clone()) == expected.clone().map(Value::from)
    };
    if !bound_to("challenge", &policy.challenge) {
        return Err(Refusal::Challenge);
    }
    if !bound_to("domain", &policy.domain) {
        return Err(Refusal::Domain);
    }
    text("verificationMethod").ok_or(Refusal::Controller)
}

fn check_subject(root: &Object<'_>) -> Result<(), Refusal> {
    let subject = root.get("credentialSubject").ok_or(Refusal::EmptySubject)?;
    let stated = subject.value.as_object().is_some_and(|subject| {
        subject.iter().any(|(name, value)| name != "id" && !value.is_null())
    });
    if stated { Ok(()) } else { Err(Refusal::EmptySubject) }
}

fn check_validity(root: &Object<'_>, now: u64) -> Result<(), Refusal> {
    if let Some(from) = root.get("validFrom")
        && read_time(&from).map_or(true, |from| from > now)
    {
        return Err(Refusal::NotYetValid);
    }
    if let Some(until) = root.get("validUntil")
        && read_time(&until).map_or(true, |until| until < now)
    {
        return Err(Refusal::Expired);
    }
    Ok(())
}
