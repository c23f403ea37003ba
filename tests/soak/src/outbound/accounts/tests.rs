use std::time::Duration;

use super::*;
use crate::{
    chance::Chance,
    outbound::{endpoints, events::Events},
};

/// Observations at an endpoint of a run.
struct Observed {
    plan: Plan,
    events: Vec<SentEvent>,
    requests: Vec<Request>,
    records: HashMap<u32, Record>,
    verdicts: HashMap<u32, String>,
    unfinished: Vec<Unfinished>,
    closed: Vec<Closed>,
    waiting: u64,
}

fn record(fate: &str) -> Record {
    Record {
        fate: Some(fate.to_owned()),
        unanswered: 0,
    }
}

impl Observed {
    /// An endpoint that has taken every event that it wants, each once, a second apart, in the order of their versions.
    fn at(name: &str) -> Self {
        let mut events = Events::invent(Chance(3), 60).unwrap().all;
        events.sort_by_key(|event| event.version);
        let plans = endpoints::all(events.len());
        let plan = *plans.iter().find(|plan| plan.name == name).unwrap();
        let start = Instant::now();
        let wanted: Vec<u32> = (0..)
            .zip(&events)
            .filter(|(_, event)| plan.wants(event))
            .map(|(place, _)| place)
            .collect();
        Self {
            plan,
            requests: (0..)
                .zip(&wanted)
                .map(|(second, event)| Request {
                    event: *event,
                    at: start + Duration::from_secs(second),
                    outcome: Outcome::Taken,
                })
                .collect(),
            records: wanted.iter().map(|place| (*place, record("sent"))).collect(),
            verdicts: wanted.iter().map(|place| (*place, "queued".to_owned())).collect(),
            events,
            unfinished: Vec::new(),
            closed: Vec::new(),
            waiting: 0,
        }
    }

    /// Findings, as numbers: lost, repeated, disordered, uninvited.
    fn found(&self) -> [usize; 4] {
        let mut findings = OutboundFindings::default();
        findings.account(&Account {
            plan: &self.plan,
            events: &self.events,
            requests: &self.requests,
            records: &self.records,
            verdicts: &self.verdicts,
            unfinished: &self.unfinished,
            closed: &self.closed,
            waiting: self.waiting,
        });
        let [lost, repeated, disordered, uninvited, ..] = findings.all().map(|(_, lines)| lines.len());
        assert_eq!(findings.passed(), lost + repeated + disordered + uninvited == 0);
        [lost, repeated, disordered, uninvited]
    }

    /// Two states of one thing, by the places of their requests.
    fn older_and_newer(&self) -> (usize, usize) {
        let event = |request: usize| &self.events[usize::try_from(self.requests[request].event).unwrap()];
        let mut pairs =
            (0..self.requests.len()).flat_map(|one| (one + 1..self.requests.len()).map(move |two| (one, two)));
        let is_pair = |(one, two): &(usize, usize)| {
            event(*one).subject == event(*two).subject
                && event(*one).version.is_some()
                && event(*one).version < event(*two).version
        };
        pairs.find(is_pair).unwrap()
    }
}

#[test]
fn message_that_was_never_taken_is_lost_unless_its_fate_is_one_that_the_endpoint_explains() {
    assert_eq!(Observed::at("steady").found(), [0; 4]);
    for (name, fate, expected) in [
        ("steady", None, 1),
        ("steady", Some("sent"), 1),
        ("steady", Some("superseded"), 1),
        ("steady", Some("discarded"), 1),
        ("ordered", Some("superseded"), 0),
        ("leaving", Some("superseded"), 0),
        ("deleted", Some("discarded"), 0),
    ] {
        let mut observed = Observed::at(name);
        let (older, _) = observed.older_and_newer();
        let event = observed.requests.remove(older).event;
        observed.records.remove(&event);
        if let Some(fate) = fate {
            observed.records.insert(event, record(fate));
        }
        assert_eq!(observed.found(), [expected, 0, 0, 0], "{name} {fate:?}");
    }
    let mut observed = Observed::at("ordered");
    let event = observed.requests.pop().unwrap().event;
    observed.records.insert(event, record("superseded"));
    assert_eq!(observed.found(), [1, 0, 0, 0], "no newer one has come");
}

