//! The ledger of deliveries, which makes them idempotent.
//!
//! ```text
//!   absent ──claim──▶ claimed ──complete──▶ done
//!                      ▲ │  │                ▲
//!                      │ │  └──complete──▶ parked   (a redriven dead letter may still become done)
//!                      │ └─release: the lease lapses now
//!                      └─claim, once the lease has lapsed
//! ```
//!
//! A claim that is given back leaves its entry, for an attempt before it may have put the delivery on the queue: what
//! becomes of that is known to the entry or to nobody.
//!
//! An entry that is not done may hold the [`Problem`] that its delivery met last.
//!
//! An entry past `expires_at` counts as absent: the table's own deletion comes days late.

mod meaning;

use std::{fmt, future::Future, str::FromStr};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

pub use self::meaning::{DeadLetter, DeliveryAction, actions, meaning};
use crate::kernel::{
    failure::ErrorCode,
    ids::{DeliveryId, DeliveryKey, EventId},
    port::{CALLS_AT_ONCE, Cause, PortError},
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The index has its state.
    Applied,
    /// The index has a newer state of the same entity, or the entity is deleted.
    Superseded,
    /// Not for the present install of the store.
    Discarded,
    /// It changes nothing in the index: an order, or what the law asks for. That it came is recorded, and what was done.
    Noted,
    /// It cannot be read; the queue's dead letters keep it.
    Parked,
    /// It has failed, and a person has given it up.
    Dismissed,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Applied,
        Self::Superseded,
        Self::Discarded,
        Self::Noted,
        Self::Parked,
        Self::Dismissed,
    ];

    /// As it is written in the ledger and in logs.
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

/// Not the name of a fate.
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

/// Why a delivery has not been applied. The dead-letter queue cannot hold a reason, so the ledger does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// When it was met last.
    pub at: Timestamp,
    /// What sort.
    pub code: ErrorCode,
    /// Class of the failure, where a port failed.
    pub cause: Option<Cause>,
    /// A sentence, without any value of the body.
    pub message: String,
}

impl fmt::Display for Problem {
    /// In one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Whether this completion was the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completion {
    /// It turned a claimed entry: count it.
    First,
    /// It turned a claimed entry that held a problem: count it, and forget that it failed.
    Recovered,
    /// The entry was settled before, or is gone: do not count it again.
    Repeated,
    /// It was to be parked, and is done: another copy of it has had its effect. Nothing needs a person's look.
    Done,
}

impl Completion {
    /// Whether it turned a claimed entry.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::First | Self::Recovered)
    }
}

/// Outcome of noting why a delivery has to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoteOutcome {
    /// It is written.
    Written,
    /// The delivery is done: another copy has had its effect, or a person has given it up.
    Done,
    /// Nobody remembers the delivery.
    Unknown,
}

/// What became of one of several deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryCompletion<'a> {
    /// Which.
    pub delivery: &'a DeliveryKey,
    /// What became of it.
    pub fate: Fate,
    /// Why it is parked.
    pub problem: Option<&'a Problem>,
}

/// Records which deliveries somebody is on. What a receiver may do.
pub trait Claims: Send + Sync {
    /// Claims a delivery with **one** conditional write.
    fn claim(
        &self,
        delivery: &DeliveryKey,
        request: &ClaimRequest,
    ) -> impl Future<Output = Result<Claim, PortError>> + Send;

