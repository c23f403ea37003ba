//! Work on an outbox while its lease is held.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use futures_util::{StreamExt, stream};
use hookline_events::{Event, EventId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    Course, Dispatch, DispatchPorts, Endpoints, MAX_KNOWN, PAGE, Post, Posted, READ_AGAIN_AFTER,
    decide::{self, Change, Step},
    report::{self, Disabling},
};
use crate::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
        time::later,
    },
    outbound::{
        BacklogMode, Endpoint, EndpointState, Entry, EntryKey, Health, Known, Meaning, MessageFate, MessageRecord,
        Messages, Ordering, Outboxes, Pool, SubjectKey,
    },
};

/// Entries with what is kept of their messages.
type Group = Vec<(Entry, Known)>;

impl<P: DispatchPorts> Dispatch<P> {
    /// Posts what is due.
    pub(super) async fn work(&self, course: &mut Course<'_>) -> Result<(), PortError> {
        let mut read_at = self.clock.now();
        let mut endpoint = self.look(course).await?;
        if course.pool == Pool::Fast && course.health.pool() == Pool::Slow {
            // Its wake-up is from before it turned out to be slow. Each of them would hold up others once more.
            return Ok(());
        }
        let (mut waiting, mut seen) = (VecDeque::new(), BTreeSet::new());
        let (mut is_last, mut settled) = (false, None);
        loop {
            let now = self.clock.now();
            if now >= course.stop_at {
                return Ok(());
            }
            if now.duration_since(read_at) >= READ_AGAIN_AFTER {
                read_at = now;
                endpoint = self.look(course).await?;
            }
            // It may have been activated in the course of this run.
            let backlog = endpoint.as_ref().and_then(|one| one.backlog);
            if let Some(backlog) = backlog.filter(|one| one.mode == BacklogMode::Newest && settled != Some(*one)) {
                if !self.supersede(course, backlog.before).await? {
                    return Ok(());
                }
                self.endpoints.settle_backlog(course.key, backlog).await?;
                settled = Some(backlog);
                continue;
            }
            let posts = match &endpoint {
                Some(endpoint) => endpoint.state == EndpointState::Active,
                None => false,
            };
            let discards = endpoint.as_ref().is_none_or(|one| one.state == EndpointState::Deleting);
            if posts && course.health.not_before(now).is_some() {
                return Ok(());
            }
            // After a page that was not full, what has come since is found by the look after the release. That of an endpoint
            // that takes nothing is found here, for it is not looked for there.
            if waiting.is_empty() && !(posts && is_last) {
                (waiting, is_last) = self.due(course, &mut seen, now, discards).await?;
            }
            let taker = endpoint.as_ref().filter(|_| posts);
            let count = begin(&mut course.health, taker, waiting.len(), now);
            let in_order = taker.is_some_and(|one| one.settings.ordering == Ordering::Entity);
            let group = take_group(&mut waiting, &course.health, count, in_order);
            if group.is_empty() {
                // Of one that may not take more in this second, something is left.
                if !waiting.is_empty() {
                    return Ok(());
                }
                course.halted = !posts;
                if let Some(deleting) = endpoint.filter(|one| one.state == EndpointState::Deleting) {
                    self.endpoints.forget(course.key, deleting.revision).await?;
                }
                return Ok(());
            }
            let discloses = posts && endpoint.as_ref().is_some_and(Endpoint::gets_personal_data);
            let group = self.known(course, group, discloses).await?;
            if posts && self.clock.now().duration_since(read_at) >= READ_AGAIN_AFTER {
                // The calls since were slow: no attempt begins before the endpoint is read again.
                for (entry, _) in group.into_iter().rev() {
                    waiting.push_front(entry);
                }
                continue;
            }
            let active = endpoint.as_ref().filter(|_| !discards);
            let (mut changes, open) = split(group, active, now);
            if let (true, Some(endpoint)) = (posts, &endpoint) {
                let open = self.in_order(course, endpoint, open, &mut changes).await?;
                let attempts = course.attempts;
                let (disabled, failed) = self.attempt(course, endpoint, open, &mut changes).await;
                // Before the records: if nothing is left to be posted, nobody would see again that it has recovered.
                let reported = self.report_news(course, Some(endpoint)).await;
                self.record(course, changes).await?;
                reported?;
                if let Some(failure) = failed {
                    return Err(failure);
                }
                if let Some(disabling) = disabled {
                    self.report_disabled(endpoint, &disabling).await?;
                    let (now, code) = (self.clock.now(), disabling.code);
                    self.endpoints.disable(course.key, endpoint.revision, code, now).await?;
                    course.halted = true;
                    return Ok(());
                }
                let is_slow = course.pool == Pool::Fast && course.health.pool() == Pool::Slow;
                if is_slow && course.attempts > attempts {
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

    /// Reads the endpoint. Its health begins from the start where the endpoint says so.
    async fn look(&self, course: &mut Course<'_>) -> Result<Option<Endpoint>, PortError> {
        let mut endpoint = self.endpoints.find(course.key).await?;
        if let Some(endpoint) = &mut endpoint {
            self.prove(endpoint).await?;
            course.health.reset(endpoint.reset_at);
            course.noted = Some(endpoint.pool);
        }
        Ok(endpoint)
    }

    /// Sends the challenge that a person has asked for, in whatever state the endpoint is unless it is being deleted.
    async fn prove(&self, endpoint: &mut Endpoint) -> Result<(), PortError> {
        let due = endpoint.proof.due(self.clock.now());
        let Some(challenge) = due.filter(|_| endpoint.state != EndpointState::Deleting) else {
            return Ok(());
        };
        let proved = self.post.prove(endpoint, &challenge.text).await?;
        let after = endpoint.proof.after(&proved, self.clock.now());
        self.endpoints
            .note_proof(&endpoint.key, &endpoint.proof, &after)
            .await?;
        endpoint.proof = after;
        Ok(())
    }

    /// Gives up the states that were accepted before this time and of whose things newer ones wait: looks at the whole outbox,
    /// from its end. Returns false if the time did not suffice: the next run begins from the start, with less to do.
    async fn supersede(&self, course: &Course<'_>, before: Timestamp) -> Result<bool, PortError> {
        let mut newest: HashMap<[u8; 16], u64> = HashMap::new();
        let mut is_second = false;
        let mut after = None;
        loop {
            if self.clock.now() >= course.stop_at {
                return Ok(false);
            }
            let page = self.outboxes.page_back(course.key, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else {
                if is_second || newest.is_empty() {
                    return Ok(true);
                }
                // An older state may be due later than a newer one, because it has been retried.
                (is_second, after) = (true, None);
                continue;
            };
            after = Some(last.key.clone());
            let states = page.into_iter().filter_map(|entry| Some((entry.version?, entry)));
            if !is_second {
                for (version, entry) in states {
                    let greatest = newest.entry(hash(&entry.subject)).or_insert(version);
                    *greatest = version.max(*greatest);
                }
                continue;
            }
            let is_old = |(version, entry): &(u64, Entry)| {
                entry.key.run == 0
                    && entry.accepted_at < before
                    && newest
                        .get(&hash(&entry.subject))
                        .is_some_and(|greatest| greatest > version)
            };
            let old: Vec<Entry> = states.filter(is_old).map(|(_, entry)| entry).collect();
            for group in old.chunks(MAX_KNOWN) {
                let known = self.known(course, group.to_vec(), false).await?;
                // One that is exhausted is left: its report may be missing.
                let others = known.into_iter().filter(|(entry, known)| {
                    let record = known.record.as_ref();
                    record.is_none_or(|record| !report::is_exhausted(entry, record))
                });
                let changes = others.map(|(entry, known)| {
                    let change = match decide::step(&entry, &known, None, before) {
                        Step::Remove => Change::removal(),
                        _ => decide::settled(&entry, &known, MessageFate::Superseded, self.clock.now()),
                    };
                    (entry, change)
                });
                self.record(course, changes.collect()).await?;
            }
        }
    }

    /// Leaves out the states older than one that was posted, or may have been, if the endpoint wants the states of a thing in
    /// their order.
    async fn in_order(
        &self,
        course: &Course<'_>,
        endpoint: &Endpoint,
        open: Group,
        changes: &mut Vec<(Entry, Change)>,
    ) -> Result<Group, PortError> {
        let state = |entry: &Entry| {
            let version = entry.version.filter(|_| entry.key.run == 0);
            version.map(|version| (entry.subject.clone(), version))
        };
        let versions: Vec<(SubjectKey, u64)> = open.iter().filter_map(|(entry, _)| state(entry)).collect();
        if endpoint.settings.ordering == Ordering::None || versions.is_empty() {
            return Ok(open);
        }
        let raised = self
            .outboxes
            .raise_versions(course.key, &versions, self.clock.now())
            .await?;
        let mut raised = raised.into_iter();
        let mut left = Group::new();
        for (entry, known) in open {
            if state(&entry).is_none() || raised.next() == Some(true) {
                left.push((entry, known));
            } else {
                let change = decide::settled(&entry, &known, MessageFate::Superseded, self.clock.now());
                changes.push((entry, change));
            }
        }
        Ok(left)
    }

    /// Returns the entries that are due and were not worked on in this run, the oldest first, and true if there are no
    /// others, due or not. All count as due if they are to be discarded.
    async fn due(
        &self,
        course: &Course<'_>,
        seen: &mut BTreeSet<EntryKey>,
        now: Timestamp,
        all: bool,
    ) -> Result<(VecDeque<Entry>, bool), PortError> {
        let page = self.outboxes.page(course.key, PAGE).await?;
        let is_due = |entry: &Entry| all || entry.key.due <= now;
        let is_last = page.len() < PAGE && page.iter().all(is_due);
        let due = page.into_iter().filter(is_due);
        let unseen = due.filter(|entry| seen.insert(entry.key.clone()));
        Ok((unseen.collect(), is_last))
    }

    async fn known(&self, course: &Course<'_>, entries: Vec<Entry>, with_sealed: bool) -> Result<Group, PortError> {
        let events: Vec<(StoreKey, EventId)> = (entries.iter())
            .map(|entry| (entry.store.clone(), entry.key.event.clone()))
            .collect();
        let known = if with_sealed {
            self.messages.find_with_sealed(course.key, &events).await?
        } else {
            self.messages.find(course.key, &events).await?
        };
        Ok(entries.into_iter().zip(known).collect())
    }

    /// Posts messages at once. Returns the decision to disable the endpoint, if it is to be, and the failure of ours for which a
    /// message could not be posted.
    async fn attempt(
        &self,
        course: &mut Course<'_>,
        endpoint: &Endpoint,
        open: Group,
        changes: &mut Vec<(Entry, Change)>,
    ) -> (Option<Disabling>, Option<PortError>) {
        let at_once = open.len().max(1);
        let posted = stream::iter(open).map(async |(entry, known)| {
            let number = decide::failed(&entry, &known) + 1;
            let is_replay = entry.key.run > 0;
            let posted = match &known.event {
                Some(event) if endpoint.settings.personal.is_none() => {
                    Some(self.post.post(endpoint, event, number, is_replay).await)
                }
                Some(event) => {
                    let sealed = known.sealed.as_ref();
                    let posting = self.post.post_disclosing(endpoint, event, sealed, number, is_replay);
                    Some(posting.await.map(Posted::without_excerpt))
                }
                None => None,
            };
            (entry, known, posted, self.clock.now())
        });
        let posted: Vec<_> = posted.buffer_unordered(at_once).collect().await;
        let (mut failing, mut failed) = (None, None);
        // Answers that want no messages, by their entries: the first would be met first again.
        let mut gone = BTreeMap::new();
        for (entry, known, posted, now) in posted {
            let posted = match posted {
                Some(Ok(posted)) => posted,
                Some(Err(failure)) => {
                    failed = Some(failure);
                    continue;
                }
                None => continue,
            };
            let meaning = decide::meaning(&entry, &known, &posted, &course.health);
            let (revision, health) = (endpoint.revision, &course.health);
            let mut change = decide::change(&entry, &known, &posted, meaning, revision, health, now);
            change.report = report::exhausted(Some(endpoint), &entry, change.record.as_ref()).map(Box::new);
            let most = endpoint.settings.max_in_flight;
            course.health.note(meaning, &entry.key.event, posted.took, most, now);
            course.hours.note(&posted.attempted, meaning, posted.took, now);
            course.attempts += 1;
            course.sent += usize::from(meaning == Meaning::Sent);
            course.latest_failure = meaning.code().or(course.latest_failure);
            let disable_after = endpoint.limits().disable_after;
            if let Meaning::Disable(code) = meaning {
                let disabling = Disabling {
                    code,
                    at: entry.key.due.max(endpoint.reset_at),
                    failing_since: None,
                };
                gone.insert(entry.key.clone(), disabling);
            } else if let (true, Some(code), Some(since)) = (
                course.health.has_failed_for(disable_after, now),
                meaning.code(),
                course.health.failing_since(),
            ) {
                failing = Some(Disabling {
                    code,
                    at: later(since, disable_after),
                    failing_since: Some(since),
                });
            }
            changes.push((entry, change));
        }
        let gone = gone.into_iter().next().map(|(_, disabling)| disabling);
        (gone.or(failing), failed)
    }

    /// Records changes: retries first, then records, then reports, and then the entries go whose records were written. Messages
    /// whose retries could not be added stay as they were; entries whose reports could not be sent stay.
    async fn record(&self, course: &Course<'_>, mut changes: Vec<(Entry, Change)>) -> Result<(), PortError> {
        let mut failed = None;
        let retries: Vec<Entry> = changes.iter().filter_map(|(_, change)| change.retry.clone()).collect();
        if !retries.is_empty()
            && let Err(failure) = self.outboxes.add(course.key, &retries).await
        {
            failed = Some(failure);
            changes.retain(|(_, change)| change.retry.is_none());
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
        let (mut gone, mut reports) = (Vec::new(), Vec::new());
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
                match change.report {
                    Some(event) => reports.push((entry.key, *event)),
                    None => gone.push(entry.key),
                }
            }
        }
        if !reports.is_empty() {
            let (keys, events): (Vec<EntryKey>, Vec<Event>) = reports.into_iter().unzip();
            match self.report_exhausted(course.key, &events).await {
                Ok(()) => gone.extend(keys),
                Err(failure) => failed = Some(failure),
            }
        }
        if !gone.is_empty() {
            self.outboxes.remove(course.key, &gone).await?;
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Splits a group: changes of what needs no attempt, and what is to be posted. `active` is `None` if everything is discarded.
fn split(group: Group, active: Option<&Endpoint>, now: Timestamp) -> (Vec<(Entry, Change)>, Group) {
    let (mut changes, mut open) = (Vec::new(), Group::new());
    for (entry, known) in group {
        match decide::step(&entry, &known, active, now) {
            Step::Remove => {
                // Whoever has written that it is exhausted may have died before the report.
                let report = report::exhausted(active, &entry, known.record.as_ref()).map(Box::new);
                let change = Change {
                    report,
                    ..Change::removal()
                };
                changes.push((entry, change));
            }
            Step::Settle(fate) => {
                let change = decide::settled(&entry, &known, fate, now);
                changes.push((entry, change));
            }
            Step::Post => open.push((entry, known)),
        }
    }
    (changes, open)
}

/// Number of entries, of this many that wait, that begin now at an endpoint that takes messages; without one, all.
fn begin(health: &mut Health, endpoint: Option<&Endpoint>, waiting: usize, now: Timestamp) -> usize {
    let Some(Endpoint { settings, .. }) = endpoint else {
        return waiting;
    };
    let at_once = health.at_once(settings.max_in_flight).min(waiting);
    health.begin(at_once, settings.max_per_second, now)
}

/// Hash of a thing: a million of them are to fit into memory.
fn hash(subject: &SubjectKey) -> [u8; 16] {
    let digest = Sha256::digest(subject.to_string());
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    hash
}

/// Takes at most `count` entries, the oldest first; that of the last failure only if there is no other. Of several entries of one
/// message it takes one, because the record that was read for both does not know the outcome of the first; and of those of one
/// thing, if its events go in their order.
fn take_group(waiting: &mut VecDeque<Entry>, health: &Health, count: usize, in_order: bool) -> Vec<Entry> {
    if count == 0 {
        return vec![];
    }
    let (mut group, mut left) = (Vec::<Entry>::new(), VecDeque::new());
    let (mut events, mut things) = (BTreeSet::new(), BTreeSet::new());
    for entry in waiting.drain(..) {
        let is_next = !in_order || things.insert(entry.subject.clone());
        let is_apart = Some(&entry.key.event) != health.failed_last() && !events.contains(&entry.key.event);
        if group.len() < count && is_next && is_apart {
            events.insert(entry.key.event.clone());
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
