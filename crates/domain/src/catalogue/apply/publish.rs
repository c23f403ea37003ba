//! Publishing: makes events of states that the index has taken, and sends them.
//!
//! ```text
//!   compare ─▶ commit, with `unsent` ─▶ send ─▶ clear `unsent`
//! ```
//!
//! A state is compared with what the last committed event of its entity says. If it differs, its event is **committed**
//! to the entity's record before it is sent, on condition that no newer state has passed and no other event was committed
//! meanwhile. The commit's time fixes the event's id. A consumer that dies after the commit leaves `unsent`: whoever next
//! meets the same state sends the same event.

use std::collections::BTreeMap;

use hookline_events::{Cause, Event, EventId, EventType, Resource};
use jiff::{SignedDuration, Timestamp};

use super::{
    Apply, GONE_KEPT_FOR, IndexPorts, Item, Origin, Verdict, Verdicts,
    candidates::{Candidate, Standing},
    group::Group,
    render,
};
use crate::{
    catalogue::{
        entities::{Commit, CommitOutcome, Entities},
        event_message::SealedBodies,
        fan_out::FanOut,
        published::{Presence, Publication, Published, Unsent},
    },
    delivery::{ledger::DeliveryEvents, sealed::SealedBody},
    event::fact::{Announcement, Fact, Identity},
    kernel::{
        failure::ErrorCode,
        ids::{EntityKey, StoreKey},
        port::{Clock, PortError},
        time::later,
    },
    store::{listening::Heard, stores::Look},
};

/// Attempts to commit an event while others commit events of the same entity.
const MAX_COMMITS: usize = 4;

/// A fact of a delivery, for listeners.
#[derive(Debug)]
pub(crate) struct PlacedFact {
    /// Position in the batch.
    pub(crate) at: usize,
    pub(crate) store: StoreKey,
    pub(crate) fact: Fact,
    pub(crate) observed_at: Timestamp,
    pub(crate) cause: Option<Cause>,
    /// Sealed body of the delivery.
    pub(crate) sealed: Option<SealedBody>,
}

impl PlacedFact {
    /// A fact of a delivery with what of it somebody listens to; `None` if nobody listens.
    pub(crate) fn of(item: &Item, store: &StoreKey, mut fact: Fact, look: &Look, now: Timestamp) -> Option<Self> {
        fact.announces
            .retain(|announcement| look.heard(announcement.kind.resource(), now).is_some());
        if fact.announces.is_empty() {
            return None;
        }
        let cause = match &item.origin {
            Origin::Caused(cause) => cause.clone(),
            Origin::Run => None,
        };
        Some(Self {
            at: item.at,
            store: store.clone(),
            fact,
            observed_at: item.observed_at,
            cause,
            sealed: None,
        })
    }
}

/// Step for a state.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: the last event says the same, or nobody needs to hear it.
    Quiet,
    /// Store what is newly known, without an event.
    Fill(Published),
    /// Commit an event, and send it.
    Commit(Published, Unsent),
    /// Send the event of the last commit again: who committed it may have died.
    Resend,
}

/// Origin and times of a state, as far as they decide about events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finding {
    /// True if a run through the catalogue found it.
    pub(super) is_run: bool,
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
}

