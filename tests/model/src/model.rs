//! Possible next actions, and the properties that must always hold.

use std::sync::{Arc, Mutex};

use hookline_domain::delivery::ledger::LedgerState;
use jiff::Timestamp;
use stateright::{Model, Property};

use crate::{
    action::{Action, Actor, CallOutcome, Role},
    bug::Bug,
    events::Content,
    explore::Explored,
    functions::Known,
    promises::{REACHED, SAFETY, promises},
    told::{Listen, Telling, To},
    world::{ModelState, QueuedDelivery, Reconciliations, time},
};

/// Scenario to explore, and its limits.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The deliveries, none of which has been sent yet.
    pub events: Vec<Content>,
    /// Maximum attempts of each sender; 0 if all deliveries are already accepted and on the queue.
    pub attempts: u8,
    /// Copies of each delivery on the queue, if there are no attempts.
    pub copies: u8,
    /// True if the store has a record at the start; failures of an unknown store are not recorded.
    pub is_store_known: bool,
    /// Maximum number of concurrent receivers.
    pub receivers: usize,
    /// Maximum number of concurrent consumers.
    pub consumers: usize,
    /// Successive states of the store's catalog; empty if it is never read.
    pub catalogue: Vec<Content>,
    /// Maximum number of concurrent reconciliations.
    pub reconcilers: usize,
    /// Total number of reconciliations.
    pub reconciliations: u8,
    /// Maximum number of concurrent workers. If there are any, each change of the catalog is followed by a job.
    pub workers: usize,
    /// Number of deliveries, from the first, that have been applied before.
    pub applied: usize,
    /// Those who begin and cease to listen, in this order.
    pub listening: Vec<Listen>,
    /// Number of these changes that have happened before, even before deliveries were applied.
    pub listened: usize,
    /// Maximum messages in a batch.
    pub batch: usize,
    /// Number of functions that may die, besides those that a wait ends.
    pub deaths: u8,
    /// Number of calls that may fail.
    pub errors: u8,
    /// Number of times that all leases may lapse.
    pub waits: u8,
    /// Seeded bug, if any.
    pub bug: Option<Bug>,
    /// Cache of progress by responses, on which alone it depends.
    pub known: Arc<Mutex<Known>>,
}

impl Default for Scenario {
    /// Accepted deliveries, two consumers, nothing fails.
    fn default() -> Self {
        Self {
            events: vec![],
            attempts: 0,
            copies: 1,
            is_store_known: false,
            receivers: 0,
            consumers: 2,
            catalogue: vec![],
            reconcilers: 0,
            reconciliations: 0,
            workers: 0,
            applied: 0,
            listening: vec![],
            listened: 0,
            batch: 1,
            deaths: 0,
            errors: 0,
            waits: 0,
            bug: None,
            known: Arc::default(),
        }
    }
}

impl Scenario {
    /// Deliveries and everything that can happen at the receiver, with senders that make this number of attempts.
    #[must_use]
    pub fn receiving(events: &[Content], attempts: u8) -> Self {
        Self {
            events: events.to_vec(),
            attempts,
            receivers: 2,
            consumers: 1,
            deaths: 1,
            waits: 1,
            ..Self::default()
        }
    }

    /// Accepted deliveries, two consumers, one of which may die anywhere, and time for leases to lapse.
    #[must_use]
    pub fn queued(events: &[Content]) -> Self {
        Self {
            events: events.to_vec(),
            deaths: 1,
            waits: 1,
            ..Self::default()
        }
    }

    /// Accepted deliveries, two consumers, and somebody who has listened to all stores since the beginning.
    #[must_use]
    pub fn listened(events: &[Content]) -> Self {
        Self {
            events: events.to_vec(),
            listening: vec![Listen::Begin(To::All, 0)],
            listened: 1,
            ..Self::default()
        }
    }

