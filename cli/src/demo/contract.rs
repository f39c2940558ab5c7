//! A presentation to a contract, for all to see, once.

use super::party::{Question, ask};
use super::report::{Expected, Found, Report};
use super::world::World;
use crate::snapshot;
use anyhow::{Context, Result};
use ark_std::rand::rngs::OsRng;
use attestry_keys::Proof;
use attestry_keys::interop::solidity::proof_words;
use attestry_ledger::{Account, LedgerError, LedgerPolicy};
use attestry_wallet_core::{LedgerCall, Session};
use serde_json::json;
use std::time::Instant;

const LICENSED: &str = include_str!("../../../examples/policies/licensed-in-state.json");
const MAX_AGE_S: u32 = 600;
const ROOT_GRACE_S: u32 = 600;

/// Registers a policy that discloses nothing, presents to the contract, and presents again.
pub(super) async fn show(world: &mut World, state: &str, report: &mut Report) -> Result<()> {
    let since = Instant::now();
    let question = Question {
        policy: LICENSED,
        parameters: vec![("state", json!(state))],
        purpose: "a smart contract",
        epoch: 0,
    };
    let request = ask(&world.clinic, &question).await?.request;
    let query = request.queries.first().context("a question has a query")?;
    let policy = LedgerPolicy {
        scope: request.scope(),
        template: query.policy.template(&query.parameters)?,
        max_age_s: MAX_AGE_S,
        root_grace_s: ROOT_GRACE_S,
    };
    let account = Account::random(&mut OsRng);
    world.registry.register_policy(&account, &policy).await?;

    let address = account.address();
    let contract = world.registry.deployment().presentation_verifier;
    let call = LedgerCall {
        chain_id: world.registry.ledger().chain_id().await?,
        contract: contract.context("the deployment takes presentations")?.into_array(),
        caller: address.into_array(),
        subject: address.into_array(),
    };
    let registry = world.snapshot().await?;
    let view = snapshot::view(&registry);
    let now = world.clock.now();
    let session = Session { request: &request, view: &view, prover: &world.prover, now };
    let answer = world.clinician.answer_contract(&session, &call)?;
    let proof = proof_words(&Proof::from_bytes(&answer.proof)?);
    let present = async || {
        world.registry.present(&account, &policy, address, &answer.statement, &proof).await
    };
    let found = found(present().await)?;
    report.step("prove and present to a contract", Expected::Accepted, &found, since);

    let since = Instant::now();
    let found = self::found(present().await)?;
    let expected = Expected::RefusedFor("NullifierAlreadyUsed");
    report.step("the same to the contract again", expected, &found, since);
    Ok(())
}

fn found(outcome: Result<(), LedgerError>) -> Result<Found> {
    match outcome {
        Ok(()) => Ok(Found::accepted("checked on the ledger, the nullifier used up")),
        Err(LedgerError::Reverted { name }) => {
            Ok(Found::refused(name.clone(), format!("the contract reverts with {name}")))
        }
        Err(error) => Err(error.into()),
    }
}
