//! Types of events.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Type of an event, as in `inventory.updated`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(with = "String"))]
#[serde(into = "String")]
pub enum EventType {
    /// One of [`EventType::ALL`].
    Known(&'static str),
    /// A type of the operator's own: `custom.` and 1 to 64 small letters, digits, underscores and dots.
    Custom(String),
}

/// Kind of thing that an event is about, which a listener asks for as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "json-schema",
    derive(schemars::JsonSchema),
    schemars(rename = "EventResource")
)]
pub enum Resource {
    /// Products and their stock.
    Product,
    /// Collections.
    Collection,
    /// Orders.
    Order,
    /// Payments.
    Payment,
    /// Shipments.
    Shipping,
    /// Customers.
    Customer,
    /// Checkouts.
    Checkout,
    /// Installs of the app.
    Store,
    /// Privacy requests.
    Privacy,
    /// Endpoints of stores, and their messages.
    Endpoint,
    /// Deliveries of sources, as they are received.
    Delivery,
    /// The operator's own.
    Custom,
}

macro_rules! types {
    ($(#[doc = $doc:literal] $name:ident = $text:literal: $resource:ident;)*) => {
        impl EventType {
            $(#[doc = $doc] pub const $name: Self = Self::Known($text);)*

            /// Every type except the operator's own, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Kind of thing that events of this type are about.
            #[must_use]
            pub fn resource(&self) -> Resource {
                match self.as_str() {
                    $($text => Resource::$resource,)*
                    _ => Resource::Custom,
                }
            }

            /// Meaning in a sentence, as in `A product was created.`
            #[must_use]
            pub fn meaning(&self) -> &'static str {
                let sentence = match self.as_str() {
                    $($text => $doc,)*
                    _ => "An event of the operator's own.",
                };
                sentence.trim_ascii_start()
            }
        }
    };
}

types! {
    /// A product was created.
    PRODUCT_CREATED = "product.created": Product;
    /// A product was changed, in anything but its stock alone.
    PRODUCT_UPDATED = "product.updated": Product;
    /// A product was deleted.
    PRODUCT_DELETED = "product.deleted": Product;
    /// The availability or a quantity of a product changed.
    INVENTORY_UPDATED = "inventory.updated": Product;
    /// A collection was created.
    COLLECTION_CREATED = "collection.created": Collection;
    /// A collection was changed.
    COLLECTION_UPDATED = "collection.updated": Collection;
    /// A collection was deleted.
    COLLECTION_DELETED = "collection.deleted": Collection;
    /// An order was placed.
    ORDER_CREATED = "order.created": Order;
    /// An order was changed.
    ORDER_UPDATED = "order.updated": Order;
    /// An order was fulfilled.
    ORDER_FULFILLED = "order.fulfilled": Order;
    /// An order was cancelled.
    ORDER_CANCELLED = "order.cancelled": Order;
    /// An order was paid.
    ORDER_PAID = "order.paid": Order;
    /// A payment succeeded.
    PAYMENT_COMPLETED = "payment.completed": Payment;
    /// A payment failed.
    PAYMENT_FAILED = "payment.failed": Payment;
    /// Money was paid back.
    PAYMENT_REFUNDED = "payment.refunded": Payment;
    /// A shipping label was made, or a shipment got its first tracking number.
    SHIPPING_LABEL_CREATED = "shipping.label_created": Shipping;
    /// The tracking of a shipment changed.
    SHIPPING_TRACKING_UPDATED = "shipping.tracking_updated": Shipping;
    /// A shipment was delivered.
    SHIPPING_DELIVERED = "shipping.delivered": Shipping;
    /// A customer was created.
    CUSTOMER_CREATED = "customer.created": Customer;
    /// A customer was changed.
    CUSTOMER_UPDATED = "customer.updated": Customer;
    /// A customer was deleted.
    CUSTOMER_DELETED = "customer.deleted": Customer;
    /// A checkout was completed, or an order came out of a chat session.
    CHECKOUT_COMPLETED = "checkout.completed": Checkout;
    /// A store was connected.
    STORE_CONNECTED = "store.connected": Store;
    /// The app was uninstalled.
    STORE_DISCONNECTED = "store.disconnected": Store;
    /// A customer's data is to be erased.
    PRIVACY_CUSTOMER_REDACTED = "privacy.customer_redacted": Privacy;
    /// An endpoint of a store has taken nothing for an hour, a day or four days.
    ENDPOINT_FAILING = "endpoint.failing": Endpoint;
    /// An endpoint of a store was disabled, because it took nothing for too long or wants no messages.
    ENDPOINT_DISABLED = "endpoint.disabled": Endpoint;
    /// An endpoint of a store that was failing has taken a message.
    ENDPOINT_RECOVERED = "endpoint.recovered": Endpoint;
    /// All attempts at a message for an endpoint of a store have failed.
    MESSAGE_EXHAUSTED = "message.exhausted": Endpoint;
    /// A webhook of the source was received.
    DELIVERY_RECEIVED = "delivery.received": Delivery;
}

const CUSTOM: &str = "custom.";
const MAX_CUSTOM: usize = 64;

/// A text that is no type of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no event type: see GET /api/event-types; a type of your own is \"custom.\" and small letters, digits, underscores and dots"
)]
pub struct ParseTypeError(pub String);

