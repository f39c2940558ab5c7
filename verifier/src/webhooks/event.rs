//! What receivers are told of.

use attestry_credential::vcdm::write_time;
use serde::Serialize;
use serde_json::{Value, json};

use crate::SignedReceipt;

/// A kind of event, by which webhooks say what they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A session was answered, and the answer accepted or refused.
    SessionDecided,
    /// A session's time was over before an answer came.
    SessionExpired,
    /// A session was cancelled.
    SessionCancelled,
    /// A wallet would give no answer to a session.
    SessionDeclined,
    /// A participant of a study withdrew.
    StudyWithdrawn,
    /// A study has another policy, so that participants must prove again.
    StudyPolicyChanged,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::SessionDecided,
        Self::SessionExpired,
        Self::SessionCancelled,
        Self::SessionDeclined,
        Self::StudyWithdrawn,
        Self::StudyPolicyChanged,
    ];

    /// The word for it, in storage and on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::SessionDecided => "session.decided",
            Self::SessionExpired => "session.expired",
            Self::SessionCancelled => "session.cancelled",
            Self::SessionDeclined => "session.declined",
            Self::StudyWithdrawn => "study.withdrawn",
            Self::StudyPolicyChanged => "study.policy-changed",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Something that happened. There is no place in it for anything that a holder disclosed.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Event<'a> {
    /// See [`EventKind::SessionDecided`].
    SessionDecided {
        /// The session, as it is known to who opened it.
        session: &'a str,
        /// Whether the answer was accepted.
        accepted: bool,
        /// Why it was not: the code of a [`Refusal`](crate::Refusal).
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        /// The verifier's word for it, which holds no claim.
        receipt: &'a SignedReceipt,
    },
    /// See [`EventKind::SessionExpired`].
    SessionExpired {
        /// The session.
        session: &'a str,
    },
    /// See [`EventKind::SessionCancelled`].
    SessionCancelled {
        /// The session.
        session: &'a str,
    },
    /// See [`EventKind::SessionDeclined`].
    SessionDeclined {
        /// The session.
        session: &'a str,
    },
    /// See [`EventKind::StudyWithdrawn`].
    StudyWithdrawn {
        /// The study.
        study: &'a str,
        /// The session in which the participant was counted, if it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<&'a str>,
    },
    /// See [`EventKind::StudyPolicyChanged`].
    StudyPolicyChanged {
        /// The study.
        study: &'a str,
        /// Hash of the policy from then on, hexadecimal.
        policy_hash: &'a str,
    },
}

impl Event<'_> {
    /// Of which kind it is.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::SessionDecided { .. } => EventKind::SessionDecided,
            Self::SessionExpired { .. } => EventKind::SessionExpired,
            Self::SessionCancelled { .. } => EventKind::SessionCancelled,
            Self::SessionDeclined { .. } => EventKind::SessionDeclined,
            Self::StudyWithdrawn { .. } => EventKind::StudyWithdrawn,
            Self::StudyPolicyChanged { .. } => EventKind::StudyPolicyChanged,
        }
    }

    /// The message of it, as Standard Webhooks has it.
    pub(crate) fn payload(&self, at: u64) -> String {
        message(self.kind().word(), at, json!(self))
    }
}

/// A message of a type, a time and data.
pub(crate) fn message(kind: &str, at: u64, data: Value) -> String {
    json!({ "type": kind, "timestamp": write_time(at).ok(), "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(EventKind::from_word("ping"), None);
    }

    #[test]
    fn a_message_has_type_time_and_data() {
        let receipt = SignedReceipt::from_text("a.b.c");
        let event = Event::SessionDecided {
            session: "s1",
            accepted: false,
            reason: Some("stale-root"),
            receipt: &receipt,
        };
        let message: Value = serde_json::from_str(&event.payload(1_800_000_000)).unwrap();
        let expected = json!({
            "type": "session.decided",
            "timestamp": "2027-01-15T08:00:00Z",
            "data": {
                "session": "s1",
                "accepted": false,
                "reason": "stale-root",
                "receipt": "a.b.c",
            },
        });
        assert_eq!(message, expected);
        let event = Event::StudyPolicyChanged { study: "t1", policy_hash: "00" };
        let message: Value = serde_json::from_str(&event.payload(0)).unwrap();
        assert_eq!(message["data"], json!({ "study": "t1", "policyHash": "00" }));
    }
}
