//! Goes through the dead letters, each once: reads them, asks the ledger why they are there, and gives back what is
//! left at the end. Of letters that are not meant it holds a few at a time, so that others who go through them are not held up.

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

/// How many requests are under way at once.
const AT_ONCE: usize = 10;

/// How many letters that are not meant are held at first, and hidden from others, before all of them are given back. The queue
/// gives no order, so one that is given back may be met again before others are met: when nothing but those is met, twice as
/// many are held from then on.
const HELD_AT_FIRST: usize = 2_000;

/// How many are held at most: SQS lets about 120,000 be hidden at a time
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
const HELD_AT_MOST: usize = 100_000;

/// A dead letter that has been read.
#[derive(Debug, Clone)]
pub struct Letter {
    /// As it was received.
    pub dead: DeadLetter,
    /// The delivery it holds, without a body that is kept elsewhere, or why it is not ours.
    pub delivery: Result<Delivery, String>,
    /// Where its body is, if no message holds it.
    pub pointer: Option<Pointer>,
    /// What the ledger remembers of that.
    pub record: Option<LedgerRecord>,
}

/// The delivery of a letter cannot be had with its body.
#[derive(Debug, thiserror::Error)]
pub enum IncompleteLetterError {
    /// The letter is not ours.
    #[error("{0}")]
    Foreign(String),
    /// Nobody said where bodies are kept.
    #[error("the body of {0} is kept in S3, and PAYLOAD_BUCKET does not say where")]
    Nowhere(DeliveryId),
    /// The body is kept no longer.
    #[error("the body of {0} is not in S3 any more")]
    Gone(DeliveryId),
    /// What is kept is not that body.
    #[error(transparent)]
    Garbled(#[from] DecompressError),
    /// Where bodies are kept did not answer. Worth a retry.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl Letter {
    /// The delivery with its body, fetched if it is kept elsewhere.
    ///
    /// # Errors
    /// [`IncompleteLetterError`] says why it cannot be had.
    pub async fn whole(&self, bodies: Option<&impl Bodies>) -> Result<Delivery, IncompleteLetterError> {
        let delivery = self.delivery.clone().map_err(IncompleteLetterError::Foreign)?;
        let Some(pointer) = &self.pointer else {
            return Ok(delivery);
        };
        let id = &delivery.key.id;
        let bodies = bodies.ok_or_else(|| IncompleteLetterError::Nowhere(id.clone()))?;
        let kept = bodies.get(&pointer.body_key()).await?;
        let kept = kept.ok_or_else(|| IncompleteLetterError::Gone(id.clone()))?;
        Ok(pointer.clone().with(&kept)?)
    }

    /// Why it could not be applied, if the ledger knows.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.record.as_ref()?.problem.as_ref()
    }
}

/// A walk through the dead letters.
pub struct DeadLetterWalk<D, R, F> {
    queue: D,
    ledger: R,
    fits: F,
    hidden_for: Duration,
    /// All that were met, as they were received last, by the queue's name for them; `None` once removed.
    met: BTreeMap<String, Option<DeadLetter>>,
    /// How many were met again since one was new.
    met_again: usize,
    /// Those that are not meant and have not been given back.
    held: Vec<String>,
    /// How many of them are held before they are given back.
    hold: usize,
    /// How many letters were met when some were last given back.
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
    /// A walk that has not begun. Letters that are met are hidden from everybody else for so long.
    pub fn new(queue: D, ledger: R, fits: F, hidden_for: Duration) -> Self {
        Self {
            queue,
            ledger,
            fits,
            hidden_for,
            met: BTreeMap::new(),
            met_again: 0,
            held: Vec::new(),
            hold: HELD_AT_FIRST,
            met_before: 0,
        }
    }

    /// For how long letters that are met are hidden.
    pub fn hidden_for(&self) -> Duration {
        self.hidden_for
    }

    /// How many letters have been met, whether they are meant or not.
    pub fn met(&self) -> usize {
        self.met.len()
    }

    /// About how many letters there are.
    ///
    /// # Errors
    /// [`PortError`]: the queue did not answer.
    pub async fn backlog(&self) -> Result<DeadLetterCounts, PortError> {
        self.queue.backlog().await
    }

    /// Some more of the letters that are meant, of which at most `at_most` are taken at a time; `None` at the end.
    ///
    /// # Errors
    /// [`PortError`]: the queue or the ledger did not answer.
    pub async fn next(&mut self, at_most: usize) -> Result<Option<Vec<Letter>>, PortError> {
        let received = self.queue.receive(at_most, self.hidden_for).await?;
        let mut new = Vec::new();
        for dead in received.iter().cloned() {
            match self.met.get_mut(&dead.message_id) {
                Some(None) => {
                    // The queue may hand over once more what has been removed.
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
        // Once more were met again than are known, any other would most likely have been handed over.
        if received.is_empty() || self.met_again > self.met.len() {
            return Ok(None);
        }
        let ledger = &self.ledger;
        let letters: Vec<Letter> = stream::iter(new.into_iter().map(|dead| read(ledger, dead)))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let (meant, others): (Vec<_>, Vec<_>) = letters.into_iter().partition(|letter| (self.fits)(letter));
        self.held
            .extend(others.into_iter().map(|letter| letter.dead.message_id));
        if self.held.len() >= self.hold {
            if self.met.len() == self.met_before && self.hold < HELD_AT_MOST {
                self.hold = (self.hold * 2).min(HELD_AT_MOST);
                // The walk goes on behind them.
                self.met_again = 0;
            }
            self.met_before = self.met.len();
            let held = std::mem::take(&mut self.held);
            let held: Vec<DeadLetter> = held.iter().filter_map(|id| self.met.get(id)?.clone()).collect();
            give_back_all(&self.queue, held).await?;
        }
        Ok(Some(meant))
    }

    /// Removes a letter for good.
    ///
    /// # Errors
    /// [`PortError`]: it may have been removed all the same.
    pub async fn remove(&mut self, letter: &Letter) -> Result<(), PortError> {
        // As it was received last: while one waits, it may have been received again.
        let known = self.met.get(&letter.dead.message_id).and_then(Option::as_ref);
        self.queue.remove(known.unwrap_or(&letter.dead)).await?;
        self.met.insert(letter.dead.message_id.clone(), None);
        Ok(())
    }

    /// Gives back all that was not removed.
    ///
    /// # Errors
    /// [`PortError`]: some letters stay hidden for a while; they come back by themselves.
    pub async fn give_back(self) -> Result<(), PortError> {
        let met = self.met.into_values().flatten().collect();
        give_back_all(&self.queue, met).await
    }
}

async fn give_back_all(queue: &impl DeadLetters, letters: Vec<DeadLetter>) -> Result<(), PortError> {
    stream::iter(letters.into_iter().map(|dead| give_back(queue, dead)))
        .buffer_unordered(AT_ONCE)
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
