//! Privacy requests: what is erased, what is left alone, and what is recorded.

use std::{collections::BTreeSet, sync::Mutex};

use super::*;
use crate::{
    catalogue::entities::Entities,
    consumer::audit::{AuditRecord, Audited},
    delivery::{
        archive::{Archive, Archived},
        bodies::{Attempt, BodyKey, KeepBodies},
    },
    event::Request,
    kernel::version::Version,
    live::{Activity, ActivityBatch},
    memory::{MemoryActivity, MemoryArchive, MemoryAudit, MemoryBodies, MemoryEventLog},
    outbound::{BusVerdict, EventFilter, EventLog, EventRecords, Kept, KeptEvent},
    store::{
        connections::{Connection, Connections, Lease, Leased},
        stores::StoreUpdate,
    },
};
use hookline_events::{EventId, EventType};
use jiff::SignedDuration;

/// Stores that we hold tokens of.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<BTreeSet<StoreKey>>>);

impl Tokens {
    fn are_held(&self, store: &StoreKey) -> bool {
        self.0.lock().unwrap().contains(store)
    }
}

impl Connections for Tokens {
    async fn find(&self, _: &StoreKey) -> Result<Option<Connection>, PortError> {
        unreachable!("who complies does not read tokens")
    }

    async fn put(&self, store: &StoreKey, _: Vec<u8>, _: Option<Timestamp>) -> Result<(), PortError> {
        self.0.lock().unwrap().insert(store.clone());
        Ok(())
    }

    async fn lease(&self, _: &StoreKey, _: u64, _: &Lease, _: Timestamp) -> Result<Leased, PortError> {
        unreachable!("who complies does not renew tokens")
    }

    async fn renew(&self, _: &StoreKey, _: &str, _: Vec<u8>, _: Option<Timestamp>) -> Result<bool, PortError> {
        unreachable!("who complies does not renew tokens")
    }

    async fn remove(&self, store: &StoreKey) -> Result<(), PortError> {
        self.0.lock().unwrap().remove(store);
        Ok(())
    }
}

const DATA_REQUEST: &str = "customers/data_request";
const REDACT: &str = "shop/redact";

/// Two days and a moment after [`T1`] and [`T2`].
const TWO_DAYS_LATER: &str = "2026-11-23T10:00:05Z";

/// A consumer with compliance ports and a store with a product, a token, an archived object, and a left-over body.
pub(super) async fn complying() -> Consumer {
    let mut consumer = consumer();
    consumer.compliance = Some(Compliance {
        audit: MemoryAudit::default(),
        connections: Some(Tokens::default()),
        stores: consumer.apply.stores.clone(),
        archive: Some(MemoryArchive::default()),
        bodies: Some(MemoryBodies::default()),
        activity: Some(MemoryActivity::default()),
        events: Some(MemoryEventLog::default()),
    });
    for name in [STORE, OTHER] {
        let state = delivery(name, UPDATE, "a", T1, &format!("1|{T1}|Kettle|visible"));
        consumer.take(std::slice::from_ref(&state)).await;
        let kept = consumer.compliance.as_ref().unwrap();
        kept.connections
            .as_ref()
            .unwrap()
            .put(&store(name), vec![], None)
            .await
            .unwrap();
        kept.archive
            .as_ref()
            .unwrap()
            .keep(&store(name), at(T1), &["{}".into()])
            .await
            .unwrap();
        let key = BodyKey {
            delivery: state.key,
            attempt: Attempt::new(),
        };
        kept.bodies.as_ref().unwrap().put(&key, vec![1]).await.unwrap();
        let entries = ActivityBatch {
            seq: 1,
            entries: vec![],
        };
        let activity = kept.activity.as_ref().unwrap();
        activity.keep(&store(name), &[entries], 1).await.unwrap();
        let events = kept.events.as_ref().unwrap();
        assert!(matches!(events.keep(&[event(name, T1)]).await[..], [Ok(Kept::New)]));
        let status = StoreUpdate {
            connected: Some(true),
            currency: Some("EUR".into()),
            ..StoreUpdate::default()
        };
        consumer.apply.stores.record(&store(name), &status).await.unwrap();
    }
    consumer
}

