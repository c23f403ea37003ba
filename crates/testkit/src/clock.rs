//! The real time, for tests with servers that check it.

use hookline_domain::kernel::port::Clock;
use jiff::Timestamp;

/// Clock of the machine.
#[derive(Debug, Clone, Copy)]
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
