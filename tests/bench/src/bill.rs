//! Cost of a million small events, as `hookline cost` computes it, from this run's measurements.

use hookline_cost::{Load, Measured, is_delivery_path, lines, total};
use rust_decimal::prelude::ToPrimitive;

use crate::{
    outcome::{Cost, PRICE},
    report::{Goal, GoalLine},
};

/// Line of the cost from sender to index, if it was measured, beside its goal.
///
/// # Errors
/// If the measurements do not have the format of the bill.
pub fn line(cost: Option<&Cost>) -> anyhow::Result<GoalLine> {
    let mut dollars = None;
    if let Some(cost) = cost {
        let measured: Measured = serde_json::from_value(serde_json::to_value(cost)?)?;
        dollars = total(&lines(&Load::default(), &measured), is_delivery_path).to_f64();
    }
    Ok(GoalLine::new(PRICE, "$", dollars, Goal::AtMost(4.5)))
}
