//! [`Outboxes`] and [`OutboxRecords`] in DynamoDB. The table is [`hookline_tables::outboxes`].

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_domain::{
    kernel::port::{CALLS_AT_ONCE, PortError},
    outbound::{
        Acquired, EndpointKey, Entry, EntryKey, EntryPage, Lease, OutboxCount, OutboxNotes, OutboxRecords, OutboxState,
        Outboxes, Pool, SubjectKey,
    },
};
use hookline_tables::{Item, WriteOutcome, outboxes};
use jiff::Timestamp;

use crate::{failure, table::Table};

/// [`Outboxes`] in DynamoDB. Each endpoint's entries are one partition, and the endpoints' items are sixteen.
#[derive(Debug, Clone)]
pub struct DynamoOutboxes {
    table: Table,
}

impl DynamoOutboxes {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "outboxes"),
        }
    }
}

impl Outboxes for DynamoOutboxes {
    async fn acquire(&self, endpoint: &EndpointKey, lease: &Lease, now: Timestamp) -> Result<Acquired, PortError> {
        match self.table.update(outboxes::acquire(endpoint, lease, now)).await? {
            WriteOutcome::Written(Some(item)) => Ok(Acquired::Ours(Box::new(outboxes::read_notes(&item)))),
            WriteOutcome::Written(None) => Err(failure::of_ours(
                self.table.port,
                "a lease came without the item that holds it",
            )),
            WriteOutcome::Refused(_) => Ok(Acquired::Held),
        }
    }

    async fn release(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        notes: &OutboxNotes,
        next_at: Timestamp,
    ) -> Result<bool, PortError> {
        let release = outboxes::release(endpoint, nonce, notes, next_at);
        let release = release.map_err(|error| self.table.unwritable(error))?;
        Ok(match self.table.update(release).await? {
            WriteOutcome::Written(_) => true,
            // Again, because the answer was lost.
            WriteOutcome::Refused(item) => item.is_some_and(|item| outboxes::was_released(&item, nonce)),
        })
    }

    async fn schedule(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        next_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        let outcome = self.table.update(outboxes::schedule(endpoint, nonce, next_at)).await?;
        Ok(outcome.is_written())
    }

    /// Fails at an entry that this version of the code cannot read: it would be passed over, and its message lost.
    async fn page(&self, endpoint: &EndpointKey, limit: usize) -> Result<Vec<Entry>, PortError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let items = self.table.query_all(outboxes::list(endpoint, None, limit)).await?;
        let entries: Result<_, _> = items.iter().map(outboxes::read).collect();
        entries.map_err(|malformed| self.table.malformed(malformed))
    }

    async fn add(&self, endpoint: &EndpointKey, entries: &[Entry]) -> Result<(), PortError> {
        // A request may not hold a key twice.
        let entries: BTreeMap<&EntryKey, &Entry> = entries.iter().map(|entry| (&entry.key, entry)).collect();
        // Collected, because the compiler cannot prove that the closure is Send.
        let puts: Vec<_> = entries
            .into_values()
            .map(|entry| outboxes::put(endpoint, entry))
            .collect();
        self.table.put_all(puts).await
    }

    async fn remove(&self, endpoint: &EndpointKey, keys: &[EntryKey]) -> Result<(), PortError> {
        let mut keys: Vec<&EntryKey> = keys.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let keys: Vec<Item> = keys.into_iter().map(|key| outboxes::key(endpoint, key)).collect();
        self.table.delete_all(keys).await
    }

    async fn raise_versions(
        &self,
        endpoint: &EndpointKey,
        versions: &[(SubjectKey, u64)],
        now: Timestamp,
    ) -> Result<Vec<bool>, PortError> {
        // Collected, because the compiler cannot prove that the closure is Send.
        let raising: Vec<_> = versions
            .iter()
            .map(|(subject, version)| outboxes::raise_version(endpoint, subject, *version, now))
            .map(|update| self.table.update(update))
            .collect();
        let raised = stream::iter(raising).buffered(CALLS_AT_ONCE);
        raised.map_ok(|outcome| outcome.is_written()).try_collect().await
    }

    async fn page_back(
        &self,
        endpoint: &EndpointKey,
        before: Option<&EntryKey>,
        limit: usize,
    ) -> Result<Vec<Entry>, PortError> {
        let items = self
            .table
            .query(outboxes::list_back(endpoint, before, limit))
            .await?
            .items;
        let entries: Result<_, _> = items.iter().map(outboxes::read).collect();
        entries.map_err(|malformed| self.table.malformed(malformed))
    }

    /// Skips items that this version of the code cannot read. Whoever acquires such an outbox writes its item again.
    async fn overdue(&self, before: Timestamp) -> Result<Vec<(EndpointKey, Pool)>, PortError> {
        let queries: Vec<_> = (0..outboxes::SHARDS)
            .map(|shard| self.table.query_all(outboxes::overdue(shard, before)))
            .collect();
        let items: Vec<Vec<Item>> = stream::iter(queries).buffered(CALLS_AT_ONCE).try_collect().await?;
        let overdue = items.iter().flatten().map(outboxes::read_endpoint);
        Ok(overdue.filter_map(Result::ok).collect())
    }
}

impl OutboxRecords for DynamoOutboxes {
    async fn count(&self, endpoint: &EndpointKey, most: usize) -> Result<OutboxCount, PortError> {
        let query = outboxes::accepted_at(endpoint, most.saturating_add(1));
        let items = self.table.query_all(query).await?;
        let counted = &items[..items.len().min(most)];
        let accepted: Result<Vec<_>, _> = counted.iter().map(outboxes::read_accepted_at).collect();
        let accepted = accepted.map_err(|malformed| self.table.malformed(malformed))?;
        Ok(OutboxCount {
            entries: counted.len(),
            has_more: items.len() > counted.len(),
            oldest: accepted.into_iter().min(),
        })
    }

    async fn list(
        &self,
        endpoint: &EndpointKey,
        after: Option<&EntryKey>,
        limit: usize,
    ) -> Result<EntryPage, PortError> {
        let query = outboxes::list(endpoint, after, limit);
        let (entries, last) = self.table.list(query, limit, outboxes::read).await?;
        let next = last.as_ref().map(outboxes::read_key).transpose();
        Ok(EntryPage {
            entries,
            next: next.map_err(|malformed| self.table.malformed(malformed))?,
        })
    }

    async fn state(&self, endpoint: &EndpointKey) -> Result<OutboxState, PortError> {
        let found = self
            .table
            .find(outboxes::endpoint_key(endpoint), outboxes::read_state)
            .await?;
        Ok(found.unwrap_or_default())
    }
}
