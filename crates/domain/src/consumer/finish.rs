//! Last part of a batch: updates the ledger and the statuses of stores, and reports verdicts to the queue.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::{Batch, ConsumerPorts, Processed, Reindex, Slot, Verdict, follow_ups::FollowUps};
use crate::{
    delivery::{
        failed::{FailedDeliveries, FailedDelivery},
        ledger::{Completion, DeliveryCompletion, DeliveryEvents, Fate, Ledger, NoteOutcome, Problem},
        replay,
    },
    kernel::{
        failure::LastError,
        ids::{DeliveryKey, StoreKey},
        port::{CALLS_AT_ONCE, Clock, chain},
    },
    store::{
        activity::{ActivityEntry, DeliveryOutcome, MAX_PROBLEM_CHARS},
        stores::{Counter, StoreRecord, StoreUpdate, Stores},
    },
};

/// An item with its place in the batch.
type At<T> = (usize, T);

impl<P: ConsumerPorts> Reindex<P> {
    /// Writes the outcome of each delivery into the ledger: one write each, in as few calls as the ledger can. A
    /// delivery is done only after that.
    pub(super) async fn complete(
        &self,
        batch: &mut Batch,
        follow_ups: &FollowUps,
        mut caused: BTreeMap<usize, DeliveryEvents>,
    ) {
        let now = self.apply.clock.now();
        let decided: Vec<_> = (batch.slots.iter().zip(&batch.verdicts.0).enumerate())
            .filter_map(|(at, (slot, verdict))| {
                let (delivery, _) = slot.delivery.as_ref()?;
                let verdict = verdict.as_ref()?;
                let fate = verdict.fate()?;
                let events = events_of(fate, caused.remove(&at), follow_ups.has_job(at));
                Some((at, delivery, fate, verdict.problem(now), events))
            })
            .collect();
        let settled: Vec<_> = (decided.iter())
            .map(|(_, delivery, fate, problem, events)| DeliveryCompletion {
                delivery,
                fate: *fate,
                problem: problem.as_ref(),
                events: events.as_ref(),
            })
            .collect();
        let completed = self.ledger.complete_all(&settled, now).await;
        let places: Vec<_> = decided.into_iter().map(|(at, ..)| at).collect();
        for (at, completion) in places.into_iter().zip(completed) {
            match completion {
                // The body was removed because the delivery is done: nothing is lost.
                Ok(Completion::Done) => {
                    batch.verdicts.decide(at, Verdict::Settled(Fate::Superseded));
                    batch.slots[at].completion = Some(Completion::Repeated);
                }
                Ok(completion) => batch.slots[at].completion = Some(completion),
                Err(failure) => batch.verdicts.decide(at, Verdict::storage(&failure)),
            }
        }
    }

