//! Clock that tests set.

use jiff::{SignedDuration, Timestamp};

use super::Shared;
use crate::kernel::{port::Clock, time::Pause};

/// Clock that stands until a test advances it; by default, at the Unix epoch. Waits by advancing itself. Clones show the same
/// time.
#[derive(Debug, Clone, Default)]
pub struct SetClock(Shared<Hands>);

/// Time, and how far each reading advances it.
#[derive(Debug, Default)]
struct Hands {
    now: Timestamp,
    tick: SignedDuration,
}

impl SetClock {
    /// Creates a clock that stands at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let clock = Self(Shared::default());
        clock.set(now);
        clock
    }

    /// Creates a clock that stands at the instant that this text says.
    ///
    /// # Panics
    /// If the text is no timestamp.
    #[must_use]
    pub fn at(now: &str) -> Self {
        Self::new(now.parse().expect("tests write valid timestamps"))
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        self.0.lock().now = now;
    }

    /// Advances the clock.
    pub fn pass(&self, time: SignedDuration) {
        self.0.lock().now += time;
    }

    /// From now on, each reading of the clock advances it by `each`.
    pub fn ticks(&self, each: SignedDuration) {
        self.0.lock().tick = each;
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let mut hands = self.0.lock();
        let tick = hands.tick;
        hands.now += tick;
        hands.now
    }
}

impl Pause for SetClock {
    async fn pause(&self, duration: SignedDuration) {
        self.pass(duration);
    }
}
