//! The end of a batch: the ledger is told, the stores' statuses are written, the queue gets its answer.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::{Batch, Comply, Processed, Reindex, Slot, Verdict, follow_ups::Asked};
use crate::{
    catalogue::{entities::Entities, index::Index, jobs::Jobs},
    delivery::{
        failed::{FailedDeliveries, FailedDelivery},
        ledger::{Completion, DeliveryCompletion, Fate, Ledger, NoteOutcome, Problem},
        replay,
    },
    kernel::{
        failure::LastError,
        ids::{DeliveryKey, StoreKey},
        port::{CALLS_AT_ONCE, Clock, chain},
    },
    store::{
        activity::{ActivityEntry, DeliveryOutcome, PROBLEM},
        stores::{Counter, StoreRecord, StoreUpdate, Stores},
    },
};

/// Something of a batch, with its place there.
type At<T> = (usize, T);

impl<L: Ledger, E: Entities, S: Stores + FailedDeliveries, I: Index, J: Jobs, P: Comply, C: Clock>
    Reindex<L, E, S, I, J, P, C>
{
    /// Writes into the ledger what became of each delivery: one write for each, in as few calls as the ledger can. What is
    /// settled is done only then.
    pub(super) async fn complete(&self, batch: &mut Batch) {
        let now = self.apply.clock.now();
        let decided: Vec<_> = (batch.slots.iter().zip(&batch.verdicts.0).enumerate())
            .filter_map(|(at, (slot, verdict))| {
                let (delivery, _) = slot.delivery.as_ref()?;
                let verdict = verdict.as_ref()?;
                Some((at, delivery, verdict.fate()?, verdict.problem(now)))
            })
            .collect();
        let settled: Vec<_> = (decided.iter())
            .map(|(_, delivery, fate, problem)| DeliveryCompletion {
                delivery,
                fate: *fate,
                problem: problem.as_ref(),
            })
            .collect();
        let completed = self.ledger.complete_all(&settled, now).await;
        let places: Vec<_> = decided.into_iter().map(|(at, ..)| at).collect();
        for (at, completion) in places.into_iter().zip(completed) {
            match completion {
                // Its body was removed because it is done: nothing of it is lost.
                Ok(Completion::Done) => {
                    batch.verdicts.decide(at, Verdict::Settled(Fate::Superseded));
                    batch.slots[at].completion = Some(Completion::Repeated);
                }
                Ok(completion) => batch.slots[at].completion = Some(completion),
                Err(failure) => batch.verdicts.decide(at, Verdict::storage(&failure)),
            }
        }
    }

    /// Remembers each delivery that has failed, or notes why in the ledger where its store is not known, for anybody can name
    /// one; and forgets those that are settled and may have failed before. A delivery that could not be forgotten comes
    /// again, so that none seems to wait for a person for ever. One that could not be remembered comes again anyhow.
    pub(super) async fn remember(&self, batch: &mut Batch, records: &BTreeMap<StoreKey, StoreRecord>) {
        let (failed, mut done) = self.failed(batch);
        let noted = stream::iter(failed).map(async |(at, failed)| {
            let store = &failed.delivery.store;
            let is_heard = records.contains_key(store) && !batch.unheard.contains(store);
            let noted = if is_heard {
                self.apply.stores.remember(&failed).await
            } else {
                self.ledger.note(&failed.delivery, &failed.problem).await
            };
            if let Err(failure) = &noted {
                let delivery = &failed.delivery;
                tracing::warn!(
                    %delivery,
                    cause = %failure.cause,
                    error = %chain(failure),
                    "failed to remember a delivery that has failed"
                );
            }
            (at, failed.delivery, noted)
        });
        let noted: Vec<_> = noted.buffer_unordered(CALLS_AT_ONCE).collect().await;
        for (at, delivery, noted) in noted {
            // Another copy has had its effect, or a person has given it up: there is nothing left to try.
            if matches!(noted, Ok(NoteOutcome::Done)) {
                batch.verdicts.decide(at, Verdict::Settled(Fate::Superseded));
                done.push((at, delivery));
            }
        }
        let forgotten = stream::iter(done).map(async |(at, key)| (at, self.apply.stores.forget(&key).await));
        let forgotten: Vec<_> = forgotten.buffer_unordered(CALLS_AT_ONCE).collect().await;
        for (at, forgotten) in forgotten {
            if let Err(failure) = forgotten {
                batch.verdicts.decide(at, Verdict::storage(&failure));
            }
        }
    }

    /// The deliveries that have failed, and those that are settled and may have failed before: all but those whose completion
    /// is the first and found no problem. Each with its place.
    fn failed(&self, batch: &Batch) -> (Vec<At<FailedDelivery>>, Vec<At<DeliveryKey>>) {
        let now = self.apply.clock.now();
        let (mut failed, mut done) = (Vec::new(), Vec::new());
        for (at, (slot, verdict)) in batch.slots.iter().zip(&batch.verdicts.0).enumerate() {
            let (Some((delivery, received_at)), Some(verdict)) = (&slot.delivery, verdict) else {
                continue;
            };
            match verdict.problem(now) {
                Some(problem) => failed.push((
                    at,
                    FailedDelivery {
                        delivery: delivery.clone(),
                        subject: slot.told.subject.clone(),
                        problem: Problem {
                            message: cut(&problem.message),
                            ..problem
                        },
                        received_at: *received_at,
                        tries: slot.tried.number,
                        parked: matches!(verdict, Verdict::Parked { .. }),
                        redriven_at: None,
                        receipt: slot.tried.receipt.clone(),
                    },
                )),
                None if verdict.is_settled() && may_have_failed(slot) => {
                    done.push((at, delivery.clone()));
                }
                None => {}
            }
        }
        (failed, done)
    }

    /// Adds to what is known of each store, with one call of the port per store. What cannot be read makes no record of a store
    /// that nobody has heard of: its name is a header's, which no signature covers. What is lost here is a count or a time, not an
    /// event, and a retry could not bring it back: the ledger has it that they are done.
    pub(super) async fn record(&self, batch: &Batch, records: &BTreeMap<StoreKey, StoreRecord>, asked: &Asked) {
        let now = self.apply.clock.now();
        let mut updates: BTreeMap<&StoreKey, StoreUpdate> = BTreeMap::new();
        let made: BTreeSet<&StoreKey> = (batch.slots.iter().filter(|slot| slot.makes_store))
            .filter_map(|slot| slot.delivery.as_ref().map(|(key, _)| &key.store))
            .collect();
        for (at, (slot, verdict)) in batch.slots.iter().zip(&batch.verdicts.0).enumerate() {
            let (Some((key, received_at)), Some(verdict)) = (&slot.delivery, verdict) else {
                continue;
            };
            if batch.unheard.contains(&key.store) && !made.contains(&key.store) {
                continue;
            }
            let update = updates.entry(&key.store).or_default();
            update.last_event_at = update.last_event_at.max(Some(*received_at));
            update.latest.extend(entry(slot, verdict, now));
            let first = slot.completion.is_some_and(Completion::counts);
            match verdict {
                Verdict::Settled(fate) => {
                    if *fate == Fate::Applied {
                        update.last_sync_at = Some(now);
                    }
                    if first {
                        count(update, key, *fate, *received_at, now);
                        if let Some(unasked) = asked.in_vain(at) {
                            unasked.note(update, key, now);
                        }
                    }
                }
                Verdict::Parked { code, message } => {
                    if first {
                        count(update, key, Fate::Parked, *received_at, now);
                        update
                            .errors
                            .push(LastError::of_delivery(now, *code, None, message, key));
                    }
                }
                Verdict::Retry { code, cause, message } => {
                    update
                        .errors
                        .push(LastError::of_delivery(now, *code, *cause, message, key));
                }
                Verdict::NotOurs { .. } => {}
            }
        }
        stream::iter(updates)
            .for_each_concurrent(CALLS_AT_ONCE, async |(store, mut update)| {
                // The newest first.
                update.latest.reverse();
                if let Some(record) = records.get(store) {
                    update.last_event_at = update.last_event_at.max(record.last_event_at);
                    update.outdate(record, now);
                }
                if let Err(failure) = self.apply.stores.record(store, &update).await {
                    tracing::warn!(
                        store = %store,
                        cause = %failure.cause,
                        error = %chain(&failure),
                        "failed to record a batch's counts and times in the status"
                    );
                }
            })
            .await;
    }
}

