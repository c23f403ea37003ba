//! Operations on endpoints and their messages: each for those of a store, and for those of all stores.

use hookline_domain::outbound::{
    EndpointStats, EndpointStatus, EndpointView, MAX_REPLAYED, MAX_STATS_HOURS, MessageView, StateName,
};
use serde_json::{Value, json};

use super::{
    super::{
        super::{
            actions::EmptyBody,
            endpoints::{
                ActivateBody, ChangeEndpointBody, CreateEndpointBody, DEFAULT_MESSAGES_PER_PAGE, DEFAULT_STATS_HOURS,
                DryRunResponse, EndpointWithSecret, EndpointsResponse, MAX_MESSAGES_PER_PAGE, MessageResponse,
                MessagesResponse, PauseBody, ReplayBody, ReplayMessagesResponse, RotateBody, TestBody, TestResponse,
                WhyResponse,
            },
        },
        schemas::Schemas,
    },
    Operation, body, limit, optional, parameter, store,
};

/// Routes of an operation for a store and for all stores.
macro_rules! routes {
    ($method:literal, $rest:literal) => {
        [
            concat!($method, " /api/stores/{store}/endpoints", $rest),
            concat!($method, " /api/endpoints", $rest),
        ]
    };
}

/// An operation, without its routes and its parameters of the path.
struct Draft {
    routes: [&'static str; 2],
    ids: [&'static str; 2],
    summary: &'static str,
    description: String,
    parameters: Vec<Value>,
    body: Value,
    responses: Vec<(u16, &'static str, Value)>,
    errors: &'static [u16],
}

impl Draft {
    /// Returns both operations.
    fn both(self) -> [Operation; 2] {
        [0, 1].map(|nth| {
            let route = self.routes[nth];
            let named = [
                ("{store}", store()),
                ("{endpoint}", in_path("endpoint", "Id of the endpoint, `ep_…`.")),
                ("{event}", in_path("event", "Id of the event, `evt_…`.")),
            ];
            let named = named.into_iter().filter(|(name, _)| route.contains(name));
            let parameters = named.map(|(_, parameter)| parameter).chain(self.parameters.clone());
            let of_all = "Of the endpoints of all stores, for tokens that are for all stores.";
            let description = match (nth, self.description.as_str()) {
                (0, text) => text.to_owned(),
                (_, "") => of_all.to_owned(),
                (_, text) => format!("{of_all} {text}"),
            };
            Operation {
                route,
                id: self.ids[nth],
                summary: self.summary,
                description,
                parameters: parameters.collect(),
                body: self.body.clone(),
                responses: self.responses.clone(),
                errors: self.errors,
                needs_token: true,
            }
        })
    }
}

/// Returns all operations on endpoints and messages.
pub(super) fn endpoints(schemas: &mut Schemas) -> Vec<Operation> {
    let mut drafts = reads(schemas);
    drafts.extend(changes(schemas));
    drafts.extend(sending(schemas));
    let mut operations: Vec<Operation> = drafts.into_iter().flat_map(Draft::both).collect();
    operations.push(Operation {
        route: "GET /api/stores/{store}/events/{id}/why",
        id: "why",
        summary: "Fate of an event at each endpoint, and the reason",
        description:
            "Explains each endpoint that there was when the event was accepted. Those of all stores are shown to \
                      tokens that are for all stores."
                .to_owned(),
        parameters: vec![
            store(),
            in_path("id", "Id of the event, `evt_…`."),
            optional(
                "endpoint",
                "Id of an endpoint. Explains this one only.",
                &json!({"type": "string"}),
            ),
        ],
        body: Value::Null,
        responses: vec![(200, "The explanation.", json!(schemas.sent::<WhyResponse>()))],
        errors: &[400, 404, 501],
        needs_token: true,
    });
    operations
}

fn reads(schemas: &mut Schemas) -> Vec<Draft> {
    let text = json!({"type": "string"});
    vec![
        Draft {
            routes: routes!("GET", ""),
            ids: ["endpoints", "endpointsOfAll"],
            summary: "Endpoints to which events are posted",
            description: String::new(),
            parameters: vec![
                optional("state", "Returns only endpoints in this state.", &json!(schemas.sent::<StateName>())),
                optional(
                    "type",
                    "Returns only endpoints that get events of this type, as in `inventory.updated`, or of one of some, as in \
                     `product.*`.",
                    &text,
                ),
                optional("q", "Part of the URL or the description.", &text),
            ],
            body: Value::Null,
            responses: vec![(200, "The endpoints.", json!(schemas.sent::<EndpointsResponse>()))],
            errors: &[400, 404, 501],
        },
        Draft {
            routes: routes!("GET", "/{endpoint}"),
            ids: ["endpoint", "endpointOfAll"],
            summary: "One endpoint",
            description: "The header `ETag` holds its revision, for `If-Match` of a change.".to_owned(),
            parameters: vec![],
            body: Value::Null,
            responses: vec![(200, "The endpoint.", json!(schemas.sent::<EndpointView>()))],
            errors: &[400, 404, 501],
        },
        Draft {
            routes: routes!("GET", "/{endpoint}/status"),
            ids: ["endpointStatus", "endpointStatusOfAll"],
            summary: "Health of an endpoint, and what waits for it",
            description: String::new(),
            parameters: vec![],
            body: Value::Null,
            responses: vec![(200, "The status.", json!(schemas.sent::<EndpointStatus>()))],
            errors: &[400, 404, 501],
        },
        Draft {
            routes: routes!("GET", "/{endpoint}/stats"),
            ids: ["endpointStats", "endpointStatsOfAll"],
            summary: "Success rate, failures and response times of an endpoint, hour by hour",
            description: "The latest hours, of which the current one is the last. They are kept for 30 days. What waits for the \
                          endpoint, its breaker and its next attempt are in its status."
                .to_owned(),
            parameters: vec![optional(
                "hours",
                "Number of hours.",
                &json!({"type": "integer", "minimum": 1, "maximum": MAX_STATS_HOURS, "default": DEFAULT_STATS_HOURS}),
            )],
            body: Value::Null,
            responses: vec![(200, "The statistics.", json!(schemas.sent::<EndpointStats>()))],
            errors: &[400, 404, 501],
        },
        Draft {
            routes: routes!("GET", "/{endpoint}/messages"),
            ids: ["messages", "messagesOfAll"],
            summary: "Messages of an endpoint",
            description: "Those that are settled or were tried, newest event first. With `fate=open`, those that are to be sent, in the \
                          order in which they are due."
                .to_owned(),
            parameters: vec![
                optional(
                    "fate",
                    "Returns only messages with this fate.",
                    &json!({"enum": ["open", "sent", "exhausted", "aborted", "expired", "discarded", "superseded"]}),
                ),
                optional("type", "Type, as in `inventory.updated`, or the beginning of some, as in `product.*`.", &text),
                optional(
                    "from",
                    "Returns only messages whose events have this time or a later one.",
                    &json!({"type": "string", "format": "date-time"}),
                ),
                optional("cursor", "Value of `next` on the previous page.", &text),
                limit(DEFAULT_MESSAGES_PER_PAGE, MAX_MESSAGES_PER_PAGE),
            ],
            body: Value::Null,
            responses: vec![(200, "A page of messages.", json!(schemas.sent::<MessagesResponse>()))],
            errors: &[400, 404, 501],
        },
        Draft {
            routes: routes!("GET", "/{endpoint}/messages/{event}"),
            ids: ["message", "messageOfAll"],
            summary: "One message, with its attempts",
            description: String::new(),
            parameters: vec![],
            body: Value::Null,
            responses: vec![(200, "The message.", json!(schemas.sent::<MessageView>()))],
            errors: &[400, 404, 501],
        },
    ]
}

fn changes(schemas: &mut Schemas) -> Vec<Draft> {
    let endpoint = json!(schemas.sent::<EndpointView>());
    let with_secret = json!(schemas.sent::<EndpointWithSecret>());
    vec![
        Draft {
            routes: routes!("POST", ""),
            ids: ["createEndpoint", "createEndpointOfAll"],
            summary: "Create an endpoint",
            description: "Admins only. The response has the signing secret, which cannot be read again. A store has at most 20 \
                          endpoints, and there are at most 10 of all stores. `dry_run=true` checks and creates nothing."
                .to_owned(),
            parameters: vec![optional(
                "dry_run",
                "True to check the settings, and to count how many of the store's latest events the endpoint would get.",
                &json!({"type": "boolean"}),
            )],
            body: body(true, &json!(schemas.read::<CreateEndpointBody>())),
            responses: vec![
                (201, "The endpoint, and its secret.", with_secret.clone()),
                (200, "Of a dry run: what the endpoint would get.", json!(schemas.sent::<DryRunResponse>())),
            ],
            errors: &[400, 404, 409, 501],
        },
        Draft {
            routes: routes!("PATCH", "/{endpoint}"),
            ids: ["changeEndpoint", "changeEndpointOfAll"],
            summary: "Change an endpoint",
            description: "Admins only. The body is a merge patch: what it leaves out stays.".to_owned(),
            parameters: vec![if_match(true)],
            body: body(true, &json!(schemas.read::<ChangeEndpointBody>())),
            responses: vec![(200, "The endpoint as it is now.", endpoint.clone())],
            errors: &[400, 404, 409, 412, 428, 501],
        },
        Draft {
            routes: routes!("DELETE", "/{endpoint}"),
            ids: ["deleteEndpoint", "deleteEndpointOfAll"],
            summary: "Delete an endpoint",
            description: "Admins only. Its open messages are discarded; it is gone some seconds later.".to_owned(),
            parameters: vec![if_match(false)],
            body: Value::Null,
            responses: vec![(200, "The endpoint, in the state `deleting`.", endpoint.clone())],
            errors: &[400, 404, 409, 412, 501],
        },
        Draft {
            routes: routes!("POST", "/{endpoint}/pause"),
            ids: ["pauseEndpoint", "pauseEndpointOfAll"],
            summary: "Pause an endpoint",
            description: "Admins only. No attempt begins later than five seconds after it.".to_owned(),
            parameters: vec![if_match(false)],
            body: body(false, &json!(schemas.read::<PauseBody>())),
            responses: vec![(200, "The endpoint as it is now.", endpoint.clone())],
            errors: &[400, 404, 409, 412, 501],
        },
        Draft {
            routes: routes!("POST", "/{endpoint}/activate"),
            ids: ["activateEndpoint", "activateEndpointOfAll"],
            summary: "Activate an endpoint that is paused or disabled",
            description: "Admins only.".to_owned(),
            parameters: vec![if_match(false)],
            body: body(false, &json!(schemas.read::<ActivateBody>())),
            responses: vec![(200, "The endpoint as it is now.", endpoint.clone())],
            errors: &[400, 404, 409, 412, 501],
        },
        Draft {
            routes: routes!("POST", "/{endpoint}/verify"),
            ids: ["verifyEndpoint", "verifyEndpointOfAll"],
            summary: "Let an endpoint prove itself",
            description: "Admins only. A signed challenge is sent, which the answer must repeat, in the header `webhook-challenge` or in \
                          the first 4 KiB of its body; waits for it, up to 12 seconds. Then `proven_at` is set, or `proof_failed` says \
                          why not. Only a proven endpoint gets personal data; a new URL is not proven."
                .to_owned(),
            parameters: vec![if_match(false)],
            body: body(false, &json!(schemas.read::<EmptyBody>())),
            responses: vec![(200, "The endpoint as it is now.", endpoint)],
            errors: &[400, 404, 409, 412, 501],
        },
        Draft {
            routes: routes!("POST", "/{endpoint}/rotate"),
            ids: ["rotateSecret", "rotateSecretOfAll"],
            summary: "Give an endpoint a new signing secret",
            description: "Admins only. The response has the new secret, which cannot be read again. The old one signs beside it for a \
                          while, so that nothing is refused meanwhile."
                .to_owned(),
            parameters: vec![if_match(false)],
            body: body(false, &json!(schemas.read::<RotateBody>())),
            responses: vec![(200, "The endpoint, and its new secret.", with_secret)],
            errors: &[400, 404, 409, 412, 501],
        },
    ]
}

fn sending(schemas: &mut Schemas) -> Vec<Draft> {
    vec![
        Draft {
            routes: routes!("POST", "/{endpoint}/test"),
            ids: ["testEndpoint", "testEndpointOfAll"],
            summary: "Send a sample to an endpoint",
            description: "Admins only. The sample of a type is sent before all other messages, as an event of the store with an id of its \
                          own, to this endpoint only. Waits for the first attempt, up to 12 seconds. 409 if the endpoint is not active."
                .to_owned(),
            parameters: vec![],
            body: body(true, &json!(schemas.read::<TestBody>())),
            responses: vec![(200, "The message, and its first attempt.", json!(schemas.sent::<TestResponse>()))],
            errors: &[400, 404, 409, 501],
        },
        Draft {
            routes: routes!("POST", "/{endpoint}/replay"),
            ids: ["replayMessages", "replayMessagesOfAll"],
            summary: "Send messages of the past again",
            description: format!(
                "Admins only. Goes through the kept events of a store, the oldest first, and at most {MAX_REPLAYED} of them: as long \
                 as `next` is not null, send the same request with it as `after`. Events keep their ids, so that a receiver that \
                 remembers them has each effect once; requests have the header `hookline-replay`."
            ),
            parameters: vec![],
            body: body(true, &json!(schemas.read::<ReplayBody>())),
            responses: vec![(202, "They are sent.", json!(schemas.sent::<ReplayMessagesResponse>()))],
            errors: &[400, 404, 409, 501],
        },
        Draft {
            routes: routes!("POST", "/{endpoint}/messages/{event}/retry"),
            ids: ["retryMessage", "retryMessageOfAll"],
            summary: "Send one message again",
            description: "Admins only. 409 if it is open, or if its event is no longer kept.".to_owned(),
            parameters: vec![],
            body: body(false, &json!(schemas.read::<EmptyBody>())),
            responses: vec![(202, "It is sent at once.", json!(schemas.sent::<MessageResponse>()))],
            errors: &[400, 404, 409, 501],
        },
    ]
}

fn in_path(name: &str, description: &str) -> Value {
    parameter(name, "path", true, description, &json!({"type": "string"}))
}

fn if_match(is_required: bool) -> Value {
    let description =
        "The `ETag` of the endpoint as you read it, as in `\"3\"`: 412 if it has been changed since. `*` for any.";
    parameter(
        "If-Match",
        "header",
        is_required,
        description,
        &json!({"type": "string"}),
    )
}
