//! Shipments (<https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillment>,
//! <https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillmentevent>).

use hookline_events::{Data, EventType, ShipmentData};
use serde::Deserialize;

use super::{
    Delivery, Event, Identity, InterpretError, Timestamp, announcement, fact,
    form::{Form, text, word},
    kind, of_order,
    order::{LineBody, lines},
    required, state_at,
};
use crate::{
    json::{expected, read},
    shopify::proof::{Kind, proves},
};

/// Topic of a fulfillment. The bodies of both have one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shopify) enum FulfillmentTopic {
    /// It was created.
    Create,
    /// It was changed.
    Update,
}

#[derive(Deserialize)]
struct FulfillmentBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    order_id: Option<u64>,
    #[serde(default, deserialize_with = "word")]
    status: Option<String>,
    #[serde(default, deserialize_with = "word")]
    shipment_status: Option<String>,
    updated_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "text")]
    tracking_company: Option<String>,
    #[serde(default, deserialize_with = "text")]
    tracking_number: Option<String>,
    tracking_numbers: Option<Vec<String>>,
    #[serde(default, deserialize_with = "text")]
    tracking_url: Option<String>,
    tracking_urls: Option<Vec<String>>,
    line_items: Option<Vec<LineBody>>,
}

#[derive(Deserialize)]
struct FulfillmentEventBody {
    #[serde(rename = "id")]
    _id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    fulfillment_id: Option<u64>,
    order_id: Option<u64>,
    #[serde(default, deserialize_with = "word")]
    status: Option<String>,
}

/// Interprets the body of a fulfillment.
pub(in crate::shopify) fn fulfillment(delivery: &Delivery, topic: FulfillmentTopic) -> Result<Event, InterpretError> {
    let body: FulfillmentBody = read(&delivery.body)?;
    proves(body.gid.as_deref(), Kind::Fulfillment, false)?;
    let (id, updated_at) = (body.id, body.updated_at);
    let related = of_order(body.order_id);
    let shipment = body.into_data();
    let is_stopped = matches!(shipment.status.as_deref(), Some("cancelled" | "error" | "failure"));
    let has_label = !shipment.tracking_numbers.is_empty() || is_label(shipment.shipment_status.as_deref());
    let data = Data::Shipment(Box::new(shipment));
    let mut announces = Vec::new();
    if has_label && !is_stopped {
        let kind = EventType::SHIPPING_LABEL_CREATED;
        announces.push(announcement(kind, data.clone(), related.clone(), Identity::First));
    }
    if topic == FulfillmentTopic::Update {
        let identity = state_at(required(updated_at, "updated_at")?, &data, &related, None);
        let kind = EventType::SHIPPING_TRACKING_UPDATED;
        announces.push(announcement(kind, data, related, identity));
    }
    fact(kind::FULFILLMENT, id, announces)
}

/// Interprets what a carrier reports of a fulfillment. Only a label and the delivery announce something.
pub(in crate::shopify) fn fulfillment_event(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body: FulfillmentEventBody = read(&delivery.body)?;
    proves(body.gid.as_deref(), Kind::FulfillmentEvent, false)?;
    let id = body
        .fulfillment_id
        .ok_or_else(|| expected("fulfillment_id", "the id of a fulfillment"))?;
    let kind = match body.status.as_deref() {
        Some("delivered") => Some(EventType::SHIPPING_DELIVERED),
        status if is_label(status) => Some(EventType::SHIPPING_LABEL_CREATED),
        _ => None,
    };
    let data = Data::Shipment(Box::new(ShipmentData {
        id: id.to_string(),
        status: None,
        shipment_status: body.status,
        carrier: None,
        tracking_numbers: Vec::new(),
        tracking_urls: Vec::new(),
        lines: Vec::new(),
        truncated: false,
    }));
    let related = of_order(body.order_id);
    let announced = kind.map(|kind| announcement(kind, data, related, Identity::First));
    fact(kind::FULFILLMENT, id, announced.into_iter().collect())
}

/// Returns true for a shipment that has a label.
fn is_label(status: Option<&str>) -> bool {
    matches!(status, Some("label_purchased" | "label_printed"))
}

impl FulfillmentBody {
    fn into_data(self) -> ShipmentData {
        let numbers = all(self.tracking_number, self.tracking_numbers);
        let urls = all(self.tracking_url, self.tracking_urls);
        let mut pages: Vec<String> = urls.iter().filter_map(|url| tracking_page(url, &numbers)).collect();
        pages.dedup();
        ShipmentData {
            id: self.id.to_string(),
            status: self.status,
            shipment_status: self.shipment_status,
            carrier: self.tracking_company,
            tracking_urls: pages,
            tracking_numbers: numbers,
            lines: lines(self.line_items.unwrap_or_default(), None),
            truncated: false,
        }
    }
}

/// The list, or the one if there is none.
fn all(one: Option<String>, list: Option<Vec<String>>) -> Vec<String> {
    let list = list.unwrap_or_default();
    let all = if list.is_empty() {
        one.into_iter().collect()
    } else {
        list
    };
    let fits = |text: &String| Form::Text.has(text) && !text.trim().is_empty();
    all.into_iter().filter(fits).collect()
}

/// Returns the address of a shipment's page without what may be the recipient's: some carriers have the postcode in it, as
/// in `https://my.dpd.de/redirect.aspx?pno=NUMBER&zip=POSTCODE`. The path stays, up to the tracking number if it has
/// that; of the parameters, those whose value is the number. `None` if the number is not in the address.
pub(in crate::shopify) fn tracking_page(url: &str, numbers: &[String]) -> Option<String> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| url.starts_with(scheme))?;
    let url = url.split('#').next()?;
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (host, path) = address[scheme.len()..]
        .split_once('/')
        .unwrap_or((&address[scheme.len()..], ""));
    if host.is_empty() || host.contains('@') {
        return None;
    }
    let is_number = |text: &str| numbers.iter().any(|number| number == text);
    let parts: Vec<&str> = path.split('/').collect();
    if let Some(at) = parts.iter().position(|part| is_number(part)) {
        return Some(format!("{scheme}{host}/{}", parts[..=at].join("/")));
    }
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| pair.split_once('=').is_some_and(|(_, value)| is_number(value)))
        .collect();
    (!kept.is_empty()).then(|| format!("{scheme}{host}/{path}?{}", kept.join("&")))
}
