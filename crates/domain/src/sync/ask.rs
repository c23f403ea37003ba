//! Use case: ask a source for things that its events name, and index the answers.
//!
//! A source's answers may lag behind its own events. One that is older than its event promised, or than an answer that was
//! seen before, goes nowhere: the thing is requested again, in a job of its own, a few times. Then it is taken as it is and
//! counted, because the next event or walk mends it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    catalogue::{
        apply::{Origin, Verdict},
        jobs::{Changes, Job, Task},
    },
    event::{
        Event, Observed,
        thin::{Expected, Mark, Thing, Wanted},
    },
    kernel::{ids::EntityKey, time::later},
    store::stores::{Counter, StoreUpdate, Stores},
    sync::{
        asking::{AskedPage, AskedSources, Cursors, Place, THINGS_AT_ONCE},
        refetch::{Indexed, IndexedCounts, MAX_ROUNDS, SyncError},
        vendor::CatalogueError,
        worker::{SyncPorts, SyncWorker},
    },
};

/// Delays before a thing is requested again after an answer that was too old, in order.
const AGAIN_AFTER: [SignedDuration; 3] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(60),
];

/// Age of an event from which on an answer counts that nothing can be compared with.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Time by which a cursor has to be past an event that it covers, and from which before it changes are read: what a
/// lagging search left out is younger.
pub(super) const CURSOR_OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Time before its cursor from which on a store's daily run reads changes.
pub(super) const DAILY_OVERLAP: SignedDuration = SignedDuration::from_hours(48);

/// A question, as its job holds it.
pub(super) struct Question<'a> {
    /// Things to ask for.
    pub(super) wanted: &'a [Wanted],
    /// Number of earlier answers that were too old.
    pub(super) asked_before: u8,
    /// Time at which the event was received.
    pub(super) told_at: Timestamp,
}

/// Result of one question.
#[derive(Debug, Default)]
struct Answered {
    counts: IndexedCounts,
    /// Things whose answer was too old.
    behind: BTreeSet<Wanted>,
    /// Things that the source no longer has, or does not show.
    removed: BTreeSet<Wanted>,
}

impl<P: SyncPorts> SyncWorker<P> {
    /// Asks for things and indexes the answers. What is behind is requested again in another job.
    pub(super) async fn ask_for(
        &self,
        job: &Job,
        question: Question<'_>,
        stop_at: Timestamp,
    ) -> Result<IndexedCounts, SyncError> {
        let Question {
            wanted,
            asked_before,
            told_at,
        } = question;
        let (catalogue, things): (Vec<&Wanted>, Vec<&Wanted>) =
            wanted.iter().partition(|wanted| wanted.thing == Thing::Catalogue);
        let things: Vec<Wanted> = things.into_iter().cloned().collect();
        let mut answered = Answered::default();
        for things in things.chunks(THINGS_AT_ONCE) {
            let more = self.things(job, things).await?;
            answered.counts.add(more.counts);
            answered.behind.extend(more.behind);
            answered.removed.extend(more.removed);
        }
        // No mark shows that the answer to a removed thing, or to another question for it, lags: so it is confirmed once.
        let unconfirmed = |wanted: &Wanted| asked_before == 0 || wanted.expected != Expected::Later;
        let removed = answered.removed.iter().filter(|wanted| unconfirmed(wanted));
        let removed: BTreeSet<Wanted> = removed.map(whatever_it_is_like).collect();
        self.send_questions(job, removed, 1, told_at, SETTLED_AFTER).await?;
        // Nothing can be compared: the answer counts once it is some seconds younger than the event.
        let settled_at = later(told_at, SETTLED_AFTER);
        let is_settled = |wanted: &Wanted| answered.behind.contains(wanted) || answered.removed.contains(wanted);
        let unsettled = |wanted: &&Wanted| wanted.expected == Expected::Later && !is_settled(wanted);
        let again: BTreeSet<Wanted> = things.iter().filter(unsettled).cloned().collect();
        let wait = settled_at.duration_since(self.now());
        if asked_before == 0 && wait.is_positive() {
            self.send_questions(job, again, 1, told_at, wait).await?;
        }
        let behind = std::mem::take(&mut answered.behind);
        let more = self.ask_again(job, behind, asked_before, told_at).await?;
        answered.counts.add(more);
        if !catalogue.is_empty() {
            let least = catalogue.iter().filter_map(|wanted| least(wanted.expected)).max();
            let more = self.changes_since(job, least, asked_before, told_at, stop_at).await?;
            answered.counts.add(more);
        }
        Ok(answered.counts)
    }

