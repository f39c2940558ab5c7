//! The policies that sessions may name: published documents, each under an id and a version.

use std::collections::BTreeMap;
use std::path::Path;

use attestry_credential::policy::{Finding, FindingCode, PolicyDocument, Severity};
use attestry_service::Actor;
use serde_json::{Map, Value};

use crate::{Verifier, VerifierError};

/// Policies of a folder, by id: what a verifier publishes when it starts.
#[derive(Clone, Debug, Default)]
pub struct PolicyCatalogue(BTreeMap<String, PolicyDocument>);

impl PolicyCatalogue {
    /// No policy: sessions bring their own, or name what was published.
    pub fn none() -> Self {
        Self::default()
    }

    /// One more policy; it replaces one of the same id.
    #[must_use]
    pub fn with(mut self, policy: PolicyDocument) -> Self {
        self.0.insert(policy.id().to_owned(), policy);
        self
    }

    /// Reads every `.json` file of a folder.
    ///
    /// # Errors
    /// [`VerifierError::PolicyFile`] naming the first file that cannot be read, is no policy, or
    /// has the id of another.
    pub fn from_folder(folder: &Path) -> Result<Self, VerifierError> {
        let refuse = |path: &Path, reason: String| VerifierError::PolicyFile {
            path: path.to_owned(),
            reason,
        };
        let unreadable = |error: std::io::Error| refuse(folder, error.to_string());
        let mut catalogue = Self::none();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let bytes = std::fs::read(&path).map_err(|error| refuse(&path, error.to_string()))?;
            let policy = PolicyDocument::from_json(&bytes)
                .map_err(|error| refuse(&path, error.to_string()))?;
            if catalogue.0.contains_key(policy.id()) {
                return Err(refuse(&path, "has the id of another policy".to_owned()));
            }
            catalogue = catalogue.with(policy);
        }
        Ok(catalogue)
    }

    /// The policies, by id.
    pub fn iter(&self) -> impl Iterator<Item = &PolicyDocument> {
        self.0.values()
    }
}

/// A policy as it was published.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedPolicy {
    /// The document.
    pub document: PolicyDocument,
    /// Dangers that the publisher said are meant.
    pub acknowledged: Vec<String>,
    /// When it was published, Unix seconds.
    pub published_at: u64,
    /// Since when no session may name it, if ever.
    pub retired_at: Option<u64>,
}

impl PublishedPolicy {
    /// Id and version, as sessions name them: `nurse-in-texas@1`.
    pub fn name(&self) -> String {
        versioned_name(&self.document)
    }

    /// What the author of the policy should know.
    pub fn findings(&self) -> Vec<Finding> {
        self.document.lint(&Map::new())
    }
}

pub(crate) fn versioned_name(document: &PolicyDocument) -> String {
    format!("{}@{}", document.id(), document.version())
}

