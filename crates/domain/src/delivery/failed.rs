//! Failed deliveries: each that has failed and is not settled is remembered until it is applied or dismissed.
//!
//! ```text
//!   fails ─▶ retrying ──the queue gives up──▶ dead letter ──14 days──▶ expired
//!              ▲  │                             │  │                     │
//!              │  ├─applied─▶ forgotten         │  └─dismiss─▶ forgotten ◀┤
//!              └──┼─────────redrive─────────────┘                        │
//!                 └─dismiss─▶ forgotten ◀────────────dismiss─────────────┘
//! ```
//!
//! A set with an element for each delivery, so that nothing is counted twice. No queue says when it gives a message up, so that
//! is computed from the number of tries: see [`Stage`].

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

/// Tries before the queue gives a delivery up: `maxReceiveCount` of `EventQueue` in template.yaml.
pub const TRIES: u32 = 8;

/// Time between two tries: `VisibilityTimeout` of `EventQueue` in template.yaml. Those that wait for the index have waits of
/// their own, which add up to the same ([`wait_for_index`]).
pub const TRIED_EVERY: SignedDuration = SignedDuration::from_secs(180);

/// Days for which the queues keep a message: `MessageRetentionPeriod` of `EventDeadLetterQueue` in template.yaml.
pub const KEPT_DAYS: i64 = 14;

/// The most failed deliveries of a store that are counted and told of.
pub const COUNTED: usize = 200;

/// A delivery that has failed and is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDelivery {
    /// Its name.
    pub delivery: DeliveryKey,
    /// Its subject, if it could be read.
    pub subject: Option<Subject>,
    /// The last try: its time and why it failed.
    pub problem: Problem,
    /// When the receiver got it.
    pub received_at: Timestamp,
    /// Number of tries so far; 0 after a redrive.
    pub tries: u32,
    /// Whether it cannot be applied as it is, so that trying again does not help by itself.
    pub parked: bool,
    /// When a person moved it back to the queue, if it has not been tried since.
    pub redriven_at: Option<Timestamp>,
    /// The queue's receipt of the last try, with which it can be tried at once.
    pub receipt: Option<String>,
}

/// Where a failed delivery is, as far as the number and the times of its tries tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The queue tries it again by itself.
    Retrying {
        /// When, about.
        next_try_at: Timestamp,
        /// When the queue gives up, about.
        dead_letter_at: Timestamp,
    },
    /// The queue has given up. It waits for a person.
    DeadLetter,
    /// The queue has removed it.
    Expired,
}

/// What a person can do about a failed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Have the queue try it at once.
    TryNow,
    /// Move it from the dead letters back into the queue.
    Redrive,
    /// Give it up for good.
    Dismiss,
}

impl FailedDelivery {
    /// Where it is at `now`.
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

    /// Whether a person has to look at it at `now`: the queue has given up, or trying again does not help.
    #[must_use]
    pub fn needs_attention(&self, now: Timestamp) -> bool {
        match self.stage(now) {
            Stage::Retrying { .. } => self.parked && self.redriven_at.is_none(),
            Stage::DeadLetter | Stage::Expired => true,
        }
    }

    /// What a person can do about it at `now`.
    #[must_use]
    pub fn remedies(&self, now: Timestamp) -> &'static [Remedy] {
        match self.stage(now) {
            Stage::Retrying { .. } => &[Remedy::TryNow, Remedy::Dismiss],
            Stage::DeadLetter => &[Remedy::Redrive, Remedy::Dismiss],
            Stage::Expired => &[Remedy::Dismiss],
        }
    }

    /// When it was tried last, or moved back since.
    #[must_use]
    pub fn tried_at(&self) -> Timestamp {
        self.problem.at.max(self.redriven_at.unwrap_or(Timestamp::MIN))
    }

    /// When the queue gives it up, about: it is tried [`TRIES`] times, and moved when it would be tried once more.
    #[must_use]
    pub fn dead_letter_at(&self) -> Timestamp {
        let next = match self.redriven_at {
            Some(_) => 1,
            None => self.tries.clamp(1, TRIES),
        };
        let waits = (next..=TRIES).map(|tries| self.wait_after(tries));
        plus(self.tried_at(), waits.sum())
    }

    /// How long the queue waits after so many tries, if they all failed as the last one did.
    fn wait_after(&self, tries: u32) -> SignedDuration {
        match self.problem.code {
            ErrorCode::IndexUnavailable => wait_for_index(tries, TRIED_EVERY),
            _ => TRIED_EVERY,
        }
    }

    /// When the queue removes it, about.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        let sent_at = self.redriven_at.unwrap_or(self.received_at);
        // One that is tried is not gone, whenever it came.
        let kept = SignedDuration::from_hours(24 * KEPT_DAYS);
        plus(sent_at, kept).max(self.dead_letter_at())
    }
}

