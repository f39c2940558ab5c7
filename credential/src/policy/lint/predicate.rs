//! Findings about one predicate: what it discloses, whom it defames, what can be tried.

use super::{FindingCode, Lint, operand::Known};
use crate::{
    policy::document::{Operand, Operator, Predicate, Subject},
    schema::{ClaimKind, ClaimSpec},
};

/// Values of `status` that say something against the holder.
const ADVERSE_STATUS: [&str; 3] = ["conditional", "suspended", "revoked"];
/// Values of `board_status` that do.
const ADVERSE_BOARD_STATUS: [&str; 3] = ["probation", "suspended", "revoked"];

impl Lint<'_> {
    pub(super) fn predicate(&mut self, predicate: &Predicate) {
        let Some(spec) = predicate.subject.spec() else { return };
        if predicate.operand.is_disclosed() {
            return self.disclosure(spec, &predicate.path);
        }
        let selects = matches!(predicate.operator, Operator::Eq | Operator::InSet);
        if selects && is_identifier(spec) {
            let message =
                format!("asks for the holder of one {}: a yes names the holder", spec.name);
            return self.find(FindingCode::TargetsIdentifier, &predicate.path, message);
        }
        let is_free = self.operands.is_free(&predicate.operand);
        if spec.kind == ClaimKind::Recipients || (spec.kind.is_hash() && is_free) {
            let message = format!(
                "{} is an unsalted hash of what can be listed: whoever sees the question can try \
                 the names of organisations or documents",
                spec.name
            );
            return self.find(FindingCode::EnumerableHash, &predicate.path, message);
        }
        // That a compact covers a state tells next to nothing about the holder.
        if !is_free || matches!(predicate.operand, Operand::Covering(_)) {
            return;
        }
        let is_bound =
            matches!(predicate.operator, Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge);
        if is_bound {
            let message = format!(
                "the bound on {} is a parameter: a few questions to one holder find the value by \
                 halving; write the bound into the policy, or rely on the quota",
                spec.name
            );
            self.find(FindingCode::FreeThreshold, &predicate.path, message);
        } else {
            let message = format!(
                "{} is compared with a parameter of few possible values, which can be tried in \
                 turn; write the value into the policy, or rely on the quota",
                spec.name
            );
            self.find(FindingCode::SearchableValue, &predicate.path, message);
        }
    }

    fn disclosure(&mut self, spec: &ClaimSpec, path: &str) {
        let name = spec.name;
        let (code, message) = match spec.kind {
            _ if is_identifier(spec) => (
                FindingCode::RevealsIdentifier,
                match spec.kind {
                    ClaimKind::Npi => "discloses the NPI, which a public register turns into a \
                                       name, an address and a telephone number"
                        .to_owned(),
                    _ => format!("discloses {name}, which belongs to one holder only"),
                },
            ),
            ClaimKind::Day if spec.identifying => (
                FindingCode::RevealsIdentifyingDate,
                format!("discloses {name}, a day that few holders share; ask for a bound instead"),
            ),
            ClaimKind::Day => {
                (FindingCode::RevealsDate, format!("discloses {name}; a bound would tell less"))
            }
            _ if matches!(name, "standing_mask" | "status" | "board_status") => (
                FindingCode::RevealsStanding,
                format!("discloses {name}: reveal the decision only, for all else defames"),
            ),
            _ if matches!(name, "disease" | "sensitive_allowed") => (
                FindingCode::RevealsHealth,
                format!("discloses {name}, from which the holder's health can be inferred"),
            ),
            _ if spec.kind.is_hash() => (
                FindingCode::EnumerableHash,
                format!("discloses {name}, an unsalted hash of what can be listed and tried"),
            ),
            _ => return,
        };
        self.find(code, path, message);
    }

    /// Clauses that only a holder with something against him can satisfy.
    pub(super) fn adverse_clauses(&mut self) {
        for clause in &self.document.require {
            let adverse = |predicate: &&Predicate| self.is_adverse(predicate);
            let found: Option<Vec<_>> =
                clause.iter().map(|alternative| alternative.iter().find(adverse)).collect();
            let Some(path) = found.and_then(|found| Some(found.first()?.path.clone())) else {
                continue;
            };
            let message = "passes only a holder with an encumbrance or a bad status, so that the \
                           answer itself defames; ask that there is none";
            self.find(FindingCode::RequiresEncumbrance, &path, message);
        }
    }

    fn is_adverse(&self, predicate: &Predicate) -> bool {
        let Subject::Claim(spec) = predicate.subject else { return false };
        let known = self.operands.known(predicate);
        match spec.name {
            "standing_mask" => match (predicate.operator, &known) {
                (_, Known::Disclosed | Known::Claim) => false,
                (Operator::Eq, Known::Values(values)) => !values.is_empty(),
                (Operator::Neq, Known::Values(values)) => values.is_empty(),
                (Operator::MaskExcludes, _) => false,
                _ => true,
            },
            "status" => adverse_word(predicate.operator, &known, &ADVERSE_STATUS),
            "board_status" => adverse_word(predicate.operator, &known, &ADVERSE_BOARD_STATUS),
            _ => false,
        }
    }
}

fn adverse_word(operator: Operator, known: &Known, adverse: &[&str]) -> bool {
    let values = match known {
        Known::Values(values) => values,
        Known::Free => return true,
        Known::Disclosed | Known::Claim => return false,
    };
    let mut words = values.iter().filter_map(|value| value.as_str());
    match operator {
        Operator::Eq | Operator::InSet => {
            !values.is_empty() && words.all(|word| adverse.contains(&word))
        }
        Operator::Neq | Operator::NotInSet => words.any(|word| word == "active"),
        _ => false,
    }
}

/// Whether a value belongs to one holder.
fn is_identifier(spec: &ClaimSpec) -> bool {
    spec.kind == ClaimKind::Npi || (spec.identifying && spec.kind == ClaimKind::Document)
}

/// Whether the predicate bounds the claim from below by a day that moves with the calendar or
/// with the asking party: a literal day goes stale.
pub(super) fn is_moving_lower_bound(predicate: &Predicate, claim: &str) -> bool {
    predicate.subject.spec().is_some_and(|spec| spec.name == claim)
        && matches!(predicate.operator, Operator::Ge | Operator::Gt)
        && matches!(predicate.operand, Operand::Parameter(_))
}