#[test]
fn message_that_waits_or_that_fan_out_left_out_is_lost() {
    let mut observed = Observed::at("steady");
    observed.waiting = 1;
    assert_eq!(observed.found(), [1, 0, 0, 0]);
    for (name, expected) in [("steady", 2), ("deleted", 0)] {
        let mut observed = Observed::at(name);
        let event = observed.requests.pop().unwrap().event;
        observed.records.remove(&event);
        observed.verdicts.remove(&event);
        assert_eq!(observed.found(), [expected, 0, 0, 0], "{name}");
    }
}

#[test]
fn repeats_are_explained_by_kills_failed_records_and_lost_answers_only() {
    let unfinished = |endpoint: &str, in_flight, died| Unfinished {
        in_flight: BTreeMap::from([(endpoint.to_owned(), in_flight)]),
        died,
    };
    let repeated = |change: &dyn Fn(&mut Observed)| {
        let mut observed = Observed::at("steady");
        let again: Vec<Request> = observed.requests[..2].to_vec();
        observed.requests.extend(again);
        change(&mut observed);
        observed.found()
    };
    assert_eq!(repeated(&|_| {}), [0, 1, 0, 0]);
    assert_eq!(
        repeated(&|one| one.unfinished = vec![unfinished("ep_steady", 2, true)]),
        [0; 4]
    );
    assert_eq!(
        repeated(&|one| one.unfinished = vec![unfinished("ep_steady", 2, false)]),
        [0; 4]
    );
    assert_eq!(
        repeated(&|one| one.unfinished = vec![unfinished("ep_steady", 1, true)]),
        [0, 1, 0, 0]
    );
    assert_eq!(
        repeated(&|one| one.unfinished = vec![unfinished("ep_ordered", 9, true)]),
        [0, 1, 0, 0]
    );
    let lost = |one: &mut Observed| {
        for request in &mut one.requests[..2] {
            request.outcome = Outcome::TakenUnanswered;
        }
    };
    assert_eq!(repeated(&lost), [0; 4]);
    let late = |one: &mut Observed| {
        for event in [one.requests[0].event, one.requests[1].event] {
            one.records.entry(event).or_default().unanswered = 1;
        }
    };
    assert_eq!(repeated(&late), [0; 4]);
}

#[test]
fn older_state_after_a_newer_one_is_found_where_order_is_wanted() {
    for (name, expected) in [("ordered", 1), ("steady", 0)] {
        let mut observed = Observed::at(name);
        let (older, newer) = observed.older_and_newer();
        observed.requests.swap(older, newer);
        let found = observed.found();
        assert_eq!((found[0], found[1], found[3]), (0, 0, 0), "{name}");
        assert_eq!(found[2] > 0, expected > 0, "{name}");
    }
}

#[test]
fn request_to_an_endpoint_that_is_closed_or_does_not_want_the_event_is_found() {
    let mut observed = Observed::at("paused");
    let at = |observed: &Observed, request: usize| observed.requests[request].at;
    let closed = |from, until| Closed {
        from,
        until,
        why: "paused",
    };
    observed.closed = vec![closed(at(&observed, 3), Some(at(&observed, 5)))];
    assert_eq!(observed.found(), [0, 0, 0, 2]);
    observed.closed = vec![closed(
        at(&observed, observed.requests.len() - 1) + Duration::from_secs(1),
        None,
    )];
    assert_eq!(observed.found(), [0; 4]);
    let mut observed = Observed::at("elsewhere");
    let foreign = observed
        .events
        .iter()
        .position(|event| !observed.plan.wants(event))
        .unwrap();
    observed.requests[0].event = u32::try_from(foreign).unwrap();
    assert_eq!(observed.found()[3], 1);
}

#[test]
fn endpoint_that_is_gone_gets_no_more_than_what_was_in_flight() {
    let mut observed = Observed::at("leaving");
    let gone = Request {
        outcome: Outcome::Gone,
        ..observed.requests[0]
    };
    observed.requests.splice(0..0, vec![gone; MAX_IN_FLIGHT]);
    assert_eq!(observed.found(), [0; 4]);
    observed.requests.insert(0, gone);
    assert_eq!(observed.found(), [0, 0, 0, 1]);
    observed.unfinished = vec![Unfinished {
        in_flight: BTreeMap::from([("ep_leaving".to_owned(), 0)]),
        died: true,
    }];
    assert_eq!(observed.found(), [0; 4]);
}
