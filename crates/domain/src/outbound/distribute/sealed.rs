//! Sealed bodies of events about people: kept beside their events, for endpoints that get personal data, and for nobody else.

use std::collections::{BTreeMap, BTreeSet};

use hookline_events::EventId;
use jiff::Timestamp;

use super::{Distribute, FanOutPorts, Handled, Outcome, webhooks::Read};
use crate::{
    delivery::sealed::SealedBody,
    kernel::ids::{DeliveryId, StoreKey},
    outbound::{Endpoint, EventLog, KeptEvent, KeptSealed, Verdict},
};

/// Sealed bodies of a batch by their events, each with its delivery.
pub(super) type Sealed = BTreeMap<(StoreKey, EventId), (Option<DeliveryId>, SealedBody)>;

impl<P: FanOutPorts> Distribute<P> {
    /// Keeps the sealed bodies of those of these events that an endpoint gets personal data of. Returns the events that can be
    /// queued: those whose sealed body could not be kept are retried, for their messages would go out without it.
    pub(super) async fn keep_sealed(
        &self,
        read: &Read,
        mut events: Vec<(KeptEvent, BTreeSet<usize>)>,
        mut sealed: Sealed,
        handled: &mut [Handled],
        now: Timestamp,
    ) -> Vec<(KeptEvent, BTreeSet<usize>)> {
        let mut all = Vec::new();
        for (event, _) in &events {
            let Some((delivery, body)) = sealed.remove(&(event.store.clone(), event.id.clone())) else {
                continue;
            };
            // It opens for its own delivery only, and the event may have been kept for another one before.
            if delivery == event.cause && body.expires_at() > now && is_wanted(read, event) {
                all.push(KeptSealed {
                    store: event.store.clone(),
                    id: event.id.clone(),
                    sealed: body,
                });
            }
        }
        if all.is_empty() {
            return events;
        }
        let outcomes = self.log.keep_sealed(&all).await;
        let failed = all.iter().zip(outcomes);
        let failed: BTreeMap<_, _> = failed
            .filter_map(|(one, outcome)| Some(((&one.store, &one.id), outcome.err()?)))
            .collect();
        events.retain(|(event, places)| {
            let failure = failed.get(&(&event.store, &event.id));
            for (place, failure) in places.iter().filter_map(|place| Some((place, failure?))) {
                handled[*place].met(Outcome::retry(failure));
            }
            failure.is_none()
        });
        events
    }
}

/// Returns true if an endpoint gets personal data of an event.
fn is_wanted(read: &Read, event: &KeptEvent) -> bool {
    let queued = event.verdicts.iter();
    let mut queued = queued.filter(|(_, verdict)| **verdict == Verdict::Queued);
    queued.any(|(key, _)| {
        let list = read.get(&key.scope).and_then(|list| list.as_ref().ok());
        let found = list.and_then(|list| list.iter().find(|one| one.key == *key));
        found.is_some_and(Endpoint::gets_personal_data)
    })
}
