//! What a million events cost, by the bill that `hookline cost` makes, of what was measured just now.

use hookline_cost::{Load, Measured, is_the_way, lines, prices, total};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};

use crate::{
    outcome::{Cost, PRICE},
    report::{Goal, Line},
};

/// A million events of 4 KiB in batches of ten, with calls that take 4 ms, as `hookline cost --events 1e6 --size 4k`.
fn load() -> Load {
    Load {
        events: dec!(1_000_000),
        size: dec!(4_096),
        variants: dec!(2),
        batch: dec!(10),
        call_ms: dec!(4),
        memory: prices::LAMBDA_X86_64,
        watchers: Decimal::ZERO,
    }
}

/// Their way from the sender to the index, if it was measured, beside the goal.
///
/// # Errors
/// When what was measured is not what a bill is made of.
pub fn line(cost: Option<&Cost>) -> anyhow::Result<Line> {
    let mut dollars = None;
    if let Some(cost) = cost {
        let measured: Measured = serde_json::from_value(serde_json::to_value(cost)?)?;
        dollars = total(&lines(&load(), &measured), is_the_way).to_f64();
    }
    Ok(Line::new(PRICE, "$", dollars, Goal::AtMost(4.5)))
}
