//! `hookline cost`: estimates the cost of webhooks on AWS per stage, from measured calls and times and a dated price
//! table, beside the published prices of hosted gateways. Makes no request.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use anyhow::Result;
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use hookline_cost::{BillLine, Load, Measured, Stage, prices};
use rust_decimal::{Decimal, dec};
use serde_json::json;

use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  hookline cost --events 1e6 --size 4k
  hookline cost --events 5e7 --variants 40 --batch 3 --architecture arm64
  hookline cost --events 1e6 --size 4k --batch 10 --published 1e6 --bus
  hookline cost --events 1e6 --variants 25 --batch 10 --published 1e6 --outbound 3
  hookline cost --events 1e6 --size 4k --measured target/bench.json --json";

/// Arguments of `hookline cost`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CostArgs {
    /// Number of webhooks, without duplicates, as in 1e6.
    #[arg(long, value_name = "N", default_value = "1e6")]
    events: Count,
    /// Size of each body in bytes, as in 900, 4k or 1m. By default computed from --variants.
    #[arg(long, value_name = "BYTES")]
    size: Option<Bytes>,
    /// Variants per product. Above 100, the rest is fetched from the store.
    #[arg(long, value_name = "N", default_value_t = 2)]
    variants: u32,
    /// Messages per batch of the consumer: 10 in a burst, 1 when little happens.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=10))]
    batch: u8,
    /// Duration of a call to AWS, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 4)]
    call_ms: u32,
    /// Browsers that have the panel open all the time.
    #[arg(long, value_name = "N", default_value_t = 0)]
    watchers: u32,
    /// Events published for listeners: about one for each webhook of a store that somebody listens to.
    #[arg(long, value_name = "N")]
    published: Option<Count>,
    /// The stack has an event bus (`EventBusArn`), which gets each published event.
    #[arg(long)]
    bus: bool,
    /// Endpoints that each published event is sent to as a webhook.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "published")]
    outbound: u32,
    /// Time in which an endpoint answers, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    answer_ms: u32,
    /// Processor architecture of the functions.
    #[arg(long, value_enum, default_value_t = Architecture::X86_64)]
    architecture: Architecture,
    /// Measurements that `make bench` wrote, instead of those built in.
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
}

/// Processor architecture, as in template.yaml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Architecture {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "arm64")]
    Arm64,
}

/// Number of events, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count(Decimal);

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        match read {
            Ok(count) if count.fract().is_zero() && (dec!(1)..=dec!(1e12)).contains(&count) => Ok(Self(count)),
            _ => Err("not a whole number from 1 to 1e12, as in 250000 or 1e6"),
        }
    }
}

/// Size of a body, up to the limit of a Lambda invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bytes(Decimal);

impl FromStr for Bytes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = match text.trim_end_matches(['k', 'K', 'm', 'M']) {
            number if number.len() + 1 < text.len() => (text, 1),
            number if text.ends_with(['k', 'K']) => (number, 1024),
            number if text.ends_with(['m', 'M']) => (number, 1024 * 1024),
            number => (number, 1),
        };
        let bytes = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
        match bytes {
            Some(bytes @ 1..=6_291_456) => Ok(Self(bytes.into())),
            _ => Err("not a size from 1 to 6m, as in 900, 4k or 1m"),
        }
    }
}

/// Bytes of a product without its variants, and of each variant, in the sample in events/shopify.
const PRODUCT_BYTES: Decimal = dec!(2_500);
const VARIANT_BYTES: Decimal = dec!(553);

impl CostArgs {
    fn load(&self) -> Load {
        let variants = Decimal::from(self.variants);
        let of_variants = PRODUCT_BYTES + variants.min(dec!(100)) * VARIANT_BYTES;
        Load {
            events: self.events.0,
            size: self.size.map_or(of_variants, |size| size.0),
            variants,
            batch: self.batch.into(),
            call_ms: self.call_ms.into(),
            memory: match self.architecture {
                Architecture::X86_64 => prices::LAMBDA_X86_64,
                Architecture::Arm64 => prices::LAMBDA_ARM64,
            },
            watchers: self.watchers.into(),
            published: self.published.map_or(Decimal::ZERO, |count| count.0),
            has_bus: self.bus,
            endpoints: self.outbound.into(),
            answer_ms: self.answer_ms.into(),
        }
    }
}

