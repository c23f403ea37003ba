//! The machine's clock.

use hookline_domain::port::Clock;
use jiff::Timestamp;

/// The machine's clock. The only place that asks it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
