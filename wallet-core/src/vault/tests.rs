use super::*;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use proptest::prelude::*;

const PASSPHRASE: &str = "correct horse battery";
const CONTENT: &[u8] = b"what only the holder may read";
/// Bytes of the header before its checksum.
const CHECKED: usize = 15 + 2 + 4 + 4 + 16 + 32;

fn sealed() -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(1);
    let vault = Vault::create(PASSPHRASE, KeyDerivation::MINIMUM, &mut rng).unwrap();
    vault.seal(CONTENT, &mut rng).unwrap()
}

/// The bytes with a right checksum after a change of the header.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = Sha256::digest(&bytes[..CHECKED]);
    bytes[CHECKED..CHECKED + 8].copy_from_slice(&sum[..8]);
    bytes
}

#[test]
fn opens_with_the_passphrase_and_seals_again() {
    let bytes = sealed();
    assert!(!bytes.windows(CONTENT.len()).any(|window| window == CONTENT));
    let (vault, content) = Vault::open(&bytes, PASSPHRASE).unwrap();
    assert_eq!(content.as_slice(), CONTENT);

    let again = vault.seal(b"other", &mut StdRng::seed_from_u64(2)).unwrap();
    assert_eq!(Vault::open(&again, PASSPHRASE).unwrap().1.as_slice(), b"other");
    assert_eq!(format!("{vault:?}"), "Vault(redacted)");
}

#[test]
fn a_wrong_passphrase_is_told_from_damage() {
    let bytes = sealed();
    let opened = |bytes: &[u8], passphrase| Vault::open(bytes, passphrase).err();
    assert_eq!(opened(&bytes, "correct horse batterx"), Some(VaultError::WrongPassphrase));

    let mut content = bytes.clone();
    *content.last_mut().unwrap() ^= 1;
    assert_eq!(opened(&content, PASSPHRASE), Some(VaultError::Damaged("the content")));
    assert_eq!(
        opened(&bytes[..bytes.len() - 1], PASSPHRASE),
        Some(VaultError::Damaged("the content"))
    );
    assert_eq!(
        opened(&bytes[..CHECKED + 8 + NONCE - 1], PASSPHRASE),
        Some(VaultError::Damaged("the content"))
    );

    let mut salt = bytes.clone();
    salt[30] ^= 1;
    assert_eq!(opened(&salt, PASSPHRASE), Some(VaultError::Damaged("the header")));
    assert_eq!(opened(&bytes[..40], PASSPHRASE), Some(VaultError::Damaged("the header")));
    assert_eq!(opened(b"PK\x03\x04", PASSPHRASE), Some(VaultError::NotAVault));
    assert_eq!(opened(b"", PASSPHRASE), Some(VaultError::NotAVault));
}

#[test]
fn refuses_costs_out_of_range_before_deriving_anything() {
    let bytes = sealed();
    let with = |offset: usize, value: u32| {
        let mut bytes = bytes.clone();
        bytes[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
        Vault::open(&with_checksum(bytes), PASSPHRASE).err()
    };
    assert_eq!(with(17, 8), Some(VaultError::KeyDerivation("memory")));
    assert_eq!(with(17, u32::MAX), Some(VaultError::KeyDerivation("memory")));
    assert_eq!(with(21, 1), Some(VaultError::KeyDerivation("number of passes")));
    assert_eq!(with(21, 1_000_000), Some(VaultError::KeyDerivation("number of passes")));
}

#[test]
fn a_parameter_that_an_attacker_changes_does_not_open() {
    let mut bytes = sealed();
    bytes[21..25].copy_from_slice(&3u32.to_be_bytes());
    assert_eq!(
        Vault::open(&with_checksum(bytes), PASSPHRASE).err(),
        Some(VaultError::WrongPassphrase)
    );
}

#[test]
fn refuses_a_later_version() {
    let mut bytes = sealed();
    bytes[16] = 2;
    assert_eq!(Vault::open(&bytes, PASSPHRASE).err(), Some(VaultError::Version { found: 2 }));
}

#[test]
fn refuses_a_short_passphrase() {
    let vault = Vault::create("short", KeyDerivation::MINIMUM, &mut StdRng::seed_from_u64(1));
    assert_eq!(vault.err(), Some(VaultError::Passphrase));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes in any::<Vec<u8>>()) {
        prop_assert!(Vault::open(&bytes, PASSPHRASE).is_err());
    }

    #[test]
    fn arbitrary_bytes_after_the_magic_are_refused(bytes in any::<Vec<u8>>()) {
        let bytes = [b"attestry-vault\n\x00\x01".as_slice(), &bytes].concat();
        prop_assert!(Vault::open(&bytes, PASSPHRASE).is_err());
    }
}
