//! Layout: the first order of clauses, alternatives and predicates that fits the slots' classes.

use super::slots::{CompiledPolicy, Connector, SLOTS, Slot, SlotClass, SlotOperator};
use super::{
    Alternative, COMPARE_BITS, Clause, MaskWidth, Operator, Policy, PolicyError, Predicate,
    SET_SIZE,
};
use crate::field::Fr;
use ark_ff::AdditiveGroup;

pub(super) fn compile(policy: &Policy) -> Result<CompiledPolicy, PolicyError> {
    let uses_set = policy
        .clauses
        .iter()
        .flatten()
        .flatten()
        .any(|p| matches!(p.operator, Operator::InSet | Operator::NotInSet));
    if policy.set.len() > SET_SIZE || uses_set == policy.set.is_empty() {
        return Err(PolicyError::SetSize);
    }
    let clauses = policy.clauses.iter().map(tests_of_clause).collect::<Result<Vec<_>, _>>()?;
    let tests = clauses.iter().flatten().flatten().map(Vec::len).sum::<usize>();
    if tests > SLOTS {
        return Err(PolicyError::DoesNotFit);
    }
    let slots = lay_out(&clauses).ok_or(PolicyError::DoesNotFit)?;
    let last = policy.set.last().copied().unwrap_or(Fr::ZERO);
    let set = std::array::from_fn(|i| policy.set.get(i).copied().unwrap_or(last));
    Ok(CompiledPolicy { schema: policy.schema, slots, set })
}

/// What a slot must offer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Any,
    Set,
    Compare,
    /// A comparison in the next slot that compares after the one just placed.
    CompareNext,
    Narrow,
    Wide,
}

impl Need {
    fn is_met_by(self, class: SlotClass) -> bool {
        match self {
            Self::Any => true,
            Self::Set => class == SlotClass::Set,
            Self::Compare | Self::CompareNext => class != SlotClass::Set,
            Self::Narrow => matches!(class, SlotClass::Narrow | SlotClass::Wide),
            Self::Wide => class == SlotClass::Wide,
        }
    }
}

/// A slot without its place, and what the place must offer.
type Test = (Slot, Need);
/// The tests of one predicate, in this order: a claim compared with another takes two.
type Tests = Vec<Test>;

fn tests_of_clause(clause: &Clause) -> Result<Vec<Vec<Tests>>, PolicyError> {
    if clause.is_empty() {
        return Err(PolicyError::Empty);
    }
    clause.iter().map(tests_of_alternative).collect()
}

fn tests_of_alternative(alternative: &Alternative) -> Result<Vec<Tests>, PolicyError> {
    if alternative.is_empty() {
        return Err(PolicyError::Empty);
    }
    alternative.iter().map(tests_of_predicate).collect()
}

fn tests_of_predicate(predicate: &Predicate) -> Result<Tests, PolicyError> {
    use SlotOperator as Op;
    let test = |operator, operand, need| {
        (Slot { claim: predicate.claim, operator, operand, ..Slot::unused() }, need)
    };
    let compare = |operator, operand| Ok(vec![test(operator, operand, Need::Compare)]);
    let le = Op::Le { relative: false };
    let ge = Op::Ge { relative: false };
    match predicate.operator {
        Operator::Eq(operand) => Ok(vec![test(Op::Eq, operand, Need::Any)]),
        Operator::Neq(operand) => Ok(vec![test(Op::Neq, operand, Need::Any)]),
        Operator::InSet => Ok(vec![test(Op::InSet, Fr::ZERO, Need::Set)]),
        Operator::NotInSet => Ok(vec![test(Op::NotInSet, Fr::ZERO, Need::Set)]),
        Operator::Lt(bound) => compare(le, bounded(bound.checked_sub(1))?),
        Operator::Le(bound) => compare(le, bounded(Some(bound))?),
        Operator::Gt(bound) => compare(ge, bounded(bound.checked_add(1))?),
        Operator::Ge(bound) => compare(ge, bounded(Some(bound))?),
        Operator::LeClaim { other, plus } | Operator::GeClaim { other, plus } => {
            bounded(Some(plus.unsigned_abs()))?;
            let operator = match predicate.operator {
                Operator::LeClaim { .. } => Op::Le { relative: true },
                _ => Op::Ge { relative: true },
            };
            let (mut base, need) = test(ge, Fr::ZERO, Need::Compare);
            base.claim = other;
            Ok(vec![(base, need), test(operator, Fr::from(plus), Need::CompareNext)])
        }
        Operator::MaskContains { mask, width } => {
            Ok(vec![test(Op::Contains, masked(mask, width)?, need_of(width))])
        }
        Operator::MaskExcludes { mask, width } => {
            Ok(vec![test(Op::Excludes, masked(mask, width)?, need_of(width))])
        }
        Operator::InMask(mask) => {
            Ok(vec![test(Op::InMask, masked(mask, MaskWidth::Wide)?, Need::Wide)])
        }
    }
}

