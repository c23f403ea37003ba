//! [`Watchers`] in a DynamoDB table. Each connection has an item of its own, and one for each thing it can be found by, all
//! alike but for the key, and written in one transaction:
//!
//! | `pk` | `sk` | |
//! |---|---|---|
//! | `connection#<connection>` | `-` | what is known |
//! | `principal#<principal>` | the connection | found by who it is |
//! | `store#<source#store>` | the connection | found by the store it follows |
//! | `all` | the connection | found by its following the list of stores |
//!
//! `watcher` (S) is the connection as JSON, `expires_at` (N) when it may be forgotten, in seconds since 1970.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::{
    Client,
    types::{Delete, Put, TransactWriteItem},
};
use futures_util::{StreamExt, stream};
use hookline_domain::{
    access::Principal,
    kernel::{ids::StoreKey, port::PortError},
    live::{Watcher, Watchers},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    attributes::{Item, Malformed, read_text, seconds_up, text},
    failure,
    find::{find, partition},
    transaction::{self, Transacted},
};

const PORT: &str = "watchers";

/// How many partitions are read at once.
const QUERIES_AT_ONCE: usize = 16;

/// Most attempts to remove a connection that others change meanwhile.
const ATTEMPTS: usize = 5;

/// [`Watchers`] in DynamoDB.
#[derive(Debug, Clone)]
pub struct DynamoWatchers {
    client: Client,
    table: String,
}

/// A connection, as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    connection: String,
    /// What [`Principal::context`] says.
    principal: BTreeMap<String, String>,
    store: Option<String>,
    list: bool,
    until: Timestamp,
}

type Key = (String, String);

impl DynamoWatchers {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// All in one partition.
    async fn query(&self, pk: String) -> Result<Vec<Watcher>, PortError> {
        let mut pages = partition(&self.client, &self.table, pk).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of_call(PORT, error))?;
            for item in page.items() {
                found.push(read(item).map_err(|malformed| failure::of_ours(PORT, malformed))?);
            }
        }
        Ok(found)
    }

    /// Writes `to` in place of `from`, if that is what is known; either may be nothing. `false` if it is not.
    async fn replace(&self, from: Option<&Watcher>, to: Option<&Watcher>) -> Result<bool, PortError> {
        let (known, wanted) = (from.map(write).transpose()?, to.map(write).transpose()?);
        let keys = |watcher: Option<&Watcher>| watcher.map(keys).unwrap_or_default();
        let (old, new) = (keys(from), keys(to));
        let Some(connection) = from.or(to).map(|watcher| connection_key(&watcher.connection)) else {
            return Ok(true);
        };
        let mut writes = Vec::with_capacity(8);
        let found_by: BTreeSet<&Key> = old.union(&new).collect();
        for key in [&connection].into_iter().chain(found_by) {
            let is_connection = *key == connection;
            let condition = known.as_deref().filter(|_| is_connection);
            let is_kept = to.is_some() && (is_connection || new.contains(key));
            let write = match (&wanted, to, is_kept) {
                (Some(wanted), Some(to), true) => self.put(key, wanted, to.until, condition),
                _ => self.delete(key, condition),
            };
            writes.push(write.map_err(|error| failure::of_ours(PORT, error))?);
        }
        let written = transaction::write(&self.client, PORT, writes).await?;
        Ok(matches!(written, Transacted::Written))
    }

    fn put(
        &self,
        (pk, sk): &Key,
        watcher: &str,
        until: Timestamp,
        known: Option<&str>,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let mut put = Put::builder()
            .table_name(&self.table)
            .item("pk", text(pk))
            .item("sk", text(sk))
            .item("watcher", text(watcher))
            .item("expires_at", seconds_up(until));
        if let Some(known) = known {
            put = put
                .condition_expression("watcher = :known")
                .expression_attribute_values(":known", text(known));
        }
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    fn delete(
        &self,
        (pk, sk): &Key,
        known: Option<&str>,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let mut delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(pk))
            .key("sk", text(sk));
        if let Some(known) = known {
            delete = delete
                .condition_expression("watcher = :known")
                .expression_attribute_values(":known", text(known));
        }
        Ok(TransactWriteItem::builder().delete(delete.build()?).build())
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
        let (pk, sk) = connection_key(connection);
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(pk))
            .key("sk", text(sk));
        find(PORT, wanted, read).await
    }

    async fn of_stores(&self, stores: &[StoreKey]) -> Result<Vec<Watcher>, PortError> {
        let partitions = stores.iter().map(store_key).chain(["all".to_owned()]);
        let mut queries = Vec::with_capacity(stores.len() + 1);
        for partition in partitions {
            queries.push(self.query(partition));
        }
        let found: Vec<_> = stream::iter(queries).buffer_unordered(QUERIES_AT_ONCE).collect().await;
        let mut watchers = BTreeMap::new();
        for some in found {
            watchers.extend(some?.into_iter().map(|found| (found.connection.clone(), found)));
        }
        Ok(watchers.into_values().collect())
    }

    async fn of_principal(&self, principal: &str) -> Result<Vec<Watcher>, PortError> {
        self.query(principal_key(principal)).await
    }

    async fn remove(&self, connection: &str) -> Result<(), PortError> {
        for _ in 0..ATTEMPTS {
            let Some(known) = self.find(connection).await? else {
                return Ok(());
            };
            if self.replace(Some(&known), None).await? {
                return Ok(());
            }
        }
        Err(failure::of_ours(PORT, "the connection is written by others"))
    }
}

fn connection_key(connection: &str) -> Key {
    (format!("connection#{connection}"), "-".to_owned())
}

fn principal_key(principal: &str) -> String {
    format!("principal#{principal}")
}

fn store_key(store: &StoreKey) -> String {
    format!("store#{store}")
}

/// What it is found by.
fn keys(watcher: &Watcher) -> BTreeSet<Key> {
    let by = [Some(principal_key(&watcher.principal.id))]
        .into_iter()
        .chain([watcher.store.as_ref().map(store_key)])
        .chain([watcher.list.then(|| "all".to_owned())]);
    by.flatten().map(|pk| (pk, watcher.connection.clone())).collect()
}

/// The same text for the same connection: the condition compares it.
fn write(watcher: &Watcher) -> Result<String, PortError> {
    let context = watcher.principal.context().into_iter();
    let written = Written {
        connection: watcher.connection.clone(),
        principal: context.map(|(name, value)| (name.to_owned(), value)).collect(),
        store: watcher.store.as_ref().map(ToString::to_string),
        list: watcher.list,
        until: watcher.until,
    };
    serde_json::to_string(&written).map_err(|error| failure::of_ours(PORT, error))
}

fn read(item: &Item) -> Result<Watcher, Malformed> {
    let malformed = || Malformed::new("watcher");
    let written: Written = serde_json::from_str(read_text(item, "watcher")?).map_err(|_| malformed())?;
    let field = |name: &str| written.principal.get(name).map(String::as_str);
    Ok(Watcher {
        principal: Principal::from_context(field).map_err(|_| malformed())?,
        connection: written.connection,
        store: written
            .store
            .map(|store| store.parse().map_err(|_| malformed()))
            .transpose()?,
        list: written.list,
        until: written.until,
    })
}
