//! Every value that is parsed from text: what is read is written so that it is read again, and
//! what has one form has only that.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use attestry_circuits::{Context, HolderCommitment, Nullifier, Scope, field};
use attestry_credential::{
    presentation::{ClientId, Digest, Identifier, Nonce, ResponseUri},
    schema::{
        Schema,
        values::{
            Day, Language, MondoId, Npi, Sha256Digest, StudyId, TaxonomyCode, Text, Version,
            check_dea_number,
        },
    },
    vocabulary::{Code, State},
};
use attestry_wallet_core::CredentialId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    one_form::<Identifier>(text);
    one_form::<ClientId>(text);
    one_form::<ResponseUri>(text);
    one_form::<Nonce>(text);
    one_form::<Digest>(text);
    one_form::<Day>(text);
    one_form::<Version>(text);
    one_form::<Language>(text);
    one_form::<Sha256Digest>(text);
    one_form::<Npi>(text);
    one_form::<TaxonomyCode>(text);
    one_form::<StudyId>(text);
    one_form::<MondoId>(text);
    one_form::<Code<State>>(text);
    one_form::<CredentialId>(text);
    one_form::<Scope>(text);
    one_form::<Context>(text);
    one_form::<Nullifier>(text);
    one_form::<HolderCommitment>(text);
    let _ = check_dea_number(text);
    if let Ok(schema) = text.parse::<Schema>() {
        assert_eq!(schema.versioned_name(), text);
    }
    if let Ok(element) = field::from_hex(text) {
        assert_eq!(field::to_hex(&element), text);
    }
    if let Ok(name) = text.parse::<Text>() {
        // A name is compared in its normal form, which is a name and its own normal form.
        let normal = name.normal_form();
        if let Ok(again) = normal.parse::<Text>() {
            assert_eq!(again.normal_form(), normal);
        }
    }
    if let (Ok(day), [first, second, ..]) = (text.get(..10).unwrap_or("").parse::<Day>(), data) {
        let months = i64::from(*first) * i64::from(*second);
        let moved = [day.plus_months(months), day.plus_months(-months), day.plus_days(months)];
        for day in moved.into_iter().flatten() {
            one_form::<Day>(&day.to_string());
        }
    }
});

fn one_form<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}
