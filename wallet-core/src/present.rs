//! Answering, declining and withdrawing.

use crate::log::{Answered, Asked, LogEntry, LogEvent};
use crate::{Chosen, Session, VaultStore, Wallet, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{Scope, WithdrawalKey};
use attestry_credential::presentation::{
    ClientId, Digest, PresentationError, PresentationRequest, PresentationResponse, ScopeParts,
    sign,
};

impl Wallet {
    /// Answers a request with the chosen credentials: with proofs from the pool where it has
    /// fitting ones, else proven now.
    ///
    /// Before any one-time key signs, `store` has the wallet without it and with the answer in the
    /// consent log: no key ever signs twice, even after a crash. If anything fails nothing is
    /// answered, and the proofs that were taken from the pool are gone all the same.
    ///
    /// # Errors
    /// [`WalletError::RequestExpired`], [`WalletError::UnsupportedSystem`],
    /// [`WalletError::Withdrawn`]; [`WalletError::Refused`] naming the property that does not
    /// hold; [`WalletError::Presentation`] if a query has no choice or its policy cannot be asked;
    /// [`WalletError::Store`] if the store fails.
    pub fn present(
        &mut self,
        session: &Session<'_>,
        chosen: &Chosen,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<PresentationResponse, WalletError> {
        let request = session.request;
        let mut prepared = Vec::new();
        for query in &request.queries {
            let credential = chosen.get(&query.id).ok_or(PresentationError::Unanswered)?;
            self.admit(session, query, credential)?;
            prepared.push(match self.take_prepared(session, query, credential) {
                Some(prepared) => prepared,
                None => self.prove(session, query, self.held_by_id(credential)?, rng)?,
            });
        }
        let queries = || request.queries.iter().zip(&prepared);
        let answers = queries().map(|(query, prepared)| Answered {
            query: query.id.clone(),
            credential: prepared.credential,
            presentation_key: Digest::from_bytes(prepared.presentation.parts.presentation_key),
        });
        let answers = answers.collect();
        let asked = Asked::of(request);
        self.record(session.now, LogEvent::Presented { asked, answers }, store, rng)?;

        let presentations = queries().map(|(query, prepared)| {
            let mut presentation = prepared.presentation.clone();
            sign(&mut presentation, request, query, &prepared.signing_key())?;
            Ok((query.id.clone(), presentation))
        });
        let response = PresentationResponse {
            request_id: request.request_id.clone(),
            presentations: presentations.collect::<Result<_, WalletError>>()?,
        };
        Ok(response)
    }

    /// Notes that the holder declined a request.
    ///
    /// # Errors
    /// [`WalletError::Store`] if the store fails.
    pub fn decline(
        &mut self,
        request: &PresentationRequest,
        now: u64,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        self.record(now, LogEvent::Declined { asked: Asked::of(request) }, store, rng)
    }

    /// The withdrawal key of a verifier's scope, to be revealed on the ledger. From then on the
    /// wallet answers no request of the scope. Asking again gives the same key.
    ///
    /// # Errors
    /// [`WalletError::Store`] if the store fails; then nothing is withdrawn.
    pub fn withdraw(
        &mut self,
        client_id: &ClientId,
        scope_parts: &ScopeParts,
        now: u64,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<WithdrawalKey, WalletError> {
        let scope = Scope::new(client_id.as_str(), &scope_parts.purpose, scope_parts.epoch);
        if self.check_not_withdrawn(&scope).is_ok() {
            let event =
                LogEvent::Withdrew { client_id: client_id.clone(), scope: scope_parts.clone() };
            self.withdrawn_mut().push(scope);
            if let Err(error) = self.record(now, event, store, rng) {
                self.withdrawn_mut().pop();
                return Err(error);
            }
        }
        Ok(self.holder_secret().withdrawal_key(&scope))
    }

    /// Adds to the consent log and stores the wallet; the log is as before if that fails.
    fn record(
        &mut self,
        at: u64,
        event: LogEvent,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        self.log_mut().push(LogEntry { at, event });
        let stored = self.seal(rng).and_then(|sealed| Ok(store.save(&sealed)?));
        if stored.is_err() {
            self.log_mut().pop();
        }
        stored
    }
}
