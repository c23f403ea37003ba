//! Facts: orders, payments, shipments and customers, as they are announced. Nothing of a person is read: see
//! [`personal`](super::personal).
//!
//! Topics of one kind of thing have bodies of one shape, so a body proves its kind and not its topic. Each topic
//! announces only what its body shows: a cancelled order has a time at which it was cancelled, whatever the topic.

mod customer;
mod form;
mod money;
mod order;
mod payment;
mod shipment;

use hookline_domain::{
    delivery::Delivery,
    event::{
        Event, InterpretError,
        fact::{Announcement, Fact, Identity},
    },
};
use hookline_events::{Data, EventType, Reference, Related};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub(super) use self::{
    customer::{CustomerTopic, customer, gone},
    form::Form,
    order::{OrderTopic, order, session_attribute},
    payment::{refund, transaction},
    shipment::{FulfillmentTopic, fulfillment, fulfillment_event, tracking_page},
};
use super::payload::entity_id;
use crate::json::expected;

/// Kinds of the subjects of facts.
pub(super) mod kind {
    pub(in crate::shopify) const ORDER: &str = "order";
    pub(in crate::shopify) const PAYMENT: &str = "payment";
    pub(in crate::shopify) const REFUND: &str = "refund";
    pub(in crate::shopify) const FULFILLMENT: &str = "fulfillment";
    pub(in crate::shopify) const CUSTOMER: &str = "customer";
}

/// Number of bytes of a digest that tells states of one second apart.
const DIGEST_BYTES: usize = 16;

/// Returns the fact of a body.
fn fact(kind: &'static str, id: u64, announces: Vec<Announcement>) -> Result<Event, InterpretError> {
    let id = entity_id(id)?;
    Ok(Event::Fact(Box::new(Fact { kind, id, announces })))
}

/// Returns what is announced of a thing without a chat session.
fn announcement(kind: EventType, data: Data, related: Related, identity: Identity) -> Announcement {
    Announcement {
        kind,
        data,
        related,
        session_id: None,
        identity,
    }
}

/// Identity of what happens to its subject once at a time.
fn at(at: Timestamp) -> Identity {
    let apart = String::new();
    Identity::Told { at, apart }
}

/// Identity of a state: two states of one second differ in their content.
fn state_at(at: Timestamp, data: &Data, related: &Related, session_id: Option<&str>) -> Identity {
    let mut hash = Sha256::new();
    let content = serde_json::to_vec(&(data, related, session_id));
    hash.update(content.expect("every key of these types is text"));
    let mut apart = String::with_capacity(2 * DIGEST_BYTES);
    for byte in hash.finalize().iter().take(DIGEST_BYTES) {
        for digit in [byte >> 4, byte & 15] {
            apart.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    Identity::Told { at, apart }
}

/// Things that belong to a thing of an order.
fn of_order(id: Option<u64>) -> Related {
    Related {
        order: id.map(reference),
        ..Related::default()
    }
}

fn reference(id: u64) -> Reference {
    Reference { id: id.to_string() }
}

/// Returns a time that a body must have, because the identity of its event needs it.
fn required(at: Option<Timestamp>, name: &'static str) -> Result<Timestamp, InterpretError> {
    at.ok_or_else(|| expected(name, "a time"))
}

#[cfg(test)]
mod tests;