fn bounded(bound: Option<u64>) -> Result<Fr, PolicyError> {
    bound.filter(|b| b >> COMPARE_BITS == 0).map(Fr::from).ok_or(PolicyError::CompareRange)
}

fn masked(mask: u64, width: MaskWidth) -> Result<Fr, PolicyError> {
    let fits = width == MaskWidth::Wide || mask >> width.bits() == 0;
    if mask != 0 && fits { Ok(Fr::from(mask)) } else { Err(PolicyError::MaskRange) }
}

fn need_of(width: MaskWidth) -> Need {
    match width {
        MaskWidth::Narrow => Need::Narrow,
        MaskWidth::Wide => Need::Wide,
    }
}

/// Tries the orders of clauses, of alternatives in a clause and of predicates in an alternative,
/// each in its own order first.
fn lay_out(clauses: &[Vec<Vec<Tests>>]) -> Option<[Slot; SLOTS]> {
    let mut result = None;
    for_each_order(clauses, &mut Vec::new(), &mut |ordered| {
        result = place(ordered);
        result.is_some()
    });
    result
}

/// Calls `visit` with every order of tests and their connectors until it answers true.
fn for_each_order(
    clauses: &[Vec<Vec<Tests>>],
    prefix: &mut Vec<Test>,
    visit: &mut dyn FnMut(&[Test]) -> bool,
) -> bool {
    if place(prefix).is_none() {
        return false;
    }
    if clauses.is_empty() {
        return visit(prefix);
    }
    pick_each(clauses, &mut |clause, rest| {
        each_alternative(clause, Connector::NewClause, prefix, &mut |prefix| {
            for_each_order(rest, prefix, visit)
        })
    })
}

fn each_alternative(
    alternatives: &[Vec<Tests>],
    connector: Connector,
    prefix: &mut Vec<Test>,
    then: &mut dyn FnMut(&mut Vec<Test>) -> bool,
) -> bool {
    if alternatives.is_empty() {
        return then(prefix);
    }
    pick_each(alternatives, &mut |alternative, rest| {
        each_predicate(alternative, connector, prefix, &mut |prefix| {
            each_alternative(rest, Connector::Or, prefix, then)
        })
    })
}

fn each_predicate(
    predicates: &[Tests],
    connector: Connector,
    prefix: &mut Vec<Test>,
    then: &mut dyn FnMut(&mut Vec<Test>) -> bool,
) -> bool {
    if predicates.is_empty() {
        return then(prefix);
    }
    pick_each(predicates, &mut |tests, rest| {
        let length = prefix.len();
        prefix.extend(tests);
        prefix[length].0.connector = connector;
        let found = each_predicate(rest, Connector::And, prefix, then);
        prefix.truncate(length);
        found
    })
}

/// Calls `then` with each item and the others, in order, until it answers true.
fn pick_each<T: Clone>(items: &[T], then: &mut dyn FnMut(&T, &[T]) -> bool) -> bool {
    (0..items.len()).any(|i| {
        let mut rest = items.to_vec();
        let item = rest.remove(i);
        then(&item, &rest)
    })
}

/// Puts ordered tests into the earliest slots that offer what they need.
fn place(tests: &[Test]) -> Option<[Slot; SLOTS]> {
    let mut slots = [Slot::unused(); SLOTS];
    let mut next = 0;
    for (slot, need) in tests {
        let offered = SlotClass::OF_SLOT[next..].iter().position(|class| need.is_met_by(*class))?;
        slots[next + offered] = *slot;
        next += offered + 1;
    }
    Some(slots)
}
