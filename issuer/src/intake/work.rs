//! Workers: they take imports on and do them, record by record.

use std::collections::BTreeSet;
use std::time::Duration;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::CredentialError;
use attestry_credential::roster::{Record, RowError, Table};
use attestry_service::Actor;

use super::{FAILED_KEPT_S, FileForm, Import, ImportId, ImportState, Outcome, Planned, Row, row};
use crate::record::{CredentialId, CredentialRecord, State};
use crate::request::Claims;
use crate::service::Order;
use crate::storage::{DoneRecord, DoneRow};
use crate::{Issuer, IssuerError};

/// Records that are done between two signs of life.
const BATCH: u32 = 50;
/// How long a worker is believed alive after its last sign of life.
const LEASE_S: u64 = 60;
/// How long an import rests after it broke off, and how often it may in a row.
const REST_S: u64 = 30;
const FAILURES: u64 = 10;
/// How often to look at a row again when another worker was faster.
const ATTEMPTS: usize = 16;
/// How long an idle worker waits before it looks for what other replicas received or left.
const IDLE: Duration = Duration::from_secs(5);

impl Issuer {
    /// Does imports as they come, until dropped. Any number of replicas may.
    pub async fn import_in_background(&self, rng: &mut (impl RngCore + CryptoRng + Send)) {
        loop {
            match self.run_import(rng).await {
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "imports cannot be done"),
            }
            let _ = tokio::time::timeout(IDLE, self.importing().notified()).await;
        }
    }

    /// Does the oldest import that nobody is at, if there is one, and clears away what is past its
    /// time. What breaks off is left for later.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn run_import(
        &self,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Option<ImportId>, IssuerError> {
        let now = self.now();
        self.storage().clear_imports(now, now.saturating_sub(FAILED_KEPT_S)).await?;
        let mut worker = [0; 16];
        rng.fill_bytes(&mut worker);
        let worker = hex::encode(worker);
        let Some(import) = self.storage().claim_import(&worker, now, now + LEASE_S).await? else {
            return Ok(None);
        };
        if let Err(error) = self.work(&import, &worker, rng).await {
            tracing::warn!(import = %import.id, %error, "an import broke off");
            let rest = self.now().saturating_add(REST_S);
            self.storage().release_import(import.id, &worker, rest).await?;
            if import.failures + 1 >= FAILURES {
                self.end_import(&Actor::service(), import.id, ImportState::Failed, None).await?;
            }
        }
        Ok(Some(import.id))
    }

    async fn work(
        &self,
        import: &Import,
        worker: &str,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<(), IssuerError> {
        let table = match (&import.header, import.schema) {
            (Some(header), Some(schema)) => Some(Table::read(header, schema)?),
            _ => None,
        };
        loop {
            let records = self.storage().open_records(import.id, BATCH).await?;
            if records.is_empty() {
                let (actor, state) = (&import.actor, ImportState::Finished);
                self.end_import(actor, import.id, state, Some(worker)).await?;
                return Ok(());
            }
            let (mut done, mut rows) = (Vec::new(), Vec::new());
            for (number, record) in &records {
                let before = rows.len();
                match self.do_record(import, worker, table.as_ref(), (*number, record), rng).await {
                    Ok(found) => rows.extend(found),
                    Err(IssuerError::ImportedElsewhere) => return Ok(()),
                    Err(error) => return Err(error),
                }
                let failed: BTreeSet<u64> = rows[before..]
                    .iter()
                    .filter(|row: &&DoneRow| row.outcome == Outcome::Failed)
                    .map(|row| row.line)
                    .collect();
                let kept = (!failed.is_empty())
                    .then(|| row::failed_part(import.form, &record.text, &failed));
                done.push(DoneRecord { number: *number, kept });
            }
            let until = self.now().saturating_add(LEASE_S);
            if !self.storage().keep_done(import.id, worker, until, &done, &rows).await? {
                return Ok(());
            }
        }
    }

    /// Does the rows of a record; gives those that are still to be noted.
    async fn do_record(
        &self,
        import: &Import,
        worker: &str,
        table: Option<&Table>,
        (number, record): (u64, &Record),
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Vec<DoneRow>, IssuerError> {
        let mut rows = Vec::new();
        for (item, row) in (0..).zip(row::read(import.form, table, record)) {
            let (line, did) = match row {
                Ok(row) => {
                    let planned = Planned {
                        import: import.id,
                        worker,
                        number,
                        item,
                        line: row.line,
                        key: row.key,
                        content: row.content,
                        before: None,
                    };
                    (row.line, self.do_row(import, row, planned, rng).await?)
                }
                Err(RowError { line, column, rule }) => {
                    (line, Did::Failed(column, rule.to_string()))
                }
            };
            let row =
                |outcome| DoneRow { number, item, line, outcome, fault: None, credential: None };
            rows.extend(match did {
                Did::Noted => None,
                Did::Unchanged(id) => {
                    Some(DoneRow { credential: Some(id), ..row(Outcome::Unchanged) })
                }
                Did::Failed(place, rule) => {
                    Some(DoneRow { fault: Some((place, rule)), ..row(Outcome::Failed) })
                }
            });
        }
        Ok(rows)
    }

    async fn do_row(
        &self,
        import: &Import,
        row: Row,
        mut planned: Planned<'_>,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Did, IssuerError> {
        let Some(holder) = row.holder else {
            return Ok(Did::failed("holder", "is required: a credential is issued to its holder"));
        };
        let mut claims = Some(Claims { subject: row.subject, validity: row.validity });
        for _ in 0..ATTEMPTS {
            let mut supersedes = None;
            if let Some((content, id)) = self.storage().imported(&row.key).await? {
                if content == row.content {
                    return Ok(Did::Unchanged(id));
                }
                let current = self.latest(id).await?;
                if current.state != State::Active {
                    let rule = format!("would renew a credential that is {}", current.state);
                    return Ok(Did::Failed("row".to_owned(), rule));
                }
                planned.before = Some(id);
                supersedes = Some(current);
            }
            let order = Order {
                claims: claims.take().ok_or(IssuerError::ImportedElsewhere)?,
                holder,
                validity: row.validity,
                supersedes: supersedes.as_ref(),
                idempotency: None,
                row: Some(planned),
            };
            match self.mint(&import.actor, &order, rng).await {
                Ok(_) => return Ok(Did::Noted),
                // Another worker was faster: what it did decides what is to be done now.
                Err(IssuerError::ImportedElsewhere | IssuerError::NotPossible { .. }) => {
                    claims = Some(order.claims);
                }
                Err(error) => {
                    return fault(import.form, error).map(|(at, rule)| Did::Failed(at, rule));
                }
            }
        }
        Err(IssuerError::ImportedElsewhere)
    }

    /// The credential that stands in the place of this one now.
    async fn latest(&self, id: CredentialId) -> Result<CredentialRecord, IssuerError> {
        let mut credential = self.credential(id).await?;
        while let Some(successor) = credential.superseded_by {
            credential = self.credential(successor).await?;
        }
        Ok(credential)
    }

    pub(super) async fn end_import(
        &self,
        actor: &Actor,
        id: ImportId,
        state: ImportState,
        worker: Option<&str>,
    ) -> Result<bool, IssuerError> {
        let ended = self.storage().end_import(actor, id, state, worker, self.now()).await?;
        if ended {
            tracing::info!(import = %id, %state, "import ended");
        }
        Ok(ended)
    }
}

/// What became of a row.
enum Did {
    /// A credential was issued, and the row noted with it.
    Noted,
    /// It had become this credential before.
    Unchanged(CredentialId),
    /// Column or path, and the rule that it breaks.
    Failed(String, String),
}

impl Did {
    fn failed(place: &str, rule: &str) -> Self {
        Self::Failed(place.to_owned(), rule.to_owned())
    }
}

/// Column or path, and rule, of an error that is of the row alone; any other error.
fn fault(form: FileForm, error: IssuerError) -> Result<(String, String), IssuerError> {
    match error {
        IssuerError::Credential(CredentialError::Invalid { path, rule }) => {
            Ok((path, rule.to_string()))
        }
        IssuerError::Request { field, rule } => {
            let column = match field.as_ref() {
                "validFrom" if form == FileForm::Csv => "valid_from",
                "validUntil" if form == FileForm::Csv => "valid_until",
                other => other,
            };
            Ok((column.to_owned(), rule.to_owned()))
        }
        error @ (IssuerError::NotAccredited(_) | IssuerError::ListFull) => {
            Ok(("row".to_owned(), format!("cannot be issued: {error}")))
        }
        other => Err(other),
    }
}
