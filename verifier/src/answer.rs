//! What wallets post, and what ends a session without an answer.

use attestry_credential::oid4vp::{ErrorResponse, Oid4vpError, ResponseBody};
use attestry_credential::presentation::Identifier;
use attestry_service::Actor;

use crate::session::{Decision, Ending, Session};
use crate::watch::Change;
use crate::{Refusal, Verifier, VerifierError};

/// What became of a posted form.
#[derive(Debug)]
pub(crate) enum Posted {
    /// It was an answer.
    Decided(Decision),
    /// The wallet gives none.
    Declined,
}

impl Verifier {
    /// Takes the form that a wallet posts in a session: an answer, which is decided about, or the
    /// word that there is none, which ends the session.
    pub(crate) async fn take_form(
        &self,
        actor: &Actor,
        session: Session,
        form: &[u8],
    ) -> Result<Posted, VerifierError> {
        let refused = |refusal| Ok(Posted::Decided(Decision::Refused { refusal, receipt: None }));
        if let Some(ending) = session.ended {
            return refused(ending.refusal());
        }
        match read(&session, form)? {
            ResponseBody::Answer(answer) => {
                if let Some(query) = session.plain.clone() {
                    let decided = self.respond_plainly(actor, session, &query, &answer).await?;
                    return Ok(Posted::Decided(decided));
                }
                let response = answer.presentation_response()?;
                Ok(Posted::Decided(self.respond_in(actor, session, &response).await?))
            }
            ResponseBody::Error(error) => self.declined(actor, &session, &error).await,
            // The key is forgotten with the answer.
            ResponseBody::Encrypted(_) if self.storage().is_answered(&session).await? => {
                refused(Refusal::Replayed)
            }
            ResponseBody::Encrypted(_) => {
                Err(Oid4vpError::Form("is encrypted, which the request does not ask").into())
            }
        }
    }

    async fn declined(
        &self,
        actor: &Actor,
        session: &Session,
        error: &ErrorResponse,
    ) -> Result<Posted, VerifierError> {
        let request_id = &session.request.request_id;
        if error.state.as_ref().is_some_and(|state| state != request_id) {
            return Err(Oid4vpError::Form("state is of another request").into());
        }
        if self.now() > session.request.expires_at {
            let refusal = Refusal::Expired;
            return Ok(Posted::Decided(Decision::Refused { refusal, receipt: None }));
        }
        tracing::info!(%request_id, error = %error.error, "declined");
        match self.end(actor, session, Ending::Declined).await? {
            true => Ok(Posted::Declined),
            false => {
                let refusal = Refusal::Replayed;
                Ok(Posted::Decided(Decision::Refused { refusal, receipt: None }))
            }
        }
    }

    /// Ends the session of this handle, so that no answer is taken any more.
    ///
    /// # Errors
    /// [`VerifierError::UnknownSession`]; [`VerifierError::Ended`] if it has been answered or has
    /// ended otherwise; those of storage.
    pub async fn cancel(&self, actor: &Actor, id: &Identifier) -> Result<(), VerifierError> {
        let (session, _) = self.outcome(id).await?;
        match session.ended {
            Some(Ending::Cancelled) => Ok(()),
            _ if self.end(actor, &session, Ending::Cancelled).await? => Ok(()),
            _ => Err(VerifierError::Ended),
        }
    }

    /// Whether this ended it: false if it was over.
    pub(crate) async fn end(
        &self,
        actor: &Actor,
        session: &Session,
        ending: Ending,
    ) -> Result<bool, VerifierError> {
        let ended = self.storage().end(session, ending, actor, self.now()).await?;
        self.watch().tell(&session.request.request_id, Change::Ended);
        Ok(ended)
    }
}

/// Reads a form in the response mode of its session.
fn read(session: &Session, form: &[u8]) -> Result<ResponseBody, Oid4vpError> {
    match (ResponseBody::from_form(form)?, &session.delivery.answer_key) {
        (ResponseBody::Encrypted(jwe), Some(key)) => ResponseBody::decrypt(&jwe, key),
        (ResponseBody::Answer(_), Some(_)) => {
            Err(Oid4vpError::Form("is not encrypted, as the request asks"))
        }
        (body, _) => Ok(body),
    }
}
