//! A person with a wallet, which knows the ledger and never asks an issuer.

use ark_std::rand::rngs::OsRng;
use attestry_credential::presentation::{PresentationRequest, PresentationResponse};
use attestry_ledger::RegistrySnapshot;
use attestry_wallet_core::{
    CircuitProver, CredentialId, KeyDerivation, LedgerAnswer, LedgerCall, MemoryStore,
    RegistryView, Session, Wallet, WalletError,
};

/// A person.
#[derive(Debug)]
pub struct Person {
    /// The wallet.
    pub wallet: Wallet,
    /// Where it is stored.
    pub store: MemoryStore,
}

impl Person {
    /// A person with an empty wallet.
    pub fn new() -> Self {
        let passphrase = "a passphrase of a test";
        let wallet = Wallet::create(passphrase, KeyDerivation::MINIMUM, &mut OsRng).unwrap();
        Self { wallet, store: MemoryStore::default() }
    }

    /// The answer to a request, with the first credentials that satisfy it.
    ///
    /// # Errors
    /// Those of choosing and presenting.
    pub fn answer(
        &mut self,
        request: &PresentationRequest,
        ledger: &RegistrySnapshot,
        prover: &CircuitProver,
        now: u64,
    ) -> Result<PresentationResponse, WalletError> {
        let view = view(ledger);
        let chosen = self.wallet.choose(request, Some(&view), now)?.first()?;
        let session = Session { request, view: &view, prover, now };
        self.wallet.present(&session, &chosen, &mut self.store, &mut OsRng)
    }

    /// The answer to a request's one query, for a contract.
    ///
    /// # Errors
    /// Those of choosing and presenting.
    pub fn answer_contract(
        &mut self,
        request: &PresentationRequest,
        call: &LedgerCall,
        ledger: &RegistrySnapshot,
        prover: &CircuitProver,
        now: u64,
    ) -> Result<LedgerAnswer, WalletError> {
        let view = view(ledger);
        let chosen = self.wallet.choose(request, Some(&view), now)?.first()?;
        let (query, credential): (_, CredentialId) = chosen.into_iter().next().unwrap();
        let session = Session { request, view: &view, prover, now };
        let (store, rng) = (&mut self.store, &mut OsRng);
        self.wallet.present_to_ledger(&session, &query, &credential, call, store, rng)
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

fn view(ledger: &RegistrySnapshot) -> RegistryView<'_> {
    ledger.entries.iter().fold(RegistryView::new(&ledger.tree), |view, (entry, list)| {
        view.with_entry(entry.index.as_u32() as usize, entry.leaf, list.as_ref().unwrap())
    })
}
