//! Accounts that the model keeps beside the tables: of what has happened, as far as a property asks for it.

use hookline_domain::outbound::{BacklogMode, MessageFate, MessageRecord};
use jiff::Timestamp;

use super::{
    call::{Answered, Key},
    world::MAX_EVENTS,
};

/// Highest count that is distinguished.
const MOST: u8 = 9;

/// Accounts of events. Those of the past that a person asked for are apart from the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is the violation of one property")]
pub struct Accounts {
    /// Number of times that the endpoint has taken a message.
    pub(super) taken: [[u8; 2]; MAX_EVENTS],
    /// Number of times that it may be posted again after that.
    pub(super) excused: [[u8; 2]; MAX_EVENTS],
    /// Number of times that it has refused it.
    pub(super) refused: [[u8; 2]; MAX_EVENTS],
    /// Number of times that it took nothing at all.
    pub(super) unavailable: [[u8; 2]; MAX_EVENTS],
    /// True if the last writer of the record had a lapsed lease.
    pub(super) by_lapsed: [bool; MAX_EVENTS],
    /// Number of times that a person has asked for the past.
    pub(super) asked: [u8; MAX_EVENTS],
    /// True if nothing was posted since a new request.
    pub(super) is_asked: [bool; MAX_EVENTS],
    /// Greatest version of the states that were posted; 0 if the endpoint wants no order.
    pub(super) newest: u8,
    /// True if an older state was posted after a newer one.
    pub(super) went_back: bool,
    /// True if an attempt began although the endpoint had been paused or deleted for too long.
    pub(super) began_late: bool,
    /// True if two writes of a record counted for one revision.
    pub(super) written_twice: bool,
    /// True if a fate was followed by another, or by none, in the same run.
    pub(super) fate_changed: bool,
    /// True if an entry was removed while the record did not say why.
    pub(super) removed_early: bool,
    /// True if a message was given a fate without a reason.
    pub(super) has_no_reason: bool,
    /// True if an attempt began before its time, or several, while the breaker was open.
    pub(super) hurried: bool,
    /// True if the message at which the endpoint failed last was tried first while another waited.
    pub(super) insisted: bool,
    /// True if the breaker stayed open after a success.
    pub(super) stayed_open: bool,
    /// True if a dispatcher of another endpoint has made a call about this one.
    pub(super) was_mistaken: bool,
    /// Treatment of what waited at the last activation, if it is not sent.
    pub(super) activated: Option<BacklogMode>,
    /// Messages that waited then, if the newest state of each thing is to be sent.
    pub(super) waited: Option<Waited>,
    /// True if a state was posted that an activation has given up.
    pub(super) posted_what_was_given_up: bool,
}

/// Messages that waited at an activation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Waited {
    /// Revision of the endpoint that says so.
    pub(super) revision: u32,
    /// Time.
    pub(super) at: Timestamp,
    /// Events.
    pub(super) events: Waiting,
}

/// Events whose messages wait, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Waiting(u8);

impl Waiting {
    /// Events of these entries.
    pub(super) fn of(entries: impl Iterator<Item = Key>) -> Self {
        Self(entries.fold(0, |all, key| all | 1 << key.event))
    }

    /// Returns true if this event is among them.
    pub(super) fn holds(self, event: u8) -> bool {
        self.0 & (1 << event) != 0
    }

