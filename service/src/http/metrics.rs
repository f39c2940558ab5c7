//! What a service counts, for Prometheus: requests by route, method, class of status and tenant.
//! No label carries anything that a caller wrote.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::problem::Problem;
use crate::TenantId;
use crate::tenant::TENANTS;

const MEDIA_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Upper ends of the classes of latency, seconds.
const LATENCIES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 5., 25.];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: &'static str,
    tenant: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabel {
    tenant: String,
}

#[derive(Clone)]
struct Latencies;

impl MetricConstructor<Histogram> for Latencies {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LATENCIES)
    }
}

/// What a service counts. Clones share everything.
#[derive(Clone)]
pub struct Metrics(Arc<Shared>);

struct Shared {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RequestLabels, Histogram, Latencies>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// A number that a service has per tenant, and sets when it is asked for its metrics.
#[derive(Clone, Debug)]
pub struct TenantGauge(Family<TenantLabel, Gauge>);

impl TenantGauge {
    /// What it is for a tenant.
    pub fn set(&self, tenant: &TenantId, value: u64) {
        let label = TenantLabel { tenant: tenant.to_string() };
        self.0.get_or_create(&label).set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

impl Metrics {
    /// Those of a process that started at a time, Unix seconds.
    pub fn new(started_at: u64) -> Self {
        let mut registry = Registry::default();
        let (requests, latency) = (Family::default(), Family::new_with_constructor(Latencies));
        let start = ConstGauge::new(i64::try_from(started_at).unwrap_or(i64::MAX));
        let help = "When the process started, Unix time";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, start);
        registry.register("http_requests", "Requests that were answered", requests.clone());
        let help = "Time until the answer began";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, latency.clone());
        Self(Arc::new(Shared { registry: Mutex::new(registry), requests, latency }))
    }

    /// Adds a number that a service has per tenant; its name is `attestry_{name}`.
    pub fn gauge(&self, name: &str, help: &str) -> TenantGauge {
        let family = Family::default();
        let mut registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.sub_registry_with_prefix("attestry").register(name, help, family.clone());
        TenantGauge(family)
    }

    /// All numbers in the text format of OpenMetrics, as the answer to `GET /metrics`.
    pub fn answer(&self) -> Response {
        let registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut encoded = String::new();
        match text::encode(&mut encoded, &registry) {
            Ok(()) => ([(CONTENT_TYPE, MEDIA_TYPE)], encoded).into_response(),
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

/// Middleware: counts requests.
pub(super) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let (tenant, route) = split(matched.unwrap_or("none"));
    let method = known(request.method());
    let start = Instant::now();
    let response = next.run(request).await;
    let status = class(response.status());
    let labels = RequestLabels { method, route, status, tenant };
    metrics.0.requests.get_or_create(&labels).inc();
    metrics.0.latency.get_or_create(&labels).observe(start.elapsed().as_secs_f64());
    response
}

/// The tenant in whose routes a template is, and the template within them.
fn split(template: &str) -> (String, String) {
    let within =
        template.strip_prefix(TENANTS).map(|rest| rest.split_once('/').unwrap_or((rest, "")));
    match within.and_then(|(name, route)| Some((name.parse::<TenantId>().ok()?, route))) {
        Some((tenant, route)) => (tenant.to_string(), format!("/{route}")),
        None => (TenantId::default().to_string(), template.to_owned()),
    }
}

/// The name of a method. A caller can make up others, which are all one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
