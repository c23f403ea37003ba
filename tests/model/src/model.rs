//! Possible next actions, and the properties that must always hold.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
};

use hookline_domain::{
    catalogue::apply::Apply,
    consumer::{Message, Reindex, Try},
    delivery::{
        Delivery, envelope,
        ledger::{Claim, ClaimRequest, Claims, LedgerState},
        queue::EventQueue,
        receive::{LEASE, REMEMBERED, Receive, ReceiveError, Received},
    },
    store::stores::StoreRecord,
};
use jiff::Timestamp;
use stateright::{Model, Property};

use crate::{
    action::{Action, Actor, CallOutcome, Role},
    bug::Bug,
    events::{Content, interpret},
    ports::ScriptedPorts,
    promises::promises,
    reconciler::{CatalogReads, reconcile},
    script::{History, Progress, Request, Response, Script},
    world::{ModelState, QueuedDelivery, Reconciliations, Running, time},
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

/// Progress by work: role, deliveries, received before or not, start, responses.
type Known = HashMap<(Role, Vec<usize>, Vec<bool>, u8, History), WorkProgress>;

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
            batch: 1,
            deaths: 0,
            errors: 0,
            waits: 0,
            bug: None,
            known: Arc::default(),
        }
    }
}

/// Progress of a function's work.
#[derive(Debug, Clone)]
pub enum WorkProgress {
    /// It waits for the responses to these calls.
    Waiting(Vec<(usize, Request)>),
    /// A receiver has responded.
    Responded {
        /// True if the response is a 2xx.
        accepted: bool,
    },
    /// A consumer has completed these deliveries.
    Settled(Vec<usize>),
    /// A reconciliation's job has ended; true if the whole catalog was compared.
    Reconciled(bool),
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

    /// As [`run`](Self::run), cached by responses.
    fn advance(&self, actor: Actor, running: &Running) -> WorkProgress {
        let (work, received_before) = (running.work.clone(), running.received_before.clone());
        let key = (
            actor.role(),
            work,
            received_before,
            running.since,
            running.history.clone(),
        );
        let cache = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = cache().get(&key) {
            return ended.clone();
        }
        let ended = self.run(actor, running);
        cache().insert(key, ended.clone());
        ended
    }

    /// Runs a function from its history to its next calls, or to its end.
    fn run(&self, actor: Actor, running: &Running) -> WorkProgress {
        let script = Script::new(time(running.since));
        match actor {
            Actor::Receiver(_) => {
                let delivery = self.delivery(running.work[0]);
                let progress = if self.bug == Some(Bug::SendBeforeClaim) {
                    script.run(Box::pin(send_before_claim(&script, &delivery)), &running.history)
                } else {
                    let receive = Receive::<Script> {
                        ledger: script.clone(),
                        queue: script.clone(),
                        bodies: None,
                        clock: script.clone(),
                    };
                    let received = async { receive.receive(&delivery, pending()).await };
                    script.run(Box::pin(received), &running.history)
                };
                match progress {
                    Progress::Waiting(pending_calls) => WorkProgress::Waiting(pending_calls),
                    Progress::Done(received) => WorkProgress::Responded {
                        accepted: matches!(received, Ok(Received::Queued | Received::Duplicate)),
                    },
                }
            }
            Actor::Consumer(_) => {
                let reindex = Reindex::<ScriptedPorts> {
                    ledger: script.clone(),
                    apply: Apply {
                        entities: script.clone(),
                        stores: script.clone(),
                        index: script.clone(),
                        fan_out: Some(script.clone()),
                        clock: script.clone(),
                    },
                    jobs: script.clone(),
                    compliance: Some(script.clone()),
                    interpret: interpret(self.bug),
                };
                let message = |(n, received_before): (&usize, &bool)| Message {
                    id: n.to_string(),
                    delivery: Ok(self.delivery(*n)),
                    tried: Try {
                        number: 1 + u32::from(*received_before),
                        ..Try::default()
                    },
                };
                let messages = running.work.iter().zip(&running.received_before).map(message).collect();
                let applied = Box::pin(reindex.apply(messages, Timestamp::MAX));
                match script.run(applied, &running.history) {
                    Progress::Waiting(pending_calls) => WorkProgress::Waiting(pending_calls),
                    Progress::Done(processed) => {
                        let settled = processed.iter().filter(|message| message.verdict.is_settled());
                        let number = |id: &str| id.parse().expect("ids are numbers");
                        WorkProgress::Settled(settled.map(|message| number(&message.message_id)).collect())
                    }
                }
            }
            Actor::Reconciler(_) => {
                let catalogue = CatalogReads {
                    script: script.clone(),
                    states: self.catalogue.clone(),
                };
                match script.run(Box::pin(reconcile(catalogue)), &running.history) {
                    Progress::Waiting(pending_calls) => WorkProgress::Waiting(pending_calls),
                    Progress::Done(done) => WorkProgress::Reconciled(done.is_ok()),
                }
            }
        }
    }

    /// Record of the store at the start: connected if a delivery holds only a part.
    fn connected(&self) -> Option<StoreRecord> {
        let connected = self.events.iter().any(|content| matches!(content, Content::Part(_)));
        (connected || self.is_store_known).then(|| StoreRecord {
            connected,
            ..StoreRecord::default()
        })
    }

    fn delivery(&self, n: usize) -> Delivery {
        let mut delivery = self.events[n].delivery(n);
        if self.bug == Some(Bug::TriggerBeyondReceipt) {
            delivery.received_at = delivery
                .received_at
                .max(delivery.triggered_at.unwrap_or(Timestamp::MIN));
        }
        delivery
    }

