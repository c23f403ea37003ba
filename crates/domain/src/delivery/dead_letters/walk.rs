//! A walk through the dead-letter queue that meets each letter once, reads it, looks up its reason in the ledger, and
//! gives back the remaining letters at the end. It holds only some of the letters that do not match, so that concurrent
//! walks can make progress.

use std::{collections::BTreeMap, fmt, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{DeadLetter, DeadLetterCounts, DeadLetters};
use crate::{
    delivery::{
        Delivery,
        bodies::Bodies,
        envelope::{self, Envelope, Pointer},
        ledger::{LedgerRecord, Problem, Records},
    },
    kernel::{compression::DecompressError, ids::DeliveryId, port::PortError},
};

/// Maximum number of concurrent requests.
const MAX_CONCURRENT_REQUESTS: usize = 10;

/// Initial number of letters that do not match and are held, hidden from other callers, before all of them are given
/// back. The queue has no order, so a letter that is given back may be met again before others: whenever only such
/// letters are met, the walk holds twice as many from then on.
const INITIAL_HELD_LETTERS: usize = 2_000;

/// Maximum number of letters held: SQS allows about 120,000 hidden messages
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
const MAX_HELD_LETTERS: usize = 100_000;

/// A parsed dead letter.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The letter as received.
    pub dead: DeadLetter,
    /// Delivery in the letter, without a body that is stored elsewhere, or the reason why the letter is not ours.
    pub delivery: Result<Delivery, String>,
    /// Location of its body, if that is stored outside the message.
    pub pointer: Option<Pointer>,
    /// Ledger entry of the delivery.
    pub record: Option<LedgerRecord>,
}

/// A letter's delivery could not be completed with its body.
#[derive(Debug, thiserror::Error)]
pub enum IncompleteLetterError {
    /// The letter is not ours.
    #[error("{0}")]
    Foreign(String),
    /// The location of bodies is not configured.
    #[error("the body of {0} is stored in S3, but PAYLOAD_BUCKET does not say where")]
    Nowhere(DeliveryId),
    /// The body is no longer stored.
    #[error("the body of {0} is no longer in S3")]
    Gone(DeliveryId),
    /// The stored bytes are not a body.
    #[error(transparent)]
    Garbled(#[from] DecompressError),
    /// The storage of bodies did not answer. Retryable.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl Letter {
    /// Returns the delivery with its body, which is fetched if it is stored elsewhere.
    ///
    /// # Errors
    /// [`IncompleteLetterError`] says why the body is not available.
    pub async fn whole(&self, bodies: Option<&impl Bodies>) -> Result<Delivery, IncompleteLetterError> {
        let delivery = self.delivery.clone().map_err(IncompleteLetterError::Foreign)?;
        let Some(pointer) = &self.pointer else {
            return Ok(delivery);
        };
        let id = &delivery.key.id;
        let bodies = bodies.ok_or_else(|| IncompleteLetterError::Nowhere(id.clone()))?;
        let stored = bodies.get(&pointer.body_key()).await?;
        let stored = stored.ok_or_else(|| IncompleteLetterError::Gone(id.clone()))?;
        Ok(pointer.clone().with(&stored)?)
    }

    /// Returns the reason why it could not be applied, if the ledger has one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.record.as_ref()?.problem.as_ref()
    }
}

/// A walk through the dead-letter queue.
pub struct DeadLetterWalk<D, R, F> {
    queue: D,
    ledger: R,
    fits: F,
    hidden_for: Duration,
    /// All letters met, as last received, by the queue's message id; `None` once removed.
    met: BTreeMap<String, Option<DeadLetter>>,
    /// Number of letters met again since the last new one.
    met_again: usize,
    /// Ids of letters that do not match and have not been given back.
    held: Vec<String>,
    /// Number of such letters to hold before giving them back.
    max_held: usize,
    /// Number of letters met when some were last given back.
    met_before: usize,
}

impl<D, R, F> fmt::Debug for DeadLetterWalk<D, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetterWalk")
            .field("met", &self.met.len())
            .finish_non_exhaustive()
    }
}

impl<D: DeadLetters, R: Records, F: Fn(&Letter) -> bool> DeadLetterWalk<D, R, F> {
    /// Creates a walk through the letters that `fits` accepts. Each letter met is hidden from other callers for
    /// `hidden_for`.
    pub fn new(queue: D, ledger: R, fits: F, hidden_for: Duration) -> Self {
        Self {
            queue,
            ledger,
            fits,
            hidden_for,
            met: BTreeMap::new(),
            met_again: 0,
            held: Vec::new(),
            max_held: INITIAL_HELD_LETTERS,
            met_before: 0,
        }
    }

