use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{
    delivery::Delivery,
    event::{
        Event, InterpretError,
        thin::{Expected, Mark, Thing, Wanted},
    },
    store::{
        inbound::{BoundStores, InboundEndpoint, InboundSettings, Mode},
        stores::Counts,
    },
};
use http::HeaderMap;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::{
    Ignored, Inbound, Read,
    signature::{Secrets, SignatureError, SignedRequest, Verified},
};

const KEY: &str = "whsec_hush";
const AT: i64 = 1_795_946_692;
const VECTOR: &str = r#"{"id":"evt_1","object":"event","type":"product.updated","created":1795946691,"livemode":false,"data":{"object":{"id":"prod_1","object":"product"}}}"#;

fn now() -> Timestamp {
    Timestamp::from_second(AT).unwrap()
}

fn sign(key: &str, time: &str, body: &str) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(key.as_bytes()).unwrap();
    hmac.update(format!("{time}.{body}").as_bytes());
    let digits = hmac
        .finalize()
        .into_bytes()
        .into_iter()
        .flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn verified<'a>(headers: &'a HeaderMap, body: &'a str, keys: &[&str]) -> Result<Verified<'a>, SignatureError> {
    let request = SignedRequest {
        headers,
        body: body.as_bytes(),
        addresses: &[],
    };
    SENDER.verify(&request, &Secrets::of(keys, KeyForm::AsIs).unwrap(), now())
}

fn signed(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, value.parse().unwrap());
    headers
}

fn inbound(stores: &[&str], own: Option<&str>, mode: Option<Mode>) -> Inbound {
    Inbound {
        function: NAME,
        endpoint: Some(InboundEndpoint {
            source: NAME.parse().unwrap(),
            name: "acme".parse().unwrap(),
            settings: InboundSettings {
                stores: BoundStores::Listed(
                    stores
                        .iter()
                        .map(|store| store.parse().unwrap())
                        .collect::<BTreeSet<_>>(),
                ),
                addresses: Vec::new(),
                mode,
                own: own.map(|own| own.parse().unwrap()),
                mapping: None,
                senders: None,
            },
            revision: 1,
            counts: Counts::new(),
        }),
    }
}

fn read_at(body: &Value, inbound: &Inbound) -> Read {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let headers = signed(&format!("t={AT},v1={}", sign(KEY, &AT.to_string(), &body)));
    let verified = verified(&headers, &body, &[KEY]).unwrap();
    (SENDER.read)(verified, &headers, inbound, now()).unwrap()
}

fn delivery(body: &Value) -> Delivery {
    match read_at(body, &inbound(&["acct_1AbC"], None, None)) {
        Read::Delivery(delivery) => *delivery,
        other => panic!("{body}: {other:?}"),
    }
}

fn event(body: &Value) -> Result<Event, InterpretError> {
    (PLATFORM.interpret)(&delivery(body), None)
}

fn snapshot(topic: &str, object: &Value) -> Value {
    json!({"id": "evt_1", "object": "event", "type": topic, "created": AT - 1, "livemode": true,
        "api_version": "2026-09-30.endive", "data": {"object": object}})
}

fn thin(topic: &str, id: &str) -> Value {
    json!({"id": "evt_65", "object": "v2.core.event", "type": topic, "created": "2026-11-29T10:04:51.571Z", "livemode": true,
        "context": null, "related_object": {"id": id, "type": "product", "url": "/v1/products/prod_1"}})
}

#[test]
fn vector_of_the_design_is_accepted() {
    let right = "9ac2568fbfefe585651b7de45130c6fad158442d7900321396baa3eaf087b3c1";
    let headers = signed(&format!("t={AT},v1={right}"));
    assert!(verified(&headers, VECTOR, &[KEY]).is_ok());
    assert_eq!(
        verified(&headers, VECTOR, &["hush"]).unwrap_err(),
        SignatureError::Mismatch,
        "`whsec_` is part of the key"
    );
}

#[test]
fn either_signature_of_a_rotation_counts_and_v0_never() {
    let (old, new) = (sign("old", &AT.to_string(), "{}"), sign("new", &AT.to_string(), "{}"));
    let header = signed(&format!("t={AT},v1={old},v1={new}"));
    for key in ["old", "new"] {
        assert!(verified(&header, "{}", &[key]).is_ok());
    }
    assert!(verified(&signed(&format!("t={AT},v1={new},v0={old}")), "{}", &["old"]).is_err());
    assert!(verified(&signed(&format!("t={AT},v0={new}")), "{}", &["new"]).is_err());
}

