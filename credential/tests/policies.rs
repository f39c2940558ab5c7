//! Every example policy accepts what it should and refuses what it should, by the native
//! evaluator of the statement.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use attestry_circuits::{Credential, Fr, Header, HolderCommitment, IssuerId};
use attestry_credential::{
    policy::{Disclosed, Parameters, PolicyDocument},
    schema::{Schema, Subject, values::Day},
};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/policies")
}

fn policy(name: &str) -> PolicyDocument {
    let bytes = fs::read(folder().join(format!("{name}.json"))).unwrap();
    PolicyDocument::from_json(&bytes).unwrap()
}

fn today() -> Parameters {
    Parameters::new("2026-11-22".parse::<Day>().unwrap())
}

fn credential(schema: Schema, value: &Value) -> Credential {
    let subject = Subject::from_json(schema, value).unwrap();
    Credential {
        header: Header {
            schema: schema.id(),
            issuer_id: IssuerId::from_address([9; 20]),
            holder: HolderCommitment::from_field(Fr::from(1u64)),
            status_index: 0,
            valid_from: 0,
            valid_until: 1 << 39,
            salt: [5; 16],
        },
        claims: subject.claims(&[5; 16]).unwrap(),
    }
}

fn changed(base: &Value, changes: &Value) -> Value {
    let mut value = base.clone();
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    value
}

/// Whether the policy holds for the base credential with these changes.
fn holds(name: &str, parameters: &Parameters, base: &Value, changes: &Value) -> bool {
    let policy = policy(name);
    let compiled = policy.bind(parameters, &Disclosed::none()).unwrap();
    let credential = credential(policy.schema(), &changed(base, changes));
    compiled.evaluate(&credential).is_ok()
}

fn accepts(name: &str, parameters: &Parameters, base: &Value, cases: &[Value]) {
    for changes in cases {
        assert!(holds(name, parameters, base, changes), "{name} refuses {changes}");
    }
}

fn refuses(name: &str, parameters: &Parameters, base: &Value, cases: &[Value]) {
    for changes in cases {
        assert!(!holds(name, parameters, base, changes), "{name} accepts {changes}");
    }
}

fn nurse() -> Value {
    json!({
        "kind": "licence", "npi": "1003310905", "licenceNumber": "RN 700100", "name": "Ines Ortega",
        "jurisdiction": "TX", "authority": "single-state", "licenceType": "RN",
        "status": "active", "standing": ["unencumbered"], "issuedOn": "2018-03-01", "expiresOn": "2027-02-28"
    })
}

fn physician() -> Value {
    json!({
        "kind": "licence", "npi": "1234567893", "licenceNumber": "A 123456", "name": "Alma Reyes",
        "jurisdiction": "CA", "authority": "single-state", "licenceType": "MD",
        "status": "active", "standing": ["unencumbered"], "issuedOn": "2015-07-01", "expiresOn": "2027-06-30"
    })
}

fn participant() -> Value {
    json!({
        "scope": "research", "defaultDecision": "deny", "study": "NCT09000016",
        "formVersion": "2.1", "purposes": ["HRESCH"], "actions": ["collect", "use"],
        "dataFrom": "2026-01-10", "dataTo": "2031-01-09", "performer": "self", "sequence": 0
    })
}

#[test]
fn every_example_policy_is_read_and_named_after_its_file() {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(policy(&name).id(), name);
        names.push(name);
    }
    assert!(names.len() >= 13);
}

#[test]
fn policy_1_a_nurse_may_work_in_texas() {
    let multistate = json!({
        "jurisdiction": "CO", "authority": "nlc-multistate", "homeState": "CO"
    });
    accepts("nurse-in-texas", &today(), &nurse(), &[json!({}), multistate]);
    refuses(
        "nurse-in-texas",
        &today(),
        &nurse(),
        &[
            json!({"jurisdiction": "CO"}),
            json!({"jurisdiction": "CA", "authority": "nlc-multistate", "homeState": "CA"}),
            json!({"standing": ["probation"]}),
            json!({"standing": null}),
            json!({"status": "suspended"}),
            json!({"expiresOn": "2026-11-21"}),
            json!({"licenceType": "LPN"}),
        ],
    );
}

