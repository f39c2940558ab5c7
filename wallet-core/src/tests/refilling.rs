//! The pool is kept filled: step by step, and by a thread.

use super::*;
use crate::{MAX_POOL, WalletError};

/// A wallet that keeps `ready` proofs for the clinic's question.
fn keeping(board: &Board, ready: usize) -> (Wallet, CredentialId) {
    let (mut wallet, licence) = licensed_wallet(board);
    let request = request_for(&[licensed_in("CA")]);
    wallet.keep_ready(&request, &id("licence"), &licence, ready).unwrap();
    (wallet, licence)
}

/// Steps until nothing is missing: how many proofs were made.
fn refill(wallet: &mut Wallet, board: &Board, now: u64, store: &mut MemoryStore) -> usize {
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let mut made = 0;
    while wallet.refill_step(&view, &prover, now, store, &mut rng()).unwrap() {
        made += 1;
    }
    made
}

#[test]
fn the_pool_is_filled_to_what_the_holder_allowed_and_survives_a_restart() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = keeping(&board, 3);
    let mut store = MemoryStore::default();
    wallet.save(&mut store, &mut rng()).unwrap();
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 3);

    let mut wallet = store.reopen();
    assert_eq!(wallet.pool_size(), 3);
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 0);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let request = request_for(&[licensed_in("CA")]);
    let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
    let chosen = [(id("licence"), licence)].into();
    wallet.present(&session, &chosen, &mut store, &mut rng()).unwrap();
    assert_eq!(wallet.pool_size(), 2);

    let mut wallet = store.reopen();
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 1);
    assert_eq!(store.reopen().pool_size(), 3);
}

#[test]
fn stale_proofs_are_proven_anew() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (mut wallet, _) = keeping(&board, 2);
    let mut store = MemoryStore::default();
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 2);
    // Past half of their age they still serve, beside those that will take their place.
    assert_eq!(refill(&mut wallet, &board, NOW + 300, &mut store), 0);
    assert_eq!(refill(&mut wallet, &board, NOW + 301, &mut store), 2);
    assert_eq!(wallet.pool_size(), 4);
    // Past their age they go.
    assert_eq!(refill(&mut wallet, &board, NOW + 601, &mut store), 0);
    assert_eq!(wallet.pool_size(), 2);
    // So do those against a root that was replaced.
    board.revoke(99);
    assert_eq!(refill(&mut wallet, &board, NOW + 601, &mut store), 2);
    assert_eq!(wallet.pool_size(), 2);
    let root = board.view().root();
    let mut roots = wallet.pool.proofs().iter().map(|p| p.presentation.parts.registry_root);
    assert!(roots.all(|proven| proven == root));
}

#[test]
fn nothing_is_proven_for_what_would_be_refused() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (mut wallet, _) = keeping(&board, 2);
    let mut store = MemoryStore::default();
    board.revoke(4711);
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 0);
    board.status.set(4711, false).unwrap();
    board.publish();
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 2);

    let request = request_for(&[licensed_in("CA")]);
    wallet.withdraw(&request.client_id, &request.scope, NOW, &mut store, &mut rng()).unwrap();
    assert_eq!(refill(&mut wallet, &board, NOW + 601, &mut store), 0);
}

#[test]
fn what_is_kept_ready_is_bounded_replaced_and_ended() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = keeping(&board, 3);
    let mut store = MemoryStore::default();
    let request = request_for(&[licensed_in("CA")]);
    let mut next_epoch = request.clone();
    next_epoch.scope.epoch += 1;
    let query = id("licence");
    let too_many = wallet.keep_ready(&next_epoch, &query, &licence, MAX_POOL - 2);
    assert!(matches!(too_many, Err(WalletError::PoolLimit)));
    let too_many = wallet.keep_ready(&next_epoch, &query, &licence, usize::MAX);
    assert!(matches!(too_many, Err(WalletError::PoolLimit)));
    wallet.keep_ready(&next_epoch, &query, &licence, 1).unwrap();
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 4);
    wallet.keep_ready(&request, &query, &licence, 5).unwrap();
    assert_eq!(refill(&mut wallet, &board, NOW, &mut store), 2);
    wallet.keep_ready(&request, &query, &licence, 0).unwrap();
    wallet.keep_ready(&next_epoch, &query, &licence, 0).unwrap();
    assert_eq!(refill(&mut wallet, &board, NOW + 601, &mut store), 0);
    assert_eq!(wallet.pool_size(), 0);

    let unknown = wallet.keep_ready(&request, &id("other"), &licence, 1);
    assert!(matches!(unknown, Err(WalletError::Presentation(_))));
    let unknown = new_wallet(5).keep_ready(&request, &query, &licence, 1);
    assert!(matches!(unknown, Err(WalletError::UnknownCredential)));
}

