//! From words to numbers: parameters and disclosures in, the circuits' policy out.

use attestry_circuits::{
    Fr, IssuerId,
    policy::{self as numeric, ClaimRef, MaskWidth},
};
use serde_json::Value;

use super::{
    Disclosed, Parameters, PolicyDocument, absence,
    document::{Item, Operand, Operator, Predicate, Subject},
};
use crate::{
    error::CredentialError,
    json::Node,
    schema::ClaimSpec,
    vocabulary::{Code, Mask, NLC_PARTY_STATES, State},
};

/// What stands for the values that the holder discloses.
#[derive(Clone, Copy)]
pub(super) enum Disclosures<'a> {
    /// They.
    Given(&'a Disclosed),
    /// One element for all of them: they are not known yet.
    Open(Fr),
}

pub(super) fn bind(
    document: &PolicyDocument,
    parameters: &Parameters,
    disclosed: Disclosures<'_>,
) -> Result<numeric::Policy, CredentialError> {
    if let Disclosures::Given(disclosed) = disclosed {
        check_asked(document, disclosed)?;
    }
    let mut binding = Binding { parameters, disclosed, set: None };
    let mut clauses = Vec::new();
    for clause in &document.require {
        let mut alternatives = Vec::new();
        for alternative in clause {
            let predicates: Result<Option<Vec<_>>, _> = alternative
                .iter()
                .map(|predicate| binding.predicate(predicate).transpose())
                .collect::<Option<Result<Vec<_>, _>>>()
                .transpose();
            alternatives.extend(predicates?);
        }
        if alternatives.is_empty() {
            let path = clause.first().and_then(|alternative| alternative.first());
            return Err(CredentialError::invalid(
                path.map_or("require", |predicate| &predicate.path),
                "can be satisfied by no claim under these parameters",
            ));
        }
        clauses.push(alternatives);
    }
    let policy = numeric::Policy {
        schema: document.schema().id(),
        set: binding.set.unwrap_or_default(),
        clauses,
    };
    absence::check(document.schema(), &policy)?;
    Ok(policy)
}

fn check_asked(document: &PolicyDocument, disclosed: &Disclosed) -> Result<(), CredentialError> {
    let asked = document.disclosures();
    for (claim, _) in disclosed.iter() {
        let is_asked = asked.iter().any(|spec| spec.name == claim);
        let of_issuer = claim == "issuer" && document.discloses_issuer();
        if !is_asked && !of_issuer {
            return Err(CredentialError::invalid(format!("disclosed.{claim}"), "is not asked for"));
        }
    }
    Ok(())
}

/// The encoding of one value for a claim or the issuer.
pub(super) fn encode(subject: Subject, node: &Node<'_>) -> Result<Fr, CredentialError> {
    match subject {
        Subject::Claim(spec) => spec.encode_node(node),
        Subject::Issuer => {
            let mut address = [0; 20];
            let text = node.text()?;
            let digits = text.rsplit_once(":0x").map(|(_, digits)| digits);
            let digits = digits.or_else(|| text.strip_prefix("0x")).unwrap_or_default();
            hex::decode_to_slice(digits, &mut address)
                .map_err(|_| node.refuse("is not a did:ethr identifier or its address"))?;
            Ok(IssuerId::from_address(address).as_field())
        }
    }
}

struct Binding<'a> {
    parameters: &'a Parameters,
    disclosed: Disclosures<'a>,
    /// The policy's one set, once a predicate has named it.
    set: Option<Vec<Fr>>,
}

