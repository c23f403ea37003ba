//! Ports in memory that take as long as AWS's, and count what is billed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hookline_domain::{
    kernel::{ids::StoreKey, port::Clock, port::PortError},
    memory::{MemoryEndpoints, MemoryMessages, MemoryOutboxes, MemoryStats, noon},
    outbound::{
        Acquired, AttemptCode, Backlog, Endpoint, EndpointKey, Endpoints, Entry, EntryKey, HourStats, Known, Lease,
        MessageRecord, Messages, OutboxNotes, Outboxes, Pool, Stats, SubjectKey,
    },
};
use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

/// Time of a call to a table or a queue.
pub const CALL: Duration = Duration::from_millis(4);

/// Entries of which a read unit covers 4 KB.
const ENTRIES_PER_UNIT: usize = 16;

/// Billed units so far.
#[derive(Debug, Default)]
pub struct Units {
    pub writes: AtomicU64,
    pub reads: AtomicU64,
    pub queue_requests: AtomicU64,
    pub invocations: AtomicU64,
    pub invoked_ms: AtomicU64,
}

/// Billed units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Billed {
    /// Write units.
    pub writes: u64,
    /// Read units.
    pub reads: u64,
    /// Requests to queues.
    pub queue_requests: u64,
    /// Invocations.
    pub invocations: u64,
    /// Time of invocations, in milliseconds.
    pub invoked_ms: u64,
}

impl Billed {
    /// Returns the units since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            reads: self.reads - before.reads,
            queue_requests: self.queue_requests - before.queue_requests,
            invocations: self.invocations - before.invocations,
            invoked_ms: self.invoked_ms - before.invoked_ms,
        }
    }
}

impl Units {
    /// Returns the units so far.
    pub fn so_far(&self) -> Billed {
        let read = |units: &AtomicU64| units.load(Ordering::Relaxed);
        Billed {
            writes: read(&self.writes),
            reads: read(&self.reads),
            queue_requests: read(&self.queue_requests),
            invocations: read(&self.invocations),
            invoked_ms: read(&self.invoked_ms),
        }
    }
}

/// Adds units.
pub fn add(units: &AtomicU64, more: usize) {
    units.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// A port with its bill.
#[derive(Debug, Clone)]
pub struct Billing<T> {
    pub port: T,
    pub units: Arc<Units>,
}

impl<T> Billing<T> {
    async fn reads(&self, units: usize) {
        add(&self.units.reads, units);
        sleep(CALL).await;
    }

    async fn writes(&self, units: usize) {
        add(&self.units.writes, units);
        sleep(CALL).await;
    }
}

impl Endpoints for Billing<MemoryEndpoints> {
    async fn find(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        self.reads(1).await;
        self.port.find(key).await
    }

    async fn disable(
        &self,
        key: &EndpointKey,
        revision: u32,
        code: AttemptCode,
        at: Timestamp,
    ) -> Result<(), PortError> {
        self.writes(2).await;
        self.port.disable(key, revision, code, at).await
    }

    async fn note_pool(&self, key: &EndpointKey, pool: Pool) -> Result<(), PortError> {
        self.writes(2).await;
        self.port.note_pool(key, pool).await
    }

    async fn settle_backlog(&self, key: &EndpointKey, backlog: Backlog) -> Result<(), PortError> {
        self.writes(2).await;
        self.port.settle_backlog(key, backlog).await
    }

    async fn forget(&self, key: &EndpointKey, revision: u32) -> Result<(), PortError> {
        self.writes(2).await;
        self.port.forget(key, revision).await
    }
}

impl Stats for Billing<MemoryStats> {
    async fn put(&self, endpoint: &EndpointKey, hour: &HourStats) -> Result<(), PortError> {
        self.writes(1).await;
        self.port.put(endpoint, hour).await
    }
}

impl Outboxes for Billing<MemoryOutboxes> {
    async fn acquire(&self, endpoint: &EndpointKey, lease: &Lease, now: Timestamp) -> Result<Acquired, PortError> {
        self.writes(1).await;
        self.port.acquire(endpoint, lease, now).await
    }

    async fn release(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        notes: &OutboxNotes,
        next_at: Timestamp,
    ) -> Result<bool, PortError> {
        self.writes(1).await;
        self.port.release(endpoint, nonce, notes, next_at).await
    }

    async fn schedule(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        next_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        self.writes(1).await;
        self.port.schedule(endpoint, nonce, next_at).await
    }

    async fn page(&self, endpoint: &EndpointKey, limit: usize) -> Result<Vec<Entry>, PortError> {
        let page = self.port.page(endpoint, limit).await?;
        self.reads(page.len().div_ceil(ENTRIES_PER_UNIT).max(1)).await;
        Ok(page)
    }

    async fn add(&self, endpoint: &EndpointKey, entries: &[Entry]) -> Result<(), PortError> {
        self.writes(entries.len()).await;
        self.port.add(endpoint, entries).await
    }

    async fn remove(&self, endpoint: &EndpointKey, keys: &[EntryKey]) -> Result<(), PortError> {
        self.writes(keys.len()).await;
        self.port.remove(endpoint, keys).await
    }

    async fn raise_versions(
        &self,
        endpoint: &EndpointKey,
        versions: &[(SubjectKey, u64)],
        now: Timestamp,
    ) -> Result<Vec<bool>, PortError> {
        self.writes(versions.len()).await;
        self.port.raise_versions(endpoint, versions, now).await
    }

    async fn page_back(
        &self,
        endpoint: &EndpointKey,
        before: Option<&EntryKey>,
        limit: usize,
    ) -> Result<Vec<Entry>, PortError> {
        self.reads(limit.div_ceil(ENTRIES_PER_UNIT).max(1)).await;
        self.port.page_back(endpoint, before, limit).await
    }

    /// Costs nothing here: the sweep reads all endpoints' items whether they are away or not.
    async fn overdue(&self, before: Timestamp) -> Result<Vec<(EndpointKey, Pool)>, PortError> {
        self.port.overdue(before).await
    }
}

impl Messages for Billing<MemoryMessages> {
    async fn find(&self, endpoint: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        // An event and a record each.
        self.reads(events.len() * 2).await;
        self.port.find(endpoint, events).await
    }

    async fn put(&self, endpoint: &EndpointKey, records: &[(EventId, MessageRecord)]) -> Vec<Result<bool, PortError>> {
        self.writes(records.len()).await;
        self.port.put(endpoint, records).await
    }
}

/// Clock of virtual time, which begins at noon.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    began: Instant,
}

impl VirtualClock {
    /// Clock that begins now.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        noon() + SignedDuration::try_from(self.began.elapsed()).unwrap_or_default()
    }
}
