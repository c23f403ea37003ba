//! Use case: hand a batch of fan-out messages to the targets of their events.
//!
//! Steps, each of which may be repeated: events are kept, each once, with a verdict for each endpoint that there is; those that
//! are not newer than the erasure of their store are removed again; entries are put into the outboxes of endpoints, and these
//! are woken; before them, sealed bodies are kept for those of these endpoints that get personal data; then, as the last step, the bus gets those that it does not have; a message is done when all of its events are.
//! Before the bus, who [watches](super::Watch) a store is shown what was kept for the first time. So a message that is
//! received again finds what is done already: **the verdicts that were kept first count**, an entry has the same key each
//! time, and if only the bus has failed, the rest changes nothing. Between the bus and the record of its verdict, an event may
//! be posted twice.
//!
//! Looking at the store comes after keeping, and an erasure is recorded before it removes events. So either this sees the
//! erasure, or the erasure sees the event.

mod sealed;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

use self::sealed::Sealed;
pub use self::webhooks::Webhooks;
use futures_util::{StreamExt, stream};
use hookline_events::{EventId, Resource};
use jiff::{SignedDuration, Timestamp};

use super::{
    Bus, BusEvent, BusVerdict, EndpointRecords, EventLog, Kept, KeptEvent, Outboxes, Settled, SubjectKey, Verdict,
    Verdicts, WakeUps, Watch,
};
use crate::{
    catalogue::event_message::{self, SentEvent},
    kernel::{
        ids::StoreKey,
        port::{CALLS_AT_ONCE, Cause, Clock, PortError},
        time::{Pause, later, whole_micros},
    },
    live::{Push, Watchers},
    store::stores::Stores,
};

/// Ports of [`Distribute`].
pub trait FanOutPorts {
    /// Kept events.
    type Log: EventLog;
    /// Records of stores.
    type Stores: Stores;
    /// Endpoints.
    type Endpoints: EndpointRecords;
    /// Outboxes of endpoints.
    type Outboxes: Outboxes;
    /// Wake-ups of outboxes.
    type WakeUps: WakeUps;
    /// The event bus.
    type Bus: Bus;
    /// Connections, and the stores they watch.
    type Watchers: Watchers;
    /// Sends to connections.
    type Push: Push;
    /// Bounds the time that is spent on watchers.
    type Pause: Pause;
    /// Clock.
    type Clock: Clock;
}

/// The use case.
pub struct Distribute<P: FanOutPorts> {
    /// Kept events.
    pub log: P::Log,
    /// Records of stores.
    pub stores: P::Stores,
    /// Endpoints, with their outboxes.
    pub webhooks: Webhooks<P>,
    /// Event bus of the operator, if there is one.
    pub bus: Option<P::Bus>,
    /// Connections that watch stores; without it, nobody is shown events.
    pub watch: Option<Watch<P>>,
    /// Clock.
    pub clock: P::Clock,
    /// Time for which events are kept.
    pub retention: SignedDuration,
}

/// A message of the fan-out queue, as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanOutMessage {
    /// The queue's id of the message.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// A message that has been handled.
#[derive(Debug, PartialEq, Eq)]
pub struct Handled {
    /// The queue's id of the message.
    pub id: String,
    /// Store, if the message could be read.
    pub store: Option<StoreKey>,
    /// Number of its events that could be read.
    pub events: usize,
    /// Number of them that were kept for the first time.
    pub new: usize,
    /// Number of them that were dropped, because the store's data was erased since.
    pub dropped: usize,
    /// Outcome.
    pub outcome: Outcome,
}

/// Outcome of a message, from the best to the worst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All its events are with their targets.
    Done,
    /// An event, or the whole message, cannot be sent on by this code. The others are done. The queue parks it.
    Parked {
        /// Reason, without any value of an event.
        reason: String,
    },
    /// Only the bus has failed. Retryable, for the bus alone.
    BusFailed {
        /// Reason, without any value of an event.
        reason: String,
    },
    /// A table failed. Retryable.
    Retry {
        /// Class of the failure.
        cause: &'static str,
        /// Reason, without any value of an event.
        reason: String,
    },
}

impl Outcome {
    /// Returns true if the message can be deleted.
    #[must_use]
    pub fn is_done(&self) -> bool {
        *self == Self::Done
    }

    fn retry(failure: &PortError) -> Self {
        Self::Retry {
            cause: failure.cause.as_str(),
            reason: failure.to_string(),
        }
    }
}

impl Handled {
    /// Lets the worst outcome count, and of several the first.
    fn met(&mut self, outcome: Outcome) {
        if std::mem::discriminant(&outcome) != std::mem::discriminant(&self.outcome) && outcome > self.outcome {
            self.outcome = outcome;
        }
    }
}

