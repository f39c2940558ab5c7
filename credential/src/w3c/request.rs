//! What is asked of a verifier, as VC-API has it.

use serde_json::Value;

use super::{
    Refusal,
    did::DidEthr,
    generic::{StatusSource, verify_credential, verify_presentation},
    proof::ProofPolicy,
    verdict::Verdict,
};
use crate::{error::CredentialError, json::Node};

/// The body of `POST /credentials/verify` or `POST /presentations/verify` of VC-API.
///
/// Of the `options`, `challenge` and `domain` bind proofs, and `expectedProofPurpose` refuses all
/// documents if it is another than the one of their kind. `checks` and the forms of results make
/// no difference: everything is checked, and what is found is answered in one form.
#[derive(Clone, Debug)]
pub struct VerifyRequest<'a> {
    kind: Kind,
    document: &'a Value,
    challenge: Option<String>,
    domain: Option<String>,
    expects_other_purpose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Credential,
    Presentation,
}

impl Kind {
    fn member(self) -> &'static str {
        match self {
            Self::Credential => "verifiableCredential",
            Self::Presentation => "verifiablePresentation",
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Credential => "assertionMethod",
            Self::Presentation => "authentication",
        }
    }
}

impl<'a> VerifyRequest<'a> {
    const OPTIONS: [&'static str; 7] = [
        "expectedProofPurpose",
        "challenge",
        "domain",
        "checks",
        "returnCredential",
        "returnResults",
        "returnProblemDetails",
    ];

    /// Reads `{"verifiableCredential", "options"}`.
    ///
    /// # Errors
    /// [`CredentialError::Invalid`] naming the member and the rule. What is wrong with the
    /// document itself is for the verdict.
    pub fn of_credential(body: &'a Value) -> Result<Self, CredentialError> {
        Self::read(body, Kind::Credential)
    }

    /// Reads `{"verifiablePresentation", "options"}`.
    ///
    /// # Errors
    /// As for [`of_credential`](Self::of_credential).
    pub fn of_presentation(body: &'a Value) -> Result<Self, CredentialError> {
        Self::read(body, Kind::Presentation)
    }

    fn read(body: &'a Value, kind: Kind) -> Result<Self, CredentialError> {
        let body = Node::root(body, "").object()?;
        body.only(&[kind.member(), "options"])?;
        let document = body.require(kind.member())?.value;
        let mut request =
            Self { kind, document, challenge: None, domain: None, expects_other_purpose: false };
        let Some(options) = body.get("options") else { return Ok(request) };
        let options = options.object()?;
        options.only(&Self::OPTIONS)?;
        let text = |name| options.get(name).map(|node| node.text().map(str::to_owned)).transpose();
        request.challenge = text("challenge")?;
        request.domain = text("domain")?;
        let expected = text("expectedProofPurpose")?;
        request.expects_other_purpose = expected.is_some_and(|expected| expected != kind.purpose());
        Ok(request)
    }

    /// Verifies the document, at a time in Unix seconds.
    pub async fn verify(
        self,
        now: u64,
        ledger: &(impl DidEthr + Sync),
        statuses: &(impl StatusSource + Sync),
    ) -> Verdict {
        if self.expects_other_purpose {
            return Verdict::refused(Refusal::Purpose);
        }
        let (document, policy) = (self.document, ProofPolicy::at(now));
        match self.kind {
            Kind::Credential => {
                Box::pin(verify_credential(document, &policy, ledger, statuses)).await
            }
            Kind::Presentation => {
                let Self { challenge, domain, .. } = self;
                let policy = ProofPolicy { challenge, domain, ..policy };
                Box::pin(verify_presentation(document, &policy, ledger, statuses)).await
            }
        }
    }
}
