//! The two credential schemas and the encoding of their claims.
//!
//! A credential has 24 claims, each one field element. What a schema's struct states is encoded
//! slot by slot; the tables [`PROVIDER_CLAIMS`] and [`CONSENT_CLAIMS`] say how, and which
//! encoding stands for an absent value. Absent encodings are chosen so that they fail the
//! comparisons that a policy makes on the claim: codes and texts 0, which no word has; days 0,
//! which is before any day; and [`STANDING_NOT_STATED`], in which every encumbrance is set.

mod claim;
mod consent;
mod provider;
pub mod values;

pub use claim::{
    ANY_DISEASE, ClaimKind, ClaimSpec, DOCUMENT_DOMAIN, RECIPIENTS_DOMAIN, document_claim,
    recipients_claim,
};
pub use consent::{CONSENT_CLAIMS, ConsentGrant};
pub(crate) use provider::read_standing;
pub use provider::{PROVIDER_CLAIMS, ProviderCredential, STANDING_NOT_STATED};

use attestry_circuits::{CLAIM_COUNT, Claims, Fr, SchemaId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
};

/// A credential schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Schema {
    /// A licence, certification, registration or check of one provider.
    ProviderCredential,
    /// One person's consent to one use of data or one study.
    ConsentGrant,
}

impl Schema {
    /// All schemas.
    pub const ALL: [Self; 2] = [Self::ProviderCredential, Self::ConsentGrant];

    /// Number and version in the header of a credential.
    pub fn id(&self) -> SchemaId {
        SchemaId {
            id: match self {
                Self::ProviderCredential => 1,
                Self::ConsentGrant => 2,
            },
            version: 1,
        }
    }

    /// The schema with this number and version.
    pub fn from_id(id: SchemaId) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.id() == id)
    }

    /// The type of its verifiable credentials.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::ProviderCredential => "ProviderCredential",
            Self::ConsentGrant => "ConsentGrant",
        }
    }

    /// Name and version, as policies write them: `ProviderCredential/1`.
    pub fn versioned_name(&self) -> String {
        format!("{}/{}", self.type_name(), self.id().version)
    }

    /// The claims, by slot.
    pub fn claims(&self) -> &'static [ClaimSpec; CLAIM_COUNT] {
        match self {
            Self::ProviderCredential => &PROVIDER_CLAIMS,
            Self::ConsentGrant => &CONSENT_CLAIMS,
        }
    }

    /// What a subject may state: the column of a roster, and the member of `credentialSubject`.
    pub(crate) fn members(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ProviderCredential => &provider::MEMBERS,
            Self::ConsentGrant => &consent::MEMBERS,
        }
    }

    /// The claim of this name.
    pub fn claim(&self, name: &str) -> Option<&'static ClaimSpec> {
        self.claims().iter().find(|claim| claim.name == name)
    }

    /// The claims as the words that they stand for; absent ones are left out.
    ///
    /// # Errors
    /// If a claim is no encoding of its kind.
    pub fn describe(&self, claims: &Claims) -> Result<Map<String, Value>, CredentialError> {
        let mut described = Map::new();
        for (spec, element) in self.claims().iter().zip(&claims.0) {
            if let Some(value) = spec.decode(element)? {
                described.insert(spec.name.to_owned(), value);
            }
        }
        Ok(described)
    }
}

impl std::str::FromStr for Schema {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let mut schemas = Self::ALL.into_iter();
        let found = schemas.find(|schema| schema.versioned_name() == text);
        found.ok_or(Rule::new("is not a schema: ProviderCredential/1 or ConsentGrant/1"))
    }
}

/// What a credential states about its subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Subject {
    /// Of a [`Schema::ProviderCredential`].
    Provider(Box<ProviderCredential>),
    /// Of a [`Schema::ConsentGrant`].
    Consent(Box<ConsentGrant>),
}