/// Readable events, with the places of the messages that contain each.
type Pending = BTreeMap<(StoreKey, EventId), (KeptEvent, BTreeSet<usize>)>;

/// An event that is kept, with the places of the messages that contain it.
struct KeptNow {
    event: KeptEvent,
    places: BTreeSet<usize>,
    /// True if it was not kept before.
    is_new: bool,
}

/// Kept events, by the target that is still to get them.
#[derive(Default)]
struct Targets {
    /// Those kept for the first time, of stores that may be watched, in the order of stores and ids.
    watchers: Vec<KeptEvent>,
    /// Those that are messages of endpoints, with the places of the messages that contain each.
    endpoints: Vec<(KeptEvent, BTreeSet<usize>)>,
    /// Those that the bus does not have, with the places of the messages that contain each.
    bus: Vec<(KeptEvent, BTreeSet<usize>)>,
}

impl<P: FanOutPorts> Distribute<P> {
    /// Handles messages. Returns one outcome for each, in their order.
    pub async fn take(&self, messages: Vec<FanOutMessage>) -> Vec<Handled> {
        let now = whole_micros(self.clock.now());
        let mut pending = Pending::new();
        let mut sealed = Sealed::new();
        let mut handled = Vec::with_capacity(messages.len());
        for (place, message) in messages.into_iter().enumerate() {
            handled.push(self.open(place, message, now, &mut pending, &mut sealed));
        }
        let stores = pending.keys().map(|(store, _)| store.clone());
        let read = self.webhooks.read(stores).await;
        let pending = webhooks::decide(&read, pending, &mut handled);
        let kept = self.keep(pending, &mut handled).await;
        let targets = self.remove_erased(kept, &mut handled, now).await;
        let queued = self
            .keep_sealed(&read, targets.endpoints, sealed, &mut handled, now)
            .await;
        self.webhooks.queue(&read, &queued, &mut handled).await;
        if let Some(watch) = &self.watch {
            watch.show(&targets.watchers, now).await;
        }
        self.post(targets.bus, &mut handled).await;
        handled
    }

    fn open(
        &self,
        place: usize,
        message: FanOutMessage,
        now: Timestamp,
        pending: &mut Pending,
        sealed: &mut Sealed,
    ) -> Handled {
        let mut handled = Handled {
            id: message.id,
            store: None,
            events: 0,
            new: 0,
            dropped: 0,
            outcome: Outcome::Done,
        };
        let opened = match event_message::open(&message.text) {
            Ok(opened) => opened,
            Err(problem) => {
                let reason = problem.to_string();
                handled.outcome = Outcome::Parked { reason };
                return handled;
            }
        };
        for event in opened.events {
            match event {
                Ok(sent) => {
                    handled.events += 1;
                    let event = self.accept(&opened.store, sent, now);
                    let key = (event.store.clone(), event.id.clone());
                    if !pending.contains_key(&key)
                        && let Some(body) = opened.sealed.get(&event.id)
                    {
                        sealed.insert(key.clone(), (event.cause.clone(), body.clone()));
                    }
                    pending
                        .entry(key)
                        .or_insert_with(|| (event, BTreeSet::new()))
                        .1
                        .insert(place);
                }
                Err(problem) => handled.met(Outcome::Parked {
                    reason: problem.to_string(),
                }),
            }
        }
        handled.store = Some(opened.store);
        handled
    }

    fn accept(&self, store: &StoreKey, SentEvent { event, json }: SentEvent<'_>, now: Timestamp) -> KeptEvent {
        KeptEvent {
            store: store.clone(),
            id: event.id,
            // A bus cannot have what a delivery's event is for: its bytes.
            bus: match &self.bus {
                Some(_) if event.kind.resource() != Resource::Delivery => BusVerdict::Queued,
                _ => BusVerdict::Off,
            },
            kind: event.kind,
            subject: SubjectKey {
                kind: event.subject.kind,
                id: event.subject.id,
            },
            cause: event.cause.and_then(|cause| cause.delivery_id?.parse().ok()),
            at: event.timestamp,
            accepted_at: now,
            expires_at: later(now, self.retention),
            json: json.to_owned(),
            verdicts: Verdicts::new(),
            bus_error: None,
        }
    }

    /// Keeps events. Returns those that are kept now.
    async fn keep(&self, pending: Pending, handled: &mut [Handled]) -> Vec<KeptNow> {
        if pending.is_empty() {
            return vec![];
        }
        let (events, places): (Vec<KeptEvent>, Vec<BTreeSet<usize>>) = pending.into_values().unzip();
        let outcomes = self.log.keep(&events).await;
        let mut all = Vec::with_capacity(events.len());
        for ((event, places), outcome) in events.into_iter().zip(places).zip(outcomes) {
            let (event, is_new) = match outcome {
                Ok(Kept::New) => (event, true),
                Ok(Kept::Before(first)) => (*first, false),
                Err(failure) => {
                    for place in &places {
                        handled[*place].met(Outcome::retry(&failure));
                    }
                    continue;
                }
            };
            all.push(KeptNow { event, places, is_new });
        }
        all
    }

