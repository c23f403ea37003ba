//! Personal data of an event's subject, which only endpoints get that asked for it and proved themselves.

use serde::{Deserialize, Serialize};

/// Personal data, for endpoints that ask for it and have proved themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "personal")))]
pub struct PersonalData {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Address of a customer; with `personal: full` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<AddressData>,
    /// Address of an invoice; with `personal: full` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<AddressData>,
    /// Address of a shipment; with `personal: full` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<AddressData>,
    /// Note of the buyer to an order, or of the store to a customer; with `personal: full` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Further information of the buyer to an order, up to 50 entries; with `personal: full` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<AttributeData>>,
}

impl PersonalData {
    /// Returns the name, the e-mail address and the telephone number alone.
    #[must_use]
    pub fn contact(self) -> Self {
        Self {
            name: self.name,
            email: self.email,
            phone: self.phone,
            ..Self::default()
        }
    }
}

/// Postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "personal")))]
pub struct AddressData {
    /// Name of the recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address1: Option<String>,
    /// Second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address2: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Province or state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province: Option<String>,
    /// ISO 3166 code of the country, else its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// A name and its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "personal")))]
pub struct AttributeData {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// Notes of the sender on an event, for endpoints that asked for personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct Meta {
    /// Personal data that the event has, or the reason why it has none.
    pub personal: PersonalState,
}

/// Personal data that an event has, or the reason why it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PersonalState {
    /// Name, e-mail address and telephone number, as far as the delivery has them.
    Contact,
    /// Those, addresses, notes and attributes.
    Full,
    /// The endpoint has not proved itself.
    Unproven,
    /// It was kept for as long as this deployment keeps personal data.
    Expired,
    /// The delivery was too large for its personal data to be kept.
    TooLarge,
    /// Nothing was kept: when the event came, no proven endpoint asked for it, or this deployment does not keep personal data.
    NotKept,
}
