//! Routes that send messages again, and tests.

use hookline_domain::{
    kernel::ids::StoreKey,
    outbound::{
        EndpointKey, EndpointVault, ManagePorts, MessageView, ReplayOnly, ReplayRange, ResendError, ResendPorts, Scope,
        TypePattern,
    },
};
use hookline_events::{EventId, EventType};
use hookline_lambda::serve::json;
use hookline_sources::store_from_text;
use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use serde::{Deserialize, Serialize};

use super::{
    super::{actions::EmptyBody, parse_body},
    EndpointActions, MessageResponse,
    change::MAX_BODY_BYTES,
    in_path, no_endpoint, time,
};
use crate::guard::ApiError;

const TEST: &str = "{\"type\": \"product.updated\"}";
const REPLAY: &str = "{\"from\": \"2026-11-29T10:00:00Z\", \"to\": \"2026-11-29T12:00:00Z\", \"types\": [\"product.*\"], \"only\": \"failed\" or \"all\"}";

/// Request body that tests an endpoint.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TestBody {
    /// Type of the sample, as in `product.updated`.
    r#type: String,
    /// Name of the store of which the sample is to be; needed for an endpoint of all stores only.
    #[serde(default)]
    store: Option<String>,
}

/// Response to a test.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::api) struct TestResponse {
    /// The message, with its first attempt.
    message: MessageView,
    /// True if it was not attempted within 12 seconds: the status of the endpoint says what it waits for.
    waiting: bool,
}

/// Request body that sends messages of the past again.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ReplayBody {
    /// Events of this time or later.
    #[cfg_attr(test, schemars(with = "jiff::Timestamp"))]
    from: String,
    /// Events before this time.
    #[cfg_attr(test, schemars(with = "jiff::Timestamp"))]
    to: String,
    /// Types of events, as in `product.*`; without them, all.
    #[serde(default)]
    types: Vec<String>,
    /// Messages: by default those that the endpoint never took.
    #[serde(default)]
    only: ReplayOnly,
    /// Name of the store; needed for an endpoint of all stores only.
    #[serde(default)]
    store: Option<String>,
    /// Goes on after this event: `next` of the last response.
    #[serde(default)]
    after: Option<EventId>,
    /// True to count the messages and send none.
    #[serde(default)]
    dry_run: bool,
}

/// Response to a replay.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::api) struct ReplayMessagesResponse {
    /// Messages that are sent again; of a dry run, that would be.
    queued: usize,
    /// Events looked at, at most 1,000.
    events: usize,
    /// Value of `after` for the next request; null if nothing is left.
    next: Option<EventId>,
}

impl<W, V> EndpointActions<W, V>
where
    W: ManagePorts + ResendPorts,
    V: EndpointVault,
{
    pub(super) async fn retry(&self, key: &EndpointKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let EmptyBody {} = parse_body(request, "{}", MAX_BODY_BYTES)?;
        let event: EventId = in_path(request, "event")?;
        let message = self.resend.retry(key, &event).await.map_err(refused)?;
        Ok(json(StatusCode::ACCEPTED, &MessageResponse { message }))
    }

    pub(super) async fn test(&self, key: &EndpointKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let TestBody { r#type, store } = parse_body(request, TEST, MAX_BODY_BYTES)?;
        let kind: EventType = r#type
            .parse()
            .map_err(|error| ApiError::BadRequest(format!("type: {error}")))?;
        let store = store_of(key, store.as_deref())?;
        let tested = self.resend.test(key, &kind, &store).await.map_err(refused)?;
        let response = TestResponse {
            message: tested.message,
            waiting: tested.is_waiting,
        };
        Ok(json(StatusCode::OK, &response))
    }

    pub(super) async fn replay(&self, key: &EndpointKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let body: ReplayBody = parse_body(request, REPLAY, MAX_BODY_BYTES)?;
        let types = body
            .types
            .iter()
            .map(|text| text.parse())
            .collect::<Result<Vec<TypePattern>, _>>();
        let range = ReplayRange {
            from: time("from", &body.from)?,
            to: time("to", &body.to)?,
            types: types.map_err(|error| ApiError::BadRequest(format!("types: {error}")))?,
            only: body.only,
            after: body.after,
            is_dry_run: body.dry_run,
        };
        if range.from >= range.to {
            return Err(ApiError::BadRequest("from must be before to".to_owned()));
        }
        let store = store_of(key, body.store.as_deref())?;
        let done = self.resend.replay(key, &store, &range).await.map_err(refused)?;
        let response = ReplayMessagesResponse {
            queued: done.queued,
            events: done.events,
            next: done.next,
        };
        Ok(json(StatusCode::ACCEPTED, &response))
    }
}

/// Store of a request: that of the endpoint, or for one of all stores that which the body names.
fn store_of(key: &EndpointKey, named: Option<&str>) -> Result<StoreKey, ApiError> {
    match (&key.scope, named) {
        (Scope::All, None) => Err(ApiError::BadRequest(
            "the endpoint is of all stores: name one in the member `store`".to_owned(),
        )),
        (Scope::All, Some(named)) => {
            store_from_text(named).map_err(|error| ApiError::BadRequest(format!("store: {error}")))
        }
        (Scope::Store(store), None) => Ok(store.clone()),
        (Scope::Store(store), Some(named)) => match store_from_text(named) {
            Ok(named) if named == *store => Ok(named),
            _ => Err(ApiError::BadRequest(
                "the body names another store than the path: leave out `store`".to_owned(),
            )),
        },
    }
}

pub(super) fn refused(error: ResendError) -> ApiError {
    let sentence = error.to_string();
    match error {
        ResendError::Storage(failure) => failure.into(),
        ResendError::NoEndpoint => no_endpoint(),
        ResendError::NoMessage => ApiError::NotFound(sentence),
        ResendError::Open(_) | ResendError::NotKept | ResendError::State { .. } => ApiError::Conflict(sentence),
    }
}
