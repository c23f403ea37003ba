//! Use case: walk through everything that a source has which must be queried, page by page, and index what differs, or all of
//! it. The reconciliation and the backfill of such sources.
//!
//! ```text
//!   Begin ──▶ Read (page after page) ──▶ Deleted (entities that the walk did not show, each asked for by itself) ──▶ done
//! ```
//!
//! A source that tells what changed (it has a [cursor](Cursors)) is read from two days before its cursor, and whole once a
//! week. Each step may be repeated.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    catalogue::{
        apply::Origin,
        entities::{Entities, FenceRecord, FenceState},
        jobs::{Job, ReconcileFindings, WalkStep},
    },
    event::{
        Event, Observed,
        thin::{Mark, Ordered},
    },
    kernel::{
        ids::{EntityId, EntityKey, StoreKey},
        port::chain,
        time::{later, whole_micros},
        version::Version,
    },
    store::stores::{Run, RunStage, RunTask, Stores},
    sync::{
        ask::{DAILY_OVERLAP, by_itself, next_place},
        asking::{AskedPage, AskedSources, Cursors, Place, THINGS_AT_ONCE},
        reconcile::{Difference, RETRY_DELAY, Scope, add, of_content, run_of},
        refetch::SyncError,
        worker::{SyncPorts, SyncWorker},
    },
};

/// Time from one whole walk to the next, of a source that tells what changed.
const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24 - 1);

/// Number of our entities compared at once.
const LISTED_AT_ONCE: usize = 1_000;

/// Step that remains, and the delay before it.
type Rest = Option<(WalkStep, SignedDuration)>;

/// Pages that are still to be read.
struct Pages {
    since: Option<Timestamp>,
    place: Option<Place>,
    clock: Option<Timestamp>,
    found: ReconcileFindings,
    /// Ids that the walk has shown, as long as this job has read all of it.
    shown: Option<HashSet<EntityId>>,
}

impl<P: SyncPorts> SyncWorker<P> {
    /// Walks on until the time is up. Returns the step that remains, and the delay before it.
    pub(super) async fn walk(
        &self,
        job: &Job,
        run: RunTask,
        step: WalkStep,
        stop_at: Timestamp,
    ) -> Result<Rest, SyncError> {
        let scope = match run {
            RunTask::Reconcile => Scope::Differing,
            RunTask::Resync => Scope::Everything,
        };
        let mut found = match &step {
            WalkStep::Begin => ReconcileFindings {
                began_at: whole_micros(self.now()),
                ..ReconcileFindings::default()
            },
            WalkStep::Read { found, .. } | WalkStep::Deleted { found, .. } => found.clone(),
        };
        let done = match step {
            WalkStep::Begin => self.begin_walk(job, scope, found.clone(), stop_at).await,
            WalkStep::Read {
                since,
                place,
                clock,
                found,
            } => {
                let pages = Pages {
                    since,
                    place,
                    clock,
                    found,
                    shown: None,
                };
                self.read_pages(job, scope, pages, stop_at).await
            }
            WalkStep::Deleted { after, found } => {
                let after = after.map(|(kind, id)| job.store.entity(kind, id));
                let shown = self.all_shown(&job.store).await?;
                self.not_shown(job, scope, &shown, after, found, stop_at).await
            }
        };
        let stage = match &done {
            Ok(Some((WalkStep::Begin, _)) | None) => return done,
            Ok(Some((WalkStep::Read { found: read, .. }, _))) => {
                found.clone_from(read);
                RunStage::Reading
            }
            Ok(Some((WalkStep::Deleted { found: read, .. }, _))) => {
                found.clone_from(read);
                RunStage::Deleting
            }
            Err(failure) if failure.is_worth_a_retry() => return done,
            Err(_) => RunStage::Failed,
        };
        let run = Run {
            stage,
            ..run_of(scope, &found, whole_micros(self.now()))
        };
        self.reconcile.record_run(&job.store, run).await;
        done
    }

