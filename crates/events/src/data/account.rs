//! Customers, stores, privacy requests, deleted things, endpoints, deliveries, and the operator's own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::EventId;

/// State of a customer, without personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct CustomerData {
    /// Vendor's id.
    pub id: String,
    /// State of the account in the source's words, as in `enabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Number of orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_count: Option<u64>,
    /// ISO 3166 code of the country of the default address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Time at which the customer was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// An install or uninstall of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct StoreData {
    /// Store at the source.
    pub id: String,
}

/// A privacy request. What concerns the person is the operator's own to find, by the customer's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct PrivacyData {
    /// Vendor's id of the customer.
    pub customer_id: String,
}

/// A deleted thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct DeletedData {
    /// Vendor's id.
    pub id: String,
}

/// State of an endpoint of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct EndpointData {
    /// Id of the endpoint.
    pub id: String,
    /// Host of its URL. The rest may hold tokens, and is left out.
    pub host: String,
    /// Time of the first failure since it last took a message, of `endpoint.recovered` before it took one again; absent if it
    /// was disabled for another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Code of the latest failure, as in `connection_refused`; absent if it has recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Number of the last `endpoint.failing` about this failure: 1 after an hour, 2 after a day, 3 after four days; absent of
    /// `endpoint.disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
}

/// A message whose attempts have all failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct MessageData {
    /// Id of the endpoint.
    pub endpoint_id: String,
    /// Host of its URL. The rest may hold tokens, and is left out.
    pub host: String,
    /// Id of the event that the message told.
    pub event_id: EventId,
    /// Type of that event; absent if it is no longer known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Number of attempts that have failed.
    pub attempts: u64,
    /// Code of the last failure, as in `refused`; absent if it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// HTTP status of the last answer; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
}

/// A webhook of the source, without its body, which endpoints with `format: raw` get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct DeliveryData {
    /// Source's id of the delivery.
    pub id: String,
    /// Topic, as in `orders/create`.
    pub topic: String,
}

/// Content of the operator's own event: any object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
#[serde(transparent)]
pub struct CustomData(pub Map<String, Value>);
