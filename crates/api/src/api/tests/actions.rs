//! What function `actions` does.

use hookline_domain::{
    catalogue::jobs::Task,
    delivery::{
        Delivery,
        archive::Archive,
        envelope::{self, Packed},
        failed::{FailedDeliveries, FailedDelivery},
        ledger::{ClaimRequest, Claims, Fate, Ledger, Problem, Records},
        receive::Receive,
        replay::{Replay, original_of},
    },
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryKey, StoreKey},
        port::Clock,
    },
    memory::{MemoryArchive, MemoryBodies, MemoryDeadLetters, MemoryJobs, MemoryLedger, MemoryQueue, MemoryStores},
    store::stores::{StoreUpdate, Stores},
};
use jiff::SignedDuration;

use super::*;
use crate::{
    api::{ActionsApi, ActionsPorts},
    testing::{Noon, STORE},
};
use hookline_lambda::{clock::Sleep, serve::Http};

const ROUTES: [&str; 6] = [
    "POST /api/stores/{store}/replay",
    "POST /api/stores/{store}/redrive",
    "POST /api/stores/{store}/try-now",
    "POST /api/stores/{store}/dismiss",
    "POST /api/stores/{store}/resync",
    "POST /api/stores/{store}/reconcile",
];
const WHICH: &str = r#"{"topic": "products/update", "id": "a"}"#;

type Api = ActionsApi<
    MemoryStores,
    MemoryJobs,
    MemoryDeadLetters,
    MemoryArchive,
    MemoryLedger,
    MemoryQueue,
    MemoryBodies,
    Noon,
    Sleep,
>;

struct World {
    api: Api,
    stores: MemoryStores,
    jobs: MemoryJobs,
    dead_letters: MemoryDeadLetters,
    archive: MemoryArchive,
    ledger: MemoryLedger,
    queue: MemoryQueue,
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
        event_id: None,
        api_version: "2026-07".to_owned(),
        triggered_at: None,
        received_at: Noon.now(),
        body: b"{\"id\": 1}".to_vec(),
    }
}

fn packed(delivery: &Delivery) -> String {
    match envelope::pack(delivery, usize::MAX) {
        Packed::Message(message) => message,
        Packed::Large { .. } => unreachable!(),
    }
}

async fn world_with(with_archive: bool) -> World {
    let (stores, ledger, queue) = (MemoryStores::default(), MemoryLedger::default(), MemoryQueue::default());
    let (jobs, dead_letters, archive) = (
        MemoryJobs::default(),
        MemoryDeadLetters::default(),
        MemoryArchive::default(),
    );
    for store in [STORE, "other.myshopify.com"] {
        stores.record(&key(store), &StoreUpdate::default()).await.unwrap();
    }
    let ports = ActionsPorts {
        stores: stores.clone(),
        jobs: jobs.clone(),
        dead_letters: dead_letters.clone(),
        replay: Replay {
            archive: with_archive.then(|| archive.clone()),
            receive: Receive {
                ledger: ledger.clone(),
                queue: queue.clone(),
                bodies: Some(MemoryBodies::default()),
                clock: Noon,
            },
        },
        pause: Sleep,
    };
    World {
        api: ActionsApi::new(ports),
        stores,
        jobs,
        dead_letters,
        archive,
        ledger,
        queue,
    }
}

impl World {
    async fn ask(&self, route: &str, body: &str, who: Option<&Principal>) -> (u16, Value) {
        let response = self.api.answer(asked(route, &[("store", STORE)], &[], body, who)).await;
        (response.status().as_u16(), value(&response))
    }

    /// By an admin of the store.
    async fn act(&self, route: &str, body: &str) -> (u16, Value) {
        self.ask(route, body, Some(&of(STORE, Role::Admin))).await
    }