    /// Returns the time for which letters are hidden.
    pub fn hidden_for(&self) -> Duration {
        self.hidden_for
    }

    /// Returns the number of letters met, whether they match or not.
    pub fn met(&self) -> usize {
        self.met.len()
    }

    /// Returns the approximate number of letters in the queue.
    ///
    /// # Errors
    /// [`PortError`] if the queue did not answer.
    pub async fn backlog(&self) -> Result<DeadLetterCounts, PortError> {
        self.queue.backlog().await
    }

    /// Receives at most `at_most` letters and returns those that match and were not met before; `None` at the end.
    ///
    /// # Errors
    /// [`PortError`] if the queue or the ledger did not answer.
    pub async fn next(&mut self, at_most: usize) -> Result<Option<Vec<Letter>>, PortError> {
        let received = self.queue.receive(at_most, self.hidden_for).await?;
        let mut new = Vec::new();
        for dead in received.iter().cloned() {
            match self.met.get_mut(&dead.message_id) {
                Some(None) => {
                    // The queue may deliver a removed message once more.
                    self.queue.remove(&dead).await?;
                    self.met_again += 1;
                }
                Some(Some(known)) => {
                    *known = dead.clone();
                    self.met_again += 1;
                    self.held.push(dead.message_id);
                }
                None => {
                    self.met.insert(dead.message_id.clone(), Some(dead.clone()));
                    self.met_again = 0;
                    new.push(dead);
                }
            }
        }
        // Once more letters were met again than are known, any other would most likely have been received.
        if received.is_empty() || self.met_again > self.met.len() {
            return Ok(None);
        }
        let ledger = &self.ledger;
        let letters: Vec<Letter> = stream::iter(new.into_iter().map(|dead| read(ledger, dead)))
            .buffered(MAX_CONCURRENT_REQUESTS)
            .try_collect()
            .await?;
        let (matching, others): (Vec<_>, Vec<_>) = letters.into_iter().partition(|letter| (self.fits)(letter));
        self.held
            .extend(others.into_iter().map(|letter| letter.dead.message_id));
        if self.held.len() >= self.max_held {
            if self.met.len() == self.met_before && self.max_held < MAX_HELD_LETTERS {
                self.max_held = (self.max_held * 2).min(MAX_HELD_LETTERS);
                // Prevents the end of the walk before the letters behind the held ones are met.
                self.met_again = 0;
            }
            self.met_before = self.met.len();
            let held = std::mem::take(&mut self.held);
            let held: Vec<DeadLetter> = held.iter().filter_map(|id| self.met.get(id)?.clone()).collect();
            give_back_all(&self.queue, held).await?;
        }
        Ok(Some(matching))
    }

    /// Removes a letter for good.
    ///
    /// # Errors
    /// [`PortError`] if the queue did not answer; the letter may have been removed nevertheless.
    pub async fn remove(&mut self, letter: &Letter) -> Result<(), PortError> {
        // With the latest handle: the letter may have been received again in the meantime.
        let known = self.met.get(&letter.dead.message_id).and_then(Option::as_ref);
        self.queue.remove(known.unwrap_or(&letter.dead)).await?;
        self.met.insert(letter.dead.message_id.clone(), None);
        Ok(())
    }

    /// Gives back all letters that were not removed.
    ///
    /// # Errors
    /// [`PortError`] if the queue did not answer. Some letters then stay hidden for a while and become visible by
    /// themselves.
    pub async fn give_back(self) -> Result<(), PortError> {
        let met = self.met.into_values().flatten().collect();
        give_back_all(&self.queue, met).await
    }
}

async fn give_back_all(queue: &impl DeadLetters, letters: Vec<DeadLetter>) -> Result<(), PortError> {
    stream::iter(letters.into_iter().map(|dead| give_back(queue, dead)))
        .buffer_unordered(MAX_CONCURRENT_REQUESTS)
        .try_collect()
        .await
}

async fn give_back(queue: &impl DeadLetters, dead: DeadLetter) -> Result<(), PortError> {
    queue.give_back(&dead).await
}

async fn read(ledger: &impl Records, dead: DeadLetter) -> Result<Letter, PortError> {
    let (delivery, pointer) = match envelope::open(&dead.text) {
        Ok(Envelope::Whole(delivery)) => (Ok(delivery), None),
        Ok(Envelope::Pointer(pointer)) => (Ok(pointer.delivery().clone()), Some(pointer)),
        Err(problem) => (Err(problem.to_string()), None),
    };
    let record = match &delivery {
        Ok(delivery) => ledger.find(&delivery.key).await?,
        Err(_) => None,
    };
    Ok(Letter {
        dead,
        delivery,
        pointer,
        record,
    })
}
