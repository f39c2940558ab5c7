//! Direct checks: nothing is kept of them but that they were made.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use attestry_circuits::Nullifier;
use attestry_credential::policy::Question;
use attestry_service::{Actor, audit};
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Storage;
use crate::recorder::Recorded;
use crate::session::Decision;
use crate::{Quota, Receipt, ReceiptKey, Refusal, VerifiedPresentation, VerifierError};

/// Hashes in one detail of an audit entry, which has room for 512 bytes.
const HASHES: usize = 7;
/// Names of the details that hold the hashes of a group's receipts, in order.
const HASH_DETAILS: [&str; 10] = [
    "receipts0",
    "receipts1",
    "receipts2",
    "receipts3",
    "receipts4",
    "receipts5",
    "receipts6",
    "receipts7",
    "receipts8",
    "receipts9",
];

/// What a direct check came to, before the holder's withdrawals and counts are looked at.
#[derive(Debug)]
pub(crate) struct Check {
    /// What the check found. Only refusals that are decisions come here.
    pub(crate) checked: Result<VerifiedPresentation, Refusal>,
    /// Whether a holder is accepted once in the request's scope.
    pub(crate) count_once: bool,
    /// What was asked, and how many values of it may be.
    pub(crate) questions: Arc<[Question]>,
    pub(crate) quota: Quota,
    /// The receipt of an acceptance; refused, it is given the reason.
    pub(crate) receipt: Receipt,
    /// Who had it checked.
    pub(crate) actor: Actor,
}

impl Recorded for Check {
    async fn record_all(
        group: &[&Self],
        storage: &Storage,
        key: &ReceiptKey,
    ) -> Result<Vec<Decision>, VerifierError> {
        storage.record_checks(group, key).await
    }
}

impl Storage {
    /// Records checks, all or none, in one transaction: counts holders where that is asked for,
    /// and writes one audit entry for all that one actor had checked, with the SHA-256 of each
    /// receipt.
    pub(crate) async fn record_checks(
        &self,
        checks: &[&Check],
        key: &ReceiptKey,
    ) -> Result<Vec<Decision>, VerifierError> {
        let mut transaction = self.write().await?;
        let accepted = checks.iter().filter_map(|check| check.checked.as_ref().ok());
        let nullifiers: Vec<Nullifier> = accepted.map(VerifiedPresentation::nullifier).collect();
        let withdrawn = self.withdrawn_of(&mut transaction, &nullifiers).await?;
        let mut decisions = Vec::with_capacity(checks.len());
        let mut known = HashMap::new();
        for check in checks {
            let outcome = match &check.checked {
                Err(refusal) => Err(refusal.clone()),
                Ok(verified) if withdrawn.contains(&verified.nullifier().to_string()) => {
                    Err(Refusal::Withdrawn)
                }
                Ok(verified) => {
                    let (questions, quota) = (&check.questions, &check.quota);
                    let noted = self
                        .note_check(&mut transaction, verified, questions, quota, &mut known)
                        .await?;
                    match noted {
                        Ok(()) if check.count_once => {
                            self.count(&mut transaction, verified).await?
                        }
                        noted => noted,
                    }
                }
            };
            let receipt = key
                .sign(&check.receipt.clone().of(outcome.as_ref().copied()))
                .map_err(|_| VerifierError::corrupt("a receipt has no JSON"))?;
            decisions.push(match outcome {
                Ok(()) => Decision::Accepted { receipt },
                Err(refusal) => Decision::Refused { refusal, receipt: Some(receipt) },
            });
        }
        self.audit_checks(&mut transaction, checks, &decisions).await?;
        transaction.commit().await?;
        Ok(decisions)
    }

    async fn audit_checks(
        &self,
        connection: &mut AnyConnection,
        checks: &[&Check],
        decisions: &[Decision],
    ) -> Result<(), VerifierError> {
        let mut actors: Vec<&Actor> = Vec::new();
        for check in checks {
            if !actors.iter().any(|actor| actor.name == check.actor.name) {
                actors.push(&check.actor);
            }
        }
        for actor in actors {
            let theirs = checks.iter().zip(decisions);
            let theirs = theirs.filter(|(check, _)| check.actor.name == actor.name);
            let (mut at, mut hashes, mut accepted) = (0, Vec::new(), 0_usize);
            for (check, decision) in theirs {
                at = check.receipt.decided_at.max(at);
                accepted += usize::from(matches!(decision, Decision::Accepted { .. }));
                hashes.extend(
                    decision.receipt().map(|one| hex::encode(Sha256::digest(one.as_str()))),
                );
            }
            for hashes in hashes.chunks(HASHES * HASH_DETAILS.len()) {
                let chunks = hashes.chunks(HASHES).map(|hashes| hashes.join(" "));
                let mut details: Vec<_> = HASH_DETAILS.into_iter().zip(chunks).collect();
                details.push(("checked", hashes.len().to_string()));
                details.push(("accepted", accepted.to_string()));
                let event = audit::Event {
                    actor,
                    action: "presentation.check",
                    object: None,
                    details: &details,
                };
                audit::append(connection, self.tenant(), at, &event).await?;
            }
        }
        Ok(())
    }

    /// Those of the nullifiers whose holders have withdrawn by this service.
    async fn withdrawn_of(
        &self,
        connection: &mut AnyConnection,
        nullifiers: &[Nullifier],
    ) -> Result<HashSet<String>, VerifierError> {
        let select = "SELECT nullifier FROM withdrawals WHERE tenant = $1 AND nullifier IN";
        let rows = self.rows_of(connection, select, nullifiers).await?;
        Ok(rows.iter().map(|row| row.try_get("nullifier")).collect::<Result<_, _>>()?)
    }

    /// What a statement finds that ends where the list of the nullifiers is to stand.
    pub(super) async fn rows_of(
        &self,
        connection: &mut AnyConnection,
        select: &'static str,
        nullifiers: &[Nullifier],
    ) -> Result<Vec<AnyRow>, VerifierError> {
        let Some(last) = nullifiers.last() else { return Ok(Vec::new()) };
        // Few different numbers of parameters make few statements to prepare.
        let places = nullifiers.len().next_power_of_two();
        let list = (2..places + 2).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(format!("{select} ({list})")));
        query = query.bind(self.tenant().as_str().to_owned());
        for nullifier in nullifiers.iter().chain(std::iter::repeat(last)).take(places) {
            query = query.bind(nullifier.to_string());
        }
        Ok(query.fetch_all(connection).await?)
    }
}
