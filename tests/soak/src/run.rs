//! One run: emulators, functions, senders and consumers, then the accounts.
//!
//! ```text
//!   send everything ─▶ drain the queue ─▶ accounts ─▶ calm ─▶ redrive the dead letters ─▶ drain ─▶ accounts
//! ```
//!
//! "Calm": nothing is killed and nothing fails any more. What was parked is applied then, which shows that it was kept;
//! now the index must be exactly what the reference computes.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use hookline_testkit::{
    emulator::{DynamoDb, LEDGER_TABLE, STORES_TABLE, Sqs},
    osmem::Osmem,
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    accounts::{self, Tables},
    boundary::{Boundary, Upstreams},
    chance::Chance,
    faults::{Faults, Service},
    index::{Watcher, documents},
    kills::Kills,
    lambda::{Function, Host, Pool},
    microburst::Microburst,
    queue::{Message, Queue},
    scenario::{Scenario, Tells},
    sender::{self, Seen},
    source::{Handled, Poller},
    wire::Wire,
};

/// After so many receives a message is a dead letter.
const RECEIVES: u32 = 5;

/// Longer than the consumer's timeout; what must come again is made visible sooner.
const VISIBILITY: Duration = Duration::from_secs(40);

/// How many deliveries are under way at once, most of them waiting for their next retry.
const UNDER_WAY: usize = 400;

/// How many batches are handled at once.
const CONSUMERS: usize = 4;

const REPORTED: Duration = Duration::from_secs(5);
const DRAINED_WITHIN: Duration = Duration::from_secs(600);

const fn receiver(name: &'static str, processes: usize) -> Function {
    Function {
        name,
        timeout: Duration::from_secs(4),
        processes,
    }
}

const RECEIVERS: [Function; 5] = [
    receiver("products-create", 4),
    receiver("products-update", 8),
    receiver("products-delete", 3),
    receiver("collections-update", 3),
    receiver("app-uninstalled", 1),
];
const REINDEX: Function = Function {
    name: "reindex",
    timeout: Duration::from_secs(30),
    processes: CONSUMERS,
};

/// What a run is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: String,
    pub deliveries: usize,
    pub kill_rate: f64,
    pub fault_rate: f64,
    pub seed: u64,
    pub functions: PathBuf,
    pub microburst: PathBuf,
    pub logs: PathBuf,
    /// Whether a dead letter must have its reason in the ledger.
    pub reasons: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    pub plan: Plan,
    pub deliveries: usize,
    pub attempts: u64,
    pub duplicates: u64,
    pub given_up: u64,
    pub kills: u64,
    pub faults: u64,
    pub dead_letters: usize,
    pub uncounted: u64,
    pub late: u64,
    pub p99: Duration,
    pub slowest: Duration,
    pub drained_in: Duration,
    pub took: Duration,
    pub lost: Vec<String>,
    pub doubled: u64,
    pub regressed: Vec<String>,
    /// Whatever else must not be.
    pub other: Vec<String>,
    /// What to know about it.
    pub notes: Vec<String>,
    pub coverage: comfy_table::Table,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.lost.is_empty()
            && self.doubled == 0
            && self.regressed.is_empty()
            && self.late == 0
            && self.other.is_empty()
    }
}

/// The emulated AWS of one run. Dropped last.
struct Stack {
    dynamodb: DynamoDb,
    opensearch: Osmem,
    queue: Queue,
    dead_letters: Queue,
    queue_url: String,
    _sqs: Sqs,
    _microbursts: Vec<Microburst>,
    boundary: Arc<Boundary>,
}

impl Stack {
    async fn start(plan: &Plan, chance: Chance, scenario: &Scenario) -> anyhow::Result<Self> {
        let wire = Wire::new();
        let dynamodb = DynamoDb::start().await;
        let (sqs, dead_letters_url) = Sqs::start_with_dead_letters(RECEIVES, VISIBILITY).await;
        let opensearch = Osmem::start().await;
        let mut upstreams = Upstreams {
            dynamodb: dynamodb.endpoint().to_owned(),
            sqs: sqs.endpoint().to_owned(),
            faulty_dynamodb: String::new(),
            faulty_sqs: String::new(),
            opensearch: opensearch.url().to_owned(),
        };
        let mut microbursts = Vec::new();
        if plan.fault_rate > 0.0 {
            let (for_dynamodb, for_sqs) = tokio::try_join!(
                Microburst::start(&plan.microburst, Service::DynamoDb, dynamodb.endpoint(), &wire),
                Microburst::start(&plan.microburst, Service::Sqs, sqs.endpoint(), &wire)
            )?;
            upstreams.faulty_dynamodb.clone_from(&for_dynamodb.url);
            upstreams.faulty_sqs.clone_from(&for_sqs.url);
            microbursts.extend([for_dynamodb, for_sqs]);
        }
        Ok(Self {
            queue: Queue::new(wire.clone(), sqs.endpoint(), sqs.queue_url()),
            dead_letters: Queue::new(wire.clone(), sqs.endpoint(), &dead_letters_url),
            queue_url: sqs.queue_url().to_owned(),
            boundary: Arc::new(Boundary {
                kills: Kills::new(chance, plan.kill_rate),
                faults: Faults::new(chance, plan.fault_rate),
                upstreams,
                wire,
                cursed: scenario.cursed.iter().map(u64::to_string).collect(),
                curse_lifted: AtomicBool::new(false),
            }),
            dynamodb,
            opensearch,
            _sqs: sqs,
            _microbursts: microbursts,
        })
    }

