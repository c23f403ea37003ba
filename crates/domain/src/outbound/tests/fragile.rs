//! Ports of a process of which one call comes to harm.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    kernel::port::PortError,
    memory::{MemoryEndpoints, MemoryOutboxes, MemoryWakeUps},
    outbound::{
        Acquired, AttemptCode, Backlog, Endpoint, EndpointKey, EndpointRecords, Endpoints, Entry, EntryKey, Lease,
        OutboxNotes, Outboxes, Pool, Scope, SubjectKey, WakeUps,
    },
};

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

impl Endpoints for Fragile<MemoryEndpoints> {
    async fn find(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        self.call(self.port.find(key), || Err(failure())).await
    }
    async fn disable(
        &self,
        key: &EndpointKey,
        revision: u32,
        code: AttemptCode,
        at: Timestamp,
    ) -> Result<(), PortError> {
        self.call(self.port.disable(key, revision, code, at), || Err(failure()))
            .await
    }
    async fn note_pool(&self, key: &EndpointKey, pool: Pool) -> Result<(), PortError> {
        self.call(self.port.note_pool(key, pool), || Err(failure())).await
    }
    async fn settle_backlog(&self, key: &EndpointKey, backlog: Backlog) -> Result<(), PortError> {
        self.call(self.port.settle_backlog(key, backlog), || Err(failure()))
            .await
    }
    async fn forget(&self, key: &EndpointKey, revision: u32) -> Result<(), PortError> {
        self.call(self.port.forget(key, revision), || Err(failure())).await
    }
}

impl EndpointRecords for Fragile<MemoryEndpoints> {
    async fn list(&self, scope: &Scope) -> Result<Vec<Endpoint>, PortError> {
        self.call(self.port.list(scope), || Err(failure())).await
    }
    async fn read(&self, _: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        unreachable!("neither fan-out nor the dispatcher reads records for people")
    }
    async fn put(&self, _: &Endpoint) -> Result<bool, PortError> {
        unreachable!("neither fan-out nor the dispatcher writes whole endpoints")
    }
}

impl Outboxes for Fragile<MemoryOutboxes> {
    async fn acquire(&self, endpoint: &EndpointKey, lease: &Lease, now: Timestamp) -> Result<Acquired, PortError> {
        self.call(self.port.acquire(endpoint, lease, now), || Err(failure()))
            .await
    }
    async fn release(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        notes: &OutboxNotes,
        next_at: Timestamp,
    ) -> Result<bool, PortError> {
        self.call(self.port.release(endpoint, nonce, notes, next_at), || Err(failure()))
            .await
    }
    async fn schedule(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        next_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        self.call(self.port.schedule(endpoint, nonce, next_at), || Err(failure()))
            .await
    }
    async fn page(&self, endpoint: &EndpointKey, limit: usize) -> Result<Vec<Entry>, PortError> {
        self.call(self.port.page(endpoint, limit), || Err(failure())).await
    }
    async fn add(&self, endpoint: &EndpointKey, entries: &[Entry]) -> Result<(), PortError> {
        self.call(self.port.add(endpoint, entries), || Err(failure())).await
    }
    async fn remove(&self, endpoint: &EndpointKey, keys: &[EntryKey]) -> Result<(), PortError> {
        self.call(self.port.remove(endpoint, keys), || Err(failure())).await
    }
    async fn raise_versions(
        &self,
        endpoint: &EndpointKey,
        versions: &[(SubjectKey, u64)],
        now: Timestamp,
    ) -> Result<Vec<bool>, PortError> {
        self.call(self.port.raise_versions(endpoint, versions, now), || Err(failure()))
            .await
    }
    async fn page_back(
        &self,
        endpoint: &EndpointKey,
        before: Option<&EntryKey>,
        limit: usize,
    ) -> Result<Vec<Entry>, PortError> {
        self.call(self.port.page_back(endpoint, before, limit), || Err(failure()))
            .await
    }
    async fn overdue(&self, before: Timestamp) -> Result<Vec<(EndpointKey, Pool)>, PortError> {
        self.call(self.port.overdue(before), || Err(failure())).await
    }
}

impl WakeUps for Fragile<MemoryWakeUps> {
    async fn send(&self, endpoint: &EndpointKey, pool: Pool, delay: Duration) -> Result<(), PortError> {
        self.call(self.port.send(endpoint, pool, delay), || Err(failure()))
            .await
    }
}
