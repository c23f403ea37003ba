//! Contract suites of the adapters of `hookline-aws`, run against emulators.

use hookline_aws::OpenSearchIndex;
use hookline_testkit::{
    builders::noon,
    emulator::{
        ACCESS_TABLE, ACTIVITY_TABLE, AUDIT_TABLE, CONNECTIONS_TABLE, DynamoDb, ENDPOINTS_TABLE, ENTITIES_TABLE,
        EVENTS_TABLE, LEDGER_TABLE, LIVE_TABLE, MESSAGES_TABLE, OUTBOXES_TABLE, S3, STORES_TABLE,
    },
    kms::Kms,
    osmem::Osmem,
    proxy::{Proxy, Refuse},
};

/// Items that tables in parts process of each batch.
const PART: usize = 20;

mod ledger {
    use super::{DynamoDb, LEDGER_TABLE};
    hookline_testkit::ledger_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let ledger = dynamodb.aws().ledger(LEDGER_TABLE);
        (dynamodb, ledger)
    });
}

mod records {
    use super::{DynamoDb, LEDGER_TABLE};
    hookline_testkit::records_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let ledger = dynamodb.aws().ledger(LEDGER_TABLE);
        (dynamodb, ledger)
    });
}

mod activity {
    use super::{ACTIVITY_TABLE, DynamoDb, noon};
    hookline_testkit::activity_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let activity = dynamodb.aws().activity(ACTIVITY_TABLE, noon());
        (dynamodb, activity)
    });
}

mod watchers {
    use super::{DynamoDb, LIVE_TABLE};
    hookline_testkit::watchers_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let watchers = dynamodb.aws().watchers(LIVE_TABLE);
        (dynamodb, watchers)
    });
}

mod bodies {
    use super::S3;
    hookline_testkit::bodies_contract!(async {
        let s3 = S3::start().await;
        let bodies = s3.aws().bodies(S3::BUCKET);
        (s3, bodies)
    });
}

mod archive {
    use super::S3;
    hookline_testkit::archive_contract!(async {
        let s3 = S3::start().await;
        let archive = s3.aws().archive(S3::BUCKET);
        (s3, archive)
    });
}

mod audit {
    use super::{AUDIT_TABLE, DynamoDb};
    hookline_testkit::audit_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let audit = dynamodb.aws().audit(AUDIT_TABLE);
        (dynamodb, audit)
    });
}

mod erase {
    use super::S3;
    hookline_testkit::erase_contract!(
        archive: async {
            let s3 = S3::start().await;
            let archive = s3.aws().archive(S3::BUCKET);
            (s3, archive)
        },
        bodies: async {
            let s3 = S3::start().await;
            let bodies = s3.aws().bodies(S3::BUCKET);
            (s3, bodies)
        }
    );
}

mod redact {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE};
    hookline_testkit::redact_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, stores)
    });
}

mod entities {
    use super::{DynamoDb, ENTITIES_TABLE};
    hookline_testkit::entities_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let entities = dynamodb.aws().entities(ENTITIES_TABLE);
        (dynamodb, entities)
    });
}

mod cursors {
    use super::{DynamoDb, STORES_TABLE};
    hookline_testkit::cursors_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE);
        (dynamodb, stores)
    });
}

mod marks {
    use super::{DynamoDb, ENTITIES_TABLE};
    hookline_testkit::marks_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let entities = dynamodb.aws().entities(ENTITIES_TABLE);
        (dynamodb, entities)
    });
}

mod publication {
    use super::{DynamoDb, ENTITIES_TABLE};
    hookline_testkit::publication_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let entities = dynamodb.aws().entities(ENTITIES_TABLE);
        (dynamodb, entities)
    });
}

mod listeners {
    use super::{DynamoDb, STORES_TABLE};
    use hookline_testkit::builders::noon;
    hookline_testkit::listeners_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE).publishing(false, noon);
        (dynamodb, stores)
    });
}

mod event_log {
    use super::{DynamoDb, EVENTS_TABLE};
    hookline_testkit::event_log_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let log = dynamodb.aws().event_log(EVENTS_TABLE);
        (dynamodb, log)
    });
}

mod endpoints {
    use super::{DynamoDb, ENDPOINTS_TABLE};
    hookline_testkit::endpoints_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let endpoints = dynamodb.aws().endpoints(ENDPOINTS_TABLE);
        (dynamodb, endpoints)
    });
}

mod outboxes {
    use super::{DynamoDb, OUTBOXES_TABLE};
    hookline_testkit::outboxes_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let outboxes = dynamodb.aws().outboxes(OUTBOXES_TABLE);
        (dynamodb, outboxes)
    });
}

