//! Studies: a question with a scope of its own, in which each participant counts once.
//!
//! A study has a random id, which is all of it that enters a scope, a log or a message: its name
//! is a sponsor's. Whoever proves the study's policy in one of its sessions is a participant, and
//! is counted in the transaction that accepts the answer. When the policy changes, participants
//! who proved an earlier one are to prove again; who does is renewed and not counted again. Who
//! withdraws, by the service or on the ledger, is no longer eligible; the record stays, for what
//! was gathered before may still be used.

mod cohort;
mod export;
mod follow;

pub use cohort::{Cell, Cohort, SUPPRESSED_BELOW};
pub use export::{Export, ExportFormat, Participant, ParticipantState};
pub(crate) use follow::Followed;

use std::fmt;

use attestry_credential::presentation::{Identifier, Query, ScopeParts};
use attestry_service::Actor;
use serde_json::{Map, Value};

use crate::session::{NewSession, Session};
use crate::{Reply, Verifier, VerifierError};

/// What the purposes of scopes of studies begin with. No other session may have such a scope.
pub(crate) const SCOPE_PREFIX: &str = "study:";
/// Name of the query of a study's session.
const QUERY: &str = "q1";
/// Longest name, bytes.
const LONGEST_NAME: usize = 256;

/// What a sponsor wants to know of whom.
#[derive(Clone, Debug)]
pub struct NewStudy {
    /// For sponsors only.
    pub name: String,
    /// Why it is asked, in words for the participant.
    pub purpose: String,
    /// What a participant must prove.
    pub asked: StudyPolicy,
    /// Whether it may be exported with fewer participants than a published table may count.
    pub exports_few: bool,
}

/// The policy of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyPolicy {
    /// The policy, as sessions name it.
    pub policy: String,
    /// Values of its parameters.
    pub parameters: Map<String, Value>,
}

/// A study.
#[derive(Clone, PartialEq)]
pub struct Study {
    /// Random.
    pub id: Identifier,
    /// For sponsors only.
    pub name: String,
    /// Why it is asked, in words for the participant.
    pub purpose: String,
    /// A new epoch starts a new count.
    pub epoch: u64,
    /// Id of the policy.
    pub policy_id: String,
    /// Version of the policy.
    pub policy_version: u32,
    /// Values of its parameters.
    pub parameters: Map<String, Value>,
    /// Counts the policies that the study has had, from 1.
    pub revision: u64,
    /// Whether it may be exported with few participants.
    pub exports_few: bool,
    /// When it was opened, Unix seconds.
    pub created_at: u64,
    /// When it was closed, if it is.
    pub closed_at: Option<u64>,
}

impl fmt::Debug for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Study").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Study {
    /// What its participants' nullifiers are for.
    pub fn scope(&self) -> ScopeParts {
        ScopeParts { purpose: format!("{SCOPE_PREFIX}{}", self.id), epoch: self.epoch }
    }

    /// Id and version of its policy, as sessions name them.
    pub fn policy_name(&self) -> String {
        format!("{}@{}", self.policy_id, self.policy_version)
    }
}

/// What a study asks in a session.
#[derive(Clone, Debug)]
pub(crate) struct StudySession {
    pub(crate) study: String,
    pub(crate) epoch: u64,
    pub(crate) revision: u64,
    pub(crate) participant: String,
}

impl Verifier {
    /// Opens a study.
    ///
    /// # Errors
    /// [`VerifierError::Request`]; those of [`Verifier::offered_policy`] and of asking it with
    /// its parameters; those of storage.
    pub async fn open_study(&self, actor: &Actor, new: NewStudy) -> Result<Study, VerifierError> {
        if !(1..=LONGEST_NAME).contains(&new.name.len()) {
            return Err(VerifierError::Request { field: "name", rule: "is not 1 to 256 bytes" });
        }
        let policy = self.offered_policy(&new.asked.policy).await?;
        let study = Study {
            id: self.random_id()?,
            name: new.name,
            purpose: new.purpose,
            epoch: 0,
            policy_id: policy.id().to_owned(),
            policy_version: policy.version(),
            parameters: new.asked.parameters,
            revision: 1,
            exports_few: new.exports_few,
            created_at: self.now(),
            closed_at: None,
        };
        self.study_request(&study).await?;
        self.storage().add_study(&study, actor).await?;
        Ok(study)
    }

    /// The study of this id.
    ///
    /// # Errors
    /// [`VerifierError::UnknownStudy`]; those of storage.
    pub async fn study(&self, id: &str) -> Result<Study, VerifierError> {
        self.storage().study(id).await?.ok_or(VerifierError::UnknownStudy)
    }

