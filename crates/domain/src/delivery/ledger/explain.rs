//! Explanations of ledger entries for people: what they mean and what to do.

use jiff::Timestamp;

use super::{Fate, LedgerRecord, LedgerState};
use crate::{
    delivery::failed::{FailedDelivery, Remedy},
    kernel::advice::remove_cause,
};

/// Presence of a delivery in the dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetter {
    /// It is a dead letter.
    Yes,
    /// It is not a dead letter, or hidden at present.
    No,
    /// Not examined.
    NotLooked,
}

/// Action that a person can take on a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryAction {
    /// Apply it again from the archive.
    Replay,
    /// Retry it at once, while the queue still retries it.
    TryNow,
    /// Move its dead letter back into the event queue.
    Redrive,
    /// Give up on it for good.
    Dismiss,
}

impl From<Remedy> for DeliveryAction {
    fn from(remedy: Remedy) -> Self {
        match remedy {
            Remedy::TryNow => Self::TryNow,
            Remedy::Redrive => Self::Redrive,
            Remedy::Dismiss => Self::Dismiss,
        }
    }
}

/// Returns the actions that a person can take on a delivery at `now`; `failed` is its record as a failed delivery, if
/// it has failed.
#[must_use]
pub fn actions(record: &LedgerRecord, failed: Option<&FailedDelivery>, now: Timestamp) -> Vec<DeliveryAction> {
    match (failed, &record.entry.state) {
        (Some(failed), _) => failed.remedies(now).iter().map(|remedy| (*remedy).into()).collect(),
        (None, LedgerState::Done) if record.entry.expires_at > now => vec![DeliveryAction::Replay],
        (None, LedgerState::Done | LedgerState::Parked | LedgerState::Claimed { .. }) => Vec::new(),
    }
}

