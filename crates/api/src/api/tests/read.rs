//! Tests of function `status`.

mod event_types;
mod events;
mod fixture;

use hookline_domain::{
    delivery::ledger::{ClaimRequest, Claims, DeliveryCompletion, DeliveryEvents, Fate, Ledger},
    kernel::ids::{DeliveryKey, StoreKey},
    live::{Activity, ActivityBatch},
    memory::{
        InMemory, MemoryAccess, MemoryActivity, MemoryDeadLetters, MemoryEndpoints, MemoryEventLog, MemoryLedger,
        MemoryMessages, MemoryOutboxes, MemoryQueue, MemoryStats, MemoryStores, SetClock,
    },
    store::{
        activity::{ActivityEntry, DeliveryOutcome},
        stores::{Counter, RunStage, StoreUpdate, Stores},
    },
};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    api::{About, ReadAdapters, ReadApi, ReadPorts, openapi::DESCRIPTION},
    testing::{STORE, noon},
};
use hookline_lambda::serve::Http;

/// All routes except the public one.
const ROUTES: [&str; 12] = [
    "GET /api/me",
    "GET /api/event-types",
    "GET /api/event-types/{type}",
    "GET /api/stores",
    "GET /api/stores/{store}/status",
    "GET /api/stores/{store}/deliveries",
    "GET /api/stores/{store}/deliveries/{id}",
    "GET /api/stores/{store}/events",
    "GET /api/stores/{store}/events/{id}",
    "GET /api/stores/{store}/events/{id}/why",
    "GET /api/stores/{store}/endpoints",
    "POST /api/live/tickets",
];

impl ReadPorts for InMemory<SetClock> {
    type Stores = MemoryStores;
    type Records = MemoryLedger;
    type Activity = MemoryActivity;
    type Events = MemoryEventLog;
    type Endpoints = MemoryEndpoints;
    type Outboxes = MemoryOutboxes;
    type Messages = MemoryMessages;
    type Stats = MemoryStats;
    type Queues = (MemoryQueue, MemoryDeadLetters);
    type Tickets = MemoryAccess;
    type Clock = SetClock;
}

struct StatusFixture {
    api: ReadApi<InMemory<SetClock>>,
    stores: MemoryStores,
    ledger: MemoryLedger,
    activity: MemoryActivity,
    events: MemoryEventLog,
    dead_letters: MemoryDeadLetters,
    clock: SetClock,
}

fn key(store: &str) -> StoreKey {
    format!("shopify#{store}").parse().unwrap()
}

async fn fixture_of(stores: impl IntoIterator<Item = String>, last_event_at: fn(usize) -> Timestamp) -> StatusFixture {
    let (stores_of, ledger, activity) = (
        MemoryStores::default(),
        MemoryLedger::default(),
        MemoryActivity::default(),
    );
    for (n, store) in stores.into_iter().enumerate() {
        let mut update = StoreUpdate {
            last_event_at: Some(last_event_at(n)),
            ..StoreUpdate::default()
        };
        update.count(noon(), Counter::Duplicate);
        stores_of.record(&key(&store), &update).await.unwrap();
    }
    let clock = SetClock::new(noon());
    let (dead_letters, events) = (MemoryDeadLetters::default(), MemoryEventLog::default());
    let adapters = ReadAdapters {
        stores: stores_of.clone(),
        records: Some(ledger.clone()),
        activity: Some(activity.clone()),
        events: Some(events.clone()),
        endpoints: None,
        queues: Some((MemoryQueue::default(), dead_letters.clone())),
        tickets: Some(MemoryAccess::default()),
        clock: clock.clone(),
    };
    let about = About {
        live_url: Some("wss://live".into()),
        receivers_url: Some("https://hooks.example/shopify".into()),
        events_of: "orders".parse().unwrap(),
        egress_addresses: vec!["198.51.100.7".to_owned()],
    };
    StatusFixture {
        api: ReadApi::new(adapters, about),
        stores: stores_of,
        ledger,
        activity,
        events,
        dead_letters,
        clock,
    }
}

async fn demo_fixture() -> StatusFixture {
    fixture_of([STORE.to_owned(), "other.myshopify.com".to_owned()], |_| noon()).await
}

fn entry(id: &str, outcome: DeliveryOutcome, seconds_ago: i64) -> ActivityEntry {
    let at = noon() - SignedDuration::from_secs(seconds_ago);
    ActivityEntry {
        topic: "products/update".parse().unwrap(),
        id: id.parse().unwrap(),
        event_id: None,
        subject: None,
        triggered_at: None,
        received_at: at,
        at,
        outcome,
        problem: None,
        replay: false,
    }
}

