//! A message with its attempts.

use hookline_events::{EventId, EventType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    endpoint::reason,
    headers::{HeaderView, request_headers},
    second_of,
};
use crate::{
    kernel::{
        ids::{StoreKey, StoreLabel},
        time::clock_time,
    },
    outbound::{
        AttemptCode, AttemptRecord, Endpoint, EndpointState, Entry, Excerpt, KEPT_ATTEMPTS, MessageFate, MessageRecord,
    },
};

/// A message: one event for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "Message"))]
pub struct MessageView {
    /// Id of the event.
    pub event: EventId,
    /// Type of the event; null if the event was no longer kept when the message was first recorded.
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub r#type: Option<EventType>,
    /// Name of the event's store.
    pub store: StoreLabel,
    /// Fate; `open` until it has another.
    pub fate: FateName,
    /// Latest attempts, oldest first, at most 10.
    pub attempts: Vec<AttemptView>,
    /// Attempts that have failed by the message's own fault; after 10 it is `exhausted`.
    pub failed: u32,
    /// Time of the next attempt, once it has been retried; null if it is settled, or goes as soon as the endpoint takes
    /// messages.
    pub next_attempt_at: Option<Timestamp>,
    /// Number of times that a person has asked for it again.
    pub run: u32,
    /// Fate, and what happens next, in a sentence or two.
    pub sentence: String,
}

/// Fate of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "MessageFate"))]
#[serde(rename_all = "snake_case")]
pub enum FateName {
    /// It is to be sent.
    Open,
    /// The endpoint has taken it.
    Sent,
    /// All its attempts have failed.
    Exhausted,
    /// The endpoint never wants it again.
    Aborted,
    /// It has waited for too long, or its event is no longer kept.
    Expired,
    /// A person did not want what waited to be sent, or has deleted the endpoint.
    Discarded,
    /// The endpoint has been sent a newer state of the same thing.
    Superseded,
}

impl From<Option<MessageFate>> for FateName {
    fn from(fate: Option<MessageFate>) -> Self {
        match fate {
            None => Self::Open,
            Some(MessageFate::Sent) => Self::Sent,
            Some(MessageFate::Exhausted) => Self::Exhausted,
            Some(MessageFate::Aborted) => Self::Aborted,
            Some(MessageFate::Expired) => Self::Expired,
            Some(MessageFate::Discarded) => Self::Discarded,
            Some(MessageFate::Superseded) => Self::Superseded,
        }
    }
}

impl FateName {
    /// Returns the name, as in JSON: `sent`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sent => MessageFate::Sent.as_str(),
            Self::Exhausted => MessageFate::Exhausted.as_str(),
            Self::Aborted => MessageFate::Aborted.as_str(),
            Self::Expired => MessageFate::Expired.as_str(),
            Self::Discarded => MessageFate::Discarded.as_str(),
            Self::Superseded => MessageFate::Superseded.as_str(),
        }
    }
}

/// An attempt at a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "MessageAttempt"))]
pub struct AttemptView {
    /// Time at which it began.
    pub at: Timestamp,
    /// Time that it took, in milliseconds.
    pub took_ms: u32,
    /// Status of the answer; null if there was none.
    pub status: Option<u16>,
    /// Code of the failure; null if it succeeded.
    pub code: Option<AttemptCode>,
    /// Explanation of the code for the endpoint's owner.
    pub code_sentence: Option<String>,
    /// Headers that it certainly sent. Of one message only, null in lists; null also if there was no answer, because then it is not
    /// certain that anything was sent.
    pub request_headers: Option<Vec<HeaderView>>,
    /// Beginning of the answer's body if this is the message's latest refusal that has one, at most 512 bytes. For admins, and of
    /// one message only: null in lists. Null for endpoints with personal data.
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub excerpt: Option<Excerpt>,
}

impl From<&AttemptRecord> for AttemptView {
    fn from(attempt: &AttemptRecord) -> Self {
        Self {
            at: attempt.at,
            took_ms: attempt.took_ms,
            status: attempt.status,
            code: attempt.code,
            code_sentence: attempt.code.map(|code| code.sentence().to_owned()),
            request_headers: None,
            excerpt: None,
        }
    }
}

impl MessageView {
    /// Returns the view of a message that has a record.
    #[must_use]
    pub fn of(endpoint: &Endpoint, event: &EventId, record: &MessageRecord, now: Timestamp) -> Self {
        Self {
            event: event.clone(),
            r#type: record.kind.clone(),
            store: StoreLabel::from(&record.store),
            fate: record.fate.into(),
            attempts: record.attempts.iter().map(AttemptView::from).collect(),
            failed: record.failed,
            next_attempt_at: record.due.filter(|_| record.fate.is_none()),
            run: record.run,
            sentence: sentence(endpoint, Some(record), now),
        }
    }

