//! [`EventLog`] and [`EventRecords`] in DynamoDB. The table is [`hookline_tables::events`].
//!
//! Several events are kept with one call, one statement each, which needs `dynamodb:PartiQLInsert`. A statement whose
//! event is there already fails and returns nothing; those are read together afterwards. Whatever a statement leaves open
//! is decided by a call for its one event.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use futures_util::{StreamExt, stream};
use hookline_domain::{
    kernel::{
        erase::{Erase, Erased},
        ids::StoreKey,
        port::{CALLS_AT_ONCE, PortError},
    },
    outbound::{EventFilter, EventLog, EventPage, EventRecords, Kept, KeptEvent, KeptSealed, Settled},
};
use hookline_events::EventId;
use hookline_tables::{Item, WriteOutcome, events};
use jiff::Timestamp;

use crate::{failure, statements, table::Table};

/// Events to look at on a page of the table, if a filter selects some of them only.
const LOOK_AT: usize = 200;

/// [`EventLog`] in DynamoDB. Each store's events are one partition.
#[derive(Debug, Clone)]
pub struct DynamoEventLog {
    table: Table,
}

impl DynamoEventLog {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "event log"),
        }
    }

    /// Keeps one event. A refusal returns the event that is kept.
    async fn keep_one(&self, event: &KeptEvent) -> Result<Kept, PortError> {
        match self.table.put(events::keep(event)).await? {
            WriteOutcome::Written(_) => Ok(Kept::New),
            WriteOutcome::Refused(item) => {
                let kept = self.table.read(item, events::read)?;
                kept.map(|kept| Kept::Before(Box::new(kept)))
                    .ok_or_else(|| failure::of_ours(self.table.port, "a refusal came without the event that is kept"))
            }
        }
    }

    async fn settle_one(&self, settled: &Settled) -> Result<(), PortError> {
        // Refused by an event that is not queued, or no longer there.
        self.table.update(events::settle(settled)).await.map(|_| ())
    }

    /// Reads the kept events in the places of `refused`.
    async fn read_kept(&self, all: &[KeptEvent], refused: &[usize], results: &mut [Option<Result<Kept, PortError>>]) {
        let keys = refused.iter().map(|place| {
            let event = &all[*place];
            events::key(&event.store, &event.id)
        });
        match self.table.find_all(keys).await {
            Ok(items) => {
                let kept = items.iter().filter_map(|item| events::read(item).ok());
                let mut kept: HashMap<_, _> = kept.map(|kept| ((kept.store.clone(), kept.id.clone()), kept)).collect();
                for place in refused {
                    let event = &all[*place];
                    // One that is missing or unreadable is left open.
                    let found = kept.remove(&(event.store.clone(), event.id.clone()));
                    results[*place] = found.map(|kept| Ok(Kept::Before(Box::new(kept))));
                }
            }
            Err(failure) => {
                for place in refused {
                    results[*place] = Some(Err(failure.again()));
                }
            }
        }
    }
}

impl EventLog for DynamoEventLog {
    async fn keep(&self, all: &[KeptEvent]) -> Vec<Result<Kept, PortError>> {
        let mut results: Vec<Option<Result<Kept, PortError>>> = all.iter().map(|_| None).collect();
        // A single event needs one call, whether it is kept already or not.
        if all.len() > 1 {
            let inserts = all.iter().map(|event| events::insert(&self.table.name, event));
            let outcomes = statements::run(&self.table, inserts.collect()).await;
            let mut refused = Vec::new();
            for (place, outcome) in outcomes.into_iter().enumerate() {
                results[place] = match outcome {
                    Ok(Some(WriteOutcome::Written(_))) => Some(Ok(Kept::New)),
                    Ok(Some(WriteOutcome::Refused(_))) => {
                        refused.push(place);
                        None
                    }
                    Ok(None) => None,
                    Err(failure) => Some(Err(failure)),
                };
            }
            if !refused.is_empty() {
                self.read_kept(all, &refused, &mut results).await;
            }
        }
        let left = results.iter().zip(all).enumerate();
        let left = left.filter_map(|(place, (result, event))| result.is_none().then_some((place, event)));
        // Collected, because the compiler cannot prove that the closure is Send.
        let alone: Vec<_> = left
            .map(|(place, event)| async move { (place, self.keep_one(event).await) })
            .collect();
        let alone: Vec<_> = stream::iter(alone).buffered(CALLS_AT_ONCE).collect().await;
        for (place, kept) in alone {
            results[place] = Some(kept);
        }
        results.into_iter().flatten().collect()
    }

    async fn keep_sealed(&self, all: &[KeptSealed]) -> Vec<Result<(), PortError>> {
        // Collected, because the compiler cannot prove that the closure is Send.
        let puts: Vec<_> = (all.iter())
            .map(|kept| async move { self.table.put(events::keep_sealed(kept)).await.map(|_| ()) })
            .collect();
        stream::iter(puts).buffered(CALLS_AT_ONCE).collect().await
    }

    async fn remove(&self, events: &[(StoreKey, EventId)]) -> Result<(), PortError> {
        // Collected, because the compiler cannot prove that the closure is Send. Of most events nothing is sealed, and removing what is
        // not there is success.
        let keys = events
            .iter()
            .flat_map(|(store, id)| [events::key(store, id), events::sealed_key(store, id)]);
        let keys: Vec<Item> = keys.collect();
        self.table.delete_all(keys).await
    }

    async fn settle(&self, all: &[Settled]) -> Vec<Result<(), PortError>> {
        if let [settled] = all {
            return vec![self.settle_one(settled).await];
        }
        let updates = all
            .iter()
            .map(|settled| events::settle_statement(&self.table.name, settled));
        let outcomes = statements::run(&self.table, updates.collect()).await;
        let decided = outcomes.into_iter().zip(all).map(|(outcome, settled)| async move {
            match outcome {
                Ok(Some(_)) => Ok(()),
                Ok(None) => self.settle_one(settled).await,
                Err(failure) => Err(failure),
            }
        });
        let decided: Vec<_> = decided.collect();
        stream::iter(decided).buffered(CALLS_AT_ONCE).collect().await
    }
}

impl EventRecords for DynamoEventLog {
    async fn find(&self, store: &StoreKey, id: &EventId) -> Result<Option<KeptEvent>, PortError> {
        self.table.find(events::key(store, id), events::read).await
    }

    async fn list(&self, store: &StoreKey, filter: &EventFilter, limit: usize) -> Result<EventPage, PortError> {
        if events::is_empty(filter.from, filter.before.as_ref()) {
            return Ok(EventPage::default());
        }
        let is_sparse = filter.kind.is_some() || filter.subject.is_some() || filter.cause.is_some();
        let query = events::list(store, filter, if is_sparse { LOOK_AT } else { limit });
        let (mut events, last) = self.table.list(query, limit, events::read).await?;
        events.retain(|event| filter.selects(event));
        let next = last.as_ref().map(events::read_id).transpose();
        Ok(EventPage {
            events,
            next: next.map_err(|malformed| self.table.malformed(malformed))?,
        })
    }
}

impl Erase for DynamoEventLog {
    async fn erase(&self, store: &StoreKey, until: Timestamp, after: Option<&str>) -> Result<Erased, PortError> {
        let page = self.table.query(events::until(store, until, after)).await?;
        let removed = page.items.len();
        self.table.delete_all(page.items).await?;
        let next = page.last.as_ref().map(|last| last.text("sk").map(str::to_owned));
        let next = next.transpose().map_err(|malformed| self.table.malformed(malformed))?;
        Ok(Erased { removed, next })
    }
}
