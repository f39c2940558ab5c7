//! Writes `seeds/`: what the targets start from, in the formats of this build.
//!
//! `cargo run --example write_seeds`, in the folder of this package, after a format changed.

use std::{fs, io, path::Path};

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::{HolderSecret, field, schnorr::SigningKey};
use attestry_credential::{
    oid4vp::{Algorithm, AuthorizationRequest, AuthorizationResponse, ResponseMode},
    presentation::PresentationResponse,
    roster::columns,
    schema::Schema,
};
use attestry_fuzz::{
    toy::KEYS,
    vault,
    world::{REQUEST, answer, issued, request_json, response_json, subject},
};
use attestry_keys::{
    KeyStore,
    interop::{r1cs, snarkjs},
};
use attestry_wallet_core::{KeyDerivation, Wallet};
use serde_json::json;

/// The cell of a column of a roster: what the member of this name states.
fn cell(subject: &serde_json::Value, column: &str) -> String {
    let mut words = column.split('_');
    let mut member = words.next().unwrap_or_default().to_owned();
    for word in words {
        member.push_str(&word[..1].to_uppercase());
        member.push_str(&word[1..]);
    }
    let text = match &subject[member.as_str()] {
        serde_json::Value::Null => String::new(),
        serde_json::Value::Array(items) => {
            items.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join(";")
        }
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("\"{text}\"")
}

fn main() -> io::Result<()> {
    let seed = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    let text = |value: &serde_json::Value| value.to_string().into_bytes();

    let request = AuthorizationRequest::of(&REQUEST, ResponseMode::DirectPost, 1_800_000_000);
    seed("signed_request", "claims.json", &text(&request.to_claims()))?;
    let unsigned = request.unsigned(Algorithm::Es256k, "did:ethr:0x00#controller");
    seed("signed_request", "signed", unsigned.with_signature(&[1; 64]).as_bytes())?;
    let response = PresentationResponse::try_from(response_json()).map_err(io::Error::other)?;
    let form = AuthorizationResponse::of(&response);
    let form = form.to_form(&ResponseMode::DirectPost, &mut StdRng::seed_from_u64(1));
    seed("response_form", "answer", form.map_err(io::Error::other)?.as_bytes())?;
    seed("response_form", "declined", b"error=access_denied&state=r1")?;

    for query in &REQUEST.queries {
        let presentation = answer(query);
        let json = serde_json::to_vec(&presentation)?;
        let name = query.id.as_str();
        seed("presentation", name, &presentation.to_bytes())?;
        seed("presentation", &format!("{name}.json"), &json)?;
        seed("statement", name, &json)?;
        let asked = [json, vec![0], text(&request_json())].concat();
        seed("statement", &format!("{name}-of-request"), &asked)?;
        let policy = query.policy.source();
        let parameters = serde_json::to_vec(&query.parameters)?;
        let disclosed = serde_json::to_value(&presentation)?["disclosed"].clone();
        let bound = [&text(policy), &[0][..], &parameters, &[0], &text(&disclosed)].concat();
        seed("policy_document", name, &bound)?;
    }
    for (choice, schema) in [(0, Schema::ProviderCredential), (2, Schema::ConsentGrant)] {
        let header = columns(schema).join(",");
        let stated = subject(schema);
        let cells: Vec<String> =
            columns(schema).into_iter().map(|name| cell(&stated, name)).collect();
        let table = format!("{header}\r\n{}\r\n", cells.join(","));
        seed("roster", schema.type_name(), &[&[choice], table.as_bytes()].concat())?;
        let line = json!({
            "schema": schema.versioned_name(), "subject": stated,
            "options": {"holder": format!("0x{:064x}", 7), "externalId": "row-1"},
        });
        let name = format!("{}.ndjson", schema.type_name());
        seed("roster", &name, &[&[choice | 1], &text(&line)[..]].concat())?;
    }
    seed("request", "two-queries", &text(&request_json()))?;
    seed("response", "two-answers", &text(&response_json()))?;

    for schema in Schema::ALL {
        let (document, attestation) = issued(schema);
        let written = document.to_json().map_err(io::Error::other)?;
        seed("document", schema.type_name(), &text(&written))?;
        seed("attestation", schema.type_name(), &text(&attestation.to_json()))?;
        let claims = document.subject().claims(&[8; 16]).map_err(io::Error::other)?;
        let described = schema.describe(&claims).map_err(io::Error::other)?;
        for spec in schema.claims() {
            let choice = spec.slot as u8 | (u8::from(schema == Schema::ConsentGrant) << 7);
            let element = field::to_be_bytes(&claims.0[spec.slot]);
            seed("claims", &format!("{}-element", spec.name), &[&[choice], &element[..]].concat())?;
            if let Some(value) = described.get(spec.name) {
                seed("claims", spec.name, &[&[choice], &text(value)[..]].concat())?;
            }
        }
        let stated = subject(schema);
        for value in stated.as_object().into_iter().flat_map(|members| members.values()) {
            if let Some(word) = value.as_str() {
                seed("values", &word.replace(['/', ' ', ':'], "_"), word.as_bytes())?;
            }
        }
    }
    let recipients = json!(["a", "b"]);
    seed("claims", "found-recipients", &[&[0x80 | 14], &text(&recipients)[..]].concat())?;
    for (name, word) in [
        ("client", REQUEST.client_id.to_string()),
        ("uri", REQUEST.response_uri.to_string()),
        ("nonce", REQUEST.nonce.to_string()),
        ("nullifier", answer(&REQUEST.queries[0]).parts.nullifier.to_string()),
        ("study-of-eu", "CTIS2024-512345".to_owned()),
        ("disease", "MONDO:0005148".to_owned()),
        ("taxonomy", "207RC0000X".to_owned()),
        ("found-taxonomy-not-ascii", "070\u{bd6c}R00X".to_owned()),
        ("dea-number", "AB1234563".to_owned()),
        ("schema", Schema::ConsentGrant.versioned_name()),
    ] {
        seed("values", name, word.as_bytes())?;
    }

    let key = SigningKey::from_bytes(&[1; 32]).map_err(io::Error::other)?;
    seed("curve_and_field", "point", &key.verifying_key().to_bytes())?;
    let signature = issued(Schema::ConsentGrant).1.signature();
    seed("curve_and_field", "signature", &signature.to_bytes())?;
    let indices = [0u32, 9, 131_071, 9].map(u32::to_be_bytes).concat();
    seed("status_list", "flips", &indices)?;
    seed("policy_compile", "bytes", &(0..=255).chain(0..=255).collect::<Vec<u8>>())?;

    let written = snarkjs::write_proof(&KEYS.proof).map_err(io::Error::other)?;
    seed("interop", "proof.json", written.as_bytes())?;
    let written = snarkjs::write_verification_key(&KEYS.set.verifying).map_err(io::Error::other)?;
    seed("interop", "verification_key.json", written.as_bytes())?;
    let written = snarkjs::write_public_signals(&KEYS.inputs).map_err(io::Error::other)?;
    seed("interop", "public.json", written.as_bytes())?;
    seed("interop", "toy.r1cs", &r1cs::write(&KEYS.matrices))?;
    let proof = KEYS.proof.to_bytes();
    seed("proof", "own-inputs", &[&[0; 3], &proof[..]].concat())?;
    seed("proof", "other-inputs", &[&[0, 0, 1], &proof[..]].concat())?;
    seed("verifying_key", "toy", &KEYS.set.verifying.to_bytes())?;
    seed("proving_key", "toy", &KEYS.set.proving.to_bytes())?;
    let folder = std::env::temp_dir().join(format!("attestry-seeds-{}", std::process::id()));
    let store = KeyStore::for_circuit(&folder, "toy");
    store.save(&KEYS.set).map_err(io::Error::other)?;
    seed("manifest", "toy", &serde_json::to_vec(&store.manifest().map_err(io::Error::other)?)?)?;
    fs::remove_dir_all(&folder)?;

    let (document, attestation) = issued(Schema::ProviderCredential);
    let document = document.to_json().map_err(io::Error::other)?;
    let secret = HolderSecret::from_bytes(&[7; 32]).map_err(io::Error::other)?.to_bytes();
    let parameters = REQUEST.zk_system_type[0].params;
    let scope = &REQUEST.scope;
    let content = json!({
        "format": 2,
        "holder_secret": *secret,
        "credentials": [{
            "document": document.to_string(),
            "attestation": attestation.to_json().to_string(),
        }],
        "kept_topics": [{
            "topic": "22".repeat(32), "request": request_json(), "query": REQUEST.queries[0].id,
            "credential": "11".repeat(32), "ready": 1,
        }],
        "withdrawn": [REQUEST.scope()],
        "log": [{
            "at": 1, "event": { "withdrew": { "client_id": REQUEST.client_id, "scope": scope } },
        }],
    });
    let prepared = json!({ "prepared": {
        "credential": "11".repeat(32), "topic": "22".repeat(32), "system": parameters,
        "max_age_s": 60, "presentation": answer(&REQUEST.queries[0]), "secret_key": vec![9; 32],
    }});
    let logged = json!({ "logged": {
        "at": 2, "event": { "withdrew": { "client_id": REQUEST.client_id, "scope": scope } },
    }});
    seed("wallet", "one-credential", &text(&content))?;
    let records = [text(&content), text(&prepared), text(&logged)].join(&0);
    Wallet::open(&vault::sealed(&records), vault::PASSPHRASE).map_err(io::Error::other)?;
    seed("wallet", "two-records", &records)?;
    let mut rng = StdRng::seed_from_u64(3);
    let sealed = Wallet::create("another passphrase", KeyDerivation::MINIMUM, &mut rng)
        .and_then(|wallet| wallet.backup(&mut rng))
        .map_err(io::Error::other)?;
    seed("wallet", "of-another-passphrase", &sealed)
}
