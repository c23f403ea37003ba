//! Data that is too large for an event, and what is left of it.

use std::io;

use serde::Serialize;

use super::{CheckoutData, CollectionData, CustomerData, Data, OrderData, PaymentData, ProductData, ShipmentData};
use crate::MAX_DATA_BYTES;

/// One thing that data can do without. Receives the number of bytes that are too many.
type Step<T> = fn(&mut T, usize);

impl Data {
    /// Cuts what is too large for an event ([`MAX_DATA_BYTES`]) and says so in `truncated`: descriptions first, then tags,
    /// then variants or lines from the end, then other texts. `url` is where the whole state can be read: `data_url` of
    /// products and collections, of which we have it.
    ///
    /// Returns data that cannot be cut, an id or an operator's own event, as it is: see [`size`](Self::size).
    #[must_use]
    pub fn cut(mut self, url: &str) -> Self {
        if self.size() <= MAX_DATA_BYTES {
            return self;
        }
        match &mut self {
            Self::Product(product) => {
                (product.truncated, product.data_url) = (true, Some(url.to_owned()));
                cut(&mut **product, PRODUCT);
            }
            Self::Collection(collection) => {
                (collection.truncated, collection.data_url) = (true, Some(url.to_owned()));
                cut(&mut **collection, COLLECTION);
            }
            Self::Order(order) => {
                order.truncated = true;
                cut(&mut **order, ORDER);
            }
            Self::Payment(payment) => {
                payment.truncated = true;
                cut(&mut **payment, PAYMENT);
            }
            Self::Shipment(shipment) => {
                shipment.truncated = true;
                cut(&mut **shipment, SHIPMENT);
            }
            Self::Checkout(checkout) => {
                checkout.truncated = true;
                cut(checkout, CHECKOUT);
            }
            Self::Customer(customer) => cut(customer, CUSTOMER),
            Self::Store(_)
            | Self::Privacy(_)
            | Self::Endpoint(_)
            | Self::Message(_)
            | Self::Delivery(_)
            | Self::Deleted(_)
            | Self::Custom(_) => {}
        }
        self
    }

    /// Size of the JSON, in bytes. Whoever publishes an event of the operator's own refuses one above [`MAX_DATA_BYTES`].
    #[must_use]
    pub fn size(&self) -> usize {
        size(self)
    }
}

const PRODUCT: &[Step<ProductData>] = &[
    |product, _| product.description = None,
    |product, _| product.tags.clear(),
    |product, excess| shorten(&mut product.variants, excess),
    |product, _| product.image = None,
    |product, _| product.product_type = None,
    |product, _| product.vendor = None,
    |product, _| product.handle = None,
    |product, _| product.title = None,
];

const COLLECTION: &[Step<CollectionData>] = &[
    |collection, _| collection.description = None,
    |collection, _| collection.image = None,
    |collection, _| collection.handle = None,
    |collection, _| collection.title = None,
];

const ORDER: &[Step<OrderData>] = &[
    |order, excess| shorten(&mut order.lines, excess),
    |order, _| order.cancel_reason = None,
    |order, _| order.fulfillment_status = None,
    |order, _| order.financial_status = None,
    |order, _| order.name = None,
];

const PAYMENT: &[Step<PaymentData>] = &[
    |payment, excess| shorten(&mut payment.lines, excess),
    |payment, _| payment.error_code = None,
    |payment, _| payment.gateway = None,
];

const SHIPMENT: &[Step<ShipmentData>] = &[
    |shipment, excess| shorten(&mut shipment.lines, excess),
    |shipment, excess| shorten(&mut shipment.tracking_urls, excess),
    |shipment, excess| shorten(&mut shipment.tracking_numbers, excess),
    |shipment, _| shipment.carrier = None,
    |shipment, _| shipment.shipment_status = None,
    |shipment, _| shipment.status = None,
];

const CHECKOUT: &[Step<CheckoutData>] = &[|checkout, excess| shorten(&mut checkout.lines, excess)];

const CUSTOMER: &[Step<CustomerData>] = &[
    |customer, _| customer.state = None,
    |customer, _| customer.country = None,
];

/// Takes steps until the data fits or none is left.
fn cut<T: Serialize>(data: &mut T, steps: &[Step<T>]) {
    for step in steps {
        let Some(excess) = size(data).checked_sub(MAX_DATA_BYTES).filter(|excess| *excess > 0) else {
            return;
        };
        step(data, excess);
    }
}

/// Removes items from the end until the list is at least this number of bytes shorter, or empty. Measures each removed item
/// once, so that a list of any length is shortened in one pass.
fn shorten<T: Serialize>(list: &mut Vec<T>, excess: usize) {
    const COMMA: usize = 1;
    let mut freed = 0;
    while freed < excess
        && let Some(item) = list.pop()
    {
        freed += size(&item) + COMMA;
    }
}

fn size(data: &impl Serialize) -> usize {
    let mut size = Size(0);
    // Neither the sink nor our types fail.
    serde_json::to_writer(&mut size, data).map_or(0, |()| size.0)
}

/// Counts what is written, and keeps nothing of it.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
