//! Accounts of one endpoint, by what it has seen: which messages it got, how often, in which order, and when it should have got none.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::time::Instant;

use super::{
    dispatches::{MAX_IN_FLIGHT, Unfinished},
    endpoints::{Behaviour, Person, Plan},
    events::SentEvent,
    receiver::{Outcome, Request},
};

/// Record of a message.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Its fate, if it has one.
    pub fate: Option<String>,
    /// Recorded attempts without an answer: the connection was closed, or the time was up.
    pub unanswered: usize,
}

/// Time in which an endpoint must get nothing.
#[derive(Debug, Clone, Copy)]
pub struct Closed {
    pub from: Instant,
    /// End; `None` if it never ends.
    pub until: Option<Instant>,
    pub why: &'static str,
}

/// An endpoint at rest.
#[derive(Debug)]
pub struct Account<'a> {
    pub plan: &'a Plan,
    pub events: &'a [SentEvent],
    /// All its requests, in the order in which they came.
    pub requests: &'a [Request],
    /// Records of its messages, by the places of their events.
    pub records: &'a HashMap<u32, Record>,
    /// Verdicts on events for it, by their places.
    pub verdicts: &'a HashMap<u32, String>,
    pub unfinished: &'a [Unfinished],
    pub closed: &'a [Closed],
    /// Entries in its outbox.
    pub waiting: u64,
}

/// Violations of the promises about outbound webhooks.
#[derive(Debug, Default)]
pub struct OutboundFindings {
    /// A message that the endpoint never took, without a fate that says why; one that still waits.
    pub lost: BTreeSet<String>,
    /// More repeats of what was taken than kills, lost answers and failed records explain.
    pub repeated: BTreeSet<String>,
    /// An older state after a newer one, at an endpoint that wants the states of a thing in their order.
    pub disordered: BTreeSet<String>,
    /// A request to an endpoint that is paused, deleted or gone, or with an event that it does not want.
    pub uninvited: BTreeSet<String>,
    /// A request that is badly signed, or has another content than was sent.
    pub strange: BTreeSet<String>,
    /// Other violations.
    pub other: BTreeSet<String>,
    /// Numbers for the report.
    pub counts: Counts,
}

/// Numbers of a run, or of an endpoint.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Messages: pairs of an event and an endpoint that wants it.
    pub messages: usize,
    pub requests: usize,
    /// Messages that were taken.
    pub taken: usize,
    /// Messages with another fate.
    pub settled: usize,
    /// Requests beyond the first that were taken, of one message.
    pub repeats: usize,
    /// Those that an answer that was lost explains.
    pub after_lost_answers: usize,
    /// Most that kills explain: messages in flight at each kill.
    pub in_flight_at_kills: usize,
    /// Most that failed records explain: messages in flight at each.
    pub in_flight_at_failures: usize,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.requests += other.requests;
        self.taken += other.taken;
        self.settled += other.settled;
        self.repeats += other.repeats;
        self.after_lost_answers += other.after_lost_answers;
        self.in_flight_at_kills += other.in_flight_at_kills;
        self.in_flight_at_failures += other.in_flight_at_failures;
    }
}

impl OutboundFindings {
    /// Violations, each kind with its name.
    pub fn all(&self) -> [(&'static str, &BTreeSet<String>); 6] {
        [
            ("message lost", &self.lost),
            ("message repeated", &self.repeated),
            ("message out of order", &self.disordered),
            ("message uninvited", &self.uninvited),
            ("message not ours", &self.strange),
            ("outbound", &self.other),
        ]
    }

    /// Returns true if nothing is wrong.
    pub fn passed(&self) -> bool {
        self.all().iter().all(|(_, lines)| lines.is_empty())
    }

    /// Adds the accounts of an endpoint.
    pub fn account(&mut self, account: &Account<'_>) {
        let mut counts = Counts {
            requests: account.requests.len(),
            ..Counts::default()
        };
        self.lost.extend(account.lost(&mut counts));
        self.repeated.extend(account.repeated(&mut counts));
        self.disordered.extend(account.disordered());
        self.uninvited.extend(account.uninvited());
        self.counts.add(counts);
    }
}

impl Account<'_> {
    fn event(&self, place: u32) -> Option<&SentEvent> {
        self.events.get(usize::try_from(place).ok()?)
    }

    fn line(&self, place: u32, problem: &str) -> String {
        let event = self.event(place);
        let id = event.map_or("?", |event| &event.id);
        let (subject, version) = event.map_or((0, None), |event| (event.subject, event.version));
        format!("{}: {id} of {subject} @{version:?} {problem}", self.plan.name)
    }

    /// Greatest version of each thing of which a request has come.
    fn newest(&self) -> HashMap<u64, u64> {
        let mut newest = HashMap::new();
        for event in self.requests.iter().filter_map(|request| self.event(request.event)) {
            let Some(version) = event.version else { continue };
            let known = newest.entry(event.subject).or_insert(version);
            *known = version.max(*known);
        }
        newest
    }

