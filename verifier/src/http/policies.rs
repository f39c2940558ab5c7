//! The policies that sessions may name.

use attestry_credential::policy::PolicyDocument;
use attestry_service::http::{Path, Problem};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::{Verifier, VerifierError};

pub(super) async fn list(State(verifier): State<Verifier>) -> Json<Value> {
    Json(verifier.policies().iter().map(summary).collect())
}

pub(super) async fn read(
    State(verifier): State<Verifier>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let policy = verifier.policies().get(&id).ok_or(VerifierError::UnknownPolicy)?;
    let mut described = summary(policy);
    described["document"] = policy.source().clone();
    Ok(Json(described))
}

fn summary(policy: &PolicyDocument) -> Value {
    let disclosed = policy.disclosures().into_iter().map(|claim| claim.name);
    let disclosed = disclosed.chain(policy.discloses_issuer().then_some("issuer"));
    json!({
        "id": policy.id(),
        "version": policy.version(),
        "title": policy.title(),
        "description": policy.description(),
        "schema": policy.schema().versioned_name(),
        "hash": hex::encode(policy.hash()),
        "parameters": policy.parameters(),
        "disclosed": disclosed.collect::<Vec<_>>(),
    })
}
