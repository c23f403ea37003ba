//! Use case: people send messages again, and send tests.
//!
//! Each adds entries to an outbox and then wakes the dispatcher. A message that is sent again gets a new run, one above that of
//! its record; doing it twice before the dispatcher has looked gives one run, and one attempt.

use hookline_events::{EventId, EventType};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    BusVerdict, Challenge, Endpoint, EndpointKey, EndpointRecords, EndpointState, Entry, EntryKey, EventFilter,
    EventLog, EventRecords, KeptEvent, MessageFate, MessageRecord, MessageRecords, MessageView, Outboxes, Scope,
    SubjectKey, TypePattern, Verdict, Verdicts, WakeUps, catalog,
};
use crate::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
        time::{Pause, later, whole_micros},
    },
    outbound::Kept,
};

/// Most events that one call of [`Resend::replay`] looks at.
pub const MAX_REPLAYED: usize = 1000;

/// Events of one page of a replay.
const PAGE: usize = 100;

/// Time between two looks at the record of a test.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_millis(250);

/// Looks at the record of a test: 12 seconds together.
const LOOKS: usize = 48;

/// Time for which the event of a test is kept.
const TEST_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Ports of [`Resend`].
pub trait ResendPorts {
    /// Endpoints.
    type Endpoints: EndpointRecords;
    /// Outboxes.
    type Outboxes: Outboxes;
    /// Records of messages.
    type Messages: MessageRecords;
    /// Kept events.
    type Events: EventLog + EventRecords;
    /// Wake-ups of outboxes.
    type WakeUps: WakeUps;
    /// Waits for the outcome of a test.
    type Pause: Pause;
    /// Clock.
    type Clock: Clock;
}

/// The use case.
pub struct Resend<P: ResendPorts> {
    /// Endpoints.
    pub endpoints: P::Endpoints,
    /// Outboxes.
    pub outboxes: P::Outboxes,
    /// Records of messages.
    pub messages: P::Messages,
    /// Kept events.
    pub events: P::Events,
    /// Wake-ups of outboxes.
    pub wake_ups: P::WakeUps,
    /// Waits for the outcome of a test.
    pub pause: P::Pause,
    /// Clock.
    pub clock: P::Clock,
}

/// Failure to send messages.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// A table or the queue did not answer. **Retryable.**
    #[error(transparent)]
    Storage(#[from] PortError),
    /// There is no such endpoint.
    #[error("there is no such endpoint")]
    NoEndpoint,
    /// There is no such message.
    #[error("there is no such message: the event was never for this endpoint, or it is no longer known")]
    NoMessage,
    /// The message has no fate yet.
    #[error("the message is still open: {0}")]
    Open(String),
    /// The event is no longer kept.
    #[error("the event is no longer kept, so that it cannot be sent again")]
    NotKept,
    /// The endpoint is in a state that does not allow it.
    #[error("the endpoint is {state}: {advice}")]
    State {
        /// The state.
        state: &'static str,
        /// Advice.
        advice: &'static str,
    },
}

/// Messages of the past to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRange {
    /// Events of this time or later.
    pub from: Timestamp,
    /// Events before this time.
    pub to: Timestamp,
    /// Types of events; none for all.
    pub types: Vec<TypePattern>,
    /// Fates.
    pub only: ReplayOnly,
    /// Goes on after this event: [`Replayed::next`] of the last call.
    pub after: Option<EventId>,
    /// True to count and change nothing.
    pub is_dry_run: bool,
}

/// Fates of the messages that a replay sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ReplayOnly {
    /// Those that the endpoint never took: exhausted, expired, discarded or aborted.
    #[default]
    Failed,
    /// All that have a fate, also those that the endpoint has taken.
    All,
}

/// Outcome of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Messages that are sent again, or would be.
    pub queued: usize,
    /// Events looked at.
    pub events: usize,
    /// Event after which the next call goes on; `None` if nothing is left.
    pub next: Option<EventId>,
}

/// Outcome of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The message.
    pub message: MessageView,
    /// True if it was not attempted within 12 seconds.
    pub is_waiting: bool,
}

impl ReplayOnly {
    fn selects(self, fate: MessageFate) -> bool {
        match fate {
            MessageFate::Exhausted | MessageFate::Expired | MessageFate::Discarded | MessageFate::Aborted => true,
            MessageFate::Sent | MessageFate::Superseded => self == Self::All,
        }
    }
}

