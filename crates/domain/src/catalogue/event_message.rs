//! Events as messages of the fan-out queue: one line of JSON that names the store, then one line for each event.
//!
//! ```text
//! {"hookline_events":1,"store":"shopify#demo.myshopify.com"}
//! {"id":"evt_01M8KC7FD03QH5TX988ZJ0TNS4","type":"product.updated",…}
//! {"id":"evt_01M8KC7FD03QH5TX988ZJ0TNS5","type":"inventory.updated",…}
//! ```
//!
//! The first line may also hold [sealed bodies](crate::delivery::sealed) by the events that they belong to, as
//! `"sealed":{"evt_…":"…"}`: they are no part of an event, and whoever passes one on leaves them behind.
//!
//! Each event is read by itself, so that one that cannot be read holds up no other. Its line is what listeners get, byte
//! for byte: fields that a later version of the sender adds pass through.

use std::collections::BTreeMap;

use hookline_events::{Event, EventId, MAX_DATA_BYTES, ReadError};
use serde::{Deserialize, Serialize};

use crate::{delivery::sealed::SealedBody, kernel::ids::StoreKey};

/// Maximum size of an event's JSON. An event bus accepts requests of 256 KB
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>), and a table items of 400 KB.
pub const MAX_EVENT_BYTES: usize = 200 * 1024;

const FORMAT: u32 = 1;

/// Bytes around a sealed body and its event's id in the first line: `,"sealed":{}`, counted for each, quotes, colon and comma.
const SEALED_AROUND: usize = 12 + 6;

#[derive(Serialize, Deserialize)]
struct Header {
    hookline_events: u32,
    store: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sealed: BTreeMap<String, String>,
}

/// Sealed bodies, by the events of their deliveries.
pub type SealedBodies = BTreeMap<EventId, SealedBody>;

/// A parsed message.
#[derive(Debug)]
pub struct EventMessage<'a> {
    /// Store of all its events.
    pub store: StoreKey,
    /// The events, or the reason why one cannot be sent on.
    pub events: Vec<Result<SentEvent<'a>, EventError>>,
    /// Sealed bodies of some of them. One that cannot be read counts as absent.
    pub sealed: SealedBodies,
}

/// An event of a message.
#[derive(Debug)]
pub struct SentEvent<'a> {
    /// The event.
    pub event: Event,
    /// Its JSON, as sent.
    pub json: &'a str,
}

/// A message that holds no events of ours. Not retryable; it needs a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventMessageError {
    /// A first line that [`pack`] did not write.
    #[error("the message's first line names no store of events")]
    Header,
    /// A message of a later version of this code.
    #[error("the message has format {0}; this version reads format {FORMAT}")]
    Format(u32),
    /// No event after the first line.
    #[error("the message has no event")]
    Empty,
}

/// An event that cannot be sent on. Not retryable; it needs a person. Names no value of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It is of a later version of the schema, so the sender is newer than this code.
    #[error("an event has version {0} of the schema; update the fan-out function, then redrive")]
    Version(u64),
    /// Its type is not known, so the sender is newer than this code, or it is not an event.
    #[error("line {line} is an event of an unknown type; update the fan-out function, then redrive")]
    Type {
        /// Number of its line in the message, from 1.
        line: usize,
    },
    /// It is not an event.
    #[error("line {line} is not an event")]
    Shape {
        /// Number of its line in the message, from 1.
        line: usize,
    },
    /// Another store's event.
    #[error("line {line} is an event of another store than the message")]
    OtherStore {
        /// Number of its line in the message, from 1.
        line: usize,
    },
    /// Larger than the schema allows.
    #[error("the event of line {line} has {bytes} bytes {of}; at most {limit} are allowed")]
    TooLarge {
        /// Number of its line in the message, from 1.
        line: usize,
        /// Size.
        bytes: usize,
        /// Measured part.
        of: &'static str,
        /// Maximum size.
        limit: usize,
    },
}

/// Writes events of one store as messages of at most `limit` bytes, as few as possible. An event that exceeds the limit
/// by itself has a message of its own, which the queue refuses.
#[must_use]
pub fn pack(store: &StoreKey, events: &[Event], limit: usize) -> Vec<String> {
    pack_sealed(store, events, &SealedBodies::new(), limit)
}

