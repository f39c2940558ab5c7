//! The routes by which auditors read the log.
//!
//! | method and path | parameters | answer |
//! |---|---|---|
//! | `GET /audit` | `action`, `actor`, `object`; `from`, `until` (RFC 3339); `before` (a sequence), `limit` | 200 `{"entries": […], "next"}`, the last entries first; the next page is that `before` `next` |
//! | `GET /audit/head` | | 200 `{"sequence", "hash", "anchors": [{"sequence", "hash", "root", "batch", "anchoredAt"}]}` |
//! | `GET /audit/export` | `format` (`json`, `csv`, `fhir`), `after` (a sequence) | 200, the file |
//!
//! An export is recorded in the log, and is in itself.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::try_unfold;
use serde_json::{Value, json};

use super::{Export, Filter, Format, anchors, head, page};
use crate::access::http::Gate;
use crate::http::{FieldError, Parameters, Problem};
use crate::time::{read_time, write_time};
use crate::{Actor, Database, DatabaseError, Role};

const USUAL_PAGE: u64 = 50;
const SHOWN_ANCHORS: u32 = 20;

#[derive(Clone)]
struct Office {
    database: Database,
    gate: Gate,
}

/// `/audit` of a gate's tenant, for auditors.
pub fn routes<S: Clone + Send + Sync + 'static>(database: Database, gate: &Gate) -> Router<S> {
    let routes = Router::new()
        .route("/audit", get(read))
        .route("/audit/head", get(read_head))
        .route("/audit/export", get(export))
        .with_state(Office { database, gate: gate.clone() });
    gate.guard(&[Role::Auditor], routes)
}

async fn read(
    State(office): State<Office>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let known = ["action", "actor", "object", "from", "until", "before", "limit"];
    let parameters = parameters.only(&known)?;
    let text = |name| parameters.text(name).map(str::to_owned);
    let filter = Filter {
        action: text("action"),
        actor: text("actor"),
        object: text("object"),
        from: time(&parameters, "from")?,
        until: time(&parameters, "until")?,
    };
    let limit = parameters.number("limit")?.unwrap_or(USUAL_PAGE);
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let before = parameters.number("before")?;
    let pool = office.database.pool();
    let page = page(pool, office.gate.tenant(), &filter, before, limit).await.map_err(failed)?;
    Ok(Json(json!({ "entries": page.entries, "next": page.next })))
}

async fn read_head(State(office): State<Office>) -> Result<Json<Value>, Problem> {
    let tenant = office.gate.tenant();
    let connection = office.database.pool().acquire().await;
    let mut connection = connection.map_err(|error| failed(error.into()))?;
    let head = head(&mut connection, tenant).await.map_err(failed)?;
    let anchors = anchors(&mut connection, tenant, SHOWN_ANCHORS).await.map_err(failed)?;
    let anchors = anchors.iter().map(|anchor| {
        json!({
            "sequence": anchor.head.sequence,
            "hash": hex::encode(anchor.head.hash),
            "root": hex::encode(anchor.root),
            "batch": anchor.batch,
            "anchoredAt": write_time(anchor.anchored_at),
        })
    });
    Ok(Json(json!({
        "sequence": head.sequence,
        "hash": hex::encode(head.hash),
        "anchors": anchors.collect::<Vec<_>>(),
    })))
}

async fn export(
    State(office): State<Office>,
    actor: Actor,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["format", "after"])?;
    let format = parameters.text("format").map_or(Ok(Format::Json), str::parse);
    let format: Format =
        format.map_err(|_| FieldError::new("format", "is none of json, csv and fhir"))?;
    let after = parameters.number("after")?.unwrap_or(0);
    let Office { database, gate } = &office;
    let tenant = gate.tenant();
    let export = Export::on_record(database, tenant, format, after, &actor, gate.now()).await;
    let export = export.map_err(failed)?;
    let pieces = try_unfold(export, async |mut export: Export| {
        let piece = export.next().await?;
        Ok::<_, DatabaseError>(piece.map(|piece| (Bytes::from(piece), export)))
    });
    let extension = if format == Format::Csv { "csv" } else { "json" };
    let name = format!("attachment; filename=\"audit-{tenant}-{format}.{extension}\"");
    let headers = [(CONTENT_TYPE, format.media_type().to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn time(parameters: &Parameters, name: &'static str) -> Result<Option<u64>, FieldError> {
    let Some(text) = parameters.text(name) else { return Ok(None) };
    read_time(text).map(Some).ok_or(FieldError::new(name, "is not a time of RFC 3339"))
}

fn failed(error: DatabaseError) -> Problem {
    Problem::internal(&error)
}
