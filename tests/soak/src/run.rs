//! One run: emulators, functions, senders and consumers, then the accounts.
//!
//! ```text
//!   send everything ─▶ drain the queue ─▶ accounts ─▶ calm ─▶ redrive the dead letters ─▶ drain ─▶ accounts
//! ```
//!
//! "Calm": kills and faults have ended. The parked deliveries are applied then, which shows that they were kept, and
//! the index must be exactly what the reference computes.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    accounts::{self, Tables},
    boundary::Boundary,
    chance::Chance,
    connected::Connected,
    event_accounts::AtRest,
    index::{Watcher, documents},
    kills,
    lambda::{Function, Host, Pool, QueueUrls},
    listeners,
    queue::Queue,
    report::{Findings, Report},
    scenario::Scenario,
    sender::{self, SenderLog},
    source::{Poller, SourceLog},
    stack::Stack,
};

/// Maximum rate of faults at which every dead letter must have its reason in the ledger; above it, all attempts to
/// write the reason may fail.
const MAX_FAULT_RATE_FOR_REASONS: f64 = 0.2;

/// Concurrent deliveries, most of them waiting for their next retry.
const MAX_IN_FLIGHT: usize = 400;

/// Concurrent batches.
const CONSUMERS: usize = 8;

/// Maximum messages in a batch; each job is a batch, as in template.yaml.
const BATCH: usize = 10;

/// Concurrent jobs.
const SYNC_WORKERS: usize = 4;

/// Concurrent batches of events.
const DISTRIBUTORS: usize = 3;

const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

const fn receiver(name: &'static str, processes: usize) -> Function {
    Function {
        name,
        timeout: Duration::from_secs(4),
        processes,
    }
}

const RECEIVERS: [Function; 6] = [
    receiver("products-create", 4),
    receiver("products-update", 8),
    receiver("products-delete", 3),
    receiver("collections-update", 3),
    receiver("orders-create", 2),
    receiver("app-uninstalled", 1),
];
const REINDEX: Function = Function {
    name: "reindex",
    timeout: Duration::from_secs(30),
    processes: CONSUMERS,
};

const SYNC: Function = Function {
    name: "sync",
    timeout: Duration::from_mins(1),
    processes: SYNC_WORKERS,
};

const FAN_OUT: Function = Function {
    name: "fan-out",
    timeout: Duration::from_secs(10),
    processes: DISTRIBUTORS,
};

/// Plan of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: String,
    pub deliveries: usize,
    pub kill_rate: f64,
    pub fault_rate: f64,
    /// Fail the run on a response after more than 4.5 s; on a busy machine it may not be the function's fault.
    pub late_fails: bool,
    pub seed: u64,
    pub functions: PathBuf,
    pub microburst: PathBuf,
    pub logs: PathBuf,
}

/// A run in progress.
struct Run {
    plan: Plan,
    scenario: Arc<Scenario>,
    stack: Stack,
    handled: Arc<SourceLog>,
    synced: Arc<SourceLog>,
    distributed: Arc<SourceLog>,
    sender_log: Arc<SenderLog>,
    stop: Arc<AtomicBool>,
}

