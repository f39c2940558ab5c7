//! The vocabularies against the published code systems, and every official FHIR sample through
//! the importer. The samples are not part of the repository: where they are absent, each test
//! says so and passes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, io::Write, path::PathBuf};

use attestry_credential::{
    fhir::{Outcome, preview},
    schema::values::TaxonomyCode,
    vocabulary::{
        Action, Code, Coded, ConsentScope, DuoModifier, DuoPermission, Mask, PsvProcess, PsvSource,
        Purpose, Vocabulary,
    },
};
use serde_json::Value;

/// The folder of samples, or a visible note that the test is skipped.
fn samples(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ATTESTRY_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    // Not `eprintln!`, which the test harness hides when a test passes.
    let note = format!("skipped: {test}: no samples at {}\n", folder.display());
    std::io::stderr().write_all(note.as_bytes()).unwrap();
    None
}

fn code_system(folder: &std::path::Path, name: &str) -> Value {
    let path = folder.join(format!("terminology/CodeSystem-{name}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Codes depth first.
fn codes(concepts: &Value, into: &mut Vec<String>) {
    for concept in concepts.as_array().into_iter().flatten() {
        into.push(concept["code"].as_str().unwrap().to_owned());
        codes(&concept["concept"], into);
    }
}

fn find<'a>(concepts: &'a Value, code: &str) -> Option<&'a Value> {
    let mut concepts = concepts.as_array().into_iter().flatten();
    concepts.find_map(|concept| {
        if concept["code"] == code { Some(concept) } else { find(&concept["concept"], code) }
    })
}

fn words(vocabulary: &Vocabulary) -> Vec<&'static str> {
    vocabulary.entries().iter().map(|(_, word)| *word).collect()
}

#[test]
fn flat_code_systems_have_the_published_codes_in_order() {
    let Some(folder) = samples("flat_code_systems_have_the_published_codes_in_order") else {
        return;
    };
    let cases = [
        ("consent-scope", ConsentScope::VOCABULARY, 4),
        ("verificationresult-validation-process", PsvProcess::VOCABULARY, 6),
        ("verificationresult-primary-source-type", PsvSource::VOCABULARY, 9),
        ("consent-action", Action::VOCABULARY, 5),
    ];
    for (name, vocabulary, count) in cases {
        let mut published = Vec::new();
        codes(&code_system(&folder, name)["concept"], &mut published);
        assert_eq!(published.len(), count, "{name}");
        assert_eq!(words(vocabulary)[..count], published, "{name}");
    }
}

#[test]
fn purposes_are_the_published_tree_depth_first() {
    let Some(folder) = samples("purposes_are_the_published_tree_depth_first") else {
        return;
    };
    let system = code_system(&folder, "v3-ActReason");
    let root = find(&system["concept"], "PurposeOfUse").unwrap();
    let mut published = vec!["PurposeOfUse".to_owned()];
    codes(&root["concept"], &mut published);
    assert_eq!(words(Purpose::VOCABULARY), published);

    for purpose in &published {
        let mut subtree = BTreeSet::from([purpose.clone()]);
        let concept = find(&system["concept"], purpose).unwrap();
        let mut below = Vec::new();
        codes(&concept["concept"], &mut below);
        subtree.extend(below);
        let mask = Mask::<Purpose>::from_words([purpose.as_str()]).unwrap();
        let closure: BTreeSet<String> = mask.closure().words().map(str::to_owned).collect();
        assert_eq!(closure, subtree, "{purpose}");
    }
}

#[test]
fn data_use_codes_have_the_numbers_of_the_ontology() {
    let Some(folder) = samples("data_use_codes_have_the_numbers_of_the_ontology") else {
        return;
    };
    let table = fs::read_to_string(folder.join("duo/duo.csv")).unwrap();
    let mut published = BTreeSet::new();
    for line in table.lines().skip(1) {
        let mut cells = line.split(',');
        let (id, shorthand) = (cells.next().unwrap(), cells.next().unwrap());
        let number: u32 = id.strip_prefix("DUO:").unwrap().parse().unwrap();
        if !shorthand.is_empty() {
            published.insert((number, shorthand.to_owned()));
        }
    }
    let ours = [DuoPermission::VOCABULARY, DuoModifier::VOCABULARY];
    let ours = ours.iter().flat_map(|vocabulary| vocabulary.entries());
    let ours: BTreeSet<_> = ours.map(|(n, word)| (*n, (*word).to_owned())).collect();
    assert_eq!(ours, published);
}

#[test]
fn every_published_taxonomy_code_is_read_and_has_its_own_encoding() {
    let Some(folder) = samples("every_published_taxonomy_code_is_read_and_has_its_own_encoding")
    else {
        return;
    };
    let list = fs::read_to_string(folder.join("us-directory/nucc-codes-only.txt")).unwrap();
    let codes = list.lines().filter(|line| !line.is_empty());
    let encodings: Vec<(u32, u32)> = codes
        .map(|line| {
            let code: TaxonomyCode = line.parse().unwrap();
            assert!(code.prefix() < 1 << 21 && code.suffix() < 1 << 26);
            (code.prefix(), code.suffix())
        })
        .collect();
    assert_eq!(encodings.len(), 856);
    assert_eq!(encodings.iter().collect::<BTreeSet<_>>().len(), 856);
}

