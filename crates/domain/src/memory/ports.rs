//! [`InMemory`] as the bundle of each use case, so that tests write `Reindex<InMemory>`; and one consumer for all tests.

use super::{
    InMemory, MemoryActivity, MemoryArchive, MemoryAsked, MemoryAudit, MemoryBodies, MemoryBus, MemoryCatalogue,
    MemoryConnections, MemoryEndpoints, MemoryEntities, MemoryEventLog, MemoryFanOut, MemoryJobs, MemoryLedger,
    MemoryMessages, MemoryOutboxes, MemoryPush, MemoryQueue, MemoryStores, MemorySubscriptions, MemoryWakeUps,
    MemoryWatchers,
};
use crate::{
    catalogue::{
        apply::{Apply, IndexPorts},
        index::Index,
    },
    consumer::{Compliance, CompliancePorts, ConsumerPorts, Interpret, Reindex},
    delivery::{receive::ReceivePorts, replay::ReplayPorts},
    kernel::{port::Clock, time::Pause},
    live::{BroadcastPorts, FollowPorts},
    outbound::{FanOutPorts, ManagePorts, ResendPorts},
    sync::{refetch::CataloguePorts, worker::SyncPorts},
};

impl<C: Clock, I> ReceivePorts for InMemory<C, I> {
    type Ledger = MemoryLedger;
    type Queue = MemoryQueue;
    type Bodies = MemoryBodies;
    type Clock = C;
}

impl<C: Clock, I> ReplayPorts for InMemory<C, I> {
    type Archive = MemoryArchive;
}

impl<C: Clock, I> FollowPorts for InMemory<C, I> {
    type Watchers = MemoryWatchers;
    type Stores = MemoryStores;
    type Activity = MemoryActivity;
    type Push = MemoryPush;
    type Clock = C;
}

impl<C: Clock + Pause, I> BroadcastPorts for InMemory<C, I> {
    type Stores = MemoryStores;
    type Activity = MemoryActivity;
    type Watchers = MemoryWatchers;
    type Push = MemoryPush;
    type Pause = C;
    type Clock = C;
}

impl<C: Clock, I: Index> IndexPorts for InMemory<C, I> {
    type Entities = MemoryEntities;
    type Stores = MemoryStores;
    type Index = I;
    type FanOut = MemoryFanOut;
    type Clock = C;
}

impl<C: Clock, I: Index> CataloguePorts for InMemory<C, I> {
    type Catalogue = MemoryCatalogue<C>;
}

impl<C: Clock, I: Index> SyncPorts for InMemory<C, I> {
    type Asked = MemoryAsked<C>;
    type Jobs = MemoryJobs;
    type Subscriptions = MemorySubscriptions;
    type Backlog = MemoryQueue;
}

impl<C: Clock, I: Index> ConsumerPorts for InMemory<C, I> {
    type Ledger = MemoryLedger;
    type Jobs = MemoryJobs;
    type Compliance = Compliance<Self>;
}

impl<C: Clock, I: Index> CompliancePorts for InMemory<C, I> {
    type Audit = MemoryAudit;
    type Connections = MemoryConnections;
    type Stores = MemoryStores;
    type Archive = MemoryArchive;
    type Bodies = MemoryBodies;
    type Activity = MemoryActivity;
    type Events = MemoryEventLog;
}

impl<C: Clock + Pause, I> FanOutPorts for InMemory<C, I> {
    type Log = MemoryEventLog;
    type Stores = MemoryStores;
    type Endpoints = MemoryEndpoints;
    type Outboxes = MemoryOutboxes;
    type WakeUps = MemoryWakeUps;
    type Bus = MemoryBus;
    type Watchers = MemoryWatchers;
    type Push = MemoryPush;
    type Pause = C;
    type Clock = C;
}

impl<C: Clock, I> ManagePorts for InMemory<C, I> {
    type Endpoints = MemoryEndpoints;
    type Listeners = MemoryStores;
    type WakeUps = MemoryWakeUps;
    type Clock = C;
}

impl<C: Clock + Pause, I> ResendPorts for InMemory<C, I> {
    type Endpoints = MemoryEndpoints;
    type Outboxes = MemoryOutboxes;
    type Messages = MemoryMessages;
    type Events = MemoryEventLog;
    type WakeUps = MemoryWakeUps;
    type Pause = C;
    type Clock = C;
}

/// Returns a consumer that has processed nothing, with its ports in memory; only the queue of jobs may be another. It has no
/// ports for privacy requests.
pub fn consumer<P>(index: P::Index, clock: P::Clock, interpret: Interpret) -> Reindex<P>
where
    P: ConsumerPorts<Entities = MemoryEntities, Stores = MemoryStores, Ledger = MemoryLedger, Jobs: Default>,
{
    let ledger = MemoryLedger::default();
    Reindex {
        apply: Apply {
            entities: MemoryEntities::default(),
            stores: MemoryStores::default().beside(&ledger),
            index,
            fan_out: None,
            clock,
        },
        ledger,
        jobs: P::Jobs::default(),
        compliance: None,
        interpret,
    }
}