/// Runs a plan to its end.
pub async fn run(plan: Plan) -> anyhow::Result<Report> {
    let started = Instant::now();
    let chance = Chance(plan.seed);
    let scenario = Arc::new(Scenario::invent(chance, plan.deliveries)?);
    let run = Run {
        stack: Stack::start(&plan, chance, &scenario).await?,
        plan,
        scenario,
        handled: Arc::default(),
        synced: Arc::default(),
        distributed: Arc::default(),
        sender_log: Arc::default(),
        stop: Arc::default(),
    };
    let host = run.host()?;
    let mut consumers = run.consume(&host, chance);
    run.work_jobs(&mut consumers, &host, chance);
    run.distribute(&mut consumers, &host, chance);
    let watching = tokio::spawn(run.watcher().run());
    let progress = tokio::spawn(report_progress(
        run.plan.name.clone(),
        run.stack.queue.clone(),
        Arc::clone(&run.stack.boundary),
        Arc::clone(&run.sender_log),
        Arc::clone(&run.handled),
    ));
    let connected = &run.stack.connected;
    let (receivers, sent) = send_all(&host, chance, &run.scenario, &run.sender_log, connected).await;
    sent?;
    let drained_in = run.stack.drain().await?;

    let mut findings = Findings::default();
    let dead = run.stack.dead_letters.take_all().await?;
    let dead_letters = accounts::ids(&dead);
    let tables = run.account(&dead_letters, &mut findings).await?;
    run.check_reasons(&dead_letters, &tables, &mut findings);
    // Not earlier, because a reconciliation would mend the effect of lost jobs.
    run.reconcile().await?;
    run.stack.boundary.calm();
    let parked = run.stack.redrive(&run.scenario, dead).await?;
    findings
        .notes
        .push(format!("events: {} dead letters", run.stack.redrive_events().await?));
    run.stack.drain().await?;
    let tables = run.account(&parked, &mut findings).await?;
    (findings.doubled, findings.uncounted) = accounts::miscounted(&tables);
    findings.other.extend(accounts::still_failed(&tables));
    let told = run.stack.boundary.witness.seen().queued_ids().len();
    run.reconcile().await?;
    findings.other.extend(run.stack.unreconciled().await?);
    let seen = run.stack.boundary.witness.seen();
    if seen.queued_ids().len() != told {
        let more = seen.queued_ids().len() - told;
        findings
            .other
            .push(format!("a reconciliation that found nothing made {more} events"));
    }
    findings
        .events
        .account_for_delivery(&seen, &run.stack.kept_events().await?);
    for message in run.stack.fan_out_dead_letters.take_all().await? {
        findings.other.push(format!(
            "events were not distributed although nothing failed: {}",
            message.body
        ));
    }
    for id in accounts::ids(&run.stack.dead_letters.take_all().await?) {
        findings
            .other
            .push(format!("{id} was not applied although nothing failed"));
    }

    run.stop.store(true, Ordering::Relaxed);
    progress.abort();
    while let Some(ended) = consumers.join_next().await {
        ended??;
    }
    findings.regressed.extend(watching.await??);
    drop(receivers);
    run.note(&host, &mut findings);
    let requests = run.stack.connected.product_requests().await?;
    findings.notes.push(format!(
        "connected store: {requests} product requests; sync: {} invocations, {} died",
        run.synced.invocations.load(Ordering::Relaxed),
        run.synced.died.load(Ordering::Relaxed),
    ));
    Ok(run.report(findings, dead_letters.len(), drained_in, started.elapsed()))
}

impl Run {
    fn host(&self) -> anyhow::Result<Arc<Host>> {
        let logs = self.plan.logs.join(self.plan.name.replace(' ', "-"));
        fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
        Ok(Arc::new(Host {
            boundary: Arc::clone(&self.stack.boundary),
            functions: self.plan.functions.clone(),
            queues: QueueUrls {
                events: self.stack.queue_url.clone(),
                jobs: self.stack.jobs_url.clone(),
                fan_out: self.stack.fan_out_url.clone(),
                // No endpoint, so no wake-up.
                dispatch: self.stack.fan_out_url.clone(),
                slow_dispatch: self.stack.fan_out_url.clone(),
            },
            dispatches: Arc::default(),
            logs,
            restarts: AtomicU64::new(0),
        }))
    }

    fn consume(&self, host: &Arc<Host>, chance: Chance) -> JoinSet<anyhow::Result<()>> {
        let pool = Arc::new(Pool::start(host, REINDEX));
        let mut consumers = JoinSet::new();
        for number in (0..).take(CONSUMERS) {
            let poller = Poller {
                chance,
                number,
                queue: self.stack.queue.clone(),
                batch: BATCH,
                pool: Arc::clone(&pool),
                scenario: Arc::clone(&self.scenario),
                handled: Arc::clone(&self.handled),
                witness: None,
                stop: Arc::clone(&self.stop),
            };
            consumers.spawn(poller.run());
        }
        consumers
    }

