//! Purposes of use: the 60 codes of HL7 v3 `PurposeOfUse`, depth first.

use super::{Mask, vocabulary};

vocabulary! {
    /// Purposes of use (`http://terminology.hl7.org/CodeSystem/v3-ActReason`, subtree `PurposeOfUse`), a
    /// bit each, numbered depth first.
    Purpose, "purpose-of-use", 1, [
        (0, "PurposeOfUse"),
        (1, "HMARKT"),
        (2, "HOPERAT"),
        (3, "CAREMGT"),
        (4, "DONAT"),
        (5, "FRAUD"),
        (6, "GOV"),
        (7, "HACCRED"),
        (8, "HCOMPL"),
        (9, "HDECD"),
        (10, "HDIRECT"),
        (11, "HDM"),
        (12, "HLEGAL"),
        (13, "HOUTCOMS"),
        (14, "HPRGRP"),
        (15, "HQUALIMP"),
        (16, "HSYSADMIN"),
        (17, "LABELING"),
        (18, "METAMGT"),
        (19, "MEMADMIN"),
        (20, "MILCDM"),
        (21, "PATADMIN"),
        (22, "PATSFTY"),
        (23, "PERFMSR"),
        (24, "RECORDMGT"),
        (25, "SYSDEV"),
        (26, "HTEST"),
        (27, "TRAIN"),
        (28, "HPAYMT"),
        (29, "CLMATTCH"),
        (30, "COVAUTH"),
        (31, "COVERAGE"),
        (32, "ELIGDTRM"),
        (33, "ELIGVER"),
        (34, "ENROLLM"),
        (35, "MILDCRG"),
        (36, "REMITADV"),
        (37, "HRESCH"),
        (38, "BIORCH"),
        (39, "CLINTRCH"),
        (40, "CLINTRCHNPC"),
        (41, "CLINTRCHPC"),
        (42, "PRECLINTRCH"),
        (43, "DSRCH"),
        (44, "POARCH"),
        (45, "TRANSRCH"),
        (46, "PATRQT"),
        (47, "FAMRQT"),
        (48, "PWATRNY"),
        (49, "SUPNWK"),
        (50, "PUBHLTH"),
        (51, "DISASTER"),
        (52, "THREAT"),
        (53, "TREAT"),
        (54, "CLINTRL"),
        (55, "COC"),
        (56, "ETREAT"),
        (57, "BTG"),
        (58, "ERTREAT"),
        (59, "POPHLTH"),
    ]
}

/// Depth of each purpose below `PurposeOfUse`, by bit.
const DEPTHS: [u8; 60] = [
    0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 2, 2, 2,
    3, 3, 3, 3, 2, 1, 2, 2, 3, 3, 3, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 1, 2, 2, 2, 3, 3, 2,
];

impl Mask<Purpose> {
    /// The set with every descendant of its purposes: who permits `HRESCH` permits `CLINTRCH`.
    pub fn closure(self) -> Self {
        let mut bits = self.bits();
        let mut open: Option<u8> = None;
        for (bit, depth) in DEPTHS.iter().enumerate() {
            if open.is_some_and(|ancestor| *depth <= ancestor) {
                open = None;
            }
            if open.is_some() {
                bits |= 1 << bit;
            } else if bits >> bit & 1 == 1 {
                open = Some(*depth);
            }
        }
        Self(bits, std::marker::PhantomData)
    }

    /// The set, closed, without these purposes, their descendants, and every ancestor that would
    /// permit them.
    pub fn without(self, denied: Self) -> Self {
        let denied = denied.closure();
        let open = self.closure().bits();
        let kept = (0..DEPTHS.len()).filter(|bit| {
            let alone = Self(1 << bit, std::marker::PhantomData);
            open >> bit & 1 == 1 && alone.closure().intersection(denied).is_empty()
        });
        Self(kept.fold(0, |bits, bit| bits | 1 << bit), std::marker::PhantomData)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(word: &str) -> Vec<&'static str> {
        Mask::<Purpose>::from_words([word]).unwrap().closure().words().collect()
    }

    #[test]
    fn research_permits_its_children_and_not_treatment() {
        let research = closed("HRESCH");
        assert_eq!(research.len(), 9);
        assert!(research.contains(&"CLINTRCH") && research.contains(&"CLINTRCHPC"));
        assert!(!research.contains(&"CLINTRL"));
    }

    #[test]
    fn clinical_trial_and_break_the_glass_are_treatment() {
        assert_eq!(
            closed("TREAT"),
            ["TREAT", "CLINTRL", "COC", "ETREAT", "BTG", "ERTREAT", "POPHLTH"]
        );
    }

    #[test]
    fn a_denied_purpose_stays_denied_when_the_rest_is_closed() {
        let purposes = |word| Mask::<Purpose>::from_words([word]).unwrap();
        let left = purposes("HRESCH").without(purposes("CLINTRCH"));
        assert_eq!(left.closure(), left);
        let words: Vec<_> = left.words().collect();
        assert_eq!(words, ["BIORCH", "DSRCH", "POARCH", "TRANSRCH"]);
    }

    #[test]
    fn the_root_permits_all_sixty_and_a_leaf_only_itself() {
        assert_eq!(closed("PurposeOfUse").len(), 60);
        assert_eq!(closed("CLINTRCHPC"), ["CLINTRCHPC"]);
    }
}
