//! The operations of the API, one entry each.

mod endpoints;
mod events;

use hookline_domain::{kernel::text::Words, store::status::StoreState};
use serde_json::{Value, json};

use super::{
    super::{
        actions::{
            ActionResponse, DeliveryBody, EmptyBody, MAX_MOVED_LETTERS, MOVE_TIME, RedriveResponse, ReplayResponse,
            RunResponse,
        },
        deliveries::{DEFAULT_DELIVERIES_PER_PAGE, DeliveriesResponse, DeliveryDetails, MAX_DELIVERIES_PER_PAGE},
        event_types::{EventTypeDetails, EventTypesResponse},
        list::{DEFAULT_STORES_PER_PAGE, MAX_STORES_PER_PAGE, StoresResponse},
        me::Me,
        search::{DEFAULT_RESULTS, MAX_QUERY_BYTES, MAX_RESULTS, SearchResponse},
        status::StoreStatus,
    },
    schemas::Schemas,
};
use crate::tickets::{self, IssuedTicket};

/// An operation of the API.
pub(super) struct Operation {
    /// Route, as in `GET /api/me`.
    pub(super) route: &'static str,
    /// Name for programs.
    id: &'static str,
    /// Purpose, in a few words.
    summary: &'static str,
    /// Anything else that callers need to know; may be empty.
    description: String,
    /// Parameters of the path and the query.
    parameters: Vec<Value>,
    /// Body of the request; null for none.
    body: Value,
    /// Status, description and schema of each response that is no error.
    responses: Vec<(u16, &'static str, Value)>,
    /// Errors besides those that every operation with a token has.
    errors: &'static [u16],
    /// False if anybody may call it.
    needs_token: bool,
}

impl Operation {
    /// Returns the operation as an `Operation Object`. `always` lists the errors of every operation with a token, and `error`
    /// returns the response of one.
    pub(super) fn describe(self, always: &[u16], error: &impl Fn(u16) -> Value) -> Value {
        let mut responses = json!({});
        for (status, meaning, schema) in self.responses {
            responses[status.to_string()] = json!({
                "description": meaning,
                "headers": {"Cache-Control": {"schema": {"const": "no-store"}}},
                "content": {"application/json": {"schema": schema}},
            });
        }
        let always = if self.needs_token { always } else { &[] };
        for status in always.iter().chain(self.errors) {
            responses[status.to_string()] = error(*status);
        }
        let mut operation = json!({"operationId": self.id, "summary": self.summary, "responses": responses});
        if !self.description.is_empty() {
            operation["description"] = self.description.into();
        }
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if !self.body.is_null() {
            operation["requestBody"] = self.body;
        }
        if !self.needs_token {
            operation["security"] = json!([]);
        }
        operation
    }
}

/// Returns all operations.
pub(super) fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let mut operations = of_the_deployment(schemas);
    operations.extend(reads(schemas));
    operations.extend(events::events(schemas));
    operations.extend(actions(schemas));
    operations.extend(endpoints::endpoints(schemas));
    operations.extend(events::listening(schemas));
    operations
}

fn of_the_deployment(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation {
            route: "GET /api/me",
            id: "me",
            summary: "Caller, and addresses of this deployment",
            description: String::new(),
            parameters: vec![],
            body: Value::Null,
            responses: vec![(200, "The caller.", json!(schemas.sent::<Me>()))],
            errors: &[],
            needs_token: true,
        },
        Operation {
            route: "GET /api/event-types",
            id: "eventTypes",
            summary: "Types of events",
            description: "More types may be added: skip events of a type that you do not know.".to_owned(),
            parameters: vec![],
            body: Value::Null,
            responses: vec![(200, "The types.", json!(schemas.sent::<EventTypesResponse>()))],
            errors: &[],
            needs_token: true,
        },
        Operation {
            route: "GET /api/event-types/{type}",
            id: "eventType",
            summary: "JSON Schema and sample of a type of events",
            description: String::new(),
            parameters: vec![parameter(
                "type",
                "path",
                true,
                "Type, as in `inventory.updated`. Types of the operator's own, `custom.…`, have one schema.",
                &json!({"type": "string"}),
            )],
            body: Value::Null,
            responses: vec![(200, "The type.", json!(schemas.sent::<EventTypeDetails>()))],
            errors: &[404],
            needs_token: true,
        },
        Operation {
            route: tickets::ROUTE,
            id: "ticket",
            summary: "Ticket for a WebSocket",
            description: "Keeps tokens out of URLs: connect to `live_url` of `/api/me` with `?ticket=…`, within 30 seconds, once."
                .to_owned(),
            parameters: vec![],
            body: Value::Null,
            responses: vec![(201, "A ticket.", json!(schemas.sent::<IssuedTicket>()))],
            errors: &[501],
            needs_token: true,
        },
        Operation {
            route: "GET /api/openapi.json",
            id: "openapi",
            summary: "This description",
            description: String::new(),
            parameters: vec![],
            body: Value::Null,
            responses: vec![(
                200,
                "This description.",
                json!({"type": "object", "required": ["openapi", "paths"]}),
            )],
            errors: &[],
            needs_token: false,
        },
    ]
}

