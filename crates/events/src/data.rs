//! States of the things that events are about.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{EventType, MAX_DATA_BYTES};

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
    /// Of `*.deleted`.
    Deleted(DeletedData),
    /// Of `custom.*`.
    Custom(CustomData),
}

/// State of a product. One that shoppers cannot see has an id and a status, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct ProductData {
    /// Vendor's id.
    pub id: String,
    /// Whether shoppers can see it.
    pub status: ProductStatus,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Name in URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Description as plain text; absent if it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Category in the store's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// URL of its first image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether any variant can be bought now; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Range of the variants' prices; absent if none has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceRange>,
    /// Variants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantData>,
    /// True if something is missing: the event would be too large, or the source did not tell all.
    pub truncated: bool,
    /// Path of the whole state in the API, if `truncated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_url: Option<String>,
}

/// Whether shoppers can see a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum ProductStatus {
    /// They can.
    Active,
    /// They cannot: a draft, archived, or not published.
    Hidden,
}

/// Lowest and highest price.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct PriceRange {
    /// Lowest.
    pub from: Decimal,
    /// Highest.
    pub to: Decimal,
    /// ISO 4217 code; `null` if unknown.
    pub currency: Option<String>,
}

/// State of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct VariantData {
    /// Vendor's id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Stock-keeping unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Price, in the currency of the product's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// Whether it can be bought now; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Quantity in stock, which may be negative; absent if unknown or not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

/// State of a collection. One that shoppers cannot see has an id and a status, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct CollectionData {
    /// Vendor's id.
    pub id: String,
    /// Whether shoppers can see it.
    pub status: ProductStatus,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Name in URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Description as plain text; absent if it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// URL of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// True if something is missing, because the event would be too large.
    pub truncated: bool,
    /// Path of the whole state in the API, if `truncated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_url: Option<String>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Money {
    /// Decimal number, as in `48.00`, or `500` in a currency without minor units.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

/// State of an order, without personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
}

/// One line of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
}

/// State of a customer, without personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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

/// A completed checkout. Its order is `related.order`, its chat session `session_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct CheckoutData {
    /// Vendor's id of the checkout; of the order, if the source names no checkout.
    pub id: String,
    /// Sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineData>,
}

/// An install or uninstall of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct StoreData {
    /// Store at the source.
    pub id: String,
}

/// A privacy request. What concerns the person is the operator's own to find, by the customer's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct PrivacyData {
    /// Vendor's id of the customer.
    pub customer_id: String,
}

/// A deleted thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct DeletedData {
    /// Vendor's id.
    pub id: String,
}

/// Content of the operator's own event: any object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CustomData(pub Map<String, Value>);

impl Data {
    /// Reads the data of an event of this type.
    ///
    /// # Errors
    /// An error that names what does not fit.
    pub fn read(kind: &EventType, data: Value) -> Result<Self, serde_json::Error> {
        let (resource, what) = kind.as_str().split_once('.').unwrap_or((kind.as_str(), ""));
        Ok(match (resource, what) {
            ("custom", _) => Self::Custom(serde_json::from_value(data)?),
            (_, "deleted") => Self::Deleted(serde_json::from_value(data)?),
            ("product" | "inventory", _) => Self::Product(serde_json::from_value(data)?),
            ("collection", _) => Self::Collection(serde_json::from_value(data)?),
            ("order", _) => Self::Order(serde_json::from_value(data)?),
            ("payment", _) => Self::Payment(serde_json::from_value(data)?),
            ("shipping", _) => Self::Shipment(serde_json::from_value(data)?),
            ("customer", _) => Self::Customer(serde_json::from_value(data)?),
            ("checkout", _) => Self::Checkout(serde_json::from_value(data)?),
            ("store", _) => Self::Store(serde_json::from_value(data)?),
            ("privacy", _) => Self::Privacy(serde_json::from_value(data)?),
            _ => Self::Custom(serde_json::from_value(data)?),
        })
    }

    /// Cuts what is too large for an event ([`MAX_DATA_BYTES`]) and says so: the description first, then tags, then
    /// variants or lines from the end. `url` is where the whole state can be read.
    #[must_use]
    pub fn cut(self, url: &str) -> Self {
        if self.size() <= MAX_DATA_BYTES {
            return self;
        }
        match self {
            Self::Product(mut product) => {
                (product.truncated, product.data_url) = (true, Some(url.to_owned()));
                product.description = None;
                let mut data = Self::Product(product);
                if data.size() > MAX_DATA_BYTES
                    && let Self::Product(product) = &mut data
                {
                    product.tags.clear();
                }
                halve(data, |data| match data {
                    Self::Product(product) => halve_list(&mut product.variants),
                    _ => false,
                })
            }
            Self::Collection(mut collection) => {
                (collection.truncated, collection.data_url) = (true, Some(url.to_owned()));
                collection.description = None;
                Self::Collection(collection)
            }
            Self::Order(mut order) => {
                order.truncated = true;
                halve(Self::Order(order), |data| match data {
                    Self::Order(order) => halve_list(&mut order.lines),
                    _ => false,
                })
            }
            other => halve(other, |data| match data {
                Self::Payment(payment) => halve_list(&mut payment.lines),
                Self::Shipment(shipment) => halve_list(&mut shipment.lines),
                Self::Checkout(checkout) => halve_list(&mut checkout.lines),
                _ => false,
            }),
        }
    }

    fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |json| json.len())
    }
}

/// Halves until the data fits or nothing is left to halve.
fn halve(mut data: Data, half: impl Fn(&mut Data) -> bool) -> Data {
    while data.size() > MAX_DATA_BYTES && half(&mut data) {}
    data
}

fn halve_list<T>(list: &mut Vec<T>) -> bool {
    let had_any = !list.is_empty();
    list.truncate(list.len() / 2);
    had_any
}
