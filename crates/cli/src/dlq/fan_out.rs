//! `hookline dlq fan-out`: lists and redrives the dead letters of the fan-out queue. A letter is sent before it is removed, so
//! a crash in between leaves a second copy, which changes nothing: an event is kept once.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use hookline_aws::{DynamoEventLog, SqsDeadLetters};
use hookline_domain::{
    catalogue::event_message::{self, EventMessage},
    delivery::dead_letters::{DeadLetter, DeadLetters},
    kernel::ids::StoreKey,
    outbound::{BusVerdict, EventRecords},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::{FanOutCommand, HidingOptions},
    output::{Output, Row, count, say, timestamp},
    rate::Rate,
    resources::Resources,
};

/// Letters received per request.
const LETTERS_PER_REQUEST: usize = 10;

pub async fn run(resources: &Resources, out: &Output, command: FanOutCommand) -> Result<bool> {
    match command {
        FanOutCommand::List { limit, hiding } => {
            let letters = read_all(resources, limit, hiding).await?;
            out.rows(&letters)?;
            say(&format!("· {}", count(letters.len(), "dead letter")));
            Ok(true)
        }
        FanOutCommand::Redrive {
            dry_run: true,
            limit,
            hiding,
            ..
        } => {
            let mut letters = read_all(resources, limit, hiding).await?;
            letters.retain(|letter| letter.store.is_some());
            out.rows(&letters)?;
            let letters = count(letters.len(), "dead letter");
            say(&format!("· {letters} would be moved. Nothing was changed"));
            Ok(true)
        }
        FanOutCommand::Redrive {
            rate, limit, hiding, ..
        } => redrive(resources, out, rate, limit, hiding).await,
    }
}

/// A dead letter, without anything of its events but their number.
#[derive(Debug, Serialize)]
struct FanOutLetter {
    message_id: String,
    /// `None` if the message is not ours.
    store: Option<String>,
    events: usize,
    sent_at: Option<Timestamp>,
    receives: u32,
    reason: String,
}

impl Row for FanOutLetter {
    const HEADINGS: &'static [&'static str] = &["STORE", "MESSAGE", "EVENTS", "SENT", "RECEIVES", "REASON"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.store.clone().unwrap_or_else(|| "-".to_owned()),
            self.message_id.clone(),
            self.events.to_string(),
            self.sent_at.map_or_else(|| "-".to_owned(), timestamp),
            self.receives.to_string(),
            self.reason.clone(),
        ]
    }
}

/// Letters of the queue, each met once. Those that are not removed become visible again at the end.
struct Letters {
    queue: SqsDeadLetters,
    hidden_for: Duration,
    /// Those met and not removed, by the queue's id.
    met: BTreeMap<String, DeadLetter>,
}

impl Letters {
    fn new(resources: &Resources, hiding: HidingOptions) -> Result<Self> {
        Ok(Self {
            queue: resources.fan_out_dead_letters()?,
            hidden_for: Duration::from_secs(hiding.hide_for),
            met: BTreeMap::new(),
        })
    }

    /// Receives letters that were not met before; none at the end.
    async fn next(&mut self, at_most: usize) -> Result<Vec<DeadLetter>> {
        let received = self
            .queue
            .receive(at_most.min(LETTERS_PER_REQUEST), self.hidden_for)
            .await?;
        let mut new = Vec::new();
        for letter in received {
            if self.met.insert(letter.message_id.clone(), letter.clone()).is_none() {
                new.push(letter);
            }
        }
        Ok(new)
    }

    async fn remove(&mut self, letter: &DeadLetter) -> Result<()> {
        self.queue.remove(letter).await?;
        self.met.remove(&letter.message_id);
        Ok(())
    }

    async fn give_back(self) -> Result<()> {
        for letter in self.met.values() {
            self.queue.give_back(letter).await?;
        }
        Ok(())
    }
}

async fn read_all(resources: &Resources, limit: usize, hiding: HidingOptions) -> Result<Vec<FanOutLetter>> {
    let log = resources.event_log();
    let mut letters = Letters::new(resources, hiding)?;
    let mut read = Vec::new();
    let mut left = limit;
    while left > 0 {
        let new = letters.next(left).await?;
        if new.is_empty() {
            break;
        }
        left -= new.len();
        for letter in &new {
            read.push(describe(letter, log.as_ref()).await?);
        }
    }
    letters.give_back().await?;
    Ok(read)
}

async fn describe(letter: &DeadLetter, log: Option<&DynamoEventLog>) -> Result<FanOutLetter> {
    let opened = event_message::open(&letter.text);
    let (store, events, reason) = match &opened {
        Ok(message) => (
            Some(message.store.label().into_owned()),
            message.events.len(),
            reason(message, log).await?,
        ),
        Err(problem) => (None, 0, format!("not ours: {problem}")),
    };
    Ok(FanOutLetter {
        message_id: letter.message_id.clone(),
        store,
        events,
        sent_at: letter.sent_at,
        receives: letter.receives,
        reason,
    })
}

/// Reason why the message is a dead letter, as far as it and the kept events tell.
async fn reason(message: &EventMessage<'_>, log: Option<&DynamoEventLog>) -> Result<String> {
    if let Some(problem) = message.events.iter().find_map(|event| event.as_ref().err()) {
        return Ok(problem.to_string());
    }
    let Some(log) = log else {
        return Ok("unknown: EVENTS_TABLE is not set".to_owned());
    };
    let (mut missing, mut queued, mut refusal) = (0, 0, None);
    for event in message.events.iter().flatten() {
        match log.find(&message.store, &event.event.id).await? {
            None => missing += 1,
            Some(kept) if kept.bus == BusVerdict::Queued => {
                queued += 1;
                refusal = refusal.or(kept.bus_error);
            }
            Some(_) => {}
        }
    }
    Ok(match (missing, queued, refusal) {
        (0, 0, _) => "every event is with its listeners; redriving changes nothing".to_owned(),
        (0, queued, Some(refusal)) => format!("only the event bus refuses: {queued} of its events, {refusal}"),
        (0, queued, None) => format!("only the event bus lacks {queued} of its events"),
        (missing, ..) => format!("{missing} of its events are not kept; the function's log has the reason"),
    })
}

async fn redrive(resources: &Resources, out: &Output, rate: Rate, limit: usize, hiding: HidingOptions) -> Result<bool> {
    let queue = resources.fan_out_queue()?;
    let mut letters = Letters::new(resources, hiding)?;
    let mut limiter = rate.limiter();
    let at_most = rate.within_half(letters.hidden_for);
    let (mut moved, mut not_ours) = (0, 0);
    while moved < limit {
        let new = letters.next(at_most.min(limit - moved)).await?;
        if new.is_empty() {
            break;
        }
        for letter in new {
            let Some(store) = store_of(&letter) else {
                not_ours += 1;
                continue;
            };
            limiter.next().await;
            queue.send_message(&store, letter.text.clone()).await?;
            letters.remove(&letter).await?;
            if out.json {
                out.object(&serde_json::json!({ "message_id": letter.message_id, "store": store.label() }))?;
            }
            moved += 1;
        }
    }
    letters.give_back().await?;
    say(&format!("· {} moved to the fan-out queue", count(moved, "dead letter")));
    if not_ours > 0 {
        let left = count(not_ours, "message");
        say(&format!("· {left} not ours left in the dead-letter queue"));
    }
    Ok(true)
}

fn store_of(letter: &DeadLetter) -> Option<StoreKey> {
    event_message::open(&letter.text).ok().map(|message| message.store)
}
