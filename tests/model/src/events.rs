//! Deliveries of a scenario, and the index that they must lead to.

use std::collections::BTreeMap;

use hookline_domain::store::inbound::InboundEndpoint;
use hookline_domain::{
    catalogue::digest::Digest,
    consumer::Interpret,
    delivery::Delivery,
    event::{Event, InterpretError, Observed},
    kernel::{
        ids::{DeliveryId, DeliveryKey, EntityId, EntityKey, Kind, StoreKey, Topic},
        version::Version,
    },
};
use hookline_sources::shopify;
use jiff::{SignedDuration, Timestamp};

use crate::bug::Bug;

const PRODUCT: &str = "788032119674292922";

/// Time of receipt of every delivery, in seconds after [`start`].
pub const RECEIVED: i64 = 3600;

/// Second in which the product of an [`Edition`](Content::Edition) was created.
const CREATED: i64 = 1;

/// Content of a delivery about the one product of the one store. Times are seconds after a fixed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// The product's state, signed and triggered at this time.
    ShownDocument(i64),
    /// The same, of a hidden product.
    Hidden(i64),
    /// A different state, signed in the same second: its time does not show the change.
    Altered(i64),
    /// Part of the product's state; its store is connected, so that the rest can be fetched.
    Part(i64),
    /// The product's state with this title and, after a slash, this vendor: contents that come back. It was created one
    /// second after the fixed time.
    Edition(&'static str, i64),
    /// The product is deleted.
    Deleted,
    /// The store is uninstalled, in the middle of that second.
    Uninstalled(i64),
    /// Captured body with its signature, sent under this topic, a new id and the store's name, with this trigger
    /// time.
    Captured(Body, &'static str, i64),
}

/// Body that an attacker may have captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Body {
    /// The product's state, signed at this time.
    ShownDocument(i64),
    /// The same, of a hidden product.
    Hidden(i64),
    /// Deletion of the product.
    Deleted,
    /// Uninstall by the store.
    Uninstalled,
    /// Uninstall by another store.
    UninstalledElsewhere,
    /// An order.
    Order,
    /// Request to erase one of the store's customers.
    CustomerRedacted,
    /// Request to erase the store.
    Redacted,
    /// Request to erase another store.
    RedactedElsewhere,
}

impl Body {
    /// The bytes that are signed.
    pub fn bytes(self) -> Vec<u8> {
        let product = |second, status: &str, gids: &str| {
            format!(
                "{{\"id\":{PRODUCT},\"admin_graphql_api_id\":\"gid://shopify/Product/{PRODUCT}\",\"title\":\"{second}\",\
                 \"status\":\"{status}\",\"updated_at\":\"{}\",\"variants\":[]{gids},\"body_html\":null,\"vendor\":null,\
                 \"product_type\":null,\"handle\":null,\"published_at\":\"2026-01-01T00:00:00Z\",\"tags\":\"\",\
                 \"options\":[],\"image\":null}}",
                after(second)
            )
        };
        let text = match self {
            Self::ShownDocument(second) => product(second, "active", ""),
            Self::Hidden(second) => product(second, "draft", ""),
            Self::Deleted => format!("{{\"id\":{PRODUCT}}}"),
            Self::Uninstalled => "{\"id\":1,\"myshopify_domain\":\"demo.myshopify.com\"}".to_owned(),
            Self::UninstalledElsewhere => "{\"id\":2,\"myshopify_domain\":\"other.myshopify.com\"}".to_owned(),
            // An order with the number of the product.
            Self::Order => format!("{{\"id\":{PRODUCT},\"admin_graphql_api_id\":\"gid://shopify/Order/{PRODUCT}\"}}"),
            Self::CustomerRedacted => "{\"shop_id\":1,\"shop_domain\":\"demo.myshopify.com\",\"customer\":{\"id\":3},\
                                       \"orders_to_redact\":[]}"
                .to_owned(),
            Self::Redacted => "{\"shop_id\":1,\"shop_domain\":\"demo.myshopify.com\"}".to_owned(),
            Self::RedactedElsewhere => "{\"shop_id\":2,\"shop_domain\":\"other.myshopify.com\"}".to_owned(),
        };
        text.into_bytes()
    }
}

/// The moment from which a scenario's times count.
pub fn start() -> Timestamp {
    Timestamp::from_second(1_795_255_200).expect("a time of this century")
}