impl<P: ResendPorts> Resend<P> {
    /// Sends one settled message again, at once. Returns it as it is then.
    ///
    /// # Errors
    /// [`ResendError`].
    pub async fn retry(&self, key: &EndpointKey, id: &EventId) -> Result<MessageView, ResendError> {
        let endpoint = self.endpoint(key).await?;
        let now = self.clock.now();
        let Some(record) = self.messages.find_one(key, id).await? else {
            return Err(self.without_record(&endpoint, id).await?);
        };
        if record.fate.is_none() {
            let view = MessageView::of(&endpoint, id, &record, now);
            return Err(ResendError::Open(view.sentence));
        }
        let event = self.events.find(&record.store, id).await?.ok_or(ResendError::NotKept)?;
        let entry = again(&event, &record, whole_micros(now));
        self.outboxes.add(key, std::slice::from_ref(&entry)).await?;
        self.wake(&endpoint).await?;
        Ok(MessageView::open(&endpoint, &entry, Some(&event.kind), None, now))
    }

    /// Returns the reason why a message without a record is not sent again: it was never tried, or is none.
    async fn without_record(&self, endpoint: &Endpoint, id: &EventId) -> Result<ResendError, PortError> {
        // For an endpoint of all stores, nothing says in which store it happened.
        let Scope::Store(store) = &endpoint.key.scope else {
            return Ok(ResendError::NoMessage);
        };
        let event = self.events.find(store, id).await?;
        let event = event.filter(|event| event.verdicts.get(&endpoint.key) == Some(&Verdict::Queued));
        Ok(event.map_or(ResendError::NoMessage, |event| {
            let view = MessageView::untried(endpoint, id, store, Some(&event.kind), self.clock.now());
            ResendError::Open(view.sentence)
        }))
    }

    /// Sends messages of a store's events again, the oldest first. Looks at no more than [`MAX_REPLAYED`] events.
    ///
    /// # Errors
    /// [`ResendError`]. Whatever was queued before a failure is sent; the same call again sends nothing twice unless the dispatcher
    /// was faster.
    pub async fn replay(
        &self,
        key: &EndpointKey,
        store: &StoreKey,
        range: &ReplayRange,
    ) -> Result<Replayed, ResendError> {
        let endpoint = self.endpoint(key).await?;
        let now = whole_micros(self.clock.now());
        let mut filter = EventFilter {
            kind: match &range.types[..] {
                [one] => Some(one.clone()),
                _ => None,
            },
            before: Some(EventId::first_of(range.to)),
            after: Some(range.after.clone().unwrap_or_else(|| EventId::first_of(range.from))),
            ..EventFilter::default()
        };
        let mut done = Replayed::default();
        while done.events < MAX_REPLAYED {
            let page = self.events.list(store, &filter, PAGE).await?;
            done.events += page.events.len();
            let is_selected = |event: &&KeptEvent| {
                let is_of = range.types.iter().any(|kind| kind.selects(event.kind.as_str()));
                (range.types.is_empty() || is_of) && event.verdicts.get(key) == Some(&Verdict::Queued)
            };
            let selected: Vec<&KeptEvent> = page.events.iter().filter(is_selected).collect();
            let entries = self.entries(key, &selected, range.only, now).await?;
            done.queued += entries.len();
            if !entries.is_empty() && !range.is_dry_run {
                self.outboxes.add(key, &entries).await?;
            }
            done.next.clone_from(&page.next);
            match page.next {
                Some(next) => filter.after = Some(next),
                None => break,
            }
        }
        if done.queued > 0 && !range.is_dry_run {
            self.wake(&endpoint).await?;
        }
        Ok(done)
    }

    async fn entries(
        &self,
        key: &EndpointKey,
        selected: &[&KeptEvent],
        only: ReplayOnly,
        now: Timestamp,
    ) -> Result<Vec<Entry>, PortError> {
        if selected.is_empty() {
            return Ok(vec![]);
        }
        let ids: Vec<(StoreKey, EventId)> = selected
            .iter()
            .map(|event| (event.store.clone(), event.id.clone()))
            .collect();
        let known = self.messages.known(key, &ids).await?;
        let entries = selected.iter().zip(known).filter_map(|(event, known)| {
            let record = known.record?;
            let fate = record.fate?;
            only.selects(fate).then(|| again(event, &record, now))
        });
        Ok(entries.collect())
    }

