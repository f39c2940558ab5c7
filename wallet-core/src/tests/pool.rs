//! Proofs made ahead of time: each one-time key signs once.

use super::*;
use crate::{MAX_POOL, WalletError};

/// The one-time key of the answer to the request's only query.
fn key_of_answer(wallet: &mut Wallet, session: &Session<'_>, store: &mut MemoryStore) -> [u8; 32] {
    let chosen = wallet.choose(session.request, Some(session.view), session.now).unwrap();
    let chosen = chosen.first().unwrap();
    let response = wallet.present(session, &chosen, store, &mut rng()).unwrap();
    response.presentations[&id("licence")].parts.presentation_key
}

#[test]
fn an_answer_from_the_pool_was_proven_before_the_challenge_existed() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let earlier = request_for(&[licensed_in("CA")]);
    let session = Session { request: &earlier, view: &view, prover: &prover, now: NOW };
    wallet.prepare(&session, &id("licence"), &licence, &mut rng()).unwrap();

    let mut later = earlier.clone();
    later.nonce = "EBESExQVFhcYGRobHB0eHw".parse().unwrap();
    later.request_id = id("r-2");
    let session = Session { request: &later, now: NOW + 60, ..session };
    let chosen = [(id("licence"), licence)].into();
    let mut store = MemoryStore::default();
    let response = wallet.present(&session, &chosen, &mut store, &mut rng()).unwrap();
    assert_eq!(response.presentations[&id("licence")].parts.now, NOW);
    assert_eq!(wallet.pool_size(), 0);
}

#[test]
fn a_used_key_is_not_used_again_after_the_wallet_is_reopened() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let request = request_for(&[licensed_in("CA")]);
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    let mut store = MemoryStore::default();
    let mut rng = rng();
    for _ in 0..3 {
        wallet.prepare(&session, &id("licence"), &licence, &mut rng).unwrap();
    }
    let mut keys = Vec::new();
    for left in [2, 1, 0] {
        keys.push(key_of_answer(&mut wallet, &session, &mut store));
        // What is stored when the answer leaves no longer has its key.
        wallet = store.reopen();
        assert_eq!(wallet.pool_size(), left);
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3);
    let logged = wallet.log().len();
    assert_eq!(logged, 3);
}

#[test]
fn nothing_leaves_and_no_key_comes_back_if_the_store_fails() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let request = request_for(&[licensed_in("CA")]);
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    wallet.prepare(&session, &id("licence"), &licence, &mut rng()).unwrap();
    let mut store = MemoryStore { broken: true, ..Default::default() };
    let chosen = [(id("licence"), licence)].into();
    let answer = wallet.present(&session, &chosen, &mut store, &mut rng());
    assert!(matches!(answer, Err(WalletError::Store(_))));
    assert_eq!(wallet.pool_size(), 0);
    assert!(wallet.log().is_empty());
}

#[test]
fn a_restored_backup_has_no_prepared_proofs() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let request = request_for(&[licensed_in("CA")]);
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    wallet.prepare(&session, &id("licence"), &licence, &mut rng()).unwrap();
    let mut store = MemoryStore::default();
    wallet.save(&mut store, &mut rng()).unwrap();
    assert_eq!(store.reopen().pool_size(), 1);
    let backup = wallet.backup(&mut rng()).unwrap();
    assert_eq!(Wallet::open(&backup, PASSPHRASE).unwrap().pool_size(), 0);
    for copy in [&backup, &store.sealed] {
        let restored = Wallet::restore(copy, PASSPHRASE).unwrap();
        assert_eq!(restored.pool_size(), 0);
        assert_eq!(restored.list(NOW), wallet.list(NOW));
        assert_eq!(restored.holder_commitment(), wallet.holder_commitment());
    }
}

#[test]
fn a_prepared_proof_answers_only_what_it_was_made_for() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let prover = CircuitProver::native_check_alone(vk_hash());
    let request = request_for(&[licensed_in("CA")]);
    let prepared_key = {
        let view = board.view();
        let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
        wallet.prepare(&session, &id("licence"), &licence, &mut rng()).unwrap();
        wallet.pool.proofs()[0].presentation.parts.presentation_key
    };
    let mut store = MemoryStore::default();
    let mut answered_with = |request: &PresentationRequest, board: &Board, now| {
        let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
        let session = Session { request, view: &view, prover: &prover, now };
        key_of_answer(&mut wallet, &session, &mut store)
    };

    let mut other_epoch = request.clone();
    other_epoch.scope.epoch += 1;
    assert_ne!(answered_with(&other_epoch, &board, NOW), prepared_key);
    let mut impatient = request.clone();
    impatient.max_age_s = 10;
    assert_ne!(answered_with(&impatient, &board, NOW + 11), prepared_key);
    let mut other_policy = request_for(&[licensed_in("CA")]);
    let mut query = licensed_in("CA");
    query["policy"]["version"] = json!(2);
    other_policy.queries = request_for(&[query]).queries;
    assert_ne!(answered_with(&other_policy, &board, NOW), prepared_key);
    board.revoke(99);
    assert_ne!(answered_with(&request, &board, NOW), prepared_key);
    board.status.set(99, false).unwrap();
    board.publish();
    assert_eq!(answered_with(&request, &board, NOW), prepared_key);
}

#[test]
fn stale_proofs_are_dropped_and_the_pool_is_bounded() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let prover = CircuitProver::native_check_alone(vk_hash());
    let request = request_for(&[licensed_in("CA")]);
    {
        let view = board.view();
        let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
        let later = Session { now: NOW + 50, ..session };
        wallet.prepare(&session, &id("licence"), &licence, &mut rng()).unwrap();
        wallet.prepare(&later, &id("licence"), &licence, &mut rng()).unwrap();
        assert_eq!(wallet.drop_stale(&view, NOW + 601), 1);
        assert_eq!(wallet.pool_size(), 1);
    }
    board.revoke(99);
    assert_eq!(wallet.drop_stale(&board.view(), NOW + 601), 1);

    let view = board.view();
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    for _ in 0..MAX_POOL + 2 {
        wallet.prepare(&session, &id("licence"), &licence, &mut rng()).unwrap();
    }
    assert_eq!(wallet.pool_size(), MAX_POOL);
}
