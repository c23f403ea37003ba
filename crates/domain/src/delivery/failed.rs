//! Failed deliveries: each one that has failed is recorded until it is applied or dismissed.
//!
//! ```text
//!   fails ─▶ retrying ──the queue gives up──▶ dead letter ──14 days──▶ expired
//!              ▲  │                             │  │                     │
//!              │  ├─applied─▶ forgotten         │  └─dismiss─▶ forgotten ◀┤
//!              └──┼─────────redrive─────────────┘                        │
//!                 └─dismiss─▶ forgotten ◀────────────dismiss─────────────┘
//! ```
//!
//! They form a set with one element for each delivery, so nothing is counted twice. No queue reports when it gives a
//! message up, so that is computed from the number of tries: see [`Stage`].

mod sentence;

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    delivery::{
        ledger::{NoteOutcome, Problem},
        queue::wait_for_index,
        subject::Subject,
    },
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryKey, StoreKey},
        port::{Cause, PortError},
    },
};

/// Number of tries before the queue gives a delivery up: `maxReceiveCount` of `EventQueue` in template.yaml.
pub const MAX_RECEIVES: u32 = 8;

/// Time between two tries: `VisibilityTimeout` of `EventQueue` in template.yaml. Deliveries that wait for the index
/// have waits of their own, with the same sum ([`wait_for_index`]).
pub const TRIED_EVERY: SignedDuration = SignedDuration::from_secs(180);

/// Days for which the queues keep a message: `MessageRetentionPeriod` of `EventDeadLetterQueue` in template.yaml.
pub const KEPT_DAYS: i64 = 14;

/// Maximum number of failed deliveries of a store that are counted and listed.
pub const MAX_COUNTED: usize = 200;

/// A delivery that has failed and is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDelivery {
    /// Key.
    pub delivery: DeliveryKey,
    /// Subject, if it could be read.
    pub subject: Option<Subject>,
    /// Problem of the last try, with its time.
    pub problem: Problem,
    /// Time at which the receiver got it.
    pub received_at: Timestamp,
    /// Number of tries so far; 0 after a redrive.
    pub tries: u32,
    /// True if it cannot be applied as it is, so that retrying alone does not help.
    pub parked: bool,
    /// Time at which a person redrove it, if it has not been tried since.
    pub redriven_at: Option<Timestamp>,
    /// The queue's receipt of the last try, with which it can be retried at once.
    pub receipt: Option<String>,
}

/// Stage of a failed delivery, computed from the number and the times of its tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The queue retries it by itself.
    Retrying {
        /// Approximate time of the next try.
        next_try_at: Timestamp,
        /// Approximate time at which the queue gives up.
        dead_letter_at: Timestamp,
    },
    /// The queue has given up; it waits for a person.
    DeadLetter,
    /// The queue has removed it.
    Expired,
}

/// Action that a person can take on a failed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Retry it at once.
    TryNow,
    /// Move it from the dead-letter queue back into the event queue.
    Redrive,
    /// Give up on it for good.
    Dismiss,
}

impl FailedDelivery {
    /// Returns its stage at `now`.
    #[must_use]
    pub fn stage(&self, now: Timestamp) -> Stage {
        let tried_at = self.tried_at();
        let dead_letter_at = self.dead_letter_at();
        if now >= self.expires_at() {
            return Stage::Expired;
        }
        if now >= dead_letter_at {
            return Stage::DeadLetter;
        }
        let next_try_at = match self.redriven_at {
            Some(at) => at,
            None => plus(tried_at, self.wait_after(self.tries)),
        };
        Stage::Retrying {
            next_try_at,
            dead_letter_at,
        }
    }

    /// Returns true if it needs a person at `now`, because the queue has given up or retrying does not help.
    #[must_use]
    pub fn needs_attention(&self, now: Timestamp) -> bool {
        match self.stage(now) {
            Stage::Retrying { .. } => self.parked && self.redriven_at.is_none(),
            Stage::DeadLetter | Stage::Expired => true,
        }
    }

