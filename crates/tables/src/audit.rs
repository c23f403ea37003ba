//! Table of the [`Audit`](hookline_domain::consumer::audit::Audit). One item per privacy request, which never expires:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the store, `source#store`, and the time and delivery of the request, `<microseconds>#<delivery id>` |
//! | `request` | S | `customer_data`, `customer_redaction` or `store_redaction` |
//! | `received_us`, `done_us` | N | when it came, when it was done |
//! | `outcome` | S | what was done, in a sentence |

use hookline_domain::{
    consumer::audit::AuditRecord,
    event::Request,
    kernel::ids::{DeliveryId, StoreKey},
};

use crate::{
    request::{self, Put},
    value::{Item, MalformedError, Value},
};

const REQUESTS: [Request; 3] = [
    Request::CustomerData,
    Request::CustomerRedaction,
    Request::StoreRedaction,
];

/// Stores a record, unless it is there: what has been recorded does not change.
#[must_use]
pub fn put(record: &AuditRecord) -> Put {
    let mut item = request::key(record.store.to_string(), sort_key(record));
    item.push("request", Value::text(name(record.request)));
    item.push("received_us", Value::micros(record.received_at));
    item.push("done_us", Value::micros(record.done_at));
    item.push("outcome", Value::text(&record.outcome));
    Put {
        item,
        condition: Some("attribute_not_exists(pk)"),
        ..Put::default()
    }
}

/// Reads a record of a store.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read(store: &StoreKey, item: &Item) -> Result<AuditRecord, MalformedError> {
    let (_, delivery) = item
        .text("sk")?
        .split_once('#')
        .ok_or_else(|| MalformedError::new("sk"))?;
    let request = item.text("request")?;
    Ok(AuditRecord {
        store: store.clone(),
        delivery: DeliveryId::new(delivery).map_err(|_| MalformedError::new("sk"))?,
        request: REQUESTS
            .into_iter()
            .find(|known| name(*known) == request)
            .ok_or_else(|| MalformedError::new("request"))?,
        received_at: item.micros("received_us")?,
        done_at: item.micros("done_us")?,
        outcome: item.text("outcome")?.to_owned(),
    })
}

/// Sorts the records of a store by time, up to the year 2286.
fn sort_key(record: &AuditRecord) -> String {
    format!("{:016}#{}", record.received_at.as_microsecond(), record.delivery)
}

fn name(request: Request) -> &'static str {
    match request {
        Request::CustomerData => "customer_data",
        Request::CustomerRedaction => "customer_redaction",
        Request::StoreRedaction => "store_redaction",
    }
}
