//! Orders (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>).

use hookline_events::{CheckoutData, Data, EventType, LineData, OrderData, Related, Totals, session_id};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Announcement, Delivery, Event, Identity, InterpretError, Timestamp, at, fact,
    form::{code, text, word},
    kind,
    money::{Amount, MoneySet, money},
    reference, required, state_at,
};
use crate::{
    json::{read, whole_number},
    shopify::proof::{Kind, proves},
};

/// Topic of an order. The bodies of all have one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shopify) enum OrderTopic {
    /// It was created.
    Create,
    /// It was changed.
    Updated,
    /// All of it was fulfilled.
    Fulfilled,
    /// It was cancelled.
    Cancelled,
}

/// Names of the cart attribute that links an order to a chat session.
const SESSION_ATTRIBUTES: [&str; 2] = ["session_id", "sessionId"];

/// Returns true for the name of a cart attribute that links an order to a chat session.
pub(in crate::shopify) fn session_attribute(name: &str) -> bool {
    SESSION_ATTRIBUTES.contains(&name)
}

#[derive(Deserialize)]
struct OrderBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "word")]
    financial_status: Option<String>,
    #[serde(default, deserialize_with = "word")]
    fulfillment_status: Option<String>,
    #[serde(default, deserialize_with = "word")]
    cancel_reason: Option<String>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
    test: Option<bool>,
    #[serde(default, deserialize_with = "code")]
    currency: Option<String>,
    total_price: Option<Amount>,
    total_price_set: Option<MoneySet>,
    subtotal_price: Option<Amount>,
    subtotal_price_set: Option<MoneySet>,
    total_shipping_price_set: Option<MoneySet>,
    total_tax: Option<Amount>,
    total_tax_set: Option<MoneySet>,
    total_discounts: Option<Amount>,
    total_discounts_set: Option<MoneySet>,
    /// Absent if the subscription leaves it out: then the body tells no state.
    line_items: Option<Vec<LineBody>>,
    note_attributes: Option<Vec<NoteAttribute>>,
    customer: Option<CustomerBody>,
}

/// Line of an order or of a fulfillment.
#[derive(Deserialize)]
pub(super) struct LineBody {
    id: u64,
    product_id: Option<u64>,
    variant_id: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    title: Option<String>,
    #[serde(default, deserialize_with = "text")]
    sku: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    quantity: Option<i64>,
    price: Option<Amount>,
    price_set: Option<MoneySet>,
}

#[derive(Deserialize)]
struct NoteAttribute {
    name: Option<String>,
    value: Option<Value>,
}

#[derive(Deserialize)]
struct CustomerBody {
    id: Option<u64>,
}

/// Interprets the body of an order. It announces nothing if it tells no state, because its subscription leaves that
/// out, or if its state is not what the topic says.
pub(in crate::shopify) fn order(delivery: &Delivery, topic: OrderTopic) -> Result<Event, InterpretError> {
    let body: OrderBody = read(&delivery.body)?;
    proves(body.gid.as_deref(), Kind::Order, false)?;
    let id = body.id;
    let (Some(created_at), true) = (body.created_at, body.line_items.is_some()) else {
        return fact(kind::ORDER, id, Vec::new());
    };
    let session_id = body.session_id(delivery);
    let related = Related {
        customer: body.customer.as_ref().and_then(|customer| customer.id).map(reference),
        ..Related::default()
    };
    let is_paid = body.financial_status.as_deref() == Some("paid");
    let data = body.into_data();
    let announce = |kind: EventType, identity: Identity| Announcement {
        kind,
        data: Data::Order(Box::new(data.clone())),
        related: related.clone(),
        session_id: session_id.clone(),
        identity,
    };
    let mut announces = Vec::new();
    match topic {
        OrderTopic::Create => {
            announces.push(announce(EventType::ORDER_CREATED, at(created_at)));
            if session_id.is_some() {
                announces.push(Announcement {
                    kind: EventType::CHECKOUT_COMPLETED,
                    data: Data::Checkout(CheckoutData {
                        id: id.to_string(),
                        order_name: data.name.clone(),
                        total: data.totals.total.clone(),
                        lines: data.lines.clone(),
                        truncated: false,
                    }),
                    related: Related {
                        order: Some(reference(id)),
                        ..related.clone()
                    },
                    session_id: session_id.clone(),
                    identity: at(created_at),
                });
            }
        }
        OrderTopic::Updated => {
            let updated_at = required(data.updated_at, "updated_at")?;
            let state = Data::Order(Box::new(data.clone()));
            let identity = state_at(updated_at, &state, &related, session_id.as_deref());
            announces.push(announce(EventType::ORDER_UPDATED, identity));
        }
        OrderTopic::Fulfilled if data.fulfillment_status.as_deref() == Some("fulfilled") => {
            let updated_at = required(data.updated_at, "updated_at")?;
            announces.push(announce(EventType::ORDER_FULFILLED, at(updated_at)));
        }
        OrderTopic::Cancelled => {
            announces.extend(
                data.cancelled_at
                    .map(|cancelled_at| announce(EventType::ORDER_CANCELLED, at(cancelled_at))),
            );
        }
        OrderTopic::Fulfilled => {}
    }
    if is_paid && matches!(topic, OrderTopic::Create | OrderTopic::Updated) {
        announces.push(announce(EventType::ORDER_PAID, Identity::First));
    }
    fact(kind::ORDER, id, announces)
}

impl OrderBody {
    /// Chat session that the cart names. One that is no session id is ignored.
    fn session_id(&self, delivery: &Delivery) -> Option<String> {
        let attributes = self.note_attributes.iter().flatten();
        let named = |attribute: &&NoteAttribute| attribute.name.as_deref().is_some_and(session_attribute);
        let mut links = attributes.filter(named).peekable();
        links.peek()?;
        let found = links.find_map(|link| session_id(link.value.as_ref()?.as_str()?));
        if found.is_none() {
            tracing::warn!(
                store = %delivery.key.store,
                order = self.id,
                "ignored the session id of an order: it is not 1 to 128 visible ASCII characters"
            );
        }
        found
    }

    fn into_data(self) -> OrderData {
        let currency = self.currency.as_deref();
        let totals = Totals {
            total: money(self.total_price_set.as_ref(), self.total_price, currency),
            subtotal: money(self.subtotal_price_set.as_ref(), self.subtotal_price, currency),
            shipping: money(self.total_shipping_price_set.as_ref(), None, None),
            tax: money(self.total_tax_set.as_ref(), self.total_tax, currency),
            discounts: money(self.total_discounts_set.as_ref(), self.total_discounts, currency),
        };
        OrderData {
            id: self.id.to_string(),
            totals,
            lines: lines(self.line_items.unwrap_or_default(), currency),
            name: self.name,
            financial_status: self.financial_status,
            fulfillment_status: self.fulfillment_status,
            created_at: self.created_at,
            updated_at: self.updated_at,
            cancelled_at: self.cancelled_at,
            cancel_reason: self.cancel_reason,
            test: self.test.unwrap_or_default(),
            truncated: false,
        }
    }
}

/// Returns lines; `currency` is that of prices that come without one.
pub(super) fn lines(lines: Vec<LineBody>, currency: Option<&str>) -> Vec<LineData> {
    let line = |line: LineBody| LineData {
        id: line.id.to_string(),
        product_id: line.product_id.map(|id| id.to_string()),
        variant_id: line.variant_id.map(|id| id.to_string()),
        title: line.title,
        sku: line.sku,
        quantity: line.quantity.unwrap_or_default(),
        price: money(line.price_set.as_ref(), line.price, currency),
    };
    lines.into_iter().map(line).collect()
}
