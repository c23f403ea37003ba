//! Results of one run, and their evaluation.

use std::{collections::BTreeMap, fmt::Write, fs};

use anyhow::Context;
use serde::Serialize;

use crate::{
    aws::STATEMENT,
    bill,
    measure::Warm,
    outbound::{self, DISPATCH, KEPT_FOR_ONE, KEPT_FOR_TEN, Outbound, TO_HUNDRED, TO_ONE, TO_ONE_AWAY},
    place::Placement,
    report::{self, Goal, GoalLine, number, ratio},
    scale::{self, Burst},
    suite::{
        AWAY, BULK_EDIT, CATALOGUE, CATALOGUE_AWAY, DIRECT, DUPLICATE, FORGED, FunctionFigures, NEW, NEW_AWAY,
        NEW_LARGE, ONE, ONE_AWAY, RECEIVER, Receiver,
    },
};

/// Lines whose figures come from other programs, or may.
pub const HMAC: &str = "HMAC verify, 64 KiB, of openssl speed";
pub const CONSUMER_RATE: &str = "consumer, stub 0 ms, one core";
pub const PRICE: &str = "list price per million small events, receive to index";

/// Machine and date of the measurements.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub date: String,
    pub processor: String,
    pub processors: usize,
    pub kernel: String,
    /// Load averages at the beginning, over a minute, five and fifteen.
    pub load: String,
    /// Processors on which everything ran.
    pub place: String,
}

impl Machine {
    /// Describes this machine now.
    pub fn this(place: &Placement) -> anyhow::Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        Ok(Self {
            date: jiff::Timestamp::now().strftime("%F").to_string(),
            processor: processor
                .unwrap_or("unknown")
                .trim_start_matches(['\t', ' ', ':'])
                .to_owned(),
            // Includes the processors that this process does not use.
            processors: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .context("which kernel")?
                .trim()
                .to_owned(),
            load: load(&fs::read_to_string("/proc/loadavg")?),
            place: place.to_string(),
        })
    }
}

