//! Tests of function `actions`.

mod endpoints;
mod listening;
mod publish;

use hookline_domain::{
    catalogue::jobs::Task,
    delivery::{
        Delivery,
        archive::Archive,
        envelope::{self, Packed},
        failed::{FailedDeliveries, FailedDelivery},
        ledger::{ClaimRequest, Claims, DeliveryCompletion, Fate, Ledger, Problem, Records},
        receive::Receive,
        replay::{Replay, original_of},
    },
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryKey, StoreKey},
    },
    memory::{
        InMemory, MemoryArchive, MemoryBodies, MemoryDeadLetters, MemoryEndpointVault, MemoryEntities, MemoryFanOut,
        MemoryJobs, MemoryLedger, MemoryQueue, MemoryStores, SetClock,
    },
    store::stores::{StoreUpdate, Stores},
};
use jiff::SignedDuration;

use super::*;
use crate::{
    api::{ActionAdapters, ActionPorts, ActionsApi},
    testing::{STORE, noon},
};
use hookline_lambda::{clock::Sleep, serve::Http};

const ROUTES: [&str; 9] = [
    "POST /api/stores/{store}/replay",
    "POST /api/stores/{store}/redrive",
    "POST /api/stores/{store}/try-now",
    "POST /api/stores/{store}/dismiss",
    "POST /api/stores/{store}/resync",
    "POST /api/stores/{store}/reconcile",
    "POST /api/stores/{store}/events",
    "POST /api/stores/{store}/listen",
    "DELETE /api/stores/{store}/listen/{session}",
];
const DELIVERY_BODY: &str = r#"{"topic": "products/update", "id": "a"}"#;

impl ActionPorts for InMemory {
    type Stores = MemoryStores;
    type Jobs = MemoryJobs;
    type DeadLetters = MemoryDeadLetters;
    type Entities = MemoryEntities;
    type FanOut = MemoryFanOut;
    type Pause = Sleep;
    type Webhooks = InMemory<SetClock>;
    type Vault = MemoryEndpointVault;
}

struct ActionsFixture {
    api: ActionsApi<InMemory>,
    stores: MemoryStores,
    jobs: MemoryJobs,
    dead_letters: MemoryDeadLetters,
    archive: MemoryArchive,
    ledger: MemoryLedger,
    queue: MemoryQueue,
    fan_out: MemoryFanOut,
}

fn key(store: &str) -> StoreKey {
    format!("shopify#{store}").parse().unwrap()
}

fn delivery(store: &str, id: &str) -> Delivery {
    Delivery {
        key: DeliveryKey {
            store: key(store),
            topic: "products/update".parse().unwrap(),
            id: id.parse().unwrap(),
        },
        endpoint: None,
        event_id: None,
        api_version: "2026-07".to_owned(),
        triggered_at: None,
        received_at: noon(),
        body: b"{\"id\": 1}".to_vec(),
    }
}

fn packed(delivery: &Delivery) -> String {
    match envelope::pack(delivery, usize::MAX) {
        Packed::Message(message) => message,
        Packed::Large { .. } => unreachable!(),
    }
}

async fn fixture_with(with_archive: bool) -> ActionsFixture {
    let (stores, ledger, queue) = (MemoryStores::default(), MemoryLedger::default(), MemoryQueue::default());
    let fan_out = MemoryFanOut::default();
    let (jobs, dead_letters, archive) = (
        MemoryJobs::default(),
        MemoryDeadLetters::default(),
        MemoryArchive::default(),
    );
    for store in [STORE, "other.myshopify.com"] {
        stores.record(&key(store), &StoreUpdate::default()).await.unwrap();
    }
    let adapters = ActionAdapters {
        stores: stores.clone(),
        jobs: jobs.clone(),
        dead_letters: dead_letters.clone(),
        replay: Replay {
            archive: with_archive.then(|| archive.clone()),
            receive: Receive {
                ledger: ledger.clone(),
                queue: queue.clone(),
                bodies: Some(MemoryBodies::default()),
                clock: noon(),
            },
        },
        publish: Some((MemoryEntities::default(), fan_out.clone())),
        pause: Sleep,
        endpoints: None,
    };
    ActionsFixture {
        api: ActionsApi::new(adapters),
        stores,
        jobs,
        dead_letters,
        archive,
        ledger,
        queue,
        fan_out,
    }
}

