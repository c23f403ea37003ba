//! Endpoints that hang, or are slow, beside healthy ones.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::ensure;
use hookline_domain::{
    memory::noon,
    outbound::{EndpointKey, NoAnswerError, Pool},
};
use rust_decimal::prelude::ToPrimitive;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    goals::Line,
    world::{Happened, World, endpoint, taken},
};

/// Time limit of an attempt, as by default.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Times in which a healthy endpoint and a slow one answer.
const HEALTHY: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_secs(3);

/// Time in which all endpoints prove themselves.
const BEFORE: Duration = Duration::from_mins(30);

/// Time that is measured, and its first part.
const MEASURED: Duration = Duration::from_mins(3);
const AT_FIRST: Duration = Duration::from_mins(1);

/// The case. All endpoints have proven themselves; then some hang at once.
#[derive(Debug, Clone, Copy)]
pub struct Hung {
    /// Endpoints that hang.
    pub hung: usize,
    /// Endpoints that have been slow all the time.
    pub slow: usize,
    /// Endpoints that stay healthy.
    pub healthy: usize,
    /// Messages per second of each healthy endpoint.
    pub per_second: u32,
    /// Time between two messages of an endpoint that is not.
    pub others_every: Duration,
    /// Invocations of the fast pool and of the slow one, of ten outboxes each.
    pub invocations: [usize; 2],
}

/// Times from accepting a message to its request at a healthy endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Number of messages.
    pub count: usize,
    /// Median.
    pub p50: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// Longest.
    pub longest: Duration,
}

/// Outcome for the healthy endpoints: of messages accepted in the first minute, and of those after it.
#[derive(Debug, Clone)]
pub struct Beside {
    case: Hung,
    /// Of messages accepted in the first minute.
    pub at_first: Percentiles,
    /// Of messages accepted after it.
    pub later: Percentiles,
    /// Messages to healthy endpoints that have not arrived.
    pub missing: u64,
    /// Time from which on no message to a healthy endpoint takes longer than a second, since the others hang.
    pub calm_after: Duration,
}

/// By the number of the message: the time at which it was accepted, since the beginning, and the time that it took.
type Arrived = BTreeMap<u64, (Duration, Duration)>;

