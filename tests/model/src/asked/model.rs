//! Possible next actions, the scenarios, and the promises.

use std::sync::Arc;

use hookline_domain::{
    catalogue::jobs::{Job, Task, WalkStep},
    event::thin::{Expected, Thing, Wanted},
    store::stores::RunTask,
};
use jiff::SignedDuration;
use stateright::{Model, Property};

use super::{
    bug::Bug,
    call::{Arrived, Request, Response},
    ports::{Work, run},
    world::{Edit, Happening, Left, Process, World, start, store, the_product},
};
use crate::{calls::Progress, explore::Explored};

/// Promise: once nothing is left to do, the index shows the source's state.
pub const LOST: &str = "an edit was lost";

/// Promise: once nothing is left to do, the index shows nothing that the source does not have.
pub const RESURRECTED: &str = "a removed product is found";

/// Promise: once nothing is left to do, nothing of a disconnected store is found.
pub const LEFT_BEHIND: &str = "a product of a disconnected store is found";

/// Promise: only a person begins an install.
pub const REENABLED: &str = "a store was connected by an answer";

/// Number of times that work which fails is received again.
const MAX_REPEATS: u8 = 4;

/// The index shows the source's last state in the end.
const REACHED: &str = "the last edit is found";

/// Scenario to explore, and its limits.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// States of the product at the source. The first is in the index.
    pub edits: Arc<Vec<Edit>>,
    /// Happenings, in this order.
    pub happenings: Vec<Happening>,
    /// True if thin events name no product: changes are requested.
    pub names_nothing: bool,
    /// Maximum number of concurrent processes.
    pub workers: usize,
    /// Number of times that each thing may happen.
    pub left: Left,
    /// Seeded bug, if any.
    pub bug: Option<Bug>,
}

/// Outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and its response arrives.
    Responded,
    /// Answered with what was before the last edit.
    Lags,
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
    /// The next thing happens at the source.
    Happen,
    /// A process receives a message.
    Begin(usize),
    /// A call of a process is made.
    Call(usize, usize, Outcome),
    /// A second passes while processes run.
    Second,
    /// The clock goes on to whatever is next, because nothing runs.
    Advance,
}

impl Scenario {
    /// Job about the present state of the source.
    fn job(&self, world: &World, expected: Expected) -> Work {
        let thing = if self.names_nothing {
            Thing::Catalogue
        } else {
            Thing::Product(the_product().id)
        };
        let expected = match (self.names_nothing, expected) {
            (true, Expected::AtLeast(_)) => {
                let millis = hookline_domain::event::thin::Mark(world.edited_at.as_millisecond());
                Expected::AtLeast(millis)
            }
            (_, expected) => expected,
        };
        Work::Job(Box::new(Job {
            store: store(),
            task: Task::Ask {
                wanted: vec![Wanted { thing, expected }],
                asked_before: 0,
                // Long ago, so that nothing is queried a second time for its age.
                told_at: start() - SignedDuration::from_mins(1),
            },
            cause: None,
        }))
    }

    /// Job that reads everything once more, as after connecting.
    fn resync() -> Work {
        let wanted = Wanted {
            thing: Thing::Product(the_product().id),
            expected: Expected::Later,
        };
        Work::Job(Box::new(Job {
            store: store(),
            task: Task::Ask {
                wanted: vec![wanted],
                asked_before: 0,
                told_at: start() - SignedDuration::from_mins(1),
            },
            cause: None,
        }))
    }

    /// Returns true if an answer may lag. Around a removal, no mark shows it, so that it must not lag for longer than it takes to
    /// confirm the removal.
    fn may_lag(&self, world: &World) -> bool {
        let has_removal = self.edits.iter().any(|edit| !edit.is_there);
        !has_removal || world.now < world.edited_at + SignedDuration::from_secs(5)
    }

