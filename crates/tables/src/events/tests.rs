//! Cost of keeping an event, as the bill of `hookline-cost` assumes it.

use hookline_domain::{
    memory::noon,
    outbound::{SubjectKey, Verdict, Verdicts},
};
use hookline_events::{Data, Event, EventType, VariantData};
use jiff::SignedDuration;

use super::*;

/// Bytes of an item, as DynamoDB counts them
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
fn bytes(item: &Item) -> usize {
    let of = |value: &Value| match value {
        Value::S(text) => text.len(),
        Value::N(digits) => digits.len().div_ceil(2) + 1,
        Value::B(bytes) => bytes.len(),
        Value::M(fields) => 3 + fields.0.len() + bytes(fields),
        other => panic!("{other:?} is in no item of an event"),
    };
    item.0.iter().map(|(name, value)| name.len() + of(value)).sum()
}

/// Bytes of the item of an event without endpoints.
fn kept(event: &Event) -> usize {
    kept_with(event, Verdicts::new())
}

fn kept_with(event: &Event, verdicts: Verdicts) -> usize {
    bytes(&item(&KeptEvent {
        store: format!("{}#{}", event.store.source, event.store.id).parse().unwrap(),
        id: event.id.clone(),
        kind: event.kind.clone(),
        subject: SubjectKey {
            kind: event.subject.kind.clone(),
            id: event.subject.id.clone(),
        },
        cause: (event.cause.as_ref()).and_then(|cause| cause.delivery_id.as_ref()?.parse().ok()),
        at: event.timestamp,
        accepted_at: noon(),
        expires_at: noon() + SignedDuration::from_hours(14 * 24),
        json: serde_json::to_string(event).unwrap(),
        verdicts,
        bus: BusVerdict::Queued,
        bus_error: None,
    }))
}

fn samples() -> Vec<Event> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events/samples");
    let files = std::fs::read_dir(folder).unwrap();
    let read = |file: std::io::Result<std::fs::DirEntry>| Event::read(&std::fs::read(file.unwrap().path()).unwrap());
    // The dispatcher adds personal data; it is not kept.
    let kept = |event: Event| Event {
        personal: None,
        meta: None,
        ..event
    };
    files.map(|file| kept(read(file).unwrap())).collect()
}

/// An event of a product with this many variants.
fn product(count: u32) -> Event {
    let sample = |event: &Event| event.kind == EventType::PRODUCT_UPDATED;
    let mut event = samples().into_iter().find(sample).unwrap();
    let Data::Product(product) = &mut event.data else {
        panic!("{event:?}")
    };
    let of = product.variants[0].clone();
    let variant = |nth: u32| VariantData {
        id: (642_667_041_472_713_922 + 7_919_104_729 * u64::from(nth)).to_string(),
        title: format!(
            "Size {} / {}",
            nth % 9,
            ["Steel", "Brass", "Olive", "Sand"][nth as usize % 4]
        ),
        sku: Some(format!("NF-EPS-{:03}", nth * 37 % 1000)),
        quantity: Some(i64::from(nth * 7_919 % 113)),
        ..of.clone()
    };
    product.variants = (0..count).map(variant).collect();
    event
}

/// `KEPT_KB` and `KEPT_VARIANT_KB` of crates/cost/src/publishing.rs, in thousandths.
const KEPT: (usize, usize) = (930, 20);

/// `EVENT_BYTES` and `EVENT_VARIANT_BYTES`.
const JSON: (usize, usize) = (1_050, 125);

#[test]
fn kept_event_has_the_size_that_the_bill_assumes() {
    for event in samples() {
        assert!(kept(&event) <= 1024, "{}: {}", event.kind, kept(&event));
    }
    for count in [1, 2, 10, 40, 100] {
        let (event, variants) = (product(count), count as usize);
        let (item, json) = (kept(&event), serde_json::to_string(&event).unwrap().len());
        let assumed = (KEPT.0 + KEPT.1 * variants) * 1024 / 1000;
        assert!(item <= assumed && assumed <= item * 3 / 2, "{count}: {item} {assumed}");
        let assumed = JSON.0 + JSON.1 * variants;
        assert!(json <= assumed && assumed <= json * 3 / 2, "{count}: {json} {assumed}");
    }
}

/// `KEPT_VERDICT_KB`.
const VERDICT: usize = 78;

#[test]
fn verdicts_on_an_event_have_the_size_that_the_bill_assumes() {
    for endpoints in [1, 2, 10] {
        let verdicts = (0..endpoints).map(|nth| {
            let endpoint = format!("shopify#northfield-supply.myshopify.com ep_01M8KC7FD03QH5TX988ZJ0T{nth:03}");
            (endpoint.parse().unwrap(), Verdict::Queued)
        });
        let (with, without) = (kept_with(&product(25), verdicts.collect()), kept(&product(25)));
        let assumed = (KEPT.0 + KEPT.1 * 25 + VERDICT * endpoints) * 1024 / 1000;
        assert!(
            with <= assumed && assumed <= with * 3 / 2,
            "{endpoints}: {with} {assumed}"
        );
        // Beside the map's own name.
        let each = (with - without - 13) / endpoints;
        assert!(each.abs_diff(VERDICT) <= 10, "{each}");
    }
}
