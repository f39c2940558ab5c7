//! The document: its syntax, and the words of its schema.

use serde_json::Value;

use super::{PolicyDocument, parameters::Reference};
use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
    schema::{ClaimKind, ClaimSpec, Schema},
    vocabulary::{Code, Coded, State},
};

pub(super) type Clause = Vec<Alternative>;
pub(super) type Alternative = Vec<Predicate>;

/// What a predicate is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Subject {
    Claim(&'static ClaimSpec),
    Issuer,
}

impl Subject {
    pub(super) fn spec(&self) -> Option<&'static ClaimSpec> {
        match self {
            Self::Claim(spec) => Some(spec),
            Self::Issuer => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Eq,
    Neq,
    Lt,
    Le,
    Gt,
    Ge,
    InSet,
    NotInSet,
    MaskContains,
    MaskExcludes,
    InMask,
}

const OPERATORS: [(&str, Operator); 11] = [
    ("eq", Operator::Eq),
    ("neq", Operator::Neq),
    ("lt", Operator::Lt),
    ("le", Operator::Le),
    ("gt", Operator::Gt),
    ("ge", Operator::Ge),
    ("in-set", Operator::InSet),
    ("not-in-set", Operator::NotInSet),
    ("mask-contains", Operator::MaskContains),
    ("mask-excludes", Operator::MaskExcludes),
    ("in-mask", Operator::InMask),
];

/// What a claim is held against.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// A literal without parameters.
    Value(Value),
    /// A parameter.
    Parameter(Reference),
    /// A list of literals and parameters.
    List(Vec<Item>),
    /// The holder discloses it.
    Disclosed,
    /// Another claim of the credential, shifted.
    Claim(&'static ClaimSpec, i64),
    /// The home states whose multistate licence covers a state.
    Covering(Item),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Value(Value),
    Parameter(Reference),
}

impl Operand {
    pub(super) fn is_disclosed(&self) -> bool {
        matches!(self, Self::Disclosed)
    }

    /// The parameters.
    pub(super) fn parameters(&self) -> Vec<&Reference> {
        match self {
            Self::Parameter(reference) => vec![reference],
            Self::List(items) => items.iter().filter_map(Item::parameter).collect(),
            Self::Covering(item) => item.parameter().into_iter().collect(),
            Self::Value(_) | Self::Disclosed | Self::Claim(..) => Vec::new(),
        }
    }
}

impl Item {
    fn parameter(&self) -> Option<&Reference> {
        match self {
            Self::Parameter(reference) => Some(reference),
            Self::Value(_) => None,
        }
    }
}

/// One test of one claim, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Predicate {
    pub(super) path: String,
    pub(super) subject: Subject,
    pub(super) operator: Operator,
    pub(super) operand: Operand,
}

pub(super) fn read(source: Value) -> Result<PolicyDocument, CredentialError> {
    let root = Node::root(&source, "").object()?;
    root.only(&["id", "version", "title", "description", "schema", "require"])?;
    let id = root.require("id")?;
    let name = id.text()?;
    let well_formed = name.split('-').all(|word| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if !well_formed {
        return Err(id.refuse("is not lower-case words joined by hyphens"));
    }
    let version = root.require("version")?;
    if version.u32()? == 0 {
        return Err(version.refuse("counts from 1"));
    }
    let schema: Schema = root.require("schema")?.parse()?;
    let clauses = root.require("require")?;
    let require: Result<Vec<Clause>, _> =
        clauses.items()?.iter().map(|node| read_clause(schema, node)).collect();
    let require = require?;
    if require.is_empty() {
        return Err(clauses.refuse("asks nothing"));
    }
    let description = root.get("description").map(|node| node.text()).transpose()?;
    Ok(PolicyDocument {
        id: name.to_owned(),
        version: version.u32()?,
        title: root.require("title")?.text()?.to_owned(),
        description: description.map(str::to_owned),
        schema,
        require,
        source: source.clone(),
    })
}

fn read_clause(schema: Schema, node: &Node<'_>) -> Result<Clause, CredentialError> {
    let object = node.object()?;
    let Some(any) = object.get("any") else {
        return Ok(vec![vec![read_predicate(schema, &object)?]]);
    };
    object.only(&["any"])?;
    let alternatives = any.items()?;
    if alternatives.is_empty() {
        return Err(any.refuse("has no alternative"));
    }
    alternatives.iter().map(|node| read_alternative(schema, node)).collect()
}

fn read_alternative(schema: Schema, node: &Node<'_>) -> Result<Alternative, CredentialError> {
    let object = node.object()?;
    let Some(all) = object.get("all") else {
        return Ok(vec![read_predicate(schema, &object)?]);
    };
    object.only(&["all"])?;
    let predicates = all.items()?;
    if predicates.is_empty() {
        return Err(all.refuse("has no predicate"));
    }
    let predicates = predicates.iter();
    predicates.map(|node| read_predicate(schema, &node.object()?)).collect()
}

fn read_predicate(schema: Schema, object: &Object<'_>) -> Result<Predicate, CredentialError> {
    object.only(&["claim", "op", "value", "reveal"])?;
    let claim = object.require("claim")?;
    let subject = match claim.text()? {
        "issuer" => Subject::Issuer,
        name => Subject::Claim(read_claim(schema, name, &claim)?),
    };
    let op = object.require("op")?;
    let word = op.text()?;
    let operator = OPERATORS.iter().find(|(name, _)| *name == word);
    let operator = operator.ok_or_else(|| op.refuse("is not an operator"))?.1;
    check_operator(subject, operator, &op)?;

    let reveal = object.get("reveal").map(|node| node.boolean()).transpose()?;
    let operand = if reveal == Some(true) {
        if operator != Operator::Eq || object.get("value").is_some() {
            return Err(CredentialError::invalid(
                object.member("reveal"),
                "goes with eq and no value",
            ));
        }
        Operand::Disclosed
    } else {
        read_operand(schema, subject, operator, &object.require("value")?)?
    };
    Ok(Predicate { path: object.path.clone(), subject, operator, operand })
}

fn read_claim(
    schema: Schema,
    name: &str,
    node: &Node<'_>,
) -> Result<&'static ClaimSpec, CredentialError> {
    let spec = schema.claim(name).ok_or_else(|| {
        Rule::worded(format!("is not a claim of {}", schema.versioned_name())).at(&node.path)
    })?;
    if spec.kind == ClaimKind::Text {
        return Err(node.refuse("is a salted text, of which nothing can be asked"));
    }
    Ok(spec)
}

