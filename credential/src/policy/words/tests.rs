use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::arbitrary::{asking, examples, pairs, policy};
use crate::schema::Schema;

fn words(document: &Value) -> String {
    policy(document).in_words(&Map::new())
}

fn provider(require: Value) -> String {
    words(&asking(Schema::ProviderCredential, require))
}

const EXAMPLES: [(&str, &str); 14] = [
    (
        "certified-cardiologist",
        "board certification, unexpired today, with specialty code starting with 207R, with \
         specialty code ending with C0000, with board status active",
    ),
    (
        "consented-to-study",
        "consent to study [study], with scope one of research (default deny) or research \
         (default permit), with form version 2.0 or later, with the purposes including \
         clinical trial research, with the last day of the period on or after today, either \
         (given by the participant; or with the day of coming of age after today)",
    ),
    (
        "credentialing-file",
        "provider credential, with the day of the decision on or before the day of \
         verification at the source plus 120 days, with the day of the decision on or after \
         today minus 36 months, with the day of the exclusion check on or after today minus \
         30 days, with verification one of primary source check with a licence board, primary \
         source check with a registration authority, primary source check with an \
         authoritative source, check of several sources with a licence board, check of \
         several sources with a registration authority or check of several sources with an \
         authoritative source",
    ),
    (
        "disease-specific-reuse",
        "consent, with disease one of any disease or [disease], with the data use modifiers \
         excluding not-for-profit non-commercial use only, not-for-profit use only, \
         non-commercial use only, project specific restriction and user specific restriction, \
         given to exactly [recipient], with the first day of the period on or before today, \
         with the last day of the period on or after today, with the permitted sensitive \
         classes including genetic data",
    ),
    (
        "enrol-in-study",
        "consent to study [study], with scope research (default deny), with form version \
         [form_version] or later, with the purposes including clinical trial research, with \
         the last day of the period on or after today, either (given by the participant; or \
         given by a parent with the child's assent and with the day of coming of age after \
         today)",
    ),
    (
        "feasibility-count",
        "consent to study [study], with scope research (default deny), with form version \
         [form_version] or later, with the purposes including clinical trial research, with \
         the last day of the period on or after today, either (given by the participant; or \
         given by a parent with the child's assent and with the day of coming of age after \
         today)",
    ),
    (
        "licence-type-in-state",
        "active, unencumbered licence valid in [state] today (of [state], or multistate with \
         a home state whose nurse licensure compact covers [state]), and discloses the \
         licence type",
    ),
    (
        "licensed-in-state",
        "active, unencumbered licence valid in [state] today (of [state], or multistate with \
         a home state whose nurse licensure compact covers [state])",
    ),
    (
        "locum-assignment",
        "active licence of [state], with the day of expiry on or after [assignment_end] plus \
         30 days, with the encumbrances excluding suspension and probation",
    ),
    (
        "not-excluded",
        "clear exclusion check, with the day of the exclusion check on or after today minus \
         30 days, with the day of the exclusion check on or before today",
    ),
    (
        "nurse-in-texas",
        "active, unencumbered RN licence valid in Texas today (of Texas, or multistate with a \
         home state whose nurse licensure compact covers Texas)",
    ),
    (
        "schedule-two-licence",
        "active, unencumbered licence of [state], unexpired today, either (with licence type \
         MD; or with licence type DO)",
    ),
    (
        "schedule-two-registration",
        "active DEA registration, unexpired today, with the DEA schedules including II, with \
         DEA state [state]",
    ),
    (
        "telehealth-florida",
        "active, unencumbered licence of Florida, unexpired today, either (with licence type \
         MD; or with licence type DO), with authority one of single state, IMLC full licence \
         or telehealth registration",
    ),
];

#[test]
fn every_example_is_said_in_words() {
    let said: Vec<_> =
        examples().into_iter().map(|(name, document)| (name, words(&document))).collect();
    let expected = EXAMPLES.map(|(name, words)| (name.to_owned(), words.to_owned()));
    assert_eq!(said, expected);
}

