//! What is measured in one run, in the order in which it is.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use serde::Serialize;

use crate::{
    aws::{AT_ONCE, Behaviour, Tables},
    certificates::Authority,
    events::{self, Delivery, LARGE, SMALL, Shape},
    function::{Made, Program},
    limit::Limit,
    measure::{self, Case, Expected, Start, WARM_UP, Warm},
    others::Asked,
    peers,
    scale::{self, About, Burst, Template},
    size,
};

/// The receiver that stands for all: they are the same but for the topic.
pub const RECEIVER: &str = "products-update";

/// The same, speaking to AWS by hand: `make build RECEIVERS=direct`.
pub const DIRECT: &str = "products-update, direct";

/// The consumer.
pub const CONSUMER: &str = "reindex";

/// What a call to AWS takes, in what is to look like AWS.
pub const AWAY: Behaviour = Behaviour {
    latency: Duration::from_millis(4),
    ..AT_ONCE
};

const AWAY_OVER_TLS: Behaviour = Behaviour { tls: true, ..AWAY };

const ALL_DONE: Behaviour = Behaviour {
    tables: Tables::Done,
    ..AT_ONCE
};

const FILLED: Behaviour = Behaviour {
    tables: Tables::Filled,
    ..AT_ONCE
};

/// The memory (MB) whose share of a processor is used for starts over TLS.
pub const LIMITED_MEMORY: u32 = 512;

/// Most messages that the consumer is handed at once.
const BATCH: usize = 10;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Invocations with a small body and at once; others take longer, and are fewer. Of the Python peer, which no goal is set
    /// beside, half.
    pub invocations: usize,
    /// Starts of our own functions; of the peers a third.
    pub starts: usize,
    /// Events in each burst.
    pub bursts: &'static [u32],
}

impl Effort {
    /// For figures.
    pub const FULL: Self = Self {
        invocations: 2_000,
        starts: 15,
        bursts: &[10_000, 100_000],
    };
    /// For seeing that all works.
    pub const QUICK: Self = Self {
        invocations: 60,
        starts: 3,
        bursts: &[500],
    };

    fn invocations_of(self, program: &Program) -> usize {
        match program.made {
            Made::Hookline | Made::Node => self.invocations,
            Made::Python => self.invocations.div_ceil(2),
        }
    }

    fn starts_of(self, program: &Program) -> usize {
        match program.made {
            Made::Hookline => self.starts,
            Made::Node | Made::Python => self.starts.div_ceil(3),
        }
    }
}

/// A function as it starts, and what it does if it is neither a receiver nor the consumer, which have more to do.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub zip_mb: f64,
    pub start: Start,
    /// What it is asked, and how long it takes.
    pub work: Option<(&'static str, Warm)>,
}

/// A receiver, ours or another's.
#[derive(Debug, Serialize)]
pub struct Receiver {
    pub zip_mb: f64,
    pub start: Start,
    pub start_over_tls_limited: Start,
    /// By what was sent, as in `new, 4 KiB`.
    pub work: BTreeMap<&'static str, Warm>,
}

pub const NEW: &str = "new, 4 KiB";
pub const NEW_AWAY: &str = "new, 4 KiB, 4 ms a call";
pub const NEW_LARGE: &str = "new, 200 KiB";
pub const DUPLICATE: &str = "duplicate, 4 KiB";
pub const FORGED: &str = "forged, 4 KiB";

pub const BULK_EDIT: &str = "bulk edit, 10";
pub const CATALOGUE: &str = "catalogue, 10";
pub const CATALOGUE_AWAY: &str = "catalogue, 10, 4 ms a call";
pub const ONE: &str = "one event";
pub const ONE_AWAY: &str = "one event, 4 ms a call";

/// What is measured with, and against.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    pub authority: &'a Authority,
    pub limit: &'a Limit,
    /// The only work of a receiver that is measured, if not all is.
    pub case: Option<&'a str>,
    pub effort: Effort,
}

