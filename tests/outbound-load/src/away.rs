//! An endpoint that is away for three days while its messages wait.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::ensure;
use hookline_cost::prices;
use hookline_domain::outbound::{NoAnswerError, Ordering};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    goals::Line,
    ports::Billed,
    world::{Happened, World, endpoint, taken},
};

/// Time for which it is away.
const AWAY_FOR: Duration = Duration::from_hours(3 * 24);

/// Time in which it answers when it is up.
const ANSWERS_IN: Duration = Duration::from_millis(100);

/// Time in which a connection is refused, when it is not: the most attempts are made at those that fail at once.
const REFUSES_IN: Duration = Duration::from_millis(1);

/// Longest time in which it may be caught up.
const WEEK: Duration = Duration::from_hours(7 * 24);

/// Events of one message of the fan-out queue.
const BATCH: u64 = 10;

/// Memory of the dispatcher in GB, as in the template.
const MEMORY_GB: Decimal = dec!(0.5);

/// Dollars for a GB of a table and month (<https://aws.amazon.com/dynamodb/pricing/on-demand/>, from memory), and GB of what
/// waits: the entry, which takes a quarter of a KB with what DynamoDB adds. Its event would be kept without it.
const STORAGE: Decimal = dec!(0.25);
const ENTRY_GB: Decimal = dec!(0.00000035);
const DAYS_OF_A_MONTH: Decimal = dec!(30);

/// The case.
#[derive(Debug, Clone, Copy)]
pub struct Away {
    /// Messages that wait at the end: they come at equal intervals while it is away.
    pub waiting: u64,
    /// Things that they are about, each with versions that rise.
    pub subjects: u64,
    /// Messages in flight when it goes away.
    pub in_flight: u64,
}

/// Outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Waited {
    /// Messages that came while it was away.
    pub waiting: u64,
    /// Attempts until it was back.
    pub attempts_while_away: u64,
    /// Attempts in all.
    pub attempts: u64,
    /// Messages that it took.
    pub taken: u64,
    /// Messages that it took after a newer one of the same thing, or twice.
    pub out_of_order: u64,
    /// Wake-ups in the queues when it came back.
    pub wake_ups: usize,
    /// Work of the dispatcher while it was away.
    pub billed: Billed,
    /// Dollars for that, and for the entries.
    pub dollars: f64,
    /// Time in which it was caught up.
    pub caught_up_in: Duration,
}

/// Requests that it was sent.
#[derive(Debug, Default)]
struct Requests {
    all: u64,
    taken: u64,
    out_of_order: u64,
    /// Number of the last message of each thing that it took.
    last: BTreeMap<String, u64>,
}

impl Requests {
    fn note(&mut self, subject: &str, nth: u64, is_taken: bool) {
        self.all += 1;
        if is_taken {
            self.taken += 1;
            let last = self.last.insert(subject.to_owned(), nth);
            self.out_of_order += u64::from(last.is_some_and(|last| last >= nth));
        }
    }
}

/// Events to publish.
struct Events {
    nth: u64,
    subjects: u64,
}

impl Events {
    fn next(&mut self, count: u64) -> Vec<Happened> {
        let first = self.nth;
        self.nth += count;
        let event = |nth| Happened {
            nth,
            subject: nth % self.subjects,
            version: nth,
        };
        (first..self.nth).map(event).collect()
    }
}

