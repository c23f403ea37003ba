//! The ledger of deliveries, which makes them idempotent.
//!
//! ```text
//!   absent ──claim──▶ claimed ──complete──▶ done
//!     ▲                │ ▲  │                ▲
//!     └────release─────┘ │  └──complete──▶ parked   (a redriven dead letter may still become done)
//!                        └─claim, once the lease has lapsed
//! ```
//!
//! An entry past `expires_at` counts as absent: the table's own deletion comes days late.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    ids::{DeliveryKey, EventId},
    port::Unavailable,
};

/// One attempt at a delivery asks to be the one that is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Unique to this attempt.
    pub owner: String,
    /// The time of asking.
    pub now: Timestamp,
    /// Until when nobody else may claim it.
    pub lease_until: Timestamp,
    /// When the entry may be forgotten.
    pub expires_at: Timestamp,
    /// Kept beside it, to correlate.
    pub event_id: Option<EventId>,
}

/// What a claim found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is yours: send it. Also what a repeated put of the same attempt gets.
    Fresh,
    /// Another attempt is on it and may still die: the sender must come back.
    Live {
        /// When that attempt's lease lapses.
        until: Timestamp,
    },
    /// It is done, or parked where a person sees it: a duplicate.
    Settled,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The index has its state.
    Applied,
    /// The index has a newer state of the same entity, or the entity is deleted.
    Superseded,
    /// Not for the present install of the store.
    Discarded,
    /// It cannot be read; the queue's dead letters keep it.
    Parked,
}

impl Fate {
    /// As it is written in the ledger and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Superseded => "superseded",
            Self::Discarded => "discarded",
            Self::Parked => "parked",
        }
    }
}

/// Whether this completion was the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// It turned a claimed entry: count it.
    First,
    /// The entry was settled before, or is gone: do not count it again.
    Repeated,
}

/// Records which deliveries somebody is on and which are done.
pub trait Ledger: Send + Sync {
    /// Claims a delivery with **one** conditional write.
    fn claim(
        &self,
        delivery: &DeliveryKey,
        request: &ClaimRequest,
    ) -> impl Future<Output = Result<Claim, Unavailable>> + Send;

    /// Gives a claim back, if it is still `owner`'s.
    fn release(&self, delivery: &DeliveryKey, owner: &str) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Records what became of a delivery. A parked one may become anything else later, nothing else changes.
    fn complete(
        &self,
        delivery: &DeliveryKey,
        fate: Fate,
        at: Timestamp,
    ) -> impl Future<Output = Result<Completion, Unavailable>> + Send;
}

/// An entry, as every implementation keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where in its life it is.
    pub state: State,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// Where in its life an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// An attempt is on it.
    Claimed {
        /// Which.
        owner: String,
        /// Until when.
        lease_until: Timestamp,
    },
    /// The dead letters have it.
    Parked,
    /// It has had its effect.
    Done,
}

/// What a claim finds in an entry: the one place where the protocol is decided. The conditional write of a
/// remote ledger succeeds exactly where this says [`Claim::Fresh`] for another owner.
#[must_use]
pub fn decide(entry: Option<&Entry>, request: &ClaimRequest) -> Claim {
    match entry {
        None => Claim::Fresh,
        Some(entry) if entry.expires_at <= request.now => Claim::Fresh,
        Some(Entry {
            state: State::Done | State::Parked,
            ..
        }) => Claim::Settled,
        Some(Entry {
            state: State::Claimed { owner, lease_until },
            ..
        }) => {
            if *owner == request.owner || *lease_until <= request.now {
                Claim::Fresh
            } else {
                Claim::Live { until: *lease_until }
            }
        }
    }
}
