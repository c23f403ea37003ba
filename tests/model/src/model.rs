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
    memory::MemoryBodies,
    store::stores::StoreRecord,
};
use jiff::Timestamp;
use stateright::{Model, Property};

use crate::{
    action::{Action, Actor, CallOutcome, Role},
    bug::Bug,
    events::{Content, interpret},
    promises::promises,
    reconciler::{CatalogReads, reconcile},
    script::{History, Progress, Request, Response, Script},
    world::{ModelState, Parcel, Reconciliations, Running, time},
};

/// Scenario to explore, and its limits.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The deliveries. None has happened yet.
    pub events: Vec<Content>,
    /// Maximum attempts of each sender; 0: all deliveries have been accepted and are on the queue.
    pub attempts: u8,
    /// Copies of each delivery on the queue then.
    pub copies: u8,
    /// True if the store has a record at first: failures of an unknown store are not recorded.
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
    /// Number of functions that may die, besides those that die of a wait.
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

/// Progress by work: role, deliveries, received again or not, start, responses.
type Known = HashMap<(Role, Vec<usize>, Vec<bool>, u8, History), Ended>;

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
pub enum Ended {
    /// Waits for the responses to these calls.
    Waits(Vec<(usize, Request)>),
    /// A receiver has responded.
    Answered {
        /// True if the response is a 2xx.
        accepted: bool,
    },
    /// A consumer has completed these deliveries.
    Settled(Vec<usize>),
    /// A reconciliation's job has ended; true if the whole catalog was compared.
    Reconciled(bool),
}