    /// Keeps the sample of a type as an event of a store, for this endpoint only, sends it before all other messages, and waits for
    /// the outcome of its first attempt.
    ///
    /// # Errors
    /// [`ResendError`].
    pub async fn test(&self, key: &EndpointKey, kind: &EventType, store: &StoreKey) -> Result<Tested, ResendError> {
        let endpoint = self.endpoint(key).await?;
        let advice = match endpoint.state {
            EndpointState::Active => None,
            EndpointState::Paused | EndpointState::Disabled(_) => Some("activate it, then test it"),
            EndpointState::Deleting => Some("create another one"),
        };
        if let Some(advice) = advice {
            let state = endpoint.state.as_str();
            return Err(ResendError::State { state, advice });
        }
        let now = whole_micros(self.clock.now());
        let event = test_event(&endpoint, kind, store, now)?;
        for kept in self.events.keep(std::slice::from_ref(&event)).await {
            match kept? {
                Kept::New | Kept::Before(_) => {}
            }
        }
        let entry = Entry {
            key: EntryKey {
                due: Timestamp::UNIX_EPOCH,
                event: event.id.clone(),
                run: 0,
            },
            store: store.clone(),
            subject: event.subject.clone(),
            // A sample's version must not hold up the states of a real thing.
            version: None,
            accepted_at: now,
        };
        self.outboxes.add(key, &[entry]).await?;
        self.wake(&endpoint).await?;
        for _ in 0..LOOKS {
            self.pause.pause(LOOK_AGAIN_AFTER).await;
            if let Some(record) = self.messages.find_one(key, &event.id).await? {
                let message = MessageView::in_detail(&endpoint, &event.id, &record, self.clock.now());
                return Ok(Tested {
                    message,
                    is_waiting: false,
                });
            }
        }
        // It may have been disabled meanwhile, because of this very test.
        let endpoint = self.endpoint(key).await?;
        Ok(Tested {
            message: MessageView::untried(&endpoint, &event.id, store, Some(&event.kind), self.clock.now()),
            is_waiting: true,
        })
    }

    /// Waits for the outcome of a challenge. Returns the endpoint as it is then, with the challenge if it has not been sent within 12
    /// seconds.
    ///
    /// # Errors
    /// [`ResendError`].
    pub async fn await_proof(&self, key: &EndpointKey, challenge: &Challenge) -> Result<Endpoint, ResendError> {
        for _ in 0..LOOKS {
            self.pause.pause(LOOK_AGAIN_AFTER).await;
            let endpoint = self.endpoint(key).await?;
            if endpoint.proof.challenge.as_ref() != Some(challenge) {
                return Ok(endpoint);
            }
        }
        self.endpoint(key).await
    }

    async fn endpoint(&self, key: &EndpointKey) -> Result<Endpoint, ResendError> {
        let endpoint = self.endpoints.read(key).await?.ok_or(ResendError::NoEndpoint)?;
        if endpoint.state == EndpointState::Deleting {
            let (state, advice) = (endpoint.state.as_str(), "create another one");
            return Err(ResendError::State { state, advice });
        }
        Ok(endpoint)
    }

    async fn wake(&self, endpoint: &Endpoint) -> Result<(), PortError> {
        if endpoint.state != EndpointState::Active {
            return Ok(());
        }
        self.wake_ups
            .send(&endpoint.key, endpoint.pool, std::time::Duration::ZERO)
            .await
    }
}

/// Entry of a settled message's next run. It waits from `now`, so that a message of the past has not expired at once.
fn again(event: &KeptEvent, record: &MessageRecord, now: Timestamp) -> Entry {
    Entry {
        key: EntryKey {
            due: now,
            event: event.id.clone(),
            run: record.run.saturating_add(1),
        },
        store: event.store.clone(),
        subject: event.subject.clone(),
        version: event.version(),
        accepted_at: now,
    }
}

/// Sample of a type as an event of a store, with a new id.
fn test_event(endpoint: &Endpoint, kind: &EventType, store: &StoreKey, now: Timestamp) -> Result<KeptEvent, PortError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| PortError::new("randomness", error))?;
    let random = format!("{:032x}", u128::from_be_bytes(bytes));
    let id = EventId::new(now, &[&store.to_string(), "test", &random]);
    let mut sample = catalog::sample(kind);
    sample["id"] = json!(id);
    sample["type"] = json!(kind);
    sample["timestamp"] = json!(id.timestamp());
    sample["store"] = json!({"source": store.source, "id": store.store});
    sample["cause"] = Value::Null;
    if let Value::Object(members) = &mut sample {
        // Made up, and yet no endpoint is to take them for what it did not ask for.
        members.remove("personal");
        members.remove("meta");
    }
    let text = |name: &str| sample["subject"][name].as_str().unwrap_or("test").to_owned();
    Ok(KeptEvent {
        store: store.clone(),
        kind: kind.clone(),
        subject: SubjectKey {
            kind: text("kind"),
            id: text("id"),
        },
        cause: None,
        at: id.timestamp(),
        accepted_at: now,
        expires_at: later(now, TEST_KEPT_FOR),
        json: sample.to_string(),
        verdicts: Verdicts::from([(endpoint.key.clone(), Verdict::Queued)]),
        bus: BusVerdict::Off,
        bus_error: None,
        id,
    })
}

#[cfg(test)]
mod tests;
