//! State of the model: tables, queue, index, and the running functions. Every change is one call, done or not done.

use std::collections::{BTreeMap, BTreeSet};

use hookline_domain::{
    catalogue::{entities::FenceRecord, index},
    delivery::ledger::{self, Claim, ClaimRequest, Fate, LedgerEntry, LedgerState, NoteOutcome},
    kernel::{ids::EntityKey, version::Version},
    store::stores::StoreRecord,
    sync::reconcile::Step,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    action::Role,
    bug::Bug,
    events::{Content, start},
    reconciler::CatalogReads,
    script::{History, Request, Response, ShownDocument, Taken},
    told::Telling,
};

/// Title of documents that the index never accepts.
pub const REFUSED: &str = "refused";

/// Number of reads of jobs that are distinguished.
pub(crate) const MAX_READS: u8 = 4;

/// State of the whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelState {
    /// Number of waits so far; each outlasts every lease and every function's timeout.
    pub waits: u8,
    /// Number of functions that may still die.
    pub deaths_left: u8,
    /// Number of calls that may still fail.
    pub errors_left: u8,
    /// The deliveries of the scenario.
    pub deliveries: Vec<QueuedDelivery>,
    /// Running receivers.
    pub receivers: Vec<Option<Running>>,
    /// Running consumers.
    pub consumers: Vec<Option<Running>>,
    /// Running reconciliations.
    pub reconcilers: Vec<Option<Running>>,
    /// Running workers.
    pub workers: Vec<Option<Running>>,
    /// Number of jobs on the queue; a job stays there until it is done.
    pub jobs: u8,
    /// Number of times that jobs have read the catalog, up to `MAX_READS`.
    pub reads: u8,
    /// Results of reconciliations so far.
    pub reconciliations: Reconciliations,
    /// Current state of the store's catalog.
    pub catalogue: usize,
    /// The fence.
    pub entities: BTreeMap<EntityKey, FenceRecord>,
    /// Record of the store.
    pub store: Option<StoreRecord>,
    /// Deliveries recorded as failed.
    pub failed: BTreeSet<usize>,
    /// True if a job for the rest of the product was sent.
    pub job_sent: bool,
    /// The index: document and version; no document if it is removed.
    pub index: BTreeMap<EntityKey, (Version, Option<ShownDocument>)>,
    /// The newest version the index has ever taken.
    pub newest: BTreeMap<EntityKey, Version>,
    /// Events and their listeners.
    pub telling: Telling,
    /// True if the store's data has been erased.
    pub erased: bool,
    /// True if a search could have shown an older state after a newer, or a removed entity.
    pub went_back: bool,
}

/// Results of reconciliations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reconciliations {
    /// Number of reconciliations that may still begin.
    pub left: u8,
    /// State of the catalog when the latest completed reconciliation read it.
    pub reconciled: Option<usize>,
    /// True if one has died or failed, and none has ended well that began later: its job is received again.
    pub unfinished: bool,
    /// True if nothing has happened since an undisturbed reconciliation.
    pub calm: bool,
    /// True if one wrote what the index already held, although nothing had happened since the one before.
    pub rewritten: bool,
}

/// A delivery, its copies and its outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct QueuedDelivery {
    /// Number of attempts that its sender has left.
    pub attempts_left: u8,
    /// Number of copies on the queue.
    pub copies: u8,
    /// Number of copies not yet received.
    pub fresh: u8,
    /// True if it was ever on the queue.
    pub sent: bool,
    /// True if its sender ever got a 2xx.
    pub accepted: bool,
    /// Its ledger entry.
    pub entry: Option<LedgerEntry>,
    /// True if the entry holds a problem.
    pub has_problem: bool,
    /// Number of times its completion counted.
    pub counted: u8,
}

