//! Dispatch in memory.

mod deaths;
mod failing;
mod meanwhile;
mod personal;
mod reports;
mod settings;
mod stats;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hookline_events::EventId;
use jiff::SignedDuration;

use super::*;
use crate::{
    kernel::{
        port::{Clock, PortError},
        time::later,
    },
    memory::{MemoryEndpoints, MemoryFanOut, MemoryMessages, MemoryOutboxes, MemoryStats, MemoryWakeUps},
};

/// Time that an attempt takes.
const TOOK: Duration = Duration::from_millis(40);

/// Time that a process has.
const INVOCATION: SignedDuration = SignedDuration::from_secs(50);

fn noon_plus(hours: i64) -> Timestamp {
    later(noon(), SignedDuration::from_hours(hours))
}

fn key() -> EndpointKey {
    hook()
}

fn endpoint() -> Endpoint {
    let settings = EndpointSettings::new("https://example.com/hook", &["*"]);
    Endpoint::new(key(), settings, noon())
}

#[expect(clippy::unnecessary_wraps, reason = "the result of an attempt")]
fn answer(status: u16) -> Attempted {
    Ok(Answer {
        status,
        retry_after: None,
        wish: None,
        location: None,
        excerpt: None,
    })
}

/// An own failure with a body.
fn refusal(body: &[u8]) -> Attempted {
    answer(500).map(|answer| Answer {
        excerpt: Excerpt::of(body),
        ..answer
    })
}

/// Result of an attempt at an event, by the number of those before it.
type Answers = Arc<dyn Fn(&EventId, usize) -> Attempted + Send + Sync>;

/// Server of the endpoint: what it answers to which event, and what it has been sent.
#[derive(Clone)]
struct Server {
    answers: Answers,
    /// Attempts by event, with the numbers that they had.
    seen: Arc<Mutex<BTreeMap<EventId, Vec<u32>>>>,
    order: Arc<Mutex<Vec<EventId>>>,
    clock: SetClock,
}

impl Post for Server {
    async fn post(&self, _: &Endpoint, event: &KeptEvent, attempt: u32, _: bool) -> Result<Posted, PortError> {
        let before = {
            let mut seen = self.seen.lock().unwrap();
            let attempts = seen.entry(event.id.clone()).or_default();
            attempts.push(attempt);
            attempts.len() - 1
        };
        self.order.lock().unwrap().push(event.id.clone());
        self.clock.pass(SignedDuration::try_from(TOOK).unwrap());
        Ok(Posted {
            attempted: (self.answers)(&event.id, before),
            took: TOOK,
        })
    }
}

struct Shop {
    log: MemoryEventLog,
    endpoints: MemoryEndpoints,
    outboxes: MemoryOutboxes,
    messages: MemoryMessages,
    stats: MemoryStats,
    wake_ups: MemoryWakeUps,
    fan_out: MemoryFanOut,
    server: Server,
    clock: SetClock,
    /// Number of the next lease.
    runs: Mutex<usize>,
}

enum Ports {}

impl DispatchPorts for Ports {
    type Endpoints = MemoryEndpoints;
    type Outboxes = MemoryOutboxes;
    type Messages = MemoryMessages;
    type Stats = MemoryStats;
    type WakeUps = MemoryWakeUps;
    type FanOut = MemoryFanOut;
    type Post = Server;
    type Clock = SetClock;
}

impl Shop {
    fn answering(answers: impl Fn(&EventId, usize) -> Attempted + Send + Sync + 'static) -> Self {
        Self::answering_at(SetClock::at("2026-11-21T12:00:00Z"), answers)
    }

    fn answering_at(clock: SetClock, answers: impl Fn(&EventId, usize) -> Attempted + Send + Sync + 'static) -> Self {
        let log = MemoryEventLog::default();
        let shop = Self {
            endpoints: MemoryEndpoints::default(),
            outboxes: MemoryOutboxes::default(),
            messages: MemoryMessages::beside(log.clone()),
            stats: MemoryStats::default(),
            wake_ups: MemoryWakeUps::default(),
            fan_out: MemoryFanOut::default(),
            server: Server {
                answers: Arc::new(answers),
                seen: Arc::default(),
                order: Arc::default(),
                clock: clock.clone(),
            },
            log,
            clock,
            runs: Mutex::new(0),
        };
        shop.set(EndpointState::Active);
        shop
    }

