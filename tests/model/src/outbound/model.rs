//! Possible next actions, and the scenarios.

use std::{sync::Arc, time::Duration};

use hookline_domain::outbound::{AttemptCode, Health, Meaning};
use jiff::SignedDuration;
use stateright::{Model, Property};

use super::{
    bug::Bug,
    call::{Answered, Arrived, Call, Key, Request, Response},
    functions::{Act, Begun, Point, Points, Role},
    given::{self, Given, due_first},
    line::Line,
    outbox::{Outbox, Versions},
    promises::{REACHED, SAFETY, promises},
    world::{Left, MAX_ENDPOINTS, MAX_EVENTS, World, start},
};
use crate::explore::Explored;

/// Moment in which the endpoint is to be read again, and a first retry comes due.
const MOMENT: SignedDuration = SignedDuration::from_secs(6);

/// Time in which all leases lapse, and a second retry comes due.
const LAPSE: SignedDuration = SignedDuration::from_mins(7);

/// Scenario to explore, and its limits.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice by itself")]
pub struct Scenario {
    /// Number of events that fan-out is to hand out.
    pub events: u8,
    /// Copies of each event's queue message.
    pub copies: u8,
    /// Maximum number of concurrent processes of fan-out.
    pub fan_outs: usize,
    /// Maximum number of concurrent dispatchers.
    pub dispatchers: usize,
    /// True if the endpoint has taken messages before, so that several attempts are made at once.
    pub is_proven: bool,
    /// Number of endpoints that want each event. The first is that which may fail, and which a person changes; the second takes
    /// everything.
    pub endpoints: u8,
    /// True if the events have been handed out, and wake-ups sent.
    pub is_handed_out: bool,
    /// General failures of the endpoints since their last success.
    pub failed_before: u8,
    /// Event at which the first endpoint always fails.
    pub poison: Option<u8>,
    /// Versions of the events' states: the first event is that which fan-out accepted first.
    pub versions: Versions,
    /// True if the endpoint wants the states of a thing in their order.
    pub is_ordered: bool,
    /// Number of the first event that is accepted after the last request of the person.
    pub late_from: Option<u8>,
    /// Requests of a person, in this order.
    pub acts: Vec<Act>,
    /// True if queues may lose even what nothing else knows of.
    pub loses_owed: bool,
    /// Number of times that each thing may happen.
    pub left: Left,
    /// Seeded bug, if any.
    pub bug: Option<Bug>,
    /// Points that processes have reached.
    pub points: Arc<Points>,
}

impl Default for Scenario {
    /// One event, two dispatchers, nothing fails.
    fn default() -> Self {
        Self {
            events: 1,
            copies: 1,
            fan_outs: 1,
            dispatchers: 2,
            is_proven: false,
            endpoints: 1,
            is_handed_out: false,
            failed_before: 0,
            poison: None,
            versions: None,
            is_ordered: false,
            late_from: None,
            acts: vec![],
            loses_owed: false,
            left: Left::default(),
            bug: None,
            points: Arc::default(),
        }
    }
}

/// Outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and its response arrives.
    Responded,
    /// Done, and the process dies before the response arrives.
    CallerDies,
    /// Done, but reported as failed.
    DoneButReportedFailed,
    /// Failed.
    Failed,
}

/// Action of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Fan-out takes an event's message.
    HandOut(u8),
    /// A dispatcher takes a wake-up of an endpoint.
    Dispatch(u8, usize),
    /// The sweep begins.
    Sweep,
    /// A person makes the next request.
    Act,
    /// A call of a process is made; of a post, with the endpoint's answer.
    Call(usize, usize, Outcome, Option<Answered>),
    /// A process dies before its next call.
    Die(usize),
    /// A moment passes while processes run.
    Moment,
    /// Leases lapse while processes run.
    Lapse,
    /// The clock goes on to whatever is next, because nothing runs.
    Advance,
    /// A wake-up is lost.
    Lose(u8, usize),
    /// A wake-up is doubled.
    Double(u8, usize),
}

impl Scenario {
    fn given(&self) -> Given {
        Given {
            endpoints: self.endpoints,
            versions: self.versions,
            is_ordered: self.is_ordered,
            late_from: self.late_from,
        }
    }

    /// An endpoint at the start.
    fn line(&self) -> Line {
        let mut health = Health::default();
        health.reset(start());
        let mut note = |times: u8, meaning: Meaning| {
            for _ in 0..times {
                health.note(meaning, &given::id(u8::MAX), Duration::ZERO, 10, due_first(0));
            }
        };
        note(if self.is_proven { 3 } else { 0 }, Meaning::Sent);
        let code = AttemptCode::Unavailable;
        note(self.failed_before, Meaning::General { code, wait: None });
        let outbox = Outbox {
            health,
            versions: self.versions,
            ..Outbox::default()
        };
        let mut line = Line::new(self.events, outbox);
        if self.is_handed_out {
            let first = |event| Key {
                due: due_first(event),
                event,
                run: 0,
            };
            line.outbox.entries = (0..self.events).map(first).collect();
            line.wake(start(), true);
        }
        line
    }

