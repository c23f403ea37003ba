//! Ports of the dispatcher in memory.

use std::{collections::BTreeMap, time::Duration};

use hookline_events::EventId;
use jiff::Timestamp;

use super::{MemoryEventLog, Shared};
use crate::{
    kernel::{ids::StoreKey, port::PortError},
    outbound::{
        Acquired, EndpointKey, Entry, EntryKey, EntryPage, EventRecords, Health, HourStats, Known, Lease,
        MessageFilter, MessagePage, MessageRecord, MessageRecords, Messages, OutboxCount, OutboxNotes, OutboxRecords,
        OutboxState, Outboxes, Pool, Stats, StatsRecords, SubjectKey, WakeUps,
    },
};

/// [`Outboxes`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryOutboxes {
    outboxes: Shared<BTreeMap<EndpointKey, Outbox>>,
}

#[derive(Debug, Clone, Default)]
struct Outbox {
    entries: BTreeMap<EntryKey, Entry>,
    lease: Option<Lease>,
    /// Nonce of the lease that was released last.
    released: Option<String>,
    notes: OutboxNotes,
    next_at: Option<Timestamp>,
    versions: BTreeMap<SubjectKey, u64>,
}

/// [`Messages`] in memory, beside a log of events.
#[derive(Debug, Clone, Default)]
pub struct MemoryMessages {
    events: MemoryEventLog,
    records: Shared<BTreeMap<(EndpointKey, EventId), MessageRecord>>,
}

/// [`Stats`] and [`StatsRecords`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStats {
    hours: Shared<BTreeMap<(EndpointKey, Timestamp), HourStats>>,
}

/// [`WakeUps`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryWakeUps {
    sent: Shared<Vec<(EndpointKey, Pool, Duration)>>,
}

impl MemoryOutboxes {
    /// Entries of an outbox, in the order in which they are due.
    #[must_use]
    pub fn entries(&self, endpoint: &EndpointKey) -> Vec<Entry> {
        let outboxes = self.outboxes.lock();
        let entries = outboxes.get(endpoint).map(|outbox| outbox.entries.values().cloned());
        entries.into_iter().flatten().collect()
    }

    /// Time of the next look at an outbox.
    #[must_use]
    pub fn next_at(&self, endpoint: &EndpointKey) -> Option<Timestamp> {
        self.outboxes.lock().get(endpoint).and_then(|outbox| outbox.next_at)
    }

    /// Health of an endpoint.
    #[must_use]
    pub fn health(&self, endpoint: &EndpointKey) -> Health {
        self.outboxes
            .lock()
            .get(endpoint)
            .map(|outbox| outbox.notes.health.clone())
            .unwrap_or_default()
    }
}

impl Outboxes for MemoryOutboxes {
    async fn acquire(&self, endpoint: &EndpointKey, lease: &Lease, now: Timestamp) -> Result<Acquired, PortError> {
        let mut outboxes = self.outboxes.lock();
        let outbox = outboxes.entry(endpoint.clone()).or_default();
        if outbox
            .lease
            .as_ref()
            .is_some_and(|held| held.until > now && held.nonce != lease.nonce)
        {
            return Ok(Acquired::Held);
        }
        outbox.lease = Some(lease.clone());
        outbox.released = None;
        Ok(Acquired::Ours(Box::new(outbox.notes.clone())))
    }

    async fn release(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        notes: &OutboxNotes,
        next_at: Timestamp,
    ) -> Result<bool, PortError> {
        let mut outboxes = self.outboxes.lock();
        let outbox = outboxes.entry(endpoint.clone()).or_default();
        let is_ours = outbox.lease.as_ref().is_some_and(|held| held.nonce == nonce);
        if is_ours {
            outbox.lease = None;
            outbox.released = Some(nonce.to_owned());
            outbox.notes = notes.clone();
            outbox.next_at = Some(next_at);
        }
        // Again, because the answer was lost.
        Ok(is_ours || outbox.released.as_deref() == Some(nonce))
    }

