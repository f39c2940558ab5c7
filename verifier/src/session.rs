//! Sessions: one request, one answer.

use std::collections::BTreeMap;

use attestry_credential::oid4vp::DcqlQuery;
use attestry_credential::policy::{Disclosed, FindingCode};
use attestry_credential::presentation::{Identifier, PresentationRequest, Query, ScopeParts};

use crate::{Delivery, Refusal, Reply, SignedReceipt, VerifiedPresentation};

/// What a clinic or sponsor wants to know.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// What the holder must show, 1 to 8 queries.
    pub queries: Vec<Query>,
    /// What the nullifier counts.
    pub scope: ScopeParts,
    /// Why it is asked, in words for the holder.
    pub purpose: String,
    /// Whether a holder is accepted once in the scope.
    pub count_once: bool,
    /// How the answer is to come.
    pub reply: Reply,
    /// Dangers of policies that it brings along, which whoever asks says are meant: see
    /// [`Verifier::inline_policy`](crate::Verifier::inline_policy).
    pub acknowledged: Vec<FindingCode>,
}

/// An open session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The asking party's handle. Whoever knows it may read the outcome; the wallet does not.
    pub id: Identifier,
    /// What the wallet is asked.
    pub request: PresentationRequest,
    /// Whether a holder is accepted once in the scope.
    pub count_once: bool,
    /// When it was opened, Unix seconds.
    pub created_at: u64,
    /// How the request goes out and the answer comes.
    pub delivery: Delivery,
    /// How it ended, if it did without an answer.
    pub ended: Option<Ending>,
    /// What is asked if it is for credentials as they are; the request has no queries then.
    pub plain: Option<DcqlQuery>,
}

/// What an answer showed.
#[derive(Debug)]
pub enum Shown {
    /// Proofs.
    Proven(VerifiedPresentation),
    /// Credentials as they are: the claims that were asked for, by query.
    Plain(BTreeMap<Identifier, Disclosed>),
}

/// How a session ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By who opened it.
    Cancelled,
    /// By the wallet, which gives no answer.
    Declined,
    /// By the clock.
    Expired,
}

impl Ending {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
            Self::Expired => "expired",
        }
    }

    /// Why an answer that comes after it is refused.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::Cancelled | Self::Declined => Refusal::Cancelled,
            Self::Expired => Refusal::Expired,
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Cancelled, Self::Declined, Self::Expired]
            .into_iter()
            .find(|ending| ending.word() == word)
    }
}

/// What became of a session.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionStatus {
    /// It waits for its answer.
    Pending,
    /// Its time has passed without an answer.
    Expired,
    /// Who opened it has ended it.
    Cancelled,
    /// The wallet gives no answer.
    Declined,
    /// The answer was accepted.
    Accepted {
        /// The proof of it.
        receipt: SignedReceipt,
        /// What the holder was asked to disclose and proved, by query.
        disclosed: BTreeMap<Identifier, Disclosed>,
    },
    /// The answer was refused.
    Refused {
        /// The name of the [`Refusal`].
        reason: String,
        /// The proof of it.
        receipt: SignedReceipt,
    },
}

/// What was decided about an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It is accepted.
    Accepted {
        /// The proof of it.
        receipt: SignedReceipt,
    },
    /// It is refused.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The proof of it, if it decided the session.
        receipt: Option<SignedReceipt>,
    },
}

impl Decision {
    /// The proof of it, if there is one.
    pub fn receipt(&self) -> Option<&SignedReceipt> {
        match self {
            Self::Accepted { receipt } => Some(receipt),
            Self::Refused { receipt, .. } => receipt.as_ref(),
        }
    }
}
