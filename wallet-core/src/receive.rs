//! Taking credentials over OpenID4VCI: what to send an issuer, and what to take from it.
//!
//! The caller does the sending: it fetches the offer, the issuer's metadata and those of its
//! authorization server, makes an [`Issuance`] of them, and carries its messages.

use crate::{CredentialId, RegistryView, Wallet, WalletError};
use attestry_credential::issuance::{
    CredentialOffer, CredentialRequest, Endpoint, IssuanceError, IssuedCredential,
    IssuerIdentifier, IssuerMetadata, ProofClaims, ServerMetadata, TokenRequest, TokenResponse,
    TxCode, Wanted,
};
use attestry_credential::schema::Schema;
use attestry_credential::vcdm::Document;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const KEY_DOMAIN: &[u8] = b"attestry/issuance-key/v1";

/// An issuance that an offer began, checked against what the issuer says of itself.
#[derive(Clone, Debug)]
pub struct Issuance {
    offer: CredentialOffer,
    metadata: IssuerMetadata,
    server: ServerMetadata,
    configurations: Vec<(String, Schema)>,
}

impl Issuance {
    /// The authorization server whose metadata are needed: the issuer itself, or the one that the
    /// issuer names.
    ///
    /// # Errors
    /// [`IssuanceError::NotInMetadata`] if the offer names one that the issuer does not;
    /// [`IssuanceError::Unsupported`] if the issuer names several and the offer none.
    pub fn authorization_server<'a>(
        offer: &CredentialOffer,
        metadata: &'a IssuerMetadata,
    ) -> Result<&'a IssuerIdentifier, IssuanceError> {
        let servers = &metadata.authorization_servers;
        match (&offer.grant.authorization_server, servers.as_slice()) {
            (Some(named), _) => {
                let found = servers.iter().find(|server| *server == named);
                found.ok_or(IssuanceError::NotInMetadata("the authorization server that it names"))
            }
            (None, []) => Ok(&metadata.credential_issuer),
            (None, [server]) => Ok(server),
            (None, _) => Err(IssuanceError::Unsupported(
                "offer: does not say which of several authorization servers is meant",
            )),
        }
    }

    /// An issuance by an offer, the issuer's metadata and those of
    /// [`Issuance::authorization_server`]. Everything that is offered must be of a kind that this
    /// wallet holds.
    ///
    /// # Errors
    /// [`IssuanceError::OtherIssuer`] if the metadata are not those of the offer;
    /// [`IssuanceError::NotInMetadata`]; [`IssuanceError::Unsupported`].
    pub fn new(
        offer: CredentialOffer,
        metadata: IssuerMetadata,
        server: ServerMetadata,
    ) -> Result<Self, IssuanceError> {
        if metadata.credential_issuer != offer.credential_issuer {
            return Err(IssuanceError::OtherIssuer("issuer metadata"));
        }
        if server.issuer != *Self::authorization_server(&offer, &metadata)? {
            return Err(IssuanceError::OtherIssuer("authorization server metadata"));
        }
        let configurations = offer.credential_configuration_ids.iter().map(|id| {
            let (schema, _) = metadata.wallet_configuration(id)?;
            Ok((id.clone(), schema))
        });
        let configurations = configurations.collect::<Result<_, IssuanceError>>()?;
        Ok(Self { offer, metadata, server, configurations })
    }

    /// The issuer. Whether it is one to deal with is for the holder to say.
    pub fn issuer(&self) -> &IssuerIdentifier {
        &self.offer.credential_issuer
    }

    /// The issuer's metadata, with its endpoints.
    pub fn metadata(&self) -> &IssuerMetadata {
        &self.metadata
    }

    /// What is offered: credential configurations and their schemas.
    pub fn configurations(&self) -> &[(String, Schema)] {
        &self.configurations
    }

    /// The form of the transaction code to ask the holder for, if there is to be one.
    pub fn tx_code(&self) -> Option<&TxCode> {
        self.offer.grant.tx_code.as_ref()
    }

    /// Where the token request is posted.
    pub fn token_endpoint(&self) -> &Endpoint {
        &self.server.token_endpoint
    }

    /// What to send to the token endpoint. A wrong transaction code is one of few attempts, so its
    /// form is checked here.
    ///
    /// # Errors
    /// [`IssuanceError::TxCode`].
    pub fn token_request(&self, tx_code: Option<&str>) -> Result<TokenRequest, IssuanceError> {
        match (self.tx_code(), tx_code) {
            (Some(form), Some(code)) => form.check(code)?,
            (Some(_), None) => return Err(IssuanceError::TxCode("is needed for this offer")),
            (None, Some(_)) => return Err(IssuanceError::TxCode("is not asked for")),
            (None, None) => {}
        }
        Ok(TokenRequest {
            code: self.offer.grant.code.clone(),
            tx_code: tx_code.map(str::to_owned),
            configurations: Vec::new(),
        })
    }

    /// What to send to the credential endpoint for one of the configurations, with a proof by
    /// [`Wallet::prove_possession`].
    pub fn credential_request(
        &self,
        configuration: &str,
        token: &TokenResponse,
        proof: String,
    ) -> CredentialRequest {
        let dataset = token.identifiers.get(configuration).and_then(|datasets| datasets.first());
        let wanted = match dataset {
            Some(dataset) => Wanted::Identifier(dataset.clone()),
            None => Wanted::Configuration(configuration.to_owned()),
        };
        CredentialRequest { wanted, proofs: vec![proof] }
    }

    fn schema(&self, configuration: &str) -> Result<Schema, IssuanceError> {
        let found = self.configurations.iter().find(|(id, _)| id == configuration);
        let found = found.map(|(_, schema)| *schema);
        found.ok_or(IssuanceError::NotInMetadata("the configuration that is asked for"))
    }
}

impl Wallet {
    /// The proof for an issuer's credential request: a JWT by a key of this wallet for this issuer
    /// alone, with the holder's commitment and the issuer's nonce. `now` is in Unix seconds.
    ///
    /// The key is derived from the holder secret and the issuer's identifier: the same at every
    /// issuance by this issuer, and of no use to tell the wallet elsewhere.
    pub fn prove_possession(
        &self,
        issuer: &IssuerIdentifier,
        nonce: Option<&str>,
        now: u64,
    ) -> String {
        let holder = self.holder_commitment();
        ProofClaims { audience: issuer, issued_at: now, nonce, holder }
            .sign(&self.issuance_key(issuer))
    }

    fn issuance_key(&self, issuer: &IssuerIdentifier) -> SigningKey {
        let mut hasher = Sha256::new();
        hasher.update(KEY_DOMAIN);
        hasher.update(self.holder_secret().to_bytes().as_slice());
        hasher.update(issuer.as_str());
        let mut seed = Zeroizing::new([0; 32]);
        hasher.finalize_into((&mut *seed).into());
        SigningKey::from_bytes(&seed)
    }

    /// Accepts a credential that was asked for under a configuration, as [`Wallet::accept`] does.
    ///
    /// # Errors
    /// [`WalletError::OtherSchema`] if it is not what the configuration says; those of
    /// [`Wallet::accept`].
    pub fn accept_issued(
        &mut self,
        issuance: &Issuance,
        configuration: &str,
        issued: &IssuedCredential,
        view: Option<&RegistryView<'_>>,
    ) -> Result<CredentialId, WalletError> {
        let schema = issuance.schema(configuration)?;
        if Document::from_json(&issued.credential)?.schema() != schema {
            return Err(WalletError::OtherSchema);
        }
        self.accept(&issued.credential.to_string(), &issued.attestation.to_string(), view)
    }
}
