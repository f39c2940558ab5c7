//! The statement, from the verifier's request and the holder's share.

use attestry_circuits::{Statement, time::TIME_BITS};

use super::{PresentationError, PresentationRequest, Query, StatementParts, disclosed};
use crate::schema::values::Day;

/// The statement that a presentation must prove. The wallet calls this before it proves, the
/// verifier when it checks.
///
/// The scope is that of the request's client id, purpose and epoch; the policy is the query's
/// with its parameters, with the UTC day of `parts.now` for `$today`, and with the disclosed
/// values as operands; the context is that of the one-time key. Of what the holder sends, the
/// disclosed values are checked here to be exactly those asked for; whether the root is the
/// ledger's, the time recent, the nullifier new and the signature right is for the verifier to
/// check; the proof covers them all.
///
/// # Errors
/// [`PresentationError::Now`], [`PresentationError::Disclosure`], or
/// [`PresentationError::Policy`] if the verifier's own policy and parameters cannot be asked.
pub fn rebuild_statement(
    request: &PresentationRequest,
    query: &Query,
    parts: &StatementParts,
) -> Result<Statement, PresentationError> {
    if parts.now >> TIME_BITS != 0 {
        return Err(PresentationError::Now);
    }
    let today = Day::from_unix(parts.now).map_err(|_| PresentationError::Now)?;
    disclosed::check_asked(query, &parts.disclosed)?;
    let policy = query
        .policy
        .bind(&query.parameters_on(today), &parts.disclosed)
        .map_err(PresentationError::Policy)?;
    Ok(Statement {
        registry_root: parts.registry_root,
        nullifier: parts.nullifier,
        scope: request.scope(),
        context: parts.context(),
        now: parts.now,
        policy,
    })
}