fn altered(second: i64) -> Vec<u8> {
    let whole = String::from_utf8(Body::ShownDocument(second).bytes()).expect("JSON is text");
    let title = |words: &str| format!("\"title\":\"{second}{words}\"");
    whole.replace(&title(""), &title(" altered")).into_bytes()
}

fn edition(text: &str, second: i64) -> Vec<u8> {
    let (title, vendor) = text.split_once('/').unwrap_or((text, ""));
    let whole = String::from_utf8(Body::ShownDocument(second).bytes()).expect("JSON is text");
    let vendor = format!("\"vendor\":\"{vendor}\",\"created_at\":\"{}\"", after(CREATED));
    whole
        .replace(&format!("\"title\":\"{second}\""), &format!("\"title\":\"{title}\""))
        .replace("\"vendor\":null", &vendor)
        .into_bytes()
}

/// Returns the time that many seconds after [`start`].
pub fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// The store.
pub fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().expect("a store")
}

/// The product.
pub fn product() -> EntityKey {
    EntityKey {
        store: store(),
        kind: Kind::Product,
        id: EntityId::new(PRODUCT).expect("an id"),
    }
}

impl Content {
    /// Delivery with this content, number `n` of its scenario.
    pub fn delivery(self, n: usize) -> Delivery {
        let (topic, triggered_at, body) = match self {
            Self::ShownDocument(second) => ("products/update", after(second), Body::ShownDocument(second).bytes()),
            Self::Hidden(second) => ("products/update", after(second), Body::Hidden(second).bytes()),
            Self::Altered(second) => ("products/update", after(second), altered(second)),
            Self::Part(second) => {
                let whole = String::from_utf8(Body::ShownDocument(second).bytes()).expect("JSON is text");
                let part = whole.replace("\"variants\":[]", "\"variants\":[],\"variant_gids\":[{}]");
                ("products/update", after(second), part.into_bytes())
            }
            Self::Edition(text, second) => ("products/update", after(second), edition(text, second)),
            Self::Deleted => ("products/delete", after(0), Body::Deleted.bytes()),
            Self::Uninstalled(second) => {
                let middle = after(second) + SignedDuration::from_millis(500);
                ("app/uninstalled", middle, Body::Uninstalled.bytes())
            }
            Self::Captured(body, topic, triggered) => (topic, after(triggered), body.bytes()),
        };
        Delivery {
            key: DeliveryKey {
                store: store(),
                topic: Topic::new(topic).expect("a topic"),
                id: DeliveryId::new(n.to_string()).expect("an id"),
            },
            endpoint: None,
            event_id: None,
            api_version: "2026-07".into(),
            triggered_at: Some(triggered_at),
            received_at: after(RECEIVED),
            body,
        }
    }

    /// The content as read from the store's catalog at `at`.
    pub fn observed(self, at: Timestamp) -> Observed {
        let event = shopify::interpret(&self.delivery(0)).expect("a body that we wrote");
        Observed { event, at }
    }

    /// Digest of the product's state; `None` if the event carries no state.
    pub fn digest(self) -> Option<Digest> {
        match self.observed(start()).event {
            Event::ProductUpdated(state) => Some(Digest::of_product(&product(), &state)),
            _ => None,
        }
    }

    /// The title of the product's document; none if there is no document.
    pub fn title(self) -> Option<String> {
        match self.observed(start()).event {
            Event::ProductUpdated(state) if state.visible => Some(state.title),
            _ => None,
        }
    }

    /// Effect that the delivery may have at most: its signed content, under its own topic, for its own store. Written
    /// down here and not computed by the code under test.
    pub fn genuine(self) -> Option<Self> {
        match self {
            Self::Captured(Body::ShownDocument(second), "products/create" | "products/update", _) => {
                Some(Self::ShownDocument(second))
            }
            Self::Captured(Body::Hidden(second), "products/create" | "products/update", _) => {
                Some(Self::Hidden(second))
            }
            Self::Captured(Body::Deleted, "products/delete", _) => Some(Self::Deleted),
            // Nothing signed orders it: the known limit of ADR 7.
            Self::Captured(Body::Uninstalled, "app/uninstalled", triggered) => {
                Some(Self::Uninstalled(triggered.min(RECEIVED)))
            }
            Self::Captured(..) => None,
            honest => Some(honest),
        }
    }

