//! [`Connections`] in DynamoDB. The table is [`hookline_tables::connections`].

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::connections::{Connection, Connections, Lease, Leased},
};
use hookline_tables::connections;
use jiff::Timestamp;

use crate::table::Table;

/// [`Connections`] in DynamoDB: each change is one conditional `UpdateItem`.
#[derive(Debug, Clone)]
pub struct DynamoConnections {
    table: Table,
}

impl DynamoConnections {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "connections"),
        }
    }
}

impl Connections for DynamoConnections {
    async fn find(&self, store: &StoreKey) -> Result<Option<Connection>, PortError> {
        self.table.find(connections::key(store), connections::read).await
    }

    async fn put(&self, store: &StoreKey, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Result<(), PortError> {
        self.table.update(connections::put(store, sealed, expires_at)).await?;
        Ok(())
    }

    async fn lease(
        &self,
        store: &StoreKey,
        generation: u64,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<Leased, PortError> {
        let update = connections::lease(store, generation, lease, now);
        Ok(if self.table.update(update).await?.is_written() {
            Leased::Granted
        } else {
            Leased::Refused
        })
    }

    async fn renew(
        &self,
        store: &StoreKey,
        owner: &str,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        let update = connections::renew(store, owner, sealed, expires_at);
        Ok(self.table.update(update).await?.is_written())
    }

    async fn remove(&self, store: &StoreKey) -> Result<(), PortError> {
        self.table.delete(connections::remove(store)).await?;
        Ok(())
    }
}
