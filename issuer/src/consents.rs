//! Re-consent: when a study's consent form changes, who has to be asked again.
//!
//! The queue is not kept but found: it is the active consents under an older form than the study
//! requires. A new consent that supersedes the old one, a withdrawal and an expiry each take an
//! entry out of it, and none can be forgotten in it.

use attestry_credential::schema::values::{StudyId, Version};
use attestry_service::Actor;

use crate::record::CredentialId;
use crate::{Issuer, IssuerError, LONGEST_PAGE};

/// The consent form that a study requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredForm {
    /// The study.
    pub study: StudyId,
    /// Its form, or a later one.
    pub version: Version,
    /// When the office was told, Unix seconds.
    pub announced_at: u64,
}

/// A consent that has to be asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconsent {
    /// The credential that stands for it.
    pub id: CredentialId,
    /// The form that was signed; none if the consent states none.
    pub given: Option<Version>,
}

impl Issuer {
    /// Requires a consent form from now on. Saying so again changes nothing.
    ///
    /// # Errors
    /// [`IssuerError::Request`] if the study requires a later form already;
    /// [`IssuerError::Database`].
    pub async fn require_form(
        &self,
        actor: &Actor,
        study: &StudyId,
        version: Version,
    ) -> Result<RequiredForm, IssuerError> {
        let known = self.storage().required_form(study).await?;
        if let Some(known) = known {
            if known.version.number() > version.number() {
                let rule = "is older than the form that the study requires";
                return Err(IssuerError::request("formVersion", rule));
            }
            if known.version == version {
                return Ok(known);
            }
        }
        let form = RequiredForm { study: *study, version, announced_at: self.now() };
        self.storage().require_form(actor, &form).await?;
        Ok(form)
    }

    /// The form that a study requires, and a page of the consents under older ones: those after a
    /// credential's id, in the order of ids, at most [`LONGEST_PAGE`].
    ///
    /// # Errors
    /// [`IssuerError::UnknownStudy`] if no form was ever required for it;
    /// [`IssuerError::Database`].
    pub async fn reconsents(
        &self,
        study: &StudyId,
        after: Option<CredentialId>,
        limit: u32,
    ) -> Result<(RequiredForm, Vec<Reconsent>), IssuerError> {
        let form = self.storage().required_form(study).await?.ok_or(IssuerError::UnknownStudy)?;
        let limit = limit.min(LONGEST_PAGE);
        let queue = self.storage().outdated_consents(&form, after, limit).await?;
        Ok((form, queue))
    }
}
