//! Proving, apart from the wallet: what it takes, and what comes back.

use crate::held::Held;
use crate::pool::{Prepared, Topic};
use crate::secret::SecretBytes;
use crate::{CircuitProver, CredentialId, RegistryView, Wallet, WalletError};
use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::{Statement, Witness};
use attestry_credential::presentation::{
    Identifier, Presentation, PresentationError, PresentationRequest, Query, StatementParts,
    rebuild_statement,
};
use ed25519_dalek::SigningKey;

/// What an answer is made from: the request, the ledger's state, the prover and the time.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// What is asked.
    pub request: &'a PresentationRequest,
    /// The registry as the caller has read it.
    pub view: &'a RegistryView<'a>,
    /// The prover.
    pub prover: &'a CircuitProver,
    /// Unix seconds.
    pub now: u64,
}

impl Session<'_> {
    pub(crate) fn query(&self, id: &Identifier) -> Result<&Query, WalletError> {
        Ok(self.request.query(id).ok_or(PresentationError::UnknownQuery)?)
    }

    /// Checks that the request is open to an answer by this prover.
    pub(crate) fn check(&self) -> Result<(), WalletError> {
        if self.now > self.request.expires_at {
            return Err(WalletError::RequestExpired);
        }
        if self.is_of_prover() { Ok(()) } else { Err(WalletError::UnsupportedSystem) }
    }

    /// Whether the request accepts the prover's circuit and key.
    pub(crate) fn is_of_prover(&self) -> bool {
        let params = self.prover.params();
        self.request.zk_system_type.iter().any(|system| system.params == params)
    }
}

/// A proof to be made: all that the prover needs, apart from the wallet, so that the wallet is
/// free while it proves. Holds the holder's secret; its `Debug` shows nothing.
pub(crate) struct ProofTask {
    credential: CredentialId,
    pub(crate) topic: Topic,
    max_age_s: u64,
    parts: StatementParts,
    statement: Statement,
    witness: Witness,
    secret_key: SecretBytes,
}

impl ProofTask {
    pub(crate) fn prove(
        self,
        prover: &CircuitProver,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Prepared, WalletError> {
        let proof = prover.prove(&self.statement, &self.witness, rng)?;
        let system = prover.params();
        let (circuit_id, parts) = (system.circuit_hash, self.parts);
        Ok(Prepared {
            credential: self.credential,
            topic: self.topic,
            system,
            max_age_s: self.max_age_s,
            presentation: Presentation { circuit_id, parts, proof, signature: [0; 64] },
            secret_key: self.secret_key,
        })
    }
}

impl std::fmt::Debug for ProofTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProofTask(redacted)")
    }
}

impl Wallet {
    /// Proves one query's answer ahead of time and keeps it in the pool: a later request of the
    /// same verifier, scope, policy and parameters is answered in the time of one signature.
    ///
    /// The pool keeps [`MAX_POOL`](crate::MAX_POOL) proofs; the oldest make room. Save the wallet
    /// to keep it.
    ///
    /// # Errors
    /// As [`Wallet::present`], without storing.
    pub fn prepare(
        &mut self,
        session: &Session<'_>,
        query: &Identifier,
        credential: &CredentialId,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), WalletError> {
        session.check()?;
        let task = self.task(session, session.query(query)?, credential, rng)?;
        self.pool.add(task.prove(session.prover, rng)?);
        Ok(())
    }

    /// Checks that the credential may answer the query; by what the wallet itself knows, if there
    /// is no view.
    pub(crate) fn admit(
        &self,
        session: &Session<'_>,
        query: &Query,
        credential: &CredentialId,
        view: Option<&RegistryView<'_>>,
    ) -> Result<&Held, WalletError> {
        self.check_not_withdrawn(&session.request.scope())?;
        let held = self.held_by_id(credential)?;
        self.assess(session.request, query, held, view, session.now)?
            .map_err(WalletError::Refused)?;
        Ok(held)
    }

    /// One query's proof to be made with a credential that may answer, under a fresh one-time
    /// key.
    pub(crate) fn task(
        &self,
        session: &Session<'_>,
        query: &Query,
        credential: &CredentialId,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<ProofTask, WalletError> {
        let held = self.admit(session, query, credential, Some(session.view))?;
        let secret_key = fresh_key(rng);
        let key = SigningKey::from_bytes(secret_key.expose()).verifying_key().to_bytes();
        let (root, now) = (session.view.root(), session.now);
        let parts = self.statement_parts(session.request, query, held, root, now, key)?;
        Ok(ProofTask {
            credential: held.id,
            topic: Topic::of(session.request, query, credential),
            max_age_s: session.request.max_age_s,
            statement: rebuild_statement(session.request, query, &parts)?,
            witness: self.witness(held, session.view)?,
            parts,
            secret_key,
        })
    }
}

fn fresh_key(rng: &mut (impl RngCore + CryptoRng)) -> SecretBytes {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *bytes);
    SecretBytes::new(*bytes)
}
