//! Use case: apply a batch of deliveries to the index, each with the effect of one, in any order.
//!
//! ```text
//!   read ─▶ apply ─▶ send follow-ups ─▶ ledger ─▶ failed deliveries ─▶ status
//!             └─▶ remove what uninstalls ended ─▶ comply with privacy requests
//! ```
//!
//! Every step may be repeated, so a consumer that dies at any point leaves messages that the next one finishes.

mod archiving;
pub mod audit;
mod compliance;
mod finish;
mod follow_ups;
mod forward;
mod interpret;
mod route;
#[cfg(test)]
mod tests;
mod unpack;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt, future, stream};
use hookline_events::Cause;
use jiff::Timestamp;

pub use self::archiving::{Copies, Keep};
pub use self::compliance::{Compliance, CompliancePorts, Comply, NoCompliance, Reached};
pub use self::interpret::Interpret;
use self::interpret::{Endpoints, endpoint_of};
pub use self::unpack::{FetchBodyError, Fetched, Unpack, UnpackError};
use self::{
    compliance::PrivacyRequest,
    follow_ups::{FollowUps, Unfetched, park_without_token},
    route::{Step, route},
};
pub use crate::catalogue::apply::Verdict;
use crate::{
    catalogue::{
        apply::{Apply, IndexPorts, Item, Origin, Placed, PlacedFact, Verdicts, parked},
        jobs::Jobs,
    },
    delivery::{
        Delivery,
        failed::FailedDeliveries,
        ledger::{Completion, Fate, Ledger},
        sealed::SealedBody,
        subject::Subject,
    },
    event::{Event, Request, fact::Fact},
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryKey, EventId, StoreKey},
        port::{CALLS_AT_ONCE, Clock},
    },
    store::{
        inbound::InboundEndpoints,
        stores::{Look, StoreRecord, Stores},
    },
};

/// Ports that apply deliveries.
pub trait ConsumerPorts: IndexPorts<Stores: FailedDeliveries + InboundEndpoints> {
    /// Ledger of completed deliveries.
    type Ledger: Ledger;
    /// Queue of jobs that read from stores.
    type Jobs: Jobs;
    /// Compliance with privacy requests: [`Compliance`], or [`NoCompliance`].
    type Compliance: Comply;
}

/// Applies deliveries.
pub struct Reindex<P: ConsumerPorts> {
    /// Ledger of completed deliveries.
    pub ledger: P::Ledger,
    /// Puts states into the index.
    pub apply: Apply<P>,
    /// Queue of jobs that read from stores.
    pub jobs: P::Jobs,
    /// Ports for privacy requests; if `None`, such requests are parked.
    pub compliance: Option<P::Compliance>,
    /// Interprets a body.
    pub interpret: Interpret,
}

/// A queue message, as read by [`Unpack`].
#[derive(Debug, Clone)]
pub struct Message {
    /// The queue's id of this copy.
    pub id: String,
    /// The delivery that it holds or points to. The error is shared, so that a message can be copied, as queues do.
    pub delivery: Result<Delivery, Arc<UnpackError>>,
    /// Sealed body of a delivery about people, which is passed on unread.
    pub sealed: Option<SealedBody>,
    /// This receive of the message.
    pub tried: Try,
}

/// One receive of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Number of the receive, from 1.
    pub number: u32,
    /// Receipt given by the queue.
    pub receipt: Option<String>,
}

impl Default for Try {
    /// The first receive, without a receipt.
    fn default() -> Self {
        Self {
            number: 1,
            receipt: None,
        }
    }
}

/// A queue message that has not been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The queue's id of this copy.
    pub id: String,
    /// Text of the message.
    pub text: String,
    /// This receive of the message.
    pub tried: Try,
}

impl From<(String, String)> for Raw {
    /// A first receive, from an id and a text.
    fn from((id, text): (String, String)) -> Self {
        Self {
            id,
            text,
            tried: Try::default(),
        }
    }
}

/// Outcome of one message.
#[derive(Debug)]
pub struct Processed {
    /// The queue's id of the message.
    pub message_id: String,
    /// The delivery that it held, if the message was ours.
    pub delivery: Option<DeliveryKey>,
    /// The verdict.
    pub verdict: Verdict,
}

