//! Answering a verifier, over OpenID4VP.

use crate::place::LedgerPlace;
use crate::wallet::{Vault, prover};
use crate::{clock, fetch, keys, output, snapshot};
use anyhow::{Context, Result, bail};
use ark_std::rand::rngs::OsRng;
use attestry_credential::oid4vp::{MAX_SIGNED_REQUEST, RequestLink, SignedRequest};
use attestry_credential::presentation::{ClientId, PresentationRequest, PresentationResponse};
use attestry_ledger::RegistryClient;
use attestry_wallet_core::{Inquiry, Session};
use clap::Args;
use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const MAX_ANSWER: usize = 64 * 1024;

#[derive(Args)]
pub(crate) struct Present {
    #[command(flatten)]
    vault: Vault,
    #[command(flatten)]
    ledger: LedgerPlace,
    /// The verifier's request: its link (`openid4vp://…`), as the QR code has it, the URL of the
    /// signed request, or a file with it.
    #[arg(long)]
    request: String,
    /// Tell the verifier that you decline.
    #[arg(long)]
    decline: bool,
    /// A folder to keep `request.json` and `presentation.json` in, for `keys export`.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Proofs to keep ready for the next requests of this kind; they are made after the answer.
    #[arg(long)]
    ready: Option<usize>,
}

pub(crate) async fn run(arguments: &Present) -> Result<ExitCode> {
    let (mut wallet, mut store) = arguments.vault.open()?;
    let http = fetch::client()?;
    let place = arguments.vault.place();
    let ledger = arguments.ledger.open(place).await?;
    let inquiry = inquiry(&http, &arguments.request, &ledger).await?;
    let request = inquiry.request();
    tell_who_asks(request);
    if arguments.decline {
        wallet.decline(request, clock::now(), &mut store, &mut OsRng)?;
        return post(&http, &inquiry, inquiry.decline()).await;
    }
    let registry = ledger.snapshot().await?;
    let (view, prover) = (snapshot::view(&registry), prover(&keys::development_keys(place)?)?);
    let now = clock::now();
    let chosen = wallet.choose(request, Some(&view), now)?.first()?;
    let session = Session { request, view: &view, prover: &prover, now };
    let response = wallet.present(&session, &chosen, &mut store, &mut OsRng)?;
    if let Some(folder) = &arguments.keep {
        keep(folder, request, &response)?;
    }
    let told = post(&http, &inquiry, inquiry.answer(&response, &mut OsRng)?).await?;
    if let Some(ready) = arguments.ready {
        for (query, credential) in &chosen {
            wallet.keep_ready(request, query, credential, ready)?;
        }
        wallet.save(&mut store, &mut OsRng)?;
    }
    while wallet.refill_step(&view, &prover, clock::now(), &mut store, &mut OsRng)? {}
    Ok(told)
}

/// Fetches a request and checks it against the verifier's document on the ledger.
async fn inquiry(http: &Client, request: &str, ledger: &RegistryClient) -> Result<Inquiry> {
    let (signed, named) = if request.starts_with("openid4vp:") {
        let link: RequestLink = request.parse()?;
        (fetched(http, link.request_uri.as_str()).await?, Some(link.client_id))
    } else if request.starts_with("https://") || request.starts_with("http://") {
        (fetched(http, request).await?, None)
    } else {
        (crate::place::read_input(Path::new(request))?, None)
    };
    let signed = SignedRequest::parse(&signed)?;
    let client_id: ClientId = match named {
        Some(named) => named,
        None => signed.claimed_client_id()?,
    };
    let now = clock::now();
    let document = ledger.identities().document(client_id.as_str(), now).await?;
    let document = document.context("the verifier's DID is not one of this ledger")?;
    Ok(Inquiry::verify(&signed, &client_id, &document, now)?)
}

async fn fetched(http: &Client, url: &str) -> Result<Vec<u8>> {
    let request = http.get(url).header(ACCEPT, "application/oauth-authz-req+jwt");
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    let body = fetch::read(response, MAX_SIGNED_REQUEST).await?;
    if !status.is_success() {
        bail!("the verifier has no such request: it answers with status {}", status.as_u16());
    }
    Ok(body)
}

fn tell_who_asks(request: &PresentationRequest) {
    output::note(&format!("{} asks: {}", request.client_id, request.purpose));
    for query in &request.queries {
        // In our words, not in the verifier's title: what is proven, and what it learns.
        output::note(&format!("  {}", query.policy.in_words(&query.parameters)));
    }
}

fn keep(
    folder: &Path,
    request: &PresentationRequest,
    response: &PresentationResponse,
) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(folder.join("request.json"), serde_json::to_vec(request)?)?;
    let response = serde_json::to_vec(&response.to_compact_json())?;
    Ok(std::fs::write(folder.join("presentation.json"), response)?)
}

/// Posts a form and prints what the verifier says.
async fn post(http: &Client, inquiry: &Inquiry, form: String) -> Result<ExitCode> {
    let request = http
        .post(inquiry.response_uri().as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form);
    let answer = request.send().await.map_err(reqwest::Error::without_url)?;
    let taken = answer.status().is_success();
    let body = fetch::read(answer, MAX_ANSWER).await?;
    output::line(&String::from_utf8_lossy(&body));
    Ok(if taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
