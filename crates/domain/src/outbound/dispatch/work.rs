//! Work on an outbox while its lease is held.

use std::collections::{BTreeSet, VecDeque};

use futures_util::{StreamExt, stream};
use hookline_events::EventId;
use jiff::Timestamp;

use super::{
    Course, Dispatch, DispatchPorts, Endpoints, PAGE, Post, READ_AGAIN_AFTER,
    decide::{self, Change, Step},
};
use crate::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
    },
    outbound::{
        AttemptCode, Endpoint, EndpointState, Entry, EntryKey, Health, Known, Meaning, MessageRecord, Messages,
        Outboxes,
    },
};

/// Entries with what is kept of their messages.
type Group = Vec<(Entry, Known)>;

impl<P: DispatchPorts> Dispatch<P> {
    /// Posts what is due.
    pub(super) async fn work(&self, course: &mut Course<'_>) -> Result<(), PortError> {
        let mut read_at = self.clock.now();
        let mut endpoint = self.endpoints.find(course.key).await?;
        let (mut waiting, mut seen) = (VecDeque::new(), BTreeSet::new());
        loop {
            let now = self.clock.now();
            if now >= course.stop_at {
                return Ok(());
            }
            if now.duration_since(read_at) >= READ_AGAIN_AFTER {
                read_at = now;
                endpoint = self.endpoints.find(course.key).await?;
            }
            let posts = match &endpoint {
                Some(endpoint) => endpoint.state == EndpointState::Active,
                None => false,
            };
            let discards = endpoint.as_ref().is_none_or(|one| one.state == EndpointState::Deleting);
            if posts && course.health.not_before(now).is_some() {
                return Ok(());
            }
            if waiting.is_empty() {
                waiting = self.due(course, &mut seen, now, discards).await?;
            }
            let group = match &endpoint {
                Some(endpoint) if posts => take_group(&mut waiting, &course.health, endpoint),
                _ => waiting.drain(..).collect(),
            };
            if group.is_empty() {
                course.halted = !posts;
                return Ok(());
            }
            let group = self.known(course, group).await?;
            let active = endpoint.as_ref().filter(|_| !discards);
            let mut changes = Vec::new();
            let mut open = Vec::new();
            for (entry, known) in group {
                match decide::step(&entry, &known, active, now) {
                    Step::Remove => changes.push((
                        entry,
                        Change {
                            removes: true,
                            ..Change::default()
                        },
                    )),
                    Step::Settle(fate) => {
                        let change = decide::settled(&entry, &known, fate);
                        changes.push((entry, change));
                    }
                    Step::Post => open.push((entry, known)),
                }
            }
            if let (true, Some(endpoint)) = (posts, &endpoint) {
                let disabled = self.attempt(course, endpoint, open, &mut changes).await;
                self.record(course, changes).await?;
                if let Some(code) = disabled {
                    self.endpoints.disable(course.key, code, self.clock.now()).await?;
                    course.halted = true;
                    return Ok(());
                }
            } else {
                self.record(course, changes).await?;
                // Of a paused or disabled endpoint only what has waited for too long goes: the oldest first.
                if !open.is_empty() {
                    course.halted = true;
                    return Ok(());
                }
            }
        }
    }

    /// Returns the entries that are due and were not worked on in this run, the oldest first. All count as due if they are to be
    /// discarded.
    async fn due(
        &self,
        course: &Course<'_>,
        seen: &mut BTreeSet<EntryKey>,
        now: Timestamp,
        all: bool,
    ) -> Result<VecDeque<Entry>, PortError> {
        let page = self.outboxes.page(course.key, PAGE).await?;
        let due = page.into_iter().filter(|entry| all || entry.key.due <= now);
        Ok(due.filter(|entry| seen.insert(entry.key.clone())).collect())
    }

    async fn known(&self, course: &Course<'_>, entries: Vec<Entry>) -> Result<Group, PortError> {
        let events: Vec<(StoreKey, EventId)> = (entries.iter())
            .map(|entry| (entry.store.clone(), entry.key.event.clone()))
            .collect();
        let known = self.messages.find(course.key, &events).await?;
        Ok(entries.into_iter().zip(known).collect())
    }

    /// Posts messages at once. Returns the code for which the endpoint is to be disabled, if it is.
    async fn attempt(
        &self,
        course: &mut Course<'_>,
        endpoint: &Endpoint,
        open: Group,
        changes: &mut Vec<(Entry, Change)>,
    ) -> Option<AttemptCode> {
        let at_once = open.len().max(1);
        let posted = stream::iter(open).map(async |(entry, known)| {
            let number = decide::current(&entry, &known).failed + 1;
            let posted = match &known.event {
                Some(event) => Some(self.post.post(endpoint, event, number, entry.key.run > 0).await),
                None => None,
            };
            (entry, known, posted, self.clock.now())
        });
        let posted: Vec<_> = posted.buffer_unordered(at_once).collect().await;
        let mut disabled = None;
        for (entry, known, posted, now) in posted {
            let Some(posted) = posted else { continue };
            let meaning = decide::meaning(&known, &posted, &course.health);
            let change = decide::change(&entry, &known, &posted, meaning, &course.health, now);
            let most = endpoint.limits.at_once;
            course.health.note(meaning, &entry.key.event, posted.took, most, now);
            course.attempts += 1;
            course.sent += usize::from(meaning == Meaning::Sent);
            if let Meaning::Disable(code) = meaning {
                disabled = Some(code);
            } else if course.health.has_failed_for(endpoint.limits.disable_after, now) {
                disabled = disabled.or(meaning.code());
            }
            changes.push((entry, change));
        }
        disabled
    }

    /// Records changes: retries first, then records, and then the entries go whose records were written.
    async fn record(&self, course: &Course<'_>, changes: Vec<(Entry, Change)>) -> Result<(), PortError> {
        let retries: Vec<Entry> = changes.iter().filter_map(|(_, change)| change.retry.clone()).collect();
        if !retries.is_empty() {
            self.outboxes.add(course.key, &retries).await?;
        }
        let records: Vec<(EventId, MessageRecord)> = (changes.iter())
            .filter_map(|(entry, change)| Some((entry.key.event.clone(), change.record.clone()?)))
            .collect();
        let mut written = if records.is_empty() {
            Vec::new()
        } else {
            self.messages.put(course.key, &records).await
        }
        .into_iter();
        let (mut gone, mut failed) = (Vec::new(), None);
        for (entry, change) in changes {
            let is_written = match change.record {
                None => true,
                Some(_) => match written.next() {
                    // Refused: somebody else has written since, whose entry this is.
                    Some(Ok(is_written)) => is_written,
                    Some(Err(failure)) => {
                        failed = Some(failure);
                        false
                    }
                    None => false,
                },
            };
            if is_written && change.removes {
                gone.push(entry.key);
            }
        }
        if !gone.is_empty() {
            self.outboxes.remove(course.key, &gone).await?;
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Takes as many entries as may be posted at once, the oldest first; that of the last failure only if there is no other.
fn take_group(waiting: &mut VecDeque<Entry>, health: &Health, endpoint: &Endpoint) -> Vec<Entry> {
    let count = health.at_once(endpoint.limits.at_once);
    let (mut group, mut left) = (Vec::new(), VecDeque::new());
    for entry in waiting.drain(..) {
        if group.len() < count && Some(&entry.key.event) != health.failed_last() {
            group.push(entry);
        } else {
            left.push_back(entry);
        }
    }
    if group.is_empty() {
        group.extend(left.pop_front());
    }
    *waiting = left;
    group
}