#[test]
fn policy_2_a_physician_may_see_patients_in_florida_by_telehealth() {
    let florida = changed(&physician(), &json!({"jurisdiction": "FL"}));
    accepts(
        "telehealth-florida",
        &today(),
        &florida,
        &[
            json!({}),
            json!({"authority": "imlc-full-licence"}),
            json!({"authority": "telehealth-registration", "licenceType": "DO"}),
        ],
    );
    refuses(
        "telehealth-florida",
        &today(),
        &florida,
        &[
            json!({"jurisdiction": "GA"}),
            json!({"authority": "temporary"}),
            json!({"licenceType": "PA"}),
        ],
    );
}

#[test]
fn policy_3_a_schedule_two_prescriber_holds_a_licence_and_a_registration() {
    let parameters = today().with("state", "CA");
    accepts("schedule-two-licence", &parameters, &physician(), &[json!({})]);
    refuses(
        "schedule-two-licence",
        &parameters,
        &physician(),
        &[json!({"jurisdiction": "NV"}), json!({"status": "revoked"})],
    );
    let registration = json!({
        "kind": "dea-registration", "npi": "1234567893", "licenceNumber": "AB1234563",
        "name": "Alma Reyes", "authority": "federal", "status": "active",
        "deaSchedules": ["II", "IIN", "III"], "deaState": "CA", "expiresOn": "2028-01-31"
    });
    let name = "schedule-two-registration";
    accepts(name, &parameters, &registration, &[json!({})]);
    refuses(
        name,
        &parameters,
        &registration,
        &[
            json!({"deaSchedules": ["IIN", "III"]}),
            json!({"deaState": "NV"}),
            json!({"expiresOn": "2026-01-31"}),
        ],
    );
}

#[test]
fn policy_4_a_cardiologist_is_certified() {
    let certified = json!({
        "kind": "board-certification", "npi": "1234567893", "name": "Alma Reyes",
        "taxonomy": "207RC0000X", "boardStatus": "active", "expiresOn": "2030-12-31"
    });
    accepts("certified-cardiologist", &today(), &certified, &[json!({})]);
    refuses(
        "certified-cardiologist",
        &today(),
        &certified,
        &[
            json!({"taxonomy": "207R00000X"}),
            json!({"taxonomy": "208RC0000X"}),
            json!({"boardStatus": "expired"}),
        ],
    );
}

#[test]
fn policy_5_a_credentialing_file_meets_its_clocks() {
    let file = json!({
        "kind": "hospital-privilege", "npi": "1234567893", "name": "Alma Reyes",
        "expiresOn": "2028-10-01", "psvProcess": "primary", "psvSource": "lic-board",
        "psvOn": "2026-06-10", "decidedOn": "2026-10-01", "exclusionCheckedOn": "2026-11-01"
    });
    accepts(
        "credentialing-file",
        &today(),
        &file,
        &[json!({}), json!({"decidedOn": "2026-10-08"})],
    );
    refuses(
        "credentialing-file",
        &today(),
        &file,
        &[
            json!({"decidedOn": "2026-10-09"}),
            json!({"psvOn": "2023-09-01", "decidedOn": "2023-11-21"}),
            json!({"exclusionCheckedOn": "2026-10-22"}),
            json!({"psvOn": null}),
            json!({"decidedOn": null}),
            json!({"psvProcess": "standalone"}),
        ],
    );
}

#[test]
fn policy_6_a_provider_is_not_excluded() {
    let clear = json!({
        "kind": "exclusion-clear", "npi": "1234567893", "name": "Alma Reyes",
        "exclusionCheckedOn": "2026-11-20"
    });
    accepts("not-excluded", &today(), &clear, &[json!({})]);
    refuses(
        "not-excluded",
        &today(),
        &clear,
        &[
            json!({"exclusionCheckedOn": "2026-10-22"}),
            json!({"exclusionCheckedOn": "2026-11-23"}),
            json!({"kind": "education"}),
        ],
    );
}

#[test]
fn policy_7_a_locum_outlasts_the_assignment() {
    let parameters = today().with("state", "CA").with("assignment_end", "2027-05-31");
    let fined = json!({"standing": ["fine"]});
    accepts("locum-assignment", &parameters, &physician(), &[json!({}), fined]);
    refuses(
        "locum-assignment",
        &parameters,
        &physician(),
        &[
            json!({"expiresOn": "2027-06-29"}),
            json!({"standing": ["probation"]}),
            json!({"standing": ["fine", "suspension"]}),
            json!({"standing": null}),
        ],
    );
}

