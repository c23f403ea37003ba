//! Goes through the dead letters for a person: which of them are meant, how far it has come, and each in a few words.

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
    args::Hiding,
    output::{self, Row},
    places::Connected,
    select::Selection,
};

/// How many letters are taken at once.
const AT_ONCE: usize = 10;

/// The delivery with its body, fetched if it is kept elsewhere.
pub async fn whole(letter: &Letter, places: &Connected) -> Result<Delivery> {
    Ok(letter.whole(places.bodies().as_ref()).await?)
}

/// Whether a letter is meant.
type Fits<'a> = Box<dyn Fn(&Letter) -> bool + 'a>;

/// A walk through the dead letters.
pub struct Walk<'a>(pub dead_letters::DeadLetterWalk<SqsDeadLetters, DynamoLedger, Fits<'a>>);

impl<'a> Walk<'a> {
    pub fn new(places: &Connected, selection: &'a Selection, hiding: Hiding) -> Result<Self> {
        let (queue, ledger, now) = (places.dead_letters()?, places.ledger()?, Timestamp::now());
        let fits = move |letter: &Letter| selection.fits(letter.delivery.as_ref().ok(), letter.problem(), now);
        let hidden_for = Duration::from_secs(hiding.hide_for);
        Ok(Self(dead_letters::DeadLetterWalk::new(
            queue,
            ledger,
            Box::new(fits),
            hidden_for,
        )))
    }

    /// About how many letters there are. Says so if some cannot be seen.
    pub async fn about(&self) -> Result<u64> {
        let backlog = self.0.backlog().await?;
        if backlog.hidden > 0 {
            output::say(&format!(
                "· {} hidden at present, by another who lists or moves them, or by one who died doing so: they come \
                 back by themselves, after {} s or less unless told otherwise",
                output::count(usize::try_from(backlog.hidden).unwrap_or(usize::MAX), "letter"),
                self.0.hidden_for().as_secs()
            ));
        }
        Ok(backlog.visible)
    }

    /// Gives back all that was not removed.
    pub async fn give_back(self) -> Result<()> {
        let given = self.0.give_back().await;
        given.context("some letters stay hidden for a while; they come back by themselves")
    }

    /// All letters that are meant, up to `limit`, given back. Whether there may be more.
    pub async fn all(mut self, limit: usize) -> Result<(Vec<Letter>, bool)> {
        let bar = crate::pace::bar(self.about().await?, "reading");
        let mut letters = Vec::new();
        let mut more = false;
        while let Some(some) = self.0.next(AT_ONCE).await? {
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

/// A letter in a few words. Holds nothing of the body.
#[derive(Debug, Serialize)]
pub struct Summary {
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
    /// None if the body is kept outside of the message.
    pub bytes: Option<usize>,
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
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

impl Summary {
    /// Sort of the problem, with the class of the failure.
    pub fn problem(&self) -> Option<String> {
        self.code.as_ref().map(|code| sort_of(code, self.cause))
    }
}

/// Sort of a problem, with the class of the failure if a port failed: `index_unavailable (denied)`.
pub fn sort_of(code: impl fmt::Display, cause: Option<impl fmt::Display>) -> String {
    cause.map_or_else(|| code.to_string(), |cause| format!("{code} ({cause})"))
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
                or_dash(self.problem().as_ref()),
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
