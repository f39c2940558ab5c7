//! Named policies: what a verifier asks, in words.
//!
//! A policy is a JSON document:
//!
//! ```json
//! {
//!   "id": "unexpired-licence",
//!   "version": 1,
//!   "title": "An active licence in a state",
//!   "schema": "ProviderCredential/1",
//!   "require": [
//!     { "claim": "status", "op": "eq", "value": "active" },
//!     { "claim": "expires_on", "op": "ge", "value": "$today" },
//!     { "any": [
//!       { "claim": "jurisdiction", "op": "eq", "value": "$state" },
//!       { "all": [
//!         { "claim": "authority", "op": "eq", "value": "nlc-multistate" },
//!         { "claim": "home_state", "op": "in-mask", "value": { "compact": "nlc", "covering": "$state" } }
//!       ] }
//!     ] }
//!   ]
//! }
//! ```
//!
//! All clauses of `require` must hold. A clause is a predicate or `any` of several alternatives;
//! an alternative is a predicate or `all` of several. A predicate names a claim of the schema (or
//! `issuer`), an operator and a value:
//!
//! | operator | claims | value |
//! |---|---|---|
//! | `eq`, `neq` | any but salted texts | one value; a list for masks and recipients |
//! | `lt`, `le`, `gt`, `ge` | days, versions, numbers | one value |
//! | `le`, `ge` | days | `{"claim": …, "plus_days": …}`: another claim, shifted |
//! | `in-set`, `not-in-set` | any but salted texts | a list; one such list a policy |
//! | `mask-contains`, `mask-excludes` | masks | a list of words |
//! | `in-mask` | state codes | a list of states, or `{"compact": "nlc", "covering": state}` |
//!
//! `"reveal": true` with `eq` and no value asks the holder to disclose the value. A string that
//! starts with `$` is a parameter; for days it may be shifted, as `$today-120d`, `-36m`, `+1y`.
//!
//! A policy that an absent claim would satisfy is refused: see [`PolicyDocument::bind`].

mod absence;
mod bind;
mod document;
mod lint;
mod parameters;
mod question;
mod template;
mod words;

pub use lint::{Finding, FindingCode, Severity};
pub use parameters::{Disclosed, Parameters};
pub use question::Question;

use std::collections::BTreeSet;

use attestry_circuits::policy::{CompiledPolicy, PolicyTemplate};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    error::{CredentialError, Rule},
    json,
    schema::{ClaimSpec, Schema},
};
use bind::Disclosures;
use document::Clause;

/// A policy as its author wrote it, with every word checked against its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyDocument {
    id: String,
    version: u32,
    title: String,
    description: Option<String>,
    schema: Schema,
    require: Vec<Clause>,
    source: Value,
}

impl PolicyDocument {
    /// Reads a policy.
    ///
    /// # Errors
    /// The JSON path of the first member that is unknown, missing, of the wrong form, or that
    /// does not fit its claim.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CredentialError> {
        document::read(json::parse(bytes)?)
    }

    /// The policy's name: lower-case words joined by hyphens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The policy's version, from 1.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// One line for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// More for people: what lies outside the policy, such as a nullifier that must be unused.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The schema of the credential that is asked for.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The document.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// SHA-256 of the document in canonical form: keys sorted, no white space.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(json::canonical(&self.source).as_bytes()).into()
    }

    /// The parameters that [`PolicyDocument::bind`] needs, without `today`.
    pub fn parameters(&self) -> BTreeSet<&str> {
        let predicates = self.require.iter().flatten().flatten();
        let references = predicates.flat_map(|predicate| predicate.operand.parameters());
        let names = references.map(|reference| reference.name.as_str());
        names.filter(|name| *name != parameters::TODAY).collect()
    }

    /// The claims that the holder is asked to disclose.
    pub fn disclosures(&self) -> Vec<&'static ClaimSpec> {
        let predicates = self.require.iter().flatten().flatten();
        let revealed = predicates.filter(|predicate| predicate.operand.is_disclosed());
        revealed.filter_map(|predicate| predicate.subject.spec()).collect()
    }

    /// Whether the holder is asked to disclose the issuer.
    pub fn discloses_issuer(&self) -> bool {
        let mut predicates = self.require.iter().flatten().flatten();
        predicates.any(|predicate| {
            predicate.operand.is_disclosed() && predicate.subject == document::Subject::Issuer
        })
    }

    /// The names of all that the holder is asked to disclose.
    pub fn disclosed_names(&self) -> Vec<&'static str> {
        let claims = self.disclosures().into_iter().map(|claim| claim.name);
        claims.chain(self.discloses_issuer().then_some("issuer")).collect()
    }

    /// The policy in numbers, laid out on the statement's slots.
    ///
    /// # Errors
    /// A parameter or disclosed value that is missing, superfluous or of the wrong form; more
    /// than one set; a claim whose absence would satisfy the policy; a policy that does not fit
    /// the slots.
    pub fn bind(
        &self,
        parameters: &Parameters,
        disclosed: &Disclosed,
    ) -> Result<CompiledPolicy, CredentialError> {
        self.compile(parameters, Disclosures::Given(disclosed))
    }

    /// The policy before the day and the disclosed values are known, as a contract keeps it.
    ///
    /// # Errors
    /// Those of [`PolicyDocument::bind`]; a day that is shifted by months, or other than by less
    /// than 70 years; `$today` elsewhere than as a bound.
    pub fn template(
        &self,
        parameters: &Map<String, Value>,
    ) -> Result<PolicyTemplate, CredentialError> {
        template::of(self, parameters)
    }

    fn compile(
        &self,
        parameters: &Parameters,
        disclosures: Disclosures<'_>,
    ) -> Result<CompiledPolicy, CredentialError> {
        let policy = bind::bind(self, parameters, disclosures)?;
        policy
            .compile()
            .map_err(|error| Rule::worded(format!("cannot be asked: {error}")).at("require"))
    }
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;
