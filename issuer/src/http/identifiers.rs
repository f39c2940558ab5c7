//! Resolution of DIDs, as drivers of the Universal Resolver do it (W3C DID Resolution): `did:ethr`
//! by the ledger, `did:key` by itself.

use attestry_credential::vcdm::write_time;
use attestry_credential::w3c::{DidKey, did_key_document};
use attestry_ledger::{EthrDid, Resolution};
use attestry_service::http::Path;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::{Issuer, IssuerError};

const RESULT: &str = "application/ld+json;profile=\"https://w3id.org/did-resolution\"";
const DOCUMENT: &str = "application/did+ld+json";
const PLAIN_DOCUMENT: &str = "application/did+json";
const RESULT_CONTEXT: &str = "https://w3id.org/did-resolution/v1";

/// Why a DID is not resolved, in the words of DID Resolution.
#[derive(Clone, Copy)]
enum Failure {
    InvalidDid,
    NotFound,
    MethodNotSupported,
    RepresentationNotSupported,
    Internal(StatusCode),
}

impl Failure {
    fn status_and_word(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidDid => (StatusCode::BAD_REQUEST, "invalidDid"),
            Self::NotFound => (StatusCode::NOT_FOUND, "notFound"),
            Self::MethodNotSupported => (StatusCode::NOT_IMPLEMENTED, "methodNotSupported"),
            Self::RepresentationNotSupported => {
                (StatusCode::NOT_ACCEPTABLE, "representationNotSupported")
            }
            Self::Internal(status) => (status, "internalError"),
        }
    }
}

struct Resolved {
    document: Value,
    metadata: Value,
    deactivated: bool,
}

/// `GET /1.0/identifiers/{did}`
pub(super) async fn resolve(
    State(issuer): State<Issuer>,
    Path(did): Path<String>,
    headers: HeaderMap,
) -> Response {
    let outcome = match representation(&headers) {
        Some(representation) => find(&issuer, &did).await.map(|found| (representation, found)),
        None => Err(Failure::RepresentationNotSupported),
    };
    match outcome {
        Ok((representation, resolved)) => answer(representation, resolved),
        Err(failure) => refuse(failure),
    }
}

async fn find(issuer: &Issuer, did: &str) -> Result<Resolved, Failure> {
    if did.len() > 2048 {
        return Err(Failure::InvalidDid);
    }
    let (method, id) = did
        .strip_prefix("did:")
        .and_then(|rest| rest.split_once(':'))
        .ok_or(Failure::InvalidDid)?;
    let is_method = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"._:%-".contains(&byte);
    if method.is_empty()
        || id.is_empty()
        || !method.bytes().all(is_method)
        || !id.bytes().all(is_id)
    {
        return Err(Failure::InvalidDid);
    }
    match method {
        "key" => {
            // The resolver describes bytes of any kind; a DID has a key that is known.
            DidKey::from_url(&format!("{did}#{id}")).ok_or(Failure::InvalidDid)?;
            let document = did_key_document(did).await.map_err(|_| Failure::InvalidDid)?;
            Ok(Resolved { document, metadata: json!({}), deactivated: false })
        }
        "ethr" => {
            let did = did.parse::<EthrDid>().map_err(|_| Failure::InvalidDid)?;
            match issuer.resolve(&did).await {
                Ok(Some(resolution)) => of_ledger(&resolution),
                Ok(None) => Err(Failure::NotFound),
                Err(error) => {
                    tracing::error!(%error, "a DID was not resolved");
                    let away = matches!(&error, IssuerError::Ledger(error) if error.is_absence());
                    Err(Failure::Internal(if away {
                        StatusCode::SERVICE_UNAVAILABLE
                    } else {
                        StatusCode::INTERNAL_SERVER_ERROR
                    }))
                }
            }
        }
        _ => Err(Failure::MethodNotSupported),
    }
}

fn of_ledger(resolution: &Resolution) -> Result<Resolved, Failure> {
    let internal = |_| Failure::Internal(StatusCode::INTERNAL_SERVER_ERROR);
    let document = serde_json::to_value(&resolution.document).map_err(internal)?;
    let mut metadata = json!({});
    if let Some((version, at)) = resolution.updated {
        metadata["versionId"] = version.to_string().into();
        metadata["updated"] = write_time(at).ok().into();
    }
    if resolution.deactivated {
        metadata["deactivated"] = true.into();
    }
    Ok(Resolved { document, metadata, deactivated: resolution.deactivated })
}

/// The media type to answer with: the first that is asked for and known.
fn representation(headers: &HeaderMap) -> Option<&'static str> {
    let mut asked = headers.get_all(ACCEPT).iter().peekable();
    if asked.peek().is_none() {
        return Some(RESULT);
    }
    let ranges = asked.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    ranges.into_iter().find_map(|range| match range.split(';').next()?.trim() {
        "*/*"
        | "application/*"
        | "application/json"
        | "application/ld+json"
        | "application/did-resolution" => Some(RESULT),
        DOCUMENT => Some(DOCUMENT),
        PLAIN_DOCUMENT => Some(PLAIN_DOCUMENT),
        _ => None,
    })
}

fn answer(representation: &'static str, resolved: Resolved) -> Response {
    let Resolved { mut document, metadata, deactivated } = resolved;
    let status = if deactivated { StatusCode::GONE } else { StatusCode::OK };
    let body = match representation {
        RESULT => json!({
            "@context": RESULT_CONTEXT,
            "didDocument": document,
            "didResolutionMetadata": { "contentType": DOCUMENT },
            "didDocumentMetadata": metadata,
        }),
        PLAIN_DOCUMENT => {
            if let Some(members) = document.as_object_mut() {
                members.remove("@context");
            }
            document
        }
        _ => document,
    };
    send(status, representation, &body)
}

fn refuse(failure: Failure) -> Response {
    let (status, word) = failure.status_and_word();
    let body = json!({
        "@context": RESULT_CONTEXT,
        "didDocument": null,
        "didResolutionMetadata": { "error": word },
        "didDocumentMetadata": {},
    });
    send(status, RESULT, &body)
}

fn send(status: StatusCode, media_type: &'static str, body: &Value) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (VARY, HeaderValue::from_static("accept")),
    ];
    (status, headers, body.to_string()).into_response()
}
