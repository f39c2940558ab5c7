//! Party states of the Nurse Licensure Compact: a dated public mask, not a claim.

use super::{Code, Mask, State};

/// The states that a compact covered on a date.
#[derive(Debug)]
pub struct PartyStates {
    /// The date from which the list holds, ISO 8601.
    pub as_of: &'static str,
    states: &'static [&'static str],
}

impl PartyStates {
    /// The party states as a set.
    pub fn mask(&self) -> Mask<State> {
        let codes = self.states.iter().filter_map(|word| word.parse().ok());
        codes.fold(Mask::default(), |mask, code: Code<State>| mask.with(code))
    }

    /// The home states whose multistate licence permits practice in `state`: all party states if
    /// `state` is one of them, otherwise none.
    pub fn covering(&self, state: Code<State>) -> Mask<State> {
        if self.states.contains(&state.word()) { self.mask() } else { Mask::default() }
    }
}

/// The states in which the Nurse Licensure Compact was in force on the date. States that had
/// enacted it without issuing multistate licences yet are left out.
pub const NLC_PARTY_STATES: PartyStates = PartyStates {
    as_of: "2025-10-01",
    states: &[
        "AL", "AZ", "AR", "CO", "CT", "DE", "FL", "GA", "ID", "IN", "IA", "KS", "KY", "LA", "ME",
        "MD", "MS", "MO", "MT", "NE", "NH", "NJ", "NM", "NC", "ND", "OH", "OK", "PA", "RI", "SC",
        "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_party_state_is_a_registered_state() {
        let listed = NLC_PARTY_STATES.states.len();
        assert_eq!(NLC_PARTY_STATES.mask().words().count(), listed);
    }

    #[test]
    fn a_state_outside_the_compact_is_covered_by_no_home_state() {
        let covering = |state: &str| NLC_PARTY_STATES.covering(state.parse().unwrap());
        assert!(covering("CA").is_empty());
        assert_eq!(covering("TX"), NLC_PARTY_STATES.mask());
    }
}
