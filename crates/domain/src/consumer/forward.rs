//! Signed forwards: an event for each delivery of a store whose deliveries somebody gets as they came, with the sealed body.
//!
//! A step of its own, after the looks at all stores: it does not depend on what the body says, or whether it can be read.

use std::collections::{BTreeMap, BTreeSet};

use hookline_events::Resource;
use jiff::Timestamp;

use super::{Batch, ConsumerPorts, Reindex, Slot};
use crate::{
    catalogue::apply::PlacedFact,
    delivery::{ledger::DeliveryEvents, replay},
    event::fact::Fact,
    kernel::ids::StoreKey,
    store::stores::Look,
};

/// Stores of which somebody gets the deliveries as they came.
pub(super) fn listened(looks: &BTreeMap<StoreKey, Look>, now: Timestamp) -> BTreeSet<StoreKey> {
    let heard = looks
        .iter()
        .filter(|(_, look)| look.heard(Resource::Delivery, now).is_some());
    heard.map(|(store, _)| store.clone()).collect()
}

impl<P: ConsumerPorts> Reindex<P> {
    /// Publishes the deliveries of these stores, whatever the verdicts on them. One whose event could not be sent is retried. `events` gets
    /// the events of each position.
    pub(super) async fn forward(
        &self,
        batch: &mut Batch,
        listened: &BTreeSet<StoreKey>,
        events: &mut BTreeMap<usize, DeliveryEvents>,
    ) {
        let slots = batch.slots.iter().enumerate();
        let facts: Vec<PlacedFact> = slots.filter_map(|(at, slot)| fact(at, slot, listened)).collect();
        if facts.is_empty() {
            return;
        }
        let sent = self.apply.publish_facts(&mut batch.verdicts, &facts).await;
        for (at, forwarded) in sent {
            match (events.get_mut(&at), forwarded) {
                (Some(DeliveryEvents::Published(ids)), DeliveryEvents::Published(more)) => ids.extend(more),
                (_, forwarded) => {
                    events.insert(at, forwarded);
                }
            }
        }
    }
}

/// The delivery at a position, if its store is listened to. A person's replay is no delivery of the source.
fn fact(at: usize, slot: &Slot, listened: &BTreeSet<StoreKey>) -> Option<PlacedFact> {
    let (delivery, received_at) = slot.delivery.as_ref()?;
    if !listened.contains(&delivery.store) || replay::original_of(&delivery.id).is_some() {
        return None;
    }
    Some(PlacedFact {
        at,
        store: delivery.store.clone(),
        fact: Fact::received(delivery, *received_at),
        observed_at: *received_at,
        cause: slot.cause(),
        sealed: slot.sealed.clone(),
    })
}