    /// Catalog in these states and this number of `reconciliations`, two at once, one of which may die anywhere.
    #[must_use]
    pub fn reconciling(catalogue: &[Content], reconciliations: u8) -> Self {
        Self {
            catalogue: catalogue.to_vec(),
            reconcilers: 2,
            reconciliations,
            consumers: 1,
            deaths: 1,
            ..Self::default()
        }
    }
}

impl Model for Scenario {
    type State = ModelState;
    type Action = Action;

    fn init_states(&self) -> Vec<ModelState> {
        let mut world = ModelState {
            waits: 0,
            deaths_left: self.deaths,
            errors_left: self.errors,
            deliveries: vec![
                QueuedDelivery {
                    attempts_left: self.attempts,
                    ..QueuedDelivery::default()
                };
                self.events.len()
            ],
            receivers: vec![None; self.receivers],
            consumers: vec![None; self.consumers],
            reconcilers: vec![None; self.reconcilers],
            workers: vec![None; self.workers],
            jobs: 0,
            reads: 0,
            reconciliations: Reconciliations {
                left: self.reconciliations,
                reconciled: None,
                unfinished: false,
                calm: false,
                rewritten: false,
            },
            catalogue: 0,
            entities: [].into(),
            store: self.connected(),
            failed: [].into(),
            job_sent: false,
            telling: Telling::default(),
            erased: false,
            index: [].into(),
            newest: [].into(),
            went_back: false,
        };
        if self.attempts == 0 {
            for delivery in &mut world.deliveries {
                delivery.accepted = true;
                delivery.sent = true;
                delivery.copies = self.copies;
                delivery.fresh = self.copies;
                delivery.entry = Some(hookline_domain::delivery::ledger::LedgerEntry {
                    state: LedgerState::Claimed {
                        owner: "receiver".into(),
                        lease_until: time(0),
                    },
                    expires_at: Timestamp::MAX,
                });
            }
        }
        for change in &self.listening[..self.listened] {
            world.listen(*change, self.bug);
        }
        for n in 0..self.applied {
            self.apply_undisturbed(&mut world, n);
        }
        vec![world]
    }

    fn actions(&self, world: &ModelState, actions: &mut Vec<Action>) {
        if world.receivers.iter().any(Option::is_none) {
            let retrying = (0..world.deliveries.len()).filter(|n| world.deliveries[*n].attempts_left > 0);
            actions.extend(retrying.map(Action::Try));
        }
        if world.consumers.iter().any(Option::is_none) {
            let waiting: Vec<usize> = (0..world.deliveries.len())
                .filter(|n| world.deliveries[*n].copies > 0)
                .collect();
            let batches = (1..1_u32 << waiting.len()).map(|chosen| {
                let chosen = waiting.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
                chosen.map(|(_, n)| *n).collect::<Vec<usize>>()
            });
            actions.extend(batches.filter(|batch| batch.len() <= self.batch).map(Action::Take));
        }
        if world.reconciliations.left > 0 && world.reconcilers.iter().any(Option::is_none) {
            actions.push(Action::Reconcile);
        }
        if world.jobs > 0 && world.workers.iter().any(Option::is_none) {
            let taken = world.workers.iter().flatten().count();
            actions.extend((taken < usize::from(world.jobs)).then_some(Action::Work));
        }
        if world.telling.changes < self.listening.len() {
            actions.push(Action::Listen);
        }
        if world.catalogue + 1 < self.catalogue.len() {
            actions.push(Action::Change);
        }
        let receivers = (0..).map(Actor::Receiver).zip(&world.receivers);
        let consumers = (0..).map(Actor::Consumer).zip(&world.consumers);
        let reconcilers = (0..).map(Actor::Reconciler).zip(&world.reconcilers);
        let workers = (0..).map(Actor::Worker).zip(&world.workers);
        for (actor, running) in receivers.chain(consumers).chain(reconcilers).chain(workers) {
            let Some(running) = running else { continue };
            for (number, _) in &running.pending_calls {
                actions.push(Action::Call(actor, *number, CallOutcome::Responded));
                if world.deaths_left > 0 {
                    actions.push(Action::Call(actor, *number, CallOutcome::CallerDies));
                }
                if world.errors_left > 0 {
                    actions.push(Action::Call(actor, *number, CallOutcome::DoneButReportedFailed));
                    actions.push(Action::Call(actor, *number, CallOutcome::Failed));
                }
            }
            if world.deaths_left > 0 {
                actions.push(Action::Die(actor));
            }
        }
        if world.waits < self.waits {
            let removed = world.index.values().any(|(_, shown)| shown.is_none());
            actions.push(Action::Wait(false));
            actions.extend(removed.then_some(Action::Wait(true)));
        }
    }

