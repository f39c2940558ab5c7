//! Which credential answers which query, and why the others do not.

use crate::held::Held;
use crate::registry_view::RegistryView;
use crate::{CredentialId, Wallet, WalletError};
use attestry_circuits::policy::PolicyViolation;
use attestry_circuits::registry::RegistryRoot;
use attestry_circuits::{Violation, Witness};
use attestry_credential::presentation::{
    Identifier, PresentationError, PresentationRequest, Query, StatementParts, disclosed_by,
    rebuild_statement,
};
use std::collections::BTreeMap;

/// Why a credential does not answer a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A later credential takes its place.
    #[error("superseded: a later credential takes its place")]
    Superseded,
    /// It does not state a claim that the policy asks to disclose.
    #[error("disclosure: it does not state a claim that is to be disclosed")]
    NotStated,
    /// A property of the statement does not hold.
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// One query's candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryChoice {
    /// The query.
    pub query: Identifier,
    /// Credentials that satisfy it.
    pub usable: Vec<CredentialId>,
    /// Credentials that do not, each with its reason.
    pub refused: Vec<(CredentialId, Reason)>,
}

/// The candidates of every query of a request, in the request's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices(pub Vec<QueryChoice>);

/// The credential that answers each query.
pub type Chosen = BTreeMap<Identifier, CredentialId>;

impl Choices {
    /// The first usable credential of every query.
    ///
    /// # Errors
    /// [`WalletError::Unmet`] for the first query that has none.
    pub fn first(&self) -> Result<Chosen, WalletError> {
        let chosen = self.0.iter().map(|choice| match choice.usable.first() {
            Some(credential) => Ok((choice.query.clone(), *credential)),
            None => Err(WalletError::Unmet {
                query: choice.query.clone(),
                refused: choice.refused.clone(),
            }),
        });
        chosen.collect()
    }
}

impl Wallet {
    /// Finds the credentials that satisfy each query at `now`.
    ///
    /// With a registry view, accreditation and revocation are judged too; without one, what the
    /// wallet itself knows.
    ///
    /// # Errors
    /// [`WalletError::Withdrawn`], or [`WalletError::Presentation`] if a policy of the request
    /// cannot be asked.
    pub fn choose(
        &self,
        request: &PresentationRequest,
        view: Option<&RegistryView<'_>>,
        now: u64,
    ) -> Result<Choices, WalletError> {
        self.check_not_withdrawn(&request.scope())?;
        let choices = request.queries.iter().map(|query| {
            let mut choice =
                QueryChoice { query: query.id.clone(), usable: Vec::new(), refused: Vec::new() };
            for held in self.held() {
                match self.assess(request, query, held, view, now)? {
                    Ok(()) => choice.usable.push(held.id),
                    Err(reason) => choice.refused.push((held.id, reason)),
                }
            }
            Ok(choice)
        });
        choices.collect::<Result<_, WalletError>>().map(Choices)
    }

    /// Whether a credential satisfies a query. The outer error is the request's fault.
    pub(crate) fn assess(
        &self,
        request: &PresentationRequest,
        query: &Query,
        held: &Held,
        view: Option<&RegistryView<'_>>,
        now: u64,
    ) -> Result<Result<(), Reason>, WalletError> {
        if held.credential.header.schema != query.policy.schema().id() {
            return Ok(Err(Violation::Schema.into()));
        }
        if self.is_superseded(held, now) {
            return Ok(Err(Reason::Superseded));
        }
        let root = view.map_or(RegistryRoot::from_field(Default::default()), RegistryView::root);
        // The one-time key is a matter of the proof, not of the credential.
        let parts = match self.statement_parts(request, query, held, root, now, [0; 32]) {
            Err(WalletError::Refused(reason)) => return Ok(Err(reason)),
            other => other?,
        };
        let statement = rebuild_statement(request, query, &parts)?;
        let Some(view) = view else {
            return Ok(held.check_period(now).and_then(|()| {
                statement.policy.evaluate(&held.credential).map_err(|violation| match violation {
                    PolicyViolation::ClaimRange => Violation::ClaimRange.into(),
                    PolicyViolation::Clause => Violation::Policy.into(),
                })
            }));
        };
        Ok(self
            .witness(held, view)
            .and_then(|witness| statement.check(&witness))
            .map_err(Reason::Violation))
    }

    /// The holder's share of the statement.
    pub(crate) fn statement_parts(
        &self,
        request: &PresentationRequest,
        query: &Query,
        held: &Held,
        registry_root: RegistryRoot,
        now: u64,
        presentation_key: [u8; 32],
    ) -> Result<StatementParts, WalletError> {
        let disclosed = match disclosed_by(query, &held.credential, &held.subject) {
            Err(PresentationError::Disclosure) => {
                return Err(WalletError::Refused(Reason::NotStated));
            }
            other => other?,
        };
        let nullifier = self.holder_secret().withdrawal_key(&request.scope()).nullifier();
        Ok(StatementParts { registry_root, now, nullifier, disclosed, presentation_key })
    }

    /// The holder's side of the statement; a credential without an entry is not accredited.
    pub(crate) fn witness(
        &self,
        held: &Held,
        view: &RegistryView<'_>,
    ) -> Result<Witness, Violation> {
        let entry =
            view.entry_of(&held.credential, &held.signature).ok_or(Violation::Accreditation)?;
        let index = held.credential.header.status_index;
        Ok(Witness {
            holder_secret: self.holder_secret().clone(),
            credential: held.credential.clone(),
            signature: held.signature,
            leaf: entry.leaf,
            registry_path: view.tree().path(entry.index).map_err(|_| Violation::Accreditation)?,
            status_path: entry.status.path(index).map_err(|_| Violation::StatusList)?,
        })
    }
}
