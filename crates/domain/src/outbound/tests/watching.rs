//! Watchers of events: who gets which, and what their troubles do to others.

use std::future::pending;

use super::*;
use crate::{
    access::{Principal, Reach, Role},
    kernel::port::PortError,
    live::{Push, Pushed, Watcher, Watchers},
    memory::{MemoryPush, MemoryWatchers},
    store::{sessions, stores::StoreUpdate},
};

const OTHER: &str = "shopify#other.myshopify.com";

/// A world in which somebody watches the store, and connections.
struct Watched {
    world: World,
    watchers: MemoryWatchers,
    push: MemoryPush,
}

impl Watched {
    async fn new() -> Self {
        let watched = Self {
            world: World::new(),
            watchers: MemoryWatchers::default(),
            push: MemoryPush::default(),
        };
        watched.begin(&store()).await;
        watched
    }

    /// Begins a session that watches a store.
    async fn begin(&self, store: &StoreKey) {
        let stores = &self.world.stores;
        stores.record(store, &StoreUpdate::default()).await.unwrap();
        let session = "a-session".parse().unwrap();
        let everything = hookline_events::Resource::ALL.into_iter().collect();
        let begun = sessions::begin(stores, store, &session, everything, noon()).await;
        begun.unwrap();
    }

    async fn connect(&self, watcher: Watcher) {
        self.watchers.add(&watcher).await.unwrap();
    }

    fn fan_out(&self) -> Distribute<InMemory<SetClock>> {
        let watch = Watch {
            watchers: self.watchers.clone(),
            push: self.push.clone(),
            pause: self.world.clock.clone(),
        };
        Distribute {
            watch: Some(watch),
            ..self.world.fan_out()
        }
    }

    async fn take(&self, message: FanOutMessage) -> Handled {
        self.fan_out().take(vec![message]).await.remove(0)
    }

    /// Connections and events that were sent to them.
    fn shown(&self) -> Vec<(String, String)> {
        let texts = self.push.take_texts().into_iter();
        texts
            .map(|(connection, text)| {
                let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(frame["type"], "event");
                (connection, frame["event"]["id"].as_str().unwrap().to_owned())
            })
            .collect()
    }
}

/// Connection that watches the events of a store.
fn watcher(connection: &str, of: &StoreKey) -> Watcher {
    let until = noon() + SignedDuration::from_hours(1);
    Watcher {
        connection: connection.to_owned(),
        principal: Principal {
            id: "tok_1".to_owned(),
            role: Role::Viewer,
            reach: Reach::Stores([of.clone()].into()),
            expires_at: until,
        },
        store: Some(of.clone()),
        list: false,
        events: true,
        until,
    }
}

fn to(connection: &str, events: &[Event]) -> Vec<(String, String)> {
    ids(events).into_iter().map(|id| (connection.to_owned(), id)).collect()
}

