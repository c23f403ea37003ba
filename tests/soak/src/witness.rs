//! Witness of events on their way: the index before they are sent, the fan-out queue, the event bus.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use crate::told::Told;

/// Events and documents that have passed the boundary.
#[derive(Debug, Default)]
pub struct Witness {
    seen: Mutex<Seen>,
}

/// Events seen so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Highest version that the index has of each document, or has removed it as of, by its own answers.
    pub held: BTreeMap<String, i64>,
    /// Events that somebody was about to send although the index did not have their states.
    pub early: BTreeSet<String>,
    /// Events that came out of the fan-out queue, each as often as it differs.
    pub queued: BTreeSet<Told>,
    /// Number of events in the messages that came out of the queue, with all their copies.
    pub copies: u64,
    /// Events that the bus has accepted, each as often as it differs.
    pub posted: BTreeSet<Told>,
    /// Number of events that the bus has accepted, with all their copies.
    pub posts: u64,
    /// Messages and events that cannot be read.
    pub unreadable: BTreeSet<String>,
}

impl Seen {
    /// Ids of the events that came out of the fan-out queue.
    pub fn queued_ids(&self) -> BTreeSet<&str> {
        self.queued.iter().map(|event| event.id.as_str()).collect()
    }

    /// Ids of the events that the bus has accepted.
    pub fn posted_ids(&self) -> BTreeSet<&str> {
        self.posted.iter().map(|event| event.id.as_str()).collect()
    }
}

impl Witness {
    /// The index has done an operation on a document.
    pub fn indexed(&self, document: &str, version: i64) {
        let mut seen = self.lock();
        let held = seen.held.entry(document.to_owned()).or_insert(version);
        *held = version.max(*held);
    }

    /// Somebody is about to send this message to the fan-out queue.
    pub fn sending(&self, message: &str) {
        let mut seen = self.lock();
        match Told::read_message(message) {
            Ok(events) => {
                for event in events {
                    let Some(version) = event.version else { continue };
                    let held = seen.held.get(&event.document()).copied();
                    if held.is_none_or(|held| held < version) {
                        seen.early.insert(format!(
                            "{} {} of {} {}: its state is {version}, and the index has {held:?}",
                            event.kind, event.id, event.store, event.subject.1
                        ));
                    }
                }
            }
            Err(problem) => {
                seen.unreadable.insert(format!("{problem:#}"));
            }
        }
    }

    /// This message has come out of the fan-out queue.
    pub fn received(&self, message: &str) {
        let mut seen = self.lock();
        match Told::read_message(message) {
            Ok(events) => {
                seen.copies += u64::try_from(events.len()).unwrap_or(u64::MAX);
                seen.queued.extend(events);
            }
            Err(problem) => {
                seen.unreadable.insert(format!("{problem:#}"));
            }
        }
    }

    /// The bus has accepted this entry.
    pub fn posted(&self, entry: &Value) {
        let mut seen = self.lock();
        match Told::read(entry["Detail"].as_str().unwrap_or_default()) {
            Ok(event) => {
                seen.posts += 1;
                seen.posted.insert(event);
            }
            Err(problem) => {
                seen.unreadable.insert(format!("{problem:#}"));
            }
        }
    }

    /// Returns what has been seen until now.
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_early_until_the_index_has_its_state_or_a_newer_one() {
        let message = |version: i64| {
            format!(
                "{{\"hookline_events\":1,\"store\":\"shopify#a\"}}\n{}",
                serde_json::json!({
                    "id": "evt_1", "type": "product.updated", "timestamp": "2026-11-29T10:04:52Z",
                    "store": {"source": "shopify", "id": "a"},
                    "subject": {"kind": "product", "id": "1", "version": version.to_string()},
                    "data": {"id": "1", "status": "hidden"},
                })
            )
        };
        let witness = Witness::default();
        witness.indexed("shopify#a#product#1", 5);
        witness.indexed("shopify#a#product#1", 3);
        witness.sending(&message(4));
        witness.sending(&message(5));
        assert_eq!(witness.seen().early.len(), 0);
        witness.sending(&message(6));
        assert_eq!(witness.seen().early.len(), 1);
        witness.received("no message of ours");
        assert_eq!(witness.seen().unreadable.len(), 1);
    }
}
