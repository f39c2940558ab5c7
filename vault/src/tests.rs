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
    vault.seal(CONTENT, &mut rng).unwrap().0
}

fn content_of(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Vault::open(bytes, PASSPHRASE).unwrap().content
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
    let Opened { vault, content, records, tail } = Vault::open(&bytes, PASSPHRASE).unwrap();
    assert_eq!(content.as_slice(), CONTENT);
    assert!(records.is_empty());

    let (again, start) = vault.seal(b"other", &mut StdRng::seed_from_u64(2)).unwrap();
    assert_eq!(content_of(&again).as_slice(), b"other");
    assert_eq!((start.records(), start.offset()), (0, again.len() as u64));
    assert_ne!(tail, Tail::Clean(start), "each content has a position of its own");
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
    bytes[16] = 3;
    assert_eq!(Vault::open(&bytes, PASSPHRASE).err(), Some(VaultError::Version { found: 3 }));
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
        let bytes = [b"attestry-vault\n\x00\x02".as_slice(), &bytes].concat();
        prop_assert!(Vault::open(&bytes, PASSPHRASE).is_err());
    }
}

/// A container with three records: its key, its bytes, and where the records begin and end.
fn with_records() -> (Vault, Vec<u8>, Vec<Position>) {
    let mut rng = StdRng::seed_from_u64(4);
    let vault = Vault::create(PASSPHRASE, KeyDerivation::MINIMUM, &mut rng).unwrap();
    let (mut bytes, start) = vault.seal(CONTENT, &mut rng).unwrap();
    let mut places = vec![start];
    for record in RECORDS {
        let (sealed, next) = vault.seal_record(places[places.len() - 1], record, &mut rng).unwrap();
        bytes.extend_from_slice(&sealed);
        places.push(next);
    }
    (vault, bytes, places)
}

const RECORDS: [&[u8]; 3] = [b"first", b"", b"the third"];

#[test]
fn records_are_read_in_order_whatever_room_is_kept_behind_them() {
    let (vault, bytes, places) = with_records();
    for room in [0, 1, 3, 4, 5, 4096] {
        let opened = vault.open_again(&[bytes.as_slice(), &vec![0; room]].concat()).unwrap();
        assert!(opened.records.iter().map(|record| record.as_slice()).eq(RECORDS));
        assert_eq!(opened.tail, Tail::Clean(places[3]));
        assert_eq!((places[3].records(), places[3].offset()), (3, bytes.len() as u64));
    }
}

#[test]
fn a_record_cut_off_at_any_byte_is_left_out_and_told() {
    let (vault, bytes, places) = with_records();
    for end in places[0].offset() as usize..bytes.len() {
        let cut = &bytes[..end];
        let whole = places.iter().filter(|place| place.offset() as usize <= end).count() - 1;
        let part = &bytes[places[whole].offset() as usize..end];
        // The length begins with zeros, which are as if nothing was written.
        let nothing = part.iter().all(|byte| *byte == 0);
        let tail = if nothing { Tail::Clean(places[whole]) } else { Tail::Torn };
        for room in [0, 4096] {
            let opened = vault.open_again(&[cut, &vec![0; room]].concat()).unwrap();
            assert_eq!((opened.records.len(), opened.tail), (whole, tail), "cut at {end}");
        }
    }
}

#[test]
fn any_changed_byte_of_a_record_is_found() {
    let (vault, bytes, places) = with_records();
    for position in places[0].offset() as usize..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        let opened = vault.open_again(&changed).unwrap();
        let before = places.iter().filter(|place| place.offset() as usize <= position).count() - 1;
        assert_eq!(opened.records.len(), before, "byte {position}");
        assert!(!matches!(opened.tail, Tail::Clean(_)), "byte {position}");
        // Where the length still says so, a whole record is found behind the changed one.
        if before < 2 && position >= places[before].offset() as usize + 4 {
            assert_eq!(opened.tail, Tail::Damaged, "byte {position}");
        }
    }
}

#[test]
fn a_record_belongs_to_one_place_behind_one_content() {
    let (vault, bytes, places) = with_records();
    let at = |index: usize| places[index].offset() as usize;
    let (content, first) = (&bytes[..at(0)], &bytes[at(0)..at(1)]);
    let third = &bytes[at(2)..at(3)];
    for moved in [vec![content, third], vec![content, first, first], vec![content, first, third]] {
        let opened = vault.open_again(&moved.concat()).unwrap();
        assert_eq!((opened.records.len(), opened.tail), (moved.len() - 2, Tail::Torn));
    }
    let (other, _) = vault.seal(CONTENT, &mut StdRng::seed_from_u64(5)).unwrap();
    let opened = vault.open_again(&[&other, first].concat()).unwrap();
    assert_eq!((opened.records.len(), opened.tail), (0, Tail::Torn));
}