    /// Studies by id, after an id; at most so many.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn studies(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Study>, VerifierError> {
        self.storage().studies(after.unwrap_or_default(), limit).await
    }

    /// Opens a session in which a participant may answer the study.
    ///
    /// # Errors
    /// [`VerifierError::UnknownStudy`], [`VerifierError::StudyClosed`]; those of
    /// [`Verifier::open_session`].
    pub async fn open_study_session(
        &self,
        actor: &Actor,
        id: &str,
    ) -> Result<Session, VerifierError> {
        let study = self.open_one(id).await?;
        let session = self.study_request(&study).await?;
        let asked = StudySession {
            study: study.id.to_string(),
            epoch: study.epoch,
            revision: study.revision,
            participant: self.random_id()?.to_string(),
        };
        self.storage()
            .add_session(&session, Some(&asked), &[], &self.config().checks.quota, actor)
            .await?;
        Ok(session)
    }

    /// Changes what a study asks: who proved something else is to prove again. The same as before
    /// changes nothing.
    ///
    /// # Errors
    /// Those of [`Verifier::open_study`]; [`VerifierError::StudyClosed`].
    pub async fn change_study_policy(
        &self,
        actor: &Actor,
        id: &str,
        asked: StudyPolicy,
    ) -> Result<Study, VerifierError> {
        let before = self.open_one(id).await?;
        let policy = self.offered_policy(&asked.policy).await?;
        let after = Study {
            policy_id: policy.id().to_owned(),
            policy_version: policy.version(),
            parameters: asked.parameters,
            revision: before.revision + 1,
            ..before.clone()
        };
        if after.policy_name() == before.policy_name() && after.parameters == before.parameters {
            return Ok(before);
        }
        self.study_request(&after).await?;
        let hash = hex::encode(policy.hash());
        if !self.storage().change_study_policy(&after, &hash, actor, self.now()).await? {
            return Err(VerifierError::StudyChanged);
        }
        Ok(after)
    }

    /// Starts a new count: participants are others under the new epoch.
    ///
    /// # Errors
    /// [`VerifierError::UnknownStudy`], [`VerifierError::StudyClosed`],
    /// [`VerifierError::StudyChanged`]; those of storage.
    pub async fn open_study_epoch(&self, actor: &Actor, id: &str) -> Result<Study, VerifierError> {
        let before = self.open_one(id).await?;
        let after = Study { epoch: before.epoch + 1, ..before };
        if !self.storage().open_epoch(&after, actor, self.now()).await? {
            return Err(VerifierError::StudyChanged);
        }
        Ok(after)
    }

    /// Closes a study: nobody is counted any more. Again is as once.
    ///
    /// # Errors
    /// [`VerifierError::UnknownStudy`]; those of storage.
    pub async fn close_study(&self, actor: &Actor, id: &str) -> Result<Study, VerifierError> {
        self.storage().close_study(id, actor, self.now()).await?;
        self.study(id).await
    }

    /// How many are eligible, withdrawn, or to prove again, in an epoch or the latest. What is
    /// published of it is [`Cohort::published`].
    ///
    /// # Errors
    /// [`VerifierError::UnknownStudy`]; those of storage.
    pub async fn cohort(&self, id: &str, epoch: Option<u64>) -> Result<Cohort, VerifierError> {
        let study = self.study(id).await?;
        self.storage().cohort(&study, epoch.unwrap_or(study.epoch)).await
    }

    /// The participants of an epoch or the latest, by their pseudonyms, to be read page by page.
    /// That they are exported is recorded before the first is read.
    ///
    /// # Errors
    /// [`VerifierError::TooFewParticipants`] if they are fewer than a published table may count,
    /// unless the study says that this is meant; [`VerifierError::UnknownStudy`]; those of
    /// storage.
    pub async fn export_study(
        &self,
        actor: &Actor,
        id: &str,
        epoch: Option<u64>,
    ) -> Result<Export, VerifierError> {
        let study = self.study(id).await?;
        let epoch = epoch.unwrap_or(study.epoch);
        let few = self.storage().cohort(&study, epoch).await?.total() < SUPPRESSED_BELOW;
        if few && !study.exports_few {
            return Err(VerifierError::TooFewParticipants);
        }
        let entry = self.storage().note_export(&study, epoch, actor, self.now()).await?;
        Ok(Export::new(self.storage().clone(), study, epoch, entry))
    }

    async fn open_one(&self, id: &str) -> Result<Study, VerifierError> {
        let study = self.study(id).await?;
        if study.closed_at.is_some() { Err(VerifierError::StudyClosed) } else { Ok(study) }
    }

    /// A session of the study as it is, which is not kept.
    async fn study_request(&self, study: &Study) -> Result<Session, VerifierError> {
        let policy = self.offered_policy(&study.policy_name()).await?;
        let name = QUERY.parse().map_err(|_| VerifierError::corrupt("a query's name"))?;
        self.prepare_session(NewSession {
            queries: vec![Query::new(name, policy, study.parameters.clone())?],
            scope: study.scope(),
            purpose: study.purpose.clone(),
            count_once: true,
            reply: Reply::default(),
            acknowledged: Vec::new(),
        })
        .await
    }
}
