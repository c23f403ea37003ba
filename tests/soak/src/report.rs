//! Result of a run, and its report.

use std::{collections::BTreeSet, time::Duration};

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::{
    event_accounts::EventFindings,
    outbound::{OutboundPlan, accounts::OutboundFindings},
    run::Plan,
};

/// Maximum lines per kind of failure.
const SHOWN: usize = 12;

/// Findings in the accounts.
#[derive(Debug, Default)]
pub struct Findings {
    pub lost: Vec<String>,
    pub regressed: Vec<String>,
    /// Excess and shortfall of the counters.
    pub doubled: u64,
    pub uncounted: u64,
    /// Accounts of events.
    pub events: EventFindings,
    /// Other violations.
    pub other: Vec<String>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// Result of a run.
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
    pub late: u64,
    pub p99: Duration,
    pub slowest: Duration,
    pub drained_in: Duration,
    pub elapsed: Duration,
    pub findings: Findings,
    pub coverage: Table,
}

impl Report {
    /// Returns true if nothing is wrong.
    pub fn passed(&self) -> bool {
        let Findings {
            lost,
            regressed,
            doubled,
            events,
            other,
            uncounted: _,
            notes: _,
        } = &self.findings;
        let in_time = self.late == 0 || !self.plan.late_fails;
        lost.is_empty() && regressed.is_empty() && *doubled == 0 && events.passed() && other.is_empty() && in_time
    }

    /// Prints the remarks on a run, and everything that went wrong in it.
    pub fn explain(&self) {
        if self.kills > 0 {
            eprintln!("{}", self.coverage);
        }
        for note in &self.findings.notes {
            eprintln!("· {}: {note}", self.plan.name);
        }
        let of_events = self.findings.events.all();
        let of_events = of_events.map(|(label, lines)| (label, lines.iter().collect()));
        let others = [
            ("lost", distinct(&self.findings.lost)),
            ("regressed", distinct(&self.findings.regressed)),
            ("wrong", distinct(&self.findings.other)),
        ];
        for (label, lines) in others.into_iter().chain(of_events) {
            explain(label, &lines);
        }
    }
}

fn explain(label: &str, lines: &BTreeSet<&String>) {
    for line in lines.iter().take(SHOWN) {
        eprintln!("✗ {label}: {line}");
    }
    if lines.len() > SHOWN {
        eprintln!("✗ {label}: and {} more", lines.len() - SHOWN);
    }
}

/// Result of a run of outbound webhooks.
pub struct OutboundReport {
    pub plan: OutboundPlan,
    pub kills: u64,
    pub faults: u64,
    /// Number of faults of each kind.
    pub summary: String,
    pub coverage: Table,
    /// Dead letters of the fan-out queue, which were redriven, and dead wake-ups.
    pub dead_letters: (usize, usize),
    /// Time after which no message waited, or which was the longest.
    pub drained: Duration,
    pub elapsed: Duration,
    pub findings: OutboundFindings,
}

impl OutboundReport {
    /// Returns true if nothing is wrong.
    pub fn passed(&self) -> bool {
        self.findings.passed()
    }

    /// Prints the remarks on a run, and everything that went wrong in it.
    pub fn explain(&self) {
        if self.kills > 0 {
            eprintln!("{}", self.coverage);
        }
        let (name, (events, wake_ups)) = (&self.plan.name, self.dead_letters);
        eprintln!("· {name}: {events} dead letters of events, {wake_ups} of wake-ups");
        if self.faults > 0 {
            eprintln!("· {name}: {}", self.summary);
        }
        for (label, lines) in self.findings.all() {
            explain(label, &lines.iter().collect());
        }
    }
}

/// One row for each run of outbound webhooks.
pub fn outbound_table(reports: &[OutboundReport]) -> Table {
    let mut table = with_columns(&[
        "run",
        "messages",
        "taken",
        "other fates",
        "requests",
        "kills",
        "faults",
        "lost",
        "repeats",
        "after lost answers",
        "in flight at kills",
        "in flight at failures",
        "beyond these",
        "out of order",
        "uninvited",
        "not ours",
        "drained after (s)",
        "took (s)",
        "",
    ]);
    for report in reports {
        let (findings, counts) = (&report.findings, report.findings.counts);
        table.add_row([
            report.plan.name.clone(),
            counts.messages.to_string(),
            counts.taken.to_string(),
            counts.settled.to_string(),
            counts.requests.to_string(),
            report.kills.to_string(),
            report.faults.to_string(),
            findings.lost.len().to_string(),
            counts.repeats.to_string(),
            counts.after_lost_answers.to_string(),
            counts.in_flight_at_kills.to_string(),
            counts.in_flight_at_failures.to_string(),
            findings.repeated.len().to_string(),
            findings.disordered.len().to_string(),
            findings.uninvited.len().to_string(),
            findings.strange.len().to_string(),
            format!("{:.0}", report.drained.as_secs_f64()),
            format!("{:.0}", report.elapsed.as_secs_f64()),
            if report.passed() { "ok" } else { "FAILED" }.to_owned(),
        ]);
    }
    table
}

/// Table with these columns, all but the first of numbers.
fn with_columns(names: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(names);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Merges findings that occur both before and after the redrive of dead letters.
fn distinct(lines: &[String]) -> BTreeSet<&String> {
    lines.iter().collect()
}

/// One row for each run.
pub fn table(reports: &[Report]) -> Table {
    let mut table = with_columns(&[
        "run",
        "deliveries",
        "sent",
        "duplicates",
        "kills",
        "faults",
        "lost",
        "doubled",
        "regressed",
        "late",
        "p99 / longest response (s)",
        "given up",
        "dead letters",
        "uncounted",
        "drained after (s)",
        "took (s)",
        "",
    ]);
    for report in reports {
        table.add_row([
            report.plan.name.clone(),
            report.deliveries.to_string(),
            report.attempts.to_string(),
            report.duplicates.to_string(),
            report.kills.to_string(),
            report.faults.to_string(),
            distinct(&report.findings.lost).len().to_string(),
            report.findings.doubled.to_string(),
            distinct(&report.findings.regressed).len().to_string(),
            report.late.to_string(),
            format!("{:.2} / {:.2}", report.p99.as_secs_f64(), report.slowest.as_secs_f64()),
            report.given_up.to_string(),
            report.dead_letters.to_string(),
            report.findings.uncounted.to_string(),
            format!("{:.1}", report.drained_in.as_secs_f64()),
            format!("{:.0}", report.elapsed.as_secs_f64()),
            if report.passed() { "ok" } else { "FAILED" }.to_owned(),
        ]);
    }
    table
}

/// One row for each run: its events.
pub fn event_table(reports: &[Report]) -> Table {
    let mut table = with_columns(&[
        "run",
        "events",
        "sent again",
        "posted again",
        "lost",
        "with two ids",
        "before their document",
        "out of published order",
        "nobody listens to",
    ]);
    for report in reports {
        let events = &report.findings.events;
        let counts = events.counts;
        let mut row = vec![
            report.plan.name.clone(),
            counts.events.to_string(),
            counts.sent_again.to_string(),
            counts.posted_again.to_string(),
        ];
        row.extend(events.all().iter().map(|(_, lines)| lines.len().to_string()));
        table.add_row(row);
    }
    table
}
