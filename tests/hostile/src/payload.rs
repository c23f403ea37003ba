//! Reading a signed body is deterministic, its result is bounded, and a refusal quotes nothing of it.
//!
//! Input of `payload`: the name of a topic, a line feed, the body. Input of `description`: HTML.

use hookline_domain::{
    catalogue::document::Document,
    delivery::Delivery,
    event::{Event, InterpretError},
    kernel::{
        ids::{DeliveryId, DeliveryKey, EntityId, EntityKey, Kind, Topic as TopicName},
        version::Version,
    },
};
use hookline_sources::shopify::{self, Topic};
use http::{HeaderMap, HeaderValue};
use serde_json::json;

pub(crate) const STORE: &str = "demo.myshopify.com";

/// Factor by which a text may be longer than its HTML: an image's text or a list's number is longer than
/// its markup.
const TEXT_PER_HTML: usize = 8;

pub(crate) fn payload(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let name = String::from_utf8_lossy(&data[..at]);
    let topic = Topic::ALL
        .into_iter()
        .find(|topic| topic.name() == name)
        .unwrap_or(Topic::ProductsUpdate);
    let delivery = delivery(topic, data.get(at + 1..).unwrap_or_default().to_vec());
    let read = shopify::interpret(&delivery);
    assert_eq!(
        read,
        shopify::interpret(&delivery),
        "the second reading differs from the first"
    );
    reduced_body_means_the_same(&delivery, &read);
    match read {
        Ok(event) => check_event(event, &delivery),
        Err(problem) => check_refusal(&problem),
    }
}

pub(crate) fn description(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    let body = json!({"id": 1, "admin_graphql_api_id": "gid://shopify/Product/1", "title": "x", "updated_at": "2026-11-14T15:04:52Z", "body_html": html});
    let delivery = delivery(Topic::ProductsUpdate, body.to_string().into_bytes());
    let Ok(Event::ProductUpdated(product)) = shopify::interpret(&delivery) else {
        panic!("the description makes its product unreadable");
    };
    assert!(
        product.description.len() <= TEXT_PER_HTML * html.len() + 64,
        "{} bytes of HTML became {} bytes of text",
        html.len(),
        product.description.len()
    );
    // The only control characters are line feeds, and only between lines of text.
    assert!(!product.description.contains(|c: char| c.is_control() && c != '\n'));
    let lines = product.description.split('\n');
    assert!(product.description.is_empty() || lines.into_iter().all(|line| !line.is_empty()));
}

fn delivery(topic: Topic, body: Vec<u8>) -> Delivery {
    Delivery {
        key: DeliveryKey {
            store: shopify::store(STORE).unwrap(),
            topic: TopicName::new(topic.name()).unwrap(),
            id: DeliveryId::new("1").unwrap(),
        },
        endpoint: None,
        event_id: None,
        api_version: "2026-07".to_owned(),
        triggered_at: None,
        received_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        body,
    }
}

/// Checks that a body about people, reduced to the fields that are read, means the same as the whole, or nothing.
fn reduced_body_means_the_same(delivery: &Delivery, whole: &Result<Event, InterpretError>) {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-shopify-topic", delivery.key.topic.as_str()),
        ("x-shopify-shop-domain", STORE),
        ("x-shopify-api-version", "2026-07"),
        ("x-shopify-webhook-id", "1"),
    ] {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let cut = shopify::read_saved(&headers, &delivery.body, delivery.received_at).unwrap();
    match (shopify::interpret(&cut), whole) {
        (Ok(cut), whole) => assert_eq!(Ok(&cut), whole.as_ref()),
        // A text longer than the longest readable one is dropped.
        (Err(_), Ok(_)) => assert!(delivery.body.len() > 255, "the reduced body is unreadable"),
        (Err(_), Err(_)) => {}
    }
}

fn check_event(event: Event, delivery: &Delivery) {
    let document = match event {
        Event::ProductUpdated(product) => {
            numeric(&product.id);
            product.variants.iter().for_each(|variant| numeric(&variant.id));
            assert!(product.tags.iter().all(|tag| !tag.is_empty() && !tag.contains(',')));
            Document::of_product(&entity(&product.id), *product, delivery.observed_at())
        }
        Event::CollectionUpdated(collection) => {
            numeric(&collection.id);
            Document::of_collection(&entity(&collection.id), *collection, delivery.observed_at())
        }
        Event::ProductChanged(id)
        | Event::CollectionChanged(id)
        | Event::ProductDeleted(id)
        | Event::CollectionDeleted(id)
        | Event::StockChanged(id) => return numeric(&id),
        Event::Fact(fact) => return numeric(&fact.id),
        Event::Thin(_) | Event::ProductRemoved(_) => panic!("Shopify sends neither"),
        Event::AppUninstalled | Event::Sample | Event::Compliance(..) => return,
    };
    if let Ok(version) = Version::new(document.updated_at, delivery.observed_at()) {
        assert!(version.as_i64() >= 0 && version < Version::FINAL);
    }
    let prices = document.variants.iter().filter_map(|variant| variant.price);
    for price in prices.clone() {
        // Amounts are kept as written, in at most the digits of their type.
        assert!(price.to_string().len() <= 32, "{price}");
        assert!(document.price_min.unwrap() <= price && price <= document.price_max.unwrap());
    }
    assert_eq!(document.price_min.is_some(), prices.count() > 0);
    let written = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&written).unwrap(), document);
}

