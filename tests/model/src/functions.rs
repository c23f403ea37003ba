//! The functions: the product's own code, run from the responses so far up to its next calls.

use std::{collections::HashMap, future::pending, sync::PoisonError};

use hookline_domain::{
    catalogue::apply::Apply,
    consumer::{Message, Reindex, Try},
    delivery::{
        Delivery, envelope,
        ledger::{Claim, ClaimRequest, Claims},
        queue::EventQueue,
        receive::{LEASE, REMEMBERED, Receive, ReceiveError, Received},
    },
    store::stores::StoreRecord,
    sync::reconcile::Step,
};
use jiff::Timestamp;

use crate::{
    action::{Actor, CallOutcome, Role},
    bug::Bug,
    events::{Content, interpret},
    model::Scenario,
    ports::ScriptedPorts,
    reconciler::{CatalogReads, reconcile, refetch},
    script::{History, Progress, Request, Response, Script},
    told::{Listen, To},
    world::{MAX_READS, ModelState, QueuedDelivery, Running, clock},
};

/// Progress by work: role, deliveries, received before or not, start, step, responses.
pub(crate) type Known = HashMap<(Role, Vec<usize>, Vec<bool>, (u8, u8), Step, History), WorkProgress>;

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
    /// A reconciliation has sent the step that remains as a job.
    Sent(Step),
    /// A worker has ended; true if the job is done.
    Worked(bool),
}

