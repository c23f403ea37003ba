//! Headers of Shopify's requests.
//!
//! There are two sets: that of classic webhooks (`X-Shopify-Topic: products/update`,
//! <https://shopify.dev/docs/apps/build/webhooks/delivery-structure>) and that of Events (`shopify-topic: Product`,
//! `shopify-action: update`, <https://shopify.dev/docs/apps/build/events/delivery-structure>). An Events delivery may
//! carry both, so the set of Events is tried first, and only one set is read. Signature, topic, shop, API version and
//! webhook id are required, as in Shopify's own library; the rest is optional. Events no longer have a
//! `shopify-event-id` (<https://shopify.dev/changelog/updates-to-events-payloads-and-subscription-configuration>). The
//! signature covers the body **only** (<https://shopify.dev/docs/apps/build/webhooks/verify-deliveries>): every other
//! header is a hint.

use hookline_domain::{
    delivery::{Delivery, replay},
    kernel::ids::{DeliveryId, DeliveryKey, EventId, InvalidIdError, Source, StoreKey, Topic as TopicName},
};
use http::HeaderMap;
use jiff::Timestamp;

use super::{NAME, Topic, personal, shop::shop_name};
use crate::{Inbound, Read, RequestError, scheme::HeaderSet, signature::Verified};

/// Names of the headers of a delivery.
#[derive(Debug)]
struct Names {
    signature: &'static str,
    topic: &'static str,
    /// Header of Events only, whose topic is just a resource.
    action: Option<&'static str>,
    shop: &'static str,
    api_version: &'static str,
    webhook_id: &'static str,
    event_id: &'static str,
    triggered_at: &'static str,
}

const CLASSIC: Names = Names {
    signature: "x-shopify-hmac-sha256",
    topic: "x-shopify-topic",
    action: None,
    shop: "x-shopify-shop-domain",
    api_version: "x-shopify-api-version",
    webhook_id: "x-shopify-webhook-id",
    event_id: "x-shopify-event-id",
    triggered_at: "x-shopify-triggered-at",
};

const EVENTS: Names = Names {
    signature: "shopify-hmac-sha256",
    topic: "shopify-topic",
    action: Some("shopify-action"),
    shop: "shopify-shop-domain",
    api_version: "shopify-api-version",
    webhook_id: "shopify-webhook-id",
    event_id: "shopify-event-id",
    triggered_at: "shopify-triggered-at",
};

/// Returns the header set of a request. A saved request may lack the signature; then the topic header decides.
fn names(headers: &HeaderMap) -> &'static Names {
    let is_events = headers.contains_key(EVENTS.signature)
        || !headers.contains_key(CLASSIC.signature)
            && !headers.contains_key(CLASSIC.topic)
            && headers.contains_key(EVENTS.topic);
    if is_events { &EVENTS } else { &CLASSIC }
}

/// Maximum length of a stored API version, in bytes.
const API_VERSION_LIMIT: usize = 32;

/// Signature header of classic webhooks.
pub(super) const CLASSIC_SIGNATURE: HeaderSet = signature(&CLASSIC);

/// Signature header of Events.
pub(super) const EVENTS_SIGNATURE: HeaderSet = signature(&EVENTS);

const fn signature(names: &Names) -> HeaderSet {
    HeaderSet {
        signature: names.signature,
        id: None,
        time: None,
    }
}

/// A signed request whose headers do not name a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A required header is missing.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header occurs twice, or is not text.
    #[error("the header {0} is not a single text")]
    NotText(&'static str),
    /// A header holds a malformed id.
    #[error("the header {name}: {problem}")]
    Invalid {
        /// The header.
        name: &'static str,
        /// The problem.
        problem: InvalidIdError,
    },
    /// A delivery id is marked as a replay, which only our own commands may do: no signature covers the header.
    #[error("the header {name} is marked as a replay")]
    Reserved {
        /// The header.
        name: &'static str,
    },
    /// The shop is not a name that ends in `.myshopify.com`.
    #[error("the header {name} is not a myshopify.com domain")]
    NotAShop {
        /// The header.
        name: &'static str,
    },
    /// The delivery is of another topic than this address receives.
    #[error("the header {name} is not {expected}, the topic that this address receives")]
    OtherTopic {
        /// The header.
        name: &'static str,
        /// Topic that this function receives.
        expected: &'static str,
    },
    /// No receiver takes this topic.
    #[error("the header {name} is not a topic that is received here")]
    UnknownTopic {
        /// The header.
        name: &'static str,
    },
}

