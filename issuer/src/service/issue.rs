//! Makes credentials: first ones, and ones in the place of others.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::HolderCommitment;
use attestry_service::Actor;

use super::Issuer;
use crate::IssuerError;
use crate::document::{self, Draft};
use crate::intake::Planned;
use crate::record::{Action, Attested, Content, CredentialId, CredentialRecord, ListId, State};
use crate::request::{Claims, IssueRequest, RenewRequest, Validity};
use crate::search::Term;
use crate::storage::{Idempotency, Insertion, Stored};

/// How often to draw another status index when another request took it first.
pub(crate) const DRAWS: usize = 16;

/// A credential, and whether it was made by this request or by the same request before.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The credential.
    pub credential: CredentialRecord,
    /// Whether the idempotency key had been used with this request already.
    pub repeated: bool,
}

/// A credential that is to be made.
pub(crate) struct Order<'a> {
    pub(crate) claims: Claims,
    pub(crate) holder: HolderCommitment,
    pub(crate) validity: Validity,
    pub(crate) supersedes: Option<&'a CredentialRecord>,
    pub(crate) idempotency: Option<Idempotency>,
    /// The row of an import that it is for.
    pub(crate) row: Option<Planned<'a>>,
}

impl Issuer {
    /// Issues a credential on an actor's behalf. With an idempotency key, the same request gets the
    /// same credential.
    ///
    /// # Errors
    /// [`IssuerError::Credential`] and [`IssuerError::Request`] if the content or the period is
    /// refused; [`IssuerError::NotAccredited`]; [`IssuerError::IdempotencyKeyReused`];
    /// [`IssuerError::ListFull`]; [`IssuerError::Signing`]; [`IssuerError::Database`].
    pub async fn issue(
        &self,
        actor: &Actor,
        request: IssueRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Issued, IssuerError> {
        let idempotency = request.idempotency();
        let claims = request.source.read(self.did(), request.holder)?;
        let validity = request.validity.or(claims.validity);
        let holder = request.holder;
        let order = Order { claims, holder, validity, supersedes: None, idempotency, row: None };
        self.mint(actor, &order, rng).await
    }

    /// Issues a credential in the place of another, to the same holder: with the same claims
    /// unless others are given. The old one is superseded, and barred, in the same step.
    ///
    /// # Errors
    /// As [`Issuer::issue`]; [`IssuerError::UnknownCredential`]; [`IssuerError::NotPossible`]
    /// unless the old one is active.
    pub async fn renew(
        &self,
        actor: &Actor,
        id: CredentialId,
        request: RenewRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Issued, IssuerError> {
        let idempotency = request.idempotency(id);
        if let Some(before) = self.issued_before(idempotency.as_ref()).await? {
            return Ok(before);
        }
        let old = self.credential(id).await?;
        if old.state != State::Active {
            return Err(IssuerError::NotPossible { action: Action::Renew, state: old.state });
        }
        let (schema, attested) = (old.schema.ok_or(IssuerError::Plain)?, old.attested()?);
        let claims = match &request.source {
            Some(source) => source.read(self.did(), attested.holder)?,
            None => Claims::of_subject(schema, &attested.subject)?,
        };
        if claims.subject.schema() != schema {
            return Err(IssuerError::request(
                "subject",
                "is of another schema than what it renews",
            ));
        }
        let (holder, validity) = (attested.holder, request.validity.or(claims.validity));
        let supersedes = Some(&old);
        let order = Order { claims, holder, validity, supersedes, idempotency, row: None };
        self.mint(actor, &order, rng).await
    }

    pub(crate) async fn mint(
        &self,
        actor: &Actor,
        order: &Order<'_>,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Issued, IssuerError> {
        if let Some(before) = self.issued_before(order.idempotency.as_ref()).await? {
            return Ok(before);
        }
        let (claims, now) = (&order.claims, self.now());
        let schema = claims.subject.schema();
        let (valid_from, valid_until) =
            order.validity.resolve(&claims.subject, now, self.config().default_validity_s)?;
        for _ in 0..DRAWS {
            let issuing = self.issuing(schema).await?;
            let list = ListId::Entry(issuing.entry);
            let mut salt = [0; 16];
            rng.fill_bytes(&mut salt);
            let draft = Draft {
                id: CredentialId::random(rng),
                subject: &claims.subject,
                holder: order.holder,
                salt,
                issuing: &issuing,
                status_index: self.storage().draw_free_index(list, rng).await?,
                valid_from,
                valid_until,
            };
            let signed = document::sign(self, &draft).await?;
            let attested = Attested {
                subject: claims.to_json()?,
                holder: order.holder,
                salt,
                attestation: signed.attestation,
            };
            let verifiable_credential = signed.verifiable_credential;
            let record = CredentialRecord {
                id: draft.id,
                schema: Some(schema),
                list,
                status_index: draft.status_index,
                epoch: issuing.keys.epoch,
                valid_from,
                valid_until,
                issued_at: now,
                state: State::Active,
                version: 0,
                superseded_by: None,
                content: Some(Content { verifiable_credential, attested: Some(attested) }),
            };
            let insertion = Insertion {
                record: &record,
                subject: Some(&claims.subject),
                terms: Term::of(&claims.subject),
                actor,
                supersedes: order.supersedes,
                idempotency: order.idempotency.as_ref(),
                row: order.row.as_ref(),
            };
            match self.storage().insert(&insertion).await? {
                Stored::New => {
                    tracing::info!(credential = %record.id, schema = schema.type_name(), "issued");
                    return Ok(Issued { credential: record, repeated: false });
                }
                Stored::Before(id) => {
                    return Ok(Issued { credential: self.credential(id).await?, repeated: true });
                }
                Stored::IndexTaken | Stored::EpochEnded => {}
                Stored::Elsewhere => return Err(IssuerError::ImportedElsewhere),
                Stored::Outdated => {
                    let id = order.supersedes.map_or(record.id, |old| old.id);
                    let state = self.credential(id).await?.state;
                    return Err(IssuerError::NotPossible { action: Action::Renew, state });
                }
            }
        }
        Err(IssuerError::ListFull)
    }

    pub(crate) async fn issued_before(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Issued>, IssuerError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let Some(id) = self.storage().issued_for(idempotency).await? else { return Ok(None) };
        Ok(Some(Issued { credential: self.credential(id).await?, repeated: true }))
    }
}
