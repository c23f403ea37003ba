//! Stack of the dispatcher: tables, queues, pollers, the sweep, and the endpoints that it posts to.

use std::{sync::Arc, time::Duration};

use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
    },
    memory::{MemoryEndpoints, MemoryEventLog, MemoryFanOut, MemoryMessages, MemoryOutboxes, MemoryStats, noon},
    outbound::{
        Answer, Attempted, BusVerdict, Dispatch, DispatchPorts, Endpoint, EndpointKey, EndpointSettings, Entry,
        EntryKey, EventLog, KeptEvent, Outboxes, Pool, Post, Posted, SubjectKey, Verdicts, WakeUp, WakeUps, sweep,
    },
};
use hookline_events::{EventId, EventType};
use hookline_lambda::{
    batch::{SqsBatch, SqsRecord},
    dispatch::{Invocation, consume},
};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use crate::{
    ports::{Billing, Units, VirtualClock, add},
    queue::Queues,
};

/// Time of an invocation, as in the template.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(90);

/// Time for which events are kept, as by default.
const RETENTION: SignedDuration = SignedDuration::from_hours(19 * 24);

/// Behaviour of endpoints: the answer to a request now, and the time that it takes.
pub type Behaviour = Arc<dyn Fn(&EndpointKey, &KeptEvent) -> (Attempted, Duration) + Send + Sync>;

/// A request that reached an endpoint.
pub type Seen = Arc<dyn Fn(&EndpointKey, &KeptEvent, Timestamp, &Attempted) + Send + Sync>;

/// Endpoints.
pub struct Servers {
    behaviour: Behaviour,
    seen: Seen,
    clock: VirtualClock,
}

impl Post for Servers {
    async fn post(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        _attempt: u32,
        _is_replay: bool,
    ) -> Result<Posted, PortError> {
        let (attempted, took) = (self.behaviour)(&endpoint.key, event);
        (self.seen)(&endpoint.key, event, self.clock.now(), &attempted);
        sleep(took).await;
        Ok(Posted { attempted, took })
    }
}

enum Ports {}

impl DispatchPorts for Ports {
    type Endpoints = Billing<MemoryEndpoints>;
    type Outboxes = Billing<MemoryOutboxes>;
    type Messages = Billing<MemoryMessages>;
    type Stats = Billing<MemoryStats>;
    type WakeUps = Queues;
    type FanOut = MemoryFanOut;
    type Post = Servers;
    type Clock = VirtualClock;
}

/// The stack.
pub struct World {
    dispatch: Arc<Dispatch<Ports>>,
    log: MemoryEventLog,
    queues: Queues,
    pub units: Arc<Units>,
    pub clock: VirtualClock,
}

/// An event to publish.
#[derive(Debug, Clone)]
pub struct Happened {
    /// Unique number.
    pub nth: u64,
    /// Thing that it is about.
    pub subject: u64,
    /// Version of the state that it tells.
    pub version: u64,
}

/// Answer of an endpoint that takes a message.
#[expect(clippy::unnecessary_wraps, reason = "it is what an attempt returns")]
pub fn taken() -> Attempted {
    Ok(Answer {
        status: 200,
        retry_after: None,
        wish: None,
        location: None,
        excerpt: None,
    })
}

/// Store of all events.
pub fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().expect("a store's key")
}

/// Key of an endpoint of the store.
pub fn endpoint(name: &str, nth: usize) -> EndpointKey {
    format!("{} ep_{name}{nth}", store())
        .parse()
        .expect("an endpoint's key")
}

impl World {
    /// Stack with endpoints of this behaviour.
    pub fn new(behaviour: Behaviour, seen: Seen) -> Self {
        let (units, clock, log) = (
            Arc::new(Units::default()),
            VirtualClock::start(),
            MemoryEventLog::default(),
        );
        let queues = Queues::new(&units);
        let dispatch = Dispatch {
            endpoints: billing(MemoryEndpoints::default(), &units),
            outboxes: billing(MemoryOutboxes::default(), &units),
            messages: billing(MemoryMessages::beside(log.clone()), &units),
            stats: billing(MemoryStats::default(), &units),
            wake_ups: queues.clone(),
            fan_out: MemoryFanOut::default(),
            post: Servers { behaviour, seen, clock },
            clock,
        };
        Self {
            dispatch: Arc::new(dispatch),
            log,
            queues,
            units,
            clock,
        }
    }

    /// Creates an endpoint.
    pub fn create(&self, key: &EndpointKey, change: impl FnOnce(&mut EndpointSettings)) {
        let mut settings = EndpointSettings::new("https://example.com/hook", &["*"]);
        change(&mut settings);
        let endpoint = Endpoint::new(key.clone(), settings, noon());
        self.dispatch.endpoints.port.insert(endpoint);
    }

    /// Pool of an endpoint.
    pub fn pool(&self, key: &EndpointKey) -> Pool {
        self.dispatch.outboxes.port.health(key).pool()
    }

