use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::values::Day;

fn document(require: Value) -> Value {
    json!({
        "id": "example", "version": 1, "title": "Example",
        "schema": "ProviderCredential/1", "require": require
    })
}

fn read(require: Value) -> Result<PolicyDocument, CredentialError> {
    PolicyDocument::from_json(document(require).to_string().as_bytes())
}

fn today() -> Parameters {
    Parameters::new("2026-11-22".parse::<Day>().unwrap())
}

fn refusal(require: Value) -> String {
    match read(require) {
        Ok(policy) => match policy.bind(&today(), &Disclosed::none()) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_hash_ignores_layout_and_notices_content() {
    let hash = |text: &str| PolicyDocument::from_json(text.as_bytes()).unwrap().hash();
    let require = json!([{"claim": "kind", "op": "eq", "value": "licence"}]);
    let compact = document(require.clone()).to_string();
    let pretty = serde_json::to_string_pretty(&document(require)).unwrap();
    assert_eq!(hash(&compact), hash(&pretty));
    assert_ne!(hash(&compact), hash(&compact.replace("licence", "education")));
}

#[test]
fn errors_name_the_path_and_the_rule() {
    let cases = [
        (
            json!([{"claim": "kind", "op": "eq", "value": "licens"}]),
            "require[0].value is not a word of the vocabulary credential-kind (version 1)",
        ),
        (
            json!([{"any": [{"all": [{"claim": "colour", "op": "eq", "value": 1}]}]}]),
            "require[0].any[0].all[0].claim is not a claim of ProviderCredential/1",
        ),
        (
            json!([{"claim": "kind", "op": "ge", "value": "licence"}]),
            "require[0].op does not apply to a claim of this kind",
        ),
        (
            json!([{"claim": "name", "op": "eq", "value": "x"}]),
            "require[0].claim is a salted text, of which nothing can be asked",
        ),
        (
            json!([{"claim": "kind", "op": "eq", "value": "licence", "colour": 1}]),
            "require[0] has a member that is not defined",
        ),
        (
            json!([{"claim": "jurisdiction", "op": "eq", "value": "$state"}]),
            "require[0].value names a parameter that is not given",
        ),
        (json!([{"claim": "npi", "op": "eq", "reveal": true}]), "disclosed.npi is required"),
        (
            json!([{"claim": "expires_on", "op": "ge", "value": "$today*2"}]),
            "require[0].value is not a parameter: $name, or $name+N or $name-N and d, m or y",
        ),
        (
            json!([{"claim": "npi", "op": "eq", "value": "$npi+1d"}]),
            "require[0].value shifts what is not a day",
        ),
        (json!([]), "require asks nothing"),
    ];
    for (require, expected) in cases {
        assert_eq!(refusal(require), expected);
    }
}

#[test]
fn refuses_what_an_absent_claim_would_satisfy() {
    let wrong = |claim: &str| {
        format!(
            "{claim} would satisfy the policy when absent: add a predicate that it must be stated"
        )
    };
    assert_eq!(
        refusal(json!([{"claim": "status", "op": "neq", "value": "suspended"}])),
        wrong("status")
    );
    assert_eq!(
        refusal(json!([{"claim": "issued_on", "op": "le", "value": "$today-5y"}])),
        wrong("issued_on")
    );
    assert_eq!(
        refusal(json!([
            {"claim": "decided_on", "op": "le", "value": {"claim": "psv_on", "plus_days": 120}}
        ])),
        wrong("decided_on")
    );
    assert_eq!(
        refusal(json!([
            {"claim": "issued_on", "op": "le", "value": "$today-5y"},
            {"claim": "issued_on", "op": "ge", "value": "1950-01-01"}
        ])),
        "accepted"
    );
    assert_eq!(
        refusal(json!([{"claim": "standing_mask", "op": "mask-excludes", "value": ["fine"]}])),
        "accepted"
    );
}

#[test]
fn a_policy_has_one_set_and_eight_slots() {
    assert_eq!(
        refusal(json!([
            {"claim": "licence_type", "op": "in-set", "value": ["MD", "DO"]},
            {"claim": "authority", "op": "in-set", "value": ["single-state"]}
        ])),
        "require[1].value is a second set: a policy has one"
    );
    let nine = vec![json!({"claim": "kind", "op": "eq", "value": "licence"}); 9];
    assert!(refusal(Value::Array(nine)).starts_with("require cannot be asked"));
}

#[test]
fn a_state_outside_the_compact_leaves_out_the_alternative() {
    let covering = |state: &str| json!({"claim": "home_state", "op": "in-mask", "value": {"compact": "nlc", "covering": state}});
    let resident = json!({"claim": "jurisdiction", "op": "eq", "value": "CA"});
    let bind = |require: Value| read(require).unwrap().bind(&today(), &Disclosed::none());
    assert_eq!(bind(json!([{"any": [resident, covering("CA")]}])), bind(json!([resident])));
    assert_eq!(
        bind(json!([covering("CA")])).unwrap_err().to_string(),
        "require[0] can be satisfied by no claim under these parameters"
    );
}

#[test]
fn a_disclosed_value_is_bound_and_nothing_else_may_be_disclosed() {
    let policy = read(json!([{"claim": "npi", "op": "eq", "reveal": true}])).unwrap();
    assert_eq!(policy.disclosures()[0].name, "npi");
    assert!(policy.disclosures()[0].identifying);
    let disclosed = Disclosed::none().with("npi", "1234567893");
    let stated = read(json!([{"claim": "npi", "op": "eq", "value": "1234567893"}])).unwrap();
    assert_eq!(policy.bind(&today(), &disclosed), stated.bind(&today(), &Disclosed::none()));
    assert_eq!(
        stated.bind(&today(), &disclosed).unwrap_err().to_string(),
        "disclosed.npi is not asked for"
    );
}

#[test]
fn the_issuer_may_be_asked_for() {
    let address = "0x00112233445566778899aabbccddeeff00112233";
    let by_address = read(json!([{"claim": "issuer", "op": "eq", "value": address}])).unwrap();
    let did = format!("did:ethr:0x539:{address}");
    let by_did = read(json!([{"claim": "issuer", "op": "eq", "value": did}])).unwrap();
    let bind = |policy: &PolicyDocument| policy.bind(&today(), &Disclosed::none()).unwrap();
    assert_eq!(bind(&by_address), bind(&by_did));
    let revealed = read(json!([{"claim": "issuer", "op": "eq", "reveal": true}])).unwrap();
    let disclosed = Disclosed::none().with("issuer", address);
    assert_eq!(revealed.bind(&today(), &disclosed).unwrap(), bind(&by_address));
}

#[test]
fn names_its_parameters() {
    let policy = read(json!([
        {"claim": "jurisdiction", "op": "eq", "value": "$state"},
        {"claim": "expires_on", "op": "ge", "value": "$assignment_end+30d"},
        {"claim": "issued_on", "op": "ge", "value": "$today-5y"}
    ]));
    let policy = policy.unwrap();
    assert_eq!(policy.parameters().into_iter().collect::<Vec<_>>(), ["assignment_end", "state"]);
}

/// JSON that looks somewhat like a policy.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "kind",
            "eq",
            "licence",
            "$today",
            "$today-1d",
            "status",
            "issuer",
            "in-set",
            "II",
            "dea_mask",
            "mask-contains",
            "expires_on",
            "ge",
            "2026-01-01",
            "",
        ])
        .prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = prop::sample::select(vec![
            "claim",
            "op",
            "value",
            "reveal",
            "any",
            "all",
            "plus_days",
            "compact",
            "covering",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_a_policy_or_an_error(bytes in any::<Vec<u8>>()) {
        let _ = PolicyDocument::from_json(&bytes);
    }

    #[test]
    fn arbitrary_requirements_are_a_policy_or_an_error(
        require in prop::collection::vec(arbitrary_json(), 0..4)
    ) {
        if let Ok(policy) = read(Value::Array(require)) {
            let _ = policy.bind(&today(), &Disclosed::none());
        }
    }
}

#[test]
fn a_template_is_the_policy_without_the_day_and_the_disclosed_values() {
    let policy = read(json!([
        {"claim": "status", "op": "eq", "value": "active"},
        {"claim": "licence_type", "op": "eq", "reveal": true},
        {"claim": "expires_on", "op": "ge", "value": "$today"},
        {"claim": "issued_on", "op": "le", "value": "$today-90d"},
        {"claim": "issued_on", "op": "ge", "value": "$since"},
    ]))
    .unwrap();
    let given = Map::from_iter([("since".to_owned(), json!("2001-02-03"))]);
    let template = policy.template(&given).unwrap();
    let disclosed = Disclosed::none().with("licence_type", "RN");
    for day in ["1999-12-31", "2024-02-29", "2026-11-22"] {
        let day: Day = day.parse().unwrap();
        let parameters = Parameters::new(day).with("since", "2001-02-03");
        let bound = policy.bind(&parameters, &disclosed).unwrap();
        let open = template.disclosed(&bound, day.number()).unwrap();
        assert_eq!(open.len(), 1);
        assert!(bound.slots.iter().any(|slot| slot.operand == open[0]));
        assert_eq!(template.disclosed(&bound, day.number() + 1), None);
        let elsewhere = Parameters::new(day).with("since", "2001-02-04");
        let elsewhere = policy.bind(&elsewhere, &disclosed).unwrap();
        assert_eq!(template.disclosed(&elsewhere, day.number()), None);
    }
}

#[test]
fn a_template_refuses_what_a_contract_cannot_count() {
    for (require, rule) in [
        (json!([{"claim": "expires_on", "op": "ge", "value": "$today+6m"}]), "months"),
        (json!([{"claim": "expires_on", "op": "ge", "value": "$today+26000d"}]), "70 years"),
        (json!([{"claim": "expires_on", "op": "in-set", "value": ["$today"]}]), "as a bound"),
    ] {
        let refusal = read(require).unwrap().template(&Map::new()).unwrap_err().to_string();
        assert!(refusal.contains(rule), "{refusal}");
    }
}