impl Scenario {
    /// One delivery and everything that can happen at the receiver, with a sender that tries this often.
    #[must_use]
    pub fn at_the_door(events: &[Content], attempts: u8) -> Self {
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
    pub fn on_the_queue(events: &[Content]) -> Self {
        Self {
            events: events.to_vec(),
            deaths: 1,
            waits: 1,
            ..Self::default()
        }
    }

    /// A catalogue in these states and this number of `reconciliations`, two at once, one of which may die anywhere.
    #[must_use]
    pub fn reconciled(catalogue: &[Content], reconciliations: u8) -> Self {
        Self {
            catalogue: catalogue.to_vec(),
            reconcilers: 2,
            reconciliations,
            consumers: 1,
            deaths: 1,
            ..Self::default()
        }
    }

    /// As [`run`](Self::run), which is done once for the same answers.
    fn advance(&self, who: Actor, running: &Running) -> Ended {
        let (work, again) = (running.work.clone(), running.again.clone());
        let key = (who.role(), work, again, running.since, running.history.clone());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = known().get(&key) {
            return ended.clone();
        }
        let ended = self.run(who, running);
        known().insert(key, ended.clone());
        ended
    }

    /// Runs a function from its history to its next calls, or to its end.
    fn run(&self, who: Actor, running: &Running) -> Ended {
        let script = Script::new(time(running.since));
        match who {
            Actor::Receiver(_) => {
                let delivery = self.delivery(running.work[0]);
                let progress = if self.bug == Some(Bug::SendBeforeClaim) {
                    script.run(Box::pin(send_before_claim(&script, &delivery)), &running.history)
                } else {
                    let receive = Receive {
                        ledger: script.clone(),
                        queue: script.clone(),
                        bodies: None::<MemoryBodies>,
                        clock: script.clone(),
                    };
                    let received = async { receive.receive(&delivery, pending()).await };
                    script.run(Box::pin(received), &running.history)
                };
                match progress {
                    Progress::Waits(asks) => Ended::Waits(asks),
                    Progress::Ended(received) => Ended::Answered {
                        accepted: matches!(received, Ok(Received::Queued | Received::Duplicate)),
                    },
                }
            }
            Actor::Consumer(_) => {
                let reindex = Reindex {
                    ledger: script.clone(),
                    apply: Apply {
                        entities: script.clone(),
                        stores: script.clone(),
                        index: script.clone(),
                        clock: script.clone(),
                    },
                    jobs: script.clone(),
                    compliance: Some(script.clone()),
                    interpret: interpret(self.bug),
                };
                let message = |(n, again): (&usize, &bool)| Message {
                    id: n.to_string(),
                    delivery: Ok(self.delivery(*n)),
                    tried: Try {
                        number: 1 + u32::from(*again),
                        ..Try::default()
                    },
                };
                let messages = running.work.iter().zip(&running.again).map(message).collect();
                let applied = Box::pin(reindex.apply(messages, Timestamp::MAX));
                match script.run(applied, &running.history) {
                    Progress::Waits(asks) => Ended::Waits(asks),
                    Progress::Ended(processed) => {
                        let settled = processed.iter().filter(|message| message.verdict.is_settled());
                        let number = |id: &str| id.parse().expect("ids are numbers");
                        Ended::Settled(settled.map(|message| number(&message.message_id)).collect())
                    }
                }
            }
            Actor::Reconciler(_) => {
                let catalogue = CatalogReads {
                    script: script.clone(),
                    states: self.catalogue.clone(),
                };
                match script.run(Box::pin(reconcile(catalogue)), &running.history) {
                    Progress::Waits(asks) => Ended::Waits(asks),
                    Progress::Ended(done) => Ended::Reconciled(done.is_ok()),
                }
            }
        }
    }

    /// Record of the store at first: it is connected if a delivery holds only a part.
    fn connected(&self) -> Option<StoreRecord> {
        let connected = self.events.iter().any(|what| matches!(what, Content::Part(_)));
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
    fn go_on(&self, world: &mut ModelState, who: Actor, mut running: Running) {
        match self.advance(who, &running) {
            Ended::Waits(asks) => {
                // Nothing follows from the status, from notes and from records: whoever asks for them may go on at once. So may a
                // reconciliation that reads the store, for nobody uninstalls one that is reconciled.
                let reads = who.role() == Role::Reconciler;
                let noted = asks.iter().find(|(_, asked)| match asked {
                    Request::Record(_) | Request::Note(_) | Request::Keep => true,
                    Request::Find => reads,
                    _ => false,
                });
                if let Some((number, request)) = noted {
                    let response = world.perform(request, &running, self.bug);
                    running.history.push((*number, response));
                    return self.go_on(world, who, running);
                }
                running.asks = asks;
                *who.slot(world) = Some(running);
            }
            Ended::Answered { accepted } => {
                world.deliveries[running.work[0]].accepted |= accepted;
                *who.slot(world) = None;
            }
            Ended::Settled(settled) => {
                for n in settled {
                    let copies = &mut world.deliveries[n].copies;
                    *copies = copies.saturating_sub(1);
                }
                *who.slot(world) = None;
            }
            Ended::Reconciled(done) => {
                *who.slot(world) = None;
                let seen = running.seen().map(|(number, _)| number).filter(|_| done);
                let reconciliations = &mut world.reconciliations;
                reconciliations.reconciled = reconciliations.reconciled.max(seen);
                let undisturbed = world.deaths_left == self.deaths && world.errors_left == self.errors;
                world.reconciliations.calm = undisturbed && world.is_quiet() && seen == Some(world.catalogue);
            }
        }
    }

    fn start(&self, world: &mut ModelState, who: Actor, work: Vec<usize>, owner: String) {
        let again = match who.role() {
            Role::Consumer => work.iter().map(|n| self.receive(&mut world.deliveries[*n])).collect(),
            Role::Receiver | Role::Reconciler => vec![],
        };
        let running = Running {
            work,
            again,
            owner,
            since: world.waits,
            calm: world.reconciliations.calm && who.role() == Role::Reconciler,
            history: vec![],
            asks: vec![],
        };
        self.go_on(world, who, running);
    }

    /// Returns true if the next copy has been received before; unreceived copies come first.
    fn receive(&self, parcel: &mut Parcel) -> bool {
        let again = parcel.fresh == 0;
        parcel.fresh = parcel.fresh.saturating_sub(1);
        again && self.bug != Some(Bug::RetriesLookNew)
    }

    fn call(&self, world: &mut ModelState, who: Actor, number: usize, how: CallOutcome) {
        let Some(mut running) = who.slot(world).take() else {
            return;
        };
        let Some((_, request)) = running.asks.iter().find(|(asked, _)| *asked == number).cloned() else {
            return;
        };
        let response = match how {
            CallOutcome::Failed => Response::Failed,
            CallOutcome::Answered | CallOutcome::Unheard | CallOutcome::LooksFailed if request == Request::Look => {
                Response::Seen(world.catalogue, self.catalogue[world.catalogue])
            }
            CallOutcome::Answered | CallOutcome::Unheard | CallOutcome::LooksFailed => {
                world.perform(&request, &running, self.bug)
            }
        };
        match how {
            CallOutcome::Unheard => {
                world.deaths_left -= 1;
                return;
            }
            CallOutcome::LooksFailed | CallOutcome::Failed => {
                world.errors_left -= 1;
                running.history.push((number, Response::Failed));
            }
            CallOutcome::Answered => running.history.push((number, response)),
        }
        self.go_on(world, who, running);
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
                Parcel {
                    attempts_left: self.attempts,
                    ..Parcel::default()
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
            asked: false,
            erased: false,
            index: [].into(),
            newest: [].into(),
            went_back: false,
        };
        if self.attempts == 0 {
            for parcel in &mut world.deliveries {
                parcel.accepted = true;
                parcel.sent = true;
                parcel.copies = self.copies;
                parcel.fresh = self.copies;
                parcel.entry = Some(hookline_domain::delivery::ledger::LedgerEntry {
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
            let willing = (0..world.deliveries.len()).filter(|n| world.deliveries[*n].attempts_left > 0);
            actions.extend(willing.map(Action::Try));
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
        for (who, running) in receivers.chain(consumers).chain(reconcilers) {
            let Some(running) = running else { continue };
            for (number, _) in &running.asks {
                actions.push(Action::Call(who, *number, CallOutcome::Answered));
                if world.deaths_left > 0 {
                    actions.push(Action::Call(who, *number, CallOutcome::Unheard));
                }
                if world.errors_left > 0 {
                    actions.push(Action::Call(who, *number, CallOutcome::LooksFailed));
                    actions.push(Action::Call(who, *number, CallOutcome::Failed));
                }
            }
            if world.deaths_left > 0 {
                actions.push(Action::Die(who));
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
                let parcel = &mut next.deliveries[n];
                let owner = format!("attempt {}", parcel.attempts_left);
                parcel.attempts_left -= 1;
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
            Action::Call(who, number, how) => self.call(&mut next, who, number, how),
            Action::Die(who) => {
                *who.slot(&mut next) = None;
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
    /// Goes one way to the end: whatever is possible next, `choose` says which (of how many) it is.
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