fn enrolment_cases(name: &str) {
    let parameters = today().with("study", "NCT09000016").with("form_version", "2.1");
    let child = json!({"performer": "parent-and-child-assent", "majorityOn": "2030-04-01"});
    accepts(name, &parameters, &participant(), &[json!({}), child]);
    refuses(
        name,
        &parameters,
        &participant(),
        &[
            json!({"performer": "parent-and-child-assent", "majorityOn": "2026-11-22"}),
            json!({"performer": "parent", "majorityOn": "2030-04-01"}),
            json!({"study": "NCT09000017"}),
            json!({"study": null}),
            json!({"formVersion": "2.0"}),
            json!({"purposes": ["TREAT"]}),
            json!({"dataTo": "2026-11-21"}),
            json!({"dataTo": null}),
            json!({"scope": "treatment"}),
        ],
    );
}

#[test]
fn policy_8_a_participant_may_be_enrolled() {
    enrolment_cases("enrol-in-study");
}

#[test]
fn policy_9_data_may_be_reused_for_a_disease() {
    let grant = json!({
        "scope": "research", "defaultDecision": "deny", "duoPermission": "DS",
        "disease": "MONDO:0005148", "duoModifiers": ["IRB"], "actions": ["use"],
        "recipients": ["Organization/registry"], "sensitiveAllowed": ["GENETIC", "HIV"],
        "dataFrom": "2020-01-01", "dataTo": "2040-01-01", "performer": "self", "sequence": 0
    });
    let parameters =
        today().with("disease", "MONDO:0005148").with("recipient", "Organization/registry");
    let name = "disease-specific-reuse";
    let general = json!({"duoPermission": "GRU", "disease": null});
    accepts(name, &parameters, &grant, &[json!({}), general]);
    refuses(
        name,
        &parameters,
        &grant,
        &[
            json!({"disease": "MONDO:0005149"}),
            json!({"duoPermission": "POA", "disease": null}),
            json!({"duoPermission": null, "disease": null, "duoModifiers": []}),
            json!({"duoModifiers": ["IRB", "NCU"]}),
            json!({"recipients": ["Organization/other"]}),
            json!({"recipients": []}),
            json!({"dataFrom": "2027-01-01"}),
            json!({"dataFrom": null}),
            json!({"sensitiveAllowed": ["HIV"]}),
        ],
    );
}

#[test]
fn policy_10_counts_those_who_may_be_enrolled() {
    enrolment_cases("feasibility-count");
}

#[test]
fn the_demonstration_asks_for_a_licence_in_a_state() {
    let california = today().with("state", "CA");
    let colorado_nurse = changed(
        &nurse(),
        &json!({"jurisdiction": "CO", "authority": "nlc-multistate", "homeState": "CO"}),
    );
    accepts("licensed-in-state", &california, &physician(), &[json!({})]);
    refuses("licensed-in-state", &california, &colorado_nurse, &[json!({})]);
    accepts("licensed-in-state", &today().with("state", "UT"), &colorado_nurse, &[json!({})]);
    refuses("licensed-in-state", &today().with("state", "NV"), &physician(), &[json!({})]);
}

#[test]
fn a_licence_in_a_state_may_come_with_its_disclosed_type() {
    let california = today().with("state", "CA");
    let policy = policy("licence-type-in-state");
    let holds = |claims: &Value, disclosed: &str| {
        let disclosed = Disclosed::none().with("licence_type", disclosed);
        let compiled = policy.bind(&california, &disclosed).unwrap();
        compiled.evaluate(&credential(policy.schema(), claims)).is_ok()
    };
    assert!(holds(&physician(), "MD"));
    assert!(!holds(&physician(), "DO"), "a disclosed value that is not the credential's");
    assert!(!holds(&changed(&physician(), &json!({"status": "suspended"})), "MD"));
}

#[test]
fn the_demonstration_asks_for_a_consent_to_a_study() {
    let parameters = today().with("study", "NCT09000016");
    let child = json!({"performer": "parent", "majorityOn": "2030-04-01"});
    accepts("consented-to-study", &parameters, &participant(), &[json!({}), child]);
    refuses(
        "consented-to-study",
        &parameters,
        &participant(),
        &[
            json!({"formVersion": "1.9"}),
            json!({"study": "NCT09000017"}),
            json!({"performer": "parent", "majorityOn": "2026-01-01"}),
            json!({"performer": "power-of-attorney"}),
        ],
    );
}

#[test]
fn a_credential_of_another_schema_satisfies_no_policy() {
    let compiled =
        policy("licensed-in-state").bind(&today().with("state", "CA"), &Disclosed::none()).unwrap();
    let consent = credential(Schema::ConsentGrant, &participant());
    assert!(compiled.evaluate(&consent).is_err());
}
