//! One run of outbound webhooks: events go to the fan-out queue, and from there to endpoints of which most misbehave. Counted at
//! the endpoints.
//!
//! ```text
//!   send events ─▶ people pause, delete, activate ─▶ rest ─▶ calm ─▶ redrive ─▶ rest ─▶ accounts
//! ```

pub mod accounts;
pub mod dispatches;
mod endpoints;
mod events;
mod leases;
mod receiver;
mod stack;
mod written;

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use hookline_domain::outbound::{BacklogMode, EndpointState};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use self::{
    accounts::{Account, Closed, OutboundFindings},
    dispatches::DISPATCH,
    endpoints::{Behaviour, Person, Watched},
    events::Events,
    receiver::{POST, Receiver},
    stack::OutboundStack,
};
use crate::{
    chance::Chance,
    kills::EssentialCall,
    lambda::{Function, Host, Pool},
    report::OutboundReport,
    scenario::Scenario,
    source::{Poller, SourceLog},
};

const FAN_OUT: Function = Function {
    name: "fan-out",
    timeout: Duration::from_secs(10),
    processes: 3,
};

/// No attempt begins in the last 36 s of an invocation, so it works for 4 s.
const DISPATCHER: Function = Function {
    name: DISPATCH,
    timeout: Duration::from_secs(40),
    processes: 8,
};

const SWEEP: Function = Function {
    name: "sweep",
    timeout: Duration::from_secs(30),
    processes: 1,
};

/// Pollers of each queue.
const POLLERS: usize = 4;

/// Maximum messages in a batch, and of wake-ups, so that the death of a process stops few outboxes.
const BATCH: usize = 10;
const WAKE_UPS: usize = 2;

/// Most messages that wait in the fan-out queue.
const MAX_QUEUED: u64 = 100;

/// Shortest time in which all events are sent, so that some are sent while endpoints change.
const SENT_WITHIN: Duration = Duration::from_secs(8);

const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Requests after which a person pauses or deletes an endpoint.
const CHANGED_AFTER: usize = 5;

/// Time from a pause, a deletion or a 410 in which requests may come: the dispatcher reads the endpoint again after five seconds,
/// and the attempt that it has begun by then may have to open the endpoint's secret while calls fail.
const CLOSES_WITHIN: Duration = Duration::from_secs(8);

/// Time for which an endpoint that has closed stays so.
const CLOSED_FOR: Duration = Duration::from_secs(5);

/// Longest time for which messages are waited for while calls fail.
const MAX_DRAIN: Duration = Duration::from_mins(5);
const MAX_REST: Duration = Duration::from_mins(15);

/// Calls at which functions must be killed, before and after. The sweep's own wake-ups are not among them: it is killed at them, too,
/// but on a fast machine it may have only one to send.
const ESSENTIAL: [EssentialCall; 26] = [
    ("fan-out", "Query endpoints"),
    ("fan-out", "BatchExecuteStatement events"),
    ("fan-out", "GetItem stores"),
    ("fan-out", "BatchWriteItem outboxes"),
    ("fan-out", "SendMessage slow-dispatch"),
    ("fan-out", "PutEvents"),
    ("fan-out", "(answer)"),
    ("sweep", "Query outboxes"),
    ("sweep", "(answer)"),
    (DISPATCH, "UpdateItem outboxes acquire"),
    (DISPATCH, "GetItem endpoints"),
    (DISPATCH, "Query outboxes"),
    (DISPATCH, "BatchGetItem events+messages"),
    (DISPATCH, "UpdateItem outboxes raise"),
    (DISPATCH, "Decrypt"),
    (DISPATCH, POST),
    (DISPATCH, "BatchExecuteStatement messages"),
    (DISPATCH, "UpdateItem messages"),
    (DISPATCH, "BatchWriteItem outboxes"),
    (DISPATCH, "UpdateItem endpoints disable"),
    (DISPATCH, "UpdateItem endpoints settle"),
    (DISPATCH, "UpdateItem endpoints note"),
    (DISPATCH, "DeleteItem endpoints"),
    (DISPATCH, "UpdateItem outboxes release"),
    (DISPATCH, "UpdateItem outboxes schedule"),
    (DISPATCH, "(answer)"),
];

/// Plan of a run.
#[derive(Debug, Clone)]
pub struct OutboundPlan {
    pub name: String,
    /// Messages: pairs of an event and an endpoint, about.
    pub messages: usize,
    pub kill_rate: f64,
    pub fault_rate: f64,
    pub seed: u64,
    pub functions: PathBuf,
    pub microburst: PathBuf,
    pub logs: PathBuf,
}

/// A run in progress.
struct Run {
    plan: OutboundPlan,
    chance: Chance,
    events: Arc<Events>,
    receiver: Arc<Receiver>,
    stack: OutboundStack,
    host: Arc<Host>,
    stop: Arc<AtomicBool>,
}