    fn lost(&self, counts: &mut Counts) -> Vec<String> {
        let mut lost = Vec::new();
        if self.waiting > 0 {
            lost.push(format!(
                "{}: {} messages still wait at rest",
                self.plan.name, self.waiting
            ));
        }
        let taken: BTreeSet<u32> = self
            .requests
            .iter()
            .filter(|request| request.outcome.is_taken())
            .map(|request| request.event)
            .collect();
        let newest = self.newest();
        for (place, event) in (0..).zip(self.events).filter(|(_, event)| self.plan.wants(event)) {
            let verdict = self.verdicts.get(&place).map(String::as_str);
            let is_deleted = self.plan.person == Person::Deletes;
            match verdict {
                Some("queued") => {}
                None | Some("deleting") if is_deleted => continue,
                verdict => lost.push(self.line(place, &format!("has the verdict {verdict:?}"))),
            }
            counts.messages += 1;
            let fate = self.records.get(&place).and_then(|record| record.fate.as_deref());
            let has_newer = event
                .version
                .is_some_and(|version| newest.get(&event.subject).is_some_and(|newest| *newest > version));
            let may_be_superseded = self.plan.is_ordered || matches!(self.plan.behaviour, Behaviour::LeavesAfter(_));
            match fate {
                Some("sent") if taken.contains(&place) => counts.taken += 1,
                Some("superseded") if may_be_superseded && has_newer => counts.settled += 1,
                Some("discarded") if is_deleted => counts.settled += 1,
                fate => {
                    let is_taken = taken.contains(&place);
                    lost.push(self.line(place, &format!("has the fate {fate:?}; taken: {is_taken}")));
                }
            }
        }
        lost
    }

    fn repeated(&self, counts: &mut Counts) -> Vec<String> {
        let mut last: HashMap<u32, (Outcome, usize)> = HashMap::new();
        for request in self.requests {
            let (known, unanswered) = last.entry(request.event).or_insert((Outcome::Refused, 0));
            if request.outcome.is_taken() && known.is_taken() {
                counts.repeats += 1;
                let recorded = self.records.get(&request.event).map_or(0, |record| record.unanswered);
                if *known == Outcome::TakenUnanswered || recorded > *unanswered {
                    counts.after_lost_answers += 1;
                }
            }
            if matches!(request.outcome, Outcome::Unanswered | Outcome::TakenUnanswered) {
                *unanswered += 1;
            }
            if request.outcome.is_taken() {
                *known = request.outcome;
            }
        }
        let id = self.plan.id();
        for unfinished in self.unfinished {
            let in_flight = unfinished.in_flight.get(&id).copied().unwrap_or_default();
            if unfinished.died {
                counts.in_flight_at_kills += in_flight;
            } else {
                counts.in_flight_at_failures += in_flight;
            }
        }
        let explained = counts.after_lost_answers + counts.in_flight_at_kills + counts.in_flight_at_failures;
        if counts.repeats > explained {
            let name = self.plan.name;
            return vec![format!(
                "{name}: {} repeats, of which {explained} are explained",
                counts.repeats
            )];
        }
        Vec::new()
    }

    fn disordered(&self) -> Vec<String> {
        let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
        let mut disordered = Vec::new();
        for request in self.requests.iter().filter(|_| self.plan.is_ordered) {
            let Some((subject, version)) = self
                .event(request.event)
                .and_then(|event| Some((event.subject, event.version?)))
            else {
                continue;
            };
            let known = newest.entry(subject).or_insert(version);
            if version < *known {
                disordered.push(self.line(request.event, &format!("came after version {known}")));
            }
            *known = version.max(*known);
        }
        disordered
    }

    fn uninvited(&self) -> Vec<String> {
        let mut uninvited = Vec::new();
        for request in self.requests {
            if !self.event(request.event).is_some_and(|event| self.plan.wants(event)) {
                uninvited.push(self.line(request.event, "is not wanted"));
            }
            let is_in =
                |closed: &&Closed| request.at >= closed.from && closed.until.is_none_or(|until| request.at < until);
            for closed in self.closed.iter().filter(is_in) {
                let late = request.at - closed.from;
                uninvited.push(self.line(
                    request.event,
                    &format!("came {late:.1?} too late: the endpoint is {}", closed.why),
                ));
            }
        }
        let id = self.plan.id();
        let gone = self
            .requests
            .iter()
            .filter(|request| request.outcome == Outcome::Gone)
            .count();
        let unfinished = self
            .unfinished
            .iter()
            .filter(|one| one.in_flight.contains_key(&id))
            .count();
        let most = MAX_IN_FLIGHT * (1 + unfinished);
        if gone > most {
            uninvited.push(format!(
                "{}: {gone} requests to an endpoint that is gone, more than {most}",
                self.plan.name
            ));
        }
        uninvited
    }
}

#[cfg(test)]
mod tests;