fn reads(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation {
            route: "GET /api/stores",
            id: "stores",
            summary: "Status of all stores within reach",
            description: "Up to two seconds old if more than 25 stores are within reach.".to_owned(),
            parameters: vec![
                optional("q", "Part of the name of a store. Returns only stores with such a name.", &json!({"type": "string"})),
                optional("state", "Returns only stores in this state.", &json!(schemas.sent::<StoreState>())),
                limit(DEFAULT_STORES_PER_PAGE, MAX_STORES_PER_PAGE),
                optional("after", "Name of a store. Returns only stores after it.", &json!({"type": "string"})),
            ],
            body: Value::Null,
            responses: vec![(200, "A page of stores.", json!(schemas.sent::<StoresResponse>()))],
            errors: &[400],
            needs_token: true,
        },
        Operation {
            route: "GET /api/stores/{store}/status",
            id: "status",
            summary: "Status of a store",
            description: String::new(),
            parameters: vec![store()],
            body: Value::Null,
            responses: vec![(200, "The status.", json!(schemas.sent::<StoreStatus>()))],
            errors: &[400, 404],
            needs_token: true,
        },
        Operation {
            route: "GET /api/stores/{store}/deliveries",
            id: "deliveries",
            summary: "Outcomes of the latest deliveries of a store",
            description: "Of the last 7 days. A page may have a few more than `limit`, because entries that were recorded together \
                          are returned together."
                .to_owned(),
            parameters: vec![
                store(),
                optional(
                    "before",
                    "Value of `next` on the previous page. Returns only what was recorded before.",
                    &json!({"type": "integer", "minimum": 0}),
                ),
                limit(DEFAULT_DELIVERIES_PER_PAGE, MAX_DELIVERIES_PER_PAGE),
            ],
            body: Value::Null,
            responses: vec![(200, "A page of deliveries.", json!(schemas.sent::<DeliveriesResponse>()))],
            errors: &[400, 404, 501],
            needs_token: true,
        },
        Operation {
            route: "GET /api/stores/{store}/deliveries/{id}",
            id: "delivery",
            summary: "Details of one delivery",
            description: String::new(),
            parameters: vec![
                store(),
                parameter("id", "path", true, "Id of the delivery.", &json!({"type": "string"})),
                parameter("topic", "query", true, "Topic, as in `products/update`.", &json!({"type": "string"})),
            ],
            body: Value::Null,
            responses: vec![(
                200,
                "Everything that is known of it.",
                json!(schemas.sent::<DeliveryDetails>()),
            )],
            errors: &[400, 404, 501],
            needs_token: true,
        },
        Operation {
            route: "GET /api/stores/{store}/search",
            id: "search",
            summary: "Search in the products and collections of a store",
            description: String::new(),
            parameters: vec![
                store(),
                parameter(
                    "q",
                    "query",
                    true,
                    &format!(
                        "Words to search for; typing errors are tolerated. Only the first {} words count, as the index counts \
                         them.",
                        Words::MOST
                    ),
                    &json!({"type": "string", "minLength": 1, "maxLength": MAX_QUERY_BYTES}),
                ),
                limit(DEFAULT_RESULTS, MAX_RESULTS),
            ],
            body: Value::Null,
            responses: vec![(200, "The results.", json!(schemas.sent::<SearchResponse>()))],
            errors: &[400, 404],
            needs_token: true,
        },
    ]
}

