//! What became of a delivery, for who follows its store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    delivery::{ledger::Fate, subject::Subject},
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryId, EventId, Topic},
    },
};

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ActivityEntry {
    /// What it was about.
    pub topic: Topic,
    /// Which one it was. With the topic and the store, what names it.
    pub id: DeliveryId,
    /// The vendor's correlation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// What it was of, if it could be read and is of something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// When the vendor says it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<Timestamp>,
    /// When the receiver got it.
    pub received_at: Timestamp,
    /// When the consumer had done this with it.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// Why, if it is parked or has to come again: a code and a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<(ErrorCode, String)>,
    /// Whether a person sent it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// The most characters of the sentence that says why.
pub const PROBLEM: usize = 300;

/// What became of a delivery, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOutcome {
    /// See [`Fate::Applied`].
    Applied,
    /// See [`Fate::Superseded`].
    Superseded,
    /// See [`Fate::Discarded`].
    Discarded,
    /// See [`Fate::Noted`].
    Noted,
    /// See [`Fate::Parked`].
    Parked,
    /// It has to come again.
    Waiting,
}

impl From<Fate> for DeliveryOutcome {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Applied => Self::Applied,
            // Nothing that a consumer does is `Dismissed`.
            Fate::Superseded | Fate::Dismissed => Self::Superseded,
            Fate::Discarded => Self::Discarded,
            Fate::Noted => Self::Noted,
            Fate::Parked => Self::Parked,
        }
    }
}