    /// Decides from when on changes are read, and reads the first pages.
    async fn begin_walk(
        &self,
        job: &Job,
        scope: Scope,
        found: ReconcileFindings,
        stop_at: Timestamp,
    ) -> Result<Rest, SyncError> {
        let stores = &self.reconcile.refetch.apply.stores;
        let record = stores.find(&job.store).await?.unwrap_or_default();
        let cursor = stores.cursor(&job.store).await?;
        let last_whole = record.reconciled.as_ref().map(|last| last.began_at);
        let is_whole_due =
            !record.has_baseline() || last_whole.is_none_or(|last| found.began_at.duration_since(last) >= WHOLE_EVERY);
        let since = cursor.filter(|_| scope == Scope::Differing && !is_whole_due);
        let pages = Pages {
            since: since.map(|cursor| later(cursor, -DAILY_OVERLAP)),
            place: None,
            clock: None,
            found,
            shown: Some(HashSet::new()),
        };
        self.read_pages(job, scope, pages, stop_at).await
    }

    /// Reads page after page, and indexes what differs. A failure keeps the pages that are done.
    async fn read_pages(
        &self,
        job: &Job,
        scope: Scope,
        mut pages: Pages,
        stop_at: Timestamp,
    ) -> Result<Rest, SyncError> {
        let mut has_begun = false;
        loop {
            match self.read_page(job, scope, &mut pages).await {
                Ok(()) => has_begun = true,
                Err(failure) if has_begun && failure.is_worth_a_retry() => {
                    tracing::warn!(store = %job.store, error = %chain(&failure), "a walk through the catalogue was interrupted");
                    return Ok(Some((pages.step(), RETRY_DELAY)));
                }
                Err(failure) => return Err(failure),
            }
            if pages.place.is_none() {
                break;
            }
            if self.now() >= stop_at {
                return Ok(Some((pages.step(), SignedDuration::ZERO)));
            }
        }
        if let Some(clock) = pages.clock {
            let stores = &self.reconcile.refetch.apply.stores;
            stores.move_cursor(&job.store, clock).await?;
        }
        if pages.since.is_some() {
            self.reconcile.finish_changes(&job.store, scope, &pages.found).await?;
            return Ok(None);
        }
        match pages.shown {
            Some(shown) => self.not_shown(job, scope, &shown, None, pages.found, stop_at).await,
            None => Ok(Some((
                WalkStep::Deleted {
                    after: None,
                    found: pages.found,
                },
                SignedDuration::ZERO,
            ))),
        }
    }

    async fn read_page(&self, job: &Job, scope: Scope, pages: &mut Pages) -> Result<(), SyncError> {
        let store = &job.store;
        let place = pages.place.as_ref();
        let page = match pages.since {
            Some(since) => self.asked.changes(store, since, place).await?,
            None => self.asked.walk(store, place).await?,
        };
        let next = next_place(&page, place)?;
        if let Some(shown) = &mut pages.shown {
            shown.extend(ids_of(store, &page));
        }
        let mut more = ReconcileFindings {
            compared: u64::try_from(page.seen.len()).unwrap_or(u64::MAX),
            ..ReconcileFindings::default()
        };
        let seen = match scope {
            Scope::Everything => page.seen,
            Scope::Differing => self.count_differing(store, page.seen, &mut more).await?,
        };
        let taken = self.take(job, seen, &Origin::Run).await?;
        let again = taken.behind.iter().chain(&taken.overtaken);
        self.ask_for_each(job, again, self.now()).await?;
        more.pass_over(page.skipped);
        add(&mut pages.found, &more);
        // The first page's: what changes while the others are read has its own event.
        pages.clock = pages.clock.or(page.clock);
        pages.place = next;
        Ok(())
    }

    /// The states that differ from what we have, which are added to the findings.
    async fn count_differing(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        found: &mut ReconcileFindings,
    ) -> Result<Vec<Observed>, SyncError> {
        let record = self
            .reconcile
            .refetch
            .apply
            .stores
            .find(store)
            .await?
            .unwrap_or_default();
        let missed_before = later(self.now(), -self.reconcile.grace);
        let differing = self.differing(store, seen).await?;
        for (seen, difference) in &differing {
            let changed_at = seen.event.signed_at();
            let counts = record.has_baseline() && changed_at.is_some_and(|changed| changed <= missed_before);
            match difference {
                Difference::Gone if counts => found.deleted += 1,
                Difference::New if counts => found.created += 1,
                Difference::Older if counts => found.updated += 1,
                Difference::Altered => found.mended += 1,
                _ => {}
            }
        }
        Ok(differing.into_iter().map(|(seen, _)| seen).collect())
    }

