//! Being asked over OpenID4VP: what a verifier signed, and the form to answer it with.
//!
//! The caller does the sending: it fetches the signed request and the verifier's DID document,
//! makes an [`Inquiry`] of them, and posts the form to the response URI.

use crate::WalletError;
use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::oid4vp::{
    AuthorizationRequest, AuthorizationResponse, ErrorCode, ErrorResponse, Expected, SELF_ISSUED,
    SignedRequest,
};
use attestry_credential::presentation::{
    ClientId, PresentationRequest, PresentationResponse, ResponseUri,
};
use serde_json::Value;

/// A verifier's request: signed by a key of its DID, for any wallet, of now, and of the kind that
/// this wallet answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Inquiry {
    asked: AuthorizationRequest,
    request: PresentationRequest,
}

impl Inquiry {
    /// Checks a signed request. `client_id` is whom the link named that led to it, or whom the
    /// request itself claims to be of if there was no link; `document` is the DID document of that
    /// one, as the ledger has it. `now` is in Unix seconds.
    ///
    /// # Errors
    /// [`WalletError::Inquiry`].
    pub fn verify(
        signed: &SignedRequest,
        client_id: &ClientId,
        document: &Value,
        now: u64,
    ) -> Result<Self, WalletError> {
        let expected = Expected { client_id, audience: SELF_ISSUED, now };
        let asked = signed.verify(&expected, document)?;
        let request = asked.presentation_request()?;
        Ok(Self { asked, request })
    }

    /// What is asked, to choose credentials and to present by.
    pub fn request(&self) -> &PresentationRequest {
        &self.request
    }

    /// Where the form is posted, as `application/x-www-form-urlencoded`.
    pub fn response_uri(&self) -> &ResponseUri {
        &self.request.response_uri
    }

    /// The form with an answer, encrypted if the verifier asks for that.
    ///
    /// # Errors
    /// [`WalletError::Inquiry`].
    pub fn answer(
        &self,
        response: &PresentationResponse,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<String, WalletError> {
        let answer = AuthorizationResponse::of(response);
        Ok(answer.to_form(&self.asked.response_mode, rng)?)
    }

    /// The form that says that the holder declines, or has nothing to present.
    pub fn decline(&self) -> String {
        let state = Some(self.request.request_id.clone());
        ErrorResponse { error: ErrorCode::AccessDenied, state }.to_form()
    }
}