    /// Starts workers of the job queue, as `consume` does for deliveries.
    fn work_jobs(&self, consumers: &mut JoinSet<anyhow::Result<()>>, host: &Arc<Host>, chance: Chance) {
        let pool = Arc::new(Pool::start(host, SYNC));
        for number in (1_000..).take(SYNC_WORKERS) {
            let poller = Poller {
                chance,
                number,
                queue: self.stack.jobs.clone(),
                batch: 1,
                pool: Arc::clone(&pool),
                scenario: Arc::clone(&self.scenario),
                handled: Arc::clone(&self.synced),
                witness: None,
                stop: Arc::clone(&self.stop),
            };
            consumers.spawn(poller.run());
        }
    }

    /// Starts workers of the fan-out queue, as `consume` does for deliveries.
    fn distribute(&self, consumers: &mut JoinSet<anyhow::Result<()>>, host: &Arc<Host>, chance: Chance) {
        let pool = Arc::new(Pool::start(host, FAN_OUT));
        for number in (2_000..).take(DISTRIBUTORS) {
            let poller = Poller {
                chance,
                number,
                queue: self.stack.fan_out.clone(),
                batch: BATCH,
                pool: Arc::clone(&pool),
                scenario: Arc::clone(&self.scenario),
                handled: Arc::clone(&self.distributed),
                witness: Some(Arc::clone(&self.stack.boundary.witness)),
                stop: Arc::clone(&self.stop),
            };
            consumers.spawn(poller.run());
        }
    }

    fn watcher(&self) -> Watcher {
        Watcher {
            wire: self.stack.boundary.wire.clone(),
            opensearch: self.stack.opensearch.url().to_owned(),
            scenario: Arc::clone(&self.scenario),
            handled: Arc::clone(&self.handled),
            stop: Arc::clone(&self.stop),
        }
    }

    /// Looks for lost deliveries and for wrong documents, except where a delivery is in `parked`, the dead letters.
    async fn account(&self, parked: &BTreeSet<String>, findings: &mut Findings) -> anyhow::Result<Tables> {
        let tables = self.stack.tables().await?;
        let out = lock(&self.handled.out).clone();
        let accepted = self.sender_log.accepted();
        let index = documents(&self.stack.boundary.wire, self.stack.opensearch.url()).await?;
        let difference = accounts::difference(&self.scenario, &out, parked, &index);
        findings
            .lost
            .extend(accounts::unaccounted(&self.scenario, &accepted, &out, parked, &tables));
        findings
            .other
            .extend(accounts::forgotten(&self.scenario, &accepted, parked, &tables));
        findings.lost.extend(difference.lost);
        findings.regressed.extend(difference.resurrected);
        let at_rest = AtRest {
            scenario: &self.scenario,
            listeners: &listeners::resources(),
            out: &out,
            parked,
            index: &index,
        };
        findings.events.account(&at_rest, &self.stack.boundary.witness.seen());
        let connected = &self.stack.connected;
        let difference = connected.difference(&self.scenario, &accepted, parked, &index).await;
        findings.other.extend(difference.vacuous());
        findings.lost.extend(difference.lost);
        findings.regressed.extend(difference.resurrected);
        Ok(tables)
    }

    /// Reconciles the connected store. Once the kills have ended, `sync` has fetched its whole catalog, so there is
    /// nothing to mend.
    async fn reconcile(&self) -> anyhow::Result<()> {
        let stack = &self.stack;
        stack.jobs.send(&stack.connected.reconciliation()?).await?;
        stack.drain().await?;
        Ok(())
    }

    fn check_reasons(&self, dead_letters: &BTreeSet<String>, tables: &Tables, findings: &mut Findings) {
        let refused = lock(&self.handled.refused);
        let (with_reason, without_reason) = accounts::without_reason(&self.scenario, dead_letters, &refused, tables);
        findings.notes.push(format!(
            "{with_reason} of {} dead letters that failed repeatedly have a reason",
            with_reason + without_reason.len()
        ));
        if self.plan.fault_rate <= MAX_FAULT_RATE_FOR_REASONS {
            findings.other.extend(without_reason);
        }
    }