    /// Returns true if the store itself requests its erasure.
    pub fn redacts(self) -> bool {
        matches!(self, Self::Captured(Body::Redacted, "shop/redact", _))
    }

    fn second(self) -> Option<i64> {
        match self {
            Self::ShownDocument(second)
            | Self::Hidden(second)
            | Self::Altered(second)
            | Self::Part(second)
            | Self::Edition(_, second) => Some(second),
            Self::Deleted | Self::Uninstalled(_) | Self::Captured(..) => None,
        }
    }
}

/// Number of a delivery in its scenario.
pub fn number(delivery: &DeliveryKey) -> usize {
    delivery.id.as_str().parse().expect("ids are numbers")
}

/// Reads bodies as the product does, or with a mistake.
pub fn interpret(bug: Option<Bug>) -> Interpret {
    let read: fn(&Delivery, Option<&InboundEndpoint>) -> Result<Event, InterpretError> = match bug {
        Some(Bug::TriggerIsTrusted) => |delivery, _| {
            let mut event = shopify::interpret(delivery)?;
            if let (Event::ProductUpdated(product), Some(triggered_at)) = (&mut event, delivery.triggered_at) {
                product.updated_at = triggered_at;
            }
            Ok(event)
        },
        Some(Bug::CreationIsUnread) => |delivery, _| {
            let mut event = shopify::interpret(delivery)?;
            if let Event::ProductUpdated(product) = &mut event {
                product.created_at = None;
            }
            Ok(event)
        },
        Some(Bug::PartIsAnEvent) => |delivery, _| {
            let mut event = shopify::interpret(delivery)?;
            if let Event::ProductUpdated(product) = &mut event {
                product.complete = true;
            }
            Ok(event)
        },
        Some(Bug::AnyBodyUninstalls) => |delivery, _| match delivery.key.topic.as_str() {
            "app/uninstalled" => Ok(Event::AppUninstalled),
            _ => shopify::interpret(delivery),
        },
        Some(Bug::AnyBodyDeletes) => |delivery, _| match delivery.key.topic.as_str() {
            "products/delete" => Ok(Event::ProductDeleted(EntityId::new(PRODUCT).expect("an id"))),
            _ => shopify::interpret(delivery),
        },
        Some(Bug::AnyRequestRedacts) => |delivery, _| match delivery.key.topic.as_str() {
            "shop/redact" => Ok(Event::Compliance(hookline_domain::event::Request::StoreRedaction, None)),
            _ => shopify::interpret(delivery),
        },
        _ => |delivery, _| shopify::interpret(delivery),
    };
    Interpret {
        read,
        reads_endpoint: |_| false,
    }
}

/// Expected result of these deliveries, in any order: the version under which the product
/// can be found, if it can be found at all.
pub fn expected(events: &[Content]) -> BTreeMap<EntityKey, Version> {
    let events: Vec<Content> = events.iter().filter_map(|content| content.genuine()).collect();
    let ended = events.iter().filter_map(|content| match content {
        Content::Uninstalled(second) => Some(*second),
        _ => None,
    });
    let ended = ended.max().unwrap_or(i64::MIN);
    let newest = events
        .iter()
        .filter(|content| content.second().is_some_and(|second| second > ended))
        .max_by_key(|content| content.second());
    match newest {
        Some(
            Content::ShownDocument(second)
            | Content::Altered(second)
            | Content::Part(second)
            | Content::Edition(_, second),
        ) if !events.contains(&Content::Deleted) => {
            let version = Version::new(after(*second), after(*second)).expect("a time of this century");
            BTreeMap::from([(product(), version)])
        }
        _ => BTreeMap::new(),
    }
}

/// Returns true if the store must be enabled after these: no uninstall, or a state signed after
/// the latest, visible or not. A deletion does not show which install the product belonged to.
pub fn enabled(events: &[Content]) -> bool {
    let contents: Vec<Content> = events.iter().filter_map(|content| content.genuine()).collect();
    let ended = contents.iter().filter_map(|content| match content {
        Content::Uninstalled(second) => Some(*second),
        _ => None,
    });
    let Some(ended) = ended.max() else { return true };
    contents
        .iter()
        .any(|content| content.second().is_some_and(|second| second > ended))
}