    /// Sends a job that asks once more for what is behind. After the last time, takes the answers as they are.
    async fn ask_again(
        &self,
        job: &Job,
        behind: BTreeSet<Wanted>,
        asked_before: u8,
        told_at: Timestamp,
    ) -> Result<IndexedCounts, SyncError> {
        if behind.is_empty() {
            return Ok(IndexedCounts::default());
        }
        if let Some(delay) = AGAIN_AFTER.get(usize::from(asked_before)) {
            self.send_questions(job, behind, asked_before + 1, told_at, *delay)
                .await?;
            return Ok(IndexedCounts::default());
        }
        let as_they_are: Vec<Wanted> = behind.iter().map(whatever_it_is_like).collect();
        let mut counts = IndexedCounts::default();
        for wanted in as_they_are.chunks(THINGS_AT_ONCE) {
            counts.add(self.things(job, wanted).await?.counts);
        }
        self.count_behind(job, behind.len()).await?;
        Ok(counts)
    }

    /// Sends jobs that ask for things after a delay.
    async fn send_questions(
        &self,
        job: &Job,
        wanted: BTreeSet<Wanted>,
        asked_before: u8,
        told_at: Timestamp,
        delay: SignedDuration,
    ) -> Result<(), SyncError> {
        let wanted: Vec<Wanted> = wanted.into_iter().collect();
        for wanted in wanted.chunks(THINGS_AT_ONCE) {
            let task = Task::Ask {
                wanted: wanted.to_vec(),
                asked_before,
                told_at,
            };
            self.send(job, task, delay).await?;
        }
        Ok(())
    }

    /// Asks for things until none of the answers is overtaken.
    async fn things(&self, job: &Job, wanted: &[Wanted]) -> Result<Answered, SyncError> {
        let mut answered = Answered::default();
        let mut wanted = wanted.to_vec();
        for _ in 0..MAX_ROUNDS {
            let answer = self.asked.ask(&job.store, &wanted).await?;
            answered.behind.extend(answer.behind);
            answered.counts.skipped.extend(answer.skipped);
            let removed = answer.seen.iter().filter(|seen| is_removal(&seen.event));
            let removed: Vec<EntityKey> = removed.filter_map(|seen| seen.event.entity(&job.store)).collect();
            answered.removed.extend(named(&wanted, &removed));
            let taken = self.take(job, answer.seen, &Origin::Caused(job.cause.clone())).await?;
            answered.counts.add(taken.counts);
            answered.behind.extend(named(&wanted, &taken.behind));
            wanted = named(&wanted, &taken.overtaken);
            if wanted.is_empty() {
                return Ok(answered);
            }
        }
        Err(SyncError::Overtaken { count: wanted.len() })
    }

    /// Indexes answers and publishes facts.
    pub(super) async fn take(&self, job: &Job, seen: Vec<Observed>, origin: &Origin) -> Result<Indexed, SyncError> {
        let refetch = &self.reconcile.refetch;
        let (mut facts, mut states) = (Vec::new(), Vec::new());
        for seen in seen {
            match seen.event {
                Event::Fact(fact) => facts.push((*fact, seen.at)),
                event => states.push(Observed { event, at: seen.at }),
            }
        }
        let indexed = if states.is_empty() {
            Indexed::default()
        } else {
            refetch.index(&job.store, states, origin).await?
        };
        if !facts.is_empty() {
            for verdict in refetch.apply.observe_facts(&job.store, facts, origin).await? {
                if let Verdict::Retry { code, cause, message } = verdict {
                    return Err(SyncError::NotIndexed { code, cause, message });
                }
            }
        }
        Ok(indexed)
    }

    /// Reads what changed in a catalogue since the store's cursor, unless the cursor covers the event.
    async fn changes_since(
        &self,
        job: &Job,
        least: Option<Timestamp>,
        asked_before: u8,
        told_at: Timestamp,
        stop_at: Timestamp,
    ) -> Result<IndexedCounts, SyncError> {
        let cursor = self.reconcile.refetch.apply.stores.cursor(&job.store).await?;
        let covers = |cursor: Timestamp| least.is_some_and(|least| cursor >= later(least, CURSOR_OVERLAP));
        let since = match cursor {
            Some(cursor) if covers(cursor) => return Ok(IndexedCounts::default()),
            Some(cursor) => later(cursor, -CURSOR_OVERLAP),
            // Connecting reads everything, so that only what happened since can be missing.
            None => later(least.unwrap_or(told_at), -DAILY_OVERLAP),
        };
        let changes = Changes {
            since,
            place: None,
            clock: None,
            least,
            asked_before,
            told_at,
        };
        self.changes(job, changes, stop_at).await
    }

