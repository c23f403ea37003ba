//! At which calls functions are killed, and proof that none was left out.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

use crate::chance::{Chance, happens};

/// Where at a call a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Nobody has heard of the call.
    Before,
    /// It has been done, and nobody will hear the answer.
    After,
}

/// A call that was made so often must have been killed at, on both sides.
const OFTEN: u64 = 60;

/// How likely a kill is where there has been none yet.
const OVERDUE: f64 = 0.2;

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    calls: u64,
    before: u64,
    after: u64,
}

/// The plan, and what came of it.
#[derive(Debug)]
pub struct Kills {
    chance: Chance,
    rate: f64,
    on: AtomicBool,
    seen: Mutex<BTreeMap<(String, String), Seen>>,
}

impl Kills {
    pub fn new(chance: Chance, rate: f64) -> Self {
        Self {
            chance,
            rate,
            on: AtomicBool::new(true),
            seen: Mutex::default(),
        }
    }

    /// No more of them.
    pub fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// Whether the process that makes this call is to be killed, and where. Counts it as done.
    pub fn decide(&self, function: &str, call: &str) -> Option<Side> {
        if !self.on.load(Ordering::Relaxed) || self.rate <= 0.0 {
            return None;
        }
        let mut seen = self.seen();
        let seen = seen.entry((function.to_owned(), call.to_owned())).or_default();
        seen.calls += 1;
        let mut dice = self.chance.dice((function, call), seen.calls);
        let overdue = seen.calls > 2 && (seen.before == 0 || seen.after == 0);
        let rate = if overdue { self.rate.max(OVERDUE) } else { self.rate };
        if !happens(&mut dice, rate) {
            return None;
        }
        let after = match (seen.before, seen.after) {
            (0, 1..) => false,
            (1.., 0) => true,
            _ => dice.bool(),
        };
        if after {
            seen.after += 1;
            Some(Side::After)
        } else {
            seen.before += 1;
            Some(Side::Before)
        }
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.seen().values().map(|seen| seen.before + seen.after).sum()
    }

    /// Calls that were made often and never killed at, on one side or the other.
    pub fn left_out(&self) -> Vec<String> {
        if self.rate <= 0.0 {
            return Vec::new();
        }
        self.seen()
            .iter()
            .filter(|(_, seen)| seen.calls >= OFTEN && (seen.before == 0 || seen.after == 0))
            .map(|((function, call), seen)| format!("{function} {call}: {} calls", seen.calls))
            .collect()
    }

    /// Function by call by side.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED).set_header([
            "function",
            "call",
            "calls",
            "killed before",
            "killed after",
        ]);
        for ((function, call), seen) in self.seen().iter() {
            let numbers = [seen.calls, seen.before, seen.after].map(|number| number.to_string());
            let [calls, before, after] = numbers;
            table.add_row([function.clone(), call.clone(), calls, before, after]);
        }
        table
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<(String, String), Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_kills_and_every_frequent_call_has_both() {
        let run = || {
            let kills = Kills::new(Chance(1), 0.01);
            let sides: Vec<_> = (0..200).map(|_| kills.decide("reindex", "Bulk")).collect();
            assert_eq!(kills.left_out(), Vec::<String>::new());
            sides
        };
        assert_eq!(run(), run());
        assert!(run().contains(&Some(Side::Before)) && run().contains(&Some(Side::After)));
    }

    #[test]
    fn a_call_that_was_never_killed_at_is_named() {
        let kills = Kills::new(Chance(1), f64::MIN_POSITIVE);
        for _ in 0..OFTEN {
            kills.seen().entry(("reindex".into(), "Bulk".into())).or_default().calls += 1;
        }
        assert_eq!(kills.left_out(), ["reindex Bulk: 60 calls"]);
    }
}
