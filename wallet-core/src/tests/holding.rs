//! What a wallet accepts, lists, seals and opens.

use super::*;
use crate::{Validity, VaultError, WalletError};
use attestry_credential::CredentialError;
use proptest::prelude::*;
use std::sync::{LazyLock, Mutex};

fn accepted(board: &Board, document: &str, attestation: &str) -> Result<CredentialId, WalletError> {
    new_wallet(1).accept(document, attestation, Some(&board.view()))
}

fn licence(board: &Board) -> (String, String) {
    board.issue(&physician(), Envelope::of(&new_wallet(1)))
}

#[test]
fn a_credential_of_this_holder_is_accepted_once() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, first) = licensed_wallet(&board);
    let (document, attestation) = licence(&board);
    let again = wallet.accept(&document, &attestation, None).unwrap();
    assert_eq!(again, first);
    assert_eq!(wallet.list(NOW).len(), 1);
    assert_eq!(wallet.document(&first).unwrap(), document);
    assert_eq!(first.to_string().parse(), Ok(first));
}

#[test]
fn a_credential_of_another_holder_is_refused() {
    let board = Board::new(Schema::ProviderCredential);
    let (document, attestation) = board.issue(&physician(), Envelope::of(&new_wallet(5)));
    let refused = accepted(&board, &document, &attestation);
    assert!(matches!(refused, Err(WalletError::OtherHolder)));
}

#[test]
fn a_document_that_the_issuer_did_not_sign_is_refused() {
    let board = Board::new(Schema::ProviderCredential);
    let (document, attestation) = licence(&board);
    let not_signed =
        |result| matches!(result, Err(WalletError::Credential(CredentialError::Attestation)));
    let elsewhere = document.replace("\"CA\"", "\"TX\"");
    assert_ne!(elsewhere, document);
    assert!(not_signed(accepted(&board, &elsewhere, &attestation)));
    let longer = document.replace("2027-03-02T00:00:00Z", "2029-03-02T00:00:00Z");
    assert_ne!(longer, document);
    assert!(not_signed(accepted(&board, &longer, &attestation)));
    let other_list_entry = document.replace("4711", "4712");
    assert!(not_signed(accepted(&board, &other_list_entry, &attestation)));
}

#[test]
fn an_attestation_by_a_key_that_is_not_the_issuers_is_refused() {
    let board = Board::new(Schema::ProviderCredential);
    let mut impostor = Board::new(Schema::ProviderCredential);
    impostor.key = SigningKey::random(&mut rng());
    let (document, attestation) = licence(&impostor);
    let refused = accepted(&board, &document, &attestation);
    assert!(matches!(refused, Err(WalletError::OtherLeaf)));
}

#[test]
fn an_attestation_that_names_another_entry_is_refused() {
    let board = Board::new(Schema::ProviderCredential);
    let (document, attestation) = licence(&board);
    let elsewhere = attestation.replace("\"registryIndex\":7", "\"registryIndex\":8");
    assert_ne!(elsewhere, attestation);
    let refused = accepted(&board, &document, &elsewhere);
    assert!(matches!(refused, Err(WalletError::OtherLeaf)));

    let mut consents = Board::new(Schema::ProviderCredential);
    consents.leaf.schema = Schema::ConsentGrant.id();
    let refused = accepted(&consents, &document, &attestation);
    assert!(matches!(refused, Err(WalletError::OtherLeaf)));
}

#[test]
fn refusals_name_the_element_and_not_its_value() {
    let board = Board::new(Schema::ProviderCredential);
    let (document, attestation) = licence(&board);
    let wrong = document.replace("1234567893", "1234567890");
    let error = accepted(&board, &wrong, &attestation).unwrap_err().to_string();
    assert!(error.contains("npi") && !error.contains("1234567890"), "{error}");
    let long = " ".repeat(300_000);
    assert!(matches!(accepted(&board, &long, &attestation), Err(WalletError::TooLong { .. })));
}

#[test]
fn the_list_tells_what_is_valid_when() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, licence) = licensed_wallet(&board);
    let listed = &wallet.list(NOW)[0];
    assert_eq!((listed.id, listed.kind), (licence, "ProviderCredential"));
    assert_eq!(listed.issuer, format!("0x{}", "b0".repeat(20)));
    let validity = |now| wallet.list(now)[0].validity;
    assert_eq!(validity(NOW - 101 * DAY), Validity::NotYetValid);
    assert_eq!(validity(NOW - 100 * DAY), Validity::Valid);
    assert_eq!(validity(NOW + 100 * DAY), Validity::Valid);
    assert_eq!(validity(NOW + 100 * DAY + 1), Validity::Expired);
}

fn grant(sequence: u32) -> Value {
    let mut grant = json!({
        "scope": "research", "defaultDecision": "deny", "study": "NCT09000016",
        "protocolVersion": "3.1", "formVersion": "2.1", "formHash": "aa".repeat(32),
        "purposes": ["HRESCH"], "data": ["observations"], "actions": ["collect", "use"],
        "recipients": ["Organization/a"], "dataFrom": "2026-01-10", "dataTo": "2031-01-09",
        "performer": "self", "signature": "part-11", "language": "en", "sequence": sequence,
    });
    if sequence > 0 {
        grant["previous"] = json!("bb".repeat(32));
    }
    grant
}

