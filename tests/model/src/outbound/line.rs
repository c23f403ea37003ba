//! One endpoint with its outbox, its wake-ups and its messages.

use hookline_domain::outbound::{BacklogMode, Health, MessageFate, MessageRecord};
use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};

use super::{
    accounts::{Accounts, Waited, Waiting, counts},
    bug::Bug,
    call::{Answered, Key, Registered, Request, Response, State},
    given::{Given, due_first, id},
    outbox::Outbox,
    world::{Process, READ_AGAIN_AFTER, Run, WakeUp, start},
};

/// One endpoint with its outbox, its wake-ups and its messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// Its record.
    pub endpoint: Registered,
    /// Time since which it is not active.
    pub inactive_since: Option<Timestamp>,
    /// Wake-ups on the queue of the dispatcher, sorted.
    pub wake_ups: Vec<WakeUp>,
    /// Its outbox.
    pub outbox: Outbox,
    /// Records of its messages.
    pub records: Vec<Option<MessageRecord>>,
    /// Accounts.
    pub accounts: Accounts,
}

impl Line {
    /// An active endpoint with this health, and with nothing to do for these many events.
    pub(super) fn new(events: u8, outbox: Outbox) -> Self {
        Self {
            endpoint: Registered {
                state: State::Active,
                revision: 1,
                reset_at: start(),
                backlog: None,
            },
            inactive_since: None,
            wake_ups: vec![],
            outbox,
            records: vec![None; events.into()],
            accounts: Accounts::default(),
        }
    }

    /// Executes a call of a person or of the dispatcher about the endpoint itself.
    pub(super) fn register(&mut self, request: &Request, now: Timestamp) -> Response {
        match request {
            Request::FindEndpoint => Response::Endpoint(self.endpoint),
            Request::Disable(revision) => {
                if self.endpoint.state == State::Active && self.endpoint.revision == *revision {
                    let after = Registered {
                        state: State::Disabled,
                        revision: revision + 1,
                        ..self.endpoint
                    };
                    self.change(after, now);
                }
                Response::Done
            }
            Request::SettleBacklog(mode, before) => {
                let backlog = self.endpoint.backlog;
                self.endpoint.backlog = backlog.filter(|other| *other != (*mode, *before));
                Response::Done
            }
            Request::Change(after) => {
                let is_next = after.revision == self.endpoint.revision + 1;
                if is_next {
                    self.change(*after, now);
                }
                Response::Changed(is_next)
            }
            other => unreachable!("not about an endpoint: {other:?}"),
        }
    }

    fn change(&mut self, after: Registered, now: Timestamp) {
        let is_activated = after.state == State::Active && self.endpoint.state != State::Active;
        self.inactive_since = match after.state {
            State::Active => None,
            State::Paused | State::Disabled | State::Deleting => self.inactive_since.or(Some(now)),
        };
        if is_activated {
            let newest = after.backlog.filter(|(mode, _)| *mode == BacklogMode::Newest);
            let waited = newest.map(|(_, at)| Waited {
                revision: after.revision,
                at,
                events: Waiting::of(self.open_entries().filter(|key| key.run == 0)),
            });
            self.accounts.note_activated(waited, after.backlog);
        }
        self.endpoint = after;
    }

    pub(super) fn put(
        &mut self,
        process: &mut Process,
        records: &[(u8, MessageRecord)],
        given: Given,
        bug: Option<Bug>,
    ) -> Response {
        let mut written = Vec::with_capacity(records.len());
        for (event, record) in records {
            let stored = &mut self.records[usize::from(*event)];
            let revision = stored.as_ref().map_or(0, |stored| stored.revision);
            let is_next = record.revision == revision + 1 || bug == Some(Bug::PutWhateverTheRevision);
            let unrecorded = &mut process.unrecorded;
            if is_next {
                let is_lapsed = process.is_lapsed;
                if bug == Some(Bug::VersionNotedAfterThePost) && record.fate == Some(MessageFate::Sent) {
                    self.outbox.greatest = self.outbox.greatest.max(self.outbox.version(*event));
                }
                self.accounts
                    .note_written(*event, stored.as_ref(), record, is_lapsed, unrecorded);
                *stored = Some(record.clone());
                self.note_fate(*event, record.fate, given);
            } else {
                let is_excuse = process.is_lapsed || self.accounts.by_lapsed[usize::from(*event)];
                self.accounts.note_unwritten(*event, record, is_excuse, unrecorded);
            }
            written.push(is_next);
        }
        Response::Written(written)
    }

    /// Notes a fate that has no reason.
    fn note_fate(&mut self, event: u8, fate: Option<MessageFate>, given: Given) {
        let is_early = !given.is_late(event);
        let has_reason = match fate {
            None => true,
            Some(MessageFate::Sent) => self.accounts.is_taken(event),
            Some(MessageFate::Discarded) => {
                self.endpoint.state == State::Deleting || self.accounts.activated == Some(BacklogMode::Drop) && is_early
            }
            Some(MessageFate::Superseded) => {
                let version = self.outbox.version(event);
                let newest = |other: u8| other != event && !self.is_new(other) && self.outbox.version(other) > version;
                let is_older = version < self.outbox.greatest
                    || self.accounts.activated == Some(BacklogMode::Newest)
                        && is_early
                        && (0..).take(self.records.len()).any(newest);
                version > 0 && is_older
            }
            // Nothing waits for days, no message is refused so often, and nobody says so.
            Some(MessageFate::Expired | MessageFate::Exhausted | MessageFate::Aborted) => false,
        };
        self.accounts.has_no_reason |= !has_reason;
    }

