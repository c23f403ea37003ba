//! States of the things that events are about.

mod account;
mod catalogue;
mod cut;
mod personal;
mod sale;

use serde::Serialize;
use serde_json::Value;

pub use self::{
    account::{CustomData, CustomerData, DeletedData, DeliveryData, EndpointData, MessageData, PrivacyData, StoreData},
    catalogue::{CollectionData, PriceRange, ProductData, ProductStatus, VariantData},
    personal::{AddressData, AttributeData, Meta, PersonalData, PersonalState},
    sale::{CheckoutData, LineData, Money, OrderData, PaymentData, RefundLineData, ShipmentData, Totals},
};
use crate::{EventType, Resource};

/// State of a subject; which one follows from the event's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum Data {
    /// Of `product.created`, `product.updated` and `inventory.updated`.
    Product(Box<ProductData>),
    /// Of `collection.created` and `collection.updated`.
    Collection(Box<CollectionData>),
    /// Of `order.*`.
    Order(Box<OrderData>),
    /// Of `payment.*`.
    Payment(Box<PaymentData>),
    /// Of `shipping.*`.
    Shipment(Box<ShipmentData>),
    /// Of `customer.created` and `customer.updated`.
    Customer(CustomerData),
    /// Of `checkout.*`.
    Checkout(CheckoutData),
    /// Of `store.*`.
    Store(StoreData),
    /// Of `privacy.*`.
    Privacy(PrivacyData),
    /// Of `endpoint.*`.
    Endpoint(EndpointData),
    /// Of `message.*`.
    Message(MessageData),
    /// Of `delivery.*`.
    Delivery(DeliveryData),
    /// Of `*.deleted`.
    Deleted(DeletedData),
    /// Of `custom.*`.
    Custom(CustomData),
}

impl Data {
    /// Reads the data of an event of this type.
    ///
    /// # Errors
    /// An error that names what does not fit.
    pub fn read(kind: &EventType, data: Value) -> Result<Self, serde_json::Error> {
        Ok(match kind.resource() {
            Resource::Custom => Self::Custom(serde_json::from_value(data)?),
            _ if kind.is_deletion() => Self::Deleted(serde_json::from_value(data)?),
            Resource::Product => Self::Product(serde_json::from_value(data)?),
            Resource::Collection => Self::Collection(serde_json::from_value(data)?),
            Resource::Order => Self::Order(serde_json::from_value(data)?),
            Resource::Payment => Self::Payment(serde_json::from_value(data)?),
            Resource::Shipping => Self::Shipment(serde_json::from_value(data)?),
            Resource::Customer => Self::Customer(serde_json::from_value(data)?),
            Resource::Checkout => Self::Checkout(serde_json::from_value(data)?),
            Resource::Store => Self::Store(serde_json::from_value(data)?),
            Resource::Privacy => Self::Privacy(serde_json::from_value(data)?),
            Resource::Endpoint if *kind == EventType::MESSAGE_EXHAUSTED => Self::Message(serde_json::from_value(data)?),
            Resource::Endpoint => Self::Endpoint(serde_json::from_value(data)?),
            Resource::Delivery => Self::Delivery(serde_json::from_value(data)?),
        })
    }
}
