//! The sweep, on a schedule: wakes the outboxes of which nobody else will.

use std::sync::Arc;

use hookline_domain::{
    kernel::port::Clock,
    outbound::{Outboxes, WakeUps, sweep},
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::start::StartError;

/// Sweeps at each event, whatever it says, until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<O, W, C>(outboxes: O, wake_ups: W, clock: C) -> Result<(), StartError>
where
    O: Outboxes + 'static,
    W: WakeUps + 'static,
    C: Clock + 'static,
{
    let ports = Arc::new((outboxes, wake_ups, clock));
    let handle = service_fn(move |_: LambdaEvent<Value>| {
        let ports = Arc::clone(&ports);
        async move {
            let (outboxes, wake_ups, clock) = &*ports;
            let woken = sweep(outboxes, wake_ups, clock).await.map_err(StartError::from)?;
            if woken > 0 {
                tracing::info!(service = "sweep", woken, "outboxes woken");
            }
            Ok::<(), StartError>(())
        }
    });
    lambda_runtime::run(handle).await
}
