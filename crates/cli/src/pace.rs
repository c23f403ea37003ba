//! How fast to go, and how far one has come.

use std::{str::FromStr, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Interval, MissedTickBehavior};

/// So many a second; more than none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(f64);

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        match number.parse() {
            Ok(rate) if (0.001..=10_000.0).contains(&rate) => Ok(Self(rate)),
            _ => Err("not a number a second from 0.001 to 10000, as in 20 or 0.5/s".to_owned()),
        }
    }
}

impl Rate {
    /// How many of what is hidden for so long can be dealt with in half that time; at least one.
    pub fn within_half(self, hidden_for: Duration) -> usize {
        let many = (hidden_for.as_secs_f64() * self.0 / 2.0).clamp(1.0, 10.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and 10"
        )]
        let many = many as usize;
        many
    }

    /// A pace that begins at once.
    pub fn pace(self) -> Pace {
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / self.0));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Pace(ticks)
    }
}

/// Keeps a rate.
pub struct Pace(Interval);

impl Pace {
    /// Waits until the next may go.
    pub async fn next(&mut self) {
        self.0.tick().await;
    }
}

/// A bar on the terminal; nothing where there is none.
pub fn bar(total: u64, doing: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:32}] {pos} of about {len}, {elapsed}");
    ProgressBar::new(total)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_more_than_none() {
        assert_eq!("20/s".parse(), Ok(Rate(20.0)));
        assert_eq!("0.5".parse(), Ok(Rate(0.5)));
        for wrong in ["0", "-1", "fast", "NaN", "inf"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_more_letters_are_taken_than_can_be_dealt_with_while_they_are_hidden() {
        let many = |rate| Rate(rate).within_half(Duration::from_mins(2));
        assert_eq!((many(50.0), many(0.1), many(0.001)), (10, 6, 1));
    }
}