#[test]
fn known_parameters_are_said_in_place_of_their_names() {
    let given = json!({"state": "CA", "assignment_end": "2027-05-31"});
    assert_eq!(
        policy(&examples()["locum-assignment"]).in_words(given.as_object().unwrap()),
        "active licence of California, with the day of expiry on or after 2027-05-31 plus 30 days, \
         with the encumbrances excluding suspension and probation"
    );
    let strange = json!({"state": {"colour": 1}, "assignment_end": []});
    policy(&examples()["locum-assignment"]).in_words(strange.as_object().unwrap());
}

#[test]
fn what_an_alternative_discloses_is_said_in_its_place() {
    let said = provider(json!([
        {"claim": "jurisdiction", "op": "eq", "reveal": true},
        {"claim": "issuer", "op": "eq", "reveal": true},
        {"any": [
            {"claim": "npi", "op": "eq", "reveal": true},
            {"claim": "kind", "op": "eq", "value": "education"}
        ]}
    ]));
    assert_eq!(
        said,
        "provider credential, either (disclosing the NPI; or with kind education), and discloses \
         the jurisdiction and the issuer"
    );
}

/// What a policy asks, whatever the order of its clauses.
fn meaning(document: &PolicyDocument) -> Vec<String> {
    let of = |predicate: &Predicate| {
        format!(
            "{:?} {:?} {:?}",
            predicate.subject.spec().map(|spec| spec.name),
            predicate.operator,
            predicate.operand
        )
    };
    let clauses = document.require.iter().map(|clause| {
        let alternatives: Vec<Vec<_>> =
            clause.iter().map(|alternative| alternative.iter().map(of).collect()).collect();
        format!("{alternatives:?}")
    });
    let mut clauses: Vec<_> = clauses.collect();
    clauses.sort();
    clauses
}

fn assert_told_apart(one: &PolicyDocument, other: &PolicyDocument) {
    if one.in_words(&Map::new()) == other.in_words(&Map::new()) {
        assert_eq!(meaning(one), meaning(other));
    }
}

#[test]
fn whatever_changes_in_an_example_changes_its_words() {
    let mut changed = 0;
    for document in examples().values() {
        let clauses = document["require"].as_array().unwrap().len();
        let example = policy(document);
        for position in 0..clauses {
            let mut shorter = document.clone();
            shorter["require"].as_array_mut().unwrap().remove(position);
            if let Ok(shorter) = PolicyDocument::from_json(shorter.to_string().as_bytes()) {
                assert_ne!(shorter.in_words(&Map::new()), example.in_words(&Map::new()));
                changed += 1;
            }
            for op in ["eq", "neq", "lt", "le", "gt", "ge", "in-set", "not-in-set", "mask-contains"]
            {
                let mut other = document.clone();
                other["require"][position]["op"] = json!(op);
                if let Ok(other) = PolicyDocument::from_json(other.to_string().as_bytes())
                    && meaning(&other) != meaning(&example)
                {
                    assert_ne!(other.in_words(&Map::new()), example.in_words(&Map::new()));
                    changed += 1;
                }
            }
        }
    }
    assert!(changed > 100, "{changed}");
}

proptest! {
    #[test]
    fn two_policies_that_read_alike_ask_the_same((one, other) in pairs()) {
        let read = |document: &Value| PolicyDocument::from_json(document.to_string().as_bytes());
        let (Ok(one), Ok(other)) = (read(&one), read(&other)) else { return Ok(()) };
        assert_told_apart(&one, &other);
    }

    #[test]
    fn a_changed_clause_changes_the_words(
        (document, other) in pairs(), position in 0..6usize
    ) {
        let (clauses, others) = (&document["require"], &other["require"]);
        let position = position % clauses.as_array().unwrap().len();
        let mut changed = document.clone();
        changed["require"][position] = others[0].clone();
        let read = |document: &Value| PolicyDocument::from_json(document.to_string().as_bytes());
        let (Ok(one), Ok(changed)) = (read(&document), read(&changed)) else { return Ok(()) };
        assert_told_apart(&one, &changed);
    }
}
