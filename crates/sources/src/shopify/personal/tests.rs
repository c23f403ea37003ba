use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn left(topic: Topic, body: &str) -> String {
    String::from_utf8(reduce(topic, body.as_bytes()).into_owned()).unwrap()
}

#[test]
fn personal_body_is_reduced_to_the_fields_that_are_read() {
    let order = json!({"id": 820_982_911_946_154_601_u64, "admin_graphql_api_id": "gid://shopify/Order/820982911946154601",
        "email": "wren.alder@example.com", "note": "at number 14", "customer": {"first_name": "Wren"}});
    assert_eq!(
        left(Topic::OrdersCreate, &order.to_string()),
        r#"{"admin_graphql_api_id":"gid://shopify/Order/820982911946154601","customer":{},"id":820982911946154601}"#
    );
    let shop = r#"{"id":1,"shop_owner":"Wren","myshopify_domain":"demo.myshopify.com","email":"wren@example.com"}"#;
    assert_eq!(
        left(Topic::AppUninstalled, shop),
        r#"{"id":1,"myshopify_domain":"demo.myshopify.com"}"#
    );
    let request = r#"{"shop_id":1,"shop_domain":"demo.myshopify.com","customer":{"id":115310627314723969,"email":"wren@example.com"},
        "orders_to_redact":[820982911946154601],"note":"Wren"}"#;
    assert_eq!(
        left(Topic::CustomersRedact, request),
        r#"{"shop_id":1,"shop_domain":"demo.myshopify.com","customer":{"id":115310627314723969},"orders_to_redact":[],"others":null}"#
    );
}

#[test]
fn malformed_unread_field_does_no_harm() {
    for note in ["\"\\ud83d\"", "\"\\ud83d and more\"", "1e999999"] {
        let body = format!("{{\"note\":{note},\"id\":1,\"admin_graphql_api_id\":\"gid://shopify/Order/1\"}}");
        assert_eq!(
            left(Topic::OrdersCreate, &body),
            r#"{"id":1,"admin_graphql_api_id":"gid://shopify/Order/1"}"#,
            "{note}"
        );
    }
    let mut body = b"{\"note\":\"\xe9\",\"id\":1}".to_vec();
    assert_eq!(reduce(Topic::OrdersCreate, &body).as_ref(), b"{\"id\":1}");
    body.truncate(8);
    assert_eq!(reduce(Topic::OrdersCreate, &body).as_ref(), b"{}");
    // A field of that name is treated like any other.
    assert_eq!(left(Topic::ShopRedact, "{\"others\":{\"a\":1}}"), "{\"others\":null}");
}

#[test]
fn ids_of_events_stay_and_results_do_not() {
    let body = r#"{"topic":"Order","action":"create","fields_changed":{"added":["order.email"]},
        "query_variables":{"orderId":"gid://shopify/Order/7","name":"Wren"},"data":{"order":{"email":"a@example.com"}}}"#;
    assert_eq!(
        left(Topic::OrdersCreate, body),
        r#"{"topic":"Order","action":"create","fields_changed":{},"query_variables":{"orderId":"gid://shopify/Order/7"}}"#
    );
}

#[test]
fn body_that_is_not_an_object_becomes_empty_and_other_topics_stay_whole() {
    for body in [
        "",
        "{",
        "[1]",
        "{\"id\":1}x",
        "\"wren@example.com\"",
        "{\"email\":\"\u{0}\"}",
    ] {
        assert_eq!(left(Topic::OrdersCreate, body), "{}", "{body:?}");
        assert_eq!(left(Topic::ProductsUpdate, body), body);
    }
    // The consumer refuses a repeated field, with or without the reduction.
    assert_eq!(left(Topic::OrdersCreate, "{\"id\":1,\"id\":2}"), "{\"id\":1,\"id\":2}");
    let long = format!("{{\"id\":\"{}\"}}", "w".repeat(256));
    assert_eq!(left(Topic::AppUninstalled, &long), "{\"id\":null}");
}

