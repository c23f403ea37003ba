use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{
    event::{Removal, fact::Identity, product::Product, thin::Ordered},
    kernel::{ids::InboundName, version::Version},
    store::inbound::{BoundStores, InboundSettings},
    store::stores::Counts,
};
use hookline_events::Data;
use proptest::prelude::*;
use serde_json::json;
use sha2::Sha256;

use super::*;
use crate::signature::{Secrets, SignatureError, SignedRequest};

const KEY: &str = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo";
const AT: i64 = 1_795_946_692;

fn now() -> Timestamp {
    Timestamp::from_second(AT).unwrap()
}

fn endpoint(stores: &[&str], mapping: Option<Value>) -> InboundEndpoint {
    let mapping = mapping.map(|mapping| Box::new(serde_json::from_value::<Mapping>(mapping).unwrap()));
    if let Some(mapping) = &mapping {
        mapping.check().unwrap();
    }
    InboundEndpoint {
        source: NAME.parse().unwrap(),
        name: InboundName::new("warehouse").unwrap(),
        settings: InboundSettings {
            stores: BoundStores::Listed(
                stores
                    .iter()
                    .map(|store| store.parse().unwrap())
                    .collect::<BTreeSet<_>>(),
            ),
            addresses: Vec::new(),
            mode: None,
            own: None,
            mapping,
            senders: None,
        },
        revision: 1,
        counts: Counts::new(),
    }
}

fn warehouse() -> Value {
    json!({"type": "/type", "at": "/timestamp",
        "types": {"checkout.completed": "checkout.completed", "item.saved": "product.updated", "item.gone": "product.deleted"},
        "product": {"id": "/data/sku", "updated_at": "/data/modified", "title": "/data/name", "text": "/data/description",
            "url": "/data/link", "tags": "/data/tags", "sku": "/data/sku",
            "price": {"minor": "/data/price_cents", "currency": "/data/currency"},
            "available": "/data/in_stock", "quantity": "/data/stock"},
        "checkout": {"id": "/data/checkout_id", "order": "/data/order_id", "session": "/data/session_id"}})
}

fn sign(key: &[u8], id: &str, time: &str, body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(key).unwrap();
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
        hmac.update(part);
    }
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

fn headers(family: &str, id: &str, time: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [("id", id), ("timestamp", time), ("signature", signature)] {
        headers.insert(
            http::HeaderName::try_from(format!("{family}-{name}")).unwrap(),
            value.parse().unwrap(),
        );
    }
    headers
}

fn verified<'a>(headers: &'a HeaderMap, body: &'a [u8], key: &str) -> Result<Verified<'a>, SignatureError> {
    let secrets = Secrets::of(&[key], KeyForm::Whsec).unwrap();
    let request = SignedRequest {
        headers,
        body,
        addresses: &[],
    };
    SENDER.verify(&request, &secrets, now())
}

/// Reads a signed body with this endpoint.
fn taken(body: &str, endpoint: &InboundEndpoint) -> Read {
    let signature = format!(
        "v1,{}",
        sign(b"hush-hush-hush-hush-hush", "msg_1", &AT.to_string(), body.as_bytes())
    );
    let headers = headers("webhook", "msg_1", &AT.to_string(), &signature);
    let verified = verified(&headers, body.as_bytes(), KEY).unwrap();
    let inbound = Inbound {
        function: NAME,
        endpoint: Some(endpoint.clone()),
    };
    (SENDER.read)(verified, &headers, &inbound, now()).unwrap()
}

fn delivery(body: &str, endpoint: &InboundEndpoint) -> Delivery {
    match taken(body, endpoint) {
        Read::Delivery(delivery) => *delivery,
        other => panic!("{other:?}"),
    }
}

fn event(body: &Value, endpoint: &InboundEndpoint) -> Result<Event, InterpretError> {
    interpret(&delivery(&body.to_string(), endpoint), Some(endpoint))
}

fn product(body: &Value) -> Product {
    match event(body, &endpoint(&["warehouse"], Some(warehouse()))).unwrap() {
        Event::ProductUpdated(product) => *product,
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "tests give literals")]
fn saved(data: Value) -> Value {
    let mut all = json!({"sku": "EPS-1", "modified": "2026-11-29T10:04:51Z"});
    all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    json!({"type": "item.saved", "timestamp": "2026-11-29T10:04:52.113Z", "data": all})
}

