//! Verification of any VCDM 2.0 credential or presentation.

use std::future::Future;

use serde_json::Value;

use super::{
    Refusal,
    did::{DidEthr, Purpose},
    graph::{canonical_graph, unsecured},
    issue::check_known_schema,
    proof::{ProofPolicy, check_proofs, check_validity, issuer},
    remote::with_contexts,
    status::check_entry,
    verdict::Verdict,
};
use crate::{
    error::CredentialError,
    json::Node,
    vcdm::conforming::{check_credential, check_presentation, each, identifier, types},
};

/// The status list could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the status list could not be retrieved")]
pub struct StatusUnavailable;

/// Where status list credentials come from.
pub trait StatusSource {
    /// The status list credential at a URL, as JSON. It need not be verified.
    ///
    /// # Errors
    /// [`StatusUnavailable`]; the credential that names the list is then refused.
    fn status_list(
        &self,
        url: &str,
    ) -> impl Future<Output = Result<Value, StatusUnavailable>> + Send;
}

/// Verifies a credential: its form, that its contexts define every term, its proofs and their
/// issuer's control of the key, its validity, its status by every entry, and its claims by the
/// schema that it names if that is one of ours.
///
/// A status that cannot be looked up refuses the credential. Proofs of other suites in a set,
/// schemas of others and related resources are left out of account, with a warning.
pub async fn verify_credential(
    document: &Value,
    policy: &ProofPolicy,
    ledger: &(impl DidEthr + Sync),
    statuses: &(impl StatusSource + Sync),
) -> Verdict {
    let mut verdict = Verdict::default();
    let document = match with_contexts(document, ledger).await {
        Ok(document) => document,
        Err(error) => {
            verdict.refuse("", error);
            return verdict;
        }
    };
    match check_credential(&document) {
        Ok(()) => verify_claims(&document, "", policy, ledger, statuses, &mut verdict).await,
        Err(error) => verdict.refuse("", error),
    }
    verdict
}

/// Verifies a presentation: its form, the proof that its holder made for this challenge and
/// domain, and every credential in it.
///
/// A credential without a proof of its own is taken only from the holder who issued it.
pub async fn verify_presentation(
    document: &Value,
    policy: &ProofPolicy,
    ledger: &(impl DidEthr + Sync),
    statuses: &(impl StatusSource + Sync),
) -> Verdict {
    let mut verdict = Verdict::default();
    if let Err(error) = verify_holder(document, policy, ledger, statuses, &mut verdict).await {
        verdict.refuse("", error);
    }
    verdict
}

async fn verify_holder(
    document: &Value,
    policy: &ProofPolicy,
    ledger: &(impl DidEthr + Sync),
    statuses: &(impl StatusSource + Sync),
    verdict: &mut Verdict,
) -> Result<(), CredentialError> {
    let document = &*with_contexts(document, ledger).await?;
    check_presentation(document)?;
    let root = Node::root(document, "").object()?;
    if is_enveloped(document) {
        return Err(Refusal::Enveloped.into());
    }
    let holder = root.get("holder").map(|holder| identifier(&holder)).transpose()?;
    canonical_graph(&unsecured(document)).await?;
    let purpose = Purpose::Authentication;
    let proofs = check_proofs(document, None, purpose, policy, ledger).await?;
    let (presenter, unknown) = proofs;
    warn_of_proofs(unknown, "", verdict);
    if holder.is_some_and(|holder| holder != presenter) {
        return Err(Refusal::Holder.into());
    }
    // An issuer's proof is bound to no challenge.
    let unbound = ProofPolicy::at(policy.now);
    for (position, node) in each(&root, "verifiableCredential")?.into_iter().enumerate() {
        let within = format!("verifiableCredential[{position}]");
        if is_enveloped(node.value) {
            verdict.refuse(&within, Refusal::Enveloped);
            continue;
        }
        let self_asserted = issuer(node.value) == Ok(&presenter);
        if self_asserted && holder.is_none() {
            verdict.refuse(&within, Refusal::HolderRequired);
        } else if node.value.get("proof").is_some() {
            verify_claims(node.value, &within, &unbound, ledger, statuses, verdict).await;
        } else if self_asserted {
            let claims = verify_unsecured(node.value, &within, policy.now, ledger, statuses);
            let outcome = claims.await;
            verdict.errors.extend(outcome.errors);
            verdict.warnings.extend(outcome.warnings);
        } else {
            verdict.refuse(&within, Refusal::Unsecured);
        }
    }
    Ok(())
}

/// A credential whose form is checked.
async fn verify_claims(
    document: &Value,
    within: &str,
    policy: &ProofPolicy,
    ledger: &(impl DidEthr + Sync),
    statuses: &(impl StatusSource + Sync),
    verdict: &mut Verdict,
) {
    let checked = async {
        canonical_graph(&unsecured(document)).await?;
        let issuer = Some(issuer(document)?);
        check_proofs(document, issuer, Purpose::Assertion, policy, ledger).await
    };
    match checked.await {
        Ok((_, unknown)) => warn_of_proofs(unknown, within, verdict),
        // What nobody signed needs no further look.
        Err(refusal) => return verdict.refuse(within, refusal),
    }
    let rest = verify_unsecured(document, within, policy.now, ledger, statuses).await;
    verdict.errors.extend(rest.errors);
    verdict.warnings.extend(rest.warnings);
}

/// Everything about a credential besides its form and its proofs.
async fn verify_unsecured(
    document: &Value,
    within: &str,
    now: u64,
    ledger: &(impl DidEthr + Sync),
    statuses: &(impl StatusSource + Sync),
) -> Verdict {
    let mut verdict = Verdict::default();
    let checked = async {
        let root = Node::root(document, "").object()?;
        if let Err(refusal) = check_validity(&root, now) {
            verdict.refuse(within, refusal);
        }
        for (position, entry) in each(&root, "credentialStatus")?.into_iter().enumerate() {
            let outcome = check_entry(&entry, issuer(document)?, now, ledger, statuses).await;
            match outcome {
                Ok(true) => {}
                Ok(false) => {
                    let path = format!("credentialStatus[{position}]");
                    verdict.warn(within, path, "says that a newer credential can be had");
                }
                Err(error) => verdict.refuse(within, error),
            }
        }
        match check_known_schema(&root, document) {
            Ok(true) => {}
            Ok(false) => {
                let words = "was not evaluated: it is not a schema of ours";
                verdict.warn(within, "credentialSchema".to_owned(), words);
            }
            Err(error) => verdict.refuse(within, error),
        }
        if root.get("relatedResource").is_some() {
            let words = "was not retrieved, so that its digest was not compared";
            verdict.warn(within, "relatedResource".to_owned(), words);
        }
        Ok::<(), CredentialError>(())
    };
    if let Err(error) = checked.await {
        verdict.refuse(within, error);
    }
    verdict
}

fn warn_of_proofs(unknown: Vec<usize>, within: &str, verdict: &mut Verdict) {
    for position in unknown {
        let words = "was not checked: it is of another cryptographic suite";
        verdict.warn(within, format!("proof[{position}]"), words);
    }
}

fn is_enveloped(document: &Value) -> bool {
    let types = Node::root(document, "").object().and_then(|root| types(&root));
    let enveloped = ["EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation"];
    types.is_ok_and(|types| types.iter().any(|kind| enveloped.contains(kind)))
}