impl ActionsFixture {
    async fn request(&self, route: &str, body: &str, principal: Option<&Principal>) -> (u16, Value) {
        let response = self
            .api
            .answer(request_for(route, &[("store", STORE)], &[], body, principal))
            .await;
        (response.status().as_u16(), value(&response))
    }

    /// Sends a request by an admin of the store.
    async fn act(&self, route: &str, body: &str) -> (u16, Value) {
        self.request(route, body, Some(&principal_of(STORE, Role::Admin))).await
    }

    /// Adds a claimed delivery; completed, if there is a fate, and archived, if requested.
    async fn settled(&self, fate: Option<Fate>, archived: bool) {
        let delivery = delivery(STORE, "a");
        self.ledger.claim(&delivery.key, &claim()).await.unwrap();
        if let Some(fate) = fate {
            self.ledger
                .complete(&DeliveryCompletion::new(&delivery.key, fate), noon())
                .await
                .unwrap();
        }
        if archived {
            self.archive
                .keep(&delivery.key.store, noon(), &[packed(&delivery)])
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn only_an_admin_of_the_store_may_act() {
    let fixture = fixture_with(true).await;
    fixture.settled(Some(Fate::Applied), true).await;
    fixture.dead_letters.put(packed(&delivery(STORE, "b")));
    let connected = StoreUpdate {
        connected: Some(true),
        ..StoreUpdate::default()
    };
    fixture.stores.record(&key(STORE), &connected).await.unwrap();
    for route in ROUTES {
        let one = ["replay", "try-now", "dismiss"]
            .iter()
            .any(|action| route.ends_with(action));
        let body = if one { DELIVERY_BODY } else { "{}" };
        assert_eq!(fixture.request(route, body, None).await.0, 401, "{route}");
        let viewers = [viewer_of_all(), principal_of(STORE, Role::Viewer)];
        for viewer in &viewers {
            assert_eq!(fixture.request(route, body, Some(viewer)).await.0, 403, "{route}");
        }
        for role in [Role::Viewer, Role::Admin] {
            let other_store = principal_of("other.myshopify.com", role);
            assert_eq!(fixture.request(route, body, Some(&other_store)).await.0, 404, "{route}");
        }
    }
    assert_eq!(fixture.queue.take(), Vec::<String>::new());
    assert_eq!(fixture.jobs.take(), []);
    assert_eq!(fixture.dead_letters.texts().len(), 1);
    let admin = principal_of(STORE, Role::Admin);
    assert_eq!(
        fixture
            .request("POST /api/stores/{store}/close", "{}", Some(&admin))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn replay_sends_a_delivery_with_an_id_of_its_own() {
    let fixture = fixture_with(true).await;
    fixture.settled(Some(Fate::Applied), true).await;
    let (status, response) = fixture.act(ROUTES[0], DELIVERY_BODY).await;
    assert_eq!(status, 202, "{response}");
    let sent = envelope::decode(&fixture.queue.take()[0]).unwrap();
    assert_eq!(
        (sent.body, original_of(&sent.key.id)),
        (delivery(STORE, "a").body, Some("a"))
    );
    assert_eq!(response["replay_id"], sent.key.id.as_str());
    assert!(
        fixture.ledger.find(&sent.key).await.unwrap().is_some(),
        "the replay is claimed"
    );
    // A replay of a replay is a replay of the original.
    let again = json!({"topic": "products/update", "id": response["replay_id"]}).to_string();
    assert_eq!(fixture.act(ROUTES[0], &again).await.0, 202);
    let sent = envelope::decode(&fixture.queue.take()[0]).unwrap();
    assert_eq!(original_of(&sent.key.id), Some("a"));
}

#[tokio::test]
async fn refused_replay_says_why() {
    let cases = [
        (true, None, false, 409, "not been settled"),
        (true, Some(Fate::Parked), true, 409, "no message of it is left"),
        (true, Some(Fate::Noted), false, 409, "not in the archive"),
        (false, Some(Fate::Applied), true, 409, "ArchiveDays"),
    ];
    for (with_archive, fate, archived, code, message) in cases {
        let fixture = fixture_with(with_archive).await;
        fixture.settled(fate, archived).await;
        let (status, response) = fixture.act(ROUTES[0], DELIVERY_BODY).await;
        assert!(
            status == code && response["error"].as_str().unwrap().contains(message),
            "{response}"
        );
        assert_eq!(fixture.queue.take(), Vec::<String>::new());
    }
    let (status, response) = fixture_with(true).await.act(ROUTES[0], DELIVERY_BODY).await;
    assert!(
        status == 404 && response["error"].as_str().unwrap().contains("7 days"),
        "{response}"
    );
}

#[tokio::test]
async fn redrive_moves_dead_letters_of_the_store_and_no_others() {
    let fixture = fixture_with(true).await;
    for (store, id) in [(STORE, "a"), ("other.myshopify.com", "b"), (STORE, "c")] {
        fixture.dead_letters.put(packed(&delivery(store, id)));
    }
    let (status, response) = fixture.act(ROUTES[1], "").await;
    assert_eq!(
        (status, &response["moved"], &response["left"]),
        (200, &json!(2), &json!(0))
    );
    assert_eq!(response["message"], "2 dead letters went back to the queue.");
    let expected = ["a", "c"].map(|id| packed(&delivery(STORE, id)));
    assert_eq!(fixture.queue.take(), expected);
    assert_eq!(
        fixture.dead_letters.texts(),
        [packed(&delivery("other.myshopify.com", "b"))]
    );
}

#[tokio::test]
async fn one_request_redrives_at_most_a_hundred_letters() {
    let fixture = fixture_with(true).await;
    for n in 0..103 {
        fixture.dead_letters.put(packed(&delivery(STORE, &n.to_string())));
    }
    let (_, response) = fixture.act(ROUTES[1], "{}").await;
    assert_eq!((&response["moved"], &response["more"]), (&json!(100), &json!(true)));
    let (_, response) = fixture.act(ROUTES[1], "{}").await;
    assert_eq!(
        (&response["moved"], &response["left"], &response["more"]),
        (&json!(3), &json!(0), &json!(false))
    );
}

#[tokio::test]
async fn run_begins_only_if_the_store_is_connected() {
    let fixture = fixture_with(true).await;
    for (route, resync) in [(ROUTES[4], true), (ROUTES[5], false)] {
        let connected = |connected| StoreUpdate {
            connected: Some(connected),
            ..StoreUpdate::default()
        };
        fixture.stores.record(&key(STORE), &connected(false)).await.unwrap();
        let (status, response) = fixture.act(route, "{}").await;
        assert!(
            status == 409 && response["error"].as_str().unwrap().contains("store add"),
            "{response}"
        );
        fixture.stores.record(&key(STORE), &connected(true)).await.unwrap();
        assert_eq!(fixture.act(route, "{}").await, (202, json!({})));
        let sent = fixture.jobs.take();
        assert_eq!(sent[0].0.store, key(STORE));
        assert_eq!(matches!(sent[0].0.task, Task::Resync { .. }), resync);
        assert_eq!(matches!(sent[0].0.task, Task::Reconcile { .. }), !resync);
    }
}

#[tokio::test]
async fn unexpected_body_is_refused() {
    let fixture = fixture_with(true).await;
    let long = format!(r#"{{"topic": "products/update", "id": "{}"}}"#, "a".repeat(5000));
    let cases = [
        (ROUTES[0], ""),
        (ROUTES[0], "{}"),
        (ROUTES[0], "[]"),
        (ROUTES[0], r#"{"topic": "products/update", "id": "a", "store": "b"}"#),
        (ROUTES[0], r#"{"topic": "products/update", "id": ""}"#),
        (ROUTES[0], r#"{"topic": "", "id": "a"}"#),
        (ROUTES[0], &long),
        (ROUTES[1], "{"),
        (ROUTES[1], r#"{"store": "other.myshopify.com"}"#),
        (ROUTES[2], "{}"),
        (ROUTES[3], "{}"),
        (ROUTES[4], "7"),
        (ROUTES[5], "null"),
    ];
    for (route, body) in cases {
        let (status, response) = fixture.act(route, body).await;
        assert!(
            status == 400 && response["error"].is_string(),
            "{route} {body}: {response}"
        );
    }
}

/// A claim whose lease has expired.
fn claim() -> ClaimRequest {
    ClaimRequest {
        owner: "me".into(),
        now: noon(),
        lease_until: noon(),
        expires_at: noon() + SignedDuration::from_hours(1),
        event_id: None,
    }
}

/// Adds a failed delivery of the store, with its entry in the ledger, attempted `seconds` before noon.
async fn failed(fixture: &ActionsFixture, id: &str, seconds: i64) -> FailedDelivery {
    let delivery = delivery(STORE, id);
    fixture.ledger.claim(&delivery.key, &claim()).await.unwrap();
    let at = noon() - SignedDuration::from_secs(seconds);
    let failed = FailedDelivery {
        delivery: delivery.key,
        subject: None,
        problem: Problem {
            at,
            code: ErrorCode::StorageUnavailable,
            cause: None,
            message: "no answer".into(),
        },
        received_at: at,
        tries: 1,
        parked: false,
        redriven_at: None,
        receipt: None,
    };
    fixture.stores.remember(&failed).await.unwrap();
    failed
}

#[tokio::test]
async fn redrive_and_replay_say_when_the_queue_tries_next() {
    let fixture = fixture_with(true).await;
    failed(&fixture, "a", 60).await;
    let (status, response) = fixture.act(ROUTES[1], "{}").await;
    assert_eq!(
        (status, &response["moved"], &response["retrying"]),
        (200, &json!(0), &json!(1))
    );
    let message = response["message"].as_str().unwrap();
    let waits = "next try about 12:02 UTC, dead letter about 12:23 UTC. Nothing to do until then.";
    assert!(
        message.starts_with("There were no dead letters to move.") && message.contains(waits),
        "{message}"
    );
    let (status, response) = fixture.act(ROUTES[0], DELIVERY_BODY).await;
    assert!(
        status == 409 && response["error"].as_str().unwrap().contains(waits),
        "{response}"
    );
}

#[tokio::test]
async fn try_now_redrives_the_dead_letter_of_one_delivery() {
    let fixture = fixture_with(true).await;
    for id in ["a", "b"] {
        failed(&fixture, id, 3600).await;
        fixture.dead_letters.put(packed(&delivery(STORE, id)));
    }
    let (status, response) = fixture.act(ROUTES[2], DELIVERY_BODY).await;
    assert_eq!(
        (status, &response["moved"], &response["left"]),
        (200, &json!(1), &json!(0))
    );
    assert_eq!(fixture.queue.take(), [packed(&delivery(STORE, "a"))]);
    let failures = fixture.stores.failures(&key(STORE)).await.unwrap().deliveries;
    let redriven: Vec<bool> = failures.iter().map(|failed| failed.redriven_at.is_some()).collect();
    assert_eq!(redriven, [true, false]);
}

#[tokio::test]
async fn dismissed_delivery_is_forgotten_and_its_dead_letter_removed() {
    let fixture = fixture_with(true).await;
    let dead = failed(&fixture, "a", 3600).await;
    for (store, id) in [(STORE, "a"), ("other.myshopify.com", "a")] {
        fixture.dead_letters.put(packed(&delivery(store, id)));
    }
    let (status, response) = fixture.act(ROUTES[3], DELIVERY_BODY).await;
    assert_eq!(
        (status, &response["message"]),
        (200, &json!("Dismissed. Its dead letter is removed."))
    );
    assert_eq!(
        fixture.dead_letters.texts(),
        [packed(&delivery("other.myshopify.com", "a"))]
    );
    assert_eq!(fixture.stores.failed(&dead.delivery).await.unwrap(), None);
    assert_eq!(fixture.ledger.fate(&dead.delivery), Some(Fate::Dismissed));
    // A delivery that has not failed can be neither dismissed nor retried.
    for route in [ROUTES[2], ROUTES[3]] {
        let (status, response) = fixture.act(route, DELIVERY_BODY).await;
        assert!(
            status == 409 && response["error"].as_str().unwrap().contains("dismissed"),
            "{response}"
        );
    }
}
