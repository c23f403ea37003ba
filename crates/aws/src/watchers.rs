//! [`Watchers`] in DynamoDB. The table is [`hookline_tables::watchers`].

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use futures_util::{StreamExt, stream};
use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    live::{Watcher, Watchers},
};
use hookline_tables::{
    partition,
    watchers::{self, LIST_PARTITION, principal_partition, store_partition},
};

use crate::{failure, table::Table, transaction};

/// Most partitions that are read at once.
const MAX_QUERIES_AT_ONCE: usize = 16;

/// Most attempts to remove a connection that others change meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// [`Watchers`] in DynamoDB.
#[derive(Debug, Clone)]
pub struct DynamoWatchers {
    table: Table,
}

impl DynamoWatchers {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "watchers"),
        }
    }

    /// All watchers in one partition.
    async fn query(&self, pk: String) -> Result<Vec<Watcher>, PortError> {
        let items = self.table.query_all(partition(pk)).await?;
        let found = items.iter().map(watchers::read).collect::<Result<_, _>>();
        found.map_err(|malformed| self.table.malformed(malformed))
    }

    /// Writes `to` in place of `from`, if `from` is what the table holds; either may be `None`. Returns whether it did.
    async fn replace(&self, from: Option<&Watcher>, to: Option<&Watcher>) -> Result<bool, PortError> {
        let table = &self.table;
        let writes = watchers::replace(from, to).map_err(|error| table.unwritable(error))?;
        if writes.is_empty() {
            return Ok(true);
        }
        let writes = writes.into_iter().map(|write| (&*table.name, write)).collect();
        let outcome = transaction::write(&table.client, table.port, writes).await?;
        Ok(outcome.is_written())
    }
}

impl Watchers for DynamoWatchers {
    async fn add(&self, watcher: &Watcher) -> Result<(), PortError> {
        self.replace(None, Some(watcher)).await?;
        Ok(())
    }

    async fn change(&self, from: &Watcher, to: &Watcher) -> Result<bool, PortError> {
        self.replace(Some(from), Some(to)).await
    }

    async fn find(&self, connection: &str) -> Result<Option<Watcher>, PortError> {
        self.table.find(watchers::key(connection), watchers::read).await
    }

    async fn of_stores(&self, stores: &[StoreKey]) -> Result<Vec<Watcher>, PortError> {
        let partitions = stores.iter().map(store_partition).chain([LIST_PARTITION.to_owned()]);
        let mut queries = Vec::with_capacity(stores.len() + 1);
        for partition in partitions {
            queries.push(self.query(partition));
        }
        let found: Vec<_> = stream::iter(queries)
            .buffer_unordered(MAX_QUERIES_AT_ONCE)
            .collect()
            .await;
        let mut watchers = BTreeMap::new();
        for some in found {
            watchers.extend(some?.into_iter().map(|found| (found.connection.clone(), found)));
        }
        Ok(watchers.into_values().collect())
    }

    async fn of_store(&self, store: &StoreKey) -> Result<Vec<Watcher>, PortError> {
        self.query(store_partition(store)).await
    }

    async fn of_principal(&self, principal: &str) -> Result<Vec<Watcher>, PortError> {
        self.query(principal_partition(principal)).await
    }

    async fn remove(&self, connection: &str) -> Result<(), PortError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(known) = self.find(connection).await? else {
                return Ok(());
            };
            if self.replace(Some(&known), None).await? {
                return Ok(());
            }
        }
        Err(failure::of_ours(
            self.table.port,
            "others are writing the same connection",
        ))
    }
}
