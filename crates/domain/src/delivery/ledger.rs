//! The ledger of deliveries, which makes them idempotent.
//!
//! ```text
//!   absent ──claim──▶ claimed ──complete──▶ done
//!                      ▲ │  │                ▲
//!                      │ │  └──complete──▶ parked   (a redriven dead letter may still become done)
//!                      │ └─release: the lease lapses at once
//!                      └─claim, once the lease has lapsed
//! ```
//!
//! A released claim leaves its entry in place, because an earlier attempt may have put the delivery on the queue, and
//! the entry is the only record of that delivery's outcome.
//!
//! An entry that is not done may hold the latest [`Problem`] of its delivery.
//!
//! An entry past `expires_at` counts as absent, because the table deletes expired items days late.

mod events;
mod explain;

use std::{fmt, future::Future, str::FromStr};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;

pub use self::{
    events::{DeliveryEvents, ParseEventsError},
    explain::{DeadLetter, DeliveryAction, actions, explain},
};
use crate::kernel::{
    failure::ErrorCode,
    ids::{DeliveryId, DeliveryKey, EventId},
    port::{CALLS_AT_ONCE, Cause, PortError},
};

/// Text for people about a delivery without an entry.
pub const UNKNOWN_DELIVERY: &str =
    "unknown delivery: it was not received, the receiver rejected it, or it was received more than 7 days ago";

/// Request of an attempt to claim a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Id of the attempt, unique.
    pub owner: String,
    /// Time of the request.
    pub now: Timestamp,
    /// End of the lease: until then, no other attempt may claim the delivery.
    pub lease_until: Timestamp,
    /// Time after which the entry may be deleted.
    pub expires_at: Timestamp,
    /// Vendor's correlation id, stored with the entry.
    pub event_id: Option<EventId>,
}

/// Outcome of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// The delivery is claimed: send it. Also the outcome of repeating a claim of the same attempt.
    Fresh,
    /// Another attempt has claimed it and may still die: the source must retry.
    Live {
        /// End of that attempt's lease.
        until: Timestamp,
    },
    /// A duplicate: the delivery is done, or parked where a person sees it.
    Settled,
}

/// Outcome of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// The index contains its state.
    Applied,
    /// The index contains a newer state of the entity, or the entity is deleted.
    Superseded,
    /// It does not belong to the store's current install period.
    Discarded,
    /// It does not affect the index, such as an order or a privacy request. Its receipt and the action taken are
    /// recorded.
    Noted,
    /// It cannot be applied as it is and becomes a dead letter.
    Parked,
    /// It failed, and a person dismissed it.
    Dismissed,
}

impl Fate {
    /// All fates.
    pub const ALL: [Self; 6] = [
        Self::Applied,
        Self::Superseded,
        Self::Discarded,
        Self::Noted,
        Self::Parked,
        Self::Dismissed,
    ];

    /// Returns its name in the ledger and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Superseded => "superseded",
            Self::Discarded => "discarded",
            Self::Noted => "noted",
            Self::Parked => "parked",
            Self::Dismissed => "dismissed",
        }
    }
}

/// Text that is not the name of a fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a fate")]
pub struct ParseFateError;

impl FromStr for Fate {
    type Err = ParseFateError;
    fn from_str(text: &str) -> Result<Self, ParseFateError> {
        Self::ALL
            .into_iter()
            .find(|fate| fate.as_str() == text)
            .ok_or(ParseFateError)
    }
}

/// Reason why a delivery has not been applied. The ledger holds it, because the dead-letter queue cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Time of the latest occurrence.
    pub at: Timestamp,
    /// Kind of the problem.
    pub code: ErrorCode,
    /// Class of the failure, if a port failed.
    pub cause: Option<Cause>,
    /// A sentence, without any value of the body.
    pub message: String,
}

impl fmt::Display for Problem {
    /// Writes code and message in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Outcome of completing a delivery: whether it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completion {
    /// It settled a claimed entry: count it.
    First,
    /// It settled a claimed entry that held a problem: count it, and forget the failure.
    Recovered,
    /// The entry was settled before, or no longer exists: do not count it again.
    Repeated,
    /// It was to be parked but is done, because another copy has taken effect. It needs no attention.
    Done,
}

impl Completion {
    /// Returns true if this completion settled a claimed entry.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::First | Self::Recovered)
    }
}

/// Outcome of recording the retry reason of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoteOutcome {
    /// The reason is recorded.
    Written,
    /// The delivery is done: another copy has taken effect, or a person has dismissed it.
    Done,
    /// The ledger does not know the delivery.
    Unknown,
}

/// Outcome of a delivery, to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryCompletion<'a> {
    /// Key of the delivery.
    pub delivery: &'a DeliveryKey,
    /// Its outcome.
    pub fate: Fate,
    /// Reason why it is parked.
    pub problem: Option<&'a Problem>,
    /// Events that it has caused; `None` if its outcome causes none.
    pub events: Option<&'a DeliveryEvents>,
}

