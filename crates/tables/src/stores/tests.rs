//! Cost of a batch's writes of a busy store, before and after its counts left its own item.

use std::collections::BTreeMap;

use hookline_domain::{
    delivery::subject::Subject,
    store::{
        activity::{ActivityEntry, DeliveryOutcome},
        stores::{Quota, Reconciled, Run, RunStage, RunTask, Watched},
    },
};
use jiff::Timestamp;

use super::{record::read_latest, write::write_latest, *};
use crate::value::Value;

/// Bytes of an item, as DynamoDB counts them
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
fn bytes(item: &Item) -> usize {
    let of = |value: &Value| match value {
        Value::S(text) => text.len(),
        Value::N(digits) => digits.trim_matches('-').len().div_ceil(2) + 1,
        Value::Bool(_) => 1,
        Value::B(bytes) => bytes.len(),
        other => panic!("{other:?} is in no item of a store"),
    };
    item.0.iter().map(|(name, value)| name.len() + of(value)).sum()
}

fn units(item: &Item) -> usize {
    bytes(item).div_ceil(1024)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Outcomes of this many deliveries.
fn latest(count: u32) -> Vec<ActivityEntry> {
    let mut state = 7_u64;
    let mut hex = move || {
        // Ids do not compress, because they are practically random.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!(
            "{:08x}-{:04x}-4b37-8a5f-{:012x}",
            state >> 32,
            (state >> 16) & 0xffff,
            state >> 16
        )
    };
    (0..count)
        .map(|n| ActivityEntry {
            topic: "products/update".parse().unwrap(),
            id: hex().parse().unwrap(),
            event_id: Some(hex().parse().unwrap()),
            subject: Some(Subject {
                kind: "product".to_owned(),
                id: format!("7880321196{:05}", n * 7_919 % 100_000).parse().unwrap(),
                title: Some(format!("Walnut serving board, large {}", n * 31 % 97)),
            }),
            triggered_at: Some(at("2026-11-21T12:00:00.123456Z")),
            received_at: at("2026-11-21T12:00:00.654321Z"),
            at: at("2026-11-21T12:00:01.000123Z"),
            outcome: DeliveryOutcome::Applied,
            problem: None,
            replay: false,
        })
        .collect()
}

/// A store's own item without the outcomes of a batch: connected, reconciled and watched.
fn own() -> Item {
    let micros = || Value::number(1_794_668_693_106_123_i64);
    let json = |value: Result<Value, serde_json::Error>| value.unwrap();
    Item::from([
        ("pk", Value::text("shopify#a-store-of-some-length.myshopify.com")),
        ("sk", Value::text(STORE)),
        ("epoch", Value::number(2)),
        ("enabled", Value::Bool(true)),
        ("uninstalled_us", micros()),
        ("last_event_us", micros()),
        ("last_sync_us", micros()),
        ("connected", Value::Bool(true)),
        ("currency", Value::text("EUR")),
        ("seq", Value::number(1_234_567)),
        (
            "reconciled",
            json(Value::json(&Reconciled {
                began_at: at("2026-11-21T12:00:00.123456Z"),
                ended_at: at("2026-11-21T12:00:59.000001Z"),
                compared: 10_000,
                missed: BTreeMap::new(),
                regrouped: 0,
                mended: 0,
                skipped: 0,
                unread: vec![],
            })),
        ),
        (
            "watched",
            json(Value::json(&Watched::unseen(at("2026-11-21T12:30:00.654321Z"), true))),
        ),
        (
            "run",
            json(Value::json(&Run {
                task: RunTask::Reconcile,
                stage: RunStage::Done,
                began_at: at("2026-11-21T12:00:00.123456Z"),
                at: at("2026-11-21T12:00:03.000001Z"),
                products: 10_000,
                skipped: 0,
                bytes: None,
            })),
        ),
        (
            "quota",
            json(Value::json(&Quota {
                at: at("2026-11-21T12:00:00Z"),
                available: 1_900,
                maximum: 2_000,
                restored_per_second: 100,
            })),
        ),
    ])
}

/// Counters of a busy store: its topics, and what its receivers count.
const COUNTERS: [&str; 8] = [
    "event:products/update",
    "event:products/create",
    "event:products/delete",
    "event:collections/update",
    "event:inventory_levels/update",
    "event:orders/create",
    "discarded",
    "duplicate",
];

/// An hour's item.
fn hour() -> Item {
    let mut item = Item::from([
        ("pk", Value::text("hours#shopify#a-store-of-some-length.myshopify.com")),
        ("sk", Value::text("2026-11-21T12")),
        ("expires_at", Value::number(1_794_768_693)),
    ]);
    for counter in COUNTERS {
        item.push(counter, Value::number(12_345));
    }
    item
}

/// The store's one item as it was, with 25 hours of counts and a batch's outcomes in plain JSON.
fn as_it_was(deliveries: u32) -> Item {
    let mut item = own();
    item.0.retain(|(name, _)| name != "sk");
    item.push(LATEST, Value::text(serde_json::to_string(&latest(deliveries)).unwrap()));
    for hour in 0..25 {
        for counter in COUNTERS {
            item.push(format!("count/2026-11-21T{hour:02}/{counter}"), Value::number(12_345));
        }
    }
    item
}

fn as_it_is(deliveries: u32) -> Item {
    let mut item = own();
    item.push(LATEST, write_latest(&latest(deliveries)).unwrap());
    item
}

#[test]
fn batch_costs_a_store_only_its_changes() {
    let table = |deliveries| {
        (
            bytes(&as_it_was(deliveries)),
            bytes(&as_it_is(deliveries)),
            bytes(&hour()),
        )
    };
    let ((before_1, own_1, hour), (before_10, own_10, _)) = (table(1), table(10));
    let sizes = format!("one: {before_1} B, now {own_1} + {hour}; ten: {before_10} B, now {own_10} + {hour}");
    assert!(own_1 <= 1024 && hour <= 1024 && own_10 <= 2048, "{sizes}");
    // Units of one partition key; the hours have a different one.
    for deliveries in [1, 10] {
        let (was, is) = (units(&as_it_was(deliveries)), units(&as_it_is(deliveries)));
        assert!(was >= 5 * is, "{was} units, now {is}: {sizes}");
    }
    // Units of both, for a shared partition and for the bill.
    assert!(units(&as_it_was(1)) >= 5 * (units(&as_it_is(1)) + 1), "{sizes}");
}

#[test]
fn latest_outcomes_read_back() {
    let outcomes = latest(10);
    let item = as_it_is(10);
    assert_eq!(read_latest(&item).unwrap(), outcomes);
    assert_eq!(read_latest(&own()).unwrap(), []);
}
