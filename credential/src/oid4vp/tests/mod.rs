//! The wire as a careful wallet and a careful verifier read it.

mod answers;
mod encrypted;
mod requests;
mod signed;

use super::*;
use crate::presentation::{
    ClientId, Identifier, PresentationResponse,
    tests::{NOW, presentation, request},
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use proptest::prelude::*;
use serde_json::{Value, json};

const DID: &str = "did:ethr:0x7a69:0x00112233445566778899aabbccddeeff00112233";

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn id(text: &str) -> Identifier {
    text.parse().unwrap()
}

/// A clinic's request of our format, as the wallet is sent it.
fn asked() -> AuthorizationRequest {
    AuthorizationRequest::of(&request(), ResponseMode::DirectPost, NOW)
}

/// The wallet's answer to [`request`].
fn response() -> PresentationResponse {
    let request = request();
    let presentations = [(id("licence"), presentation(&request))].into();
    PresentationResponse { request_id: request.request_id, presentations }
}
