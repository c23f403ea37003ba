//! Canonical events: what happened in a store, once, in one form, whatever the source.
//!
//! An [`Event`] has metadata, the state of its subject ([`Data`]) and what belongs to it ([`Related`]). Its JSON is the
//! contract with subscribers: `docs/events` has a JSON Schema and a sample of every [`EventType`], and tests hold the three to
//! each other. A schema grows by optional fields only; anything else is another [`VERSION`].
//!
//! Ids and versions are strings, because they exceed 2^53; amounts are decimal strings with a currency; times are RFC 3339.
//! Only [`Event::personal`] holds personal data, and only endpoints that asked for it get it.

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

mod data;
mod id;
mod kind;
#[cfg(feature = "json-schema")]
pub mod schema;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::Error as _};

pub use self::{
    data::{
        AddressData, AttributeData, CheckoutData, CollectionData, CustomData, CustomerData, Data, DeletedData,
        DeliveryData, EndpointData, LineData, MessageData, Meta, Money, OrderData, PaymentData, PersonalData,
        PersonalState, PriceRange, PrivacyData, ProductData, ProductStatus, RefundLineData, ShipmentData, StoreData,
        Totals, VariantData,
    },
    id::{EventId, ParseIdError},
    kind::{EventType, ParseTypeError, Resource},
};

/// Version of the schemas. Readers skip events of a later one.
pub const VERSION: u32 = 1;

/// Maximum size of the JSON of [`Data`], in bytes. Larger data is [cut](Data::cut) and says so.
pub const MAX_DATA_BYTES: usize = 48 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Event<D = Data> {
    /// Id. The same for the same event, however often it is sent: remember it to have each effect once.
    pub id: EventId,
    /// Type.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Version of the schema.
    pub version: u32,
    /// Time at which it happened; of a state, the time at which Hookline learned of it.
    pub timestamp: Timestamp,
    /// Store in which it happened.
    pub store: Store,
    /// Thing that it is about.
    pub subject: Subject,
    /// State of the subject.
    pub data: D,
    /// Groups of fields that differ from what the last event of the subject said; `null` if there was none, or if the
    /// event is not about a state.
    pub changed: Option<Vec<String>>,
    /// Former values of some of the changed fields, as the last event of the subject said; `null` if there was none.
    pub previous: Option<Previous>,
    /// Things that belong to the subject.
    pub related: Related,
    /// Chat session that the subject comes from, if the shop wrote one to the cart: at most 128 visible ASCII
    /// characters. A buyer can write it, so it finds a conversation and authorizes nothing.
    #[cfg_attr(
        feature = "json-schema",
        schemars(extend("x-hookline-class" = "commercial", "pattern" = "^[!-~]{1,128}$"))
    )]
    pub session_id: Option<String>,
    /// Webhook that brought the event; `null` if none did.
    pub cause: Option<Cause>,
    /// Personal data of the subject. Only endpoints get it that asked for it and proved themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<PersonalData>,
    /// Notes on the personal data; only for endpoints that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// A store of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Store {
    /// Source, as in `shopify`.
    pub source: String,
    /// Store at the source, as in `demo.myshopify.com`.
    pub id: String,
}

/// The thing that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Subject {
    /// Kind, as in `product`.
    pub kind: String,
    /// Vendor's id.
    pub id: String,
    /// Version of its state, a decimal number: a higher one is newer. Of a deleted thing it is the highest of all,
    /// 9223372036854775807. `null` if the event is not about a versioned state.
    pub version: Option<String>,
}

/// Former values, as the last event of the subject said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Previous {
    /// True if any variant could be bought; absent if unchanged or unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Range of prices; absent if unchanged or unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceRange>,
    /// Status; absent if unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProductStatus>,
}

/// Things that belong to the subject; those that it does not have are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Related {
    /// Collections that a product is in; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collections: Option<Vec<Named>>,
    /// Order that a payment, a shipment or a checkout belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Reference>,
    /// Customer of an order or a checkout, by id only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Reference>,
}

/// A thing by id and title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Named {
    /// Vendor's id.
    pub id: String,
    /// Title.
    pub title: String,
}

/// A thing by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct Reference {
    /// Vendor's id.
    pub id: String,
}

/// Webhook that brought an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Cause {
    /// Topic in the source's own spelling, or `reconcile` for a difference that no webhook reported.
    pub topic: String,
    /// Delivery id; `null` for `reconcile`.
    pub delivery_id: Option<String>,
    /// Time at which the delivery was received; of a reconciliation, the time at which it read the state.
    pub received_at: Timestamp,
}

/// Failure to read an event.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The version is later than [`VERSION`]: skip it, or update this library.
    #[error("the event has version {0} of the schema, and only versions up to {VERSION} can be read")]
    Version(u64),
    /// The type is not known: a later release added it. Skip the event, or update this library.
    #[error("events of the type {0:?} are not known to this version of the library")]
    Type(String),
    /// It is not an event.
    #[error("not an event: {0}")]
    Shape(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Wire {
    id: EventId,
    #[serde(rename = "type")]
    kind: EventType,
    version: u32,
    timestamp: Timestamp,
    store: Store,
    subject: Subject,
    data: serde_json::Value,
    #[serde(default)]
    changed: Option<Vec<String>>,
    #[serde(default)]
    previous: Option<Previous>,
    #[serde(default)]
    related: Related,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    cause: Option<Cause>,
    #[serde(default)]
    personal: Option<PersonalData>,
    #[serde(default)]
    meta: Option<Meta>,
}

impl Event {
    /// Reads an event from its JSON. Skips fields that this version does not know, and takes an absent field for null where
    /// null is allowed.
    ///
    /// # Errors
    /// [`ReadError::Version`] if it is of a later version; [`ReadError::Type`] if its type is not known;
    /// [`ReadError::Shape`] if it is not an event.
    pub fn read(json: &[u8]) -> Result<Self, ReadError> {
        Self::from_value(serde_json::from_slice(json)?)
    }

    /// Reads an event, as [`read`](Self::read) does.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn from_value(value: serde_json::Value) -> Result<Self, ReadError> {
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if let Some(version) = version.filter(|version| *version > u64::from(VERSION)) {
            return Err(ReadError::Version(version));
        }
        if version == Some(0) {
            return Err(serde_json::Error::custom("version 0 never existed").into());
        }
        if let Some(kind) = value.get("type").and_then(serde_json::Value::as_str)
            && kind.parse::<EventType>().is_err()
        {
            return Err(ReadError::Type(kind.to_owned()));
        }
        let wire: Wire = serde_json::from_value(value)?;
        Ok(Self {
            data: Data::read(&wire.kind, wire.data)?,
            id: wire.id,
            kind: wire.kind,
            version: wire.version,
            timestamp: wire.timestamp,
            store: wire.store,
            subject: wire.subject,
            changed: wire.changed,
            previous: wire.previous,
            related: wire.related,
            session_id: wire.session_id,
            cause: wire.cause,
            personal: wire.personal,
            meta: wire.meta,
        })
    }
}

/// Maximum length of a session id.
const MAX_SESSION_ID: usize = 128;

/// Returns a session id, if it is 1 to 128 visible ASCII characters.
#[must_use]
pub fn session_id(text: &str) -> Option<String> {
    let is_visible = |byte: &u8| byte.is_ascii_graphic();
    ((1..=MAX_SESSION_ID).contains(&text.len()) && text.as_bytes().iter().all(is_visible)).then(|| text.to_owned())
}

#[cfg(test)]
#[cfg(feature = "json-schema")]
mod tests;