impl Subject {
    /// The schema.
    pub fn schema(&self) -> Schema {
        match self {
            Self::Provider(_) => Schema::ProviderCredential,
            Self::Consent(_) => Schema::ConsentGrant,
        }
    }

    /// Checks the rules that hold between claims.
    ///
    /// # Errors
    /// The first claim that breaks a rule.
    pub fn validate(&self) -> Result<(), CredentialError> {
        match self {
            Self::Provider(provider) => provider.validate(),
            Self::Consent(consent) => consent.validate(),
        }
    }

    /// The claims, texts hashed under the credential's salt.
    ///
    /// # Errors
    /// Those of [`Subject::validate`].
    pub fn claims(&self, salt: &[u8; 16]) -> Result<Claims, CredentialError> {
        match self {
            Self::Provider(provider) => provider.claims(salt),
            Self::Consent(consent) => consent.claims(),
        }
    }

    /// Reads a JSON object with the members of the schema's struct, in camel case.
    ///
    /// # Errors
    /// The first member that is unknown, missing, of the wrong form, or breaks a rule.
    pub fn from_json(schema: Schema, value: &Value) -> Result<Self, CredentialError> {
        Self::read(schema, &Node::root(value, "").object()?, &[])
    }

    pub(crate) fn read(
        schema: Schema,
        object: &Object<'_>,
        also: &[&str],
    ) -> Result<Self, CredentialError> {
        let subject = match schema {
            Schema::ProviderCredential => {
                Self::Provider(Box::new(ProviderCredential::read(object, also)?))
            }
            Schema::ConsentGrant => Self::Consent(Box::new(ConsentGrant::read(object, also)?)),
        };
        subject.validate()?;
        Ok(subject)
    }
}

/// The claim of an optional value: 0 if it is absent.
fn or_zero<T>(value: &Option<T>, encode: impl Fn(&T) -> u64) -> Fr {
    Fr::from(value.as_ref().map_or(0, encode))
}

/// Reads a list of words into a mask.
pub(crate) fn read_mask<V: crate::vocabulary::Coded>(
    items: &[Node<'_>],
) -> Result<crate::vocabulary::Mask<V>, CredentialError> {
    items.iter().try_fold(Default::default(), |mask, item| {
        Ok(crate::vocabulary::Mask::with(mask, item.parse()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_stands_at_its_slot_under_its_own_name() {
        for schema in Schema::ALL {
            for (slot, spec) in schema.claims().iter().enumerate() {
                assert_eq!(spec.slot, slot, "{}", spec.name);
                assert_eq!(schema.claim(spec.name).map(|found| found.slot), Some(slot));
            }
            assert_eq!(Schema::from_id(schema.id()), Some(schema));
            assert_eq!(schema.versioned_name().parse(), Ok(schema));
        }
    }

    #[test]
    fn no_stated_value_has_the_encoding_of_an_absent_one() {
        for schema in Schema::ALL {
            for spec in schema.claims() {
                let absent = spec.absent.map(Fr::from);
                let words = match spec.kind {
                    ClaimKind::Code(vocabulary) => vocabulary.entries(),
                    _ => &[],
                };
                for (_, word) in words {
                    assert_ne!(spec.encode(&Value::from(*word)).ok(), absent, "{}", spec.name);
                }
            }
        }
    }

    #[test]
    fn every_vocabulary_fits_the_bits_of_its_claim() {
        for spec in Schema::ALL.iter().flat_map(Schema::claims) {
            match spec.kind {
                ClaimKind::Code(vocabulary) => {
                    let largest = vocabulary.entries().last().unwrap().0;
                    assert!(largest < 1 << spec.bits, "{}", spec.name);
                }
                ClaimKind::Mask(vocabulary) => {
                    let largest = vocabulary.entries().last().unwrap().0;
                    assert!(largest < u32::from(spec.bits), "{}", spec.name);
                }
                _ => {}
            }
        }
    }
}
