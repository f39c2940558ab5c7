//! Answering a contract on the ledger.

use crate::log::{Asked, LogEvent};
use crate::{CredentialId, Session, VaultStore, Wallet, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{Context, Statement};
use attestry_credential::presentation::{Identifier, rebuild_statement};

/// Who presents to which contract: the proof is good for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerCall {
    /// The chain.
    pub chain_id: u64,
    /// The `PresentationVerifier`.
    pub contract: [u8; 20],
    /// The account or contract that calls it.
    pub caller: [u8; 20],
    /// For whom: an account calls for itself, a contract for its own caller.
    pub subject: [u8; 20],
}

/// What a contract is given. It shows what the policy discloses, to everyone who reads the ledger.
#[derive(Clone)]
pub struct LedgerAnswer {
    /// The statement, under the context of the call.
    pub statement: Statement,
    /// The Groth16 proof, compressed.
    pub proof: [u8; 128],
}

impl Wallet {
    /// Proves one query's answer for a contract. The scope and the query are the request's; of its
    /// challenge and address nothing is used. `store` has a record of the answer before it is
    /// given out.
    ///
    /// # Errors
    /// As [`Wallet::present`].
    pub fn present_to_ledger(
        &mut self,
        session: &Session<'_>,
        query: &Identifier,
        credential: &CredentialId,
        call: &LedgerCall,
        store: &mut impl VaultStore,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<LedgerAnswer, WalletError> {
        session.check()?;
        let asked = session.query(query)?;
        let held = self.admit(session, asked, credential, Some(session.view))?;
        let (root, now) = (session.view.root(), session.now);
        // A call has no one-time key; its context is the call's.
        let parts = self.statement_parts(session.request, asked, held, root, now, [0; 32])?;
        let LedgerCall { chain_id, contract, caller, subject } = call;
        let statement = Statement {
            context: Context::of_ledger_call(*chain_id, contract, caller, subject),
            ..rebuild_statement(session.request, asked, &parts)?
        };
        let witness = self.witness(held, session.view)?;
        let proof = session.prover.prove(&statement, &witness, rng)?;
        let event = LogEvent::PresentedToLedger {
            asked: Asked::of(session.request),
            query: query.clone(),
            credential: *credential,
            chain_id: *chain_id,
            contract: format!("0x{}", hex::encode(contract)),
        };
        self.record(now, event, store, rng)?;
        Ok(LedgerAnswer { statement, proof })
    }
}