#[tokio::test]
async fn event_is_shown_once_in_order_and_byte_for_byte() {
    let watched = Watched::new().await;
    watched.connect(watcher("a", &store())).await;
    let events = events(3);
    assert_eq!(watched.take(message(&events)).await.outcome, Outcome::Done);
    let texts = watched.push.take_texts();
    let expected = events.iter().map(|event| {
        let json = serde_json::to_string(event).unwrap();
        ("a".to_owned(), format!(r#"{{"type":"event","event":{json}}}"#))
    });
    assert_eq!(texts, expected.collect::<Vec<_>>());
    watched.take(message(&events)).await;
    assert_eq!(watched.shown(), [], "an event that is sent again is not shown again");
}

#[tokio::test]
async fn only_who_asked_and_may_see_the_store_is_shown_its_events() {
    let watched = Watched::new().await;
    let other: StoreKey = OTHER.parse().unwrap();
    watched.begin(&other).await;
    let ours = || watcher("ours", &store());
    let mut expired = Watcher {
        connection: "expired".to_owned(),
        ..ours()
    };
    expired.principal.expires_at = noon();
    let mut narrowed = Watcher {
        connection: "narrowed".to_owned(),
        ..ours()
    };
    narrowed.principal.reach = Reach::Stores([other.clone()].into());
    let mut of_all = Watcher {
        connection: "of all".to_owned(),
        store: None,
        list: true,
        ..ours()
    };
    of_all.principal.reach = Reach::All;
    let no_events = Watcher {
        connection: "no events".to_owned(),
        events: false,
        ..ours()
    };
    for connection in [ours(), expired, narrowed, of_all, no_events, watcher("other's", &other)] {
        watched.connect(connection).await;
    }
    let events = events(1);
    watched.take(message(&events)).await;
    assert_eq!(watched.shown(), to("ours", &events));
}

#[tokio::test]
async fn nobody_is_shown_anything_without_a_session() {
    let watched = Watched::new().await;
    watched.connect(watcher("a", &store())).await;
    watched.world.clock.pass(sessions::LASTS);
    watched.take(message(&events(1))).await;
    assert_eq!(watched.shown(), []);
}

#[tokio::test]
async fn gone_connection_is_forgotten_and_a_failing_one_stops_there_and_the_others_get_all() {
    let watched = Watched::new().await;
    for connection in ["a", "gone"] {
        watched.connect(watcher(connection, &store())).await;
    }
    watched.push.breaks("gone");
    let events = events(2);
    assert_eq!(watched.take(message(&events)).await.outcome, Outcome::Done);
    assert_eq!(watched.shown(), to("a", &events));
    assert_eq!(watched.watchers.find("gone").await.unwrap(), None);
    watched.push.fail(1);
    let more = [memory::event(&store(), 8), memory::event(&store(), 9)];
    assert_eq!(watched.take(message(&more)).await.outcome, Outcome::Done);
    assert_eq!(
        watched.shown(),
        [],
        "after a failure, the rest of the batch is left out"
    );
    assert!(watched.watchers.find("a").await.unwrap().is_some());
    assert_eq!(watched.world.posted().len(), 4, "the bus gets all");
}

#[tokio::test]
async fn event_too_large_for_a_message_is_named() {
    let watched = Watched::new().await;
    watched.connect(watcher("a", &store())).await;
    let mut event = memory::event(&store(), 0);
    let named = hookline_events::Named {
        id: "1".to_owned(),
        title: "x".repeat(120_000),
    };
    event.related.collections = Some(vec![named]);
    assert_eq!(
        watched.take(message(std::slice::from_ref(&event))).await.outcome,
        Outcome::Done
    );
    let expected = format!(r#"{{"type":"event_omitted","id":"{}"}}"#, event.id);
    assert_eq!(watched.push.take_texts(), [("a".to_owned(), expected)]);
}

/// Connections that never take anything.
struct StuckPush;

impl Push for StuckPush {
    async fn push(&self, _: &str, _: &str) -> Result<Pushed, PortError> {
        pending().await
    }

    async fn close(&self, _: &str) -> Result<(), PortError> {
        pending().await
    }
}

enum StuckPorts {}

impl FanOutPorts for StuckPorts {
    type Log = MemoryEventLog;
    type Stores = MemoryStores;
    type Endpoints = MemoryEndpoints;
    type Outboxes = MemoryOutboxes;
    type WakeUps = MemoryWakeUps;
    type Bus = MemoryBus;
    type Watchers = MemoryWatchers;
    type Push = StuckPush;
    type Pause = SetClock;
    type Clock = SetClock;
}

#[tokio::test]
async fn slow_connection_delays_the_bus_by_two_seconds_at_most() {
    let watched = Watched::new().await;
    watched.connect(watcher("a", &store())).await;
    let parts = watched.world.fan_out();
    let stuck = Distribute::<StuckPorts> {
        log: parts.log,
        stores: parts.stores,
        webhooks: Webhooks {
            endpoints: watched.world.endpoints.clone(),
            outboxes: watched.world.outboxes.clone(),
            wake_ups: watched.world.wake_ups.clone(),
        },
        bus: parts.bus,
        watch: Some(Watch {
            watchers: watched.watchers.clone(),
            push: StuckPush,
            pause: watched.world.clock.clone(),
        }),
        clock: watched.world.clock.clone(),
        retention: RETENTION,
    };
    let events = events(1);
    let handled = stuck.take(vec![message(&events)]).await;
    assert_eq!(handled[0].outcome, Outcome::Done);
    assert_eq!(watched.world.posted(), ids(&events));
    let waited = crate::kernel::port::Clock::now(&watched.world.clock).duration_since(noon());
    assert_eq!(waited, SignedDuration::from_secs(2));
}