/// Explains the entry of a delivery and what to do, in a sentence or two; `failed` is its record as a failed delivery,
/// if it has failed.
#[must_use]
pub fn explain(
    record: &LedgerRecord,
    failed: Option<&FailedDelivery>,
    dead_letter: DeadLetter,
    now: Timestamp,
) -> String {
    // A failed delivery is recorded for as long as it waits, even if another copy has completed its entry.
    if let Some(failed) = failed {
        return failed.sentence(now);
    }
    let problem = record.problem.as_ref();
    let is_dead_letter = dead_letter == DeadLetter::Yes;
    match (&record.entry.state, record.fate, problem) {
        (LedgerState::Done, Some(Fate::Superseded), _) => {
            "The index already had a newer state of the item, or the item is deleted. Nothing to do.".to_owned()
        }
        (LedgerState::Done, Some(Fate::Discarded), _) => {
            "It belonged to no active install of its store, so it changed nothing. Nothing to do.".to_owned()
        }
        (LedgerState::Done, Some(Fate::Noted), _) => {
            "It changes nothing in the index. It is recorded, and if it was a privacy request, that is done. Nothing to do."
                .to_owned()
        }
        (LedgerState::Done, Some(Fate::Dismissed), _) => {
            "It could not be applied, and a person has dismissed it. Nothing to do.".to_owned()
        }
        (LedgerState::Done, _, _) => "It has been applied to the index. Nothing to do.".to_owned(),
        (LedgerState::Parked | LedgerState::Claimed { .. }, _, Some(problem)) if is_dead_letter => {
            let remove = remove_cause(problem.code, problem.cause);
            format!("It failed until the queue gave up ({problem}). It is a dead letter. {remove} redrive it.")
        }
        (LedgerState::Parked | LedgerState::Claimed { .. }, _, Some(problem)) => format!(
            "It has failed ({problem}), and no message of it is left: its dead letter was purged, or its store is not known. \
             With its body in a file: hookline replay --file."
        ),
        (LedgerState::Parked, _, None) => "It could not be applied, and no message of it is left.".to_owned(),
        (LedgerState::Claimed { .. }, _, None) if is_dead_letter => {
            "The queue gave up, but no error is recorded, so the consumer itself failed: read its log. Then redrive it."
                .to_owned()
        }
        (LedgerState::Claimed { lease_until, .. }, _, None) if now < *lease_until => {
            "A receiver has just taken it. Look again in a few seconds.".to_owned()
        }
        (LedgerState::Claimed { .. }, _, None) => {
            "It waits in the event queue, or its receiver died before sending it: then the source got no response and \
             retries (Shopify: for four hours). If the queue is empty and no retry comes, have the store save the item \
             again."
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{
        DeadLetter::{No, NotLooked, Yes},
        *,
    };
    use crate::{
        delivery::ledger::{LedgerEntry, Problem},
        kernel::{failure::ErrorCode, ids::DeliveryKey},
    };

    fn noon_plus(seconds: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        noon + SignedDuration::from_secs(seconds)
    }

    fn record(state: LedgerState, fate: Option<Fate>, has_problem: bool) -> LedgerRecord {
        LedgerRecord {
            delivery: DeliveryKey {
                store: "shopify#demo.myshopify.com".parse().unwrap(),
                topic: "products/update".parse().unwrap(),
                id: "a".parse().unwrap(),
            },
            entry: LedgerEntry {
                state,
                expires_at: noon_plus(7 * 24 * 3600),
            },
            claimed_at: noon_plus(0),
            settled_at: None,
            fate,
            problem: has_problem.then(|| Problem {
                at: noon_plus(0),
                code: ErrorCode::IndexUnavailable,
                cause: None,
                message: "the index did not answer".to_owned(),
            }),
            events: None,
            event_id: None,
        }
    }

    fn claimed() -> LedgerState {
        LedgerState::Claimed {
            owner: "a".to_owned(),
            lease_until: noon_plus(10),
        }
    }

    fn failed(parked: bool) -> FailedDelivery {
        let record = record(claimed(), None, true);
        let mut problem = record.problem.unwrap();
        if parked {
            problem.code = ErrorCode::SchemaMismatch;
        }
        FailedDelivery {
            delivery: record.delivery,
            subject: None,
            problem,
            received_at: noon_plus(0),
            tries: 1,
            parked,
            redriven_at: None,
            receipt: None,
        }
    }

    #[test]
    fn every_entry_says_what_to_do() {
        let parked = || record(LedgerState::Parked, Some(Fate::Parked), true);
        let done = |fate| record(LedgerState::Done, Some(fate), false);
        let (waits, is_parked) = (failed(false), failed(true));
        let redriven = FailedDelivery {
            redriven_at: Some(noon_plus(7200)),
            ..failed(true)
        };
        let cases = [
            (done(Fate::Applied), None, No, 60, "applied to the index. Nothing to do"),
            (done(Fate::Superseded), None, No, 60, "a newer state"),
            (done(Fate::Discarded), None, No, 60, "no active install"),
            (done(Fate::Dismissed), None, No, 60, "a person has dismissed it"),
            (
                parked(),
                Some(&is_parked),
                NotLooked,
                60,
                "next try about 12:03 UTC, dead letter about 12:24 UTC. Remove the cause, then try it now; or dismiss it.",
            ),
            (
                parked(),
                Some(&is_parked),
                NotLooked,
                1440,
                "dead letter until 5 December 2026. Remove the cause, then redrive it",
            ),
            (
                parked(),
                Some(&is_parked),
                NotLooked,
                14 * 24 * 3600,
                "its body is gone. Resync the store",
            ),
            (
                parked(),
                Some(&redriven),
                NotLooked,
                7230,
                "went back to the queue at 14:00 UTC and is tried again",
            ),
            (
                parked(),
                None,
                Yes,
                60,
                "It is a dead letter. Remove the cause, then redrive it.",
            ),
            (parked(), None, No, 60, "no message of it is left"),
            (
                record(claimed(), None, true),
                Some(&waits),
                NotLooked,
                10,
                "dead letter about 12:24 UTC. Nothing to do until then.",
            ),
            (
                record(claimed(), None, true),
                Some(&waits),
                NotLooked,
                200,
                "next try any moment now",
            ),
            (
                record(claimed(), None, true),
                Some(&waits),
                NotLooked,
                3600,
                "It is a dead letter until",
            ),
            (
                record(claimed(), None, false),
                None,
                NotLooked,
                10,
                "waits in the event queue",
            ),
            (record(claimed(), None, false), None, Yes, 3600, "read its log"),
            (record(claimed(), None, false), None, No, 9, "a few seconds"),
        ];
        for (record, failed, dead_letter, seconds, says) in cases {
            let means = explain(&record, failed, dead_letter, noon_plus(seconds));
            assert!(means.contains(says), "{means}");
        }
    }

    #[test]
    fn every_state_is_in_the_table_of_states() {
        let table = include_str!("../../../../../docs/states.md");
        for fate in Fate::ALL.into_iter().filter(|fate| *fate != Fate::Parked) {
            assert!(table.contains(&format!("| {} |", fate.as_str())), "{}", fate.as_str());
            let means = explain(
                &record(LedgerState::Done, Some(fate), false),
                None,
                NotLooked,
                noon_plus(60),
            );
            assert!(table.contains(&means[..20]), "{means}");
        }
        let redriven = FailedDelivery {
            redriven_at: Some(noon_plus(60)),
            ..failed(true)
        };
        let cases = [
            (failed(false), 60, "It has failed so far ("),
            (failed(true), 60, "It cannot be applied as it is ("),
            (redriven, 61, "It went back to the queue at "),
            (failed(true), 1440, "It failed until the queue gave up ("),
            (
                failed(true),
                15 * 24 * 3600,
                "its body is gone. Resync the store, which fetches its current state, then dismiss it.",
            ),
        ];
        for (failed, seconds, says) in cases {
            let means = failed.sentence(noon_plus(seconds));
            assert!(means.contains(says) && table.contains(says), "{means}");
        }
        for seconds in [9, 10] {
            let means = explain(&record(claimed(), None, false), None, NotLooked, noon_plus(seconds));
            assert!(table.contains(&means[..20]), "{means}");
        }
    }

    #[test]
    fn done_deliveries_are_replayed_and_failed_ones_are_not() {
        let done = record(LedgerState::Done, Some(Fate::Applied), false);
        assert_eq!(actions(&done, None, noon_plus(60)), [DeliveryAction::Replay]);
        let parked = record(LedgerState::Parked, Some(Fate::Parked), true);
        let failed = failed(true);
        let at = |seconds| actions(&parked, Some(&failed), noon_plus(seconds));
        assert_eq!(at(60), [DeliveryAction::TryNow, DeliveryAction::Dismiss]);
        assert_eq!(at(3600), [DeliveryAction::Redrive, DeliveryAction::Dismiss]);
        assert_eq!(at(15 * 24 * 3600), [DeliveryAction::Dismiss]);
        assert_eq!(actions(&parked, None, noon_plus(60)), []);
    }
}
