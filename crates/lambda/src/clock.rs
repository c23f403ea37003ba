//! The system clock.

use hookline_domain::kernel::{port::Clock, time::Pause};
use jiff::{SignedDuration, Timestamp};

/// The system clock; the only place that reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Sleeps on the runtime's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sleep;

impl Pause for Sleep {
    async fn pause(&self, how_long: SignedDuration) {
        tokio::time::sleep(how_long.try_into().unwrap_or_default()).await;
    }
}
