//! The participants of a study, by pseudonyms.

use std::fmt;
use std::str::FromStr;

use attestry_credential::vcdm::write_time;
use serde_json::{Value, json};

use super::Study;
use crate::{SignedReceipt, Storage, VerifierError};

/// Where a participant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParticipantState {
    /// It proved the policy as it is.
    Eligible,
    /// It proved an earlier policy.
    MustReProve,
    /// It withdrew.
    Withdrawn,
}

impl ParticipantState {
    /// The word for it on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eligible => "eligible",
            Self::MustReProve => "must-re-prove",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A participant of a study in one epoch.
#[derive(Clone, PartialEq)]
pub struct Participant {
    /// Random, and of this study and epoch only: no nullifier can be found from it.
    pub id: String,
    /// Where it stands.
    pub state: ParticipantState,
    /// Which of the study's policies it proved last.
    pub revision: u64,
    /// When it was counted, Unix seconds.
    pub counted_at: u64,
    /// When it proved last.
    pub proven_at: u64,
    /// When it withdrew, if it did.
    pub withdrawn_at: Option<u64>,
    /// Height of the ledger at which the last answer was checked.
    pub block: u64,
    /// The verifier's word for the last answer.
    pub receipt: SignedReceipt,
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant").finish_non_exhaustive()
    }
}

/// Participants of a page of an export.
const PAGE: u32 = 500;

/// An export that is being read: who was counted when it began, each as it is when its page is
/// read. No more than a page is held.
#[derive(Debug)]
pub struct Export {
    storage: Storage,
    study: Study,
    epoch: u64,
    /// Of the audit log: that of the export itself.
    entry: u64,
    /// The participant that was read last.
    after: String,
    count: u64,
    is_over: bool,
}

impl Export {
    pub(super) fn new(storage: Storage, study: Study, epoch: u64, entry: u64) -> Self {
        let (after, count, is_over) = (String::new(), 0, false);
        Self { storage, study, epoch, entry, after, count, is_over }
    }

    /// The next participants, by id; none if all have been read.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn next_page(&mut self) -> Result<Vec<Participant>, VerifierError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let Self { study, epoch, entry, after, .. } = self;
        let page = self.storage.export_page(study, *epoch, *entry, after, PAGE).await?;
        if let Some(last) = page.last() {
            self.after.clone_from(&last.id);
        }
        self.count += page.len() as u64;
        self.is_over = page.len() < PAGE as usize;
        Ok(page)
    }

    /// Whether all participants have been read.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many participants have been read.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// An object on each line.
    NdJson,
    /// A table (RFC 4180) with a line of names.
    Csv,
}

impl FromStr for ExportFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "ndjson" => Ok(Self::NdJson),
            "csv" => Ok(Self::Csv),
            _ => Err(()),
        }
    }
}

const COLUMNS: [&str; 8] = [
    "participant",
    "state",
    "policy_revision",
    "counted_at",
    "proven_at",
    "withdrawn_at",
    "registry_block",
    "receipt",
];

impl ExportFormat {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::NdJson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// What file names end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::NdJson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// What comes before all participants.
    pub fn head(self) -> String {
        match self {
            Self::NdJson => String::new(),
            Self::Csv => format!("{}\r\n", COLUMNS.join(",")),
        }
    }

    /// What comes after all participants: how many they are. An export without it is not whole.
    pub fn tail(self, count: u64) -> String {
        match self {
            Self::NdJson => format!("{}\n", json!({ "summary": { "participants": count } })),
            // As many cells as the other lines have.
            Self::Csv => format!("summary,{count}{}\r\n", ",".repeat(COLUMNS.len() - 2)),
        }
    }

    /// One participant. No value needs a quote: they are ids, times, words and receipts.
    pub fn line(self, participant: &Participant) -> String {
        let time = |at: u64| write_time(at).unwrap_or_default();
        let values: [Value; 8] = [
            participant.id.as_str().into(),
            participant.state.word().into(),
            participant.revision.into(),
            time(participant.counted_at).into(),
            time(participant.proven_at).into(),
            participant.withdrawn_at.map(time).into(),
            participant.block.into(),
            participant.receipt.as_str().into(),
        ];
        match self {
            Self::NdJson => {
                let object: serde_json::Map<_, _> =
                    COLUMNS.map(str::to_owned).into_iter().zip(values).collect();
                format!("{}\n", json!(object))
            }
            Self::Csv => {
                let cells = values.iter().map(|value| match value {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                format!("{}\r\n", cells.collect::<Vec<_>>().join(","))
            }
        }
    }
}
