//! Ports of outbound events in memory, and an event.

use std::collections::{BTreeMap, VecDeque};

use hookline_events::{CustomData, Data, Event, EventId, EventType, Related, Subject};
use jiff::{SignedDuration, Timestamp};

use super::{Shared, noon};
use crate::{
    delivery::sealed::{SealedBody, SealedParts},
    kernel::{
        erase::{Erase, Erased},
        ids::StoreKey,
        port::PortError,
        time::later,
    },
    outbound::{
        Bus, BusEvent, BusVerdict, EventFilter, EventLog, EventPage, EventRecords, Kept, KeptEvent, KeptSealed, Settled,
    },
};

/// Returns a sealed body with this text, which no key opens.
#[must_use]
pub fn sealed_body(text: &[u8], expires_at: Timestamp) -> SealedBody {
    let parts = SealedParts {
        wrapped_key: b"wrapped",
        nonce: &[7; 12],
        text,
    };
    SealedBody::new(expires_at, &parts)
}

/// Returns an event of a store, `nth` seconds after [`noon`], with the id that follows from both.
#[must_use]
pub fn event(store: &StoreKey, nth: usize) -> Event {
    let seconds = i64::try_from(nth).unwrap_or(i64::MAX);
    let at = later(noon(), SignedDuration::from_secs(seconds));
    Event {
        id: EventId::new(at, &[&store.to_string(), "custom.noted", &nth.to_string()]),
        kind: EventType::Custom("custom.noted".to_owned()),
        version: hookline_events::VERSION,
        timestamp: at,
        store: store.into(),
        subject: Subject {
            kind: "note".to_owned(),
            id: nth.to_string(),
            version: None,
        },
        data: Data::Custom(CustomData(serde_json::Map::new())),
        changed: None,
        previous: None,
        related: Related::default(),
        session_id: None,
        cause: None,
        personal: None,
        meta: None,
    }
}

/// [`EventLog`] and [`EventRecords`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryEventLog {
    kept: Shared<BTreeMap<(StoreKey, EventId), KeptEvent>>,
    sealed: Shared<BTreeMap<(StoreKey, EventId), SealedBody>>,
}

impl MemoryEventLog {
    /// Sealed body of an event.
    #[must_use]
    pub fn sealed(&self, store: &StoreKey, id: &EventId) -> Option<SealedBody> {
        self.sealed.lock().get(&(store.clone(), id.clone())).cloned()
    }
}

impl EventLog for MemoryEventLog {
    async fn keep(&self, events: &[KeptEvent]) -> Vec<Result<Kept, PortError>> {
        let mut kept = self.kept.lock();
        let outcomes = events.iter().map(|event| {
            let key = (event.store.clone(), event.id.clone());
            if let Some(first) = kept.get(&key) {
                return Ok(Kept::Before(Box::new(first.clone())));
            }
            kept.insert(key, event.clone());
            Ok(Kept::New)
        });
        outcomes.collect()
    }

    async fn keep_sealed(&self, all: &[KeptSealed]) -> Vec<Result<(), PortError>> {
        let mut sealed = self.sealed.lock();
        for one in all {
            sealed.insert((one.store.clone(), one.id.clone()), one.sealed.clone());
        }
        all.iter().map(|_| Ok(())).collect()
    }

    async fn remove(&self, events: &[(StoreKey, EventId)]) -> Result<(), PortError> {
        self.kept.lock().retain(|key, _| !events.contains(key));
        self.sealed.lock().retain(|key, _| !events.contains(key));
        Ok(())
    }

    async fn settle(&self, settled: &[Settled]) -> Vec<Result<(), PortError>> {
        let mut kept = self.kept.lock();
        for settled in settled {
            let event = kept.get_mut(&(settled.store.clone(), settled.id.clone()));
            if let Some(event) = event.filter(|event| event.bus == BusVerdict::Queued) {
                event.bus = settled.bus;
                event.bus_error.clone_from(&settled.error);
            }
        }
        settled.iter().map(|_| Ok(())).collect()
    }
}

impl EventRecords for MemoryEventLog {
    async fn find(&self, store: &StoreKey, id: &EventId) -> Result<Option<KeptEvent>, PortError> {
        Ok(self.kept.lock().get(&(store.clone(), id.clone())).cloned())
    }

    async fn list(&self, store: &StoreKey, filter: &EventFilter, limit: usize) -> Result<EventPage, PortError> {
        let kept = self.kept.lock();
        let mut of_store: Vec<&KeptEvent> = kept.values().filter(|event| event.store == *store).collect();
        if filter.after.is_none() {
            of_store.reverse();
        }
        let mut selected = of_store.into_iter().filter(|event| filter.selects(event));
        let events: Vec<KeptEvent> = selected.by_ref().take(limit).cloned().collect();
        let next = selected.next().and(events.last()).map(|event| event.id.clone());
        Ok(EventPage { events, next })
    }
}

impl Erase for MemoryEventLog {
    async fn erase(&self, store: &StoreKey, until: Timestamp, _after: Option<&str>) -> Result<Erased, PortError> {
        self.sealed.lock().retain(|(of, _), _| of != store);
        let mut kept = self.kept.lock();
        let before = kept.len();
        kept.retain(|(of, id), _| of != store || id.timestamp().as_millisecond() > until.as_millisecond());
        Ok(Erased {
            removed: before - kept.len(),
            next: None,
        })
    }
}

/// [`Bus`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBus {
    posted: Shared<Vec<BusEvent>>,
    refusals: Shared<VecDeque<bool>>,
}

impl MemoryBus {
    /// All events that it has accepted, in order.
    #[must_use]
    pub fn posted(&self) -> Vec<BusEvent> {
        self.posted.lock().clone()
    }

    /// Refuses each of the next events for which this is true, whatever the request.
    pub fn refuse(&self, next: impl IntoIterator<Item = bool>) {
        self.refusals.lock().extend(next);
    }
}

impl Bus for MemoryBus {
    async fn post(&self, events: &[BusEvent]) -> Vec<Result<(), PortError>> {
        let (mut posted, mut refusals) = (self.posted.lock(), self.refusals.lock());
        let outcomes = events.iter().map(|event| {
            if refusals.pop_front().unwrap_or(false) {
                return Err(PortError::because(
                    "event bus",
                    crate::kernel::port::Cause::Throttled,
                    Some("ThrottlingException"),
                    "refused",
                ));
            }
            posted.push(event.clone());
            Ok(())
        });
        outcomes.collect()
    }
}
