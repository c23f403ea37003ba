//! State of the model: tables, queues, the endpoint and the running processes. Every change is one call, done or not done.

use hookline_domain::outbound::{MessageFate, MessageRecord};
use jiff::{SignedDuration, Timestamp};

use super::{
    accounts::{Accounts, Unrecorded, counts},
    bug::Bug,
    call::{Answered, Key, Request, Response, State},
    functions::{Act, LEASE, Role},
    outbox::Outbox,
    ports::accepted_at,
};

/// Most events of a scenario.
pub const MAX_EVENTS: usize = 2;

/// Time after which the endpoint is read again, as the dispatcher promises.
const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Time by which the sweep lets a look be overdue.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// State of the whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// Time.
    pub now: Timestamp,
    /// Number of times that each thing may still happen.
    pub left: Left,
    /// Copies of each event's message on the queue of fan-out.
    pub queue: Vec<u8>,
    /// Wake-ups on the queue of the dispatcher, sorted.
    pub wake_ups: Vec<WakeUp>,
    /// Running processes, sorted.
    pub processes: Vec<Process>,
    /// Number of a person's requests that are done.
    pub acts: usize,
    /// True if the latest has failed: the person makes it again.
    pub is_repeated: bool,
    /// State of the endpoint.
    pub endpoint: State,
    /// Time since which it is not active.
    pub inactive_since: Option<Timestamp>,
    /// Its outbox.
    pub outbox: Outbox,
    /// Records of its messages.
    pub records: Vec<Option<MessageRecord>>,
    /// Accounts.
    pub accounts: Accounts,
}

/// Number of times that each of these may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// Deaths.
    pub deaths: u8,
    /// Calls that fail, done or not.
    pub errors: u8,
    /// Moments that pass while processes run.
    pub moments: u8,
    /// Times that leases lapse while processes run.
    pub lapses: u8,
    /// Own failures of a message.
    pub refusals: u8,
    /// General failures.
    pub failures: u8,
    /// Answers of 410.
    pub goodbyes: u8,
    /// Wake-ups that are lost.
    pub losses: u8,
    /// Wake-ups that are doubled.
    pub doubles: u8,
    /// Sweeps while anything else could happen.
    pub sweeps: u8,
}

/// A wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WakeUp {
    /// Time from which on it is received.
    pub at: Timestamp,
    /// True if it is of fan-out or of a person, and nobody has acquired a lease for it: nothing else knows that there is
    /// something to do, so the queue must not lose it.
    pub is_owed: bool,
}

/// A running process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each holds for a part of its course that the others do not follow"
)]
pub struct Process {
    /// Kind.
    pub role: Role,
    /// Number of its point.
    pub(super) point: u32,
    /// Time of its last response.
    pub(super) at: Timestamp,
    /// Nonce and end of its lease.
    pub(super) nonce: u8,
    pub(super) until: Timestamp,
    /// True if it has acquired the lease.
    pub(super) has_acquired: bool,
    /// True if its lease has lapsed.
    pub(super) is_lapsed: bool,
    /// True if its wake-up is owed.
    pub(super) is_owed: bool,
    /// True if its queue message is received again unless it ends well.
    pub(super) keeps_message: bool,
    /// Messages that were taken and are not recorded yet.
    pub(super) unrecorded: Unrecorded,
}

/// Time at the start.
pub fn start() -> Timestamp {
    Timestamp::from_second(1_796_040_000).expect("it is a time")
}

