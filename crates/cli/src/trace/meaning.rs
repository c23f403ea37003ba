//! What a ledger entry means, in plain language, and what to do about it.

use hookline_domain::ledger::{Fate, Record, State};
use jiff::{SignedDuration, Timestamp};

use crate::why::told;

/// How long the queue tries before it gives up: 8 receives, 3 minutes apart.
const QUEUE_TRIES: SignedDuration = SignedDuration::from_mins(24);

/// How long the queue waits between two tries.
const BETWEEN_TRIES: SignedDuration = SignedDuration::from_mins(3);

/// What the entry of a delivery means that does, or does not, lie among the dead letters.
pub fn meaning(record: &Record, is_dead_letter: bool, now: Timestamp) -> String {
    let id = &record.delivery.id;
    let redrive = format!("hookline dlq redrive --id {id}");
    let problem = record.problem.as_ref().map(told);
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
            format!("It cannot be applied as it is. Remove the cause, then: {redrive}")
        }
        (State::Parked, _, _) if still_tried(record, now) => {
            "It cannot be applied as it is. The queue tries it for 24 minutes, then it becomes a dead letter."
                .to_owned()
        }
        (State::Parked, _, _) => {
            "It could not be applied, and is no dead letter: it is being moved, was purged, or 14 days have passed. \
             With its body in a file: hookline replay --file"
                .to_owned()
        }
        (State::Claimed { .. }, _, Some(problem)) if is_dead_letter => {
            format!("It failed until the queue gave up ({problem}). Once that is over: {redrive}")
        }
        (State::Claimed { .. }, _, Some(problem)) => {
            format!("It has failed so far ({problem}) and is tried again. Nothing to do, unless it stays so.")
        }
        (State::Claimed { .. }, _, None) if is_dead_letter => {
            format!("The queue gave it up without a word, so the consumer itself failed: read its log. Then: {redrive}")
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
    use hookline_domain::{
        ledger::{Entry, Problem},
        stores::ErrorCode,
    };
    use hookline_testkit::builders::{delivery, noon, noon_plus};

    use super::*;

    fn record(state: State, fate: Option<Fate>, has_problem: bool) -> Record {
        Record {
            delivery: delivery("a"),
            entry: Entry {
                state,
                expires_at: noon_plus(7 * 24 * 3600),
            },
            claimed_at: noon(),
            settled_at: None,
            fate,
            problem: has_problem.then(|| Problem {
                at: noon(),
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
                false,
                60,
                "applied to the index. Nothing to do",
            ),
            (
                record(State::Done, Some(Fate::Superseded), false),
                false,
                60,
                "a newer state",
            ),
            (
                record(State::Done, Some(Fate::Discarded), false),
                false,
                60,
                "no active install",
            ),
            (
                record(State::Parked, Some(Fate::Parked), true),
                true,
                60,
                "hookline dlq redrive --id a",
            ),
            (
                record(State::Parked, Some(Fate::Parked), true),
                false,
                60,
                "for 24 minutes",
            ),
            (
                record(State::Parked, Some(Fate::Parked), true),
                false,
                3600,
                "was purged",
            ),
            (
                record(claimed(), None, true),
                true,
                3600,
                "(index_unavailable: the index did not answer). Once",
            ),
            (record(claimed(), None, true), false, 60, "is tried again"),
            (record(claimed(), None, false), true, 3600, "read its log"),
            (record(claimed(), None, false), false, 9, "a few seconds"),
            (record(claimed(), None, false), false, 10, "waits in the event queue"),
        ];
        for (record, is_dead_letter, seconds, said) in cases {
            let means = meaning(&record, is_dead_letter, after(seconds));
            assert!(means.contains(said), "{means}");
        }
    }
}
