//! Suspends, reinstates and revokes credentials.

use attestry_service::Actor;

use super::Issuer;
use crate::IssuerError;
use crate::record::{Action, CredentialId, CredentialRecord, Reason, State};
use crate::storage::{Change, Standing};

/// How often to read a credential again when another request changed it first.
const CHANGES: usize = 16;

impl Issuer {
    /// Bars a credential for a time, from the next publication on. Once more changes nothing.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::NotPossible`] unless it is active;
    /// [`IssuerError::Database`].
    pub async fn suspend(
        &self,
        actor: &Actor,
        id: CredentialId,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        self.change(actor, id, Action::Suspend, reason).await
    }

    /// Ends a suspension, from the next publication on. Once more changes nothing.
    ///
    /// # Errors
    /// As [`Issuer::suspend`], unless it is suspended: what is revoked stays revoked.
    pub async fn reinstate(
        &self,
        actor: &Actor,
        id: CredentialId,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        self.change(actor, id, Action::Reinstate, reason).await
    }

    /// Bars a credential for good, from the next publication on. Once more changes nothing.
    ///
    /// # Errors
    /// As [`Issuer::suspend`], unless it is active or suspended.
    pub async fn revoke(
        &self,
        actor: &Actor,
        id: CredentialId,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        self.change(actor, id, Action::Revoke, reason).await
    }

    async fn change(
        &self,
        actor: &Actor,
        id: CredentialId,
        action: Action,
        reason: Reason,
    ) -> Result<CredentialRecord, IssuerError> {
        let mut record = self.credential(id).await?;
        for _ in 0..CHANGES {
            let Some(to) = next_state(record.state, action)? else { return Ok(record) };
            let (action_name, at) = (audited(action), self.now());
            let change = Change { action: action_name, to, reason, actor, at, superseded_by: None };
            let applied = self.storage().change(&Standing::of(&record), &change).await?;
            record = self.credential(id).await?;
            if applied {
                tracing::info!(credential = %id, %action, %reason, "state changed");
                return Ok(record);
            }
        }
        Err(IssuerError::NotPossible { action, state: record.state })
    }
}

/// What the audit log calls an action.
fn audited(action: Action) -> &'static str {
    match action {
        Action::Suspend => "credential.suspend",
        Action::Reinstate => "credential.reinstate",
        Action::Revoke => "credential.revoke",
        Action::Renew => "credential.supersede",
    }
}

/// The state after an action; none if it is there already.
fn next_state(state: State, action: Action) -> Result<Option<State>, IssuerError> {
    match (action, state) {
        (Action::Suspend, State::Active) => Ok(Some(State::Suspended)),
        (Action::Reinstate, State::Suspended) => Ok(Some(State::Active)),
        (Action::Revoke, State::Active | State::Suspended) => Ok(Some(State::Revoked)),
        (Action::Suspend, State::Suspended)
        | (Action::Reinstate, State::Active)
        | (Action::Revoke, State::Revoked) => Ok(None),
        (action, state) => Err(IssuerError::NotPossible { action, state }),
    }
}
