//! What others ask and do over HTTP, as docs/openapi.json has it: how stores are doing, what has become of deliveries, what
//! is in a catalogue, and what an admin does about it. Who may says the [door](crate::guard).
//!
//! API Gateway has matched the path; the route it chose is in the request's context. A route whose table or queue a function
//! has not been told is answered with 501.

mod actions;
mod deliveries;
mod list;
mod me;
mod openapi;
mod read;
mod search;
mod status;

use lambda_http::{Request, RequestExt, request::RequestContext};

pub use self::{
    actions::{ActionsApi, ActionsPorts},
    me::About,
    read::{ReadApi, ReadPorts},
    search::SearchApi,
};
use crate::guard::ApiError;

/// The route that API Gateway chose, as in `GET /api/stores/{store}/status`; empty if it tells none.
fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// A parameter of the query.
fn parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.query_string_parameters_ref()?.first(name)
}

/// How many are asked for, from 1.
fn limit(request: &Request, default: usize, most: usize) -> Result<usize, ApiError> {
    match parameter(request, "limit").map_or(Ok(default), str::parse) {
        Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
        Ok(_) | Err(_) => Err(ApiError::BadRequest(format!("limit is a number from 1 to {most}"))),
    }
}

/// No such route: the template and this code disagree.
fn no_such_route() -> ApiError {
    ApiError::NotFound("there is no such address: see /api/openapi.json".to_owned())
}

#[cfg(test)]
mod tests;
