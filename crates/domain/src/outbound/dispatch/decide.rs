//! Decisions of the dispatcher, without calls.

use std::time::Duration;

use hookline_events::Event;
use jiff::{SignedDuration, Timestamp};

use super::Posted;
use crate::{
    kernel::time::{later, whole_micros},
    outbound::{
        AttemptCode, AttemptRecord, BacklogMode, Endpoint, Entry, EntryKey, Health, Known, Meaning, MessageFate,
        MessageRecord, schedule::retry_wait,
    },
};

/// General failures at one message, between which the endpoint takes others, by which the message fails by itself.
const MAX_GENERAL: u8 = 3;

/// Step for an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Remove it: the message has its fate, or another entry.
    Remove,
    /// Give the message this fate, without an attempt.
    Settle(MessageFate),
    /// Post it.
    Post,
}

/// Change after an attempt.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Record to be written.
    pub(super) record: Option<MessageRecord>,
    /// Entry to be added before that.
    pub(super) retry: Option<Entry>,
    /// True if the entry goes once the record is written.
    pub(super) removes: bool,
    /// Event to be sent before the entry goes.
    pub(super) report: Option<Box<Event>>,
}

impl Change {
    /// The message has its fate, or another entry.
    pub(super) fn removal() -> Self {
        Self {
            removes: true,
            ..Self::default()
        }
    }
}

/// Decides on an entry by what is kept of its message. `endpoint` is `None` if it is deleted.
pub(super) fn step(entry: &Entry, known: &Known, endpoint: Option<&Endpoint>, now: Timestamp) -> Step {
    let mut failed = 0;
    if let Some(record) = &known.record
        && record.run >= entry.key.run
    {
        // A later one may be of a process that died before its record.
        let is_other = record.due.is_some_and(|due| entry.key.due < due);
        if record.run > entry.key.run || record.fate.is_some() || is_other {
            return Step::Remove;
        }
        failed = record.failed;
    }
    let Some(endpoint) = endpoint else {
        return Step::Settle(MessageFate::Discarded);
    };
    let drops = endpoint.backlog.filter(|backlog| backlog.mode == BacklogMode::Drop);
    if entry.key.run == 0 && drops.is_some_and(|backlog| entry.accepted_at < backlog.before) {
        return Step::Settle(MessageFate::Discarded);
    }
    // A message that was tried ends by its schedule; one that waits for the endpoint, by the endpoint's limit.
    if known.event.is_none() || (failed == 0 && endpoint.has_expired(entry.accepted_at, now)) {
        return Step::Settle(MessageFate::Expired);
    }
    Step::Post
}

/// Attempts at a message of this run that have failed by the message's own fault.
pub(super) fn failed(entry: &Entry, known: &Known) -> u32 {
    let of_run = known.record.as_ref().filter(|record| record.run == entry.key.run);
    of_run.map_or(0, |record| record.failed)
}

/// Record of a message at the beginning of a run, as it is written next, at `now`.
fn current(entry: &Entry, known: &Known, now: Timestamp) -> MessageRecord {
    let written_at = whole_micros(now);
    let stored = known.record.as_ref();
    let revision = stored.map_or(0, |stored| stored.revision) + 1;
    if let Some(stored) = stored.filter(|stored| stored.run == entry.key.run) {
        return MessageRecord {
            written_at,
            revision,
            ..stored.clone()
        };
    }
    let kind = known.event.as_ref().map(|event| event.kind.clone());
    let kind = kind.or_else(|| stored.and_then(|stored| stored.kind.clone()));
    MessageRecord {
        run: entry.key.run,
        revision,
        ..MessageRecord::new(entry.store.clone(), kind, written_at)
    }
}

/// Record with a fate, written at `now`.
pub(super) fn settled(entry: &Entry, known: &Known, fate: MessageFate, now: Timestamp) -> Change {
    Change {
        record: Some(MessageRecord {
            fate: Some(fate),
            due: None,
            ..current(entry, known, now)
        }),
        removes: true,
        ..Change::default()
    }
}

/// Meaning of an attempt for its message and for the endpoint: a message at which the endpoint failed again and again while it took
/// others fails by itself. Those of an earlier run do not count.
pub(super) fn meaning(entry: &Entry, known: &Known, posted: &Posted, health: &Health) -> Meaning {
    let record = current(entry, known, entry.accepted_at);
    match Meaning::of(&posted.attempted) {
        Meaning::General { code, wait } if generals(&record, code, wait, health) >= MAX_GENERAL => Meaning::Own(code),
        meaning => meaning,
    }
}

/// General failures at a message, with one that has just happened. An endpoint that asks to wait has not failed at this message.
fn generals(record: &MessageRecord, code: AttemptCode, wait: Option<Duration>, health: &Health) -> u8 {
    let asks_to_wait = wait.is_some() || code == AttemptCode::Throttled;
    let is_apart = record.general_at.is_none_or(|at| health.has_succeeded_since(at));
    record.general.saturating_add(u8::from(is_apart && !asks_to_wait))
}

/// Change after an attempt that ended at `now`, at this revision of the endpoint. `health` is from before it.
pub(super) fn change(
    entry: &Entry,
    known: &Known,
    posted: &Posted,
    meaning: Meaning,
    revision: u32,
    health: &Health,
    now: Timestamp,
) -> Change {
    let mut record = current(entry, known, now);
    let took = SignedDuration::try_from(posted.took).unwrap_or_default();
    let answer = posted.attempted.as_ref().ok();
    let attempt = AttemptRecord {
        at: now.checked_sub(took).unwrap_or(now),
        took_ms: u32::try_from(posted.took.as_millis()).unwrap_or(u32::MAX),
        status: answer.map(|answer| answer.status),
        code: meaning.code(),
        number: Some(record.failed + 1),
        revision: Some(revision),
        excerpt: answer.and_then(|answer| answer.excerpt.clone()),
    };
    let fate = match meaning {
        Meaning::Sent => MessageFate::Sent,
        Meaning::Abort(_) => MessageFate::Aborted,
        Meaning::Own(_) => {
            record.failed += 1;
            record.add(attempt);
            let wait = retry_wait(&entry.key.event, record.failed).and_then(|wait| SignedDuration::try_from(wait).ok());
            let Some(wait) = wait else {
                record.fate = Some(MessageFate::Exhausted);
                record.due = None;
                return Change {
                    record: Some(record),
                    removes: true,
                    ..Change::default()
                };
            };
            let due = whole_micros(later(now, wait));
            record.due = Some(due);
            return Change {
                record: Some(record),
                retry: Some(Entry {
                    key: EntryKey {
                        due,
                        ..entry.key.clone()
                    },
                    ..entry.clone()
                }),
                removes: true,
                report: None,
            };
        }
        Meaning::General { code, wait } => {
            let general = generals(&record, code, wait, health);
            if general == record.general {
                return Change::default();
            }
            record.general = general;
            record.general_at = Some(now);
            record.add(attempt);
            return Change {
                record: Some(record),
                ..Change::default()
            };
        }
        // It waits until a person activates the endpoint.
        Meaning::Disable(_) => return Change::default(),
    };
    record.add(attempt);
    record.fate = Some(fate);
    record.due = None;
    Change {
        record: Some(record),
        removes: true,
        ..Change::default()
    }
}