impl Hung {
    /// Runs it, in virtual time: call it in a runtime of one thread whose time is paused.
    ///
    /// # Errors
    /// If an endpoint has not proven itself in time.
    pub async fn run(self) -> anyhow::Result<Beside> {
        let began = Instant::now();
        let hang_at = began + BEFORE;
        let arrived = Arc::new(Mutex::new(Arrived::new()));
        let seen = Arc::clone(&arrived);
        let [hung, slow, healthy] = [("hung", self.hung), ("slow", self.slow), ("healthy", self.healthy)]
            .map(|(name, count)| (0..count).map(|nth| endpoint(name, nth)).collect::<Vec<_>>());
        let world = World::new(
            Arc::new(move |key: &EndpointKey, _| {
                let name = key.id.as_str();
                if name.contains("slow") {
                    (taken(), SLOW)
                } else if name.contains("hung") && Instant::now() >= hang_at {
                    (Err(NoAnswerError::TimedOut), TIME_LIMIT)
                } else {
                    (taken(), HEALTHY)
                }
            }),
            Arc::new(move |key, event, now, _| {
                if key.id.as_str().contains("healthy") {
                    let took = now.duration_since(event.accepted_at).unsigned_abs();
                    let accepted = event.accepted_at.duration_since(noon()).unsigned_abs();
                    let nth = event.json.parse().unwrap_or_default();
                    lock(&seen).entry(nth).or_insert((accepted, took));
                }
            }),
        );
        let world = Arc::new(world);
        for key in hung.iter().chain(&slow).chain(&healthy) {
            world.create(key, |_| {});
        }
        let running = world.run(self.invocations);
        let mut nth = 0;
        // They prove themselves: of a slow one each message takes its time.
        for key in hung.iter().chain(&slow).chain(&healthy) {
            let events = (0..20).map(|_| next(&mut nth)).collect::<Vec<_>>();
            world.publish(key, &events).await?;
        }
        sleep_until(hang_at - Duration::from_secs(1)).await;
        for (keys, pool) in [(&hung, Pool::Fast), (&slow, Pool::Slow), (&healthy, Pool::Fast)] {
            let is_as_expected = keys.iter().all(|key| world.pool(key) == pool);
            ensure!(is_as_expected, "endpoints are not in the {} pool", pool.as_str());
        }
        sleep_until(hang_at).await;
        lock(&arrived).clear();

        // One task per endpoint, so that no publishing waits for another.
        let (mut tasks, mut all) = (Vec::new(), 0);
        let others = hung.iter().chain(&slow).map(|key| (key, self.others_every));
        let healthy = healthy
            .iter()
            .map(|key| (key, Duration::from_secs(1) / self.per_second));
        for (place, (key, every)) in healthy.chain(others).enumerate() {
            let count = u32::try_from(MEASURED.as_nanos() / every.as_nanos())?;
            // Not all at once.
            let offset = every.mul_f64(f64::from(u32::try_from(place)? % 97) / 97.0);
            let first = nth;
            nth += u64::from(count);
            if place < self.healthy {
                all += u64::from(count);
            }
            let (world, key) = (Arc::clone(&world), key.clone());
            tasks.push(tokio::spawn(async move {
                for n in 0..count {
                    sleep_until(hang_at + offset + every * n).await;
                    let mut nth = first + u64::from(n);
                    let _ports_in_memory_do_not_fail = world.publish(&key, &[next(&mut nth)]).await;
                }
            }));
        }
        sleep_until(hang_at + MEASURED).await;
        // What waits at a healthy endpoint arrives within a time limit, or not.
        sleep(TIME_LIMIT * 2).await;
        for task in tasks {
            task.abort();
        }
        drop(running);
        let arrived = lock(&arrived);
        let since = |accepted: Duration| accepted.saturating_sub(BEFORE);
        let (early, late): (Vec<_>, Vec<_>) = arrived.values().partition(|(accepted, _)| since(*accepted) < AT_FIRST);
        let times = |some: Vec<(Duration, Duration)>| Percentiles::of(some.into_iter().map(|(_, took)| took).collect());
        let delayed = arrived.values().filter(|(_, took)| *took > Duration::from_secs(1));
        Ok(Beside {
            case: self,
            at_first: times(early),
            later: times(late),
            missing: all - u64::try_from(arrived.len())?,
            calm_after: delayed.map(|(accepted, _)| since(*accepted)).max().unwrap_or_default(),
        })
    }
}

impl Percentiles {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(place).copied().unwrap_or_default()
        };
        Self {
            count: times.len(),
            p50: at(50),
            p99: at(99),
            longest: at(100),
        }
    }
}

impl Beside {
    /// Lines of the report, with these goals for the first minute and after it.
    pub fn lines(&self, at_first: Duration, later: Duration) -> Vec<Line> {
        let Hung {
            hung, slow, healthy, ..
        } = self.case;
        let slow = if slow > 0 {
            format!(" and {slow} slow")
        } else {
            String::new()
        };
        let case = format!("{healthy} healthy beside {hung} that hang{slow}");
        let line = |what: &str, took: Duration, goal: Duration| {
            Line::at_most(format!("{case}: {what}"), "s", took.as_secs_f64(), goal.as_secs_f64())
        };
        let missing = self.missing.to_f64().unwrap_or(f64::INFINITY);
        vec![
            line("p99 in the first minute", self.at_first.p99, at_first),
            line("p99 after it", self.later.p99, later),
            Line::at_most(format!("{case}: not arrived"), "", missing, 0.0),
        ]
    }
}

fn next(nth: &mut u64) -> Happened {
    let event = Happened {
        nth: *nth,
        subject: *nth,
        version: 1,
    };
    *nth += 1;
    event
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