    async fn schedule(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        next_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        let mut outboxes = self.outboxes.lock();
        let outbox = outboxes.entry(endpoint.clone()).or_default();
        let is_ours = outbox.released.as_deref() == Some(nonce);
        if is_ours {
            outbox.next_at = next_at;
        }
        Ok(is_ours)
    }

    async fn page(&self, endpoint: &EndpointKey, limit: usize) -> Result<Vec<Entry>, PortError> {
        let outboxes = self.outboxes.lock();
        let entries = outboxes.get(endpoint).map(|outbox| outbox.entries.values());
        Ok(entries.into_iter().flatten().take(limit).cloned().collect())
    }

    async fn add(&self, endpoint: &EndpointKey, entries: &[Entry]) -> Result<(), PortError> {
        let mut outboxes = self.outboxes.lock();
        let outbox = outboxes.entry(endpoint.clone()).or_default();
        let added = entries.iter().map(|entry| (entry.key.clone(), entry.clone()));
        outbox.entries.extend(added);
        Ok(())
    }

    async fn remove(&self, endpoint: &EndpointKey, keys: &[EntryKey]) -> Result<(), PortError> {
        if let Some(outbox) = self.outboxes.lock().get_mut(endpoint) {
            for key in keys {
                outbox.entries.remove(key);
            }
        }
        Ok(())
    }

    async fn raise_versions(
        &self,
        endpoint: &EndpointKey,
        versions: &[(SubjectKey, u64)],
        _: Timestamp,
    ) -> Result<Vec<bool>, PortError> {
        let mut outboxes = self.outboxes.lock();
        let noted = &mut outboxes.entry(endpoint.clone()).or_default().versions;
        let raised = versions.iter().map(|(subject, version)| {
            let noted = noted.entry(subject.clone()).or_insert(*version);
            *noted = (*noted).max(*version);
            *noted == *version
        });
        Ok(raised.collect())
    }

