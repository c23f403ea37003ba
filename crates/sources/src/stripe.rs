//! Stripe: what it says has changed in an account's products, prices and checkouts (<https://docs.stripe.com/webhooks>).
//!
//! One change may come twice, as a snapshot and as a thin event, under two ids
//! (<https://docs.stripe.com/event-destinations#events-overview>). Neither is believed for more than *that* something has
//! changed: prices have no time, and no order is promised. So both have one effect.

mod envelope;
mod events;

use std::time::Duration;

use hookline_domain::kernel::ids::StoreName;
use http::StatusCode;
use jiff::SignedDuration;

use crate::{
    Keyed, Platform, Sender, Topic as SenderTopic,
    scheme::{Carried, Encoding, HeaderSet, KeyForm, Part, Scheme, SignedTime, TimeFormat, Window},
};

/// Name of this source in keys.
const NAME: &str = "stripe";

/// Header of the signature.
const SIGNATURE: &str = "stripe-signature";

/// Permitted distance of the signed time from now. Stripe signs each attempt with its own time, and its libraries tolerate 300
/// s (<https://docs.stripe.com/webhooks#replay-attacks>). They accept any time ahead; we do not.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(300);

/// Stripe as receivers need it. Signed are the time and the body, under the endpoint's secret as it is, `whsec_` included
/// (<https://docs.stripe.com/webhooks#verify-manually>). `v0` signatures, of test events, never count.
pub static SENDER: Sender = Sender {
    name: NAME,
    topics: &TOPICS,
    secrets_variable: "STRIPE_KEYS",
    keyed: Keyed::ByEndpoint,
    scheme: Scheme {
        headers: &[HeaderSet {
            signature: SIGNATURE,
            id: None,
            time: None,
        }],
        carried: Carried::TimeAndList("v1"),
        encoding: Encoding::Hex,
        key: KeyForm::AsIs,
        signed: &[Part::Time, Part::Dot, Part::Body],
        time: Some(SignedTime {
            format: TimeFormat::Unix,
            window: Window {
                back: TOLERANCE,
                ahead: TOLERANCE,
            },
        }),
    },
    is_ping: |_, _| false,
    is_webhook: |_| true,
    refusal: StatusCode::FORBIDDEN,
    // No limit is published; its own command gives up after 30 s.
    answer_within: Duration::from_millis(3_200),
    claimed_store: |_| None,
    read: |verified, _, inbound, received_at| Ok(envelope::read_request(verified, inbound, received_at)),
};

/// Stripe as the consumer and the commands need it.
pub static PLATFORM: Platform = Platform {
    sender: &SENDER,
    interpret: |delivery, _| events::interpret(delivery),
    reads_endpoint: false,
    discloses: |_| false,
    disclosed: |_, _| None,
    store_name: |text| StoreName::new(text).ok(),
    probe: r#"{"id":"evt_check","object":"v2.core.event","type":"v2.core.event_destination.ping"}"#,
    recognizes: |headers| headers.contains_key(SIGNATURE),
    read_saved: envelope::read_saved,
};

/// Topic with a meaning here. A thin event's has `v1.` before it and is the same topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    /// A product was created.
    ProductCreated,
    /// A product was changed.
    ProductUpdated,
    /// A product was deleted; its id may be chosen once more.
    ProductDeleted,
    /// A price was created.
    PriceCreated,
    /// A price was changed.
    PriceUpdated,
    /// A price was deleted.
    PriceDeleted,
    /// A checkout was completed; it may not be paid yet.
    CheckoutCompleted,
    /// The payment of a completed checkout has succeeded.
    CheckoutPaid,
    /// The payment of a completed checkout has failed.
    CheckoutFailed,
    /// A checkout has expired.
    CheckoutExpired,
    /// An account has disconnected the application.
    Deauthorized,
}

impl Topic {
    const ALL: [Self; 11] = [
        Self::ProductCreated,
        Self::ProductUpdated,
        Self::ProductDeleted,
        Self::PriceCreated,
        Self::PriceUpdated,
        Self::PriceDeleted,
        Self::CheckoutCompleted,
        Self::CheckoutPaid,
        Self::CheckoutFailed,
        Self::CheckoutExpired,
        Self::Deauthorized,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::ProductCreated => "product.created",
            Self::ProductUpdated => "product.updated",
            Self::ProductDeleted => "product.deleted",
            Self::PriceCreated => "price.created",
            Self::PriceUpdated => "price.updated",
            Self::PriceDeleted => "price.deleted",
            Self::CheckoutCompleted => "checkout.session.completed",
            Self::CheckoutPaid => "checkout.session.async_payment_succeeded",
            Self::CheckoutFailed => "checkout.session.async_payment_failed",
            Self::CheckoutExpired => "checkout.session.expired",
            Self::Deauthorized => "account.application.deauthorized",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    const fn for_receivers(self) -> SenderTopic {
        SenderTopic {
            name: self.name(),
            function: NAME,
            is_personal: matches!(
                self,
                Self::CheckoutCompleted | Self::CheckoutPaid | Self::CheckoutFailed | Self::CheckoutExpired
            ),
            family: None,
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
