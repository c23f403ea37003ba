//! `GET /api/event-types` and `GET /api/event-types/{type}`: the catalog of events, from docs/events.

use hookline_domain::outbound::catalog;
use hookline_events::{EventType, Resource, VERSION};
use lambda_http::{Request, RequestExt};
use serde::Serialize;
use serde_json::Value;

use crate::guard::ApiError;

/// Name of the types of the operator's own, as a whole.
const OWN: &str = "custom.*";

/// All types of events.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventTypesResponse {
    /// Types, in the order of the catalog. The last is `custom.*`, which stands for all of the operator's own.
    event_types: Vec<EventTypeSummary>,
}

/// A type of events.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventTypeSummary {
    /// Type, as in `inventory.updated`.
    r#type: String,
    /// Kind of thing that its events are about.
    resource: Resource,
    /// Meaning, in a sentence.
    meaning: &'static str,
    /// Version of the schema.
    version: u32,
}

/// A type of events, with its JSON Schema and a sample.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventTypeDetails {
    #[serde(flatten)]
    summary: EventTypeSummary,
    /// JSON Schema of its events, draft 2020-12, complete in itself. `x-hookline-class` says of each field who may see it:
    /// `public` or `commercial`.
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, Value>"))]
    schema: Value,
    /// A sample of its events.
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, Value>"))]
    sample: Value,
}

impl EventTypeSummary {
    fn of(kind: &EventType) -> Self {
        Self {
            r#type: match kind {
                EventType::Known(text) => (*text).to_owned(),
                EventType::Custom(_) => OWN.to_owned(),
            },
            resource: kind.resource(),
            meaning: kind.meaning(),
            version: VERSION,
        }
    }
}

pub(super) fn list() -> EventTypesResponse {
    let own = EventType::Custom(OWN.to_owned());
    let kinds = EventType::ALL.iter().chain([&own]);
    EventTypesResponse {
        event_types: kinds.map(EventTypeSummary::of).collect(),
    }
}

/// Details of the type in the path. Any type of the operator's own has those of `custom.*`.
pub(super) fn details(request: &Request) -> Result<EventTypeDetails, ApiError> {
    let parameters = request.path_parameters_ref();
    let text = parameters
        .and_then(|parameters| parameters.first("type"))
        .unwrap_or_default();
    let kind = match text {
        OWN => EventType::Custom(OWN.to_owned()),
        text => text.parse().map_err(|error| ApiError::NotFound(format!("{error}")))?,
    };
    Ok(EventTypeDetails {
        summary: EventTypeSummary::of(&kind),
        schema: catalog::schema(&kind),
        sample: catalog::sample(&kind),
    })
}
