//! Every operation of every adapter returns the cause of its failure: each is called against a service that denies
//! access, throttles, does not know the resource, does not respond, or is unreachable. Class and code must be right for
//! every operation.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![expect(
    clippy::too_many_lines,
    clippy::large_futures,
    reason = "every operation of every adapter is in one list, and called concurrently"
)]

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use hookline_aws::{Aws, OpenSearchConfig, Timeouts};
use hookline_direct::DirectAws;
use hookline_domain::{
    access::{
        Principal, Reach, Role,
        ticket::{Ticket, Tickets},
        token::{Token, Tokens},
    },
    catalogue::{
        entities::{Advance, Entities, Entries, ObservedFields},
        index::{Index, IndexChange, IndexOutcome, Search, SearchError, SearchQuery},
        jobs::{Job, Jobs, Task},
    },
    consumer::audit::{Audit, AuditRecord, Audited},
    delivery::{
        archive::{Archive, Archived},
        bodies::{Attempt, Bodies, BodyKey, KeepBodies},
        dead_letters::{DeadLetter, DeadLetters},
        ledger::{Claims, DeliveryCompletion, Fate, Ledger, Problem, Records},
        queue::{Backlog, EventQueue, Queues},
    },
    event::Request,
    kernel::{
        erase::Erase,
        failure::ErrorCode,
        port::{Cause, PortError, chain},
        secret::{SecretRef, SecretSource},
        text::Words,
    },
    live::{Activity, ActivityBatch, ForgetActivity, Push, Watcher, Watchers},
    memory,
    outbound::{
        self, EndpointKey, HourStats, MessageFilter, MessageRecord, MessageRecords, Messages, OutboxNotes,
        OutboxRecords, Outboxes, Pool, Stats, StatsRecords, WakeUps,
    },
    store::{
        connections::{Connections, Lease, Vault},
        stores::{Counter, Redact, StoreList, StoreUpdate, Stores, Tally},
    },
    sync::{
        backfill::{Checkpoint, Checkpoints},
        reconcile::{Scope, Step},
    },
};
use hookline_testkit::{
    RealClock,
    builders::{attempt, delivery, document, noon, product, store, version},
    contract::outboxes::entry,
    emulator::{ACCESS_KEY, FixedServer, SECRET_KEY, sdk_config, silent},
};
use jiff::{SignedDuration, Timestamp};

/// Name of an operation, and its failure, if it failed.
type Failed = (&'static str, Option<PortError>);

/// URLs of a JSON service, an XML service, and an index.
struct Services<'a> {
    json: &'a str,
    xml: &'a str,
    index: &'a str,
}

fn direct(services: &Services<'_>) -> DirectAws {
    let read = |name: &str| match name {
        "AWS_REGION" => Some("eu-central-1"),
        "AWS_ACCESS_KEY_ID" => Some(ACCESS_KEY),
        "AWS_SECRET_ACCESS_KEY" => Some(SECRET_KEY),
        "AWS_ENDPOINT_URL" => Some(services.json),
        "AWS_ENDPOINT_URL_S3" => Some(services.xml),
        _ => None,
    };
    DirectAws::read(read, RealClock).unwrap()
}

fn update() -> StoreUpdate {
    let mut update = StoreUpdate::default();
    update.count(noon(), Counter::Duplicate);
    update
}

fn letter() -> DeadLetter {
    DeadLetter {
        message_id: "m".to_owned(),
        handle: "h".to_owned(),
        text: String::new(),
        sent_at: None,
        receives: 1,
    }
}

fn watcher(principal: Principal) -> Watcher {
    Watcher {
        connection: "c".to_owned(),
        principal,
        store: Some(store("demo.myshopify.com")),
        list: true,
        events: false,
        until: noon(),
    }
}

/// Runs operations concurrently, by name.
macro_rules! failures {
    ($($name:literal => $call:expr),* $(,)?) => {{
        let calls: Vec<BoxFuture<'_, Failed>> = vec![$(Box::pin(async { ($name, $call.await.err()) })),*];
        join_all(calls).await
    }};
}

fn unavailable(failure: SearchError) -> PortError {
    match failure {
        SearchError::Unavailable(failure) => failure,
        SearchError::Refused { reason } => panic!("the search was refused for good: {reason}"),
    }
}

