//! [`Messages`] and [`MessageRecords`] in DynamoDB. The table is [`hookline_tables::messages`], beside
//! [`hookline_tables::events`].
//!
//! Several records are written with one call, one statement each, which needs `dynamodb:PartiQLInsert` and
//! `dynamodb:PartiQLUpdate`. Whatever a statement leaves open is decided by a call for its one record.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use futures_util::{StreamExt, stream};
use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::{CALLS_AT_ONCE, PortError},
    },
    outbound::{EndpointKey, Known, MessageFilter, MessagePage, MessageRecord, MessageRecords, Messages},
};
use hookline_events::EventId;
use hookline_tables::{MalformedError, events, messages};

use crate::{batch_get::MAX_KEYS, statements, table::Table};

/// Messages of one read, each with two keys.
const MAX_MESSAGES: usize = MAX_KEYS / 2;

/// Messages of one read with their sealed bodies, each with three keys.
const MAX_SEALED: usize = MAX_KEYS / 3;

/// Records to look at on a page of the table, if a filter selects some of them only.
const LOOK_AT: usize = 200;

/// [`Messages`] in DynamoDB. Each endpoint's records are one partition.
#[derive(Debug, Clone)]
pub struct DynamoMessages {
    table: Table,
    events: Table,
}

impl DynamoMessages {
    pub(crate) fn new(client: Client, table: impl Into<String>, events: impl Into<String>) -> Self {
        Self {
            table: Table::new(client.clone(), table, "messages"),
            events: Table::new(client, events, "messages"),
        }
    }

    /// Reads what is kept of at most [`MAX_MESSAGES`] messages, or [`MAX_SEALED`] with their sealed bodies, with one call as a rule.
    async fn find_some(
        &self,
        endpoint: &EndpointKey,
        some: &[(StoreKey, EventId)],
        with_sealed: bool,
    ) -> Result<Vec<Known>, PortError> {
        // A call may not hold a key twice, and a message has two entries while one of them is about to be removed.
        let pairs: BTreeSet<_> = some.iter().collect();
        let ids: BTreeSet<_> = some.iter().map(|(_, id)| id).collect();
        let of_records: Vec<_> = ids.into_iter().map(|id| messages::key(endpoint, id)).collect();
        let mut of_events: Vec<_> = pairs.iter().map(|(store, id)| events::key(store, id)).collect();
        if with_sealed {
            of_events.extend(pairs.iter().map(|(store, id)| events::sealed_key(store, id)));
        }
        let items = self.table.find_all_beside(of_records, &self.events, of_events).await?;
        let (mut records, mut kept, mut sealed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (table, item) in &items {
            let read = if *table == self.events.name && events::is_sealed(item) {
                events::read_sealed(item).map(|(key, body)| {
                    sealed.extend(body.map(|body| (key, body)));
                })
            } else if *table == self.events.name {
                events::read(item).map(|event| {
                    kept.insert((event.store.clone(), event.id.clone()), event);
                })
            } else {
                messages::read(item).map(|(id, record)| {
                    records.insert(id, record);
                })
            };
            read.map_err(|malformed: MalformedError| self.table.malformed(malformed))?;
        }
        let known = some.iter().map(|pair| Known {
            event: kept.get(pair).cloned(),
            record: records.get(&pair.1).cloned(),
            sealed: sealed.get(pair).cloned(),
        });
        Ok(known.collect())
    }

    async fn put_one(
        &self,
        endpoint: &EndpointKey,
        (event, record): &(EventId, MessageRecord),
    ) -> Result<bool, PortError> {
        let outcome = self.table.update(messages::put(endpoint, event, record)).await?;
        Ok(outcome.is_written())
    }
}

impl Messages for DynamoMessages {
    async fn find(&self, endpoint: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        let mut known = Vec::with_capacity(events.len());
        for some in events.chunks(MAX_MESSAGES) {
            known.extend(self.find_some(endpoint, some, false).await?);
        }
        Ok(known)
    }

    async fn find_with_sealed(
        &self,
        endpoint: &EndpointKey,
        events: &[(StoreKey, EventId)],
    ) -> Result<Vec<Known>, PortError> {
        let mut known = Vec::with_capacity(events.len());
        for some in events.chunks(MAX_SEALED) {
            known.extend(self.find_some(endpoint, some, true).await?);
        }
        Ok(known)
    }

    async fn put(&self, endpoint: &EndpointKey, all: &[(EventId, MessageRecord)]) -> Vec<Result<bool, PortError>> {
        let mut results: Vec<Option<Result<bool, PortError>>> = all.iter().map(|_| None).collect();
        let mut seen = BTreeSet::new();
        let is_first = |place: &usize| seen.insert(&all[*place].0);
        let (firsts, repeated): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(is_first);
        // A single record needs one call, whatever it finds.
        if firsts.len() > 1 {
            let puts = firsts.iter().map(|place| {
                let (event, record) = &all[*place];
                messages::put_statement(&self.table.name, endpoint, event, record)
            });
            let outcomes = statements::run(&self.table, puts.collect()).await;
            for (place, outcome) in firsts.iter().zip(outcomes) {
                results[*place] = match outcome {
                    Ok(outcome) => outcome.map(|outcome| Ok(outcome.is_written())),
                    Err(failure) => Some(Err(failure)),
                };
            }
        }
        let left = firsts.into_iter().filter(|place| results[*place].is_none());
        // Collected, because the compiler cannot prove that the closure is Send.
        let alone: Vec<_> = left
            .map(|place| async move { (place, self.put_one(endpoint, &all[place]).await) })
            .collect();
        let alone: Vec<_> = stream::iter(alone).buffered(CALLS_AT_ONCE).collect().await;
        for (place, written) in alone {
            results[place] = Some(written);
        }
        // Statements that run together are about different items, so what is about one again comes after it.
        for place in repeated {
            results[place] = Some(self.put_one(endpoint, &all[place]).await);
        }
        results.into_iter().flatten().collect()
    }
}

impl MessageRecords for DynamoMessages {
    async fn find_one(&self, endpoint: &EndpointKey, event: &EventId) -> Result<Option<MessageRecord>, PortError> {
        let found = self.table.find(messages::key(endpoint, event), messages::read).await?;
        Ok(found.map(|(_, record)| record))
    }

    async fn list(
        &self,
        endpoint: &EndpointKey,
        filter: &MessageFilter,
        limit: usize,
    ) -> Result<MessagePage, PortError> {
        if events::is_empty(filter.from, filter.before.as_ref()) {
            return Ok(MessagePage::default());
        }
        let is_sparse = filter.kind.is_some() || filter.fate.is_some();
        let query = messages::list(endpoint, filter, if is_sparse { LOOK_AT } else { limit });
        let (records, last) = self.table.list(query, limit, messages::read).await?;
        let next = last.as_ref().map(messages::read_id).transpose();
        Ok(MessagePage {
            records,
            next: next.map_err(|malformed| self.table.malformed(malformed))?,
        })
    }

    async fn known(&self, endpoint: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        self.find(endpoint, events).await
    }
}
