//! Key files: kept, opened, changed and damaged.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_vault::{KeyDerivation, VaultError};
use ed25519_dalek::{Signature, VerifyingKey};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::files;

const COST: KeyDerivation = KeyDerivation::MINIMUM;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::read(&mut text.as_bytes()).unwrap()
}

fn right() -> Passphrase {
    passphrase("correct horse battery")
}

fn create(folder: &TempDir) -> (PathBuf, KeyFile) {
    let path = folder.path().join(KEY_FILE);
    let keys = SoftwareKeys::random(&mut rng(1));
    let file = KeyFile::create(&path, keys, &right(), COST, &mut rng(2)).unwrap();
    (path, file)
}

fn public(keys: &impl KeyProvider) -> PublicKeys {
    PublicKeys { address: keys.address(), epochs: keys.epochs() }
}

/// The bytes of a sealed file, and what they are opened to.
static SEALED: LazyLock<(Vec<u8>, PublicKeys)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut file) = create(&folder);
    file.add_epoch(&mut rng(3)).unwrap();
    (std::fs::read(path).unwrap(), public(file.keys()))
});

/// What a file with these bytes opens to.
fn open_bytes(bytes: &[u8]) -> Result<PublicKeys, KeyError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE);
    files::replace_private(&path, bytes).unwrap();
    SoftwareKeys::open(&path, &right()).map(|keys| public(&keys))
}

fn development(folder: &Path, seed: u64) -> Result<SoftwareKeys, KeyError> {
    SoftwareKeys::load_or_create_insecure_development(folder, &mut rng(seed))
}

#[test]
fn development_keys_are_made_once_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let made = public(&development(folder.path(), 1).unwrap());
    assert_eq!(public(&development(folder.path(), 2).unwrap()), made);
    assert_ne!(public(&SoftwareKeys::random(&mut rng(2))), made);
}

#[test]
fn encrypted_keys_open_with_their_passphrase_and_say_what_is_public_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = create(&folder);
    let made = public(file.keys());
    drop(file);
    assert_eq!(PublicKeys::read(&path).unwrap(), made);
    assert_eq!(public(&SoftwareKeys::open(&path, &right()).unwrap()), made);
    let [first] = made.epochs.as_slice() else { panic!("one epoch") };
    assert_eq!(first.epoch, Epoch::FIRST);
}

#[test]
fn a_wrong_passphrase_is_told_from_a_damaged_file() {
    let (bytes, _) = &*SEALED;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE);
    files::replace_private(&path, bytes).unwrap();
    let wrong = SoftwareKeys::open(&path, &passphrase("correct horse batterx"));
    assert!(matches!(wrong, Err(KeyError::Sealed(VaultError::WrongPassphrase))));

    let mut document: Value = serde_json::from_slice(bytes).unwrap();
    let mut sealed = document["sealed"].as_str().unwrap().to_owned();
    let last = sealed.pop().unwrap();
    sealed.push(if last == '0' { '1' } else { '0' });
    document["sealed"] = sealed.into();
    let damaged = open_bytes(document.to_string().as_bytes());
    assert!(matches!(damaged, Err(KeyError::Sealed(VaultError::Damaged(_)))), "{damaged:?}");
}

#[test]
fn public_keys_that_are_not_those_of_the_secrets_are_found_out() {
    let (bytes, made) = &*SEALED;
    let other = SoftwareKeys::random(&mut rng(9));
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let mut changed = document.clone();
    changed["address"] = other.address().to_string().into();
    let mut fewer = document.clone();
    fewer["epochs"].as_array_mut().unwrap().pop();
    let mut swapped = document.clone();
    swapped["epochs"][0]["credential"] = hex::encode(other.epochs()[0].credential).into();
    for changed in [changed, fewer, swapped] {
        let opened = open_bytes(changed.to_string().as_bytes());
        assert!(matches!(opened, Err(KeyError::Damaged(_))), "{opened:?}");
    }
    assert_eq!(&open_bytes(document.to_string().as_bytes()).unwrap(), made);
}