    /// Returns true if an event was not handed out yet.
    fn is_new(&self, event: u8) -> bool {
        self.record(event).is_none() && !self.outbox.entries.iter().any(|key| key.event == event)
    }

    /// Posts an event for a process that makes `at_once` posts at once.
    pub(super) fn post(
        &mut self,
        process: &mut Process,
        (event, is_replay): (u8, bool),
        at_once: usize,
        answered: Answered,
        given: Given,
    ) -> Response {
        let is_late = |since: Timestamp| process.at.duration_since(since) >= READ_AGAIN_AFTER;
        self.accounts.began_late |= self.inactive_since.is_some_and(is_late);
        if !process.is_lapsed {
            self.note_begun(process, event, is_replay, at_once);
            // A zombie's attempt may come at any time, and a person has asked for the past.
            if !is_replay && given.is_ordered {
                self.accounts.note_posted(self.outbox.version(event));
            }
        }
        process.run.has_posted = true;
        process.run.is_taken = answered == Answered::Taken;
        self.accounts
            .note_answer(event, is_replay, answered, process.is_lapsed, &mut process.unrecorded);
        Response::Answered(answered)
    }

    /// Notes an attempt that should not have begun.
    fn note_begun(&mut self, process: &Process, event: u8, is_replay: bool, at_once: usize) {
        if !process.run.has_posted {
            // As the last holder left it.
            let health = self.health();
            let is_late = health.not_before(process.at).is_some();
            self.accounts.hurried |= is_late || health.is_open() && at_once > 1;
            let is_last = |last: &EventId| *last == id(event);
            let others = self.open_entries().filter(|key| key.event != event);
            let others_wait = Waiting::of(others).holds_any_of(process.run.waiting);
            self.accounts.insisted |= others_wait && health.failed_last().is_some_and(is_last);
        }
        if let Some(waited) = &self.accounts.waited
            && !is_replay
        {
            let has_begun_since =
                process.run.revision >= waited.revision || process.at.duration_since(waited.at) >= READ_AGAIN_AFTER;
            let version = self.outbox.version(event);
            let is_newer = |key: Key| waited.events.holds(key.event) && self.outbox.version(key.event) > version;
            let is_given_up = version > 0 && waited.events.holds(event) && self.open_entries().any(is_newer);
            self.accounts.posted_what_was_given_up |= has_begun_since && is_given_up;
        }
    }

    /// Notes what a process finds that has acquired the lease.
    pub(super) fn note_acquired(&self, process: &mut Process, given: Given) {
        // Of one thing, all wait for the first if they go in their order.
        let waiting = self
            .open_entries()
            .filter(|key| !given.is_ordered && key.due <= process.at);
        process.run = Run {
            revision: self.endpoint.revision,
            waiting: Waiting::of(waiting),
            ..Run::default()
        };
    }

    /// Health of the endpoint as who acquires the outbox now sees it.
    pub(super) fn health(&self) -> Health {
        let mut health = self.outbox.health.clone();
        health.reset(self.endpoint.reset_at);
        health
    }

    pub(super) fn wake(&mut self, at: Timestamp, is_owed: bool) {
        self.wake_ups.push(WakeUp { at, is_owed });
        self.wake_ups.sort_unstable();
    }

    /// Time at which something happens by itself, while nothing is running.
    pub(super) fn next(&self, overdue_after: SignedDuration) -> Option<Timestamp> {
        let swept_from = self.outbox.lease.map(|(_, until)| until).or(self.outbox.next_at);
        let swept_at = swept_from.map(|at| at + overdue_after + SignedDuration::from_millis(1));
        let woken_at = self.wake_ups.first().map(|wake_up| wake_up.at);
        swept_at.into_iter().chain(woken_at).min()
    }

    pub(super) fn record(&self, event: u8) -> Option<&MessageRecord> {
        self.records[usize::from(event)].as_ref()
    }

    pub(super) fn has_fate(&self, event: u8) -> bool {
        self.record(event).is_some_and(|record| record.fate.is_some())
    }

    /// Entries of open messages.
    pub(super) fn open_entries(&self) -> impl Iterator<Item = Key> {
        let entries = self.outbox.entries.iter().copied();
        entries.filter(|key| counts(*key, self.record(key.event)))
    }

    /// Returns true if an event has an entry that counts.
    pub(super) fn has_entry(&self, event: u8) -> bool {
        self.open_entries().any(|key| key.event == event)
    }
}

/// Returns true if an entry is the first of its message.
pub(super) fn is_first(key: Key) -> bool {
    key.due == due_first(key.event)
}