fn check_operator(
    subject: Subject,
    operator: Operator,
    node: &Node<'_>,
) -> Result<(), CredentialError> {
    let kind = subject.spec().map(|spec| spec.kind);
    let fits = match operator {
        Operator::Eq | Operator::Neq => true,
        Operator::InSet | Operator::NotInSet => kind.is_none_or(|kind| !kind.is_mask()),
        Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge => {
            kind.is_some_and(|kind| kind.is_ordered())
        }
        Operator::MaskContains | Operator::MaskExcludes => kind.is_some_and(|kind| kind.is_mask()),
        Operator::InMask => kind == Some(ClaimKind::Code(State::VOCABULARY)),
    };
    if fits { Ok(()) } else { Err(node.refuse("does not apply to a claim of this kind")) }
}

fn read_operand(
    schema: Schema,
    subject: Subject,
    operator: Operator,
    node: &Node<'_>,
) -> Result<Operand, CredentialError> {
    if let Value::Object(_) = node.value {
        return read_structured_operand(schema, subject, operator, node);
    }
    let is_list_valued =
        |spec: &ClaimSpec| spec.kind.is_mask() || spec.kind == ClaimKind::Recipients;
    let of_list_kind = subject.spec().is_some_and(is_list_valued);
    let list_operator = matches!(operator, Operator::InSet | Operator::NotInSet | Operator::InMask);
    if let Some(reference) = read_reference(node)? {
        if reference.is_shifted() && subject.spec().is_none_or(|s| s.kind != ClaimKind::Day) {
            return Err(node.refuse("shifts what is not a day"));
        }
        return Ok(Operand::Parameter(reference));
    }
    if !list_operator && !of_list_kind {
        encode(subject, node)?;
        return Ok(Operand::Value(node.value.clone()));
    }
    let items = node.items()?;
    let may_be_empty = matches!(operator, Operator::Eq | Operator::Neq);
    if items.is_empty() && !may_be_empty {
        return Err(node.refuse("is an empty list"));
    }
    let items: Result<Vec<Item>, CredentialError> = items
        .iter()
        .map(|item| match read_reference(item)? {
            Some(reference) => Ok(Item::Parameter(reference)),
            None => {
                if of_list_kind && !list_operator {
                    let alone = Value::Array(vec![item.value.clone()]);
                    encode(subject, &Node::root(&alone, &item.path))?;
                } else {
                    encode(subject, item)?;
                }
                Ok(Item::Value(item.value.clone()))
            }
        })
        .collect();
    Ok(Operand::List(items?))
}

fn read_structured_operand(
    schema: Schema,
    subject: Subject,
    operator: Operator,
    node: &Node<'_>,
) -> Result<Operand, CredentialError> {
    let object = node.object()?;
    if operator == Operator::InMask {
        object.only(&["compact", "covering"])?;
        let compact = object.require("compact")?;
        if compact.text()? != "nlc" {
            return Err(compact.refuse("is not a compact with party states: nlc"));
        }
        let covering = object.require("covering")?;
        return Ok(Operand::Covering(match read_reference(&covering)? {
            Some(reference) => Item::Parameter(reference),
            None => {
                covering.parse::<Code<State>>()?;
                Item::Value(covering.value.clone())
            }
        }));
    }
    object.only(&["claim", "plus_days"])?;
    let claim = object.require("claim")?;
    let other = read_claim(schema, claim.text()?, &claim)?;
    let of_days = |spec: &ClaimSpec| spec.kind == ClaimKind::Day;
    if !matches!(operator, Operator::Le | Operator::Ge)
        || !subject.spec().is_some_and(of_days)
        || !of_days(other)
    {
        return Err(node.refuse("compares two claims, which must be days, with le or ge"));
    }
    let plus = match object.get("plus_days") {
        None => 0,
        Some(plus) => plus
            .value
            .as_i64()
            .filter(|days| days.unsigned_abs() < 1 << 17)
            .ok_or_else(|| plus.refuse("is not a number of days below 2^17"))?,
    };
    Ok(Operand::Claim(other, plus))
}

fn read_reference(node: &Node<'_>) -> Result<Option<Reference>, CredentialError> {
    let text = node.value.as_str();
    let reference = text.and_then(Reference::read).transpose();
    reference.map_err(|rule| rule.at(&node.path))
}

fn encode(subject: Subject, node: &Node<'_>) -> Result<(), CredentialError> {
    super::bind::encode(subject, node).map(|_| ())
}
