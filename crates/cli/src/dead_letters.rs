//! Reads the dead letters that a person selects, with progress on the terminal, and summarizes each.

use std::{fmt, time::Duration};

use anyhow::{Context, Result};
use hookline_aws::{DynamoLedger, SqsDeadLetters};
pub use hookline_domain::delivery::dead_letters::Letter;
use hookline_domain::{
    delivery::{Delivery, dead_letters},
    kernel::port::Cause,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::HidingOptions,
    output::{self, Row, timestamp},
    resources::Resources,
    selection::Selection,
};

/// Letters received per request.
const LETTERS_PER_REQUEST: usize = 10;

/// Returns the delivery of a letter; fetches its body from S3 if the message does not hold it.
pub async fn fetch_delivery(letter: &Letter, resources: &Resources) -> Result<Delivery> {
    Ok(letter.whole(resources.bodies().as_ref()).await?)
}

/// Predicate that selects letters.
type Matches<'a> = Box<dyn Fn(&Letter) -> bool + 'a>;

/// Walk through the selected dead letters.
pub struct DeadLetterWalk<'a>(pub dead_letters::DeadLetterWalk<SqsDeadLetters, DynamoLedger, Matches<'a>>);

impl<'a> DeadLetterWalk<'a> {
    pub fn new(resources: &Resources, selection: &'a Selection, hiding: HidingOptions) -> Result<Self> {
        let (queue, ledger, now) = (resources.dead_letters()?, resources.ledger()?, Timestamp::now());
        let matches = move |letter: &Letter| selection.matches(letter.delivery.as_ref().ok(), letter.problem(), now);
        let hidden_for = Duration::from_secs(hiding.hide_for);
        Ok(Self(dead_letters::DeadLetterWalk::new(
            queue,
            ledger,
            Box::new(matches),
            hidden_for,
        )))
    }

    /// Approximate number of letters. Prints a message if some are hidden.
    pub async fn approximate_count(&self) -> Result<u64> {
        let backlog = self.0.backlog().await?;
        if backlog.hidden > 0 {
            output::say(&format!(
                "· {} hidden by another command that is reading or moving them, or was killed while it did. They become \
                 visible by themselves, within {} s unless that command set another --hide-for",
                output::count(usize::try_from(backlog.hidden).unwrap_or(usize::MAX), "dead letter"),
                self.0.hidden_for().as_secs()
            ));
        }
        Ok(backlog.visible)
    }

    /// Makes every letter that was not removed visible again.
    pub async fn give_back(self) -> Result<()> {
        let released = self.0.give_back().await;
        released.context("some dead letters stay hidden for a while; they become visible by themselves")
    }

    /// Returns the selected letters, up to `limit`, and true if there may be more. All are visible again afterwards.
    pub async fn all(mut self, limit: usize) -> Result<(Vec<Letter>, bool)> {
        let bar = crate::output::progress_bar(self.approximate_count().await?, "reading");
        let mut letters = Vec::new();
        let mut more = false;
        while let Some(some) = self.0.next(LETTERS_PER_REQUEST).await? {
            letters.extend(some);
            bar.set_position(u64::try_from(self.0.met()).unwrap_or(u64::MAX));
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

/// Summary of a dead letter, without anything from its body.
#[derive(Debug, Serialize)]
pub struct DeadLetterSummary {
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ours: Option<String>,
    pub source: Option<String>,
    pub store: Option<String>,
    pub topic: Option<String>,
    pub delivery_id: Option<String>,
    pub event_id: Option<String>,
    pub api_version: Option<String>,
    pub triggered_at: Option<Timestamp>,
    pub received_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub receives: u32,
    /// None if the body is in S3.
    pub bytes: Option<usize>,
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    pub message: Option<String>,
    pub problem_at: Option<Timestamp>,
}

impl From<&Letter> for DeadLetterSummary {
    fn from(letter: &Letter) -> Self {
        let delivery = letter.delivery.as_ref().ok();
        let problem = letter.problem();
        Self {
            message_id: letter.dead.message_id.clone(),
            not_ours: letter.delivery.as_ref().err().cloned(),
            source: delivery.map(|delivery| delivery.key.store.source.to_string()),
            store: delivery.map(|delivery| delivery.key.store.label().into_owned()),
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
            code: problem.map(|problem| problem.code.to_string()),
            cause: problem.and_then(|problem| problem.cause).map(Cause::as_str),
            message: problem.map(|problem| problem.message.clone()),
            problem_at: problem.map(|problem| problem.at),
        }
    }
}

impl DeadLetterSummary {
    /// Code of the problem, with the cause of the failure.
    pub fn problem(&self) -> Option<String> {
        self.code.as_ref().map(|code| code_with_cause(code, self.cause))
    }
}

/// Code of a problem, with the cause if a port failed: `index_unavailable (denied)`.
pub fn code_with_cause(code: impl fmt::Display, cause: Option<impl fmt::Display>) -> String {
    cause.map_or_else(|| code.to_string(), |cause| format!("{code} ({cause})"))
}

impl Row for DeadLetterSummary {
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
                or_dash(self.problem().as_ref()),
                self.message
                    .clone()
                    .unwrap_or_else(|| "the ledger holds no reason".to_owned()),
            ),
        };
        vec![
            or_dash(self.store.as_ref()),
            or_dash(self.topic.as_ref()),
            delivery,
            self.received_at.map_or_else(|| "-".to_owned(), timestamp),
            self.receives.to_string(),
            code,
            message,
        ]
    }
}