impl Away {
    /// Runs it, in virtual time: call it in a runtime of one thread whose time is paused.
    ///
    /// # Errors
    /// If what waits is not caught up within a week.
    pub async fn run(self) -> anyhow::Result<Waited> {
        let key = endpoint("away", 1);
        let requests = Arc::new(Mutex::new(Requests::default()));
        let left_at = Instant::now() + Duration::from_mins(10);
        let back_at = left_at + AWAY_FOR;
        let seen = Arc::clone(&requests);
        let world = World::new(
            Arc::new(move |_, _| {
                if (left_at..back_at).contains(&Instant::now()) {
                    (Err(NoAnswerError::ConnectionRefused), REFUSES_IN)
                } else {
                    (taken(), ANSWERS_IN)
                }
            }),
            Arc::new(move |_, event, _, attempted| {
                let nth = event.json.parse().unwrap_or_default();
                lock(&seen).note(&event.subject.id, nth, attempted.is_ok());
            }),
        );
        world.create(&key, |settings| settings.ordering = Ordering::Entity);
        let running = world.run([20, 20]);
        let mut events = Events {
            nth: 0,
            subjects: self.subjects,
        };
        // It proves itself, and has all the attempts at once that it may have.
        for _ in 0..5 {
            world.publish(&key, &events.next(20)).await?;
            sleep(Duration::from_secs(20)).await;
        }
        sleep_until(left_at).await;
        ensure!(world.waiting(&key, 1).await == 0, "it has not proven itself");
        let (before, attempts_before) = (world.units.so_far(), lock(&requests).all);
        if self.in_flight > 0 {
            world.publish(&key, &events.next(self.in_flight)).await?;
        }
        let batches = self.waiting.saturating_sub(self.in_flight).div_ceil(BATCH);
        let every = AWAY_FOR / u32::try_from(batches + 1)?;
        for nth in 1..=batches {
            sleep_until(left_at + every * u32::try_from(nth)?).await;
            world.publish(&key, &events.next(BATCH)).await?;
        }
        sleep_until(back_at).await;
        let (wake_ups, billed) = (world.queued(), world.units.so_far().since(before));
        let attempts_until_back = lock(&requests).all;
        while world.waiting(&key, 1).await > 0 {
            ensure!(back_at.elapsed() < WEEK, "what waited is not caught up");
            sleep(Duration::from_mins(1)).await;
        }
        drop(running);
        let requests = lock(&requests);
        Ok(Waited {
            waiting: events.nth - attempts_before,
            attempts_while_away: attempts_until_back - attempts_before,
            attempts: requests.all - attempts_before,
            taken: requests.taken - attempts_before,
            out_of_order: requests.out_of_order,
            wake_ups,
            billed,
            dollars: dollars(billed, self.waiting).to_f64().unwrap_or(f64::INFINITY),
            caught_up_in: back_at.elapsed(),
        })
    }
}

impl Waited {
    /// Lines of the report.
    pub fn lines(&self) -> Vec<Line> {
        let case = format!("3 days away, {} waiting", self.waiting);
        let line = |what: &str, unit, figure, goal| Line::at_most(format!("{case}: {what}"), unit, figure, goal);
        let count = |number: u64| number.to_f64().unwrap_or(f64::INFINITY);
        vec![
            line("attempts while away", "", count(self.attempts_while_away), 300.0),
            line(
                "attempts in all, per message",
                "",
                count(self.attempts) / count(self.waiting),
                1.01,
            ),
            line("messages lost", "", count(self.waiting.abs_diff(self.taken)), 0.0),
            line("messages out of order", "", count(self.out_of_order), 0.0),
            line("cost of waiting", "$", self.dollars, 1.0),
        ]
    }
}

/// Price of what was billed, and of the entries, which wait for half of the time on average.
fn dollars(billed: Billed, waiting: u64) -> Decimal {
    let days = Decimal::from(AWAY_FOR.as_secs()) / dec!(86_400);
    let stored = Decimal::from(waiting) * ENTRY_GB * STORAGE * days / DAYS_OF_A_MONTH / dec!(2);
    let gb_seconds = Decimal::from(billed.invoked_ms) / dec!(1000) * MEMORY_GB;
    prices::WRITES.of(billed.writes.into())
        + prices::READS.of(billed.reads.into())
        + prices::FAIR_QUEUE.of(billed.queue_requests.into())
        + prices::LAMBDA_REQUESTS.of(billed.invocations.into())
        + prices::LAMBDA_X86_64.of(gb_seconds)
        + stored
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
