//! The consumer at scale: a burst of events, fed one batch after another to one process, with the stub at once.
//!
//! Figures are per core: events per second of the consumer's processor time. It runs on one, so with a stub
//! that costs nothing it would do as many in a second. What grows with the burst would show between bursts of different
//! sizes, what grows with the catalogue between bursts that are about few products and about many.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

use crate::{
    aws::{AT_ONCE, STATEMENT},
    certificates::Authority,
    events::{self, Delivery, SMALL, Shape},
    function::{Function, Program},
    measure::{self, Expected, WARM_UP},
    outcome::CONSUMER_RATE,
    report::{Goal, GoalLine},
};

/// Subject of a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// This many products, each updated many times in random order.
    BulkEdit { products: u32 },
    /// As many products as events, known to the fence or not.
    Catalogue { known: bool },
}

impl About {
    /// All bursts, from the least coalescing to the most.
    pub const ALL: [Self; 4] = [
        Self::Catalogue { known: false },
        Self::Catalogue { known: true },
        Self::BulkEdit { products: 100 },
        Self::BulkEdit { products: 3 },
    ];

    fn describe(self) -> String {
        match self {
            Self::BulkEdit { products } => format!("bulk edit of {products} products"),
            Self::Catalogue { known: false } => "catalogue, products that nobody knows".into(),
            Self::Catalogue { known: true } => "catalogue, known products".into(),
        }
    }

    /// Product of the `n`th event.
    fn product(self, n: u32, random: &mut fastrand::Rng) -> u32 {
        match self {
            Self::BulkEdit { products } => random.u32(..products),
            Self::Catalogue { .. } => n,
        }
    }
}

/// Figures of one burst.
#[derive(Debug, Serialize)]
pub struct Burst {
    about: About,
    events: u32,
    /// Messages in a batch.
    batch: u32,
    /// Events per second of processor time.
    events_per_second: f64,
    /// Events per second of wall time, with a stub that costs time.
    events_per_second_passed: f64,
    calls_per_event: f64,
    /// Calls per event, by operation.
    calls: Vec<(String, f64)>,
    /// Events per document sent to the index.
    coalesced: f64,
    peak_mib: f64,
}

/// Message of a receiver in which everything that identifies an event can be replaced.
#[derive(Debug)]
pub struct Template(String);

const DELIVERY: &str = "8a5f-000000000000";
const PRODUCT: u64 = 7_880_321_196_742_929;
const CHANGED: &str = "2026-11-14T00:00:00-05:00";

impl Template {
    /// Takes a message from a receiver.
    pub async fn of(receiver: &Program, authority: &Authority) -> anyhow::Result<Self> {
        let event = events::webhook(Delivery::Fresh, Shape::Catalogue, SMALL, 0)?;
        let sent = measure::sent(receiver, AT_ONCE, authority, vec![event]).await?;
        let message = sent.into_iter().next().context("the receiver has sent nothing")?;
        for part in [DELIVERY, CHANGED, &PRODUCT.to_string()] {
            ensure!(message.contains(part), "the message has no {part}");
        }
        Ok(Self(message))
    }

    /// Message of the `n`th delivery. Later ones hold newer states.
    fn message(&self, n: u32, product: u32) -> String {
        let second = n % 86_400;
        let changed = format!(
            "2026-11-{:02}T{:02}:{:02}:{:02}-05:00",
            14 + n / 86_400,
            second / 3600,
            second / 60 % 60,
            second % 60
        );
        let product = PRODUCT + u64::from(product);
        self.0
            .replace(DELIVERY, &format!("8a5f-{n:012}"))
            .replace(CHANGED, &changed)
            .replace(&PRODUCT.to_string(), &product.to_string())
    }
}