fn actions(schemas: &mut Schemas) -> Vec<Operation> {
    let delivery = json!(schemas.read::<DeliveryBody>());
    let empty = json!(schemas.read::<EmptyBody>());
    let done = json!(schemas.sent::<ActionResponse>());
    let redriven = json!(schemas.sent::<RedriveResponse>());
    vec![
        Operation {
            route: "POST /api/stores/{store}/replay",
            id: "replay",
            summary: "Apply a delivery again",
            description: "Admins only. Takes the body from the archive, which a stack has with `ArchiveDays`. An old state \
                          changes nothing: the newer one supersedes it."
                .to_owned(),
            parameters: vec![store()],
            body: body(true, &delivery),
            responses: vec![(
                202,
                "It is on the queue.",
                json!(schemas.sent::<ReplayResponse>()),
            )],
            errors: &[400, 404, 409],
            needs_token: true,
        },
        Operation {
            route: "POST /api/stores/{store}/redrive",
            id: "redrive",
            summary: "Move the dead letters of a store back into the queue",
            description: format!(
                "Admins only. Moves all of the store's dead letters, or that of one delivery. Ends after {MAX_MOVED_LETTERS} dead \
                 letters or {} seconds. Meanwhile, dead letters of other stores are hidden from other requests for a second or \
                 two at most; a concurrent redrive waits for them.",
                MOVE_TIME.as_secs()
            ),
            parameters: vec![store()],
            body: body(false, &json!({"anyOf": [empty, delivery]})),
            responses: vec![(200, "The outcome.", redriven.clone())],
            errors: &[400, 404],
            needs_token: true,
        },
        Operation {
            route: "POST /api/stores/{store}/try-now",
            id: "tryNow",
            summary: "Retry a failed delivery at once",
            description: "Admins only. Ends the wait for the queue's next try, with the effect of one try. A dead letter is \
                          redriven instead, and the response is that of a redrive."
                .to_owned(),
            parameters: vec![store()],
            body: body(true, &delivery),
            responses: vec![
(202, "It is retried within seconds.", done.clone()),
(200, "It was a dead letter: the outcome of its redrive.", redriven),
],
            errors: &[400, 404, 409],
            needs_token: true,
        },
        Operation {
            route: "POST /api/stores/{store}/dismiss",
            id: "dismiss",
            summary: "Give up on a failed delivery for good",
            description: "Admins only. Removes its dead letter and sets its fate to `dismissed`; the store needs no attention for it \
                          any more."
                .to_owned(),
            parameters: vec![store()],
            body: body(true, &delivery),
            responses: vec![(200, "The outcome.", done)],
            errors: &[400, 404, 409],
            needs_token: true,
        },
        run("POST /api/stores/{store}/resync", "resync", "Index the whole catalog of a store", &empty, schemas),
        run(
            "POST /api/stores/{store}/reconcile",
            "reconcile",
            "Compare the catalog of a store with the index",
            &empty,
            schemas,
        ),
    ]
}

/// Operation that starts a run.
fn run(
    route: &'static str,
    id: &'static str,
    summary: &'static str,
    empty: &Value,
    schemas: &mut Schemas,
) -> Operation {
    Operation {
        route,
        id,
        summary,
        description: "Admins only. The `run` of the status shows its progress. 409 if there is no token for the store's Admin API, \
                      or if a run is in progress."
            .to_owned(),
        parameters: vec![store()],
        body: body(false, empty),
        responses: vec![(202, "It starts.", json!(schemas.sent::<RunResponse>()))],
        errors: &[400, 404, 409],
        needs_token: true,
    }
}

fn parameter(name: &str, place: &str, is_required: bool, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": place, "required": is_required, "description": description, "schema": schema})
}

fn optional(name: &str, description: &str, schema: &Value) -> Value {
    parameter(name, "query", false, description, schema)
}

fn store() -> Value {
    let description = "Name of the store, as in `demo.myshopify.com`; of a source other than Shopify, `source:name`.";
    parameter("store", "path", true, description, &json!({"type": "string"}))
}

fn limit(default: usize, most: usize) -> Value {
    let schema = json!({"type": "integer", "minimum": 1, "maximum": most, "default": default});
    optional("limit", "Largest number of results on the page.", &schema)
}

fn body(is_required: bool, schema: &Value) -> Value {
    json!({"required": is_required, "content": {"application/json": {"schema": schema}}})
}
