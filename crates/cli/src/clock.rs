//! The machine's clock, and waiting by it.

use std::time::Duration;

use hookline_domain::kernel::{port::Clock, time::Pause};
use jiff::{SignedDuration, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Pause for Now {
    async fn pause(&self, how_long: SignedDuration) {
        tokio::time::sleep(Duration::try_from(how_long).unwrap_or_default()).await;
    }
}