    fn set(&self, state: EndpointState) {
        self.endpoints.insert(Endpoint { state, ..endpoint() });
    }

    /// Keeps events and adds their entries, as fan-out does. Returns their ids.
    async fn publish(&self, count: usize) -> Vec<EventId> {
        let now = self.clock.now();
        let mut ids = Vec::new();
        for nth in 0..count {
            // In their order.
            let accepted_at = later(now, SignedDuration::from_micros(i64::try_from(nth).unwrap()));
            ids.push(self.accept(nth, accepted_at).await);
        }
        ids
    }

    /// Keeps one event, adds its entry and sends a wake-up.
    async fn publish_one(&self, nth: usize) -> EventId {
        let id = self.accept(nth, self.clock.now()).await;
        self.wake_ups.send(&key(), Pool::Fast, Duration::ZERO).await.unwrap();
        id
    }

    async fn accept(&self, nth: usize, accepted_at: Timestamp) -> EventId {
        let event = memory::event(&store(), nth);
        let kept = KeptEvent {
            store: store(),
            id: event.id.clone(),
            kind: event.kind.clone(),
            subject: SubjectKey {
                kind: "note".into(),
                id: nth.to_string(),
            },
            cause: None,
            at: event.timestamp,
            accepted_at,
            expires_at: later(accepted_at, RETENTION),
            json: "{}".into(),
            verdicts: Verdicts::new(),
            bus: BusVerdict::Off,
            bus_error: None,
        };
        let entry = Entry {
            key: EntryKey {
                due: accepted_at,
                event: event.id.clone(),
                run: 0,
            },
            store: store(),
            subject: kept.subject.clone(),
            version: None,
            accepted_at,
        };
        self.log.keep(&[kept]).await.remove(0).unwrap();
        self.outboxes.add(&key(), &[entry]).await.unwrap();
        event.id
    }

