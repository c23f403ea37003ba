//! `GET /api/stores/{store}/events` and `…/{id}`: the events of a store that are kept, and one with its payload.

use hookline_domain::{
    kernel::ids::{StoreKey, StoreLabel},
    outbound::{BusVerdict, EventFilter, EventRecords, KeptEvent, Origin},
};
use hookline_events::{Cause, EventId, EventType};
use jiff::Timestamp;
use lambda_http::{Request, RequestExt};
use serde::Serialize;
use serde_json::Value;

use super::{limit, parameter};
use crate::guard::ApiError;

/// Default number of events on a page.
pub(super) const DEFAULT_EVENTS_PER_PAGE: usize = 50;

/// Largest `limit` of events on a page.
pub(super) const MAX_EVENTS_PER_PAGE: usize = 200;

/// A page of events, newest first.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventsResponse {
    /// The events, newest first.
    events: Vec<EventSummary>,
    /// Value of `before` for the next page; null on the last page. A page with few or no events may have a next one, because
    /// a page also ends after a number of events that the parameters do not select.
    next: Option<EventId>,
}

/// An event, without its payload.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventSummary {
    /// Id.
    id: EventId,
    /// Type, as in `inventory.updated`.
    r#type: EventType,
    /// Time at which it happened; of a state, the time at which Hookline learned of it.
    timestamp: Timestamp,
    /// Thing that it is about.
    subject: EventSubject,
    /// Groups of fields that differ from what the last event of the subject said; null if there was none, or if the event
    /// is not about a state.
    changed: Option<Vec<String>>,
    /// Webhook that brought it; null if it was published by hand.
    cause: Option<EventCause>,
}

/// Thing that an event is about.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EventSubject {
    /// Kind, as in `product`.
    kind: String,
    /// Vendor's id.
    id: String,
}

/// Webhook that brought an event.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventCause {
    /// Topic, or `reconcile` for a difference that no webhook reported.
    topic: String,
    /// Id of the delivery; null for `reconcile`.
    delivery_id: Option<String>,
    /// Time at which the delivery was received; of a reconciliation, the time at which it read the state.
    received_at: Timestamp,
}

/// An event, with its payload and its targets.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventDetails {
    /// Name of the store.
    store: StoreLabel,
    #[serde(flatten)]
    summary: EventSummary,
    /// Payload: the event as listeners get it. `GET /api/event-types/{type}` has its JSON Schema.
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, Value>"))]
    payload: Value,
    /// Targets, each with the outcome there.
    targets: Vec<EventTarget>,
    /// Time at which it was first kept.
    accepted_at: Timestamp,
    /// Time at which it is deleted; some days later at the latest.
    expires_at: Timestamp,
}

/// Outcome of an event at a target.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EventTarget {
    /// Name: `bus` is the operator's event bus.
    target: &'static str,
    #[serde(flatten)]
    outcome: TargetOutcome,
}

/// Outcome of an event at a target, and why.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct TargetOutcome {
    /// Outcome.
    verdict: TargetVerdict,
    /// Reason why the target has not accepted it at the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Outcome of an event at a target.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum TargetVerdict {
    /// The target was not there when the event was accepted; the event is not sent later either.
    Off,
    /// It is being sent.
    Queued,
    /// The target has accepted it.
    Sent,
}

impl From<BusVerdict> for TargetVerdict {
    fn from(verdict: BusVerdict) -> Self {
        match verdict {
            BusVerdict::Off => Self::Off,
            BusVerdict::Queued => Self::Queued,
            BusVerdict::Sent => Self::Sent,
        }
    }
}

impl EventSummary {
    fn of(kept: &KeptEvent) -> Self {
        let Origin { changed, cause, .. } = kept.origin();
        Self {
            id: kept.id.clone(),
            r#type: kept.kind.clone(),
            timestamp: kept.at,
            subject: EventSubject {
                kind: kept.subject.kind.clone(),
                id: kept.subject.id.clone(),
            },
            changed,
            cause: cause.map(EventCause::from),
        }
    }
}

impl From<Cause> for EventCause {
    fn from(cause: Cause) -> Self {
        Self {
            topic: cause.topic,
            delivery_id: cause.delivery_id,
            received_at: cause.received_at,
        }
    }
}

impl EventCause {
    pub(super) fn of(kept: &KeptEvent) -> Option<Self> {
        kept.origin().cause.map(Self::from)
    }
}

impl TargetOutcome {
    pub(super) fn of_bus(kept: &KeptEvent) -> Self {
        Self {
            verdict: kept.bus.into(),
            error: kept.bus_error.clone(),
        }
    }
}

/// Returns the requested page.
pub(super) async fn page(
    events: &impl EventRecords,
    store: &StoreKey,
    request: &Request,
) -> Result<EventsResponse, ApiError> {
    let filter = filter(request)?;
    let limit = limit(request, DEFAULT_EVENTS_PER_PAGE, MAX_EVENTS_PER_PAGE)?;
    let page = events.list(store, &filter, limit).await?;
    Ok(EventsResponse {
        events: page.events.iter().map(EventSummary::of).collect(),
        next: page.next,
    })
}

/// Reads the query parameters. An empty one selects everything.
fn filter(request: &Request) -> Result<EventFilter, ApiError> {
    let given = |name| parameter(request, name).filter(|text| !text.is_empty());
    let refused = |error: String| ApiError::BadRequest(error);
    Ok(EventFilter {
        kind: given("type")
            .map(str::parse)
            .transpose()
            .map_err(|error| refused(format!("type: {error}")))?,
        subject: given("subject")
            .map(str::parse)
            .transpose()
            .map_err(|error| refused(format!("subject: {error}; write # as %23 in a URL")))?,
        cause: given("cause")
            .map(str::parse)
            .transpose()
            .map_err(|_| refused("cause must be the id of a delivery".to_owned()))?,
        from: given("from")
            .map(str::parse)
            .transpose()
            .map_err(|_| refused("from must be a time, as in 2026-11-29T10:04:52Z".to_owned()))?,
        before: given("before")
            .map(str::parse)
            .transpose()
            .map_err(|_| refused("before must be the value of `next` on the previous page".to_owned()))?,
        after: None,
    })
}

/// Returns the event that the path names.
pub(super) async fn details(
    events: &impl EventRecords,
    store: &StoreKey,
    request: &Request,
) -> Result<EventDetails, ApiError> {
    let kept = find(events, store, request).await?;
    Ok(EventDetails {
        store: StoreLabel::from(store),
        summary: EventSummary::of(&kept),
        payload: serde_json::from_str(&kept.json).unwrap_or_default(),
        targets: vec![EventTarget {
            target: "bus",
            outcome: TargetOutcome::of_bus(&kept),
        }],
        accepted_at: kept.accepted_at,
        expires_at: kept.expires_at,
    })
}

/// Returns the kept event that the path names.
pub(super) async fn find(
    events: &impl EventRecords,
    store: &StoreKey,
    request: &Request,
) -> Result<KeptEvent, ApiError> {
    let id: EventId = request
        .path_parameters_ref()
        .and_then(|parameters| parameters.first("id"))
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| ApiError::BadRequest("the id in the path is not an event id".to_owned()))?;
    events.find(store, &id).await?.ok_or_else(|| {
        ApiError::NotFound("there is no such event in this store: it was never published, or it has expired".to_owned())
    })
}
