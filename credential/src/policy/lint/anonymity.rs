//! An estimate of how many holders a policy lets through.
//!
//! Each way of passing starts with the holders of the credential, and each predicate leaves a
//! share of them: a known value its own share, a parameter the share of an average value, and a
//! disclosed claim the share of its rarest value, for the asking party does not choose who comes.
//! Shares are multiplied as if they were independent, apart from the places that one credential
//! names, of which the rarest counts. See [`share`](super::share) for the tables.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{FindingCode, Lint, operand::Known, share};
use crate::{
    policy::document::{Operator, Predicate, Subject},
    schema::{ClaimKind, Schema},
};

/// Cells below this are suppressed in published counts.
const TINY: f64 = 11.0;
/// Below this the author is warned.
const SMALL: f64 = 100.0;
/// More ways of passing than a policy that fits the slots can have.
const MAX_BRANCHES: usize = 256;

impl Lint<'_> {
    pub(super) fn anonymity(&mut self) {
        let Some(holders) = self.estimate() else { return };
        let order = |holders: f64| match holders {
            holders if holders < 1.0 => "one holder or none".to_owned(),
            holders => format!("in the order of {} holders", 10f64.powf(holders.log10().floor())),
        };
        let message = format!(
            "by a rough estimate lets through {}: the answer may point to a person; ask for less, \
             or for more common values",
            order(holders)
        );
        if holders < TINY {
            self.find(FindingCode::TinyAnonymitySet, "require", message);
        } else if holders < SMALL {
            self.find(FindingCode::SmallAnonymitySet, "require", message);
        }
    }

    /// About how many holders pass; none for policies of too many ways.
    fn estimate(&self) -> Option<f64> {
        let mut branches: Vec<Vec<&Predicate>> = vec![Vec::new()];
        for clause in &self.document.require {
            if branches.len().checked_mul(clause.len())? > MAX_BRANCHES {
                return None;
            }
            branches = branches
                .iter()
                .flat_map(|branch| {
                    clause
                        .iter()
                        .map(|alternative| branch.iter().copied().chain(alternative).collect())
                })
                .collect();
        }
        Some(branches.iter().map(|branch| self.holders(branch)).sum())
    }

    fn holders(&self, branch: &[&Predicate]) -> f64 {
        let mut holders: f64 = match self.document.schema {
            Schema::ProviderCredential => 1e7,
            Schema::ConsentGrant => 1e6,
        };
        let mut place = 1.0_f64;
        let mut others = BTreeMap::new();
        for predicate in branch {
            let Subject::Claim(spec) = predicate.subject else {
                place = place.min(if predicate.operand.is_disclosed() {
                    share::SMALLEST_STATE
                } else {
                    share::SOME_STATE
                });
                continue;
            };
            let known = self.operands.known(predicate);
            match spec.name {
                "jurisdiction" | "home_state" | "dea_state" => {
                    place = place.min(state_share(predicate.operator, &known));
                }
                "kind" => holders = holders.min(sum(predicate.operator, &known, share::kind, 1e6)),
                "licence_type" => {
                    let rarest = match known {
                        Known::Disclosed => share::RAREST_LICENCE_TYPE,
                        _ => 1e5,
                    };
                    let some = sum(predicate.operator, &known, share::licence_type, rarest);
                    holders = holders.min(some);
                }
                "study" if selects(predicate.operator) => holders = holders.min(1e3),
                name if selects(predicate.operator) => {
                    let left = others.entry(name).or_insert(1.0_f64);
                    *left = left.min(selected_share(name, spec.kind, &known));
                }
                name => {
                    let left = others.entry(name).or_insert(1.0_f64);
                    *left = left.min(mask_share(name, predicate.operator, &known));
                }
            }
        }
        let windows: f64 = self.windows(branch).values().product();
        holders * place * others.values().product::<f64>() * windows
    }

    /// The shares of days that are bounded on both sides.
    fn windows(&self, branch: &[&Predicate]) -> BTreeMap<&'static str, f64> {
        let mut bounds: BTreeMap<&'static str, (Option<i64>, Option<i64>)> = BTreeMap::new();
        for predicate in branch {
            let Subject::Claim(spec) = predicate.subject else { continue };
            let Some(day) = self.operands.day(predicate).filter(|_| spec.kind == ClaimKind::Day)
            else {
                continue;
            };
            let (low, high) = bounds.entry(spec.name).or_default();
            match predicate.operator {
                Operator::Ge | Operator::Gt => *low = Some(low.map_or(day, |low| low.max(day))),
                Operator::Le | Operator::Lt => *high = Some(high.map_or(day, |high| high.min(day))),
                _ => {}
            }
        }
        let shares = bounds.into_iter().filter_map(|(name, bounds)| {
            let (Some(low), Some(high)) = bounds else { return None };
            let days = (high - low + 1).max(1) as f64;
            Some((name, (days / share::spread_days(name)).min(1.0)))
        });
        shares.collect()
    }
}

