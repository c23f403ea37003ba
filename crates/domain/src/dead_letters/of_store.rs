//! Use case: the dead letters of one store are moved or removed, among those of all others in the same queue.
//!
//! Two who do so at once hide letters from each other, for as long as it takes to go through the queue once. So whoever misses a
//! letter that is remembered goes through it again, after a pause in which the other gives back what it holds.

use std::time::Duration;

use jiff::SignedDuration;

use super::{DeadLetters, Letter, Pace, Redriven, Walk};
use crate::{
    backfill::Pause,
    failed::FailedDeliveries,
    ids::{DeliveryKey, StoreKey},
    ledger::Records,
    port::{Unavailable, chain},
    queue::EventQueue,
};

/// How often the queue is gone through for letters that are remembered and not met.
const PASSES: usize = 6;

/// The pause between two passes.
const BETWEEN_PASSES: SignedDuration = SignedDuration::from_millis(500);

/// How many letters are taken at a time: as many as the queue gives.
const TAKEN_AT_ONCE: usize = 10;

/// The dead letters of a store.
#[derive(Debug)]
pub struct OfStore<'a, D, R, F, T> {
    /// All dead letters.
    pub letters: &'a D,
    /// Why they are there.
    pub ledger: &'a R,
    /// What is remembered of failed deliveries.
    pub failed: &'a F,
    /// Waits.
    pub pause: &'a T,
    /// How long a letter is hidden at most, should this end before it is given back.
    pub hidden_for: Duration,
    /// Whose letters.
    pub store: &'a StoreKey,
}

/// Outcome of removing the dead letter of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is removed.
    Yes,
    /// There was none, or it was hidden all the time.
    NotFound,
}

impl<D, R, F, T> OfStore<'_, D, R, F, T>
where
    D: DeadLetters + Clone,
    R: Records + Clone,
    F: FailedDeliveries,
    T: Pause,
{
    /// Moves the store's letters back into the event queue, at most `limit`; only the letters of `wanted`, if that is some.
    /// `wanted` and `expected` are deliveries whose letters should be there.
    ///
    /// # Errors
    /// [`Unavailable`]: what could not be moved stays; a letter may have been moved and stay, too.
    pub async fn redrive(
        &self,
        (wanted, expected): (Option<&DeliveryKey>, &[DeliveryKey]),
        queue: &impl EventQueue,
        limit: usize,
        pace: &mut impl Pace,
    ) -> Result<Redriven, Unavailable> {
        let mut done = Redriven::default();
        for pass in 0..PASSES {
            if pass > 0 {
                self.pause.pause(BETWEEN_PASSES).await;
            }
            let mut walk = self.walk(wanted);
            let ended = done
                .run(&mut walk, (queue, self.failed), (limit, TAKEN_AT_ONCE), pace)
                .await;
            give_back(walk).await;
            ended?;
            let all_met = expected.iter().all(|delivery| done.has(delivery));
            if all_met || done.moved >= limit || !pace.has_time() {
                break;
            }
        }
        Ok(done)
    }

    /// Removes the letters of a delivery for good.
    ///
    /// # Errors
    /// [`Unavailable`]: it may have been removed all the same.
    pub async fn remove(&self, delivery: &DeliveryKey) -> Result<Removed, Unavailable> {
        for pass in 0..PASSES {
            if pass > 0 {
                self.pause.pause(BETWEEN_PASSES).await;
            }
            let mut walk = self.walk(Some(delivery));
            let removed = remove_met(&mut walk).await;
            give_back(walk).await;
            if removed? {
                return Ok(Removed::Yes);
            }
        }
        Ok(Removed::NotFound)
    }

    fn walk(&self, wanted: Option<&DeliveryKey>) -> Walk<D, R, impl Fn(&Letter) -> bool> {
        let fits = move |letter: &Letter| {
            letter.delivery.as_ref().is_ok_and(|delivery| {
                delivery.key.store == *self.store && wanted.is_none_or(|wanted| *wanted == delivery.key)
            })
        };
        Walk::new(self.letters.clone(), self.ledger.clone(), fits, self.hidden_for)
    }
}

async fn remove_met<D: DeadLetters, R: Records, F: Fn(&Letter) -> bool>(
    walk: &mut Walk<D, R, F>,
) -> Result<bool, Unavailable> {
    let mut removed = false;
    while let Some(letters) = walk.next(TAKEN_AT_ONCE).await? {
        for letter in letters {
            walk.remove(&letter).await?;
            removed = true;
        }
    }
    Ok(removed)
}

/// What is not given back comes back by itself.
async fn give_back<D: DeadLetters, R: Records, F: Fn(&Letter) -> bool>(walk: Walk<D, R, F>) {
    if let Err(failure) = walk.give_back().await {
        tracing::warn!(error = %chain(&failure), "failed to give back dead letters; they stay hidden for a while");
    }
}