fn numeric(id: &EntityId) {
    assert!(id.as_str().len() <= 20 && id.as_str().bytes().all(|byte| byte.is_ascii_digit()));
}

fn entity(id: &EntityId) -> EntityKey {
    EntityKey {
        store: shopify::store(STORE).unwrap(),
        kind: Kind::Product,
        id: id.clone(),
    }
}

/// Checks a refusal, which goes to logs and to the store's status: it quotes nothing of the body, and its length is
/// limited.
fn check_refusal(problem: &InterpretError) {
    match problem {
        InterpretError::Schema { path, problem } => {
            assert!(path == "(body)" || path.split('.').all(field), "{path}");
            assert!(path.len() <= 64, "{path}");
            assert!(expectation(problem), "{problem}");
        }
        InterpretError::OtherStore => {}
        InterpretError::NoEndpoint(_) => panic!("Shopify's bodies need no endpoint"),
        InterpretError::Topic => panic!("every topic of ours is interpreted"),
    }
}

/// Returns true for a step of a path: a field that we read, with or without an index.
fn field(step: &str) -> bool {
    const FIELDS: [&str; 32] = [
        "id",
        "title",
        "body_html",
        "vendor",
        "product_type",
        "handle",
        "status",
        "published_at",
        "updated_at",
        "tags",
        "options",
        "variants",
        "variant_gids",
        "image",
        "images",
        "name",
        "values",
        "sku",
        "price",
        "inventory_policy",
        "inventory_quantity",
        "src",
        "inventory_item_id",
        "shop_domain",
        "topic",
        "action",
        "query_variables",
        "fields_changed",
        "admin_graphql_api_id",
        "data_request",
        "orders_to_redact",
        "sort_order",
    ];
    let (name, index) = step.split_once('[').unwrap_or((step, "0]"));
    let index = index.strip_suffix(']').unwrap_or_default();
    let known = FIELDS.contains(&name) || ["inventory_management", "myshopify_domain"].contains(&name);
    known
        && index
            .split("][")
            .all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns true if a message is known to quote nothing of the body.
fn expectation(problem: &str) -> bool {
    if let Some(place) = problem.strip_prefix("not JSON at line ") {
        return place.len() < 40
            && place
                .split(", column ")
                .all(|n| n.bytes().all(|byte| byte.is_ascii_digit()));
    }
    if let Some(name) = problem.strip_prefix("missing field `") {
        return name.strip_suffix('`').is_some_and(field);
    }
    match problem.strip_prefix("expected ") {
        Some(expected) => match expected.strip_prefix("struct ") {
            // The name may be followed by " with 3 elements".
            Some(name) => STRUCTS.contains(&name.split(' ').next().unwrap_or_default()) && name.len() < 40,
            None => EXPECTED.contains(&expected),
        },
        None => problem == "the value does not fit",
    }
}

/// Descriptions of the types that are read, by serde or by us.
const EXPECTED: [&str; 19] = [
    "a string",
    "a sequence",
    "a timestamp string",
    "a Decimal type representing a fixed-point number",
    "an object",
    "i64",
    "u64",
    "a map",
    // Our own expectations.
    "nothing of what is deleted but its id",
    "the one that the header says",
    "the one id of what has changed",
    "the id of a product",
    "the id of a collection",
    "the id of an inventory level",
    "the id of an order",
    "none, of an inventory level",
    "a request for a customer's data",
    "a request to redact a customer",
    "nothing but the store to redact",
];

/// Names of the structs that are read, as serde reports them.
const STRUCTS: [&str; 11] = [
    "IdBody",
    "ShopBody",
    "ProductBody",
    "VariantBody",
    "OptionBody",
    "ImageBody",
    "CollectionBody",
    "LevelBody",
    "OrderBody",
    "RequestBody",
    "EventsBody",
];
