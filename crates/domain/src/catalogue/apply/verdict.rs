//! Verdicts on the deliveries of a batch.

use super::log_failure;
use crate::{
    delivery::ledger::Fate,
    kernel::{
        failure::ErrorCode,
        port::{Cause, PortError},
    },
};

/// Outcome of one delivery in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is completed, and the ledger says so.
    Settled(Fate),
    /// No retry will help. The queue keeps the message for a person, after its last receive.
    Parked {
        /// Code of the problem.
        code: ErrorCode,
        /// Problem, as a clause.
        message: String,
    },
    /// A dependency failed: receive the message again.
    Retry {
        /// Code of the problem.
        code: ErrorCode,
        /// Class of the failure, if a port failed.
        cause: Option<Cause>,
        /// Problem, as a clause.
        message: String,
    },
    /// The source's answer is of no use, because it is older than one that was seen before, or from the second in which the
    /// install began: ask again in a few seconds. Only of states that were requested.
    Behind,
    /// The message is not ours: the queue keeps it for a person, after its last receive.
    NotOurs {
        /// Problem, as a clause.
        message: String,
    },
}

impl Verdict {
    /// True if the queue may delete the message.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Settled(_))
    }

    /// Verdict on a failed port: retry. Logs the failure with all its causes, once.
    pub(crate) fn storage(failure: &PortError) -> Self {
        log_failure(failure);
        Self::Retry {
            code: ErrorCode::StorageUnavailable,
            cause: Some(failure.cause),
            message: failure.to_string(),
        }
    }

    /// Returns the verdict. Every path reaches one; if a delivery has none by mistake, it is retried and not lost.
    pub(crate) fn or_again(decided: Option<Self>) -> Self {
        decided.unwrap_or(Self::Retry {
            code: ErrorCode::StorageUnavailable,
            cause: None,
            message: "no verdict was reached".into(),
        })
    }
}

/// Verdict on each item of a batch, by its position.
#[derive(Debug)]
pub(crate) struct Verdicts(pub(crate) Vec<Option<Verdict>>);

impl Verdicts {
    pub(crate) fn decide(&mut self, at: usize, verdict: Verdict) {
        self.0[at] = Some(verdict);
    }

    /// Decides, unless the item is retried because its event could not be sent.
    pub(crate) fn decide_unless_retried(&mut self, at: usize, verdict: Verdict) {
        if !self.is_retried(at) {
            self.decide(at, verdict);
        }
    }

    pub(crate) fn is_retried(&self, at: usize) -> bool {
        matches!(self.0[at], Some(Verdict::Retry { .. } | Verdict::Behind))
    }
}