#[test]
fn a_new_passphrase_takes_the_place_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut file) = create(&folder);
    let new = passphrase("another passphrase");
    file.change_passphrase(&new, COST, &mut rng(4)).unwrap();
    assert!(matches!(
        file.change_passphrase(&passphrase("short"), COST, &mut rng(4)),
        Err(KeyError::Sealed(VaultError::Passphrase))
    ));
    assert!(matches!(
        SoftwareKeys::open(&path, &right()),
        Err(KeyError::Sealed(VaultError::WrongPassphrase))
    ));
    assert_eq!(public(&SoftwareKeys::open(&path, &new).unwrap()), public(file.keys()));
}

#[test]
fn an_epochs_number_is_not_used_again_when_its_keys_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut file) = create(&folder);
    let second = file.add_epoch(&mut rng(3)).unwrap();
    assert_eq!(second.epoch.number(), 2);
    file.remove_epoch(second.epoch, &mut rng(3)).unwrap();
    assert!(matches!(
        file.remove_epoch(second.epoch, &mut rng(3)),
        Err(KeyError::UnknownEpoch(epoch)) if epoch == second.epoch
    ));
    drop(file);
    let mut file = KeyFile::open(&path, &right()).unwrap();
    assert_eq!(file.add_epoch(&mut rng(3)).unwrap().epoch.number(), 3);
    let numbers = |keys: &SoftwareKeys| {
        keys.epochs().iter().map(|keys| keys.epoch.number()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(file.keys()), [1, 3]);
    assert_eq!(numbers(&SoftwareKeys::open(&path, &right()).unwrap()), [1, 3]);
}

#[test]
fn a_key_file_is_not_replaced_and_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = create(&folder);
    assert!(matches!(KeyFile::open(&path, &right()), Err(KeyError::InUse)));
    assert!(SoftwareKeys::open(&path, &right()).is_ok(), "readers do not wait");
    let made = public(file.keys());
    drop(file);
    let keys = SoftwareKeys::random(&mut rng(5));
    let again = KeyFile::create(&path, keys, &right(), COST, &mut rng(5));
    assert!(matches!(again, Err(KeyError::Exists)));
    assert_eq!(public(&SoftwareKeys::open(&path, &right()).unwrap()), made);
    let missing = SoftwareKeys::open(&folder.path().join("other"), &right());
    assert!(matches!(missing, Err(KeyError::NoFile)));
}

#[test]
fn what_a_crash_left_of_a_write_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut file) = create(&folder);
    std::fs::write(folder.path().join(format!("{KEY_FILE}.draft")), b"half of a f").unwrap();
    file.add_epoch(&mut rng(3)).unwrap();
    assert_eq!(public(&SoftwareKeys::open(&path, &right()).unwrap()), public(file.keys()));
    assert!(!folder.path().join(format!("{KEY_FILE}.draft")).exists());
}

#[cfg(unix)]
#[test]
fn key_files_are_private_and_are_refused_when_they_are_not() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, mut file) = create(&folder);
    file.add_epoch(&mut rng(3)).unwrap();
    drop(file);
    development(folder.path(), 1).unwrap();
    for path in [path.clone(), folder.path().join(DEVELOPMENT_KEY_FILE)] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    assert!(matches!(SoftwareKeys::open(&path, &right()), Err(KeyError::Exposed(_))));
    assert!(matches!(development(folder.path(), 1), Err(KeyError::Exposed(_))));
}

#[test]
fn neither_debug_nor_the_encrypted_file_has_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = create(&folder);
    let text = std::fs::read_to_string(path).unwrap();
    let shown = format!("{file:?} {:?} {:?}", file.keys(), right());
    let secrets = serde_json::to_value(file.keys().to_document()).unwrap();
    let epoch = &secrets["epochs"][0];
    for secret in [&secrets["account"], &epoch["credential"], &epoch["attestation"]] {
        let secret = secret.as_str().unwrap();
        assert_eq!(secret.len(), 64);
        assert!(!shown.contains(secret) && !text.contains(secret));
    }
    assert!(!shown.contains("correct horse"));
}

