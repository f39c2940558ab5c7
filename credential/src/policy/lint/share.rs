//! The tables behind the estimate of anonymity sets: orders of magnitude and shares.
//!
//! They are assumptions, so coarse that they can be checked by eye. No register is counted here.

/// Seats in the House of Representatives after the census of 2020, as a measure of how many
/// people, and so about how many providers, a state has. Places without seats have the tenths of
/// a seat that their population would give them.
const SEAT_TENTHS: [(&str, u32); 62] = [
    ("AL", 70),
    ("AK", 10),
    ("AZ", 90),
    ("AR", 40),
    ("CA", 520),
    ("CO", 80),
    ("CT", 50),
    ("DE", 10),
    ("DC", 9),
    ("FL", 280),
    ("GA", 140),
    ("HI", 20),
    ("ID", 20),
    ("IL", 170),
    ("IN", 90),
    ("IA", 40),
    ("KS", 40),
    ("KY", 60),
    ("LA", 60),
    ("ME", 20),
    ("MD", 80),
    ("MA", 90),
    ("MI", 130),
    ("MN", 80),
    ("MS", 40),
    ("MO", 80),
    ("MT", 20),
    ("NE", 30),
    ("NV", 40),
    ("NH", 20),
    ("NJ", 120),
    ("NM", 30),
    ("NY", 260),
    ("NC", 140),
    ("ND", 10),
    ("OH", 150),
    ("OK", 50),
    ("OR", 60),
    ("PA", 170),
    ("RI", 20),
    ("SC", 70),
    ("SD", 10),
    ("TN", 90),
    ("TX", 380),
    ("UT", 40),
    ("VT", 10),
    ("VA", 110),
    ("WA", 100),
    ("WV", 20),
    ("WI", 80),
    ("WY", 10),
    ("AS", 1),
    ("GU", 2),
    ("MP", 1),
    ("PR", 43),
    ("VI", 1),
    ("FM", 1),
    ("MH", 1),
    ("PW", 1),
    ("AA", 1),
    ("AE", 1),
    ("AP", 1),
];

/// Tenths of a seat in all.
const ALL_SEATS: f64 = 4350.0;
/// The share of a state that the asking party may choose: one of about fifty.
pub(super) const SOME_STATE: f64 = 1.0 / 50.0;
/// The share of the smallest place, to which a disclosed state may turn out to belong.
pub(super) const SMALLEST_STATE: f64 = 1.0 / ALL_SEATS;

/// The share of a state's code; that of the smallest for a word that is no state.
pub(super) fn state(code: &str) -> f64 {
    let found = SEAT_TENTHS.iter().find(|(known, _)| *known == code);
    found.map_or(SMALLEST_STATE, |(_, tenths)| f64::from(*tenths) / ALL_SEATS)
}

/// Licence types that about a million people in the United States hold.
const A_MILLION: [&str; 3] = ["RN", "MD", "LPN"];
/// Licence types that about ten thousand hold.
const TEN_THOUSAND: [&str; 7] = ["CNS", "CNM", "DPM", "AUD", "AEMT", "LAc", "ND"];

/// The holders of a licence type, by the order of magnitude of the occupation.
pub(super) fn licence_type(word: &str) -> f64 {
    if A_MILLION.contains(&word) {
        1e6
    } else if TEN_THOUSAND.contains(&word) {
        1e4
    } else {
        1e5
    }
}

/// The holders of a licence type that may turn out to be the rarest.
pub(super) const RAREST_LICENCE_TYPE: f64 = 1e4;

/// The holders of provider credentials of a kind.
pub(super) fn kind(word: &str) -> f64 {
    match word {
        "licence" | "exclusion-clear" | "education" => 1e7,
        _ => 1e6,
    }
}

/// The days over which the values of a claim spread, by order of magnitude.
pub(super) fn spread_days(claim: &str) -> f64 {
    match claim {
        "issued_on" | "data_from" | "data_to" | "majority_on" => 1e4,
        "exclusion_checked_on" => 1e2,
        _ => 1e3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{Coded, State};

    #[test]
    fn every_state_has_a_share_and_the_seats_add_up_to_the_house() {
        for ((_, word), (code, _)) in State::VOCABULARY.entries().iter().zip(&SEAT_TENTHS) {
            assert_eq!(word, code);
        }
        let seats: u32 = SEAT_TENTHS
            .iter()
            .filter(|(_, tenths)| tenths % 10 == 0)
            .map(|(_, tenths)| tenths / 10)
            .sum();
        assert_eq!(seats, 435);
    }

    #[test]
    fn no_place_is_smaller_than_the_smallest() {
        for (code, _) in SEAT_TENTHS {
            assert!(state(code) >= SMALLEST_STATE && state(code) < 0.2, "{code}");
        }
    }
}
