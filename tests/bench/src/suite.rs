//! Measurements of one run, in their order.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use serde::Serialize;

use crate::{
    aws::{AT_ONCE, Behaviour, Tables},
    certificates::Authority,
    events::{self, Delivery, LARGE, SMALL, Shape},
    function::{Program, ProgramOrigin},
    limit::Limit,
    measure::{self, Case, Expected, Start, WARM_UP, Warm},
    others::RepeatedRequest,
    peers,
    scale::{self, About, Burst, Template},
    size,
};

/// Receiver that represents all: they differ in the topic only.
pub const RECEIVER: &str = "products-update";

/// The same receiver, built without the SDK: `make build RECEIVERS=direct`.
pub const DIRECT: &str = "products-update, direct";

/// The consumer.
pub const CONSUMER: &str = "reindex";

/// Stub with the latency of a call to AWS.
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

/// Maximum messages per batch of the consumer.
const BATCH: usize = 10;

/// Amount of measurements.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Invocations with a small body and without latency; others take longer, and are fewer. Of the Python peer, which
    /// no goal is set beside, half.
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
    /// For a check that everything works.
    pub const QUICK: Self = Self {
        invocations: 60,
        starts: 3,
        bursts: &[500],
    };

    fn invocations_of(self, program: &Program) -> usize {
        match program.made {
            ProgramOrigin::Hookline | ProgramOrigin::Node => self.invocations,
            ProgramOrigin::Python => self.invocations.div_ceil(2),
        }
    }

    fn starts_of(self, program: &Program) -> usize {
        match program.made {
            ProgramOrigin::Hookline => self.starts,
            ProgramOrigin::Node | ProgramOrigin::Python => self.starts.div_ceil(3),
        }
    }
}

/// Figures of a function: its start, and its work if it is neither a receiver nor the consumer.
#[derive(Debug, Serialize)]
pub struct FunctionFigures {
    pub zip_mb: f64,
    pub start: Start,
    /// Its repeated request, and the work for it.
    pub work: Option<(&'static str, Warm)>,
}

/// Figures of a receiver, ours or a peer.
#[derive(Debug, Serialize)]
pub struct Receiver {
    pub zip_mb: f64,
    pub start: Start,
    pub start_over_tls_limited: Start,
    /// Work by kind of delivery, as in `new, 4 KiB`.
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

/// Settings of the measurements.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    pub authority: &'a Authority,
    pub limit: &'a Limit,
    /// The only work of a receiver to measure; `None` for all.
    pub case: Option<&'a str>,
    pub effort: Effort,
}

impl Bench<'_> {
    /// Measures a function's start, with a waiting event, and its size; also its work, if nothing else here measures
    /// it. `receiver` makes the consumer's messages. Of the other receivers, only until the first poll.
    pub async fn function(&self, program: &Program, receiver: &Program) -> anyhow::Result<FunctionFigures> {
        let starts = self.effort.starts_of(program);
        let repeated = RepeatedRequest::of(&program.name);
        let (behaviour, first) = match (&repeated, program.name.as_str()) {
            (Some(request), _) => (FILLED, Some((request.event.to_string(), request.expected))),
            (None, RECEIVER | CONSUMER) => (AT_ONCE, Some(self.first(program, receiver).await?)),
            (None, _) => (AT_ONCE, None),
        };
        let first = first.as_ref().map(|(event, expected)| (event.as_str(), *expected));
        let start = measure::start(program, behaviour, self.authority, None, first, starts).await?;
        let work = match repeated {
            Some(request) => Some((
                request.what,
                self.repeated(program, &request).await.context(request.what)?,
            )),
            None => None,
        };
        Ok(FunctionFigures {
            zip_mb: zipped(program)?,
            start,
            work,
        })
    }

    /// First event of the receiver, or of the consumer.
    async fn first(&self, program: &Program, receiver: &Program) -> anyhow::Result<(String, Expected)> {
        let webhook = events::webhook(Delivery::Fresh, Shape::Catalogue, SMALL, 1)?;
        if program.name == RECEIVER {
            return Ok((webhook, Expected::Status(200)));
        }
        let messages = measure::sent(receiver, AT_ONCE, self.authority, vec![webhook]).await?;
        let batch = events::batches(&messages, 1)
            .pop()
            .context("the receiver sent no message")?;
        Ok((batch, Expected::AllDone))
    }

    /// Measures a repeated request.
    async fn repeated(&self, program: &Program, request: &RepeatedRequest) -> anyhow::Result<Warm> {
        let (warm_up, invocations) = if request.waits {
            (3, self.effort.invocations.div_ceil(50))
        } else {
            (WARM_UP, self.effort.invocations.div_ceil(4))
        };
        let case = Case {
            behaviour: FILLED,
            events: vec![request.event.to_string(); warm_up + invocations],
            batch: 1,
            expected: request.expected,
            warm_up,
            kept: None,
        };
        measure::warm(program, self.authority, case).await
    }

    /// Measures a receiver.
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
            if self.case.is_some_and(|only| only != name) {
                continue;
            }
            let case = Case {
                behaviour,
                events: webhooks(delivery, Shape::Catalogue, bytes, invocations + WARM_UP)?,
                batch: 1,
                expected: Expected::Status(if delivery == Delivery::Forged { 401 } else { 200 }),
                warm_up: WARM_UP,
                kept: None,
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

    /// Measures the consumer with the receiver's messages.
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
                kept: None,
            };
            let measured = measure::warm(consumer, self.authority, case).await;
            work.insert(name, measured.context(name)?);
        }
        Ok(work)
    }

    /// Measures the consumer with bursts of this many events of every kind, in batches of this size.
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

/// All of our functions that are built.
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
