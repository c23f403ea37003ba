//! Time: saturating arithmetic on instants, and pauses that tests replace.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

/// Adds a duration to an instant; saturates at [`Timestamp::MAX`], which no clock reaches.
pub(crate) fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Truncates an instant to whole microseconds, the precision of the tables.
pub(crate) fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// Formats a time of day, with its date if that is not the date of `now`.
pub(crate) fn clock_time(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = if day(at) == day(now) {
        "%H:%M UTC"
    } else {
        "%-d %B %H:%M UTC"
    };
    at.strftime(format).to_string()
}

/// Waiting, as a port, so that tests need not wait.
pub trait Pause: Send + Sync {
    /// Returns after `duration`.
    fn pause(&self, duration: SignedDuration) -> impl Future<Output = ()> + Send;
}
