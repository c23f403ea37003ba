//! Use of two client secrets during a rotation, until it is written to the status of the stores.
//!
//! A person revokes a secret on the strength of this, so it is held more carefully than a count: use of the old secret is due
//! at once, is written again until the write succeeds, and is never evicted before it is written.

use std::collections::HashMap;

use hookline_domain::{
    kernel::ids::StoreKey,
    store::rotation::{HELD_BACK_AT_MOST, SecretPairId, SecretUsage},
};
use jiff::{SignedDuration, Timestamp};

/// Stores whose last write is remembered.
const MAX_STORES: usize = 1024;

/// Use of secrets that has not been written yet, and the times of the last writes.
#[derive(Debug, Default)]
pub(crate) struct PendingSecretUsage(HashMap<(StoreKey, SecretPairId), StoreUsage>);

#[derive(Debug, Default)]
struct StoreUsage {
    newest_at: Option<Timestamp>,
    old: bool,
    written_at: Option<Timestamp>,
    old_written_at: Option<Timestamp>,
}

impl PendingSecretUsage {
    /// Notes that a secret verified a delivery of `store`: 0 is the newest.
    pub(crate) fn note(&mut self, store: &StoreKey, pair: SecretPairId, secret: usize, now: Timestamp) {
        let key = (store.clone(), pair);
        if self.0.len() >= MAX_STORES && !self.0.contains_key(&key) {
            self.0.retain(|_, seen| seen.old);
        }
        let seen = self.0.entry(key).or_default();
        if secret == 0 {
            seen.newest_at = Some(now);
        } else {
            seen.old = true;
        }
    }

    /// Takes what is due: for each store at most once per `every`, but at once when the old secret was used for the first
    /// time.
    pub(crate) fn take_due(&mut self, now: Timestamp, every: SignedDuration) -> Vec<(StoreKey, SecretUsage)> {
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
            let usage = SecretUsage {
                pair: *pair,
                reported_at: now,
                newest_at: seen.newest_at.take(),
                old: std::mem::take(&mut seen.old),
            };
            due.push((store.clone(), usage));
        }
        due
    }

    /// Takes back what could not be written. Use of the old secret is due again; use of the newest shows again by itself.
    pub(crate) fn put_back(&mut self, store: StoreKey, usage: &SecretUsage) {
        if usage.old {
            self.0.entry((store, usage.pair)).or_default().old = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: SignedDuration = SignedDuration::from_mins(1);
    const PAIR: SecretPairId = SecretPairId(7);

    fn store(name: &str) -> StoreKey {
        format!("shopify#{name}").parse().unwrap()
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn taken(pending: &mut PendingSecretUsage, seconds: i64) -> Vec<(Option<Timestamp>, bool)> {
        let due = pending.take_due(second(seconds), MINUTE);
        due.into_iter().map(|(_, usage)| (usage.newest_at, usage.old)).collect()
    }

    #[test]
    fn use_of_the_old_secret_is_due_at_once_then_once_per_interval() {
        let (mut pending, demo) = (PendingSecretUsage::default(), store("demo"));
        pending.note(&demo, PAIR, 0, second(0));
        assert_eq!(taken(&mut pending, 0), [(Some(second(0)), false)]);
        pending.note(&demo, PAIR, 0, second(1));
        assert_eq!(taken(&mut pending, 1), [], "the newest waits");
        pending.note(&demo, PAIR, 1, second(2));
        assert_eq!(
            taken(&mut pending, 2),
            [(Some(second(1)), true)],
            "the old one does not"
        );
        pending.note(&demo, PAIR, 1, second(3));
        assert_eq!(taken(&mut pending, 61), []);
        assert_eq!(taken(&mut pending, 62), [(None, true)], "it is not forgotten");
        assert_eq!(taken(&mut pending, 999), []);
    }

    #[test]
    fn use_of_a_secret_is_held_back_no_longer_than_the_advice_allows_for() {
        let (mut pending, demo) = (PendingSecretUsage::default(), store("demo"));
        for at in [second(0), second(600)] {
            pending.note(&demo, PAIR, 1, at);
            assert_eq!(pending.take_due(at, SignedDuration::from_hours(48)).len(), 1);
        }
    }

    #[test]
    fn use_of_the_old_secret_is_due_again_after_a_failed_write() {
        let (mut pending, demo) = (PendingSecretUsage::default(), store("demo"));
        pending.note(&demo, PAIR, 1, second(0));
        let (store, usage) = pending.take_due(second(0), MINUTE).remove(0);
        pending.put_back(store, &usage);
        assert_eq!(taken(&mut pending, 60), [(None, true)]);
    }

    #[test]
    fn use_of_the_old_secret_is_not_evicted_by_any_number_of_stores() {
        let mut pending = PendingSecretUsage::default();
        pending.note(&store("demo"), PAIR, 1, second(0));
        for n in 0..MAX_STORES * 3 {
            pending.note(&store(&format!("s{n}")), PAIR, 0, second(0));
        }
        assert!(pending.0.len() <= MAX_STORES);
        let due = pending.take_due(second(0), MINUTE);
        assert!(due.iter().any(|(key, usage)| *key == store("demo") && usage.old));
    }
}
