//! Kills of functions at their calls, and the check that no call was left out.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

use crate::chance::{Chance, happens};

/// Point of a call at which a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Before the call is forwarded.
    Before,
    /// After the call is done, before its response arrives.
    After,
}

/// Essential calls of each function, and its response: a run without a kill before and after each of them proves
/// nothing.
const RECEIVERS: [&str; 6] = [
    "products-create",
    "products-update",
    "products-delete",
    "collections-update",
    "orders-create",
    "app-uninstalled",
];
const RECEIVING: [&str; 3] = ["PutItem ledger", "SendMessage events", "(answer)"];
const LARGE: [(&str, &str); 3] = [
    ("products-update", "PUT body"),
    ("reindex", "GET body"),
    ("reindex", "DELETE body"),
];
const APPLYING: [&str; 14] = [
    "BatchGetItem stores",
    "BatchExecuteStatement entities commit",
    "BatchExecuteStatement entities clear",
    "SendMessage fan-out",
    "SendMessage jobs",
    "Query entities",
    "UpdateItem entities",
    "BatchExecuteStatement entities",
    "_bulk",
    "UpdateItem ledger",
    "BatchExecuteStatement ledger",
    "TransactWriteItems ledger+stores",
    "UpdateItem stores",
    "(answer)",
];

const SYNCING: [&str; 9] = [
    "GetItem stores",
    "GetItem connections",
    "Decrypt",
    "Admin Products",
    "SendMessage fan-out",
    "BatchExecuteStatement entities",
    "_bulk",
    "UpdateItem stores",
    "(answer)",
];

const DISTRIBUTING: [&str; 4] = [
    "GetItem stores",
    "BatchExecuteStatement events",
    "PutEvents",
    "(answer)",
];

/// A function and one of its calls.
pub type EssentialCall = (&'static str, &'static str);

/// Essential calls of a run with deliveries.
pub fn essential() -> impl Iterator<Item = EssentialCall> {
    let receiving = RECEIVERS
        .iter()
        .flat_map(|function| RECEIVING.map(|call| (*function, call)));
    receiving
        .chain(APPLYING.map(|call| ("reindex", call)))
        .chain(SYNCING.map(|call| ("sync", call)))
        .chain(DISTRIBUTING.map(|call| ("fan-out", call)))
        .chain(LARGE)
}

#[derive(Debug, Default, Clone, Copy)]
struct ObservedKills {
    calls: u64,
    before: u64,
    after: u64,
}

/// Plan of kills, and those that were done.
#[derive(Debug)]
pub struct Kills {
    chance: Chance,
    rate: f64,
    on: AtomicBool,
    observed: Mutex<BTreeMap<(String, String), ObservedKills>>,
}

impl Kills {
    pub fn new(chance: Chance, rate: f64) -> Self {
        Self {
            chance,
            rate,
            on: AtomicBool::new(true),
            observed: Mutex::default(),
        }
    }

    /// Stops all kills.
    pub fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// Decides whether to kill the process that makes this call, and where. Counts the kill.
    pub fn decide(&self, function: &str, call: &str) -> Option<Side> {
        if !self.on.load(Ordering::Relaxed) || self.rate <= 0.0 {
            return None;
        }
        let mut observed = self.observed();
        let observed = observed.entry((function.to_owned(), call.to_owned())).or_default();
        observed.calls += 1;
        let mut dice = self.chance.dice((function, call), observed.calls);
        let after = match (observed.before, observed.after) {
            // The first call of a kind is always killed before it, the second after it, so that rare calls are covered.
            (0, _) => false,
            (_, 0) => true,
            _ if happens(&mut dice, self.rate) => dice.bool(),
            _ => return None,
        };
        if after {
            observed.after += 1;
            Some(Side::After)
        } else {
            observed.before += 1;
            Some(Side::Before)
        }
    }

    /// Number of kills.
    pub fn total(&self) -> u64 {
        self.observed()
            .values()
            .map(|observed| observed.before + observed.after)
            .sum()
    }

    /// Essential calls without a kill on one side or the other.
    pub fn left_out(&self, essential: impl Iterator<Item = EssentialCall>) -> Vec<String> {
        if self.rate <= 0.0 {
            return Vec::new();
        }
        let all = self.observed();
        let observed = |function: &str, call: &str| all.get(&(function.to_owned(), call.to_owned())).copied();
        essential
            .map(|(function, call)| (function, call, observed(function, call).unwrap_or_default()))
            .filter(|(_, _, observed)| observed.before == 0 || observed.after == 0)
            .map(|(function, call, observed)| format!("{function} {call}: {} calls", observed.calls))
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
        for ((function, call), observed) in self.observed().iter() {
            let numbers = [observed.calls, observed.before, observed.after].map(|number| number.to_string());
            let [calls, before, after] = numbers;
            table.add_row([function.clone(), call.clone(), calls, before, after]);
        }
        table
    }

    fn observed(&self) -> MutexGuard<'_, BTreeMap<(String, String), ObservedKills>> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_repeats_its_kills_on_both_sides_of_every_call() {
        let run = || {
            let kills = Kills::new(Chance(1), 0.01);
            let sides: Vec<_> = (0..200).map(|_| kills.decide("reindex", "_bulk")).collect();
            assert!(
                !kills
                    .left_out(essential())
                    .iter()
                    .any(|left_out| left_out.starts_with("reindex _bulk"))
            );
            sides
        };
        assert_eq!(run(), run());
        assert_eq!(run()[..2], [Some(Side::Before), Some(Side::After)]);
    }

    #[test]
    fn call_never_made_or_killed_on_one_side_only_is_named() {
        let kills = Kills::new(Chance(1), 0.01);
        kills.decide("reindex", "_bulk");
        let left_out = kills.left_out(essential());
        assert!(left_out.contains(&"reindex _bulk: 1 calls".to_owned()));
        assert!(left_out.contains(&"app-uninstalled SendMessage events: 0 calls".to_owned()));
        assert_eq!(
            left_out.len(),
            RECEIVERS.len() * RECEIVING.len() + APPLYING.len() + LARGE.len() + SYNCING.len() + DISTRIBUTING.len()
        );
    }
}