/// Feeds a burst to a warm consumer, in batches of this size.
pub async fn burst(
    consumer: &Program,
    authority: &Authority,
    template: &Template,
    about: About,
    events: u32,
    size: u32,
) -> anyhow::Result<Burst> {
    let mut function = Function::start(consumer, AT_ONCE, authority, None).await?;
    function.first_poll().await?;
    function
        .aws
        .remember_entities(about == About::Catalogue { known: false });
    let mut random = fastrand::Rng::with_seed(1);
    let mut batch = |n: u32| -> anyhow::Result<String> {
        let messages = (n..n + size).map(|n| template.message(n, about.product(n, &mut random)));
        let batch = events::batches(&messages.collect::<Vec<_>>(), usize::try_from(size)?);
        batch.into_iter().next().context("a batch without messages")
    };
    let warm_up = u32::try_from(WARM_UP)? * size;
    for n in (0..warm_up).step_by(usize::try_from(size)?) {
        let timed = function.invoke(batch(n)?).await?;
        Expected::AllDone.check(&timed.answer)?;
    }
    function.aws.take_calls();
    function.aws.take_documents();
    let before = function.usage()?;
    let mut passed = Duration::ZERO;
    for n in (warm_up..warm_up + events).step_by(usize::try_from(size)?) {
        let event = batch(n)?;
        let handed = Instant::now();
        let timed = function.invoke(event).await?;
        passed += handed.elapsed();
        Expected::AllDone.check(&timed.answer)?;
    }
    let after = function.usage()?;
    let fed = f64::from(events);
    let per_event = |total: u64| u32::try_from(total).map(|total| f64::from(total) / fed);
    let calls = function.aws.take_calls();
    let made = calls.iter().filter(|(name, _)| !name.starts_with(STATEMENT));
    let made = made.map(|(_, count)| count);
    Ok(Burst {
        about,
        events,
        batch: size,
        events_per_second: fed / after.cpu.saturating_sub(before.cpu).as_secs_f64(),
        events_per_second_passed: fed / passed.as_secs_f64(),
        calls_per_event: per_event(made.sum())?,
        calls: calls
            .into_iter()
            .map(|(operation, total)| Ok((operation, per_event(total)?)))
            .collect::<anyhow::Result<_>>()?,
        coalesced: 1.0 / per_event(function.aws.take_documents())?,
        peak_mib: after.peak_mib,
    })
}

/// Line for the table of goals: the largest burst of known products that coalesces least.
pub fn line(bursts: &[Burst]) -> GoalLine {
    let of = bursts
        .iter()
        .filter(|burst| burst.about == About::Catalogue { known: true });
    let largest = of.max_by_key(|burst| burst.events);
    let figure = largest.map(|burst| burst.events_per_second);
    GoalLine::new(CONSUMER_RATE, "events/s", figure, Goal::AtLeast(5_000.0))
}

/// All bursts, as a table.
pub fn report(bursts: &[Burst]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header([
        "burst, 4 KiB",
        "events",
        "batch",
        "events/s, one core",
        "calls per event",
        "events per document",
        "peak MiB",
    ]);
    for burst in bursts {
        table.add_row([
            burst.about.describe(),
            burst.events.to_string(),
            burst.batch.to_string(),
            format!("{:.0}", burst.events_per_second),
            format!("{:.2}", burst.calls_per_event),
            format!("{:.2}", burst.coalesced),
            format!("{:.1}", burst.peak_mib),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_has_its_own_delivery_product_and_time() {
        let template = Template(format!("{DELIVERY} {PRODUCT} {CHANGED} gid/{PRODUCT}"));
        assert_eq!(
            template.message(86_400 + 3_661, 5),
            "8a5f-000000090061 7880321196742934 2026-11-15T01:01:01-05:00 gid/7880321196742934"
        );
    }

    #[test]
    fn bulk_edit_has_few_products_and_catalog_many() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut products = |about: About| {
            let all = (0..1_000).map(|n| about.product(n, &mut random));
            all.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(products(About::BulkEdit { products: 3 }), 3);
        assert_eq!(products(About::Catalogue { known: true }), 1_000);
    }
}
