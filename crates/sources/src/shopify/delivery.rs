//! One request of Shopify's: its headers, and the check that comes before anything else.
//!
//! Headers: <https://shopify.dev/docs/apps/build/webhooks/delivery-structure>. Shopify's own library requires
//! signature, topic, shop, API version and webhook id, and takes the rest if it is there; so does this. The signature
//! covers the body **only** (<https://shopify.dev/docs/apps/build/webhooks/verify-deliveries>): every other header is
//! a hint.

use hookline_domain::{
    delivery::Delivery,
    ids::{DeliveryId, DeliveryKey, EventId, InvalidId, Source, StoreKey, StoreName, Topic as TopicName},
    replay,
};
use http::HeaderMap;
use jiff::Timestamp;

use super::Topic;
use crate::signature::{Secrets, SignatureError, Verified};

/// The longest body taken.
pub use hookline_domain::delivery::BODY_LIMIT;

const SIGNATURE: &str = "x-shopify-hmac-sha256";
const TOPIC: &str = "x-shopify-topic";
const SHOP: &str = "x-shopify-shop-domain";
const API_VERSION: &str = "x-shopify-api-version";
const WEBHOOK_ID: &str = "x-shopify-webhook-id";
const EVENT_ID: &str = "x-shopify-event-id";
const TRIGGERED_AT: &str = "x-shopify-triggered-at";

/// The most bytes of an API version that are kept.
const API_VERSION_LIMIT: usize = 32;

/// What is wrong with the headers of a request whose body is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// It is there twice, or not text.
    #[error("the header {0} is not one text")]
    NotText(&'static str),
    /// It does not name what it should.
    #[error("the header {name}: {problem}")]
    Invalid {
        /// Which header.
        name: &'static str,
        /// What is wrong with it.
        problem: InvalidId,
    },
    /// Only a person of ours may say that a delivery is a replay; no signature covers the header.
    #[error("the header {WEBHOOK_ID} is marked as a replay")]
    Reserved,
    /// Shops have names that end in `.myshopify.com`.
    #[error("the header {SHOP} is not a myshopify.com domain")]
    NotAShop,
    /// The delivery was sent to another topic's address.
    #[error("the header {TOPIC} is not {expected}, which is what this address takes")]
    OtherTopic {
        /// What this function takes.
        expected: &'static str,
    },
    /// Nothing here reads such deliveries.
    #[error("the header {TOPIC} is no topic that is read here")]
    UnknownTopic,
}

/// Checks that Shopify signed the body.
///
/// # Errors
/// [`SignatureError`] says what is wrong; the sender is told nothing but 401.
pub fn verify<'a>(headers: &HeaderMap, body: &'a [u8], secrets: &Secrets) -> Result<Verified<'a>, SignatureError> {
    let mut signatures = headers.get_all(SIGNATURE).iter();
    let signature = signatures.next().ok_or(SignatureError::Missing)?;
    if signatures.next().is_some() {
        return Err(SignatureError::Malformed);
    }
    secrets.verify(body, signature.as_bytes())
}

/// What a verified request delivers. An optional header that cannot be read counts as absent: it is a hint.
///
/// # Errors
/// [`HeaderError`] names the header.
pub fn delivery(
    verified: Verified<'_>,
    headers: &HeaderMap,
    topic: Topic,
    received_at: Timestamp,
) -> Result<Delivery, HeaderError> {
    if required(headers, TOPIC)? != topic.name() {
        return Err(HeaderError::OtherTopic { expected: topic.name() });
    }
    read(headers, topic, received_at, verified.body())
}

/// What a request that a person has kept delivers. Its signature is **not** looked at: whoever may write to the queue
/// vouches for it.
///
/// # Errors
/// [`HeaderError`] names the header.
pub fn captured(headers: &HeaderMap, body: &[u8], received_at: Timestamp) -> Result<Delivery, HeaderError> {
    let name = required(headers, TOPIC)?;
    let topic = Topic::ALL.into_iter().find(|topic| topic.name() == name);
    read(headers, topic.ok_or(HeaderError::UnknownTopic)?, received_at, body)
}

fn read(headers: &HeaderMap, topic: Topic, received_at: Timestamp, body: &[u8]) -> Result<Delivery, HeaderError> {
    let store = store(required(headers, SHOP)?)?;
    let mut api_version = required(headers, API_VERSION)?.to_owned();
    api_version.truncate(api_version.floor_char_boundary(API_VERSION_LIMIT));
    let id = DeliveryId::new(required(headers, WEBHOOK_ID)?).map_err(|problem| HeaderError::Invalid {
        name: WEBHOOK_ID,
        problem,
    })?;
    if replay::original_of(&id).is_some() {
        return Err(HeaderError::Reserved);
    }
    let topic = TopicName::new(topic.name()).map_err(|problem| HeaderError::Invalid { name: TOPIC, problem })?;
    Ok(Delivery {
        key: DeliveryKey { store, topic, id },
        event_id: optional(headers, EVENT_ID).and_then(|id| EventId::new(id).ok()),
        api_version,
        triggered_at: optional(headers, TRIGGERED_AT).and_then(|at| at.parse().ok()),
        received_at,
        body: body.to_vec(),
    })
}