impl World {
    /// Executes a call of the `n`th process in one step, as the tables, the queues and the endpoint do. `answered` is the answer if
    /// it is a post.
    ///
    /// # Panics
    /// If a post has no answer.
    pub fn perform(&mut self, n: usize, request: &Request, answered: Option<Answered>, bug: Option<Bug>) -> Response {
        match request {
            Request::Acquire { .. } => self.acquire(n, request, bug),
            Request::Add(keys) => {
                if let Role::Person(Act::Retry(event)) = self.processes[n].role {
                    self.accounts.note_asked(event, self.is_repeated);
                }
                self.outbox.perform(&Request::Add(keys.clone()), bug)
            }
            Request::Remove(keys) => {
                for key in keys.iter().filter(|key| self.outbox.entries.contains(key)) {
                    let record = self.records[usize::from(key.event)].as_ref();
                    self.accounts.note_removed(*key, record);
                }
                self.outbox.perform(request, bug)
            }
            Request::Release(..)
            | Request::RemoveItem(_)
            | Request::Schedule(..)
            | Request::Page(_)
            | Request::Raise(_)
            | Request::Overdue(_) => self.outbox.perform(request, bug),
            Request::Send(delay) => {
                let delay = SignedDuration::try_from(*delay).unwrap_or_default();
                let is_owed = matches!(self.processes[n].role, Role::FanOut(_) | Role::Person(_));
                self.wake(self.now + delay, is_owed);
                Response::Done
            }
            Request::FindEndpoint => Response::Endpoint(self.endpoint),
            Request::Disable => {
                if self.endpoint == State::Active {
                    self.change(State::Disabled);
                }
                Response::Done
            }
            Request::Change(state) => {
                self.change(*state);
                Response::Done
            }
            Request::FindMessages(events) => {
                let records = events.iter().map(|event| self.records[usize::from(*event)].clone());
                Response::Known(records.collect())
            }
            Request::Put(records) => self.put(n, records, bug),
            Request::Post(event, is_replay) => {
                let answered = answered.expect("a post has an answer");
                self.post(n, *event, *is_replay, answered)
            }
            Request::DeleteMessage => {
                self.processes[n].keeps_message = false;
                Response::Done
            }
        }
    }

    fn acquire(&mut self, n: usize, request: &Request, bug: Option<Bug>) -> Response {
        let has_released = |process: &Process| process.has_acquired && self.outbox.released == Some(process.nonce);
        if bug == Some(Bug::DroppedAfterTheRelease) && self.processes.iter().any(has_released) {
            return Response::Acquired(None);
        }
        let response = self.outbox.perform(request, bug);
        if matches!(response, Response::Acquired(Some(_))) {
            let process = &mut self.processes[n];
            process.has_acquired = true;
            process.is_lapsed = process.until <= self.now;
        }
        response
    }

    fn change(&mut self, state: State) {
        self.endpoint = state;
        self.inactive_since = match state {
            State::Active => None,
            State::Paused | State::Disabled | State::Deleting => self.inactive_since.or(Some(self.now)),
        };
    }

