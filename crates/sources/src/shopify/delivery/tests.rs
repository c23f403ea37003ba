use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::kernel::secret::Secret;
use http::HeaderValue;
use proptest::prelude::*;
use sha2::Sha256;

use super::*;
use crate::{
    scheme::KeyForm,
    shopify::SENDER,
    signature::{Secrets, SignatureError, SignedRequest},
};
use base64::Engine;

const BODY: &[u8] = b"{\"id\":788032119674292922}";
const GOOD: &str = "fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q=";

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (CLASSIC.signature, GOOD),
        (CLASSIC.topic, "products/delete"),
        (CLASSIC.shop, "Demo.myshopify.com"),
        (CLASSIC.api_version, "2026-07"),
        (CLASSIC.webhook_id, "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
        (CLASSIC.event_id, "98880550-7158-44d4-b7cd-2c97c8a091b5"),
        (CLASSIC.triggered_at, "2026-03-30T14:30:00.000000000Z"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn secrets() -> Secrets {
    Secrets::parse(&Secret::new("hush"), KeyForm::AsIs).unwrap()
}

fn verify<'a>(headers: &'a HeaderMap, body: &'a [u8], secrets: &Secrets) -> Result<Verified<'a>, SignatureError> {
    let request = SignedRequest {
        headers,
        body,
        addresses: &[],
    };
    SENDER.verify(&request, secrets, Timestamp::UNIX_EPOCH)
}

fn take(headers: &HeaderMap) -> Result<Delivery, HeaderError> {
    let secrets = secrets();
    let verified = verify(headers, BODY, &secrets).unwrap();
    delivery(verified, headers, Topic::ProductsDelete, Timestamp::UNIX_EPOCH)
}

#[test]
fn delivery_is_named_by_its_headers() {
    let delivery = take(&headers()).unwrap();
    assert_eq!(
        delivery.key.to_string(),
        "shopify#demo.myshopify.com#products/delete#b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
    );
    assert_eq!(delivery.triggered_at, Some("2026-03-30T14:30:00Z".parse().unwrap()));
    assert_eq!(delivery.body, BODY);
}

#[test]
fn missing_required_header_is_named() {
    for name in [CLASSIC.topic, CLASSIC.shop, CLASSIC.api_version, CLASSIC.webhook_id] {
        let mut headers = headers();
        headers.remove(name);
        assert_eq!(take(&headers), Err(HeaderError::Missing(name)));
        headers.append(name, HeaderValue::from_static("a"));
        headers.append(name, HeaderValue::from_static("b"));
        assert_eq!(take(&headers), Err(HeaderError::NotText(name)));
    }
}

#[test]
fn optional_headers_may_be_absent_or_unreadable() {
    let mut headers = headers();
    headers.remove(CLASSIC.event_id);
    headers.insert(CLASSIC.triggered_at, HeaderValue::from_static("yesterday"));
    let delivery = take(&headers).unwrap();
    assert_eq!((delivery.event_id, delivery.triggered_at), (None, None));
}

#[test]
fn other_topic_and_invalid_shop_are_refused() {
    let mut other = headers();
    other.insert(CLASSIC.topic, HeaderValue::from_static("products/update"));
    assert_eq!(
        take(&other),
        Err(HeaderError::OtherTopic {
            name: CLASSIC.topic,
            expected: "products/delete"
        })
    );
    for shop in [
        "evil#x.myshopify.com",
        "myshopify.com",
        ".myshopify.com",
        "a.b.myshopify.com",
        "shop.example.com",
        "a b.myshopify.com",
    ] {
        let mut headers = headers();
        headers.insert(CLASSIC.shop, HeaderValue::from_str(shop).unwrap());
        assert!(take(&headers).is_err(), "{shop}");
    }
}

#[test]
fn saved_request_needs_all_headers_except_the_signature() {
    let mut saved = headers();
    saved.remove(CLASSIC.signature);
    let received_at = Timestamp::UNIX_EPOCH;
    assert_eq!(read_saved(&saved, BODY, received_at), take(&headers()));
    saved.insert(CLASSIC.topic, HeaderValue::from_static("carts/create"));
    assert_eq!(
        read_saved(&saved, BODY, received_at),
        Err(HeaderError::UnknownTopic { name: CLASSIC.topic })
    );
    saved.remove(CLASSIC.topic);
    assert_eq!(
        read_saved(&saved, BODY, received_at),
        Err(HeaderError::Missing(CLASSIC.topic))
    );
}

#[test]
fn delivery_id_marked_as_a_replay_is_refused() {
    let mut headers = headers();
    headers.insert(CLASSIC.webhook_id, HeaderValue::from_static("b54557e4~replay-0123abcd"));
    assert_eq!(
        take(&headers),
        Err(HeaderError::Reserved {
            name: CLASSIC.webhook_id
        })
    );
}

#[test]
fn signature_header_that_occurs_twice_is_refused() {
    let secrets = secrets();
    let mut twice = headers();
    twice.append(CLASSIC.signature, HeaderValue::from_static(GOOD));
    assert_eq!(verify(&twice, BODY, &secrets).unwrap_err(), SignatureError::Malformed);
    let mut none = headers();
    none.remove(CLASSIC.signature);
    assert_eq!(verify(&none, BODY, &secrets).unwrap_err(), SignatureError::Missing);
}

/// Headers of the same delivery by Events, with this topic and action.
fn events(topic: &'static str, action: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (EVENTS.signature, GOOD),
        (EVENTS.topic, topic),
        ("shopify-action", action),
        ("shopify-handle", "product-deletions"),
        (EVENTS.shop, "Demo.myshopify.com"),
        (EVENTS.api_version, "2026-10"),
        (EVENTS.webhook_id, "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
        (EVENTS.triggered_at, "2026-03-30T14:30:00.000000000Z"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn delivery_of_events_has_the_key_of_its_topic() {
    let classic = take(&headers()).unwrap();
    for (topic, action) in [
        ("Product", "delete"),
        ("product", "Delete"),
        ("products/delete", "delete"),
    ] {
        let delivery = take(&events(topic, action)).unwrap();
        assert_eq!(delivery.key, classic.key);
        assert_eq!(delivery.triggered_at, classic.triggered_at);
        assert_eq!((delivery.event_id, &*delivery.api_version), (None, "2026-10"));
    }
    for (topic, action) in [
        ("Product", "update"),
        ("Collection", "delete"),
        ("products/update", "delete"),
        ("Produkt", "delete"),
    ] {
        let refused = take(&events(topic, action)).unwrap_err().to_string();
        assert!(refused.contains("the header shopify-topic "), "{refused}");
    }
}

#[test]
fn missing_required_header_of_events_is_named() {
    for name in [
        EVENTS.topic,
        "shopify-action",
        EVENTS.shop,
        EVENTS.api_version,
        EVENTS.webhook_id,
    ] {
        // Classic headers do not replace those of Events.
        let mut both = events("Product", "delete");
        for (classic, value) in &headers() {
            both.insert(classic, value.clone());
        }
        both.remove(name);
        assert_eq!(take(&both), Err(HeaderError::Missing(name)));
    }
}

#[test]
fn signature_of_events_is_checked_if_there_are_two() {
    let secrets = secrets();
    let mut both = headers();
    both.insert(EVENTS.signature, HeaderValue::from_static("nonsense"));
    assert_eq!(verify(&both, BODY, &secrets).unwrap_err(), SignatureError::Malformed);
    let mut both = events("Product", "delete");
    both.insert(CLASSIC.signature, HeaderValue::from_static("nonsense"));
    both.insert(CLASSIC.shop, HeaderValue::from_static("other.myshopify.com"));
    verify(&both, BODY, &secrets).unwrap();
    assert_eq!(claimed_store(&both).unwrap().store.as_str(), "demo.myshopify.com");
}

#[test]
fn saved_request_of_events_needs_no_signature() {
    let mut saved = events("Product", "delete");
    saved.remove(EVENTS.signature);
    assert_eq!(
        read_saved(&saved, BODY, Timestamp::UNIX_EPOCH),
        take(&events("Product", "delete"))
    );
    saved.insert("shopify-action", HeaderValue::from_static("explode"));
    assert_eq!(
        read_saved(&saved, BODY, Timestamp::UNIX_EPOCH),
        Err(HeaderError::UnknownTopic { name: EVENTS.topic })
    );
}

/// Headers of a delivery whose body is signed.
fn signed(body: &[u8]) -> HeaderMap {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(b"hush").unwrap();
    hmac.update(body);
    let signature = base64::prelude::BASE64_STANDARD.encode(hmac.finalize().into_bytes());
    let mut headers = headers();
    headers.insert(CLASSIC.signature, HeaderValue::from_str(&signature).unwrap());
    headers
}

fn checked(body: &[u8]) -> Result<(), SignatureError> {
    let secrets = secrets();
    let headers = signed(body);
    let mut of_events = events("Product", "delete");
    of_events.insert(EVENTS.signature, headers[CLASSIC.signature].clone());
    let checked = verify(&headers, body, &secrets).map(drop);
    assert_eq!(
        verify(&of_events, body, &secrets).map(drop),
        checked,
        "both sets of headers are held to it"
    );
    checked
}

/// Texts that the client secret signs for browsers (ADR 25), each with its right signature.
#[test]
fn text_that_is_signed_for_a_browser_is_not_a_webhook() {
    let session = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(r#"{"iss":"https://demo.myshopify.com/admin"}"#);
    let token = format!("{session}.{claims}");
    for body in [
        token.as_str(),
        "code=0907a61c&host=YWRtaW4&shop=demo.myshopify.com&state=1&timestamp=1337178173",
        "embedded=1&host=YWRtaW4&id_token=eyJ&locale=en&session=1&shop=demo.myshopify.com&timestamp=1337178173",
        "extra=1,2logged_in_customer_id=path_prefix=/apps/awesome_reviewsshop=demo.myshopify.comtimestamp=1317327555",
        "",
        "null",
        "[{\"id\":1}]",
        "\"{}\"",
        " {\"id\":1}",
        "\n{\"id\":1}",
        "\u{feff}{\"id\":1}",
        "\0{\"id\":1}",
    ] {
        assert_eq!(checked(body.as_bytes()), Err(SignatureError::NotAWebhook), "{body:?}");
    }
    assert_eq!(checked(b"{"), Ok(()));
}

proptest! {
    #[test]
    fn token_and_query_are_not_webhooks(
        header in "[A-Za-z0-9_-]{1,40}", claims in "[A-Za-z0-9_-]{0,80}",
        pairs in proptest::collection::vec(("[a-z_]{1,12}", "[ -~]{0,20}"), 1..6),
        bytes: Vec<u8>,
    ) {
        prop_assert_eq!(checked(format!("{header}.{claims}").as_bytes()), Err(SignatureError::NotAWebhook));
        for (between, separator) in [("=", "&"), ("=", "")] {
            let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}{between}{value}")).collect();
            prop_assert_eq!(checked(query.join(separator).as_bytes()), Err(SignatureError::NotAWebhook));
        }
        prop_assert_eq!(checked(&bytes).is_ok(), bytes.first() == Some(&b'{'));
    }
}
