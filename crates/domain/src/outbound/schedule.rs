//! Times of the attempts at one message.

use std::time::Duration;

use hookline_events::EventId;
use sha2::{Digest, Sha256};

/// Attempts at a message, of which each has failed by its own fault, after which it is exhausted.
pub const MAX_ATTEMPTS: u32 = 10;

/// Waits after the first attempt, the second and so on: 75 hours and 35 minutes together. Source: Standard Webhooks,
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability>.
const WAITS: [Duration; MAX_ATTEMPTS as usize - 1] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// Returns the wait before the next attempt at a message of which this many have failed by its own fault; `None` if it is
/// exhausted. It differs from that of other messages by up to a fifth, so that those that failed together do not come back
/// together, and is the same whoever computes it.
#[must_use]
pub fn retry_wait(event: &EventId, failed: u32) -> Option<Duration> {
    let wait = WAITS.get(usize::try_from(failed).ok()?.checked_sub(1)?)?;
    let digest = Sha256::new()
        .chain_update(event.as_str())
        .chain_update(failed.to_be_bytes())
        .finalize();
    let share = f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX);
    Some(wait.mul_f64(0.8 + 0.4 * share))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn ten_attempts_take_three_days_with_waits_that_differ_by_a_fifth() {
        let sum: Duration = WAITS.iter().sum();
        assert_eq!(sum, Duration::from_mins(75 * 60 + 35) + Duration::from_secs(5));
        let waits = |event: &EventId| {
            (1..MAX_ATTEMPTS)
                .map(|n| retry_wait(event, n).unwrap())
                .collect::<Vec<_>>()
        };
        let events: Vec<_> = (0..200u32)
            .map(|n| EventId::new(Timestamp::UNIX_EPOCH, &[&n.to_string()]))
            .collect();
        for event in &events {
            for (wait, mean) in waits(event).iter().zip(WAITS) {
                assert!(*wait >= mean.mul_f64(0.8) && *wait <= mean.mul_f64(1.2), "{wait:?}");
            }
            assert_eq!((retry_wait(event, 0), retry_wait(event, MAX_ATTEMPTS)), (None, None));
            assert_eq!(waits(event), waits(event));
        }
        let mut firsts: Vec<_> = events.iter().map(|event| waits(event)[0]).collect();
        firsts.sort_unstable();
        assert!(
            firsts[199] > firsts[0] + Duration::from_millis(1_500),
            "they are spread"
        );
    }
}
