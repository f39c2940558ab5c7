//! A vault, and what is sealed in it.

use std::sync::LazyLock;

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_wallet_core::{KeyDerivation, vault::Vault};

/// What opens the vault.
pub const PASSPHRASE: &str = "correct horse battery";

static VAULT: LazyLock<Vault> = LazyLock::new(|| {
    Vault::create(PASSPHRASE, KeyDerivation::MINIMUM, &mut StdRng::seed_from_u64(1)).unwrap()
});

/// The container of this content and, behind each zero byte, which no JSON text has, a record.
pub fn sealed(data: &[u8]) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(2);
    let mut parts = data.split(|byte| *byte == 0);
    let content = parts.next().unwrap_or_default();
    let (mut sealed, mut position) = VAULT.seal(content, &mut rng).unwrap();
    for record in parts {
        let (bytes, next) = VAULT.seal_record(position, record, &mut rng).unwrap();
        sealed.extend_from_slice(&bytes);
        position = next;
    }
    sealed
}