/// Runs a plan to its end.
pub async fn run(plan: OutboundPlan) -> anyhow::Result<OutboundReport> {
    let started = Instant::now();
    let chance = Chance(plan.seed);
    let mut stack = OutboundStack::start(&plan, chance).await?;
    // Of all events, 6 of 7 are of the store of most endpoints.
    let events = Arc::new(Events::invent(chance, (plan.messages / 8).max(20))?);
    let mut created = Vec::new();
    for plan in endpoints::all(events.all.len()) {
        created.push(OutboundStack::keys(plan)?);
    }
    let watched = created.iter().map(|(endpoint, _)| endpoint.clone()).collect();
    let (boundary, dispatches) = (Arc::clone(&stack.boundary), Arc::clone(&stack.dispatches));
    let receiver = Arc::new(Receiver::new(watched, Arc::clone(&events), boundary, dispatches));
    // It is set once.
    let _set = stack.dispatches.receiver.set(Arc::downgrade(&receiver));
    let listening = receiver.listen().await?;
    for (endpoint, secret) in created {
        stack.create(&endpoint, secret, &listening.address).await?;
    }
    let logs = plan.logs.join(plan.name.replace(' ', "-"));
    fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    let host = Arc::new(Host {
        boundary: Arc::clone(&stack.boundary),
        functions: plan.functions.clone(),
        queues: std::mem::take(&mut stack.urls),
        dispatches: Arc::clone(&stack.dispatches),
        logs,
        restarts: AtomicU64::new(0),
    });
    let run = Run {
        plan,
        chance,
        events,
        receiver,
        stack,
        host,
        stop: Arc::default(),
    };
    let mut workers = run.work();
    let progress = tokio::spawn(report_progress(run.plan.name.clone(), Arc::clone(&run.receiver)));
    let (sent, closed) = tokio::join!(run.send(), run.change());
    sent?;
    let closed = closed?;
    run.drain().await?;
    let drained = started.elapsed();
    run.stack.boundary.calm();
    let redriven = run.stack.redrive().await?;
    run.rest().await?;
    run.stop.store(true, Ordering::Relaxed);
    progress.abort();
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let mut findings = run.account(&closed).await?;
    findings
        .other
        .extend(run.stack.boundary.kills.left_out(ESSENTIAL.into_iter()));
    let wake_ups = run.stack.wake_up_dead_letters.take_all().await?.len();
    drop(listening);
    let boundary = &run.stack.boundary;
    Ok(OutboundReport {
        kills: boundary.kills.total(),
        faults: boundary.faults.total(),
        summary: boundary.faults.summary(),
        coverage: boundary.kills.table(),
        dead_letters: (redriven, wake_ups),
        drained,
        elapsed: started.elapsed(),
        findings,
        plan: run.plan,
    })
}