#[test]
fn a_proof_that_cannot_be_stored_is_an_error() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, _) = keeping(&board, 1);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let mut store = MemoryStore { broken: true, ..Default::default() };
    let step = wallet.refill_step(&view, &prover, NOW, &mut store, &mut rng());
    assert!(matches!(step, Err(WalletError::Store(_))));
}

#[cfg(feature = "background")]
mod in_the_background {
    use super::*;
    use crate::Refiller;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    #[test]
    fn the_thread_refills_while_the_wallet_answers() {
        let board = Board::new(Schema::ProviderCredential);
        let (mut wallet, licence) = keeping(&board, 4);
        let mut store = MemoryStore::default();
        wallet.save(&mut store, &mut rng()).unwrap();
        let prover = Arc::new(CircuitProver::native_check_alone(vk_hash()));
        let mut refiller = Refiller::start(Arc::clone(&prover), 2, rng()).unwrap();
        let view = board.view();
        while wallet.pool_size() < 4 {
            refiller.refill(&mut wallet, &mut store, &view, NOW, &mut rng()).unwrap();
            refiller.settle(&mut wallet, &mut store, &mut rng()).unwrap();
        }

        let mut keys = BTreeSet::new();
        let chosen = [(id("licence"), licence)].into();
        for number in 0..40 {
            let mut request = request_for(&[licensed_in("CA")]);
            request.request_id = id(&format!("r-{number}"));
            let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
            let answer = wallet.present(&session, &chosen, &mut store, &mut rng()).unwrap();
            assert!(keys.insert(answer.presentations[&id("licence")].parts.presentation_key));
            refiller.refill(&mut wallet, &mut store, &view, NOW, &mut rng()).unwrap();
        }
        while wallet.pool_size() < 4 {
            refiller.settle(&mut wallet, &mut store, &mut rng()).unwrap();
            refiller.refill(&mut wallet, &mut store, &view, NOW, &mut rng()).unwrap();
        }
        drop(refiller);
        let reopened = store.reopen();
        assert_eq!((reopened.pool_size(), reopened.log().len()), (4, 40));
        let mut left = reopened.pool.proofs().iter();
        assert!(left.all(|p| !keys.contains(&p.presentation.parts.presentation_key)));
    }

    #[test]
    fn no_more_than_the_queue_is_under_way_and_what_is_dropped_was_never_stored() {
        let board = Board::new(Schema::ProviderCredential);
        let (mut wallet, _) = keeping(&board, 10);
        let mut store = MemoryStore::default();
        let prover = Arc::new(CircuitProver::native_check_alone(vk_hash()));
        let mut refiller = Refiller::start(Arc::clone(&prover), 3, rng()).unwrap();
        refiller.refill(&mut wallet, &mut store, &board.view(), NOW, &mut rng()).unwrap();
        assert_eq!(wallet.pool_size(), 0);
        refiller.settle(&mut wallet, &mut store, &mut rng()).unwrap();
        assert_eq!((wallet.pool_size(), store.reopen().pool_size()), (3, 3));
        refiller.refill(&mut wallet, &mut store, &board.view(), NOW, &mut rng()).unwrap();
        drop(refiller);
        assert_eq!(store.reopen().pool_size(), 3);
    }

    #[test]
    fn a_refill_that_lacks_nothing_hands_out_nothing() {
        let board = Board::new(Schema::ProviderCredential);
        let (mut wallet, _) = licensed_wallet(&board);
        let mut store = MemoryStore::default();
        let prover = Arc::new(CircuitProver::native_check_alone(vk_hash()));
        let mut refiller = Refiller::start(prover, 2, rng()).unwrap();
        refiller.refill(&mut wallet, &mut store, &board.view(), NOW, &mut rng()).unwrap();
        refiller.settle(&mut wallet, &mut store, &mut rng()).unwrap();
        assert_eq!(wallet.pool_size(), 0);
    }
}
