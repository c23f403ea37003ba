//! Events from bodies of any form, by the pointers of a mapping.

use hookline_domain::{
    delivery::Delivery,
    event::{
        Event, InterpretError, Removal,
        fact::{Announcement, Fact, Identity},
        product::{Product, Stock, Variant},
        thin::Ordered,
    },
    kernel::{
        ids::EntityId,
        money::{currency_code, from_minor},
        text::{normalize, normalize_line},
    },
    store::inbound::mapping::{
        CheckoutMapping, CurrencyMapping, MappedEvent, Mapping, Pointer, PriceMapping, ProductMapping,
    },
};
use hookline_events::{CheckoutData, Data, EventType, Reference, Related, session_id};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{required_text, text, time};
use crate::{html, json::expected, pointer};

/// Longest SKU, title of a variant or name in a URL that is kept, in characters.
const LINE_CHARS: usize = 255;

/// Returns the event that a body means.
pub(super) fn event(kind: MappedEvent, delivery: &Delivery, mapping: &Mapping) -> Result<Event, InterpretError> {
    match (kind, &mapping.product, &mapping.checkout) {
        (MappedEvent::ProductUpdated, Some(fields), _) => product(delivery, mapping, fields),
        (MappedEvent::ProductDeleted, Some(fields), _) => removal(delivery, mapping, fields),
        (MappedEvent::CheckoutCompleted, _, Some(fields)) => checkout(delivery, mapping, fields),
        // `Mapping::check` refuses such a mapping where it is written.
        (MappedEvent::ProductUpdated | MappedEvent::ProductDeleted, None, _)
        | (MappedEvent::CheckoutCompleted, _, None) => Err(InterpretError::Topic),
    }
}

fn product(delivery: &Delivery, mapping: &Mapping, fields: &ProductMapping) -> Result<Event, InterpretError> {
    let body = &delivery.body;
    let updated_at = match &fields.updated_at {
        Some(pointer) => time(body, pointer)?.ok_or_else(|| expected(pointer.as_str(), "a time"))?,
        None => ordering_time(delivery, mapping),
    };
    let id = id(body, &fields.id)?;
    let line =
        |pointer: Option<&Pointer>| optional(body, pointer).map(|text| text.map(|text| cut(&normalize_line(&text))));
    let title = line(fields.title.as_ref())?.unwrap_or_default();
    let (price, currency) = match &fields.price {
        Some(fields) => price(body, fields)?,
        None => (None, None),
    };
    let variant = Variant {
        id: id.clone(),
        title: title.clone(),
        sku: line(fields.sku.as_ref())?.filter(|sku| !sku.is_empty()),
        price,
        currency,
        stock: stock(body, fields)?,
    };
    let url = optional(body, fields.url.as_ref())?;
    let handle = line(fields.handle.as_ref())?.or_else(|| last_part(url.as_deref()?));
    Ok(Event::ProductUpdated(Box::new(Product {
        id,
        updated_at,
        ordered: Ordered::Told,
        created_at: None,
        visible: true,
        title,
        description: optional(body, fields.text.as_ref())?
            .map(|text| html::text(&text))
            .unwrap_or_default(),
        vendor: line(fields.vendor.as_ref())?.filter(|vendor| !vendor.is_empty()),
        product_type: line(fields.product_type.as_ref())?.filter(|category| !category.is_empty()),
        tags: tags(body, fields.tags.as_ref())?,
        options: Vec::new(),
        variants: vec![variant],
        complete: true,
        untold: Vec::new(),
        // Such a source has no collections: they are known, and none.
        collections: Some([].into()),
        image: optional(body, fields.image.as_ref())?.filter(|image| !image.is_empty()),
        handle: handle.filter(|handle| !handle.is_empty()),
    })))
}

fn removal(delivery: &Delivery, mapping: &Mapping, fields: &ProductMapping) -> Result<Event, InterpretError> {
    let body = &delivery.body;
    let told = match &fields.updated_at {
        Some(pointer) => time(body, pointer)?,
        None => None,
    };
    Ok(Event::ProductRemoved(Removal {
        id: id(body, &fields.id)?,
        at: told.unwrap_or_else(|| ordering_time(delivery, mapping)),
        ordered: Ordered::Told,
    }))
}

/// Time that orders a state without one of its own: that of its event, or of its arrival.
fn ordering_time(delivery: &Delivery, mapping: &Mapping) -> Timestamp {
    match mapping.ordering {
        Some(_) => delivery.received_at,
        None => delivery.observed_at(),
    }
}

