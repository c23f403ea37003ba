//! Square: what it says has changed in a seller's catalogue, stock and orders
//! (<https://developer.squareup.com/docs/webhooks/overview>).
//!
//! Every event is thin: it names at most an id. The key signs for a whole application, so the body alone names the seller;
//! topic, seller and id are in the signed body, and no header is read but the signature.

mod envelope;
mod events;

use std::time::Duration;

use hookline_domain::kernel::ids::StoreName;
use http::StatusCode;

use crate::{
    Family, Keyed, Platform, Sender, Topic as SenderTopic,
    scheme::{Carried, Encoding, HeaderSet, KeyForm, Part, Scheme},
};

pub use self::events::{quantity, time_mark};

/// Square as receivers need it. The signature is `base64(HMAC-SHA256(key, notification URL + body))`
/// (<https://developer.squareup.com/docs/webhooks/step3validate>); the older one, of SHA-1 in `x-square-signature`, still
/// comes and is not read.
pub static SENDER: Sender = Sender {
    name: NAME,
    topics: &TOPICS,
    secrets_variable: "SQUARE_KEYS",
    keyed: Keyed::ByEndpoint,
    scheme: Scheme {
        headers: &[HeaderSet {
            signature: SIGNATURE,
            id: None,
            time: None,
        }],
        carried: Carried::One,
        encoding: Encoding::Base64,
        key: KeyForm::AsIs,
        signed: &[Part::Address, Part::Body],
        time: None,
    },
    is_ping: |_, _| false,
    // As in Square's own libraries: an empty body is refused, whoever has signed it.
    is_webhook: |body| !body.is_empty(),
    refusal: StatusCode::FORBIDDEN,
    // Square advises to answer quickly and gives up after 10 s.
    answer_within: Duration::from_millis(1_900),
    claimed_store: |_| None,
    read: |verified, _, inbound, received_at| Ok(envelope::read_request(verified, inbound, received_at)),
};

/// Square as the consumer and the commands need it.
pub static PLATFORM: Platform = Platform {
    sender: &SENDER,
    interpret: |delivery, _| events::interpret(delivery),
    reads_endpoint: false,
    discloses: |_| false,
    disclosed: |_, _| None,
    store_name: |text| StoreName::new(text).ok(),
    probe: r#"{"type":"webhooks.test_notification","event_id":"check"}"#,
    recognizes: |headers| headers.contains_key(SIGNATURE) || headers.contains_key(ENVIRONMENT),
    read_saved: envelope::read_saved,
};

/// Name of this source in keys.
const NAME: &str = "square";

/// Header of the signature.
const SIGNATURE: &str = "x-square-hmacsha256-signature";

/// Header that says `Production` or `Sandbox`. It is not signed: nothing depends on it but what a saved request is.
const ENVIRONMENT: &str = "square-environment";

/// Topic of the request that Square sends on demand, to see if the address answers
/// (<https://developer.squareup.com/docs/webhooks/step2subscribe>).
const PING: &str = "webhooks.test_notification";

/// Topic with a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    /// Something in the catalogue changed.
    Catalogue,
    /// Counts of stock changed.
    Counts,
    /// An order was created by API.
    OrderCreated,
    /// An order was changed.
    OrderUpdated,
    /// A fulfillment of an order was changed.
    OrderFulfillmentUpdated,
    /// The seller, the application or Square has revoked all tokens.
    Revoked,
}

impl Topic {
    const ALL: [Self; 6] = [
        Self::Catalogue,
        Self::Counts,
        Self::OrderCreated,
        Self::OrderUpdated,
        Self::OrderFulfillmentUpdated,
        Self::Revoked,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalog.version.updated",
            Self::Counts => "inventory.count.updated",
            Self::OrderCreated => "order.created",
            Self::OrderUpdated => "order.updated",
            Self::OrderFulfillmentUpdated => "order.fulfillment.updated",
            Self::Revoked => "oauth.authorization.revoked",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    const fn for_receivers(self) -> SenderTopic {
        let (is_personal, family) = match self {
            Self::Catalogue | Self::Counts | Self::Revoked => (false, None),
            // Ids and states only; still, an order is somebody's.
            Self::OrderCreated => (true, None),
            Self::OrderUpdated | Self::OrderFulfillmentUpdated => (true, Some(Family::Orders)),
        };
        SenderTopic {
            name: self.name(),
            function: NAME,
            is_personal,
            family,
        }
    }
}

static TOPICS: [SenderTopic; Topic::ALL.len()] = {
    let mut topics = [Topic::ALL[0].for_receivers(); Topic::ALL.len()];
    let mut at = 0;
    while at < topics.len() {
        topics[at] = Topic::ALL[at].for_receivers();
        at += 1;
    }
    topics
};

#[cfg(test)]
mod tests;
