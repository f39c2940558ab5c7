//! A sealed wallet: hostile containers, and hostile content and records under the right key. Each
//! opening derives a key, which is slow on purpose.
#![no_main]

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_fuzz::vault::{PASSPHRASE, sealed};
use attestry_wallet_core::{MemoryStore, Wallet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The header's checksum keeps all but a few mutations from deriving a dear key; none opens.
    if data.first() == Some(&b'a') {
        assert!(Wallet::open(data, PASSPHRASE).is_err());
        assert!(Wallet::restore(data, PASSPHRASE).is_err());
        return;
    }
    let Ok(mut wallet) = Wallet::open(&sealed(data), PASSPHRASE) else { return };
    let mut rng = StdRng::seed_from_u64(3);
    let mut store = MemoryStore::default();
    wallet.save(&mut store, &mut rng).unwrap();
    let again = Wallet::open(store.bytes(), PASSPHRASE).unwrap();
    assert_eq!(again.holder_commitment(), wallet.holder_commitment());
    assert_eq!((again.log(), again.pool_size()), (wallet.log(), wallet.pool_size()));

    let backup = wallet.backup(&mut rng).unwrap();
    let restored = Wallet::restore(&backup, PASSPHRASE).unwrap();
    assert_eq!((restored.log(), restored.pool_size()), (wallet.log(), 0));
});