impl<'a> DeliveryCompletion<'a> {
    /// An outcome without a problem and without events.
    #[must_use]
    pub fn new(delivery: &'a DeliveryKey, fate: Fate) -> Self {
        Self {
            delivery,
            fate,
            problem: None,
            events: None,
        }
    }
}

/// Ledger of claimed deliveries, as receivers use it.
pub trait Claims: Send + Sync {
    /// Claims a delivery with **one** conditional write.
    fn claim(
        &self,
        delivery: &DeliveryKey,
        request: &ClaimRequest,
    ) -> impl Future<Output = Result<Claim, PortError>> + Send;

    /// Releases a claim by the rule of [`release`], with **one** conditional write.
    fn release(&self, delivery: &DeliveryKey, owner: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Ledger of claims and outcomes, as the consumer uses it.
pub trait Ledger: Send + Sync {
    /// Records the outcome of a delivery by the rule of [`settle`], with **one** conditional write. A parked delivery
    /// may be parked again, with its latest problem, or get any other outcome later; a done delivery stays as it is.
    /// The problem is the reason for parking; any other outcome removes the stored one. Parking a done delivery
    /// returns [`Completion::Done`].
    fn complete(
        &self,
        settled: &DeliveryCompletion<'_>,
        at: Timestamp,
    ) -> impl Future<Output = Result<Completion, PortError>> + Send;

    /// Records the outcomes of several deliveries, each as [`complete`](Self::complete) does, independently and in no
    /// particular order, with as few calls as possible. Returns one result for each, in the order given.
    fn complete_all(
        &self,
        settled: &[DeliveryCompletion<'_>],
        at: Timestamp,
    ) -> impl Future<Output = Vec<Result<Completion, PortError>>> + Send {
        stream::iter(settled)
            .map(move |settled| self.complete(settled, at))
            .buffered(CALLS_AT_ONCE)
            .collect()
    }

    /// Records why a delivery must be retried, with **one** conditional write, so that the reason is known if it
    /// becomes a dead letter. Changes nothing else, and nothing at all unless [`takes_notes`] returns
    /// [`NoteOutcome::Written`].
    fn note(
        &self,
        delivery: &DeliveryKey,
        problem: &Problem,
    ) -> impl Future<Output = Result<NoteOutcome, PortError>> + Send;
}

/// Read access to the ledger for people. A separate port, because neither receivers nor the consumer may do this.
pub trait Records: Send + Sync {
    /// Returns the entry of one delivery, even if it has expired. Sees every write before it.
    fn find(&self, delivery: &DeliveryKey) -> impl Future<Output = Result<Option<LedgerRecord>, PortError>> + Send;

    /// Finds deliveries of any store and topic whose id begins with this text: one page of a scan of the whole ledger.
    /// `after` is the end of the page before.
    fn search(
        &self,
        id: &DeliveryId,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<RecordPage, PortError>> + Send;
}

/// Everything that the ledger stores about one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRecord {
    /// Key of the delivery.
    pub delivery: DeliveryKey,
    /// State and expiry.
    pub entry: LedgerEntry,
    /// Time of the latest claim.
    pub claimed_at: Timestamp,
    /// Time at which it was settled last, if it is settled.
    pub settled_at: Option<Timestamp>,
    /// Outcome, if it is settled.
    pub fate: Option<Fate>,
    /// Reason why it has not been applied, if there is one.
    pub problem: Option<Problem>,
    /// Events that it has caused, if it is applied or noted.
    pub events: Option<DeliveryEvents>,
    /// Vendor's correlation id.
    pub event_id: Option<EventId>,
}

/// End of a page of a search: the last delivery examined, in the ledger's own spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// One page of a search through the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPage {
    /// Deliveries that match.
    pub found: Vec<LedgerRecord>,
    /// Number of deliveries examined.
    pub looked_at: usize,
    /// Start of the next page; `None` at the end.
    pub after: Option<Cursor>,
}

/// An entry of the ledger, the same in every implementation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerEntry {
    /// State of the delivery.
    pub state: LedgerState,
    /// Time after which the entry may be deleted.
    pub expires_at: Timestamp,
}

/// State of a ledger entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LedgerState {
    /// An attempt has claimed it.
    Claimed {
        /// Id of the attempt.
        owner: String,
        /// End of its lease.
        lease_until: Timestamp,
    },
    /// It cannot be applied as it is and becomes a dead letter.
    Parked,
    /// It has taken effect or was dismissed.
    Done,
}

impl LedgerEntry {
    /// Returns true if any attempt may claim it at `now`, because it has expired or its lease has lapsed. The
    /// conditional write of a remote ledger succeeds exactly if there is no entry or this is true.
    #[must_use]
    pub fn may_be_claimed(&self, now: Timestamp) -> bool {
        let is_lapsed = matches!(self.state, LedgerState::Claimed { lease_until, .. } if lease_until <= now);
        self.expires_at <= now || is_lapsed
    }
}

