//! What is accepted, and what is refused for its own reason.

use super::contract;
use super::party::{Question, ask, decide, unanswered};
use super::report::{Expected, Found, Report};
use super::world::World;
use anyhow::{Context, Result};
use ark_std::rand::rngs::OsRng;
use attestry_credential::presentation::PresentationResponse;
use attestry_issuer::Reason;
use attestry_ledger::{Account, RegistrySnapshot};
use attestry_service::Actor;
use attestry_verifier::Session;
use attestry_wallet_core::WalletError;
use serde_json::{Value, json};
use std::time::Instant;

const LICENSED: &str = include_str!("../../../examples/policies/licence-type-in-state.json");
const CONSENTED: &str = include_str!("../../../examples/policies/consented-to-study.json");

/// What the policy of the licence discloses.
const DISCLOSED: &str = "licence_type";
/// A byte within the proof's element of G2: no changed encoding is likely to be in the subgroup.
const BYTE_OF_G2: usize = 40;
/// Longer than a verifier accepts a replaced root, shorter than it accepts a proof.
const PAST_GRACE_S: u64 = 700;
const TWO_HOURS_S: u64 = 7_200;

fn licensed(state: &str) -> Question {
    Question {
        policy: LICENSED,
        parameters: vec![("state", json!(state))],
        purpose: "may practise here today",
        epoch: 0,
    }
}

fn consented(study: &str) -> Question {
    Question {
        policy: CONSENTED,
        parameters: vec![("study", json!(study))],
        purpose: "count participants",
        epoch: 0,
    }
}

/// Runs every step; the sizes of what was sent. If the licence or the consent itself cannot be
/// proven, that is reported and the rest has no subject.
pub(super) async fn show(
    world: &mut World,
    state: &str,
    study: &str,
    report: &mut Report,
) -> Result<Value> {
    let session = ask(&world.clinic, &licensed(state)).await?;
    let steps = ["prove: may practise today", "verify: may practise today"];
    let Some(licence) = accept(world, Who::Clinician, &session, steps, report).await? else {
        return Ok(Value::Null);
    };
    let consent_session = ask(&world.sponsor, &consented(study)).await?;
    let steps = ["prove: consented to the study", "verify: consented to the study"];
    let patient = Who::Patient;
    if accept(world, patient, &consent_session, steps, report).await?.is_none() {
        return Ok(Value::Null);
    }
    contract::show(world, state, report).await?;
    refuse_misuse(world, state, &session, &licence, report).await?;
    refuse_changes(world, state, report).await?;
    refuse_unprovable(world, state, report).await?;
    refuse_unreachable(world, state, report).await?;
    refuse_suspended(world, state, report).await?;
    refuse_withdrawn(world, study, report).await?;
    refuse_revoked(world, state, report).await?;
    sizes(&licence)
}

#[derive(Clone, Copy)]
enum Who {
    Clinician,
    Locum,
    Patient,
}

/// What a holder's wallet answers, by the registry as the snapshot has it.
fn answer(
    world: &mut World,
    who: Who,
    session: &Session,
    snapshot: &RegistrySnapshot,
) -> Result<PresentationResponse, WalletError> {
    let now = world.clock.now();
    let holder = match who {
        Who::Clinician => &mut world.clinician,
        Who::Locum => &mut world.locum,
        Who::Patient => &mut world.patient,
    };
    holder.answer(&session.request, snapshot, &world.prover, now)
}

/// Proves and has verified what should be accepted.
async fn accept(
    world: &mut World,
    who: Who,
    session: &Session,
    [prove, verify]: [&str; 2],
    report: &mut Report,
) -> Result<Option<PresentationResponse>> {
    let snapshot = world.snapshot().await?;
    let since = Instant::now();
    let answer = match answer(world, who, session, &snapshot) {
        Ok(answer) => answer,
        Err(error) => {
            report.step(prove, Expected::Done, &unanswered(&error), since);
            return Ok(None);
        }
    };
    let found = Found::done("a Groth16 proof bound to a one-time key");
    report.step(prove, Expected::Done, &found, since);
    let since = Instant::now();
    let verifier = match who {
        Who::Clinician | Who::Locum => &world.clinic,
        Who::Patient => &world.sponsor,
    };
    let found = decide(verifier, session, &answer).await?;
    report.step(verify, Expected::Accepted, &found, since);
    Ok(Some(answer))
}

/// An answer that was accepted once is good for nothing else.
async fn refuse_misuse(
    world: &mut World,
    state: &str,
    session: &Session,
    answer: &PresentationResponse,
    report: &mut Report,
) -> Result<()> {
    let since = Instant::now();
    let found = decide(&world.clinic, session, answer).await?;
    report.step("the same presentation again", Expected::RefusedFor("replayed"), &found, since);

    let elsewhere = ask(&world.sponsor, &licensed(state)).await?;
    let since = Instant::now();
    let found = decide(&world.sponsor, &elsewhere, answer).await?;
    let expected = Expected::RefusedFor("wrong-audience");
    report.step("for another verifier's challenge", expected, &found, since);

    let other_scope = Question { epoch: 1, ..licensed(state) };
    let elsewhere = ask(&world.clinic, &other_scope).await?;
    let since = Instant::now();
    let found = decide(&world.clinic, &elsewhere, answer).await?;
    report.step("for another scope", Expected::RefusedFor("wrong-scope"), &found, since);
    Ok(())
}

