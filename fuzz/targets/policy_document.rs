//! A policy in words: read, bound and compiled. The input is a policy, and after zero bytes an
//! object of parameters and one of disclosed values.
#![no_main]

use attestry_circuits::{
    Claims, Credential, Fr, Header, HolderSecret, IssuerId, policy::SlotOperator,
};
use attestry_credential::{
    policy::{Disclosed, Parameters, PolicyDocument},
    schema::{Schema, values::Day},
};
use attestry_fuzz::{parts, world::NOW};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    let (policy, rest) = parts(data);
    let Ok(policy) = PolicyDocument::from_json(policy) else { return };
    let again = PolicyDocument::from_json(policy.source().to_string().as_bytes()).unwrap();
    assert_eq!(again, policy);
    assert_eq!(again.hash(), policy.hash());

    let (parameters, disclosed) = parts(rest);
    let parameters = object(parameters)
        .into_iter()
        .fold(Parameters::new(Day::from_unix(NOW).unwrap()), |all, (name, value)| {
            all.with(name, value)
        });
    let disclosed = object(disclosed)
        .into_iter()
        .fold(Disclosed::none(), |all, (name, value)| all.with(name, value));
    let Ok(compiled) = policy.bind(&parameters, &disclosed) else { return };
    assert_eq!(policy.bind(&parameters, &disclosed).as_ref(), Ok(&compiled));

    // Nothing that a credential does not state satisfies a policy.
    let claims = policy.schema().claims();
    let mut used = compiled.slots.iter().filter(|slot| slot.operator != SlotOperator::Unused);
    let each_may_be_absent =
        used.all(|slot| claims.get(slot.claim.index()).is_some_and(|spec| spec.absent.is_some()));
    if each_may_be_absent {
        assert!(compiled.evaluate(&states_nothing(policy.schema())).is_err());
    }
});

fn object(text: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(text).unwrap_or_default()
}

fn states_nothing(schema: Schema) -> Credential {
    let mut claims = Claims::default();
    for (claim, spec) in claims.0.iter_mut().zip(schema.claims()) {
        *claim = Fr::from(spec.absent.unwrap_or_default());
    }
    let header = Header {
        schema: schema.id(),
        issuer_id: IssuerId::from_address([3; 20]),
        holder: HolderSecret::from_bytes(&[1; 32]).unwrap().commitment(),
        status_index: 5,
        valid_from: 0,
        valid_until: 1 << 39,
        salt: [0; 16],
    };
    Credential { header, claims }
}
