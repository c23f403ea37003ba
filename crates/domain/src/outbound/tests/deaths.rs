//! Deaths and failures before and after every call.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::FutureExt;
use hookline_events::EventId;

use super::{
    fragile::{Fragile, Harm, failure, fragile},
    *,
};
use crate::{
    kernel::{erase::Erase, port::PortError},
    memory::{MemoryPush, MemoryWatchers},
    store::stores::{StoreRecord, StoreUpdate},
};

fn all_failed<T>(count: usize) -> Vec<Result<T, PortError>> {
    (0..count).map(|_| Err(failure())).collect()
}

impl EventLog for Fragile<MemoryEventLog> {
    async fn keep(&self, events: &[KeptEvent]) -> Vec<Result<Kept, PortError>> {
        self.call(self.port.keep(events), || all_failed(events.len())).await
    }

    async fn keep_sealed(&self, sealed: &[KeptSealed]) -> Vec<Result<(), PortError>> {
        self.call(self.port.keep_sealed(sealed), || all_failed(sealed.len()))
            .await
    }

    async fn remove(&self, events: &[(StoreKey, EventId)]) -> Result<(), PortError> {
        self.call(self.port.remove(events), || Err(failure())).await
    }

    async fn settle(&self, settled: &[Settled]) -> Vec<Result<(), PortError>> {
        self.call(self.port.settle(settled), || all_failed(settled.len())).await
    }
}

impl Bus for Fragile<MemoryBus> {
    async fn post(&self, events: &[BusEvent]) -> Vec<Result<(), PortError>> {
        self.call(self.port.post(events), || all_failed(events.len())).await
    }
}

impl Stores for Fragile<MemoryStores> {
    async fn find(&self, store: &StoreKey) -> Result<Option<StoreRecord>, PortError> {
        self.call(Stores::find(&self.port, store), || Err(failure())).await
    }

    async fn record(&self, _: &StoreKey, _: &StoreUpdate) -> Result<(), PortError> {
        unreachable!("fan-out writes no record of a store")
    }

    async fn disable(&self, _: &StoreKey, _: Timestamp) -> Result<(), PortError> {
        unreachable!("fan-out writes no record of a store")
    }

    async fn begin_epoch(&self, _: &StoreKey, _: Timestamp) -> Result<(), PortError> {
        unreachable!("fan-out writes no record of a store")
    }
}

enum FragilePorts {}

impl FanOutPorts for FragilePorts {
    type Log = Fragile<MemoryEventLog>;
    type Stores = Fragile<MemoryStores>;
    type Endpoints = Fragile<MemoryEndpoints>;
    type Outboxes = Fragile<MemoryOutboxes>;
    type WakeUps = Fragile<MemoryWakeUps>;
    type Bus = Fragile<MemoryBus>;
    type Watchers = MemoryWatchers;
    type Push = MemoryPush;
    type Pause = SetClock;
    type Clock = SetClock;
}

impl World {
    /// A process whose `nth` call comes to harm.
    fn process(&self, harm: Option<(usize, Harm)>) -> (Distribute<FragilePorts>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let process = Distribute {
            log: fragile(&self.log, &calls, harm),
            stores: fragile(&self.stores, &calls, harm),
            webhooks: Webhooks {
                endpoints: fragile(&self.endpoints, &calls, harm),
                outboxes: fragile(&self.outboxes, &calls, harm),
                wake_ups: fragile(&self.wake_ups, &calls, harm),
            },
            bus: Some(fragile(&self.bus, &calls, harm)),
            watch: None,
            clock: self.clock.clone(),
            retention: RETENTION,
        };
        (process, calls)
    }

    /// Asserts that each event is kept once, with the first time, and is on the bus.
    async fn is_complete(&self, events: &[Event], context: &str) {
        let kept = self.kept().await;
        let kept_ids: Vec<String> = kept.iter().map(|event| event.id.to_string()).collect();
        assert_eq!(kept_ids, ids(events), "{context}");
        assert!(
            kept.iter().all(|event| event.bus == BusVerdict::Sent),
            "{context}: {kept:?}"
        );
        let mut posted = self.posted();
        posted.sort();
        posted.dedup();
        assert_eq!(posted, ids(events), "{context}");
        let entries: Vec<String> = (self.outboxes.entries(&hook()).iter())
            .map(|entry| entry.key.event.to_string())
            .collect();
        assert_eq!(entries, ids(events), "{context}");
        assert!(!self.wake_ups.take().is_empty(), "{context}");
    }
}

/// Number of calls for a message: the endpoints of the store and of all stores, the events, the store, an outbox, its wake-up,
/// the bus, its verdicts.
const CALLS: usize = 8;

