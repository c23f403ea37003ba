//! Ports of these tests: those in memory, with an index and a queue of jobs that fail on request.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use jiff::SignedDuration;

use super::{compliance::Tokens, *};
use crate::{
    catalogue::{
        event_message::SealedBodies,
        fan_out::FanOut,
        index::{Index, IndexChange, IndexOutcome},
        jobs::Job,
    },
    kernel::version::Version,
    memory::{
        MemoryActivity, MemoryArchive, MemoryAudit, MemoryBodies, MemoryEntities, MemoryEventLog, MemoryFanOut,
        MemoryIndex, MemoryJobs, MemoryLedger, MemoryStores,
    },
};

pub(super) enum Ports {}

impl IndexPorts for Ports {
    type Entities = MemoryEntities;
    type Stores = MemoryStores;
    type Index = FlakyIndex;
    type FanOut = FlakyFanOut;
    type Clock = Timestamp;
}

impl ConsumerPorts for Ports {
    type Ledger = MemoryLedger;
    type Jobs = FlakyJobs;
    type Compliance = Compliance<Self>;
}

impl CompliancePorts for Ports {
    type Audit = MemoryAudit;
    type Connections = Tokens;
    type Stores = MemoryStores;
    type Archive = MemoryArchive;
    type Bodies = MemoryBodies;
    type Activity = MemoryActivity;
    type Events = MemoryEventLog;
}

/// A queue that rejects all jobs on request.
#[derive(Default)]
pub(super) struct FlakyJobs {
    pub(super) jobs: MemoryJobs,
    pub(super) is_down: AtomicBool,
}

impl Jobs for FlakyJobs {
    async fn send(&self, job: &Job, delay: SignedDuration) -> Result<(), PortError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(PortError::new("job queue", "connection refused"));
        }
        self.jobs.send(job, delay).await
    }
}

/// A fan-out queue that rejects everything on request.
#[derive(Clone, Default)]
pub(super) struct FlakyFanOut {
    pub(super) sent: MemoryFanOut,
    pub(super) is_down: Arc<AtomicBool>,
}

impl FanOut for FlakyFanOut {
    async fn send(&self, store: &StoreKey, events: &[hookline_events::Event]) -> Result<(), PortError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(PortError::new("fan-out queue", "connection refused"));
        }
        self.sent.send(store, events).await
    }

    async fn send_sealed(
        &self,
        store: &StoreKey,
        events: &[hookline_events::Event],
        sealed: &SealedBodies,
    ) -> Result<(), PortError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(PortError::new("fan-out queue", "connection refused"));
        }
        self.sent.send_sealed(store, events, sealed).await
    }
}

/// An index that fails on request, and that can run other code in the middle of a write.
#[derive(Clone, Default)]
pub(super) struct FlakyIndex {
    pub(super) index: MemoryIndex,
    pub(super) faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
pub(super) struct Faults {
    pub(super) down: bool,
    pub(super) rejects: Option<&'static str>,
    pub(super) calls: usize,
    pub(super) uninstall_meanwhile: Option<MemoryStores>,
    pub(super) removal_passes_first: bool,
}

impl Index for FlakyIndex {
    async fn apply(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        let (down, rejects, meanwhile, removes) = {
            let mut faults = self.faults.lock().unwrap();
            faults.calls += 1;
            (
                faults.down,
                faults.rejects,
                faults.uninstall_meanwhile.take(),
                faults.removal_passes_first,
            )
        };
        if down {
            let source = "arn:aws:iam::123456789012:role/x may not do this";
            return Err(PortError::because(
                "index",
                Cause::Denied,
                Some("security_exception"),
                source,
            ));
        }
        if let Some(stores) = meanwhile {
            stores.disable(&store(STORE), at("2026-11-21T09:00:00Z")).await?;
            if removes {
                let removal = |change: &IndexChange| IndexChange::Remove {
                    entity: change.entity().clone(),
                    version: Version::floor(at("2026-11-21T09:00:00Z")),
                };
                self.index
                    .apply(&changes.iter().map(removal).collect::<Vec<_>>())
                    .await?;
            }
        }
        let mut outcomes = self.index.apply(changes).await?;
        for (change, outcome) in changes.iter().zip(&mut outcomes) {
            if Some(change.entity().id.as_str()) == rejects {
                *outcome = IndexOutcome::Rejected {
                    reason: "mapper_parsing_exception".into(),
                };
            }
        }
        Ok(outcomes)
    }
}
