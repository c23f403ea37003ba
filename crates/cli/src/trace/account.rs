//! All that is known of one delivery, gathered into one account and written down.

use hookline_domain::{
    delivery::{
        archive::ArchiveKey,
        failed::FailedDelivery,
        ledger::{DeadLetter, Fate, LedgerRecord, LedgerState, meaning},
        replay::original_of,
    },
    kernel::port::Cause,
    store::stores::StoreView,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::letters::{Letter, Summary, seconds, sort_of};

/// Whether a delivery lies in the archive.
pub enum InArchive {
    /// In this object.
    Yes(ArchiveKey),
    /// It was not settled, or not kept, or has expired.
    No,
}

/// All that is known of one delivery.
#[derive(Debug, Serialize)]
pub struct Account {
    source: String,
    store: String,
    topic: String,
    delivery_id: String,
    /// The original's id, if this is a replay.
    replay_of: Option<String>,
    event_id: Option<String>,
    state: &'static str,
    claimed_at: Timestamp,
    lease_until: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    fate: Option<&'static str>,
    problem: Option<String>,
    problem_cause: Option<&'static str>,
    problem_at: Option<Timestamp>,
    forgotten_at: Timestamp,
    dead_letter: Option<Summary>,
    /// None if nobody looked.
    archived: Option<bool>,
    archive_object: Option<String>,
    store_enabled: Option<bool>,
    store_uninstalled_at: Option<Timestamp>,
    store_last_error: Option<String>,
    means: String,
}

impl Account {
    /// Gathers it.
    pub fn of(
        record: &LedgerRecord,
        letter: Option<&Letter>,
        failed: Option<&FailedDelivery>,
        store: Option<&StoreView>,
        archived: Option<InArchive>,
        now: Timestamp,
    ) -> Self {
        let key = &record.delivery;
        let (state, lease_until) = match &record.entry.state {
            LedgerState::Claimed { lease_until, .. } => ("claimed", Some(*lease_until)),
            LedgerState::Parked => ("parked", None),
            LedgerState::Done => ("done", None),
        };
        Self {
            source: key.store.source.to_string(),
            store: key.store.label().into_owned(),
            topic: key.topic.to_string(),
            delivery_id: key.id.to_string(),
            replay_of: original_of(&key.id).map(str::to_owned),
            event_id: record.event_id.as_ref().map(ToString::to_string),
            state,
            claimed_at: record.claimed_at,
            lease_until,
            settled_at: record.settled_at,
            fate: record.fate.map(Fate::as_str),
            problem: record.problem.as_ref().map(ToString::to_string),
            problem_cause: record
                .problem
                .as_ref()
                .and_then(|problem| problem.cause)
                .map(Cause::as_str),
            problem_at: record.problem.as_ref().map(|problem| problem.at),
            forgotten_at: record.entry.expires_at,
            dead_letter: letter.map(Summary::from),
            archived: archived.as_ref().map(|archived| matches!(archived, InArchive::Yes(_))),
            archive_object: archived.and_then(|archived| match archived {
                InArchive::Yes(key) => Some(key.to_string()),
                InArchive::No => None,
            }),
            store_enabled: store.map(|store| store.record.enabled),
            store_uninstalled_at: store.and_then(|store| store.record.uninstalled_at),
            store_last_error: store.and_then(|store| store.last_error()).map(|error| {
                format!(
                    "{}: {} ({})",
                    sort_of(error.code, error.cause),
                    error.message,
                    seconds(error.at)
                )
            }),
            means: meaning(record, failed, letter.map_or(DeadLetter::No, |_| DeadLetter::Yes), now),
        }
    }

    /// The same, a fact a line.
    pub fn page(&self) -> String {
        let letter = self.dead_letter.as_ref().map_or_else(
            || "none".to_owned(),
            |letter| format!("message {}, received {} times", letter.message_id, letter.receives),
        );
        let store = match (self.store_enabled, self.store_uninstalled_at) {
            (None, _) => "unknown".to_owned(),
            (Some(true), _) => "installed".to_owned(),
            (Some(false), at) => format!(
                "uninstalled{}",
                at.map(|at| format!(" at {}", seconds(at))).unwrap_or_default()
            ),
        };
        let archive = match (&self.archive_object, self.archived) {
            (Some(object), _) => Some(format!("kept, in {object}")),
            (None, Some(_)) => Some("not kept".to_owned()),
            (None, None) => None,
        };
        let redrive = self.dead_letter.as_ref();
        let redrive = redrive.map(|_| format!("hookline dlq redrive --id {}", self.delivery_id));
        let facts = [
            ("delivery", Some(self.delivery_id.clone())),
            ("replay of", self.replay_of.clone()),
            ("store", Some(format!("{} ({}), {store}", self.store, self.source))),
            ("topic", Some(self.topic.clone())),
            ("event", self.event_id.clone()),
            ("claimed", Some(seconds(self.claimed_at))),
            ("settled", self.settled_at.map(seconds)),
            ("fate", Some(self.fate.unwrap_or("none yet").to_owned())),
            ("problem", self.problem.clone()),
            ("class", self.problem_cause.map(str::to_owned)),
            ("since", self.problem_at.map(seconds)),
            ("dead letter", Some(letter)),
            ("archive", archive),
            ("last error", self.store_last_error.clone()),
            ("forgotten", Some(seconds(self.forgotten_at))),
            ("means", Some(self.means.clone())),
            ("redrive", redrive),
        ];
        let lines = facts
            .into_iter()
            .filter_map(|(name, fact)| Some(format!("{name:<12} {}", fact?)));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }
}