impl Binding<'_> {
    /// The predicate in numbers; none if no claim can satisfy it.
    fn predicate(
        &mut self,
        predicate: &Predicate,
    ) -> Result<Option<numeric::Predicate>, CredentialError> {
        let Some(operator) = self.operator(predicate)? else {
            return Ok(None);
        };
        Ok(Some(numeric::Predicate { claim: claim_ref(predicate.subject)?, operator }))
    }

    fn operator(
        &mut self,
        predicate: &Predicate,
    ) -> Result<Option<numeric::Operator>, CredentialError> {
        use numeric::Operator as Numeric;
        let path = format!("{}.value", predicate.path);
        if let Operand::Claim(other, plus) = predicate.operand {
            let other = claim_ref(Subject::Claim(other))?;
            return Ok(Some(match predicate.operator {
                Operator::Ge => Numeric::GeClaim { other, plus },
                _ => Numeric::LeClaim { other, plus },
            }));
        }
        if let Operand::Covering(item) = &predicate.operand {
            let state = self.item(item, &path)?;
            let state: Code<State> = Node::root(&state, &path).parse()?;
            let covering = NLC_PARTY_STATES.covering(state);
            return Ok((!covering.is_empty()).then(|| Numeric::InMask(covering.bits())));
        }
        if let (Operand::Disclosed, Disclosures::Open(element)) =
            (&predicate.operand, self.disclosed)
        {
            return Ok(Some(Numeric::Eq(element)));
        }
        let value = self.value(predicate, &path)?;
        let node = Node::root(&value, &path);
        let subject = predicate.subject;
        Ok(Some(match predicate.operator {
            Operator::Eq => Numeric::Eq(encode(subject, &node)?),
            Operator::Neq => Numeric::Neq(encode(subject, &node)?),
            Operator::Lt => Numeric::Lt(number(subject, &node)?),
            Operator::Le => Numeric::Le(number(subject, &node)?),
            Operator::Gt => Numeric::Gt(number(subject, &node)?),
            Operator::Ge => Numeric::Ge(number(subject, &node)?),
            Operator::InSet => {
                self.share_set(subject, &node)?;
                Numeric::InSet
            }
            Operator::NotInSet => {
                self.share_set(subject, &node)?;
                Numeric::NotInSet
            }
            Operator::MaskContains => {
                Numeric::MaskContains { mask: number(subject, &node)?, width: width(subject) }
            }
            Operator::MaskExcludes => {
                Numeric::MaskExcludes { mask: number(subject, &node)?, width: width(subject) }
            }
            Operator::InMask => {
                let states: Result<Mask<State>, _> = crate::schema::read_mask(&node.items()?);
                Numeric::InMask(states?.bits())
            }
        }))
    }

    /// The operand with its parameters and disclosures filled in.
    fn value(&self, predicate: &Predicate, path: &str) -> Result<Value, CredentialError> {
        match &predicate.operand {
            Operand::Value(value) => Ok(value.clone()),
            Operand::Parameter(reference) => self.parameters.resolve(reference, path),
            Operand::List(items) => items.iter().map(|item| self.item(item, path)).collect(),
            Operand::Disclosed => {
                let claim = predicate.subject.spec().map_or("issuer", |spec| spec.name);
                let value = match self.disclosed {
                    Disclosures::Given(disclosed) => disclosed.get(claim).cloned(),
                    Disclosures::Open(_) => None,
                };
                let path = format!("disclosed.{claim}");
                value.ok_or_else(|| CredentialError::invalid(path, "is required"))
            }
            Operand::Claim(..) | Operand::Covering(_) => Ok(Value::Null),
        }
    }

    fn item(&self, item: &Item, path: &str) -> Result<Value, CredentialError> {
        match item {
            Item::Value(value) => Ok(value.clone()),
            Item::Parameter(reference) => self.parameters.resolve(reference, path),
        }
    }

    fn share_set(&mut self, subject: Subject, node: &Node<'_>) -> Result<(), CredentialError> {
        let items = node.items()?;
        let mut set = Vec::new();
        for item in &items {
            let element = encode(subject, item)?;
            if !set.contains(&element) {
                set.push(element);
            }
        }
        match &self.set {
            Some(known) if *known != set => Err(node.refuse("is a second set: a policy has one")),
            _ => {
                self.set = Some(set);
                Ok(())
            }
        }
    }
}

fn claim_ref(subject: Subject) -> Result<ClaimRef, CredentialError> {
    match subject {
        Subject::Issuer => Ok(ClaimRef::ISSUER),
        Subject::Claim(spec) => ClaimRef::claim(spec.slot)
            .map_err(|_| CredentialError::invalid(spec.name, "is not one of the 24 claims")),
    }
}

fn number(subject: Subject, node: &Node<'_>) -> Result<u64, CredentialError> {
    let element = encode(subject, node)?;
    attestry_circuits::field::to_u64(&element).ok_or_else(|| node.refuse("is not a number"))
}

fn width(subject: Subject) -> MaskWidth {
    let bits = |spec: &ClaimSpec| u32::from(spec.bits);
    match subject.spec().map(bits) {
        Some(bits) if bits <= MaskWidth::Narrow.bits() => MaskWidth::Narrow,
        _ => MaskWidth::Wide,
    }
}
