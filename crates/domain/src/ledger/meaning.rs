//! What a ledger entry means, in plain language, and what to do about it.

use jiff::{SignedDuration, Timestamp};

use super::{Fate, Record, State};

/// How long the queue tries before it gives up: 8 receives, 3 minutes apart.
const QUEUE_TRIES: SignedDuration = SignedDuration::from_mins(24);

/// How long the queue waits between two tries.
const BETWEEN_TRIES: SignedDuration = SignedDuration::from_mins(3);

/// Whether a delivery lies among the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetter {
    /// It does.
    Yes,
    /// It does not, or is hidden at present.
    No,
    /// Nobody looked.
    NotLooked,
}

/// What the entry of a delivery means, and what to do: a sentence or two.
#[must_use]
pub fn meaning(record: &Record, dead_letter: DeadLetter, now: Timestamp) -> String {
    let id = &record.delivery.id;
    let redrive = format!("redrive it: hookline dlq redrive --id {id}");
    let problem = record.problem.as_ref();
    let is_dead_letter = dead_letter == DeadLetter::Yes;
    let may_be_one = dead_letter == DeadLetter::NotLooked && !still_tried(record, now);
    match (&record.entry.state, record.fate, problem) {
        (State::Done, Some(Fate::Superseded), _) => {
            "The index had a newer state of the same thing already, or the thing is deleted. Nothing to do.".to_owned()
        }
        (State::Done, Some(Fate::Discarded), _) => {
            "It belonged to no active install of its store, so it changed nothing. Nothing to do.".to_owned()
        }
        (State::Done, Some(Fate::Noted), _) => {
            "It changes nothing that is indexed: that it came is recorded, and what the law asks for is done. Nothing to do."
                .to_owned()
        }
        (State::Done, _, _) => "It has been applied to the index. Nothing to do.".to_owned(),
        (State::Parked, _, _) if is_dead_letter => {
            format!("It cannot be applied as it is. Remove the cause, then {redrive}")
        }
        (State::Parked, _, _) if still_tried(record, now) => {
            "It cannot be applied as it is. The queue tries it for 24 minutes, then it becomes a dead letter."
                .to_owned()
        }
        (State::Parked, _, _) if may_be_one => {
            format!(
                "It cannot be applied as it is. Unless it was moved or purged, it is among the dead letters for 14 days. \
                 Remove the cause, then {redrive}"
            )
        }
        (State::Parked, _, _) => {
            "It could not be applied, and is no dead letter: it is being moved, was purged, or 14 days have passed. \
             With its body in a file: hookline replay --file"
                .to_owned()
        }
        (State::Claimed { .. }, _, Some(problem)) if is_dead_letter => {
            format!("It failed until the queue gave up ({problem}). Once that is over, {redrive}")
        }
        (State::Claimed { .. }, _, Some(problem)) if may_be_one => {
            format!(
                "It has failed ({problem}) for longer than the queue tries, so it is a dead letter, unless it was moved or \
                 purged. Once that is over, {redrive}"
            )
        }
        (State::Claimed { .. }, _, Some(problem)) => {
            format!("It has failed so far ({problem}) and is tried again. Nothing to do, unless it stays so.")
        }
        (State::Claimed { .. }, _, None) if is_dead_letter => {
            format!("The queue gave it up without a word, so the consumer itself failed: read its log. Then {redrive}")
        }
        (State::Claimed { lease_until, .. }, _, None) if now < *lease_until => {
            "A receiver has just taken it. Ask again in a few seconds.".to_owned()
        }
        (State::Claimed { .. }, _, None) => {
            "It waits in the event queue, or its receiver died before it was sent: then its sender had no answer, and \
             sends it again (Shopify: for four hours). If the queue is empty and nothing comes, have the store change \
             the thing once more."
                .to_owned()
        }
    }
}

/// Whether the queue is not done with it: not after all its receives, unless it was moved back and failed again just now.
fn still_tried(record: &Record, now: Timestamp) -> bool {
    let failed_at = record.problem.as_ref().map(|problem| problem.at);
    now.duration_since(record.claimed_at) <= QUEUE_TRIES
        || failed_at.is_some_and(|at| now.duration_since(at) <= BETWEEN_TRIES)
}

#[cfg(test)]
mod tests {
    use super::{
        DeadLetter::{No, NotLooked, Yes},
        *,
    };
    use crate::{
        ids::DeliveryKey,
        ledger::{Entry, Problem},
        stores::ErrorCode,
    };

    fn noon_plus(seconds: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        noon + SignedDuration::from_secs(seconds)
    }

    fn record(state: State, fate: Option<Fate>, has_problem: bool) -> Record {
        Record {
            delivery: DeliveryKey {
                store: "shopify#demo.myshopify.com".parse().unwrap(),
                topic: "products/update".parse().unwrap(),
                id: "a".parse().unwrap(),
            },
            entry: Entry {
                state,
                expires_at: noon_plus(7 * 24 * 3600),
            },
            claimed_at: noon_plus(0),
            settled_at: None,
            fate,
            problem: has_problem.then(|| Problem {
                at: noon_plus(0),
                code: ErrorCode::IndexUnavailable,
                message: "the index did not answer".to_owned(),
            }),
            event_id: None,
        }
    }

    fn claimed() -> State {
        State::Claimed {
            owner: "a".to_owned(),
            lease_until: noon_plus(10),
        }
    }

    #[test]
    fn every_entry_says_what_to_do() {
        let after = |seconds| noon_plus(seconds);
        let cases = [
            (
                record(State::Done, Some(Fate::Applied), false),
                No,
                60,
                "applied to the index. Nothing to do",
            ),
            (
                record(State::Done, Some(Fate::Superseded), false),
                No,
                60,
                "a newer state",
            ),
            (
                record(State::Done, Some(Fate::Discarded), false),
                No,
                60,
                "no active install",
            ),
            (
                record(State::Parked, Some(Fate::Parked), true),
                Yes,
                60,
                "hookline dlq redrive --id a",
            ),
            (
                record(State::Parked, Some(Fate::Parked), true),
                No,
                60,
                "for 24 minutes",
            ),
            (record(State::Parked, Some(Fate::Parked), true), No, 3600, "was purged"),
            (
                record(claimed(), None, true),
                Yes,
                3600,
                "(index_unavailable: the index did not answer). Once",
            ),
            (record(claimed(), None, true), No, 60, "is tried again"),
            (record(claimed(), None, true), No, 3600, "is tried again"),
            (record(claimed(), None, true), NotLooked, 60, "is tried again"),
            (record(claimed(), None, true), NotLooked, 3600, "so it is a dead letter"),
            (
                record(State::Parked, Some(Fate::Parked), true),
                NotLooked,
                60,
                "for 24 minutes",
            ),
            (
                record(State::Parked, Some(Fate::Parked), true),
                NotLooked,
                3600,
                "among the dead letters for 14 days",
            ),
            (
                record(claimed(), None, false),
                NotLooked,
                10,
                "waits in the event queue",
            ),
            (record(claimed(), None, false), Yes, 3600, "read its log"),
            (record(claimed(), None, false), No, 9, "a few seconds"),
            (record(claimed(), None, false), No, 10, "waits in the event queue"),
        ];
        for (record, dead_letter, seconds, said) in cases {
            let means = meaning(&record, dead_letter, after(seconds));
            assert!(means.contains(said), "{means}");
        }
    }
}
