//! Many credentials from one file: rosters (CSV, NDJSON) and FHIR Bundles.
//!
//! A file is received record by record ([`Intake`]) and becomes an import, whose records a worker
//! of any replica takes on ([`Issuer::import_in_background`]). Each credential is issued in a
//! transaction of its own, which also notes what became of its row and what names the row in
//! every roster, so that a worker that dies leaves nothing half done: another one takes the
//! import over when the lease has run out, and does what is not done.
//!
//! A row is named by its `external_id` or, without one, by all that it states. A row that came
//! before with the same content is *unchanged*; with another content it *renews* the credential
//! that it became then. Records are destroyed when they are done; those of which a row failed stay
//! for [`FAILED_KEPT_S`], to be mended and sent again, and then go too.

mod receive;
mod row;
mod work;

pub use receive::Intake;
pub(crate) use row::Planned;
use row::Row;

use std::fmt;
use std::str::FromStr;

use ark_std::rand::{CryptoRng, RngCore};
use attestry_credential::roster;
use attestry_credential::schema::Schema;
use attestry_service::{Actor, audit};

use sha2::{Digest, Sha256};

use crate::record::words;
use crate::storage::Idempotency;
use crate::{Issuer, IssuerError};

/// Most bytes of a file.
pub const FILE_LIMIT: u64 = 64 << 20;
/// Most bytes of a FHIR Bundle, which is read as a whole.
pub const BUNDLE_LIMIT: usize = 8 << 20;
/// How long the records stay of which a row failed, after their import has ended: seven days.
pub const FAILED_KEPT_S: u64 = 7 * 86_400;

const RERUN_DOMAIN: &[u8] = b"attestry/import-rerun/v1";

/// The id of an import: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImportId([u8; 16]);

impl ImportId {
    fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ImportId {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| IssuerError::UnknownImport)?;
        let id = Self(bytes);
        if id.to_string() == text { Ok(id) } else { Err(IssuerError::UnknownImport) }
    }
}

words! {
    /// How a file is written.
    FileForm {
        /// A table with a header.
        Csv = "csv",
        /// A JSON object a line.
        Ndjson = "ndjson",
        /// One FHIR R4 resource or Bundle.
        Fhir = "fhir",
    }
}

impl FileForm {
    fn roster(self) -> Option<roster::Form> {
        match self {
            Self::Csv => Some(roster::Form::Csv),
            Self::Ndjson => Some(roster::Form::Ndjson),
            Self::Fhir => None,
        }
    }
}

words! {
    /// Where an import is in its life.
    ImportState {
        /// The file is being received.
        Receiving = "receiving",
        /// No worker has taken it on yet.
        Waiting = "waiting",
        /// A worker is, or was last seen, at it.
        Running = "running",
        /// Every record is done.
        Finished = "finished",
        /// Somebody ended it before every record was done.
        Cancelled = "cancelled",
        /// It broke off too often.
        Failed = "failed",
    }
}

impl ImportState {
    /// Whether nothing more is done for it.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed)
    }
}

words! {
    /// What became of a row.
    Outcome {
        /// A credential was issued.
        Issued = "issued",
        /// A credential took the place of the one that the row had become before.
        Renewed = "renewed",
        /// The row had become a credential before, with the same content.
        Unchanged = "unchanged",
        /// The row breaks a rule.
        Failed = "failed",
    }
}

/// A file that is to be received.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// How it is written.
    pub form: FileForm,
    /// What the rows of a table are; the other forms say it themselves.
    pub schema: Option<Schema>,
    /// The caller's name for this request; without one, the file is its own name. Repeating it
    /// starts no second import.
    pub idempotency_key: Option<String>,
}

/// How many rows came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New credentials.
    pub issued: u64,
    /// Credentials that took the place of earlier ones.
    pub renewed: u64,
    /// Rows that had become credentials before.
    pub unchanged: u64,
    /// Rows that break a rule.
    pub failed: u64,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// How the file is written.
    pub form: FileForm,
    /// What the rows of a table are.
    pub schema: Option<Schema>,
    /// Where it is in its life.
    pub state: ImportState,
    /// Who asked for it.
    pub actor: Actor,
    /// When it was asked for, Unix seconds.
    pub created_at: u64,
    /// When it ended, Unix seconds.
    pub ended_at: Option<u64>,
    /// Records of the file; for a Bundle 1.
    pub records: u64,
    /// Records that are done.
    pub done: u64,
    /// What became of their rows.
    pub counts: Counts,
    /// The line that names a table's columns.
    pub(crate) header: Option<String>,
    /// How often it broke off since a record was last done.
    pub(crate) failures: u64,
}

/// A row that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRow {
    /// Line on which its record begins; in a Bundle, the number of the entry.
    pub line: u64,
    /// Column or path.
    pub place: String,
    /// The rule that it breaks.
    pub rule: String,
}

/// The records of which a row failed, in the form of the file that they came in.
#[derive(Clone, PartialEq, Eq)]
pub struct FailedFile {
    /// How it is written.
    pub form: FileForm,
    /// What the rows of a table are.
    pub schema: Option<Schema>,
    /// The file.
    pub text: String,
}