/// The store in whose name a request comes, if it names one. **Unverified**: for counting, never for acting.
#[must_use]
pub fn named_store(headers: &HeaderMap) -> Option<StoreKey> {
    store(optional(headers, SHOP)?).ok()
}

/// The store that a `*.myshopify.com` domain names, in any letter case.
///
/// # Errors
/// [`HeaderError`] when it is not such a domain.
pub fn store(domain: &str) -> Result<StoreKey, HeaderError> {
    let invalid = |problem| HeaderError::Invalid { name: SHOP, problem };
    let domain = domain.to_ascii_lowercase();
    let label = domain.strip_suffix(".myshopify.com").ok_or(HeaderError::NotAShop)?;
    if label.is_empty() || label.contains('.') {
        return Err(HeaderError::NotAShop);
    }
    Ok(StoreKey {
        source: Source::new("shopify").map_err(invalid)?,
        store: StoreName::new(domain).map_err(invalid)?,
    })
}

fn required<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, HeaderError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(HeaderError::Missing(name))?;
    if values.next().is_some() {
        return Err(HeaderError::NotText(name));
    }
    value.to_str().map_err(|_| HeaderError::NotText(name))
}

fn optional<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    required(headers, name).ok()
}

#[cfg(test)]
mod tests {
    use hookline_domain::secret::Secret;
    use http::HeaderValue;

    use super::*;

    const BODY: &[u8] = b"{\"id\":788032119674292922}";
    const GOOD: &str = "fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q=";

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (SIGNATURE, GOOD),
            (TOPIC, "products/delete"),
            (SHOP, "Demo.myshopify.com"),
            (API_VERSION, "2026-07"),
            (WEBHOOK_ID, "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
            (EVENT_ID, "98880550-7158-44d4-b7cd-2c97c8a091b5"),
            (TRIGGERED_AT, "2026-03-30T14:30:00.000000000Z"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn take(headers: &HeaderMap) -> Result<Delivery, HeaderError> {
        let secrets = Secrets::parse(&Secret::new("hush")).unwrap();
        let verified = verify(headers, BODY, &secrets).unwrap();
        delivery(verified, headers, Topic::ProductsDelete, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_delivery_is_named_by_its_headers() {
        let delivery = take(&headers()).unwrap();
        assert_eq!(
            delivery.key.to_string(),
            "shopify#demo.myshopify.com#products/delete#b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
        );
        assert_eq!(delivery.triggered_at, Some("2026-03-30T14:30:00Z".parse().unwrap()));
        assert_eq!(delivery.body, BODY);
    }

    #[test]
    fn each_required_header_is_missed_by_name() {
        for name in [TOPIC, SHOP, API_VERSION, WEBHOOK_ID] {
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
        headers.remove(EVENT_ID);
        headers.insert(TRIGGERED_AT, HeaderValue::from_static("yesterday"));
        let delivery = take(&headers).unwrap();
        assert_eq!((delivery.event_id, delivery.triggered_at), (None, None));
    }

    #[test]
    fn another_topic_or_no_shop_is_refused() {
        let mut other = headers();
        other.insert(TOPIC, HeaderValue::from_static("products/update"));
        assert_eq!(
            take(&other),
            Err(HeaderError::OtherTopic {
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
            headers.insert(SHOP, HeaderValue::from_str(shop).unwrap());
            assert!(take(&headers).is_err(), "{shop}");
        }
    }

    #[test]
    fn what_a_person_has_kept_needs_no_signature_but_all_other_headers() {
        let mut kept = headers();
        kept.remove(SIGNATURE);
        let received_at = Timestamp::UNIX_EPOCH;
        assert_eq!(captured(&kept, BODY, received_at), take(&headers()));
        kept.insert(TOPIC, HeaderValue::from_static("orders/create"));
        assert_eq!(captured(&kept, BODY, received_at), Err(HeaderError::UnknownTopic));
        kept.remove(TOPIC);
        assert_eq!(captured(&kept, BODY, received_at), Err(HeaderError::Missing(TOPIC)));
    }

    #[test]
    fn no_sender_may_mark_a_delivery_as_a_replay() {
        let mut headers = headers();
        headers.insert(WEBHOOK_ID, HeaderValue::from_static("b54557e4~replay-0123abcd"));
        assert_eq!(take(&headers), Err(HeaderError::Reserved));
    }

    #[test]
    fn a_signature_header_that_comes_twice_is_none() {
        let secrets = Secrets::parse(&Secret::new("hush")).unwrap();
        let mut twice = headers();
        twice.append(SIGNATURE, HeaderValue::from_static(GOOD));
        assert_eq!(verify(&twice, BODY, &secrets).unwrap_err(), SignatureError::Malformed);
        let mut none = headers();
        none.remove(SIGNATURE);
        assert_eq!(verify(&none, BODY, &secrets).unwrap_err(), SignatureError::Missing);
    }
}