/// Decides what is done for a state, given what is published.
fn decide(publication: &Publication, state: Published, heard: Heard, finding: Finding, standing: Standing) -> Step {
    let in_period = |at: Option<Timestamp>| at.is_some_and(|at| at >= heard.since);
    let published = (publication.published.as_ref()).filter(|published| heard.continues(published.audience));
    let Some(published) = published else {
        // The first event of an entity says all of it, and a superseded state is not committed.
        if standing != Standing::Held || (finding.is_run && !in_period(finding.updated_at)) {
            return Step::Quiet;
        }
        let unsent = Unsent {
            is_new: in_period(finding.created_at),
            ..Unsent::default()
        };
        return Step::Commit(state, unsent);
    };
    let state = match &publication.unsent {
        None => state.over(published),
        Some(unsent) => state.over(&published.clone().doubted(unsent)),
    };
    let changes = state.changes_since(published);
    // A listener who joined may have read a state that was indexed and never committed. A deletion is final.
    let is_for_new =
        standing == Standing::Held && state.presence != Presence::Gone && heard.has_joined_since(published.audience);
    if changes.is_empty() && !is_for_new {
        return if publication.unsent.is_some() {
            Step::Resend
        } else if standing != Standing::Superseded && state.says_more_than(published) {
            // Whoever has joined is still to be told.
            let mut state = state;
            state.audience = published.audience;
            Step::Fill(state)
        } else {
            Step::Quiet
        };
    }
    if standing == Standing::Superseded {
        return Step::Quiet;
    }
    let unsent = match &publication.unsent {
        None => Unsent {
            told: Some(published.clone()),
            is_new: false,
            is_for_new,
            changes,
        },
        // That event may have been sent or not, so this one says what differs from either.
        Some(before) => Unsent {
            told: before.told.clone(),
            is_new: before.is_new,
            is_for_new: is_for_new || before.is_for_new,
            changes: (before.told.as_ref()).map_or_else(Default::default, |told| {
                changes.and(before.changes).and(state.changes_since(told))
            }),
        },
    };
    Step::Commit(state, unsent)
}

/// Events on their way, by store, each with what waits for it.
#[derive(Debug, Default)]
struct Outgoing {
    stores: BTreeMap<StoreKey, Batch>,
}

#[derive(Debug, Default)]
struct Batch {
    events: Vec<Event>,
    /// Sealed bodies of those whose endpoints may get something of it.
    sealed: SealedBodies,
    /// Commits to be cleared once the events are sent.
    commits: Vec<(EntityKey, Timestamp)>,
    /// Positions of facts.
    facts: Vec<usize>,
    /// Events of each position.
    caused: BTreeMap<usize, Vec<EventId>>,
}

/// Result of publishing a batch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Commits whose events have been sent, to be [cleared](Apply::clear).
    pub(super) commits: Vec<(EntityKey, Timestamp)>,
    /// Events of each position that somebody listens to, as far as they have been sent.
    pub(super) events: BTreeMap<usize, DeliveryEvents>,
}

impl<P: IndexPorts> Apply<P> {
    /// Commits and sends the events of states and facts. A state whose event could not be sent is retried.
    pub(super) async fn publish(
        &self,
        fan_out: &P::FanOut,
        verdicts: &mut Verdicts,
        candidates: Vec<Candidate<'_>>,
        facts: &[PlacedFact],
    ) -> Sent {
        let groups: BTreeMap<&EntityKey, &Group> = candidates
            .iter()
            .map(|candidate| (candidate.entity, candidate.group))
            .collect();
        let mut sent = Sent::default();
        let heard = groups.values().flat_map(|group| group.newest_places());
        sent.events.extend(heard.map(|at| (at, DeliveryEvents::Quiet)));
        let mut outgoing = Outgoing::default();
        self.commit(verdicts, &mut outgoing, candidates).await;
        self.announce(verdicts, &mut outgoing, facts).await;
        for (store, batch) in outgoing.stores {
            match fan_out.send_sealed(&store, &batch.events, &batch.sealed).await {
                Ok(()) => {
                    sent.commits.extend(batch.commits);
                    let caused = batch.caused.into_iter();
                    sent.events
                        .extend(caused.map(|(at, ids)| (at, DeliveryEvents::Published(ids))));
                }
                Err(failure) => {
                    let verdict = events_unavailable(&failure);
                    for (entity, _) in &batch.commits {
                        groups[entity].decide(verdicts, &verdict);
                    }
                    for at in batch.facts {
                        verdicts.decide(at, verdict.clone());
                    }
                }
            }
        }
        sent
    }

