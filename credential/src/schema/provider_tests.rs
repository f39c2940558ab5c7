use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::{Schema, Subject};

fn physician() -> Value {
    json!({
        "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456", "name": "Alma Reyes",
        "jurisdiction": "CA", "authority": "single-state", "licenceType": "MD",
        "status": "active", "standing": ["unencumbered"], "issuedOn": "2015-07-01", "renewedOn": "2025-07-01",
        "expiresOn": "2027-06-30", "taxonomy": "207RC0000X", "psvProcess": "primary",
        "psvSource": "lic-board", "psvOn": "2026-09-01", "nextCheckOn": "2026-12-30"
    })
}

fn with(changes: Value) -> Result<Subject, CredentialError> {
    let mut value = physician();
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    Subject::from_json(Schema::ProviderCredential, &value)
}

fn refusal(changes: Value) -> String {
    with(changes).unwrap_err().to_string()
}

#[test]
fn a_licence_encodes_to_the_words_that_it_states() {
    let subject = with(json!({})).unwrap();
    let claims = subject.claims(&[7; 16]).unwrap();
    let described = Schema::ProviderCredential.describe(&claims).unwrap();
    assert_eq!(described["kind"], "licence");
    assert_eq!(described["npi"], "1234567893");
    assert_eq!(described["jurisdiction"], "CA");
    assert_eq!(described["standing_mask"], json!([]));
    assert_eq!(described["expires_on"], "2027-06-30");
    assert_eq!(described["taxonomy_prefix"], "207R");
    assert_eq!(described["taxonomy_suffix"], "C0000");
    assert_eq!(described["psv_method"], "primary:lic-board");
    assert!(!described.contains_key("home_state") && !described.contains_key("decided_on"));
    for spec in &PROVIDER_CLAIMS {
        if let Some(value) = described.get(spec.name).filter(|_| !spec.kind.is_hash()) {
            assert_eq!(spec.encode(value), Ok(claims.0[spec.slot]), "{}", spec.name);
        }
    }
}

#[test]
fn texts_hide_behind_the_salt_and_ignore_spelling_variants() {
    let claims = |name: &str, salt| {
        let subject = with(json!({ "name": name })).unwrap();
        subject.claims(&salt).unwrap().0[3]
    };
    assert_eq!(claims("Alma Reyes", [1; 16]), claims(" alma  REYES", [1; 16]));
    assert_ne!(claims("Alma Reyes", [1; 16]), claims("Alma Reyes", [2; 16]));
}

#[test]
fn a_licence_without_a_stated_standing_is_not_unencumbered() {
    let mut value = physician();
    value.as_object_mut().unwrap().remove("standing");
    let subject = Subject::from_json(Schema::ProviderCredential, &value).unwrap();
    let claims = subject.claims(&[0; 16]).unwrap();
    assert_eq!(claims.0[10], Fr::from(STANDING_NOT_STATED));
}

#[test]
fn refuses_what_the_rules_forbid() {
    assert_eq!(
        refusal(json!({"npi": "1234567890"})),
        "npi is not an NPI: the check digit is wrong"
    );
    assert_eq!(refusal(json!({"expiresOn": null})), "expires_on is required of a licence");
    assert_eq!(refusal(json!({"expiresOn": "2014-01-01"})), "expires_on is before issued_on");
    assert_eq!(
        refusal(json!({"jurisdiction": "XX"})),
        "jurisdiction is not a word of the vocabulary us-state (version 1)"
    );
    assert_eq!(refusal(json!({"psvSource": null})), "psv_method needs both a process and a source");
    assert_eq!(
        refusal(json!({"authority": "nlc-multistate"})),
        "home_state is required of a multistate licence and of a compact privilege"
    );
    assert_eq!(
        refusal(json!({"authority": "nlc-multistate", "homeState": "TX", "licenceType": "NP"})),
        "licence_type is an advanced practice role, which the nurse licensure compact excludes"
    );
    assert_eq!(
        refusal(json!({"standing": []})),
        "standing is an empty list: unencumbered says that there is no encumbrance"
    );
    assert_eq!(refusal(json!({"favouriteColour": "x"})), "$ has a member that is not defined");
}

#[test]
fn a_dea_registration_needs_a_dea_number_that_checks() {
    let registration = |number: &str| {
        with(json!({
            "kind": "dea-registration", "authority": "federal", "licenceNumber": number,
            "deaSchedules": ["II", "IIN"], "deaState": "CA"
        }))
    };
    assert!(registration("AB1234563").is_ok());
    assert_eq!(
        registration("AB1234564").unwrap_err().to_string(),
        "licence_number is not a DEA number: the check digit is wrong"
    );
}

#[test]
fn debug_shows_no_attribute() {
    assert!(!format!("{:?}", with(json!({})).unwrap()).contains("Reyes"));
}

proptest! {
    #[test]
    fn written_and_read_back_it_is_the_same_credential(
        state in 1u32..=62, status in 1u32..=8, standing in 0u64..1 << 16,
        days in proptest::array::uniform3(1u32..=100_000), dea in 0u64..1 << 6,
    ) {
        let mut days = days;
        days.sort_unstable();
        let Ok(Subject::Provider(mut provider)) = with(json!({})) else { unreachable!() };
        provider.jurisdiction = Some(Code::from_integer(state).unwrap());
        provider.status = Some(Code::from_integer(status).unwrap());
        provider.standing = Some(Mask::from_bits(standing).unwrap());
        provider.dea_schedules = Mask::from_bits(dea).unwrap();
        provider.issued_on = Some(Day::from_number(days[0]).unwrap());
        provider.renewed_on = Some(Day::from_number(days[1]).unwrap());
        provider.expires_on = Some(Day::from_number(days[2]).unwrap());
        let written = serde_json::to_value(&provider).unwrap();
        let read = Subject::from_json(Schema::ProviderCredential, &written).unwrap();
        prop_assert_eq!(read.claims(&[3; 16]).unwrap(), provider.claims(&[3; 16]).unwrap());
        prop_assert_eq!(read, Subject::Provider(provider));
    }
}
