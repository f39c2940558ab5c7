//! Answering, declining and withdrawing.

use crate::journal::{MAX_RECORDS, Record};
use crate::log::{Answered, Asked, LogEntry, LogEvent, scope_of};
use crate::{Chosen, Session, VaultStore, Wallet, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::WithdrawalKey;
use attestry_credential::presentation::{
    ClientId, PresentationError, PresentationRequest, PresentationResponse, ScopeParts,
};

impl Wallet {
    /// Answers a request with the chosen credentials: with proofs from the pool where it has
    /// fitting ones, else proven now.
    ///
    /// Before any one-time key signs, `store` has a record of the answer, by which an opened wallet
    /// has it in the consent log and its keys no longer in the pool: no key ever signs twice, and
    /// no answer is missing from the log, even after a crash. If anything fails nothing is
    /// answered, and the proofs that were taken from the pool are gone all the same.
    ///
    /// A proof from the pool is of the view's registry root, so it still stands for accreditation
    /// and non-revocation; the credential's own period and the policy are judged again at
    /// `session.now`.
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
        session.check()?;
        let mut prepared = Vec::new();
        for query in &request.queries {
            let credential = chosen.get(&query.id).ok_or(PresentationError::Unanswered)?;
            prepared.push(match self.take_prepared(session, query, credential)? {
                Some(prepared) => prepared,
                None => self.task(session, query, credential, rng)?.prove(session.prover, rng)?,
            });
        }
        let queries = || request.queries.iter().zip(&prepared);
        let answers = queries().map(|(query, prepared)| Answered {
            query: query.id.clone(),
            credential: prepared.credential,
            presentation_key: prepared.key(),
        });
        let answers = answers.collect();
        let asked = Asked::of(request);
        self.record(session.now, LogEvent::Presented { asked, answers }, store, rng)?;

        let presentations = queries()
            .map(|(query, prepared)| Ok((query.id.clone(), prepared.sign(request, query)?)));
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
        let scope = scope_of(client_id, scope_parts);
        if self.check_not_withdrawn(&scope).is_ok() {
            let event =
                LogEvent::Withdrew { client_id: client_id.clone(), scope: scope_parts.clone() };
            self.record(now, event, store, rng)?;
        }
        Ok(self.holder_secret().withdrawal_key(&scope))
    }

    /// Adds to the consent log and stores that; the wallet is as before if it fails.
    pub(crate) fn record(
        &mut self,
        at: u64,
        event: LogEvent,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        let entry = LogEntry { at, event };
        let record = entry.record()?;
        self.replay(Record::Logged(entry));
        let stored = self.store_change(&record, MAX_RECORDS, store, rng);
        if stored.is_err() {
            let entry = self.content.log.pop();
            if matches!(entry, Some(LogEntry { event: LogEvent::Withdrew { .. }, .. })) {
                self.content.withdrawn.pop();
            }
        }
        stored
    }
}
