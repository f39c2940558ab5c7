use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::arbitrary::{asking, documents, examples, policy};
use crate::schema::Schema;

fn found(document: &Value, fixed: &Value) -> Vec<String> {
    let findings = policy(document).lint(fixed.as_object().unwrap());
    findings.iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
}

fn provider(require: Value) -> Vec<String> {
    found(&asking(Schema::ProviderCredential, require), &json!({}))
}

/// Findings about the given predicates, without those about what is not asked.
fn about(require: Value) -> Vec<String> {
    let mut found = provider(require);
    found.retain(|finding| !finding.starts_with("no-"));
    found
}

const EXAMPLES: [(&str, &[&str]); 14] = [
    ("certified-cardiologist", &[]),
    ("consented-to-study", &["searchable-value require[1]"]),
    ("credentialing-file", &["no-kind require"]),
    (
        "disease-specific-reuse",
        &[
            "searchable-value require[0]",
            "enumerable-hash require[2]",
            "no-form-version require",
            "no-signatory require",
        ],
    ),
    ("enrol-in-study", &["searchable-value require[1]", "free-threshold require[2]"]),
    ("feasibility-count", &["searchable-value require[1]", "free-threshold require[2]"]),
    ("licence-type-in-state", &["searchable-value require[5].any[0]"]),
    ("licensed-in-state", &["searchable-value require[4].any[0]"]),
    ("locum-assignment", &["searchable-value require[2]", "free-threshold require[3]"]),
    ("not-excluded", &[]),
    ("nurse-in-texas", &[]),
    ("schedule-two-licence", &["searchable-value require[5]"]),
    ("schedule-two-registration", &["searchable-value require[3]"]),
    ("telehealth-florida", &[]),
];

#[test]
fn every_example_has_its_known_findings() {
    let found: Vec<_> = examples()
        .into_iter()
        .map(|(name, document)| (name, found(&document, &json!({}))))
        .collect();
    let expected = EXAMPLES.map(|(name, findings)| {
        (name.to_owned(), findings.iter().map(|finding| (*finding).to_owned()).collect())
    });
    assert_eq!(found, expected);
}

#[test]
fn parameters_that_are_fixed_cannot_be_searched() {
    let fixed = json!({"study": "NCT09000016", "form_version": "2.1"});
    assert_eq!(found(&examples()["enrol-in-study"], &fixed), [""; 0]);
}

#[test]
fn disclosing_what_identifies_or_defames_is_a_danger() {
    for (claim, code) in [
        ("npi", "reveals-identifier"),
        ("issued_on", "reveals-identifying-date"),
        ("expires_on", "reveals-identifying-date"),
        ("psv_on", "reveals-date"),
        ("standing_mask", "reveals-standing"),
        ("status", "reveals-standing"),
    ] {
        let found = about(json!([{"claim": claim, "op": "eq", "reveal": true}]));
        assert_eq!(found[0], format!("{code} require[0]"), "{claim}");
    }
    let consent = json!([{"claim": "disease", "op": "eq", "reveal": true}]);
    let found = found(&asking(Schema::ConsentGrant, consent), &json!({}));
    assert_eq!(found[0], "reveals-health require[0]");
}

#[test]
fn asking_for_one_person_is_a_danger() {
    for value in ["1234567893", "$npi"] {
        let found = about(json!([{"claim": "npi", "op": "eq", "value": value}]));
        assert_eq!(found[0], "targets-identifier require[0]");
        assert!(found.contains(&"tiny-anonymity-set require".to_owned()));
    }
}

#[test]
fn a_policy_that_passes_the_encumbered_only_is_a_danger() {
    let adverse = |predicate: Value| {
        let found = about(json!([{"claim": "kind", "op": "eq", "value": "licence"}, predicate]));
        found.contains(&"requires-encumbrance require[1]".to_owned())
    };
    for predicate in [
        json!({"claim": "standing_mask", "op": "neq", "value": []}),
        json!({"claim": "standing_mask", "op": "eq", "value": ["fine"]}),
        json!({"claim": "standing_mask", "op": "mask-contains", "value": ["probation"]}),
        json!({"claim": "standing_mask", "op": "eq", "value": "$standing"}),
        json!({"claim": "status", "op": "eq", "value": "suspended"}),
        json!({"claim": "status", "op": "eq", "value": "$status"}),
        json!({"claim": "status", "op": "neq", "value": "active"}),
        json!({"claim": "status", "op": "in-set", "value": ["suspended", "revoked"]}),
        json!({"claim": "board_status", "op": "eq", "value": "probation"}),
    ] {
        assert!(adverse(predicate.clone()), "{predicate}");
    }
    for predicate in [
        json!({"claim": "standing_mask", "op": "eq", "value": []}),
        json!({"claim": "standing_mask", "op": "mask-excludes", "value": ["probation"]}),
        json!({"claim": "status", "op": "in-set", "value": ["active", "suspended"]}),
        json!({"claim": "status", "op": "neq", "value": "revoked"}),
    ] {
        assert!(!adverse(predicate.clone()), "{predicate}");
    }
}

#[test]
fn an_alternative_that_anybody_may_take_makes_no_clause_defame() {
    let clause = |other: &str| {
        json!([{"any": [
            {"claim": "status", "op": "eq", "value": "suspended"},
            {"claim": "status", "op": "eq", "value": other}
        ]}])
    };
    let danger = "requires-encumbrance require[0].any[0]".to_owned();
    assert!(about(clause("revoked")).contains(&danger));
    assert!(!about(clause("active")).contains(&danger));
}

