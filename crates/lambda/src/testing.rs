//! What the unit tests of this crate share: a still clock, ports that fail, and requests as Shopify sends them.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{
    access::{
        Principal, Reach, Role,
        ticket::{Ticket, TicketKey, Tickets},
        token::{Token, TokenChange, TokenId, Tokens},
    },
    delivery::{
        bodies::{BodyKey, KeepBodies},
        ledger::{Claim, ClaimRequest, Claims, Completion, Fate, Ledger, NoteOutcome, Problem},
        queue::EventQueue,
    },
    kernel::{
        ids::{DeliveryKey, StoreKey},
        port::{Clock, PortError},
    },
};
use jiff::Timestamp;
use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use serde_json::json;
use sha2::Sha256;

pub(crate) const SECRET: &str = "hush";
pub(crate) const STORE: &str = "demo.myshopify.com";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }
}

/// Neither answers nor fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silent;

/// Fails at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Down;

impl Claims for Silent {
    async fn claim(&self, _: &DeliveryKey, _: &ClaimRequest) -> Result<Claim, PortError> {
        std::future::pending().await
    }
    async fn release(&self, _: &DeliveryKey, _: &str) -> Result<(), PortError> {
        std::future::pending().await
    }
}

impl Ledger for Silent {
    async fn complete(
        &self,
        _: &DeliveryKey,
        _: Fate,
        _: Option<&Problem>,
        _: Timestamp,
    ) -> Result<Completion, PortError> {
        std::future::pending().await
    }
    async fn note(&self, _: &DeliveryKey, _: &Problem) -> Result<NoteOutcome, PortError> {
        std::future::pending().await
    }
}

impl EventQueue for Silent {
    async fn send(&self, _: &StoreKey, _: String) -> Result<(), PortError> {
        std::future::pending().await
    }
}

impl KeepBodies for Silent {
    async fn put(&self, _: &BodyKey, _: Vec<u8>) -> Result<(), PortError> {
        std::future::pending().await
    }
}

impl Claims for Down {
    async fn claim(&self, _: &DeliveryKey, _: &ClaimRequest) -> Result<Claim, PortError> {
        Err(PortError::new("ledger", "down"))
    }
    async fn release(&self, _: &DeliveryKey, _: &str) -> Result<(), PortError> {
        Err(PortError::new("ledger", "down"))
    }
}

impl KeepBodies for Down {
    async fn put(&self, _: &BodyKey, _: Vec<u8>) -> Result<(), PortError> {
        Err(PortError::new("bodies", "connection refused to 10.0.0.1"))
    }
}

impl EventQueue for Down {
    async fn send(&self, _: &StoreKey, _: String) -> Result<(), PortError> {
        Err(PortError::new("event queue", "connection refused to 10.0.0.1"))
    }
}

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

pub(crate) fn sign(body: &[u8]) -> String {
    sign_with(SECRET, body)
}

pub(crate) fn sign_with(secret: &str, body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

/// A request as Shopify sends it, signed.
pub(crate) fn webhook(topic: &str, id: &str, body: &[u8]) -> Request {
    let request = lambda_http::http::Request::post("/")
        .header("X-Shopify-Hmac-Sha256", sign(body))
        .header("X-Shopify-Topic", topic)
        .header("X-Shopify-Shop-Domain", STORE)
        .header("X-Shopify-API-Version", "2026-07")
        .header("X-Shopify-Webhook-Id", id)
        .body(Body::Binary(body.to_vec()))
        .unwrap();
    request.with_lambda_context(lambda_http::Context::default())
}

/// Somebody, until an hour after [`Noon`].
pub(crate) fn principal(role: Role, reach: Reach) -> Principal {
    Principal {
        id: "tok_aaaaaaaaaaaaaaaa".into(),
        role,
        reach,
        expires_at: "2026-11-21T13:00:00Z".parse().unwrap(),
    }
}

/// The request as API Gateway hands it on when the authorizer has let somebody in.
pub(crate) fn let_in(request: Request, principal: &Principal) -> Request {
    let context = json!({
        "stage": "$default",
        "http": {"method": "GET"},
        "authorizer": {"lambda": principal.context()},
    });
    request.with_request_context(RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap()))
}
