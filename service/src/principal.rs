//! Who acts.

use std::fmt;

/// What somebody may do. Each role has its own rights; nobody gets another's with it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Issues, imports, renews and changes the state of single credentials.
    Registrar,
    /// Sees what registrars see, and approves what takes two.
    Reviewer,
    /// Reads and exports the audit log; sees no record.
    Auditor,
    /// Opens sessions of a verifier, reads their results and has presentations checked.
    Verifier,
    /// Publishes policies, runs studies, sees their cohorts.
    Sponsor,
    /// Manages API keys, signing keys and the service; sees no record.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Registrar,
        Self::Reviewer,
        Self::Auditor,
        Self::Verifier,
        Self::Sponsor,
        Self::Admin,
    ];

    /// The word for it, in storage and on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Registrar => "registrar",
            Self::Reviewer => "reviewer",
            Self::Auditor => "auditor",
            Self::Verifier => "verifier",
            Self::Sponsor => "sponsor",
            Self::Admin => "admin",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// On whose behalf something is done, as the audit log names them.
///
/// The name is that of an API key (`key:NAME`), of a subject at an identity provider
/// (`oidc:SUBJECT`), of the service itself (`service`), or `wallet`: staff and machines, never a
/// holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub name: String,
    /// The request that they made, if it came by HTTP.
    pub request_id: Option<String>,
}

impl Actor {
    /// The service itself: what it does by the clock.
    pub fn service() -> Self {
        Self { name: "service".to_owned(), request_id: None }
    }

    /// Some wallet, which does not say whose it is, and the request that it made.
    pub fn wallet(request_id: &str) -> Self {
        Self { name: "wallet".to_owned(), request_id: Some(request_id.to_owned()) }
    }

    /// Somebody at the console of the service's machine.
    pub fn operator() -> Self {
        Self { name: "operator".to_owned(), request_id: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_word_of_its_own() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_word("Admin"), None);
    }
}
