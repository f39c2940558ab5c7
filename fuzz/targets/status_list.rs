//! A status list under the flips of a ledger's events, four bytes each.
#![no_main]

use std::{collections::BTreeSet, sync::LazyLock};

use attestry_circuits::status::{LIST_SIZE, StatusList};
use libfuzzer_sys::fuzz_target;

static EMPTY: LazyLock<StatusList> = LazyLock::new(StatusList::new);

fuzz_target!(|data: &[u8]| {
    let indices: Vec<u32> = data
        .chunks_exact(4)
        .take(64)
        .map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
        .collect();
    let mut list = EMPTY.clone();
    if list.flip_all(&indices).is_err() {
        assert!(indices.iter().any(|index| *index as usize >= LIST_SIZE));
        assert_eq!(list.root(), EMPTY.root());
        return;
    }
    let mut set = BTreeSet::new();
    for index in &indices {
        if !set.insert(*index) {
            set.remove(index);
        }
    }
    assert_eq!(list.set_indices(), set.iter().copied().collect::<Vec<_>>());
    let bitstring = list.to_bitstring();
    for index in &indices {
        let path = list.path(*index).unwrap();
        assert_eq!(path.root(*index), Ok(Some(list.root())));
        assert_eq!(path.bit(*index), set.contains(index));
        let bit = bitstring[*index as usize / 8] >> (7 - index % 8) & 1;
        assert_eq!(bit == 1, set.contains(index));
    }
    let mut one_by_one = EMPTY.clone();
    set.iter().for_each(|index| one_by_one.set(*index, true).unwrap());
    assert_eq!(one_by_one.root(), list.root());
});