    /// Returns true if any of these is among them.
    pub(super) fn holds_any_of(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Messages that a process has posted, that were taken, and whose record it has not written yet: a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Unrecorded(u8);

fn bit(event: u8, is_replay: bool) -> u8 {
    1 << (2 * event + u8::from(is_replay))
}

/// Adds to a count, which a dispatcher that posts for ever must not overflow.
fn add(count: &mut u8, more: u8) {
    *count = count.saturating_add(more).min(MOST);
}

/// Returns true for the messages that a record is about if it says that the endpoint has taken them.
fn is_sent(record: &MessageRecord) -> bool {
    record.fate == Some(MessageFate::Sent)
}

impl Unrecorded {
    fn add(&mut self, event: u8, is_replay: bool) {
        self.0 |= bit(event, is_replay);
    }

    /// Removes a message, and returns true if it was among them.
    fn settle(&mut self, event: u8, is_replay: bool) -> bool {
        let was_among = self.0 & bit(event, is_replay) != 0;
        self.0 &= !bit(event, is_replay);
        was_among
    }
}

impl Accounts {
    /// Notes that a person asks for the past, or repeats a request that has failed.
    pub(super) fn note_asked(&mut self, event: u8, is_repeated: bool) {
        let n = usize::from(event);
        add(&mut self.asked[n], 1);
        self.is_asked[n] |= !is_repeated;
    }

    /// Notes that a person activates the endpoint.
    pub(super) fn note_activated(&mut self, waited: Option<Waited>, backlog: Option<(BacklogMode, Timestamp)>) {
        self.activated = backlog.map(|(mode, _)| mode);
        self.waited = waited;
    }

    /// Returns true if the endpoint has taken a message.
    pub(super) fn is_taken(&self, event: u8) -> bool {
        self.taken[usize::from(event)].iter().any(|taken| *taken > 0)
    }

    /// Returns true if a message was posted again after a success, and nothing excuses it.
    pub(super) fn is_repeated(&self) -> bool {
        let mut events = (0..MAX_EVENTS).flat_map(|n| [(n, 0, 1), (n, 1, self.asked[n])]);
        events.any(|(n, run, due)| self.taken[n][run] > due + self.excused[n][run])
    }

    /// Returns true if a message was posted again after a success.
    pub(super) fn is_posted_twice(&self) -> bool {
        let mut events = (0..MAX_EVENTS).flat_map(|n| [(n, 0, 1), (n, 1, self.asked[n])]);
        events.any(|(n, run, due)| self.taken[n][run] > due)
    }

    /// Notes that a state of this version is posted.
    pub(super) fn note_posted(&mut self, version: u8) {
        self.went_back |= version < self.newest;
        self.newest = self.newest.max(version);
    }

    /// Notes an answer to a process whose lease has lapsed or not.
    pub(super) fn note_answer(
        &mut self,
        event: u8,
        is_replay: bool,
        answered: Answered,
        is_lapsed: bool,
        unrecorded: &mut Unrecorded,
    ) {
        let (n, run) = (usize::from(event), usize::from(is_replay));
        self.is_asked[n] = false;
        match answered {
            Answered::Taken => {
                add(&mut self.taken[n][run], 1);
                add(&mut self.excused[n][run], u8::from(is_lapsed));
                unrecorded.add(event, is_replay);
            }
            // The endpoint took it, and nobody knows.
            Answered::Lost => {
                add(&mut self.taken[n][run], 1);
                add(&mut self.excused[n][run], 1);
            }
            Answered::Refused => add(&mut self.refused[n][run], 1),
            Answered::Unavailable => add(&mut self.unavailable[n][run], 1),
            Answered::Gone => {}
        }
    }

    /// Excuses repeats of all that a process has not recorded: it has died, or its lease has lapsed.
    pub(super) fn excuse(&mut self, unrecorded: Unrecorded) {
        for (n, excused) in self.excused.iter_mut().enumerate() {
            let n = u8::try_from(n).expect("they are few");
            add(&mut excused[0], u8::from(unrecorded.0 & bit(n, false) != 0));
            add(&mut excused[1], u8::from(unrecorded.0 & bit(n, true) != 0));
        }
    }

    /// Notes that a record was written over another, by a process whose lease has lapsed or not.
    pub(super) fn note_written(
        &mut self,
        event: u8,
        before: Option<&MessageRecord>,
        record: &MessageRecord,
        is_lapsed: bool,
        unrecorded: &mut Unrecorded,
    ) {
        self.by_lapsed[usize::from(event)] = is_lapsed;
        self.written_twice |= before.is_some_and(|before| before.revision >= record.revision);
        self.fate_changed |= before
            .is_some_and(|before| before.run == record.run && before.fate.is_some() && before.fate != record.fate);
        if is_sent(record) {
            unrecorded.settle(event, record.run > 0);
        }
    }

    /// Notes that a record could not be written, or was refused because of another whose writer's lease may have lapsed.
    pub(super) fn note_unwritten(
        &mut self,
        event: u8,
        record: &MessageRecord,
        is_excuse: bool,
        unrecorded: &mut Unrecorded,
    ) {
        let is_replay = record.run > 0;
        if is_sent(record) && unrecorded.settle(event, is_replay) && is_excuse {
            add(&mut self.excused[usize::from(event)][usize::from(is_replay)], 1);
        }
    }

    /// Notes that an entry was removed.
    pub(super) fn note_removed(&mut self, key: Key, record: Option<&MessageRecord>) {
        self.removed_early |= counts(key, record);
    }
}

/// Returns true if an entry counts: its message is open, and this is its entry.
pub(super) fn counts(key: Key, record: Option<&MessageRecord>) -> bool {
    record.is_none_or(|record| {
        let is_of_run = record.run == key.run && record.fate.is_none() && record.due.is_none_or(|due| due == key.due);
        key.run > record.run || is_of_run
    })
}
