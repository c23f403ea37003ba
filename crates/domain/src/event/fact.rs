//! Facts: what happened once in a store and changes no document. We store nothing of them; they are published.

use hookline_events::{Data, DeliveryData, EventType, PrivacyData, Related, Store, StoreData};
use jiff::Timestamp;

use crate::kernel::ids::{DeliveryKey, EntityId, StoreKey};

/// Something that happened once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Kind of its subject, as in `order`.
    pub kind: &'static str,
    /// Vendor's id of its subject.
    pub id: EntityId,
    /// Events that it is published as; may be none.
    pub announces: Vec<Announcement>,
}

/// One event that a fact is published as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Type of the event.
    pub kind: EventType,
    /// State of the subject, without personal data.
    pub data: Data,
    /// Things that belong to the subject.
    pub related: Related,
    /// Chat session that the subject comes from.
    pub session_id: Option<String>,
    /// Identity of the event.
    pub identity: Identity,
}

/// Identity of an event of a fact, from which its id follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The time at which it happened, and what tells it apart from other events of its type and subject at that time. Every
    /// delivery of the fact has both.
    Told {
        /// Time of the event, as the source tells it.
        at: Timestamp,
        /// Difference to others, such as a digest of the canonical content; may be empty.
        apart: String,
    },
    /// None of its deliveries need tell its time, or several that differ tell it: it happens once to its subject, and
    /// the first delivery that reports it decides.
    First,
}

/// The store as events name it.
impl From<&StoreKey> for Store {
    fn from(store: &StoreKey) -> Self {
        Self {
            source: store.source.to_string(),
            id: store.store.to_string(),
        }
    }
}

impl Fact {
    /// The store has uninstalled the app.
    #[must_use]
    pub fn uninstalled(store: &StoreKey, at: Timestamp) -> Option<Self> {
        let id = EntityId::new(store.store.as_str()).ok()?;
        Some(Self {
            kind: "store",
            announces: vec![Announcement {
                kind: EventType::STORE_DISCONNECTED,
                data: Data::Store(StoreData { id: id.to_string() }),
                related: Related::default(),
                session_id: None,
                identity: Identity::Told {
                    at,
                    apart: String::new(),
                },
            }],
            id,
        })
    }

    /// The source asks to forget a customer. It tells so once; a repeated request is the same event.
    #[must_use]
    pub fn customer_redacted(customer: EntityId) -> Self {
        Self {
            kind: "customer",
            announces: vec![Announcement {
                kind: EventType::PRIVACY_CUSTOMER_REDACTED,
                data: Data::Privacy(PrivacyData {
                    customer_id: customer.to_string(),
                }),
                related: Related::default(),
                session_id: None,
                identity: Identity::First,
            }],
            id: customer,
        }
    }

    /// A delivery was received. Its body is not in the event: endpoints whose payload is raw get it from where it is kept, sealed.
    #[must_use]
    pub fn received(delivery: &DeliveryKey, at: Timestamp) -> Self {
        // An id that is too long for a subject is cut: the data has all of it, and the event's id all that tells deliveries apart.
        let start = delivery.id.as_str().chars().take(EntityId::MAX_BYTES);
        Self {
            kind: "delivery",
            announces: vec![Announcement {
                kind: EventType::DELIVERY_RECEIVED,
                data: Data::Delivery(DeliveryData {
                    id: delivery.id.to_string(),
                    topic: delivery.topic.to_string(),
                }),
                related: Related::default(),
                session_id: None,
                identity: Identity::Told {
                    at,
                    apart: format!("{} {}", delivery.topic, delivery.id),
                },
            }],
            id: EntityId::new(start.collect::<String>()).expect("the start of an id is one"),
        }
    }

    /// A fact of which nothing is published.
    #[must_use]
    pub fn bare(kind: &'static str, id: EntityId) -> Self {
        Self {
            kind,
            id,
            announces: Vec::new(),
        }
    }
}