/// An event of a store that is kept.
fn event(name: &str, time: &str) -> KeptEvent {
    KeptEvent {
        store: store(name),
        id: EventId::new(at(time), &[name]),
        kind: EventType::PRODUCT_UPDATED,
        subject: "product#1".parse().unwrap(),
        cause: None,
        at: at(time),
        accepted_at: at(time),
        expires_at: at(time),
        json: "{}".into(),
        verdicts: crate::outbound::Verdicts::new(),
        bus: BusVerdict::Off,
        bus_error: None,
    }
}

/// Counts of what is stored of a store: documents, entities, tokens, archived objects, bodies, activity, events.
async fn stored_data(consumer: &Consumer, name: &str) -> [usize; 7] {
    let kept = consumer.compliance.as_ref().unwrap();
    let has_tokens = kept.connections.as_ref().unwrap().are_held(&store(name));
    let documents = consumer.apply.index.index.documents();
    let entities = consumer.apply.entities.page(&store(name), None, 100).await.unwrap();
    let archive = kept.archive.as_ref().unwrap();
    let objects = archive.objects(&store(name), Timestamp::MIN, Timestamp::MAX).await;
    let bodies = kept.bodies.as_ref().unwrap().keys();
    let activity = kept
        .activity
        .as_ref()
        .unwrap()
        .latest(&store(name), None, 1)
        .await
        .unwrap();
    let events = kept.events.as_ref().unwrap();
    let events = events.list(&store(name), &EventFilter::default(), 100).await;
    [
        documents.iter().filter(|document| document.store == name).count(),
        entities.passed.len(),
        usize::from(has_tokens),
        objects.unwrap().len(),
        bodies.iter().filter(|key| key.delivery.store == store(name)).count(),
        activity.len(),
        events.unwrap().events.len(),
    ]
}

const ALL: [usize; 7] = [1; 7];
const NOTHING: [usize; 7] = [0; 7];

fn redact(id: &str, triggered_at: &str) -> Delivery {
    let mut delivery = delivery(STORE, REDACT, id, triggered_at, "");
    delivery.received_at = at("2026-12-01T00:00:00Z");
    delivery
}

async fn records(consumer: &Consumer) -> Vec<AuditRecord> {
    consumer
        .compliance
        .as_ref()
        .unwrap()
        .audit
        .of(&store(STORE))
        .await
        .unwrap()
}

#[tokio::test]
async fn request_about_a_customer_is_recorded_and_changes_nothing() {
    let consumer = complying().await;
    for (topic, id) in [(DATA_REQUEST, "d"), ("customers/redact", "r")] {
        let request = delivery(STORE, topic, id, T2, "");
        assert_eq!(
            consumer.take(&[request.clone(), request]).await,
            vec![settled(Fate::Noted); 2]
        );
    }
    assert_eq!(stored_data(&consumer, STORE).await, ALL);
    let records = records(&consumer).await;
    let requests: Vec<_> = records
        .iter()
        .map(|record| (record.request, record.delivery.as_str()))
        .collect();
    assert_eq!(
        requests,
        [(Request::CustomerData, "d"), (Request::CustomerRedaction, "r")]
    );
    assert!(records[0].outcome.contains("no customer data is stored"));
    assert_eq!(
        consumer.count(&Counter::Event(Topic::new(DATA_REQUEST).unwrap())).await,
        1
    );
}

#[tokio::test]
async fn order_is_noted_and_counted_only() {
    let consumer = complying().await;
    let synced = consumer.stored(STORE).await.last_sync_at;
    let order = delivery(STORE, "orders/create", "o", T2, "820982911946154508");
    assert_eq!(
        consumer.take(std::slice::from_ref(&order)).await,
        [settled(Fate::Noted)]
    );
    assert_eq!(consumer.ledger.fate(&order.key), Some(Fate::Noted));
    assert_eq!(consumer.count(&Counter::Event(order.key.topic)).await, 1);
    assert_eq!(consumer.stored(STORE).await.last_sync_at, synced);
    assert_eq!(stored_data(&consumer, STORE).await, ALL);
}

#[tokio::test]
async fn request_is_parked_without_a_table_of_audit_records() {
    let mut consumer = complying().await;
    let compliance = consumer.compliance.take();
    let request = delivery(STORE, DATA_REQUEST, "d", T2, "");
    let parked = consumer.receive(&request).await;
    let verdicts = consumer.again(vec![parked.clone()]).await;
    let Verdict::Parked { code, message } = &verdicts[0] else {
        panic!("{verdicts:?}")
    };
    assert!(
        *code == ErrorCode::NotConfigured && message.contains("AUDIT_TABLE"),
        "{message}"
    );
    // Redriven, once it is configured.
    consumer.compliance = compliance;
    assert_eq!(consumer.again(vec![parked]).await, [settled(Fate::Noted)]);
    assert_eq!(records(&consumer).await.len(), 1);
}

