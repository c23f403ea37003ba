//! Envelope of Square's events, read in one pass: whose it is and what it delivers.

use std::borrow::Cow;

use hookline_domain::{
    delivery::Delivery,
    event::InterpretError,
    kernel::ids::{DeliveryId, DeliveryKey, Source, StoreKey, StoreName, Topic as TopicName},
};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{NAME, PING, Topic, events};
use crate::{
    Ignored, Inbound, Read, RequestError,
    json::{expected, read},
    scheme::Window,
    signature::Verified,
};

/// Permitted distance of `created_at` from now. It is signed and the same at each try, and tries end after 24 h. Shorter than
/// the ledger remembers, so that a replay is either known there or too old.
pub(super) const WINDOW: Window = Window {
    back: SignedDuration::from_hours(6 * 24),
    ahead: SignedDuration::from_secs(300),
};

/// Fields of an envelope that are read; a doubled key is an error.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    merchant_id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    topic: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    created_at: Option<Cow<'a, str>>,
}

/// Meaning of an envelope, without regard to the current time.
enum Meaning {
    Delivery(DeliveryKey, Topic, Timestamp),
    Ping,
    Unknown,
}

/// Reads the delivery from a verified request, as [`Sender::read`](crate::Sender::read). Never fails.
pub(super) fn read_request(verified: Verified<'_>, inbound: &Inbound, received_at: Timestamp) -> Read {
    let endpoint = inbound.endpoint.as_ref();
    match meaning(verified.body()) {
        Err(problem) => Read::Unreadable(problem),
        Ok(Meaning::Ping) => Read::Ping,
        Ok(Meaning::Unknown) => Read::Ignored(Ignored::UnknownTopic),
        Ok(Meaning::Delivery(_, _, created_at)) if !WINDOW.admits(created_at, received_at) => Read::Stale,
        Ok(Meaning::Delivery(key, topic, created_at)) => {
            match delivery(key, topic, created_at, verified.body(), received_at) {
                Ok(delivery) => Read::Delivery(Box::new(Delivery {
                    endpoint: endpoint.map(|endpoint| endpoint.name.clone()),
                    ..delivery
                })),
                Err(problem) => Read::Unreadable(problem),
            }
        }
    }
}

/// Reads the delivery from a request that a person has saved, of any age. Its signature is **not** checked.
///
/// # Errors
/// [`RequestError`] if the body is no delivery of ours.
pub(super) fn read_saved(_: &HeaderMap, body: &[u8], received_at: Timestamp) -> Result<Delivery, RequestError> {
    let delivery = meaning(body).and_then(|meaning| match meaning {
        Meaning::Delivery(key, topic, created_at) => delivery(key, topic, created_at, body, received_at),
        Meaning::Ping | Meaning::Unknown => Err(InterpretError::Topic),
    });
    delivery.map_err(RequestError::new)
}

/// Checks that the body names the topic and the seller of the delivery's key.
pub(super) fn proves(delivery: &Delivery, body: &[u8]) -> Result<Topic, InterpretError> {
    let Meaning::Delivery(key, topic, _) = meaning(body)? else {
        return Err(InterpretError::Topic);
    };
    if key.store != delivery.key.store {
        return Err(InterpretError::OtherStore);
    }
    if key.topic != delivery.key.topic {
        return Err(expected("type", "the topic of the delivery"));
    }
    Ok(topic)
}

fn meaning(body: &[u8]) -> Result<Meaning, InterpretError> {
    let envelope: Envelope<'_> = read(body)?;
    let name = envelope.topic.ok_or_else(|| expected("type", "a topic"))?;
    if name == PING {
        return Ok(Meaning::Ping);
    }
    let Some(topic) = Topic::named(&name) else {
        return Ok(Meaning::Unknown);
    };
    let store = envelope.merchant_id.and_then(|store| StoreName::new(store).ok());
    let id = envelope.event_id.and_then(|id| DeliveryId::new(id).ok());
    let created_at = envelope.created_at.and_then(|at| at.parse().ok());
    let key = DeliveryKey {
        store: StoreKey {
            source: Source::new(NAME).map_err(|_| InterpretError::Topic)?,
            store: store.ok_or_else(|| expected("merchant_id", "the id of a seller"))?,
        },
        topic: TopicName::new(topic.name()).map_err(|_| InterpretError::Topic)?,
        id: id.ok_or_else(|| expected("event_id", "an id"))?,
    };
    let created_at = created_at.ok_or_else(|| expected("created_at", "a time"))?;
    Ok(Meaning::Delivery(key, topic, created_at))
}

fn delivery(
    key: DeliveryKey,
    topic: Topic,
    created_at: Timestamp,
    body: &[u8],
    received_at: Timestamp,
) -> Result<Delivery, InterpretError> {
    // The floor of an uninstall is the time of the revocation, not that of the event about it.
    let triggered_at = match topic {
        Topic::Revoked => events::revoked_at(body)?.unwrap_or(created_at),
        _ => created_at,
    };
    Ok(Delivery {
        key,
        endpoint: None,
        event_id: None,
        api_version: String::new(),
        triggered_at: Some(triggered_at),
        received_at,
        body: body.to_vec(),
    })
}