/// A running function: its deliveries, its start, its responses so far, and its pending calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Running {
    /// Numbers of deliveries; of a reconciliation none.
    pub work: Vec<usize>,
    /// For each, true if its message has been received before.
    pub received_before: Vec<bool>,
    /// Unique among the attempts at a delivery.
    pub owner: String,
    /// Its role.
    pub role: Role,
    /// Number of waits at its start.
    pub since: u8,
    /// Milliseconds of its clock after that, where clocks have to differ.
    pub tick: u8,
    /// Step of a reconciliation with which its job began.
    pub step: Step,
    /// True if it began before the last death or failure of a reconciliation.
    pub outlived: bool,
    /// True if it is a reconciliation that began when nothing was in progress.
    pub calm: bool,
    /// Responses so far.
    pub history: History,
    /// Calls that it waits for; they follow from the other fields.
    pub pending_calls: Vec<(usize, Request)>,
}

/// Time after this many waits; each is longer than any lease or timeout.
pub fn time(waits: u8) -> Timestamp {
    start() + SignedDuration::from_hours(2) + SignedDuration::from_mins(i64::from(waits))
}

/// Time of a function that started after this many waits, by its own clock.
pub(crate) fn clock(waits: u8, tick: u8) -> Timestamp {
    time(waits) + SignedDuration::from_millis(i64::from(tick))
}

impl ModelState {
    /// Executes a call in one step, as the tables and the index do.
    pub fn perform(&mut self, request: &Request, running: &Running, bug: Option<Bug>) -> Response {
        match request {
            Request::Claim {
                delivery,
                now,
                lease_until,
            } => self.claim(*delivery, *now, *lease_until, &running.owner, bug),
            Request::Release(delivery) => {
                let entry = &mut self.deliveries[*delivery].entry;
                if let (Some(released), Some(entry)) = (ledger::release(entry.as_ref(), &running.owner), entry) {
                    entry.state = released;
                }
                Response::Done
            }
            Request::Complete(delivery, fate) => self.complete(*delivery, *fate, bug),
            Request::Send(delivery) => {
                let delivery = &mut self.deliveries[*delivery];
                delivery.copies += 1;
                delivery.fresh += 1;
                delivery.sent = true;
                Response::Done
            }
            Request::Advance(..)
            | Request::Confirm(_)
            | Request::Known(_)
            | Request::Tombstone(_)
            | Request::Retire(..)
            | Request::Commit(_)
            | Request::Clear(_)
            | Request::Page(..) => self.fence(request, running, bug),
            Request::FindStore => match (bug, first_store_read(running)) {
                (Some(Bug::StoreReadOnce), Some(before)) => before,
                _ => Response::Store(Box::new(self.store.clone())),
            },
            Request::Look => self.look(running, bug),
            Request::Disable(at) => {
                let at = if bug == Some(Bug::NoFloor) {
                    Timestamp::UNIX_EPOCH
                } else {
                    *at
                };
                let record = self.store.clone().unwrap_or_default();
                self.store = Some(record.uninstalled(at).unwrap_or(record));
                Response::Done
            }
            Request::Forget(ended) => {
                let left = self.store.as_ref().and_then(|record| record.redacted(*ended, time(0)));
                if left.is_some() {
                    self.store = left;
                    self.erased = true;
                }
                Response::Done
            }
            Request::BeginEpoch(ended) => {
                if let Some(begun) = self.store.as_ref().and_then(|record| record.reinstalled(*ended)) {
                    self.store = Some(begun);
                }
                Response::Done
            }
            Request::Remember(delivery) => {
                let noted = self.note(*delivery);
                if noted != NoteOutcome::Done || bug == Some(Bug::CompletedIsRecordedAsFailed) {
                    self.failed.insert(*delivery);
                }
                Response::Noted(noted)
            }
            Request::ForgetFailed(delivery) => {
                if bug != Some(Bug::AppliedStaysFailed) {
                    self.failed.remove(delivery);
                }
                Response::Done
            }
            Request::Record(_) => {
                self.store.get_or_insert_default();
                Response::Done
            }
            Request::Note(delivery) => Response::Noted(self.note(*delivery)),
            Request::KeepAudit => Response::Done,
            Request::SendEvents(events) => {
                self.tell(events, bug);
                Response::Done
            }
            Request::SendJob => {
                self.job_sent |= bug != Some(Bug::JobIsLost);
                self.jobs += u8::from(!self.workers.is_empty());
                Response::Done
            }
            Request::Apply(changes) => {
                self.reconciliations.rewritten |= running.calm
                    && changes
                        .iter()
                        .any(|(entity, _, shown)| self.shows(entity, shown.as_ref()));
                self.apply(changes, bug)
            }
            Request::ReadCatalog => unreachable!("the scenario reads the catalog itself"),
        }
    }

