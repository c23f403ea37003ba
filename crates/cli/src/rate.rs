//! Rate of requests.

use std::{str::FromStr, time::Duration};

use tokio::time::{Interval, MissedTickBehavior};

/// Rate per second; positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(f64);

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        match number.parse() {
            Ok(rate) if (0.001..=10_000.0).contains(&rate) => Ok(Self(rate)),
            _ => Err("not a rate per second from 0.001 to 10000, as in 20 or 0.5/s".to_owned()),
        }
    }
}

impl Rate {
    /// Number of messages that can be processed in half of the time for which they are hidden; 1 to 10.
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

    /// Returns a limiter whose first slot is free at once.
    pub fn limiter(self) -> RateLimiter {
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / self.0));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        RateLimiter(ticks)
    }
}

/// Limits a loop to a rate.
pub struct RateLimiter(Interval);

impl RateLimiter {
    /// Waits for the next free slot.
    pub async fn next(&mut self) {
        self.0.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_positive() {
        assert_eq!("20/s".parse(), Ok(Rate(20.0)));
        assert_eq!("0.5".parse(), Ok(Rate(0.5)));
        for wrong in ["0", "-1", "fast", "NaN", "inf"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn letters_received_at_once_are_processed_before_they_reappear() {
        let many = |rate| Rate(rate).within_half(Duration::from_mins(2));
        assert_eq!((many(50.0), many(0.1), many(0.001)), (10, 6, 1));
    }
}
