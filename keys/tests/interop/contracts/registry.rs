//! The registry's root after each step of a history.

use super::{compare, key_words};
use ark_bn254::Fr;
use ark_ff::UniformRand;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use attestry_circuits::registry::{RegistryLeaf, RegistryTree};
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::{StatusList, StatusRoot};
use attestry_circuits::{IssuerId, SchemaId};
use serde::Serialize;

/// Columns with a row for each step.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct History {
    empty_status_root: String,
    empty_root: String,
    operations: Vec<&'static str>,
    entries: Vec<usize>,
    issuers: Vec<String>,
    schemas: Vec<u32>,
    /// The end of the accreditation, or the new status root, where the operation sets one.
    values: Vec<String>,
    /// Four words each: see `key_words`. The entry's key where the operation sets none.
    keys: Vec<String>,
    roots: Vec<String>,
}

struct Entry {
    leaf: RegistryLeaf,
    is_active: bool,
}

struct Registry {
    rng: StdRng,
    tree: RegistryTree,
    entries: Vec<Entry>,
    history: History,
}

/// Long after the block time of any test.
const UNTIL: u64 = 1 << 39;

impl Registry {
    fn new() -> Self {
        let tree = RegistryTree::new();
        let history = History {
            empty_status_root: StatusList::new().root().to_string(),
            empty_root: tree.root().to_string(),
            ..History::default()
        };
        Self { rng: StdRng::seed_from_u64(2), tree, entries: Vec::new(), history }
    }

    fn accredit(&mut self) {
        let leaf = RegistryLeaf {
            key: SigningKey::random(&mut self.rng).verifying_key(),
            issuer_id: IssuerId::from_address(self.rng.r#gen()),
            status_root: StatusList::new().root(),
            schema: SchemaId::from_u32(self.rng.r#gen()),
            version: 0,
            accredited_until: UNTIL + u64::from(self.rng.r#gen::<u32>()),
        };
        self.entries.push(Entry { leaf, is_active: true });
        self.step("accredit", self.entries.len() - 1, Fr::from(leaf.accredited_until));
    }

    fn change(&mut self, operation: &'static str, index: usize) {
        let Self { rng, entries, .. } = self;
        let Entry { leaf, is_active } = &mut entries[index];
        let mut value = Fr::from(0u64);
        match operation {
            "publish" => {
                value = Fr::rand(rng);
                leaf.status_root = StatusRoot::from_field(value);
            }
            "suspend" | "end" => *is_active = false,
            "lift" => *is_active = true,
            "rotate" => leaf.key = SigningKey::random(rng).verifying_key(),
            "renew" => {
                leaf.accredited_until = UNTIL + u64::from(rng.r#gen::<u32>());
                value = Fr::from(leaf.accredited_until);
            }
            other => unreachable!("{other} is no operation"),
        }
        if matches!(operation, "suspend" | "lift" | "rotate" | "renew") {
            leaf.version += 1;
        }
        self.step(operation, index, value);
    }

    fn step(&mut self, operation: &'static str, index: usize, value: Fr) {
        let Entry { leaf, is_active } = &self.entries[index];
        let hash = if *is_active { leaf.hash() } else { Fr::from(0u64) };
        self.tree.set(index, hash).unwrap();
        let history = &mut self.history;
        history.operations.push(operation);
        history.entries.push(index);
        history.issuers.push(format!("0x{}", hex::encode(leaf.issuer_id.address())));
        history.schemas.push(leaf.schema.as_u32());
        history.values.push(attestry_circuits::field::to_hex(&value));
        history.keys.extend(key_words(&leaf.key));
        history.roots.push(self.tree.root().to_string());
    }
}

#[test]
fn the_registry_has_the_circuits_root_after_every_step() {
    let mut registry = Registry::new();
    for _ in 0..7 {
        registry.accredit();
    }
    for (operation, index) in [
        ("publish", 6),
        ("suspend", 6),
        ("publish", 6),
        ("lift", 6),
        ("rotate", 0),
        ("renew", 4),
        ("end", 5),
        ("suspend", 3),
        ("rotate", 3),
        ("renew", 3),
        ("lift", 3),
        ("publish", 3),
        ("end", 0),
    ] {
        registry.change(operation, index);
    }
    for _ in 0..20 {
        registry.accredit();
    }
    registry.change("publish", 26);
    registry.change("suspend", 1);
    compare("registry.json", &registry.history);
}
