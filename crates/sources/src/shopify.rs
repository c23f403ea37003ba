//! Shopify: its webhooks (<https://shopify.dev/docs/api/webhooks/latest>) and the session tokens of its admin.

mod delivery;
mod disclosure;
mod events;
mod facts;
mod payload;
mod personal;
mod proof;
mod session;
mod shop;
mod subscribing;
mod topic;

use std::time::Duration;

use http::StatusCode;

use crate::{
    Keyed, Platform, RequestError, Sender, Topic as SenderTopic,
    json::is_object,
    scheme::{Carried, Encoding, KeyForm, Part, Scheme},
};

pub use self::{
    delivery::{HeaderError, claimed_store, delivery, read_saved, store},
    payload::{filled, interpret},
    session::{SESSION_LIMIT, Session, SessionError},
    shop::{ShopNameError, shop_name},
    subscribing::{Subscribing, address, has_scope, included, left_out, subscribing, wanted},
    topic::Topic,
};
pub use crate::json::{mended, problem, whole_number};

/// Shopify as receivers need it. The signature covers the body **only**
/// (<https://shopify.dev/docs/apps/build/webhooks/verify-deliveries>), in base64, under the app's client secret.
pub static SENDER: Sender = Sender {
    name: NAME,
    topics: &TOPICS,
    secrets_variable: "SHOPIFY_CLIENT_SECRETS",
    keyed: Keyed::BySource,
    scheme: Scheme {
        headers: &[delivery::EVENTS_SIGNATURE, delivery::CLASSIC_SIGNATURE],
        carried: Carried::One,
        encoding: Encoding::Base64,
        key: KeyForm::AsIs,
        signed: &[Part::Body],
        time: None,
    },
    is_ping: |_, _| false,
    // The same client secret signs session tokens and the queries of an app's pages, which browsers see. None of those
    // begins with a brace, and every webhook does (ADR 25).
    is_webhook: is_object,
    refusal: StatusCode::UNAUTHORIZED,
    // Shopify's timeout is 5 s in total (<https://shopify.dev/docs/apps/build/webhooks/troubleshoot>).
    answer_within: Duration::from_millis(4_200),
    claimed_store,
    read: delivery::read_request,
};

/// Shopify as the consumer and the commands need it.
pub static PLATFORM: Platform = Platform {
    sender: &SENDER,
    interpret: |delivery, _| interpret(delivery),
    reads_endpoint: false,
    discloses: disclosure::discloses,
    disclosed: disclosure::disclosed,
    store_name: |text| shop_name(text).ok(),
    probe: "",
    recognizes: delivery::recognizes,
    read_saved: |headers, body, received_at| read_saved(headers, body, received_at).map_err(RequestError::new),
};

/// Name of this source in keys.
const NAME: &str = "shopify";

static TOPICS: [SenderTopic; Topic::ALL.len()] = {
    let mut topics = [Topic::ALL[0].for_receivers(); Topic::ALL.len()];
    let mut at = 0;
    while at < topics.len() {
        topics[at] = Topic::ALL[at].for_receivers();
        at += 1;
    }
    topics
};