    /// Removes events that are not newer than the erasure of their store. Returns the others, by their targets.
    async fn remove_erased(&self, kept: Vec<KeptNow>, handled: &mut [Handled], now: Timestamp) -> Targets {
        let stores: BTreeSet<StoreKey> = kept.iter().map(|kept| kept.event.store.clone()).collect();
        let finds = stores.into_iter().map(|store| async move {
            let found = self.stores.find(&store).await;
            (store, found)
        });
        // Collected, because the compiler cannot prove that the closure is Send.
        let finds: Vec<_> = finds.collect();
        let records: BTreeMap<_, _> = stream::iter(finds).buffered(CALLS_AT_ONCE).collect().await;
        let (mut targets, mut erased) = (Targets::default(), Vec::new());
        for kept in kept {
            let record = match &records[&kept.event.store] {
                Ok(record) => record.as_ref(),
                Err(failure) => {
                    for place in &kept.places {
                        handled[*place].met(Outcome::retry(failure));
                    }
                    continue;
                }
            };
            let erased_at = record.and_then(|record| record.redacted_at);
            if erased_at.is_some_and(|erased_at| kept.event.at <= erased_at) {
                erased.push(kept);
                continue;
            }
            for place in &kept.places {
                handled[*place].new += usize::from(kept.is_new);
            }
            if kept.is_new && record.is_some_and(|record| record.listening.is_watched(now)) {
                targets.watchers.push(kept.event.clone());
            }
            if kept.event.verdicts.values().any(|verdict| *verdict == Verdict::Queued) {
                targets.endpoints.push((kept.event.clone(), kept.places.clone()));
            }
            if kept.event.bus == BusVerdict::Queued {
                targets.bus.push((kept.event, kept.places));
            }
        }
        if !erased.is_empty() {
            let keys: Vec<(StoreKey, EventId)> = erased
                .iter()
                .map(|kept| (kept.event.store.clone(), kept.event.id.clone()))
                .collect();
            let removed = self.log.remove(&keys).await;
            for place in erased.iter().flat_map(|kept| &kept.places) {
                match &removed {
                    Ok(()) => handled[*place].dropped += 1,
                    Err(failure) => handled[*place].met(Outcome::retry(failure)),
                }
            }
        }
        targets
    }

    /// Posts events, and records what the bus says. Without a bus, which an operator may have removed since the events
    /// were accepted, records that.
    async fn post(&self, queued: Vec<(KeptEvent, BTreeSet<usize>)>, handled: &mut [Handled]) {
        if queued.is_empty() {
            return;
        }
        let posted = match &self.bus {
            Some(bus) => {
                let events: Vec<BusEvent> = queued.iter().map(|(event, _)| for_bus(event)).collect();
                let posted = bus.post(&events).await.into_iter();
                posted.map(|posted| posted.map(|()| BusVerdict::Sent)).collect()
            }
            None => queued.iter().map(|_| Ok(BusVerdict::Off)).collect::<Vec<_>>(),
        };
        let settled = queued.iter().zip(&posted).map(|((event, _), posted)| Settled {
            store: event.store.clone(),
            id: event.id.clone(),
            bus: *posted.as_ref().unwrap_or(&BusVerdict::Queued),
            error: posted.as_ref().err().map(reason),
        });
        let recorded = self.log.settle(&settled.collect::<Vec<_>>()).await;
        let refused = posted.iter().filter(|posted| posted.is_err()).count();
        for (((_, places), posted), recorded) in queued.iter().zip(&posted).zip(recorded) {
            let outcome = match (posted, recorded) {
                // The reason in the table is only for people, so it need not be there.
                (Err(failure), _) => Outcome::BusFailed {
                    reason: format!(
                        "{failure}; it has not accepted {refused} of {} events, which are kept",
                        queued.len()
                    ),
                },
                (Ok(_), Err(failure)) => Outcome::retry(&failure),
                (Ok(_), Ok(())) => continue,
            };
            for place in places {
                handled[*place].met(outcome.clone());
            }
        }
    }
}

fn for_bus(event: &KeptEvent) -> BusEvent {
    BusEvent {
        source: format!("hookline.{}", event.store.source),
        detail_type: event.kind.to_string(),
        detail: event.json.clone(),
        time: event.at,
    }
}

/// Reason of a refusal, as the kept event has it: `throttled (ThrottlingException)`.
fn reason(failure: &PortError) -> String {
    let cause: Cause = failure.cause;
    match failure.code() {
        Some(code) => format!("{cause} ({code})"),
        None => cause.to_string(),
    }
}