#[test]
fn header_of_another_form_or_time_is_refused() {
    let right = |time: &str| sign(KEY, time, "{}");
    let at = |seconds: i64| (AT + seconds).to_string();
    for (header, expected) in [
        (format!("t={},v1={}", at(-300), right(&at(-300))), None),
        (format!("t={},v1={}", at(300), right(&at(300))), None),
        (
            format!("t={},v1={}", at(-301), right(&at(-301))),
            Some(SignatureError::Stale),
        ),
        (
            format!("t={},v1={}", at(301), right(&at(301))),
            Some(SignatureError::Stale),
        ),
        (
            format!("t={AT},t={AT},v1={}", right(&at(0))),
            Some(SignatureError::Incomplete),
        ),
        (
            format!("t=-{AT},v1={}", right(&format!("-{AT}"))),
            Some(SignatureError::Incomplete),
        ),
        (
            format!("t={AT}00000000000000000000,v1={}", right(&at(0))),
            Some(SignatureError::Incomplete),
        ),
        (format!("v1={}", right(&at(0))), Some(SignatureError::Incomplete)),
        (format!("t={AT}"), Some(SignatureError::Malformed)),
        (String::new(), Some(SignatureError::Malformed)),
    ] {
        let verified = verified(&signed(&header), "{}", &[KEY]).map(drop);
        assert_eq!(verified.is_ok(), expected.is_none(), "{header}: {verified:?}");
        if expected == Some(SignatureError::Stale) {
            assert_eq!(verified, Err(SignatureError::Stale));
        }
    }
}