/// Calls every operation of every adapter.
async fn failures(services: &Services<'_>) -> Vec<Failed> {
    let json = Aws::with_config(sdk_config(services.json).await, Timeouts::Interactive);
    let xml = Aws::with_config(sdk_config(services.xml).await, Timeouts::Interactive);
    let (direct, demo) = (direct(services), store("demo.myshopify.com"));
    let (key, entity, claim) = (delivery("a"), product(&demo, "1"), attempt("us", noon()));
    let (update, letter) = (update(), letter());
    let problem = Problem {
        at: noon(),
        code: ErrorCode::StorageUnavailable,
        cause: Some(Cause::Denied),
        message: "x".to_owned(),
    };
    let body = BodyKey {
        delivery: key.clone(),
        attempt: "6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01".parse::<Attempt>().unwrap(),
    };
    let lease = Lease {
        owner: "us".to_owned(),
        until: noon(),
    };
    let principal = Principal {
        id: "tok_1".to_owned(),
        role: Role::Admin,
        reach: Reach::All,
        expires_at: noon(),
    };
    let (ticket, _) = Ticket::mint(principal.clone(), noon()).unwrap();
    let (token, _) = Token::mint(Role::Admin, Reach::All, "x".to_owned(), noon(), noon()).unwrap();
    let watcher = watcher(principal);
    let record = AuditRecord {
        store: demo.clone(),
        delivery: key.id.clone(),
        request: Request::StoreRedaction,
        received_at: noon(),
        done_at: noon(),
        outcome: "done".to_owned(),
    };
    let checkpoint = Checkpoint {
        scope: Scope::Everything,
        step: Step::Begin,
    };
    let job = Job {
        store: demo.clone(),
        task: Task::Watch,
        cause: None,
    };
    let batch = ActivityBatch {
        seq: 1,
        entries: Vec::new(),
    };
    let advance = Advance {
        entity: &entity,
        version: version(1),
        observed: ObservedFields::default(),
    };
    let settled = DeliveryCompletion::new(&key, Fate::Applied);
    let parked = DeliveryCompletion {
        problem: Some(&problem),
        ..DeliveryCompletion::new(&key, Fate::Parked)
    };
    let kept_secret = SecretRef::Stored("arn:aws:secretsmanager:eu-central-1:1:secret:x-abcdef".to_owned());
    let queue = format!("{}/1/q", services.json);
    let config = OpenSearchConfig::new(services.index, "hookline", Some("none")).unwrap();
    let index = json.index(&config).unwrap();
    let put = IndexChange::Put {
        entity: entity.clone(),
        version: version(1),
        document: Box::new(document(&entity, "x", "")),
    };
    let query = SearchQuery {
        store: demo.clone(),
        observed_after: None,
        words: Words::new("x"),
        limit: 1,
    };
    let (ledger, entities, stores) = (json.ledger("t"), json.entities("t"), json.stores("t"));
    let (activity, watchers, connections) = (json.activity("t", RealClock), json.watchers("t"), json.connections("t"));
    let (access, audit, push, vault) = (
        json.access("t"),
        json.audit("t"),
        json.push(services.json),
        json.vault("k"),
    );
    let (events, jobs, letters) = (
        json.event_queue(&queue),
        json.jobs(Some(&queue)),
        json.dead_letters(&queue),
    );
    let (queues, secret) = (json.queues(&queue, &queue), json.secret(&kept_secret));
    let (bodies, archive) = (xml.bodies("b"), xml.archive("b"));
    let (outboxes, messages, stats) = (json.outboxes("t"), json.messages("t", "u"), json.stats("t"));
    let wake_ups = json.wake_ups(&queue, &queue);
    let (endpoint, event) = ("* ep_1".parse::<EndpointKey>().unwrap(), memory::event(&demo, 1).id);
    let (notes, hour) = (OutboxNotes::default(), HourStats::default());
    let outbox_lease = outbound::Lease {
        nonce: "us".to_owned(),
        until: noon(),
    };
    let (entry, message) = (entry(1, noon()), (demo.clone(), event.clone()));
    let records = [1, 2].map(|n| {
        (
            memory::event(&demo, n).id,
            MessageRecord::new(demo.clone(), None, noon()),
        )
    });
    let (light_ledger, light_tally, light_queue) = (direct.ledger("t"), direct.tally("t"), direct.event_queue(&queue));
    let (light_secret, light_bodies) = (direct.secret(&kept_secret), direct.bodies("bucket"));
    let mut failures = failures! {
        "ledger.claim" => ledger.claim(&key, &claim),
        "ledger.release" => ledger.release(&key, "us"),
        "ledger.complete" => ledger.complete(&parked, noon()),
        "ledger.note" => ledger.note(&key, &problem),
        "records.find" => Records::find(&ledger, &key),
        "records.search" => ledger.search(&key.id, None),
        "entities.advance" => entities.advance(&entity, version(1), ObservedFields::default()),
        "entities.bury" => entities.tombstone(&entity, noon()),
        "entities.retire" => entities.retire(&entity, version(1), noon()),
        "entities.page" => Entities::page(&entities, &demo, None, 1),
        "entries.find" => entities.find(std::slice::from_ref(&entity)),
        "stores.find" => Stores::find(&stores, &demo),
        "stores.record" => stores.record(&demo, &update),
        "stores.disable" => stores.disable(&demo, noon()),
        "stores.begin_epoch" => stores.begin_epoch(&demo, noon()),
        "stores.redact" => stores.redact(&demo, noon(), noon()),
        "stores.page" => StoreList::page(&stores, None),
        "tally.add" => stores.add(&demo, &update),
        "checkpoints.find" => Checkpoints::find(&stores, &demo),
        "checkpoints.keep" => Checkpoints::keep(&stores, &demo, &checkpoint),
        "checkpoints.forget" => Checkpoints::forget(&stores, &demo),
        "activity.keep" => activity.keep(&demo, std::slice::from_ref(&batch), 1),
        "activity.reached" => activity.reached(&demo),
        "activity.latest" => activity.latest(&demo, None, 1),
        "activity.forget" => activity.forget(&demo),
        "watchers.add" => watchers.add(&watcher),
        "watchers.change" => watchers.change(&watcher, &watcher),
        "watchers.find" => Watchers::find(&watchers, "c"),
        "watchers.of_store" => watchers.of_store(&demo),
        "watchers.of_stores" => watchers.of_stores(std::slice::from_ref(&demo)),
        "watchers.of_principal" => watchers.of_principal("tok_1"),
        "watchers.remove" => watchers.remove("c"),
        "push.push" => push.push("c", "x"),
        "push.close" => push.close("c"),
        "connections.find" => Connections::find(&connections, &demo),
        "connections.put" => Connections::put(&connections, &demo, vec![1], None),
        "connections.lease" => connections.lease(&demo, 1, &lease, noon()),
        "connections.renew" => connections.renew(&demo, "us", vec![1], None),
        "connections.remove" => connections.remove(&demo),
        "vault.seal" => vault.seal(&demo, b"x"),
        "vault.open" => vault.open(&demo, b"x"),
        "audit.keep" => Audit::keep(&audit, &record),
        "audit.of" => audit.of(&demo),
        "tokens.find" => Tokens::find(&access, &token.id),
        "tokens.list" => access.list(),
        "tokens.put" => Tokens::put(&access, &token),
        "tokens.revoke" => access.revoke(&token.id, noon()),
        "tickets.issue" => access.issue(&ticket),
        "tickets.spend" => access.spend(&ticket.key, noon()),
        "queue.send" => events.send(&demo, "x".to_owned()),
        "queue.waiting" => events.waiting(),
        "jobs.send" => jobs.send(&job, SignedDuration::ZERO),
        "outboxes.acquire" => outboxes.acquire(&endpoint, &outbox_lease, noon()),
        "outboxes.release" => outboxes.release(&endpoint, "us", &notes, noon()),
        "outboxes.schedule" => outboxes.schedule(&endpoint, "us", None),
        "outboxes.page" => outboxes.page(&endpoint, 1),
        "outboxes.add" => outboxes.add(&endpoint, std::slice::from_ref(&entry)),
        "outboxes.remove" => outboxes.remove(&endpoint, std::slice::from_ref(&entry.key)),
        "outboxes.overdue" => outboxes.overdue(noon()),
        "outboxes.count" => outboxes.count(&endpoint, 1),
        "outboxes.list" => outboxes.list(&endpoint, None, 1),
        "messages.find" => messages.find(&endpoint, std::slice::from_ref(&message)),
        "messages.find_one" => messages.find_one(&endpoint, &event),
        "messages.list" => messages.list(&endpoint, &MessageFilter::default(), 1),
        "messages.put" => async { messages.put(&endpoint, &records[..1]).await.remove(0) },
        "messages.put (several)" => async { messages.put(&endpoint, &records).await.remove(1) },
        "stats.put" => stats.put(&endpoint, &hour),
        "stats.since" => stats.since(&endpoint, noon()),
        "wake_ups.send" => wake_ups.send(&endpoint, Pool::Fast, Duration::ZERO),
        "dead_letters.backlog" => letters.backlog(),
        "dead_letters.receive" => letters.receive(1, Duration::from_secs(1)),
        "dead_letters.give_back" => letters.give_back(&letter),
        "dead_letters.remove" => letters.remove(&letter),
        "queues.depths" => queues.depths(),
        "secret.read" => secret.read(),
        "bodies.put" => bodies.put(&body, vec![1]),
        "bodies.get" => bodies.get(&body),
        "bodies.delete" => bodies.delete(&body),
        "bodies.erase" => bodies.erase(&demo, noon(), None),
        "archive.keep" => archive.keep(&demo, noon(), &["x".to_owned()]),
        "archive.objects" => archive.objects(&demo, noon(), Timestamp::now()),
        "archive.erase" => archive.erase(&demo, noon(), None),
        "index.apply" => index.apply(std::slice::from_ref(&put)),
        "index.search" => async { index.search(&query).await.map_err(unavailable) },
        "direct: ledger.claim" => light_ledger.claim(&key, &claim),
        "direct: ledger.release" => light_ledger.release(&key, "us"),
        "direct: tally.add" => light_tally.add(&demo, &update),
        "direct: queue.send" => light_queue.send(&demo, "x".to_owned()),
        "direct: secret.read" => light_secret.read(),
        "direct: bodies.put" => light_bodies.put(&body, vec![1]),
    };
    let several = entities.advance_all(&[advance]).await.remove(0).err();
    failures.push(("entities.advance_all", several));
    let several = ledger.complete_all(&[settled], noon()).await.remove(0).err();
    failures.push(("ledger.complete_all", several));
    failures
}

