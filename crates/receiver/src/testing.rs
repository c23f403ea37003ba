//! Webhooks as Shopify signs and sends them, and ports that hang or fail, for the unit tests of this crate.

use std::marker::PhantomData;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
pub(crate) use hookline_domain::memory::noon;
use hookline_domain::{
    delivery::{
        bodies::{BodyKey, KeepBodies},
        ledger::{Claim, ClaimRequest, Claims, Completion, DeliveryCompletion, Ledger, NoteOutcome, Problem},
        queue::EventQueue,
        receive::ReceivePorts,
    },
    kernel::{
        ids::{DeliveryKey, StoreKey},
        port::PortError,
        secret::Secret,
    },
    memory::{MemoryBodies, MemoryLedger, MemoryQueue, MemoryStores, SetClock},
};
use jiff::Timestamp;
use lambda_http::{Body, Request, RequestExt};
use sha2::Sha256;

use crate::receiver::ReceiverPorts;

/// Ports in memory, except those that a test replaces.
pub(crate) struct TestPorts<L = MemoryLedger, Q = MemoryQueue, B = MemoryBodies>(PhantomData<(L, Q, B)>);

impl<L: Claims, Q: EventQueue, B: KeepBodies> ReceivePorts for TestPorts<L, Q, B> {
    type Ledger = L;
    type Queue = Q;
    type Bodies = B;
    type Clock = SetClock;
}

impl<L: Claims, Q: EventQueue, B: KeepBodies> ReceiverPorts for TestPorts<L, Q, B> {
    type Tally = MemoryStores;
    type Endpoints = MemoryStores;
    type Secrets = Secret;
}

pub(crate) const SECRET: &str = "hush";
pub(crate) const STORE: &str = "demo.myshopify.com";

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
    async fn complete(&self, _: &DeliveryCompletion<'_>, _: Timestamp) -> Result<Completion, PortError> {
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