#[test]
fn vector_of_the_design_is_accepted_under_both_families_of_headers() {
    let body = r#"{"type":"checkout.completed","timestamp":"2026-11-29T10:04:52.113Z","data":{"checkout_id":"chk_7","order_id":"ord_9","session_id":"s_42"}}"#;
    let signature = "v1,nzwqw6duKoXGLMlWF1kPWJLnXoOqYJbseVxMM8UdFrI=";
    for family in ["webhook", "svix"] {
        let headers = headers(family, "msg_1", "1795946692", signature);
        assert_eq!(verified(&headers, body.as_bytes(), KEY).unwrap().id(), Some("msg_1"));
    }
    let event = interpret(
        &delivery(body, &endpoint(&["warehouse"], None)),
        Some(&endpoint(&["warehouse"], None)),
    );
    let Ok(Event::Fact(fact)) = event else {
        panic!("{event:?}")
    };
    let [announced] = &fact.announces[..] else { panic!() };
    assert_eq!(announced.session_id.as_deref(), Some("s_42"));
    assert_eq!(
        announced.related.order.as_ref().map(|order| order.id.as_str()),
        Some("ord_9")
    );
    assert!(matches!(&announced.data, Data::Checkout(checkout) if checkout.id == "chk_7"));
    let at = "2026-11-29T10:04:52.113Z".parse().unwrap();
    assert!(matches!(announced.identity, Identity::Told { at: told, .. } if told == at));
}

#[test]
fn decisions_are_those_of_the_official_library() {
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        key: String,
        headers: std::collections::HashMap<String, String>,
        body: String,
        accepted: bool,
    }
    let cases = include_str!("../../../../tests/referees/standard-signatures.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    assert!(cases.iter().filter(|case| case.accepted).count() > 20 && cases.len() > 40);
    for case in cases {
        // With the headers of the other family, too.
        for family in ["webhook-", "svix-"] {
            let renamed = case
                .headers
                .iter()
                .map(|(name, value)| (name.replace("webhook-", family), value.clone()));
            let renamed: std::collections::HashMap<String, String> = renamed.collect();
            let headers = HeaderMap::try_from(&renamed).unwrap();
            let read = verified(&headers, case.body.as_bytes(), &case.key);
            assert_eq!(read.is_ok(), case.accepted, "{family}{}: {read:?}", case.name);
        }
    }
}

