//! Deaths and failures before and after every call of a process.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;

use super::{
    super::fragile::{Fragile, Harm, failure, fragile},
    *,
};
use crate::catalogue::fan_out::FanOut;

impl Messages for Fragile<MemoryMessages> {
    async fn find(&self, endpoint: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        self.call(self.port.find(endpoint, events), || Err(failure())).await
    }
    async fn put(&self, endpoint: &EndpointKey, records: &[(EventId, MessageRecord)]) -> Vec<Result<bool, PortError>> {
        let all_failed = || records.iter().map(|_| Err(failure())).collect();
        self.call(self.port.put(endpoint, records), all_failed).await
    }
}

impl FanOut for Fragile<MemoryFanOut> {
    async fn send(&self, store: &StoreKey, events: &[Event]) -> Result<(), PortError> {
        self.call(self.port.send(store, events), || Err(failure())).await
    }
}

impl Stats for Fragile<MemoryStats> {
    async fn put(&self, endpoint: &EndpointKey, hour: &HourStats) -> Result<(), PortError> {
        self.call(self.port.put(endpoint, hour), || Err(failure())).await
    }
}

impl Post for Fragile<Server> {
    async fn post(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        let lost = || {
            Ok(Posted {
                attempted: Err(NoAnswerError::Closed),
                took: TOOK,
            })
        };
        self.call(self.port.post(endpoint, event, attempt, is_replay), lost)
            .await
    }
}

pub(super) enum FragilePorts {}

impl DispatchPorts for FragilePorts {
    type Endpoints = Fragile<MemoryEndpoints>;
    type Outboxes = Fragile<MemoryOutboxes>;
    type Messages = Fragile<MemoryMessages>;
    type Stats = Fragile<MemoryStats>;
    type WakeUps = Fragile<MemoryWakeUps>;
    type FanOut = Fragile<MemoryFanOut>;
    type Post = Fragile<Server>;
    type Clock = SetClock;
}

impl Shop {
    pub(super) fn process(&self, harm: Option<(usize, Harm)>) -> (Dispatch<FragilePorts>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let process = Dispatch {
            endpoints: fragile(&self.endpoints, &calls, harm),
            outboxes: fragile(&self.outboxes, &calls, harm),
            messages: fragile(&self.messages, &calls, harm),
            stats: fragile(&self.stats, &calls, harm),
            wake_ups: fragile(&self.wake_ups, &calls, harm),
            fan_out: fragile(&self.fan_out, &calls, harm),
            post: fragile(&self.server, &calls, harm),
            clock: self.clock.clone(),
        };
        (process, calls)
    }
}

/// The first message is refused once, so that there is a retry, too.
fn shop() -> Shop {
    let refused = events(1)[0].id.clone();
    Shop::answering(move |event, nth| answer(if *event == refused && nth == 0 { 400 } else { 200 }))
}

/// Number of the calls of a whole process.
async fn calls() -> usize {
    let shop = shop();
    shop.publish(6).await;
    let (process, calls) = shop.process(None);
    let stop_at = later(shop.clock.now(), INVOCATION);
    process.run(&key(), &shop.lease(), Pool::Slow, stop_at).await.unwrap();
    calls.load(Ordering::Relaxed)
}

#[tokio::test]
async fn nothing_is_lost_whatever_happens_to_any_call_and_little_is_posted_twice() {
    let calls = calls().await;
    assert!((15..40).contains(&calls), "{calls}");
    for nth in 0..calls {
        for harm in [Harm::DiesBefore, Harm::DiesAfter, Harm::Fails, Harm::LosesAnswer] {
            let context = format!("call {nth} {harm:?}");
            let shop = shop();
            let ids = shop.publish(6).await;
            let (process, _) = shop.process(Some((nth, harm)));
            let stop_at = later(shop.clock.now(), INVOCATION);
            let lease = shop.lease();
            let run = process.run(&key(), &lease, Pool::Slow, stop_at).now_or_never();
            let has_died = matches!(harm, Harm::DiesBefore | Harm::DiesAfter);
            assert_eq!(run.is_none(), has_died, "{context}");
            // The wake-up comes again; of a process that died, once the lease has lapsed.
            shop.clock.pass(SignedDuration::from_mins(2));
            shop.run().await;
            shop.run_until(noon_plus(1)).await;
            for id in &ids {
                assert_eq!(shop.fate(id), Some(MessageFate::Sent), "{context} {id}");
            }
            assert_eq!(shop.outboxes.entries(&key()), [], "{context}");
            assert_eq!(shop.outboxes.next_at(&key()), None, "{context}");
            // One is refused first. Beyond that, only what was in flight is posted twice: here at most three at once.
            let repeats = shop.all_attempts() - (ids.len() + 1);
            assert!(repeats <= 4, "{context}: {repeats}");
        }
    }
}

#[tokio::test]
async fn death_at_any_call_leaves_something_that_wakes_the_outbox() {
    for nth in 0..calls().await {
        for harm in [Harm::DiesBefore, Harm::DiesAfter] {
            let shop = shop();
            let ids = shop.publish(6).await;
            // The only wake-up; SQS gives it up with the process.
            let (process, _) = shop.process(Some((nth, harm)));
            let stop_at = later(shop.clock.now(), INVOCATION);
            let has_died = process
                .run(&key(), &shop.lease(), Pool::Slow, stop_at)
                .now_or_never()
                .is_none();
            assert!(has_died);
            if nth == 0 && harm == Harm::DiesBefore {
                // Nothing knows of it yet but the wake-up itself, which comes again.
                continue;
            }
            shop.clock.pass(SignedDuration::from_mins(2));
            shop.run_until(noon_plus(1)).await;
            assert!(
                ids.iter().all(|id| shop.fate(id) == Some(MessageFate::Sent)),
                "call {nth} {harm:?}"
            );
        }
    }
}

#[tokio::test]
async fn process_whose_lease_has_lapsed_changes_nothing_that_another_has_written() {
    let calls = calls().await;
    // Before the first call it has no lease.
    for nth in 1..calls {
        let shop = shop();
        let ids = shop.publish(6).await;
        let (late, _) = shop.process(Some((nth, Harm::Waits)));
        let stop_at = later(shop.clock.now(), INVOCATION);
        let lease = shop.lease();
        let endpoint = key();
        let mut frozen = std::pin::pin!(late.run(&endpoint, &lease, Pool::Slow, stop_at));
        assert!(frozen.as_mut().now_or_never().is_none());
        shop.clock.pass(SignedDuration::from_mins(2));
        shop.run_until(noon_plus(1)).await;
        let records: Vec<_> = ids.iter().map(|id| shop.messages.record(&key(), id)).collect();
        // What it does now may post once more, but changes no fate.
        frozen.await.ok();
        shop.run_until(noon_plus(2)).await;
        let after: Vec<_> = ids.iter().map(|id| shop.messages.record(&key(), id)).collect();
        assert_eq!(records, after, "call {nth}");
        assert_eq!(shop.outboxes.entries(&key()), [], "call {nth}");
    }
}