    /// Returns the actions that a person can take at `now`.
    #[must_use]
    pub fn remedies(&self, now: Timestamp) -> &'static [Remedy] {
        match self.stage(now) {
            Stage::Retrying { .. } => &[Remedy::TryNow, Remedy::Dismiss],
            Stage::DeadLetter => &[Remedy::Redrive, Remedy::Dismiss],
            Stage::Expired => &[Remedy::Dismiss],
        }
    }

    /// Returns the time of its last try or, if later, of its redrive.
    #[must_use]
    pub fn tried_at(&self) -> Timestamp {
        self.problem.at.max(self.redriven_at.unwrap_or(Timestamp::MIN))
    }

    /// Returns the approximate time at which the queue gives it up: after [`MAX_RECEIVES`] tries, instead of one more.
    #[must_use]
    pub fn dead_letter_at(&self) -> Timestamp {
        let next = match self.redriven_at {
            Some(_) => 1,
            None => self.tries.clamp(1, MAX_RECEIVES),
        };
        let waits = (next..=MAX_RECEIVES).map(|tries| self.wait_after(tries));
        plus(self.tried_at(), waits.sum())
    }

    /// Returns the queue's wait after this number of tries, if they all failed as the last one did.
    fn wait_after(&self, tries: u32) -> SignedDuration {
        match self.problem.code {
            ErrorCode::IndexUnavailable => wait_for_index(tries, TRIED_EVERY),
            _ => TRIED_EVERY,
        }
    }

    /// Returns the approximate time at which the queue removes it.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        let sent_at = self.redriven_at.unwrap_or(self.received_at);
        // As long as it is retried it is not gone, no matter when it was received.
        let retention = SignedDuration::from_hours(24 * KEPT_DAYS);
        plus(sent_at, retention).max(self.dead_letter_at())
    }
}

fn plus(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// The failed deliveries of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedDeliveryList {
    /// At most [`MAX_COUNTED`] of them, in the order of their keys.
    pub deliveries: Vec<FailedDelivery>,
    /// True if there are more.
    pub more: bool,
}

/// Summary of a store's failed deliveries, which are neither applied nor dismissed: their numbers, and the most important
/// ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct FailedDeliverySummary {
    /// Number of deliveries that the queue still retries.
    pub retrying: usize,
    /// Number of deliveries that the queue has given up.
    pub dead_letters: usize,
    /// Number of deliveries that need a person.
    pub attention: usize,
    /// True if there are more than the 200 that are counted.
    pub more: bool,
    /// At most 10: those that need attention first, then the newest.
    pub deliveries: Vec<FailedDeliveryReport>,
}

/// Maximum number of failed deliveries in a store's status.
pub const MAX_NAMED: usize = 10;

/// Stage of a failed delivery in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailedState {
    /// The queue retries it by itself.
    Retrying,
    /// The queue has given up; it waits for a person.
    DeadLetter,
    /// The queue has removed it.
    Expired,
}

/// A failed delivery in the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct FailedDeliveryReport {
    /// Topic.
    pub topic: crate::kernel::ids::Topic,
    /// Id.
    pub id: crate::kernel::ids::DeliveryId,
    /// Subject, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Stage.
    pub state: FailedState,
    /// True if it cannot be applied as it is, so that it needs attention even while it is retried.
    pub parked: bool,
    /// True if a person has redriven it and it has not been tried since.
    pub redriven: bool,
    /// Kind of its last problem.
    pub code: ErrorCode,
    /// Class of the failure, if a table, a queue, the index or the Admin API failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The last problem as a sentence.
    pub message: String,
    /// Time at which the receiver got it.
    pub received_at: Timestamp,
    /// Time of its last try or, if later, of its redrive.
    pub tried_at: Timestamp,
    /// Number of tries so far; 0 after a redrive.
    pub tries: u32,
    /// Number of tries before the queue gives up.
    pub tries_at_most: u32,
    /// Approximate time of its next try.
    pub next_try_at: Option<Timestamp>,
    /// Approximate time at which the queue gives it up, or gave it up.
    pub dead_letter_at: Timestamp,
    /// Approximate time at which the queue removes it.
    pub expires_at: Timestamp,
    /// Explanation: what this means and what to do.
    pub meaning: String,
    /// Actions that a person can take.
    pub actions: Vec<Remedy>,
}