impl StatusFixture {
    async fn request(&self, route: &str, query: &[(&str, &str)], principal: Option<&Principal>) -> (u16, Value) {
        let path = [("store", STORE), ("id", "a"), ("type", "order.created")];
        let response = self.api.answer(request_for(route, &path, query, "", principal)).await;
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status().as_u16(), value(&response))
    }

    async fn list(&self, query: &[(&str, &str)], principal: &Principal) -> Value {
        let (status, body) = self.request("GET /api/stores", query, Some(principal)).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn keep(&self, seq: u64, entries: Vec<ActivityEntry>) {
        let kept = ActivityBatch { seq, entries };
        self.activity.keep(&key(STORE), &[kept], seq).await.unwrap();
    }

    async fn claim(&self) -> DeliveryKey {
        let key = DeliveryKey {
            store: key(STORE),
            topic: "products/update".parse().unwrap(),
            id: "a".parse().unwrap(),
        };
        let request = ClaimRequest {
            owner: "me".into(),
            now: noon(),
            lease_until: noon() + SignedDuration::from_secs(10),
            expires_at: noon() + SignedDuration::from_hours(1),
            event_id: None,
        };
        self.ledger.claim(&key, &request).await.unwrap();
        key
    }
}

fn names(page: &Value) -> Vec<&str> {
    let stores = page["stores"].as_array().unwrap();
    stores.iter().map(|store| store["store"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn only_the_description_is_public() {
    let fixture = demo_fixture().await;
    for route in ROUTES {
        assert_eq!(fixture.request(route, &[], None).await.0, 401, "{route}");
    }
    let (status, described) = fixture.request("GET /api/openapi.json", &[], None).await;
    assert_eq!((status, &described["openapi"]), (200, &json!("3.1.0")));
    assert_eq!(
        fixture
            .request("GET /api/other_store", &[], Some(&viewer_of_all()))
            .await
            .0,
        404
    );
}

#[test]
fn every_route_is_described() {
    let described: Value = serde_json::from_str(DESCRIPTION).unwrap();
    for route in ROUTES {
        let (method, path) = route.split_once(' ').unwrap();
        assert!(described["paths"][path][method.to_lowercase()].is_object(), "{route}");
    }
}

#[test]
fn every_stage_of_a_run_is_described() {
    let described: Value = serde_json::from_str(DESCRIPTION).unwrap();
    let stages = [
        RunStage::Waiting,
        RunStage::Reading,
        RunStage::Deleting,
        RunStage::Done,
        RunStage::Failed,
    ];
    assert_eq!(described["components"]["schemas"]["RunStage"]["enum"], json!(stages));
}

#[tokio::test]
async fn store_out_of_scope_is_as_unknown_as_one_that_does_not_exist() {
    let fixture = demo_fixture().await;
    let other_store = principal_of("other.myshopify.com", Role::Admin);
    let without_store = fixture_of(["other.myshopify.com".to_owned()], |_| noon()).await;
    let topic = [("topic", "products/update")];
    for route in ROUTES.iter().filter(|route| route.contains("{store}")) {
        let body = fixture.request(route, &topic, Some(&other_store)).await;
        assert_eq!(body.0, 404, "{route}");
        assert_eq!(
            body,
            without_store.request(route, &topic, Some(&viewer_of_all())).await,
            "{route}"
        );
    }
    assert_eq!(names(&fixture.list(&[], &other_store).await), ["other.myshopify.com"]);
    let many = (0..30).map(|n| key(&format!("s{n}.myshopify.com"))).chain([key(STORE)]);
    let many = principal(Role::Viewer, Reach::Stores(many.collect()));
    let page = fixture.list(&[], &many).await;
    assert_eq!((names(&page), &page["counts"]["live"]), (vec![STORE], &json!(1)));
}

#[tokio::test]
async fn me_describes_the_principal_and_the_receivers() {
    let fixture = demo_fixture().await;
    let (_, body) = fixture
        .request("GET /api/me", &[], Some(&principal_of(STORE, Role::Admin)))
        .await;
    assert_eq!((&body["role"], &body["stores"]), (&json!("admin"), &json!([STORE])));
    assert_eq!(
        (&body["live_url"], &body["expires_at"]),
        (&json!("wss://live"), &json!("2026-11-21T13:00:00Z"))
    );
    let receivers = body["receivers"].as_array().unwrap();
    let has = |topic: &str| receivers.iter().any(|receiver| receiver["topic"] == topic);
    assert!(
        has("orders/cancelled") && !has("refunds/create"),
        "only wanted families have receivers"
    );
    let update = json!({"topic": "products/update", "url": "https://hooks.example/shopify/products-update"});
    assert!(receivers.contains(&update), "{receivers:?}");
    assert_eq!(body["egress_addresses"], json!(["198.51.100.7"]));
    let (_, body) = fixture.request("GET /api/me", &[], Some(&viewer_of_all())).await;
    assert_eq!(body["stores"], json!(["*"]));
    let (status, ticket) = fixture
        .request("POST /api/live/tickets", &[], Some(&viewer_of_all()))
        .await;
    assert!(status == 201 && ticket["ticket"].is_string());
}

#[tokio::test]
async fn a_thousand_stores_are_paged_filtered_and_counted() {
    let stores = (0..1000).map(|n| format!("store-{n:04}.myshopify.com"));
    // Every fourth store is live.
    let fixture = fixture_of(stores, |n| {
        let ago = if n % 4 == 0 { 1 } else { 31 };
        noon() - SignedDuration::from_mins(ago)
    })
    .await;
    let all = viewer_of_all();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = fixture.list(&[("limit", "150"), ("after", &after)], &all).await;
        assert_eq!(page["counts"], json!({"live": 250, "idle": 750, "attention": 0}));
        seen.extend(names(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen.len(), 1000);
    assert!(seen.is_sorted());
    let page = fixture.list(&[("q", "STORE-099"), ("state", "live")], &all).await;
    assert_eq!(names(&page), ["store-0992.myshopify.com", "store-0996.myshopify.com"]);
    assert_eq!((&page["next"], &page["counts"]["idle"]), (&Value::Null, &json!(750)));
    let page = fixture
        .list(&[("limit", "200"), ("after", "store-0799.myshopify.com")], &all)
        .await;
    assert_eq!(
        (names(&page).len(), &page["next"]),
        (200, &Value::Null),
        "the last page is full"
    );
    for query in [("limit", "0"), ("limit", "201"), ("limit", "x"), ("state", "asleep")] {
        assert_eq!(
            fixture.request("GET /api/stores", &[query], Some(&all)).await.0,
            400,
            "{query:?}"
        );
    }
}

#[tokio::test]
async fn table_is_read_at_most_every_two_seconds_and_not_for_a_few_stores() {
    let fixture = demo_fixture().await;
    let pages = || fixture.stores.page_reads();
    fixture.list(&[], &principal_of(STORE, Role::Viewer)).await;
    assert_eq!(pages(), 0);
    for (advance, read) in [(0, 1), (1999, 1), (1, 2)] {
        fixture.clock.pass(SignedDuration::from_millis(advance));
        fixture.list(&[], &viewer_of_all()).await;
        assert_eq!(pages(), read, "{advance}");
    }
}

#[tokio::test]
async fn status_has_state_counts_lag_and_queues_of_a_store() {
    let fixture = demo_fixture().await;
    fixture.dead_letters.put("x".into());
    // The newest entry of a delivery counts: `b` was parked and has been applied since.
    let first = [
        entry("b", DeliveryOutcome::Parked, 4000),
        entry("c", DeliveryOutcome::Waiting, 1801),
        entry("d", DeliveryOutcome::Waiting, 60),
    ];
    fixture.keep(1, first.to_vec()).await;
    fixture
        .keep(
            2,
            vec![
                entry("e", DeliveryOutcome::Parked, 5),
                entry("b", DeliveryOutcome::Applied, 9),
            ],
        )
        .await;
    let route = "GET /api/stores/{store}/status";
    let (status, body) = fixture.request(route, &[], Some(&viewer_of_all())).await;
    assert_eq!(status, 200);
    assert_eq!((&body["state"], &body["activity"]), (&json!("live"), &json!("live")));
    assert_eq!(
        (&body["enabled"], &body["duplicates_dropped_24h"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        (&body["failed"]["retrying"], &body["failed"]["dead_letters"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(body["lag"]["deliveries"], 1);
    assert_eq!(body["queues"], json!({"waiting": 0, "in_flight": 0, "dead_letters": 1}));
    let update = json!({"topic": "products/update", "url": "https://hooks.example/shopify/products-update"});
    assert!(body["receivers"].as_array().unwrap().contains(&update));
    let (_, body) = fixture
        .request(route, &[], Some(&principal_of(STORE, Role::Admin)))
        .await;
    assert_eq!(body["queues"], Value::Null, "all stores share the queues");
}

#[tokio::test]
async fn deliveries_are_paged_newest_first() {
    let fixture = demo_fixture().await;
    for seq in 1..=5 {
        let two = [format!("{seq}b"), format!("{seq}a")];
        fixture
            .keep(seq, two.map(|id| entry(&id, DeliveryOutcome::Applied, 0)).to_vec())
            .await;
    }
    let route = "GET /api/stores/{store}/deliveries";
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let (_, page) = fixture
            .request(route, &[("limit", "3"), ("before", &before)], Some(&viewer_of_all()))
            .await;
        let deliveries = page["deliveries"].as_array().unwrap();
        seen.extend(deliveries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        match page["next"].as_u64() {
            Some(next) => before = next.to_string(),
            None => break,
        }
    }
    assert_eq!(seen, ["5b", "5a", "4b", "4a", "3b", "3a", "2b", "2a", "1b", "1a"]);
    for query in [("before", "x"), ("before", "-1"), ("limit", "201")] {
        assert_eq!(
            fixture.request(route, &[query], Some(&viewer_of_all())).await.0,
            400,
            "{query:?}"
        );
    }
}

#[tokio::test]
async fn details_of_a_delivery_have_its_state_fate_and_entries() {
    let fixture = demo_fixture().await;
    let (route, topic) = (
        "GET /api/stores/{store}/deliveries/{id}",
        [("topic", "products/update")],
    );
    assert_eq!(fixture.request(route, &topic, Some(&viewer_of_all())).await.0, 404);
    assert_eq!(fixture.request(route, &[], Some(&viewer_of_all())).await.0, 400);
    let key = fixture.claim().await;
    let (_, body) = fixture.request(route, &topic, Some(&viewer_of_all())).await;
    assert_eq!(
        (&body["state"], &body["lease_until"]),
        (&json!("claimed"), &json!("2026-11-21T12:00:10Z"))
    );
    assert!(body["meaning"].as_str().unwrap().contains("has just taken it"));
    fixture
        .ledger
        .complete(&DeliveryCompletion::new(&key, Fate::Superseded), noon())
        .await
        .unwrap();
    let mine = entry("a", DeliveryOutcome::Superseded, 0);
    let other_topic = ActivityEntry {
        topic: "products/delete".parse().unwrap(),
        ..mine.clone()
    };
    fixture
        .keep(1, vec![entry("b", DeliveryOutcome::Applied, 0), mine, other_topic])
        .await;
    let (_, body) = fixture.request(route, &topic, Some(&viewer_of_all())).await;
    assert_eq!((&body["state"], &body["fate"]), (&json!("done"), &json!("superseded")));
    assert_eq!(body["entries"].as_array().unwrap().len(), 1);
    assert!(body["meaning"].as_str().unwrap().contains("a newer state"));
    assert_eq!(body["events"], json!(null));
    fixture.clock.pass(SignedDuration::from_hours(1));
    let (_, body) = fixture.request(route, &topic, Some(&viewer_of_all())).await;
    assert_eq!(body["state"], "expired");
}

#[tokio::test]
async fn details_of_a_delivery_name_its_events() {
    let id = hookline_events::EventId::new(noon(), &["a"]);
    let cases = [
        (
            DeliveryEvents::Published(vec![id.clone()]),
            json!({"outcome": "published", "ids": [id]}),
        ),
        (DeliveryEvents::Quiet, json!({"outcome": "quiet"})),
        (DeliveryEvents::Unwanted, json!({"outcome": "unwanted"})),
        (DeliveryEvents::Deferred, json!({"outcome": "deferred"})),
    ];
    for (events, expected) in cases {
        let fixture = demo_fixture().await;
        let key = fixture.claim().await;
        let settled = DeliveryCompletion {
            events: Some(&events),
            ..DeliveryCompletion::new(&key, Fate::Applied)
        };
        fixture.ledger.complete(&settled, noon()).await.unwrap();
        let route = "GET /api/stores/{store}/deliveries/{id}";
        let topic = [("topic", "products/update")];
        let (_, body) = fixture.request(route, &topic, Some(&viewer_of_all())).await;
        assert_eq!(body["events"], expected);
    }
}

#[tokio::test]
async fn routes_without_configuration_are_501_and_the_status_leaves_parts_out() {
    let fixture = demo_fixture().await;
    let adapters = ReadAdapters::<InMemory<SetClock>> {
        stores: fixture.stores.clone(),
        records: None,
        activity: None,
        events: None,
        endpoints: None,
        queues: None,
        tickets: None,
        clock: fixture.clock.clone(),
    };
    let api = ReadApi::new(adapters, About::default());
    let statuses = ROUTES.map(async |route| {
        let path = [("store", STORE), ("id", "a"), ("type", "order.created")];
        let response = api
            .answer(request_for(
                route,
                &path,
                &[("topic", "a/b")],
                "",
                Some(&viewer_of_all()),
            ))
            .await;
        (response.status().as_u16(), value(&response))
    });
    let mut body = Vec::new();
    for answer in statuses {
        body.push(answer.await);
    }
    let codes: Vec<u16> = body.iter().map(|(status, _)| *status).collect();
    assert_eq!(codes, [200, 200, 200, 200, 200, 501, 501, 501, 501, 501, 501, 501]);
    let status = &body[4].1;
    assert_eq!((&status["lag"], &status["receivers"]), (&Value::Null, &json!([])));
    assert!(body[5].1["error"].as_str().unwrap().contains("ACTIVITY_TABLE"));
    assert!(body[7].1["error"].as_str().unwrap().contains("EVENTS_TABLE"));
}