impl Scenario {
    /// As [`run`](Self::run), cached by responses.
    fn advance(&self, actor: Actor, running: &Running) -> WorkProgress {
        let (work, received_before) = (running.work.clone(), running.received_before.clone());
        let key = (
            actor.role(),
            work,
            received_before,
            (running.since, running.tick),
            running.step.clone(),
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
        let script = Script::new(clock(running.since, running.tick));
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
                    sealed: None,
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
                let steps = Box::pin(reconcile(catalogue, running.step.clone()));
                match script.run(steps, &running.history) {
                    Progress::Waiting(pending_calls) => WorkProgress::Waiting(pending_calls),
                    Progress::Done(Ok(Some(step))) => WorkProgress::Sent(step),
                    Progress::Done(done) => WorkProgress::Reconciled(done.is_ok()),
                }
            }
            Actor::Worker(_) => {
                let catalogue = CatalogReads {
                    script: script.clone(),
                    states: self.catalogue.clone(),
                };
                match script.run(Box::pin(refetch(catalogue)), &running.history) {
                    Progress::Waiting(pending_calls) => WorkProgress::Waiting(pending_calls),
                    Progress::Done(done) => WorkProgress::Worked(done.is_ok()),
                }
            }
        }
    }

    /// Record of the store at the start: connected if a delivery holds only a part.
    pub(crate) fn connected(&self) -> Option<StoreRecord> {
        let connected = self.events.iter().any(|content| matches!(content, Content::Part(_)));
        let has_listener = |change: &Listen| matches!(change, Listen::Begin(To::Store, _));
        let is_known = self.is_store_known || self.listening.iter().any(has_listener);
        (connected || is_known).then(|| StoreRecord {
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
                let looks = !self.listening.is_empty();
                // With listeners, what other scenarios explore is done at once: completions, and looks at a store that
                // does not change.
                let is_constant = looks && !self.has_changing_store();
                // Nothing depends on the status, on notes or on audit records, so these calls are made at once. So is a
                // reconciliation's read of the store, because no scenario uninstalls a store during one.
                let is_reconciler = actor.role() == Role::Reconciler;
                let independent = pending_calls.iter().find(|(_, request)| match request {
                    Request::Record(_) | Request::Note(_) | Request::KeepAudit => true,
                    Request::FindStore | Request::Look if looks => is_constant,
                    Request::FindStore | Request::Look => is_reconciler,
                    Request::Complete(..) | Request::ForgetFailed(_) => looks,
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
            WorkProgress::Worked(done) => {
                *actor.slot(world) = None;
                if done {
                    world.jobs -= 1;
                    let read = running.catalog_reads().max();
                    world.reconciliations.reconciled = world.reconciliations.reconciled.max(read);
                }
            }
            WorkProgress::Sent(step) => {
                let job = Running {
                    step,
                    history: vec![],
                    ..running
                };
                self.resume(world, actor, job);
            }
            WorkProgress::Reconciled(done) => {
                *actor.slot(world) = None;
                let read_state = running.catalog_read().filter(|_| done);
                if done {
                    world.reconciliations.unfinished &= running.outlived;
                } else {
                    world.leave_unfinished();
                    self.receive_again(world, actor, running);
                    return;
                }
                let reconciliations = &mut world.reconciliations;
                reconciliations.reconciled = reconciliations.reconciled.max(read_state);
                let undisturbed = world.deaths_left == self.deaths && world.errors_left == self.errors;
                world.reconciliations.calm = undisturbed && world.is_quiet() && read_state == Some(world.catalogue);
            }
        }
    }

    /// Applies a delivery from start to end, while nothing else happens.
    pub(crate) fn apply_undisturbed(&self, world: &mut ModelState, n: usize) {
        let actor = Actor::Consumer(0);
        self.start(world, actor, vec![n], String::new());
        while let Some(running) = world.consumers[0].clone() {
            let (number, _) = running.pending_calls[0];
            self.call(world, actor, number, CallOutcome::Responded);
            world.watch(self.bug);
        }
    }

    /// Returns true if the record of the store, or who listens to it, may change.
    fn has_changing_store(&self) -> bool {
        let ends = |content: &Content| matches!(content, Content::Uninstalled(_) | Content::Captured(..));
        self.listened < self.listening.len() || self.events.iter().any(ends)
    }

    pub(crate) fn start(&self, world: &mut ModelState, actor: Actor, work: Vec<usize>, owner: String) {
        let received_before = match actor.role() {
            Role::Consumer => work.iter().map(|n| self.receive(&mut world.deliveries[*n])).collect(),
            Role::Receiver | Role::Reconciler | Role::Worker => vec![],
        };
        // An uninstall forgets the time of the last commit, so a clock that stood still would give its id again.
        let is_ticking = self
            .events
            .iter()
            .any(|content| matches!(content, Content::Uninstalled(_)));
        let tick = if is_ticking && !self.listening.is_empty() {
            world.telling.tick()
        } else {
            0
        };
        let running = Running {
            work,
            received_before,
            owner,
            role: actor.role(),
            since: world.waits,
            tick,
            step: Step::Begin,
            outlived: false,
            calm: world.reconciliations.calm && actor.role() == Role::Reconciler,
            history: vec![],
            pending_calls: vec![],
        };
        self.resume(world, actor, running);
    }

    /// Receives the job of a reconciliation's later step again. A run whose first job is lost is begun by another.
    pub(crate) fn receive_again(&self, world: &mut ModelState, actor: Actor, running: Running) {
        if running.step == Step::Begin || self.bug == Some(Bug::GoneIsInNoJob) {
            return;
        }
        let job = Running {
            since: world.waits,
            outlived: false,
            calm: false,
            history: vec![],
            ..running
        };
        self.resume(world, actor, job);
    }

    /// Returns true if the next copy has been received before; unreceived copies come first.
    fn receive(&self, delivery: &mut QueuedDelivery) -> bool {
        let received_before = delivery.fresh == 0;
        delivery.fresh = delivery.fresh.saturating_sub(1);
        received_before && self.bug != Some(Bug::RetryLooksNew)
    }

    pub(crate) fn call(&self, world: &mut ModelState, actor: Actor, number: usize, outcome: CallOutcome) {
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
                // Jobs that read again and again at one time would never end.
                world.reads = (world.reads + u8::from(actor.role() == Role::Worker)).min(MAX_READS);
                Response::Catalog(world.catalogue, self.catalogue[world.catalogue], world.reads)
            }
            CallOutcome::Responded | CallOutcome::CallerDies | CallOutcome::DoneButReportedFailed => {
                world.perform(&request, &running, self.bug)
            }
        };
        match outcome {
            CallOutcome::CallerDies => {
                world.deaths_left -= 1;
                if actor.role() == Role::Reconciler {
                    world.leave_unfinished();
                    self.receive_again(world, actor, running);
                }
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
