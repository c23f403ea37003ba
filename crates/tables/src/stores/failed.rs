//! Items of failed deliveries, in the store's collection. One for each:
//!
//! | attribute | | |
//! |---|---|---|
//! | `topic`, `id` | S | the delivery, among those of its store |
//! | `subject` | S | its subject: JSON |
//! | `failed_us`, `code`, `cause`, `message` | N, S, S, S | the last attempt: when and why it failed |
//! | `received_us` | N | when the receiver got it |
//! | `tries` | N | number of attempts |
//! | `parked` | BOOL | whether no retry can help |
//! | `redriven_us` | N | when a person redrove it, if it has not been attempted since |
//! | `receipt` | S | the queue's receipt of the last attempt |
//!
//! An item is written with the problem in the ledger's entry in one transaction, so that it exists only where the entry holds a
//! problem. It does not expire: it waits for a person even after the queue has deleted the message.

use hookline_domain::{
    delivery::{
        failed::{FailedDelivery, MAX_COUNTED},
        ledger::Problem,
    },
    kernel::{
        ids::{DeliveryKey, StoreKey},
        port::Cause,
    },
};
use jiff::Timestamp;

use super::{FAILED_PREFIX, record::read_json};
use crate::{
    request::{self, Put, Query, Update},
    value::{Item, MalformedError, Value},
};

/// Key of a failed delivery. No part of it can hold the separator.
#[must_use]
pub fn key(delivery: &DeliveryKey) -> Item {
    let sk = format!("{FAILED_PREFIX}{}#{}", delivery.topic, delivery.id);
    request::key(delivery.store.to_string(), sk)
}

/// The failed deliveries of a store: all that are counted, and one more.
#[must_use]
pub fn query(store: &StoreKey) -> Query {
    Query {
        condition: "pk = :pk AND begins_with(sk, :failed)",
        values: Item::from([
            (":pk", Value::text(store.to_string())),
            (":failed", Value::text(FAILED_PREFIX)),
        ]),
        limit: Some(MAX_COUNTED + 1),
        ..Query::default()
    }
}

/// Stores a failed delivery.
///
/// # Errors
/// Fails if its subject has no JSON.
pub fn put(failed: &FailedDelivery) -> Result<Put, serde_json::Error> {
    let FailedDelivery { delivery, problem, .. } = failed;
    let mut item = key(delivery);
    item.push("topic", Value::text(delivery.topic.as_str()));
    item.push("id", Value::text(delivery.id.as_str()));
    item.push("failed_us", Value::micros(problem.at));
    item.push("code", Value::text(problem.code.to_string()));
    item.push("message", Value::text(&problem.message));
    item.push("received_us", Value::micros(failed.received_at));
    item.push("tries", Value::number(failed.tries));
    item.push("parked", Value::Bool(failed.parked));
    if let Some(cause) = problem.cause {
        item.push("cause", Value::text(cause.as_str()));
    }
    if let Some(subject) = &failed.subject {
        item.push("subject", Value::json(subject)?);
    }
    if let Some(at) = failed.redriven_at {
        item.push("redriven_us", Value::micros(at));
    }
    if let Some(receipt) = &failed.receipt {
        item.push("receipt", Value::text(receipt));
    }
    Ok(Put { item, ..Put::default() })
}

/// Marks a failed delivery as redriven at `at`, unless it has been attempted or redriven since `seen` was read.
#[must_use]
pub fn redriven(seen: &FailedDelivery, at: Timestamp) -> Update {
    let mut values = Item::from([
        (":at", Value::micros(at)),
        (":none", Value::number(0)),
        (":failed", Value::micros(seen.problem.at)),
    ]);
    let condition = match seen.redriven_at {
        Some(before) => {
            values.push(":before", Value::micros(before));
            "failed_us = :failed AND redriven_us = :before"
        }
        None => "failed_us = :failed AND attribute_not_exists(redriven_us)",
    };
    Update {
        key: key(&seen.delivery),
        expression: "SET redriven_us = :at, tries = :none REMOVE receipt".into(),
        condition: Some(condition),
        values,
        ..Update::default()
    }
}

/// Reads a failed delivery.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read(item: &Item) -> Result<FailedDelivery, MalformedError> {
    Ok(FailedDelivery {
        delivery: DeliveryKey {
            store: item.parse("pk")?,
            topic: item.parse("topic")?,
            id: item.parse("id")?,
        },
        subject: read_json(item, "subject")?,
        problem: Problem {
            at: item.micros("failed_us")?,
            code: serde_json::from_value(item.text("code")?.into()).map_err(|_| MalformedError::new("code"))?,
            cause: item.find_text("cause").and_then(Cause::named),
            message: item.text("message")?.to_owned(),
        },
        received_at: item.micros("received_us")?,
        tries: item.number("tries")?,
        parked: item.flag("parked")?,
        redriven_at: item.find_micros("redriven_us")?,
        receipt: item.find_text("receipt").map(str::to_owned),
    })
}
