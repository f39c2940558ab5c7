//! What every service does around its own routes: problem documents, request ids, bodies.

mod body;
mod docs;
mod health;
mod hosting;
mod json;
mod members;
mod metrics;
mod path;
mod problem;
mod qr;
mod request_id;
mod router;
mod slow;
mod tenants;

pub use attestry_serve::{ConnectionLimits, serve};
pub use body::{
    Body, FormBody, IdempotencyKey, JsonBody, OptionalJsonBody, TypedBody, refuse_compressed,
};
pub use docs::docs;
pub use health::Vitals;
pub use hosting::Hosting;
pub use json::{DEEPEST_NESTING, JsonError, parse as parse_json};
pub use members::{FieldError, Members, Parameters};
pub use metrics::{Metrics, TenantGauge};
pub use path::Path;
pub use problem::Problem;
pub use qr::qr_svg;
pub use request_id::RequestId;
pub use router::{RequestLimits, finish};
pub use tenants::{location, mount};
