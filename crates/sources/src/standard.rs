//! Whoever signs as Standard Webhooks do (<https://www.standardwebhooks.com>): an operator's own platform, Svix, and others.
//! Bodies have any form; the [`Mapping`] of the inbound endpoint says where their fields are.

mod mapped;

use std::time::Duration;

use hookline_domain::{
    delivery::Delivery,
    event::{Event, InterpretError},
    kernel::ids::{DeliveryId, DeliveryKey, StoreKey, StoreName, Topic as TopicName},
    store::inbound::{
        InboundEndpoint,
        mapping::{Mapping, Ordering, Pointer},
    },
};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    Ignored, Inbound, Keyed, Platform, Read, RequestError, Sender, Topic,
    json::expected,
    pointer,
    scheme::{Carried, Encoding, HeaderSet, KeyForm, Part, Scheme, SignedTime, TimeFormat, Window},
    signature::Verified,
};

/// Name of this source in keys.
const NAME: &str = "standard";

/// Permitted distance of the signed time from now: what the libraries of Standard Webhooks allow
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
const TOLERANCE: SignedDuration = SignedDuration::from_secs(300);

/// The source as receivers need it. Signed are id, time and body. Svix names the headers `svix-…`
/// (<https://docs.svix.com/receiving/verifying-payloads/how-manual>); a request has one family of them, whole.
pub static SENDER: Sender = Sender {
    name: NAME,
    // Which topics there are says the mapping of each endpoint.
    topics: &[Topic {
        name: "*",
        function: NAME,
        is_personal: true,
        family: None,
    }],
    secrets_variable: "STANDARD_KEYS",
    keyed: Keyed::ByEndpoint,
    scheme: Scheme {
        headers: &[
            HeaderSet {
                signature: "webhook-signature",
                id: Some("webhook-id"),
                time: Some("webhook-timestamp"),
            },
            HeaderSet {
                signature: "svix-signature",
                id: Some("svix-id"),
                time: Some("svix-timestamp"),
            },
        ],
        carried: Carried::SpacedList("v1"),
        encoding: Encoding::Base64,
        key: KeyForm::Whsec,
        signed: &[Part::Id, Part::Dot, Part::Time, Part::Dot, Part::Body],
        time: Some(SignedTime {
            format: TimeFormat::Unix,
            window: Window {
                back: TOLERANCE,
                ahead: TOLERANCE,
            },
        }),
    },
    is_ping: |_, _| false,
    is_webhook: |_| true,
    refusal: StatusCode::FORBIDDEN,
    // The specification advises senders to wait for 15 to 30 s; many do not.
    answer_within: Duration::from_millis(1_900),
    claimed_store: |_| None,
    read: |verified, _, inbound, received_at| Ok(read(verified, inbound, received_at)),
};

/// The source as the consumer and the commands need it.
pub static PLATFORM: Platform = Platform {
    sender: &SENDER,
    interpret,
    reads_endpoint: true,
    discloses: |_| false,
    disclosed: |_, _| None,
    store_name: |name| StoreName::new(name).ok(),
    probe: r#"{"type":"hookline.check"}"#,
    recognizes: |headers| headers.contains_key("webhook-signature") || headers.contains_key("svix-signature"),
    read_saved,
};

/// Mapping of an endpoint: its own, or the one that Standard Webhooks' advice on bodies suggests.
fn mapping(endpoint: &InboundEndpoint) -> &Mapping {
    endpoint
        .settings
        .mapping
        .as_deref()
        .unwrap_or_else(|| Mapping::advised())
}

fn read(verified: Verified<'_>, inbound: &Inbound, received_at: Timestamp) -> Read {
    let Some(endpoint) = &inbound.endpoint else {
        return Read::Unreadable(InterpretError::Topic);
    };
    // The signed id is the delivery's, the same at each attempt.
    match envelope(
        verified.body(),
        endpoint,
        verified.id().unwrap_or_default(),
        received_at,
    ) {
        Ok(Some(delivery)) => Read::Delivery(Box::new(delivery)),
        Ok(None) => Read::Ignored(Ignored::UnknownTopic),
        Err(error) => Read::Unreadable(error),
    }
}

