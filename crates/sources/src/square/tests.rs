use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{
    delivery::{Delivery, replay},
    event::{
        Event, InterpretError,
        thin::{Expected, Mark, Thing, Wanted},
    },
    kernel::secret::Secret,
    store::inbound::{BoundStores, InboundEndpoint, InboundSettings},
};
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::{
    Ignored, Inbound, Read, interpret,
    signature::{Secrets, SignatureError, SignedRequest},
};

mod vectors;

use self::vectors::VECTORS;

const ADDRESS: &str = "https://hooks.example.com/api/webhooks/receive/square/acme";
const STORE: &str = "MJUNIPER1OAK2";

fn now() -> Timestamp {
    "2026-11-29T10:04:55Z".parse().unwrap()
}

fn inbound(addresses: &[&str]) -> Inbound {
    Inbound {
        function: NAME,
        endpoint: Some(InboundEndpoint {
            source: NAME.parse().unwrap(),
            name: "acme".parse().unwrap(),
            settings: InboundSettings {
                stores: BoundStores::Any,
                addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
                mode: None,
                own: None,
                mapping: None,
                senders: None,
            },
            revision: 1,
            counts: BTreeMap::new(),
        }),
    }
}

fn signature(key: &str, address: &str, body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(key.as_bytes()).unwrap();
    hmac.update(address.as_bytes());
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

/// Receives a request, as a receiver does.
fn received(headers: &HeaderMap, key: &str, addresses: &[&str], body: &[u8]) -> Result<Read, SignatureError> {
    let inbound = inbound(addresses);
    let secrets = Secrets::parse(&Secret::new(key), SENDER.scheme.key).unwrap();
    let request = SignedRequest {
        headers,
        body,
        addresses: inbound.addresses(),
    };
    let verified = SENDER.verify(&request, &secrets, now())?;
    Ok((SENDER.read)(verified, headers, &inbound, now()).unwrap())
}

fn headers(signature: &str) -> HeaderMap {
    HeaderMap::from_iter([(
        http::HeaderName::from_static(SIGNATURE),
        HeaderValue::from_str(signature).unwrap(),
    )])
}

/// Receives a body that Square has signed.
fn signed(body: &[u8]) -> Read {
    received(&headers(&signature("hush", ADDRESS, body)), "hush", &[ADDRESS], body).unwrap()
}

fn event(topic: &str, object: impl Into<Value>) -> Value {
    let object: Value = object.into();
    json!({
        "merchant_id": STORE,
        "type": topic,
        "event_id": "59a8d878-0fe3-310c-8610-1f7e5dde659d",
        "created_at": "2026-11-29T10:04:54.252927974Z",
        "data": {"type": "thing", "id": "", "object": object},
    })
}

fn delivered(body: &Value) -> Delivery {
    match signed(body.to_string().as_bytes()) {
        Read::Delivery(delivery) => *delivery,
        other => panic!("{other:?}"),
    }
}

fn means(body: &Value) -> Result<Event, InterpretError> {
    interpret(&delivered(body), None)
}

fn at_least(text: &str) -> Expected {
    Expected::AtLeast(Mark(text.parse::<Timestamp>().unwrap().as_millisecond()))
}

fn is_unreadable(body: &[u8]) -> bool {
    matches!(signed(body), Read::Unreadable(InterpretError::Schema { .. }))
}

#[test]
fn delivery_is_what_the_body_says() {
    let delivery = delivered(&event("order.created", json!({})));
    assert_eq!(
        delivery.key.to_string(),
        "square#MJUNIPER1OAK2#order.created#59a8d878-0fe3-310c-8610-1f7e5dde659d"
    );
    assert_eq!(delivery.endpoint.unwrap().as_str(), "acme");
    assert_eq!(
        delivery.triggered_at,
        Some("2026-11-29T10:04:54.252927974Z".parse().unwrap())
    );
    assert_eq!(delivery.received_at, now());
    assert_eq!((delivery.api_version.as_str(), delivery.event_id), ("", None));
}

#[test]
fn topics_of_others_are_ignored() {
    for topic in [
        "payment.created",
        "refund.updated",
        "catalog.version.updated.v2",
        "Order.created",
        "",
    ] {
        let body = event(topic, json!({"payment": {"id": "1"}})).to_string();
        let read = signed(body.as_bytes());
        assert!(
            matches!(read, Read::Ignored(Ignored::UnknownTopic)),
            "{topic}: {read:?}"
        );
    }
}

#[test]
fn time_of_the_event_may_be_six_days_old_and_five_minutes_ahead() {
    let read = |age: SignedDuration| {
        let mut body = event("order.created", json!({}));
        body["created_at"] = json!((now() - age).to_string());
        signed(body.to_string().as_bytes())
    };
    let (back, ahead) = (SignedDuration::from_hours(144), SignedDuration::from_secs(-300));
    let nanosecond = SignedDuration::from_nanos(1);
    for age in [back, SignedDuration::ZERO, ahead] {
        assert!(matches!(read(age), Read::Delivery(_)), "{age}");
    }
    for age in [back + nanosecond, ahead - nanosecond] {
        assert!(matches!(read(age), Read::Stale), "{age}");
    }
}

#[test]
fn signed_body_without_an_envelope_is_unreadable() {
    let whole = event("order.created", json!({})).to_string();
    for body in [
        "null",
        "[]",
        "[1]",
        "{",
        "not json",
        "\u{feff}{}",
        " {}",
        "{}",
        &whole[..60],
        &format!("{whole} x"),
    ] {
        assert!(is_unreadable(body.as_bytes()), "{body}");
    }
    assert!(is_unreadable(b"\xff\xfe"));
    assert!(is_unreadable(&b"[".repeat(100_000)));
    let twice = whole.replacen('{', r#"{"merchant_id":"MOTHER","#, 1);
    assert!(is_unreadable(twice.as_bytes()), "two sellers");
    for field in ["merchant_id", "type", "event_id", "created_at"] {
        for value in [json!(null), json!(7), json!(["a"]), json!({"a": 1})] {
            let mut body = event("order.created", json!({}));
            body[field] = value.clone();
            assert!(is_unreadable(body.to_string().as_bytes()), "{field}: {value}");
            body.as_object_mut().unwrap().remove(field);
            assert!(is_unreadable(body.to_string().as_bytes()), "no {field}");
        }
    }
    for (field, value) in [
        ("event_id", "a#b".to_owned()),
        ("event_id", "x".repeat(300)),
        ("event_id", String::new()),
        ("merchant_id", "A#B".to_owned()),
        ("merchant_id", "a b".to_owned()),
        ("created_at", "yesterday".to_owned()),
        ("created_at", "1795946692".to_owned()),
    ] {
        let mut body = event("order.created", json!({}));
        body[field] = json!(value);
        assert!(is_unreadable(body.to_string().as_bytes()), "{field}: {value}");
    }
}

#[test]
fn catalogue_is_asked_as_of_its_clock() {
    let catalogue = |expected| {
        Ok(Event::Thin(vec![Wanted {
            thing: Thing::Catalogue,
            expected,
        }]))
    };
    let version = json!({"catalog_version": {"updated_at": "2026-11-29T10:04:52.098Z"}});
    assert_eq!(
        means(&event("catalog.version.updated", version.clone())),
        catalogue(at_least("2026-11-29T10:04:52.098Z"))
    );
    let mut older = event("catalog.version.updated", json!(null));
    assert_eq!(means(&older), catalogue(Expected::Later));
    older["data"] = version;
    assert_eq!(means(&older), catalogue(at_least("2026-11-29T10:04:52.098Z")));
    older.as_object_mut().unwrap().remove("data");
    assert_eq!(means(&older), catalogue(Expected::Later));
}

fn count(id: &str, state: &str, quantity: &str, at: &str) -> Value {
    json!({
        "catalog_object_id": id,
        "catalog_object_type": "ITEM_VARIATION",
        "state": state,
        "location_id": "LPINE",
        "quantity": quantity,
        "calculated_at": at,
    })
}

#[test]
fn counts_ask_once_for_the_product_of_each_variation() {
    let counts = json!({"inventory_counts": [
        count("VSMALL", "IN_STOCK", "3", "2026-11-29T10:04:51Z"),
        count("VSMALL", "WASTE", "1", "2026-11-29T10:04:53.5Z"),
        count("VSMALL", "SOLD", "1", "2026-11-29T10:04:54Z"),
        count("VLARGE", "SOLD", "1", "2026-11-29T10:04:54Z"),
        {"catalog_object_id": "IMENU", "catalog_object_type": "ITEM", "quantity": "1", "calculated_at": "2026-11-29T10:04:54Z"},
    ]});
    let wanted = |thing, expected| Wanted { thing, expected };
    assert_eq!(
        means(&event("inventory.count.updated", counts)),
        Ok(Event::Thin(vec![
            wanted(Thing::Product("IMENU".parse().unwrap()), Expected::Later),
            wanted(Thing::ProductOf("VLARGE".parse().unwrap()), Expected::Later),
            wanted(
                Thing::ProductOf("VSMALL".parse().unwrap()),
                at_least("2026-11-29T10:04:53.5Z")
            ),
        ]))
    );
}

#[test]
fn quantities_are_decimals_of_at_most_five_places() {
    let means = |quantity: Value| {
        let mut counted = count("VSMALL", "IN_STOCK", "", "2026-11-29T10:04:51Z");
        counted["quantity"] = quantity;
        means(&event(
            "inventory.count.updated",
            json!({"inventory_counts": [counted]}),
        ))
    };
    for fine in ["0", "-3", "0.00001", "12.5", "99999999999999999999"] {
        assert!(means(json!(fine)).is_ok(), "{fine}");
    }
    let wrong = [
        "", "1e9", "1E9", "+1", "--1", "-", ".5", "5.", "1.000001", "1,5", " 1", "0x1", "NaN", "١",
    ];
    for wrong in wrong {
        let problem = means(json!(wrong)).unwrap_err();
        assert!(
            problem.to_string().contains("inventory_counts[0].quantity"),
            "{wrong}: {problem}"
        );
        assert!(wrong.is_empty() || !problem.to_string().contains(&format!("{wrong:?}")));
    }
    for wrong in [json!(1), json!({}), json!([])] {
        assert!(matches!(means(wrong), Err(InterpretError::Schema { .. })));
    }
    assert!(events::quantity("-3").unwrap().is_sign_negative());
    assert_eq!(events::quantity("0.00001").unwrap().to_string(), "0.00001");
}

#[test]
fn counts_without_a_variation_are_unreadable() {
    for object in [
        json!(null),
        json!({}),
        json!({"inventory_counts": []}),
        json!({"inventory_counts": [{}]}),
        json!({"inventory_counts": [{"catalog_object_id": "a#b"}]}),
        json!({"inventory_counts": {"catalog_object_id": "VSMALL"}}),
    ] {
        assert!(matches!(
            means(&event("inventory.count.updated", object)),
            Err(InterpretError::Schema { .. })
        ));
    }
}

#[test]
fn orders_are_asked_for_as_of_their_version() {
    for (topic, name) in [
        ("order.created", "order_created"),
        ("order.updated", "order_updated"),
        ("order.fulfillment.updated", "order_fulfillment_updated"),
    ] {
        let means = |order: Value| means(&event(topic, json!({ name: order })));
        let order = |expected| {
            let thing = Thing::Order("ORDER1".parse().unwrap());
            Ok(Event::Thin(vec![Wanted { thing, expected }]))
        };
        assert_eq!(
            means(json!({"order_id": "ORDER1", "version": 4, "state": "OPEN"})),
            order(Expected::AtLeast(Mark(4)))
        );
        assert_eq!(means(json!({"order_id": "ORDER1"})), order(Expected::Later));
        for wrong in [
            json!({}),
            json!({"order_id": 1}),
            json!({"order_id": "ORDER1", "version": "4"}),
            json!(null),
        ] {
            assert!(matches!(means(wrong), Err(InterpretError::Schema { .. })));
        }
    }
}

#[test]
fn revocation_uninstalls_as_of_its_own_time() {
    let revoked = |revocation: Value| event("oauth.authorization.revoked", json!({ "revocation": revocation }));
    let delivery = delivered(&revoked(
        json!({"revoked_at": "2026-11-29T10:04:50Z", "revoker_type": "MERCHANT"}),
    ));
    assert_eq!(delivery.observed_at(), "2026-11-29T10:04:50Z".parse().unwrap());
    assert_eq!(interpret(&delivery, None), Ok(Event::AppUninstalled));
    let untold = delivered(&revoked(json!({})));
    assert_eq!(untold.observed_at(), "2026-11-29T10:04:54.252927Z".parse().unwrap());
    let wrong = revoked(json!({"revoked_at": "soon"})).to_string();
    assert!(is_unreadable(wrong.as_bytes()));
}

/// The samples in `events/square/hostile`: what each becomes, in a receiver and then in the consumer.
#[test]
fn hostile_samples_do_no_harm() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/square/hostile");
    let becomes = |name: &str| {
        let body = std::fs::read(format!("{folder}/{name}")).unwrap();
        let sent = headers(&signature("hush", ADDRESS, &body));
        let inbound = inbound(&[ADDRESS]);
        let secrets = Secrets::parse(&Secret::new("hush"), SENDER.scheme.key).unwrap();
        let request = SignedRequest {
            headers: &sent,
            body: &body,
            addresses: inbound.addresses(),
        };
        let verified = SENDER.verify(&request, &secrets, now()).unwrap();
        let sent_at = "2026-11-20T10:10:00Z".parse().unwrap();
        match (SENDER.read)(verified, &sent, &inbound, sent_at).unwrap() {
            Read::Unreadable(_) => "unreadable",
            Read::Ignored(_) => "ignored",
            Read::Delivery(delivery) if delivery.key.store.store.as_str() != STORE => "unbound",
            Read::Delivery(delivery) if replay::original_of(&delivery.key.id).is_some() => "reserved",
            Read::Delivery(delivery) => match interpret(&delivery, None) {
                Ok(_) => "taken",
                Err(_) => "parked",
            },
            Read::Ping | Read::Stale => "other",
        }
    };
    for (name, expected) in [
        ("byte-order-mark.json", "unreadable"),
        ("catalog-without-object.json", "taken"),
        ("cut.json", "unreadable"),
        ("id-is-a-number.json", "unreadable"),
        ("id-marked-as-replay.json", "reserved"),
        ("of-another-merchant.json", "unbound"),
        ("payment-updated.json", "ignored"),
        ("quantity-empty.json", "parked"),
        ("quantity-exponent.json", "parked"),
        ("quantity-negative.json", "taken"),
        ("two-merchants.json", "unreadable"),
    ] {
        assert_eq!(becomes(name), expected, "{name}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 11);
}

/// ADR 25: what a delivery is called proves nothing.
#[test]
fn body_of_another_seller_or_topic_is_refused() {
    let delivery = delivered(&event(
        "order.created",
        json!({"order_created": {"order_id": "ORDER1"}}),
    ));
    let mut other = delivery.clone();
    other.key.store.store = STORE.to_lowercase().parse().unwrap();
    assert_eq!(interpret(&other, None), Err(InterpretError::OtherStore));
    let mut other = delivery;
    other.key.topic = "order.updated".parse().unwrap();
    assert!(matches!(interpret(&other, None), Err(InterpretError::Schema { .. })));
}

#[test]
fn saved_request_is_read_whatever_its_age() {
    let mut body = event("order.created", json!({}));
    body["created_at"] = json!("2020-01-01T00:00:00Z");
    let delivery = crate::read_saved(&headers("x"), body.to_string().as_bytes(), now()).unwrap();
    assert_eq!(delivery.key.store.label(), "square:MJUNIPER1OAK2");
    let (_, _, ping, _) = VECTORS[0];
    assert!(crate::read_saved(&headers("x"), ping.as_bytes(), now()).is_err());
}

proptest! {
    #[test]
    fn no_signed_body_panics(body: Vec<u8>) {
        prop_assume!(!body.is_empty());
        let read = signed(&body);
        let is_unreadable = matches!(read, Read::Unreadable(_));
        prop_assert!(is_unreadable, "{:?}", read);
    }

    #[test]
    fn no_text_is_a_quantity_that_is_none(text in "-?[0-9eE.+ -]{0,30}") {
        let is_decimal = text.parse::<rust_decimal::Decimal>().is_ok();
        prop_assert!(is_decimal || events::quantity(&text).is_none());
    }

    #[test]
    fn any_changed_byte_is_refused(at: usize, flip in 1..=255_u8) {
        let body = event("order.created", json!({"order_created": {"order_id": "ORDER1"}})).to_string().into_bytes();
        let sent = headers(&signature("hush", ADDRESS, &body));
        let mut changed = body.clone();
        let place = at % changed.len();
        changed[place] ^= flip;
        prop_assert!(received(&sent, "hush", &[ADDRESS], &changed).is_err());
        let mut address = ADDRESS.as_bytes().to_vec();
        let place = at % address.len();
        address[place] = if address[place] == b'x' { b'y' } else { b'x' };
        prop_assert!(received(&sent, "hush", &[str::from_utf8(&address).unwrap()], &body).is_err());
    }

    #[test]
    fn any_value_in_any_place_is_read_or_unreadable(place in 0..6_usize, value in prop_oneof![
        Just(json!(null)), any::<i64>().prop_map(|n| json!(n)), any::<String>().prop_map(|text| json!(text)),
        any::<Vec<u8>>().prop_map(|list| json!(list)), any::<bool>().prop_map(|flag| json!({"a": flag})),
    ]) {
        let mut body = event("inventory.count.updated", json!({"inventory_counts": [count("V", "IN_STOCK", "1", "2026-11-29T10:04:51Z")]}));
        let pointer = ["/data", "/data/object", "/data/object/inventory_counts", "/data/object/inventory_counts/0",
            "/data/object/inventory_counts/0/quantity", "/data/object/inventory_counts/0/calculated_at"][place];
        *body.pointer_mut(pointer).unwrap() = value;
        if let Err(problem) = means(&body) {
            let is_of_a_place = matches!(problem, InterpretError::Schema { .. });
            prop_assert!(is_of_a_place);
        }
    }
}
