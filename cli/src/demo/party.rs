//! Who takes part besides the issuers: holders and verifiers.

use super::report::Found;
use crate::clock::MovableClock;
use crate::wallet;
use anyhow::Result;
use ark_std::rand::rngs::OsRng;
use attestry_circuits::Violation;
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{
    ClientId, PresentationError, PresentationRequest, PresentationResponse, Query, ScopeParts,
};
use attestry_ledger::{Account, AccountKey, RegistryClient, RegistrySnapshot};
use attestry_service::{Actor, DatabaseUrl, TenantId};
use attestry_verifier::{
    AcceptedCircuits, ChecksConfig, Decision, NewSession, PolicyCatalogue, ReceiptKey, Reply,
    Session, Storage, Verifier, VerifierConfig, VerifierParts,
};
use attestry_wallet_core::{
    CircuitProver, KeyDerivation, LedgerAnswer, LedgerCall, MemoryStore, Reason,
    Session as Answering, Wallet, WalletError,
};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Sessions and proofs live longer than the grace of a replaced root.
const HOUR_S: u64 = 3_600;

/// A person with a wallet.
pub(super) struct Holder {
    pub(super) wallet: Wallet,
    store: MemoryStore,
}

impl Holder {
    pub(super) fn new() -> Result<Self> {
        let passphrase = "a passphrase for a demonstration";
        let wallet = Wallet::create(passphrase, KeyDerivation::MINIMUM, &mut OsRng)?;
        Ok(Self { wallet, store: MemoryStore::default() })
    }

    pub(super) fn answer(
        &mut self,
        request: &PresentationRequest,
        snapshot: &RegistrySnapshot,
        prover: &CircuitProver,
        now: u64,
    ) -> Result<PresentationResponse, WalletError> {
        wallet::answer(&mut self.wallet, &mut self.store, request, snapshot, prover, now)
    }

    /// Answers a request's first query for a contract.
    pub(super) fn answer_contract(
        &mut self,
        session: &Answering<'_>,
        call: &LedgerCall,
    ) -> Result<LedgerAnswer, WalletError> {
        let chosen = self.wallet.choose(session.request, Some(session.view), session.now)?;
        let chosen = chosen.first()?;
        let (query, credential) = chosen.iter().next().ok_or(PresentationError::Unanswered)?;
        let (store, rng) = (&mut self.store, &mut OsRng);
        self.wallet.present_to_ledger(session, query, credential, call, store, rng)
    }

    /// Reveals the key that withdraws the holder from a request's scope.
    pub(super) fn withdraw(
        &mut self,
        request: &PresentationRequest,
        now: u64,
    ) -> Result<attestry_circuits::WithdrawalKey> {
        let (client, scope) = (&request.client_id, &request.scope);
        Ok(self.wallet.withdraw(client, scope, now, &mut self.store, &mut OsRng)?)
    }
}

/// What a verifier asks.
pub(super) struct Question {
    pub(super) policy: &'static str,
    pub(super) parameters: Vec<(&'static str, Value)>,
    pub(super) purpose: &'static str,
    pub(super) epoch: u64,
}

/// A clinic or a sponsor, whose verifier reads a registry through `registry`.
pub(super) async fn verifier(
    identity: &AccountKey,
    registry: RegistryClient,
    did: &ClientId,
    circuits: AcceptedCircuits,
    folder: &Path,
    clock: &MovableClock,
) -> Result<Verifier> {
    let clock = clock.clone();
    let url = DatabaseUrl::Sqlite(folder.join(format!("{}.sqlite", identity.address())));
    let config = VerifierConfig {
        client_id: did.clone(),
        public_url: "https://verifier.example".parse()?,
        checks: ChecksConfig {
            session_lifetime_s: HOUR_S,
            max_age_s: HOUR_S,
            ..ChecksConfig::default()
        },
    };
    Ok(Verifier::new(VerifierParts {
        config,
        circuits,
        policies: PolicyCatalogue::none(),
        registry,
        storage: Storage::open(&url, TenantId::default()).await?,
        account: Account::from(identity),
        receipt_key: ReceiptKey::from_seed(&identity.to_bytes()),
        clock: Arc::new(move || clock.now()),
        rng: Box::new(OsRng),
    }))
}

/// Opens a session.
pub(super) async fn ask(verifier: &Verifier, question: &Question) -> Result<Session> {
    let policy = PolicyDocument::from_json(question.policy.as_bytes())?;
    let parameters = question
        .parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let asked = NewSession {
        queries: vec![Query::new("q1".parse()?, policy, parameters)?],
        scope: ScopeParts { purpose: question.purpose.to_owned(), epoch: question.epoch },
        purpose: question.purpose.to_owned(),
        count_once: false,
        reply: Reply::default(),
        acknowledged: Vec::new(),
    };
    Ok(verifier.open_session(&Actor::operator(), asked).await?)
}

/// What a verifier says of an answer.
pub(super) async fn decide(
    verifier: &Verifier,
    session: &Session,
    answer: &PresentationResponse,
) -> Result<Found> {
    Ok(
        match verifier.respond(&Actor::wallet("demo"), &session.request.request_id, answer).await? {
            Decision::Accepted { receipt } => {
                let receipt = receipt.verify(&verifier.receipt_verifying_key())?;
                let block = receipt.registry_block.unwrap_or_default();
                Found::accepted(format!("receipt signed, registry read at block {block}"))
            }
            Decision::Refused { refusal, .. } => {
                Found::refused(refusal.reason(), refusal.to_string())
            }
        },
    )
}

/// What it means that a wallet cannot answer.
pub(super) fn unanswered(error: &WalletError) -> Found {
    let WalletError::Unmet { refused, .. } = error else {
        return Found::refused("wallet", error.to_string());
    };
    let relevant = refused
        .iter()
        .map(|(_, reason)| *reason)
        .find(|reason| !matches!(reason, Reason::Violation(Violation::Schema)));
    match relevant {
        Some(Reason::Violation(violation)) => {
            Found::refused(property(violation), format!("no proof exists: {violation}"))
        }
        Some(reason) => Found::refused("wallet", reason.to_string()),
        None => Found::refused("wallet", error.to_string()),
    }
}

fn property(violation: Violation) -> &'static str {
    match violation {
        Violation::Accreditation | Violation::AccreditationEnded => "issuer-not-accredited",
        Violation::Revoked => "revoked",
        Violation::Expired | Violation::NotYetValid => "not-valid-now",
        Violation::Policy | Violation::ClaimRange => "policy-not-satisfied",
        _ => "not-provable",
    }
}
