//! An office of the board offers over OpenID4VCI.

use super::*;
use crate::{Issuance, WalletError};
use attestry_credential::issuance::{
    CredentialOffer, IssuanceError, IssuedCredential, IssuerIdentifier, IssuerMetadata, OfferLink,
    ServerMetadata, TokenResponse, Wanted,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;

const ISSUER: &str = "https://board.example";
const LICENCES: &str = "ProviderCredential/1";

fn issuer() -> IssuerIdentifier {
    ISSUER.parse().unwrap()
}

fn metadata() -> IssuerMetadata {
    IssuerMetadata::of_issuer(&issuer(), Schema::ALL, Vec::new()).unwrap()
}

fn server(identifier: &str) -> ServerMetadata {
    ServerMetadata::of_issuer(&identifier.parse().unwrap()).unwrap()
}

/// An offer of a licence with a transaction code of six digits, changed.
fn offer_with(changes: impl Fn(&mut Value)) -> CredentialOffer {
    let grant = "urn:ietf:params:oauth:grant-type:pre-authorized_code";
    let mut offer = json!({
        "credential_issuer": ISSUER,
        "credential_configuration_ids": [LICENCES],
        "grants": { grant: { "pre-authorized_code": "code", "tx_code": { "length": 6 } } },
    });
    changes(&mut offer);
    CredentialOffer::from_json(offer.to_string().as_bytes()).unwrap()
}

fn issuance() -> Issuance {
    Issuance::new(offer_with(|_| {}), metadata(), server(ISSUER)).unwrap()
}

/// The public key in a proof's header.
fn key_of(proof: &str) -> [u8; 32] {
    let header = proof.split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    URL_SAFE_NO_PAD.decode(header["jwk"]["x"].as_str().unwrap()).unwrap().try_into().unwrap()
}

#[test]
fn an_offer_is_answered_with_its_code_and_the_holders() {
    let link = OfferLink::Value(offer_with(|_| {}).into()).to_string();
    let OfferLink::Value(offer) = link.parse().unwrap() else { unreachable!() };
    let server_of = Issuance::authorization_server(&offer, &metadata()).unwrap().clone();
    assert_eq!(server_of, issuer());
    let issuance = Issuance::new(*offer, metadata(), server(server_of.as_str())).unwrap();
    assert_eq!(issuance.configurations(), [(LICENCES.to_owned(), Schema::ProviderCredential)]);
    let request = issuance.token_request(Some("493536")).unwrap();
    assert_eq!((request.code.as_str(), request.tx_code.as_deref()), ("code", Some("493536")));

    let token =
        |identifiers| TokenResponse { access_token: "t".to_owned(), expires_in: None, identifiers };
    let plain = issuance.credential_request(LICENCES, &token([].into()), "p".to_owned());
    assert_eq!(plain.wanted, Wanted::Configuration(LICENCES.to_owned()));
    let named = [(LICENCES.to_owned(), vec!["d".to_owned()])];
    let named = issuance.credential_request(LICENCES, &token(named.into()), "p".to_owned());
    assert_eq!(named.wanted, Wanted::Identifier("d".to_owned()));
}

#[test]
fn a_transaction_code_is_sent_only_if_it_is_asked_for_and_well_formed() {
    let issuance = issuance();
    for code in [None, Some("49353"), Some("abcdef")] {
        let refused = issuance.token_request(code);
        assert!(matches!(refused, Err(IssuanceError::TxCode(_))), "{code:?}");
    }
    let open = offer_with(|offer| {
        let grants = offer["grants"].as_object_mut().unwrap();
        grants.values_mut().next().unwrap().as_object_mut().unwrap().remove("tx_code");
    });
    let open = Issuance::new(open, metadata(), server(ISSUER)).unwrap();
    assert!(open.token_request(None).is_ok());
    assert!(matches!(open.token_request(Some("493536")), Err(IssuanceError::TxCode(_))));
}

#[test]
fn metadata_that_do_not_belong_to_the_offer_are_refused() {
    let elsewhere = offer_with(|offer| offer["credential_issuer"] = json!("https://evil.example"));
    let refused = Issuance::new(elsewhere, metadata(), server(ISSUER)).unwrap_err();
    assert_eq!(refused, IssuanceError::OtherIssuer("issuer metadata"));
    let refused = Issuance::new(offer_with(|_| {}), metadata(), server("https://evil.example"));
    assert_eq!(refused.unwrap_err(), IssuanceError::OtherIssuer("authorization server metadata"));
    let other = offer_with(|offer| offer["credential_configuration_ids"] = json!(["Passport"]));
    let refused = Issuance::new(other, metadata(), server(ISSUER)).unwrap_err();
    assert!(matches!(refused, IssuanceError::NotInMetadata(_)));
}

#[test]
fn the_offer_chooses_among_the_authorization_servers_of_the_issuer_only() {
    let servers = ["https://as1.example", "https://as2.example"];
    let mut json = json!(metadata());
    json["authorization_servers"] = json!(servers);
    let several = IssuerMetadata::from_json(json.to_string().as_bytes(), &issuer()).unwrap();
    let naming = |server: &str| {
        offer_with(|offer| {
            let grants = offer["grants"].as_object_mut().unwrap();
            grants.values_mut().next().unwrap()["authorization_server"] = json!(server);
        })
    };
    let second = naming(servers[1]);
    let found = Issuance::authorization_server(&second, &several).unwrap();
    assert_eq!(found.as_str(), servers[1]);
    let stranger = naming("https://evil.example");
    assert!(Issuance::authorization_server(&stranger, &several).is_err());
    assert!(Issuance::authorization_server(&offer_with(|_| {}), &several).is_err());
    assert!(Issuance::authorization_server(&stranger, &metadata()).is_err());
}

#[test]
fn the_proving_key_is_the_wallets_own_for_each_issuer() {
    let (wallet, other_wallet) = (new_wallet(1), new_wallet(2));
    let other_issuer: IssuerIdentifier = "https://sponsor.example".parse().unwrap();
    let first = key_of(&wallet.prove_possession(&issuer(), Some("n"), NOW));
    assert!(VerifyingKey::from_bytes(&first).is_ok());
    let again = key_of(&wallet.prove_possession(&issuer(), Some("m"), NOW + 1));
    assert_eq!(first, again);
    assert_ne!(first, key_of(&wallet.prove_possession(&other_issuer, Some("n"), NOW)));
    assert_ne!(first, key_of(&other_wallet.prove_possession(&issuer(), Some("n"), NOW)));
}

#[test]
fn an_issued_credential_is_taken_if_it_is_what_was_offered_and_for_this_holder() {
    let mut wallet = new_wallet(1);
    let board = Board::new(Schema::ProviderCredential);
    let issued_to = |wallet: &Wallet| {
        let (document, attestation) = board.issue(&physician(), Envelope::of(wallet));
        IssuedCredential {
            credential: serde_json::from_str(&document).unwrap(),
            attestation: serde_json::from_str(&attestation).unwrap(),
        }
    };
    let issued = issued_to(&wallet);
    let view = board.view();
    let consents = offer_with(|offer| {
        offer["credential_configuration_ids"] = json!(["ConsentGrant/1"]);
    });
    let consents = Issuance::new(consents, metadata(), server(ISSUER)).unwrap();
    let refused = wallet.accept_issued(&consents, "ConsentGrant/1", &issued, Some(&view));
    assert!(matches!(refused, Err(WalletError::OtherSchema)));
    let unasked = wallet.accept_issued(&issuance(), "ConsentGrant/1", &issued, Some(&view));
    assert!(matches!(unasked, Err(WalletError::Issuance(IssuanceError::NotInMetadata(_)))));
    let stranger = issued_to(&new_wallet(2));
    let refused = wallet.accept_issued(&issuance(), LICENCES, &stranger, Some(&view));
    assert!(matches!(refused, Err(WalletError::OtherHolder)));
    let mut altered = issued.clone();
    altered.credential["validUntil"] = json!("2099-01-01T00:00:00Z");
    let refused = wallet.accept_issued(&issuance(), LICENCES, &altered, Some(&view));
    assert!(matches!(refused, Err(WalletError::Credential(_))));
    assert!(wallet.list(NOW).is_empty());

    wallet.accept_issued(&issuance(), LICENCES, &issued, Some(&view)).unwrap();
    assert_eq!(wallet.list(NOW).len(), 1);
}