    async fn page_back(
        &self,
        endpoint: &EndpointKey,
        before: Option<&EntryKey>,
        limit: usize,
    ) -> Result<Vec<Entry>, PortError> {
        let outboxes = self.outboxes.lock();
        let entries = outboxes.get(endpoint).map(|outbox| outbox.entries.values().rev());
        let entries = entries.into_iter().flatten();
        Ok(entries
            .filter(|entry| before.is_none_or(|before| entry.key < *before))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn overdue(&self, before: Timestamp) -> Result<Vec<(EndpointKey, Pool)>, PortError> {
        let outboxes = self.outboxes.lock();
        let is_overdue = |outbox: &Outbox| match &outbox.lease {
            Some(lease) => lease.until < before,
            None => outbox.next_at.is_some_and(|at| at < before),
        };
        let overdue = outboxes.iter().filter(|(_, outbox)| is_overdue(outbox));
        Ok(overdue
            .map(|(key, outbox)| (key.clone(), outbox.notes.health.pool()))
            .collect())
    }
}

impl OutboxRecords for MemoryOutboxes {
    async fn count(&self, endpoint: &EndpointKey, most: usize) -> Result<OutboxCount, PortError> {
        let entries = self.entries(endpoint);
        let counted = &entries[..entries.len().min(most)];
        Ok(OutboxCount {
            entries: counted.len(),
            has_more: entries.len() > counted.len(),
            oldest: counted.iter().map(|entry| entry.accepted_at).min(),
        })
    }

    async fn list(
        &self,
        endpoint: &EndpointKey,
        after: Option<&EntryKey>,
        limit: usize,
    ) -> Result<EntryPage, PortError> {
        let entries = self.entries(endpoint).into_iter();
        let mut rest = entries.filter(|entry| after.is_none_or(|after| entry.key > *after));
        let entries: Vec<Entry> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(entries.last()).map(|entry| entry.key.clone());
        Ok(EntryPage { entries, next })
    }

    async fn state(&self, endpoint: &EndpointKey) -> Result<OutboxState, PortError> {
        let outboxes = self.outboxes.lock();
        let state = outboxes.get(endpoint).map(|outbox| OutboxState {
            notes: outbox.notes.clone(),
            next_at: outbox.next_at,
            held_until: outbox.lease.as_ref().map(|lease| lease.until),
        });
        Ok(state.unwrap_or_default())
    }
}

impl Stats for MemoryStats {
    async fn put(&self, endpoint: &EndpointKey, hour: &HourStats) -> Result<(), PortError> {
        let mut hours = self.hours.lock();
        let stored = hours
            .entry((endpoint.clone(), hour.hour))
            .or_insert_with(|| hour.clone());
        if stored.counts.attempts() <= hour.counts.attempts() {
            *stored = hour.clone();
        }
        Ok(())
    }
}

impl StatsRecords for MemoryStats {
    async fn since(&self, endpoint: &EndpointKey, from: Timestamp) -> Result<Vec<HourStats>, PortError> {
        let hours = self.hours.lock();
        let of_endpoint = hours.range((endpoint.clone(), from)..=(endpoint.clone(), Timestamp::MAX));
        Ok(of_endpoint.map(|(_, hour)| hour.clone()).collect())
    }
}

impl MemoryMessages {
    /// Records beside these events.
    #[must_use]
    pub fn beside(events: MemoryEventLog) -> Self {
        Self {
            events,
            records: Shared::default(),
        }
    }

    /// Record of a message.
    #[must_use]
    pub fn record(&self, endpoint: &EndpointKey, event: &EventId) -> Option<MessageRecord> {
        self.records.lock().get(&(endpoint.clone(), event.clone())).cloned()
    }
}

impl Messages for MemoryMessages {
    async fn find(&self, endpoint: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        let mut found = Vec::with_capacity(events.len());
        for (store, event) in events {
            found.push(Known {
                event: EventRecords::find(&self.events, store, event).await?,
                record: self.record(endpoint, event),
                sealed: None,
            });
        }
        Ok(found)
    }

    async fn find_with_sealed(
        &self,
        endpoint: &EndpointKey,
        events: &[(StoreKey, EventId)],
    ) -> Result<Vec<Known>, PortError> {
        let mut found = self.find(endpoint, events).await?;
        for (known, (store, event)) in found.iter_mut().zip(events) {
            known.sealed = self.events.sealed(store, event);
        }
        Ok(found)
    }

    async fn put(&self, endpoint: &EndpointKey, written: &[(EventId, MessageRecord)]) -> Vec<Result<bool, PortError>> {
        let mut records = self.records.lock();
        let outcomes = written.iter().map(|(event, record)| {
            let key = (endpoint.clone(), event.clone());
            let stored = records.get(&key).map_or(0, |stored| stored.revision);
            let is_next = record.revision == stored + 1;
            if is_next {
                records.insert(key, record.clone());
            }
            Ok(is_next)
        });
        outcomes.collect()
    }
}

impl MessageRecords for MemoryMessages {
    async fn find_one(&self, endpoint: &EndpointKey, event: &EventId) -> Result<Option<MessageRecord>, PortError> {
        Ok(self.record(endpoint, event))
    }

    async fn list(
        &self,
        endpoint: &EndpointKey,
        filter: &MessageFilter,
        limit: usize,
    ) -> Result<MessagePage, PortError> {
        let records = self.records.lock();
        let newest_first = records.iter().rev().filter(|((of, _), _)| of == endpoint);
        let mut selected = newest_first.filter(|((_, event), record)| filter.selects(event, record));
        let found = selected.by_ref().take(limit);
        let found: Vec<_> = found
            .map(|((_, event), record)| (event.clone(), record.clone()))
            .collect();
        let next = selected.next().and(found.last()).map(|(event, _)| event.clone());
        Ok(MessagePage { records: found, next })
    }

    async fn known(&self, endpoint: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        self.find(endpoint, events).await
    }
}

impl MemoryWakeUps {
    /// Takes all wake-ups from the queue, each with its delay.
    #[must_use]
    pub fn take(&self) -> Vec<(EndpointKey, Pool, Duration)> {
        std::mem::take(&mut *self.sent.lock())
    }
}

impl WakeUps for MemoryWakeUps {
    async fn send(&self, endpoint: &EndpointKey, pool: Pool, delay: Duration) -> Result<(), PortError> {
        self.sent.lock().push((endpoint.clone(), pool, delay));
        Ok(())
    }
}
