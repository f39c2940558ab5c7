//! Keys on disk: written whole, refused when changed or foreign.

use crate::toy::Toy;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_keys::{
    KeyError, KeySet, KeyStore, Origin, PreparedVerifyingKey, Prover, ProvingKey, Saved,
    VerifyingKey, insecure_development_setup_for,
};
use std::fs;

fn keys(toy: &Toy, seed: u64) -> KeySet {
    let mut rng = StdRng::seed_from_u64(seed);
    insecure_development_setup_for("toy", &toy.matrices, toy.clone(), &mut rng, |_| {}).unwrap()
}

const FILES: [&str; 4] = ["manifest.json", "proving.key", "standard.key", "verifying.key"];

#[test]
fn stored_keys_prove_and_verify_after_loading() {
    let toy = Toy::new(4, 1);
    let keys = keys(&toy, 1);
    let root = tempfile::tempdir().unwrap();
    let store = KeyStore::for_circuit(root.path().join("a/b/keys"), "toy");
    assert!(matches!(store.manifest(), Err(KeyError::Missing(_))));
    assert_eq!(store.save(&keys).unwrap(), Saved::Written);

    assert_eq!(store.proving_key().unwrap(), keys.proving);
    assert_eq!(store.verifying_key().unwrap(), keys.verifying);
    assert_eq!(store.standard_key().unwrap(), keys.standard);
    let manifest = store.manifest().unwrap();
    assert_eq!(manifest.origin, Origin::InsecureDevelopment);
    assert_eq!(manifest.vk_hash, hex::encode(keys.verifying.hash()));
    let text = fs::read_to_string(store.folder().join("manifest.json")).unwrap();
    assert!(text.contains("\"origin\": \"insecure-development\""));

    let mut rng = StdRng::seed_from_u64(2);
    let prover = Prover::new(store.proving_key().unwrap()).unwrap();
    let proof = prover.prove(&toy.assignment(), &mut rng).unwrap();
    let verifier = PreparedVerifyingKey::new(store.verifying_key().unwrap());
    assert_eq!(verifier.verify(toy.inputs(), &proof), Ok(()));
}

#[test]
fn a_store_with_keys_keeps_them() {
    let toy = Toy::new(2, 1);
    let root = tempfile::tempdir().unwrap();
    let store = KeyStore::for_circuit(root.path().join("keys"), "toy");
    let first = keys(&toy, 1);
    assert_eq!(store.save(&first).unwrap(), Saved::Written);
    assert_eq!(store.save(&keys(&toy, 2)).unwrap(), Saved::KeptExisting);
    assert_eq!(store.verifying_key().unwrap(), first.verifying);
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["keys"], "no half-written folder stays behind");
}

#[test]
fn of_writers_that_start_at_once_one_wins_and_its_keys_are_whole() {
    let toy = Toy::new(2, 1);
    let sets: Vec<_> = (0..4).map(|seed| keys(&toy, seed)).collect();
    for _ in 0..5 {
        let root = tempfile::tempdir().unwrap();
        let store = KeyStore::for_circuit(root.path().join("keys"), "toy");
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let writers: Vec<_> =
                sets.iter().map(|set| scope.spawn(|| store.save(set).unwrap())).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let won = outcomes.iter().position(|outcome| *outcome == Saved::Written).unwrap();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Saved::Written).count(), 1);
        assert_eq!(store.proving_key().unwrap(), sets[won].proving);
        assert_eq!(store.verifying_key().unwrap(), sets[won].verifying);
        assert_eq!(store.standard_key().unwrap(), sets[won].standard);
    }
}

#[test]
fn refuses_keys_of_another_circuit_by_name() {
    let toy = Toy::new(2, 1);
    let root = tempfile::tempdir().unwrap();
    let store = KeyStore::for_circuit(root.path().join("keys"), "toy");
    store.save(&keys(&toy, 1)).unwrap();
    let other = KeyStore::for_circuit(store.folder(), "another");
    for error in [
        other.proving_key().map(|_| ()).unwrap_err(),
        other.verifying_key().map(|_| ()).unwrap_err(),
        other.save(&keys(&toy, 1)).map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "keys are for circuit toy; this build proves circuit another"
        );
    }
}

