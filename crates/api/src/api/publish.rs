//! `POST /api/stores/{store}/events`: publishes an event of the operator's own.

use hookline_domain::{
    catalogue::{entities::Entities, fan_out::FanOut},
    kernel::ids::{StoreKey, StoreLabel},
    outbound::{CustomEvent, SubjectKey, publish},
    store::stores::Stores,
};
use hookline_events::EventId;
use jiff::Timestamp;
use lambda_http::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::parse_body;
use crate::guard::ApiError;

/// Longest body of a request, in bytes. Data is limited as compact JSON; a body may have white space and escapes.
pub(super) const MAX_EVENT_BODY_BYTES: usize = 256 * 1024;

const SHAPE: &str = "{\"type\": \"custom.…\", \"data\": {…}, \"idempotency_key\": \"…\"}";

/// An event of the operator's own.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CustomEventBody {
    /// Type: `custom.` and 1 to 64 small letters, digits, underscores and dots.
    r#type: String,
    /// Data: any object of at most 48 KiB as compact JSON.
    data: Map<String, Value>,
    /// Key of 1 to 128 visible ASCII characters. The first event of the store with a key counts: each later one gets its id
    /// and is not sent on. It is known for 90 days.
    idempotency_key: String,
    /// Thing that the event is about; by default `custom`, with the key as its id.
    #[serde(default)]
    subject: Option<CustomEventSubject>,
    /// Chat session that it belongs to: 1 to 128 visible ASCII characters.
    #[serde(default)]
    session_id: Option<String>,
    /// Store of the event, if the body names it: that of the path.
    #[serde(default)]
    store: Option<CustomEventStore>,
}

/// Thing that an event of the operator's own is about.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct CustomEventSubject {
    /// Kind, as in `product`: 1 to 64 small letters, digits and underscores.
    kind: String,
    /// Id: 1 to 255 bytes.
    id: String,
}

/// Store of an event of the operator's own.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct CustomEventStore {
    /// Source, as in `shopify`.
    source: String,
    /// Store at the source, as in `demo.myshopify.com`.
    id: String,
}

/// Response to a published event.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PublishResponse {
    /// Id of the event.
    id: EventId,
    /// Time of the event.
    timestamp: Timestamp,
    /// True if the idempotency key was used before: that event counts, whatever this request says.
    repeated: bool,
    /// False if nobody listens to the store's own events: the event is kept and listed, and that is all.
    listeners: bool,
    /// Outcome, in a sentence or two.
    message: String,
}

/// Publishes the event of a request.
pub(super) async fn custom(
    stores: &impl Stores,
    ports: (&impl Entities, &impl FanOut),
    (store, request): (&StoreKey, &Request),
    now: Timestamp,
) -> Result<PublishResponse, ApiError> {
    let body: CustomEventBody = parse_body(request, SHAPE, MAX_EVENT_BODY_BYTES)?;
    if let Some(CustomEventStore { source, id }) = &body.store
        && (source != store.source.as_str() || id != store.store.as_str())
    {
        return Err(ApiError::BadRequest(format!(
            "the body names another store than the path: leave out `store`, or post to the path of that store; this one is {}",
            StoreLabel::from(store)
        )));
    }
    let subject = body
        .subject
        .map(|CustomEventSubject { kind, id }| SubjectKey { kind, id });
    let (session_id, key) = (body.session_id.as_deref(), &body.idempotency_key);
    let event = CustomEvent::new(&body.r#type, body.data, subject, session_id, key)
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let look = stores.look(store).await?;
    let published = publish(ports, (store, &look), &event, now).await?;
    Ok(PublishResponse {
        timestamp: published.id.timestamp(),
        repeated: published.is_repeated,
        listeners: published.has_listeners,
        message: published.sentence(),
        id: published.id,
    })
}