#[tokio::test]
async fn only_the_uninstalled_store_is_erased() {
    let consumer = complying().await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    // The uninstall itself is archived afterwards, and names the owner of the store.
    let archive = consumer.compliance.as_ref().unwrap().archive.clone().unwrap();
    archive.keep(&store(STORE), at(T3), &["{}".into()]).await.unwrap();
    assert_eq!(stored_data(&consumer, STORE).await, [0, 0, 1, 2, 1, 1, 1]);
    assert_eq!(
        consumer.take(&[redact("r", TWO_DAYS_LATER)]).await,
        [settled(Fate::Noted)]
    );
    assert_eq!(stored_data(&consumer, STORE).await, NOTHING);
    assert_eq!(stored_data(&consumer, OTHER).await, ALL);
    let status = consumer.stored(STORE).await;
    assert_eq!((status.enabled, status.uninstalled_at), (false, Some(at(T2))));
    assert_eq!(
        (status.redacted_at, status.connected, status.currency),
        (Some(noon()), false, None)
    );
    let [record] = &records(&consumer).await[..] else {
        panic!()
    };
    assert!(
        record
            .outcome
            .contains("erased as of its uninstall at 2026-11-21T10:00:02Z: "),
        "{}",
        record.outcome
    );

    // Late deliveries bring nothing back, and a repeated request changes nothing.
    consumer.take(&[update("late", "1", T1, "late")]).await;
    assert_eq!(
        consumer.take(&[redact("r", TWO_DAYS_LATER)]).await,
        [settled(Fate::Noted)]
    );
    assert_eq!(stored_data(&consumer, STORE).await, NOTHING);
    assert_eq!(records(&consumer).await.len(), 1);
}

#[tokio::test]
async fn request_is_parked_if_no_uninstall_was_received() {
    let consumer = complying().await;
    for (id, triggered_at) in [
        ("r", TWO_DAYS_LATER),
        ("s", "2026-11-26T23:59:59Z"),
        ("t", "1970-01-01T00:00:00Z"),
    ] {
        let verdicts = consumer.take(&[redact(id, triggered_at)]).await;
        let [Verdict::Parked { code, message }] = &verdicts[..] else {
            panic!("{verdicts:?}")
        };
        assert_eq!(*code, ErrorCode::UninstallUnknown);
        assert!(message.contains("hookline store remove"), "{message}");
        assert_eq!(stored_data(&consumer, STORE).await, ALL, "{triggered_at}");
    }
    let status = consumer.viewed(STORE).await;
    assert!(status.record.enabled && status.record.connected);
    assert_eq!(
        status.last_error().map(|error| error.code),
        Some(ErrorCode::UninstallUnknown)
    );
    assert!(records(&consumer).await.is_empty(), "nothing was done");

    // The person ends the install, and redrives the request.
    consumer.apply.uninstall(&store(STORE), at(T3)).await;
    let redriven = consumer.receive(&redact("r", TWO_DAYS_LATER)).await;
    assert_eq!(consumer.again(vec![redriven]).await, [settled(Fate::Noted)]);
    assert_eq!(stored_data(&consumer, STORE).await, NOTHING);
    assert_eq!(stored_data(&consumer, OTHER).await, ALL);
}

#[tokio::test]
async fn request_for_an_unknown_store_is_recorded_and_creates_no_store() {
    let consumer = complying().await;
    let unheard = "unheard.myshopify.com";
    let mut request = redact("r", TWO_DAYS_LATER);
    request.key.store = store(unheard);
    assert_eq!(consumer.take(&[request]).await, [settled(Fate::Noted)]);
    let compliance = consumer.compliance.as_ref().unwrap();
    let [record] = &compliance.audit.of(&store(unheard)).await.unwrap()[..] else {
        panic!()
    };
    assert!(
        record.outcome.starts_with("nothing is known of the store"),
        "{}",
        record.outcome
    );
    assert_eq!(consumer.apply.stores.find(&store(unheard)).await.unwrap(), None);
}