    /// Gives a claim back, as [`release`] has it, with **one** conditional write.
    fn release(&self, delivery: &DeliveryKey, owner: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Records which deliveries are done, too. What the consumer may do.
pub trait Ledger: Claims {
    /// Records what became of a delivery, as [`settle`] has it, with **one** conditional write. A parked one may be
    /// parked again, with its newest problem, or become anything else later; what is done stays as it is. `problem` is
    /// why it is parked; anything else removes the problem that was kept. What is done and was to be parked is
    /// [`Completion::Done`].
    fn complete(
        &self,
        delivery: &DeliveryKey,
        fate: Fate,
        problem: Option<&Problem>,
        at: Timestamp,
    ) -> impl Future<Output = Result<Completion, PortError>> + Send;

    /// Records what became of several deliveries: of each what [`complete`](Self::complete) does, independently of the
    /// others and in no order. One result for each, in the order given. Takes as few calls as it can.
    fn complete_all(
        &self,
        settled: &[DeliveryCompletion<'_>],
        at: Timestamp,
    ) -> impl Future<Output = Vec<Result<Completion, PortError>>> + Send {
        stream::iter(settled)
            .map(move |settled| self.complete(settled.delivery, settled.fate, settled.problem, at))
            .buffered(CALLS_AT_ONCE)
            .collect()
    }

    /// Records why a delivery has to come again, with **one** conditional write, so that it is known should it end in
    /// the dead-letter queue. Changes nothing else, and nothing at all where [`takes_notes`] says so.
    fn note(
        &self,
        delivery: &DeliveryKey,
        problem: &Problem,
    ) -> impl Future<Output = Result<NoteOutcome, PortError>> + Send;
}

/// Reads the ledger for a person. A port of its own, for neither receivers nor consumer may do this.
pub trait Records: Send + Sync {
    /// All that is remembered of one delivery, be it expired. Sees every write before it.
    fn find(&self, delivery: &DeliveryKey) -> impl Future<Output = Result<Option<LedgerRecord>, PortError>> + Send;

    /// The deliveries whose id is, or begins with, this text, whatever their store and topic: one page of a search
    /// through the whole ledger. `after` is where the page before has ended.
    fn search(
        &self,
        id: &DeliveryId,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<RecordPage, PortError>> + Send;
}

/// All that the ledger remembers of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRecord {
    /// Which one.
    pub delivery: DeliveryKey,
    /// Where in its life it is, and when it may be forgotten.
    pub entry: LedgerEntry,
    /// When it was claimed last.
    pub claimed_at: Timestamp,
    /// When it was settled last, if it is.
    pub settled_at: Option<Timestamp>,
    /// What became of it, if it is settled.
    pub fate: Option<Fate>,
    /// Why it has not been applied, if it met a problem.
    pub problem: Option<Problem>,
    /// The vendor's correlation id.
    pub event_id: Option<EventId>,
}

/// Where a page of a search has ended: the last delivery looked at, as the ledger spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// One page of a search through the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPage {
    /// What fits.
    pub found: Vec<LedgerRecord>,
    /// How many deliveries were looked at for it.
    pub looked_at: usize,
    /// Where to go on; none at the end.
    pub after: Option<Cursor>,
}

/// An entry, as every implementation keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerEntry {
    /// Where in its life it is.
    pub state: LedgerState,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// Where in its life an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LedgerState {
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

impl LedgerEntry {
    /// Whether anybody may claim it at `now`: it has expired, or its lease has lapsed. The conditional write of a remote ledger
    /// succeeds exactly where there is no entry or this holds.
    #[must_use]
    pub fn may_be_claimed(&self, now: Timestamp) -> bool {
        let is_lapsed = matches!(self.state, LedgerState::Claimed { lease_until, .. } if lease_until <= now);
        self.expires_at <= now || is_lapsed
    }
}

/// What a claim finds in an entry: the one place where the protocol is decided.
#[must_use]
pub fn decide(entry: Option<&LedgerEntry>, request: &ClaimRequest) -> Claim {
    let Some(entry) = entry.filter(|entry| !entry.may_be_claimed(request.now)) else {
        return Claim::Fresh;
    };
    match &entry.state {
        LedgerState::Done | LedgerState::Parked => Claim::Settled,
        // An attempt of ours that we had no answer to has written it.
        LedgerState::Claimed { owner, .. } if *owner == request.owner => Claim::Fresh,
        LedgerState::Claimed { lease_until, .. } => Claim::Live { until: *lease_until },
    }
}

/// An entry that a remote ledger has refused a claim with, and that is not in its way: nothing has been written, and nobody has
/// claimed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was refused by an entry that is not in its way")]
pub struct RefusedClaimError;

/// What a remote ledger's refusal comes to, which names the entry that is in the way.
///
/// # Errors
/// [`RefusedClaimError`].
pub fn refused(entry: &LedgerEntry, request: &ClaimRequest) -> Result<Claim, RefusedClaimError> {
    if entry.may_be_claimed(request.now) {
        return Err(RefusedClaimError);
    }
    Ok(decide(Some(entry), request))
}

/// What giving a claim back does to its entry: its lease lapses, if it is still `owner`'s; `None` if it stays as it is.
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

/// What completing a delivery does to its entry: the state it is in afterwards, if it is written at all, and whether
/// it counts. `has_problem` is whether the entry holds one. The conditional write of a remote ledger succeeds exactly where
/// this gives a state.
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

/// Whether a problem is written into an entry: not when nobody remembers the delivery, nor when it is done.
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
    fn a_refusal_is_believed_only_where_the_entry_is_in_the_way() {
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
        // The first of two attempts has written it.
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
