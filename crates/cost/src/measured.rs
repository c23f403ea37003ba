//! Measurements of `make bench`: processor time, calls and logs of one invocation.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use rust_decimal::{Decimal, dec};
use serde::Deserialize;

/// Latest measurements in docs/performance.md, as the benchmark wrote them.
const LATEST_JSON: &str = include_str!("measured.json");

/// Body sizes between which the receiver's time is interpolated, in bytes.
const SMALL_BODY_BYTES: Decimal = dec!(4_096);
const LARGE_BODY_BYTES: Decimal = dec!(204_800);

/// Run of the benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Measured {
    /// Date of the run.
    pub date: String,
    receiver: Work,
    receiver_of_200k: Work,
    consumer_of_1: Work,
    consumer_of_10: Work,
}

/// Work of one invocation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawWork")]
pub struct Work {
    /// Time on a whole processor, in milliseconds.
    pub cpu_ms: Decimal,
    /// Calls that wait for each other.
    pub rounds: Decimal,
    /// Calls by operation, as in `DynamoDB PutItem ledger`.
    pub calls: BTreeMap<String, Decimal>,
    /// Bytes logged.
    pub logged: Decimal,
}

#[derive(Deserialize)]
struct RawWork {
    cpu_ms: f64,
    rounds: f64,
    calls: BTreeMap<String, f64>,
    logged: f64,
}

impl TryFrom<RawWork> for Work {
    type Error = rust_decimal::Error;

    fn try_from(raw: RawWork) -> Result<Self, Self::Error> {
        let mut calls = BTreeMap::new();
        for (name, count) in raw.calls {
            calls.insert(name, count.try_into()?);
        }
        Ok(Self {
            cpu_ms: raw.cpu_ms.try_into()?,
            rounds: raw.rounds.try_into()?,
            calls,
            logged: raw.logged.try_into()?,
        })
    }
}

impl Measured {
    /// Returns the measurements built in.
    ///
    /// # Errors
    /// If measured.json does not have the benchmark's format.
    pub fn latest() -> Result<Self> {
        serde_json::from_str(LATEST_JSON).context("measured.json")
    }

    /// Reads measurements that `make bench` wrote to a file.
    ///
    /// # Errors
    /// If the file cannot be read or has another format.
    pub fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct BenchOutcome {
            cost: Measured,
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let outcome: BenchOutcome =
            serde_json::from_str(&text).with_context(|| format!("{} is not a file of `make bench`", path.display()))?;
        Ok(outcome.cost)
    }

    /// Work of a receiver for a body of this size.
    pub fn receiver(&self, bytes: Decimal) -> Work {
        let along = (bytes - SMALL_BODY_BYTES, LARGE_BODY_BYTES - SMALL_BODY_BYTES);
        Work {
            cpu_ms: between(self.receiver.cpu_ms, self.receiver_of_200k.cpu_ms, along).max(Decimal::ZERO),
            ..self.receiver.clone()
        }
    }

    /// Work of the consumer for a batch of this size.
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
    /// Number of calls to operations whose names begin with this.
    pub fn count(&self, beginning: &str) -> Decimal {
        let calls = self.calls.iter();
        calls
            .filter(|(name, _)| name.starts_with(beginning))
            .map(|(_, count)| count)
            .sum()
    }

    /// Number of items of a table that are updated, by a call each or by statements of which a call has several. Each
    /// item costs the same.
    pub fn updates(&self, table: &str) -> Decimal {
        self.count(&format!("DynamoDB UpdateItem {table}")) + self.count(&format!("DynamoDB statement {table}"))
    }
}

/// Linear interpolation from `first` to `last`.
fn between(first: Decimal, last: Decimal, (so_far, of): (Decimal, Decimal)) -> Decimal {
    // Multiplied before dividing, because a rounded third could be rounded up to another millisecond.
    first + (last - first) * so_far / of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmeasured_sizes_are_interpolated() {
        let measured = Measured::latest().unwrap();
        let (one, ten) = (measured.consumer(dec!(1)), measured.consumer(dec!(10)));
        assert_eq!((&one, &ten), (&measured.consumer_of_1, &measured.consumer_of_10));
        assert_eq!((one.updates("ledger"), ten.updates("ledger")), (dec!(1), dec!(10)));
        assert_eq!(measured.consumer(dec!(4)).updates("ledger"), dec!(4));
        assert_eq!(
            measured.receiver(LARGE_BODY_BYTES).cpu_ms,
            measured.receiver_of_200k.cpu_ms
        );
    }
}
