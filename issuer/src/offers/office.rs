//! What the office does with offers.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::HolderCommitment;
use attestry_credential::issuance::{
    CredentialOffer, Display, InputMode, IssuerIdentifier, IssuerMetadata, OfferLink,
    PreAuthorized, ServerMetadata, TxCode,
};
use attestry_credential::schema::Schema;
use attestry_credential::vcdm::HOLDER_COMMITMENT;
use attestry_service::Actor;
use attestry_service::http::qr_svg;
use serde_json::json;
use zeroize::Zeroizing;

use super::codes::{Reference, code_hash, new_tx_code, tx_code_hash};
use super::{Content, NewOffer, OfferId, OfferRecord, OfferRequest, OfferState};
use crate::request::{Claims, idempotency};
use crate::storage::Idempotency;
use crate::{CredentialId, Issuer, IssuerError, Source};

/// Shortest and longest transaction code, digits.
const TX_CODE_LENGTHS: std::ops::RangeInclusive<u32> = 6..=12;
/// How long an offer may stand, seconds.
const LONGEST_LIFETIME_S: u64 = 30 * 86_400;

/// An offer that was made, with what is to be handed over. `Debug` shows no secret.
pub struct Offered {
    /// The offer.
    pub offer: OfferRecord,
    /// Its link.
    pub link: Link,
    /// The transaction code, which goes to the holder by another way than the link. It is shown
    /// this once: none if there is none, or if the same request made the offer before.
    pub tx_code: Option<Zeroizing<String>>,
    /// Whether the same request made the offer before.
    pub repeated: bool,
}

impl std::fmt::Debug for Offered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offered").field("offer", &self.offer.id).finish_non_exhaustive()
    }
}

/// The link of an offer, which is as secret as a key. `Debug` does not show it.
pub struct Link {
    /// Where a wallet fetches the offer.
    pub offer_uri: String,
    /// The link that opens a wallet, `openid-credential-offer://…`.
    pub deep_link: String,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link(redacted)")
    }
}

impl Link {
    /// The deep link as a QR code, an SVG document.
    ///
    /// # Errors
    /// [`IssuerError::Request`] if the issuer's URL is too long for one.
    pub fn qr_svg(&self) -> Result<String, IssuerError> {
        let drawing = qr_svg(&self.deep_link);
        drawing.ok_or(IssuerError::request("publicUrl", "is too long for a QR code"))
    }
}

