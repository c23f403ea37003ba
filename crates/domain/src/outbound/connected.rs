//! The event of a store that has been connected: `store.connected`.

use hookline_events::{Data, Event, EventId, EventType, Related, StoreData, Subject, VERSION};
use jiff::{SignedDuration, Timestamp};

use crate::{
    catalogue::{entities::Entities, fan_out::FanOut},
    kernel::{ids::StoreKey, port::PortError, time::later},
};

/// Time for which the id of the event is known: longer than any event is kept.
const ID_KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Kind of the subject.
const STORE: &str = "store";

/// Publishes `store.connected` for an install, the store's `epoch`th. Doing it again is harmless, also after a failure: it is
/// the same event. Whoever connects a store calls it before the record says that the store is connected, so that an attempt
/// that dies in between is repeated.
///
/// # Errors
/// [`PortError`] if a table or the queue did not answer. **Retryable.**
pub async fn announce_connected(
    entities: &impl Entities,
    fan_out: &impl FanOut,
    store: &StoreKey,
    epoch: u64,
    now: Timestamp,
) -> Result<EventId, PortError> {
    let kind = EventType::STORE_CONNECTED;
    let name = format!("{kind}#{epoch}");
    let id = EventId::new(now, &[store.source.as_str(), store.store.as_str(), &name]);
    let id = entities.first_id(store, &name, &id, later(now, ID_KEPT_FOR)).await?;
    let event = Event {
        id: id.clone(),
        kind,
        version: VERSION,
        // The same for the same id, whoever sends it.
        timestamp: id.timestamp(),
        store: store.into(),
        subject: Subject {
            kind: STORE.to_owned(),
            id: store.store.to_string(),
            version: None,
        },
        data: Data::Store(StoreData {
            id: store.store.to_string(),
        }),
        changed: None,
        previous: None,
        related: Related::default(),
        session_id: None,
        cause: None,
        personal: None,
        meta: None,
    };
    fan_out.send(store, &[event]).await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{MemoryEntities, MemoryFanOut, noon},
        testing::store,
    };

    #[tokio::test]
    async fn install_is_announced_once_whenever_it_is_repeated_and_the_next_one_by_itself() {
        let (entities, fan_out) = (MemoryEntities::default(), MemoryFanOut::default());
        let mut ids = Vec::new();
        for (epoch, hours) in [(1, 0), (1, 48), (2, 49)] {
            let now = noon() + SignedDuration::from_hours(hours);
            let id = announce_connected(&entities, &fan_out, &store(), epoch, now).await;
            ids.push(id.unwrap());
        }
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[1], ids[2]);
        let sent: Vec<Event> = fan_out.take().into_iter().flat_map(|(_, events)| events).collect();
        assert_eq!(sent[0], sent[1]);
        assert_eq!(sent[0].kind, EventType::STORE_CONNECTED);
        assert_eq!(sent[0].timestamp, noon());
    }
}