#[test]
fn refuses_a_changed_byte_anywhere_in_a_key_file() {
    let toy = Toy::new(2, 1);
    let root = tempfile::tempdir().unwrap();
    let store = KeyStore::for_circuit(root.path().join("keys"), "toy");
    store.save(&keys(&toy, 1)).unwrap();
    for file in ["proving.key", "standard.key", "verifying.key"] {
        let path = store.folder().join(file);
        let whole = fs::read(&path).unwrap();
        let load = || match file {
            "proving.key" => store.proving_key().map(|_| ()),
            "standard.key" => store.standard_key().map(|_| ()),
            _ => store.verifying_key().map(|_| ()),
        };
        let mut damaged = Vec::new();
        for index in [0, 1, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[index] ^= 1;
            damaged.push(changed);
        }
        damaged.push(whole[..whole.len() - 1].to_vec());
        damaged.push([whole.as_slice(), &[0]].concat());
        damaged.push(Vec::new());
        for bytes in damaged {
            fs::write(&path, bytes).unwrap();
            let error = load().unwrap_err();
            assert!(matches!(error, KeyError::Fingerprint { .. }));
            assert!(error.to_string().contains(file));
        }
        fs::write(&path, whole).unwrap();
        load().unwrap();
    }
}

#[test]
fn refuses_a_manifest_that_it_does_not_understand() {
    let toy = Toy::new(2, 1);
    let root = tempfile::tempdir().unwrap();
    let store = KeyStore::for_circuit(root.path().join("keys"), "toy");
    store.save(&keys(&toy, 1)).unwrap();
    let path = store.folder().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let changes = [
        String::new(),
        "{}".to_owned(),
        text.replace("\"format\": 1", "\"format\": 2"),
        text.replace("insecure-development", "ceremony-of-friends"),
        text.replace("\"format\": 1", "\"format\": 1, \"more\": 1"),
    ];
    for changed in changes {
        fs::write(&path, changed).unwrap();
        assert!(matches!(store.manifest(), Err(KeyError::Manifest { .. })));
        assert!(matches!(store.proving_key(), Err(KeyError::Manifest { .. })));
    }
    let other_hash = text.replacen(
        &store_hash(&text),
        "0000000000000000000000000000000000000000000000000000000000000000",
        1,
    );
    fs::write(&path, other_hash).unwrap();
    assert!(matches!(store.verifying_key(), Err(KeyError::Manifest { .. })));
}

fn store_hash(manifest: &str) -> String {
    let start = manifest.find("\"vk_hash\": \"").unwrap() + 12;
    manifest[start..start + 64].to_owned()
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let toy = Toy::new(2, 1);
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("keys")).unwrap();
    fs::write(root.path().join("keys/notes.txt"), "mine").unwrap();
    let store = KeyStore::for_circuit(root.path().join("keys"), "toy");
    assert!(matches!(store.save(&keys(&toy, 1)), Err(KeyError::Io { .. })));
    assert_eq!(fs::read_to_string(root.path().join("keys/notes.txt")).unwrap(), "mine");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn a_store_holds_just_its_four_files() {
    let toy = Toy::new(2, 1);
    let root = tempfile::tempdir().unwrap();
    let store = KeyStore::for_circuit(root.path().join("keys"), "toy");
    store.save(&keys(&toy, 1)).unwrap();
    let mut names: Vec<_> = fs::read_dir(store.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, FILES);
}

#[test]
fn key_decoders_refuse_every_truncation_and_suffix() {
    let toy = Toy::new(1, 1);
    let keys = keys(&toy, 1);
    let verifying = keys.verifying.to_bytes();
    assert_eq!(VerifyingKey::from_bytes(&verifying).unwrap(), keys.verifying);
    for len in 0..verifying.len() {
        assert!(VerifyingKey::from_bytes(&verifying[..len]).is_err(), "{len} bytes");
    }
    assert!(VerifyingKey::from_bytes(&[verifying.as_slice(), &[0]].concat()).is_err());
    for index in 0..verifying.len() {
        let mut changed = verifying.clone();
        changed[index] ^= 1;
        assert!(VerifyingKey::from_bytes(&changed).is_err(), "byte {index}");
    }

    let proving = keys.proving.to_bytes();
    assert_eq!(ProvingKey::from_bytes_unchecked(&proving).unwrap(), keys.proving);
    for len in 0..proving.len() {
        assert!(ProvingKey::from_bytes_unchecked(&proving[..len]).is_err(), "{len} bytes");
    }
    assert!(ProvingKey::from_bytes_unchecked(&[proving.as_slice(), &[0]].concat()).is_err());
}