#[test]
fn files_of_another_kind_or_format_are_refused() {
    let (bytes, _) = &*SEALED;
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let with = |member: &str, value: Value| {
        let mut changed = document.clone();
        changed[member] = value;
        open_bytes(changed.to_string().as_bytes())
    };
    assert!(matches!(with("kind", "wallet".into()), Err(KeyError::OtherFile)));
    assert!(matches!(with("format", 2.into()), Err(KeyError::Format(2))));
    assert!(matches!(with("more", 2.into()), Err(KeyError::OtherFile)));
    assert!(matches!(open_bytes(b"{\"format\":1}"), Err(KeyError::OtherFile)));

    let folder = tempfile::tempdir().unwrap();
    let (path, _) = create(&folder);
    let opened = SoftwareKeys::open_insecure_development(&path);
    assert!(matches!(opened, Err(KeyError::OtherFile)));
}

#[test]
fn another_vaults_content_is_not_an_issuers() {
    let (bytes, _) = &*SEALED;
    let mut document: Value = serde_json::from_slice(bytes).unwrap();
    let vault = attestry_vault::Vault::create(right().expose(), COST, &mut rng(6)).unwrap();
    let (wallet, _) = vault.seal(br#"{"format":1}"#, &mut rng(6)).unwrap();
    document["sealed"] = hex::encode(wallet).into();
    let opened = open_bytes(document.to_string().as_bytes());
    assert!(matches!(opened, Err(KeyError::Damaged(_))), "{opened:?}");
}

#[tokio::test]
async fn each_epoch_signs_with_its_own_keys() {
    let (mut keys, first) = SoftwareKeys::random_with_epoch(&mut rng(1));
    let second = keys.add_epoch(&mut rng(2));
    let signature = keys.sign_message(second.epoch, b"text").await.unwrap();
    let holds = |key: &EpochKeys| {
        let key = VerifyingKey::from_bytes(&key.credential).unwrap();
        key.verify_strict(b"text", &Signature::from_bytes(&signature)).is_ok()
    };
    assert!(holds(&second) && !holds(&first));
    let third = second.epoch.next();
    let unknown = keys.sign_message(third, b"text").await;
    assert!(matches!(unknown, Err(KeyError::UnknownEpoch(epoch)) if epoch == third));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_changed_byte_is_refused_or_changes_nothing(
        place in any::<prop::sample::Index>(), by in 1u8..,
    ) {
        let (bytes, made) = &*SEALED;
        let mut changed = bytes.clone();
        changed[place.index(bytes.len())] ^= by;
        // A digit may be written in the other case.
        if let Ok(opened) = open_bytes(&changed) {
            prop_assert_eq!(&opened, made);
            prop_assert!(changed.eq_ignore_ascii_case(bytes));
        }
    }

    #[test]
    fn a_file_that_was_cut_off_is_refused(length in any::<prop::sample::Index>()) {
        let (bytes, _) = &*SEALED;
        let cut = open_bytes(&bytes[..length.index(bytes.len())]);
        prop_assert!(matches!(cut, Err(KeyError::OtherFile)));
    }

    #[test]
    fn arbitrary_secrets_are_refused_without_a_panic(text in ".*", bytes in any::<Vec<u8>>()) {
        prop_assert!(open_bytes(&bytes).is_err());
        let (sealed, _) = &*SEALED;
        let mut document: Value = serde_json::from_slice(sealed).unwrap();
        for content in [hex::encode(&bytes), text] {
            document["sealed"] = content.into();
            prop_assert!(open_bytes(document.to_string().as_bytes()).is_err());
        }
    }
}
