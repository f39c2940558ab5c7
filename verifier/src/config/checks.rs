//! How strict a verifier's checks are.

use attestry_service::config::{Section, common};

use crate::Quota;

/// How strict the checks of a verifier are.
#[derive(Clone, Debug, PartialEq)]
pub struct ChecksConfig {
    /// How long a session waits for its answer.
    pub session_lifetime_s: u64,
    /// How old the time of a proof may be when the answer arrives.
    pub max_age_s: u64,
    /// How far the time of a proof may be ahead of the verifier's clock.
    pub clock_skew_s: u64,
    /// How long a replaced registry root is still accepted. A suspension or revocation takes
    /// effect at the latest when this has passed.
    pub registry_grace_s: u64,
    /// How old the ledger's latest block may be. `None` for ledgers that make blocks only when
    /// there is a transaction, like the embedded one: of those, an old block says nothing.
    pub max_ledger_lag_s: Option<u64>,
    /// How long what holders disclosed is kept for whoever asked; and sessions that ended without
    /// an answer.
    pub disclosed_retention_s: u64,
    /// For how long after its last answer a ledger that gives none may be decided without, by
    /// what it said last; 0 for not at all. What is decided so says so.
    pub ledger_grace_s: u64,
    /// How many values one question may be asked with.
    pub quota: Quota,
    /// Answers that may wait for their check, or be in it, before more are turned away.
    pub max_waiting_checks: usize,
}

impl Default for ChecksConfig {
    /// Sessions of 10 minutes, proofs of 15, 30 seconds of skew, 10 minutes of grace, no limit on
    /// the age of the latest block, a day for what is disclosed, no decision without the ledger,
    /// the usual quota, and 1,024 checks at once.
    fn default() -> Self {
        Self {
            session_lifetime_s: 600,
            max_age_s: 900,
            clock_skew_s: 30,
            registry_grace_s: 600,
            max_ledger_lag_s: None,
            disclosed_retention_s: 86_400,
            ledger_grace_s: 0,
            max_waiting_checks: 1024,
            quota: Quota::default(),
        }
    }
}

/// Reads the section `checks`.
pub(super) fn checks(section: &mut Section<'_>) -> ChecksConfig {
    let usual = ChecksConfig::default();
    let whole = "is not a whole number of seconds";
    let count = "is not a whole number below 2^32";
    ChecksConfig {
        session_lifetime_s: common::seconds(
            section,
            "session_lifetime_s",
            usual.session_lifetime_s,
        ),
        max_age_s: common::seconds(section, "max_age_s", usual.max_age_s),
        clock_skew_s: section.or("clock_skew_s", usual.clock_skew_s, whole),
        registry_grace_s: section.or("registry_grace_s", usual.registry_grace_s, whole),
        max_ledger_lag_s: section.optional("max_ledger_lag_s", whole),
        disclosed_retention_s: section.or(
            "disclosed_retention_s",
            usual.disclosed_retention_s,
            whole,
        ),
        ledger_grace_s: section.or("ledger_grace_s", usual.ledger_grace_s, whole),
        max_waiting_checks: section.checked(
            "max_waiting_checks",
            usual.max_waiting_checks,
            common::NO_NUMBER,
            |number| *number > 0,
        ),
        quota: Quota {
            values_per_holder: section.or(
                "values_per_holder",
                usual.quota.values_per_holder,
                count,
            ),
            values_per_question: section.or(
                "values_per_question",
                usual.quota.values_per_question,
                count,
            ),
            window_s: section.or("quota_window_s", usual.quota.window_s, whole),
        },
    }
}
