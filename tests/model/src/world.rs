//! What there is: tables, queue, index, and the functions at work. Every change is one call, done or not done.

use std::collections::{BTreeMap, BTreeSet};

use hookline_domain::{
    catalogue::{entities::FenceRecord, index},
    delivery::ledger::{self, Claim, ClaimRequest, Fate, LedgerEntry, LedgerState, NoteOutcome},
    kernel::{ids::EntityKey, version::Version},
    store::stores::StoreRecord,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    bug::Bug,
    events::{What, start},
    script::{History, Request, Response, Shown},
};

/// A state of everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// How many times so much time has passed that every lease and every function's timeout was over.
    pub waits: u8,
    /// How many more functions may die.
    pub deaths_left: u8,
    /// How many more calls may fail.
    pub errors_left: u8,
    /// The deliveries of the scenario.
    pub deliveries: Vec<Parcel>,
    /// Receivers at work.
    pub receivers: Vec<Option<Running>>,
    /// Consumers at work.
    pub consumers: Vec<Option<Running>>,
    /// Reconciliations at work.
    pub reconcilers: Vec<Option<Running>>,
    /// What has come of reconciliations so far.
    pub reconciliations: Reconciliations,
    /// Which of its states the store's catalogue is in.
    pub catalogue: usize,
    /// The fence.
    pub entities: BTreeMap<EntityKey, FenceRecord>,
    /// What is known of the store.
    pub store: Option<StoreRecord>,
    /// Deliveries that are remembered to have failed.
    pub failed: BTreeSet<usize>,
    /// Whether the rest of the product was asked for.
    pub asked: bool,
    /// The index: what it holds of which version; nothing if that is removed.
    pub index: BTreeMap<EntityKey, (Version, Option<Shown>)>,
    /// The newest version the index has ever taken.
    pub newest: BTreeMap<EntityKey, Version>,
    /// Whether what is kept of the store has been erased.
    pub erased: bool,
    /// Whether a search could have shown an older state after a newer, or something that was gone.
    pub went_back: bool,
}

/// What has come of reconciliations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reconciliations {
    /// How many more may begin.
    pub left: u8,
    /// The state that the catalogue was in when the latest of those looked at it that have come to their end.
    pub reconciled: Option<usize>,
    /// Whether all is at rest since one that nothing disturbed.
    pub calm: bool,
    /// Whether one has written what was there already, though nothing had happened since the one before.
    pub rewritten: bool,
}

/// One delivery, where it is and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Parcel {
    /// How often its sender will still try.
    pub attempts_left: u8,
    /// How many copies the queue holds.
    pub copies: u8,
    /// How many of them nobody has received yet.
    pub fresh: u8,
    /// Whether it was ever on the queue.
    pub sent: bool,
    /// Whether its sender was ever answered 2xx.
    pub accepted: bool,
    /// Its ledger entry.
    pub entry: Option<LedgerEntry>,
    /// Whether that entry holds a problem.
    pub has_problem: bool,
    /// How often its completion counted.
    pub counted: u8,
}

/// A function at work: on which deliveries, since when, with which answers so far, and what it asks now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Running {
    /// Numbers of deliveries; of a reconciliation none.
    pub work: Vec<usize>,
    /// Of each whether its message has been received before.
    pub again: Vec<bool>,
    /// Unique among the attempts at a delivery.
    pub owner: String,
    /// After so many waits.
    pub since: u8,
    /// Whether it is a reconciliation that began when all was calm.
    pub calm: bool,
    /// The answers so far.
    pub history: History,
    /// The calls it waits for. Follows from the rest.
    pub asks: Vec<(usize, Request)>,
}

/// The time after so many waits: each is longer than any lease or timeout.
pub fn time(waits: u8) -> Timestamp {
    start() + SignedDuration::from_hours(2) + SignedDuration::from_mins(i64::from(waits))
}