impl EventType {
    /// Text of the type.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        match self {
            Self::Known(text) => text,
            Self::Custom(text) => text.as_str(),
        }
    }

    /// True for types whose events may have [personal data](crate::PersonalData): those of orders, shipments, checkouts, and of
    /// customers that still exist.
    #[must_use]
    pub fn has_personal_data(&self) -> bool {
        let is_about_people = matches!(
            self.resource(),
            Resource::Order | Resource::Shipping | Resource::Customer | Resource::Checkout
        );
        is_about_people && !self.is_deletion()
    }

    /// True for `*.deleted`, whose data is an id.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        matches!(self, Self::Known(text) if text.ends_with(".deleted"))
    }

    /// True for what only the operator's endpoints get, those of all stores.
    #[must_use]
    pub fn is_for_operators(&self) -> bool {
        self.resource().is_for_operators()
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for EventType {
    type Err = ParseTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(known) = Self::ALL.iter().find(|known| known.as_str() == text) {
            return Ok(known.clone());
        }
        let fits = |name: &str| {
            (1..=MAX_CUSTOM).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
        };
        match text.strip_prefix(CUSTOM) {
            Some(name) if fits(name) => Ok(Self::Custom(text.to_owned())),
            _ => Err(ParseTypeError(text.to_owned())),
        }
    }
}

// Not derived: the derive would bind the reader's lifetime to that of the known texts.
impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl From<EventType> for String {
    fn from(kind: EventType) -> Self {
        kind.as_str().to_owned()
    }
}

impl Resource {
    /// Every kind of thing.
    pub const ALL: [Self; 12] = [
        Self::Product,
        Self::Collection,
        Self::Order,
        Self::Payment,
        Self::Shipping,
        Self::Customer,
        Self::Checkout,
        Self::Store,
        Self::Privacy,
        Self::Endpoint,
        Self::Delivery,
        Self::Custom,
    ];

    /// Name, as in `product`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Collection => "collection",
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
            Self::Customer => "customer",
            Self::Checkout => "checkout",
            Self::Store => "store",
            Self::Privacy => "privacy",
            Self::Endpoint => "endpoint",
            Self::Delivery => "delivery",
            Self::Custom => "custom",
        }
    }

    /// True for what only the operator's endpoints get, those of all stores: what happens to the endpoints of stores, and what
    /// sources send, byte for byte.
    #[must_use]
    pub fn is_for_operators(self) -> bool {
        matches!(self, Self::Endpoint | Self::Delivery)
    }
}