#[test]
fn a_rare_type_in_a_small_place_is_a_small_group() {
    let size = |licence: &str, state: &str| {
        let found = provider(json!([
            {"claim": "kind", "op": "eq", "value": "licence"},
            {"claim": "licence_type", "op": "eq", "value": licence},
            {"claim": "jurisdiction", "op": "eq", "value": state}
        ]));
        found.into_iter().find(|finding| finding.contains("anonymity")).unwrap_or_default()
    };
    assert_eq!(size("RN", "TX"), "");
    assert_eq!(size("RN", "WY"), "");
    assert_eq!(size("CNM", "WY"), "small-anonymity-set require");
    assert_eq!(size("CNM", "GU"), "tiny-anonymity-set require");
}

#[test]
fn a_disclosed_claim_counts_as_its_rarest_value() {
    let asked = |disclosed: &str| {
        about(json!([
            {"claim": "kind", "op": "eq", "value": "licence"},
            {"claim": "licence_type", "op": "eq", "value": "PA"},
            {"claim": disclosed, "op": "eq", "reveal": true}
        ]))
    };
    assert_eq!(asked("jurisdiction"), ["small-anonymity-set require"]);
    assert_eq!(asked("authority"), [""; 0]);
}

#[test]
fn narrow_windows_of_days_make_small_groups() {
    let issued = |from: &str, to: &str| {
        about(json!([
            {"claim": "licence_type", "op": "eq", "value": "MD"},
            {"claim": "jurisdiction", "op": "eq", "value": "VT"},
            {"claim": "issued_on", "op": "ge", "value": from},
            {"claim": "issued_on", "op": "le", "value": to}
        ]))
    };
    assert_eq!(issued("2020-01-01", "2020-01-02"), ["tiny-anonymity-set require"]);
    assert_eq!(issued("1990-01-01", "2020-01-02"), [""; 0]);
}

#[test]
fn a_hash_of_what_can_be_listed_is_no_secret() {
    let consent = |predicate: Value| {
        let found = found(&asking(Schema::ConsentGrant, json!([predicate])), &json!({}));
        found.contains(&"enumerable-hash require[0]".to_owned())
    };
    let digest = "ab".repeat(32);
    assert!(consent(json!({"claim": "recipients", "op": "eq", "value": ["Organization/a"]})));
    assert!(consent(json!({"claim": "form_hash", "op": "eq", "value": "$form"})));
    assert!(consent(json!({"claim": "form_hash", "op": "eq", "reveal": true})));
    assert!(!consent(json!({"claim": "form_hash", "op": "eq", "value": digest})));
}

#[test]
fn a_licence_needs_status_standing_and_an_expiry_that_moves() {
    let kind = json!({"claim": "kind", "op": "eq", "value": "licence"});
    let status = json!({"claim": "status", "op": "eq", "value": "active"});
    let standing = json!({"claim": "standing_mask", "op": "eq", "value": []});
    let expiry = |value: &str| json!({"claim": "expires_on", "op": "ge", "value": value});
    let all = ["no-status require", "no-standing require", "no-expiry require"];
    assert_eq!(provider(json!([kind])), all);
    assert_eq!(provider(json!([kind, status])), all[1..]);
    assert_eq!(provider(json!([kind, status, standing])), all[2..]);
    assert_eq!(provider(json!([kind, status, standing, expiry("$today")])), [""; 0]);
    for late in ["2020-01-01", "$today-1d"] {
        assert_eq!(provider(json!([kind, status, standing, expiry(late)])), all[2..], "{late}");
    }
    let either = json!({"any": [status, {"claim": "authority", "op": "eq", "value": "federal"}]});
    assert!(provider(json!([kind, either, standing])).contains(&all[0].to_owned()));
}

#[test]
fn a_consent_needs_form_purpose_period_and_signatory() {
    let consent = |require: Value| found(&asking(Schema::ConsentGrant, require), &json!({}));
    let study = json!({"claim": "study", "op": "eq", "value": "NCT09000016"});
    assert_eq!(
        consent(json!([study])),
        [
            "no-form-version require",
            "no-purpose require",
            "no-period require",
            "no-signatory require"
        ]
    );
}

#[test]
fn a_policy_that_can_never_be_asked_is_a_danger() {
    let absent = json!([
        {"claim": "kind", "op": "eq", "value": "exclusion-clear"},
        {"claim": "issued_on", "op": "le", "value": "$today-5y"}
    ]);
    assert!(provider(absent).contains(&"cannot-be-asked require".to_owned()));
    let one = json!({"claim": "kind", "op": "eq", "value": "exclusion-clear"});
    assert!(provider(json!(vec![one; 9])).contains(&"cannot-be-asked require".to_owned()));
}

#[test]
fn codes_are_unique_words_joined_by_hyphens() {
    let mut names: Vec<_> = FindingCode::ALL.iter().map(FindingCode::name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FindingCode::ALL.len());
}

#[test]
fn a_finding_is_written_with_its_severity() {
    let document =
        asking(Schema::ProviderCredential, json!([{"claim": "npi", "op": "eq", "reveal": true}]));
    let finding = serde_json::to_value(&policy(&document).lint(&Map::new())[0]).unwrap();
    assert_eq!(finding["code"], "reveals-identifier");
    assert_eq!(finding["severity"], "danger");
    assert_eq!(finding["path"], "require[0]");
}

proptest! {
    #[test]
    fn every_policy_that_reads_has_findings_that_name_its_predicates(document in documents()) {
        let Ok(policy) = PolicyDocument::from_json(document.to_string().as_bytes()) else {
            return Ok(());
        };
        for finding in policy.lint(&Map::new()) {
            let mut predicates = policy.require.iter().flatten().flatten();
            let is_known = predicates.any(|predicate| predicate.path == finding.path);
            prop_assert!(is_known || finding.path == "require");
            prop_assert!(!finding.message.is_empty());
        }
    }
}
