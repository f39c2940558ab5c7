//! Access over HTTP: who may use which routes, and the routes by which admins manage API keys.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | `GET /api-keys` | | 200 `{"keys": [{"id", "name", "roles", "createdAt", "createdBy", "expiresAt", "revokedAt", "lastUsedDay"}]}` |
//! | `POST /api-keys` | `{"name", "roles", "expiresAt"}` | 201, the same and `secret`, which is shown this once |
//! | `DELETE /api-keys/{id}` | | 204 |

mod gate;
mod keys;
mod problem;

pub use gate::{Gate, bearer_token};
pub use keys::routes;
