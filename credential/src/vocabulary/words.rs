//! Words of the vocabularies as people say them.

use std::borrow::Cow;

use super::{
    Authority, Coded, Compact, CredentialKind, DuoModifier, DuoPermission, Performer, PsvProcess,
    PsvSource, Purpose, Sensitivity, State, Vocabulary,
};

impl Vocabulary {
    /// A registered word as people say it: the name of a state, the meaning of a purpose. Words
    /// that say it themselves are given back, without hyphens.
    ///
    /// No two words of a vocabulary are said alike.
    pub fn say<'a>(&self, word: &'a str) -> Cow<'a, str> {
        let tables: [(&Vocabulary, &[(&str, &'static str)]); 11] = [
            (State::VOCABULARY, &STATES),
            (Purpose::VOCABULARY, &PURPOSES),
            (CredentialKind::VOCABULARY, &KINDS),
            (DuoPermission::VOCABULARY, &DUO_PERMISSIONS),
            (DuoModifier::VOCABULARY, &DUO_MODIFIERS),
            (Sensitivity::VOCABULARY, &SENSITIVITIES),
            (Authority::VOCABULARY, &AUTHORITIES),
            (Compact::VOCABULARY, &COMPACTS),
            (Performer::VOCABULARY, &PERFORMERS),
            (PsvProcess::VOCABULARY, &PSV_PROCESSES),
            (PsvSource::VOCABULARY, &PSV_SOURCES),
        ];
        let table = tables.iter().find(|(vocabulary, _)| vocabulary.name() == self.name());
        let said = table.and_then(|(_, said)| said.iter().find(|(known, _)| *known == word));
        match said {
            Some((_, said)) => Cow::Borrowed(*said),
            // Codes in capitals are said as they are written.
            None if word.bytes().any(|b| b.is_ascii_uppercase()) => Cow::Borrowed(word),
            None => Cow::Owned(word.replace('-', " ")),
        }
    }
}

const STATES: [(&str, &str); 62] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "the District of Columbia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
    ("AS", "American Samoa"),
    ("GU", "Guam"),
    ("MP", "the Northern Mariana Islands"),
    ("PR", "Puerto Rico"),
    ("VI", "the Virgin Islands"),
    ("FM", "the Federated States of Micronesia"),
    ("MH", "the Marshall Islands"),
    ("PW", "Palau"),
    ("AA", "Armed Forces Americas"),
    ("AE", "Armed Forces Europe"),
    ("AP", "Armed Forces Pacific"),
];

/// Displays of HL7 v3 PurposeOfUse, in lower case throughout.
const PURPOSES: [(&str, &str); 60] = [
    ("PurposeOfUse", "any purpose of use"),
    ("HMARKT", "healthcare marketing"),
    ("HOPERAT", "healthcare operations"),
    ("CAREMGT", "care management"),
    ("DONAT", "donation"),
    ("FRAUD", "fraud"),
    ("GOV", "government"),
    ("HACCRED", "health accreditation"),
    ("HCOMPL", "health compliance"),
    ("HDECD", "decedent"),
    ("HDIRECT", "directory"),
    ("HDM", "healthcare delivery management"),
    ("HLEGAL", "legal"),
    ("HOUTCOMS", "health outcome measure"),
    ("HPRGRP", "health program reporting"),
    ("HQUALIMP", "health quality improvement"),
    ("HSYSADMIN", "health system administration"),
    ("LABELING", "labeling"),
    ("METAMGT", "metadata management"),
    ("MEMADMIN", "member administration"),
    ("MILCDM", "military command"),
    ("PATADMIN", "patient administration"),
    ("PATSFTY", "patient safety"),
    ("PERFMSR", "performance measure"),
    ("RECORDMGT", "records management"),
    ("SYSDEV", "system development"),
    ("HTEST", "test health data"),
    ("TRAIN", "training"),
    ("HPAYMT", "healthcare payment"),
    ("CLMATTCH", "claim attachment"),
    ("COVAUTH", "coverage authorization"),
    ("COVERAGE", "coverage under policy or program"),
    ("ELIGDTRM", "eligibility determination"),
    ("ELIGVER", "eligibility verification"),
    ("ENROLLM", "enrollment"),
    ("MILDCRG", "military discharge"),
    ("REMITADV", "remittance advice"),
    ("HRESCH", "healthcare research"),
    ("BIORCH", "biomedical research"),
    ("CLINTRCH", "clinical trial research"),
    ("CLINTRCHNPC", "clinical trial research without patient care"),
    ("CLINTRCHPC", "clinical trial research with patient care"),
    ("PRECLINTRCH", "preclinical trial research"),
    ("DSRCH", "disease specific healthcare research"),
    ("POARCH", "population origins or ancestry healthcare research"),
    ("TRANSRCH", "translational healthcare research"),
    ("PATRQT", "patient requested"),
    ("FAMRQT", "family requested"),
    ("PWATRNY", "power of attorney"),
    ("SUPNWK", "support network"),
    ("PUBHLTH", "public health"),
    ("DISASTER", "disaster"),
    ("THREAT", "threat"),
    ("TREAT", "treatment"),
    ("CLINTRL", "clinical trial"),
    ("COC", "coordination of care"),
    ("ETREAT", "emergency treatment"),
    ("BTG", "break the glass"),
    ("ERTREAT", "emergency room treatment"),
    ("POPHLTH", "population health"),
];