/// Sample body of a topic.
fn sample(topic: Topic) -> Value {
    let path = format!(
        "{}/../../events/shopify/{}.json",
        env!("CARGO_MANIFEST_DIR"),
        topic.function()
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Topics whose bodies have more than ids.
const TOPICS: [Topic; 12] = [
    Topic::OrdersCreate,
    Topic::OrdersUpdated,
    Topic::OrdersFulfilled,
    Topic::OrdersCancelled,
    Topic::OrderTransactionsCreate,
    Topic::RefundsCreate,
    Topic::FulfillmentsCreate,
    Topic::FulfillmentsUpdate,
    Topic::FulfillmentEventsCreate,
    Topic::CustomersCreate,
    Topic::CustomersUpdate,
    Topic::CustomersDelete,
];

/// Places of the texts that may stay whatever they are: the shop's own words.
const SHOPS_WORDS: [&str; 8] = [
    "gateway",
    "line_items[].sku",
    "line_items[].title",
    "name",
    "tracking_company",
    "tracking_number",
    "tracking_numbers[]",
    "transactions[].gateway",
];

/// Replaces every text of a value, and returns how many there are.
fn plant(value: &mut Value, canary: &str) -> usize {
    match value {
        Value::String(text) => {
            canary.clone_into(text);
            1
        }
        Value::Array(each) => each.iter_mut().map(|each| plant(each, canary)).sum(),
        Value::Object(fields) => fields.values_mut().map(|each| plant(each, canary)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Adds the places of a text in a value.
fn find(value: &Value, canary: &str, place: &str, places: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(canary) => places.push(place.to_owned()),
        Value::Array(each) => each
            .iter()
            .for_each(|each| find(each, canary, &format!("{place}[]"), places)),
        Value::Object(fields) => {
            for (name, each) in fields {
                let dot = if place.is_empty() { "" } else { "." };
                find(each, canary, &format!("{place}{dot}{name}"), places);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn personal_text_in_any_field_stays_only_where_the_shop_writes() {
    let canaries = [
        "Wren Alder",
        "Wren",
        "wren.alder@example.com",
        "+1 802-555-0111",
        "(802) 555 0111",
        "12 Example Lane, Fernhollow",
        "Please leave it with the neighbours.",
        "192.0.2.14",
        "2001:db8::14",
        "Mozilla/5.0 (X11; Linux x86_64)",
        "https://shop.example.com/548380009/orders/4f1c7a/authenticate?key=9d02be",
        "12345-6789",
        "レン・オルダー",
    ];
    for topic in TOPICS {
        let mut stayed = Vec::new();
        for canary in canaries {
            let mut body = sample(topic);
            assert!(plant(&mut body, canary) >= 1, "{}", topic.name());
            let left: Value = serde_json::from_str(&left(topic, &body.to_string())).unwrap();
            let mut places = Vec::new();
            find(&left, canary, "", &mut places);
            for place in &places {
                assert!(
                    SHOPS_WORDS.contains(&place.as_str()),
                    "{}: {canary} at {place}",
                    topic.name()
                );
            }
            stayed.extend(places);
        }
        // The canaries are found where they may stay.
        let has_words = matches!(
            topic.function().split_once('-'),
            Some(("orders" | "refunds" | "fulfillments", _))
        );
        assert!(!has_words || !stayed.is_empty(), "{}", topic.name());
    }
}

/// Writes a canary into the fields of these names, at every depth, and counts them.
fn fill(value: &mut Value, fields: &[&str], filled: &mut usize) {
    match value {
        Value::Object(entries) => {
            for (name, each) in entries {
                if fields.contains(&name.as_str()) {
                    *each = json!("canary-of-a-person");
                    *filled += 1;
                } else {
                    fill(each, fields, filled);
                }
            }
        }
        Value::Array(each) => each.iter_mut().for_each(|each| fill(each, fields, filled)),
        _ => {}
    }
}

#[test]
fn text_of_a_person_in_a_field_of_its_own_is_in_no_event() {
    // Fields that people fill, wherever they are in a body.
    let fields = [
        "first_name",
        "last_name",
        "email",
        "contact_email",
        "phone",
        "address1",
        "address2",
        "company",
        "zip",
        "city",
        "province",
        "note",
        "message",
        "browser_ip",
        "client_details",
        "order_status_url",
        "token",
        "landing_site",
        "credit_card_name",
        "credit_card_number",
        "authorization",
        "receipt",
        "customer_locale",
        "po_number",
        "tags",
    ];
    for topic in TOPICS.into_iter().filter(|topic| *topic != Topic::CustomersDelete) {
        let (mut body, mut filled) = (sample(topic), 0);
        fill(&mut body, &fields, &mut filled);
        assert!(filled > 0, "{}", topic.name());
        let left = left(topic, &body.to_string());
        assert!(!left.contains("canary"), "{}: {left}", topic.name());
        assert!(left.len() < 2_500, "{}: {left}", topic.name());
    }
}

#[test]
fn order_keeps_of_its_attributes_the_session_only() {
    let attributes = |attributes: Value| {
        let body = json!({"id": 1, "note_attributes": attributes}).to_string();
        let left: Value = serde_json::from_str(&left(Topic::OrdersCreate, &body)).unwrap();
        left["note_attributes"].clone()
    };
    let wren = json!({"name": "Deliver to", "value": "Wren Alder"});
    let session = json!({"name": "session_id", "value": "chat_1", "for": "Wren"});
    assert_eq!(
        attributes(json!([wren, session, "Wren", null, {"value": "x"}])),
        json!([{"name": "session_id", "value": "chat_1"}])
    );
    for value in [
        json!("Wren Alder"),
        json!("w".repeat(129)),
        json!("a\nb"),
        json!({"a": "Wren"}),
        json!(8_025_550_111_u64),
    ] {
        assert_eq!(
            attributes(json!([{"name": "sessionId", "value": value}])),
            json!([{"name": "sessionId", "value": null}])
        );
    }
    assert_eq!(attributes(json!("Wren Alder")), json!("?"));
    assert_eq!(attributes(json!({"session_id": "Wren"})), json!({}));
}

#[test]
fn half_a_character_in_a_title_spoils_nothing_else() {
    let body = r#"{"id":1,"note":"\ud83d","line_items":[{"id":2,"title":"Stove \ud83d"}]}"#;
    assert_eq!(
        left(Topic::OrdersCreate, body),
        "{\"id\":1,\"line_items\":[{\"id\":2,\"title\":\"Stove \u{fffd}\"}]}"
    );
}

#[test]
fn number_never_stands_for_an_object() {
    let body =
        r#"{"id":1,"customer":8025550111,"line_items":8025550111,"total_price_set":true,"query_variables":8025550111}"#;
    assert_eq!(
        left(Topic::OrdersCreate, body),
        r#"{"id":1,"customer":"?","line_items":"?","total_price_set":"?","query_variables":"?"}"#
    );
}

proptest! {
    #[test]
    fn text_of_unread_fields_is_removed(text in "[a-z]{12,24}", nested: bool, place in 0..4_usize) {
        let held = if nested { json!({"id": [text.clone()]}) } else { json!(text.clone()) };
        let names = ["email", "customer", "note", "billing_address"];
        let body = json!({"id": 1, "shop_domain": "demo.myshopify.com", names[place]: if place == 1 { json!({"a": held}) } else { held }});
        for topic in Topic::ALL.into_iter().filter(|topic| fields(*topic).is_some()) {
            prop_assert!(!left(topic, &body.to_string()).contains(&text));
        }
    }
}