fn checkout(delivery: &Delivery, mapping: &Mapping, fields: &CheckoutMapping) -> Result<Event, InterpretError> {
    let body = &delivery.body;
    let id = id(body, &fields.id)?;
    let order = optional(body, fields.order.as_ref())?.filter(|order| EntityId::new(order.as_str()).is_ok());
    let session = match &fields.session {
        // Anything else than a text is no session id.
        Some(pointer) => pointer::at(body, pointer)?,
        None => None,
    };
    let session_id = session.as_ref().and_then(Value::as_str).and_then(session_id);
    if session.is_some() && session_id.is_none() {
        tracing::warn!(
            store = %delivery.key.store,
            checkout = %id,
            "ignored the session id of a checkout: it is not 1 to 128 visible ASCII characters"
        );
    }
    let at = match &mapping.at {
        Some(pointer) => time(body, pointer)?,
        None => None,
    };
    Ok(Event::Fact(Box::new(Fact {
        kind: "checkout",
        announces: vec![Announcement {
            kind: EventType::CHECKOUT_COMPLETED,
            data: Data::Checkout(CheckoutData {
                id: id.to_string(),
                order_name: None,
                total: None,
                lines: Vec::new(),
                truncated: false,
            }),
            related: Related {
                order: order.map(|id| Reference { id }),
                ..Related::default()
            },
            session_id,
            identity: at.map_or(Identity::First, |at| Identity::Told {
                at,
                apart: String::new(),
            }),
        }],
        id,
    })))
}

fn id(body: &[u8], pointer: &Pointer) -> Result<EntityId, InterpretError> {
    let id = EntityId::new(required_text(body, pointer)?);
    id.map_err(|_| expected(pointer.as_str(), "an id: 1 to 128 visible ASCII characters without a #"))
}

fn optional(body: &[u8], pointer: Option<&Pointer>) -> Result<Option<String>, InterpretError> {
    pointer.map_or(Ok(None), |pointer| text(body, pointer))
}

/// Price and currency. No price is none, not 0; so is one in a currency that nobody knows, or in tiers.
fn price(body: &[u8], fields: &PriceMapping) -> Result<(Option<Decimal>, Option<String>), InterpretError> {
    let currency = match &fields.currency {
        CurrencyMapping::Code(code) => currency_code(code),
        CurrencyMapping::Pointer(pointer) => text(body, pointer)?.as_deref().and_then(currency_code),
    };
    let pointer = fields.minor.as_ref().or(fields.amount.as_ref());
    let value = match pointer {
        Some(pointer) => pointer::at(body, pointer)?,
        None => None,
    };
    let (Some(currency), Some(pointer), Some(value)) = (currency, pointer, value) else {
        return Ok((None, None));
    };
    let price = match (&value, fields.minor.is_some()) {
        // In tiers.
        (Value::Array(_) | Value::Object(_), _) => return Ok((None, None)),
        (Value::Number(number), true) => number.as_i64().and_then(|minor| from_minor(minor, &currency)),
        (Value::String(text), true) => text.parse().ok().and_then(|minor| from_minor(minor, &currency)),
        (Value::Number(number), false) => number.to_string().parse().ok(),
        (Value::String(text), false) => text.parse().ok(),
        (Value::Bool(_) | Value::Null, _) => None,
    };
    let kind = if fields.minor.is_some() {
        "a whole number of minor units"
    } else {
        "a decimal"
    };
    let price: Decimal = price.ok_or_else(|| expected(pointer.as_str(), kind))?;
    Ok((Some(price), Some(currency)))
}

/// Stock, by what the body has: a quantity, whether it can be bought, or both. At or below zero is sold out, unless it can be bought
/// all the same.
fn stock(body: &[u8], fields: &ProductMapping) -> Result<Stock, InterpretError> {
    let available = match &fields.available {
        Some(pointer) => match pointer::at(body, pointer)? {
            None => None,
            Some(Value::Bool(available)) => Some(available),
            Some(_) => return Err(expected(pointer.as_str(), "true or false")),
        },
        None => None,
    };
    let quantity = match &fields.quantity {
        Some(pointer) => match pointer::at(body, pointer)? {
            None => None,
            Some(Value::Number(number)) if number.is_i64() => number.as_i64(),
            Some(_) => return Err(expected(pointer.as_str(), "a whole number")),
        },
        None => None,
    };
    Ok(match (available, quantity) {
        (None, None) => Stock::default(),
        (None, Some(quantity)) => Stock {
            oversells: Some(false),
            tracked: Some(true),
            quantity: Some(quantity),
        },
        (Some(true), quantity) => Stock {
            oversells: Some(quantity.is_some_and(|quantity| quantity <= 0)),
            tracked: Some(quantity.is_some()),
            quantity,
        },
        (Some(false), quantity) => Stock {
            oversells: Some(false),
            tracked: Some(true),
            quantity: Some(quantity.unwrap_or(0).min(0)),
        },
    })
}

/// Tags: an array of texts, or one text with commas.
fn tags(body: &[u8], pointer: Option<&Pointer>) -> Result<Vec<String>, InterpretError> {
    let Some(pointer) = pointer else { return Ok(Vec::new()) };
    let wrong = || expected(pointer.as_str(), "an array of texts, or one text with commas");
    let texts: Vec<String> = match pointer::at(body, pointer)? {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
        Some(Value::Array(items)) => {
            let texts = items.into_iter().map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(wrong()),
            });
            texts.collect::<Result<_, _>>()?
        }
        Some(_) => return Err(wrong()),
    };
    let tags = texts.iter().map(|tag| normalize_line(tag).trim().to_owned());
    Ok(tags.filter(|tag| !tag.is_empty()).collect())
}

/// Last part of the path of an address.
fn last_part(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?.trim_end_matches('/');
    let (_, last) = path.rsplit_once('/')?;
    Some(cut(&normalize(last)))
}

fn cut(text: &str) -> String {
    text.chars().take(LINE_CHARS).collect()
}
