//! Events of a run, in the order in which they are sent to the fan-out queue.

use std::collections::HashMap;

use anyhow::Context;
use fastrand::Rng;
use hookline_domain::{catalogue::event_message, kernel::ids::StoreKey};
use hookline_events::{Event, EventId};
use jiff::Timestamp;
use serde_json::json;

use crate::chance::{Chance, happens};

/// Store of most events and endpoints, and another one.
pub const STORE: &str = "juniper-and-oak.myshopify.com";
pub const OTHER_STORE: &str = "north-and-pine.myshopify.com";

/// Type of the events that tell a state, and of those that tell a fact.
pub const STATE: &str = "product.updated";
const FACT: &str = "custom.noted";

/// Time of the first event: 2026-11-01T08:00:00Z.
const BEGIN_MS: i64 = 1_793_520_000_000;

/// Events per thing.
const EVENTS_PER_THING: u64 = 12;

/// Maximum distance of an event from its place in the order of versions.
const SHUFFLED_BY: u64 = 60;

/// Most events of one message of the fan-out queue.
const MAX_PER_MESSAGE: usize = 5;

/// One event.
#[derive(Debug, Clone)]
pub struct SentEvent {
    pub id: String,
    pub store: &'static str,
    pub kind: &'static str,
    /// Thing that it is about.
    pub subject: u64,
    /// Version of its state; `None` of a fact.
    pub version: Option<u64>,
    /// Its JSON, as it must arrive.
    pub json: String,
    event: Event,
}

/// Events of a run.
#[derive(Debug, Default)]
pub struct Events {
    pub all: Vec<SentEvent>,
    places: HashMap<String, u32>,
}

impl Events {
    /// Makes up this many events.
    pub fn invent(chance: Chance, count: usize) -> anyhow::Result<Self> {
        let mut dice = chance.dice("outbound events", 0);
        let things = (u64::try_from(count)? / EVENTS_PER_THING).max(2);
        let mut versions: HashMap<u64, u64> = HashMap::new();
        let mut placed = Vec::with_capacity(count);
        for number in 0..u64::try_from(count)? {
            let event = invent(&mut dice, number, things, &mut versions)?;
            placed.push((number + dice.u64(0..SHUFFLED_BY), event));
        }
        placed.sort_by_key(|(place, _)| *place);
        let all: Vec<SentEvent> = placed.into_iter().map(|(_, event)| event).collect();
        let place_of = (0..)
            .zip(&all)
            .map(|(place, event)| (event.id.clone(), place))
            .collect();
        Ok(Self { all, places: place_of })
    }

    /// Place of the event with this id.
    pub fn place(&self, id: &str) -> Option<u32> {
        self.places.get(id).copied()
    }

    /// Messages for the fan-out queue.
    pub fn messages(&self, chance: Chance) -> anyhow::Result<Vec<String>> {
        let mut dice = chance.dice("outbound messages", 0);
        let mut messages = Vec::new();
        for events in self.all.chunk_by(|one, next| one.store == next.store) {
            let store: StoreKey = format!("shopify#{}", events[0].store).parse()?;
            let mut rest = events;
            while !rest.is_empty() {
                let (some, others) = rest.split_at(dice.usize(1..=MAX_PER_MESSAGE).min(rest.len()));
                let some: Vec<Event> = some.iter().map(|event| event.event.clone()).collect();
                messages.extend(event_message::pack(&store, &some, usize::MAX));
                rest = others;
            }
        }
        Ok(messages)
    }
}

fn invent(dice: &mut Rng, number: u64, things: u64, versions: &mut HashMap<u64, u64>) -> anyhow::Result<SentEvent> {
    let at = Timestamp::from_millisecond(BEGIN_MS + i64::try_from(number)?)?;
    let subject = dice.u64(0..things);
    let store = if subject.is_multiple_of(7) { OTHER_STORE } else { STORE };
    let kind = if happens(dice, 0.75) { STATE } else { FACT };
    let version = (kind == STATE).then(|| {
        let version = versions.entry(subject).or_default();
        *version += 1;
        *version
    });
    let id = EventId::new(at, &[store, kind, &number.to_string()]);
    let (of, data) = if kind == STATE {
        (
            "product",
            json!({"id": subject.to_string(), "status": "hidden", "truncated": false}),
        )
    } else {
        ("note", json!({"number": number}))
    };
    let event = json!({
        "id": id, "type": kind, "version": 1, "timestamp": at, "store": {"source": "shopify", "id": store},
        "subject": {"kind": of, "id": subject.to_string(), "version": version.map(|version| version.to_string())},
        "data": data, "changed": null, "previous": null, "related": {}, "session_id": null, "cause": null,
    });
    let event = Event::from_value(event).context("an invented event is none")?;
    Ok(SentEvent {
        id: id.to_string(),
        store,
        kind,
        subject,
        version,
        json: serde_json::to_string(&event)?,
        event,
    })
}
