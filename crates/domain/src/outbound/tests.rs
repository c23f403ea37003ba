//! Fan-out and dispatch in memory, with deaths and failures between every two calls.

mod deaths;
mod dispatch;
mod fan_out;
mod fragile;
mod sealed;
mod watching;

use hookline_events::Event;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    catalogue::event_message,
    kernel::ids::StoreKey,
    memory::{
        self, InMemory, MemoryBus, MemoryEndpoints, MemoryEventLog, MemoryOutboxes, MemoryStores, MemoryWakeUps,
        SetClock, noon,
    },
    store::stores::{Redact, Stores},
};

const RETENTION: SignedDuration = SignedDuration::from_hours(14 * 24);

fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().unwrap()
}

fn hook() -> EndpointKey {
    EndpointKey {
        scope: Scope::Store(store()),
        id: "ep_1".parse().unwrap(),
    }
}

fn events(count: usize) -> Vec<Event> {
    (0..count).map(|nth| memory::event(&store(), nth)).collect()
}

fn message(events: &[Event]) -> FanOutMessage {
    let mut messages = event_message::pack(&store(), events, 1024 * 1024);
    assert_eq!(messages.len(), 1);
    let text = messages.remove(0);
    FanOutMessage {
        id: "message".to_owned(),
        text,
    }
}

struct World {
    log: MemoryEventLog,
    stores: MemoryStores,
    endpoints: MemoryEndpoints,
    outboxes: MemoryOutboxes,
    wake_ups: MemoryWakeUps,
    bus: MemoryBus,
    clock: SetClock,
}

impl World {
    /// With an endpoint that wants everything.
    fn new() -> Self {
        let world = Self {
            log: MemoryEventLog::default(),
            stores: MemoryStores::default(),
            endpoints: MemoryEndpoints::default(),
            outboxes: MemoryOutboxes::default(),
            wake_ups: MemoryWakeUps::default(),
            bus: MemoryBus::default(),
            clock: SetClock::at("2026-11-21T12:00:00Z"),
        };
        let settings = EndpointSettings::new("https://example.com/hook", &["*"]);
        world.endpoints.insert(Endpoint::new(hook(), settings, noon()));
        world
    }

    fn without_bus(&self) -> Distribute<InMemory<SetClock>> {
        Distribute {
            log: self.log.clone(),
            stores: self.stores.clone(),
            webhooks: Webhooks {
                endpoints: self.endpoints.clone(),
                outboxes: self.outboxes.clone(),
                wake_ups: self.wake_ups.clone(),
            },
            bus: None,
            watch: None,
            clock: self.clock.clone(),
            retention: RETENTION,
        }
    }

    fn fan_out(&self) -> Distribute<InMemory<SetClock>> {
        Distribute {
            bus: Some(self.bus.clone()),
            ..self.without_bus()
        }
    }

    async fn take(&self, message: FanOutMessage) -> Handled {
        self.fan_out().take(vec![message]).await.remove(0)
    }

    async fn kept(&self) -> Vec<KeptEvent> {
        let (store, all) = (store(), EventFilter::default());
        let mut events = self.log.list(&store, &all, usize::MAX).await.unwrap().events;
        events.reverse();
        events
    }

    /// Ids of the events on the bus, in the order in which it got them.
    fn posted(&self) -> Vec<String> {
        let posted = self.bus.posted().into_iter();
        posted
            .map(|event| Event::read(event.detail.as_bytes()).unwrap().id.to_string())
            .collect()
    }
}