    /// A delivery with this fate, if it has one, kept if it is to be.
    async fn settled(&self, fate: Option<Fate>, kept: bool) {
        let delivery = delivery(STORE, "a");
        self.ledger.claim(&delivery.key, &claim()).await.unwrap();
        if let Some(fate) = fate {
            self.ledger
                .complete(&delivery.key, fate, None, Noon.now())
                .await
                .unwrap();
        }
        if kept {
            self.archive
                .keep(&delivery.key.store, Noon.now(), &[packed(&delivery)])
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn only_an_admin_of_the_store_does_anything() {
    let world = world_with(true).await;
    world.settled(Some(Fate::Applied), true).await;
    world.dead_letters.put(packed(&delivery(STORE, "b")));
    let connected = StoreUpdate {
        connected: Some(true),
        ..StoreUpdate::default()
    };
    world.stores.record(&key(STORE), &connected).await.unwrap();
    for route in ROUTES {
        let one = ["replay", "try-now", "dismiss"]
            .iter()
            .any(|action| route.ends_with(action));
        let body = if one { WHICH } else { "{}" };
        assert_eq!(world.ask(route, body, None).await.0, 401, "{route}");
        let viewers = [anybody(), of(STORE, Role::Viewer)];
        for viewer in &viewers {
            assert_eq!(world.ask(route, body, Some(viewer)).await.0, 403, "{route}");
        }
        for role in [Role::Viewer, Role::Admin] {
            let elsewhere = of("other.myshopify.com", role);
            assert_eq!(world.ask(route, body, Some(&elsewhere)).await.0, 404, "{route}");
        }
    }
    assert_eq!(world.queue.take(), Vec::<String>::new());
    assert_eq!(world.jobs.take(), []);
    assert_eq!(world.dead_letters.texts().len(), 1);
    let admin = of(STORE, Role::Admin);
    assert_eq!(
        world.ask("POST /api/stores/{store}/close", "{}", Some(&admin)).await.0,
        404
    );
}

#[tokio::test]
async fn a_delivery_is_applied_again_under_an_id_of_its_own() {
    let world = world_with(true).await;
    world.settled(Some(Fate::Applied), true).await;
    let (status, told) = world.act(ROUTES[0], WHICH).await;
    assert_eq!(status, 202, "{told}");
    let sent = envelope::decode(&world.queue.take()[0]).unwrap();
    assert_eq!(
        (sent.body, original_of(&sent.key.id)),
        (delivery(STORE, "a").body, Some("a"))
    );
    assert_eq!(told["replay_id"], sent.key.id.as_str());
    assert!(world.ledger.find(&sent.key).await.unwrap().is_some(), "it is claimed");
    // A replay of the replay is one of the original.
    let again = json!({"topic": "products/update", "id": told["replay_id"]}).to_string();
    assert_eq!(world.act(ROUTES[0], &again).await.0, 202);
    let sent = envelope::decode(&world.queue.take()[0]).unwrap();
    assert_eq!(original_of(&sent.key.id), Some("a"));
}

#[tokio::test]
async fn what_cannot_be_replayed_says_why() {
    let cases = [
        (true, None, false, 409, "not been settled"),
        (true, Some(Fate::Parked), true, 409, "nothing of it waits"),
        (true, Some(Fate::Noted), false, 409, "not in the archive"),
        (false, Some(Fate::Applied), true, 409, "ArchiveDays"),
    ];
    for (with_archive, fate, kept, code, said) in cases {
        let world = world_with(with_archive).await;
        world.settled(fate, kept).await;
        let (status, told) = world.act(ROUTES[0], WHICH).await;
        assert!(
            status == code && told["error"].as_str().unwrap().contains(said),
            "{told}"
        );
        assert_eq!(world.queue.take(), Vec::<String>::new());
    }
    let (status, told) = world_with(true).await.act(ROUTES[0], WHICH).await;
    assert!(
        status == 404 && told["error"].as_str().unwrap().contains("7 days"),
        "{told}"
    );
}

#[tokio::test]
async fn the_stores_dead_letters_go_back_and_no_others() {
    let world = world_with(true).await;
    for (store, id) in [(STORE, "a"), ("other.myshopify.com", "b"), (STORE, "c")] {
        world.dead_letters.put(packed(&delivery(store, id)));
    }
    let (status, told) = world.act(ROUTES[1], "").await;
    assert_eq!((status, &told["moved"], &told["left"]), (200, &json!(2), &json!(0)));
    assert_eq!(told["message"], "2 dead letters went back to the queue.");
    let expected = ["a", "c"].map(|id| packed(&delivery(STORE, id)));
    assert_eq!(world.queue.take(), expected);
    assert_eq!(
        world.dead_letters.texts(),
        [packed(&delivery("other.myshopify.com", "b"))]
    );
}

#[tokio::test]
async fn one_request_moves_a_hundred_letters() {
    let world = world_with(true).await;
    for n in 0..103 {
        world.dead_letters.put(packed(&delivery(STORE, &n.to_string())));
    }
    let (_, told) = world.act(ROUTES[1], "{}").await;
    assert_eq!((&told["moved"], &told["more"]), (&json!(100), &json!(true)));
    let (_, told) = world.act(ROUTES[1], "{}").await;
    assert_eq!(
        (&told["moved"], &told["left"], &told["more"]),
        (&json!(3), &json!(0), &json!(false))
    );
}

#[tokio::test]
async fn a_run_begins_where_there_is_a_token() {
    let world = world_with(true).await;
    for (route, resync) in [(ROUTES[4], true), (ROUTES[5], false)] {
        let connected = |connected| StoreUpdate {
            connected: Some(connected),
            ..StoreUpdate::default()
        };
        world.stores.record(&key(STORE), &connected(false)).await.unwrap();
        let (status, told) = world.act(route, "{}").await;
        assert!(
            status == 409 && told["error"].as_str().unwrap().contains("store add"),
            "{told}"
        );
        world.stores.record(&key(STORE), &connected(true)).await.unwrap();
        assert_eq!(world.act(route, "{}").await, (202, json!({})));
        let sent = world.jobs.take();
        assert_eq!(sent[0].0.store, key(STORE));
        assert_eq!(matches!(sent[0].0.task, Task::Resync { .. }), resync);
        assert_eq!(matches!(sent[0].0.task, Task::Reconcile { .. }), !resync);
    }
}

#[tokio::test]
async fn a_body_that_says_something_else_is_refused() {
    let world = world_with(true).await;
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
        let (status, told) = world.act(route, body).await;
        assert!(status == 400 && told["error"].is_string(), "{route} {body}: {told}");
    }
}

/// A claim whose lease is over.
fn claim() -> ClaimRequest {
    ClaimRequest {
        owner: "me".into(),
        now: Noon.now(),
        lease_until: Noon.now(),
        expires_at: Noon.now() + SignedDuration::from_hours(1),
        event_id: None,
    }
}

/// A failed delivery of the store, with its entry in the ledger, tried so many seconds before noon.
async fn failed(world: &World, id: &str, seconds: i64) -> FailedDelivery {
    let delivery = delivery(STORE, id);
    world.ledger.claim(&delivery.key, &claim()).await.unwrap();
    let at = Noon.now() - SignedDuration::from_secs(seconds);
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
    world.stores.remember(&failed).await.unwrap();
    failed
}

#[tokio::test]
async fn redrive_and_replay_say_when_the_queue_tries_next() {
    let world = world_with(true).await;
    failed(&world, "a", 60).await;
    let (status, told) = world.act(ROUTES[1], "{}").await;
    assert_eq!((status, &told["moved"], &told["retrying"]), (200, &json!(0), &json!(1)));
    let said = told["message"].as_str().unwrap();
    let waits = "next try about 12:02 UTC, dead letter about 12:23 UTC. Nothing to do until then.";
    assert!(
        said.starts_with("There was no dead letter to move.") && said.contains(waits),
        "{said}"
    );
    let (status, told) = world.act(ROUTES[0], WHICH).await;
    assert!(
        status == 409 && told["error"].as_str().unwrap().contains(waits),
        "{told}"
    );
}

#[tokio::test]
async fn one_dead_letter_is_redriven_by_its_name() {
    let world = world_with(true).await;
    for id in ["a", "b"] {
        failed(&world, id, 3600).await;
        world.dead_letters.put(packed(&delivery(STORE, id)));
    }
    let (status, told) = world.act(ROUTES[2], WHICH).await;
    assert_eq!((status, &told["moved"], &told["left"]), (200, &json!(1), &json!(0)));
    assert_eq!(world.queue.take(), [packed(&delivery(STORE, "a"))]);
    let failures = world.stores.failures(&key(STORE)).await.unwrap().deliveries;
    let redriven: Vec<bool> = failures.iter().map(|failed| failed.redriven_at.is_some()).collect();
    assert_eq!(redriven, [true, false]);
}

#[tokio::test]
async fn what_is_dismissed_is_gone_for_good() {
    let world = world_with(true).await;
    let dead = failed(&world, "a", 3600).await;
    for (store, id) in [(STORE, "a"), ("other.myshopify.com", "a")] {
        world.dead_letters.put(packed(&delivery(store, id)));
    }
    let (status, told) = world.act(ROUTES[3], WHICH).await;
    assert_eq!(
        (status, &told["message"]),
        (200, &json!("Dismissed. Its dead letter is removed."))
    );
    assert_eq!(
        world.dead_letters.texts(),
        [packed(&delivery("other.myshopify.com", "a"))]
    );
    assert_eq!(world.stores.failed(&dead.delivery).await.unwrap(), None);
    assert_eq!(world.ledger.fate(&dead.delivery), Some(Fate::Dismissed));
    // What has not failed cannot be dismissed, nor tried.
    for route in [ROUTES[2], ROUTES[3]] {
        let (status, told) = world.act(route, WHICH).await;
        assert!(
            status == 409 && told["error"].as_str().unwrap().contains("dismissed"),
            "{told}"
        );
    }
}
