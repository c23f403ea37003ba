//! What one invocation takes, as `make bench` has measured it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use rust_decimal::{Decimal, dec};
use serde::Deserialize;

/// The latest of docs/performance.md, as the benchmark has written it.
const LATEST: &str = include_str!("measured.json");

/// Bytes of a body, between which the receiver's time is a straight line.
const SMALL: Decimal = dec!(4_096);
const LARGE: Decimal = dec!(204_800);

/// One run of the benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Measured {
    /// When.
    pub date: String,
    receiver: Work,
    receiver_of_200k: Work,
    consumer_of_1: Work,
    consumer_of_10: Work,
}

/// What one invocation takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Told")]
pub struct Work {
    /// Time on a whole processor.
    pub cpu_ms: Decimal,
    /// Calls that wait for each other.
    pub rounds: Decimal,
    /// By operation, as in `DynamoDB PutItem ledger`.
    pub calls: BTreeMap<String, Decimal>,
    /// Bytes of log.
    pub logged: Decimal,
}

#[derive(Deserialize)]
struct Told {
    cpu_ms: f64,
    rounds: f64,
    calls: BTreeMap<String, f64>,
    logged: f64,
}

impl TryFrom<Told> for Work {
    type Error = rust_decimal::Error;

    fn try_from(told: Told) -> Result<Self, Self::Error> {
        let mut calls = BTreeMap::new();
        for (name, count) in told.calls {
            calls.insert(name, count.try_into()?);
        }
        Ok(Self {
            cpu_ms: told.cpu_ms.try_into()?,
            rounds: told.rounds.try_into()?,
            calls,
            logged: told.logged.try_into()?,
        })
    }
}

impl Measured {
    /// What this was built with.
    ///
    /// # Errors
    /// When the benchmark wrote something else.
    pub fn latest() -> Result<Self> {
        serde_json::from_str(LATEST).context("measured.json")
    }

    /// What `make bench` has written into this file.
    ///
    /// # Errors
    /// When the file cannot be read, or is something else.
    pub fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Outcome {
            cost: Measured,
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let outcome: Outcome = serde_json::from_str(&text)
            .with_context(|| format!("{} is not what `make bench` writes", path.display()))?;
        Ok(outcome.cost)
    }

    /// A receiver with a body of so many bytes.
    pub fn receiver(&self, bytes: Decimal) -> Work {
        let along = (bytes - SMALL, LARGE - SMALL);
        Work {
            cpu_ms: between(self.receiver.cpu_ms, self.receiver_of_200k.cpu_ms, along).max(Decimal::ZERO),
            ..self.receiver.clone()
        }
    }

    /// The consumer with a batch of so many.
    pub fn consumer(&self, batch: Decimal) -> Work {
        let (one, ten) = (&self.consumer_of_1, &self.consumer_of_10);
        let along = (batch - dec!(1), dec!(9));
        let names = one.calls.keys().chain(ten.calls.keys());
        Work {
            cpu_ms: between(one.cpu_ms, ten.cpu_ms, along),
            rounds: between(one.rounds, ten.rounds, along),
            calls: names
                .map(|name| (name.clone(), between(one.count(name), ten.count(name), along)))
                .filter(|(_, count)| !count.is_zero())
                .collect(),
            logged: between(one.logged, ten.logged, along),
        }
    }
}

impl Work {
    /// How often an operation is called whose name begins so.
    pub fn count(&self, beginning: &str) -> Decimal {
        let calls = self.calls.iter();
        calls
            .filter(|(name, _)| name.starts_with(beginning))
            .map(|(_, count)| count)
            .sum()
    }

    /// How many items of a table are updated: with a call each, or with statements that come several in a call. Each costs
    /// the same.
    pub fn updates(&self, table: &str) -> Decimal {
        self.count(&format!("DynamoDB UpdateItem {table}")) + self.count(&format!("DynamoDB statement {table}"))
    }
}

/// So far of so long along the straight line from `first` to `last`.
fn between(first: Decimal, last: Decimal, (so_far, of): (Decimal, Decimal)) -> Decimal {
    // Multiplied first: a third that is rounded would make a whole millisecond more of nothing.
    first + (last - first) * so_far / of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_lies_on_a_straight_line() {
        let measured = Measured::latest().unwrap();
        let (one, ten) = (measured.consumer(dec!(1)), measured.consumer(dec!(10)));
        assert_eq!((&one, &ten), (&measured.consumer_of_1, &measured.consumer_of_10));
        assert_eq!((one.updates("ledger"), ten.updates("ledger")), (dec!(1), dec!(10)));
        assert_eq!(measured.consumer(dec!(4)).updates("ledger"), dec!(4));
        assert_eq!(measured.receiver(LARGE).cpu_ms, measured.receiver_of_200k.cpu_ms);
    }
}
