//! What became of a delivery, for who follows its store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    delivery::ledger::Fate,
    event::Event,
    kernel::ids::{DeliveryId, EntityId, EventId, Topic},
    store::stores::ErrorCode,
};

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
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
    pub outcome: Outcome,
    /// Why, if it is parked or has to come again: a code and a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<(ErrorCode, String)>,
    /// Whether a person sent it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// What a delivery was of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// As in `product`, `collection`, `order`, `inventory_item`.
    pub kind: String,
    /// The vendor's id.
    pub id: EntityId,
    /// Its name, cut after [`TITLE`] characters, if the delivery told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The most characters of a title that are kept.
pub const TITLE: usize = 80;

/// The most characters of the sentence that says why.
pub const PROBLEM: usize = 300;

/// What became of a delivery, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
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

impl From<Fate> for Outcome {
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

impl Subject {
    /// What an event is of; `None` of one that is of nothing but its store.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let (kind, id, title) = match event {
            Event::ProductUpdated(product) => ("product", &product.id, Some(product.title.as_str())),
            Event::ProductChanged(id) | Event::ProductDeleted(id) => ("product", id, None),
            Event::CollectionUpdated(collection) => ("collection", &collection.id, Some(collection.title.as_str())),
            Event::CollectionChanged(id) | Event::CollectionDeleted(id) => ("collection", id, None),
            Event::StockChanged(id) => ("inventory_item", id, None),
            Event::OrderCreated(id) => (ORDER, id, None),
            Event::AppUninstalled | Event::Sample | Event::Compliance(_) => return None,
        };
        Some(Self {
            kind: kind.to_owned(),
            id: id.clone(),
            title: title.map(|title| title.chars().take(TITLE).collect()),
        })
    }
}

/// The kind of an order.
pub(super) const ORDER: &str = "order";