#[test]
fn of_two_grants_for_one_study_the_higher_sequence_counts_in_whatever_order_they_come() {
    let site = Board::new(Schema::ConsentGrant);
    for order in [[0, 1], [1, 0]] {
        let mut wallet = new_wallet(1);
        let envelope = Envelope::of(&wallet);
        let mut ids = [None; 2];
        for sequence in order {
            let (document, attestation) = site.issue(&grant(sequence), envelope);
            let accepted = wallet.accept(&document, &attestation, Some(&site.view()));
            ids[sequence as usize] = accepted.ok();
        }
        for held in wallet.list(NOW) {
            let expected =
                if Some(held.id) == ids[1] { Validity::Valid } else { Validity::Superseded };
            assert_eq!(held.validity, expected);
        }
    }
}

#[test]
fn a_corrected_document_takes_the_place_of_the_one_accepted_before() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, first) = licensed_wallet(&board);
    let mut corrected = physician();
    corrected["expiresOn"] = json!("2027-07-31");
    let (document, attestation) = board.issue(&corrected, Envelope::of(&wallet));
    let second = wallet.accept(&document, &attestation, None).unwrap();
    let validity: Vec<_> = wallet.list(NOW).iter().map(|h| (h.id, h.validity)).collect();
    assert_eq!(validity, [(first, Validity::Superseded), (second, Validity::Valid)]);
}

#[test]
fn another_states_licence_supersedes_nothing() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, _) = licensed_wallet(&board);
    let mut texan = physician();
    texan["jurisdiction"] = json!("TX");
    let (document, attestation) = board.issue(&texan, Envelope::of(&wallet));
    wallet.accept(&document, &attestation, None).unwrap();
    assert!(wallet.list(NOW).iter().all(|held| held.validity == Validity::Valid));
}

#[test]
fn a_sealed_wallet_opens_as_it_was_and_shows_nothing() {
    let board = Board::new(Schema::ProviderCredential);
    let (wallet, licence) = licensed_wallet(&board);
    let sealed = wallet.backup(&mut rng()).unwrap();
    for word in ["Alma Reyes", "1234567893", "holder"] {
        assert!(!sealed.windows(word.len()).any(|window| window == word.as_bytes()));
    }
    let opened = Wallet::open(&sealed, PASSPHRASE).unwrap();
    assert_eq!(opened.holder_commitment(), wallet.holder_commitment());
    assert_eq!(opened.list(NOW), wallet.list(NOW));
    assert_eq!(opened.document(&licence).unwrap(), wallet.document(&licence).unwrap());
    assert_eq!(format!("{opened:?}"), "Wallet(redacted)");

    let wrong = Wallet::open(&sealed, "incorrect horse").unwrap_err();
    assert!(matches!(wrong, WalletError::Vault(VaultError::WrongPassphrase)));
}

#[test]
fn a_changed_passphrase_replaces_the_former_one() {
    let mut wallet = new_wallet(1);
    wallet.change_passphrase("another passphrase", KeyDerivation::MINIMUM, &mut rng()).unwrap();
    let sealed = wallet.backup(&mut rng()).unwrap();
    assert!(Wallet::open(&sealed, PASSPHRASE).is_err());
    assert!(Wallet::open(&sealed, "another passphrase").is_ok());
}

#[test]
fn a_vault_with_another_content_is_not_a_wallet() {
    let vault =
        crate::vault::Vault::create(PASSPHRASE, KeyDerivation::MINIMUM, &mut rng()).unwrap();
    for content in [b"{}".as_slice(), b"", b"[1,2]", b"{\"format\":1}"] {
        let (sealed, _) = vault.seal(content, &mut rng()).unwrap();
        let opened = Wallet::open(&sealed, PASSPHRASE);
        assert!(matches!(opened, Err(WalletError::Content(_))));
    }
}

#[test]
fn an_unknown_credential_has_no_document() {
    let board = Board::new(Schema::ProviderCredential);
    let (_, licence) = licensed_wallet(&board);
    let other = new_wallet(5);
    assert!(matches!(other.document(&licence), Err(WalletError::UnknownCredential)));
}

/// One wallet for all cases: making one is slow on purpose.
static WALLET: LazyLock<Mutex<Wallet>> = LazyLock::new(|| Mutex::new(new_wallet(1)));

proptest! {
    #[test]
    fn arbitrary_text_is_not_accepted(
        text in ".*", position in 0usize..2000, letter in any::<char>(),
    ) {
        let board = Board::new(Schema::ProviderCredential);
        let wallet = &mut *WALLET.lock().unwrap();
        let (document, attestation) = board.issue(&physician(), Envelope::of(wallet));
        prop_assert!(wallet.accept(&text, &attestation, None).is_err());
        prop_assert!(wallet.accept(&document, &text, None).is_err());

        let changed: String = document
            .char_indices()
            .map(|(place, kept)| if place == position { letter } else { kept })
            .collect();
        if let Ok(id) = wallet.accept(&changed, &attestation, None) {
            // What is not attested may differ: the document's own id, the list's address.
            prop_assert_eq!(id, wallet.accept(&document, &attestation, None).unwrap());
        }
    }
}