/// Prints the bill.
pub fn run(out: &Output, args: &CostArgs) -> Result<bool> {
    let measured = match &args.measured {
        Some(path) => Measured::read(path)?,
        None => Measured::latest()?,
    };
    let load = args.load();
    let lines = hookline_cost::lines(&load, &measured);
    if out.json {
        out.object(&as_json(&load, &measured, &lines))?;
    } else {
        out.text(&as_text(&load, &measured, &lines))?;
    }
    Ok(true)
}

fn as_json(load: &Load, measured: &Measured, lines: &[BillLine]) -> serde_json::Value {
    let (delivery_path, all) = (
        hookline_cost::total(lines, hookline_cost::is_delivery_path),
        hookline_cost::total(lines, |_| true),
    );
    let published = hookline_cost::total(lines, |stage| stage == Stage::Publishing);
    let published = (!load.published.is_zero()).then(|| per_million(published, load.published));
    let outbound = outbound(load, measured);
    let rounded = lines.iter().map(|line| BillLine {
        quantity: line.quantity.round_dp(2).normalize(),
        usd: line.usd.round_dp(6).normalize(),
        ..line.clone()
    });
    json!({
        "events": load.events, "published": load.published, "endpoints": load.endpoints, "size": load.size, "batch": load.batch, "measured": measured.date,
        "prices": prices::DATE, "region": "us-east-1", "lines": rounded.collect::<Vec<_>>(),
        "usd": {"receive_to_index": money(delivery_path), "all": money(all)},
        "usd_per_million": {
            "receive_to_index": money(per_million(delivery_path, load.events)),
            "all": money(per_million(all, load.events)),
            "published": published.map(money),
            "first_endpoint": outbound.map(|(first, _)| money(first)),
            "further_endpoint": outbound.map(|(_, further)| money(further)),
        },
        "fixed_a_month": hookline_cost::fixed(),
        "hosted": hookline_cost::offers(load.events),
    })
}

fn as_text(load: &Load, measured: &Measured, lines: &[BillLine]) -> String {
    let delivery_path = hookline_cost::total(lines, hookline_cost::is_delivery_path);
    let mut stages = BTreeMap::<Stage, Vec<&BillLine>>::new();
    for line in lines {
        stages.entry(line.stage).or_default().push(line);
    }
    let mut table = table(&["stage", "of what", "$", "$ per million"]);
    let mut add = |name: &str, services: &str, usd, count| {
        table.add_row([name, services, &money(usd), &money(per_million(usd, count))]);
    };
    let mut on_path = true;
    for (stage, lines) in stages {
        if on_path && !hookline_cost::is_delivery_path(stage) {
            on_path = false;
            add("", "from sender to index", delivery_path, load.events);
        }
        let services: Vec<_> = lines
            .iter()
            .map(|line| format!("{} {}", quantity(line.quantity), line.unit))
            .collect();
        add(
            stage.name(),
            &services.join(", "),
            lines.iter().map(|line| line.usd).sum(),
            if is_publishing(stage) {
                load.published
            } else {
                load.events
            },
        );
    }
    add("", "all", hookline_cost::total(lines, |_| true), load.events);
    if let Some((first, further)) = outbound(load, measured) {
        let millions = load.published / dec!(1_000_000);
        for (name, usd) in [
            ("published and sent to the first endpoint", first),
            ("sent to each further endpoint", further),
        ] {
            add("", name, usd * millions, load.published);
        }
    }
    let mut monthly = self::table(&["fixed, at any load", "", "$ a month"]);
    for fixed in hookline_cost::fixed() {
        let range = if fixed.from == fixed.to {
            money(fixed.from)
        } else {
            format!("{} to {}", money(fixed.from), money(fixed.to))
        };
        monthly.add_row([fixed.name, "", &range]);
    }
    let mut hosted = self::table(&["hosted, for as many a month", "", "$"]);
    for offer in hookline_cost::offers(load.events) {
        let sign = if offer.more.starts_with("and") || offer.more.starts_with("its largest") {
            "≥ "
        } else {
            ""
        };
        hosted.add_row([
            format!("{} ({})", offer.name, offer.date),
            offer.more.to_owned(),
            format!("{sign}{}", money(offer.usd)),
        ]);
    }
    format!(
        "{} events of {} bytes, {} per batch\n\n{}\n\n{}\n\n{}\n\nList prices of us-east-1 on {}, without free tiers, data transfer \
         and storage; most are second-hand, with sources in --json.\nCalls and times measured on {}; \
         platform logs, the panel's pushes and the \
         processor time of events for listeners are assumed, not measured. Prices per million of their stages are of published events, \
         of which each is sent to all endpoints.\nHosted gateways receive, queue and \
         deliver; they keep no index. Their prices are transcripts of their pages.",
        quantity(load.events),
        load.size,
        load.batch,
        table.trim_fmt(),
        monthly.trim_fmt(),
        hosted.trim_fmt(),
        prices::DATE,
        measured.date,
    )
}