    fn put(&mut self, n: usize, records: &[(u8, MessageRecord)], bug: Option<Bug>) -> Response {
        let process = &mut self.processes[n];
        let written = records.iter().map(|(event, record)| {
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
            } else {
                let is_excuse = process.is_lapsed || self.accounts.by_lapsed[usize::from(*event)];
                self.accounts.note_unwritten(*event, record, is_excuse, unrecorded);
            }
            is_next
        });
        Response::Written(written.collect())
    }

    /// Notes that records were not written because the call failed.
    pub(super) fn fail_to_put(&mut self, n: usize, records: &[(u8, MessageRecord)]) {
        let unrecorded = &mut self.processes[n].unrecorded;
        for (event, record) in records {
            self.accounts.note_unwritten(*event, record, true, unrecorded);
        }
    }

    fn post(&mut self, n: usize, event: u8, is_replay: bool, answered: Answered) -> Response {
        let process = &mut self.processes[n];
        let is_late = |since: Timestamp| process.at.duration_since(since) >= READ_AGAIN_AFTER;
        self.accounts.began_late |= self.inactive_since.is_some_and(is_late);
        let (is_lapsed, unrecorded) = (process.is_lapsed, &mut process.unrecorded);
        // A zombie's attempt may come at any time, and a person has asked for the past.
        if !is_lapsed && !is_replay {
            self.accounts.note_posted(self.outbox.version(event));
        }
        self.accounts
            .note_answer(event, is_replay, answered, is_lapsed, unrecorded);
        Response::Answered(answered)
    }

    pub(super) fn wake(&mut self, at: Timestamp, is_owed: bool) {
        self.wake_ups.push(WakeUp { at, is_owed });
        self.wake_ups.sort_unstable();
    }

    /// Ends a process. Another receives its message again unless it is done.
    pub(super) fn end(&mut self, n: usize, is_done: bool) {
        let process = self.processes.remove(n);
        match process.role {
            Role::Dispatcher if !is_done => self.wake(self.now, process.is_owed && !process.has_acquired),
            Role::FanOut(event) => self.queue[usize::from(event)] += u8::from(process.keeps_message),
            Role::Person(_) => {
                self.acts += usize::from(is_done);
                self.is_repeated = !is_done;
            }
            Role::Dispatcher | Role::Sweep => {}
        }
    }

    /// Ends a process that dies.
    pub(super) fn die(&mut self, n: usize) {
        self.accounts.excuse(self.processes[n].unrecorded);
        self.end(n, false);
    }

    /// Lets time pass while processes run.
    pub(super) fn pass(&mut self, time: SignedDuration) {
        self.now += time;
        for process in &mut self.processes {
            if process.has_acquired && !process.is_lapsed && process.until <= self.now {
                process.is_lapsed = true;
                self.accounts.excuse(process.unrecorded);
            }
        }
    }

    /// Nonce that nobody uses.
    pub(super) fn free_nonce(&self) -> u8 {
        let is_used = |nonce: u8| {
            self.outbox.lease.is_some_and(|(held, _)| held == nonce)
                || self.outbox.released == Some(nonce)
                || self.processes.iter().any(|process| process.nonce == nonce)
        };
        (1..u8::MAX)
            .find(|nonce| !is_used(*nonce))
            .expect("there are few processes")
    }

    /// Process that begins now.
    pub(super) fn process(&self, role: Role, point: u32, nonce: u8) -> Process {
        Process {
            role,
            point,
            at: self.now,
            nonce,
            until: self.now + LEASE,
            has_acquired: false,
            is_lapsed: false,
            is_owed: false,
            keeps_message: matches!(role, Role::FanOut(_)),
            unrecorded: Unrecorded::default(),
        }
    }

    pub(super) fn count(&self, is_one: impl Fn(Role) -> bool) -> usize {
        self.processes.iter().filter(|process| is_one(process.role)).count()
    }

    /// Returns true if the sweep would wake the outbox.
    pub(super) fn is_overdue(&self) -> bool {
        self.outbox.is_overdue(self.now - OVERDUE_AFTER)
    }

    /// Returns true if nothing is running and nothing is to be received now.
    pub(super) fn is_idle(&self) -> bool {
        self.processes.is_empty()
            && !self.is_repeated
            && self.queue.iter().all(|copies| *copies == 0)
            && self.wake_ups.first().is_none_or(|wake_up| wake_up.at > self.now)
    }

    /// Time at which something happens by itself, while nothing is running.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let swept_from = self.outbox.lease.map(|(_, until)| until).or(self.outbox.next_at);
        let swept_at = swept_from.map(|at| at + OVERDUE_AFTER + SignedDuration::from_millis(1));
        let woken_at = self.wake_ups.first().map(|wake_up| wake_up.at);
        swept_at.into_iter().chain(woken_at).min()
    }

    /// Returns true if nothing will ever happen unless somebody publishes, or changes the endpoint.
    pub fn is_at_rest(&self) -> bool {
        self.is_idle() && self.next().is_none()
    }

    /// Events that were accepted.
    pub(super) fn events(&self) -> impl Iterator<Item = u8> {
        (0..).take(self.records.len())
    }

    /// Returns true if fan-out still has the event's message.
    pub(super) fn is_queued(&self, event: u8) -> bool {
        let holds = |process: &Process| process.role == Role::FanOut(event) && process.keeps_message;
        self.queue[usize::from(event)] > 0 || self.processes.iter().any(holds)
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

    /// Returns true if somebody will look at the outbox once this entry is due, and not later.
    pub(super) fn is_awaited(&self, key: Key) -> bool {
        let not_before = self.outbox.health.not_before(self.now).unwrap_or(self.now);
        let latest = key.due.max(self.now).max(not_before);
        let will_wake = |process: &Process| match process.role {
            Role::Dispatcher => !process.has_acquired,
            Role::FanOut(_) | Role::Sweep => false,
            Role::Person(_) => true,
        };
        self.is_repeated
            || self.outbox.lease.is_some()
            || self.outbox.next_at.is_some_and(|at| at <= latest)
            || self.wake_ups.iter().any(|wake_up| wake_up.at <= latest)
            || self.processes.iter().any(will_wake)
            || (self.is_queued(key.event) && key.due == accepted_at(key.event))
    }
}