#[tokio::test]
async fn record_states_what_was_erased_and_what_remains_for_how_long() {
    let consumer = complying().await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    consumer.take(&[redact("r", TWO_DAYS_LATER)]).await;
    let [record] = &records(&consumer).await[..] else {
        panic!()
    };
    for said in [
        "documents, entities, archived deliveries, left-over bodies, events, tokens, activity",
        "entities for 30 days",
        "deliveries for 7",
        "dead letters among them, for at most 28 days, which hold nothing about people",
        "backups of tables for 35 days",
        "logs",
    ] {
        assert!(record.outcome.contains(said), "{said}: {}", record.outcome);
    }
}

#[tokio::test]
async fn reinstalled_store_keeps_all_of_its_new_install() {
    let consumer = complying().await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    consumer.take(&[update("b", "2", T3, "new install")]).await;
    let kept = consumer.compliance.as_ref().unwrap();
    kept.archive
        .as_ref()
        .unwrap()
        .keep(&store(STORE), at(T3), &["{}".into()])
        .await
        .unwrap();
    // Triggered a little more than two days after the uninstall: it is about that install all the same.
    assert_eq!(
        consumer.take(&[redact("r", "2026-11-23T10:07:00Z")]).await,
        [settled(Fate::Noted)]
    );
    // In the archive, objects from before the uninstall are gone.
    assert_eq!(stored_data(&consumer, STORE).await, [1, 1, 1, 1, 0, 1, 0]);
    let status = consumer.stored(STORE).await;
    assert!(status.enabled && status.connected && status.redacted_at.is_none());
    let [record] = &records(&consumer).await[..] else {
        panic!()
    };
    assert!(record.outcome.contains("installed the app again"), "{}", record.outcome);
}

#[tokio::test]
async fn new_install_without_events_is_protected_by_the_uninstall_before_it() {
    let consumer = complying().await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    consumer.apply.stores.begin_epoch(&store(STORE), at(T2)).await.unwrap();
    // Read from the catalogue, unchanged since before the uninstall.
    consumer.observe(&update("seen", "1", T1, "unchanged"), T3).await;
    assert_eq!(
        consumer.take(&[redact("r", "2026-11-23T10:07:00Z")]).await,
        [settled(Fate::Noted)]
    );
    assert_eq!(consumer.title("1").as_deref(), Some("unchanged"));
    assert!(consumer.stored(STORE).await.enabled);
}

#[tokio::test]
async fn erasure_resumes_with_the_next_receive_when_its_time_is_up() {
    let consumer = complying().await;
    let mut many = Vec::new();
    for n in 0..501 {
        many.push(update(&format!("p{n}"), &format!("{n}"), T1, "one of many"));
    }
    consumer.take(&many).await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    let message = consumer.receive(&redact("r", TWO_DAYS_LATER)).await;
    let soon = noon().checked_sub(SignedDuration::from_secs(1)).unwrap();
    let processed = consumer.apply(vec![message.clone()], soon).await;
    assert!(
        matches!(
            &processed[0].verdict,
            Verdict::Retry {
                code: ErrorCode::StoreChanging,
                cause: None,
                ..
            }
        ),
        "{:?}",
        processed[0].verdict
    );
    assert!(records(&consumer).await.is_empty(), "it is not done");
    assert_eq!(consumer.again(vec![message]).await, [settled(Fate::Noted)]);
    assert_eq!(stored_data(&consumer, STORE).await, NOTHING);
}

#[tokio::test]
async fn install_that_begins_while_the_old_one_is_erased_is_left_alone() {
    let consumer = complying().await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    // Past the fence, by a consumer that died before it could record that the next install has begun.
    let entity = EntityKey {
        store: store(STORE),
        kind: Kind::Product,
        id: EntityId::new("2").unwrap(),
    };
    let version = Version::new(at(T3), at(T3)).unwrap();
    consumer
        .apply
        .entities
        .advance(&entity, version, crate::catalogue::entities::ObservedFields::default())
        .await
        .unwrap();
    assert_eq!(
        consumer.take(&[redact("r", TWO_DAYS_LATER)]).await,
        [settled(Fate::Noted)]
    );
    assert_eq!(stored_data(&consumer, STORE).await[1..], [1, 1, 0, 0, 1, 0]);
    let status = consumer.stored(STORE).await;
    assert!(status.enabled && status.connected && status.epoch == 2);
}