    /// Continues a function, and removes it when it has ended.
    fn resume(&self, world: &mut ModelState, actor: Actor, mut running: Running) {
        match self.advance(actor, &running) {
            WorkProgress::Waiting(pending_calls) => {
                // Nothing depends on the status, on notes or on audit records, so these calls are made at once. So is a
                // reconciliation's read of the store, because no scenario uninstalls a store during one.
                let is_reconciler = actor.role() == Role::Reconciler;
                let independent = pending_calls.iter().find(|(_, request)| match request {
                    Request::Record(_) | Request::Note(_) | Request::KeepAudit => true,
                    Request::FindStore => is_reconciler,
                    _ => false,
                });
                if let Some((number, request)) = independent {
                    let response = world.perform(request, &running, self.bug);
                    running.history.push((*number, response));
                    return self.resume(world, actor, running);
                }
                running.pending_calls = pending_calls;
                *actor.slot(world) = Some(running);
            }
            WorkProgress::Responded { accepted } => {
                world.deliveries[running.work[0]].accepted |= accepted;
                *actor.slot(world) = None;
            }
            WorkProgress::Settled(settled) => {
                for n in settled {
                    let copies = &mut world.deliveries[n].copies;
                    *copies = copies.saturating_sub(1);
                }
                *actor.slot(world) = None;
            }
            WorkProgress::Reconciled(done) => {
                *actor.slot(world) = None;
                let read_state = running.catalog_read().map(|(number, _)| number).filter(|_| done);
                let reconciliations = &mut world.reconciliations;
                reconciliations.reconciled = reconciliations.reconciled.max(read_state);
                let undisturbed = world.deaths_left == self.deaths && world.errors_left == self.errors;
                world.reconciliations.calm = undisturbed && world.is_quiet() && read_state == Some(world.catalogue);
            }
        }
    }

    fn start(&self, world: &mut ModelState, actor: Actor, work: Vec<usize>, owner: String) {
        let received_before = match actor.role() {
            Role::Consumer => work.iter().map(|n| self.receive(&mut world.deliveries[*n])).collect(),
            Role::Receiver | Role::Reconciler => vec![],
        };
        let running = Running {
            work,
            received_before,
            owner,
            since: world.waits,
            calm: world.reconciliations.calm && actor.role() == Role::Reconciler,
            history: vec![],
            pending_calls: vec![],
        };
        self.resume(world, actor, running);
    }

    /// Returns true if the next copy has been received before; unreceived copies come first.
    fn receive(&self, delivery: &mut QueuedDelivery) -> bool {
        let received_before = delivery.fresh == 0;
        delivery.fresh = delivery.fresh.saturating_sub(1);
        received_before && self.bug != Some(Bug::RetryLooksNew)
    }

    fn call(&self, world: &mut ModelState, actor: Actor, number: usize, outcome: CallOutcome) {
        let Some(mut running) = actor.slot(world).take() else {
            return;
        };
        let Some((_, request)) = running
            .pending_calls
            .iter()
            .find(|(pending, _)| *pending == number)
            .cloned()
        else {
            return;
        };
        let response = match outcome {
            CallOutcome::Failed => Response::Failed,
            CallOutcome::Responded | CallOutcome::CallerDies | CallOutcome::DoneButReportedFailed
                if request == Request::ReadCatalog =>
            {
                Response::Catalog(world.catalogue, self.catalogue[world.catalogue])
            }
            CallOutcome::Responded | CallOutcome::CallerDies | CallOutcome::DoneButReportedFailed => {
                world.perform(&request, &running, self.bug)
            }
        };
        match outcome {
            CallOutcome::CallerDies => {
                world.deaths_left -= 1;
                return;
            }
            CallOutcome::DoneButReportedFailed | CallOutcome::Failed => {
                world.errors_left -= 1;
                running.history.push((number, Response::Failed));
            }
            CallOutcome::Responded => running.history.push((number, response)),
        }
        self.resume(world, actor, running);
    }
}

/// Receiver with the bug that it sends before it claims.
async fn send_before_claim(script: &Script, delivery: &Delivery) -> Result<Received, ReceiveError> {
    let now = hookline_domain::kernel::port::Clock::now(script);
    script.send(&delivery.key.store, envelope::encode(delivery)?).await?;
    let request = ClaimRequest {
        owner: String::new(),
        now,
        lease_until: now + LEASE,
        expires_at: now + REMEMBERED,
        event_id: None,
    };
    Ok(match script.claim(&delivery.key, &request).await? {
        Claim::Fresh => Received::Queued,
        Claim::Settled => Received::Duplicate,
        Claim::Live { .. } => Received::InFlight {
            retry_after: std::time::Duration::ZERO,
        },
    })
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
            reconciliations: Reconciliations {
                left: self.reconciliations,
                reconciled: None,
                calm: false,
                rewritten: false,
            },
            catalogue: 0,
            entities: [].into(),
            store: self.connected(),
            failed: [].into(),
            job_sent: false,
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
        if world.catalogue + 1 < self.catalogue.len() {
            actions.push(Action::Change);
        }
        let receivers = (0..).map(Actor::Receiver).zip(&world.receivers);
        let consumers = (0..).map(Actor::Consumer).zip(&world.consumers);
        let reconcilers = (0..).map(Actor::Reconciler).zip(&world.reconcilers);
        for (actor, running) in receivers.chain(consumers).chain(reconcilers) {
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
                next.disturb();
            }
            Action::Call(actor, number, outcome) => self.call(&mut next, actor, number, outcome),
            Action::Die(actor) => {
                *actor.slot(&mut next) = None;
                next.deaths_left -= 1;
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