    /// Reads pages of changes, and indexes what differs. The cursor moves once everything up to it is indexed.
    pub(super) async fn changes(
        &self,
        job: &Job,
        mut changes: Changes,
        stop_at: Timestamp,
    ) -> Result<IndexedCounts, SyncError> {
        let store = &job.store;
        let origin = Origin::Caused(job.cause.clone());
        let mut counts = IndexedCounts::default();
        loop {
            let page = self.asked.changes(store, changes.since, changes.place.as_ref()).await?;
            changes.clock = changes.clock.or(page.clock);
            let next = next_place(&page, changes.place.as_ref())?;
            counts.skipped.extend(page.skipped);
            let differing = self.differing(store, page.seen).await?;
            let differing = differing.into_iter().map(|(seen, _)| seen).collect();
            let taken = self.take(job, differing, &origin).await?;
            counts.add(taken.counts);
            self.ask_for_each(job, taken.behind.iter().chain(&taken.overtaken), changes.told_at)
                .await?;
            changes.place = next;
            if changes.place.is_none() {
                break;
            }
            if self.now() >= stop_at {
                self.send(job, Task::Changes { changes }, SignedDuration::ZERO).await?;
                return Ok(counts);
            }
        }
        if let Some(clock) = changes.clock {
            self.reconcile.refetch.apply.stores.move_cursor(store, clock).await?;
        }
        let is_behind = changes
            .least
            .is_some_and(|least| changes.clock.is_none_or(|clock| clock < least));
        if is_behind {
            let expected = changes
                .least
                .map_or(Expected::Later, |least| Expected::AtLeast(Mark(least.as_millisecond())));
            match AGAIN_AFTER.get(usize::from(changes.asked_before)) {
                Some(delay) => {
                    let task = Task::Ask {
                        wanted: vec![Wanted {
                            thing: Thing::Catalogue,
                            expected,
                        }],
                        asked_before: changes.asked_before + 1,
                        told_at: changes.told_at,
                    };
                    self.send(job, task, *delay).await?;
                }
                None => self.count_behind(job, 1).await?,
            }
        }
        Ok(counts)
    }

    /// Sends jobs that ask for entities, each by itself, because an answer to more than one was too old for them.
    pub(super) async fn ask_for_each(
        &self,
        job: &Job,
        entities: impl Iterator<Item = &EntityKey>,
        told_at: Timestamp,
    ) -> Result<(), SyncError> {
        let wanted = entities.map(by_itself).collect();
        self.send_questions(job, wanted, 1, told_at, AGAIN_AFTER[0]).await
    }

    async fn count_behind(&self, job: &Job, things: usize) -> Result<(), SyncError> {
        let now = self.now();
        tracing::warn!(store = %job.store, things, "took answers that are older than their events");
        let mut update = StoreUpdate::default();
        for _ in 0..things {
            update.count(now, Counter::ReadBehind);
        }
        Ok(self.reconcile.refetch.apply.stores.record(&job.store, &update).await?)
    }
}

/// Returns the place of the next page.
///
/// # Errors
/// [`CatalogueError::Disagreed`] if it is the place of this one: the walk would never end.
pub(super) fn next_place(page: &AskedPage, place: Option<&Place>) -> Result<Option<Place>, CatalogueError> {
    if page.next.is_some() && page.next.as_ref() == place {
        return Err(CatalogueError::Disagreed {
            problem: "a page of its catalogue repeats itself".into(),
        });
    }
    Ok(page.next.clone())
}

/// Returns true if shoppers cannot see the thing, or it is gone.
fn is_removal(event: &Event) -> bool {
    match event {
        Event::ProductUpdated(product) => !product.visible,
        event => matches!(event, Event::ProductRemoved(_)),
    }
}

/// The same question, of which every answer counts.
fn whatever_it_is_like(wanted: &Wanted) -> Wanted {
    Wanted {
        expected: Expected::Later,
        ..wanted.clone()
    }
}

/// Question for an entity, whatever it is like.
pub(super) fn by_itself(entity: &EntityKey) -> Wanted {
    Wanted {
        thing: Thing::Product(entity.id.clone()),
        expected: Expected::Later,
    }
}

/// Time that a catalogue's clock has to have reached: its mark is in milliseconds since 1970.
fn least(expected: Expected) -> Option<Timestamp> {
    match expected {
        Expected::AtLeast(Mark(millis)) => Timestamp::from_millisecond(millis).ok(),
        Expected::Visible | Expected::Hidden | Expected::Later => None,
    }
}

/// Returns the things of a question that these entities answer. A part is of any entity that no other thing names.
fn named(wanted: &[Wanted], entities: &[EntityKey]) -> Vec<Wanted> {
    let is_of = |wanted: &Wanted, entity: &EntityKey| matches!(&wanted.thing, Thing::Product(id) if *id == entity.id);
    let mut named = BTreeSet::new();
    for entity in entities {
        let mut of_entity = wanted.iter().filter(|wanted| is_of(wanted, entity)).peekable();
        if of_entity.peek().is_some() {
            named.extend(of_entity.cloned());
            continue;
        }
        let parts = wanted
            .iter()
            .filter(|wanted| matches!(wanted.thing, Thing::ProductOf(_)));
        let mut parts = parts.peekable();
        if parts.peek().is_some() {
            named.extend(parts.cloned());
        } else {
            named.insert(by_itself(entity));
        }
    }
    named.into_iter().collect()
}

#[cfg(test)]
mod tests;
