//! Plain W3C credentials: any VCDM 2.0 document, signed as it is, with nothing attested beside it.
//!
//! Who issues is decided here, not by the request: a document that names another issuer gets our
//! did:ethr in its place. One that names the did:key of our signing key is issued under that.
//! Their status list is one that the ledger does not know.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::time::TIME_BITS;
use attestry_credential::vcdm::StatusEntry;
use attestry_credential::w3c::{self, DidKey, ForeignIssuer, Issuance};
use attestry_service::Actor;
use serde_json::{Value, json};

use crate::document::{self, read_time};
use crate::epochs::KeyEpoch;
use crate::record::{Content, CredentialId, CredentialRecord, ListId, State};
use crate::request::idempotency;
use crate::search::Term;
use crate::service::DRAWS;
use crate::storage::{Insertion, Stored};
use crate::{Issued, Issuer, IssuerError};

/// No end of validity: the last second that a time can have.
const NO_END: u64 = (1 << TIME_BITS) - 1;

impl Issuer {
    /// Issues a VCDM 2.0 document without a proof as a plain W3C credential: with our identifier,
    /// an entry of our status list and, if it has none, an id. With an idempotency key, the same
    /// request gets the same credential.
    ///
    /// # Errors
    /// [`IssuerError::Credential`] for the first rule that the document breaks;
    /// [`IssuerError::IdempotencyKeyReused`]; [`IssuerError::ListFull`]; [`IssuerError::Signing`];
    /// [`IssuerError::Database`].
    pub async fn issue_plain(
        &self,
        actor: &Actor,
        document: &Value,
        idempotency_key: Option<&str>,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Issued, IssuerError> {
        let idempotency = idempotency(idempotency_key, &json!(["issue-plain", document]));
        if let Some(before) = self.issued_before(idempotency.as_ref()).await? {
            return Ok(before);
        }
        let now = self.now();
        let signing = self.signing().await?;
        let own_key = signing.did_key();
        let issuer = document.get("issuer").map(|issuer| issuer.get("id").unwrap_or(issuer));
        let (list, method) = if issuer.is_some_and(|issuer| *issuer == own_key.to_string()) {
            (ListId::PlainByKey(signing.keys.epoch), own_key.method())
        } else {
            (ListId::Plain, signing.vc_key_id.clone())
        };
        let stated = document.get("id").and_then(Value::as_str).map(Term::document);
        for _ in 0..DRAWS {
            let id = CredentialId::random(rng);
            let status_index = self.storage().draw_free_index(list, rng).await?;
            let mut document = document.clone();
            if stated.is_none() && document.is_object() && document.get("id").is_none() {
                document["id"] = json!(id.to_string());
            }
            let status = StatusEntry { list: document::list_url(self, list), index: status_index };
            let verifiable_credential =
                self.sign_plain(&document, &signing, &method, &status).await?;
            let time = |name: &str| document[name].as_str().and_then(read_time);
            let record = CredentialRecord {
                id,
                schema: None,
                list,
                status_index,
                epoch: signing.keys.epoch,
                valid_from: time("validFrom").unwrap_or(now),
                valid_until: time("validUntil").unwrap_or(NO_END),
                issued_at: now,
                state: State::Active,
                version: 0,
                superseded_by: None,
                content: Some(Content { verifiable_credential, attested: None }),
            };
            let insertion = Insertion {
                record: &record,
                subject: None,
                terms: stated.iter().cloned().collect(),
                actor,
                supersedes: None,
                idempotency: idempotency.as_ref(),
                row: None,
            };
            match self.storage().insert(&insertion).await? {
                Stored::New => return Ok(Issued { credential: record, repeated: false }),
                Stored::Before(id) => {
                    return Ok(Issued { credential: self.credential(id).await?, repeated: true });
                }
                Stored::IndexTaken | Stored::Outdated | Stored::Elsewhere => {}
                Stored::EpochEnded => return Err(IssuerError::Signing),
            }
        }
        Err(IssuerError::ListFull)
    }

    /// The credential of this id: one of ours, or that which a plain document came with; of
    /// several that came with the same, the last.
    ///
    /// # Errors
    /// [`IssuerError::UnknownCredential`]; [`IssuerError::Database`].
    pub async fn find(&self, id: &str) -> Result<CredentialId, IssuerError> {
        match id.parse() {
            Ok(id) if self.credential(id).await.is_ok() => Ok(id),
            _ => self.storage().last_by(&Term::document(id)).await,
        }
    }

    /// The signing key as an identifier of its own.
    ///
    /// # Errors
    /// [`IssuerError::Keys`] if there is none; [`IssuerError::Database`].
    pub async fn did_key(&self) -> Result<DidKey, IssuerError> {
        Ok(self.signing().await?.did_key())
    }

    async fn sign_plain(
        &self,
        document: &Value,
        epoch: &KeyEpoch,
        method: &str,
        status: &StatusEntry,
    ) -> Result<Value, IssuerError> {
        let key = self.keys().document_signer(&epoch.keys);
        let issuance = Issuance {
            key: &key,
            method,
            now: self.now(),
            status: Some(status),
            foreign_issuer: ForeignIssuer::Replace,
        };
        let signing = Box::pin(w3c::issue(document, &issuance));
        signing.await.map_err(document::in_document)
    }
}
