//! [`Stores`] and everything about them in DynamoDB. The table is [`hookline_tables::stores`].

mod checkpoints;
mod cursors;
mod failed;
mod inbound;
mod list;
mod listeners;
mod redact;
mod view;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_domain::{
    kernel::{
        failure::LastError,
        ids::StoreKey,
        port::{CALLS_AT_ONCE, PortError},
    },
    store::stores::{Counter, Hour, Look, StoreRecord, StoreUpdate, Stores, Tally},
};
use hookline_tables::stores as items;
use jiff::Timestamp;

use crate::table::Table;

const PORT: &str = "stores";

/// [`Stores`] and [`Tally`] in DynamoDB: each change of an item is one `UpdateItem`.
#[derive(Debug, Clone)]
pub struct DynamoStores {
    table: Table,
    /// Name of the ledger's table, which [`remember`](hookline_domain::delivery::failed::FailedDeliveries::remember)
    /// writes, too.
    ledger: Option<String>,
    /// Event bus that listens to all stores by configuration; `None` if nothing is published here.
    bus: Option<Bus>,
}

/// The operator's event bus, as far as the configuration knows it.
#[derive(Debug, Clone, Copy)]
struct Bus {
    is_there: bool,
    now: fn() -> Timestamp,
}

impl DynamoStores {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, PORT),
            ledger: None,
            bus: None,
        }
    }

    /// Adds the ledger's table, without which no delivery can be
    /// [remembered](hookline_domain::delivery::failed::FailedDeliveries::remember).
    #[must_use]
    pub fn beside(self, ledger: impl Into<String>) -> Self {
        Self {
            ledger: Some(ledger.into()),
            ..self
        }
    }

    /// Looks at listeners, too, and sees to it that the operator's bus is one of them exactly if there is one.
    #[must_use]
    pub fn publishing(self, has_bus: bool, now: fn() -> Timestamp) -> Self {
        Self {
            bus: Some(Bus { is_there: has_bus, now }),
            ..self
        }
    }

    async fn count_hour(&self, store: &StoreKey, hour: Hour, counts: Vec<(&Counter, u64)>) -> Result<(), PortError> {
        self.table.update_once(items::count_hour(store, hour, &counts)).await?;
        Ok(())
    }

    async fn put_error(&self, store: &StoreKey, error: &LastError) -> Result<(), PortError> {
        self.table.put(items::put_error(store, error)).await?;
        Ok(())
    }

    /// Writes the items beside the store's own.
    async fn record_beside(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        let errors: BTreeMap<_, _> = update.errors.iter().map(|error| (error.code, error)).collect();
        let mut hours: BTreeMap<Hour, Vec<(&Counter, u64)>> = BTreeMap::new();
        for ((hour, counter), count) in &update.counts {
            hours.entry(*hour).or_default().push((counter, *count));
        }
        // Collected, because the compiler cannot prove that the closures are Send.
        let errors: Vec<_> = errors.into_values().map(|error| self.put_error(store, error)).collect();
        let hours: Vec<_> = (hours.into_iter())
            .map(|(hour, counts)| self.count_hour(store, hour, counts))
            .collect();
        let errors = stream::iter(errors).buffer_unordered(CALLS_AT_ONCE).try_collect::<()>();
        let hours = stream::iter(hours).buffer_unordered(CALLS_AT_ONCE).collect::<Vec<_>>();
        let (errors, hours) = futures_util::future::join(errors, hours).await;
        errors?;
        hours.into_iter().collect()
    }
}

impl Stores for DynamoStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<StoreRecord>, PortError> {
        self.table.find(items::key(store), items::read_record).await
    }

    async fn look(&self, store: &StoreKey) -> Result<Look, PortError> {
        match self.bus {
            Some(bus) => listeners::look(self, store, bus).await,
            None => Ok(Look {
                record: self.find(store).await?,
                ..Look::default()
            }),
        }
    }

    async fn record(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        let own = items::record(store, update).map_err(|error| self.table.unwritable(error))?;
        // A count that cannot be read must not prevent the write.
        let beside = self.record_beside(store, update).await;
        self.table.update_once(own).await?;
        beside
    }

    async fn disable(&self, store: &StoreKey, at: Timestamp) -> Result<(), PortError> {
        self.table.update(items::disable(store, at)).await?;
        Ok(())
    }

    async fn begin_epoch(&self, store: &StoreKey, ended: Timestamp) -> Result<(), PortError> {
        self.table.update(items::begin_epoch(store, ended)).await?;
        Ok(())
    }
}

impl Tally for DynamoStores {
    async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        if let Some(counts) = items::count(store, update).map_err(|error| self.table.unwritable(error))? {
            self.table.update_once(counts).await?;
        }
        Ok(())
    }
}
