//! [`Connections`] in a DynamoDB table. One item for each store:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the store, `source#store` |
//! | `sealed` | B | the tokens, encrypted |
//! | `generation` | N | how often tokens have been kept |
//! | `expires_us` | N | when the access token stops being taken; absent if it does not |
//! | `owner`, `leased_until_us` | S, N | who renews it, until when; absent if nobody does |
//!
//! Times are microseconds since 1970.

use aws_sdk_dynamodb::{
    Client, operation::update_item::builders::UpdateItemFluentBuilder, primitives::Blob, types::AttributeValue,
};
use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::connections::{Connection, Connections, Lease, Leased},
};
use jiff::Timestamp;

use crate::{
    attributes::{Item, Malformed, find_micros, micros, number, read_micros, read_number, read_text, text},
    condition::unless_refused,
    failure,
    find::find,
};

const PORT: &str = "connections";

/// [`Connections`] in DynamoDB: each change is one conditional `UpdateItem`.
#[derive(Debug, Clone)]
pub struct DynamoConnections {
    client: Client,
    table: String,
}

impl DynamoConnections {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    fn update(&self, store: &StoreKey) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
    }

    /// Keeps tokens as the next generation, without a lease.
    fn keep(&self, store: &StoreKey, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> UpdateItemFluentBuilder {
        let update = self
            .update(store)
            .expression_attribute_names("#sealed", "sealed")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_names("#expires", "expires_us")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#until", "leased_until_us")
            .expression_attribute_values(":sealed", AttributeValue::B(Blob::new(sealed)))
            .expression_attribute_values(":one", number(1));
        match expires_at {
            Some(expires_at) => update
                .update_expression(
                    "SET #sealed = :sealed, #expires = :expires ADD #generation :one REMOVE #owner, #until",
                )
                .expression_attribute_values(":expires", micros(expires_at)),
            None => {
                update.update_expression("SET #sealed = :sealed ADD #generation :one REMOVE #expires, #owner, #until")
            }
        }
    }
}

impl Connections for DynamoConnections {
    async fn find(&self, store: &StoreKey) -> Result<Option<Connection>, PortError> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()));
        find(PORT, wanted, read_connection).await
    }

    async fn put(&self, store: &StoreKey, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Result<(), PortError> {
        self.keep(store, sealed, expires_at)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }

    async fn lease(
        &self,
        store: &StoreKey,
        generation: u64,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<Leased, PortError> {
        let sent = self
            .update(store)
            .update_expression("SET #owner = :owner, #until = :until")
            .condition_expression(
                "#generation = :generation AND (attribute_not_exists(#owner) OR #until <= :now OR #owner = :owner)",
            )
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#until", "leased_until_us")
            .expression_attribute_values(":generation", number(generation))
            .expression_attribute_values(":owner", text(&lease.owner))
            .expression_attribute_values(":until", micros(lease.until))
            .expression_attribute_values(":now", micros(now))
            .send()
            .await;
        Ok(match unless_refused(PORT, sent)? {
            Some(_) => Leased::Granted,
            None => Leased::Refused,
        })
    }

    async fn renew(
        &self,
        store: &StoreKey,
        owner: &str,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        let sent = self
            .keep(store, sealed, expires_at)
            .condition_expression("#owner = :owner")
            .expression_attribute_values(":owner", text(owner))
            .send()
            .await;
        Ok(unless_refused(PORT, sent)?.is_some())
    }

    async fn remove(&self, store: &StoreKey) -> Result<(), PortError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }
}

fn read_connection(item: &Item) -> Result<Connection, Malformed> {
    let sealed = match item.get("sealed") {
        Some(AttributeValue::B(sealed)) => sealed.as_ref().to_vec(),
        _ => return Err(Malformed::new("sealed")),
    };
    let lease = item.contains_key("owner").then(|| read_lease(item)).transpose()?;
    Ok(Connection {
        sealed,
        generation: read_number(item, "generation")?,
        expires_at: find_micros(item, "expires_us")?,
        lease,
    })
}

fn read_lease(item: &Item) -> Result<Lease, Malformed> {
    Ok(Lease {
        owner: read_text(item, "owner")?.to_owned(),
        until: read_micros(item, "leased_until_us")?,
    })
}