/// Returns true for a stage whose price is that of a million published events, not of a million webhooks.
fn is_publishing(stage: Stage) -> bool {
    matches!(stage, Stage::Publishing | Stage::EventBus | Stage::Egress) || hookline_cost::is_outbound(stage)
}

/// Dollars for a million messages to the first endpoint, with publishing the events, and to each further one; `None` without
/// endpoints. Without traffic to the internet, logs and traces.
fn outbound(load: &Load, measured: &Measured) -> Option<(Decimal, Decimal)> {
    let to = |endpoints| {
        let lines = hookline_cost::lines(
            &Load {
                endpoints,
                ..load.clone()
            },
            measured,
        );
        let sent = hookline_cost::total(&lines, |stage| {
            hookline_cost::is_outbound(stage) || stage == Stage::Publishing
        });
        per_million(sent, load.published)
    };
    let (one, most) = (Decimal::ONE, load.endpoints.max(dec!(2)));
    (!load.endpoints.is_zero()).then(|| (to(one), (to(most) - to(one)) / (most - one)))
}

fn per_million(usd: Decimal, count: Decimal) -> Decimal {
    usd * dec!(1_000_000) / count
}

/// Dollars to the cent; below one dollar, to a hundredth of a cent.
fn money(usd: Decimal) -> String {
    if usd.abs() < Decimal::ONE && !usd.is_zero() {
        format!("{:.4}", usd.round_dp(4))
    } else {
        format!("{:.2}", usd.round_dp(2))
    }
}

/// Whole number with thousands separators.
fn quantity(number: Decimal) -> String {
    let digits = number.round_dp(0).to_string();
    let mut separated = String::with_capacity(digits.len() * 4 / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            separated.push(',');
        }
        separated.push(digit);
    }
    separated
}

fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headers);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_are_parsed_in_human_notation() {
        assert_eq!("1e6".parse(), Ok(Count(dec!(1_000_000))));
        assert_eq!("250000".parse(), Ok(Count(dec!(250_000))));
        assert_eq!("2.5e6".parse(), Ok(Count(dec!(2_500_000))));
        for wrong in ["0", "-1", "1e13", "many", "0.5", "1e-3"] {
            assert!(wrong.parse::<Count>().is_err(), "{wrong}");
        }
        assert_eq!("4k".parse(), Ok(Bytes(dec!(4_096))));
        assert_eq!("900".parse(), Ok(Bytes(dec!(900))));
        assert_eq!("1M".parse(), Ok(Bytes(dec!(1_048_576))));
        for wrong in ["0", "7m", "4kk", "4g", "k", "-4k", "99999999m"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_printed_with_significant_digits() {
        assert_eq!(
            [money(dec!(4.126)), money(dec!(0.03625)), money(dec!(0))],
            ["4.13", "0.0362", "0.00"]
        );
        assert_eq!(
            [quantity(dec!(1_100_000)), quantity(dec!(999.6))],
            ["1,100,000", "1,000"]
        );
    }
}