#[test]
fn one_family_of_headers_counts_whole_and_never_a_mixture() {
    let (time, body) = (AT.to_string(), b"{}".as_slice());
    let right = format!("v1,{}", sign(b"hush-hush-hush-hush-hush", "msg_1", &time, body));
    // The signature of one family with id and time of the other.
    let mut mixed = HeaderMap::new();
    mixed.insert("webhook-signature", right.parse().unwrap());
    mixed.insert("svix-id", "msg_1".parse().unwrap());
    mixed.insert("svix-timestamp", time.parse().unwrap());
    assert_eq!(verified(&mixed, body, KEY).unwrap_err(), SignatureError::Incomplete);
    // A wrong one of the first family is not saved by a right one of the second.
    let mut both = headers(
        "webhook",
        "msg_1",
        &time,
        "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    both.extend(headers("svix", "msg_1", &time, &right));
    assert_eq!(verified(&both, body, KEY).unwrap_err(), SignatureError::Mismatch);
}

#[test]
fn signature_of_another_form_version_or_time_is_refused() {
    let body = b"{}";
    let at = |seconds: i64| (AT + seconds).to_string();
    let signed = |time: &str| sign(b"hush-hush-hush-hush-hush", "msg_1", time, body);
    let right = signed(&at(0));
    for (time, signature, expected) in [
        (at(0), format!("v1,{right}"), Ok(())),
        (at(0), format!("v1,AAAA v1,{right}"), Ok(())),
        (at(0), format!("v1a,{right} v1,{right}"), Ok(())),
        (at(-300), format!("v1,{}", signed(&at(-300))), Ok(())),
        (at(300), format!("v1,{}", signed(&at(300))), Ok(())),
        (
            at(-301),
            format!("v1,{}", signed(&at(-301))),
            Err(SignatureError::Stale),
        ),
        (at(301), format!("v1,{}", signed(&at(301))), Err(SignatureError::Stale)),
        (at(0), format!("v1a,{right}"), Err(SignatureError::Malformed)),
        (at(0), right.clone(), Err(SignatureError::Malformed)),
        (at(0), "v1,".to_owned(), Err(SignatureError::Malformed)),
        (
            at(0),
            format!("v1,{}", right.replace('=', "")),
            Err(SignatureError::Malformed),
        ),
        (
            format!("-{AT}"),
            format!("v1,{}", signed(&format!("-{AT}"))),
            Err(SignatureError::Incomplete),
        ),
        (
            format!("{AT}.0"),
            format!("v1,{}", signed(&format!("{AT}.0"))),
            Err(SignatureError::Incomplete),
        ),
        (
            format!("{AT}00000000000"),
            format!("v1,{right}"),
            Err(SignatureError::Incomplete),
        ),
    ] {
        let headers = headers("webhook", "msg_1", &time, &signature);
        let verified = verified(&headers, body, KEY).map(drop);
        assert_eq!(verified.is_ok(), expected.is_ok(), "{time} {signature}: {verified:?}");
        if expected == Err(SignatureError::Stale) {
            assert_eq!(verified, expected);
        }
    }
}

#[test]
fn body_is_named_by_its_mapping() {
    let endpoint = endpoint(&["warehouse"], Some(warehouse()));
    let delivery = delivery(&saved(json!({})).to_string(), &endpoint);
    assert_eq!(delivery.key.to_string(), "standard#warehouse#item.saved#msg_1");
    assert_eq!(delivery.endpoint.as_ref().unwrap().as_str(), "warehouse");
    assert_eq!(delivery.triggered_at, Some("2026-11-29T10:04:52.113Z".parse().unwrap()));
    let named = super::tests::endpoint(
        &["a", "b"],
        Some({
            let mut mapping = warehouse();
            mapping["store"] = json!("/shop");
            mapping
        }),
    );
    let mut body = saved(json!({}));
    body["shop"] = json!("b");
    assert_eq!(
        super::tests::delivery(&body.to_string(), &named).key.store.to_string(),
        "standard#b"
    );
}

#[test]
fn topic_that_nobody_maps_is_ignored_and_what_names_nothing_is_unreadable() {
    let endpoint = endpoint(&["warehouse"], Some(warehouse()));
    assert!(matches!(
        taken(r#"{"type":"item.seen"}"#, &endpoint),
        Read::Ignored(Ignored::UnknownTopic)
    ));
    for (body, path) in [
        ("", "(body)"),
        ("{}", "/type"),
        (r#"{"type":7.5}"#, "/type"),
        (r#"{"type":{}}"#, "/type"),
        (r#"{"type":"item.saved","type":"item.gone"}"#, "/type"),
        (r#"{"type":"item.saved","timestamp":"yesterday"}"#, "/timestamp"),
        (r#"{"type":"item.saved","timestamp":[]}"#, "/timestamp"),
        ("\u{feff}{\"type\":\"item.saved\"}", "(body)"),
    ] {
        let Read::Unreadable(InterpretError::Schema { path: found, problem }) = taken(body, &endpoint) else {
            panic!("{body}");
        };
        assert_eq!(found, path, "{body}");
        assert!(!problem.contains("yesterday") && !problem.contains("item"), "{problem}");
    }
    let two = super::tests::endpoint(&["a", "b"], Some(warehouse()));
    assert!(matches!(taken(r#"{"type":"item.saved"}"#, &two), Read::Unreadable(_)));
}

#[test]
fn product_has_the_fields_that_are_mapped() {
    let product = product(&saved(json!({
        "name": " Ember  Pocket Stove", "description": "<p>Small &amp; hot</p><script>x</script>",
        "link": "https://shop.example/p/ember-pocket-stove?ref=1", "tags": ["camp", " "], "price_cents": 4800,
        "currency": "eur", "in_stock": true, "stock": 3,
    })));
    assert_eq!(
        (product.title.as_str(), product.description.as_str()),
        ("Ember Pocket Stove", "Small & hot")
    );
    assert_eq!(product.handle.as_deref(), Some("ember-pocket-stove"));
    assert_eq!(product.tags, ["camp"]);
    assert_eq!(product.updated_at, "2026-11-29T10:04:51Z".parse().unwrap());
    let [variant] = &product.variants[..] else { panic!() };
    assert_eq!(variant.price.map(|price| price.to_string()).as_deref(), Some("48.00"));
    assert_eq!(
        (variant.currency.as_deref(), variant.sku.as_deref()),
        (Some("EUR"), Some("EPS-1"))
    );
    assert_eq!((product.availability(), variant.stock.quantity), (Some(true), Some(3)));
    assert!(product.is_whole() && product.collections == Some([].into()));
}

#[test]
fn price_is_one_in_a_known_currency_or_none() {
    let price = |data: Value| product(&saved(data)).variants[0].price.map(|price| price.to_string());
    for (data, expected) in [
        (json!({"price_cents": 500, "currency": "JPY"}), Some("500")),
        (json!({"price_cents": 1234, "currency": "KWD"}), Some("1.234")),
        (json!({"price_cents": 0, "currency": "EUR"}), Some("0.00")),
        (json!({"price_cents": null, "currency": "EUR"}), None),
        (json!({"currency": "EUR"}), None),
        (json!({"price_cents": 500}), None),
        (json!({"price_cents": 500, "currency": "GALLEONS"}), None),
        (
            json!({"price_cents": [{"from": 1, "price": 500}], "currency": "EUR"}),
            None,
        ),
    ] {
        assert_eq!(price(data.clone()).as_deref(), expected, "{data}");
    }
}

#[test]
fn availability_is_told_by_quantity_by_word_or_by_both() {
    let availability = |data: Value| product(&saved(data)).availability();
    for (data, expected) in [
        (json!({}), None),
        (json!({"in_stock": true}), Some(true)),
        (json!({"in_stock": false}), Some(false)),
        (json!({"stock": 1}), Some(true)),
        (json!({"stock": 0}), Some(false)),
        (json!({"stock": -3}), Some(false)),
        (json!({"stock": 0, "in_stock": true}), Some(true)),
        (json!({"stock": 5, "in_stock": false}), Some(false)),
        (json!({"stock": null, "in_stock": null}), None),
    ] {
        assert_eq!(availability(data.clone()), expected, "{data}");
    }
}

#[test]
fn value_of_a_wrong_type_names_its_pointer_and_no_value() {
    let endpoint = endpoint(&["warehouse"], Some(warehouse()));
    for (data, path) in [
        (json!({"sku": null}), "/data/sku"),
        (json!({"sku": ""}), "/data/sku"),
        (json!({"sku": "se#cret"}), "/data/sku"),
        (json!({"sku": "s".repeat(300)}), "/data/sku"),
        (json!({"sku": 1.5}), "/data/sku"),
        (json!({"modified": null}), "/data/modified"),
        (json!({"modified": "secret"}), "/data/modified"),
        (json!({"modified": 1.5}), "/data/modified"),
        (json!({"name": ["secret"]}), "/data/name"),
        (json!({"price_cents": 4.5, "currency": "EUR"}), "/data/price_cents"),
        (json!({"price_cents": "4.5", "currency": "EUR"}), "/data/price_cents"),
        (json!({"price_cents": true, "currency": "EUR"}), "/data/price_cents"),
        (json!({"in_stock": "secret"}), "/data/in_stock"),
        (json!({"stock": "1e9"}), "/data/stock"),
        (json!({"stock": 0.5}), "/data/stock"),
        (json!({"stock": ""}), "/data/stock"),
        (json!({"tags": [1]}), "/data/tags"),
    ] {
        let error = event(&saved(data.clone()), &endpoint).unwrap_err();
        let InterpretError::Schema { path: found, problem } = &error else {
            panic!("{error}")
        };
        assert_eq!(found, path, "{data}");
        assert!(!problem.contains("secret"), "{problem}");
    }
}

#[test]
fn removal_is_a_state_and_an_older_one_does_not_win() {
    let endpoint = endpoint(&["warehouse"], Some(warehouse()));
    let gone = |data: Value| json!({"type": "item.gone", "timestamp": "2026-11-29T10:04:52.113Z", "data": data});
    let Ok(Event::ProductRemoved(Removal { id, at, ordered })) = event(&gone(json!({"sku": 12})), &endpoint) else {
        panic!()
    };
    assert_eq!((id.as_str(), ordered), ("12", Ordered::Told));
    assert_eq!(at, now(), "never later than it was received");
    let older = gone(json!({"sku": 12, "modified": "2026-11-29T10:00:00Z"}));
    let Ok(Event::ProductRemoved(older)) = event(&older, &endpoint) else {
        panic!()
    };
    let version = |at| Version::new(at, now()).unwrap();
    assert!(version(older.at) < version(product(&saved(json!({}))).updated_at));
}

#[test]
fn states_without_a_time_are_ordered_by_arrival() {
    let mut mapping = warehouse();
    mapping["product"].as_object_mut().unwrap().remove("updated_at");
    mapping["ordering"] = json!("arrival");
    let endpoint = endpoint(&["warehouse"], Some(mapping));
    let delivery = delivery(&saved(json!({})).to_string(), &endpoint);
    assert_eq!(delivery.triggered_at, None);
    let Ok(Event::ProductUpdated(product)) = interpret(&delivery, Some(&endpoint)) else {
        panic!()
    };
    assert_eq!(product.updated_at, now());
}

#[test]
fn session_id_that_is_none_is_left_out() {
    let endpoint = endpoint(&["warehouse"], Some(warehouse()));
    for (session, expected) in [
        (json!("chat_7"), Some("chat_7")),
        (json!(null), None),
        (json!(7), None),
        (json!({"id": "chat_7"}), None),
        (json!("a b"), None),
        (json!("a\nb"), None),
        (json!("x".repeat(129)), None),
        (json!("x".repeat(128)), Some("x".repeat(128).leak() as &str)),
    ] {
        let body = json!({"type": "checkout.completed", "data": {"checkout_id": 7, "session_id": session}});
        let Ok(Event::Fact(fact)) = event(&body, &endpoint) else {
            panic!("{body}")
        };
        assert_eq!(fact.announces[0].session_id.as_deref(), expected, "{body}");
        assert_eq!(fact.announces[0].identity, Identity::First, "it tells no time");
    }
}

#[test]
fn body_proves_its_topic_and_its_store_once_more() {
    let endpoint = endpoint(&["warehouse"], Some(warehouse()));
    let delivery = delivery(&saved(json!({})).to_string(), &endpoint);
    let other_topic = Delivery {
        key: DeliveryKey {
            topic: "item.gone".parse().unwrap(),
            ..delivery.key.clone()
        },
        ..delivery.clone()
    };
    assert!(matches!(
        interpret(&other_topic, Some(&endpoint)),
        Err(InterpretError::Schema { .. })
    ));
    let other_store = Delivery {
        key: DeliveryKey {
            store: "standard#other".parse().unwrap(),
            ..delivery.key.clone()
        },
        ..delivery.clone()
    };
    assert_eq!(
        interpret(&other_store, Some(&endpoint)),
        Err(InterpretError::OtherStore)
    );
    assert_eq!(interpret(&delivery, None), Err(InterpretError::Topic));
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(at in 0_usize..40, flip in 1_u8..=255) {
        let body = saved(json!({})).to_string().into_bytes();
        let signature = format!("v1,{}", sign(b"hush-hush-hush-hush-hush", "msg_1", &AT.to_string(), &body));
        let headers = headers("webhook", "msg_1", &AT.to_string(), &signature);
        let mut changed = body.clone();
        let at = at % changed.len();
        changed[at] ^= flip;
        prop_assert!(verified(&headers, &changed, KEY).is_err());
    }

    #[test]
    fn no_body_panics(body: String) {
        let endpoint = endpoint(&["warehouse"], Some(warehouse()));
        if let Read::Delivery(delivery) = taken(&body, &endpoint) {
            let _either = interpret(&delivery, Some(&endpoint));
        }
    }
}
