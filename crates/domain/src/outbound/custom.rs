//! Events of the operator's own, `custom.*`.
//!
//! Whoever publishes one gives it an idempotency key. The first event of a store with a key leaves its id in an entry, and
//! every later one with that key gets the same id: the fan-out keeps an event once, so that only the first is sent on.

use hookline_events::{
    CustomData, Data, Event, EventId, EventType, MAX_DATA_BYTES, Related, Resource, Subject, VERSION,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::SubjectKey;
use crate::{
    catalogue::{entities::Entities, fan_out::FanOut},
    kernel::{ids::StoreKey, port::PortError, time::later},
    store::stores::Look,
};

/// Maximum length of an idempotency key, in characters.
pub const MAX_KEY_LENGTH: usize = 128;

/// Maximum length of the kind of a subject, in characters.
const MAX_SUBJECT_KIND: usize = 64;

/// Maximum length of the id of a subject, in bytes.
const MAX_SUBJECT_ID: usize = 255;

/// Time for which an idempotency key is known: longer than any event is kept.
const KEY_KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Kind of the subject of an event that names none.
const OWN: &str = "custom";

/// An event of the operator's own, to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomEvent {
    kind: EventType,
    data: CustomData,
    subject: SubjectKey,
    session_id: Option<String>,
    key: String,
}

/// A text or an object that is no part of an event of the operator's own. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomEventError {
    /// The type is one of ours, or none.
    #[error(
        "{0:?} cannot be published: the type must be \"custom.\" and 1 to 64 small letters, digits, underscores and dots"
    )]
    Type(String),
    /// The idempotency key is missing or malformed.
    #[error(
        "the idempotency key must be 1 to {MAX_KEY_LENGTH} visible ASCII characters; the same key gives the same event"
    )]
    Key,
    /// The subject is malformed.
    #[error(
        "the subject's kind must be 1 to {MAX_SUBJECT_KIND} small letters, digits and underscores, and its id 1 to \
         {MAX_SUBJECT_ID} bytes without control characters"
    )]
    Subject,
    /// The session id is malformed.
    #[error("the session id must be 1 to 128 visible ASCII characters")]
    SessionId,
    /// The data is too large.
    #[error(
        "the data has {0} bytes as compact JSON, and at most {MAX_DATA_BYTES} are allowed: send a reference instead"
    )]
    DataTooLarge(usize),
}

impl CustomEvent {
    /// Checks the parts of an event. Without a subject, the event is about itself: `custom`, with the key as its id.
    ///
    /// # Errors
    /// [`CustomEventError`] of the first part that is malformed.
    pub fn new(
        kind: &str,
        data: Map<String, Value>,
        subject: Option<SubjectKey>,
        session_id: Option<&str>,
        key: &str,
    ) -> Result<Self, CustomEventError> {
        let kind = match kind.parse() {
            Ok(EventType::Custom(own)) => EventType::Custom(own),
            Ok(EventType::Known(_)) | Err(_) => return Err(CustomEventError::Type(kind.to_owned())),
        };
        let is_key = (1..=MAX_KEY_LENGTH).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_key {
            return Err(CustomEventError::Key);
        }
        if subject.as_ref().is_some_and(|subject| !is_subject(subject)) {
            return Err(CustomEventError::Subject);
        }
        let session_id = session_id.map(|text| hookline_events::session_id(text).ok_or(CustomEventError::SessionId));
        let data = Data::Custom(CustomData(data));
        let size = data.size();
        match data {
            Data::Custom(data) if size <= MAX_DATA_BYTES => Ok(Self {
                kind,
                data,
                subject: subject.unwrap_or_else(|| SubjectKey {
                    kind: OWN.to_owned(),
                    id: key.to_owned(),
                }),
                session_id: session_id.transpose()?,
                key: key.to_owned(),
            }),
            _ => Err(CustomEventError::DataTooLarge(size)),
        }
    }

    /// Returns the event with this id in a store.
    fn event(&self, store: &StoreKey, id: EventId) -> Event {
        Event {
            kind: self.kind.clone(),
            version: VERSION,
            // The same for the same id, whoever sends it.
            timestamp: id.timestamp(),
            store: store.into(),
            subject: Subject {
                kind: self.subject.kind.clone(),
                id: self.subject.id.clone(),
                version: None,
            },
            data: Data::Custom(self.data.clone()),
            changed: None,
            previous: None,
            related: Related::default(),
            session_id: self.session_id.clone(),
            cause: None,
            personal: None,
            meta: None,
            id,
        }
    }
}

fn is_subject(SubjectKey { kind, id }: &SubjectKey) -> bool {
    let is_kind_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=MAX_SUBJECT_KIND).contains(&kind.len())
        && kind.bytes().all(is_kind_letter)
        && (1..=MAX_SUBJECT_ID).contains(&id.len())
        && !id.chars().any(char::is_control)
}

/// An event of the operator's own that is on its way to listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Id.
    pub id: EventId,
    /// True if an event of the store has had this idempotency key before: that one counts, whatever this one says.
    pub is_repeated: bool,
    /// False if nobody listens to the store's own events now: the event is kept and can be listed, and that is all.
    pub has_listeners: bool,
}

impl Published {
    /// Outcome in a sentence or two.
    #[must_use]
    pub fn sentence(&self) -> String {
        let outcome = if self.is_repeated {
            "This key was used before; the event that had it first counts, and nothing new is sent."
        } else {
            "The event is on its way."
        };
        let listeners = if self.has_listeners {
            ""
        } else {
            " Nobody listens to the store's own events: it can be listed, and goes nowhere else."
        };
        format!("{outcome}{listeners}")
    }
}

