//! Every error of the issuer as a problem document. The only place that knows how they map.

use attestry_credential::CredentialError;
use attestry_service::approval::ApprovalError;
use attestry_service::http::{FieldError, JsonError, Problem};
use axum::http::StatusCode;

use crate::IssuerError;

impl From<IssuerError> for Problem {
    fn from(error: IssuerError) -> Self {
        use StatusCode as Status;
        let (status, name, title) = match error {
            IssuerError::Credential(error) => return of_credential(&error),
            IssuerError::Request { field, rule } => return FieldError::new(field, rule).into(),
            IssuerError::NotAccredited(_) => (
                Status::UNPROCESSABLE_ENTITY,
                "not-accredited",
                "The issuer is not accredited for this schema",
            ),
            IssuerError::UnknownCredential
            | IssuerError::UnknownList
            | IssuerError::UnknownStudy
            | IssuerError::UnknownEpoch(_)
            | IssuerError::UnknownImport
            | IssuerError::UnknownOffer => (Status::NOT_FOUND, "unknown", "There is no such thing"),
            IssuerError::Erased => {
                (Status::GONE, "erased", "The credential's record has been erased")
            }
            IssuerError::Plain => {
                (Status::CONFLICT, "not-attested", "Only a credential that was attested allows it")
            }
            IssuerError::Approval(ref error) => match error {
                ApprovalError::TooLarge => {
                    (Status::UNPROCESSABLE_ENTITY, "too-large", "The proposal is too large")
                }
                ApprovalError::Unknown => (Status::NOT_FOUND, "unknown", "There is no such thing"),
                ApprovalError::SamePerson | ApprovalError::NotReviewer => {
                    (Status::FORBIDDEN, "second-person", "This takes a second person")
                }
                ApprovalError::Expired => (Status::GONE, "expired", "The proposal has expired"),
                ApprovalError::NotPossible(_) => {
                    (Status::CONFLICT, "not-possible", "The proposal's state does not allow it")
                }
                ApprovalError::Database(_) => return Self::internal(error),
            },
            IssuerError::NotPossible { .. } => {
                (Status::CONFLICT, "not-possible", "The credential's state does not allow it")
            }
            IssuerError::ImportNotPossible(_)
            | IssuerError::NothingToRerun
            | IssuerError::ImportedElsewhere => {
                (Status::CONFLICT, "not-possible", "The import's state does not allow it")
            }
            IssuerError::File(_) => {
                (Status::UNPROCESSABLE_ENTITY, "invalid-file", "The file is refused as a whole")
            }
            IssuerError::FileTooLarge { .. } => {
                (Status::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
            }
            IssuerError::OfferNotPossible { .. } | IssuerError::OfferLinkGone => {
                (Status::CONFLICT, "not-possible", "The offer's state does not allow it")
            }
            IssuerError::InsecurePublicUrl => (
                Status::SERVICE_UNAVAILABLE,
                "insecure-public-url",
                "Wallets need the issuer's public URL to be https",
            ),
            IssuerError::IdempotencyKeyReused => (
                Status::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key was used with another request",
            ),
            IssuerError::ListFull => {
                (Status::INSUFFICIENT_STORAGE, "list-full", "The status list is full")
            }
            IssuerError::Ledger(ref error) if error.is_absence() => {
                (Status::SERVICE_UNAVAILABLE, "ledger-away", "The ledger does not answer")
            }
            IssuerError::Ledger(_) => (Status::BAD_GATEWAY, "ledger-refused", "The ledger refused"),
            IssuerError::Signing
            | IssuerError::ForeignEntry { .. }
            | IssuerError::ForeignStorage
            | IssuerError::Keys(_)
            | IssuerError::Database(_)
            | IssuerError::OpenAccess
            | IssuerError::Io(_) => return Self::internal(&error),
        };
        Self::new(status, name, title).detail(error.to_string()).caused_by(&error)
    }
}

fn of_credential(error: &CredentialError) -> Problem {
    let invalid = || {
        let title = "The content breaks a rule";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-content", title)
            .detail(error.to_string())
    };
    match error {
        CredentialError::NotJson { line, column } => {
            JsonError::Syntax { line: *line, column: *column }.into()
        }
        CredentialError::Invalid { path, rule } => invalid().field(path, rule.to_string()),
        CredentialError::Attestation | CredentialError::Proof(_) => invalid(),
        CredentialError::Signer => Problem::internal(error),
    }
}