    /// Sends the events of facts alone, if events are sent at all. Returns those of each position. A fact whose event could not be sent
    /// is retried.
    pub(crate) async fn publish_facts(
        &self,
        verdicts: &mut Verdicts,
        facts: &[PlacedFact],
    ) -> BTreeMap<usize, DeliveryEvents> {
        match &self.fan_out {
            Some(fan_out) => self.publish(fan_out, verdicts, vec![], facts).await.events,
            None => BTreeMap::new(),
        }
    }

    /// Records that the events of these commits have been sent. If it fails, they are sent once more with the next
    /// delivery of the same state, which changes nothing.
    pub(crate) async fn clear(&self, sent: &[(EntityKey, Timestamp)]) {
        if sent.is_empty() {
            return;
        }
        if let Err(failure) = self.entities.clear_all(sent).await {
            super::log_failure(&failure);
        }
    }

    /// Commits the events of states, in as few calls as possible.
    async fn commit(&self, verdicts: &mut Verdicts, outgoing: &mut Outgoing, states: Vec<Candidate<'_>>) {
        let mut open = states;
        for _ in 0..MAX_COMMITS {
            let mut steps = Vec::new();
            for candidate in open {
                let state = candidate.content.published(candidate.group.version(), candidate.heard);
                let finding = candidate.group.finding();
                match decide(
                    &candidate.publication,
                    state,
                    candidate.heard,
                    finding,
                    candidate.standing,
                ) {
                    Step::Quiet => {}
                    Step::Resend => outgoing.add(&candidate, &candidate.publication),
                    Step::Fill(published) => steps.push((candidate, published, None)),
                    Step::Commit(published, unsent) => steps.push((candidate, published, Some(unsent))),
                }
            }
            if steps.is_empty() {
                return;
            }
            let now = self.clock.now();
            let commits: Vec<Commit<'_>> = steps
                .iter()
                .map(|(candidate, published, unsent)| Commit {
                    entity: candidate.entity,
                    version: candidate.group.version(),
                    compared: candidate.publication.committed_at,
                    at: after(candidate.publication.committed_at, now),
                    published,
                    unsent: unsent.as_ref(),
                })
                .collect();
            let times: Vec<Timestamp> = commits.iter().map(|commit| commit.at).collect();
            let outcomes = self.entities.commit_all(&commits).await;
            open = Vec::new();
            for (((mut candidate, published, unsent), outcome), at) in steps.into_iter().zip(outcomes).zip(times) {
                match outcome {
                    Ok(CommitOutcome::Written) if unsent.is_some() => {
                        let committed = Publication {
                            published: Some(published),
                            committed_at: Some(at),
                            unsent,
                        };
                        outgoing.add(&candidate, &committed);
                    }
                    Ok(CommitOutcome::Written | CommitOutcome::Overtaken) => {}
                    Ok(CommitOutcome::Recompare(publication)) => {
                        candidate.publication = *publication;
                        open.push(candidate);
                    }
                    // Without an event there is nothing to lose.
                    Err(failure) if unsent.is_none() => super::log_failure(&failure),
                    Err(failure) => candidate.group.decide(verdicts, &Verdict::storage(&failure)),
                }
            }
        }
        let busy = Verdict::Retry {
            code: ErrorCode::EventsUnavailable,
            cause: None,
            message: "other events of this entity are committed all the time".into(),
        };
        for candidate in open {
            candidate.group.decide(verdicts, &busy);
        }
    }