/// Publishes an event of the operator's own. Doing it again with the same key is harmless, also after a failure.
///
/// `look` is a look at the store.
///
/// # Errors
/// [`PortError`] if a table or the queue did not answer. **Retryable**, with the same key.
pub async fn publish(
    (entities, fan_out): (&impl Entities, &impl FanOut),
    (store, look): (&StoreKey, &Look),
    event: &CustomEvent,
    now: Timestamp,
) -> Result<Published, PortError> {
    let name = format!("{OWN}#{}", event.key);
    let id = EventId::new(now, &[store.source.as_str(), store.store.as_str(), &name]);
    let first = entities.first_id(store, &name, &id, later(now, KEY_KEPT_FOR)).await?;
    // Sent each time: whoever left the id may have died before it sent the event.
    fan_out.send(store, &[event.event(store, first.clone())]).await?;
    Ok(Published {
        is_repeated: first != id,
        id: first,
        has_listeners: look.heard(Resource::Custom, now).is_some(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        memory::{MemoryEntities, MemoryFanOut, noon},
        store::listening::{Listener, Listening},
        testing::store,
    };

    fn custom(key: &str) -> CustomEvent {
        let data = Map::from_iter([("requests".to_owned(), json!(17))]);
        CustomEvent::new("custom.back_in_stock", data, None, Some("chat_1"), key).unwrap()
    }

    #[test]
    fn malformed_part_is_refused_by_name() {
        let checked = |kind: &str, subject: Option<(&str, &str)>, session: Option<&str>, key: &str| {
            let subject = subject.map(|(kind, id)| SubjectKey {
                kind: kind.to_owned(),
                id: id.to_owned(),
            });
            CustomEvent::new(kind, Map::new(), subject, session, key).map(|_| ())
        };
        assert_eq!(checked("custom.a", Some(("product", "1")), Some("chat"), "k"), Ok(()));
        for kind in ["product.created", "custom.", "custom.A", "weather"] {
            let refused = checked(kind, None, None, "k");
            assert_eq!(refused, Err(CustomEventError::Type(kind.to_owned())));
        }
        for key in ["", "a b", "ä", "a\n", &"k".repeat(129)] {
            assert_eq!(
                checked("custom.a", None, None, key),
                Err(CustomEventError::Key),
                "{key}"
            );
        }
        let long = "x".repeat(256);
        for subject in [
            ("", "1"),
            ("Product", "1"),
            ("a#b", "1"),
            ("a", ""),
            ("a", "1\n"),
            ("a", &long),
        ] {
            let refused = checked("custom.a", Some(subject), None, "k");
            assert_eq!(refused, Err(CustomEventError::Subject), "{subject:?}");
        }
        for session in ["", "a\nb", &"s".repeat(129)] {
            let refused = checked("custom.a", None, Some(session), "k");
            assert_eq!(refused, Err(CustomEventError::SessionId), "{session}");
        }
    }

    #[test]
    fn data_is_at_most_48_kib() {
        let of = |length: usize| {
            let data = Map::from_iter([("x".to_owned(), json!("a".repeat(length)))]);
            CustomEvent::new("custom.a", data, None, None, "k").map(|_| ())
        };
        // `{"x":""}` has eight bytes.
        assert_eq!(of(MAX_DATA_BYTES - 8), Ok(()));
        let refused = of(MAX_DATA_BYTES - 7).unwrap_err();
        assert_eq!(refused, CustomEventError::DataTooLarge(MAX_DATA_BYTES + 1));
        assert!(refused.to_string().contains("49153 bytes") && refused.to_string().contains("49152"));
    }

    #[tokio::test]
    async fn same_key_gives_the_same_event_id_and_another_key_or_store_another() {
        let (entities, fan_out) = (MemoryEntities::default(), MemoryFanOut::default());
        let (ports, look) = ((&entities, &fan_out), Look::default());
        let (store, after) = (store(), later(noon(), SignedDuration::from_secs(60)));
        let published = publish(ports, (&store, &look), &custom("k"), noon()).await.unwrap();
        assert!(!published.is_repeated && !published.has_listeners);
        let again = publish(ports, (&store, &look), &custom("k"), after).await.unwrap();
        assert_eq!((&again.id, again.is_repeated), (&published.id, true));
        let other = StoreKey {
            store: "other.myshopify.com".parse().unwrap(),
            ..store.clone()
        };
        for (store, key) in [(&store, "l"), (&other, "k")] {
            let different = publish(ports, (store, &look), &custom(key), noon()).await.unwrap();
            assert!(!different.is_repeated && different.id != published.id);
        }
        let sent: Vec<Event> = fan_out.take().into_iter().flat_map(|(_, events)| events).collect();
        assert_eq!(sent[0], sent[1], "the second sends the first");
        assert_eq!((sent[0].timestamp, sent[0].subject.id.as_str()), (noon(), "k"));
    }

    #[tokio::test]
    async fn listener_to_own_events_is_reported() {
        let (entities, fan_out) = (MemoryEntities::default(), MemoryFanOut::default());
        for (resource, has_listeners) in [(Resource::Product, false), (Resource::Custom, true)] {
            let listener = Listener {
                resources: [resource].into(),
                until: None,
            };
            let look = Look {
                record: None,
                all: Listening::default().widened("endpoint", &listener, noon()),
            };
            let published = publish((&entities, &fan_out), (&store(), &look), &custom("k"), noon()).await;
            assert_eq!(published.unwrap().has_listeners, has_listeners, "{resource:?}");
        }
    }
}
