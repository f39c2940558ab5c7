//! What the demonstration says of each step, for people and for programs.

use crate::output;
use serde_json::json;
use std::time::Instant;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Set-up was done.
    Done,
    /// The verifier said yes.
    Accepted,
    /// The verifier, or the wallet before it, said no.
    Refused,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }
}

/// A step's outcome, and for a refusal its kind and the sentence that was given.
pub(super) struct Found {
    pub(super) outcome: Outcome,
    pub(super) kind: Option<String>,
    pub(super) sentence: String,
}

impl Found {
    pub(super) fn done(sentence: impl Into<String>) -> Self {
        Self { outcome: Outcome::Done, kind: None, sentence: sentence.into() }
    }

    pub(super) fn accepted(sentence: impl Into<String>) -> Self {
        Self { outcome: Outcome::Accepted, kind: None, sentence: sentence.into() }
    }

    pub(super) fn refused(kind: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { outcome: Outcome::Refused, kind: Some(kind.into()), sentence: sentence.into() }
    }
}

/// What a step should come to.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    Done,
    Accepted,
    /// Refused, and for a reason of this kind.
    RefusedFor(&'static str),
}

impl Expected {
    fn outcome(self) -> Outcome {
        match self {
            Self::Done => Outcome::Done,
            Self::Accepted => Outcome::Accepted,
            Self::RefusedFor(_) => Outcome::Refused,
        }
    }

    fn is_met_by(self, found: &Found) -> bool {
        let kind_is_met = match self {
            Self::RefusedFor(kind) => found.kind.as_deref() == Some(kind),
            Self::Done | Self::Accepted => true,
        };
        self.outcome() == found.outcome && kind_is_met
    }
}

/// Prints steps and counts those that came out otherwise than they should.
pub(super) struct Report {
    json: bool,
    started: Instant,
    steps: usize,
    unexpected: usize,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { json, started: Instant::now(), steps: 0, unexpected: 0 }
    }

    /// Prints a step that took `since.elapsed()`.
    pub(super) fn step(&mut self, step: &str, expected: Expected, found: &Found, since: Instant) {
        let ms = since.elapsed().as_millis() as u64;
        let met = expected.is_met_by(found);
        self.steps += 1;
        self.unexpected += usize::from(!met);
        let reason = match &found.kind {
            Some(kind) => format!("{kind}: {}", found.sentence),
            None => found.sentence.clone(),
        };
        let outcome = if !met && found.outcome == expected.outcome() {
            "refused for another reason"
        } else {
            found.outcome.word()
        };
        if self.json {
            output::json(&json!({
                "step": step,
                "expected": expected.outcome().word(),
                "outcome": outcome,
                "reason": reason,
                "ms": ms,
            }));
        } else {
            if self.steps == 1 {
                output::line(&format!("{:<38} {:<9} {:>6}  reason", "step", "outcome", "ms"));
            }
            let mark = if met { "" } else { "  ← not expected" };
            output::line(&format!("{step:<38} {outcome:<9} {ms:>6}  {reason}{mark}"));
        }
    }

    /// Prints the totals; whether every step came out as it should.
    pub(super) fn finish(self, sizes: &serde_json::Value) -> bool {
        let ms = self.started.elapsed().as_millis() as u64;
        let as_expected = self.steps - self.unexpected;
        if self.json {
            output::json(&json!({
                "steps": self.steps,
                "as_expected": as_expected,
                "unexpected": self.unexpected,
                "ms": ms,
                "sizes": sizes,
            }));
        } else {
            output::line(&format!(
                "\n{as_expected} of {} steps as expected, {ms} ms; sizes in bytes: {sizes}",
                self.steps
            ));
        }
        self.unexpected == 0
    }
}