impl Run {
    /// Starts the functions, and the pollers of their queues.
    fn work(&self) -> JoinSet<anyhow::Result<()>> {
        let mut workers = JoinSet::new();
        let (fan_out, dispatch) = (
            Arc::new(Pool::start(&self.host, FAN_OUT)),
            Arc::new(Pool::start(&self.host, DISPATCHER)),
        );
        let (handled, scenario) = (Arc::<SourceLog>::default(), Arc::<Scenario>::default());
        let [fast, slow] = &self.stack.dispatch;
        let queues = [
            (&self.stack.fan_out, &fan_out, BATCH),
            (fast, &dispatch, WAKE_UPS),
            (slow, &dispatch, WAKE_UPS),
        ];
        let pollers = queues.into_iter().flat_map(|queue| [queue; POLLERS]);
        for (number, (queue, pool, batch)) in (3_000..).zip(pollers) {
            let poller = Poller {
                chance: self.chance,
                number,
                queue: queue.clone(),
                batch,
                pool: Arc::clone(pool),
                scenario: Arc::clone(&scenario),
                handled: Arc::clone(&handled),
                witness: None,
                stop: Arc::clone(&self.stop),
            };
            workers.spawn(poller.run());
        }
        let (sweep, stop) = (Pool::start(&self.host, SWEEP), Arc::clone(&self.stop));
        workers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                sweep.invoke("{}".to_owned()).await?;
                sleep(SWEEP_INTERVAL).await;
            }
            Ok(())
        });
        workers
    }

    /// Sends all events.
    async fn send(&self) -> anyhow::Result<()> {
        let messages = self.events.messages(self.chance)?;
        let pause = SENT_WITHIN / u32::try_from(messages.len())?.max(1);
        let queue = &self.stack.fan_out;
        for (number, message) in messages.iter().enumerate() {
            queue.send(message).await?;
            if number % BATCH == 0 {
                while queue.len().await? > MAX_QUEUED {
                    sleep(LOOK_INTERVAL).await;
                }
            }
            sleep(pause).await;
        }
        Ok(())
    }

    fn place(&self, is: impl Fn(&Watched) -> bool) -> anyhow::Result<usize> {
        let place = self.receiver.endpoints.iter().position(is);
        place.context("an endpoint is missing")
    }

    /// Plays people: pauses an endpoint and deletes another; when a third has said that it is gone, activates it and the paused one.
    /// Returns the times at which endpoints must get nothing.
    async fn change(&self) -> anyhow::Result<Vec<(usize, Closed)>> {
        let paused = self.place(|one| one.plan.person == Person::Pauses)?;
        let deleted = self.place(|one| one.plan.person == Person::Deletes)?;
        let gone = self.place(|one| matches!(one.plan.behaviour, Behaviour::LeavesAfter(_)))?;
        let key = |place: usize| &self.receiver.endpoints[place].key;
        let started = Instant::now();
        let wait = async || {
            ensure!(
                started.elapsed() < MAX_REST,
                "an endpoint did not get so far that it changes"
            );
            sleep(LOOK_INTERVAL).await;
            Ok(())
        };
        for place in [paused, deleted] {
            while self.receiver.requests(place).len() < CHANGED_AFTER {
                wait().await?;
            }
        }
        self.stack.pause(key(paused)).await?;
        let paused_at = Instant::now();
        self.stack.delete(key(deleted)).await?;
        let deleted_at = Instant::now();
        while !matches!(self.stack.state(key(gone)).await?, Some(EndpointState::Disabled(_))) {
            wait().await?;
        }
        let gone_at = Instant::now();
        sleep_until(gone_at + CLOSES_WITHIN + CLOSED_FOR).await;
        let until = Instant::now();
        self.receiver.is_back.store(true, Ordering::Relaxed);
        self.stack.activate(key(paused), BacklogMode::Send).await?;
        self.stack.activate(key(gone), BacklogMode::Newest).await?;
        let closed = |place, at: Instant, until, why| {
            let from = at + CLOSES_WITHIN;
            (place, Closed { from, until, why })
        };
        Ok(vec![
            closed(paused, paused_at, Some(until), "paused"),
            closed(deleted, deleted_at, None, "deleted"),
            closed(gone, gone_at, Some(until), "gone"),
        ])
    }

    /// Number of messages that wait.
    async fn waiting(&self) -> anyhow::Result<u64> {
        let mut waiting = self.stack.fan_out.len().await?;
        for endpoint in &self.receiver.endpoints {
            waiting += self.stack.leases.waiting(&endpoint.plan.id()).await?;
        }
        Ok(waiting)
    }

    /// Waits until no message waits, for some time.
    async fn drain(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        while started.elapsed() < MAX_DRAIN && self.waiting().await? > 0 {
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    /// Waits until nothing is left to be done.
    async fn rest(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let waiting = self.waiting().await?;
            let restless = self.stack.leases.restless().await?;
            let [fast, slow] = &self.stack.dispatch;
            let wake_ups = fast.len().await? + slow.len().await?;
            if waiting + wake_ups == 0 && restless.is_empty() {
                return Ok(());
            }
            ensure!(
                started.elapsed() < MAX_REST,
                "no rest: {waiting} messages wait, {wake_ups} wake-ups, {restless:?} are to be looked at"
            );
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn account(&self, closed: &[(usize, Closed)]) -> anyhow::Result<OutboundFindings> {
        let endpoints = &self.receiver.endpoints;
        let (wire, dynamodb) = (&self.stack.boundary.wire, self.stack.dynamodb.endpoint());
        let written = written::read(wire, dynamodb, endpoints, &self.events).await?;
        let unfinished = self.stack.dispatches.unfinished();
        let mut findings = OutboundFindings {
            strange: self.receiver.strange(),
            ..OutboundFindings::default()
        };
        for (place, (endpoint, written)) in endpoints.iter().zip(&written).enumerate() {
            let closed: Vec<Closed> = closed
                .iter()
                .filter(|(of, _)| *of == place)
                .map(|(_, closed)| *closed)
                .collect();
            findings.account(&Account {
                plan: &endpoint.plan,
                events: &self.events.all,
                requests: &self.receiver.requests(place),
                records: &written.records,
                verdicts: &written.verdicts,
                unfinished: &unfinished,
                closed: &closed,
                waiting: self.stack.leases.waiting(&endpoint.plan.id()).await?,
            });
            let state = self.stack.state(&endpoint.key).await?;
            let expected = (endpoint.plan.person != Person::Deletes).then_some(EndpointState::Active);
            if state != expected {
                findings.other.insert(format!(
                    "{} is {state:?} at rest, and not {expected:?}",
                    endpoint.plan.name
                ));
            }
        }
        Ok(findings)
    }
}

async fn report_progress(name: String, receiver: Arc<Receiver>) {
    loop {
        sleep(PROGRESS_INTERVAL).await;
        eprintln!(
            "· {name}: {} requests, {} kills, {} faults",
            receiver.count(),
            receiver.boundary.kills.total(),
            receiver.boundary.faults.total(),
        );
    }
}
