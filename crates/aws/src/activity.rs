//! [`Activity`] in DynamoDB. The table is [`hookline_tables::activity`].

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
    },
    live::{Activity, ActivityBatch, ForgetActivity},
};
use hookline_tables::{Write, activity};

use crate::table::{MAX_BATCH_ITEMS, Table};

/// [`Activity`] in DynamoDB. Each store's activity is one partition.
#[derive(Debug, Clone)]
pub struct DynamoActivity<C> {
    table: Table,
    clock: C,
}

impl<C: Clock> DynamoActivity<C> {
    pub(crate) fn new(client: Client, table: impl Into<String>, clock: C) -> Self {
        Self {
            table: Table::new(client, table, "activity"),
            clock,
        }
    }
}

impl<C: Clock> Activity for DynamoActivity<C> {
    async fn keep(&self, store: &StoreKey, batches: &[ActivityBatch], reached: u64) -> Result<(), PortError> {
        let now = self.clock.now();
        for chunk in batches.chunks(MAX_BATCH_ITEMS) {
            let puts: Result<Vec<_>, _> = chunk
                .iter()
                .map(|batch| activity::put(store, batch, now).map(Write::Put))
                .collect();
            let puts = puts.map_err(|error| self.table.unwritable(error))?;
            self.table.write_batch(puts).await?;
        }
        self.table.update(activity::reach(store, reached, now)).await?;
        Ok(())
    }

    async fn reached(&self, store: &StoreKey) -> Result<Option<u64>, PortError> {
        self.table
            .find(activity::reached_key(store), activity::read_reached)
            .await
    }

    async fn latest(
        &self,
        store: &StoreKey,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ActivityBatch>, PortError> {
        let Some(mut query) = activity::latest(store, before, limit) else {
            return Ok(Vec::new());
        };
        let (mut latest, mut entries) = (Vec::new(), 0);
        loop {
            let page = self.table.query(query.clone()).await?;
            for item in &page.items {
                if entries >= limit {
                    return Ok(latest);
                }
                // Skips what another version of this code has stored and this one cannot read.
                let Ok(batch) = activity::read(item) else { continue };
                entries += batch.entries.len();
                latest.push(batch);
            }
            query.after = page.last;
            if query.after.is_none() {
                return Ok(latest);
            }
        }
    }
}

impl<C: Clock> ForgetActivity for DynamoActivity<C> {
    async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        self.table.delete_partition(store.to_string(), |_| true).await
    }
}
