//! Inputs of the steps: products of a given size, as Shopify sends them, and the deliveries that carry them.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{
    delivery::Delivery,
    kernel::{
        ids::{DeliveryId, DeliveryKey, EventId, Topic},
        secret::Secret,
    },
};
use hookline_sources::{scheme::KeyForm, signature::Secrets};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

/// Client secret.
const SECRET: &str = "hush";

const SAMPLE: &str = include_str!("../../../events/shopify/products-update.json");

/// Paragraph of a description: text, elements, and characters that are neither letter nor digit.
const PARAGRAPH: &str = "<p>Folds flat, weighs 210&nbsp;g, burns twigs &amp; pine cones.</p>\n<ul>\n<li>Laser-cut \
                         <b>titanium</b></li>\n<li>Boils 500&nbsp;ml in seven minutes — or six</li>\n</ul>\n";

/// Secrets of a receiver outside a rotation.
#[must_use]
pub fn secrets() -> Secrets {
    Secrets::parse(&Secret::new(SECRET), KeyForm::AsIs).expect("the secret is not empty")
}

/// Headers with the signature of a body, as Shopify sends them.
#[must_use]
pub fn signed(body: &[u8]) -> HeaderMap {
    let signature = HeaderValue::try_from(signature(body)).expect("base64 is valid in a header");
    HeaderMap::from_iter([(http::HeaderName::from_static("x-shopify-hmac-sha256"), signature)])
}

fn signature(body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

/// Product of about this size, changed `second` seconds after ten: the sample, at most half of it variants, and as
/// much description as is missing.
#[must_use]
pub fn product(bytes: usize, id: u64, second: u32) -> Vec<u8> {
    let mut product: Value = serde_json::from_str(SAMPLE).expect("the sample is JSON");
    let id = 7_880_321_196_742_929 + id;
    product["id"] = json!(id);
    product["admin_graphql_api_id"] = json!(format!("gid://shopify/Product/{id}"));
    product["updated_at"] = json!(format!(
        "2026-11-14T10:{:02}:{:02}-05:00",
        second / 60 % 60,
        second % 60
    ));
    product["body_html"] = json!("");
    let variants = product["variants"].as_array_mut().expect("the sample has variants");
    let variant = variants.first().expect("the sample has a variant").clone();
    let more = (bytes / 2 / variant.to_string().len()).saturating_sub(variants.len());
    variants.extend(std::iter::repeat_n(variant, more.min(98)));
    let missing = bytes.saturating_sub(product.to_string().len());
    product["body_html"] = json!(PARAGRAPH.repeat(missing.div_ceil(PARAGRAPH.len())));
    product.to_string().into_bytes()
}

/// The `n`th delivery of a product.
#[must_use]
pub fn delivery(body: Vec<u8>, n: u32) -> Delivery {
    let known = "these are valid";
    Delivery {
        key: DeliveryKey {
            store: "shopify#demo.myshopify.com".parse().expect(known),
            topic: Topic::new("products/update").expect(known),
            id: DeliveryId::new(format!("b54557e4-bdd9-4b37-8a5f-{n:012}")).expect(known),
        },
        endpoint: None,
        event_id: Some(EventId::new("72b76443-0e92-4cfd-b2d3-532245932a80").expect(known)),
        api_version: "2026-07".to_owned(),
        triggered_at: Some(at("2026-11-14T16:04:53.106482Z")),
        received_at: at("2026-11-14T16:04:53.411973Z"),
        body,
    }
}

/// Parses a time.
#[must_use]
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("the time is a constant of ours")
}