/// Reads the delivery from a verified request. An optional header that cannot be read counts as absent: it is a hint.
///
/// # Errors
/// [`HeaderError`] names the header.
pub fn delivery(
    verified: Verified<'_>,
    headers: &HeaderMap,
    topic: Topic,
    received_at: Timestamp,
) -> Result<Delivery, HeaderError> {
    let names = names(headers);
    if topic_in(headers, names)? != Some(topic) {
        let (name, expected) = (names.topic, topic.name());
        return Err(HeaderError::OtherTopic { name, expected });
    }
    read(headers, names, topic, received_at, verified.body())
}

/// Reads the delivery from a verified request, as [`Sender::read`](crate::Sender::read).
pub(super) fn read_request(
    verified: Verified<'_>,
    headers: &HeaderMap,
    inbound: &Inbound,
    received_at: Timestamp,
) -> Result<Read, RequestError> {
    let topic = Topic::of_function(inbound.function).ok_or(HeaderError::UnknownTopic {
        name: names(headers).topic,
    });
    topic
        .and_then(|topic| delivery(verified, headers, topic, received_at))
        .map(|delivery| Read::Delivery(Box::new(delivery)))
        .map_err(RequestError::new)
}

/// Returns true for the headers of a webhook of Shopify.
pub(super) fn recognizes(headers: &HeaderMap) -> bool {
    let names = names(headers);
    headers.contains_key(names.signature) || headers.contains_key(names.topic)
}

/// Reads the delivery from a request that a person has saved. Its signature is **not** checked: a person who may write
/// to the queue vouches for it.
///
/// # Errors
/// [`HeaderError`] names the header.
pub fn read_saved(headers: &HeaderMap, body: &[u8], received_at: Timestamp) -> Result<Delivery, HeaderError> {
    let names = names(headers);
    let topic = topic_in(headers, names)?.ok_or(HeaderError::UnknownTopic { name: names.topic })?;
    read(headers, names, topic, received_at, body)
}

/// Returns the topic that the headers name, if it is one of ours.
fn topic_in(headers: &HeaderMap, names: &Names) -> Result<Option<Topic>, HeaderError> {
    let topic = required(headers, names.topic)?;
    // Events may name topics as classic webhooks do. A resource has no slash.
    Ok(match names.action {
        Some(action) if !topic.contains('/') => Topic::of_events(topic, required(headers, action)?),
        Some(_) | None => Topic::named(topic),
    })
}

fn read(
    headers: &HeaderMap,
    names: &Names,
    topic: Topic,
    received_at: Timestamp,
    body: &[u8],
) -> Result<Delivery, HeaderError> {
    let store = store_in(required(headers, names.shop)?, names.shop)?;
    let mut api_version = required(headers, names.api_version)?.to_owned();
    api_version.truncate(api_version.floor_char_boundary(API_VERSION_LIMIT));
    let invalid = |name| move |problem| HeaderError::Invalid { name, problem };
    let id = DeliveryId::new(required(headers, names.webhook_id)?).map_err(invalid(names.webhook_id))?;
    if replay::original_of(&id).is_some() {
        return Err(HeaderError::Reserved { name: names.webhook_id });
    }
    let (known, topic) = (topic, TopicName::new(topic.name()).map_err(invalid(names.topic))?);
    Ok(Delivery {
        key: DeliveryKey { store, topic, id },
        endpoint: None,
        event_id: optional(headers, names.event_id).and_then(|id| EventId::new(id).ok()),
        api_version,
        triggered_at: optional(headers, names.triggered_at).and_then(|at| at.parse().ok()),
        received_at,
        body: personal::reduce(known, body).into_owned(),
    })
}

/// Returns the store that the headers name, if they do. **Unverified**: for counting, never for acting.
#[must_use]
pub fn claimed_store(headers: &HeaderMap) -> Option<StoreKey> {
    store(optional(headers, names(headers).shop)?).ok()
}

/// Returns the store of a `*.myshopify.com` domain, in any letter case.
///
/// # Errors
/// [`HeaderError`] when it is not such a domain.
pub fn store(domain: &str) -> Result<StoreKey, HeaderError> {
    store_in(domain, CLASSIC.shop)
}

fn store_in(domain: &str, name: &'static str) -> Result<StoreKey, HeaderError> {
    let store = shop_name(domain).map_err(|_| HeaderError::NotAShop { name })?;
    let source = Source::new(NAME).map_err(|problem| HeaderError::Invalid { name, problem })?;
    Ok(StoreKey { source, store })
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
mod tests;
