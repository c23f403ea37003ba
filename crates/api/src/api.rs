//! The HTTP API that docs/openapi.json describes: status of stores, outcomes of deliveries, events, search in a
//! catalogue, and the actions of admins. The [guard](crate::guard) decides who may call it.
//!
//! API Gateway has matched the path; the route it chose is in the request's context. A route whose table or queue is
//! not configured for the function is answered with 501.

mod actions;
mod deliveries;
mod endpoints;
mod event_types;
mod events;
mod list;
mod me;
mod openapi;
mod publish;
mod read;
mod search;
mod status;

use std::{fmt::Display, str::FromStr};

use hookline_lambda::serve::bytes;
use lambda_http::{Request, RequestExt, request::RequestContext};
use serde::de::DeserializeOwned;

pub use self::{
    actions::{ActionAdapters, ActionPorts, ActionsApi},
    endpoints::{EndpointActions, EndpointReads},
    me::About,
    read::{ReadAdapters, ReadApi, ReadPorts},
    search::SearchApi,
};
use crate::guard::ApiError;

/// The route that API Gateway chose, as in `GET /api/stores/{store}/status`; empty if the request has none.
fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// Value of a query parameter.
fn parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.query_string_parameters_ref()?.first(name)
}

/// Value of the query parameter `limit`, from 1 to `most`.
fn limit(request: &Request, default: usize, most: usize) -> Result<usize, ApiError> {
    number(request, "limit", default, most)
}

/// Parses a parameter that is a number from 1 to `most`.
fn number<N>(request: &Request, name: &str, default: N, most: N) -> Result<N, ApiError>
where
    N: FromStr + From<u8> + PartialOrd + Display + Copy,
{
    match parameter(request, name).map_or(Ok(default), str::parse) {
        Ok(number) if number >= N::from(1) && number <= most => Ok(number),
        Ok(_) | Err(_) => Err(ApiError::BadRequest(format!(
            "{name} must be a number from 1 to {most}"
        ))),
    }
}

/// Parses the body of a request, which has at most `most` bytes. An empty body is read as `{}`. `shape` is the expected
/// JSON, for the error.
fn parse_body<T: DeserializeOwned>(request: &Request, shape: &str, most: usize) -> Result<T, ApiError> {
    let body = bytes(request);
    let body = if body.is_empty() { b"{}" } else { body };
    if body.len() > most {
        return Err(ApiError::BadRequest(format!("the body is longer than {most} bytes")));
    }
    // Serde's message names fields and may quote a value: the caller's own, and only the caller sees it.
    serde_json::from_slice(body).map_err(|error| ApiError::BadRequest(format!("the body must be {shape}: {error}")))
}

/// Error of a route that no function has: the template and this code disagree.
fn no_such_route() -> ApiError {
    ApiError::NotFound("no such route: see /api/openapi.json".to_owned())
}

#[cfg(test)]
mod tests;
