//! What a million events cost: `hookline cost` makes the bill, of what was measured just now.

use std::{io::Write, path::Path};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use crate::{
    outcome::{Outcome, PRICE},
    report::{Goal, Line},
};

/// The part of what `hookline cost --json` says that is read here.
#[derive(Deserialize)]
struct Bill {
    usd_per_million: PerMillion,
}

#[derive(Deserialize)]
struct PerMillion {
    /// Decimal, as text.
    receive_to_index: String,
}

impl Bill {
    fn dollars(said: &[u8]) -> anyhow::Result<f64> {
        let bill: Self = serde_json::from_slice(said)?;
        Ok(bill.usd_per_million.receive_to_index.parse()?)
    }
}

/// What a million small events cost, in batches of ten, beside the goal.
///
/// # Errors
/// When the command cannot be run or does not understand what was measured.
pub async fn line(hookline: &Path, outcome: &Outcome) -> anyhow::Result<Line> {
    let mut measured = tempfile::NamedTempFile::new()?;
    measured.write_all(json!({"cost": outcome.cost}).to_string().as_bytes())?;
    let said = Command::new(hookline)
        .args(["--json", "cost", "--events", "1e6", "--size", "4k", "--measured"])
        .arg(measured.path())
        .output()
        .await
        .with_context(|| format!("running {}", hookline.display()))?;
    ensure!(
        said.status.success(),
        "hookline cost: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    let dollars = Bill::dollars(&said.stdout).context("what hookline cost has said")?;
    Ok(Line::new(PRICE, "$", Some(dollars), Goal::AtMost(4.5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_that_of_the_way_to_the_index() {
        let said = br#"{"usd": {"all": "5.12"}, "usd_per_million": {"receive_to_index": "4.13", "all": "5.12"}}"#;
        assert!((Bill::dollars(said).unwrap() - 4.13).abs() < f64::EPSILON);
        assert!(Bill::dollars(b"{}").is_err());
    }
}