/// Asserts that every operation failed with this class and one of these codes, of which each kind of service may have
/// its own.
fn all_are(failures: Vec<Failed>, cause: Cause, codes: &[&str]) {
    assert!(failures.len() > 70);
    for (name, failure) in failures {
        let failure = failure.unwrap_or_else(|| panic!("{name} did not fail"));
        assert_eq!(failure.cause, cause, "{name}: {}", chain(&failure));
        // A HEAD request checks whether the index exists, and its response has no body with a code.
        let known = failure.code().map_or(codes.is_empty(), |code| {
            codes.contains(&code) || (name == "index.apply" && code == "unnamed")
        });
        assert!(known, "{name}: {failure}");
        // Texts for people contain only the port, the class and the code.
        let text = failure.to_string();
        assert!(!text.contains("arn:") && text.len() < 100, "{name}: {text}");
    }
}

/// Failures against services that give these responses to every request: a JSON and an XML code with the status of
/// both, and the index's.
async fn answered(json: (u16, &str), xml: (u16, &str), index: (u16, &str)) -> Vec<Failed> {
    let body = format!(
        r#"{{"__type":"com.amazonaws.x#{}","message":"arn:aws:iam::1:role/x"}}"#,
        json.1
    );
    let json = FixedServer::start(json.0, &body).await;
    let body = format!(
        "<Error><Code>{}</Code><Message>arn:aws:iam::1:role/x</Message></Error>",
        xml.1
    );
    let xml = FixedServer::start(xml.0, &body).await;
    let body = format!(
        r#"{{"error":{{"type":"{}","reason":"arn:aws:iam::1:role/x"}},"status":{}}}"#,
        index.1, index.0
    );
    let index = FixedServer::start(index.0, &body).await;
    failures(&Services {
        json: json.url(),
        xml: xml.url(),
        index: index.url(),
    })
    .await
}

