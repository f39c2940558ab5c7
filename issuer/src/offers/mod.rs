//! Offers: credentials that wait to be fetched by a wallet, over OpenID4VCI 1.0.
//!
//! The office makes an offer ([`Issuer::offer`]), hands over its link or QR code, and its
//! transaction code by another way. The wallet trades both for an access token
//! ([`Issuer::claim_offer`]), proves a key and names the holder's commitment
//! ([`Issuer::issue_offered`]), and gets the credential; or, of a deferred offer, gets it once the
//! office has released it. All of it is in the database, so that any replica answers any step.
//!
//! Only hashes of codes and tokens are kept. The code is derived from the credential key and the
//! offer's id, so that the link can be shown again and is nowhere to be read. What is offered is
//! destroyed when the offer ends, however it ends.

mod claim;
mod codes;
mod nonce;
mod office;
mod proof;
mod purge;
mod record;

pub use claim::ClaimError;
pub(crate) use codes::equal;
pub use office::{Link, Offered};
pub(crate) use record::{Content, NewOffer};
pub use record::{OfferId, OfferRecord, OfferRequest, OfferState};

/// Wrong transaction codes after which an offer is void.
pub(crate) const MAX_ATTEMPTS: u32 = 5;
