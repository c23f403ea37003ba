//! The outbox, as the ports in memory have it, or with a seeded bug.

use std::collections::BTreeSet;

use hookline_domain::outbound::Health;
use jiff::Timestamp;

use super::{
    bug::Bug,
    call::{Key, Request, Response},
    world::MAX_EVENTS,
};

/// The endpoint's outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Outbox {
    /// Entries.
    pub entries: BTreeSet<Key>,
    /// Nonce and end of the lease, if somebody holds it.
    pub lease: Option<(u8, Timestamp)>,
    /// Nonce of the lease that was released last.
    pub released: Option<u8>,
    /// Health of the endpoint.
    pub health: Health,
    /// Time of the next look.
    pub next_at: Option<Timestamp>,
    /// Versions of the events' states, which are of one thing.
    pub versions: Versions,
    /// Greatest version that was noted; 0 if none was.
    pub greatest: u8,
}

/// Versions of the events' states; 0 of an event that tells none.
pub type Versions = Option<[u8; MAX_EVENTS]>;

impl Outbox {
    /// Executes a call in one step.
    ///
    /// # Panics
    /// If it is not a call of the outbox.
    pub fn perform(&mut self, request: &Request, bug: Option<Bug>) -> Response {
        match request {
            Request::Acquire { nonce, until, now } => {
                let is_held = self.lease.is_some_and(|(held, until)| until > *now && held != *nonce);
                if is_held {
                    return Response::Acquired(None);
                }
                self.lease = Some((*nonce, *until));
                self.released = None;
                Response::Acquired(Some(Box::new(self.health.clone())))
            }
            Request::Release(nonce, health, next_at) => {
                let is_ours = self.lease.is_some_and(|(held, _)| held == *nonce);
                if is_ours {
                    self.lease = None;
                    self.released = Some(*nonce);
                    self.health = (**health).clone();
                    if bug != Some(Bug::NextLookIsLeft) {
                        self.next_at = Some(*next_at);
                    }
                }
                Response::WasOurs(is_ours || self.released == Some(*nonce))
            }
            Request::RemoveItem(nonce) => {
                let is_ours = self.lease.is_some_and(|(held, _)| held == *nonce);
                if is_ours {
                    *self = Self {
                        entries: std::mem::take(&mut self.entries),
                        versions: self.versions,
                        ..Self::default()
                    };
                }
                Response::WasOurs(is_ours)
            }
            Request::Schedule(nonce, next_at) => {
                let is_ours = self.released == Some(*nonce);
                if is_ours {
                    self.next_at = *next_at;
                }
                Response::WasOurs(is_ours)
            }
            Request::Page(limit) => Response::Page(self.entries.iter().take(*limit).copied().collect()),
            Request::PageBack(before, limit) => {
                let entries = self.entries.iter().rev();
                let left = entries.filter(|key| before.is_none_or(|before| **key < before));
                Response::Page(left.take(*limit).copied().collect())
            }
            Request::Add(keys) => {
                self.entries.extend(keys);
                Response::Done
            }
            Request::Remove(keys) => {
                self.entries.retain(|key| !keys.contains(key));
                Response::Done
            }
            Request::Raise(events) => {
                let raise = |event: &u8| {
                    let version = self.version(*event);
                    let is_greatest = version >= self.greatest;
                    if is_greatest && bug != Some(Bug::VersionNotedAfterThePost) {
                        self.greatest = version;
                    }
                    is_greatest
                };
                Response::Raised(events.iter().map(raise).collect())
            }
            other => unreachable!("not a call of the outbox: {other:?}"),
        }
    }

    /// Version of an event's state; 0 if it tells none.
    pub(super) fn version(&self, event: u8) -> u8 {
        self.versions.map_or(0, |versions| versions[usize::from(event)])
    }

    /// Returns true if the next look, or the end of the lease, is before this time.
    pub(super) fn is_overdue(&self, before: Timestamp) -> bool {
        match self.lease {
            Some((_, until)) => until < before,
            None => self.next_at.is_some_and(|at| at < before),
        }
    }
}