impl FailedDeliveryReport {
    /// Describes a failed delivery at `now`.
    #[must_use]
    pub fn of(failed: &FailedDelivery, now: Timestamp) -> Self {
        let (state, next_try_at) = match failed.stage(now) {
            Stage::Retrying { next_try_at, .. } => (FailedState::Retrying, Some(next_try_at)),
            Stage::DeadLetter => (FailedState::DeadLetter, None),
            Stage::Expired => (FailedState::Expired, None),
        };
        Self {
            topic: failed.delivery.topic.clone(),
            id: failed.delivery.id.clone(),
            subject: failed.subject.clone(),
            state,
            parked: failed.parked,
            redriven: failed.redriven_at.is_some(),
            code: failed.problem.code,
            cause: failed.problem.cause,
            message: failed.problem.message.clone(),
            received_at: failed.received_at,
            tried_at: failed.tried_at(),
            tries: failed.tries,
            tries_at_most: MAX_RECEIVES,
            next_try_at,
            dead_letter_at: failed.dead_letter_at(),
            expires_at: failed.expires_at(),
            meaning: failed.sentence(now),
            actions: failed.remedies(now).to_vec(),
        }
    }
}

impl FailedDeliverySummary {
    /// Summarizes a store's failed deliveries at `now`.
    #[must_use]
    pub fn of(failures: &FailedDeliveryList, now: Timestamp) -> Self {
        let mut all: Vec<&FailedDelivery> = failures.deliveries.iter().collect();
        all.sort_by_key(|failed| (!failed.needs_attention(now), std::cmp::Reverse(failed.tried_at())));
        let retrying = |failed: &&FailedDelivery| matches!(failed.stage(now), Stage::Retrying { .. });
        let retrying = failures.deliveries.iter().filter(retrying).count();
        Self {
            retrying,
            dead_letters: all.len() - retrying,
            attention: all.iter().filter(|failed| failed.needs_attention(now)).count(),
            more: failures.more,
            deliveries: all
                .into_iter()
                .take(MAX_NAMED)
                .map(|failed| FailedDeliveryReport::of(failed, now))
                .collect(),
        }
    }
}

/// Record of failed deliveries. An unknown store has none.
pub trait FailedDeliveries: Send + Sync {
    /// Records a failed delivery, replacing its previous record, and its problem in the ledger as
    /// [`Ledger::note`](crate::delivery::ledger::Ledger::note) does: both or neither. A delivery that is done in the
    /// ledger is not recorded, so that completing a delivery can forget it for good.
    fn remember(&self, failed: &FailedDelivery) -> impl Future<Output = Result<NoteOutcome, PortError>> + Send;

    /// Removes the record of a delivery, if there is one.
    fn forget(&self, delivery: &DeliveryKey) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records that a person redrove a delivery at `at`, unless it has been tried or forgotten since it was `seen`.
    fn redriven(&self, seen: &FailedDelivery, at: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns one failed delivery. Sees every write before it.
    fn failed(&self, delivery: &DeliveryKey) -> impl Future<Output = Result<Option<FailedDelivery>, PortError>> + Send;

    /// Returns the failed deliveries of a store, at most [`MAX_COUNTED`]. Sees every write before it.
    fn failures(&self, store: &StoreKey) -> impl Future<Output = Result<FailedDeliveryList, PortError>> + Send;
}

#[cfg(test)]
mod tests;