    /// Adds the events of facts.
    async fn announce(&self, verdicts: &mut Verdicts, outgoing: &mut Outgoing, facts: &[PlacedFact]) {
        for placed in facts {
            let mut events = Vec::with_capacity(placed.fact.announces.len());
            for announcement in &placed.fact.announces {
                match self.identify(placed, announcement).await {
                    Ok((id, at)) => events.push(event_of(placed, announcement, id, at)),
                    Err(failure) => {
                        verdicts.decide(placed.at, Verdict::storage(&failure));
                        events.clear();
                        break;
                    }
                }
            }
            if !events.is_empty() {
                let batch = outgoing.stores.entry(placed.store.clone()).or_default();
                batch.facts.push(placed.at);
                if let Some(sealed) = &placed.sealed {
                    let disclosing = events.iter().filter(|event| discloses(&event.kind));
                    batch
                        .sealed
                        .extend(disclosing.map(|event| (event.id.clone(), sealed.clone())));
                }
                batch.add(&[placed.at], events);
            }
        }
    }

    /// Returns the id of a fact's event, and its time.
    async fn identify(
        &self,
        placed: &PlacedFact,
        announcement: &Announcement,
    ) -> Result<(EventId, Timestamp), PortError> {
        let (fact, kind) = (&placed.fact, announcement.kind.as_str());
        let parts = |apart| {
            let store = &placed.store;
            [
                store.source.as_str(),
                store.store.as_str(),
                kind,
                fact.kind,
                fact.id.as_str(),
                apart,
            ]
        };
        match &announcement.identity {
            Identity::Told { at, apart } => Ok((EventId::new(*at, &parts(apart)), *at)),
            Identity::First => {
                let at = placed.observed_at;
                let name = format!("{kind}#{}", fact.id);
                let expires_at = later(self.clock.now(), GONE_KEPT_FOR);
                let id = EventId::new(at, &parts(""));
                let first = self.entities.first_id(&placed.store, &name, &id, expires_at).await?;
                let at = first.timestamp();
                Ok((first, at))
            }
        }
    }
}

impl Outgoing {
    /// Adds the events of a commit.
    fn add(&mut self, candidate: &Candidate<'_>, committed: &Publication) {
        let (Some(published), Some(at), Some(unsent)) =
            (&committed.published, committed.committed_at, &committed.unsent)
        else {
            return;
        };
        let batch = self.stores.entry(candidate.entity.store.clone()).or_default();
        batch.commits.push((candidate.entity.clone(), at));
        let places: Vec<usize> = candidate.group.newest_places().collect();
        batch.add(&places, render::events(candidate, published, at, unsent));
    }
}

impl Batch {
    /// Adds events that the deliveries at these positions have caused.
    fn add(&mut self, places: &[usize], events: Vec<Event>) {
        for at in places {
            let caused = self.caused.entry(*at).or_default();
            caused.extend(events.iter().map(|event| event.id.clone()));
        }
        self.events.extend(events);
    }
}

/// Returns true for types whose endpoints may get something of the sealed body: personal data, or all of it.
fn discloses(kind: &EventType) -> bool {
    kind.has_personal_data() || kind.resource() == Resource::Delivery
}

/// Time of a commit after another, in whole milliseconds.
fn after(last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    last.map_or(now, |last| now.max(later(last, SignedDuration::from_millis(1))))
}

fn event_of(placed: &PlacedFact, announcement: &Announcement, id: EventId, at: Timestamp) -> Event {
    Event {
        id,
        kind: announcement.kind.clone(),
        version: hookline_events::VERSION,
        timestamp: at,
        store: (&placed.store).into(),
        subject: hookline_events::Subject {
            kind: placed.fact.kind.to_owned(),
            id: placed.fact.id.to_string(),
            version: None,
        },
        data: announcement.data.clone().cut(""),
        changed: None,
        previous: None,
        related: announcement.related.clone(),
        session_id: announcement.session_id.clone(),
        cause: placed.cause.clone(),
        personal: None,
        meta: None,
    }
}

fn events_unavailable(failure: &PortError) -> Verdict {
    super::log_failure(failure);
    Verdict::Retry {
        code: ErrorCode::EventsUnavailable,
        cause: Some(failure.cause),
        message: format!("the document is written, but its event could not be sent: {failure}"),
    }
}