impl Bench<'_> {
    /// A function's start, with an event that waits for it, and size; of one that nothing else here measures its work, too.
    /// `receiver` says what a consumer gets. Of the other receivers only until it asks for an event.
    pub async fn function(&self, program: &Program, receiver: &Program) -> anyhow::Result<Measured> {
        let starts = self.effort.starts_of(program);
        let asked = Asked::of(&program.name);
        let (behaviour, first) = match (&asked, program.name.as_str()) {
            (Some(asked), _) => (FILLED, Some((asked.event.to_string(), asked.expected))),
            (None, RECEIVER | CONSUMER) => (AT_ONCE, Some(self.first(program, receiver).await?)),
            (None, _) => (AT_ONCE, None),
        };
        let first = first.as_ref().map(|(event, expected)| (event.as_str(), *expected));
        let start = measure::start(program, behaviour, self.authority, None, first, starts).await?;
        let work = match asked {
            Some(asked) => Some((asked.what, self.asked(program, &asked).await.context(asked.what)?)),
            None => None,
        };
        Ok(Measured {
            zip_mb: zipped(program)?,
            start,
            work,
        })
    }

    /// The first event of the receiver, or of the consumer.
    async fn first(&self, program: &Program, receiver: &Program) -> anyhow::Result<(String, Expected)> {
        let webhook = events::webhook(Delivery::Fresh, Shape::Catalogue, SMALL, 1)?;
        if program.name == RECEIVER {
            return Ok((webhook, Expected::Status(200)));
        }
        let messages = measure::sent(receiver, AT_ONCE, self.authority, vec![webhook]).await?;
        let batch = events::batches(&messages, 1).pop().context("nothing was sent")?;
        Ok((batch, Expected::AllDone))
    }

    /// The same question again and again.
    async fn asked(&self, program: &Program, asked: &Asked) -> anyhow::Result<Warm> {
        let (warm_up, invocations) = if asked.waits {
            (3, self.effort.invocations.div_ceil(50))
        } else {
            (WARM_UP, self.effort.invocations.div_ceil(4))
        };
        let case = Case {
            behaviour: FILLED,
            events: vec![asked.event.to_string(); warm_up + invocations],
            batch: 1,
            expected: asked.expected,
            warm_up,
        };
        measure::warm(program, self.authority, case).await
    }

    /// All there is to measure of a receiver.
    pub async fn receiver(&self, program: &Program) -> anyhow::Result<Receiver> {
        let first = events::webhook(Delivery::Fresh, Shape::Catalogue, SMALL, 1)?;
        let first = Some((first.as_str(), Expected::Status(200)));
        let starts = self.effort.starts_of(program);
        let start = measure::start(program, AT_ONCE, self.authority, None, first, starts).await?;
        let start_over_tls_limited =
            measure::start(program, AWAY_OVER_TLS, self.authority, Some(self.limit), first, starts).await;
        let start_over_tls_limited = start_over_tls_limited.context("starting over TLS")?;
        let mut work = BTreeMap::new();
        let many = self.effort.invocations_of(program);
        for (name, behaviour, delivery, bytes, invocations) in [
            (NEW, AT_ONCE, Delivery::Fresh, SMALL, many),
            (NEW_AWAY, AWAY, Delivery::Fresh, SMALL, many / 4),
            (NEW_LARGE, AT_ONCE, Delivery::Fresh, LARGE, many / 6),
            (DUPLICATE, ALL_DONE, Delivery::Duplicate, SMALL, many / 2),
            (FORGED, AT_ONCE, Delivery::Forged, SMALL, many / 2),
        ] {
            if self.case.is_some_and(|wanted| wanted != name) {
                continue;
            }
            let case = Case {
                behaviour,
                events: webhooks(delivery, Shape::Catalogue, bytes, invocations + WARM_UP)?,
                batch: 1,
                expected: Expected::Status(if delivery == Delivery::Forged { 401 } else { 200 }),
                warm_up: WARM_UP,
            };
            let measured = measure::warm(program, self.authority, case).await;
            work.insert(name, measured.context(name)?);
        }
        Ok(Receiver {
            zip_mb: zipped(program)?,
            start,
            start_over_tls_limited,
            work,
        })
    }

    /// The consumer, fed with what the receiver sends.
    pub async fn consumer(
        &self,
        receiver: &Program,
        consumer: &Program,
    ) -> anyhow::Result<BTreeMap<&'static str, Warm>> {
        let many = self.effort.invocations;
        let mut work = BTreeMap::new();
        for (name, behaviour, shape, batch, invocations) in [
            (BULK_EDIT, AT_ONCE, Shape::BulkEdit, BATCH, many / 4),
            (CATALOGUE, AT_ONCE, Shape::Catalogue, BATCH, many / 4),
            (CATALOGUE_AWAY, AWAY, Shape::Catalogue, BATCH, many / 20),
            (ONE, AT_ONCE, Shape::Catalogue, 1, many / 4),
            (ONE_AWAY, AWAY, Shape::Catalogue, 1, many / 20),
        ] {
            let events = webhooks(Delivery::Fresh, shape, SMALL, (invocations + WARM_UP) * batch)?;
            let messages = measure::sent(receiver, AT_ONCE, self.authority, events).await?;
            let case = Case {
                behaviour,
                events: events::batches(&messages, batch),
                batch,
                expected: Expected::AllDone,
                warm_up: WARM_UP,
            };
            let measured = measure::warm(consumer, self.authority, case).await;
            work.insert(name, measured.context(name)?);
        }
        Ok(work)
    }

    /// The consumer, fed with bursts of so many events of every kind, in batches of this size.
    pub async fn bursts(
        &self,
        receiver: &Program,
        consumer: &Program,
        events: &[u32],
        size: u32,
    ) -> anyhow::Result<Vec<Burst>> {
        let template = Template::of(receiver, self.authority).await?;
        let mut bursts = Vec::new();
        for about in About::ALL {
            for events in events {
                bursts.push(scale::burst(consumer, self.authority, &template, about, *events, size).await?);
            }
        }
        Ok(bursts)
    }
}

/// All of ours that are built.
pub fn functions(folder: &Path) -> anyhow::Result<Vec<Program>> {
    let names = peers::built(folder)?;
    names.iter().map(|name| peers::hookline(folder, name)).collect()
}

fn webhooks(delivery: Delivery, shape: Shape, bytes: usize, count: usize) -> anyhow::Result<Vec<String>> {
    (0..u32::try_from(count)?)
        .map(|n| events::webhook(delivery, shape, bytes, n))
        .collect()
}

fn zipped(program: &Program) -> anyhow::Result<f64> {
    program.deployed.iter().map(|path| size::zipped_megabytes(path)).sum()
}
