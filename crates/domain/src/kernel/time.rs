//! Time: instants that saturate, and waits that tests replace.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

/// Saturates at the end of time, which no clock reaches.
pub(crate) fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The whole microsecond that an instant is in, as the tables keep it.
pub(crate) fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// Lets time pass.
pub trait Pause: Send + Sync {
    /// Returns after this long.
    fn pause(&self, how_long: SignedDuration) -> impl Future<Output = ()> + Send;
}
