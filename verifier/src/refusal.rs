//! Why an answer is not accepted.

use attestry_credential::presentation::PresentationError;

/// Why an answer is not accepted. Each reason has its own stable name; none carries a value that
/// the holder disclosed.
///
/// Two checks bind an answer: the one-time key's signature over the request's challenge and the
/// whole presentation, and the proof of the statement that the verifier rebuilds. Together they
/// tell more causes apart than either alone:
///
/// | signature | proof | reason |
/// |---|---|---|
/// | holds | holds | accepted |
/// | fails | holds | [`WrongChallenge`](Self::WrongChallenge): all is true, but was signed for another challenge |
/// | holds | fails | [`NotProven`](Self::NotProven): the holder itself says what its proof does not prove |
/// | fails | fails | [`Altered`](Self::Altered): the answer was changed after it was signed |
/// | any | is no proof | [`BadProof`](Self::BadProof) |
///
/// What cannot be told apart: under `Altered`, whether a disclosed value, the time, the nullifier
/// or a byte of the proof that leaves it decodable was changed, or whether an answer for another
/// verifier or scope was relabelled; under `NotProven`, whether the proof is for another scope,
/// disclosed value, policy or nullifier. Groth16 gives one yes or no for all public inputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The answer does not have its form, or does not answer each query once.
    #[error(transparent)]
    Malformed(PresentationError),
    /// It answers a request that this verifier did not make.
    #[error("the answer was made for another verifier")]
    WrongAudience,
    /// It answers another challenge than this session's.
    #[error("the answer was made for another challenge")]
    WrongChallenge,
    /// It answers another session of this verifier, whose scope is another.
    #[error("the answer was made for another scope")]
    WrongScope,
    /// Its presentations have different nullifiers.
    #[error("the presentations are not of one holder")]
    DifferentHolders,
    /// The challenge has been answered already.
    #[error("the challenge has been answered already")]
    Replayed,
    /// The session is over.
    #[error("the session has expired")]
    Expired,
    /// The session was ended by who opened it, or by the wallet.
    #[error("the session has ended")]
    Cancelled,
    /// A presentation of credentials as they are does not verify.
    #[error("a presentation or a credential in it does not verify")]
    NotVerified,
    /// A credential is not of the types that are asked for, or lacks a claim.
    #[error("a credential is not of the kind that is asked for")]
    WrongCredential,
    /// The circuit is not one that the request and the verifier accept.
    #[error("the circuit is not accepted")]
    UnknownCircuit,
    /// The proof's time is older than the request allows, or ahead of the verifier's clock.
    #[error("the time of the proof is too old or in the future")]
    Clock,
    /// Not exactly the claims that the policy asks for are disclosed, each in its one form.
    #[error("the disclosed claims are not those that the policy asks for")]
    WrongDisclosure,
    /// The proof is not the encoding of a proof.
    #[error("the proof is not well formed")]
    BadProof,
    /// The holder signed it, but the proof does not prove it.
    #[error("the proof does not prove what the request asks and the holder states")]
    NotProven,
    /// Neither signature nor proof belong to the answer as it arrived.
    #[error("the answer was changed after it was signed")]
    Altered,
    /// The registry never had this root.
    #[error("the registry never had the root that the proof is against")]
    UnknownRoot {
        /// Block at which the registry was read.
        block: u64,
    },
    /// The root was replaced longer ago than the grace allows.
    #[error("the registry root that the proof is against was replaced too long ago")]
    StaleRoot {
        /// Block at which the registry was read.
        block: u64,
    },
    /// The ledger gave no usable answer in time.
    #[error("the ledger cannot be reached")]
    LedgerUnreachable,
    /// The ledger's latest block is too old to decide by.
    #[error("the ledger lags behind")]
    LedgerLagging,
    /// The holder has withdrawn.
    #[error("the holder has withdrawn")]
    Withdrawn,
    /// The holder has been counted in this scope.
    #[error("the holder has been counted in this scope already")]
    AlreadyCounted,
    /// More answers wait for their check than the verifier takes on.
    #[error("the verifier has more to check than it takes on")]
    Overloaded,
    /// The holder has answered the question with as many values as the quota allows.
    #[error("the holder has answered this question with too many values")]
    Quota,
    /// The study has been closed.
    #[error("the study is closed")]
    StudyClosed,
    /// The check did not run to its end.
    #[error("the check was interrupted")]
    Interrupted,
}

impl Refusal {
    /// The reason's stable name: lower-case words joined by hyphens.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::WrongAudience => "wrong-audience",
            Self::WrongChallenge => "wrong-challenge",
            Self::WrongScope => "wrong-scope",
            Self::DifferentHolders => "different-holders",
            Self::Replayed => "replayed",
            Self::Expired => "expired-session",
            Self::Cancelled => "cancelled-session",
            Self::NotVerified => "not-verified",
            Self::WrongCredential => "wrong-credential",
            Self::UnknownCircuit => "unknown-circuit",
            Self::Clock => "clock",
            Self::WrongDisclosure => "wrong-disclosure",
            Self::BadProof => "bad-proof",
            Self::NotProven => "not-proven",
            Self::Altered => "altered",
            Self::UnknownRoot { .. } => "unknown-root",
            Self::StaleRoot { .. } => "stale-root",
            Self::LedgerUnreachable => "ledger-unreachable",
            Self::LedgerLagging => "ledger-lagging",
            Self::Withdrawn => "withdrawn",
            Self::AlreadyCounted => "already-counted",
            Self::Overloaded => "overloaded",
            Self::Quota => "quota",
            Self::StudyClosed => "study-closed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether it decides the session. What the holder may repair, or what says nothing about the
    /// answer, does not: the session stays open until it expires.
    pub fn is_decision(&self) -> bool {
        !matches!(
            self,
            Self::Malformed(_)
                | Self::Replayed
                | Self::Expired
                | Self::Cancelled
                | Self::LedgerUnreachable
                | Self::LedgerLagging
                | Self::Overloaded
                | Self::Interrupted
        )
    }

    /// Block at which the registry was read, if the root was the reason.
    pub(crate) fn block(&self) -> Option<u64> {
        match self {
            Self::UnknownRoot { block } | Self::StaleRoot { block } => Some(*block),
            _ => None,
        }
    }
}

impl From<PresentationError> for Refusal {
    fn from(error: PresentationError) -> Self {
        match error {
            PresentationError::OtherRequest => Self::WrongChallenge,
            PresentationError::DifferentHolders => Self::DifferentHolders,
            PresentationError::OtherCircuit => Self::UnknownCircuit,
            PresentationError::Now => Self::Clock,
            // Whether the policy can be asked was checked when the session was opened; what the
            // holder fills in makes the difference.
            PresentationError::Disclosure | PresentationError::Policy(_) => Self::WrongDisclosure,
            PresentationError::Signature => Self::WrongChallenge,
            PresentationError::Malformed(_)
            | PresentationError::TooLong { .. }
            | PresentationError::Bytes(_)
            | PresentationError::UnknownQuery
            | PresentationError::Unanswered => Self::Malformed(error),
        }
    }
}
