//! The register: what was issued, found and followed.

use attestry_service::{Actor, audit};

use crate::record::{CredentialId, Reason, State};
use crate::search::{Cursor, LONGEST_PAGE, Page, Search, Summary};
use crate::storage::Neighbour;
use crate::{Issuer, IssuerError};

/// Links of a chain that are followed in each direction.
const LONGEST_CHAIN: usize = 1_000;

/// A change of a credential's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRecord {
    /// The state after it.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// Who made it.
    pub actor: String,
    /// When, Unix seconds.
    pub changed_at: u64,
}

/// What became of a credential, and the chain that it is a link of.
#[derive(Clone, Debug)]
pub struct History {
    /// Its changes of state, in their order.
    pub changes: Vec<ChangeRecord>,
    /// What it took the place of, the oldest first.
    pub predecessors: Vec<Summary>,
    /// What took its place, the newest last.
    pub successors: Vec<Summary>,
}

impl Issuer {
    /// A page of the register, newest first, of at most [`LONGEST_PAGE`] entries. That somebody
    /// looked, and by what kind of term, is noted; never the terms.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn search(
        &self,
        actor: &Actor,
        search: &Search,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, IssuerError> {
        let page = self.storage().search(search, after, limit.clamp(1, LONGEST_PAGE)).await?;
        let details = [("by", search.kinds()), ("found", page.items.len().to_string())];
        let event =
            audit::Event { actor, action: "register.search", object: None, details: &details };
        self.storage().note(self.now(), &event).await?;
        Ok(page)
    }

    /// What became of a credential.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::Database`].
    pub async fn history(&self, id: CredentialId) -> Result<History, IssuerError> {
        let id = self.credential(id).await?.id;
        let mut predecessors = self.chain(id, Neighbour::Predecessor).await?;
        predecessors.reverse();
        let successors = self.chain(id, Neighbour::Successor).await?;
        Ok(History { changes: self.storage().changes(id).await?, predecessors, successors })
    }

    async fn chain(
        &self,
        id: CredentialId,
        towards: Neighbour,
    ) -> Result<Vec<Summary>, IssuerError> {
        let (mut chain, mut at) = (Vec::new(), id);
        while chain.len() < LONGEST_CHAIN
            && let Some(next) = self.storage().neighbour(at, towards).await?
        {
            at = next.id;
            chain.push(next);
        }
        Ok(chain)
    }
}
