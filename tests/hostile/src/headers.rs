//! Headers of a signed request are still untrusted: Shopify's signature does not cover them.
//!
//! Input: the name of a topic, then lines `name: value`, with or without the `x-shopify-` before the name. Names of
//! Events, which have no `x-`, are written in full.

use hookline_domain::delivery::envelope;
use hookline_sources::shopify::{self, HeaderError, Topic};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::signature::{CLIENT_SECRETS, sign, verify};

const BODY: &[u8] = b"{\"id\":788032119674292922}";

pub(crate) fn headers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let topic = lines.next().unwrap_or_default();
    let topic = Topic::ALL
        .into_iter()
        .find(|known| known.name() == topic)
        .unwrap_or(Topic::ProductsDelete);
    let headers = read(lines);

    let claimed_store = shopify::claimed_store(&headers);
    let mut signed = HeaderMap::new();
    signed.insert("x-shopify-hmac-sha256", sign(CLIENT_SECRETS[0], BODY).parse().unwrap());
    let verified = verify(&signed, BODY, &CLIENT_SECRETS).unwrap();
    let received_at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let delivery = match shopify::delivery(verified, &headers, topic, received_at) {
        Ok(delivery) => delivery,
        Err(problem) => {
            // The sender receives this message: it names a header and quotes none of its value.
            let message = problem.to_string();
            assert!(
                message.contains("the header x-shopify-") || message.contains("the header shopify-"),
                "{message}"
            );
            assert!(message.len() < 160, "{message}");
            if let HeaderError::Missing(name) = problem {
                assert!(!headers.contains_key(name), "{message}");
            }
            return;
        }
    };

    // One of the two sets of headers: a missing header is never taken from the other set.
    let set = |prefix: &'static str| move |name: &str| format!("{prefix}{name}");
    let is_events = headers.contains_key("shopify-hmac-sha256")
        || !headers.contains_key("x-shopify-hmac-sha256") && !headers.contains_key("x-shopify-topic");
    let full_name = if is_events { set("shopify-") } else { set("x-shopify-") };
    let only = |name: &str| {
        assert_eq!(headers.get_all(full_name(name)).iter().count(), 1, "{name}");
        headers
            .get(full_name(name))
            .and_then(|value| value.to_str().ok())
            .unwrap()
    };
    let topic_header = only("topic");
    if is_events && !topic_header.contains('/') {
        assert_eq!(Topic::of_events(topic_header, only("action")), Some(topic));
    } else {
        assert_eq!(topic_header, topic.name());
    }
    assert_eq!(delivery.key.topic.as_str(), topic.name());
    assert_eq!(delivery.key.id.as_str(), only("webhook-id"));
    let shop = only("shop-domain").to_ascii_lowercase();
    assert_eq!(delivery.key.store.store.as_str(), shop);
    assert_eq!(claimed_store.as_ref(), Some(&delivery.key.store));
    assert!(delivery.api_version.len() <= 32);
    assert_eq!(delivery.body, BODY);

    // Always four parts, whatever the headers say, so that no store's key can equal another's.
    let key = delivery.key.to_string();
    let parts: Vec<&str> = key.split('#').collect();
    assert_eq!(parts, ["shopify", &shop, topic.name(), delivery.key.id.as_str()]);
    assert!(key.len() <= 1024, "a sort key of DynamoDB has at most 1,024 bytes");

    let message = envelope::encode(&delivery).unwrap();
    assert_eq!(envelope::decode(&message).unwrap(), delivery);
    assert!(delivery.observed_at() <= delivery.received_at);
}

/// Headers that an HTTP server would accept.
fn read<'a>(lines: impl Iterator<Item = &'a str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        for name in [name.to_owned(), format!("x-shopify-{name}")] {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_bytes(value.trim().as_bytes());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
    }
    headers
}