#[test]
fn account_is_named_by_the_body_or_is_the_endpoints_own() {
    let body = |extra: Value| {
        let mut body = snapshot("product.updated", &json!({"id": "prod_1"}));
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let store = |body: &Value, inbound: &Inbound| match read_at(body, inbound) {
        Read::Delivery(delivery) => Some(delivery.key.store.to_string()),
        Read::Unreadable(_) => None,
        other => panic!("{other:?}"),
    };
    let one = inbound(&["acct_1AbC"], None, None);
    let platform = inbound(&["acct_1", "acct_2", "acct_p"], Some("acct_p"), None);
    let many = inbound(&["acct_1", "acct_2"], None, None);
    assert_eq!(
        store(&body(json!({"account": "acct_2"})), &platform).as_deref(),
        Some("stripe#acct_2")
    );
    assert_eq!(
        store(&body(json!({"context": "org_7/acct_2"})), &platform).as_deref(),
        Some("stripe#acct_2")
    );
    assert_eq!(store(&body(json!({})), &platform).as_deref(), Some("stripe#acct_p"));
    assert_eq!(store(&body(json!({})), &one).as_deref(), Some("stripe#acct_1AbC"));
    assert_eq!(store(&body(json!({})), &many), None);
    assert_eq!(store(&body(json!({"account": "acct 2"})), &platform), None);
    // The receiver asks whether the endpoint may speak for it.
    assert_eq!(
        store(&body(json!({"account": "acct_other"})), &one).as_deref(),
        Some("stripe#acct_other")
    );
}

#[test]
fn other_mode_unknown_topics_and_pings_deliver_nothing() {
    let updated = snapshot("product.updated", &json!({"id": "prod_1"}));
    let at = |body: &Value, mode| read_at(body, &inbound(&["acct_1AbC"], None, mode));
    assert!(matches!(
        at(&updated, Some(Mode::Test)),
        Read::Ignored(Ignored::OtherMode)
    ));
    assert!(matches!(at(&updated, Some(Mode::Live)), Read::Delivery(_)));
    for topic in ["invoice.paid", "v1.product.updated", "v3.product.updated"] {
        let body = snapshot(topic, &json!({"id": "prod_1"}));
        assert!(
            matches!(at(&body, None), Read::Ignored(Ignored::UnknownTopic)),
            "{topic}"
        );
    }
    for topic in ["product.updated", "v2.product.updated", "v3.product.updated"] {
        assert!(
            matches!(at(&thin(topic, "prod_1"), None), Read::Ignored(Ignored::UnknownTopic)),
            "{topic}"
        );
    }
    let ping = json!({"id": "evt_9", "object": "v2.core.event", "type": "v2.core.event_destination.ping"});
    assert!(matches!(at(&ping, None), Read::Ping));
}

#[test]
fn signed_body_that_names_no_event_is_unreadable() {
    for (body, path) in [
        (json!(""), "(body)"),
        (json!("not json"), "(body)"),
        (json!("\u{feff}{}"), "(body)"),
        (json!([1]), "(body)"),
        (json!({}), "type"),
        (json!({"type": "product.updated"}), "object"),
        (json!({"type": 7}), "type"),
        (json!({"object": "event", "type": "product.updated"}), "livemode"),
        (
            json!({"object": "event", "type": "product.updated", "livemode": true}),
            "id",
        ),
        (
            json!({"object": "event", "type": "product.updated", "livemode": true, "id": 7}),
            "id",
        ),
        (
            json!({"object": "event", "type": "product.updated", "livemode": true, "id": "a#b"}),
            "id",
        ),
        (
            json!({"object": "event", "type": "product.updated", "livemode": true, "id": "evt_1"}),
            "created",
        ),
        (
            json!(
                r#"{"object":"event","type":"product.updated","livemode":true,"id":"evt_1","id":"evt_2","created":1}"#
            ),
            "id",
        ),
    ] {
        let read = read_at(&body, &inbound(&["acct_1AbC"], None, None));
        let Read::Unreadable(InterpretError::Schema { path: found, problem }) = read else {
            panic!("{body}: {read:?}")
        };
        assert!(found == path || found == "(body)", "{body}: {found}: {problem}");
    }
}

#[test]
fn snapshot_and_thin_event_of_one_change_ask_for_one_thing() {
    let product = |expected| {
        Event::Thin(vec![Wanted {
            thing: Thing::Product("prod_1".parse().unwrap()),
            expected,
        }])
    };
    let updated = snapshot("product.updated", &json!({"id": "prod_1", "updated": AT - 1}));
    assert_eq!(event(&updated), Ok(product(Expected::AtLeast(Mark(AT - 1)))));
    assert_eq!(
        event(&thin("v1.product.updated", "prod_1")),
        Ok(product(Expected::Later))
    );
    assert_eq!(
        event(&snapshot("product.deleted", &json!({"id": "prod_1", "updated": AT}))),
        Ok(product(Expected::Later))
    );
    for product_of in [json!("prod_1"), json!({"id": "prod_1", "name": "x"})] {
        let price = snapshot("price.updated", &json!({"id": "price_1", "product": product_of}));
        assert_eq!(event(&price), Ok(product(Expected::Later)));
    }
    let [snapshot, thin] = [updated, thin("v1.product.updated", "prod_1")].map(|body| delivery(&body).key);
    assert_eq!((&snapshot.topic, &snapshot.store), (&thin.topic, &thin.store));
    assert_ne!(snapshot.id, thin.id);
}

#[test]
fn thin_price_asks_for_its_product_and_checkout_for_itself() {
    let wanted = |body: &Value| match event(body).unwrap() {
        Event::Thin(wanted) => wanted[0].thing.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        wanted(&thin("v1.price.updated", "price_1")),
        Thing::ProductOf("price_1".parse().unwrap())
    );
    for topic in [
        "completed",
        "async_payment_succeeded",
        "async_payment_failed",
        "expired",
    ] {
        let session = Thing::Checkout("cs_1".parse().unwrap());
        let personal =
            json!({"id": "cs_1", "customer_details": {"name": "Canary Wren", "email": "canary@example.com"}});
        assert_eq!(
            wanted(&snapshot(&format!("checkout.session.{topic}"), &personal)),
            session
        );
        assert_eq!(wanted(&thin(&format!("v1.checkout.session.{topic}"), "cs_1")), session);
    }
}

#[test]
fn deauthorization_ends_the_install_as_of_its_signed_time() {
    let mut body = snapshot("account.application.deauthorized", &json!({"id": "ca_1"}));
    body["account"] = json!("acct_1AbC");
    assert_eq!(event(&body), Ok(Event::AppUninstalled));
    assert_eq!(delivery(&body).triggered_at, Timestamp::from_second(AT - 1).ok());
}

#[test]
fn body_proves_its_topic_and_its_account_once_more() {
    let mut body = snapshot("product.updated", &json!({"id": "prod_1"}));
    body["account"] = json!("acct_1AbC");
    let delivery = delivery(&body);
    let with = |store: &str, topic: &str| {
        let mut other = delivery.clone();
        other.key.store = store.parse().unwrap();
        other.key.topic = topic.parse().unwrap();
        (PLATFORM.interpret)(&other, None)
    };
    assert!(with("stripe#acct_1AbC", "product.updated").is_ok());
    assert_eq!(
        with("stripe#acct_1abc", "product.updated"),
        Err(InterpretError::OtherStore)
    );
    assert!(matches!(
        with("stripe#acct_1AbC", "price.updated"),
        Err(InterpretError::Schema { .. })
    ));
}

#[test]
fn object_without_an_id_is_named_by_its_path() {
    for (body, path) in [
        (snapshot("product.updated", &json!({})), "data.object.id"),
        (snapshot("product.updated", &json!({"id": "a b"})), "data.object.id"),
        (
            snapshot("price.updated", &json!({"id": "price_1", "product": ""})),
            "data.object.product",
        ),
        (
            snapshot("price.updated", &json!({"id": "price_1", "product": {}})),
            "data.object.product.id",
        ),
        (thin("v1.product.updated", ""), "related_object.id"),
    ] {
        let Err(InterpretError::Schema { path: found, .. }) = event(&body) else {
            panic!("{body}")
        };
        assert_eq!(found, path, "{body}");
    }
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(at: usize, flip in 1_u8..=127) {
        let headers = signed(&format!("t={AT},v1={}", sign(KEY, &AT.to_string(), VECTOR)));
        let mut changed = VECTOR.as_bytes().to_vec();
        let at = at % changed.len();
        changed[at] ^= flip;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        prop_assert!(verified(&headers, &changed, &[KEY]).is_err());
    }

    #[test]
    fn no_body_panics(body: String) {
        if let Read::Delivery(delivery) = read_at(&json!(body), &inbound(&["acct_1AbC"], None, None)) {
            let _either = (PLATFORM.interpret)(&delivery, None);
        }
    }
}