impl World {
    /// Does what a call asks, in one step, as the tables and the index do it.
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
                let parcel = &mut self.deliveries[*delivery];
                parcel.copies += 1;
                parcel.fresh += 1;
                parcel.sent = true;
                Response::Done
            }
            Request::Advance(..)
            | Request::Confirm(_)
            | Request::Known(_)
            | Request::Bury(_)
            | Request::Retire(..)
            | Request::Page(..) => self.fence(request, running, bug),
            Request::Find => match (bug, first_found(running)) {
                (Some(Bug::StoreReadOnce), Some(before)) => before,
                _ => Response::Found(Box::new(self.store.clone())),
            },
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
                if noted != NoteOutcome::Done || bug == Some(Bug::DoneIsRemembered) {
                    self.failed.insert(*delivery);
                }
                Response::Noted(noted)
            }
            Request::ForgetFailed(delivery) => {
                if bug != Some(Bug::AppliedIsNotForgotten) {
                    self.failed.remove(delivery);
                }
                Response::Done
            }
            Request::Record(_) => {
                self.store.get_or_insert_default();
                Response::Done
            }
            Request::Note(delivery) => Response::Noted(self.note(*delivery)),
            Request::Keep => Response::Done,
            Request::Ask => {
                self.asked |= bug != Some(Bug::JobsGetLost);
                Response::Done
            }
            Request::Apply(changes) => {
                self.reconciliations.rewritten |= running.calm
                    && changes
                        .iter()
                        .any(|(entity, _, shown)| self.shows(entity, shown.as_ref()));
                self.apply(changes, bug)
            }
            Request::Look => unreachable!("the scenario knows the catalogue"),
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
                Claim::Live { .. } if bug == Some(Bug::LiveClaimIsADuplicate) => Claim::Settled,
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
        let parcel = &mut self.deliveries[delivery];
        let noted = ledger::takes_notes(parcel.entry.as_ref());
        parcel.has_problem |= noted == NoteOutcome::Written;
        noted
    }

    fn complete(&mut self, delivery: usize, fate: Fate, bug: Option<Bug>) -> Response {
        let parcel = &mut self.deliveries[delivery];
        let has_problem = parcel.has_problem && bug != Some(Bug::FailureIsUnseen);
        let (state, completion) = ledger::settle(parcel.entry.as_ref(), has_problem, fate);
        if let (Some(state), Some(entry)) = (state, parcel.entry.as_mut()) {
            parcel.has_problem = state == LedgerState::Parked;
            entry.state = state;
        }
        if completion.counts() {
            parcel.counted += 1;
        }
        Response::Completed(completion)
    }

    fn apply(&mut self, changes: &[(EntityKey, Version, Option<Shown>)], bug: Option<Bug>) -> Response {
        let taken = changes.iter().map(|(entity, version, shown)| {
            let held = self.index.get(entity).map(|(held, _)| *held);
            let takes = bug == Some(Bug::NoIndexVersion) || index::takes(held, *version);
            if takes {
                self.index.insert(entity.clone(), (*version, shown.clone()));
            }
            takes
        });
        let taken = taken.collect();
        Response::Applied(taken)
    }

    /// Whether the index shows just this of an entity, or nothing of what it has removed.
    fn shows(&self, entity: &EntityKey, shown: Option<&Shown>) -> bool {
        let title = |shown: Option<&Shown>| shown.map(|shown| shown.title.clone());
        self.index
            .get(entity)
            .is_some_and(|(_, held)| title(held.as_ref()) == title(shown))
    }

    /// Looks at what a search would show now, and remembers whether that went back.
    pub fn watch(&mut self, bug: Option<Bug>) {
        for (entity, (version, shown)) in &self.index {
            let newest = self.newest.entry(entity.clone()).or_insert(*version);
            let ended = self.store.as_ref().and_then(|record| record.uninstalled_at);
            let found = shown.as_ref().is_some_and(|shown| {
                bug == Some(Bug::SearchShowsEverything) || ended.is_none_or(|ended| shown.observed_at > ended)
            });
            self.went_back |= found && *version < *newest;
            *newest = (*newest).max(*version);
        }
        if let Some(ended) = self.store.as_ref().and_then(|record| record.uninstalled_at) {
            let floor = Version::floor(ended);
            for newest in self.newest.values_mut() {
                *newest = (*newest).max(floor);
            }
        }
    }

    /// So much time passes that every function at work has died and every lease has lapsed. An index may forget of
    /// which version something was that it has removed.
    pub fn wait(&mut self, index_forgets: bool) {
        self.waits += 1;
        self.receivers.fill(None);
        self.consumers.fill(None);
        self.reconcilers.fill(None);
        self.reconciliations.calm = false;
        if index_forgets {
            self.index.retain(|_, (_, shown)| shown.is_some());
        }
    }

    /// Something happens that a reconciliation may find.
    pub fn disturb(&mut self) {
        self.reconciliations.calm = false;
        for running in self.reconcilers.iter_mut().flatten() {
            running.calm = false;
        }
    }

    /// Whether nobody is at work and the queue holds nothing but what waits for a person.
    pub fn is_quiet(&self) -> bool {
        let functions = self.receivers.iter().chain(&self.consumers).chain(&self.reconcilers);
        let idle = functions.into_iter().all(Option::is_none);
        let rests = |parcel: &Parcel| parcel.copies == 0 || parcel.is_parked();
        idle && self.deliveries.iter().all(rests)
    }
}

impl Running {
    /// Whether it is a reconciliation, which works on no delivery.
    pub fn is_reconciliation(&self) -> bool {
        self.work.is_empty()
    }

    /// What the catalogue said when it was first looked at.
    pub fn seen(&self) -> Option<(usize, What)> {
        self.history.iter().find_map(|(_, response)| match response {
            Response::Seen(number, state) => Some((*number, *state)),
            _ => None,
        })
    }
}

impl Parcel {
    /// Whether it waits for a person.
    pub fn is_parked(&self) -> bool {
        self.entry
            .as_ref()
            .is_some_and(|entry| entry.state == LedgerState::Parked)
    }
}

fn first_found(running: &Running) -> Option<Response> {
    let mut answers = running.history.iter().map(|(_, response)| response);
    answers.find(|response| matches!(response, Response::Found(_))).cloned()
}
