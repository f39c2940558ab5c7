//! Findings about what a policy forgets to ask.

use serde_json::Value;

use super::{
    FindingCode, Lint,
    operand::{Known, TODAY_NUMBER},
    predicate::is_moving_lower_bound,
};
use crate::{
    policy::document::{Operator, Predicate},
    schema::Schema,
};

/// Claims that only licences and privileges state.
const OF_A_LICENCE: [&str; 5] =
    ["licence_type", "jurisdiction", "authority", "home_state", "compact_id"];

impl Lint<'_> {
    pub(super) fn missing_checks(&mut self) {
        match self.document.schema {
            Schema::ProviderCredential => self.provider_checks(),
            Schema::ConsentGrant => self.consent_checks(),
        }
    }

    fn provider_checks(&mut self) {
        let kinds = self.kinds();
        if kinds.is_none() {
            let message = "asks for no kind: any credential that states these claims passes";
            self.find(FindingCode::NoKind, "require", message);
        }
        let kinds = kinds.unwrap_or_else(|| {
            let of_a_licence =
                |predicate: &Predicate| OF_A_LICENCE.iter().any(|claim| is_on(predicate, claim));
            let mut predicates = self.document.require.iter().flatten().flatten();
            let is_licence = predicates.any(of_a_licence);
            is_licence.then(|| "licence".to_owned()).into_iter().collect()
        });
        let has = |names: &[&str]| kinds.iter().any(|kind| names.contains(&kind.as_str()));
        let licences = ["licence", "compact-privilege"];
        let expiring = [
            "licence",
            "compact-privilege",
            "board-certification",
            "dea-registration",
            "malpractice-cover",
            "hospital-privilege",
        ];
        let needs_status =
            has(&licences) || has(&["dea-registration"]) || has(&["board-certification"]);
        let asks_status =
            self.always(|predicate| is_on(predicate, "status") || is_on(predicate, "board_status"));
        if needs_status && !asks_status {
            let message = "asks for no status: an inactive, suspended or revoked credential passes";
            self.find(FindingCode::NoStatus, "require", message);
        }
        if has(&licences) && !self.always(|predicate| is_on(predicate, "standing_mask")) {
            let message = "asks for no standing: an active licence may be encumbered; ask that \
                           standing_mask is empty, or excludes what matters";
            self.find(FindingCode::NoStanding, "require", message);
        }
        if has(&expiring) && !self.always(|predicate| self.holds_today(predicate, "expires_on")) {
            let message = "asks for no expiry: status active is not validity; ask that expires_on \
                           is at least $today";
            self.find(FindingCode::NoExpiry, "require", message);
        }
        let recent =
            |predicate: &Predicate| is_moving_lower_bound(predicate, "exclusion_checked_on");
        if has(&["exclusion-clear"]) && !self.always(recent) {
            let message = "takes a clear result of any age; ask that exclusion_checked_on is at \
                           least $today-30d";
            self.find(FindingCode::NoRecency, "require", message);
        }
    }

    fn consent_checks(&mut self) {
        let asks = |claims: &[&str]| {
            self.always(|predicate| claims.iter().any(|claim| is_on(predicate, claim)))
        };
        let missing = [
            (
                asks(&["form_version", "form_hash"]),
                FindingCode::NoFormVersion,
                "asks for no version of the form: a consent under a superseded form passes",
            ),
            (
                asks(&["purpose_mask", "duo_permission", "disease"]),
                FindingCode::NoPurpose,
                "asks for no purpose: a consent to something else passes",
            ),
            (
                self.always(|predicate| self.holds_today(predicate, "data_to")),
                FindingCode::NoPeriod,
                "asks for no period: ask that data_to is at least $today",
            ),
            (
                asks(&["performer", "majority_on"]),
                FindingCode::NoSignatory,
                "asks for no signatory: a parent's consent passes after the child has come of age",
            ),
        ];
        for (_, code, message) in missing.into_iter().filter(|(is_asked, ..)| !is_asked) {
            self.find(code, "require", message);
        }
    }

    /// The kinds that can pass; none if any can.
    fn kinds(&self) -> Option<Vec<String>> {
        let pinned = |predicate: &Predicate| -> Option<Vec<String>> {
            let selects = matches!(predicate.operator, Operator::Eq | Operator::InSet);
            let Known::Values(values) = self.operands.known(predicate) else { return None };
            let words = values.iter().filter_map(Value::as_str).map(str::to_owned);
            (selects && is_on(predicate, "kind")).then(|| words.collect())
        };
        self.document.require.iter().find_map(|clause| {
            let kinds: Option<Vec<_>> =
                clause.iter().map(|alternative| alternative.iter().find_map(pinned)).collect();
            kinds.map(|kinds| kinds.concat())
        })
    }

    /// Whether the predicate lets through only what has not ended on the day of the question.
    fn holds_today(&self, predicate: &Predicate, claim: &str) -> bool {
        let chosen = self.operands.is_free(&predicate.operand);
        is_moving_lower_bound(predicate, claim)
            && (chosen || self.operands.day(predicate).is_some_and(|day| day >= TODAY_NUMBER))
    }
}

fn is_on(predicate: &Predicate, claim: &str) -> bool {
    predicate.subject.spec().is_some_and(|spec| spec.name == claim)
}
