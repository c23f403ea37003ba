//! Goes through the dead letters, each once: reads them, asks the ledger why they are there, and gives back what is
//! left at the end.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_aws::{DynamoLedger, SqsDeadLetters};
use hookline_domain::{
    bodies::Bodies,
    dead_letters::{DeadLetter, DeadLetters},
    delivery::Delivery,
    envelope::{self, Envelope, Pointer},
    ledger::{Problem, Record, Records},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::Hiding,
    output::{self, Row},
    places::Connected,
    select::{Selection, code_name},
};

/// How many requests are under way at once.
const AT_ONCE: usize = 10;

/// A dead letter that has been read.
pub struct Letter {
    pub dead: DeadLetter,
    /// The delivery it holds, without a body that is kept elsewhere, or why it is not ours.
    pub delivery: Result<Delivery, String>,
    /// Where its body is, if no message holds it.
    pub pointer: Option<Pointer>,
    /// What the ledger remembers of that.
    pub record: Option<Record>,
}

impl Letter {
    /// The delivery with its body, fetched if it is kept elsewhere.
    pub async fn whole(&self, places: &Connected) -> Result<Delivery> {
        let delivery = self.delivery.clone().map_err(anyhow::Error::msg)?;
        let Some(pointer) = &self.pointer else {
            return Ok(delivery);
        };
        let id = &delivery.key.id;
        let bodies = places
            .bodies()
            .with_context(|| format!("the body of {id} is kept in S3, and PAYLOAD_BUCKET does not say where"))?;
        let kept = bodies.get(&pointer.body_key()).await?;
        let kept = kept.with_context(|| format!("the body of {id} is not in S3 any more"))?;
        Ok(pointer.clone().with(&kept)?)
    }

    /// Why it could not be applied, if the ledger knows.
    pub fn problem(&self) -> Option<&Problem> {
        self.record.as_ref()?.problem.as_ref()
    }
}

/// A walk through the dead letters.
pub struct Walk<'a> {
    queue: SqsDeadLetters,
    ledger: DynamoLedger,
    selection: &'a Selection,
    hidden_for: Duration,
    now: Timestamp,
    /// All that were met, as they were received last, by the queue's name for them; `None` once removed.
    met: BTreeMap<String, Option<DeadLetter>>,
    /// How many were met again since one was new.
    met_again: usize,
}

impl<'a> Walk<'a> {
    pub fn new(places: &Connected, selection: &'a Selection, hiding: Hiding) -> Result<Self> {
        Ok(Self {
            queue: places.dead_letters()?,
            ledger: places.ledger()?,
            selection,
            hidden_for: Duration::from_secs(hiding.hide_for),
            now: Timestamp::now(),
            met: BTreeMap::new(),
            met_again: 0,
        })
    }

    pub fn hidden_for(&self) -> Duration {
        self.hidden_for
    }

    /// About how many letters there are. Says so if some cannot be seen.
    pub async fn about(&self) -> Result<u64> {
        let backlog = self.queue.backlog().await?;
        if backlog.hidden > 0 {
            output::say(&format!(
                "· {} hidden at present, by another who lists or moves them, or by one who died doing so: they come \
                 back by themselves, after {} s or less unless told otherwise",
                output::count(usize::try_from(backlog.hidden).unwrap_or(usize::MAX), "letter"),
                self.hidden_for.as_secs()
            ));
        }
        Ok(backlog.visible)
    }

