//! Being asked over OpenID4VP: signed requests in, forms out.

use super::*;
use crate::{Inquiry, WalletError};
use attestry_credential::oid4vp::{
    Algorithm, AuthorizationRequest, EncryptionSecret, Oid4vpError, ResponseBody, ResponseMode,
    SignedRequest,
};
use attestry_credential::presentation::ClientId;
use ed25519_dalek::Signer;

const FRAGMENT: &str = "delegate-1";

fn clinics_key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[7; 32])
}

/// What the ledger says of the clinic.
fn document(clinic: &ClientId) -> Value {
    let method = format!("{clinic}#{FRAGMENT}");
    json!({
        "id": clinic,
        "verificationMethod": [{
            "id": method, "type": "Ed25519VerificationKey2018", "controller": clinic,
            "publicKeyHex": hex::encode(clinics_key().verifying_key()),
        }],
        "assertionMethod": [method],
    })
}

fn signed(request: &PresentationRequest, mode: ResponseMode) -> SignedRequest {
    let asked = AuthorizationRequest::of(request, mode, NOW);
    let unsigned = asked.unsigned(Algorithm::EdDsa, &format!("{}#{FRAGMENT}", request.client_id));
    let signature = clinics_key().sign(unsigned.as_bytes()).to_bytes();
    SignedRequest::parse(unsigned.with_signature(&signature).as_bytes()).unwrap()
}

fn inquire(request: &PresentationRequest, mode: ResponseMode) -> Inquiry {
    let clinic = &request.client_id;
    Inquiry::verify(&signed(request, mode), clinic, &document(clinic), NOW).unwrap()
}

#[test]
fn the_clinic_reads_the_answer_to_its_signed_request_from_the_form() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let clinics_request = request_for(&[licensed_in("CA")]);
    let inquiry = inquire(&clinics_request, ResponseMode::DirectPost);
    assert_eq!(*inquiry.request(), clinics_request);
    assert_eq!(*inquiry.response_uri(), clinics_request.response_uri);

    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let session = Session { request: inquiry.request(), view: &view, prover: &prover, now: NOW };
    let chosen = [(id("licence"), licence)].into();
    let response =
        wallet.present(&session, &chosen, &mut MemoryStore::default(), &mut rng()).unwrap();
    let form = inquiry.answer(&response, &mut rng()).unwrap();
    let ResponseBody::Answer(answer) = ResponseBody::from_form(form.as_bytes()).unwrap() else {
        panic!("it is not encrypted");
    };
    assert_eq!(answer.presentation_response().unwrap(), response);

    let clinics_secret = EncryptionSecret::random(&mut rng());
    let encrypted = ResponseMode::encrypted(clinics_secret.public());
    let form = inquire(&clinics_request, encrypted).answer(&response, &mut rng()).unwrap();
    let ResponseBody::Encrypted(jwe) = ResponseBody::from_form(form.as_bytes()).unwrap() else {
        panic!("it is encrypted");
    };
    let opened = ResponseBody::decrypt(&jwe, &clinics_secret).unwrap();
    assert_eq!(opened, ResponseBody::Answer(answer));
}

#[test]
fn a_refusal_names_the_request_and_nothing_else() {
    let inquiry = inquire(&request_for(&[licensed_in("CA")]), ResponseMode::DirectPost);
    assert_eq!(inquiry.decline(), "error=access_denied&state=r-1");
}

#[test]
fn a_request_that_another_signed_or_whose_time_is_over_is_not_answered() {
    let request = request_for(&[licensed_in("CA")]);
    let signed = signed(&request, ResponseMode::DirectPost);
    let clinic = &request.client_id;
    let other: ClientId =
        "did:ethr:0x7a69:0x00000000000000000000000000000000000000d2".parse().unwrap();
    let mut others_key = document(clinic);
    others_key["verificationMethod"][0]["publicKeyHex"] = json!("11".repeat(32));
    for (client_id, document, now) in [
        (&other, document(&other), NOW),
        (clinic, document(&other), NOW),
        (clinic, others_key, NOW),
        (clinic, document(clinic), request.expires_at),
    ] {
        let refused = Inquiry::verify(&signed, client_id, &document, now).unwrap_err();
        let expected = |error: &WalletError| {
            matches!(
                error,
                WalletError::Inquiry(Oid4vpError::Signature(_) | Oid4vpError::Request(_))
            )
        };
        assert!(expected(&refused), "{refused}");
    }
}