    fn note(&self, host: &Host, findings: &mut Findings) {
        let boundary = &self.stack.boundary;
        let timed_out = self.handled.timed_out.load(Ordering::Relaxed);
        findings.other.extend(boundary.kills.left_out(kills::essential()));
        findings.other.extend(lock(&self.sender_log.unexpected).iter().cloned());
        if timed_out > 0 {
            findings.other.push(format!("the consumer timed out {timed_out} times"));
        }
        findings.notes.push(format!(
            "consumer: {} invocations, {} died; processes restarted {} times",
            self.handled.invocations.load(Ordering::Relaxed),
            self.handled.died.load(Ordering::Relaxed),
            host.restarts.load(Ordering::Relaxed),
        ));
        if self.plan.fault_rate > 0.0 {
            findings.notes.push(boundary.faults.summary());
        }
    }

    fn report(self, findings: Findings, dead_letters: usize, drained_in: Duration, elapsed: Duration) -> Report {
        let (p99, slowest) = self.sender_log.response_times();
        let boundary = &self.stack.boundary;
        Report {
            deliveries: self.scenario.deliveries.len(),
            attempts: self.sender_log.attempts.load(Ordering::Relaxed),
            duplicates: self.sender_log.duplicates.load(Ordering::Relaxed),
            given_up: self.sender_log.given_up.load(Ordering::Relaxed),
            late: self.sender_log.late.load(Ordering::Relaxed),
            kills: boundary.kills.total(),
            faults: boundary.faults.total(),
            coverage: boundary.kills.table(),
            p99,
            slowest,
            dead_letters,
            drained_in,
            elapsed,
            findings,
            plan: self.plan,
        }
    }
}

/// Locks a mutex, even if a task panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends every delivery, and returns the receivers when all senders have succeeded or given up.
async fn send_all(
    host: &Arc<Host>,
    chance: Chance,
    scenario: &Scenario,
    sender_log: &Arc<SenderLog>,
    connected: &Connected,
) -> (Vec<Arc<Pool>>, anyhow::Result<()>) {
    let pools: Vec<Arc<Pool>> = RECEIVERS
        .iter()
        .map(|function| Arc::new(Pool::start(host, *function)))
        .collect();
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let mut senders = JoinSet::new();
    for (number, delivery) in (0..).zip(&scenario.deliveries) {
        let name = delivery.topic.replace('/', "-");
        let pool = RECEIVERS.iter().zip(&pools).find(|(function, _)| function.name == name);
        let Some((_, pool)) = pool else { continue };
        let (pool, sender_log, delivery) = (Arc::clone(pool), Arc::clone(sender_log), Arc::new(delivery.clone()));
        let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await else {
            break;
        };
        let connected = connected.clone();
        senders.spawn(async move {
            connected.apply_change(&delivery).await?;
            let sent = sender::send(chance, number, delivery, pool, sender_log).await;
            drop(permit);
            sent
        });
    }
    let mut sent = Ok(());
    while let Some(ended) = senders.join_next().await {
        sent = sent.and(ended.map_err(Into::into).and_then(|sent| sent));
    }
    (pools, sent)
}

async fn report_progress(
    name: String,
    queue: Queue,
    boundary: Arc<Boundary>,
    sender_log: Arc<SenderLog>,
    handled: Arc<SourceLog>,
) {
    loop {
        sleep(PROGRESS_INTERVAL).await;
        let waiting = queue.len().await.unwrap_or_default();
        eprintln!(
            "· {name}: {} accepted in {} attempts, {waiting} in the queue, {} batches, {} kills, {} faults",
            sender_log.accepted().len(),
            sender_log.attempts.load(Ordering::Relaxed),
            handled.invocations.load(Ordering::Relaxed),
            boundary.kills.total(),
            boundary.faults.total(),
        );
    }
}