    async fn tables(&self) -> anyhow::Result<Tables> {
        let (wire, endpoint) = (&self.boundary.wire, self.dynamodb.endpoint());
        let (ledger, stores) = tokio::try_join!(wire.scan(endpoint, LEDGER_TABLE), wire.scan(endpoint, STORES_TABLE))?;
        Ok(Tables::new(ledger, stores))
    }

    async fn drain(&self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        while self.queue.len().await? > 0 {
            ensure!(started.elapsed() < DRAINED_WITHIN, "the queue does not drain");
            sleep(Duration::from_millis(200)).await;
        }
        Ok(started.elapsed())
    }
}

/// Runs a plan to its end.
pub async fn run(plan: Plan) -> anyhow::Result<Report> {
    let started = Instant::now();
    let chance = Chance(plan.seed);
    let scenario = Arc::new(Scenario::invent(chance, plan.deliveries)?);
    let stack = Stack::start(&plan, chance, &scenario).await?;
    let logs = plan.logs.join(plan.name.replace(' ', "-"));
    fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    let host = Arc::new(Host {
        boundary: Arc::clone(&stack.boundary),
        functions: plan.functions.clone(),
        queue_url: stack.queue_url.clone(),
        logs,
        restarts: AtomicU64::new(0),
    });
    let handled = Arc::new(Handled::default());
    let stop = Arc::new(AtomicBool::new(false));
    let mut consumers = consume(&stack, &host, chance, &scenario, &handled, &stop);
    let watcher = Watcher {
        wire: stack.boundary.wire.clone(),
        opensearch: stack.opensearch.url().to_owned(),
        scenario: Arc::clone(&scenario),
        handled: Arc::clone(&handled),
        stop: Arc::clone(&stop),
    };
    let watching = tokio::spawn(watcher.run());
    let seen = Arc::new(Seen::default());
    let progress = tokio::spawn(report_progress(
        plan.name.clone(),
        stack.queue.clone(),
        Arc::clone(&stack.boundary),
        Arc::clone(&seen),
        Arc::clone(&handled),
    ));

    let (receivers, sent) = send_all(&host, chance, &scenario, &seen).await;
    sent?;
    let drained_in = stack.drain().await?;

    let dead = stack.dead_letters.take_all().await?;
    let dead_ids = accounts::ids(&dead);
    let accepted = seen.accepted();
    let out = || handled.out.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let before = stack.tables().await?;
    let mut lost = accounts::unaccounted(&scenario, &accepted, &out(), &dead_ids, &before);
    let refused = handled.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (reasons, silent) = accounts::without_reason(&scenario, &dead_ids, &refused, &before);
    let index = documents(&stack.boundary.wire, stack.opensearch.url()).await?;
    let difference = accounts::difference(&scenario, &out(), &dead_ids, &index);
    lost.extend(difference.lost);
    let mut regressed = difference.undead;

    stack.boundary.calm();
    let parked = redrive(&stack, &scenario, dead).await?;
    stack.drain().await?;
    let left = stack.dead_letters.take_all().await?;
    let after = stack.tables().await?;
    lost.extend(accounts::unaccounted(&scenario, &accepted, &out(), &parked, &after));
    let index = documents(&stack.boundary.wire, stack.opensearch.url()).await?;
    let difference = accounts::difference(&scenario, &out(), &BTreeSet::new(), &index);
    lost.extend(difference.lost);
    regressed.extend(difference.undead);
    let (doubled, uncounted) = accounts::miscounted(&after);

    stop.store(true, Ordering::Relaxed);
    progress.abort();
    while let Some(ended) = consumers.join_next().await {
        ended??;
    }
    regressed.extend(watching.await??);
    drop(receivers);

    let mut other = stack.boundary.kills.left_out();
    other.extend(
        seen.unexpected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned(),
    );
    other.extend(
        accounts::ids(&left)
            .into_iter()
            .map(|id| format!("{id} was not applied although nothing failed")),
    );
    let mut notes = vec![
        format!(
            "{} of {} dead letters that were refused in good order say why",
            reasons,
            reasons + silent.len()
        ),
        format!(
            "consumer: {} invocations, {} died, {} over their time; processes started anew {} times",
            handled.invocations.load(Ordering::Relaxed),
            handled.died.load(Ordering::Relaxed),
            handled.timed_out.load(Ordering::Relaxed),
            host.restarts.load(Ordering::Relaxed),
        ),
    ];
    if plan.fault_rate > 0.0 {
        notes.push(stack.boundary.faults.summary());
    }
    if plan.reasons {
        other.extend(silent);
    }
    let timed_out = handled.timed_out.load(Ordering::Relaxed);
    if timed_out > 0 {
        other.push(format!("the consumer was over its time {timed_out} times"));
    }
    let (p99, slowest) = seen.answer_times();
    let in_order = |mut lines: Vec<String>| {
        lines.sort();
        lines.dedup();
        lines
    };
    Ok(Report {
        deliveries: scenario.deliveries.len(),
        attempts: seen.attempts.load(Ordering::Relaxed),
        duplicates: seen.duplicates.load(Ordering::Relaxed),
        given_up: seen.given_up.load(Ordering::Relaxed),
        kills: stack.boundary.kills.total(),
        faults: stack.boundary.faults.total(),
        dead_letters: dead_ids.len(),
        uncounted,
        late: seen.late.load(Ordering::Relaxed),
        p99,
        slowest,
        drained_in,
        took: started.elapsed(),
        lost: in_order(lost),
        doubled,
        regressed: in_order(regressed),
        other,
        notes,
        coverage: stack.boundary.kills.table(),
        plan,
    })
}

