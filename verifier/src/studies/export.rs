//! The participants of a study, by pseudonyms.

use std::fmt;
use std::str::FromStr;

use attestry_credential::vcdm::write_time;
use serde_json::{Value, json};

use crate::SignedReceipt;

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
