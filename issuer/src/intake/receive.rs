//! A file, as it comes in.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::roster::{FileError, Limits, Record, Splitter, Table};
use attestry_credential::schema::Schema;
use attestry_service::Actor;
use sha2::{Digest, Sha256};

use super::{
    Accepted, BUNDLE_LIMIT, Counts, FILE_LIMIT, FileForm, Import, ImportId, ImportRequest,
    ImportState, row,
};
use crate::storage::Idempotency;
use crate::{Issuer, IssuerError};

/// Records that are written at once.
const BATCH: usize = 500;
/// How long a file may take to come in.
pub(super) const RECEIVING_S: u64 = 3600;

const KEY_DOMAIN: &[u8] = b"attestry/import-key/v1";
const FILE_DOMAIN: &[u8] = b"attestry/import-file/v1";

/// A file that is being received. What has come is in the database, and goes if the rest does not
/// come: at once by [`Intake::abandon`], after an hour otherwise.
pub struct Intake {
    issuer: Issuer,
    import: Import,
    idempotency_key: Option<String>,
    reader: Reader,
    records: Vec<Record>,
    hash: Sha256,
    bytes: u64,
}

enum Reader {
    Roster(Box<Splitter>, Option<Schema>),
    Whole(Vec<u8>),
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("import", &self.import.id).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Begins to receive a file.
    ///
    /// # Errors
    /// [`IssuerError::Request`] if a table comes without a schema or another file with one;
    /// [`IssuerError::NotAccredited`]; [`IssuerError::Database`].
    pub async fn begin_import(
        &self,
        actor: &Actor,
        request: ImportRequest,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Intake, IssuerError> {
        let reader = match (request.form.roster(), request.schema) {
            (Some(form), schema) if (request.form == FileForm::Csv) == schema.is_some() => {
                Reader::Roster(Box::new(Splitter::new(form, Limits::of(form))), schema)
            }
            (None, None) => Reader::Whole(Vec::new()),
            (_, Some(_)) => {
                return Err(IssuerError::request("schema", "is of a table (CSV) only"));
            }
            (_, None) => return Err(IssuerError::request("schema", "is required of a table")),
        };
        if let Some(schema) = request.schema {
            self.entry(schema).await?;
        }
        let import = Import {
            id: ImportId::random(rng),
            form: request.form,
            schema: request.schema,
            state: ImportState::Receiving,
            actor: actor.clone(),
            created_at: self.now(),
            ended_at: None,
            records: 0,
            done: 0,
            counts: Counts::default(),
            header: None,
            failures: 0,
        };
        self.storage().begin_import(&import, self.now().saturating_add(RECEIVING_S)).await?;
        let schema = request.schema.map(|schema| schema.versioned_name()).unwrap_or_default();
        let hash = Sha256::new()
            .chain_update(FILE_DOMAIN)
            .chain_update(format!("{} {schema}\n", request.form));
        Ok(Intake {
            issuer: self.clone(),
            import,
            idempotency_key: request.idempotency_key,
            reader,
            records: Vec::new(),
            hash,
            bytes: 0,
        })
    }
}

impl Intake {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`IssuerError::File`] if the file is refused as a whole; [`IssuerError::FileTooLarge`];
    /// [`IssuerError::Database`]. The intake is of no more use then: abandon it.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), IssuerError> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > FILE_LIMIT {
            return Err(IssuerError::FileTooLarge { limit: FILE_LIMIT });
        }
        self.hash.update(bytes);
        match &mut self.reader {
            Reader::Roster(splitter, _) => splitter.push(bytes, &mut self.records)?,
            Reader::Whole(text) if text.len() + bytes.len() > BUNDLE_LIMIT => {
                return Err(IssuerError::FileTooLarge { limit: BUNDLE_LIMIT as u64 });
            }
            Reader::Whole(text) => text.extend_from_slice(bytes),
        }
        if self.records.len() >= BATCH { self.keep().await } else { Ok(()) }
    }

    /// Ends the file, and starts its import, unless the same request started it before.
    ///
    /// # Errors
    /// [`IssuerError::File`]; [`IssuerError::Credential`] if a resource is none;
    /// [`IssuerError::IdempotencyKeyReused`]; [`IssuerError::Database`]. Nothing is left of the
    /// file then.
    pub async fn finish(mut self) -> Result<Accepted, IssuerError> {
        match self.complete().await {
            Ok(accepted) => Ok(accepted),
            Err(error) => {
                self.abandon().await?;
                Err(error)
            }
        }
    }

    /// Gives the file up: nothing is left of it.
    ///
    /// # Errors
    /// [`IssuerError::Database`].
    pub async fn abandon(self) -> Result<(), IssuerError> {
        self.issuer.storage().abandon_import(self.import.id).await
    }

    async fn complete(&mut self) -> Result<Accepted, IssuerError> {
        match std::mem::replace(&mut self.reader, Reader::Whole(Vec::new())) {
            Reader::Roster(splitter, schema) => {
                splitter.finish(&mut self.records)?;
                self.header(schema)?;
            }
            Reader::Whole(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| FileError::NotUtf8 { line: 1 })?;
                row::check_resource(&text)?;
                self.records.push(Record { line: 1, text });
            }
        }
        self.keep().await?;
        let file: [u8; 32] = self.hash.clone().finalize().into();
        let key = match &self.idempotency_key {
            Some(key) => Sha256::new().chain_update(KEY_DOMAIN).chain_update(key).finalize().into(),
            None => file,
        };
        let request = Idempotency { key, request: file };
        let before = self.issuer.storage().accept_import(&self.import, &request).await?;
        if before.is_some() {
            self.issuer.storage().abandon_import(self.import.id).await?;
        }
        self.issuer.importing().notify_one();
        let import = self.issuer.import(before.unwrap_or(self.import.id)).await?;
        tracing::info!(import = %import.id, records = import.records, "import accepted");
        Ok(Accepted { import, repeated: before.is_some() })
    }

    /// Takes the first record of a table for its header.
    fn header(&mut self, schema: Option<Schema>) -> Result<(), IssuerError> {
        if let Some(schema) = schema
            && self.import.header.is_none()
            && !self.records.is_empty()
        {
            let header = self.records.remove(0).text;
            Table::read(&header, schema)?;
            self.import.header = Some(header);
        }
        Ok(())
    }

    async fn keep(&mut self) -> Result<(), IssuerError> {
        if let Reader::Roster(_, schema) = self.reader {
            self.header(schema)?;
        }
        let storage = self.issuer.storage();
        storage.add_records(self.import.id, self.import.records, &self.records).await?;
        self.import.records += self.records.len() as u64;
        self.records.clear();
        Ok(())
    }
}
