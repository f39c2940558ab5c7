//! Requests of a wallet to issuers and verifiers.

use anyhow::{Result, bail};
use reqwest::{Client, Response, redirect};
use std::time::Duration;

/// What the other side may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client that follows nothing elsewhere: codes, tokens and presentations are for nobody but
/// whom they are sent to.
pub(crate) fn client() -> Result<Client> {
    Ok(Client::builder().redirect(redirect::Policy::none()).timeout(TIMEOUT).build()?)
}

/// The body of an answer.
pub(crate) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > limit {
            bail!("the answer is longer than {limit} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
