use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    access::{Principal, Reach, Role},
    kernel::{
        ids::{StoreKey, StoreLabel},
        port::Clock,
    },
    memory::{InMemory, MemoryActivity, MemoryPush, MemoryStores, MemoryWatchers, SetClock},
    store::{
        activity::{ActivityEntry, DeliveryOutcome},
        stores::{Counter, StoreUpdate, StoreViews, Stores},
    },
};

pub(super) fn store() -> StoreKey {
    key("demo.myshopify.com")
}

fn key(name: &str) -> StoreKey {
    format!("shopify#{name}").parse().unwrap()
}

fn shopify_key(name: &StoreLabel) -> Option<StoreKey> {
    name.as_str().ends_with(".myshopify.com").then(|| key(name.as_str()))
}

/// Entry of a delivery that was received at noon and processed a second later.
pub(super) fn entry(id: u64, outcome: DeliveryOutcome) -> ActivityEntry {
    let received_at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    ActivityEntry {
        topic: "products/update".parse().unwrap(),
        id: format!("delivery-{id}").parse().unwrap(),
        event_id: None,
        subject: None,
        triggered_at: None,
        received_at,
        at: received_at + SignedDuration::from_secs(1),
        outcome,
        problem: None,
        replay: false,
    }
}

/// Ports in memory, except those that a test replaces.
struct Replaced<W, S = MemoryStores>(PhantomData<(W, S)>);

impl<W: Watchers, S: Stores + StoreViews> FollowPorts for Replaced<W, S> {
    type Watchers = W;
    type Stores = S;
    type Activity = MemoryActivity;
    type Push = MemoryPush;
    type Clock = SetClock;
}

/// Stores, and watchers of them.
struct World {
    stores: MemoryStores,
    activity: MemoryActivity,
    watchers: MemoryWatchers,
    push: MemoryPush,
    clock: SetClock,
    tell: Broadcast<InMemory<SetClock>>,
}

impl World {
    fn new() -> Self {
        let clock = SetClock::at("2026-11-21T12:00:00Z");
        let (activity, watchers, push) = (
            MemoryActivity::default(),
            MemoryWatchers::default(),
            MemoryPush::default(),
        );
        let stores = MemoryStores::default().followed();
        Self {
            tell: Broadcast {
                stores: stores.clone(),
                activity: activity.clone(),
                watchers: watchers.clone(),
                push: push.clone(),
                pause: clock.clone(),
                clock: clock.clone(),
                last_round: None.into(),
            },
            stores,
            activity,
            watchers,
            push,
            clock,
        }
    }

    fn follow(&self) -> Follow<InMemory<SetClock>> {
        Follow {
            watchers: self.watchers.clone(),
            stores: self.stores.clone(),
            activity: self.activity.clone(),
            push: self.push.clone(),
            clock: self.clock.clone(),
            key: shopify_key,
        }
    }

    fn viewer(&self, reach: Reach) -> Principal {
        Principal {
            id: "tok_1".to_owned(),
            role: Role::Viewer,
            reach,
            expires_at: self.clock.now() + SignedDuration::from_hours(1),
        }
    }

    /// Connects, and sends `message`.
    async fn watch(&self, connection: &str, reach: Reach, message: &str) {
        let follow = self.follow();
        follow.connected(connection, self.viewer(reach)).await.unwrap();
        follow.asked(connection, message).await.unwrap();
    }

    /// Records one processed delivery of a store.
    async fn record_delivery(&self, name: &str, id: u64) {
        let mut update = StoreUpdate {
            latest: vec![entry(id, DeliveryOutcome::Applied)],
            last_event_at: Some(self.clock.now()),
            ..StoreUpdate::default()
        };
        update.count(self.clock.now(), Counter::Event("products/update".parse().unwrap()));
        self.stores.record(&key(name), &update).await.unwrap();
    }

    /// Broadcasts everything recorded since the last round.
    async fn round(&self) {
        self.tell.notify(self.stores.take_changes()).await.unwrap();
    }

    fn frames_to(&self, connection: &str) -> Vec<Frame> {
        let (to, others): (Vec<_>, Vec<_>) = self.push.take().into_iter().partition(|(to, _)| to == connection);
        assert_eq!(others, [], "frames to another connection");
        to.into_iter().map(|(_, frame)| frame).collect()
    }
}

const DEMO: &str = r#"{"action":"watch","store":"demo.myshopify.com"}"#;
const LIST: &str = r#"{"action":"watch","store":null,"list":true}"#;

fn only(names: &[&str]) -> Reach {
    Reach::Stores(names.iter().map(|name| key(name)).collect())
}

fn ids(deliveries: &[ActivityEntry]) -> Vec<&str> {
    deliveries.iter().map(|entry| entry.id.as_str()).collect()
}

/// The `after` and `seq` of each update.
fn steps(frames: &[Frame]) -> Vec<(u64, u64)> {
    let step = |frame: &Frame| match frame {
        Frame::Update { after, seq, .. } => Some((*after, *seq)),
        _ => None,
    };
    frames.iter().filter_map(step).collect()
}

mod broadcast;
mod follow;
