//! A sealed wallet: hostile containers, and hostile content under the right key. Each opening
//! derives a key, which is slow on purpose.
#![no_main]

use std::sync::LazyLock;

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_wallet_core::{KeyDerivation, Wallet, vault::Vault};
use libfuzzer_sys::fuzz_target;

const PASSPHRASE: &str = "correct horse battery";

static VAULT: LazyLock<Vault> = LazyLock::new(|| {
    Vault::create(PASSPHRASE, KeyDerivation::MINIMUM, &mut StdRng::seed_from_u64(1)).unwrap()
});

fuzz_target!(|data: &[u8]| {
    let mut rng = StdRng::seed_from_u64(2);
    // The header's checksum keeps all but a few mutations from deriving a dear key; none opens.
    if data.first() == Some(&b'a') {
        assert!(Wallet::open(data, PASSPHRASE).is_err());
        return;
    }
    let sealed = VAULT.seal(data, &mut rng).unwrap();
    let Ok(wallet) = Wallet::open(&sealed, PASSPHRASE) else { return };
    let again = Wallet::open(&wallet.seal(&mut rng).unwrap(), PASSPHRASE).unwrap();
    assert_eq!(again.holder_commitment(), wallet.holder_commitment());
    assert_eq!((again.log(), again.pool_size()), (wallet.log(), wallet.pool_size()));
});