    fn claim(
        &mut self,
        delivery: usize,
        now: Timestamp,
        lease_until: Timestamp,
        owner: &str,
        bug: Option<Bug>,
    ) -> Response {
        let request = ClaimRequest {
            owner: owner.to_owned(),
            now,
            lease_until,
            expires_at: Timestamp::MAX,
            event_id: None,
        };
        let entry = &mut self.deliveries[delivery].entry;
        let claim = match (bug, &entry) {
            (Some(Bug::NoLease), Some(_)) => Claim::Settled,
            (bug, entry) => match ledger::decide(entry.as_ref(), &request) {
                Claim::Live { .. } if bug == Some(Bug::LiveClaimIsDuplicate) => Claim::Settled,
                claim => claim,
            },
        };
        if claim == Claim::Fresh {
            self.deliveries[delivery].has_problem = false;
            self.deliveries[delivery].entry = Some(LedgerEntry {
                state: LedgerState::Claimed {
                    owner: request.owner,
                    lease_until,
                },
                expires_at: request.expires_at,
            });
        }
        Response::Claimed(claim)
    }

    fn note(&mut self, delivery: usize) -> NoteOutcome {
        let delivery = &mut self.deliveries[delivery];
        let noted = ledger::takes_notes(delivery.entry.as_ref());
        delivery.has_problem |= noted == NoteOutcome::Written;
        noted
    }

    fn complete(&mut self, delivery: usize, fate: Fate, bug: Option<Bug>) -> Response {
        let delivery = &mut self.deliveries[delivery];
        let has_problem = delivery.has_problem && bug != Some(Bug::EarlierFailureIsIgnored);
        let (state, completion) = ledger::settle(delivery.entry.as_ref(), has_problem, fate);
        if let (Some(state), Some(entry)) = (state, delivery.entry.as_mut()) {
            delivery.has_problem = state == LedgerState::Parked;
            entry.state = state;
        }
        if completion.counts() {
            delivery.counted += 1;
        }
        Response::Completed(completion)
    }

    fn apply(&mut self, changes: &[(EntityKey, Version, Option<ShownDocument>)], bug: Option<Bug>) -> Response {
        let taken = changes.iter().map(|(entity, version, shown)| {
            if shown.as_ref().is_some_and(|shown| shown.title == REFUSED) {
                return Taken::Rejected;
            }
            let held = self.index.get(entity).map(|(held, _)| *held);
            let takes = bug == Some(Bug::NoIndexVersion) || index::takes(held, *version);
            if takes {
                self.index.insert(entity.clone(), (*version, shown.clone()));
                return Taken::Applied;
            }
            Taken::Superseded
        });
        let taken = taken.collect();
        Response::Applied(taken)
    }

    /// Returns true if the index shows exactly this document of the entity, or none if it is removed.
    fn shows(&self, entity: &EntityKey, shown: Option<&ShownDocument>) -> bool {
        let title = |shown: Option<&ShownDocument>| shown.map(|shown| shown.title.clone());
        self.index
            .get(entity)
            .is_some_and(|(_, held)| title(held.as_ref()) == title(shown))
    }