/// Decides the outcome of a claim from the existing entry. The only implementation of this rule.
#[must_use]
pub fn decide(entry: Option<&LedgerEntry>, request: &ClaimRequest) -> Claim {
    let Some(entry) = entry.filter(|entry| !entry.may_be_claimed(request.now)) else {
        return Claim::Fresh;
    };
    match &entry.state {
        LedgerState::Done | LedgerState::Parked => Claim::Settled,
        // Written by an earlier call of this attempt whose response was lost.
        LedgerState::Claimed { owner, .. } if *owner == request.owner => Claim::Fresh,
        LedgerState::Claimed { lease_until, .. } => Claim::Live { until: *lease_until },
    }
}

/// A remote ledger refused a claim although the entry that it returned allows it: nothing was written, and no attempt
/// has claimed the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger refused the claim although its entry allows it")]
pub struct RefusedClaimError;

/// Returns the outcome of a claim that a remote ledger refused because of `entry`.
///
/// # Errors
/// [`RefusedClaimError`] if the entry allows the claim.
pub fn refused(entry: &LedgerEntry, request: &ClaimRequest) -> Result<Claim, RefusedClaimError> {
    if entry.may_be_claimed(request.now) {
        return Err(RefusedClaimError);
    }
    Ok(decide(Some(entry), request))
}

/// Returns the state of an entry after the release of a claim: its lease lapses if `owner` still holds it. `None` if
/// the entry stays as it is.
#[must_use]
pub fn release(entry: Option<&LedgerEntry>, owner: &str) -> Option<LedgerState> {
    match entry.map(|entry| &entry.state) {
        Some(LedgerState::Claimed { owner: holder, .. }) if holder == owner => Some(LedgerState::Claimed {
            owner: owner.to_owned(),
            lease_until: Timestamp::UNIX_EPOCH,
        }),
        Some(LedgerState::Claimed { .. } | LedgerState::Parked | LedgerState::Done) | None => None,
    }
}

/// Returns the state of an entry after the completion of its delivery, `None` if nothing is written, and whether the
/// completion counts. `has_problem` is true if the entry holds a problem. The conditional write of a remote ledger
/// succeeds exactly if this returns a state.
#[must_use]
pub fn settle(entry: Option<&LedgerEntry>, has_problem: bool, fate: Fate) -> (Option<LedgerState>, Completion) {
    let settled = match fate {
        Fate::Parked => LedgerState::Parked,
        Fate::Applied | Fate::Superseded | Fate::Discarded | Fate::Noted | Fate::Dismissed => LedgerState::Done,
    };
    match entry.map(|entry| &entry.state) {
        Some(LedgerState::Claimed { .. }) if has_problem => (Some(settled), Completion::Recovered),
        Some(LedgerState::Claimed { .. }) => (Some(settled), Completion::First),
        Some(LedgerState::Parked) => (Some(settled), Completion::Repeated),
        Some(LedgerState::Done) if fate == Fate::Parked => (None, Completion::Done),
        Some(LedgerState::Done) | None => (None, Completion::Repeated),
    }
}

/// Decides whether a problem is written into an entry: only if the entry exists and is not done.
#[must_use]
pub fn takes_notes(entry: Option<&LedgerEntry>) -> NoteOutcome {
    match entry.map(|entry| &entry.state) {
        Some(LedgerState::Claimed { .. } | LedgerState::Parked) => NoteOutcome::Written,
        Some(LedgerState::Done) => NoteOutcome::Done,
        None => NoteOutcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn refusal_is_believed_only_if_the_entry_prevents_the_claim() {
        let request = ClaimRequest {
            owner: "us".into(),
            now: at(100),
            lease_until: at(110),
            expires_at: at(200),
            event_id: None,
        };
        let claimed = |owner: &str, until| LedgerState::Claimed {
            owner: owner.into(),
            lease_until: at(until),
        };
        let refused = |state, expires| {
            let expires_at = at(expires);
            refused(&LedgerEntry { state, expires_at }, &request)
        };
        assert_eq!(refused(LedgerState::Done, 101), Ok(Claim::Settled));
        assert_eq!(refused(LedgerState::Parked, 101), Ok(Claim::Settled));
        assert_eq!(refused(claimed("them", 101), 101), Ok(Claim::Live { until: at(101) }));
        // Written by an earlier call of the same attempt.
        assert_eq!(refused(claimed("us", 101), 101), Ok(Claim::Fresh));
        for (state, expires) in [
            (LedgerState::Done, 100),
            (claimed("them", 100), 101),
            (claimed("us", 100), 101),
            (claimed("us", 101), 100),
        ] {
            assert_eq!(refused(state, expires), Err(RefusedClaimError));
        }
    }
}