/// State of one message while its batch is being processed.
struct Slot {
    message_id: String,
    /// The delivery that it holds and the time it was received; `None` if the message is not ours.
    delivery: Option<(DeliveryKey, Timestamp)>,
    /// Further facts, for the activity log of its store.
    facts: Facts,
    /// Sealed body, for its events.
    sealed: Option<SealedBody>,
    /// `true` if it creates the record of a store that we do not know.
    makes_store: bool,
    /// This receive of the message.
    tried: Try,
    /// `Some` once the completion is recorded; decides whether the ledger counts it.
    completion: Option<Completion>,
}

/// Facts that a delivery carries about itself, as far as it could be read.
#[derive(Default)]
struct Facts {
    event_id: Option<EventId>,
    triggered_at: Option<Timestamp>,
    subject: Option<Subject>,
}

impl Slot {
    /// The delivery, as events name their cause.
    fn cause(&self) -> Option<Cause> {
        let (delivery, received_at) = self.delivery.as_ref()?;
        Some(Cause {
            topic: delivery.topic.to_string(),
            delivery_id: Some(delivery.id.to_string()),
            received_at: *received_at,
        })
    }
}

/// One batch, in the order of its messages.
struct Batch {
    slots: Vec<Slot>,
    verdicts: Verdicts,
    /// Items by store.
    items: BTreeMap<StoreKey, Vec<Item>>,
    /// Stores that we do not know.
    unknown: BTreeSet<StoreKey>,
    /// Stores of which the batch has nothing but deletions of products.
    deleting: BTreeSet<StoreKey>,
}

/// Items of one store that go on to the index.
#[derive(Default)]
struct Routed {
    /// Position and time of each uninstall.
    uninstalls: Vec<(usize, Timestamp)>,
    /// States and deletions.
    states: Vec<Item>,
    /// Facts that somebody listens to.
    facts: Vec<PlacedFact>,
}

impl Batch {
    /// Routes the items of one store. Those that need nothing from the index get their verdict here; a follow-up or a
    /// request that fails later changes it.
    fn route(
        &mut self,
        store: &StoreKey,
        look: &Look,
        items: Vec<Item>,
        follow_ups: &mut FollowUps,
        requests: &mut Vec<PrivacyRequest>,
        now: Timestamp,
    ) -> Routed {
        let connected = look.record.as_ref().is_some_and(|record| record.connected);
        let mut routed = Routed::default();
        for item in items {
            let at = item.at;
            match route(&item.event, connected) {
                Step::Index => routed.states.push(item),
                Step::IndexAndFetch(follow_up) => {
                    follow_ups.add(store, follow_up, at);
                    routed.states.push(item);
                }
                Step::IndexPart => {
                    follow_ups.add_unfetched(at, Unfetched::Rest);
                    routed.states.push(item);
                }
                Step::Fetch(follow_up) => {
                    follow_ups.add(store, follow_up, at);
                    self.verdicts.decide(at, Verdict::Settled(Fate::Applied));
                }
                Step::AwaitToken => self.verdicts.decide(at, park_without_token()),
                Step::DiscardStock => {
                    follow_ups.add_unfetched(at, Unfetched::Stock);
                    self.verdicts.decide(at, Verdict::Settled(Fate::Discarded));
                }
                Step::EndInstall => {
                    routed.uninstalls.push((at, item.observed_at));
                    let fact = Fact::uninstalled(store, item.observed_at);
                    let placed = fact.and_then(|fact| PlacedFact::of(&item, store, fact, look, now));
                    routed.facts.extend(placed);
                }
                Step::Publish => {
                    self.verdicts.decide(at, Verdict::Settled(Fate::Noted));
                    if let Event::Fact(fact) = &item.event {
                        let fact = (**fact).clone();
                        let placed = PlacedFact::of(&item, store, fact, look, now);
                        routed.facts.extend(placed.map(|placed| PlacedFact {
                            sealed: self.slots.get(at).and_then(|slot| slot.sealed.clone()),
                            ..placed
                        }));
                    }
                }
                Step::Comply(request) => {
                    if let Event::Compliance(Request::CustomerRedaction, Some(customer)) = &item.event {
                        let fact = Fact::customer_redacted(customer.clone());
                        routed.facts.extend(PlacedFact::of(&item, store, fact, look, now));
                    }
                    // Every item is from a delivery; without one there is no verdict, so the message is retried.
                    if let Some((delivery, received_at)) = &self.slots[at].delivery {
                        requests.push(PrivacyRequest::new(request, &item, delivery, *received_at));
                    }
                }
                Step::Note => self.verdicts.decide(at, Verdict::Settled(Fate::Noted)),
            }
        }
        routed
    }
}