fn consume(
    stack: &Stack,
    host: &Arc<Host>,
    chance: Chance,
    scenario: &Arc<Scenario>,
    handled: &Arc<Handled>,
    stop: &Arc<AtomicBool>,
) -> JoinSet<anyhow::Result<()>> {
    let pool = Arc::new(Pool::start(host, REINDEX));
    let mut consumers = JoinSet::new();
    for number in (0..).take(CONSUMERS) {
        let poller = Poller {
            chance,
            number,
            queue: stack.queue.clone(),
            pool: Arc::clone(&pool),
            scenario: Arc::clone(scenario),
            handled: Arc::clone(handled),
            stop: Arc::clone(stop),
        };
        consumers.spawn(poller.run());
    }
    consumers
}

/// Sends every delivery, and returns the receivers when all senders are content or have given up.
async fn send_all(
    host: &Arc<Host>,
    chance: Chance,
    scenario: &Scenario,
    seen: &Arc<Seen>,
) -> (Vec<Arc<Pool>>, anyhow::Result<()>) {
    let pools: Vec<Arc<Pool>> = RECEIVERS
        .iter()
        .map(|function| Arc::new(Pool::start(host, *function)))
        .collect();
    let under_way = Arc::new(Semaphore::new(UNDER_WAY));
    let mut senders = JoinSet::new();
    for (number, delivery) in (0..).zip(&scenario.deliveries) {
        let name = delivery.topic.replace('/', "-");
        let pool = RECEIVERS.iter().zip(&pools).find(|(function, _)| function.name == name);
        let Some((_, pool)) = pool else { continue };
        let (pool, seen, delivery) = (Arc::clone(pool), Arc::clone(seen), Arc::new(delivery.clone()));
        let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else {
            break;
        };
        senders.spawn(async move {
            let sent = sender::send(chance, number, delivery, pool, seen).await;
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

/// Sends the dead letters to the queue again, except for those that nobody can ever apply; returns these.
async fn redrive(stack: &Stack, scenario: &Scenario, dead: Vec<Message>) -> anyhow::Result<BTreeSet<String>> {
    let poison: BTreeSet<&str> = scenario
        .deliveries
        .iter()
        .filter(|delivery| delivery.tells == Tells::Poison)
        .map(|delivery| delivery.id.as_str())
        .collect();
    let mut parked = BTreeSet::new();
    for message in dead {
        match message.delivery() {
            Some(id) if poison.contains(id.as_str()) => {
                parked.insert(id);
            }
            Some(_) | None => {
                stack.queue.send(&message.body).await?;
                stack.dead_letters.delete(&message).await?;
            }
        }
    }
    Ok(parked)
}

async fn report_progress(name: String, queue: Queue, boundary: Arc<Boundary>, seen: Arc<Seen>, handled: Arc<Handled>) {
    loop {
        sleep(REPORTED).await;
        let waiting = queue.len().await.unwrap_or_default();
        eprintln!(
            "· {name}: {} accepted in {} attempts, {waiting} in the queue, {} batches, {} kills, {} faults",
            seen.accepted().len(),
            seen.attempts.load(Ordering::Relaxed),
            handled.invocations.load(Ordering::Relaxed),
            boundary.kills.total(),
            boundary.faults.total(),
        );
    }
}