#[test]
fn every_word_of_a_code_is_written_back_as_itself() {
    for word in words(PsvSource::VOCABULARY) {
        assert_eq!(word.parse::<Code<PsvSource>>().unwrap().to_string(), word);
    }
}

const NO_NPI: &str = "has no National Provider Identifier (http://hl7.org/fhir/sid/us-npi)";
const NOT_ISSUED: &str = "is not a resource from which credentials are issued";

/// The outcome of every official sample: none is complete enough to be issued.
const REASONS: [(&str, &str); 18] = [
    ("AuditEvent-example-disclosure", "AuditEvent {NOT_ISSUED}"),
    ("ClaimResponse-R3500", "ClaimResponse {NOT_ISSUED}"),
    ("Consent-consent-example-Out", "Consent.performer is required: who consented"),
    ("Consent-consent-example-basic", "Consent.performer is required: who consented"),
    ("Consent-consent-example-notOrg", "Consent.performer is required: who consented"),
    ("Consent-consent-example-notTime", "Consent.performer is required: who consented"),
    (
        "Consent-consent-example-signature",
        "Consent.provision.provision[0].actor[0].role is not a recipient (IRCP or PRCP): claims \
         carry only recipients",
    ),
    ("Organization-f001", "Organization {NOT_ISSUED}"),
    ("Practitioner-example", "Practitioner.identifier {NO_NPI}"),
    ("Practitioner-f001", "Practitioner.identifier {NO_NPI}"),
    ("Practitioner-f002", "Practitioner.identifier {NO_NPI}"),
    ("Practitioner-f005", "Practitioner.identifier {NO_NPI}"),
    ("Practitioner-f201", "Practitioner.identifier {NO_NPI}"),
    ("PractitionerRole-example", "PractitionerRole.identifier {NO_NPI}"),
    ("Provenance-consent-signature", "Provenance {NOT_ISSUED}"),
    ("ResearchStudy-example", "ResearchStudy {NOT_ISSUED}"),
    (
        "ResearchSubject-example",
        "ResearchSubject ties a participant to a study: what is issued is the Consent that it \
         references, in the same Bundle",
    ),
    ("SupplyDelivery-simpledelivery", "SupplyDelivery {NOT_ISSUED}"),
];

#[test]
fn every_official_sample_has_its_outcome_and_reason() {
    let Some(folder) = samples("every_official_sample_has_its_outcome_and_reason") else {
        return;
    };
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(folder.join("fhir-r4")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let previews = preview(&fs::read(&path).unwrap());
        assert_eq!(previews.len(), 1, "{name}");
        let expected = REASONS.iter().find(|(sample, _)| *sample == name);
        let (_, expected) = expected.unwrap_or(&VERIFICATION);
        let expected = expected.replace("{NO_NPI}", NO_NPI).replace("{NOT_ISSUED}", NOT_ISSUED);
        assert_eq!(previews[0].outcome, Outcome::Refused, "{name}");
        assert_eq!(previews[0].reason.as_deref(), Some(expected.as_str()), "{name}");
        let is_provider = name.starts_with("Practitioner");
        assert_eq!(previews[0].warnings.is_empty(), !is_provider, "{name}");
        seen.insert(name);
    }
    assert_eq!(seen.len(), REASONS.len() + 1);
}

const VERIFICATION: (&str, &str) = (
    "VerificationResult-example",
    "VerificationResult is evidence for a Practitioner in the same Bundle, not a credential of \
     its own",
);

#[test]
fn in_one_bundle_the_official_samples_find_each_other_and_are_still_refused() {
    let Some(folder) =
        samples("in_one_bundle_the_official_samples_find_each_other_and_are_still_refused")
    else {
        return;
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder.join("fhir-r4")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let resource: Value = serde_json::from_slice(&bytes).unwrap();
        entries.push(serde_json::json!({ "resource": resource }));
    }
    let bundle = serde_json::json!({"resourceType": "Bundle", "entry": entries}).to_string();
    let previews = preview(bundle.as_bytes());
    assert_eq!(previews.len(), REASONS.len() + 1);
    assert!(previews.iter().all(|preview| preview.outcome == Outcome::Refused));
    // The role names a practitioner of the Bundle, who is the one that lacks an NPI.
    let role = previews.iter().find(|preview| preview.resource == "PractitionerRole/example");
    let expected = format!("Practitioner.identifier {NO_NPI}");
    assert_eq!(role.unwrap().reason.as_deref(), Some(expected.as_str()));
}

#[test]
fn every_other_json_sample_is_previewed_without_a_panic() {
    let Some(folder) = samples("every_other_json_sample_is_previewed_without_a_panic") else {
        return;
    };
    let mut seen = 0;
    for part in ["terminology", "smart-health-cards", "trials", "epcis", "consent"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let previews = preview(&fs::read(entry.unwrap().path()).unwrap());
            assert!(previews.iter().all(|preview| preview.outcome == Outcome::Refused));
            seen += 1;
        }
    }
    assert!(seen > 20);
}