impl<P: ConsumerPorts> Reindex<P> {
    /// Applies a batch. Returns one verdict per message, in order. At `stop_at`, stops removing the documents of an
    /// uninstalled store and lets that message be received again.
    pub async fn apply(&self, messages: Vec<Message>, stop_at: Timestamp) -> Vec<Processed> {
        let endpoints = self.endpoints_of(&messages).await;
        let mut batch = self.read(messages, &endpoints);
        let mut looks = self.find_stores(&mut batch).await;

        let mut placed = Placed::default();
        let mut follow_ups = FollowUps::default();
        let mut requests = Vec::new();
        let now = self.apply.clock.now();
        for (store, items) in std::mem::take(&mut batch.items) {
            if let Some(look) = looks.get_mut(&store) {
                let routed = batch.route(&store, look, items, &mut follow_ups, &mut requests, now);
                placed.facts.extend(routed.facts);
                let record = look.record.get_or_insert_default();
                self.apply
                    .end_installs(&mut batch.verdicts, &mut placed, record, &store, routed.uninstalls)
                    .await;
                self.apply
                    .assign_installs(&mut batch.verdicts, &mut placed, record, &store, routed.states)
                    .await;
            }
        }
        let settled = self.apply.settle(&mut batch.verdicts, &placed).await;
        self.look_after_deletions(&mut batch, &mut looks, settled.looks).await;
        let listened = forward::listened(&looks, now);
        let records: BTreeMap<StoreKey, StoreRecord> = (looks.into_iter())
            .map(|(store, look)| (store, look.record.unwrap_or_default()))
            .collect();
        follow_ups.add_open(&records, settled.open);
        let mut events = settled.events;
        self.forward(&mut batch, &listened, &mut events).await;
        let cause = |at: usize| batch.slots.get(at).and_then(Slot::cause);
        self.send_follow_ups(&mut batch.verdicts, &follow_ups, cause).await;
        // Last, because it may take long, and the documents of other stores should not wait for it.
        for removal in &placed.removals {
            let verdict = self.apply.remove_ended(&removal.store, removal.ended, stop_at).await;
            batch.verdicts.decide_unless_retried(removal.at, verdict);
        }
        for request in &requests {
            let verdict = self.comply(request, stop_at).await;
            batch.verdicts.decide_unless_retried(request.at, verdict);
        }

        let completed = self.complete(&mut batch, &follow_ups, events);
        future::join(completed, self.apply.clear(&settled.sent)).await;
        self.apply.retire_removed(&settled.removed).await;
        self.remember(&mut batch, &records).await;
        self.record(&batch, &records, &follow_ups).await;
        batch.report()
    }

    /// Reads every message; one that cannot be read gets its verdict here and does not affect the others.
    fn read(&self, messages: Vec<Message>, endpoints: &Endpoints) -> Batch {
        let mut batch = Batch {
            slots: Vec::with_capacity(messages.len()),
            verdicts: Verdicts(vec![None; messages.len()]),
            items: BTreeMap::new(),
            unknown: BTreeSet::new(),
            deleting: BTreeSet::new(),
        };
        for (at, message) in messages.into_iter().enumerate() {
            let mut slot = Slot {
                message_id: message.id,
                delivery: None,
                facts: Facts::default(),
                sealed: message.sealed,
                makes_store: false,
                tried: message.tried,
                completion: None,
            };
            match message.delivery {
                Ok(delivery) => {
                    slot.delivery = Some((delivery.key.clone(), delivery.received_at));
                    let endpoint = endpoint_of(&delivery, endpoints);
                    let event = endpoint.map(|endpoint| (self.interpret.read)(&delivery, endpoint));
                    match event {
                        Ok(Ok(event)) => {
                            slot.facts.subject = Subject::of(&event);
                            slot.makes_store = event.makes_store();
                            batch.items.entry(delivery.key.store.clone()).or_default().push(Item {
                                at,
                                event,
                                observed_at: delivery.observed_at(),
                                is_fetched: false,
                                origin: Origin::Caused(slot.cause()),
                            });
                        }
                        Ok(Err(problem)) => batch.verdicts.decide(at, parked(&problem)),
                        Err(verdict) => batch.verdicts.decide(at, verdict),
                    }
                    slot.facts.triggered_at = delivery.triggered_at;
                    slot.facts.event_id = delivery.event_id;
                }
                Err(problem) => match &*problem {
                    UnpackError::NoBody {
                        delivery,
                        received_at,
                        why,
                    } => {
                        slot.delivery = Some((delivery.clone(), *received_at));
                        batch.verdicts.decide(at, no_body(why));
                    }
                    UnpackError::NotOurs(problem) => {
                        let message = problem.to_string();
                        batch.verdicts.decide(at, Verdict::NotOurs { message });
                    }
                },
            }
            batch.slots.push(slot);
        }
        batch
    }