#[tokio::test]
async fn rejected_access_is_denied() {
    let failures = answered(
        (400, "AccessDeniedException"),
        (403, "AccessDenied"),
        (403, "security_exception"),
    );
    all_are(
        failures.await,
        Cause::Denied,
        &["AccessDeniedException", "AccessDenied", "security_exception"],
    );
}

#[tokio::test]
async fn expired_credentials_are_denied() {
    let failures = answered((400, "ExpiredTokenException"), (400, "ExpiredToken"), (401, "unnamed"));
    all_are(
        failures.await,
        Cause::Denied,
        &["ExpiredTokenException", "ExpiredToken", "unnamed"],
    );
}

#[tokio::test]
async fn too_many_requests_are_throttled() {
    let failures = answered(
        (400, "ProvisionedThroughputExceededException"),
        (503, "SlowDown"),
        (429, "rejected_execution_exception"),
    );
    let codes = [
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "rejected_execution_exception",
    ];
    all_are(failures.await, Cause::Throttled, &codes);
    let failures = answered((400, "ThrottlingException"), (503, "SlowDown"), (429, "x")).await;
    all_are(failures, Cause::Throttled, &["ThrottlingException", "SlowDown", "x"]);
}

#[tokio::test]
async fn unknown_resource_is_missing() {
    let failures = answered(
        (400, "ResourceNotFoundException"),
        (404, "NoSuchBucket"),
        (404, "index_not_found_exception"),
    )
    .await;
    let (of_index, others): (Vec<_>, Vec<_>) = failures.into_iter().partition(|(name, _)| name.starts_with("index."));
    all_are(others, Cause::Missing, &["ResourceNotFoundException", "NoSuchBucket"]);
    // Without an index, a search finds nothing, and a write creates the index.
    for (name, failure) in of_index {
        let cause = failure.map(|failure| failure.cause);
        let expected = (name == "index.apply").then_some(Cause::Missing);
        assert_eq!(cause, expected, "{name}");
    }
    let failures = answered((400, "QueueDoesNotExist"), (404, "NoSuchBucket"), (404, "x")).await;
    let of_queues = failures.into_iter().filter(|(name, _)| name.contains("queue"));
    for (name, failure) in of_queues {
        assert_eq!(failure.unwrap().cause, Cause::Missing, "{name}");
    }
}