#[tokio::test]
async fn message_takes_eight_calls_and_the_bus_is_asked_last() {
    let world = World::new();
    let (process, calls) = world.process(None);
    process.take(vec![message(&events(10))]).await;
    assert_eq!(calls.swap(0, Ordering::Relaxed), CALLS);
    process.take(vec![message(&events(10))]).await;
    assert_eq!(calls.load(Ordering::Relaxed), 6, "what is done is not posted again");
}

#[tokio::test]
async fn nothing_is_lost_whatever_happens_to_any_call() {
    let events = events(12);
    for nth in 0..CALLS {
        for harm in [Harm::DiesBefore, Harm::DiesAfter, Harm::Fails, Harm::LosesAnswer] {
            let context = format!("call {nth} {harm:?}");
            let world = World::new();
            let (process, _) = world.process(Some((nth, harm)));
            let handled = process.take(vec![message(&events)]).now_or_never();
            let has_died = matches!(harm, Harm::DiesBefore | Harm::DiesAfter);
            assert_eq!(handled.is_none(), has_died, "{context}");
            if let Some(handled) = handled {
                let outcome = &handled[0].outcome;
                assert!(!outcome.is_done(), "{context}: {outcome:?}");
                let bus_only = matches!(outcome, Outcome::BusFailed { .. });
                assert_eq!(bus_only, nth == 6, "{context}: {outcome:?}");
            }
            world.clock.pass(SignedDuration::from_mins(3));
            let handled = world.take(message(&events)).await;
            assert_eq!(handled.outcome, Outcome::Done, "{context}");
            world.is_complete(&events, &context).await;
            // Only between the bus and its verdict.
            let twice = world.posted().len() > events.len();
            let reached_bus = nth == 6 && matches!(harm, Harm::DiesAfter | Harm::LosesAnswer);
            let lost_verdict = nth == 7 && matches!(harm, Harm::DiesBefore | Harm::Fails);
            assert_eq!(twice, reached_bus || lost_verdict, "{context}");
        }
    }
}

#[tokio::test]
async fn two_copies_at_once_keep_each_event_once() {
    let events = events(3);
    // The first copy stops before or after each of its calls; the other one runs meanwhile, whole; then the first is handled
    // again.
    for nth in 0..CALLS {
        for harm in [Harm::DiesBefore, Harm::DiesAfter] {
            let world = World::new();
            let (stopped, _) = world.process(Some((nth, harm)));
            assert!(stopped.take(vec![message(&events)]).now_or_never().is_none());
            let first = world.kept().await;
            world.clock.pass(SignedDuration::from_secs(1));
            assert_eq!(world.take(message(&events)).await.outcome, Outcome::Done);
            let second = world.kept().await;
            let times = |kept: &[KeptEvent]| kept.iter().map(|event| event.accepted_at).collect::<Vec<_>>();
            if !first.is_empty() {
                assert_eq!(times(&first), times(&second), "the first copy's time counts");
            }
            assert_eq!(world.take(message(&events)).await.new, 0);
            world.is_complete(&events, "copies").await;
        }
    }
}

#[tokio::test]
async fn erasure_of_the_store_leaves_no_event_whenever_it_comes() {
    let events = events(3);
    let message = message(&events);
    // The first copy waits before each of its calls; the store is erased meanwhile, whole; then the first goes on.
    for nth in 0..CALLS {
        let world = World::new();
        let (waiting, _) = world.process(Some((nth, Harm::Waits)));
        let mut taken = pin!(waiting.take(vec![message.clone()]));
        assert!(taken.as_mut().now_or_never().is_none());
        let (ended, erased_at) = (noon(), noon() + SignedDuration::from_hours(48));
        world.stores.disable(&store(), ended).await.unwrap();
        world.stores.redact(&store(), ended, erased_at).await.unwrap();
        world.log.erase(&store(), erased_at, None).await.unwrap();
        assert_eq!(taken.await[0].outcome, Outcome::Done);
        assert_eq!(world.kept().await, [], "{nth}");
        // Where the bus was asked already, or is about to be, it has them.
        let expected = if nth < 4 { vec![] } else { ids(&events) };
        assert_eq!(world.posted(), expected, "{nth}");
        // Again, after a death instead, it is kept for a moment only, and the bus gets none.
        assert_eq!(world.take(message.clone()).await.dropped, 3);
        assert_eq!((world.kept().await.len(), world.posted()), (0, expected));
    }
}

#[tokio::test]
async fn late_refusal_does_not_undo_a_verdict() {
    let world = World::new();
    let events = events(1);
    world.take(message(&events)).await;
    let late = Settled {
        store: store(),
        id: events[0].id.clone(),
        bus: BusVerdict::Queued,
        error: Some("throttled".to_owned()),
    };
    world.log.settle(&[late]).await.remove(0).unwrap();
    world.is_complete(&events, "late").await;
}