/// A table that is throttled, so that it processes a part of each batch.
mod outboxes_in_parts {
    use super::{DynamoDb, OUTBOXES_TABLE, PART};
    hookline_testkit::outboxes_contract!(async {
        let (alive, aws) = DynamoDb::start().await.in_parts(PART).await;
        let outboxes = aws.outboxes(OUTBOXES_TABLE);
        (alive, outboxes)
    });
}

mod messages {
    use super::{DynamoDb, EVENTS_TABLE, MESSAGES_TABLE};
    hookline_testkit::messages_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let aws = dynamodb.aws();
        let messages = aws.messages(MESSAGES_TABLE, EVENTS_TABLE);
        (dynamodb, (messages, aws.event_log(EVENTS_TABLE)))
    });
}

/// Tables that are throttled, so that they process a part of each batch.
mod messages_in_parts {
    use super::{DynamoDb, EVENTS_TABLE, MESSAGES_TABLE, PART};
    hookline_testkit::messages_contract!(async {
        let (alive, aws) = DynamoDb::start().await.in_parts(PART).await;
        let messages = aws.messages(MESSAGES_TABLE, EVENTS_TABLE);
        (alive, (messages, aws.event_log(EVENTS_TABLE)))
    });
}

mod stats {
    use super::{DynamoDb, MESSAGES_TABLE};
    hookline_testkit::stats_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stats = dynamodb.aws().stats(MESSAGES_TABLE);
        (dynamodb, stats)
    });
}

mod seq {
    use super::{DynamoDb, STORES_TABLE};
    hookline_testkit::seq_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE);
        (dynamodb, stores)
    });
}

mod failed {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE};
    hookline_testkit::failed_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, stores)
    });
}

mod failed_beside {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE};
    hookline_testkit::failed_beside_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let ledger = dynamodb.aws().ledger(LEDGER_TABLE);
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, (ledger, stores))
    });
}

mod stores {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE};
    hookline_testkit::stores_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, stores)
    });
}

mod tally {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE};
    hookline_testkit::tally_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, (stores.clone(), stores))
    });
}

mod inbound {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE};
    hookline_testkit::inbound_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, (stores.clone(), stores))
    });
}

mod connections {
    use super::{CONNECTIONS_TABLE, DynamoDb};
    hookline_testkit::connections_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let connections = dynamodb.aws().connections(CONNECTIONS_TABLE);
        (dynamodb, connections)
    });
}

mod access {
    use super::{ACCESS_TABLE, DynamoDb};
    hookline_testkit::access_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let access = dynamodb.aws().access(ACCESS_TABLE);
        (dynamodb, access)
    });
}

mod vault {
    use super::Kms;
    hookline_testkit::vault_contract!(async {
        let kms = Kms::start().await;
        let vault = kms.aws().vault(kms.key());
        (kms, vault)
    });
}

mod index {
    use super::Osmem;
    hookline_testkit::index_contract!(async {
        let osmem = Osmem::start().await;
        let index = osmem.index().await;
        (osmem, index)
    });
}

mod search {
    use super::Osmem;
    hookline_testkit::search_contract!(async {
        let osmem = Osmem::start().await;
        let index = osmem.index().await;
        (osmem, index)
    });
}

/// An index that rejects `external_gte` for each change, as OpenSearch Serverless might.
mod index_without_external_gte {
    use crate::{refuse_each, serverless};
    hookline_testkit::index_contract!(serverless(refuse_each));
}

/// An index that rejects the whole request.
mod index_without_requests_with_external_gte {
    use crate::{refuse_all, serverless};
    hookline_testkit::index_contract!(serverless(refuse_all));
}

async fn serverless(refuse: Refuse) -> ((Osmem, Proxy), OpenSearchIndex) {
    let osmem = Osmem::start().await;
    let proxy = Proxy::start(osmem.url(), refuse).await;
    let index = Osmem::index_at(proxy.url()).await;
    ((osmem, proxy), index)
}

const UNKNOWN: &str =
    r#"{"type":"illegal_argument_exception","reason":"version type [EXTERNAL_GTE] is not supported"}"#;

fn refuse_all(body: &str) -> Option<(u16, String)> {
    body.contains("external_gte")
        .then(|| (400, format!(r#"{{"error":{UNKNOWN},"status":400}}"#)))
}

fn refuse_each(body: &str) -> Option<(u16, String)> {
    let operations = body.matches("external_gte").count();
    let item = format!(r#"{{"index":{{"_id":"1","status":400,"error":{UNKNOWN}}}}}"#);
    let items = vec![item; operations].join(",");
    (operations > 0).then(|| (200, format!(r#"{{"took":1,"errors":true,"items":[{items}]}}"#)))
}