    fn happen(&self, world: &mut World) {
        let happening = self.happenings[world.happened];
        world.happened += 1;
        match happening {
            Happening::Edit => {
                world.edit += 1;
                world.now += SignedDuration::from_millis(1);
                world.edited_at = world.now;
                let edit = self.edits[world.edit];
                for _ in 0..edit.notices {
                    let job = self.job(world, edit.expected);
                    world.send(world.now, job);
                }
            }
            Happening::Disconnect(before) => {
                let signed_at = world.now - SignedDuration::from_secs(before);
                world.send(world.now, Work::Disconnect(signed_at));
            }
            Happening::Connect => world.send(world.now, Work::Connect),
            Happening::Walk => {
                let task = Task::Walk {
                    run: RunTask::Reconcile,
                    step: WalkStep::Begin,
                };
                let job = Job {
                    store: store(),
                    task,
                    cause: None,
                };
                world.send(world.now, Work::Job(Box::new(job)));
            }
        }
    }

    /// Runs a process up to its next calls that others may see; ends it if it is done.
    fn resume(&self, world: &mut World, mut process: Process) {
        loop {
            match run(
                &process.work,
                (process.at, process.nonce),
                &self.edits,
                self.bug,
                &process.history,
            ) {
                Progress::Waiting(pending) => {
                    // Nothing depends on the order of these.
                    let at_once = pending.iter().find(|(_, request)| {
                        matches!(request, Request::Confirm(_) | Request::Known | Request::Record(false))
                    });
                    let Some((number, request)) = at_once else {
                        process.pending = pending;
                        world.processes.push(process);
                        return;
                    };
                    let response = world.perform(&process.work, request, false, self.bug);
                    let at = world.now;
                    process.history.push((*number, Arrived { response, at }));
                }
                Progress::Done(true) => {
                    if process.work == Work::Connect {
                        world.send(world.now, Self::resync());
                    }
                    return;
                }
                // The queue parks what fails again and again.
                Progress::Done(false) if world.repeats == MAX_REPEATS => return,
                Progress::Done(false) => {
                    world.repeats += 1;
                    // The queue's visibility timeout is over some seconds later.
                    world.send(world.now + SignedDuration::from_secs(30), process.work);
                    return;
                }
            }
        }
    }

    fn call(&self, world: &mut World, n: usize, call: usize, outcome: Outcome) -> Option<()> {
        let mut process = world.processes.remove(n);
        let (_, request) = process.pending.iter().find(|(number, _)| *number == call)?.clone();
        let response = match outcome {
            Outcome::Failed => Response::Failed,
            _ => world.perform(&process.work, &request, outcome == Outcome::Lags, self.bug),
        };
        match outcome {
            Outcome::CallerDies => {
                world.left.deaths -= 1;
                world.send(world.now + SignedDuration::from_secs(30), process.work);
                return Some(());
            }
            Outcome::Lags => world.left.lags -= 1,
            Outcome::Failed | Outcome::DoneButReportedFailed => world.left.errors -= 1,
            Outcome::Responded => {}
        }
        let response = if outcome == Outcome::DoneButReportedFailed {
            Response::Failed
        } else {
            response
        };
        let at = world.now;
        process.history.push((call, Arrived { response, at }));
        process.pending.clear();
        self.resume(world, process);
        Some(())
    }
}

impl World {
    /// Returns true if nothing is left to do.
    fn is_at_rest(&self, scenario: &Scenario) -> bool {
        self.processes.is_empty() && self.queue.is_empty() && self.happened == scenario.happenings.len()
    }

    fn shows_the_truth(&self, scenario: &Scenario) -> bool {
        let truth = scenario.edits[self.edit].is_there.then(|| self.edit.to_string());
        self.shown() == truth.as_deref()
    }
}