#[tokio::test]
async fn missing_response_is_a_timeout() {
    let (_listener, url) = silent().await;
    let services = Services {
        json: &url,
        xml: &url,
        index: &url,
    };
    all_are(failures(&services).await, Cause::Timeout, &[]);
}

#[tokio::test]
async fn closed_port_is_unreachable() {
    let (listener, url) = silent().await;
    drop(listener);
    let services = Services {
        json: &url,
        xml: &url,
        index: &url,
    };
    all_are(failures(&services).await, Cause::Unreachable, &[]);
}

/// Responds that the index exists, then that one change of a batch was rejected.
#[tokio::test]
async fn change_that_the_index_rejects_reports_it() {
    for (status, kind, expected) in [
        (403, "security_exception", Cause::Denied),
        (429, "rejected_execution_exception", Cause::Throttled),
        (404, "index_not_found_exception", Cause::Missing),
        (503, "unavailable_shards_exception", Cause::Other),
        (403, "cluster_block_exception", Cause::Other),
    ] {
        let body =
            format!(r#"{{"errors":true,"items":[{{"index":{{"status":{status},"error":{{"type":"{kind}"}}}}}}]}}"#);
        let server = FixedServer::start(200, &body).await;
        let aws = Aws::with_config(sdk_config(server.url()).await, Timeouts::Interactive);
        let config = OpenSearchConfig::new(server.url(), "hookline", Some("none")).unwrap();
        let entity = product(&store("demo.myshopify.com"), "1");
        let put = IndexChange::Put {
            entity: entity.clone(),
            version: version(1),
            document: Box::new(document(&entity, "x", "")),
        };
        let outcomes = aws.index(&config).unwrap().apply(&[put]).await.unwrap();
        let reason = kind.to_owned();
        assert_eq!(
            outcomes,
            [IndexOutcome::Failed {
                cause: expected,
                reason
            }]
        );
    }
}
