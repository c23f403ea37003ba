//! Clock and sleep as parameters, so that no test waits.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use hookline_domain::kernel::port::Clock;
use jiff::{SignedDuration, Timestamp};

/// Waits.
pub trait Sleep: Send + Sync {
    /// Returns after `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Waits for real.
#[derive(Debug, Clone, Copy, Default)]
struct TokioSleep;

impl Sleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Clock with its sleep.
#[derive(Clone)]
pub struct Time {
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
}

impl Time {
    /// Creates a time that waits for real.
    pub fn of(clock: impl Clock + 'static) -> Self {
        Self::with_sleep(clock, TokioSleep)
    }

    /// Creates a time with this sleep.
    pub fn with_sleep(clock: impl Clock + 'static, sleep: impl Sleep + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            sleep: Arc::new(sleep),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Time left until then; zero if it has passed.
    pub(crate) fn remaining(&self, until: Timestamp) -> Duration {
        Duration::try_from(until.duration_since(self.now())).unwrap_or_default()
    }

    /// Waits and returns true; returns false at once if the wait would exceed the time left.
    pub(crate) async fn wait(&self, duration: SignedDuration, until: Timestamp) -> bool {
        let duration = Duration::try_from(duration).unwrap_or_default();
        if duration >= self.remaining(until) {
            return false;
        }
        self.sleep.sleep(duration).await;
        true
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}