    /// Compares a search's result with the one before, and records a step back.
    pub fn watch(&mut self, bug: Option<Bug>) {
        for (entity, (version, shown)) in &self.index {
            let newest = self.newest.entry(entity.clone()).or_insert(*version);
            let uninstalled_at = self.store.as_ref().and_then(|record| record.uninstalled_at);
            let is_found = shown.as_ref().is_some_and(|shown| {
                bug == Some(Bug::SearchIgnoresUninstall)
                    || uninstalled_at.is_none_or(|uninstalled_at| shown.observed_at > uninstalled_at)
            });
            self.went_back |= is_found && *version < *newest;
            *newest = (*newest).max(*version);
        }
        if let Some(ended) = self.store.as_ref().and_then(|record| record.uninstalled_at) {
            let floor = Version::floor(ended);
            for newest in self.newest.values_mut() {
                *newest = (*newest).max(floor);
            }
        }
    }

    /// Lets time pass until every running function has died and every lease has lapsed. An index may forget the
    /// versions of removed documents.
    pub fn wait(&mut self, index_forgets: bool) {
        self.waits += 1;
        self.receivers.fill(None);
        self.consumers.fill(None);
        self.reconcilers.fill(None);
        self.workers.fill(None);
        self.reconciliations.calm = false;
        if index_forgets {
            self.index.retain(|_, (_, shown)| shown.is_some());
        }
    }

    /// Records that a reconciliation has died or failed, so that its job is received again.
    pub(crate) fn leave_unfinished(&mut self) {
        self.reconciliations.unfinished = true;
        for running in self.reconcilers.iter_mut().flatten() {
            running.outlived = true;
        }
    }

    /// Records a change that a reconciliation may find.
    pub fn disturb(&mut self) {
        self.reconciliations.calm = false;
        for running in self.reconcilers.iter_mut().flatten() {
            running.calm = false;
        }
    }

    /// Returns true if no function is running and the queue holds only dead letters.
    pub fn is_quiet(&self) -> bool {
        let functions = self.receivers.iter().chain(&self.consumers);
        let mut functions = functions.chain(&self.reconcilers).chain(&self.workers);
        let idle = functions.all(Option::is_none) && self.jobs == 0;
        let is_idle = |delivery: &QueuedDelivery| delivery.copies == 0 || delivery.is_parked();
        idle && self.deliveries.iter().all(is_idle)
    }
}

impl Running {
    /// Returns true for a reconciliation.
    pub fn is_run(&self) -> bool {
        self.role == Role::Reconciler
    }

    /// Numbers of the states of the catalog that it has read.
    pub(crate) fn catalog_reads(&self) -> impl Iterator<Item = usize> {
        self.history.iter().filter_map(|(_, response)| match response {
            Response::Catalog(number, ..) => Some(*number),
            _ => None,
        })
    }

    /// State of the catalog that the first step of a run read.
    pub(crate) fn first_read(&self) -> Option<Content> {
        self.history.iter().find_map(|(_, response)| match response {
            Response::Catalog(_, state, _) => Some(*state),
            _ => None,
        })
    }

    /// Number of the catalog's state when the run first read it, as its export is named.
    pub fn catalog_read(&self) -> Option<usize> {
        match &self.step {
            Step::Begin => self.catalog_reads().next(),
            Step::Read { export, .. } | Step::Deleted { export, .. } => Some(CatalogReads::number(&export.0)),
        }
    }
}

impl QueuedDelivery {
    /// Returns true if the delivery waits for a person.
    pub fn is_parked(&self) -> bool {
        self.entry
            .as_ref()
            .is_some_and(|entry| entry.state == LedgerState::Parked)
    }
}

fn first_store_read(running: &Running) -> Option<Response> {
    running.history.iter().find_map(|(_, response)| match response {
        Response::Store(_) => Some(response.clone()),
        Response::Look(look) => Some(Response::Store(Box::new(look.record.clone()))),
        _ => None,
    })
}