/// What is changed on the way is refused.
async fn refuse_changes(world: &mut World, state: &str, report: &mut Report) -> Result<()> {
    let session = ask(&world.clinic, &licensed(state)).await?;
    let mut answer = answer_licence(world, &session).await?;
    for presentation in answer.presentations.values_mut() {
        let disclosed = &mut presentation.parts.disclosed;
        let stated = disclosed.get(DISCLOSED).context("the licence type is disclosed")?;
        let other = if stated == "DO" { "MD" } else { "DO" };
        *disclosed = disclosed.clone().with(DISCLOSED, other);
    }
    let since = Instant::now();
    let found = decide(&world.clinic, &session, &answer).await?;
    report.step("a changed disclosed value", Expected::RefusedFor("altered"), &found, since);

    let session = ask(&world.clinic, &licensed(state)).await?;
    let mut answer = answer_licence(world, &session).await?;
    for presentation in answer.presentations.values_mut() {
        presentation.proof[BYTE_OF_G2] ^= 1;
    }
    let since = Instant::now();
    let found = decide(&world.clinic, &session, &answer).await?;
    report.step("a changed proof byte", Expected::RefusedFor("bad-proof"), &found, since);
    Ok(())
}

async fn answer_licence(world: &mut World, session: &Session) -> Result<PresentationResponse> {
    let snapshot = world.snapshot().await?;
    Ok(answer(world, Who::Clinician, session, &snapshot)?)
}

/// What is not so has no proof.
async fn refuse_unprovable(world: &mut World, state: &str, report: &mut Report) -> Result<()> {
    let elsewhere = if state == "NY" { "CA" } else { "NY" };
    let session = ask(&world.clinic, &licensed(elsewhere)).await?;
    let since = Instant::now();
    let found = try_licence(world, Who::Clinician, &session).await?;
    let expected = Expected::RefusedFor("policy-not-satisfied");
    report.step("the wrong state", expected, &found, since);

    world.clock.advance(TWO_HOURS_S);
    let session = ask(&world.clinic, &licensed(state)).await?;
    let since = Instant::now();
    let found = try_licence(world, Who::Locum, &session).await?;
    let expected = Expected::RefusedFor("not-valid-now");
    report.step("an expired credential", expected, &found, since);
    Ok(())
}

/// What the clinic says of a licence, or the wallet before it.
async fn try_licence(world: &mut World, who: Who, session: &Session) -> Result<Found> {
    let snapshot = world.snapshot().await?;
    match answer(world, who, session, &snapshot) {
        Ok(answer) => decide(&world.clinic, session, &answer).await,
        Err(error) => Ok(unanswered(&error)),
    }
}

/// A ledger that cannot be read is never a yes.
async fn refuse_unreachable(world: &mut World, state: &str, report: &mut Report) -> Result<()> {
    let session = ask(&world.cut_off, &licensed(state)).await?;
    let answer = answer_licence(world, &session).await?;
    let since = Instant::now();
    let found = decide(&world.cut_off, &session, &answer).await?;
    let expected = Expected::RefusedFor("ledger-unreachable");
    report.step("a ledger that cannot be reached", expected, &found, since);
    Ok(())
}

async fn refuse_suspended(world: &mut World, state: &str, report: &mut Report) -> Result<()> {
    let members = world.members.accounts();
    let member = *members.first().context("a consortium has members")?;
    world.registry.suspend(member, world.board.entry).await?;
    let session = ask(&world.clinic, &licensed(state)).await?;
    let since = Instant::now();
    let found = try_licence(world, Who::Clinician, &session).await?;
    let expected = Expected::RefusedFor("issuer-not-accredited");
    report.step("an issuer that was suspended", expected, &found, since);
    world.registry.lift(&world.members.accounts(), world.board.entry).await?;
    Ok(())
}

/// A withdrawal on the ledger holds at once and everywhere, even for what was proven before it.
async fn refuse_withdrawn(world: &mut World, study: &str, report: &mut Report) -> Result<()> {
    let session = ask(&world.sponsor, &consented(study)).await?;
    let snapshot = world.snapshot().await?;
    let answer = answer(world, Who::Patient, &session, &snapshot)?;
    let key = world.patient.withdraw(&session.request, world.clock.now())?;
    let relayer = Account::random(&mut OsRng);
    world.registry.withdraw(&relayer, &key).await?;
    let since = Instant::now();
    let found = decide(&world.sponsor, &session, &answer).await?;
    report.step("a withdrawn consent", Expected::RefusedFor("withdrawn"), &found, since);
    Ok(())
}

/// A revocation holds at once for whoever proves anew, and after the grace for what was proven
/// before it.
async fn refuse_revoked(world: &mut World, state: &str, report: &mut Report) -> Result<()> {
    let before = ask(&world.clinic, &licensed(state)).await?;
    let proven_before = answer_licence(world, &before).await?;
    let licence = world.licence.as_ref().context("the licence was issued")?.id;
    world.board.issuer.revoke(&Actor::operator(), licence, Reason::DisciplinaryAction).await?;
    world.board.issuer.publish(&mut OsRng).await?;
    let session = ask(&world.clinic, &licensed(state)).await?;
    let since = Instant::now();
    let found = try_licence(world, Who::Clinician, &session).await?;
    report.step("a revoked licence", Expected::RefusedFor("revoked"), &found, since);

    world.clock.advance(PAST_GRACE_S);
    let since = Instant::now();
    let found = decide(&world.clinic, &before, &proven_before).await?;
    let expected = Expected::RefusedFor("stale-root");
    report.step("a registry root older than the grace", expected, &found, since);
    Ok(())
}

fn sizes(answer: &PresentationResponse) -> Result<Value> {
    let presentation = answer.presentations.values().next().context("one query, one answer")?;
    Ok(json!({
        "proof": presentation.proof.len(),
        "presentation": presentation.to_bytes().len(),
    }))
}