/// Reads what names a delivery; `None` if nobody needs its topic.
fn envelope(
    body: &[u8],
    endpoint: &InboundEndpoint,
    id: &str,
    received_at: Timestamp,
) -> Result<Option<Delivery>, InterpretError> {
    let mapping = mapping(endpoint);
    let Some(topic) = topic(body, endpoint)? else {
        return Ok(None);
    };
    let topic =
        TopicName::new(topic).map_err(|_| expected(mapping.topic.as_str(), "a topic of visible ASCII characters"))?;
    let id = DeliveryId::new(id).map_err(|_| expected("(id)", "1 to 255 visible ASCII characters without a #"))?;
    let triggered_at = match &mapping.at {
        // Where states have no time of their own, nothing but their arrival orders them.
        Some(_) if mapping.ordering == Some(Ordering::Arrival) => None,
        Some(pointer) => time(body, pointer)?,
        None => None,
    };
    Ok(Some(Delivery {
        key: DeliveryKey {
            store: StoreKey {
                source: endpoint.source.clone(),
                store: store(body, endpoint)?,
            },
            topic,
            id,
        },
        endpoint: Some(endpoint.name.clone()),
        event_id: None,
        api_version: String::new(),
        triggered_at,
        received_at,
        body: body.to_vec(),
    }))
}

/// Topic of a body by the mapping of its endpoint; `None` if nobody needs it.
///
/// # Errors
/// [`InterpretError`] if the body has none.
pub fn topic(body: &[u8], endpoint: &InboundEndpoint) -> Result<Option<String>, InterpretError> {
    let mapping = mapping(endpoint);
    let topic = required_text(body, &mapping.topic)?;
    Ok(mapping.types.contains_key(&topic).then_some(topic))
}

/// Store that a body belongs to: that which it names, or the endpoint's only one.
fn store(body: &[u8], endpoint: &InboundEndpoint) -> Result<StoreName, InterpretError> {
    match &mapping(endpoint).store {
        Some(pointer) => {
            let name = StoreName::new(required_text(body, pointer)?);
            name.map_err(|_| expected(pointer.as_str(), "a store: letters, digits, dots, hyphens, underscores"))
        }
        None => endpoint
            .settings
            .stores
            .only()
            .cloned()
            .ok_or_else(|| InterpretError::Schema {
                path: "(mapping)".to_owned(),
                problem: "the endpoint has not exactly one store, so its mapping needs a pointer to the store"
                    .to_owned(),
            }),
    }
}

/// Interprets a delivery by the mapping of its endpoint. Topic and store are read from the body again: a replayed message did
/// not come through the receiver (ADR 25).
///
/// # Errors
/// [`InterpretError`] names the pointer that does not fit, never a value.
pub fn interpret(delivery: &Delivery, endpoint: Option<&InboundEndpoint>) -> Result<Event, InterpretError> {
    let endpoint = endpoint.ok_or(InterpretError::Topic)?;
    let mapping = mapping(endpoint);
    let topic = required_text(&delivery.body, &mapping.topic)?;
    if topic != delivery.key.topic.as_str() {
        return Err(expected(mapping.topic.as_str(), "the topic of the delivery"));
    }
    if store(&delivery.body, endpoint)? != delivery.key.store.store || endpoint.source != delivery.key.store.source {
        return Err(InterpretError::OtherStore);
    }
    let event = mapping.types.get(&topic).ok_or(InterpretError::Topic)?;
    mapped::event(*event, delivery, mapping)
}

/// Reads a request that a person has saved: the store cannot be read without the endpoint, so there is none.
fn read_saved(_: &HeaderMap, _: &[u8], _: Timestamp) -> Result<Delivery, RequestError> {
    Err(RequestError::new(NeedsEndpointError))
}

/// A saved request whose body needs the mapping of its endpoint.
#[derive(Debug, thiserror::Error)]
#[error(
    "a body of this source can only be read with the mapping of its inbound endpoint: `hookline source check --sample` reads it"
)]
struct NeedsEndpointError;

/// Reads a text, or a whole number as text.
fn text(body: &[u8], pointer: &Pointer) -> Result<Option<String>, InterpretError> {
    match pointer::at(body, pointer)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
        Some(_) => Err(expected(pointer.as_str(), "a text")),
    }
}

fn required_text(body: &[u8], pointer: &Pointer) -> Result<String, InterpretError> {
    let text = text(body, pointer)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| expected(pointer.as_str(), "a text"))
}

/// Reads a time: RFC 3339, or seconds since 1970.
fn time(body: &[u8], pointer: &Pointer) -> Result<Option<Timestamp>, InterpretError> {
    let time = match pointer::at(body, pointer)? {
        None => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_i64().and_then(|second| Timestamp::from_second(second).ok()),
        Some(_) => None,
    };
    let time = time.ok_or_else(|| expected(pointer.as_str(), "a time: RFC 3339, or seconds since 1970"))?;
    Ok(Some(time))
}

#[cfg(test)]
mod tests;