    fn dispatch(&self) -> Dispatch<Ports> {
        Dispatch {
            endpoints: self.endpoints.clone(),
            outboxes: self.outboxes.clone(),
            messages: self.messages.clone(),
            stats: self.stats.clone(),
            wake_ups: self.wake_ups.clone(),
            fan_out: self.fan_out.clone(),
            post: self.server.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Lease of a new process.
    fn lease(&self) -> Lease {
        let mut runs = self.runs.lock().unwrap();
        *runs += 1;
        Lease {
            nonce: runs.to_string(),
            until: later(self.clock.now(), INVOCATION + SignedDuration::from_secs(5)),
        }
    }

    async fn run(&self) -> Run {
        let stop_at = later(self.clock.now(), INVOCATION);
        self.dispatch()
            .run(&key(), &self.lease(), Pool::Slow, stop_at)
            .await
            .unwrap()
    }

    /// Runs for each wake-up, at its time, until there is none or `until` has come. The sweep runs each minute.
    async fn run_until(&self, until: Timestamp) {
        while self.clock.now() < until {
            let mut next = self.wake_ups.take().into_iter().map(|(_, _, delay)| delay).min();
            if next.is_none() {
                next = Some(Duration::from_mins(1));
                sweep(&self.outboxes, &self.wake_ups, &self.clock).await.unwrap();
                if let Some((_, _, delay)) = self.wake_ups.take().into_iter().next() {
                    next = Some(delay);
                } else if self.outboxes.next_at(&key()).is_none() {
                    return;
                } else {
                    self.clock.pass(SignedDuration::from_mins(1));
                    continue;
                }
            }
            self.clock
                .pass(SignedDuration::try_from(next.unwrap_or_default()).unwrap());
            self.run().await;
        }
    }

    fn fate(&self, event: &EventId) -> Option<MessageFate> {
        self.messages.record(&key(), event).and_then(|record| record.fate)
    }

    /// Numbers of the attempts at an event.
    fn attempts(&self, event: &EventId) -> Vec<u32> {
        self.server.seen.lock().unwrap().get(event).cloned().unwrap_or_default()
    }

    fn all_attempts(&self) -> usize {
        self.server.order.lock().unwrap().len()
    }
}

#[tokio::test]
async fn due_messages_are_posted_in_order_and_nothing_is_left() {
    let shop = Shop::answering(|_, _| answer(200));
    let ids = shop.publish(250).await;
    let run = shop.run().await;
    assert_eq!(
        run,
        Run::Worked {
            attempts: 250,
            sent: 250
        }
    );
    assert_eq!(*shop.server.order.lock().unwrap(), ids);
    assert!(ids.iter().all(|id| shop.fate(id) == Some(MessageFate::Sent)));
    assert_eq!(shop.outboxes.entries(&key()), []);
    assert_eq!((shop.outboxes.next_at(&key()), shop.wake_ups.take().len()), (None, 0));
    assert_eq!(shop.outboxes.health(&key()).pool(), Pool::Fast);
}

#[tokio::test]
async fn run_that_ends_before_its_work_wakes_the_next() {
    let shop = Shop::answering(|_, _| answer(200));
    shop.publish(100).await;
    let stop_at = later(shop.clock.now(), SignedDuration::from_secs(1));
    let run = shop
        .dispatch()
        .run(&key(), &shop.lease(), Pool::Slow, stop_at)
        .await
        .unwrap();
    let Run::Worked { attempts, .. } = run else { panic!() };
    assert!(attempts < 100);
    assert_eq!(shop.wake_ups.take(), [(key(), Pool::Fast, Duration::ZERO)]);
    shop.run().await;
    assert_eq!(shop.all_attempts(), 100);
}

#[tokio::test]
async fn one_process_at_a_time_works_on_an_outbox_and_looks_once_more() {
    let shop = Shop::answering(|_, _| answer(200));
    shop.publish(1).await;
    let lease = shop.lease();
    shop.outboxes.acquire(&key(), &lease, shop.clock.now()).await.unwrap();
    assert_eq!(shop.run().await, Run::Held);
    shop.clock.pass(INVOCATION + SignedDuration::from_secs(5));
    assert_eq!(
        shop.run().await,
        Run::Worked { attempts: 1, sent: 1 },
        "the lease has lapsed"
    );
    // The holder of the lapsed lease changes nothing any more.
    let notes = OutboxNotes::default();
    let endpoint = key();
    let released = shop.outboxes.release(&endpoint, &lease.nonce, &notes, shop.clock.now());
    assert!(!released.await.unwrap());
    assert!(
        !shop
            .outboxes
            .schedule(&key(), &lease.nonce, Some(noon()))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn paused_endpoint_keeps_its_messages_until_they_expire() {
    let shop = Shop::answering(|_, _| answer(200));
    let old = shop.publish(2).await;
    shop.set(EndpointState::Paused);
    shop.run().await;
    // What expires is looked for once a day.
    let look = (0, Some(noon_plus(24)));
    assert_eq!((shop.all_attempts(), shop.outboxes.next_at(&key())), look);
    assert_eq!(shop.outboxes.entries(&key()).len(), 2);
    shop.clock.set(noon_plus(7 * 24 + 1));
    shop.run().await;
    assert_eq!(shop.outboxes.entries(&key()), []);
    assert!(old.iter().all(|id| shop.fate(id) == Some(MessageFate::Expired)));
    assert_eq!(shop.all_attempts(), 0);
}

#[tokio::test]
async fn messages_of_a_deleted_endpoint_are_discarded_even_those_not_due() {
    for is_marked in [true, false] {
        let shop = Shop::answering(|_, _| answer(500));
        let ids = shop.publish(150).await;
        shop.run().await;
        assert!(
            shop.outboxes
                .entries(&key())
                .iter()
                .any(|entry| entry.key.due > shop.clock.now())
        );
        if is_marked {
            shop.set(EndpointState::Deleting);
        } else {
            shop.endpoints.remove(&key());
        }
        let before = shop.all_attempts();
        shop.run().await;
        assert_eq!((shop.all_attempts(), shop.outboxes.entries(&key()).len()), (before, 0));
        assert!(ids.iter().all(|id| shop.fate(id) == Some(MessageFate::Discarded)));
    }
}

#[tokio::test]
async fn pause_during_a_run_holds_within_five_seconds() {
    let shop = Shop::answering(|_, _| answer(200));
    shop.publish(600).await;
    let endpoints = shop.endpoints.clone();
    let paused = Shop {
        server: Server {
            answers: Arc::new(move |_, _| {
                endpoints.change(&key(), |endpoint| endpoint.state = EndpointState::Paused);
                answer(200)
            }),
            ..shop.server.clone()
        },
        ..shop
    };
    paused.run().await;
    let seconds = paused.clock.now().duration_since(noon()).as_secs();
    assert!(
        seconds <= 6 && paused.all_attempts() < 200,
        "{seconds} s, {}",
        paused.all_attempts()
    );
}

#[tokio::test]
async fn message_without_its_event_expires() {
    let shop = Shop::answering(|_, _| answer(200));
    let ids = shop.publish(2).await;
    shop.log.remove(&[(store(), ids[0].clone())]).await.unwrap();
    shop.run().await;
    shop.run_until(noon_plus(1)).await;
    assert_eq!(shop.fate(&ids[0]), Some(MessageFate::Expired));
    assert_eq!(shop.fate(&ids[1]), Some(MessageFate::Sent));
    let kinds = ids.iter().map(|id| {
        let record = shop.messages.record(&key(), id).unwrap();
        assert_eq!((record.store, record.written_at >= noon()), (store(), true));
        record.kind.map(|kind| kind.to_string())
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, [None, Some("custom.noted".to_owned())]);
}

#[tokio::test]
async fn entry_of_a_message_with_a_fate_is_removed_unless_it_is_of_a_later_run() {
    let shop = Shop::answering(|_, _| answer(200));
    let ids = shop.publish(1).await;
    let entry = shop.outboxes.entries(&key()).remove(0);
    shop.run().await;
    shop.outboxes.add(&key(), std::slice::from_ref(&entry)).await.unwrap();
    assert_eq!(shop.run().await, Run::Worked { attempts: 0, sent: 0 });
    let mut again = entry.clone();
    again.key.run = 1;
    shop.outboxes.add(&key(), &[again, entry]).await.unwrap();
    shop.run().await;
    assert_eq!(shop.attempts(&ids[0]), [1, 1], "somebody asked for the past");
    let record = shop.messages.record(&key(), &ids[0]).unwrap();
    assert_eq!((record.run, record.fate), (1, Some(MessageFate::Sent)));
    assert_eq!(shop.outboxes.entries(&key()), []);
}

/// A process that died after it had added a retry leaves two entries of a message without a record.
#[tokio::test]
async fn two_entries_of_a_message_are_not_posted_at_once() {
    for is_retry in [true, false] {
        let shop = Shop::answering(|_, _| answer(200));
        shop.publish(10).await;
        shop.run().await;
        assert!(shop.outboxes.health(&key()).at_once(10) > 1);
        let id = shop.publish_one(100).await;
        let mut second = shop.outboxes.entries(&key()).remove(0);
        if is_retry {
            second.key.due = later(second.key.due, SignedDuration::from_micros(1));
            shop.clock.pass(SignedDuration::from_secs(1));
        } else {
            second.key.run = 1;
        }
        shop.outboxes.add(&key(), &[second]).await.unwrap();
        shop.run().await;
        let expected: &[u32] = if is_retry { &[1] } else { &[1, 1] };
        assert_eq!(
            shop.attempts(&id),
            expected,
            "a run of its own is an attempt of its own"
        );
        assert_eq!(shop.outboxes.entries(&key()), []);
    }
}
