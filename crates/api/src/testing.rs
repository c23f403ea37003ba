//! Principals, requests with an authorizer's context, and ports that fail, for the unit tests of this crate.

pub(crate) use hookline_domain::memory::noon;
use hookline_domain::{
    access::{
        Principal, Reach, Role,
        ticket::{Ticket, TicketKey, Tickets},
        token::{Token, TokenChange, TokenId, Tokens},
    },
    kernel::port::PortError,
};
use hookline_host::gateway::{authorized, request_context};
use jiff::Timestamp;
use lambda_http::{Request, RequestExt, request::RequestContext};
use serde_json::{Value, json};

pub(crate) const STORE: &str = "demo.myshopify.com";

/// Fails at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Down;

impl Tokens for Down {
    async fn find(&self, _: &TokenId) -> Result<Option<Token>, PortError> {
        Err(PortError::new("tokens", "connection refused to 10.0.0.1"))
    }
    async fn list(&self) -> Result<Vec<Token>, PortError> {
        Err(PortError::new("tokens", "connection refused to 10.0.0.1"))
    }
    async fn put(&self, _: &Token) -> Result<bool, PortError> {
        Err(PortError::new("tokens", "connection refused to 10.0.0.1"))
    }
    async fn revoke(&self, _: &TokenId, _: Timestamp) -> Result<Option<Token>, PortError> {
        Err(PortError::new("tokens", "connection refused to 10.0.0.1"))
    }
    async fn change(&self, _: &TokenId, _: &TokenChange) -> Result<Option<Token>, PortError> {
        Err(PortError::new("tokens", "connection refused to 10.0.0.1"))
    }
}

impl Tickets for Down {
    async fn issue(&self, _: &Ticket) -> Result<(), PortError> {
        Err(PortError::new("tickets", "connection refused to 10.0.0.1"))
    }
    async fn spend(&self, _: &TicketKey, _: Timestamp) -> Result<Option<Principal>, PortError> {
        Err(PortError::new("tickets", "connection refused to 10.0.0.1"))
    }
}

/// Somebody, until an hour after [`noon`].
pub(crate) fn principal(role: Role, reach: Reach) -> Principal {
    Principal {
        id: "tok_aaaaaaaaaaaaaaaa".into(),
        role,
        reach,
        expires_at: "2026-11-21T13:00:00Z".parse().unwrap(),
    }
}

/// Returns a request for a route as API Gateway hands it on, by a principal whom the authorizer has authorized, or without one.
pub(crate) fn routed(request: Request, route: &str, principal: Option<&Principal>) -> Request {
    let context = request_context(route, "/");
    with_context(
        request,
        match principal {
            Some(principal) => authorized(context, &json!(principal.context())),
            None => context,
        },
    )
}

/// Returns a request with this context of API Gateway's.
pub(crate) fn with_context(request: Request, context: Value) -> Request {
    request.with_request_context(RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap()))
}