impl Issuer {
    /// Offers a credential to whoever has the link and the transaction code. What is offered is
    /// read and checked now, and issued when it is claimed.
    ///
    /// # Errors
    /// As [`Issuer::issue`]; [`IssuerError::InsecurePublicUrl`].
    pub async fn offer(
        &self,
        actor: &Actor,
        request: &OfferRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Offered, IssuerError> {
        let claims = read_claims(&request.source, self.did())?;
        let validity = request.validity.or(claims.validity);
        let (now, schema) = (self.now(), claims.subject.schema());
        self.issuing(schema).await?;
        validity.resolve(&claims.subject, now, self.config().default_validity_s)?;
        if request.tx_code_length.is_some_and(|length| !TX_CODE_LENGTHS.contains(&length)) {
            return Err(IssuerError::request("options.txCode.length", "is not 6 to 12"));
        }
        if !(1..=LONGEST_LIFETIME_S).contains(&request.lifetime_s) {
            return Err(IssuerError::request("options.expiresIn", "is not 1 second to 30 days"));
        }
        let id = OfferId(CredentialId::random(rng));
        let reference = self.reference(id).await?;
        let code = reference.code();
        let tx_code = request.tx_code_length.map(|length| new_tx_code(length, rng));
        let record = OfferRecord {
            id,
            schema,
            state: OfferState::Open,
            tx_code_length: request.tx_code_length,
            attempts: 0,
            ready: !request.deferred,
            created_at: now,
            expires_at: now.saturating_add(request.lifetime_s),
            credential: None,
            notified: None,
            token_expires_at: None,
            identified: false,
            holder: None,
        };
        let offer = NewOffer {
            content: Content { subject: claims.to_json()?, validity },
            code_hash: code_hash(&code),
            tx_code_hash: tx_code.as_ref().map(|tx_code| tx_code_hash(&code, tx_code)),
            idempotency: request.idempotency(),
            record,
        };
        // The link is needed in any case: where there can be none, nothing is offered.
        let link = self.link(&reference)?;
        match self.storage().insert_offer(&offer, actor).await? {
            None => {
                tracing::info!(offer = %id, schema = schema.type_name(), "offered");
                Ok(Offered { offer: offer.record, link, tx_code, repeated: false })
            }
            Some(before) => {
                let link = self.offer_link(before.id).await?;
                Ok(Offered { offer: before, link, tx_code: None, repeated: true })
            }
        }
    }

    /// Where an offer is in its life.
    ///
    /// # Errors
    /// [`IssuerError::UnknownOffer`]; [`IssuerError::Database`].
    pub async fn offer_state(&self, id: OfferId) -> Result<OfferRecord, IssuerError> {
        self.storage().offer(id).await
    }

    /// The link of an open offer.
    ///
    /// # Errors
    /// [`IssuerError::UnknownOffer`]; [`IssuerError::OfferNotPossible`] unless the offer is open;
    /// [`IssuerError::OfferLinkGone`] if the credential key has changed since it was made.
    pub async fn offer_link(&self, id: OfferId) -> Result<Link, IssuerError> {
        let offer = self.storage().offer(id).await?;
        if offer.state != OfferState::Open {
            return Err(IssuerError::OfferNotPossible { action: "show", state: offer.state });
        }
        let reference = self.reference(id).await?;
        let found = self.storage().offer_by_code(&code_hash(&reference.code())).await?;
        match found {
            Some(_) => self.link(&reference),
            None => Err(IssuerError::OfferLinkGone),
        }
    }

    /// Takes an offer back and destroys what it offers. Once more changes nothing.
    ///
    /// # Errors
    /// [`IssuerError::UnknownOffer`]; [`IssuerError::OfferNotPossible`] if it has ended otherwise.
    pub async fn cancel_offer(
        &self,
        actor: &Actor,
        id: OfferId,
    ) -> Result<OfferRecord, IssuerError> {
        let taken = self.storage().cancel_offer(id, actor, self.now()).await?;
        let offer = self.storage().offer(id).await?;
        match offer.state {
            OfferState::Cancelled => {
                if taken {
                    tracing::info!(offer = %id, "offer cancelled");
                }
                Ok(offer)
            }
            state => Err(IssuerError::OfferNotPossible { action: "cancel", state }),
        }
    }

    /// Lets a deferred offer be issued. Once more changes nothing.
    ///
    /// # Errors
    /// [`IssuerError::UnknownOffer`]; [`IssuerError::OfferNotPossible`] if it has ended.
    pub async fn release_offer(
        &self,
        actor: &Actor,
        id: OfferId,
    ) -> Result<OfferRecord, IssuerError> {
        self.storage().release_offer(id, actor, self.now()).await?;
        let offer = self.storage().offer(id).await?;
        let state = offer.state;
        if offer.ready && !state.has_failed() {
            return Ok(offer);
        }
        Err(IssuerError::OfferNotPossible { action: "release", state })
    }

    /// The offer behind a link, as the wallet gets it.
    ///
    /// # Errors
    /// [`IssuerError::UnknownOffer`] also if it is not open any more.
    pub async fn offer_for_wallet(&self, reference: &str) -> Result<CredentialOffer, IssuerError> {
        let code = Reference::from_link(reference).code();
        let offer = self.storage().offer_by_code(&code_hash(&code)).await?;
        let open =
            offer.filter(|offer| offer.state == OfferState::Open && offer.expires_at > self.now());
        let offer = open.ok_or(IssuerError::UnknownOffer)?;
        Ok(CredentialOffer {
            credential_issuer: self.identifier()?,
            credential_configuration_ids: vec![offer.schema.versioned_name()],
            grant: PreAuthorized {
                code: code.to_string(),
                tx_code: offer.tx_code_length.map(|length| TxCode {
                    input_mode: InputMode::Numeric,
                    length: Some(u64::from(length)),
                    description: None,
                }),
                authorization_server: None,
            },
        })
    }

    /// The issuer's metadata for wallets.
    ///
    /// # Errors
    /// [`IssuerError::InsecurePublicUrl`].
    pub fn wallet_metadata(&self) -> Result<IssuerMetadata, IssuerError> {
        let schemas =
            Schema::ALL.into_iter().filter(|schema| self.config().entries.contains_key(schema));
        let name = self.config().display_name.clone();
        let display = name.map(|name| Display { name, locale: None }).into_iter().collect();
        let metadata = IssuerMetadata::of_issuer(&self.identifier()?, schemas, display);
        metadata.map_err(|_| IssuerError::InsecurePublicUrl)
    }

    /// The metadata of the issuer as its own authorization server.
    ///
    /// # Errors
    /// [`IssuerError::InsecurePublicUrl`].
    pub fn server_metadata(&self) -> Result<ServerMetadata, IssuerError> {
        let metadata = ServerMetadata::of_issuer(&self.identifier()?);
        metadata.map_err(|_| IssuerError::InsecurePublicUrl)
    }

    /// What wallets know the issuer by: its public URL.
    ///
    /// # Errors
    /// [`IssuerError::InsecurePublicUrl`] unless that is `https`, or `http` on loopback.
    pub fn identifier(&self) -> Result<IssuerIdentifier, IssuerError> {
        self.config().public_url.parse().map_err(|_| IssuerError::InsecurePublicUrl)
    }

    async fn reference(&self, id: OfferId) -> Result<Reference, IssuerError> {
        let signer = self.keys().document_signer(&self.signing().await?.keys);
        Reference::of(id, self.tenant().as_str(), &signer).await
    }

    fn link(&self, reference: &Reference) -> Result<Link, IssuerError> {
        let path = format!("/oid4vci/offers/{}", reference.as_str());
        let offer_uri = self.identifier()?.endpoint(&path);
        let offer_uri = offer_uri.map_err(|_| IssuerError::InsecurePublicUrl)?;
        let deep_link = OfferLink::Reference(offer_uri.clone()).to_string();
        Ok(Link { offer_uri: offer_uri.to_string(), deep_link })
    }
}

impl OfferState {
    /// Whether the offer ended without a credential.
    pub(super) fn has_failed(self) -> bool {
        matches!(self, Self::Cancelled | Self::Expired | Self::Failed)
    }
}

impl OfferRequest {
    fn idempotency(&self) -> Option<Idempotency> {
        let request = json!([
            "offer",
            self.source.to_json(),
            self.validity.from,
            self.validity.until,
            self.tx_code_length,
            self.lifetime_s,
            self.deferred,
        ]);
        idempotency(self.idempotency_key.as_deref(), &request)
    }
}

/// Reads what is offered; the holder is not known yet.
fn read_claims(source: &Source, issuer: &str) -> Result<Claims, IssuerError> {
    if let Source::Document(document) = source
        && !document["credentialSubject"][HOLDER_COMMITMENT].is_null()
    {
        let field = "credential.credentialSubject.holderCommitment";
        return Err(IssuerError::request(field, "is not known before the offer is claimed"));
    }
    // Any commitment: nothing is compared with it.
    let nobody = HolderCommitment::from_bytes(&[0; 32]);
    source.read(issuer, nobody.map_err(|_| IssuerError::Signing)?)
}