/// Load averages of `/proc/loadavg`.
fn load(loadavg: &str) -> String {
    loadavg.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Results of one run.
#[derive(Debug, Serialize)]
pub struct BenchOutcome {
    pub machine: Machine,
    /// Limit of starts over TLS.
    pub limited: String,
    pub goals: Vec<GoalLine>,
    pub functions: BTreeMap<String, FunctionFigures>,
    pub receivers: BTreeMap<String, Receiver>,
    pub consumer: BTreeMap<&'static str, Warm>,
    pub bursts: Vec<Burst>,
    pub outbound: Outbound,
    /// Figures that `hookline cost --measured` reads.
    pub cost: Cost,
}

/// Calls and time per event.
#[derive(Debug, Serialize)]
pub struct Cost {
    pub date: String,
    pub receiver: Work,
    /// Work of a receiver for a body of 200 KiB; the time of its calls was not measured apart.
    pub receiver_of_200k: Work,
    /// Work of the consumer for a batch of one, and of ten.
    pub consumer_of_1: Work,
    pub consumer_of_10: Work,
}

/// Work of one invocation.
#[derive(Debug, Serialize)]
pub struct Work {
    pub cpu_ms: f64,
    /// Calls that wait for each other.
    pub rounds: f64,
    pub calls: BTreeMap<String, f64>,
    /// Bytes logged.
    pub logged: f64,
}

impl Work {
    fn of(at_once: Option<&Warm>, away: Option<&Warm>) -> Self {
        let p50 = |warm: Option<&Warm>| warm.map_or(0.0, |warm| warm.latency_ms.p50);
        let latency = AWAY.latency.as_secs_f64() * 1e3;
        Self {
            cpu_ms: at_once.map_or(0.0, |warm| warm.cpu_ms),
            rounds: ((p50(away) - p50(at_once)) / latency).round().max(0.0),
            calls: at_once
                .map(|warm| warm.calls.iter().cloned().collect())
                .unwrap_or_default(),
            logged: at_once.map_or(0.0, |warm| warm.logged),
        }
    }
}

impl BenchOutcome {
    pub fn of(
        machine: Machine,
        limited: String,
        functions: BTreeMap<String, FunctionFigures>,
        receivers: BTreeMap<String, Receiver>,
        consumer: BTreeMap<&'static str, Warm>,
        bursts: Vec<Burst>,
        outbound: Outbound,
    ) -> anyhow::Result<Self> {
        let work = |name| receivers.get(RECEIVER).and_then(|receiver| receiver.work.get(name));
        let cost = Cost {
            date: machine.date.clone(),
            receiver: Work::of(work(NEW), work(NEW_AWAY)),
            receiver_of_200k: Work::of(work(NEW_LARGE), None),
            consumer_of_1: Work::of(consumer.get(ONE), consumer.get(ONE_AWAY)),
            consumer_of_10: Work::of(consumer.get(CATALOGUE), consumer.get(CATALOGUE_AWAY)),
        };
        let mut goals = goals(&receivers, RECEIVER);
        for (line, direct) in goals.iter_mut().zip(self::goals(&receivers, DIRECT)) {
            line.direct = direct.figure;
        }
        goals.push(scale::line(&bursts));
        goals.extend(outbound::goals(&outbound, functions.get(DISPATCH)));
        // The bill needs both.
        let paid = !receivers.is_empty() && !consumer.is_empty();
        goals.push(bill::line(paid.then_some(&cost))?);
        Ok(Self {
            machine,
            limited,
            goals,
            functions,
            receivers,
            consumer,
            bursts,
            outbound,
            cost,
        })
    }

    /// Adds the lines that other programs measured.
    pub fn merge(&mut self, lines: impl IntoIterator<Item = GoalLine>) {
        report::merge(&mut self.goals, lines);
    }

    /// Describes the calls that were made, by function.
    fn calls(&self) -> String {
        let receivers = self.receivers.iter().flat_map(|(name, receiver)| {
            let work = receiver.work.iter();
            work.map(move |(case, warm)| (format!("{name}: {case}"), warm))
        });
        let consumer = self.consumer.iter().chain(&self.outbound.work);
        let consumer = consumer.map(|(case, warm)| ((*case).to_owned(), warm));
        let mut functions_by_calls = BTreeMap::<String, Vec<String>>::new();
        let others = self.functions.iter().filter_map(|(name, function)| {
            let (what, warm) = function.work.as_ref()?;
            Some((format!("{name}: {what}"), warm))
        });
        let all = receivers.chain(consumer).chain(others);
        for (name, warm) in all.filter(|(_, warm)| !warm.calls.is_empty()) {
            let calls = (warm.calls.iter()).map(|(name, count)| format!("{} {name}", number(*count, "")));
            functions_by_calls
                .entry(calls.collect::<Vec<_>>().join(", "))
                .or_default()
                .push(name);
        }
        let lines = (functions_by_calls.iter()).map(|(calls, names)| format!("{}:\n    {calls}", names.join("; ")));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Report for a person.
    pub fn to_report(&self) -> String {
        let Machine {
            date,
            processor,
            processors,
            kernel,
            load,
            place,
        } = &self.machine;
        let mut text = format!(
            "{date}, {processors} × {processor}, {place}, Linux {kernel}, load before {load}\n\n{}\n\n{}\n\n{}\n\n{}\n\n{}\n\n{}\n\n{}\n\n{}\n",
            report::goals(&self.goals),
            self.starting(),
            self.receiving(),
            self.consuming(),
            self.posting(),
            self.answering(),
            self.calls(),
            scale::report(&self.bursts),
        );
        let notes = format!(
            "\nLimited: {}. Own: without the time the stub had the requests. Medians of starts; the zip of a peer without what \
             AWS's runtime brings.",
            self.limited
        );
        let _infallible = text.write_str(&notes);
        text
    }

    fn starting(&self) -> comfy_table::Table {
        let mut table = report::table(&[
            "function",
            "first poll (ms)",
            "start + first answer (ms)",
            "zip (MB)",
            "peak memory (MiB)",
        ]);
        for (name, function) in &self.functions {
            table.add_row([
                name.clone(),
                number(function.start.first_poll_ms, ""),
                function
                    .start
                    .first_answer_ms
                    .map_or_else(String::new, |took| number(took, "")),
                number(function.zip_mb, ""),
                number(function.start.peak_mib, ""),
            ]);
        }
        table
    }

    fn answering(&self) -> comfy_table::Table {
        let mut table = table_of_work("other function", "/s");
        for (name, function) in &self.functions {
            if let Some((what, warm)) = &function.work {
                table.add_row(cells(&format!("{name}: {what}"), warm, warm.per_second));
            }
        }
        table
    }

    fn receiving(&self) -> comfy_table::Table {
        let mut table = table_of_work("receiver", "/s");
        for (name, receiver) in &self.receivers {
            for case in [NEW, NEW_AWAY, NEW_LARGE, DUPLICATE, FORGED] {
                if let Some(warm) = receiver.work.get(case) {
                    table.add_row(cells(&format!("{name}: {case}"), warm, warm.per_second));
                }
            }
        }
        table
    }

    fn consuming(&self) -> comfy_table::Table {
        let mut table = table_of_work("consumer", "events/s");
        for case in [BULK_EDIT, CATALOGUE, CATALOGUE_AWAY, ONE, ONE_AWAY] {
            if let Some(warm) = self.consumer.get(case) {
                table.add_row(cells(case, warm, warm.events_per_second));
            }
        }
        table
    }

    fn posting(&self) -> comfy_table::Table {
        let mut table = table_of_work("outbound", "messages/s");
        for case in [KEPT_FOR_ONE, KEPT_FOR_TEN, TO_ONE, TO_ONE_AWAY, TO_HUNDRED] {
            if let Some(warm) = self.outbound.work.get(case) {
                table.add_row(cells(case, warm, warm.events_per_second));
            }
        }
        table
    }
}

/// Table with rows of [`cells`].
fn table_of_work(who: &str, rate: &str) -> comfy_table::Table {
    report::table(&[
        who,
        "p50 (ms)",
        "p90",
        "p99",
        "own p50",
        "own p99",
        rate,
        "CPU (ms)",
        "peak (MiB)",
        "log (B)",
        "calls",
    ])
}

fn cells(name: &str, warm: &Warm, per_second: f64) -> Vec<String> {
    let figures = [
        warm.latency_ms.p50,
        warm.latency_ms.p90,
        warm.latency_ms.p99,
        warm.own_ms.p50,
        warm.own_ms.p99,
        per_second,
        warm.cpu_ms,
        warm.peak_mib,
        warm.logged,
    ];
    let mut row = vec![name.to_owned()];
    row.extend(figures.map(|figure| number(figure, "")));
    let made = warm.calls.iter().filter(|(name, _)| !name.starts_with(STATEMENT));
    row.push(number(made.fold(0.0, |sum, (_, count)| sum + count), ""));
    row
}

/// Goals of docs/performance.md, with the figures of one of our receivers.
fn goals(receivers: &BTreeMap<String, Receiver>, receiver: &str) -> Vec<GoalLine> {
    use Goal::{AtLeast, AtMost};
    let of_one = |who: &str, figure: fn(&Receiver) -> Option<f64>| receivers.get(who).and_then(figure);
    let ours = |figure| of_one(receiver, figure);
    let times_node = |figure| ratio(of_one(receiver, figure), of_one("node", figure));
    let first_poll = |receiver: &Receiver| Some(receiver.start.first_poll_ms);
    let p50 = |receiver: &Receiver| receiver.work.get(NEW).map(|warm| warm.latency_ms.p50);
    let cpu_small = |receiver: &Receiver| receiver.work.get(NEW).map(|warm| warm.cpu_ms);
    let cpu_large = |receiver: &Receiver| receiver.work.get(NEW_LARGE).map(|warm| warm.cpu_ms);
    let call_count = |receiver: &Receiver| Some(receiver.work.get(NEW)?.calls.iter().map(|(_, count)| count).sum());
    vec![
        GoalLine::new("start to first poll, receiver", "ms", ours(first_poll), AtMost(5.0)),
        GoalLine::new(
            "  first poll: Node peer's / ours",
            "×",
            times_node(first_poll),
            AtLeast(30.0),
        ),
        GoalLine::new(
            "start + first invocation, stub 0 ms",
            "ms",
            ours(|receiver| receiver.start.first_answer_ms),
            AtMost(7.0),
        ),
        GoalLine::new(
            "start + first invocation, TLS, 4 ms a call, CPU of 512 MB",
            "ms",
            ours(|receiver| receiver.start_over_tls_limited.first_answer_ms),
            AtMost(25.0),
        ),
        GoalLine::new("warm p50, new, 4 KiB, stub 0 ms", "ms", ours(p50), AtMost(0.25)),
        GoalLine::new("  warm p50: Node peer's / ours", "×", times_node(p50), AtLeast(10.0)),
        GoalLine::new(
            "warm, stub 4 ms: p50 beyond the calls",
            "ms",
            ours(|receiver| receiver.work.get(NEW_AWAY).map(|warm| warm.own_ms.p50)),
            AtMost(0.5),
        ),
        GoalLine::new(
            "warm, stub 4 ms: p99 beyond the calls",
            "ms",
            ours(|receiver| receiver.work.get(NEW_AWAY).map(|warm| warm.own_ms.p99)),
            AtMost(1.5),
        ),
        GoalLine::new("CPU, new, 4 KiB", "ms", ours(cpu_small), AtMost(0.22)),
        GoalLine::new(
            "  CPU, 4 KiB: Node peer's / ours",
            "×",
            times_node(cpu_small),
            AtLeast(10.0),
        ),
        GoalLine::new("CPU, new, 200 KiB", "ms", ours(cpu_large), AtMost(0.7)),
        GoalLine::new(
            "  CPU, 200 KiB: Node peer's / ours",
            "×",
            times_node(cpu_large),
            AtLeast(15.0),
        ),
        GoalLine::new(
            "CPU, forged, 4 KiB",
            "ms",
            ours(|receiver| receiver.work.get(FORGED).map(|warm| warm.cpu_ms)),
            AtMost(0.06),
        ),
        GoalLine::new(
            "peak memory, receiver, 4 KiB",
            "MiB",
            ours(|receiver| receiver.work.get(NEW).map(|warm| warm.peak_mib)),
            AtMost(12.0),
        ),
        GoalLine::new(
            "zip, receiver",
            "MB",
            ours(|receiver| Some(receiver.zip_mb)),
            AtMost(3.6),
        ),
        GoalLine::new("calls for a new delivery", "", ours(call_count), AtMost(2.0)),
        // Other programs measure these.
        GoalLine::new(HMAC, "%", None, AtLeast(90.0)),
    ]
}