    /// The answers that differ from what we have; the others cost no write. Facts are left out.
    pub(super) async fn differing(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
    ) -> Result<Vec<(Observed, Difference)>, SyncError> {
        let seen = seen
            .into_iter()
            .filter_map(|seen| Some((seen.event.entity(store)?, seen)));
        let (entities, seen): (Vec<EntityKey>, Vec<Observed>) = seen.unzip();
        let known = self.reconcile.refetch.known(&entities).await?;
        let compared = entities.iter().zip(known).zip(seen).map(|((entity, known), seen)| {
            let difference = difference(entity, known.as_ref(), &seen);
            (seen, difference)
        });
        Ok(compared
            .filter(|(_, difference)| *difference != Difference::None)
            .collect())
    }

    /// Asks for entities that we list and that the walk did not show, each by itself: a list may lag, too.
    async fn not_shown(
        &self,
        job: &Job,
        scope: Scope,
        shown: &HashSet<EntityId>,
        mut after: Option<EntityKey>,
        mut found: ReconcileFindings,
        stop_at: Timestamp,
    ) -> Result<Rest, SyncError> {
        let store = &job.store;
        loop {
            let entities = &self.reconcile.refetch.apply.entities;
            let page = entities.page(store, after.as_ref(), LISTED_AT_ONCE).await?;
            let listed = page.passed.iter().map(|(entity, _)| entity);
            let wanted: Vec<_> = listed
                .filter(|entity| !shown.contains(&entity.id))
                .map(by_itself)
                .collect();
            for wanted in wanted.chunks(THINGS_AT_ONCE) {
                let answer = self.asked.ask(store, wanted).await?;
                found.pass_over(answer.skipped);
                let seen = self.count_differing(store, answer.seen, &mut found).await?;
                let taken = self.take(job, seen, &Origin::Run).await?;
                let again = taken.behind.iter().chain(&taken.overtaken);
                self.ask_for_each(job, again, self.now()).await?;
            }
            after = page.next;
            if after.is_none() {
                self.reconcile.finish(store, scope, &found).await?;
                return Ok(None);
            }
            if self.now() >= stop_at {
                let after = after.map(|entity| (entity.kind, entity.id));
                return Ok(Some((WalkStep::Deleted { after, found }, SignedDuration::ZERO)));
            }
        }
    }

    /// Ids of everything that the source shows, read once more: no job keeps more than its own pages.
    async fn all_shown(&self, store: &StoreKey) -> Result<HashSet<EntityId>, SyncError> {
        let mut shown = HashSet::new();
        let mut place = None;
        loop {
            let page = self.asked.walk(store, place.as_ref()).await?;
            shown.extend(ids_of(store, &page));
            place = next_place(&page, place.as_ref())?;
            if place.is_none() {
                return Ok(shown);
            }
        }
    }
}

impl Pages {
    fn step(self) -> WalkStep {
        WalkStep::Read {
            since: self.since,
            place: self.place,
            clock: self.clock,
            found: self.found,
        }
    }
}

/// Ids of a page, of records that could not be read, too: they exist.
fn ids_of(store: &StoreKey, page: &AskedPage) -> Vec<EntityId> {
    let seen = page.seen.iter().filter_map(|seen| Some(seen.event.entity(store)?.id));
    let skipped = page.skipped.iter().filter_map(|skipped| skipped.id.clone());
    seen.chain(skipped).collect()
}

/// Difference between an answer and what is remembered of the entity.
fn difference(entity: &EntityKey, known: Option<&FenceRecord>, seen: &Observed) -> Difference {
    let mark = match &seen.event {
        Event::ProductUpdated(product) if product.visible => Some(mark_of(product.ordered)),
        _ => None,
    };
    let newest = match (known.map(|known| known.entry), mark) {
        (None | Some(FenceState::Retired(_)), None) | (Some(FenceState::Tombstoned), _) => return Difference::None,
        (None, Some(_)) => return Difference::New,
        (Some(FenceState::Retired(_)), Some(_)) => return Difference::Retired,
        (Some(FenceState::Passed(newest)), _) => newest,
    };
    // Something that was requested later has passed.
    if Version::new(seen.at, seen.at).is_ok_and(|asked| asked < newest) {
        return Difference::None;
    }
    match (mark, known) {
        (None, _) => Difference::Gone,
        (Some(mark), Some(known)) if mark == known.remembered.seen => of_content(entity, known, &seen.event),
        (Some(_), _) => Difference::Older,
    }
}

fn mark_of(ordered: Ordered) -> Option<Mark> {
    match ordered {
        Ordered::Asked { mark } => mark,
        Ordered::Told => None,
    }
}

#[cfg(test)]
mod tests;
