//! Signed webhook of Shopify's as the event of an HTTP API.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::gateway::{DOMAIN, http_event};

/// Webhook request.
#[derive(Debug, Clone, Copy)]
pub struct Webhook<'a> {
    /// As in `products/update`.
    pub topic: &'a str,
    /// As in `demo.myshopify.com`.
    pub store: &'a str,
    /// Id of the delivery.
    pub id: &'a str,
    /// Time of the trigger, according to Shopify.
    pub triggered_at: &'a str,
    /// The body.
    pub body: &'a str,
    /// Signature of the body, from [`sign`].
    pub signature: &'a str,
    /// Base64-encode the body, as the gateway does for some content types.
    pub base64: bool,
}

/// Returns the signature that Shopify puts into `X-Shopify-Hmac-Sha256`.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

impl Webhook<'_> {
    /// Returns the event that the function receives.
    #[must_use]
    pub fn event(&self) -> String {
        let path = format!("/api/webhooks/receive/shopify/{}", self.topic.replace('/', "-"));
        let body = if self.base64 {
            BASE64_STANDARD.encode(self.body)
        } else {
            self.body.to_owned()
        };
        let mut event = http_event(&format!("POST {path}"), &path);
        event["headers"] = json!({
            "content-type": "application/json", "content-length": self.body.len().to_string(),
            "accept-encoding": "gzip", "host": DOMAIN,
            "user-agent": "Shopify-Captain-Hook", "x-forwarded-for": "35.196.0.1", "x-forwarded-port": "443",
            "x-forwarded-proto": "https", "x-shopify-api-version": "2026-07",
            "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
            "x-shopify-hmac-sha256": self.signature, "x-shopify-shop-domain": self.store,
            "x-shopify-topic": self.topic, "x-shopify-triggered-at": self.triggered_at,
            "x-shopify-webhook-id": self.id,
        });
        event["requestContext"]["http"]["sourceIp"] = "35.196.0.1".into();
        event["requestContext"]["http"]["userAgent"] = "Shopify-Captain-Hook".into();
        event["body"] = body.into();
        event["isBase64Encoded"] = self.base64.into();
        event.to_string()
    }
}