    /// Looks at the stores of a batch. Those with nothing but deletions of products get an empty look: deletions are final
    /// in every install, so the look after the writing is enough.
    async fn find_stores(&self, batch: &mut Batch) -> BTreeMap<StoreKey, Look> {
        let mut wanted: BTreeMap<StoreKey, Vec<usize>> = BTreeMap::new();
        for (at, slot) in batch.slots.iter().enumerate() {
            if let Some((key, _)) = &slot.delivery {
                wanted.entry(key.store.clone()).or_default().push(at);
            }
        }
        let mut looks = BTreeMap::new();
        wanted.retain(|store, places| {
            let is_deleting = batch.items.get(store).is_some_and(|items| {
                let deletions = items
                    .iter()
                    .filter(|item| matches!(item.event, Event::ProductDeleted(_)));
                deletions.count() == places.len()
            });
            if is_deleting {
                batch.deleting.insert(store.clone());
                looks.insert(store.clone(), Look::default());
            }
            !is_deleting
        });
        self.look(batch, wanted, &mut looks).await;
        looks
    }

    /// Replaces the empty looks by those taken after the writing, and looks where nothing was written.
    async fn look_after_deletions(
        &self,
        batch: &mut Batch,
        looks: &mut BTreeMap<StoreKey, Look>,
        mut taken: BTreeMap<StoreKey, Look>,
    ) {
        let mut wanted: BTreeMap<StoreKey, Vec<usize>> = BTreeMap::new();
        for store in std::mem::take(&mut batch.deleting) {
            looks.remove(&store);
            if let Some(look) = taken.remove(&store) {
                if look.record.is_none() {
                    batch.unknown.insert(store.clone());
                }
                looks.insert(store, look);
            } else {
                let is_of = |slot: &Slot| slot.delivery.as_ref().is_some_and(|(key, _)| key.store == store);
                let places = (batch.slots.iter().enumerate()).filter(|(_, slot)| is_of(slot));
                wanted.insert(store.clone(), places.map(|(at, _)| at).collect());
            }
        }
        self.look(batch, wanted, looks).await;
    }

    /// Looks at stores, each with the positions of its deliveries, which are retried if it fails.
    async fn look(
        &self,
        batch: &mut Batch,
        wanted: BTreeMap<StoreKey, Vec<usize>>,
        looks: &mut BTreeMap<StoreKey, Look>,
    ) {
        let found: Vec<_> = stream::iter(wanted)
            .map(async |(store, places)| (self.apply.stores.look(&store).await, store, places))
            .buffer_unordered(CALLS_AT_ONCE)
            .collect()
            .await;
        for (look, store, places) in found {
            match look {
                Ok(look) => {
                    if look.record.is_none() {
                        batch.unknown.insert(store.clone());
                    }
                    looks.insert(store, look);
                }
                Err(failure) => {
                    let verdict = Verdict::storage(&failure);
                    for at in places {
                        batch.verdicts.decide(at, verdict.clone());
                    }
                }
            }
        }
    }
}

fn no_body(why: &FetchBodyError) -> Verdict {
    match why {
        FetchBodyError::Unavailable(failure) => Verdict::storage(failure),
        FetchBodyError::Missing | FetchBodyError::Garbled(_) => Verdict::Parked {
            code: ErrorCode::BodyLost,
            message: why.to_string(),
        },
    }
}