    /// Returns the view of one message, with the headers of its attempts and what the endpoint said to refuse it. For admins; others
    /// see it [without](Self::without_excerpts) the latter.
    #[must_use]
    pub fn in_detail(endpoint: &Endpoint, event: &EventId, record: &MessageRecord, now: Timestamp) -> Self {
        let mut view = Self::of(endpoint, event, record, now);
        for (shown, attempt) in view.attempts.iter_mut().zip(&record.attempts) {
            shown.request_headers = request_headers(endpoint, event, record, attempt);
            shown.excerpt.clone_from(&attempt.excerpt);
        }
        view
    }

    /// Returns it for people who may not see what the endpoint said.
    #[must_use]
    pub fn without_excerpts(mut self) -> Self {
        for attempt in &mut self.attempts {
            attempt.excerpt = None;
        }
        self
    }

    /// Returns the view of a message that was never tried.
    #[must_use]
    pub fn untried(
        endpoint: &Endpoint,
        event: &EventId,
        store: &StoreKey,
        kind: Option<&EventType>,
        now: Timestamp,
    ) -> Self {
        Self {
            event: event.clone(),
            r#type: kind.cloned(),
            store: StoreLabel::from(store),
            fate: FateName::Open,
            attempts: vec![],
            failed: 0,
            next_attempt_at: None,
            run: 0,
            sentence: sentence(endpoint, None, now),
        }
    }

    /// Returns the view of an open entry. Its record counts only if it is about the entry's run.
    #[must_use]
    pub fn open(
        endpoint: &Endpoint,
        entry: &Entry,
        kind: Option<&EventType>,
        record: Option<&MessageRecord>,
        now: Timestamp,
    ) -> Self {
        let of_run = record.filter(|record| record.run == entry.key.run && record.fate.is_none());
        match of_run {
            Some(record) => Self::of(endpoint, &entry.key.event, record, now),
            None => Self {
                run: entry.key.run,
                ..Self::untried(endpoint, &entry.key.event, &entry.store, kind, now)
            },
        }
    }
}

/// Fate of a message of an endpoint, and what happens next.
pub(super) fn sentence(endpoint: &Endpoint, record: Option<&MessageRecord>, now: Timestamp) -> String {
    let Some(record) = record else {
        return waits(endpoint, None, now);
    };
    let Some(fate) = record.fate else {
        return waits(endpoint, Some(record), now);
    };
    match fate {
        MessageFate::Sent => {
            let at = record.attempts.last().map_or(record.written_at, |attempt| attempt.at);
            format!(
                "Sent at {} on the {} attempt.",
                second_of(at, now),
                ordinal(record.attempts.len())
            )
        }
        MessageFate::Exhausted => {
            let last = record.attempts.last().and_then(|attempt| attempt.code);
            let last = last.map_or_else(String::new, |code| format!(" The last failure: {}", code.sentence()));
            let at = second_of(record.written_at, now);
            format!(
                "Given up at {at} after {} failed attempts; retry it by hand.{last}",
                record.failed
            )
        }
        MessageFate::Aborted => "Not sent: the endpoint asked never to be sent this message again.".to_owned(),
        MessageFate::Expired => {
            "Not sent: it waited for longer than the endpoint keeps messages, or its event is no longer kept."
                .to_owned()
        }
        MessageFate::Discarded => {
            "Not sent: what waited was discarded when the endpoint was activated or deleted.".to_owned()
        }
        MessageFate::Superseded => {
            "Not sent: the endpoint has been sent, or is about to be sent, a newer state of the same thing.".to_owned()
        }
    }
}

fn waits(endpoint: &Endpoint, record: Option<&MessageRecord>, now: Timestamp) -> String {
    let since = clock_time(endpoint.state_since, now);
    match endpoint.state {
        EndpointState::Active => {}
        EndpointState::Paused => {
            return format!("Waits: the endpoint is paused since {since}{}.", reason(endpoint));
        }
        EndpointState::Disabled(_) => {
            return format!("Waits: the endpoint is disabled since {since}. Activate it to send what waits.");
        }
        EndpointState::Deleting => return "The endpoint is deleted, and the message will be discarded.".to_owned(),
    }
    let Some(record) = record else {
        return "Waits to be sent.".to_owned();
    };
    let last = record.attempts.last().and_then(|attempt| attempt.code);
    let last = last.map_or_else(String::new, |code| format!(" The last failure: {}", code.sentence()));
    match record.due.filter(|due| *due > now) {
        Some(due) => {
            let next = ordinal(record.attempts.len() + 1);
            format!("Waits: the {next} attempt is due at {}.{last}", second_of(due, now))
        }
        None => format!("Waits: it is tried again as soon as the endpoint takes messages.{last}"),
    }
}

/// Number of an attempt in words. A record forgets those before the latest ten.
fn ordinal(number: usize) -> &'static str {
    const WORDS: [&str; KEPT_ATTEMPTS] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    ];
    WORDS.get(number.saturating_sub(1)).copied().unwrap_or("next")
}