fn plus(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// The failed deliveries of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedDeliveryList {
    /// At most [`COUNTED`] of them, in the order of their names.
    pub deliveries: Vec<FailedDelivery>,
    /// Whether there are more.
    pub more: bool,
}

/// How many deliveries have failed, and the ones that matter most: as the API tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedDeliverySummary {
    /// Deliveries that the queue still tries.
    pub retrying: usize,
    /// Deliveries that the queue has given up.
    pub dead_letters: usize,
    /// Deliveries that a person has to look at.
    pub attention: usize,
    /// Whether there are more than were counted.
    pub more: bool,
    /// Those that need attention first, then the newest.
    pub deliveries: Vec<FailedDeliveryReport>,
}

/// The most failed deliveries that a status names.
pub const NAMED: usize = 10;

/// Where a failed delivery is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedState {
    /// See [`Stage::Retrying`].
    Retrying,
    /// See [`Stage::DeadLetter`].
    DeadLetter,
    /// See [`Stage::Expired`].
    Expired,
}

/// A failed delivery as the API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedDeliveryReport {
    /// Its topic.
    pub topic: crate::kernel::ids::Topic,
    /// Its id.
    pub id: crate::kernel::ids::DeliveryId,
    /// Its subject, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Where it is.
    pub state: FailedState,
    /// Whether it cannot be applied as it is.
    pub parked: bool,
    /// Whether a person has moved it back, and it has not been tried since.
    pub redriven: bool,
    /// What sort of problem it met last.
    pub code: ErrorCode,
    /// Class of the failure, where a port failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The same in a sentence.
    pub message: String,
    /// When the receiver got it.
    pub received_at: Timestamp,
    /// When it was tried last, or moved back since.
    pub tried_at: Timestamp,
    /// Number of tries so far.
    pub tries: u32,
    /// Number of tries before the queue gives up.
    pub tries_at_most: u32,
    /// When it is tried next, about.
    pub next_try_at: Option<Timestamp>,
    /// When the queue gives it up, or gave it up, about.
    pub dead_letter_at: Timestamp,
    /// When the queue removes it, about.
    pub expires_at: Timestamp,
    /// What this means, and what to do.
    pub meaning: String,
    /// What can be done.
    pub actions: Vec<Remedy>,
}

impl FailedDeliveryReport {
    /// A failed delivery at `now`.
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
            tries_at_most: TRIES,
            next_try_at,
            dead_letter_at: failed.dead_letter_at(),
            expires_at: failed.expires_at(),
            meaning: failed.meaning(now),
            actions: failed.remedies(now).to_vec(),
        }
    }
}

impl FailedDeliverySummary {
    /// What is told of a store's failed deliveries at `now`.
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
                .take(NAMED)
                .map(|failed| FailedDeliveryReport::of(failed, now))
                .collect(),
        }
    }
}

/// Remembers failed deliveries. A store nobody has heard of has none.
pub trait FailedDeliveries: Send + Sync {
    /// Remembers a failed delivery, in place of what was known of it, and notes its problem in the ledger as
    /// [`Ledger::note`](crate::delivery::ledger::Ledger::note) does: both or neither. What the ledger has as done is not remembered, so
    /// that who completes a delivery can forget it for good.
    fn remember(&self, failed: &FailedDelivery) -> impl Future<Output = Result<NoteOutcome, PortError>> + Send;

    /// Forgets a delivery, if it is remembered.
    fn forget(&self, delivery: &DeliveryKey) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Remembers that a person has moved a delivery back to the queue at `at`, unless it has been tried or forgotten since it
    /// was `seen`.
    fn redriven(&self, seen: &FailedDelivery, at: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// One failed delivery. Sees every write before it.
    fn failed(&self, delivery: &DeliveryKey) -> impl Future<Output = Result<Option<FailedDelivery>, PortError>> + Send;

    /// Those of a store, at most [`COUNTED`]. Sees every write before it.
    fn failures(&self, store: &StoreKey) -> impl Future<Output = Result<FailedDeliveryList, PortError>> + Send;
}

#[cfg(test)]
mod tests;
