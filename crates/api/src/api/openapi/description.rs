//! The description of the API, built from its types and one table of its operations. A test compares it with
//! docs/openapi.json; `UPDATE_FIXTURES=1 cargo test -p hookline-api description` writes the file after a change.

use std::fs;

use hookline_domain::live::{ClientMessage, Frame};
use hookline_events::schema;
use serde_json::{Map, Value, json};

use super::{operations::operations, schemas::Schemas};
use crate::guard::ErrorResponse;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

const ABOUT: &str = "Status of stores, outcomes of their webhooks, their events, search in their catalogs, and the actions of admins.

Every request needs a token: `Authorization: Bearer …`. An operator token (`hookline token create`) is for the stores that it \
names, with the role viewer or admin; a Shopify session token is for its shop, with the role viewer. A store out of reach is \
answered like one that does not exist.

Errors have two shapes. A function answers `{\"error\": \"a sentence\"}`: show it. API Gateway, before any function, answers \
`{\"message\": \"Forbidden\"}` and the like: 401 without a token, **403 with an invalid token**, 404 for an unknown route, 429, \
500, 503. A client that gets 403 with `message` signs in again; one that gets 403 with `error` lacks the permission. Responses \
must not be stored (`Cache-Control: no-store`). Times are RFC 3339 in UTC.

Members may be added to any response; none is removed.";

/// Author of an error: one of our functions, API Gateway, or either.
#[derive(Clone, Copy)]
enum From {
    Function,
    Gateway,
    Either,
}

/// Errors: status, name of the response, author, description.
const ERRORS: [(u16, &str, From, &str); 11] = [
    (
        400,
        "BadRequest",
        From::Function,
        "The request is malformed: a name, a number or the body is invalid.",
    ),
    (
        401,
        "Unauthorized",
        From::Either,
        "No token was sent (`{\"message\": \"Unauthorized\"}`, by API Gateway), or the deployment has no authorizer \
         (`{\"error\": …}`).",
    ),
    (
        403,
        "Forbidden",
        From::Either,
        "With `message`, by API Gateway: the token is wrong, revoked or expired, so sign in again. API Gateway answers 403 where \
         HTTP would have 401, and an HTTP API cannot change that. With `error`, by the function: the token is valid, and may \
         see but not change anything.",
    ),
    (
        404,
        "NotFound",
        From::Either,
        "With `error`: the store, delivery, event, endpoint, message, document or event type is not known, or this token is not for it; the response does not reveal which. With \
         `message`, by API Gateway: there is no such route.",
    ),
    (
        409,
        "Conflict",
        From::Function,
        "The present state does not allow it; the sentence says why, and what to do.",
    ),
    (
        412,
        "PreconditionFailed",
        From::Function,
        "It has been changed since you read it: read it again, and repeat your change. The header `ETag` holds its present \
         revision.",
    ),
    (
        428,
        "PreconditionRequired",
        From::Function,
        "The header `If-Match` is missing.",
    ),
    (
        429,
        "TooManyRequests",
        From::Gateway,
        "By API Gateway: more requests than this deployment accepts. Wait, then try again.",
    ),
    (
        500,
        "InternalError",
        From::Gateway,
        "By API Gateway: the authorizer or the function failed. Try again; the logs of the function say why.",
    ),
    (
        501,
        "NotImplemented",
        From::Function,
        "This deployment lacks the configuration for it; the sentence names the missing setting.",
    ),
    (
        503,
        "Unavailable",
        From::Either,
        "Try again in a moment. With `message`, by API Gateway: the function did not answer in time.",
    ),
];

/// Error of API Gateway itself, before any function of ours. Its shape cannot be changed.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "API Gateway sends it, not we")]
struct GatewayError {
    /// API Gateway's words, as in `Forbidden`. Not a sentence for a person.
    message: String,
}

/// Errors that every operation with a token has.
const ALWAYS: [u16; 5] = [401, 403, 429, 500, 503];

/// Returns the description.
fn description() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in operations(&mut schemas) {
        let (method, path) = operation.route.split_once(' ').expect("a route is a method and a path");
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method.to_lowercase()] = operation.describe(&ALWAYS, &error_reference);
    }
    paths["/api/live/tickets"]["post"]["x-websocket"] = json!({
        "description": "Messages over the connection that the ticket opens, each a JSON text.",
        "receives": schemas.sent::<Frame>(),
        "sends": schemas.read::<ClientMessage>(),
    });
    let responses = error_responses(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hookline",
            "version": "1",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "description": ABOUT,
        },
        "servers": [{"url": "..", "description": "Location of this file."}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An operator token, `hl_…`, or a Shopify session token \
                    (https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens).",
            }},
            "responses": responses,
            "schemas": schemas.finish(),
        },
    })
}

fn error_reference(status: u16) -> Value {
    let error = ERRORS.iter().find(|(each, ..)| *each == status);
    let (_, name, ..) = error.expect("every status of an error has a response");
    json!({"$ref": format!("#/components/responses/{name}")})
}

fn error_responses(schemas: &mut Schemas) -> Value {
    let (function, gateway) = (schemas.sent::<ErrorResponse>(), schemas.sent::<GatewayError>());
    let mut responses = json!({});
    for (status, name, from, description) in ERRORS {
        let schema = match from {
            From::Function => json!(function),
            From::Gateway => json!(gateway),
            From::Either => json!({"anyOf": [function, gateway]}),
        };
        responses[name] = json!({
            "description": description,
            "content": {"application/json": {"schema": schema}},
        });
        if status == 503 {
            responses[name]["headers"] = json!({"Retry-After": {
                "description": "Seconds to wait.",
                "schema": {"type": "integer"},
            }});
        }
    }
    responses
}

#[test]
fn openapi_json_is_the_description_of_this_code() {
    let described = description();
    #[expect(clippy::disallowed_methods, reason = "an option of the developer, in a test only")]
    let should_update = std::env::var_os("UPDATE_FIXTURES").is_some();
    if should_update {
        fs::write(FILE, schema::pretty(&described)).unwrap();
    }
    let kept: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    assert!(
        kept == described,
        "docs/openapi.json is out of date: run UPDATE_FIXTURES=1 cargo test -p hookline-api description, then python3 \
         local/web.py npm run types"
    );
}

#[test]
fn description_contains_no_link_of_rustdoc() {
    let text = description().to_string();
    let links: Vec<&str> = text
        .split("[`")
        .skip(1)
        .map(|rest| rest.split(']').next().unwrap())
        .collect();
    assert_eq!(links, Vec::<&str>::new());
}
