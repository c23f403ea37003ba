//! Endpoints, a target of the events of their store, or of all stores.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::{FanOutPorts, Handled, Outcome, Pending};
use crate::{
    kernel::{
        ids::StoreKey,
        port::{CALLS_AT_ONCE, PortError},
    },
    outbound::{
        Endpoint, EndpointKey, EndpointRecords, Entry, EntryKey, KeptEvent, Outboxes, Pool, Scope, Verdict, Verdicts,
        WakeUps,
    },
};

/// Endpoints, their outboxes and wake-ups.
pub struct Webhooks<P: FanOutPorts> {
    /// Endpoints.
    pub endpoints: P::Endpoints,
    /// Outboxes.
    pub outboxes: P::Outboxes,
    /// Wake-ups.
    pub wake_ups: P::WakeUps,
}

/// Endpoints by their owners, as read for one batch.
pub(super) type Read = BTreeMap<Scope, Result<Vec<Endpoint>, PortError>>;

impl<P: FanOutPorts> Webhooks<P> {
    /// Reads the endpoints of these stores, and those of all stores.
    pub(super) async fn read(&self, stores: impl IntoIterator<Item = StoreKey>) -> Read {
        let stores: BTreeSet<Scope> = stores.into_iter().map(Scope::Store).collect();
        // Collected, because the compiler cannot prove that the closure is Send.
        let lists: Vec<_> = stores.into_iter().chain([Scope::All]).collect();
        let lists: Vec<_> = lists
            .into_iter()
            .map(|scope| async move {
                let list = self.endpoints.list(&scope).await;
                (scope, list)
            })
            .collect();
        stream::iter(lists).buffered(CALLS_AT_ONCE).collect().await
    }

    /// Puts the entries of messages into their outboxes, and then wakes these. Messages of events that could not be put are
    /// retried.
    pub(super) async fn queue(&self, read: &Read, kept: &[(KeptEvent, BTreeSet<usize>)], handled: &mut [Handled]) {
        let mut outboxes: BTreeMap<&EndpointKey, Vec<(Entry, &BTreeSet<usize>)>> = BTreeMap::new();
        for (event, places) in kept {
            // Once per event: it reads the payload.
            let entry = entry(event);
            let queued = event
                .verdicts
                .iter()
                .filter(|(_, verdict)| **verdict == Verdict::Queued);
            for (endpoint, _) in queued {
                outboxes.entry(endpoint).or_default().push((entry.clone(), places));
            }
        }
        // Collected, because the compiler cannot prove that the closure is Send.
        let puts: Vec<_> = outboxes
            .into_iter()
            .map(|(endpoint, messages)| async move {
                let (entries, places): (Vec<Entry>, Vec<_>) = messages.into_iter().unzip();
                let outcome = self.put(endpoint, &entries, pool(read, endpoint)).await;
                (places, outcome)
            })
            .collect();
        let outcomes: Vec<_> = stream::iter(puts).buffer_unordered(CALLS_AT_ONCE).collect().await;
        for (places, outcome) in outcomes {
            let Err(failure) = outcome else { continue };
            for place in places.into_iter().flatten() {
                handled[*place].met(Outcome::retry(&failure));
            }
        }
    }

    async fn put(&self, endpoint: &EndpointKey, entries: &[Entry], pool: Pool) -> Result<(), PortError> {
        self.outboxes.add(endpoint, entries).await?;
        self.wake_ups.send(endpoint, pool, std::time::Duration::ZERO).await
    }
}

/// Gives each event its verdicts. Those whose endpoints could not be read are left out, and their messages retried.
pub(super) fn decide(read: &Read, mut pending: Pending, handled: &mut [Handled]) -> Pending {
    pending.retain(|(store, _), (event, places)| match verdicts(read, store, event) {
        Ok(verdicts) => {
            event.verdicts = verdicts;
            true
        }
        Err(failure) => {
            for place in places.iter() {
                handled[*place].met(Outcome::retry(failure));
            }
            false
        }
    });
    pending
}

fn verdicts<'a>(read: &'a Read, store: &StoreKey, event: &KeptEvent) -> Result<Verdicts, &'a PortError> {
    let scopes = [Scope::Store(store.clone()), Scope::All];
    let mut endpoints = Vec::new();
    for scope in &scopes {
        match read.get(scope) {
            Some(Ok(list)) => endpoints.extend(list),
            Some(Err(failure)) => return Err(failure),
            None => {}
        }
    }
    if endpoints.is_empty() {
        return Ok(Verdicts::new());
    }
    // It was read as an event before.
    let json = serde_json::from_str(&event.json).unwrap_or_default();
    let verdict = |endpoint: &Endpoint| Verdict::of(endpoint, event.kind.as_str(), &json, event.accepted_at);
    Ok(endpoints
        .into_iter()
        .map(|endpoint| (endpoint.key.clone(), verdict(endpoint)))
        .collect())
}

/// Entry of a message. It is the same however often the event is fanned out.
fn entry(event: &KeptEvent) -> Entry {
    Entry {
        key: EntryKey {
            due: event.accepted_at,
            event: event.id.clone(),
            run: 0,
        },
        store: event.store.clone(),
        subject: event.subject.clone(),
        version: event.version(),
        accepted_at: event.accepted_at,
    }
}

/// Pool of an endpoint. One that is no longer there has messages that are to be discarded.
fn pool(read: &Read, endpoint: &EndpointKey) -> Pool {
    let list = read.get(&endpoint.scope).and_then(|list| list.as_ref().ok());
    let found = list.and_then(|list| list.iter().find(|one| one.key == *endpoint));
    found.map_or(Pool::Slow, |endpoint| endpoint.pool)
}
