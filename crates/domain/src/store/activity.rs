//! Activity of a store: the outcome of each delivery, for clients that follow the store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    delivery::{ledger::Fate, subject::Subject},
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryId, EventId, Topic},
    },
};

/// Outcome of one delivery, with what identifies the delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct ActivityEntry {
    /// Topic of the delivery.
    pub topic: Topic,
    /// Id of the delivery, unique within its topic and store.
    pub id: DeliveryId,
    /// Correlation id of the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// The entity that it is about, if there is one and it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Time of the change, as stated by the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<Timestamp>,
    /// Time at which the receiver took it.
    pub received_at: Timestamp,
    /// Time at which the consumer reached this outcome.
    pub at: Timestamp,
    /// Outcome so far.
    pub outcome: DeliveryOutcome,
    /// Code and sentence of the failure, if it is parked or will be retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<(ErrorCode, String)>,
    /// True if a person replayed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// Maximum length of the sentence of [`ActivityEntry::problem`], in characters.
pub const MAX_PROBLEM_CHARS: usize = 300;

/// Outcome of a delivery, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOutcome {
    /// The index contains its state.
    Applied,
    /// The index contains a newer state of the entity, or the entity is deleted.
    Superseded,
    /// It does not belong to the store's current install period.
    Discarded,
    /// It does not affect the index, such as an order or a privacy request.
    Noted,
    /// It cannot be applied as it is and becomes a dead letter.
    Parked,
    /// It has failed and will be retried.
    Waiting,
}

impl From<Fate> for DeliveryOutcome {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Applied => Self::Applied,
            // The consumer never dismisses a delivery; only a person does.
            Fate::Superseded | Fate::Dismissed => Self::Superseded,
            Fate::Discarded => Self::Discarded,
            Fate::Noted => Self::Noted,
            Fate::Parked => Self::Parked,
        }
    }
}
