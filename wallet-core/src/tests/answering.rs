//! Answering, declining, withdrawing, and what the log says of it.

use super::*;
use crate::{LedgerCall, LogEvent, Reason, WalletError};
use attestry_circuits::{Context, Violation};
use attestry_credential::presentation::{
    PresentationError, PresentationResponse, rebuild_statement, verify_signature,
};

/// What the clinic checks besides the proof and the ledger.
fn clinic_checks(request: &PresentationRequest, response: &PresentationResponse) {
    response.check_complete(request).unwrap();
    for query in &request.queries {
        let presentation = &response.presentations[&query.id];
        verify_signature(presentation, request, query).unwrap();
        rebuild_statement(request, query, &presentation.parts).unwrap();
    }
}

#[test]
fn the_clinic_learns_what_it_asked_and_the_log_says_so() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut physicians_wallet, licence) = licensed_wallet(&board);
    let clinics_request = request_for(&[licensed_in("CA")]);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let session = Session { request: &clinics_request, view: &view, prover: &prover, now: NOW };
    let physicians_choice = [(id("licence"), licence)].into();
    let mut store = MemoryStore::default();
    let response =
        physicians_wallet.present(&session, &physicians_choice, &mut store, &mut rng()).unwrap();

    clinic_checks(&clinics_request, &response);
    let presentation = &response.presentations[&id("licence")];
    let clinic_learns: Vec<_> = presentation.parts.disclosed.iter().collect();
    assert_eq!(clinic_learns, [("licence_type", &json!("MD"))]);

    let reopened = store.reopen();
    let LogEvent::Presented { asked, answers } = &reopened.log()[0].event else {
        panic!("the answer is in the stored log");
    };
    assert_eq!(asked.client_id, clinics_request.client_id);
    assert_eq!(asked.purpose, "To let you take a shift");
    assert_eq!(asked.queries[0].policy, "licensed-in-state");
    assert_eq!(asked.queries[0].disclosed, ["licence_type"]);
    assert_eq!(answers[0].credential, licence);
    let key = Digest::from_bytes(presentation.parts.presentation_key);
    assert_eq!(answers[0].presentation_key, key);
    assert_eq!(physicians_wallet.log()[0].at, NOW);
}

#[test]
fn two_credentials_of_one_holder_answer_one_request_with_one_nullifier() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let mut texan = physician();
    texan["jurisdiction"] = json!("TX");
    texan["licenceNumber"] = json!("T 9");
    let envelope = Envelope { status_index: 5, ..Envelope::of(&wallet) };
    let (document, attestation) = board.issue(&texan, envelope);
    let texan_licence = wallet.accept(&document, &attestation, None).unwrap();

    let mut texas = licensed_in("TX");
    texas["id"] = json!("texas");
    let request = request_for(&[licensed_in("CA"), texas]);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    let chosen = wallet.choose(&request, Some(&view), NOW).unwrap().first().unwrap();
    assert_eq!(chosen, [(id("licence"), licence), (id("texas"), texan_licence)].into());
    let mut store = MemoryStore::default();
    let response = wallet.present(&session, &chosen, &mut store, &mut rng()).unwrap();
    clinic_checks(&request, &response);
    let keys: Vec<_> = response.presentations.values().map(|p| p.parts.presentation_key).collect();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn presentations_under_two_scopes_have_different_nullifiers_and_keys() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let mut store = MemoryStore::default();
    let mut parts_under_epoch = |epoch| {
        let mut request = request_for(&[licensed_in("CA")]);
        request.scope.epoch = epoch;
        let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
        let chosen = [(id("licence"), licence)].into();
        let response = wallet.present(&session, &chosen, &mut store, &mut rng()).unwrap();
        response.presentations[&id("licence")].parts.clone()
    };
    let (first, again, second) = (parts_under_epoch(1), parts_under_epoch(1), parts_under_epoch(2));
    assert_eq!(first.nullifier, again.nullifier);
    assert_ne!(first.presentation_key, again.presentation_key);
    assert_ne!(first.nullifier, second.nullifier);
}

/// The error of presenting with this choice and change of the session.
fn refused(
    wallet: &mut Wallet,
    board: &Board,
    request: &PresentationRequest,
    chosen: crate::Chosen,
    now: u64,
) -> WalletError {
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let session = Session { request, view: &view, prover: &prover, now };
    let mut store = MemoryStore::default();
    let error = wallet.present(&session, &chosen, &mut store, &mut rng()).unwrap_err();
    assert!(store.sealed.is_empty() && wallet.log().is_empty());
    error
}

#[test]
fn refuses_what_it_should_not_answer() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let request = request_for(&[licensed_in("CA")]);
    let chosen: crate::Chosen = [(id("licence"), licence)].into();

    let expired = refused(&mut wallet, &board, &request, chosen.clone(), NOW + 301);
    assert!(matches!(expired, WalletError::RequestExpired));

    let mut other_key = request.clone();
    other_key.zk_system_type[0].params.vk_hash = Digest::from_bytes([0x33; 32]);
    let unsupported = refused(&mut wallet, &board, &other_key, chosen.clone(), NOW);
    assert!(matches!(unsupported, WalletError::UnsupportedSystem));

    let unchosen = refused(&mut wallet, &board, &request, Default::default(), NOW);
    assert!(matches!(unchosen, WalletError::Presentation(PresentationError::Unanswered)));

    let (_, anothers_licence) = {
        let mut stranger = new_wallet(5);
        let (document, attestation) = board.issue(&physician(), Envelope::of(&stranger));
        let licence = stranger.accept(&document, &attestation, None).unwrap();
        (stranger, licence)
    };
    let unknown = [(id("licence"), anothers_licence)].into();
    let unknown = refused(&mut wallet, &board, &request, unknown, NOW);
    assert!(matches!(unknown, WalletError::UnknownCredential));

    let texas = request_for(&[licensed_in("TX")]);
    let unsatisfied = refused(&mut wallet, &board, &texas, chosen.clone(), NOW);
    assert!(matches!(unsatisfied, WalletError::Refused(Reason::Violation(Violation::Policy))));

    let mut unanswerable = licensed_in("CA");
    unanswerable["parameters"]["state"] = json!("Atlantis");
    let unanswerable = request_for(&[unanswerable]);
    let error = refused(&mut wallet, &board, &unanswerable, chosen.clone(), NOW);
    assert!(matches!(error, WalletError::Presentation(PresentationError::Policy(_))));

    board.revoke(4711);
    let revoked = refused(&mut wallet, &board, &request, chosen, NOW);
    assert!(matches!(revoked, WalletError::Refused(Reason::Violation(Violation::Revoked))));
}

