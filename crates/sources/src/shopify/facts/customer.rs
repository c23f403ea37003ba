//! Customers, without anything of the person (<https://shopify.dev/docs/api/admin-rest/latest/resources/customer>).

use hookline_events::{CustomerData, Data, DeletedData, EventType, Related};
use serde::Deserialize;

use super::{
    Delivery, Event, Identity, InterpretError, Timestamp, announcement, fact,
    form::{code, word},
    kind, required, state_at,
};
use crate::{
    json::{expected, read},
    shopify::{
        payload::{Presence, present},
        proof::{Kind, proves},
    },
};

/// Topic of a customer that has a state. The bodies of both have one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shopify) enum CustomerTopic {
    /// The customer was created.
    Create,
    /// The customer was changed.
    Update,
    /// The customer was deleted.
    Delete,
}

#[derive(Deserialize)]
struct CustomerBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    #[serde(default, deserialize_with = "word")]
    state: Option<String>,
    /// API versions since 2025-01 do not have it.
    orders_count: Option<u64>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    default_address: Option<AddressBody>,
}

#[derive(Deserialize)]
struct AddressBody {
    #[serde(default, deserialize_with = "code")]
    country_code: Option<String>,
}

#[derive(Deserialize)]
struct DeletedBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    // Fields of a state, which a deletion has not.
    #[serde(default, deserialize_with = "present")]
    state: Presence,
    #[serde(default, deserialize_with = "present")]
    created_at: Presence,
    #[serde(default, deserialize_with = "present")]
    updated_at: Presence,
}

/// Interprets the body of a customer.
pub(in crate::shopify) fn customer(delivery: &Delivery, topic: CustomerTopic) -> Result<Event, InterpretError> {
    let event = match topic {
        CustomerTopic::Create => EventType::CUSTOMER_CREATED,
        CustomerTopic::Update => EventType::CUSTOMER_UPDATED,
        CustomerTopic::Delete => return deleted(delivery),
    };
    let body: CustomerBody = read(&delivery.body)?;
    proves(body.gid.as_deref(), Kind::Customer, false)?;
    let updated_at = required(body.updated_at, "updated_at")?;
    let data = Data::Customer(CustomerData {
        id: body.id.to_string(),
        state: body.state,
        orders_count: body.orders_count,
        country: body.default_address.and_then(|address| address.country_code),
        created_at: body.created_at,
        updated_at: Some(updated_at),
    });
    let related = Related::default();
    let identity = state_at(updated_at, &data, &related, None);
    fact(
        kind::CUSTOMER,
        body.id,
        vec![announcement(event, data, related, identity)],
    )
}

fn deleted(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body: DeletedBody = read(&delivery.body)?;
    proves(body.gid.as_deref(), Kind::Customer, false)?;
    if [body.state, body.created_at, body.updated_at] != [Presence::Absent; 3] {
        return Err(expected("(body)", "nothing of what is deleted but its id"));
    }
    gone(body.id)
}

/// Returns the fact of a deleted customer.
pub(in crate::shopify) fn gone(id: u64) -> Result<Event, InterpretError> {
    let data = Data::Deleted(DeletedData { id: id.to_string() });
    let told = announcement(EventType::CUSTOMER_DELETED, data, Related::default(), Identity::First);
    fact(kind::CUSTOMER, id, vec![told])
}