const KINDS: [(&str, &str); 2] =
    [("dea-registration", "DEA registration"), ("exclusion-clear", "clear exclusion check")];

const DUO_PERMISSIONS: [(&str, &str); 5] = [
    ("NRES", "no restriction"),
    ("HMB", "health/medical/biomedical research"),
    ("DS", "disease specific research"),
    ("POA", "population origins/ancestry research only"),
    ("GRU", "general research use"),
];

const DUO_MODIFIERS: [(&str, &str); 18] = [
    ("RS", "research specific restrictions"),
    ("NMDS", "no general methods research"),
    ("GSO", "genetic studies only"),
    ("NPUNCU", "not-for-profit non-commercial use only"),
    ("PUB", "publication required"),
    ("COL", "collaboration required"),
    ("IRB", "ethics approval required"),
    ("GS", "geographical restriction"),
    ("MOR", "publication moratorium"),
    ("TS", "time limit on use"),
    ("US", "user specific restriction"),
    ("PS", "project specific restriction"),
    ("IS", "institution specific restriction"),
    ("RTN", "return to database or resource"),
    ("CC", "clinical care use"),
    ("NPOA", "no population origins/ancestry research"),
    ("NPU", "not-for-profit use only"),
    ("NCU", "non-commercial use only"),
];

const SENSITIVITIES: [(&str, &str); 10] = [
    ("ETH", "substance use data"),
    ("ETHUD", "alcohol use disorder data"),
    ("OPIOIDUD", "opioid use disorder data"),
    ("PSY", "psychiatric data"),
    ("SDV", "sexual/domestic violence data"),
    ("HIV", "HIV data"),
    ("R", "restricted data"),
    ("PART2", "42 CFR Part 2 data"),
    ("GENETIC", "genetic data"),
    ("REPRO", "reproductive health data"),
];

const AUTHORITIES: [(&str, &str); 3] = [
    ("nlc-multistate", "NLC multistate"),
    ("imlc-full-licence", "IMLC full licence"),
    ("temporary", "temporary permit"),
];

const COMPACTS: [(&str, &str); 13] = [
    ("nlc", "Nurse Licensure Compact"),
    ("imlc", "Interstate Medical Licensure Compact"),
    ("pt-compact", "Physical Therapy Compact"),
    ("psypact", "PSYPACT"),
    ("emsc", "EMS Compact"),
    ("aslp-ic", "Audiology/Speech-Language Pathology Compact"),
    ("ot-compact", "Occupational Therapy Compact"),
    ("counseling-compact", "Counseling Compact"),
    ("pa-compact", "PA Compact"),
    ("aprn-compact", "APRN Compact"),
    ("social-work-compact", "Social Work Compact"),
    ("dietitian-compact", "Dietitian Compact"),
    ("dental-compact", "Dental Compact"),
];

const PERFORMERS: [(&str, &str); 6] = [
    ("self", "the participant"),
    ("parent", "a parent"),
    ("guardian", "a guardian"),
    ("authorised-representative", "an authorised representative"),
    ("power-of-attorney", "a holder of power of attorney"),
    ("parent-and-child-assent", "a parent with the child's assent"),
];

const PSV_PROCESSES: [(&str, &str); 6] = [
    ("edit-check", "edit check"),
    ("valueset", "value set check"),
    ("primary", "primary source check"),
    ("multi", "check of several sources"),
    ("standalone", "standalone check"),
    ("in-context", "check in context"),
];

const PSV_SOURCES: [(&str, &str); 9] = [
    ("lic-board", "a licence board"),
    ("prim", "primary education"),
    ("cont-ed", "continuing education"),
    ("post-serv", "the postal service"),
    ("rel-own", "a relationship owner"),
    ("reg-auth", "a registration authority"),
    ("legal", "a legal source"),
    ("issuer", "an issuing source"),
    ("auth-source", "an authoritative source"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::{ClaimKind, Schema};

    #[test]
    fn no_two_words_of_a_vocabulary_are_said_alike() {
        for spec in Schema::ALL.iter().flat_map(Schema::claims) {
            let (ClaimKind::Code(vocabulary) | ClaimKind::Mask(vocabulary)) = spec.kind else {
                continue;
            };
            let words = vocabulary.entries().iter().map(|(_, word)| vocabulary.say(word));
            let said: BTreeSet<_> = words.collect();
            assert_eq!(said.len(), vocabulary.entries().len(), "{}", vocabulary.name());
        }
    }

    #[test]
    fn every_state_purpose_and_research_code_is_spelled_out() {
        let vocabularies = [
            State::VOCABULARY,
            Purpose::VOCABULARY,
            DuoPermission::VOCABULARY,
            DuoModifier::VOCABULARY,
            Sensitivity::VOCABULARY,
            Compact::VOCABULARY,
            Performer::VOCABULARY,
            PsvSource::VOCABULARY,
        ];
        for vocabulary in vocabularies {
            for (_, word) in vocabulary.entries() {
                assert_ne!(vocabulary.say(word), *word, "{}", vocabulary.name());
            }
        }
        assert_eq!(CredentialKind::VOCABULARY.say("compact-privilege"), "compact privilege");
    }
}
