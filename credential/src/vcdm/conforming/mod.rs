//! The form of anybody's VCDM 2.0 documents: what the specification says of each property.
//!
//! A document that passes is a conforming one as far as its JSON goes; that every term of it is
//! defined by its contexts, and that its proofs hold, takes JSON-LD (feature `w3c`). Beyond the
//! specification, what JSON-LD would drop without a word is refused, because no signature covers
//! it: null, empty arrays, keywords without a meaning in RDF, terms that an inline context maps to
//! nothing. Sizes are bounded, since these documents come from strangers.

mod context;
mod credential;
mod digest;
mod extent;
mod objects;
mod presentation;
mod url;

pub use credential::check_credential;
pub use presentation::check_presentation;

#[cfg(feature = "w3c")]
pub(crate) use context::KNOWN_CONTEXTS;
pub(crate) use objects::{each, identifier, types};
#[cfg(feature = "w3c")]
pub(crate) use url::is_absolute_url;
