//! What a million small events cost, by the bill that `hookline cost` makes, of what was measured just now.

use hookline_cost::{Load, Measured, is_the_way, lines, total};
use rust_decimal::prelude::ToPrimitive;

use crate::{
    outcome::{Cost, PRICE},
    report::{Goal, Line},
};

/// Their way from the sender to the index, if it was measured, beside the goal.
///
/// # Errors
/// When what was measured is not what a bill is made of.
pub fn line(cost: Option<&Cost>) -> anyhow::Result<Line> {
    let mut dollars = None;
    if let Some(cost) = cost {
        let measured: Measured = serde_json::from_value(serde_json::to_value(cost)?)?;
        dollars = total(&lines(&Load::default(), &measured), is_the_way).to_f64();
    }
    Ok(Line::new(PRICE, "$", dollars, Goal::AtMost(4.5)))
}
