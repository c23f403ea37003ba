//! One request of Shopify's: its headers, and the check that comes before anything else.
//!
//! There are two sets of them: of classic webhooks (`X-Shopify-Topic: products/update`,
//! <https://shopify.dev/docs/apps/build/webhooks/delivery-structure>) and of Events (`shopify-topic: Product`,
//! `shopify-action: update`, <https://shopify.dev/docs/apps/build/events/delivery-structure>). An Events delivery may
//! carry both, so its own are looked for first; then no other is read. Of either, signature, topic, shop, API version and
//! webhook id are required, as Shopify's own library has it, and the rest is taken if it is there; Events have no
//! `shopify-event-id` any more (<https://shopify.dev/changelog/updates-to-events-payloads-and-subscription-configuration>).
//! The signature covers the body **only** (<https://shopify.dev/docs/apps/build/webhooks/verify-deliveries>): every other
//! header is a hint.

use hookline_domain::{
    delivery::{Delivery, replay},
    kernel::ids::{DeliveryId, DeliveryKey, EventId, InvalidIdError, Source, StoreKey, Topic as TopicName},
};
use http::HeaderMap;
use jiff::Timestamp;

use super::{NAME, Topic, personal, shop::shop_name};
use crate::{Inbound, RequestError, scheme::HeaderSet, signature::Verified};

/// What the headers of a delivery are called.
#[derive(Debug)]
struct Names {
    signature: &'static str,
    topic: &'static str,
    /// Of Events, whose topic is a resource only.
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

/// Which headers a request has. What a person has kept may lack its signature; then its topic tells.
fn names(headers: &HeaderMap) -> &'static Names {
    let is_events = headers.contains_key(EVENTS.signature)
        || !headers.contains_key(CLASSIC.signature)
            && !headers.contains_key(CLASSIC.topic)
            && headers.contains_key(EVENTS.topic);
    if is_events { &EVENTS } else { &CLASSIC }
}

/// The most bytes of an API version that are kept.
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
        problem: InvalidIdError,
    },
    /// Only a person of ours may say that a delivery is a replay; no signature covers the header.
    #[error("the header {name} is marked as a replay")]
    Reserved {
        /// Which header.
        name: &'static str,
    },
    /// Shops have names that end in `.myshopify.com`.
    #[error("the header {name} is not a myshopify.com domain")]
    NotAShop {
        /// Which header.
        name: &'static str,
    },
    /// The delivery was sent to another topic's address.
    #[error("the header {name} is not {expected}, which is what this address takes")]
    OtherTopic {
        /// Which header.
        name: &'static str,
        /// What this function takes.
        expected: &'static str,
    },
    /// Nothing here reads such deliveries.
    #[error("the header {name} is no topic that is read here")]
    UnknownTopic {
        /// Which header.
        name: &'static str,
    },
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
    let names = names(headers);
    if told(headers, names)? != Some(topic) {
        let (name, expected) = (names.topic, topic.name());
        return Err(HeaderError::OtherTopic { name, expected });
    }
    read(headers, names, topic, received_at, verified.body())
}

/// Reads the delivery from a verified request, for a receiver.
pub(super) fn read_request(
    verified: Verified<'_>,
    headers: &HeaderMap,
    inbound: &Inbound,
    received_at: Timestamp,
) -> Result<Delivery, RequestError> {
    let topic = Topic::of_function(inbound.function).ok_or(HeaderError::UnknownTopic {
        name: names(headers).topic,
    });
    topic
        .and_then(|topic| delivery(verified, headers, topic, received_at))
        .map_err(RequestError::new)
}

/// Whether headers are those of a webhook of Shopify's.
pub(super) fn recognizes(headers: &HeaderMap) -> bool {
    let names = names(headers);
    headers.contains_key(names.signature) || headers.contains_key(names.topic)
}

/// What a request that a person has kept delivers. Its signature is **not** looked at: whoever may write to the queue
/// vouches for it.
///
/// # Errors
/// [`HeaderError`] names the header.
pub fn captured(headers: &HeaderMap, body: &[u8], received_at: Timestamp) -> Result<Delivery, HeaderError> {
    let names = names(headers);
    let topic = told(headers, names)?.ok_or(HeaderError::UnknownTopic { name: names.topic })?;
    read(headers, names, topic, received_at, body)
}

/// The topic that the headers tell, if it is one of ours.
fn told(headers: &HeaderMap, names: &Names) -> Result<Option<Topic>, HeaderError> {
    let topic = required(headers, names.topic)?;
    // Events may still be told as webhooks are: their resource has no slash.
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
        event_id: optional(headers, names.event_id).and_then(|id| EventId::new(id).ok()),
        api_version,
        triggered_at: optional(headers, names.triggered_at).and_then(|at| at.parse().ok()),
        received_at,
        body: personal::cut(known, body).into_owned(),
    })
}

/// The store in whose name a request comes, if it names one. **Unverified**: for counting, never for acting.
#[must_use]
pub fn named_store(headers: &HeaderMap) -> Option<StoreKey> {
    store(optional(headers, names(headers).shop)?).ok()
}

/// The store that a `*.myshopify.com` domain names, in any letter case.
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
