//! State of the model: tables, queues, the endpoints and the running processes. Every change is one call, done or not done.

use hookline_domain::outbound::MessageRecord;
use jiff::{SignedDuration, Timestamp};

use super::{
    accounts::{Unrecorded, Waiting},
    bug::Bug,
    call::{Answered, Call, Key, Request, Response},
    functions::{Act, LEASE, Role},
    given::Given,
    line::{Line, is_first},
};

/// Most events of a scenario.
pub const MAX_EVENTS: usize = 3;

/// Most endpoints of a scenario.
pub const MAX_ENDPOINTS: u8 = 2;

/// Time after which the endpoint is read again, as the dispatcher promises.
pub(super) const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);

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
    /// Running processes, sorted.
    pub processes: Vec<Process>,
    /// Number of a person's requests that are done.
    pub acts: usize,
    /// True if the latest has failed: the person makes it again.
    pub is_repeated: bool,
    /// Each endpoint with its outbox, its wake-ups and its messages.
    pub lines: Vec<Line>,
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
    /// Its run since it has acquired the lease.
    pub(super) run: Run,
}

/// Run of a dispatcher since it has acquired the lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Run {
    /// Revision that the endpoint had then.
    pub(super) revision: u32,
    /// Messages that waited then.
    pub(super) waiting: Waiting,
    /// True if it has posted.
    pub(super) has_posted: bool,
    /// True if the endpoint has taken what it posted last.
    pub(super) is_taken: bool,
}

/// Time at the start.
pub fn start() -> Timestamp {
    Timestamp::from_second(1_796_040_000).expect("it is a time")
}

impl World {
    /// Executes a call of the `n`th process, of `posts` that it makes at once if it is one, in one step, as the tables, the queues
    /// and the endpoints do. `answered` is the answer if it is a post.
    ///
    /// # Panics
    /// If a post has no answer.
    pub(super) fn perform(
        &mut self,
        n: usize,
        call: &Call,
        (posts, answered): (usize, Option<Answered>),
        given: Given,
        bug: Option<Bug>,
    ) -> Response {
        let to = usize::from(call.to);
        self.note_addressee(n, call.to);
        match &call.request {
            Request::Acquire { .. } => self.acquire(n, call, given, bug),
            Request::Add(keys) => {
                let line = &mut self.lines[to];
                if let Role::Person(Act::Retry(event)) = self.processes[n].role {
                    line.accounts.note_asked(event, self.is_repeated);
                }
                line.outbox.perform(&Request::Add(keys.clone()), bug)
            }
            Request::Remove(keys) => {
                let of_all = bug == Some(Bug::RemovedOfAll);
                for (_, line) in self.lines.iter_mut().enumerate().filter(|(n, _)| of_all || *n == to) {
                    for key in keys.iter().filter(|key| line.outbox.entries.contains(key)) {
                        let record = line.records[usize::from(key.event)].as_ref();
                        line.accounts.note_removed(*key, record);
                    }
                    line.outbox.perform(&call.request, bug);
                }
                Response::Done
            }
            Request::Release(_, health, _) => {
                let process = &self.processes[n];
                let line = &mut self.lines[to];
                line.accounts.stayed_open |= !process.is_lapsed && process.run.is_taken && health.is_open();
                self.lines[to].outbox.perform(&call.request, bug)
            }
            Request::RemoveItem(_) | Request::Schedule(..) => self.lines[to].outbox.perform(&call.request, bug),
            Request::Page(_) | Request::PageBack(..) | Request::Raise(_) => {
                self.lines[to].outbox.perform(&call.request, bug)
            }
            Request::Overdue(before) => {
                let overdue = self.numbered().filter(|(_, line)| line.outbox.is_overdue(*before));
                Response::Overdue(overdue.map(|(n, _)| n).collect())
            }
            Request::Send(delay) => {
                let delay = SignedDuration::try_from(*delay).unwrap_or_default();
                let is_owed = matches!(self.processes[n].role, Role::FanOut(_) | Role::Person(_));
                let to = if bug == Some(Bug::WakeUpOfAll) { 0 } else { to };
                self.lines[to].wake(self.now + delay, is_owed);
                Response::Done
            }
            Request::FindEndpoint | Request::Disable(_) | Request::SettleBacklog(..) | Request::Change(_) => {
                self.lines[to].register(&call.request, self.now)
            }
            Request::FindMessages(events) => {
                let line = &self.lines[if bug == Some(Bug::RecordOfAll) { 0 } else { to }];
                let records = events.iter().map(|event| line.records[usize::from(*event)].clone());
                Response::Known(records.collect())
            }
            Request::Put(records) => {
                let to = if bug == Some(Bug::RecordOfAll) { 0 } else { to };
                self.lines[to].put(&mut self.processes[n], records, given, bug)
            }
            Request::Post(event, is_replay) => {
                let answered = answered.expect("a post has an answer");
                self.lines[to].post(&mut self.processes[n], (*event, *is_replay), posts, answered, given)
            }
            Request::DeleteMessage => {
                self.processes[n].keeps_message = false;
                Response::Done
            }
        }
    }

    /// Notes a dispatcher that makes a call about another endpoint than its own.
    fn note_addressee(&mut self, n: usize, to: u8) {
        if let Role::Dispatcher(own) = self.processes[n].role
            && own != to
        {
            self.lines[usize::from(to)].accounts.was_mistaken = true;
        }
    }

