use serde_json::{Value, json};

use super::*;
use crate::schema::{Schema, Subject};

fn grant() -> Value {
    json!({
        "scope": "research", "defaultDecision": "deny", "study": "NCT09000016",
        "protocolVersion": "3.1", "formVersion": "2.1",
        "formHash": "aa".repeat(32), "purposes": ["HRESCH"], "data": ["observations"],
        "actions": ["collect", "use"], "recipients": ["Organization/b", "Organization/a"],
        "dataFrom": "2026-01-10", "dataTo": "2031-01-09", "performer": "self",
        "signature": "part-11", "language": "en", "withdrawalTerms": ["stop-future-use"],
        "sequence": 0
    })
}

fn with(changes: Value) -> Result<Subject, CredentialError> {
    let mut value = grant();
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    Subject::from_json(Schema::ConsentGrant, &value)
}

fn claims(changes: Value) -> Claims {
    with(changes).unwrap().claims(&[0; 16]).unwrap()
}

fn refusal(changes: Value) -> String {
    with(changes).unwrap_err().to_string()
}

#[test]
fn a_grant_encodes_to_the_words_that_it_states() {
    let claims = claims(json!({}));
    let described = Schema::ConsentGrant.describe(&claims).unwrap();
    assert_eq!(described["scope"], "research:deny");
    assert_eq!(described["study"], "NCT09000016");
    assert_eq!(described["form_version"], "2.1");
    assert_eq!(described["purpose_mask"].as_array().unwrap().len(), 9);
    assert_eq!(described["sensitive_allowed"], json!([]));
    assert_eq!(described["language"], "en");
    assert_eq!(described["sequence"], 0);
    assert!(!described.contains_key("disease") && !described.contains_key("duo_modifiers"));
    for spec in &CONSENT_CLAIMS {
        if let Some(value) = described.get(spec.name).filter(|_| !spec.kind.is_hash()) {
            assert_eq!(spec.encode(value), Ok(claims.0[spec.slot]), "{}", spec.name);
        }
    }
}

#[test]
fn a_form_version_orders_by_major_and_minor() {
    let version = |text: &str| claims(json!({ "formVersion": text })).0[3];
    assert!(version("2.0") < version("2.1") && version("2.255") < version("3.0"));
}

#[test]
fn recipients_do_not_depend_on_their_order() {
    let other = claims(json!({"recipients": ["Organization/a", "Organization/b"]}));
    assert_eq!(claims(json!({})).0[14], other.0[14]);
    let spec = Schema::ConsentGrant.claim("recipients").unwrap();
    let value = json!(["Organization/b", "Organization/a"]);
    assert_eq!(spec.encode(&value), Ok(other.0[14]));
    assert_ne!(claims(json!({"recipients": ["Organization/aOrganization/b"]})).0[14], other.0[14]);
    assert!(spec.encode(&json!(["Organization/a\0Organization/b"])).is_err());
}

#[test]
fn an_open_period_passes_no_comparison() {
    let open = claims(json!({"dataFrom": null, "dataTo": null}));
    assert_eq!(open.0[15], Fr::from((1u64 << 17) - 1));
    assert_eq!(open.0[16], Fr::from(0u64));
}

#[test]
fn refuses_what_the_rules_forbid() {
    let cases = [
        (json!({"dataTo": "2025-01-01"}), "data_to is before data_from"),
        (json!({"performer": "parent"}), "majority_on is required where a parent consents"),
        (json!({"majorityOn": "2030-01-01"}), "majority_on has no place where the person consents"),
        (json!({"formVersion": null}), "form_version is required with a study"),
        (
            json!({"duoPermission": "DS"}),
            "disease is stated with the DUO permission DS, and only with it",
        ),
        (
            json!({"duoModifiers": ["NCU"]}),
            "duo_modifiers modify a DUO permission, which is absent",
        ),
        (json!({"sequence": 1}), "previous is stated by every grant but the first, sequence 0"),
        (json!({"actions": []}), "action_mask permits nothing: at least one action is required"),
        (
            json!({"purposes": ["FUN"]}),
            "purposes[0] is not a word of the vocabulary purpose-of-use (version 1)",
        ),
        (json!({"formHash": "zz"}), "formHash is not 64 lower-case hexadecimal digits"),
    ];
    for (changes, expected) in cases {
        assert_eq!(refusal(changes), expected);
    }
}

#[test]
fn written_and_read_back_it_is_the_same_grant() {
    let changes = json!({
        "performer": "parent-and-child-assent", "majorityOn": "2030-05-05", "sequence": 3,
        "previous": "01".repeat(32), "duoPermission": "DS", "disease": "MONDO:0005148",
        "duoModifiers": ["NCU", "IRB"], "ethicsHash": "02".repeat(32),
        "ethicsExpiresOn": "2028-01-01", "sensitiveAllowed": ["GENETIC"]
    });
    let subject = with(changes).unwrap();
    let written = serde_json::to_value(&subject).unwrap();
    assert_eq!(Subject::from_json(Schema::ConsentGrant, &written), Ok(subject));
}
