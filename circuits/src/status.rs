//! The status list: one bit a credential, committed by a Merkle tree over its rows.
//!
//! The bits are those of a W3C Bitstring Status List of 131,072 entries. Row r is the element
//! Σ bit(128·r + j)·2^j; 1024 rows are hashed by Poseidon with arities 8, 8, 4, 4 from the rows
//! to the root.

use crate::field::{Fr, field_newtype};
use crate::poseidon;

/// Entries of a list.
pub const LIST_SIZE: usize = 1 << INDEX_BITS;
/// Bits of an index.
pub const INDEX_BITS: usize = 17;
/// Bits of a row.
pub const ROW_BITS: usize = 1 << ROW_INDEX_BITS;
/// Bits of an index that choose within a row.
pub const ROW_INDEX_BITS: usize = 7;
/// Children of a node, from the rows to the root.
pub const ARITIES: [usize; 4] = [8, 8, 4, 4];

const ROWS: usize = LIST_SIZE / ROW_BITS;

field_newtype! {
    /// Root of a status list's tree.
    StatusRoot
}

/// An index at or past [`LIST_SIZE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("status index is not below {LIST_SIZE}")]
pub struct IndexOutOfRange;

/// A list with its tree. A set bit means revoked or suspended.
#[derive(Clone)]
pub struct StatusList {
    rows: Vec<u128>,
    /// levels[0] are the row elements; the last level is the root alone.
    levels: Vec<Vec<Fr>>,
}

impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusList").field("root", &self.root()).finish_non_exhaustive()
    }
}

/// The row that holds an index and its siblings up to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPath {
    /// The row's bits.
    pub row: u128,
    /// All children of each node on the way, from the rows to the root.
    pub children: [Vec<Fr>; ARITIES.len()],
}

impl StatusList {
    /// A list in which nothing is revoked.
    pub fn new() -> Self {
        let mut levels = vec![vec![Fr::from(0u64); ROWS]];
        for arity in ARITIES {
            let below = &levels[levels.len() - 1];
            // Every node of a level is the same in an empty list.
            let node = poseidon::hash(&below[..arity]);
            levels.push(vec![node; below.len() / arity]);
        }
        Self { rows: vec![0; ROWS], levels }
    }

    /// The bit of an entry.
    ///
    /// # Errors
    /// [`IndexOutOfRange`].
    pub fn get(&self, index: u32) -> Result<bool, IndexOutOfRange> {
        let (row, bit) = position(index)?;
        Ok(self.rows[row] >> bit & 1 == 1)
    }

    /// Sets the bit of an entry.
    ///
    /// # Errors
    /// [`IndexOutOfRange`].
    pub fn set(&mut self, index: u32, value: bool) -> Result<(), IndexOutOfRange> {
        if self.get(index)? != value {
            self.flip_all(&[index])?;
        }
        Ok(())
    }

    /// Inverts the bits of entries, hashing each touched node once.
    ///
    /// # Errors
    /// [`IndexOutOfRange`]; then nothing is changed.
    pub fn flip_all(&mut self, indices: &[u32]) -> Result<(), IndexOutOfRange> {
        let positions = indices.iter().map(|&i| position(i)).collect::<Result<Vec<_>, _>>()?;
        let mut touched = Vec::with_capacity(positions.len());
        for (row, bit) in positions {
            self.rows[row] ^= 1 << bit;
            self.levels[0][row] = Fr::from(self.rows[row]);
            touched.push(row);
        }
        for (level, arity) in ARITIES.into_iter().enumerate() {
            touched.iter_mut().for_each(|node| *node /= arity);
            touched.sort_unstable();
            touched.dedup();
            for &node in &touched {
                let hash = poseidon::hash(&self.levels[level][node * arity..][..arity]);
                self.levels[level + 1][node] = hash;
            }
        }
        Ok(())
    }

    /// The commitment.
    pub fn root(&self) -> StatusRoot {
        StatusRoot::from_field(self.levels[ARITIES.len()][0])
    }