    /// Records each failed delivery; if its store is unknown, notes the reason in the ledger instead, because anybody
    /// can name a store. Removes the records of deliveries that are settled and may have failed before. A delivery
    /// whose record could not be removed is received again, so that it does not wait for a person for ever. One that
    /// could not be recorded is received again anyway.
    pub(super) async fn remember(&self, batch: &mut Batch, records: &BTreeMap<StoreKey, StoreRecord>) {
        let (failed, mut done) = self.failed(batch);
        let noted = stream::iter(failed).map(async |(at, failed)| {
            let store = &failed.delivery.store;
            let is_known = records.contains_key(store) && !batch.unknown.contains(store);
            let noted = if is_known {
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
                    "failed to record a failed delivery"
                );
            }
            (at, failed.delivery, noted)
        });
        let noted: Vec<_> = noted.buffer_unordered(CALLS_AT_ONCE).collect().await;
        for (at, delivery, noted) in noted {
            // Another copy has taken effect, or a person has dismissed the delivery: there is nothing left to try.
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

    /// The deliveries that have failed, and those that are settled and may have failed before: all except those whose
    /// completion is the first and found no problem. Each with its place.
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
                        subject: slot.facts.subject.clone(),
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

    /// Updates the status of each store, with one call of the port per store. A delivery that cannot be read creates no
    /// record of an unknown store, because the store's name is from a header, which no signature covers. If the write
    /// fails, a count or a time is lost, not an event, and a retry could not restore it: the ledger shows the
    /// deliveries as done.
    pub(super) async fn record(
        &self,
        batch: &Batch,
        records: &BTreeMap<StoreKey, StoreRecord>,
        follow_ups: &FollowUps,
    ) {
        let now = self.apply.clock.now();
        let mut updates: BTreeMap<&StoreKey, StoreUpdate> = BTreeMap::new();
        let made: BTreeSet<&StoreKey> = (batch.slots.iter().filter(|slot| slot.makes_store))
            .filter_map(|slot| slot.delivery.as_ref().map(|(key, _)| &key.store))
            .collect();
        for (at, (slot, verdict)) in batch.slots.iter().zip(&batch.verdicts.0).enumerate() {
            let (Some((key, received_at)), Some(verdict)) = (&slot.delivery, verdict) else {
                continue;
            };
            if batch.unknown.contains(&key.store) && !made.contains(&key.store) {
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
                        if let Some(unfetched) = follow_ups.unfetched(at) {
                            unfetched.note(update, key, now);
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
                Verdict::Behind | Verdict::NotOurs { .. } => {}
            }
        }
        stream::iter(updates)
            .for_each_concurrent(CALLS_AT_ONCE, async |(store, mut update)| {
                // Newest first.
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
    /// Outcome for the ledger; `None` if the delivery will be received again.
    fn fate(&self) -> Option<Fate> {
        match self {
            Self::Settled(fate) => Some(*fate),
            Self::Parked { .. } => Some(Fate::Parked),
            Self::Retry { .. } | Self::Behind | Self::NotOurs { .. } => None,
        }
    }

    /// Reason why the delivery has not been applied, for the ledger.
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
            Self::Settled(_) | Self::Behind | Self::NotOurs { .. } => None,
        }
    }
}

impl Batch {
    /// Outcome of each message.
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

/// Events of a delivery for its entry in the ledger, given those of its state or fact, if somebody listens to them.
fn events_of(fate: Fate, caused: Option<DeliveryEvents>, has_job: bool) -> Option<DeliveryEvents> {
    match (fate, caused) {
        (
            Fate::Applied | Fate::Noted | Fate::Superseded | Fate::Discarded,
            Some(published @ DeliveryEvents::Published(_)),
        ) => Some(published),
        (Fate::Applied | Fate::Noted, _) if has_job => Some(DeliveryEvents::Deferred),
        (Fate::Applied | Fate::Noted, caused) => Some(caused.unwrap_or(DeliveryEvents::Unwanted)),
        (Fate::Superseded | Fate::Discarded | Fate::Parked | Fate::Dismissed, _) => None,
    }
}

/// Returns `true` if a settled delivery may have a record as failed. A first completion without a problem says that it
/// has none, unless its message has been tried before: a sender that got no response may have claimed the delivery once
/// more since, and a new claim holds no problem.
fn may_have_failed(slot: &Slot) -> bool {
    slot.completion != Some(Completion::First) || slot.tried.number > 1
}

/// Adds one delivery to its store's counts, in the hour in which it was received. A replay is no event of the store; it
/// is counted as a replay, now.
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

/// Activity entry of a delivery, for those who follow its store.
fn entry(slot: &Slot, verdict: &Verdict, now: Timestamp) -> Option<ActivityEntry> {
    let (key, received_at) = slot.delivery.as_ref()?;
    let (outcome, problem) = match verdict {
        Verdict::Settled(fate) => (DeliveryOutcome::from(*fate), None),
        Verdict::Parked { code, message } => (DeliveryOutcome::Parked, Some((*code, cut(message)))),
        Verdict::Retry { code, message, .. } => (DeliveryOutcome::Waiting, Some((*code, cut(message)))),
        // No delivery carries an answer.
        Verdict::Behind | Verdict::NotOurs { .. } => return None,
    };
    Some(ActivityEntry {
        topic: key.topic.clone(),
        id: key.id.clone(),
        event_id: slot.facts.event_id.clone(),
        subject: slot.facts.subject.clone(),
        triggered_at: slot.facts.triggered_at,
        received_at: *received_at,
        at: now,
        outcome,
        problem,
        replay: replay::original_of(&key.id).is_some(),
    })
}

/// Truncates a message. Our own sentences are never longer; texts of others may be.
fn cut(message: &str) -> String {
    message.chars().take(MAX_PROBLEM_CHARS).collect()
}