#[test]
fn declining_is_logged_and_reveals_nothing() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, _) = licensed_wallet(&board);
    let mut store = MemoryStore::default();
    let request = request_for(&[licensed_in("CA")]);
    wallet.decline(&request, NOW, &mut store, &mut rng()).unwrap();
    let reopened = store.reopen();
    assert_eq!(reopened.log(), wallet.log());
    assert!(
        matches!(&reopened.log()[0].event, LogEvent::Declined { asked } if asked.queries.len() == 1)
    );
}

#[test]
fn withdrawing_reveals_the_nullifiers_preimage_and_ends_answers_under_the_scope() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let request = request_for(&[licensed_in("CA")]);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    let chosen = [(id("licence"), licence)].into();
    let mut store = MemoryStore::default();
    let response = wallet.present(&session, &chosen, &mut store, &mut rng()).unwrap();
    let nullifier_that_the_clinic_knows = response.presentations[&id("licence")].parts.nullifier;

    let revealed =
        wallet.withdraw(&request.client_id, &request.scope, NOW, &mut store, &mut rng()).unwrap();
    assert_eq!(revealed.nullifier(), nullifier_that_the_clinic_knows);
    let again = wallet.withdraw(&request.client_id, &request.scope, NOW, &mut store, &mut rng());
    assert_eq!(again.unwrap().nullifier(), revealed.nullifier());

    let mut reopened = store.reopen();
    assert_eq!(reopened.log().len(), 2);
    let answer = reopened.present(&session, &chosen, &mut store, &mut rng());
    assert!(matches!(answer, Err(WalletError::Withdrawn)));
    assert!(matches!(reopened.choose(&request, None, NOW), Err(WalletError::Withdrawn)));
    let prepared = reopened.prepare(&session, &id("licence"), &licence, &mut rng());
    assert!(matches!(prepared, Err(WalletError::Withdrawn)));
    let mut next_epoch = request.clone();
    next_epoch.scope.epoch += 1;
    assert!(reopened.choose(&next_epoch, None, NOW).is_ok());
}

#[test]
fn a_withdrawal_that_is_not_stored_did_not_happen() {
    let mut wallet = new_wallet(1);
    let request = request_for(&[licensed_in("CA")]);
    let mut store = MemoryStore { broken: true, ..Default::default() };
    let withdrawn =
        wallet.withdraw(&request.client_id, &request.scope, NOW, &mut store, &mut rng());
    assert!(matches!(withdrawn, Err(WalletError::Store(_))));
    assert!(wallet.choose(&request, None, NOW).is_ok());
    assert!(wallet.log().is_empty());
}

#[test]
fn preparing_an_unknown_query_is_refused() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let request = request_for(&[licensed_in("CA")]);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    let prepared = wallet.prepare(&session, &id("other"), &licence, &mut rng());
    let unknown = PresentationError::UnknownQuery;
    assert!(matches!(prepared, Err(WalletError::Presentation(e)) if e == unknown));
}

#[test]
fn an_answer_to_a_contract_is_bound_to_the_call_and_logged_before_it_is_given_out() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let request = request_for(&[licensed_in("CA")]);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    let call =
        LedgerCall { chain_id: 7, contract: [0xab; 20], caller: [0xcd; 20], subject: [0xef; 20] };
    let query = id("licence");
    let mut broken = MemoryStore { broken: true, ..Default::default() };
    let unstored =
        wallet.present_to_ledger(&session, &query, &licence, &call, &mut broken, &mut rng());
    assert!(matches!(unstored, Err(WalletError::Store(_))));
    assert!(wallet.log().is_empty());

    let mut store = MemoryStore::default();
    let answer = wallet
        .present_to_ledger(&session, &query, &licence, &call, &mut store, &mut rng())
        .unwrap();
    let LedgerCall { chain_id, contract, caller, subject } = call;
    let context = Context::of_ledger_call(chain_id, &contract, &caller, &subject);
    assert_eq!(answer.statement.context, context);
    assert_eq!(answer.statement.scope, request.scope());
    let reopened = store.reopen();
    let LogEvent::PresentedToLedger { contract, credential, .. } = &reopened.log()[0].event else {
        panic!("the answer is in the stored log");
    };
    assert_eq!(
        (contract.as_str(), credential),
        (format!("0x{}", "ab".repeat(20)).as_str(), &licence)
    );

    let withdrawal =
        wallet.withdraw(&request.client_id, &request.scope, NOW, &mut store, &mut rng()).unwrap();
    assert_eq!(withdrawal.nullifier(), answer.statement.nullifier);
    let withdrawn =
        wallet.present_to_ledger(&session, &query, &licence, &call, &mut store, &mut rng());
    assert!(matches!(withdrawn, Err(WalletError::Withdrawn)));
}
