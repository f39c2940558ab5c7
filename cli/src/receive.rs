//! Receiving what an issuer offers, over OpenID4VCI.

use crate::place::{LedgerPlace, read_input};
use crate::wallet::Vault;
use crate::{clock, fetch, output, snapshot};
use anyhow::{Context, Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_credential::issuance::{
    CredentialOffer, CredentialResponse, DeferredRequest, Endpoint, ErrorResponse,
    IssuedCredential, IssuerMetadata, MAX_METADATA, MAX_OFFER, MAX_RESPONSE, MAX_TOKEN_RESPONSE,
    NonceResponse, Notification, NotificationEvent, OfferLink, ServerMetadata, TokenResponse,
};
use attestry_ledger::RegistrySnapshot;
use attestry_wallet_core::{CredentialId, Issuance, Wallet, WalletError};
use clap::Args;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use zeroize::Zeroizing;

const MAX_ERROR: usize = 16 * 1024;

#[derive(Args)]
pub(crate) struct Receive {
    #[command(flatten)]
    vault: Vault,
    /// The ledger to check the issuer's accreditation on; without it that is left to later.
    #[command(flatten)]
    ledger: Option<LedgerPlace>,
    /// The offer, as its link or QR code has it: `openid-credential-offer://…`.
    offer: OfferLink,
    /// A file whose first line is the transaction code; `-` for standard input.
    #[arg(long)]
    tx_code_file: Option<PathBuf>,
    /// How long to wait, in seconds, for a credential that the issuer has not released.
    #[arg(long, default_value_t = 0)]
    wait_s: u64,
}

pub(crate) async fn run(arguments: &Receive) -> Result<ExitCode> {
    let (mut wallet, mut store) = arguments.vault.open()?;
    let http = Http(fetch::client()?);
    let issuance = http.issuance(&arguments.offer).await?;
    let tx_code = arguments.tx_code_file.as_deref().map(tx_code).transpose()?;
    let request = issuance.token_request(tx_code.as_deref().map(String::as_str))?;
    let form = Zeroizing::new(request.to_form());
    let registry = match &arguments.ledger {
        Some(ledger) => Some(ledger.open(arguments.vault.place()).await?.snapshot().await?),
        None => None,
    };
    let token = http
        .post(issuance.token_endpoint())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.to_string());
    let token = TokenResponse::from_json(&answer(token, MAX_TOKEN_RESPONSE).await?.1)?;
    for (configuration, _) in issuance.configurations() {
        let session = Session { http: &http, issuance: &issuance, token: &token, configuration };
        let (issued, notification_id) = session.obtain(&wallet, arguments.wait_s).await?;
        let accepted = accept_all(&mut wallet, &session, &issued, registry.as_ref());
        let saved = accepted.and_then(|ids| wallet.save(&mut store, &mut OsRng).map(|()| ids));
        let event = match saved {
            Ok(_) => NotificationEvent::CredentialAccepted,
            Err(_) => NotificationEvent::CredentialFailure,
        };
        session.notify(notification_id, event).await;
        for id in saved? {
            output::json(&json!({ "accepted": id.to_string(), "issuer": issuance.issuer() }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The transaction code in a file.
fn tx_code(path: &Path) -> Result<Zeroizing<String>> {
    let text = Zeroizing::new(read_input(path)?);
    let text = std::str::from_utf8(&text).context("the transaction code is not text")?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().trim().to_owned()))
}

fn accept_all(
    wallet: &mut Wallet,
    session: &Session<'_>,
    issued: &[IssuedCredential],
    registry: Option<&RegistrySnapshot>,
) -> Result<Vec<CredentialId>, WalletError> {
    let view = registry.map(snapshot::view);
    let accept = |issued| {
        wallet.accept_issued(session.issuance, session.configuration, issued, view.as_ref())
    };
    issued.iter().map(accept).collect()
}

/// Requests to an issuer.
struct Http(Client);

impl Http {
    fn post(&self, endpoint: &Endpoint) -> RequestBuilder {
        self.0.post(endpoint.as_str())
    }

    async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>> {
        Ok(answer(self.0.get(url).header("accept", "application/json"), limit).await?.1)
    }

    /// The offer, and all that is needed to take it up.
    async fn issuance(&self, link: &OfferLink) -> Result<Issuance> {
        let offer = match link {
            OfferLink::Value(offer) => (**offer).clone(),
            OfferLink::Reference(url) => {
                let offer = self.get(url.as_str(), MAX_OFFER).await;
                CredentialOffer::from_json(&offer.context("the offer cannot be fetched")?)?
            }
        };
        let issuer = &offer.credential_issuer;
        let metadata = self.get(&issuer.metadata_url(), MAX_METADATA).await;
        let metadata = metadata.context("the issuer's metadata cannot be fetched")?;
        let metadata = IssuerMetadata::from_json(&metadata, issuer)?;
        let server = Issuance::authorization_server(&offer, &metadata)?;
        let found = self.get(&server.server_metadata_url(), MAX_METADATA).await;
        let found = found.context("the authorization server's metadata cannot be fetched")?;
        let server = ServerMetadata::from_json(&found, server)?;
        Ok(Issuance::new(offer, metadata, server)?)
    }
}

/// One credential of an issuance.
struct Session<'a> {
    http: &'a Http,
    issuance: &'a Issuance,
    token: &'a TokenResponse,
    configuration: &'a str,
}

impl Session<'_> {
    /// The credentials and by what name to say what became of them.
    async fn obtain(
        &self,
        wallet: &Wallet,
        wait_s: u64,
    ) -> Result<(Vec<IssuedCredential>, Option<String>)> {
        let metadata = self.issuance.metadata();
        let nonce = match &metadata.nonce_endpoint {
            Some(endpoint) => {
                let (_, body) = answer(self.http.post(endpoint), MAX_TOKEN_RESPONSE).await?;
                Some(NonceResponse::from_json(&body)?.c_nonce)
            }
            None => None,
        };
        let proof = wallet.prove_possession(self.issuance.issuer(), nonce.as_deref(), clock::now());
        let request = self.issuance.credential_request(self.configuration, self.token, proof);
        let request = self.authorized(&metadata.credential_endpoint).json(&request);
        let mut response = answer(request, MAX_RESPONSE).await?;
        let mut waited_s = 0;
        loop {
            let (transaction_id, interval) = match CredentialResponse::from_json(&response.1)? {
                CredentialResponse::Issued { credentials, notification_id } => {
                    return Ok((credentials, notification_id));
                }
                CredentialResponse::Deferred { transaction_id, interval } => {
                    (transaction_id, interval)
                }
            };
            let endpoint = metadata.deferred_credential_endpoint.as_ref();
            let endpoint = endpoint.context("the issuer defers, and does not say to where")?;
            waited_s += interval;
            if waited_s > wait_s {
                bail!("the issuer has not released the credential: wait longer with --wait-s");
            }
            tokio::time::sleep(Duration::from_secs(interval)).await;
            let request = self.authorized(endpoint).json(&DeferredRequest { transaction_id });
            response = answer(request, MAX_RESPONSE).await?;
        }
    }

    /// Says what became of the credentials. The issuer may do without.
    async fn notify(&self, notification_id: Option<String>, event: NotificationEvent) {
        let endpoint = &self.issuance.metadata().notification_endpoint;
        let (Some(endpoint), Some(notification_id)) = (endpoint, notification_id) else { return };
        let notification = Notification { notification_id, event };
        let request = self.authorized(endpoint).json(&notification);
        if let Err(error) = answer(request, MAX_ERROR).await {
            tracing::warn!(%error, "the issuer could not be told");
        }
    }

    fn authorized(&self, endpoint: &Endpoint) -> RequestBuilder {
        self.http.post(endpoint).bearer_auth(&self.token.access_token)
    }
}

/// The body of a good answer; an error with the issuer's own words for another.
async fn answer(request: RequestBuilder, limit: usize) -> Result<(StatusCode, Vec<u8>)> {
    // A link, and so an error with one, may hold a code.
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    let limit = if status.is_success() { limit } else { MAX_ERROR };
    let body = fetch::read(response, limit).await?;
    if status.is_success() {
        return Ok((status, body));
    }
    match ErrorResponse::from_json(&body) {
        Ok(error) => bail!("the issuer refuses: {error}"),
        Err(_) => bail!("the issuer answers with status {}", status.as_u16()),
    }
}
