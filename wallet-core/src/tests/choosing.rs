//! Which credential answers, and each reason why one does not.

use super::*;
use crate::{Reason, WalletError};
use attestry_circuits::Violation;

/// Why the wallet's only credential does not answer.
fn refusal(wallet: &Wallet, query: Value, board: &Board, now: u64) -> Reason {
    let choices = wallet.choose(&request_for(&[query]), Some(&board.view()), now).unwrap();
    assert!(choices.0[0].usable.is_empty());
    choices.0[0].refused[0].1
}

/// The same, as the wallet judges alone.
fn refusal_without_ledger(wallet: &Wallet, query: Value, now: u64) -> Reason {
    let choices = wallet.choose(&request_for(&[query]), None, now).unwrap();
    assert!(choices.0[0].usable.is_empty());
    choices.0[0].refused[0].1
}

#[test]
fn the_licence_that_satisfies_a_query_is_usable() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, licence) = licensed_wallet(&board);
    let request = request_for(&[licensed_in("CA")]);
    for view in [None, Some(&board.view())] {
        let choices = wallet.choose(&request, view, NOW).unwrap();
        assert_eq!(choices.0[0].usable, [licence]);
        assert_eq!(choices.first().unwrap(), [(id("licence"), licence)].into());
    }
}

#[test]
fn a_licence_of_another_state_does_not_satisfy_the_policy() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    let reason = Reason::Violation(Violation::Policy);
    assert_eq!(refusal(&wallet, licensed_in("TX"), &board, NOW), reason);
    assert_eq!(refusal_without_ledger(&wallet, licensed_in("TX"), NOW), reason);
}

#[test]
fn reasons_name_the_property_and_no_value() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    let choices = wallet.choose(&request_for(&[licensed_in("TX")]), None, NOW).unwrap();
    let error = choices.first().unwrap_err();
    assert!(matches!(&error, WalletError::Unmet { refused, .. } if refused.len() == 1));
    assert_eq!(
        error.to_string(),
        "no credential satisfies query licence: policy: the claims do not satisfy it"
    );
}

#[test]
fn an_empty_wallet_meets_no_query() {
    let choices = new_wallet(1).choose(&request_for(&[licensed_in("CA")]), None, NOW).unwrap();
    assert!(
        matches!(choices.first(), Err(WalletError::Unmet { refused, .. }) if refused.is_empty())
    );
}

#[test]
fn a_licence_answers_no_question_about_a_consent() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    let query = json!({
        "id": "consent",
        "policy": {
            "id": "consented", "version": 1, "title": "Consented to a study",
            "schema": "ConsentGrant/1",
            "require": [{ "claim": "study", "op": "eq", "value": "NCT09000016" }],
        },
    });
    let reason = Reason::Violation(Violation::Schema);
    assert_eq!(refusal(&wallet, query.clone(), &board, NOW), reason);
    assert_eq!(refusal_without_ledger(&wallet, query, NOW), reason);
}

#[test]
fn a_licence_outside_its_period_is_refused() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    let early = Reason::Violation(Violation::NotYetValid);
    let late = Reason::Violation(Violation::Expired);
    assert_eq!(refusal(&wallet, licensed_in("CA"), &board, NOW - 101 * DAY), early);
    assert_eq!(refusal_without_ledger(&wallet, licensed_in("CA"), NOW - 101 * DAY), early);
    assert_eq!(refusal(&wallet, licensed_in("CA"), &board, NOW + 101 * DAY), late);
    assert_eq!(refusal_without_ledger(&wallet, licensed_in("CA"), NOW + 101 * DAY), late);
}

#[test]
fn a_claim_that_is_not_stated_cannot_be_disclosed() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    let query = json!({
        "id": "home",
        "policy": {
            "id": "home-state", "version": 1, "title": "Which home state",
            "schema": "ProviderCredential/1",
            "require": [{ "claim": "home_state", "op": "eq", "reveal": true }],
        },
    });
    assert_eq!(refusal(&wallet, query, &board, NOW), Reason::NotStated);
}

#[test]
fn a_revoked_licence_is_refused() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    board.revoke(4711);
    let reason = Reason::Violation(Violation::Revoked);
    assert_eq!(refusal(&wallet, licensed_in("CA"), &board, NOW), reason);
}

#[test]
fn a_status_list_that_is_not_the_published_one_is_refused() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    board.status.set(1, true).unwrap();
    let reason = Reason::Violation(Violation::StatusList);
    assert_eq!(refusal(&wallet, licensed_in("CA"), &board, NOW), reason);
}

#[test]
fn a_suspended_board_is_not_accredited() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    board.suspend();
    let reason = Reason::Violation(Violation::Accreditation);
    assert_eq!(refusal(&wallet, licensed_in("CA"), &board, NOW), reason);
}

#[test]
fn a_board_without_an_entry_is_not_accredited() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    let nothing = RegistryTree::new();
    let view = RegistryView::new(&nothing);
    let choices = wallet.choose(&request_for(&[licensed_in("CA")]), Some(&view), NOW).unwrap();
    assert_eq!(choices.0[0].refused[0].1, Reason::Violation(Violation::Accreditation));
}

#[test]
fn an_accreditation_that_has_ended_is_refused() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    board.leaf.accredited_until = NOW - 1;
    board.publish();
    let reason = Reason::Violation(Violation::AccreditationEnded);
    assert_eq!(refusal(&wallet, licensed_in("CA"), &board, NOW), reason);
}

#[test]
fn a_signature_under_a_key_that_was_rotated_away_is_refused() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (wallet, _) = licensed_wallet(&board);
    board.leaf.key = SigningKey::random(&mut rng()).verifying_key();
    board.publish();
    let reason = Reason::Violation(Violation::IssuerSignature);
    assert_eq!(refusal(&wallet, licensed_in("CA"), &board, NOW), reason);
}

#[test]
fn of_two_entries_of_one_board_the_one_with_the_signing_key_counts() {
    let mut board = Board::new(Schema::ProviderCredential);
    let (wallet, licence) = licensed_wallet(&board);
    let newer = RegistryLeaf { key: SigningKey::random(&mut rng()).verifying_key(), ..board.leaf };
    board.tree.set(LEAF_INDEX + 1, newer.hash()).unwrap();
    let view = RegistryView::new(&board.tree)
        .with_entry(LEAF_INDEX + 1, newer, &board.status)
        .with_entry(LEAF_INDEX, board.leaf, &board.status);
    let choices = wallet.choose(&request_for(&[licensed_in("CA")]), Some(&view), NOW).unwrap();
    assert_eq!(choices.0[0].usable, [licence]);
}

#[test]
fn a_renewal_supersedes_the_licence_once_it_has_begun() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let mut renewed = physician();
    renewed["expiresOn"] = json!("2029-06-30");
    let later = Envelope {
        valid_from: NOW + 10 * DAY,
        valid_until: NOW + 500 * DAY,
        status_index: 12,
        ..Envelope::of(&wallet)
    };
    let (document, attestation) = board.issue(&renewed, later);
    let renewal = wallet.accept(&document, &attestation, None).unwrap();

    let request = request_for(&[licensed_in("CA")]);
    let before = wallet.choose(&request, None, NOW).unwrap();
    assert_eq!(before.0[0].usable, [licence]);
    assert_eq!(before.0[0].refused, [(renewal, Reason::Violation(Violation::NotYetValid))]);
    let after = wallet.choose(&request, None, NOW + 11 * DAY).unwrap();
    assert_eq!(after.0[0].usable, [renewal]);
    assert_eq!(after.0[0].refused, [(licence, Reason::Superseded)]);
}
