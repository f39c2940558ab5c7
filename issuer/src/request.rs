//! What the issuer is asked to issue, before and after it is read.

use attestry_circuits::HolderCommitment;
use attestry_circuits::time::{TIME_BITS, start_of_day};
use attestry_credential::fhir;
use attestry_credential::schema::values::Day;
use attestry_credential::schema::{Schema, Subject};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::record::CredentialId;
use crate::storage::Idempotency;
use crate::{IssuerError, document};

const DAY_S: u64 = 86_400;
const KEY_DOMAIN: &[u8] = b"attestry/idempotency-key/v1";

/// Where a credential's claims come from.
#[derive(Clone)]
pub enum Source {
    /// A subject of a schema, as JSON in the form of `credentialSubject`.
    Subject(Schema, Value),
    /// A FHIR R4 resource or Bundle.
    Resource {
        /// The resource.
        resource: Value,
        /// Which of the credentials that it stands for, from 0; needed if there are several.
        item: Option<usize>,
    },
    /// A VCDM 2.0 document without proof.
    Document(Value),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Subject(..) => "Subject(redacted)",
            Self::Resource { .. } => "Resource(redacted)",
            Self::Document(_) => "Document(redacted)",
        })
    }
}

/// When a credential is valid, Unix seconds; what is left out follows from its claims or from the
/// issuer's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub from: Option<u64>,
    /// Last second.
    pub until: Option<u64>,
}

/// A credential to be issued.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// Its claims.
    pub source: Source,
    /// Whose it will be.
    pub holder: HolderCommitment,
    /// When it will be valid.
    pub validity: Validity,
    /// The caller's name for this request: repeating it issues nothing twice.
    pub idempotency_key: Option<String>,
}

/// A credential to be issued in the place of another.
#[derive(Clone, Debug, Default)]
pub struct RenewRequest {
    /// New claims; the old ones if there are none.
    pub source: Option<Source>,
    /// When the new one will be valid.
    pub validity: Validity,
    /// The caller's name for this request: repeating it issues nothing twice.
    pub idempotency_key: Option<String>,
}

/// What a request asks to be attested, read and checked.
pub(crate) struct Claims {
    pub(crate) subject: Subject,
    pub(crate) validity: Validity,
}

impl Source {
    /// Reads and checks the claims. `issuer` is our own DID.
    pub(crate) fn read(
        &self,
        issuer: &str,
        holder: HolderCommitment,
    ) -> Result<Claims, IssuerError> {
        match self {
            Self::Subject(schema, subject) => Claims::of_subject(*schema, subject),
            Self::Resource { resource, item } => {
                let subject = read_resource(resource, *item)?;
                Ok(Claims { subject, validity: Validity::default() })
            }
            Self::Document(document) => document::read_unsigned(document, issuer, holder),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Subject(schema, subject) => json!([schema.versioned_name(), subject]),
            Self::Resource { resource, item } => json!(["resource", resource, item]),
            Self::Document(document) => json!(["document", document]),
        }
    }
}

fn read_resource(resource: &Value, item: Option<usize>) -> Result<Subject, IssuerError> {
    let mut imported = fhir::import(resource.to_string().as_bytes())?;
    let item = match (item, imported.len()) {
        (Some(item), count) if item < count => item,
        (Some(_), _) => {
            return Err(IssuerError::request("options.item", "is past the resource's credentials"));
        }
        (None, 1) => 0,
        (None, 0) => return Err(IssuerError::request("resource", "stands for no credential")),
        (None, _) => {
            return Err(IssuerError::request(
                "options.item",
                "is required: the resource stands for several credentials",
            ));
        }
    };
    Ok(imported.swap_remove(item).outcome?)
}

impl Claims {
    /// The content of a subject alone.
    pub(crate) fn of_subject(schema: Schema, subject: &Value) -> Result<Self, IssuerError> {
        Ok(Self { subject: Subject::from_json(schema, subject)?, validity: Validity::default() })
    }

    /// The subject as its document writes it.
    pub(crate) fn to_json(&self) -> Result<Value, IssuerError> {
        serde_json::to_value(&self.subject).map_err(|_| IssuerError::Signing)
    }
}

impl Validity {
    /// These times, or where they are left out, the others.
    pub(crate) fn or(self, others: Self) -> Self {
        Self { from: self.from.or(others.from), until: self.until.or(others.until) }
    }

    /// First and last second: from now on, until the last day that the claims allow or for the
    /// default time, whichever ends first.
    pub(crate) fn resolve(
        self,
        subject: &Subject,
        now: u64,
        default_validity_s: u64,
    ) -> Result<(u64, u64), IssuerError> {
        let latest = last_day(subject).map(|day| start_of_day(u64::from(day.number())) + DAY_S - 1);
        let from = self.from.unwrap_or(now);
        let until = match self.until {
            Some(until) if latest.is_some_and(|latest| until > latest) => {
                return Err(IssuerError::request(
                    "validUntil",
                    "is after the last day that the claims state",
                ));
            }
            Some(until) => until,
            None => {
                let default = from.saturating_add(default_validity_s);
                latest.map_or(default, |latest| latest.min(default))
            }
        };
        if from >> TIME_BITS != 0 {
            return Err(IssuerError::request("validFrom", "is not below 2^40 seconds"));
        }
        if until >> TIME_BITS != 0 {
            return Err(IssuerError::request("validUntil", "is not below 2^40 seconds"));
        }
        if until < from {
            return Err(IssuerError::request("validUntil", "is before validFrom"));
        }
        Ok((from, until))
    }
}

/// The last day on which what the subject states can hold.
fn last_day(subject: &Subject) -> Option<Day> {
    match subject {
        Subject::Provider(provider) => provider.expires_on,
        Subject::Consent(consent) => consent.data_to,
    }
}

impl IssueRequest {
    pub(crate) fn idempotency(&self) -> Option<Idempotency> {
        let request = json!([
            "issue",
            self.source.to_json(),
            self.holder.to_string(),
            self.validity.from,
            self.validity.until
        ]);
        idempotency(self.idempotency_key.as_deref(), &request)
    }
}

impl RenewRequest {
    pub(crate) fn idempotency(&self, id: CredentialId) -> Option<Idempotency> {
        let source = self.source.as_ref().map(Source::to_json);
        let request =
            json!(["renew", id.to_string(), source, self.validity.from, self.validity.until]);
        idempotency(self.idempotency_key.as_deref(), &request)
    }
}

pub(crate) fn idempotency(key: Option<&str>, request: &Value) -> Option<Idempotency> {
    let hash =
        |bytes: &[u8]| Sha256::new().chain_update(KEY_DOMAIN).chain_update(bytes).finalize().into();
    key.map(|key| Idempotency {
        key: hash(key.as_bytes()),
        request: hash(request.to_string().as_bytes()),
    })
}
