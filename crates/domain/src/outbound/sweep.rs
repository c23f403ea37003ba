//! Use case: wake the outboxes of which nobody else will. A safety net: it covers deaths, and what is further away than a
//! wake-up can be delayed.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Outboxes, WakeUps};
use crate::kernel::port::{Clock, PortError};

/// Time by which a look is overdue: a wake-up may be on its way.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// Sends a wake-up for each outbox whose next look, or the end of whose lease, has passed by more than ten seconds. Returns their
/// number.
///
/// # Errors
/// [`PortError`] if a table or the queue failed. Those already woken may be woken again.
pub async fn sweep(outboxes: &impl Outboxes, wake_ups: &impl WakeUps, clock: &impl Clock) -> Result<usize, PortError> {
    let before = clock.now().checked_sub(OVERDUE_AFTER).unwrap_or(jiff::Timestamp::MIN);
    let overdue = outboxes.overdue(before).await?;
    for (endpoint, pool) in &overdue {
        wake_ups.send(endpoint, *pool, Duration::ZERO).await?;
    }
    Ok(overdue.len())
}
