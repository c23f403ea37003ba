//! Ports of a process of which one call comes to harm.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::kernel::port::PortError;

/// Harm that comes to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    /// The process dies before the call has an effect.
    DiesBefore,
    /// The process dies after it, before it sees the answer.
    DiesAfter,
    /// The call fails without an effect.
    Fails,
    /// The call has its effect, and its answer is lost.
    LosesAnswer,
    /// The call is made later.
    Waits,
}

/// Ports of one process: its `nth` call, from 0, comes to harm.
#[derive(Clone)]
pub(super) struct Fragile<T> {
    pub(super) port: T,
    calls: Arc<AtomicUsize>,
    harm: Option<(usize, Harm)>,
}

pub(super) fn failure() -> PortError {
    PortError::new("port", "harmed")
}

impl<T> Fragile<T> {
    /// Makes a call; `failed` is the answer if it fails.
    pub(super) async fn call<R>(&self, call: impl Future<Output = R>, failed: impl FnOnce() -> R) -> R {
        let nth = self.calls.fetch_add(1, Ordering::Relaxed);
        match self.harm.filter(|(harmed, _)| *harmed == nth) {
            None => call.await,
            Some((_, Harm::DiesBefore)) => pending().await,
            Some((_, Harm::Waits)) => {
                tokio::task::yield_now().await;
                call.await
            }
            Some((_, Harm::Fails)) => failed(),
            Some((_, Harm::DiesAfter)) => {
                call.await;
                pending().await
            }
            Some((_, Harm::LosesAnswer)) => {
                call.await;
                failed()
            }
        }
    }
}

pub(super) fn fragile<T: Clone>(port: &T, calls: &Arc<AtomicUsize>, harm: Option<(usize, Harm)>) -> Fragile<T> {
    Fragile {
        port: port.clone(),
        calls: Arc::clone(calls),
        harm,
    }
}
