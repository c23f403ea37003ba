//! Report on one delivery: everything that ledger, store, dead letters and archive know about it.

use hookline_domain::{
    delivery::{
        archive::ArchiveKey,
        failed::FailedDelivery,
        ledger::{DeadLetter, DeliveryEvents, Fate, LedgerRecord, LedgerState, explain},
        replay::original_of,
    },
    kernel::{advice::advice, port::Cause},
    store::stores::StoreView,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    dead_letters::{DeadLetterSummary, Letter, code_with_cause},
    output::timestamp,
};

/// Status of a delivery in the archive.
pub enum ArchiveStatus {
    /// Kept in this object.
    Kept(ArchiveKey),
    /// Not completed, not kept, or expired.
    NotKept,
}

/// Everything known about one delivery.
#[derive(Debug, Serialize)]
pub struct TraceReport {
    source: String,
    store: String,
    topic: String,
    delivery_id: String,
    /// Id of the original, if this is a replay.
    replay_of: Option<String>,
    event_id: Option<String>,
    state: &'static str,
    claimed_at: Timestamp,
    lease_until: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    fate: Option<&'static str>,
    /// Events that it has caused.
    events: Option<DeliveryEvents>,
    problem: Option<String>,
    problem_cause: Option<&'static str>,
    problem_at: Option<Timestamp>,
    /// Advice on the problem, while the delivery has not been applied.
    advice: Option<String>,
    forgotten_at: Timestamp,
    dead_letter: Option<DeadLetterSummary>,
    /// None if the archive was not searched.
    archived: Option<bool>,
    archive_object: Option<String>,
    store_enabled: Option<bool>,
    store_uninstalled_at: Option<Timestamp>,
    store_last_error: Option<String>,
    means: String,
}

impl TraceReport {
    /// Gathers the facts.
    pub fn of(
        record: &LedgerRecord,
        letter: Option<&Letter>,
        failed: Option<&FailedDelivery>,
        store: Option<&StoreView>,
        archived: Option<ArchiveStatus>,
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
            events: record.events.clone(),
            problem: record.problem.as_ref().map(ToString::to_string),
            problem_cause: record
                .problem
                .as_ref()
                .and_then(|problem| problem.cause)
                .map(Cause::as_str),
            problem_at: record.problem.as_ref().map(|problem| problem.at),
            advice: record
                .problem
                .as_ref()
                .filter(|_| matches!(record.fate, None | Some(Fate::Parked)))
                .map(|problem| advice(problem.code, problem.cause)),
            forgotten_at: record.entry.expires_at,
            dead_letter: letter.map(DeadLetterSummary::from),
            archived: archived
                .as_ref()
                .map(|archived| matches!(archived, ArchiveStatus::Kept(_))),
            archive_object: archived.and_then(|archived| match archived {
                ArchiveStatus::Kept(key) => Some(key.to_string()),
                ArchiveStatus::NotKept => None,
            }),
            store_enabled: store.map(|store| store.record.enabled),
            store_uninstalled_at: store.and_then(|store| store.record.uninstalled_at),
            store_last_error: store.and_then(|store| store.last_error()).map(|error| {
                format!(
                    "{}: {} ({})",
                    code_with_cause(error.code, error.cause),
                    error.message,
                    timestamp(error.at)
                )
            }),
            means: explain(record, failed, letter.map_or(DeadLetter::No, |_| DeadLetter::Yes), now),
        }
    }

    /// The report for a person, one fact per line.
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
                at.map(|at| format!(" at {}", timestamp(at))).unwrap_or_default()
            ),
        };
        let archive = match (&self.archive_object, self.archived) {
            (Some(object), _) => Some(format!("kept, in {object}")),
            (None, Some(_)) => Some("not kept".to_owned()),
            (None, None) => None,
        };
        let redrive = self.dead_letter.as_ref();
        let redrive = redrive.map(|_| format!("hookline dlq redrive --id {}", self.delivery_id));
        let published = self.events.as_ref().map(|events| match events {
            DeliveryEvents::Deferred => format!(
                "{}: hookline event list --store {} --cause {}",
                events.sentence(),
                self.store,
                self.delivery_id
            ),
            _ => events.sentence(),
        });
        let facts = [
            ("delivery", Some(self.delivery_id.clone())),
            ("replay of", self.replay_of.clone()),
            ("store", Some(format!("{} ({}), {store}", self.store, self.source))),
            ("topic", Some(self.topic.clone())),
            ("event", self.event_id.clone()),
            ("claimed", Some(timestamp(self.claimed_at))),
            ("settled", self.settled_at.map(timestamp)),
            ("fate", Some(self.fate.unwrap_or("none yet").to_owned())),
            ("published", published),
            ("problem", self.problem.clone()),
            ("class", self.problem_cause.map(str::to_owned)),
            ("since", self.problem_at.map(timestamp)),
            ("advice", self.advice.clone()),
            ("dead letter", Some(letter)),
            ("archive", archive),
            ("last error", self.store_last_error.clone()),
            ("forgotten", Some(timestamp(self.forgotten_at))),
            ("means", Some(self.means.clone())),
            ("redrive", redrive),
        ];
        let lines = facts
            .into_iter()
            .filter_map(|(name, fact)| Some(format!("{name:<12} {}", fact?)));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }
}