    fn next_state(&self, world: &ModelState, action: Action) -> Option<ModelState> {
        let mut next = world.clone();
        match action {
            Action::Try(n) => {
                let receiver = next.receivers.iter().position(Option::is_none)?;
                next.reconciliations.calm = false;
                let delivery = &mut next.deliveries[n];
                let owner = format!("attempt {}", delivery.attempts_left);
                delivery.attempts_left -= 1;
                self.start(&mut next, Actor::Receiver(receiver), vec![n], owner);
            }
            Action::Take(work) => {
                let consumer = next.consumers.iter().position(Option::is_none)?;
                next.reconciliations.calm = false;
                self.start(&mut next, Actor::Consumer(consumer), work, String::new());
            }
            Action::Reconcile => {
                let reconciler = next.reconcilers.iter().position(Option::is_none)?;
                next.reconciliations.left -= 1;
                self.start(&mut next, Actor::Reconciler(reconciler), vec![], String::new());
            }
            Action::Change => {
                next.catalogue += 1;
                next.jobs += u8::from(self.workers > 0);
                next.disturb();
            }
            Action::Work => {
                let worker = next.workers.iter().position(Option::is_none)?;
                next.disturb();
                self.start(&mut next, Actor::Worker(worker), vec![], String::new());
            }
            Action::Listen => next.listen(self.listening[next.telling.changes], self.bug),
            Action::Call(actor, number, outcome) => self.call(&mut next, actor, number, outcome),
            Action::Die(actor) => {
                let died = actor.slot(&mut next).take();
                next.deaths_left -= 1;
                if actor.role() == Role::Reconciler {
                    next.leave_unfinished();
                    if let Some(died) = died {
                        self.receive_again(&mut next, actor, died);
                    }
                }
            }
            Action::Wait(forgets) => next.wait(forgets),
        }
        next.watch(self.bug);
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

    /// Its deliveries and what else happens.
    fn name(&self) -> String {
        let catalogue = (!self.catalogue.is_empty()).then(|| format!(", catalog {:?}", self.catalogue));
        let listening = (!self.listening.is_empty()).then(|| format!(", {:?}", self.listening));
        [Some(format!("{:?}", self.events)), catalogue, listening]
            .into_iter()
            .flatten()
            .collect()
    }

    fn seeded(self, bug: Bug) -> Self {
        Self {
            bug: Some(bug),
            known: Arc::default(),
            ..self
        }
    }

    fn step(&self, mut before: ModelState, action: Action) -> Option<String> {
        let Action::Call(actor, number, outcome) = action else {
            return Some(format!("{action:?}"));
        };
        let running = actor.slot(&mut before).take()?;
        let (_, request) = running.pending_calls.iter().find(|(pending, _)| *pending == number)?;
        let request = format!("{request:?}");
        let call = request.split(['(', ' ']).next().unwrap_or_default();
        Some(format!("{actor:?}: {call} {outcome:?}"))
    }
}

impl Scenario {
    /// Follows one path to its end; `choose` picks the index of the next action from the number of possible ones.
    pub fn walk(&self, mut choose: impl FnMut(usize) -> usize) -> ModelState {
        let mut world = self.init_states().remove(0);
        loop {
            let mut actions = Vec::new();
            self.actions(&world, &mut actions);
            if actions.is_empty() {
                return world;
            }
            let action = actions.swap_remove(choose(actions.len()));
            world = self.next_state(&world, action).unwrap_or(world);
        }
    }
}
