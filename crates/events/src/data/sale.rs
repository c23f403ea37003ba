//! States of checkouts, orders, payments and shipments.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct Money {
    /// Decimal number, as in `48.00`, or `500` in a currency without minor units.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

/// State of an order, without personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct OrderData {
    /// Vendor's id.
    pub id: String,
    /// Number or name by which the store calls it, as in `#1001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// State of payment in the source's words, as in `paid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub financial_status: Option<String>,
    /// State of fulfillment in the source's words, as in `fulfilled`; absent if nothing is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfillment_status: Option<String>,
    /// Sums.
    pub totals: Totals,
    /// Lines; may be empty.
    pub lines: Vec<LineData>,
    /// Time at which it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Time of its last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Time at which it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// Reason in the source's words, as in `customer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// True for a test order.
    pub test: bool,
    /// True if lines are missing, because the event would be too large.
    pub truncated: bool,
}

/// Sums of an order, each in the shop's currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct Totals {
    /// Sum to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Sum of the lines after discounts, before shipping and tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtotal: Option<Money>,
    /// Shipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// Tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// Discounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discounts: Option<Money>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct LineData {
    /// Vendor's id of the line.
    pub id: String,
    /// Product; absent if it no longer exists, or the line is none of a product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// Variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Stock-keeping unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Quantity ordered.
    pub quantity: i64,
    /// Price of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// A payment or a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct PaymentData {
    /// Vendor's id of the transaction or the refund.
    pub id: String,
    /// Amount; absent if the source does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Payment gateway, as in `shopify_payments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Kind in the source's words, as in `sale` or `capture`; `refund` for a refund.
    pub kind: String,
    /// Code of the error, of a failed payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Lines that were paid back, of a refund.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<RefundLineData>,
    /// True for a test payment.
    pub test: bool,
    /// True if lines are missing, because the event would be too large.
    pub truncated: bool,
}

/// One line of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct RefundLineData {
    /// Vendor's id of the order's line.
    pub line_id: String,
    /// Quantity paid back.
    pub quantity: i64,
    /// Amount paid back, without tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
}

/// State of a shipment, without addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct ShipmentData {
    /// Vendor's id of the fulfillment.
    pub id: String,
    /// State in the source's words, as in `success`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// State of the shipment in the source's words, as in `in_transit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment_status: Option<String>,
    /// Carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Tracking numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking_numbers: Vec<String>,
    /// Pages where the shipment can be tracked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking_urls: Vec<String>,
    /// Lines of the order that it contains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineData>,
    /// True if lines are missing, because the event would be too large.
    pub truncated: bool,
}

/// A completed checkout. Its order is `related.order`, its chat session `session_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "commercial")))]
pub struct CheckoutData {
    /// Vendor's id of the checkout; of the order, if the source names no checkout.
    pub id: String,
    /// Number or name by which the store calls the order, as in `#1001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_name: Option<String>,
    /// Sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineData>,
    /// True if lines are missing, because the event would be too large.
    pub truncated: bool,
}
