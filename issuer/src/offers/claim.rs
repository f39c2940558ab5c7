//! What a wallet does with an offer.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::HolderCommitment;
use attestry_credential::issuance::{
    CredentialRequest, CredentialResponse, DeferredRequest, ErrorCode, ErrorResponse,
    IssuedCredential, Notification, TokenRequest, TokenResponse, Wanted,
};
use attestry_service::Actor;

use super::codes::{
    code_hash, new_token, notification_id, token_hash, transaction_id, tx_code_hash,
};
use super::{MAX_ATTEMPTS, OfferRecord, OfferState, proof};
use crate::storage::{Attempt, Claimed};
use crate::{CredentialRecord, IssueRequest, Issuer, IssuerError, Source};

/// Life of an access token, seconds; and of one for an offer that is still to be released.
const TOKEN_LIFE_S: u64 = 600;
const DEFERRED_TOKEN_LIFE_S: u64 = 30 * 86_400;
/// After how many seconds a wallet is to ask again for what is not released.
const DEFERRED_INTERVAL_S: u64 = 60;
/// Credential requests that one token is good for: each costs a signature check and a nonce.
const MAX_REQUESTS: u32 = 50;

/// Why a wallet does not get what it asks for.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The answer is an error of the protocol.
    #[error(transparent)]
    Refused(#[from] ErrorResponse),
    /// The issuer failed.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl Issuer {
    /// Trades an offer's codes for an access token. The code serves once, and a few wrong
    /// transaction codes make the offer void.
    ///
    /// # Errors
    /// [`ClaimError::Refused`] with a code of OAuth's token endpoint.
    pub async fn claim_offer(
        &self,
        actor: &Actor,
        request: &TokenRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<TokenResponse, ClaimError> {
        use ErrorCode::{InvalidAuthorizationDetails, InvalidGrant, InvalidRequest};
        const NOT_OPEN: ErrorResponse =
            ErrorResponse::new(InvalidGrant, "the pre-authorized code is unknown, used or expired");
        let code = code_hash(&request.code);
        let offer = self.storage().offer_by_code(&code).await?.ok_or(NOT_OPEN)?;
        if offer.state != OfferState::Open {
            return Err(NOT_OPEN.into());
        }
        match (offer.tx_code_length, &request.tx_code) {
            (Some(_), None) => {
                return Err(ErrorResponse::new(InvalidRequest, "tx_code is required").into());
            }
            (None, Some(_)) => {
                return Err(ErrorResponse::new(InvalidRequest, "tx_code is not expected").into());
            }
            _ => {}
        }
        let configuration = offer.schema.versioned_name();
        if request.configurations.iter().any(|id| *id != configuration) {
            let words = "a credential configuration is not among those offered";
            return Err(ErrorResponse::new(InvalidAuthorizationDetails, words).into());
        }
        let token = new_token(rng);
        let attempt = Attempt {
            code,
            tx_code: request.tx_code.as_ref().map(|tx_code| tx_code_hash(&request.code, tx_code)),
            token: token_hash(&token),
            token_life_s: (TOKEN_LIFE_S, DEFERRED_TOKEN_LIFE_S),
            identified: !request.configurations.is_empty(),
            at: self.now(),
        };
        match self.storage().claim_offer(&attempt, actor).await? {
            Claimed::NotOpen => Err(NOT_OPEN.into()),
            Claimed::WrongTxCode(attempts) => {
                let void = attempts >= MAX_ATTEMPTS;
                tracing::warn!(offer = %offer.id, attempts, void, "wrong transaction code");
                Err(ErrorResponse::new(InvalidGrant, "the transaction code is wrong").into())
            }
            Claimed::Yes(claimed) => {
                tracing::info!(offer = %claimed.id, "offer claimed");
                let expires_at = claimed.token_expires_at.unwrap_or(attempt.at);
                let named = (configuration, vec![claimed.id.to_string()]);
                Ok(TokenResponse {
                    access_token: token.to_string(),
                    expires_in: Some(expires_at.saturating_sub(attempt.at)),
                    identifiers: claimed.identified.then_some(named).into_iter().collect(),
                })
            }
        }
    }

    /// Issues what was offered to the holder who is named in the proof; or, if the offer is not
    /// released, says where to ask later. The same token and holder get the same credential again.
    ///
    /// # Errors
    /// [`ClaimError::Refused`] with a code of the credential endpoint.
    pub async fn issue_offered(
        &self,
        actor: &Actor,
        token: &str,
        request: &CredentialRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<CredentialResponse, ClaimError> {
        let offer = self.offer_of(token).await?;
        check_wanted(&offer, &request.wanted)?;
        if self.storage().count_offer_request(offer.id).await? > MAX_REQUESTS {
            return Err(denied("too many requests came with this token"));
        }
        let [jwt] = request.proofs.as_slice() else {
            let words = "one proof is to be there: credentials are not issued in batches";
            return Err(ErrorResponse::new(ErrorCode::InvalidProof, words).into());
        };
        let proven = proof::verify(jwt, &self.identifier()?, self.now())?;
        self.use_nonce(&proven.nonce, rng).await?;
        let holder = proven.holder;
        let bound = self.storage().bind_offer(offer.id, &holder).await?;
        if bound && !offer.ready {
            let transaction_id = transaction_id(token);
            return Ok(CredentialResponse::Deferred {
                transaction_id,
                interval: DEFERRED_INTERVAL_S,
            });
        }
        let credential = match bound {
            true => self.issue_bound(actor, &offer, holder, rng).await?,
            false => self.issued_already(&offer, holder).await?,
        };
        issued(&credential, token)
    }

    /// Issues what was asked for before it was released.
    ///
    /// # Errors
    /// [`ClaimError::Refused`] with a code of the deferred credential endpoint.
    pub async fn issue_deferred(
        &self,
        actor: &Actor,
        token: &str,
        request: &DeferredRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<CredentialResponse, ClaimError> {
        let offer = self.offer_of(token).await?;
        let holder = offer.holder.filter(|_| request.transaction_id == transaction_id(token));
        let Some(holder) = holder else {
            let words = "the transaction id is unknown, or its credential was obtained";
            return Err(ErrorResponse::new(ErrorCode::InvalidTransactionId, words).into());
        };
        if !offer.ready {
            let transaction_id = request.transaction_id.clone();
            return Ok(CredentialResponse::Deferred {
                transaction_id,
                interval: DEFERRED_INTERVAL_S,
            });
        }
        issued(&self.issue_bound(actor, &offer, holder, rng).await?, token)
    }

    /// Takes note of what became of a credential in the wallet. The same again changes nothing.
    ///
    /// # Errors
    /// [`ClaimError::Refused`] with a code of the notification endpoint.
    pub async fn take_notification(
        &self,
        actor: &Actor,
        token: &str,
        notification: &Notification,
    ) -> Result<(), ClaimError> {
        let offer = self.good_token(token).await?;
        let known = offer.state == OfferState::Issued
            && notification.notification_id == notification_id(token);
        if !known {
            let words = "no credential has this notification id";
            return Err(ErrorResponse::new(ErrorCode::InvalidNotificationId, words).into());
        }
        let event = notification.event.word();
        self.storage().notify_offer(offer.id, event, actor, self.now()).await?;
        Ok(())
    }

    /// The offer that a token may still get a credential for.
    async fn offer_of(&self, token: &str) -> Result<OfferRecord, ClaimError> {
        let offer = self.good_token(token).await?;
        if offer.state.has_failed() {
            return Err(denied("the offer was taken back"));
        }
        Ok(offer)
    }

    async fn good_token(&self, token: &str) -> Result<OfferRecord, ClaimError> {
        let offer = self.storage().offer_by_token(&token_hash(token), self.now()).await?;
        let words = "the access token is unknown or expired";
        Ok(offer.ok_or(ErrorResponse::new(ErrorCode::InvalidToken, words))?)
    }

    /// Issues for the holder to whom the offer is bound. Each step can be taken again, by whichever
    /// replica the wallet asks next.
    async fn issue_bound(
        &self,
        actor: &Actor,
        offer: &OfferRecord,
        holder: HolderCommitment,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<CredentialRecord, ClaimError> {
        let begun = self.storage().begin_issuing(offer.id).await?;
        let content = self.storage().offer_content(offer.id).await?;
        let Some(content) = content.filter(|_| begun) else {
            return self.issued_already(offer, holder).await;
        };
        let request = IssueRequest {
            source: Source::Subject(offer.schema, content.subject),
            holder,
            validity: content.validity,
            idempotency_key: Some(format!("offer:{}", offer.id)),
        };
        let issued = self.issue(actor, request, rng).await.map_err(|error| match error {
            IssuerError::Credential(_)
            | IssuerError::Request { .. }
            | IssuerError::NotAccredited(_)
            | IssuerError::IdempotencyKeyReused => {
                tracing::warn!(offer = %offer.id, %error, "what was offered can no longer be issued");
                denied("what was offered can no longer be issued")
            }
            error => error.into(),
        })?;
        let credential = issued.credential;
        self.storage().end_issuing(offer.id, credential.id, actor, self.now()).await?;
        Ok(credential)
    }

    /// The credential that was issued for an offer, if it was for this holder.
    async fn issued_already(
        &self,
        offer: &OfferRecord,
        holder: HolderCommitment,
    ) -> Result<CredentialRecord, ClaimError> {
        let other = || denied("the credential is for somebody else, or is not to be had any more");
        let credential = self.storage().offer(offer.id).await?.credential.ok_or_else(other)?;
        let credential = self.credential(credential).await?;
        let same = credential.attested().is_ok_and(|attested| attested.holder == holder);
        if same { Ok(credential) } else { Err(other()) }
    }
}

fn issued(credential: &CredentialRecord, token: &str) -> Result<CredentialResponse, ClaimError> {
    let issued = IssuedCredential {
        credential: credential.content()?.verifiable_credential.clone(),
        attestation: credential.attested()?.attestation.clone(),
    };
    Ok(CredentialResponse::Issued {
        credentials: vec![issued],
        notification_id: Some(notification_id(token)),
    })
}

/// Checks that what is asked for is what was offered, by the name that the token is for.
fn check_wanted(offer: &OfferRecord, wanted: &Wanted) -> Result<(), ErrorResponse> {
    use ErrorCode::{
        InvalidCredentialRequest, UnknownCredentialConfiguration, UnknownCredentialIdentifier,
    };
    match wanted {
        Wanted::Configuration(_) if offer.identified => Err(ErrorResponse::new(
            InvalidCredentialRequest,
            "the credential is to be asked for by its credential_identifier",
        )),
        Wanted::Configuration(id) if *id != offer.schema.versioned_name() => {
            let words = "the credential configuration is not one that was offered";
            Err(ErrorResponse::new(UnknownCredentialConfiguration, words))
        }
        Wanted::Identifier(id) if !offer.identified || *id != offer.id.to_string() => {
            let words = "the credential identifier is not one of the token response";
            Err(ErrorResponse::new(UnknownCredentialIdentifier, words))
        }
        _ => Ok(()),
    }
}

fn denied(words: &'static str) -> ClaimError {
    ErrorResponse::new(ErrorCode::CredentialRequestDenied, words).into()
}
