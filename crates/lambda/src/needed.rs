//! Which of two client secrets deliveries needed, until that is written to their stores' status.
//!
//! A secret is revoked on the strength of this, so it is kept more carefully than a count: that the old secret was needed is
//! due at once, is written again until that succeeds, and pushes nothing aside that has not been written.

use std::collections::HashMap;

use hookline_domain::{
    kernel::ids::StoreKey,
    store::rotation::{HELD_BACK_AT_MOST, Needed, Pair},
};
use jiff::{SignedDuration, Timestamp};

/// For how many stores it is remembered when they were last written.
const STORES_REMEMBERED: usize = 1024;

/// What is to be written, and when it was.
#[derive(Debug, Default)]
pub(crate) struct Unwritten(HashMap<(StoreKey, Pair), Seen>);

#[derive(Debug, Default)]
struct Seen {
    newest_at: Option<Timestamp>,
    old: bool,
    written_at: Option<Timestamp>,
    old_written_at: Option<Timestamp>,
}

impl Unwritten {
    /// A delivery of `store` was verified with this one of the two: 0 is the newest.
    pub(crate) fn note(&mut self, store: &StoreKey, pair: Pair, secret: usize, now: Timestamp) {
        let key = (store.clone(), pair);
        if self.0.len() >= STORES_REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, seen| seen.old);
        }
        let seen = self.0.entry(key).or_default();
        if secret == 0 {
            seen.newest_at = Some(now);
        } else {
            seen.old = true;
        }
    }

    /// Takes what is due: at most once `every` so often for each store, but at once when the old secret is needed and has
    /// not been.
    pub(crate) fn take_due(&mut self, now: Timestamp, every: SignedDuration) -> Vec<(StoreKey, Needed)> {
        let every = every.min(HELD_BACK_AT_MOST);
        let over = |at: Option<Timestamp>| at.is_none_or(|at| now.duration_since(at) >= every);
        let mut due = Vec::new();
        for ((store, pair), seen) in &mut self.0 {
            let old = seen.old && over(seen.old_written_at);
            let newest = seen.newest_at.is_some() && over(seen.written_at);
            if !(old || newest) {
                continue;
            }
            seen.written_at = Some(now);
            if seen.old {
                seen.old_written_at = Some(now);
            }
            let needed = Needed {
                pair: *pair,
                told_at: now,
                newest_at: seen.newest_at.take(),
                old: std::mem::take(&mut seen.old),
            };
            due.push((store.clone(), needed));
        }
        due
    }

    /// It could not be written. That the old secret was needed is kept; that the newest was will be seen again.
    pub(crate) fn put_back(&mut self, store: StoreKey, needed: &Needed) {
        if needed.old {
            self.0.entry((store, needed.pair)).or_default().old = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::ids::{Source, StoreName};

    use super::*;

    const MINUTE: SignedDuration = SignedDuration::from_mins(1);
    const PAIR: Pair = Pair(7);

    fn store(name: &str) -> StoreKey {
        StoreKey {
            source: Source::new("shopify").unwrap(),
            store: StoreName::new(name).unwrap(),
        }
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn taken(unwritten: &mut Unwritten, seconds: i64) -> Vec<(Option<Timestamp>, bool)> {
        let due = unwritten.take_due(second(seconds), MINUTE);
        due.into_iter()
            .map(|(_, needed)| (needed.newest_at, needed.old))
            .collect()
    }

    #[test]
    fn the_old_secret_is_told_at_once_then_at_most_so_often() {
        let (mut unwritten, demo) = (Unwritten::default(), store("demo"));
        unwritten.note(&demo, PAIR, 0, second(0));
        assert_eq!(taken(&mut unwritten, 0), [(Some(second(0)), false)]);
        unwritten.note(&demo, PAIR, 0, second(1));
        assert_eq!(taken(&mut unwritten, 1), [], "the newest waits");
        unwritten.note(&demo, PAIR, 1, second(2));
        assert_eq!(
            taken(&mut unwritten, 2),
            [(Some(second(1)), true)],
            "the old one does not"
        );
        unwritten.note(&demo, PAIR, 1, second(3));
        assert_eq!(taken(&mut unwritten, 61), []);
        assert_eq!(taken(&mut unwritten, 62), [(None, true)], "nor is it forgotten");
        assert_eq!(taken(&mut unwritten, 999), []);
    }

    #[test]
    fn it_is_held_back_no_longer_than_the_judgement_allows_for() {
        let (mut unwritten, demo) = (Unwritten::default(), store("demo"));
        for at in [second(0), second(600)] {
            unwritten.note(&demo, PAIR, 1, at);
            assert_eq!(unwritten.take_due(at, SignedDuration::from_hours(48)).len(), 1);
        }
    }

    #[test]
    fn what_could_not_be_written_is_told_again() {
        let (mut unwritten, demo) = (Unwritten::default(), store("demo"));
        unwritten.note(&demo, PAIR, 1, second(0));
        let (store, needed) = unwritten.take_due(second(0), MINUTE).remove(0);
        unwritten.put_back(store, &needed);
        assert_eq!(taken(&mut unwritten, 60), [(None, true)]);
    }

    #[test]
    fn no_number_of_stores_pushes_aside_that_the_old_secret_was_needed() {
        let mut unwritten = Unwritten::default();
        unwritten.note(&store("demo"), PAIR, 1, second(0));
        for n in 0..STORES_REMEMBERED * 3 {
            unwritten.note(&store(&format!("s{n}")), PAIR, 0, second(0));
        }
        assert!(unwritten.0.len() <= STORES_REMEMBERED);
        let due = unwritten.take_due(second(0), MINUTE);
        assert!(due.iter().any(|(key, needed)| *key == store("demo") && needed.old));
    }
}
