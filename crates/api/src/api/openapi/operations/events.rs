//! Operations about events, the documents that events lead to, and sessions that watch events.

use hookline_domain::{catalogue::document::Document, kernel::ids::Kind};
use serde_json::{Value, json};

use super::{
    super::{
        super::{
            actions::{ActionResponse, ListenBody, ListenResponse},
            events::{DEFAULT_EVENTS_PER_PAGE, EventDetails, EventsResponse, MAX_EVENTS_PER_PAGE},
            publish::{CustomEventBody, PublishResponse},
        },
        schemas::Schemas,
    },
    Operation, body, limit, optional, parameter, store,
};

/// Returns those that read and publish events, and read documents.
pub(super) fn events(schemas: &mut Schemas) -> Vec<Operation> {
    let custom = json!(schemas.read::<CustomEventBody>());
    vec![
        Operation {
            route: "GET /api/stores/{store}/events",
            id: "events",
            summary: "Events of a store",
            description: "Those of the last days that were published, whether or not a target has them.".to_owned(),
            parameters: vec![
                store(),
                optional(
                    "type",
                    "Type, as in `inventory.updated`, or the beginning of some, as in `product.*`.",
                    &json!({"type": "string"}),
                ),
                optional(
                    "subject",
                    "Thing that they are about: kind and id, as in `product#788032119674292922`. In a URL, `#` is `%23`.",
                    &json!({"type": "string"}),
                ),
                optional(
                    "cause",
                    "Id of the delivery that caused them.",
                    &json!({"type": "string"}),
                ),
                optional(
                    "from",
                    "Returns only events of this time or later.",
                    &json!({"type": "string", "format": "date-time"}),
                ),
                optional(
                    "before",
                    "Value of `next` on the previous page. Returns only older events.",
                    &json!({"type": "string"}),
                ),
                limit(DEFAULT_EVENTS_PER_PAGE, MAX_EVENTS_PER_PAGE),
            ],
            body: Value::Null,
            responses: vec![(200, "A page of events.", json!(schemas.sent::<EventsResponse>()))],
            errors: &[400, 404, 501],
            needs_token: true,
        },
        Operation {
            route: "GET /api/stores/{store}/events/{id}",
            id: "event",
            summary: "One event, with its payload and its targets",
            description: String::new(),
            parameters: vec![
                store(),
                parameter(
                    "id",
                    "path",
                    true,
                    "Id of the event, `evt_…`.",
                    &json!({"type": "string"}),
                ),
            ],
            body: Value::Null,
            responses: vec![(200, "The event.", json!(schemas.sent::<EventDetails>()))],
            errors: &[400, 404, 501],
            needs_token: true,
        },
        Operation {
            route: "POST /api/stores/{store}/events",
            id: "publish",
            summary: "Publish an event of the operator's own",
            description:
                "Admins only. The id follows from the store and the idempotency key: after a failure, send the same \
                          request again."
                    .to_owned(),
            parameters: vec![store()],
            body: body(true, &custom),
            responses: vec![(202, "It is on its way.", json!(schemas.sent::<PublishResponse>()))],
            errors: &[400, 404, 501],
            needs_token: true,
        },
        Operation {
            route: "GET /api/stores/{store}/documents/{kind}/{id}",
            id: "document",
            summary: "Document of a product or collection",
            description: "As the index holds it. `data_url` of an event that had to be cut leads here.".to_owned(),
            parameters: vec![
                store(),
                parameter("kind", "path", true, "Kind.", &json!(schemas.sent::<Kind>())),
                parameter("id", "path", true, "Vendor's id.", &json!({"type": "string"})),
            ],
            body: Value::Null,
            responses: vec![(200, "The document.", json!(schemas.sent::<Document>()))],
            errors: &[400, 404],
            needs_token: true,
        },
    ]
}

/// Returns those that begin and end a session.
pub(super) fn listening(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation {
            route: "POST /api/stores/{store}/listen",
            id: "listen",
            summary: "Begin or renew a session that watches events",
            description: "Admins only. While a session lasts, the store's events of these types are made, if nobody else wants \
                          them, and sent over the WebSocket to who watches with `events`. Call it before, and every few \
                          minutes; a session ends 10 minutes after the last call. 409 if too many sessions watch the store."
                .to_owned(),
            parameters: vec![store()],
            body: body(true, &json!(schemas.read::<ListenBody>())),
            responses: vec![(200, "It lasts.", json!(schemas.sent::<ListenResponse>()))],
            errors: &[400, 404, 409],
            needs_token: true,
        },
        Operation {
            route: "DELETE /api/stores/{store}/listen/{session}",
            id: "endListening",
            summary: "End a session that watches events",
            description: "Admins only. Does nothing if it has ended.".to_owned(),
            parameters: vec![
                store(),
                parameter("session", "path", true, "Name of the session.", &json!({"type": "string"})),
            ],
            body: Value::Null,
            responses: vec![(200, "It has ended.", json!(schemas.sent::<ActionResponse>()))],
            errors: &[400, 404],
            needs_token: true,
        },
    ]
}