/// Writes events with their sealed bodies, as [`pack`] does. A sealed body that does not fit beside its event is left out.
#[must_use]
pub fn pack_sealed(store: &StoreKey, events: &[Event], sealed: &SealedBodies, limit: usize) -> Vec<String> {
    let mut header = Header {
        hookline_events: FORMAT,
        store: store.to_string(),
        sealed: BTreeMap::new(),
    };
    let head = first_line(&header).len();
    let mut messages = Vec::new();
    let mut lines = String::new();
    let mut taken = 0;
    for event in events {
        let line = line(event);
        let text = sealed.get(&event.id).map(SealedBody::text);
        let beside = |text: &String| event.id.as_str().len() + text.len() + SEALED_AROUND;
        let fits = |text: &String| head + 1 + line.len() + beside(text) <= limit;
        let text = text.filter(fits);
        let bytes = 1 + line.len() + text.as_ref().map_or(0, beside);
        if !lines.is_empty() && head + taken + bytes > limit {
            messages.push(first_line(&header) + &std::mem::take(&mut lines));
            header.sealed.clear();
            taken = 0;
        }
        lines.push('\n');
        lines.push_str(&line);
        taken += bytes;
        header.sealed.extend(text.map(|text| (event.id.to_string(), text)));
    }
    if !lines.is_empty() {
        messages.push(first_line(&header) + &lines);
    }
    messages
}

fn first_line(header: &Header) -> String {
    serde_json::to_string(header).expect("a number and texts always serialize")
}

/// JSON of an event without the two noncharacters that SQS refuses
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>). JSON has no other
/// place for them than texts, where they can be escaped.
fn line(event: &Event) -> String {
    let json = serde_json::to_string(event).expect("an event has only texts as keys, so it always serializes");
    json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff")
}

/// Parses a message.
///
/// # Errors
/// [`EventMessageError`] if it holds no events of ours at all.
pub fn open(text: &str) -> Result<EventMessage<'_>, EventMessageError> {
    let (header, rest) = text.split_once('\n').unwrap_or((text, ""));
    let header: Header = serde_json::from_str(header).map_err(|_| EventMessageError::Header)?;
    if header.hookline_events != FORMAT {
        return Err(EventMessageError::Format(header.hookline_events));
    }
    let store: StoreKey = header.store.parse().map_err(|_| EventMessageError::Header)?;
    let lines = rest.lines().zip(2..).filter(|(line, _)| !line.trim().is_empty());
    let events: Vec<_> = lines.map(|(json, line)| read(&store, json, line)).collect();
    if events.is_empty() {
        return Err(EventMessageError::Empty);
    }
    let sealed = header.sealed.iter();
    let sealed = sealed.filter_map(|(id, text)| Some((id.parse().ok()?, SealedBody::parse(text)?)));
    Ok(EventMessage {
        sealed: sealed.collect(),
        store,
        events,
    })
}

fn read<'a>(store: &StoreKey, json: &'a str, line: usize) -> Result<SentEvent<'a>, EventError> {
    let too_large = |bytes, of, limit| EventError::TooLarge { line, bytes, of, limit };
    if json.len() > MAX_EVENT_BYTES {
        return Err(too_large(json.len(), "in all", MAX_EVENT_BYTES));
    }
    let event = Event::read(json.as_bytes()).map_err(|error| match error {
        ReadError::Version(version) => EventError::Version(version),
        ReadError::Type(_) => EventError::Type { line },
        ReadError::Shape(_) => EventError::Shape { line },
    })?;
    if event.store.source != store.source.as_str() || event.store.id != store.store.as_str() {
        return Err(EventError::OtherStore { line });
    }
    let data = serde_json::to_vec(&event.data).map_or(usize::MAX, |data| data.len());
    if data > MAX_DATA_BYTES {
        return Err(too_large(data, "of data", MAX_DATA_BYTES));
    }
    Ok(SentEvent { event, json })
}

#[cfg(test)]
mod tests;