    /// Some more of the letters that are meant, of which at most `at_most` are taken at a time; `None` at the end.
    pub async fn next(&mut self, at_most: usize) -> Result<Option<Vec<Letter>>> {
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
                    *known = dead;
                    self.met_again += 1;
                }
                None => {
                    self.met.insert(dead.message_id.clone(), Some(dead.clone()));
                    self.met_again = 0;
                    new.push(dead);
                }
            }
        }
        // Once as many were met again as are known, all of those are hidden, and any other would have been handed over.
        if received.is_empty() || self.met_again > self.met.len() {
            return Ok(None);
        }
        let ledger = &self.ledger;
        let letters: Vec<Letter> = stream::iter(new)
            .map(async |dead| read(ledger, dead).await)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let (selection, now) = (self.selection, self.now);
        let fits = |letter: &Letter| selection.fits(letter.delivery.as_ref().ok(), letter.problem(), now);
        Ok(Some(letters.into_iter().filter(fits).collect()))
    }

    /// Removes a letter for good.
    pub async fn remove(&mut self, letter: &Letter) -> Result<()> {
        // As it was received last: while one waits, it may have been received again.
        let known = self.met.get(&letter.dead.message_id).and_then(Option::as_ref);
        self.queue.remove(known.unwrap_or(&letter.dead)).await?;
        self.met.insert(letter.dead.message_id.clone(), None);
        Ok(())
    }

    /// Gives back all that was not removed.
    pub async fn give_back(self) -> Result<()> {
        let queue = &self.queue;
        stream::iter(self.met.into_values().flatten())
            .map(async |dead| queue.give_back(&dead).await)
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
            .context("some letters stay hidden for a while; they come back by themselves")
    }

    /// All letters that are meant, up to `limit`, given back. Whether there may be more.
    pub async fn all(mut self, limit: usize) -> Result<(Vec<Letter>, bool)> {
        let bar = crate::pace::bar(self.about().await?, "reading");
        let mut letters = Vec::new();
        let mut more = false;
        while let Some(some) = self.next(AT_ONCE).await? {
            letters.extend(some);
            bar.set_position(u64::try_from(self.met.len()).unwrap_or(u64::MAX));
            if letters.len() >= limit {
                more = true;
                letters.truncate(limit);
                break;
            }
        }
        bar.finish_and_clear();
        self.give_back().await?;
        letters.sort_by_key(|letter| letter.delivery.as_ref().ok().map(|delivery| delivery.received_at));
        Ok((letters, more))
    }
}

async fn read(ledger: &DynamoLedger, dead: DeadLetter) -> Result<Letter> {
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

/// A letter in a few words. Holds nothing of the body.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ours: Option<String>,
    pub store: Option<String>,
    pub topic: Option<String>,
    pub delivery_id: Option<String>,
    pub event_id: Option<String>,
    pub api_version: Option<String>,
    pub triggered_at: Option<Timestamp>,
    pub received_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub receives: u32,
    /// None if the body is kept outside of the message.
    pub bytes: Option<usize>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub problem_at: Option<Timestamp>,
}

impl From<&Letter> for Summary {
    fn from(letter: &Letter) -> Self {
        let delivery = letter.delivery.as_ref().ok();
        let problem = letter.problem();
        Self {
            message_id: letter.dead.message_id.clone(),
            not_ours: letter.delivery.as_ref().err().cloned(),
            store: delivery.map(|delivery| delivery.key.store.to_string()),
            topic: delivery.map(|delivery| delivery.key.topic.to_string()),
            delivery_id: delivery.map(|delivery| delivery.key.id.to_string()),
            event_id: delivery.and_then(|delivery| delivery.event_id.as_ref().map(ToString::to_string)),
            api_version: delivery.map(|delivery| delivery.api_version.clone()),
            triggered_at: delivery.and_then(|delivery| delivery.triggered_at),
            received_at: delivery.map(|delivery| delivery.received_at),
            sent_at: letter.dead.sent_at,
            receives: letter.dead.receives,
            bytes: match (delivery, &letter.pointer) {
                (_, Some(_)) => None,
                (Some(delivery), None) => Some(delivery.body.len()),
                (None, None) => Some(letter.dead.text.len()),
            },
            code: problem.map(|problem| code_name(problem.code)),
            message: problem.map(|problem| problem.message.clone()),
            problem_at: problem.map(|problem| problem.at),
        }
    }
}

impl Row for Summary {
    const HEADINGS: &'static [&'static str] = &[
        "STORE",
        "TOPIC",
        "DELIVERY",
        "FIRST RECEIVED",
        "RECEIVES",
        "PROBLEM",
        "MESSAGE",
    ];

    fn cells(&self) -> Vec<String> {
        let or_dash = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
        let (delivery, code, message) = match &self.not_ours {
            Some(why) => (
                format!("message {}", self.message_id),
                "not_ours".to_owned(),
                why.clone(),
            ),
            None => (
                or_dash(self.delivery_id.as_ref()),
                or_dash(self.code.as_ref()),
                self.message
                    .clone()
                    .unwrap_or_else(|| "the ledger has no reason".to_owned()),
            ),
        };
        vec![
            or_dash(self.store.as_ref()),
            or_dash(self.topic.as_ref()),
            delivery,
            self.received_at.map_or_else(|| "-".to_owned(), seconds),
            self.receives.to_string(),
            code,
            message,
        ]
    }
}

/// A time as a person reads it.
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