    fn acquire(&mut self, n: usize, call: &Call, given: Given, bug: Option<Bug>) -> Response {
        let to = usize::from(call.to);
        let released = self.lines[to].outbox.released;
        let has_released = |process: &Process| process.has_acquired && released == Some(process.nonce);
        if bug == Some(Bug::DroppedAfterTheRelease) && self.processes.iter().any(has_released) {
            return Response::Acquired(None);
        }
        let response = self.lines[to].outbox.perform(&call.request, bug);
        if matches!(response, Response::Acquired(Some(_))) {
            let process = &mut self.processes[n];
            process.has_acquired = true;
            process.is_lapsed = process.until <= self.now;
            self.lines[to].note_acquired(process, given);
        }
        response
    }

    /// Notes that records were not written because the call failed.
    pub(super) fn fail_to_put(&mut self, n: usize, to: u8, records: &[(u8, MessageRecord)]) {
        let unrecorded = &mut self.processes[n].unrecorded;
        for (event, record) in records {
            let accounts = &mut self.lines[usize::from(to)].accounts;
            accounts.note_unwritten(*event, record, true, unrecorded);
        }
    }

    /// Ends a process. Another receives its message again unless it is done.
    pub(super) fn end(&mut self, n: usize, is_done: bool) {
        let process = self.processes.remove(n);
        match process.role {
            Role::Dispatcher(own) => {
                if !is_done {
                    self.lines[usize::from(own)].wake(self.now, process.is_owed && !process.has_acquired);
                }
            }
            Role::FanOut(event) => self.queue[usize::from(event)] += u8::from(process.keeps_message),
            Role::Person(_) => {
                self.acts += usize::from(is_done);
                self.is_repeated = !is_done;
            }
            Role::Sweep => {}
        }
    }

    /// Ends a process that dies.
    pub(super) fn die(&mut self, n: usize) {
        self.excuse(self.processes[n]);
        self.end(n, false);
    }

    /// Excuses repeats of all that a process has not recorded.
    fn excuse(&mut self, process: Process) {
        if let Role::Dispatcher(own) = process.role {
            self.lines[usize::from(own)].accounts.excuse(process.unrecorded);
        }
    }

    /// Lets time pass while processes run.
    pub(super) fn pass(&mut self, time: SignedDuration) {
        self.now += time;
        for n in 0..self.processes.len() {
            let process = &mut self.processes[n];
            if process.has_acquired && !process.is_lapsed && process.until <= self.now {
                process.is_lapsed = true;
                let process = *process;
                self.excuse(process);
            }
        }
    }

    /// Nonce that nobody uses.
    pub(super) fn free_nonce(&self) -> u8 {
        let knows = |line: &Line, nonce: u8| {
            line.outbox.lease.is_some_and(|(held, _)| held == nonce) || line.outbox.released == Some(nonce)
        };
        let is_used = |nonce: u8| {
            self.lines.iter().any(|line| knows(line, nonce))
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
            run: Run::default(),
        }
    }

    pub(super) fn count(&self, is_one: impl Fn(Role) -> bool) -> usize {
        self.processes.iter().filter(|process| is_one(process.role)).count()
    }

    /// Endpoints and their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u8, &Line)> {
        (0..).zip(&self.lines)
    }

    /// Returns true if the sweep would wake an outbox.
    pub(super) fn is_overdue(&self) -> bool {
        let before = self.now - OVERDUE_AFTER;
        self.lines.iter().any(|line| line.outbox.is_overdue(before))
    }

    /// Returns true if nothing is running and nothing is to be received now.
    pub(super) fn is_idle(&self) -> bool {
        let is_asleep = |line: &Line| line.wake_ups.first().is_none_or(|wake_up| wake_up.at > self.now);
        self.processes.is_empty()
            && !self.is_repeated
            && self.queue.iter().all(|copies| *copies == 0)
            && self.lines.iter().all(is_asleep)
    }

    /// Time at which something happens by itself, while nothing is running.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.lines.iter().filter_map(|line| line.next(OVERDUE_AFTER)).min()
    }

    /// Returns true if nothing will ever happen unless somebody publishes, or changes the endpoint.
    pub fn is_at_rest(&self) -> bool {
        self.is_idle() && self.next().is_none()
    }

    /// Events that were accepted.
    pub(super) fn events(&self) -> impl Iterator<Item = u8> {
        (0..).take(self.queue.len())
    }

    /// Returns true if fan-out still has the event's message.
    pub(super) fn is_queued(&self, event: u8) -> bool {
        let holds = |process: &Process| process.role == Role::FanOut(event) && process.keeps_message;
        self.queue[usize::from(event)] > 0 || self.processes.iter().any(holds)
    }

    /// Returns true if somebody will look at an endpoint's outbox once this entry is due, and not later.
    pub(super) fn is_awaited(&self, to: u8, key: Key) -> bool {
        let line = &self.lines[usize::from(to)];
        let not_before = line.health().not_before(self.now).unwrap_or(self.now);
        let latest = key.due.max(self.now).max(not_before);
        let will_wake = |process: &Process| match process.role {
            Role::Dispatcher(own) => own == to && !process.has_acquired,
            Role::FanOut(_) | Role::Sweep => false,
            Role::Person(_) => to == 0,
        };
        (self.is_repeated && to == 0)
            || line.outbox.lease.is_some()
            || line.outbox.next_at.is_some_and(|at| at <= latest)
            || line.wake_ups.iter().any(|wake_up| wake_up.at <= latest)
            || self.processes.iter().any(will_wake)
            || (self.is_queued(key.event) && is_first(key))
    }
}
