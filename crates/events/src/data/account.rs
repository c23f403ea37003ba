//! Customers, stores, privacy requests, deleted things, and the operator's own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

/// Content of the operator's own event: any object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
#[serde(transparent)]
pub struct CustomData(pub Map<String, Value>);
