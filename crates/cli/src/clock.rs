//! The machine's clock.

use std::time::Duration;

use hookline_domain::kernel::{port::Clock, time::Pause};
use jiff::{SignedDuration, Timestamp};

/// Clock and timer of the machine.
#[derive(Debug, Clone, Copy)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Pause for MachineClock {
    async fn pause(&self, how_long: SignedDuration) {
        tokio::time::sleep(Duration::try_from(how_long).unwrap_or_default()).await;
    }
}