    /// Returns true if the last request of the person has its effect.
    fn has_changed(&self, world: &World) -> bool {
        let endpoint = world.lines[0].endpoint;
        let is_changed = usize::try_from(endpoint.revision).is_ok_and(|revision| revision > self.acts.len());
        world.acts == self.acts.len() || is_changed
    }

    fn begin(&self, world: &mut World, role: Role, is_owed: bool) {
        let nonce = if matches!(role, Role::Dispatcher(_)) {
            world.free_nonce()
        } else {
            0
        };
        let begun = Begun {
            role,
            at: world.now,
            nonce,
            given: self.given(),
        };
        let point = self.points.begin(begun, self.bug);
        let mut process = world.process(role, point, nonce);
        process.is_owed = is_owed;
        world.processes.push(process);
    }

    fn call(
        &self,
        world: &mut World,
        n: usize,
        call: usize,
        outcome: Outcome,
        answered: Option<Answered>,
    ) -> Option<()> {
        let point = self.points.point(world.processes[n].point);
        let Point::Waiting(calls) = &*point else { return None };
        let (_, made) = calls.iter().find(|(number, _)| *number == call)?;
        let is_post = |(_, call): &&(usize, Call)| matches!(call.request, Request::Post(..));
        let posts = calls.iter().filter(is_post).count();
        let done = match outcome {
            Outcome::Failed => None,
            _ => Some(world.perform(n, made, (posts, answered), self.given(), self.bug)),
        };
        let response = match outcome {
            Outcome::CallerDies => {
                world.left.deaths -= 1;
                world.die(n);
                return Some(());
            }
            Outcome::Failed | Outcome::DoneButReportedFailed => {
                world.left.errors -= 1;
                if let (Request::Put(records), Outcome::Failed) = (&made.request, outcome) {
                    world.fail_to_put(n, made.to, records);
                }
                Response::Failed
            }
            Outcome::Responded => done?,
        };
        let arrived = Arrived {
            response,
            at: world.now,
        };
        let from = world.processes[n].point;
        let point = self.points.follow(from, call, arrived, self.bug);
        world.processes[n].point = point;
        world.processes[n].at = world.now;
        if let Point::Ended(is_done) = *self.points.point(point) {
            world.end(n, is_done);
        }
        Some(())
    }

    /// Adds the possible outcomes of a call.
    fn outcomes(&self, world: &World, n: usize, (call, made): &(usize, Call), actions: &mut Vec<Action>) {
        let left = world.left;
        let mut add = |outcome, answered| actions.push(Action::Call(n, *call, outcome, answered));
        if let Request::Post(event, _) = made.request {
            let may_fail = made.to == 0;
            let is_poison = may_fail && self.poison == Some(event);
            let answers = [
                (!is_poison, Answered::Taken),
                (may_fail && left.refusals > 0, Answered::Refused),
                (is_poison || may_fail && left.failures > 0, Answered::Unavailable),
                (may_fail && left.goodbyes > 0, Answered::Gone),
                (!is_poison && left.errors > 0, Answered::Lost),
            ];
            for (_, answered) in answers.into_iter().filter(|(is_possible, _)| *is_possible) {
                add(Outcome::Responded, Some(answered));
                if left.deaths > 0 && answered != Answered::Lost {
                    add(Outcome::CallerDies, Some(answered));
                }
            }
            return;
        }
        add(Outcome::Responded, None);
        if left.deaths > 0 {
            add(Outcome::CallerDies, None);
        }
        if left.errors > 0 {
            add(Outcome::DoneButReportedFailed, None);
            add(Outcome::Failed, None);
        }
    }
}