fn ids(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

#[tokio::test]
async fn event_is_kept_and_posted_with_its_type_source_and_time() {
    let world = World::new();
    let events = events(1);
    let handled = world.take(message(&events)).await;
    assert_eq!((handled.events, handled.new, handled.outcome), (1, 1, Outcome::Done));
    let json = serde_json::to_string(&events[0]).unwrap();
    let expected = BusEvent {
        source: "hookline.shopify".to_owned(),
        detail_type: "custom.noted".to_owned(),
        detail: json.clone(),
        time: noon(),
    };
    assert_eq!(world.bus.posted(), [expected]);
    let kept = world.kept().await.remove(0);
    assert_eq!((kept.accepted_at, kept.expires_at), (noon(), noon() + RETENTION));
    assert_eq!((kept.bus, kept.bus_error, kept.json), (BusVerdict::Sent, None, json));
    assert_eq!(
        (kept.id, kept.subject.to_string().as_str()),
        (events[0].id.clone(), "note#0")
    );
}

#[tokio::test]
async fn event_sent_again_changes_nothing() {
    let world = World::new();
    let events = events(3);
    world.take(message(&events)).await;
    let before = world.kept().await;
    world.clock.pass(SignedDuration::from_mins(5));
    let mut again = events.clone();
    // What was first kept counts, whatever a repeated commit says.
    again[0].session_id = Some("another".to_owned());
    let handled = world.take(message(&again)).await;
    assert_eq!((handled.new, handled.outcome), (0, Outcome::Done));
    assert_eq!(world.kept().await, before);
    assert_eq!(world.posted(), ids(&events), "each once");
}

#[tokio::test]
async fn one_event_in_two_messages_of_a_batch_is_handled_once() {
    let world = World::new();
    let events = events(2);
    let messages = vec![message(&events), message(&events[1..])];
    let handled = world.fan_out().take(messages).await;
    assert!(handled.iter().all(|handled| handled.outcome.is_done()), "{handled:?}");
    assert_eq!(world.posted(), ids(&events));
}

#[tokio::test]
async fn without_a_bus_an_event_is_kept_and_never_posted() {
    let world = World::new();
    let events = events(1);
    let handled = world.without_bus().take(vec![message(&events)]).await;
    assert_eq!(handled[0].outcome, Outcome::Done);
    assert_eq!(world.kept().await[0].bus, BusVerdict::Off);
    // Its targets are those that it was accepted with.
    assert_eq!(world.take(message(&events)).await.outcome, Outcome::Done);
    assert_eq!(world.posted(), [""; 0]);
}

#[tokio::test]
async fn event_that_waits_for_a_removed_bus_is_done() {
    let world = World::new();
    world.bus.refuse([true]);
    world.take(message(&events(1))).await;
    let handled = world.without_bus().take(vec![message(&events(1))]).await;
    assert_eq!(handled[0].outcome, Outcome::Done);
    let kept = world.kept().await.remove(0);
    assert_eq!((kept.bus, kept.bus_error), (BusVerdict::Off, None));
}

#[tokio::test]
async fn bus_that_refuses_half_gets_that_half_again_and_nothing_else() {
    let world = World::new();
    let events = events(10);
    world.bus.refuse((0..10).map(|nth| nth % 2 == 1));
    let handled = world.take(message(&events)).await;
    let Outcome::BusFailed { reason } = &handled.outcome else {
        panic!("{handled:?}")
    };
    assert_eq!(
        reason,
        "event bus is throttled (ThrottlingException); it has not accepted 5 of 10 events, which are kept"
    );
    let kept = world.kept().await;
    let queued: Vec<_> = kept.iter().filter(|event| event.bus == BusVerdict::Queued).collect();
    assert_eq!(queued.len(), 5);
    let code = Some("throttled (ThrottlingException)".to_owned());
    assert!(queued.iter().all(|event| event.bus_error == code));
    assert_eq!(world.take(message(&events)).await.outcome, Outcome::Done);
    let mut posted = world.posted();
    posted.sort();
    assert_eq!(posted, ids(&events), "each once");
    let kept = world.kept().await;
    assert!(
        kept.iter()
            .all(|event| event.bus == BusVerdict::Sent && event.bus_error.is_none())
    );
}

#[tokio::test]
async fn unreadable_event_parks_its_message_and_the_others_are_done() {
    let world = World::new();
    let events = events(3);
    let mut bad = message(&events);
    bad.text = bad.text.replacen(r#""version":1"#, r#""version":9"#, 1);
    let other = message(&[memory::event(&store(), 7)]);
    let foreign = FanOutMessage {
        id: "foreign".to_owned(),
        text: "{}".to_owned(),
    };
    let handled = world.fan_out().take(vec![bad.clone(), other, foreign]).await;
    let reason = "an event has version 9 of the schema; update the fan-out function, then redrive".to_owned();
    assert_eq!(handled[0].outcome, Outcome::Parked { reason });
    assert_eq!((handled[0].events, handled[0].new), (2, 2));
    assert_eq!(handled[1].outcome, Outcome::Done);
    let reason = "the message's first line names no store of events".to_owned();
    assert_eq!(
        (&handled[2].outcome, &handled[2].store),
        (&Outcome::Parked { reason }, &None)
    );
    assert_eq!(world.posted().len(), 3);
    // It comes again until the queue parks it.
    world.take(bad).await;
    assert_eq!(world.posted().len(), 3);
}

#[tokio::test]
async fn events_from_before_an_erasure_are_dropped() {
    let world = World::new();
    let ended: Timestamp = "2026-11-21T11:00:00Z".parse().unwrap();
    world.stores.disable(&store(), ended).await.unwrap();
    let erased_at = noon() + SignedDuration::from_secs(1);
    world.stores.redact(&store(), ended, erased_at).await.unwrap();
    let events = events(3);
    let handled = world.take(message(&events)).await;
    assert_eq!((handled.dropped, handled.new, handled.outcome), (2, 1, Outcome::Done));
    assert_eq!(world.posted(), ids(&events[2..]));
    assert_eq!(world.kept().await.len(), 1);
}

#[test]
fn verdict_is_parsed_from_its_name() {
    for verdict in BusVerdict::ALL {
        assert_eq!(BusVerdict::named(verdict.as_str()), Some(verdict));
    }
    assert_eq!(BusVerdict::named("lost"), None);
}

#[test]
fn subject_is_a_kind_and_an_id() {
    let subject: SubjectKey = "product#7#8".parse().unwrap();
    assert_eq!((subject.kind.as_str(), subject.id.as_str()), ("product", "7#8"));
    assert_eq!(subject.to_string(), "product#7#8");
    for text in ["", "product", "#7", "product#"] {
        assert_eq!(text.parse::<SubjectKey>(), Err(ParseSubjectError));
    }
}