    /// Indices of all set bits, ascending.
    pub fn set_indices(&self) -> Vec<u32> {
        (0..LIST_SIZE as u32).filter(|&i| self.get(i) == Ok(true)).collect()
    }

    /// The list as a W3C bitstring: 16,384 bytes, entry 0 in the first byte's highest bit.
    pub fn to_bitstring(&self) -> Vec<u8> {
        self.rows.iter().flat_map(|row| row.reverse_bits().to_be_bytes()).collect()
    }

    /// What a proof about an entry needs.
    ///
    /// # Errors
    /// [`IndexOutOfRange`].
    pub fn path(&self, index: u32) -> Result<StatusPath, IndexOutOfRange> {
        let (row, _) = position(index)?;
        let mut node = row;
        let children = std::array::from_fn(|level| {
            node /= ARITIES[level];
            self.levels[level][node * ARITIES[level]..][..ARITIES[level]].to_vec()
        });
        Ok(StatusPath { row: self.rows[row], children })
    }
}

impl Default for StatusList {
    fn default() -> Self {
        Self::new()
    }
}

impl StatusPath {
    /// The root that the path leads to from an index, if each node stands among its parent's
    /// children at the place that the index tells.
    ///
    /// # Errors
    /// [`IndexOutOfRange`].
    pub fn root(&self, index: u32) -> Result<Option<StatusRoot>, IndexOutOfRange> {
        let (mut place, _) = position(index)?;
        let mut current = Fr::from(self.row);
        for (children, arity) in self.children.iter().zip(ARITIES) {
            if children.len() != arity || children[place % arity] != current {
                return Ok(None);
            }
            current = poseidon::hash(children);
            place /= arity;
        }
        Ok(Some(StatusRoot::from_field(current)))
    }

    /// Whether the index's bit is set in the row.
    pub fn bit(&self, index: u32) -> bool {
        self.row >> (index as usize % ROW_BITS) & 1 == 1
    }
}

fn position(index: u32) -> Result<(usize, usize), IndexOutOfRange> {
    let index = index as usize;
    if index < LIST_SIZE { Ok((index / ROW_BITS, index % ROW_BITS)) } else { Err(IndexOutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bitstring_has_entry_0_in_the_highest_bit_of_the_first_byte() {
        let mut list = StatusList::new();
        list.flip_all(&[0, 9, 131_071]).unwrap();
        let bitstring = list.to_bitstring();
        assert_eq!(bitstring.len(), 16_384);
        assert_eq!((bitstring[0], bitstring[1], bitstring[16_383]), (0x80, 0x40, 0x01));
    }

    #[test]
    fn refuses_an_index_past_the_list_and_changes_nothing() {
        let mut list = StatusList::new();
        let before = list.root();
        assert_eq!(list.flip_all(&[1, 131_072]), Err(IndexOutOfRange));
        assert_eq!(list.root(), before);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_path_leads_to_the_root_from_its_own_index_only(
            flips in prop::collection::vec(0u32..131_072, 1..20),
            index in 0u32..131_072,
        ) {
            let mut list = StatusList::new();
            list.flip_all(&flips).unwrap();
            let path = list.path(index).unwrap();
            prop_assert_eq!(path.root(index), Ok(Some(list.root())));
            prop_assert_eq!(path.bit(index), list.get(index).unwrap());
            let elsewhere = (index + 128) % 131_072;
            if list.path(elsewhere).unwrap().row != path.row {
                prop_assert_eq!(path.root(elsewhere), Ok(None));
            }
        }

        #[test]
        fn flipping_twice_restores_the_root(indices in prop::collection::vec(0u32..131_072, 1..9)) {
            let mut list = StatusList::new();
            let empty = list.root();
            list.flip_all(&indices).unwrap();
            list.flip_all(&indices).unwrap();
            prop_assert_eq!(list.root(), empty);
        }
    }
}
