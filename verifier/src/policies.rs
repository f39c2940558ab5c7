//! The policies that sessions may name.

use std::collections::BTreeMap;
use std::path::Path;

use attestry_credential::policy::PolicyDocument;

use crate::VerifierError;

/// Policies by id.
#[derive(Clone, Debug, Default)]
pub struct PolicyCatalogue(BTreeMap<String, PolicyDocument>);

impl PolicyCatalogue {
    /// No policy: sessions bring their own.
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
            path: path.to_path_buf(),
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
            if catalogue.get(policy.id()).is_some() {
                return Err(refuse(&path, "another file has a policy of this id".to_owned()));
            }
            catalogue = catalogue.with(policy);
        }
        Ok(catalogue)
    }

    /// The policy of this id.
    pub fn get(&self, id: &str) -> Option<&PolicyDocument> {
        self.0.get(id)
    }

    /// All policies, by id.
    pub fn iter(&self) -> impl Iterator<Item = &PolicyDocument> {
        self.0.values()
    }
}
