//! Answers: states that were requested. Only connecting begins an install of theirs, and their removals may come back.

use std::collections::BTreeMap;

use super::{
    Apply, IndexPorts, Item, Origin, Verdict, Verdicts, group::Group, observation::Observation, publish::PlacedFact,
};
use crate::{
    delivery::ledger::Fate,
    event::{Event, fact::Fact, thin::Ordered},
    kernel::{
        ids::{EntityKey, StoreKey},
        port::{Clock, PortError},
        version::Version,
    },
    store::stores::{AskedInPeriod, StoreRecord, Stores},
};

impl<P: IndexPorts> Apply<P> {
    /// Publishes facts that were requested, each with the time of asking. Those of a store that is not connected are left out.
    /// Returns a verdict for each, in order.
    pub(crate) async fn observe_facts(
        &self,
        store: &StoreKey,
        facts: Vec<(Fact, jiff::Timestamp)>,
        origin: &Origin,
    ) -> Result<Vec<Verdict>, PortError> {
        let mut verdicts = Verdicts(vec![Some(Verdict::Settled(Fate::Noted)); facts.len()]);
        let look = self.stores.look(store).await?;
        if look.record.as_ref().is_some_and(|record| record.enabled) {
            let now = self.clock.now();
            let placed = facts.into_iter().enumerate().filter_map(|(at, (fact, asked_at))| {
                let item = Item {
                    at,
                    event: Event::Fact(Box::new(fact.clone())),
                    observed_at: asked_at,
                    is_fetched: true,
                    origin: origin.clone(),
                };
                PlacedFact::of(&item, store, fact, &look, now)
            });
            let placed: Vec<PlacedFact> = placed.collect();
            self.publish_facts(&mut verdicts, &placed).await;
        }
        Ok(verdicts.0.into_iter().map(Verdict::or_again).collect())
    }

    /// Removes documents of answers that belong to no install, or to one that has ended in the meantime: each as of its own
    /// version, so that what was requested in a later install stays.
    pub(super) async fn recheck_asked(
        &self,
        verdicts: &mut Verdicts,
        groups: &BTreeMap<EntityKey, Group>,
        record: Option<&StoreRecord>,
        entities: Vec<&EntityKey>,
    ) {
        for entity in entities {
            let group = &groups[entity];
            let period = record.and_then(|record| record.install_of_asked(group.observed_at()?));
            let verdict = match period {
                Some(AskedInPeriod::Current) => continue,
                Some(AskedInPeriod::TooSoon) => Verdict::Behind,
                None => Verdict::Settled(Fate::Discarded),
            };
            match self.retire(&[(entity.clone(), group.version())]).await {
                Ok(()) => group.decide(verdicts, &verdict),
                Err(failure) => group.decide(verdicts, &Verdict::storage(&failure)),
            }
        }
    }

    /// Retires entities that are removed until they come back, once nothing else is left to do for them. If it fails, the
    /// next walk asks for them once more.
    pub(crate) async fn retire_removed(&self, removed: &[(EntityKey, Version)]) {
        if let Err(failure) = self.retire_entries(removed).await {
            super::log_failure(&failure);
        }
    }
}

/// Returns the verdict on an answer that is of no use in the present install; `None` if it may go on.
pub(super) fn unusable(observation: &Observation, record: &StoreRecord) -> Option<Verdict> {
    if observation.ordered == Ordered::Told {
        return None;
    }
    match record.install_of_asked(observation.observed_at) {
        Some(AskedInPeriod::Current) => None,
        Some(AskedInPeriod::TooSoon) => Some(Verdict::Behind),
        None => Some(Verdict::Settled(Fate::Discarded)),
    }
}