impl Verdict {
    /// What the ledger is to say; nothing while the delivery has yet to come again.
    fn fate(&self) -> Option<Fate> {
        match self {
            Self::Settled(fate) => Some(*fate),
            Self::Parked { .. } => Some(Fate::Parked),
            Self::Retry { .. } | Self::NotOurs { .. } => None,
        }
    }

    /// Why it has not been applied, for the ledger to remember.
    fn problem(&self, at: Timestamp) -> Option<Problem> {
        match self {
            Self::Parked { code, message } => Some(Problem {
                at,
                code: *code,
                cause: None,
                message: message.clone(),
            }),
            Self::Retry { code, cause, message } => Some(Problem {
                at,
                code: *code,
                cause: *cause,
                message: message.clone(),
            }),
            Self::Settled(_) | Self::NotOurs { .. } => None,
        }
    }
}

impl Batch {
    /// What became of each message.
    pub(super) fn report(self) -> Vec<Processed> {
        let processed = self.slots.into_iter().zip(self.verdicts.0);
        let processed = processed.map(|(slot, verdict)| Processed {
            message_id: slot.message_id,
            delivery: slot.delivery.map(|(key, _)| key),
            verdict: Verdict::or_again(verdict),
        });
        processed.collect()
    }
}

/// Whether a delivery that is settled may be remembered to have failed. A first completion that finds no problem says that it is
/// not, unless its message has been tried before: a sender that was never answered may have claimed the delivery anew since, and
/// a new claim holds no problem.
fn may_have_failed(slot: &Slot) -> bool {
    slot.completion != Some(Completion::First) || slot.tried.number > 1
}