fn selects(operator: Operator) -> bool {
    matches!(operator, Operator::Eq | Operator::InSet)
}

/// The holders of the named values together; `typical` where they are not known.
fn sum(operator: Operator, known: &Known, holders: fn(&str) -> f64, typical: f64) -> f64 {
    match known {
        _ if !selects(operator) => f64::INFINITY,
        Known::Values(values) => values.iter().filter_map(Value::as_str).map(holders).sum(),
        _ => typical,
    }
}

fn state_share(operator: Operator, known: &Known) -> f64 {
    match known {
        _ if matches!(operator, Operator::Neq | Operator::NotInSet) => 1.0,
        Known::Values(values) => {
            let states = values.iter().filter_map(Value::as_str);
            states.map(share::state).sum::<f64>().min(1.0)
        }
        Known::Disclosed => share::SMALLEST_STATE,
        // The states that a compact covers are many.
        Known::Free if operator == Operator::InMask => 1.0,
        Known::Free | Known::Claim => share::SOME_STATE,
    }
}

/// The share of holders that an equality or a set leaves.
fn selected_share(name: &str, kind: ClaimKind, known: &Known) -> f64 {
    let is_disclosed = matches!(known, Known::Disclosed);
    let one = match (name, kind) {
        // One holder of all.
        (_, ClaimKind::Npi) | ("previous", _) => 1e-7,
        (_, ClaimKind::Day) => 1.0 / share::spread_days(name),
        ("taxonomy_prefix", _) => 1e-2,
        ("taxonomy_suffix", _) | ("authority" | "compact_id", _) => 1e-1,
        ("disease", _) => 1e-2,
        ("status" | "board_status" | "performer" | "language" | "recipients" | "signature", _) => {
            1e-1
        }
        ("standing_mask" | "sensitive_allowed", _) => 1e-2,
        _ => 1.0,
    };
    match known {
        Known::Values(values) => {
            let common = |value: &Value| {
                matches!(
                    (name, value.as_str().unwrap_or_default()),
                    ("status" | "board_status", "active")
                        | ("authority", "single-state" | "nlc-multistate")
                        | ("performer", "self")
                        | ("disease", "any")
                )
            };
            if values.is_empty() || values.iter().any(common) {
                return 1.0;
            }
            let count = if kind.is_mask() { 1.0 } else { values.len() as f64 };
            (one * count).min(1.0)
        }
        // The rarest value is rarer than the average one.
        _ if is_disclosed => one / 10.0,
        _ => one,
    }
}

/// The share that an operator on a mask leaves.
fn mask_share(name: &str, operator: Operator, known: &Known) -> f64 {
    if operator != Operator::MaskContains {
        return 1.0;
    }
    let each: f64 = match name {
        "standing_mask" => 1e-2,
        "sensitive_allowed" => 1e-1,
        _ => return 1.0,
    };
    let words = if let Known::Values(values) = known { values.len() } else { 1 };
    each.powi(i32::try_from(words).unwrap_or(i32::MAX))
}