impl Model for Scenario {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        assert!(
            usize::from(self.events) <= MAX_EVENTS && self.endpoints <= MAX_ENDPOINTS,
            "the accounts have no more places"
        );
        let copies = if self.is_handed_out { 0 } else { self.copies };
        vec![World {
            now: start(),
            left: self.left,
            queue: vec![copies; self.events.into()],
            processes: vec![],
            acts: 0,
            is_repeated: false,
            lines: (0..self.endpoints).map(|_| self.line()).collect(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let left = world.left;
        if world.count(|role| matches!(role, Role::FanOut(_))) < self.fan_outs {
            let is_accepted = |event: &u8| !self.given().is_late(*event) || self.has_changed(world);
            let waiting = world.events().filter(|event| world.queue[usize::from(*event)] > 0);
            actions.extend(waiting.filter(is_accepted).map(Action::HandOut));
        }
        let has_room = world.count(|role| matches!(role, Role::Dispatcher(_))) < self.dispatchers;
        for (to, line) in world.numbered() {
            for (n, wake_up) in line.wake_ups.iter().enumerate() {
                if n > 0 && line.wake_ups[n - 1] == *wake_up {
                    continue;
                }
                if has_room && wake_up.at <= world.now {
                    actions.push(Action::Dispatch(to, n));
                }
                if left.losses > 0 && (!wake_up.is_owed || self.loses_owed) {
                    actions.push(Action::Lose(to, n));
                }
                if left.doubles > 0 {
                    actions.push(Action::Double(to, n));
                }
            }
        }
        let is_sweeping = world.count(|role| role == Role::Sweep) > 0;
        if !is_sweeping && world.is_overdue() && (world.is_idle() || left.sweeps > 0) {
            actions.push(Action::Sweep);
        }
        let is_possible = |act: &Act| match act {
            Act::Retry(event) => world.lines[0].record(*event).is_some(),
            _ => true,
        };
        if world.count(|role| matches!(role, Role::Person(_))) == 0
            && self.acts.get(world.acts).is_some_and(is_possible)
        {
            actions.push(Action::Act);
        }
        for (n, process) in world.processes.iter().enumerate() {
            let point = self.points.point(process.point);
            if let Point::Waiting(calls) = &*point {
                for call in calls {
                    self.outcomes(world, n, call, actions);
                }
            }
            if left.deaths > 0 {
                actions.push(Action::Die(n));
            }
        }
        if !world.processes.is_empty() {
            actions.extend((left.moments > 0).then_some(Action::Moment));
            actions.extend((left.lapses > 0).then_some(Action::Lapse));
        }
        if world.is_idle() && !world.is_overdue() && world.next().is_some() {
            actions.push(Action::Advance);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::HandOut(event) => {
                next.queue[usize::from(event)] -= 1;
                self.begin(&mut next, Role::FanOut(event), false);
            }
            Action::Dispatch(to, n) => {
                let wake_up = next.lines[usize::from(to)].wake_ups.remove(n);
                self.begin(&mut next, Role::Dispatcher(to), wake_up.is_owed);
            }
            Action::Sweep => {
                next.left.sweeps -= u8::from(!world.is_idle());
                self.begin(&mut next, Role::Sweep, false);
            }
            Action::Act => self.begin(&mut next, Role::Person(self.acts[world.acts]), false),
            Action::Call(n, call, outcome, answered) => {
                match answered {
                    Some(Answered::Refused) => next.left.refusals -= 1,
                    // The poison fails without end.
                    Some(Answered::Unavailable) => next.left.failures = next.left.failures.saturating_sub(1),
                    Some(Answered::Gone) => next.left.goodbyes -= 1,
                    Some(Answered::Lost) => next.left.errors -= 1,
                    Some(Answered::Taken) | None => {}
                }
                self.call(&mut next, n, call, outcome, answered)?;
            }
            Action::Die(n) => {
                next.left.deaths -= 1;
                next.die(n);
            }
            Action::Moment => {
                next.left.moments -= 1;
                next.pass(MOMENT);
            }
            Action::Lapse => {
                next.left.lapses -= 1;
                next.pass(LAPSE);
            }
            Action::Advance => next.now = world.next()?.max(world.now),
            Action::Lose(to, n) => {
                next.left.losses -= 1;
                next.lines[usize::from(to)].wake_ups.remove(n);
            }
            Action::Double(to, n) => {
                next.left.doubles -= 1;
                let line = &mut next.lines[usize::from(to)];
                line.wake(line.wake_ups[n].at, false);
            }
        }
        next.processes.sort_unstable();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises()
    }
}

impl Explored for Scenario {
    type Bug = Bug;

    const SAFETY: &'static [&'static str] = &SAFETY;

    const REACHED: &'static str = REACHED;

    fn name(&self) -> String {
        let acts = (!self.acts.is_empty()).then(|| format!(", {:?}", self.acts));
        let counted = format!("{} events in {} copies, {:?}", self.events, self.copies, self.left);
        let versions = self.versions.map(|versions| format!(", versions {versions:?}"));
        let endpoints = (self.endpoints > 1).then(|| format!(", {} endpoints", self.endpoints));
        let failed = (self.failed_before > 0).then(|| format!(", {} failures before", self.failed_before));
        let poison = self.poison.map(|event| format!(", always fails at {event}"));
        let parts = [Some(counted), versions, endpoints, failed, poison, acts];
        parts.into_iter().flatten().collect()
    }

    fn seeded(self, bug: Bug) -> Self {
        Self {
            bug: Some(bug),
            points: Arc::default(),
            ..self
        }
    }

    fn step(&self, before: World, action: Action) -> Option<String> {
        let who = |n: usize| {
            let process = &before.processes[n];
            format!("{:?} {}", process.role, process.nonce)
        };
        Some(match action {
            Action::Call(n, call, outcome, answered) => {
                let point = self.points.point(before.processes[n].point);
                let Point::Waiting(calls) = &*point else { return None };
                let (_, Call { to, request }) = calls.iter().find(|(number, _)| *number == call)?;
                let answered = answered.map(|answered| format!(" {answered:?}"));
                format!(
                    "{}: {to} {request:?} {outcome:?}{}",
                    who(n),
                    answered.unwrap_or_default()
                )
            }
            Action::Die(n) => format!("{}: dies", who(n)),
            other => format!("{other:?}"),
        })
    }
}
