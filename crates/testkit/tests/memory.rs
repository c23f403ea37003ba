//! Contract suites of the ports in memory.

use hookline_domain::memory::{
    MemoryAccess, MemoryActivity, MemoryArchive, MemoryAudit, MemoryBodies, MemoryConnections, MemoryEntities,
    MemoryIndex, MemoryLedger, MemoryQueue, MemoryStores, MemoryVault, MemoryWatchers,
};
use hookline_testkit::contract::queue;

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

mod publication {
    use super::MemoryEntities;
    hookline_testkit::publication_contract!(async { ((), MemoryEntities::default()) });
}

mod listeners {
    use super::MemoryStores;
    hookline_testkit::listeners_contract!(async { ((), MemoryStores::default()) });
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