/// A policy as sessions name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyName<'a> {
    /// The newest version that is not retired.
    Newest(&'a str),
    /// One version.
    Version(&'a str, u32),
    /// The version whose document has this hash, 64 lower-case hexadecimal digits.
    Hash(&'a str),
}

impl<'a> PolicyName<'a> {
    /// Reads `ID`, `ID@VERSION` or a hash. An id is never as long as a hash and hexadecimal by
    /// chance; if it were, it would be read as the hash.
    pub fn read(text: &'a str) -> Option<Self> {
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(is_hex) {
            return Some(Self::Hash(text));
        }
        match text.split_once('@') {
            None => Some(Self::Newest(text)),
            Some((id, version)) => {
                let plain = version.bytes().all(|b| b.is_ascii_digit());
                Some(Self::Version(id, version.parse().ok().filter(|_| plain)?))
            }
        }
    }
}

/// Which versions may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// Any of an id without versions, else the one after the newest.
    Next,
    /// Any that is not used.
    Any,
}

impl Verifier {
    /// Publishes the policies of its folder, as far as they are not yet. Dangers in them are
    /// taken as meant, and logged.
    ///
    /// # Errors
    /// [`VerifierError::PolicyVersionUsed`] if another document has the id and version of one;
    /// those of storage.
    pub async fn load_policies(&self) -> Result<(), VerifierError> {
        for document in self.catalogue().iter() {
            let dangers = dangers(&document.lint(&Map::new()));
            for code in &dangers {
                tracing::warn!(policy = versioned_name(document), %code, "dangerous policy");
            }
            let (actor, now) = (Actor::service(), self.now());
            let published = self.storage().publish(document, &dangers, Numbering::Any, &actor, now);
            published.await?;
        }
        Ok(())
    }

    /// Publishes a policy: a version that follows the newest of its id, or the first. What is
    /// published already stays as it is. The answer says whether this is the first time.
    ///
    /// # Errors
    /// [`VerifierError::UnacknowledgedDanger`] if the lint finds a danger whose code is not among
    /// the acknowledged; [`VerifierError::PolicyVersionUsed`] for another document of the same id
    /// and version; [`VerifierError::PolicyVersionSkipped`]; those of storage.
    pub async fn publish_policy(
        &self,
        actor: &Actor,
        document: &PolicyDocument,
        acknowledged: &[FindingCode],
    ) -> Result<(PublishedPolicy, bool), VerifierError> {
        let known = self.storage().policy_version(document.id(), document.version()).await?;
        if let Some(known) = known.filter(|known| known.document.hash() == document.hash()) {
            return Ok((known, false));
        }
        let findings = document.lint(&Map::new());
        let dangers = acknowledged_dangers(document, findings, acknowledged)?;
        self.storage().publish(document, &dangers, Numbering::Next, actor, self.now()).await
    }

    /// The policy that a session names. A retired version is found by its version or hash.
    ///
    /// # Errors
    /// [`VerifierError::UnknownPolicy`]; those of storage.
    pub async fn policy(&self, name: &str) -> Result<PublishedPolicy, VerifierError> {
        let storage = self.storage();
        let found = match PolicyName::read(name).ok_or(VerifierError::UnknownPolicy)? {
            PolicyName::Newest(id) => storage.newest_policy(id).await?,
            PolicyName::Version(id, version) => storage.policy_version(id, version).await?,
            PolicyName::Hash(hash) => storage.policy_by_hash(hash).await?,
        };
        found.ok_or(VerifierError::UnknownPolicy)
    }

    /// The policy that a new session may ask.
    ///
    /// # Errors
    /// Those of [`Verifier::policy`]; [`VerifierError::RetiredPolicy`].
    pub async fn offered_policy(&self, name: &str) -> Result<PolicyDocument, VerifierError> {
        let policy = self.policy(name).await?;
        match policy.retired_at {
            None => Ok(policy.document),
            Some(_) => Err(VerifierError::RetiredPolicy),
        }
    }

    /// The dangers of a policy that a session brings along and asks with these values. Whoever
    /// brings it answers for it as its publisher would.
    ///
    /// # Errors
    /// [`VerifierError::UnacknowledgedDanger`].
    pub fn inline_policy(
        document: &PolicyDocument,
        values: &Map<String, Value>,
        acknowledged: &[FindingCode],
    ) -> Result<Vec<FindingCode>, VerifierError> {
        let mut findings = document.lint(values);
        // Whether it can be asked on this day is found by asking it.
        findings.retain(|finding| finding.code != FindingCode::CannotBeAsked);
        acknowledged_dangers(document, findings, acknowledged)
    }

    /// The newest versions that are not retired, by id, after an id; at most so many.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn policies(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PublishedPolicy>, VerifierError> {
        self.storage().newest_policies(after.unwrap_or_default(), limit).await
    }

    /// All versions of a policy, the newest first, the retired among them.
    ///
    /// # Errors
    /// [`VerifierError::UnknownPolicy`]; those of storage.
    pub async fn policy_versions(&self, id: &str) -> Result<Vec<PublishedPolicy>, VerifierError> {
        let versions = self.storage().policy_versions(id).await?;
        if versions.is_empty() { Err(VerifierError::UnknownPolicy) } else { Ok(versions) }
    }

    /// Retires a version: it stays readable, and no new session may name it. Again is as once.
    ///
    /// # Errors
    /// [`VerifierError::UnknownPolicy`]; those of storage.
    pub async fn retire_policy(
        &self,
        actor: &Actor,
        id: &str,
        version: u32,
    ) -> Result<PublishedPolicy, VerifierError> {
        self.storage().retire_policy(id, version, actor, self.now()).await?;
        let retired = self.storage().policy_version(id, version).await?;
        retired.ok_or(VerifierError::UnknownPolicy)
    }
}

/// The dangers among a policy's findings, each once.
///
/// # Errors
/// [`VerifierError::UnacknowledgedDanger`] unless all of them are acknowledged.
fn acknowledged_dangers(
    document: &PolicyDocument,
    findings: Vec<Finding>,
    acknowledged: &[FindingCode],
) -> Result<Vec<FindingCode>, VerifierError> {
    let dangers = dangers(&findings);
    let missing = dangers.iter().copied().filter(|code| !acknowledged.contains(code));
    let unacknowledged: Vec<_> = missing.collect();
    if unacknowledged.is_empty() {
        return Ok(dangers);
    }
    let policy = versioned_name(document);
    Err(VerifierError::UnacknowledgedDanger { policy, unacknowledged, findings })
}

/// The codes of the dangers among findings, each once.
fn dangers(findings: &[Finding]) -> Vec<FindingCode> {
    let dangers = findings.iter().filter(|finding| finding.severity() == Severity::Danger);
    let mut codes: Vec<_> = dangers.map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_named_by_id_by_version_or_by_hash() {
        let hash = "0a".repeat(32);
        assert_eq!(PolicyName::read("a-b"), Some(PolicyName::Newest("a-b")));
        assert_eq!(PolicyName::read("a-b@2"), Some(PolicyName::Version("a-b", 2)));
        assert_eq!(PolicyName::read(&hash), Some(PolicyName::Hash(&hash)));
        for wrong in ["a@", "a@x", "a@+1", "a@1@2", "a@99999999999"] {
            assert_eq!(PolicyName::read(wrong), None, "{wrong}");
        }
    }
}
