//! Contract suites of the ports in memory.

use hookline_domain::memory::{
    MemoryAccess, MemoryActivity, MemoryArchive, MemoryAudit, MemoryBodies, MemoryBus, MemoryConnections,
    MemoryEndpoints, MemoryEntities, MemoryEventLog, MemoryFanOut, MemoryIndex, MemoryLedger, MemoryMessages,
    MemoryOutboxes, MemoryQueue, MemoryStats, MemoryStores, MemoryVault, MemoryWakeUps, MemoryWatchers,
};
use hookline_testkit::contract::{bus, fan_out, queue, wake_ups};

mod ledger {
    use super::MemoryLedger;
    hookline_testkit::ledger_contract!(async { ((), MemoryLedger::default()) });
}

mod records {
    use super::MemoryLedger;
    hookline_testkit::records_contract!(async { ((), MemoryLedger::default()) });
}

mod activity {
    use super::MemoryActivity;
    hookline_testkit::activity_contract!(async { ((), MemoryActivity::default()) });
}

mod watchers {
    use super::MemoryWatchers;
    hookline_testkit::watchers_contract!(async { ((), MemoryWatchers::default()) });
}

mod bodies {
    use super::MemoryBodies;
    hookline_testkit::bodies_contract!(async { ((), MemoryBodies::default()) });
}

mod archive {
    use super::MemoryArchive;
    hookline_testkit::archive_contract!(async { ((), MemoryArchive::default()) });
}

mod audit {
    use super::MemoryAudit;
    hookline_testkit::audit_contract!(async { ((), MemoryAudit::default()) });
}

mod erase {
    use super::{MemoryArchive, MemoryBodies};
    hookline_testkit::erase_contract!(
        archive: async { ((), MemoryArchive::default()) },
        bodies: async { ((), MemoryBodies::default()) }
    );
}

mod redact {
    use super::MemoryStores;
    hookline_testkit::redact_contract!(async { ((), MemoryStores::default()) });
}

mod entities {
    use super::MemoryEntities;
    hookline_testkit::entities_contract!(async { ((), MemoryEntities::default()) });
}

mod cursors {
    use super::MemoryStores;
    hookline_testkit::cursors_contract!(async { ((), MemoryStores::default()) });
}

mod marks {
    use super::MemoryEntities;
    hookline_testkit::marks_contract!(async { ((), MemoryEntities::default()) });
}

mod publication {
    use super::MemoryEntities;
    hookline_testkit::publication_contract!(async { ((), MemoryEntities::default()) });
}

mod listeners {
    use super::MemoryStores;
    hookline_testkit::listeners_contract!(async { ((), MemoryStores::default()) });
}

mod event_log {
    use super::MemoryEventLog;
    hookline_testkit::event_log_contract!(async { ((), MemoryEventLog::default()) });
}

mod endpoints {
    use super::MemoryEndpoints;
    hookline_testkit::endpoints_contract!(async { ((), MemoryEndpoints::default()) });
}

mod outboxes {
    use super::MemoryOutboxes;
    hookline_testkit::outboxes_contract!(async { ((), MemoryOutboxes::default()) });
}

mod stats {
    use super::MemoryStats;
    hookline_testkit::stats_contract!(async { ((), MemoryStats::default()) });
}

mod messages {
    use super::{MemoryEventLog, MemoryMessages};
    hookline_testkit::messages_contract!(async {
        let log = MemoryEventLog::default();
        ((), (MemoryMessages::beside(log.clone()), log))
    });
}

mod seq {
    use super::MemoryStores;
    hookline_testkit::seq_contract!(async { ((), MemoryStores::default()) });
}

mod failed {
    use hookline_domain::memory::MemoryStores;
    hookline_testkit::failed_contract!(async { ((), MemoryStores::default()) });
}

mod failed_beside {
    use hookline_domain::memory::{MemoryLedger, MemoryStores};
    hookline_testkit::failed_beside_contract!(async {
        let ledger = MemoryLedger::default();
        let stores = MemoryStores::default().beside(&ledger);
        ((), (ledger, stores))
    });
}

mod stores {
    use super::MemoryStores;
    hookline_testkit::stores_contract!(async { ((), MemoryStores::default()) });
}

mod tally {
    use super::MemoryStores;
    hookline_testkit::tally_contract!(async {
        let stores = MemoryStores::default();
        ((), (stores.clone(), stores))
    });
}

mod inbound {
    use super::MemoryStores;
    hookline_testkit::inbound_contract!(async {
        let stores = MemoryStores::default();
        ((), (stores.clone(), stores))
    });
}

mod connections {
    use super::MemoryConnections;
    hookline_testkit::connections_contract!(async { ((), MemoryConnections::default()) });
}

mod access {
    use super::MemoryAccess;
    hookline_testkit::access_contract!(async { ((), MemoryAccess::default()) });
}

mod vault {
    use super::MemoryVault;
    hookline_testkit::vault_contract!(async { ((), MemoryVault) });
}

mod index {
    use super::MemoryIndex;
    hookline_testkit::index_contract!(async { ((), MemoryIndex::default()) });
}

mod search {
    use super::MemoryIndex;
    hookline_testkit::search_contract!(async { ((), MemoryIndex::default()) });
}

#[tokio::test]
async fn messages_arrive_byte_for_byte() {
    let memory = MemoryQueue::default();
    queue::send_all(&memory, 1024 * 1024).await;
    let sent: Vec<_> = queue::stores().zip(queue::messages(1024 * 1024)).collect();
    assert!(memory.take_with_stores() == sent);
}

#[tokio::test]
async fn events_arrive_on_the_bus() {
    let memory = MemoryBus::default();
    bus::post_all(&memory).await;
    assert_eq!(memory.posted(), bus::events());
}

#[tokio::test]
async fn events_arrive_in_the_fan_out_queue() {
    let memory = MemoryFanOut::default();
    fan_out::send_all(&memory).await;
    let mut arrived: Vec<_> = memory.take().into_iter().flat_map(|(_, events)| events).collect();
    arrived.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(arrived, fan_out::events());
}

#[tokio::test]
async fn wake_ups_arrive_in_their_queues() {
    let memory = MemoryWakeUps::default();
    wake_ups::send_all(&memory).await;
    assert_eq!(memory.take(), wake_ups::wake_ups());
}