impl fmt::Debug for FailedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedFile").field("form", &self.form).finish_non_exhaustive()
    }
}

/// An import, and whether it was started by this request or by the same request before.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The import.
    pub import: Import,
    /// Whether the same request came before.
    pub repeated: bool,
}

impl Issuer {
    /// An import.
    ///
    /// # Errors
    /// [`IssuerError::UnknownImport`]; [`IssuerError::Database`].
    pub async fn import(&self, id: ImportId) -> Result<Import, IssuerError> {
        self.storage().import(id).await
    }

    /// Imports, newest first, at most `limit`, after the one of this id if there is one.
    ///
    /// # Errors
    /// [`IssuerError::UnknownImport`]; [`IssuerError::Database`].
    pub async fn imports(
        &self,
        after: Option<ImportId>,
        limit: u32,
    ) -> Result<Vec<Import>, IssuerError> {
        let after = match after {
            Some(id) => Some(self.import(id).await?),
            None => None,
        };
        self.storage().imports(after.as_ref(), limit).await
    }

    /// The rows that failed so far, in the order of the file, at most `limit`, leaving out the
    /// first `skip`.
    ///
    /// # Errors
    /// [`IssuerError::UnknownImport`]; [`IssuerError::Database`].
    pub async fn failed_rows(
        &self,
        id: ImportId,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<FailedRow>, IssuerError> {
        self.import(id).await?;
        self.storage().failed_rows(id, skip, limit).await
    }

    /// The records of which a row failed, for somebody: that they read them is noted. Without any
    /// row, and of a table with its header alone, once they have been destroyed.
    ///
    /// # Errors
    /// [`IssuerError::UnknownImport`]; [`IssuerError::Database`].
    pub async fn failed_file(
        &self,
        actor: &Actor,
        id: ImportId,
    ) -> Result<FailedFile, IssuerError> {
        let import = self.import(id).await?;
        let records = self.storage().failed_records(id).await?;
        self.note_import(actor, "import.read-failed", id).await?;
        let end = if import.form == FileForm::Csv { "\r\n" } else { "\n" };
        let lines = import.header.iter().chain(&records);
        let text = lines.flat_map(|line| [line.as_str(), end]).collect();
        Ok(FailedFile { form: import.form, schema: import.schema, text })
    }

    /// Destroys the records of which a row failed, without waiting for [`FAILED_KEPT_S`].
    ///
    /// # Errors
    /// [`IssuerError::ImportNotPossible`] unless the import has ended;
    /// [`IssuerError::UnknownImport`]; [`IssuerError::Database`].
    pub async fn discard_failed(&self, actor: &Actor, id: ImportId) -> Result<(), IssuerError> {
        let import = self.import(id).await?;
        if !import.state.has_ended() {
            return Err(IssuerError::ImportNotPossible(import.state));
        }
        self.storage().discard_failed(id).await?;
        self.note_import(actor, "import.discard-failed", id).await
    }

    /// Ends an import; what it has issued stays. Once more changes nothing.
    ///
    /// # Errors
    /// [`IssuerError::ImportNotPossible`] if it has ended otherwise;
    /// [`IssuerError::UnknownImport`]; [`IssuerError::Database`].
    pub async fn cancel_import(&self, actor: &Actor, id: ImportId) -> Result<Import, IssuerError> {
        let ended = self.end_import(actor, id, ImportState::Cancelled, None).await?;
        let import = self.import(id).await?;
        if ended || import.state == ImportState::Cancelled {
            Ok(import)
        } else {
            Err(IssuerError::ImportNotPossible(import.state))
        }
    }

    /// Starts an import of the records of which a row failed, as they are. Once more gives the same
    /// import.
    ///
    /// # Errors
    /// [`IssuerError::ImportNotPossible`] unless the import has ended;
    /// [`IssuerError::NothingToRerun`]; [`IssuerError::UnknownImport`]; [`IssuerError::Database`].
    pub async fn rerun_import(
        &self,
        actor: &Actor,
        id: ImportId,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<Accepted, IssuerError> {
        let old = self.import(id).await?;
        if !old.state.has_ended() {
            return Err(IssuerError::ImportNotPossible(old.state));
        }
        let new = Import {
            id: ImportId::random(rng),
            state: ImportState::Waiting,
            actor: actor.clone(),
            created_at: self.now(),
            ended_at: None,
            done: 0,
            counts: Counts::default(),
            failures: 0,
            ..old
        };
        let key = Sha256::new().chain_update(RERUN_DOMAIN).chain_update(id.0).finalize().into();
        let request = Idempotency { key, request: key };
        let (id, repeated) = self.storage().rerun_import(id, &request, &new).await?;
        self.importing().notify_one();
        Ok(Accepted { import: self.import(id).await?, repeated })
    }

    async fn note_import(
        &self,
        actor: &Actor,
        action: &'static str,
        id: ImportId,
    ) -> Result<(), IssuerError> {
        let object = id.to_string();
        let event = audit::Event { actor, action, object: Some(&object), details: &[] };
        self.storage().note(self.now(), &event).await
    }
}