    /// Number of entries that wait.
    pub async fn waiting(&self, key: &EndpointKey, most: usize) -> usize {
        let page = self.dispatch.outboxes.port.page(key, most).await;
        page.map_or(0, |page| page.len())
    }

    /// Number of wake-ups in the queues.
    pub fn queued(&self) -> usize {
        self.queues.len()
    }

    /// Publishes events to an endpoint, as one message of the fan-out queue brings them: keeps them, adds entries, sends a
    /// wake-up to the pool that is noted with the endpoint.
    ///
    /// # Errors
    /// Never: ports in memory do not fail.
    pub async fn publish(&self, key: &EndpointKey, events: &[Happened]) -> Result<(), PortError> {
        let accepted_at = self.clock.now();
        let kept: Vec<KeptEvent> = events.iter().map(|event| keep(event, accepted_at)).collect();
        let entries: Vec<Entry> = kept
            .iter()
            .zip(events)
            .map(|(kept, event)| entry(kept, event))
            .collect();
        for outcome in self.log.keep(&kept).await {
            outcome?;
        }
        // Its units are those of fan-out, which are the same whether the endpoint is away or not.
        self.dispatch.outboxes.port.add(key, &entries).await?;
        let found = hookline_domain::outbound::EndpointRecords::read(&self.dispatch.endpoints.port, key).await?;
        let pool = found.map_or(Pool::Slow, |endpoint| endpoint.pool);
        self.queues.send(key, pool, Duration::ZERO).await
    }

    /// Runs pollers and the sweep until the result is dropped.
    pub fn run(&self, invocations: [usize; 2]) -> Running {
        let mut tasks = Vec::new();
        for (pool, most) in [Pool::Fast, Pool::Slow].into_iter().zip(invocations) {
            let (dispatch, queues, units) = (Arc::clone(&self.dispatch), self.queues.clone(), Arc::clone(&self.units));
            tasks.push(tokio::spawn(poll(dispatch, queues, units, pool, most)));
        }
        let (dispatch, queues) = (Arc::clone(&self.dispatch), self.queues.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                sleep(Duration::from_mins(1)).await;
                let _failures_do_not_happen = sweep(&dispatch.outboxes, &queues, &dispatch.clock).await;
            }
        }));
        Running(tasks)
    }
}

/// Tasks that are aborted when this is dropped.
pub struct Running(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

fn billing<T>(port: T, units: &Arc<Units>) -> Billing<T> {
    Billing {
        port,
        units: Arc::clone(units),
    }
}

/// Invokes the function for batches of a queue, at most `most` times at once.
async fn poll(dispatch: Arc<Dispatch<Ports>>, queues: Queues, units: Arc<Units>, pool: Pool, most: usize) {
    let places = Arc::new(Semaphore::new(most));
    for nth in 0_u64.. {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let batch = queues.take(pool).await;
        let (dispatch, units) = (Arc::clone(&dispatch), Arc::clone(&units));
        tokio::spawn(async move {
            let (began, now) = (Instant::now(), dispatch.clock.now());
            let invocation = Invocation {
                id: format!("{}{nth}", pool.as_str()),
                deadline: now + TIMEOUT,
                pool,
            };
            let records = batch.into_iter().map(record).collect();
            let _has_ids = consume(&dispatch, SqsBatch { records }, &invocation).await;
            add(&units.invocations, 1);
            add(
                &units.invoked_ms,
                usize::try_from(began.elapsed().as_millis()).unwrap_or(usize::MAX),
            );
            drop(place);
        });
    }
}

fn record(endpoint: EndpointKey) -> SqsRecord {
    SqsRecord {
        message_id: Some("wake-up".to_owned()),
        body: Some(WakeUp { endpoint }.body()),
        ..SqsRecord::default()
    }
}

fn keep(event: &Happened, accepted_at: Timestamp) -> KeptEvent {
    KeptEvent {
        store: store(),
        id: EventId::new(accepted_at, &[&event.nth.to_string()]),
        kind: EventType::PRODUCT_UPDATED,
        subject: SubjectKey {
            kind: "product".to_owned(),
            id: event.subject.to_string(),
        },
        cause: None,
        at: accepted_at,
        accepted_at,
        expires_at: accepted_at + RETENTION,
        // The number is all that the endpoints here read.
        json: event.nth.to_string(),
        verdicts: Verdicts::new(),
        bus: BusVerdict::Off,
        bus_error: None,
    }
}

fn entry(kept: &KeptEvent, event: &Happened) -> Entry {
    Entry {
        key: EntryKey {
            // In their order, which those of one batch have by their ids otherwise.
            due: kept.accepted_at + SignedDuration::from_micros(i64::try_from(event.nth % 1000).unwrap_or(0)),
            event: kept.id.clone(),
            run: 0,
        },
        store: kept.store.clone(),
        subject: kept.subject.clone(),
        version: Some(event.version),
        accepted_at: kept.accepted_at,
    }
}
