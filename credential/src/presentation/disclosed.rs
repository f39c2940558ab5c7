//! The disclosed values on the wire: few, short, and each in one form only.

use attestry_circuits::{Credential, IssuerId};
use serde::Serializer;
use serde_json::Value;

use super::{PresentationError, Query};
use crate::{
    error::Rule,
    json::Node,
    policy::Disclosed,
    schema::{ClaimSpec, Subject},
};

/// Values that one presentation discloses, at most: a policy has no more slots.
pub(super) const MAX_DISCLOSED: usize = attestry_circuits::policy::SLOTS;
/// Bytes of a claim's name, at most.
pub(super) const MAX_NAME: usize = 64;
/// Bytes of a value in JSON, at most.
pub(super) const MAX_VALUE: usize = 1024;

/// Name under which policies disclose the issuer.
const ISSUER: &str = "issuer";

/// Values in the bounds of the wire.
pub(super) fn checked(values: Vec<(String, Value)>) -> Result<Disclosed, PresentationError> {
    let refuse = |rule| Rule::new(rule).at("presentation.disclosed").into();
    if values.len() > MAX_DISCLOSED {
        return Err(refuse("has more values than a policy has slots"));
    }
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    values.into_iter().try_fold(Disclosed::none(), |disclosed, (name, value)| {
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(refuse("has a name that no claim has"));
        }
        let plain = match &value {
            Value::String(_) => true,
            Value::Number(number) => number.is_u64(),
            Value::Array(items) => items.iter().all(Value::is_string),
            _ => false,
        };
        if !plain || value.to_string().len() > MAX_VALUE {
            return Err(refuse("has a value that is no short text, whole number or list of texts"));
        }
        Ok(disclosed.with(name, value))
    })
}

/// Reads the member of a presentation.
pub(super) fn read(node: &Node<'_>) -> Result<Disclosed, PresentationError> {
    let members = node.value.as_object();
    let members = members.ok_or_else(|| node.refuse("is not an object"))?;
    checked(members.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Writes the member of a presentation.
pub(super) fn serialize<S: Serializer>(
    disclosed: &Disclosed,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(disclosed.iter())
}

/// Checks that exactly the claims that the query asks for are disclosed, each value written in
/// the one form that this crate writes: what a verifier shows its people is what is proven.
pub(super) fn check_asked(query: &Query, disclosed: &Disclosed) -> Result<(), PresentationError> {
    let asked = query.policy.disclosures();
    let issuer = query.policy.discloses_issuer();
    for (name, value) in disclosed.iter() {
        let spec = asked.iter().find(|spec| spec.name == name);
        let holds = match spec {
            Some(spec) => is_canonical(spec, value),
            None => issuer && name == ISSUER && is_address(value),
        };
        if !holds {
            return Err(PresentationError::Disclosure);
        }
    }
    let missing = asked.iter().any(|spec| disclosed.get(spec.name).is_none());
    if missing || issuer != disclosed.get(ISSUER).is_some() {
        return Err(PresentationError::Disclosure);
    }
    Ok(())
}

fn is_canonical(spec: &ClaimSpec, value: &Value) -> bool {
    let Ok(element) = spec.encode(value) else { return false };
    match spec.kind.is_hash() {
        true => *value == sorted(value.clone()),
        false => spec.decode(&element) == Ok(Some(value.clone())),
    }
}

/// The preimage of a hash in its one form: a list sorted and without repetition, as it is hashed.
fn sorted(mut value: Value) -> Value {
    if let Value::Array(items) = &mut value {
        items.sort_unstable_by(|one, two| one.as_str().cmp(&two.as_str()));
        items.dedup();
    }
    value
}

fn is_address(value: &Value) -> bool {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    digits.is_some_and(|digits| super::words::from_hex::<20>(digits).is_some())
}

/// What a credential answers to the disclosures that a query asks for; `subject` is its content
/// in words, of which the hashed claims are disclosed.
///
/// # Errors
/// [`PresentationError::Disclosure`] if the credential does not state a claim that is asked for.
pub fn disclosed_by(
    query: &Query,
    credential: &Credential,
    subject: &Subject,
) -> Result<Disclosed, PresentationError> {
    let mut values = Vec::new();
    for spec in query.policy.disclosures() {
        let element = credential.claims.0.get(spec.slot).ok_or(PresentationError::Disclosure)?;
        let value = spec.decode(element)?.ok_or(PresentationError::Disclosure)?;
        let value = if spec.kind.is_hash() { sorted(preimage(spec, subject)?) } else { value };
        if spec.encode(&value).as_ref() != Ok(element) {
            return Err(PresentationError::Disclosure);
        }
        values.push((spec.name.to_owned(), value));
    }
    if query.policy.discloses_issuer() {
        values.push((ISSUER.to_owned(), address(&credential.header.issuer_id)));
    }
    checked(values)
}

fn address(issuer: &IssuerId) -> Value {
    Value::from(issuer.to_string())
}

/// The value of a hashed claim as the credential states it.
fn preimage(spec: &ClaimSpec, subject: &Subject) -> Result<Value, PresentationError> {
    let mut member = String::new();
    let mut upper = false;
    for letter in spec.name.chars() {
        match letter {
            '_' => upper = true,
            letter if upper => {
                member.push(letter.to_ascii_uppercase());
                upper = false;
            }
            letter => member.push(letter),
        }
    }
    let subject = serde_json::to_value(subject).ok();
    let value = subject.and_then(|mut subject| subject.get_mut(&member).map(Value::take));
    value.ok_or(PresentationError::Disclosure)
}