/// Adds one delivery to its store's counts: an event of the hour in which it came, but a replay is none of the store's
/// events, and happened now.
fn count(update: &mut StoreUpdate, delivery: &DeliveryKey, fate: Fate, received_at: Timestamp, now: Timestamp) {
    if replay::original_of(&delivery.id).is_some() {
        return update.count(now, Counter::Replayed);
    }
    let counter = match fate {
        Fate::Discarded => Counter::Discarded,
        Fate::Applied | Fate::Superseded | Fate::Noted | Fate::Parked | Fate::Dismissed => {
            Counter::Event(delivery.topic.clone())
        }
    };
    update.count(received_at, counter);
}

/// What is told of a delivery to who follows its store.
fn entry(slot: &Slot, verdict: &Verdict, now: Timestamp) -> Option<ActivityEntry> {
    let (key, received_at) = slot.delivery.as_ref()?;
    let (outcome, problem) = match verdict {
        Verdict::Settled(fate) => (DeliveryOutcome::from(*fate), None),
        Verdict::Parked { code, message } => (DeliveryOutcome::Parked, Some((*code, cut(message)))),
        Verdict::Retry { code, message, .. } => (DeliveryOutcome::Waiting, Some((*code, cut(message)))),
        Verdict::NotOurs { .. } => return None,
    };
    Some(ActivityEntry {
        topic: key.topic.clone(),
        id: key.id.clone(),
        event_id: slot.told.event_id.clone(),
        subject: slot.told.subject.clone(),
        triggered_at: slot.told.triggered_at,
        received_at: *received_at,
        at: now,
        outcome,
        problem,
        replay: replay::original_of(&key.id).is_some(),
    })
}

/// No sentence of ours is longer; what others say may be.
fn cut(message: &str) -> String {
    message.chars().take(PROBLEM).collect()
}
