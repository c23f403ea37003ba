//! Envelope of Stripe's events, read in one pass: whose it is and what it delivers.
//!
//! A snapshot (`"object": "event"`, <https://docs.stripe.com/api/events/object>) has the state of its object; a thin event
//! (`"object": "v2.core.event"`, <https://docs.stripe.com/api/v2/core/events/object>) names it.

use std::borrow::Cow;

use hookline_domain::{
    delivery::Delivery,
    event::InterpretError,
    kernel::ids::{DeliveryId, DeliveryKey, Source, StoreKey, StoreName, Topic as TopicName},
    store::inbound::{InboundEndpoint, Mode},
};
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use super::{NAME, Topic};
use crate::{
    Ignored, Inbound, Read, RequestError,
    json::{expected, read},
    signature::Verified,
};

/// `object` of a snapshot.
const SNAPSHOT: &str = "event";

/// `object` of a thin event.
const THIN: &str = "v2.core.event";

/// Prefix of the topics of thin events about resources of API v1.
const V1: &str = "v1.";

/// Topic of the request that Stripe sends on demand, to see if the address answers
/// (<https://docs.stripe.com/api/v2/core/event_destinations/ping>).
const PING: &str = "v2.core.event_destination.ping";

/// Fields of an envelope that are read; a doubled key is an error.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    object: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    topic: Option<Cow<'a, str>>,
    created: Option<Created<'a>>,
    livemode: Option<bool>,
    #[serde(borrow)]
    account: Option<Cow<'a, str>>,
    #[serde(borrow)]
    context: Option<Cow<'a, str>>,
    #[serde(borrow)]
    api_version: Option<Cow<'a, str>>,
}

/// Time of an event: seconds since 1970 in a snapshot, RFC 3339 in a thin event.
#[derive(Deserialize)]
#[serde(untagged)]
enum Created<'a> {
    Seconds(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl Created<'_> {
    fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Seconds(seconds) => Timestamp::from_second(*seconds).ok(),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// Meaning of an envelope.
enum Meaning {
    Event(Box<Named>),
    Ping,
    Unknown,
}

/// An event, as its envelope names it.
pub(super) struct Named {
    pub(super) topic: Topic,
    id: DeliveryId,
    /// Account that the body names; none if it is the platform's own.
    account: Option<StoreName>,
    mode: Mode,
    created: Timestamp,
    api_version: String,
}

/// Reads the delivery from a verified request, as [`Sender::read`](crate::Sender::read). Never fails.
pub(super) fn read_request(verified: Verified<'_>, inbound: &Inbound, received_at: Timestamp) -> Read {
    let event = match meaning(verified.body()) {
        Err(problem) => return Read::Unreadable(problem),
        Ok(Meaning::Ping) => return Read::Ping,
        Ok(Meaning::Unknown) => return Read::Ignored(Ignored::UnknownTopic),
        Ok(Meaning::Event(event)) if !inbound.takes(event.mode) => return Read::Ignored(Ignored::OtherMode),
        Ok(Meaning::Event(event)) => event,
    };
    let store = event.account.clone().or_else(|| own(inbound.endpoint.as_ref()?));
    let delivery = store
        .ok_or_else(|| {
            expected(
                "account",
                "an account: the endpoint has not exactly one store, nor one of its own",
            )
        })
        .and_then(|store| event.delivery(store, verified.body(), received_at));
    match delivery {
        Ok(delivery) => Read::Delivery(Box::new(Delivery {
            endpoint: inbound.endpoint.as_ref().map(|endpoint| endpoint.name.clone()),
            ..delivery
        })),
        Err(problem) => Read::Unreadable(problem),
    }
}

/// Account of events that name none: the platform's own, or the only one of the endpoint.
fn own(endpoint: &InboundEndpoint) -> Option<StoreName> {
    let settings = &endpoint.settings;
    settings.own.clone().or_else(|| settings.stores.only().cloned())
}

/// Reads the delivery from a request that a person has saved. Its signature is **not** checked.
///
/// # Errors
/// [`RequestError`] if the body is no delivery of ours, or names no account.
pub(super) fn read_saved(_: &HeaderMap, body: &[u8], received_at: Timestamp) -> Result<Delivery, RequestError> {
    let delivery = meaning(body).and_then(|meaning| match meaning {
        Meaning::Event(event) => {
            let store = event.account.clone().ok_or_else(|| expected("account", "an account"))?;
            event.delivery(store, body, received_at)
        }
        Meaning::Ping | Meaning::Unknown => Err(InterpretError::Topic),
    });
    delivery.map_err(RequestError::new)
}

/// Checks that the body names the topic of the delivery's key, and no other account.
pub(super) fn proves(delivery: &Delivery) -> Result<Topic, InterpretError> {
    let Meaning::Event(event) = meaning(&delivery.body)? else {
        return Err(InterpretError::Topic);
    };
    if event
        .account
        .as_ref()
        .is_some_and(|account| *account != delivery.key.store.store)
    {
        return Err(InterpretError::OtherStore);
    }
    if event.topic.name() != delivery.key.topic.as_str() {
        return Err(expected("type", "the topic of the delivery"));
    }
    Ok(event.topic)
}

fn meaning(body: &[u8]) -> Result<Meaning, InterpretError> {
    let envelope: Envelope<'_> = read(body)?;
    let name = envelope.topic.ok_or_else(|| expected("type", "a topic"))?;
    let is_thin = match envelope.object.as_deref() {
        Some(SNAPSHOT) => false,
        Some(THIN) => true,
        Some(_) | None => return Err(expected("object", "`event` or `v2.core.event`")),
    };
    if is_thin && name == PING {
        return Ok(Meaning::Ping);
    }
    let bare = if is_thin { name.strip_prefix(V1) } else { Some(&*name) };
    let Some(topic) = bare.and_then(Topic::named) else {
        return Ok(Meaning::Unknown);
    };
    // A context may be a path that ends in the account (<https://docs.stripe.com/context>).
    let context = envelope
        .context
        .as_deref()
        .and_then(|context| context.rsplit('/').next());
    let account = match envelope.account.as_deref().or(context) {
        Some(account) => Some(StoreName::new(account).map_err(|_| expected("account", "the id of an account"))?),
        None => None,
    };
    let id = envelope.id.and_then(|id| DeliveryId::new(id).ok());
    let live = envelope.livemode.ok_or_else(|| expected("livemode", "true or false"))?;
    Ok(Meaning::Event(Box::new(Named {
        topic,
        id: id.ok_or_else(|| expected("id", "an id"))?,
        account,
        mode: if live { Mode::Live } else { Mode::Test },
        created: envelope
            .created
            .and_then(|created| created.time())
            .ok_or_else(|| expected("created", "a time"))?,
        api_version: envelope
            .api_version
            .map(|version| version.chars().take(32).collect())
            .unwrap_or_default(),
    })))
}

impl Named {
    fn delivery(self, store: StoreName, body: &[u8], received_at: Timestamp) -> Result<Delivery, InterpretError> {
        Ok(Delivery {
            key: DeliveryKey {
                store: StoreKey {
                    source: Source::new(NAME).map_err(|_| InterpretError::Topic)?,
                    store,
                },
                topic: TopicName::new(self.topic.name()).map_err(|_| InterpretError::Topic)?,
                id: self.id,
            },
            endpoint: None,
            event_id: None,
            api_version: self.api_version,
            triggered_at: Some(self.created),
            received_at,
            body: body.to_vec(),
        })
    }
}