impl Model for Scenario {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.edits[0], self.left, self.bug)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.happened < self.happenings.len() {
            actions.push(Action::Happen);
        }
        if world.processes.len() < self.workers {
            let due = world.queue.iter().enumerate().filter(|(_, (due, _))| *due <= world.now);
            for (n, (_, work)) in due {
                // Equal messages are received in one order.
                if n == 0 || world.queue[n - 1].1 != *work {
                    actions.push(Action::Begin(n));
                }
            }
        }
        for (n, process) in world.processes.iter().enumerate() {
            for (call, request) in &process.pending {
                actions.push(Action::Call(n, *call, Outcome::Responded));
                let reads = matches!(request, Request::Ask | Request::Changes(_));
                if reads && world.left.lags > 0 && world.edit > 0 && self.may_lag(world) {
                    actions.push(Action::Call(n, *call, Outcome::Lags));
                }
                if world.left.deaths > 0 {
                    actions.push(Action::Call(n, *call, Outcome::CallerDies));
                }
                if world.left.errors > 0 {
                    actions.push(Action::Call(n, *call, Outcome::Failed));
                    actions.push(Action::Call(n, *call, Outcome::DoneButReportedFailed));
                }
            }
        }
        if !world.processes.is_empty() && world.left.seconds > 0 {
            actions.push(Action::Second);
        }
        let is_waiting = world.queue.first().is_some_and(|(due, _)| *due > world.now);
        if world.processes.is_empty() && is_waiting {
            actions.push(Action::Advance);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Happen => self.happen(&mut next),
            Action::Begin(n) => {
                let (_, work) = next.queue.remove(n);
                next.now += SignedDuration::from_millis(1);
                let is_free = |nonce: &u8| next.processes.iter().all(|process| process.nonce != *nonce);
                let nonce = (0..u8::MAX).find(is_free)?;
                let process = Process {
                    work,
                    nonce,
                    at: next.now,
                    history: vec![],
                    pending: vec![],
                };
                self.resume(&mut next, process);
            }
            Action::Call(n, call, outcome) => self.call(&mut next, n, call, outcome)?,
            Action::Second => {
                next.left.seconds -= 1;
                next.now += SignedDuration::from_secs(1);
            }
            Action::Advance => next.now = world.queue.first()?.0,
        }
        next.processes.sort_by_cached_key(|process| format!("{process:?}"));
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LOST, |scenario: &Self, world: &World| {
                let is_settled = world.is_at_rest(scenario) && world.record.enabled;
                let is_there = scenario.edits[world.edit].is_there;
                !is_settled || !is_there || world.shows_the_truth(scenario)
            }),
            Property::always(RESURRECTED, |scenario: &Self, world: &World| {
                let is_there = scenario.edits[world.edit].is_there;
                !world.is_at_rest(scenario) || is_there || world.shown().is_none()
            }),
            Property::always(LEFT_BEHIND, |scenario: &Self, world: &World| {
                !world.is_at_rest(scenario) || world.record.enabled || world.shown().is_none()
            }),
            Property::always(REENABLED, |_: &Self, world: &World| !world.is_reenabled),
            Property::sometimes(REACHED, |scenario: &Self, world: &World| {
                let is_open = world.record.enabled && world.shows_the_truth(scenario);
                world.is_at_rest(scenario) && (is_open || !world.record.enabled)
            }),
        ]
    }
}

impl Explored for Scenario {
    type Bug = Bug;

    const SAFETY: &'static [&'static str] = &[LOST, RESURRECTED, LEFT_BEHIND, REENABLED];
    const REACHED: &'static str = REACHED;

    fn name(&self) -> String {
        let states = self
            .edits
            .iter()
            .map(|edit| if edit.is_there { "a state" } else { "gone" });
        let states: Vec<_> = states.collect();
        format!("{}; {:?}", states.join(", "), self.happenings)
    }

    fn seeded(self, bug: Bug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    fn step(&self, before: World, action: Action) -> Option<String> {
        Some(match action {
            Action::Happen => format!("{:?}", self.happenings.get(before.happened)?),
            Action::Begin(n) => format!("begins at {}: {:?}", before.now, before.queue.get(n)?.1),
            Action::Call(n, call, outcome) => {
                let process = before.processes.get(n)?;
                let (_, request) = process.pending.iter().find(|(number, _)| *number == call)?;
                format!("{:?}: {request:?}: {outcome:?}", process.work)
            }
            Action::Second => "a second passes".to_owned(),
            Action::Advance => format!("the clock goes on to {}", before.queue.first()?.0),
        })
    }
}
